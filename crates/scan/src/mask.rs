//! Where the bytes are at which the matcher stops, sixty-four at a time.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// How many bytes a block has: a mask has a bit for each.
pub(crate) const BLOCK: usize = 64;
/// How many blocks a strip has.
pub(crate) const BLOCKS: usize = 8;
/// How many bytes a strip has.
pub(crate) const STRIP: usize = BLOCKS * BLOCK;

/// What stands in a block: a bit for each byte, the lowest for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stops {
    /// Line feeds, which end lines.
    pub(crate) feeds: u64,
    /// Each `@`, which anchors an address.
    pub(crate) ats: u64,
    /// `%`, `\` and `&`, which begin what may stand for an `@` (`%40`, `\u0040`, `&#64;`); `\` also divides `DOMAIN\name`.
    pub(crate) escapes: u64,
}

/// What stands in a block.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled with the instructions that the caller may use")]
pub(crate) fn stops<S: Simd>(simd: S, block: &[u8; BLOCK]) -> Stops {
    let block = u8x64::from_slice(simd, block);
    let is = |byte: u8| block.simd_eq(u8x64::splat(simd, byte));
    Stops {
        feeds: is(b'\n').to_bitmask(),
        ats: is(b'@').to_bitmask(),
        escapes: (is(b'%') | is(b'\\') | is(b'&')).to_bitmask(),
    }
}

/// Of each block of a strip, or of the fewer bytes at a text's end, where anything stands at which the matcher stops.
pub(crate) fn stops_of_strip(level: Level, strip: &[u8]) -> [u64; BLOCKS] {
    dispatch!(level, simd => all_stops(simd, strip))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn all_stops<S: Simd>(simd: S, strip: &[u8]) -> [u64; BLOCKS] {
    let all = |block: &[u8; BLOCK]| {
        let Stops { feeds, ats, escapes } = stops(simd, block);
        feeds | ats | escapes
    };
    let mut masks = [0; BLOCKS];
    let (blocks, rest) = strip.as_chunks();
    for (mask, block) in masks.iter_mut().zip(blocks) {
        *mask = all(block);
    }
    if let (false, Some(mask)) = (rest.is_empty(), masks.get_mut(blocks.len())) {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        *mask = all(&block);
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for byte in 0..=u8::MAX {
            for place in 0..BLOCK {
                let mut block = [b'x'; BLOCK];
                block[place] = byte;
                let bit = |is: bool| u64::from(is) << place;
                let expected = Stops {
                    feeds: bit(byte == b'\n'),
                    ats: bit(byte == b'@'),
                    escapes: bit(matches!(byte, b'%' | b'\\' | b'&')),
                };
                for level in [Level::new(), Level::baseline()] {
                    let stops = dispatch!(level, simd => stops(simd, &block));
                    assert_eq!(stops, expected, "byte {byte} at {place}");
                }
            }
        }
    }

    #[test]
    fn a_rest_has_no_stop_behind_its_end() {
        let text: Vec<u8> = (0..STRIP).map(|place| if place % 3 == 0 { b'@' } else { b'x' }).collect();
        for length in 0..=STRIP {
            let masks = stops_of_strip(Level::new(), &text[..length]);
            for place in 0..STRIP {
                let is_stop = masks[place / BLOCK] >> (place % BLOCK) & 1 == 1;
                assert_eq!(is_stop, place < length && place % 3 == 0, "{place} of {length}");
            }
        }
    }
}
