//! Rows that outlive their statement: what a long read brings back from its thread.

use crate::columns::SqlRow;
use model::OwnedCell;
use odata::edm::{EntityType, NavigationProperty};
use odata::encode::{Cell, Row};

/// A row of its own.
pub(crate) struct OwnedRow {
    entity_type: &'static EntityType,
    version: u64,
    members: Option<Box<str>>,
    /// By position; `None` where the column was damaged or not read.
    cells: Vec<Option<OwnedCell>>,
    related: Option<(&'static NavigationProperty, Box<OwnedRow>)>,
}

impl OwnedRow {
    /// Copies a row, with the user that it leads to.
    pub(crate) fn of(row: &SqlRow<'_, '_>) -> Self {
        let own = row.cells().max(row.entity_type().property_count());
        let navigation = row.entity_type().lineage().flat_map(|ty| ty.navigation).next();
        let related = navigation.and_then(|navigation| {
            let related = row.related(navigation)?;
            Some((navigation, Box::new(Self::copy(related, related.entity_type().property_count()))))
        });
        Self { related, ..Self::copy(row, own) }
    }

    fn copy(row: &dyn Row, cells: usize) -> Self {
        let members = row.members().map(Into::into);
        let cell = |position| match row.cell(position) {
            Cell::Null => Some(OwnedCell::Null),
            Cell::Integer(value) => Some(OwnedCell::Integer(value)),
            Cell::Double(value) => Some(OwnedCell::Double(value)),
            Cell::Text(text) => Some(OwnedCell::Text(text.into())),
            Cell::Complex(_) | Cell::Damaged => None,
        };
        Self {
            entity_type: row.entity_type(),
            version: row.version(),
            members,
            cells: (0..cells).map(cell).collect(),
            related: None,
        }
    }
}

impl Row for OwnedRow {
    fn cell(&self, position: usize) -> Cell<'_> {
        match self.cells.get(position) {
            Some(Some(cell)) => cell.as_cell(),
            _ => Cell::Damaged,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.entity_type
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn members(&self) -> Option<&str> {
        self.members.as_deref()
    }

    fn related(&self, navigation: &NavigationProperty) -> Option<&dyn Row> {
        let (_, row) = self.related.as_ref().filter(|(known, _)| std::ptr::eq(*known, navigation))?;
        Some(&**row)
    }
}
