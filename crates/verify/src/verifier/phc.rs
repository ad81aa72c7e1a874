//! The frame of PHC strings: `$name$v=19$key=number,..$salt$hash`.

use super::{ParseError, Scheme};

/// The parameters of a PHC string, numbers under their names.
pub(super) struct Parameters<'a> {
    scheme: Scheme,
    text: &'a str,
}

impl<'a> Parameters<'a> {
    /// Takes the text between two `$`, and refuses names that are not in `known` or come twice.
    pub(super) fn new(scheme: Scheme, text: &'a str, known: &[&str]) -> Result<Self, ParseError> {
        let malformed = |expected| ParseError::Malformed { scheme, part: "the parameters", expected };
        let mut seen = 0u32;
        for pair in text.split(',') {
            let (name, _) = pair.split_once('=').ok_or(malformed("pairs of `name=number`"))?;
            let index = known.iter().position(|known| *known == name).ok_or(malformed("the ones of this scheme"))?;
            if seen & (1 << index) != 0 {
                return Err(malformed("each given once"));
            }
            seen |= 1 << index;
        }
        Ok(Self { scheme, text })
    }

    /// The number under a name that must be there.
    pub(super) fn number(&self, name: &str) -> Result<u32, ParseError> {
        self.optional(name)?.ok_or(ParseError::Malformed {
            scheme: self.scheme,
            part: "the parameters",
            expected: "complete",
        })
    }

    /// The number under a name that may be there.
    pub(super) fn optional(&self, name: &str) -> Result<Option<u32>, ParseError> {
        let pairs = self.text.split(',').filter_map(|pair| pair.split_once('='));
        let Some((_, value)) = pairs.into_iter().find(|(known, _)| *known == name) else { return Ok(None) };
        decimal(value).map(Some).ok_or(ParseError::Malformed {
            scheme: self.scheme,
            part: "a parameter",
            expected: "a decimal number below 2^32",
        })
    }
}

/// A decimal number without sign.
pub(super) fn decimal(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
