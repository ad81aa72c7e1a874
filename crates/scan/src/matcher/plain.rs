//! Strips of a text of whose lines nothing is to be said but that they name somebody else, or nobody: nearly all of most
//! material. They are counted without a look at each line.

use super::starts::{REACH, Starts};
use crate::chunk::LONGEST_LINE;
use crate::mask::{self, BLOCK, BLOCKS, STRIP};
use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};
use std::ops::Range;

/// A line whose end has not been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// Where it begins.
    pub(super) start: usize,
    /// Its first `@`, as far as it has been seen.
    pub(super) first_at: Option<usize>,
}

/// How many lines there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Lines with an `@`.
    pub(super) foreign: u64,
    /// Lines without.
    pub(super) without: u64,
}

/// Counts the lines of strips as long as none of them has to be looked at. Answers where that ends: at a strip with an
/// address that may be in a known domain, with what may stand for an `@`, with a line of one byte or none or one that may be
/// too long, or before the last bytes, which are no strip with what it reaches to.
pub(super) fn skip(
    level: Level,
    text: &[u8],
    range: Range<usize>,
    starts: &Starts,
    open: &mut Open,
    lines: &mut Lines,
) -> usize {
    let mut carry = Carry::of(open, range.start);
    let mut since = open.start; // no later than the line that is open begins
    let end = dispatch!(level, simd => {
        let mut at = range.start;
        while at + STRIP <= range.end
            && at + STRIP - since <= LONGEST_LINE
            && let Some((counted, behind)) = strip(simd, text, at, starts, carry)
        {
            if counted != Lines::default() {
                since = at;
            }
            lines.foreign += counted.foreign;
            lines.without += counted.without;
            carry = behind;
            at += STRIP;
        }
        at
    });
    *open = open_at(text, range.start..end, *open, carry);
    end
}

/// What the next strip has to know of the line that is open.
#[derive(Clone, Copy)]
struct Carry {
    /// Whether it has an `@`.
    is_named: bool,
    /// Where a line feed in the strip would end a line of one byte or none: a bit for each byte.
    short: u64,
}

impl Carry {
    fn of(open: &Open, at: usize) -> Self {
        let short = match at - open.start {
            0 => 0b11,
            1 => 0b01,
            _ => 0,
        };
        Self { is_named: open.first_at.is_some(), short }
    }
}

/// Counts the lines that end in the strip at a place of the text; `None` where one has to be looked at.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled with the instructions that the caller may use")]
fn strip<S: Simd>(simd: S, text: &[u8], at: usize, starts: &Starts, carry: Carry) -> Option<(Lines, Carry)> {
    let strip: &[u8; STRIP + REACH] = text.get(at..)?.first_chunk()?;
    let (mut ats, mut followed) = ([0; BLOCKS], [0; BLOCKS]);
    let (mut all, mut odd) = (u8x64::splat(simd, 0), 0);
    let Carry { mut is_named, mut short } = carry;
    let mut lines = Lines::default();
    for place in 0..BLOCKS {
        let block: &[u8; BLOCK + REACH] = strip[place * BLOCK..].first_chunk()?;
        let stops = mask::stops(simd, block.first_chunk()?);
        let near = stops.feeds | stops.feeds << 1;
        odd |= stops.escapes | stops.feeds & (near << 1 | short);
        short = (stops.feeds | stops.feeds >> 1) >> 62;
        followed[place] = stops.ats & starts.may_follow(simd, block);
        all |= u8x64::from_slice(simd, &block[..BLOCK]);
        // An `@` is carried through the bytes of its line to the line feed at its end.
        let (carried, overflow) = (!stops.feeds).overflowing_add(stops.ats);
        let (carried, again) = carried.overflowing_add(u64::from(is_named));
        is_named = overflow | again;
        lines.foreign += u64::from((carried & stops.feeds).count_ones());
        lines.without += u64::from((!carried & stops.feeds).count_ones());
        ats[place] = stops.ats;
    }
    let is_ascii = strip[STRIP..].is_ascii() && !all.simd_ge(u8x64::splat(simd, 0x80)).any_true();
    if odd != 0 || any_begins(text, at, if is_ascii { &followed } else { &ats }, starts) {
        return None;
    }
    Some((lines, Carry { is_named, short }))
}

