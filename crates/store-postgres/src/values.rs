//! Values on their way to PostgreSQL and back.

use odata::encode::Cell;
use store::columns::Values;
use store::sql::SqlValue;
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// A value that is bound to a statement. The statement says the types of its values, so they fit.
#[derive(Debug)]
pub(crate) struct Bound<'v>(pub(crate) &'v SqlValue);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            SqlValue::Null => Ok(IsNull::Yes),
            SqlValue::Boolean(value) => value.to_sql(ty, out),
            SqlValue::Integer(value) => value.to_sql(ty, out),
            SqlValue::Double(value) => value.to_sql(ty, out),
            SqlValue::Text(text) => (&**text).to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Values as the driver takes them.
pub(crate) fn bound(values: &[SqlValue]) -> Vec<Bound<'_>> {
    values.iter().map(Bound).collect()
}

/// Parameters as the driver takes them.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A row that the server answered.
pub(crate) struct Answer<'r>(pub(crate) &'r Row);

impl Values for Answer<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        cell(self.0, column)
    }
}

/// A column of a row; a type that no column of ours has is damage.
pub(crate) fn cell(row: &Row, column: usize) -> Cell<'_> {
    let Some(known) = row.columns().get(column) else { return Cell::Damaged };
    match *known.type_() {
        Type::INT8 => {
            row.try_get(column).map_or(Cell::Damaged, |value: Option<i64>| value.map_or(Cell::Null, Cell::Integer))
        }
        Type::TEXT => {
            row.try_get(column).map_or(Cell::Damaged, |text: Option<&str>| text.map_or(Cell::Null, Cell::Text))
        }
        Type::BOOL => row
            .try_get(column)
            .map_or(Cell::Damaged, |value: Option<bool>| value.map_or(Cell::Null, |value| Cell::Integer(value.into()))),
        Type::FLOAT8 => {
            row.try_get(column).map_or(Cell::Damaged, |value: Option<f64>| value.map_or(Cell::Null, Cell::Double))
        }
        Type::INT4 => row
            .try_get(column)
            .map_or(Cell::Damaged, |value: Option<i32>| value.map_or(Cell::Null, |value| Cell::Integer(value.into()))),
        _ => Cell::Damaged,
    }
}
