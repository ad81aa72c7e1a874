//! What can be wrong with a verifier's text, said without a byte of it.

use super::Scheme;

/// Why a text is not a verifier that can be checked.
///
/// No variant holds any part of the value: what is named is a scheme, a part and a number, so that an
/// error may be logged, counted and shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is empty or blank.
    #[error("the verifier is empty")]
    Empty,
    /// The text is longer than [`Limits::text_bytes`](super::Limits::text_bytes).
    #[error("the verifier is {found} bytes long, at most {limit} are read")]
    TooLong {
        /// Length of the text in bytes.
        found: usize,
        /// The limit it passes.
        limit: usize,
    },
    /// Nothing in the text says how it was made: it may be a bare digest or a password in clear text.
    #[error("the verifier names no scheme: it may be a bare digest or a password in clear text")]
    NoScheme,
    /// The text says of itself that it is a password in clear text (`{CLEAR}`, `{PLAIN}` and the like).
    ///
    /// [`Verifier::parse_or_derive`](super::Verifier::parse_or_derive) turns it into an argon2id verifier.
    #[error("the verifier is a password in clear text, which is never stored as it is")]
    ClearText,
    /// The text marks an account without a password (`!`, `*`, Django's `!..`): nothing can match it.
    #[error("the account has no usable password")]
    Unusable,
    /// A scheme that is not known here, or known and not supported: count it under its name.
    #[error("scheme `{name}` is not supported")]
    UnknownScheme {
        /// The name of the scheme, never a part of the value.
        name: SchemeName,
    },
    /// The scheme is known and a part of the text is not as the scheme writes it.
    #[error("{scheme}: {part} is not {expected}")]
    Malformed {
        /// The scheme that the text names.
        scheme: Scheme,
        /// Which part of the text is wrong.
        part: &'static str,
        /// What that part must be.
        expected: &'static str,
    },
    /// The text is JSON and no password credential of Keycloak that can be read.
    #[error("Keycloak credential: {part} is not {expected}")]
    MalformedCredential {
        /// Which part of the JSON is wrong.
        part: &'static str,
        /// What that part must be.
        expected: &'static str,
    },
    /// The text asks for more work or memory than [`Limits`](super::Limits) allow.
    #[error("{scheme}: {parameter} is {found}, at most {limit} is allowed")]
    OverLimit {
        /// The scheme that the text names.
        scheme: Scheme,
        /// Which parameter is too large.
        parameter: &'static str,
        /// Its value.
        found: u64,
        /// The limit it passes.
        limit: u64,
    },
}

impl ParseError {
    pub(super) fn unknown(name: &str) -> Self {
        Self::UnknownScheme { name: SchemeName::new(name) }
    }
}

/// The name of a scheme that is not supported, in lower case.
///
/// Only what has the shape of a scheme's name gets in (letters, digits, `-`, `_`, `.`, at most 24 of
/// them); anything else is called `unnamed`, so that no password slips into a count or a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemeName(Box<str>);

impl SchemeName {
    const LONGEST: usize = 24;

    fn new(name: &str) -> Self {
        let plausible = (1..=Self::LONGEST).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        Self(if plausible { name.to_ascii_lowercase().into() } else { "unnamed".into() })
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SchemeName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a candidate could not be compared; neither case says anything about the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The candidate is longer than [`Limits::candidate_bytes`](super::Limits::candidate_bytes).
    #[error("the candidate is {found} bytes long, at most {limit} are checked")]
    CandidateTooLong {
        /// Length of the candidate in bytes.
        found: usize,
        /// The limit it passes.
        limit: usize,
    },
    /// The algorithm could not run, for want of memory or because it refuses its parameters.
    #[error("{scheme}: the derivation could not run")]
    Derivation {
        /// The scheme of the verifier.
        scheme: Scheme,
    },
}
