//! Inputs near kept ones: the same for the same seed, so that what a test finds it finds again.

use model::{Entropy as _, SeededEntropy};

/// Makes changed inputs.
pub struct Mutator {
    entropy: SeededEntropy,
    /// Parts to put in.
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Starts from a seed; `dictionary` is one in libFuzzer's form, from which parts are put in.
    pub fn new(seed: u64, dictionary: &str) -> Self {
        let quoted = |line: &str| line.trim().strip_prefix('"')?.strip_suffix('"').map(unescape);
        Self { entropy: SeededEntropy::new(seed), words: dictionary.lines().filter_map(quoted).collect() }
    }

    fn below(&self, end: usize) -> usize {
        (self.entropy.number() % end.max(1) as u64) as usize
    }

    /// Makes an input of one of some, with a few changes.
    pub fn change(&self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = inputs.get(self.below(inputs.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + 1 + self.below(16)).min(input.len());
            match self.below(7) {
                0 if at < input.len() => input[at] ^= 1 << self.below(8),
                1 => input.insert(at, self.below(256) as u8),
                2 if at < end => drop(input.drain(at..end)),
                3 if at < end => {
                    // Again and again, so that lists grow long and nests deep.
                    let part = input[at..end].repeat(1 + self.below(40));
                    input.splice(at..at, part);
                }
                4 => {
                    let other = inputs.get(self.below(inputs.len())).map(Vec::as_slice).unwrap_or_default();
                    let from = self.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
                _ => {
                    let word = self.words.get(self.below(self.words.len())).cloned().unwrap_or_default();
                    input.splice(at..at, word);
                }
            }
        }
        input
    }
}

/// Takes the backslashes off a word: `\"`, `\\` and `\x0a`.
fn unescape(word: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'x') => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
                out.push(digit(digits[0]) << 4 | digit(digits[1]));
            }
            Some(escaped) => out.push(escaped),
            None => {}
        }
    }
    out
}
