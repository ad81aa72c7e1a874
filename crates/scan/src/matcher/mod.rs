//! Finds the names of a directory in a text.

mod filter;
mod name;
mod plain;
mod starts;

use std::ops::Range;

use verify::identity::{Hit, IdentityIndex, Key, Normaliser};

use crate::candidate::{self, Candidates, Nothing, Place, Shape};
use crate::chunk::{self, Chunk, End, LONGEST_LINE, Start};
use crate::counters::{Counters, Outcome};
use crate::layout::Layout;
use crate::mask::{self, BLOCK, STRIP};
use fearless_simd::Level;
use filter::Filter;
use plain::{Lines, Open};

/// A name in a text, and what may be its password.
#[derive(Clone, Copy)]
pub struct Occurrence<'a> {
    /// The key, and how the text's name became it.
    pub name: &'a Key,
    /// What may be the password; empty where nothing stands beside the name.
    pub candidates: &'a Candidates,
    /// How the text is laid out around it.
    pub shape: Shape,
    /// The number of the line that the name stands in, of those that begin in its chunk, from 1; 0 for a line that
    /// begins in a chunk before.
    pub line: u64,
    /// Where the name begins, in bytes of the text.
    pub offset: u64,
    /// The host of the site that the pair was used at, where the text says it.
    pub context: Option<&'a [u8]>,
}

/// A name that a user bears.
pub struct Found<'a> {
    /// The user, and how the directory's name became the key.
    pub hit: Hit,
    /// Where the text has it, and what stands beside it.
    pub occurrence: Occurrence<'a>,
}

impl<'a> Occurrence<'a> {
    fn new((name, candidates): (&'a Key, &'a Candidates), shape: Shape, (line, offset): (u64, u64)) -> Self {
        let context = Some(candidates.host()).filter(|host| !host.is_empty());
        Self { name, candidates, shape, line, offset, context }
    }
}

/// Takes what is found.
pub trait Sink {
    /// Takes one finding; what it borrows is wiped afterwards.
    fn found(&mut self, found: Found<'_>);

    /// Whether [`unknown`](Self::unknown) is to be called.
    fn wants_unknown(&self) -> bool {
        false
    }

    /// Takes an address in a domain of the organisation that no user bears.
    fn unknown(&mut self, _unknown: Occurrence<'_>) {}
}

impl<F: FnMut(Found<'_>)> Sink for F {
    fn found(&mut self, found: Found<'_>) {
        self(found);
    }
}

/// What a thread needs for scanning, used again for every chunk.
#[derive(Default)]
pub struct Scratch {
    anchors: Vec<Anchor>,
    key: Key,
    spelling: String,
    bytes: Vec<u8>,
    hits: Vec<Hit>,
    candidates: Candidates,
    /// Where the address stands that nobody bears, if it is in a domain of the organisation.
    unknown: Option<Range<usize>>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.bytes.zeroize();
        self.spelling.zeroize();
    }
}

/// A place in a text at which a name may stand.
#[derive(Clone, Copy)]
struct Anchor {
    kind: AnchorKind,
    /// Where the `@` or what stands for it begins and ends.
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AnchorKind {
    /// An `@` before a known domain.
    Address,
    /// The `\` of `DOMAIN\name`.
    Qualified,
    /// A field that may be a name alone.
    Bare,
}

/// Looks for the names of one directory; built once, then used by any number of threads.
pub struct Matcher<'a> {
    index: &'a IdentityIndex,
    normaliser: &'a Normaliser,
    filter: Filter,
    /// The instructions that this processor has.
    level: Level,
}

impl<'a> Matcher<'a> {
    /// Prepares to look for every name of the index. `own_domains` are domains of the organisation beyond those
    /// of its names; addresses in them that no user bears are counted.
    pub fn new(index: &'a IdentityIndex, normaliser: &'a Normaliser, own_domains: &[&str]) -> Self {
        Self { index, normaliser, filter: Filter::new(index, normaliser, own_domains), level: Level::new() }
    }