/// Whether a known domain may begin behind any of these bytes of the strip at a place of the text.
fn any_begins(text: &[u8], at: usize, behind: &[u64; BLOCKS], starts: &Starts) -> bool {
    for (block, mask) in behind.iter().enumerate().filter(|(_, mask)| **mask != 0) {
        let mut rest = *mask;
        while rest != 0 {
            if starts.may_begin(text, at + block * BLOCK + rest.trailing_zeros() as usize + 1) {
                return true;
            }
            rest &= rest - 1;
        }
    }
    false
}

/// The line that is open behind strips, of which that is known what they carry on.
fn open_at(text: &[u8], strips: Range<usize>, open: Open, carry: Carry) -> Open {
    let open = match memchr::memrchr(b'\n', &text[strips.clone()]) {
        Some(feed) => Open { start: strips.start + feed + 1, first_at: None },
        None => open,
    };
    if open.first_at.is_some() || !carry.is_named {
        return open;
    }
    let unseen = open.start.max(strips.start);
    let first_at = memchr::memchr(b'@', &text[unseen..strips.end]).map(|at| unseen + at);
    Open { first_at, ..open }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use verify::identity::{IndexBuilder, Normaliser};

    proptest! {
        #[test]
        fn strips_are_counted_as_their_lines_are(
            parts in prop::collection::vec(prop_oneof![
                4 => "[a-z]{1,40}",
                2 => "[a-z]{1,9}@[a-z]{1,9}\\.example:[a-z@]{0,30}",
                3 => Just("\n".to_owned()),
                1 => Just("\r\n".to_owned()),
                1 => "@[a-z]{0,9}[ßéя]",
            ], 200..400),
            begun in 0_usize..80,
        ) {
            let text: String = parts.concat();
            let text = text.as_bytes();
            prop_assume!(text.len() > begun + STRIP);
            let normaliser = Normaliser::default();
            let index = IndexBuilder::new(1).finish();
            let filter = super::super::Filter::new(&index, &normaliser, &["contoso.test"]);
            let begin = text[..begun].iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
            let at = |range: Range<usize>| {
                text[range.clone()].iter().position(|byte| *byte == b'@').map(|place| range.start + place)
            };
            let mut open = Open { start: begin, first_at: at(begin..begun) };
            let mut lines = Lines::default();
            let end = skip(Level::new(), text, begun..text.len(), &filter.starts, &mut open, &mut lines);

            // What the lines themselves say, up to the strip in which one is short.
            let (mut start, mut expected) = (begin, Lines::default());
            for (place, _) in text.iter().enumerate().take(end).skip(begun).filter(|(_, byte)| **byte == b'\n') {
                prop_assert!(place - start > 1, "a line of {} bytes", place - start);
                match at(start..place) {
                    Some(_) => expected.foreign += 1,
                    None => expected.without += 1,
                }
                start = place + 1;
            }
            prop_assert_eq!(lines, expected);
            prop_assert_eq!(open, Open { start, first_at: at(start..end) });
            let strip = &text[end..text.len().min(end + STRIP)];
            let lengths = strip.iter().enumerate().filter(|(_, byte)| **byte == b'\n').scan(start, |start, (place, _)| {
                let length = end + place - *start;
                *start = end + place + 1;
                Some(length)
            });
            let is_short = lengths.min().is_some_and(|length| length < 2);
            let may_begin = memchr::memchr_iter(b'@', strip).any(|place| filter.starts.may_begin(text, end + place + 1));
            prop_assert!(text.len() < end + STRIP + REACH || is_short || may_begin, "it stopped without need");
        }
    }
}
