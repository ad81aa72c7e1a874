//! What may be the password of a name: everything around the name's place that could be, the likeliest first.
//!
//! Nothing here knows which one is right. A verifier decides later, and so a line that can be read in several
//! ways gives several candidates, at most [`MOST`].

mod block;
mod columns;
mod combo;
mod encoding;
mod fields;
mod hash;
mod json;
mod junk;
mod list;
mod row;
mod sql;
mod word;

use std::ops::Range;

pub use list::{Candidates, LONGEST_PASSWORD, MOST, Secret};

pub(crate) use block::labelled_name;
pub(crate) use encoding::unescape;
pub(crate) use fields::password_name;
pub(crate) use list::Nothing;
pub(crate) use word::{Columns, collect as collect_word, is_hash_line, is_hash_list};

use crate::chunk::CONTEXT;
use crate::layout::Layout;

/// How the text around a name is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `name:password`, perhaps with further columns.
    Combo,
    /// `password:name`.
    Reversed,
    /// `URL:name:password` or `name:password:URL`.
    UrlNamePassword,
    /// Lines with labels, `Username: ..` and `Password: ..`.
    Block,
    /// A row of a table: fields with a delimiter, perhaps in quotes.
    Row,
    /// A row of a database's dump: `INSERT .. VALUES (..)`.
    Sql,
    /// An object of JSON.
    Json,
}

impl Shape {
    /// Returns the name under which reports show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Combo => "combo",
            Self::Reversed => "reversed",
            Self::UrlNamePassword => "urlNamePassword",
            Self::Block => "block",
            Self::Row => "row",
            Self::Sql => "sql",
            Self::Json => "json",
        }
    }
}

/// Where a name stands.
pub(crate) struct Place<'a> {
    /// The text with what surrounds the line.
    pub text: &'a [u8],
    /// The line, without its end; or one record of a long line.
    pub line: Range<usize>,
    /// The name in it.
    pub name: Range<usize>,
    /// Whether nothing around the line belongs to it, as with a record of a long line.
    pub alone: bool,
    /// What the beginning of the document tells of columns.
    pub layout: &'a Layout,
}

impl<'a> Place<'a> {
    /// What stands before the name in its line.
    fn before(&self) -> &'a [u8] {
        &self.text[self.line.start..self.name.start]
    }

    /// What stands behind the name in its line.
    fn behind(&self) -> &'a [u8] {
        &self.text[self.name.end..self.line.end]
    }

    /// The text up to the last whole line within [`CONTEXT`] bytes behind the name's.
    ///
    /// It is the same however the text is cut into chunks.
    fn window(&self) -> &'a [u8] {
        let line = self.line.end;
        let behind = &self.text[line..];
        let length = match behind.get(..CONTEXT) {
            _ if self.alone => 0,
            Some(context) => memchr::memrchr(b'\n', context).unwrap_or(0),
            None => behind.len(),
        };
        &self.text[..line + length]
    }

    /// Where the first whole line within [`CONTEXT`] bytes before the name's begins.
    fn window_start(&self) -> usize {
        let line = self.line.start;
        match line.checked_sub(CONTEXT) {
            _ if self.alone => line,
            Some(start) => memchr::memchr(b'\n', &self.text[start..line]).map_or(line, |place| start + place + 1),
            None => 0,
        }
    }
}

/// Collects the candidates for the name's password.
pub(crate) fn collect(place: &Place<'_>, found: &mut Candidates) -> Shape {
    found.clear();
    let shape = json::read(place, found)
        .or_else(|| sql::read(place, found))
        .or_else(|| block::read(place, found))
        .or_else(|| columns::read(place, found))
        .or_else(|| row::read(place, found))
        .unwrap_or_else(|| combo::read(place, found));
    encoding::add_spellings(found);
    shape
}
