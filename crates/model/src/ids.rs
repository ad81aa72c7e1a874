//! Identifiers with their rules.

use std::fmt;
use std::str::FromStr;

/// A tenant as tokens name it in `tid`: a GUID, kept in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(uuid::Uuid);

impl TenantId {
    /// Wraps a GUID.
    pub const fn new(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A text that is not a well-formed identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{found}` is not {expected}")]
pub struct IdError {
    /// What was given.
    pub found: String,
    /// What would have been right.
    pub expected: &'static str,
}

impl FromStr for TenantId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| IdError { found: text.to_owned(), expected: "a tenant id (a GUID)" })
    }
}

/// A tenant inside the store: a small integer, the first part of every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantKey(pub u32);
