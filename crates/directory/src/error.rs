//! What can be wrong with a file or an entry, said without a value of it.

use crate::Place;

/// Why an entry, or the file from here on, could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct EntryError {
    /// Where it was found.
    pub place: Place,
    /// What was found.
    pub reason: Reason,
}

impl EntryError {
    /// Whether it is one of the file as a whole, so that nothing can be read behind it.
    pub fn ends_reading(&self) -> bool {
        self.place.entry == 0
    }
}

/// What was found and what was expected.
///
/// No variant holds a value of the file. Names are those of columns, attributes and members that are known
/// here, counts and shapes say the rest: a column may have slipped, and a password must not end up in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The source failed.
    #[error("the file cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// A byte order mark says UTF-16, and what follows is not.
    #[error("the byte order mark says UTF-16, and the text is not: it holds half a character")]
    BrokenUtf16,
    /// The file was read to its end and gave no user and no error.
    #[error("no user was found: {expected} was expected, {entries} entries were none")]
    NoUsers {
        /// What was looked for.
        expected: &'static str,
        /// How many entries there were that are no users.
        entries: u64,
    },
    /// The file ends early or says that it is a part only.
    #[error("the file is not complete: found {found}, expected {expected}")]
    Incomplete {
        /// What says so.
        found: String,
        /// What a complete one has.
        expected: String,
    },
    /// From here on the file is not what it must be, and what follows cannot be told from what was meant.
    #[error("the file breaks off: found {found}, expected {expected}")]
    Broken {
        /// The shape that was found.
        found: &'static str,
        /// The shape that was expected.
        expected: &'static str,
    },
    /// The header of a table has no column that names a user.
    #[error("the first row has {columns} cells, none of which is a column that names a user: {expected}")]
    MissingKeyColumn {
        /// How many cells the row has.
        columns: usize,
        /// The names that were looked for.
        expected: &'static str,
    },
    /// The header names a column twice.
    #[error("the column {name} is there twice")]
    RepeatedColumn {
        /// The column.
        name: &'static str,
    },
    /// Something is longer than [`Limits`](crate::Limits) allow.
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// There is more of something than [`Limits`](crate::Limits) allow.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// JSON is nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("the entry is nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Text is not UTF-8.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// Which text.
        what: &'static str,
    },
    /// Something has another shape than it must have.
    #[error("{what}: found {found}, expected {expected}")]
    Malformed {
        /// What has the wrong shape.
        what: &'static str,
        /// The shape that was found.
        found: String,
        /// The shape that was expected.
        expected: &'static str,
    },
    /// Nothing in the entry names a user.
    #[error("the entry names no user: it has no id, UPN, address, user name or sAMAccountName")]
    Nameless,
    /// The entry has something that is not read on purpose.
    #[error("{what} is not read: {why}")]
    Refused {
        /// What it is.
        what: &'static str,
        /// Why not.
        why: &'static str,
    },
}

impl Reason {
    pub(crate) fn malformed(what: &'static str, found: impl Into<String>, expected: &'static str) -> Self {
        Self::Malformed { what, found: found.into(), expected }
    }

    /// Returns the name under which it is counted.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::BrokenUtf16 => "broken UTF-16",
            Self::NoUsers { .. } => "no users",
            Self::Incomplete { .. } => "incomplete",
            Self::Broken { .. } => "broken",
            Self::MissingKeyColumn { .. } => "missing key column",
            Self::RepeatedColumn { .. } => "repeated column",
            Self::TooLong { .. } => "too long",
            Self::TooMany { .. } => "too many",
            Self::TooDeep { .. } => "too deep",
            Self::NotUtf8 { .. } => "not UTF-8",
            Self::Malformed { .. } => "malformed",
            Self::Nameless => "nameless",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether nothing can be read behind it.
    pub(crate) fn ends_reading(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::BrokenUtf16
                | Self::NoUsers { .. }
                | Self::Incomplete { .. }
                | Self::Broken { .. }
                | Self::MissingKeyColumn { .. }
                | Self::RepeatedColumn { .. }
        )
    }
}

/// A reason and its line, before the file and the entry's number are known.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) line: u64,
    pub(crate) reason: Reason,
}

impl Problem {
    pub(crate) fn new(line: u64, reason: Reason) -> Self {
        Self { line, reason }
    }
}

/// Says how many characters a text has, and nothing else of it.
pub(crate) fn length(text: &str) -> String {
    match text.chars().count() {
        0 => "nothing".to_owned(),
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}
