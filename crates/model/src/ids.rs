//! Identifiers with their rules.

use crate::Ticks;
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

/// The id of an entity: 1 to 255 characters of `[A-Za-z0-9._-]`, compared exactly (graph.md,
/// section 2.2); not `.` or `..`, which every client takes out of a URL (RFC 3986, section 5.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(Box<str>);

impl EntityId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is an id.
    pub fn is_one(text: &str) -> bool {
        let fits = (1..=255).contains(&text.len()) && text != "." && text != "..";
        fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    }
}

/// How many changes a tenant can have: 2^40, or 34 years of 1,000 a second.
pub const CHANGES_END: u64 = 1 << 40;

impl EntityId {
    /// Makes the id of an event that the change with this number creates: a UUID of version 7 (RFC
    /// 9562, section 5.7) that carries the number, so that a store finds the row without an index
    /// over ids, and ids are in the order of creation (docs/adr/0003-ids.md). From the left: 48 bits
    /// of milliseconds, the version, the upper 12 bits of the number, the variant, its lower 28 bits,
    /// 34 bits of chance.
    pub fn of_change(number: u64, now: Ticks, chance: u64) -> Self {
        let milliseconds = u64::try_from(now.get() / (Ticks::PER_SECOND / 1000)).unwrap_or(0);
        let high = milliseconds << 16 | 0x7000 | (number >> 28) & 0xfff;
        let low = 1 << 63 | (number & 0x0fff_ffff) << 34 | chance & ((1 << 34) - 1);
        uuid::Uuid::from_u64_pair(high, low).into()
    }

    /// The number of the change that made the entity, when the id is of the form that
    /// [`EntityId::of_change`] gives. A client may have chosen such an id too: whether the row with
    /// that number has this id must be looked at.
    pub fn change_number(&self) -> Option<u64> {
        if self.0.len() != uuid::fmt::Hyphenated::LENGTH {
            return None;
        }
        let id = uuid::Uuid::try_parse(&self.0).ok().filter(|id| id.get_version_num() == 7)?;
        let (high, low) = id.as_u64_pair();
        Some((high & 0xfff) << 28 | low >> 34 & 0x0fff_ffff)
    }
}

impl From<uuid::Uuid> for EntityId {
    fn from(id: uuid::Uuid) -> Self {
        Self(id.hyphenated().to_string().into())
    }
}

impl FromStr for EntityId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if Self::is_one(text) {
            return Ok(Self(text.into()));
        }
        Err(IdError {
            found: text.chars().filter(|c| !c.is_control()).take(60).collect(),
            expected: "an id: 1 to 255 characters of A-Z, a-z, 0-9, '.', '_' and '-', but not . or ..",
        })
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What finds a user: an id has no `@`, a userPrincipalName has one, so `/users/{key}` is never
/// ambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// By id.
    Id(EntityId),
    /// By userPrincipalName, ignoring case: the folded form.
    PrincipalName(FoldedName),
}

impl UserKey {
    /// Reads a key as it stands in a URL; `None` when no user can have it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('@') {
            return Some(Self::PrincipalName(FoldedName::new(text)));
        }
        text.parse().ok().map(Self::Id)
    }
}

/// A userPrincipalName in the form in which names are compared: lower case, character by character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FoldedName(Box<str>);

impl FoldedName {
    /// Folds a name.
    pub fn new(name: &str) -> Self {
        Self(name.chars().flat_map(char::to_lowercase).collect())
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