    /// Scans a chunk: gives what it finds to the sink, in the order of the text, and counts every line that
    /// begins in the chunk.
    pub fn chunk(&self, chunk: &Chunk, scratch: &mut Scratch, counters: &mut Counters, sink: &mut dyn Sink) {
        let (text, own) = chunk.with_context();
        let offset = chunk.offset() - own.start as u64;
        let (line, layout) = (chunk.first_line(), chunk.layout());
        let mut pass = Pass { matcher: self, text, layout, offset, line, scratch, counters, sink };
        let mut rest = own;
        if chunk.start != Start::Line {
            let length = memchr::memchr(b'\n', &text[rest.clone()]).map_or(rest.len(), |end| end + 1);
            pass.records(rest.start..rest.start + length, chunk.start == Start::Skipped);
            pass.line += u64::from(length < rest.len() || text[rest.start + length - 1] == b'\n');
            rest.start += length;
        }
        pass.lines(rest, chunk.end);
    }
}

/// One thread's way through one chunk.
struct Pass<'p, 'a> {
    matcher: &'p Matcher<'a>,
    text: &'p [u8],
    layout: &'p Layout,
    /// What to add to a place in `text` for its place in the whole.
    offset: u64,
    line: u64,
    scratch: &'p mut Scratch,
    counters: &'p mut Counters,
    sink: &'p mut dyn Sink,
}

impl Pass<'_, '_> {
    /// Scans lines, the last of which may go on behind the range.
    ///
    /// This is the loop that sees every line. Strips in which no line has to be looked at are counted; in the others it
    /// looks at each `@` and leaves all else to [`Self::end_of_line`], which few lines reach.
    fn lines(&mut self, range: Range<usize>, end: End) {
        let text = self.text;
        let starts = &self.matcher.filter.starts;
        let names = self.matcher.filter.has_bare();
        let mut open = Open { start: range.start, first_at: None };
        let mut anchored = false;
        let mut lines = Lines::default();
        self.scratch.anchors.clear();
        let first_line = self.line;
        // Those that are looked at by [`Self::end_of_line`].
        let mut others = 0;
        let mut at = range.start;
        while at < range.end {
            if !names && !anchored {
                at = plain::skip(self.matcher.level, text, at..range.end, starts, &mut open, &mut lines);
            }
            let strip = at..range.end.min(at + STRIP);
            for stops in mask::stops_of_strip(self.matcher.level, &text[strip.clone()]) {
                for place in places(stops, at) {
                    match text[place] {
                        b'@' => {
                            open.first_at = open.first_at.or(Some(place));
                            if starts.may_begin(text, place + 1) {
                                anchored |= self.address(place, place + 1);
                            }
                        }
                        b'\n' => {
                            let Open { start, first_at } = open;
                            let length = place - start;
                            let seen = !anchored && length > 1 && length <= LONGEST_LINE;
                            match first_at {
                                Some(at) if seen && !(names && name::is_behind_field(&text[start..at])) => {
                                    lines.foreign += 1;
                                }
                                None if seen && !names => lines.without += 1,
                                _ => {
                                    self.line = first_line + lines.foreign + lines.without + others;
                                    self.end_of_line(start..place, first_at);
                                    others += 1;
                                }
                            }
                            (open, anchored) = (Open { start: place + 1, first_at: None }, false);
                        }
                        _ => anchored |= self.escape(place),
                    }
                }
                at += BLOCK;
            }
            at = strip.end;
        }
        self.line = first_line + lines.foreign + lines.without + others;
        self.counters.count(Outcome::ForeignAddress, lines.foreign);
        self.counters.count(Outcome::NoAddress, lines.without);
        let Open { start, first_at } = open;
        if start < range.end {
            match end {
                End::Line => self.end_of_line(start..range.end, first_at),
                End::Records => self.long_line(start..range.end, true),
                End::Skipped => self.long_line(start..range.end, false),
            }
        }
    }

