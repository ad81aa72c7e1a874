//! The forms in which events leave and come back: JSON Lines, CSV and OCSF.

pub mod csv;
pub mod lines;
pub mod ocsf;

/// The most bytes of one line of JSON Lines, or of one record of CSV: as much as a request's body may have
/// unless the operator says otherwise.
pub const LONGEST: usize = 1 << 20;

/// A row of a file that is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The JSON object that it is, or why it is none.
    pub content: Result<Vec<u8>, String>,
}
