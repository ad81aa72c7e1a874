//! The first bytes of known domains: what the matcher asks of every `@`.

use super::filter::{MIX, SMALL, word_at};
use crate::mask::BLOCK;
use fearless_simd::prelude::*;
use fearless_simd::u8x64;

/// The highest bit of eight bytes: set in what is not ASCII.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes behind a block are looked at: as many of a domain as [`Starts`] ever looks at.
pub(super) const REACH: usize = 8;

/// The first bytes of domains.
pub(super) struct Starts {
    bits: Box<[u64; 1024]>,
    /// Which of a domain's first eight bytes are looked at: as many as the shortest domain has.
    mask: u64,
    first: Halves,
    second: Halves,
}

impl Starts {
    /// Of these domains, in small letters; `any` says that any other may be known too.
    pub(super) fn new<'d>(domains: impl Iterator<Item = &'d [u8]> + Clone, any: bool) -> Self {
        let shortest = domains.clone().map(<[u8]>::len).min().unwrap_or(REACH).clamp(1, REACH);
        let mut starts = Self {
            bits: vec![if any { u64::MAX } else { 0 }; 1024].try_into().expect("as long as the array"),
            mask: u64::MAX >> (64 - 8 * shortest),
            first: Halves::new(any),
            second: Halves::new(any || shortest < 2),
        };
        let mut groups: Vec<[u8; 2]> = Vec::new();
        for domain in domains {
            let word = word_at(domain, 0);
            let (index, bit) = starts.place(word);
            starts.bits[index] |= 1 << bit;
            let [first, second, ..] = (word | SMALL).to_le_bytes();
            let known = groups.iter().position(|group| *group == [first, second]);
            let group = known.unwrap_or_else(|| {
                groups.push([first, second]);
                groups.len() - 1
            });
            starts.first.add(first, group);
            starts.second.add(second, group);
        }
        starts
    }

    /// Which word of the bits, and which bit in it.
    #[inline]
    fn place(&self, word: u64) -> (usize, u32) {
        let bit = ((word | SMALL) & self.mask).wrapping_mul(MIX) >> 48;
        ((bit >> 6) as usize, (bit & 63) as u32)
    }

    /// Tells from the first bytes behind an `@` whether a known domain may begin with them.
    #[inline]
    pub(super) fn may_begin(&self, text: &[u8], place: usize) -> bool {
        let word = word_at(text, place);
        let (index, bit) = self.place(word);
        self.bits[index] >> bit & 1 != 0 || word & self.mask & HIGH != 0
    }

    /// Tells of each byte of a block whether [`may_begin`](Self::may_begin) is to be asked about what follows it: a bit for
    /// each, the lowest for the first. Of most it is not, by their first two bytes. That is so where all of the text is ASCII:
    /// other letters may make any domain.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled with the instructions that the caller may use")]
    pub(super) fn may_follow<S: Simd>(&self, simd: S, text: &[u8; BLOCK + REACH]) -> u64 {
        let from = |place: usize| u8x64::from_slice(simd, &text[place..place + BLOCK]);
        let (first, second) = (from(1), from(2));
        let groups = self.first.groups(simd, first) & self.second.groups(simd, second);
        !groups.simd_eq(u8x64::splat(simd, 0)).to_bitmask()
    }
}

/// Which bytes may stand at a place of a domain's start: eight groups of starts have a bit each, which a byte has that both of
/// its halves have. So sixty-four bytes are looked up at once, by a processor that looks sixteen values up (as Hyperscan
/// and its kin do: <https://github.com/intel/hyperscan>).
struct Halves {
    /// By the lower four bits, four times over: as wide as a block.
    low: [u8; BLOCK],
    /// By the higher.
    high: [u8; BLOCK],
}

impl Halves {
    fn new(any: bool) -> Self {
        let all = [if any { u8::MAX } else { 0 }; BLOCK];
        Self { low: all, high: all }
    }

    fn add(&mut self, byte: u8, group: usize) {
        let bit = 1 << (group % 8);
        for lane in 0..BLOCK / 16 {
            self.low[lane * 16 + usize::from(byte & 0xf)] |= bit;
            self.high[lane * 16 + usize::from(byte >> 4)] |= bit;
        }
    }

    /// The groups that have each byte, in small letters.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled with the instructions that the caller may use")]
    fn groups<S: Simd>(&self, simd: S, bytes: u8x64<S>) -> u8x64<S> {
        let small = bytes | u8x64::splat(simd, 0x20);
        let low = u8x64::from_slice(simd, &self.low).swizzle_dyn_within_blocks(small & u8x64::splat(simd, 0xf));
        let high = u8x64::from_slice(simd, &self.high).swizzle_dyn_within_blocks(small >> 4);
        low & high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    proptest! {
        /// It never says no where the bytes say perhaps, and mostly says no where they do.
        #[test]
        fn it_passes_over_no_start(
            domains in prop::collection::vec("[a-z0-9-]{1,6}\\.[a-z]{2}", 1..40),
            parts in prop::collection::vec(prop_oneof![
                4 => "[a-zA-Z0-9@.:-]{1,8}",
                1 => "@[a-c][a-c0-9.]{2}",
                1 => (0_u8..0x80).prop_map(|byte| String::from(char::from(byte))),
            ], 30..60),
            named in prop::collection::vec((0_usize..40, 0_usize..60), 0..4),
            any in prop::bool::weighted(0.05),
        ) {
            let mut parts = parts;
            for (domain, part) in named {
                let (domain, part) = (domain % domains.len(), part % parts.len());
                parts[part] = format!("@{}", domains[domain].to_ascii_uppercase());
            }
            let text = parts.concat();
            let starts = Starts::new(domains.iter().map(String::as_bytes), any);
            let begins = |place: usize| {
                let rest = &text.as_bytes()[place..];
                let is_it = |domain: &String| {
                    rest.get(..domain.len()).is_some_and(|start| start.eq_ignore_ascii_case(domain.as_bytes()))
                };
                any || domains.iter().any(is_it)
            };
            for (at, window) in text.as_bytes().windows(BLOCK + REACH).enumerate() {
                let window: &[u8; BLOCK + REACH] = window.try_into().expect("as long");
                for level in [Level::new(), Level::baseline()] {
                    let follows = dispatch!(level, simd => starts.may_follow(simd, window));
                    for place in 0..BLOCK {
                        let is_told = follows >> place & 1 == 1 && starts.may_begin(text.as_bytes(), at + place + 1);
                        prop_assert!(is_told || !begins(at + place + 1), "{place} behind {at} in {text:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn other_starts_are_told_apart_at_once() {
        let starts = Starts::new([&b"contoso.test"[..], b"fabrikam.test"].into_iter(), false);
        let text: Vec<u8> =
            b"a@gmail.com b@Contoso.test c@yahoo.com d@fjord.test e@co f@FAB.net g@cabin.test hhhhhhhh".to_vec();
        let window: &[u8; BLOCK + REACH] = text.first_chunk().expect("long enough");
        let follows = dispatch!(Level::new(), simd => starts.may_follow(simd, window));
        let places: Vec<usize> = (0..BLOCK).filter(|place| text[*place] == b'@' && follows >> place & 1 == 1).collect();
        assert_eq!(places.iter().map(|at| &text[at + 1..at + 3]).collect::<Vec<_>>(), [b"Co", b"co", b"FA"]);
    }
}