    /// Looks at an `@` that may stand before a known domain; tells whether it does.
    #[inline(never)]
    fn address(&mut self, start: usize, end: usize) -> bool {
        let known = self.matcher.filter.domain(self.text, end).is_some();
        if known {
            self.scratch.anchors.push(Anchor { kind: AnchorKind::Address, start, end });
        }
        known
    }

    /// Looks at a byte that may begin what stands for an `@`, or divide a domain from a name; tells whether it does.
    #[inline(never)]
    fn escape(&mut self, start: usize) -> bool {
        const AT: [&[u8]; 7] = [b"%40", b"\\u0040", b"&#64;", b"&#x40;", b"&commat;", b"\\x40", b"&#064;"];
        let rest = &self.text[start..];
        if let Some(escape) = AT.iter().find(|escape| rest.starts_with(escape)) {
            let end = start + escape.len();
            return self.matcher.filter.starts.may_begin(self.text, end) && self.address(start, end);
        }
        if rest[0] != b'\\' || !self.matcher.filter.qualified {
            return false;
        }
        // JSON and C write it twice.
        let end = start + if rest.starts_with(b"\\\\") { 2 } else { 1 };
        let second = start > 0 && self.text[start - 1] == b'\\';
        let qualified = !second && name::is_qualified(self.text, start, end);
        if qualified {
            self.scratch.anchors.push(Anchor { kind: AnchorKind::Qualified, start, end });
        }
        qualified
    }

    /// Says what becomes of a line and counts it.
    #[inline(never)]
    fn end_of_line(&mut self, mut line: Range<usize>, first_at: Option<usize>) {
        if line.len() > LONGEST_LINE {
            let records = chunk::is_records(&self.text[line.clone()]);
            return self.long_line(line, records);
        }
        if self.text[line.clone()].last() == Some(&b'\r') {
            line.end -= 1;
        }
        let nothing = match first_at {
            _ if line.is_empty() => Outcome::Blank,
            Some(_) => Outcome::ForeignAddress,
            None => Outcome::NoAddress,
        };
        let fields = first_at.is_none_or(|at| name::is_behind_field(&self.text[line.start..at]));
        let outcome = self.names(line, fields, false);
        self.counters.count(outcome.unwrap_or(nothing), 1);
    }

    /// Reads the line, or the record of a long one, at each anchor in it; if no known name is there, at names
    /// without a domain. Gives the best outcome.
    fn names(&mut self, line: Range<usize>, fields: bool, alone: bool) -> Option<Outcome> {
        let best = self.anchors(&line, alone);
        if fields && self.matcher.filter.has_bare() && best.is_none_or(|best| best > Outcome::NameOnly) {
            self.bare_names(&line);
            let bare = self.anchors(&line, alone);
            return [best, bare].into_iter().flatten().min();
        }
        best
    }

    fn anchors(&mut self, line: &Range<usize>, alone: bool) -> Option<Outcome> {
        let mut best = None;
        for index in 0..self.scratch.anchors.len() {
            let anchor = self.scratch.anchors[index];
            if anchor.end <= line.end {
                let outcome = self.anchor(line, anchor, alone);
                best = [best, outcome].into_iter().flatten().min();
            }
        }
        self.scratch.anchors.clear();
        best
    }

