//! Rows as SQLite answers them.

use odata::encode::Cell;
use rusqlite::types::ValueRef;
use store::columns::{TableRow, Values};

/// The row that a statement stands on.
pub(crate) struct Answer<'r>(pub(crate) &'r rusqlite::Row<'r>);

/// A row of an entity table.
pub(crate) type SqlRow<'r, 'a> = TableRow<'r, Answer<'a>>;

impl Values for Answer<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        self.0.get_ref(column).map_or(Cell::Damaged, cell_of)
    }
}

/// What SQLite holds as a cell; a text that is not UTF-8 is damage.
pub(crate) fn cell_of(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_or(Cell::Damaged, Cell::Text),
        ValueRef::Real(value) => Cell::Double(value),
        ValueRef::Blob(_) => Cell::Damaged,
    }
}
