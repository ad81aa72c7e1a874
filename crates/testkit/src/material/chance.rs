//! Chance that is the same for the same seed.

use model::{Entropy as _, SeededEntropy};

/// Draws numbers and choices.
pub struct Chance(SeededEntropy);

impl Chance {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `end`, or 0 where that is 0.
    pub fn below(&self, end: usize) -> usize {
        (self.0.number() % end.max(1) as u64) as usize
    }

    /// Whether something happens that does once in `times`.
    pub fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of some.
    pub fn pick<'a, T>(&self, some: &'a [T]) -> &'a T {
        &some[self.below(some.len())]
    }

    /// Bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        std::array::from_fn(|_| self.below(256) as u8)
    }

    /// Letters and digits, such as a token or an identifier has: beginning with a letter.
    pub fn token(&self, length: usize) -> String {
        const SIGNS: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        (0..length).map(|place| char::from(SIGNS[self.below(if place == 0 { 48 } else { SIGNS.len() })])).collect()
    }
}
