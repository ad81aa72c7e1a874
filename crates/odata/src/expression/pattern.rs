//! Regular expressions of `matchesPattern`: matched in time linear in the text, whatever the pattern.

use super::ecmascript;
use regex::RegexBuilder;
use std::fmt;

/// The longest pattern, in bytes.
pub const MOST_BYTES: usize = 1000;

/// Memory that one compiled pattern may take, and again that its matching may take, in bytes.
const MOST_MEMORY: usize = 1 << 20;

/// How deep groups and repetitions may be nested.
const DEEPEST: u32 = 50;

/// A regular expression as ECMAScript has them, which URL conventions 4.01 name. It matches anywhere
/// in a text unless `^` and `$` bind it to the ends; back references and looking around, which no
/// linear time allows, are refused.
#[derive(Clone)]
pub struct Pattern(regex::Regex);

/// A pattern that is refused: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than [`MOST_BYTES`].
    #[error("is {0} bytes long; expected at most {MOST_BYTES}")]
    TooLong(usize),
    /// Takes too much memory, mostly by counted repetitions.
    #[error("is too large when its repetitions are counted out")]
    TooLarge,
    /// No regular expression, or one with back references or look-around.
    #[error("is not a regular expression: {0}")]
    Form(String),
}

impl Pattern {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MOST_BYTES {
            return Err(PatternError::TooLong(pattern.len()));
        }
        let mut builder = RegexBuilder::new(&ecmascript::translate(pattern)?);
        builder.size_limit(MOST_MEMORY).dfa_size_limit(MOST_MEMORY).nest_limit(DEEPEST);
        builder.build().map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            // the last line says what is wrong; those before draw the pattern with marks under it
            error => {
                let text = error.to_string();
                let last = text.lines().next_back().unwrap_or_default();
                PatternError::Form(last.trim_start_matches("error: ").to_owned())
            }
        })
    }

    /// Tells whether the text has a part that the pattern describes.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_anywhere_unless_bound_to_the_ends() {
        let pattern = |text| Pattern::new(text).expect("a pattern");
        assert!(pattern("b+").matches("abbc"));
        assert!(!pattern("^b+$").matches("abbc"));
        assert!(pattern("(?i)^Ä\\w$").matches("äs"));
    }

    #[test]
    fn refuses_what_takes_no_linear_time_or_too_much_memory() {
        assert!(matches!(Pattern::new("(a)\\1"), Err(PatternError::Form(why)) if why.contains("back references")));
        assert!(matches!(Pattern::new("a(?=b)"), Err(PatternError::Form(why)) if why.contains("look")));
        assert!(matches!(Pattern::new("("), Err(PatternError::Form(_))));
        assert_eq!(Pattern::new("((a{100}){100}){100}").err(), Some(PatternError::TooLarge));
        assert_eq!(Pattern::new(&"a".repeat(1001)).err(), Some(PatternError::TooLong(1001)));
        assert!(matches!(Pattern::new(&"(".repeat(500)), Err(PatternError::Form(_))));
    }
}
