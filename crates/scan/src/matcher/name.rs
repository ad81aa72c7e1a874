//! Where a name begins and ends in a line, and which users bear it.

use std::ops::Range;

use encoding_rs::WINDOWS_1252;
use verify::identity::Key;

use super::filter::{Domain, is_plain};
use super::{Anchor, AnchorKind, Matcher, Scratch};
use crate::candidate::unescape;

/// The longest local part that is looked at, in bytes: 64 characters of up to four, or of an escape.
const LONGEST_LOCAL: usize = 256;

/// The longest name without a domain.
const LONGEST_BARE: usize = 64;

/// How many fields of a line are looked at as names without a domain.
const MOST_FIELDS: usize = 24;

/// Finds the name at an anchor; its users are in `scratch.hits`, its key in `scratch.key`.
///
/// Several beginnings are tried, for characters that divide fields in one list are part of a name in another.
pub(super) fn resolve(
    matcher: &Matcher<'_>,
    text: &[u8],
    line: &Range<usize>,
    anchor: Anchor,
    scratch: &mut Scratch,
) -> Option<Range<usize>> {
    match anchor.kind {
        AnchorKind::Address => address(matcher, text, line, anchor, scratch),
        AnchorKind::Qualified => qualified(matcher, text, line, anchor, scratch),
        AnchorKind::Bare => {
            let field = anchor.start..anchor.end;
            look_up(matcher, &[&text[field.clone()]], scratch).then_some(field)
        }
    }
}

fn address(
    matcher: &Matcher<'_>,
    text: &[u8],
    line: &Range<usize>,
    anchor: Anchor,
    scratch: &mut Scratch,
) -> Option<Range<usize>> {
    let filter = &matcher.filter;
    let (domain, end) = filter.domain(text, anchor.end)?;
    let end = end.min(line.end);
    // A mark of UTF-8 is no part of a name, though its bytes are none that end one.
    let mark = if text[line.clone()].starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let floor = (line.start + mark).min(anchor.start).max(anchor.start.saturating_sub(LONGEST_LOCAL));
    let run = plain_run(text, floor, anchor.start);
    if is_part_of_url(text, run, end, line) {
        return None;
    }
    let odd_before = run > floor && {
        let byte = text[run - 1];
        matches!(byte, b'%' | b';' | b'&' | b'\\') || byte.is_ascii() && filter.odd[usize::from(byte)]
    };
    let plausible = domain == Domain::Perhaps || odd_before || filter.may_be_local(&text[run..anchor.start]);
    if !plausible {
        if domain == Domain::Own {
            // For the caller, which counts unknown accounts by the key.
            matcher.normaliser.normalise_into("x@", &mut scratch.key);
            let _known = look_up(matcher, &[&text[run..anchor.start], b"@", &text[anchor.end..end]], scratch);
            scratch.unknown = (run < anchor.start).then_some(run..end);
        }
        return None;
    }
    let domain = &text[anchor.end..end];
    let mut starts = Starts::new(text, floor, run, anchor.start);
    while let Some(start) = starts.next(odd_before) {
        let local = &text[start..anchor.start];
        if local.is_empty() {
            continue;
        }
        if look_up(matcher, &[local, b"@", domain], scratch) {
            return Some(start..end);
        }
        let is_escaped = memchr::memchr2(b'%', b'&', local).is_some();
        if is_escaped || is_quoted(local) {
            let mut decoded = std::mem::take(&mut scratch.bytes);
            decoded.clear();
            if is_escaped {
                unescape(local, &mut decoded);
            } else {
                unquote(local, &mut decoded);
            }
            let known = look_up(matcher, &[&decoded, b"@", domain], scratch);
            scratch.bytes = decoded;
            if known {
                return Some(start..end);
            }
        }
    }
    let _known = look_up(matcher, &[&text[run..anchor.start], b"@", domain], scratch);
    scratch.unknown = (run < anchor.start).then_some(run..end);
    None
}

/// Whether a local part holds an apostrophe as a database writes it inside a text: `''` or `\'`.
fn is_quoted(local: &[u8]) -> bool {
    memchr::memchr(b'\'', local)
        .is_some_and(|place| place > 0 && local[place - 1] == b'\\' || local.get(place + 1) == Some(&b'\''))
}

/// The local part with one apostrophe for each of these.
fn unquote(local: &[u8], decoded: &mut Vec<u8>) {
    let mut bytes = local.iter().peekable();
    while let Some(byte) = bytes.next() {
        decoded.push(if matches!((byte, bytes.peek()), (b'\'' | b'\\', Some(b'\''))) {
            bytes.next();
            b'\''
        } else {
            *byte
        });
    }
}

/// The beginnings that a local part may have.
struct Starts<'a> {
    text: &'a [u8],
    floor: usize,
    run: usize,
    at: usize,
    state: u8,
    last: usize,
}

impl<'a> Starts<'a> {
    fn new(text: &'a [u8], floor: usize, run: usize, at: usize) -> Self {
        Self { text, floor, run, at, state: 0, last: run }
    }

