//! Paging by keys: a page begins strictly after the row that the page before ended with, whatever
//! was inserted or deleted since.

use super::lower::{Nulls, Schema, can_be_null, lower};
use super::{Sql, SqlValue};
use odata::expression::bound::{Node, OrderKey, ValueType};

/// An order of rows that no two share a place in: by the keys, null below every value, and then by
/// the row's own key.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    keys: &'a [OrderKey],
    row_key: &'a str,
    descending: bool,
}

/// A row's place in an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The values of the order's keys.
    pub values: Vec<SqlValue>,
    /// The row's own key.
    pub row_key: i64,
}

/// A place that is not one of the order's: its values are too few, too many or of other types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the place belongs to another order")]
pub struct PlaceError;

impl<'a> Order<'a> {
    /// The order by some keys and then by `row_key`, the expression of an integer that is unique and
    /// never null. That goes in the direction of the last key, so that one index can serve both;
    /// without keys it descends if `descending`.
    pub fn new(keys: &'a [OrderKey], row_key: &'a str, descending: bool) -> Self {
        Self { keys, row_key, descending: keys.last().map_or(descending, |key| key.descending) }
    }

    /// Whether the row's own key descends.
    pub fn is_descending(&self) -> bool {
        self.descending
    }

    /// Writes the keys' values as columns of `select`, each after a comma: what a [`Place`] is made of.
    pub fn columns(&self, schema: &dyn Schema, sql: &mut Sql<'_>) {
        for key in self.keys {
            sql.push(", ");
            lower(&key.expression, schema, Nulls::Kept, sql);
        }
    }

    /// Writes the terms of `order by`; a constant orders nothing.
    pub fn order_by(&self, schema: &dyn Schema, sql: &mut Sql<'_>) {
        for key in self.keys.iter().filter(|key| !matches!(key.expression.node, Node::Literal(_))) {
            lower(&key.expression, schema, Nulls::Kept, sql);
            let can_be_null = can_be_null(&key.expression, schema);
            sql.push(sql.dialect.direction(key.descending, can_be_null)).push(", ");
        }
        // It is never null; and a plain direction leaves an index every way to serve.
        sql.push(self.row_key).push(if self.descending { " DESC" } else { " ASC" });
    }

    /// Writes the condition for rows strictly after a place. It is never null where it matters: null
    /// stands for false.
    pub fn after(&self, place: &Place, schema: &dyn Schema, sql: &mut Sql<'_>) -> Result<(), PlaceError> {
        let fits = |(key, value): (&OrderKey, &SqlValue)| is_of(value, key.expression.ty);
        if place.values.len() != self.keys.len() || !self.keys.iter().zip(&place.values).all(fits) {
            return Err(PlaceError);
        }
        After { order: *self, place, schema }.from(0, sql);
        Ok(())
    }
}

fn is_of(value: &SqlValue, ty: ValueType) -> bool {
    match (value, ty) {
        (SqlValue::Null, _)
        | (SqlValue::Boolean(_), ValueType::Boolean)
        | (SqlValue::Double(_), ValueType::Double)
        | (SqlValue::Text(_), ValueType::Text | ValueType::Guid) => true,
        (SqlValue::Integer(_), ty) => !matches!(ty, ValueType::Null | ValueType::Text | ValueType::Guid),
        _ => false,
    }
}

struct After<'a> {
    order: Order<'a>,
    place: &'a Place,
    schema: &'a dyn Schema,
}

impl After<'_> {
    /// Rows that are equal to the place in the keys before `first` and come after it in the others.
    fn from(&self, first: usize, sql: &mut Sql<'_>) {
        let (keys, values) = (&self.order.keys[first..], &self.place.values[first..]);
        let ([key, ..], [value, ..]) = (keys, values) else {
            sql.push("(").push(self.order.row_key).push(operator(self.order.descending));
            sql.bind(self.place.row_key).push(")");
            return;
        };
        if self.is_one_range(keys, values) {
            self.as_rows(keys, values, sql);
            return;
        }
        let write = |sql: &mut Sql<'_>| lower(&key.expression, self.schema, Nulls::Kept, sql);
        let bind = |sql: &mut Sql<'_>| bind(key, value, sql);
        sql.push("(");
        match (value, key.descending) {
            (SqlValue::Null, false) => {
                write(sql);
                sql.push(" IS NOT NULL OR ");
                self.from(first + 1, sql);
            }
            (SqlValue::Null, true) => {
                // below null lies nothing
                write(sql);
                sql.push(" IS NULL AND ");
                self.from(first + 1, sql);
            }
            (_, descending) if !descending || !can_be_null(&key.expression, self.schema) => {
                // Said twice so that an index can begin at the place: not before it, and then ...
                write(sql);
                sql.push(if descending { " <= " } else { " >= " });
                bind(sql);
                sql.push(" AND (");
                write(sql);
                sql.push(operator(descending));
                bind(sql);
                sql.push(" OR ");
                self.from(first + 1, sql);
                sql.push(")");
            }
            _ => {
                write(sql);
                sql.push(" < ");
                bind(sql);
                sql.push(" OR ");
                write(sql);
                sql.push(" IS NULL OR (");
                write(sql);
                sql.push(" = ");
                bind(sql);
                sql.push(" AND ");
                self.from(first + 1, sql);
                sql.push(")");
            }
        }
        sql.push(")");
    }

    /// Whether one comparison of rows says it, which an index over all keys serves as one range:
    /// where the directions are the same and no null lies in the way.
    fn is_one_range(&self, keys: &[OrderKey], values: &[SqlValue]) -> bool {
        let descending = self.order.descending;
        keys.iter().zip(values).all(|(key, value)| {
            let never_null = !can_be_null(&key.expression, self.schema);
            key.descending == descending && *value != SqlValue::Null && (!descending || never_null)
        })
    }

    fn as_rows(&self, keys: &[OrderKey], values: &[SqlValue], sql: &mut Sql<'_>) {
        sql.push("((");
        for key in keys {
            lower(&key.expression, self.schema, Nulls::Kept, sql);
            sql.push(", ");
        }
        sql.push(self.order.row_key).push(")").push(operator(self.order.descending)).push("(");
        for (key, value) in keys.iter().zip(values) {
            bind(key, value, sql);
            sql.push(", ");
        }
        let end = sql.dialect.after_row_key();
        sql.bind(self.place.row_key).push(end).push("))");
    }
}

/// Binds the value of a key that it is compared with.
fn bind(key: &OrderKey, value: &SqlValue, sql: &mut Sql<'_>) {
    if matches!(key.expression.node, Node::Property(_)) {
        sql.bind_beside_column(value.clone());
    } else {
        sql.bind(value.clone());
    }
}

fn operator(descending: bool) -> &'static str {
    if descending { " < " } else { " > " }
}