    /// Looks up the name at an anchor and gives out what stands beside it.
    fn anchor(&mut self, line: &Range<usize>, anchor: Anchor, alone: bool) -> Option<Outcome> {
        self.scratch.unknown = None;
        let Some(name) = name::resolve(self.matcher, self.text, line, anchor, self.scratch) else {
            let unknown = anchor.kind == AnchorKind::Address && name::is_own(self.matcher, &self.scratch.key);
            if unknown && self.sink.wants_unknown() {
                self.unknown(line, alone);
            }
            return unknown.then_some(Outcome::UnknownAccount);
        };
        let place = Place { text: self.text, line: line.clone(), name: name.clone(), alone, layout: self.layout };
        let Scratch { candidates, key, hits, .. } = &mut *self.scratch;
        let shape = candidate::collect(&place, candidates);
        let (line, offset) = (self.line, self.offset + name.start as u64);
        for hit in &*hits {
            let occurrence = Occurrence::new((key, candidates), shape, (line, offset));
            self.sink.found(Found { hit: *hit, occurrence });
        }
        let outcome = match (candidates.is_empty(), candidates.nothing()) {
            (false, _) if candidates.only_hashes() => Outcome::Hash,
            (false, _) => Outcome::Password,
            (true, Some(Nothing::Empty)) => Outcome::EmptyPassword,
            (true, Some(Nothing::Placeholder)) => Outcome::Placeholder,
            (true, Some(Nothing::Advert)) => Outcome::Advert,
            (true, Some(Nothing::TooLong)) => Outcome::PasswordTooLong,
            (true, None) => Outcome::NameOnly,
        };
        candidates.clear();
        Some(outcome)
    }

    /// Gives out what stands beside an address that nobody bears.
    fn unknown(&mut self, line: &Range<usize>, alone: bool) {
        let Some(name) = self.scratch.unknown.take() else { return };
        let place = Place { text: self.text, line: line.clone(), name: name.clone(), alone, layout: self.layout };
        let Scratch { candidates, key, .. } = &mut *self.scratch;
        let shape = candidate::collect(&place, candidates);
        let (line, offset) = (self.line, self.offset + name.start as u64);
        self.sink.unknown(Occurrence::new((key, candidates), shape, (line, offset)));
        candidates.clear();
    }

    /// Looks for names without a domain among the fields of a line.
    fn bare_names(&mut self, line: &Range<usize>) {
        let filter = &self.matcher.filter;
        let anchors = &mut self.scratch.anchors;
        name::fields(self.text, line, |field| {
            if filter.may_be_bare(&self.text[field.clone()]) {
                anchors.push(Anchor { kind: AnchorKind::Bare, start: field.start, end: field.end });
            }
        });
    }

    /// Reads a long line that begins here, or skips it, and counts it.
    fn long_line(&mut self, line: Range<usize>, records: bool) {
        self.scratch.anchors.clear();
        if records {
            self.records(line, false);
            self.counters.count(Outcome::Records, 1);
        } else {
            self.counters.count(Outcome::LineTooLong, 1);
        }
    }

    /// Reads records of a long line; `skip` says that the first is the rest of one that is too long.
    fn records(&mut self, range: Range<usize>, skip: bool) {
        let text = self.text;
        let mut start = range.start;
        let mut skip = skip;
        let ends = chunk::boundaries(&text[range.clone()]).map(|end| range.start + end).chain([range.end]);
        for end in ends {
            if !skip && end - start <= LONGEST_LINE {
                self.record(start..end);
            }
            skip = false;
            start = end;
        }
    }

    fn record(&mut self, record: Range<usize>) {
        self.scratch.anchors.clear();
        for at in record.clone().step_by(STRIP) {
            let strip = &self.text[at..record.end.min(at + STRIP)];
            for (block, stops) in mask::stops_of_strip(self.matcher.level, strip).into_iter().enumerate() {
                for place in places(stops, at + block * BLOCK) {
                    // What they tell is in the anchors.
                    let _anchored = match self.text[place] {
                        b'@' => {
                            self.matcher.filter.starts.may_begin(self.text, place + 1) && self.address(place, place + 1)
                        }
                        _ => self.escape(place),
                    };
                }
            }
        }
        let _outcome = self.names(record, true, true);
    }
}

/// The places that are set in a mask of the block at `at`.
fn places(mut mask: u64, at: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| at + mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        place
    })
}