    fn next(&mut self, odd_before: bool) -> Option<usize> {
        loop {
            self.state += 1;
            match self.state {
                1 => return Some(self.run),
                // Behind a mark or a bullet that is no ASCII, as U+FEFF.
                2 => {
                    let high = self.text[self.run..self.at].iter().rposition(|byte| !byte.is_ascii());
                    if let Some(high) = high {
                        return Some(self.run + high + 1);
                    }
                }
                // Behind punctuation that clings to the name.
                3 => {
                    let marks = |byte: &&u8| matches!(**byte, b'.' | b'_' | b'-' | b'+');
                    let clinging = self.text[self.run..self.at].iter().take_while(marks).count();
                    if clinging > 0 {
                        return Some(self.run + clinging);
                    }
                }
                // Further to the left, over characters that seldom are part of a name.
                4..=8 if odd_before && self.last > self.floor => {
                    let odd = self.text[self.last - 1];
                    if matches!(odd, b' ' | b'\t' | b':' | b'"' | b'<' | b'>' | b',' | b'(' | b')') {
                        return None;
                    }
                    self.last = plain_run(self.text, self.floor, self.last - 1);
                    return Some(self.last);
                }
                _ => return None,
            }
        }
    }
}

/// Where the run of plain characters begins that ends here.
fn plain_run(text: &[u8], floor: usize, end: usize) -> usize {
    let length = text[floor..end].iter().rev().take_while(|byte| is_plain(**byte)).count();
    end - length
}

/// Whether an address is the user and the host of a URL: `https://jane@contoso.test/path`.
fn is_part_of_url(text: &[u8], start: usize, end: usize, line: &Range<usize>) -> bool {
    if !text[line.start..start].ends_with(b"://") {
        return false;
    }
    match &text[end..line.end] {
        [b'/' | b'?' | b'#', ..] => true,
        [b':', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (1..=5).contains(&digits) && rest.get(digits) == Some(&b'/')
        }
        _ => false,
    }
}

/// Whether a `\` stands between what may be a domain and a name.
pub(super) fn is_qualified(text: &[u8], start: usize, end: usize) -> bool {
    let is_name = |byte: &u8| is_plain(*byte) || *byte == b'$';
    start > 0 && is_name(&text[start - 1]) && text.get(end).is_some_and(is_name)
}

fn qualified(
    matcher: &Matcher<'_>,
    text: &[u8],
    line: &Range<usize>,
    anchor: Anchor,
    scratch: &mut Scratch,
) -> Option<Range<usize>> {
    let floor = line.start.max(anchor.start.saturating_sub(LONGEST_LOCAL));
    let start = plain_run(text, floor, anchor.start);
    let rest = &text[anchor.end..line.end];
    let length = rest.iter().take(LONGEST_LOCAL).take_while(|byte| is_plain(**byte) || **byte == b'$').count();
    let end = anchor.end + length;
    // A BOM clings to the first domain of a file.
    let domain = text[start..anchor.start].strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text[start..anchor.start]);
    look_up(matcher, &[domain, b"\\", &text[anchor.end..end]], scratch).then_some(anchor.start - domain.len()..end)
}

/// Whether a field ends in what stands before a line's first `@`.
///
/// A line whose first field is an address, of another domain, names its user by that.
pub(super) fn is_behind_field(before: &[u8]) -> bool {
    before.iter().any(|byte| DIVIDES[usize::from(*byte)])
}

/// Gives the fields of a line that may be names without a domain.
pub(super) fn fields(text: &[u8], line: &Range<usize>, mut take: impl FnMut(Range<usize>)) {
    let mut start = line.start;
    let mut rest = &text[line.clone()];
    if let Some(bare) = rest.strip_prefix(b"\xEF\xBB\xBF") {
        (start, rest) = (start + 3, bare);
    }
    for _ in 0..MOST_FIELDS {
        let length = rest.iter().position(|byte| DIVIDES[usize::from(*byte)]).unwrap_or(rest.len());
        if (1..=LONGEST_BARE).contains(&length) {
            take(start..start + length);
        }
        if length == rest.len() {
            return;
        }
        rest = &rest[length + 1..];
        start += length + 1;
    }
}

/// What ends a name without a domain.
const DIVIDES: [bool; 256] = {
    let bytes = b":;|,\t \"'()=<>/";
    let mut table = [false; 256];
    let mut place = 0;
    while place < bytes.len() {
        table[bytes[place] as usize] = true;
        place += 1;
    }
    table
};

/// Puts the pieces together into a name, brings it into its one spelling, and looks that up.
fn look_up(matcher: &Matcher<'_>, pieces: &[&[u8]], scratch: &mut Scratch) -> bool {
    scratch.spelling.clear();
    for piece in pieces {
        match str::from_utf8(piece) {
            Ok(text) => scratch.spelling.push_str(text),
            Err(_) => scratch.spelling.push_str(&WINDOWS_1252.decode_without_bom_handling(piece).0),
        }
    }
    matcher.normaliser.normalise_into(&scratch.spelling, &mut scratch.key);
    scratch.hits.clear();
    scratch.hits.extend(matcher.index.lookup(scratch.key.text().as_bytes()));
    scratch.hits.dedup_by_key(|hit| hit.user); // a user who has the name in several attributes is found once
    !scratch.hits.is_empty()
}

/// Tells whether a key that no user bears is in a domain of the organisation.
pub(super) fn is_own(matcher: &Matcher<'_>, key: &Key) -> bool {
    key.text().rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && matcher.filter.is_own(domain))
}
