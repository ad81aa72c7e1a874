//! What is wrong with the values of query options.

use super::SystemOption;
use crate::expression::{ErrorKind, ExpressionErrors};
use std::fmt;

/// One thing that is wrong with the value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The kind.
    pub kind: ErrorKind,
    /// The option of the request in which it is.
    pub option: SystemOption,
    /// What it is about: a name that means nothing here, or the option.
    pub target: String,
    /// Where in the option's value it starts, in characters from 1, when it is a part of it.
    pub column: Option<usize>,
    /// What was found and what was expected: with the column, or naming the option.
    pub message: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(_) => write!(f, "{}: {}", self.option.name(), self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for OptionError {}

/// Everything that is wrong with the options of one request, in the order of the options; never
/// empty where it is given out. No more than [`QueryErrors::MOST`] are kept; the rest is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryErrors {
    kept: Vec<OptionError>,
    more: usize,
}

impl QueryErrors {
    /// The most errors that are kept word by word.
    pub const MOST: usize = 64;

    /// The errors that were kept.
    pub fn kept(&self) -> &[OptionError] {
        &self.kept
    }

    /// How many more there were.
    pub fn more(&self) -> usize {
        self.more
    }

    pub(super) fn add(&mut self, error: OptionError) {
        self.add_with(|| error);
    }

    /// Notes an error whose text is only made if it is kept.
    pub(super) fn add_with(&mut self, error: impl FnOnce() -> OptionError) {
        if self.kept.len() >= Self::MOST {
            self.more += 1;
        } else {
            self.kept.push(error());
        }
    }

    /// Notes an error about a whole option, in a sentence that names it.
    pub(super) fn whole(&mut self, option: SystemOption, kind: ErrorKind, message: impl Into<String>) {
        let target = option.name().to_owned();
        self.add(OptionError { kind, option, target, column: None, message: message.into() });
    }

    /// Takes over what is wrong with an expression.
    pub(super) fn expression(&mut self, option: SystemOption, errors: ExpressionErrors) {
        self.more += errors.more();
        for error in errors {
            let target = match &error.alias {
                Some(alias) => format!("@{alias}"),
                None => option.name().to_owned(),
            };
            let column = Some(error.column);
            self.add(OptionError { kind: error.kind, option, target, column, message: error.to_string() });
        }
    }
}

impl fmt::Display for QueryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kept.as_slice() {
            [] => f.write_str("nothing is wrong"),
            [one] => one.fmt(f),
            [first, ..] => {
                write!(f, "{} things are wrong with the query; the first: {first}", self.kept.len() + self.more)
            }
        }
    }
}

impl std::error::Error for QueryErrors {}
