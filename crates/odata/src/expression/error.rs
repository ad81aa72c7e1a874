//! What is wrong with an expression: where, what was found there, and what was expected.

use std::fmt;

/// A part of a text, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub start: u32,
    /// Where it ends: the first byte that is no longer in it.
    pub end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 } // texts are limited to far below 4 GiB
    }

    /// The span of both and of what lies between.
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The part of `text` that it means.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// It does not follow the grammar.
    Syntax,
    /// It is longer, deeper or wider than the limits allow.
    TooComplex,
    /// A name that means nothing here.
    UnknownName,
    /// A value of another type than the place wants.
    WrongType,
    /// A literal that is no value of its type.
    InvalidValue,
    /// The result could leave the range of its type, or divide by zero.
    OutOfRange,
    /// OData defines it, but it cannot be asked here.
    NotServed,
    /// It does not apply to this kind of resource, such as `$top` to one entity.
    NotApplicable,
    /// `$expand` of what is no relation.
    NotExpandable,
}

impl ErrorKind {
    /// The kind as a word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "InvalidSyntax",
            Self::TooComplex => "TooComplex",
            Self::UnknownName => "InvalidProperty",
            Self::WrongType => "InvalidType",
            Self::InvalidValue => "InvalidValue",
            Self::OutOfRange => "OutOfRange",
            Self::NotServed => "NotImplemented",
            Self::NotApplicable => "NotApplicable",
            Self::NotExpandable => "ExpandNotSupported",
        }
    }
}

/// One thing that is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ExpressionError {
    /// The kind.
    pub kind: ErrorKind,
    /// Where it is, in bytes.
    pub span: Span,
    /// Where it starts, in characters from 1.
    pub column: usize,
    /// The parameter alias in whose value it is.
    pub alias: Option<Box<str>>,
    /// What was found and what was expected.
    pub message: String,
}

impl ExpressionError {
    pub(crate) fn new(text: &str, kind: ErrorKind, span: Span, message: String) -> Self {
        let column = text.get(..span.start as usize).unwrap_or(text).chars().count() + 1;
        Self { kind, span, column, alias: None, message }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(alias) = &self.alias {
            write!(f, "@{alias}, ")?;
        }
        write!(f, "column {}: {}", self.column, self.message)
    }
}

/// Everything that is wrong with an expression, in the order of its text; never empty. No more
/// than [`ExpressionErrors::MOST`] are kept; the rest is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionErrors {
    kept: Vec<ExpressionError>,
    more: usize,
}

impl ExpressionErrors {
    /// The most errors that are kept word by word.
    pub const MOST: usize = 64;

    /// The errors that were kept.
    pub fn kept(&self) -> &[ExpressionError] {
        &self.kept
    }

    /// How many more there were.
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for ExpressionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept.as_slice() {
            [] => Ok(()),
            [one] => one.fmt(f),
            [first, ..] => write!(f, "{first} ({} more)", self.kept.len() + self.more - 1),
        }
    }
}

impl std::error::Error for ExpressionErrors {}

impl From<ExpressionError> for ExpressionErrors {
    fn from(error: ExpressionError) -> Self {
        Self { kept: vec![error], more: 0 }
    }
}

impl IntoIterator for ExpressionErrors {
    type Item = ExpressionError;
    type IntoIter = std::vec::IntoIter<ExpressionError>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

/// Gathers errors.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    kept: Vec<ExpressionError>,
    more: usize,
}

impl Errors {
    /// Notes an error in `text`. The message is only made if it is kept.
    pub(crate) fn push(&mut self, text: &str, kind: ErrorKind, span: Span, message: impl FnOnce() -> String) {
        if self.kept.len() >= ExpressionErrors::MOST {
            self.more += 1;
        } else {
            self.kept.push(ExpressionError::new(text, kind, span, message()));
        }
    }

    pub(crate) fn add(&mut self, error: ExpressionError) {
        if self.kept.len() >= ExpressionErrors::MOST {
            self.more += 1;
        } else {
            self.kept.push(error);
        }
    }

    /// Says of what was noted since `from` that it is in the value of an alias.
    pub(crate) fn in_alias(&mut self, from: usize, alias: &str) {
        for error in self.kept.iter_mut().skip(from) {
            error.alias.get_or_insert_with(|| alias.into());
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Gives `value` when nothing is wrong.
    pub(crate) fn or<T>(self, value: Option<T>) -> Result<T, ExpressionErrors> {
        match value {
            Some(value) if self.kept.is_empty() => Ok(value),
            _ => Err(ExpressionErrors { kept: self.kept, more: self.more }), // nothing fails without a note
        }
    }
}
