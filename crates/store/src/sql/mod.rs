//! Bound expressions as SQL, for every store that speaks it.
//!
//! [`lower`] writes an expression into an [`Sql`], where each value of a client's is bound, never
//! text. What differs between databases is a [`Dialect`]; where properties lie is a [`Schema`].
//! The meaning is that of `odata`'s evaluator; the contract suite's `expressions` holds them together.
//!
//! What a dialect has no exact words for is not lowered: [`can_lower`] tells, and the store has the
//! evaluator decide.
//!
//! A statement grows in proportion to its expression: no operand is written twice, save property
//! names. And it stays flat: SQLite takes expressions of at most 1,000 levels, so a chain of `and`
//! or `or` is written in balanced halves, and a bound expression is not deeper than the binder lets it.

mod dialect;
mod keyset;
mod lower;

pub use dialect::{Dialect, Form, Operation};
pub use keyset::{Order, Place, PlaceError};
pub use lower::{Kinds, Nulls, Schema, can_lower, lower};

use odata::expression::bound::Literal;
use std::fmt;

/// A value that is bound to a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer, a time or an enumeration's number.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A text.
    Text(Box<str>),
}

impl From<&Literal> for SqlValue {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Boolean(value) => Self::Boolean(*value),
            Literal::Text(text) | Literal::Guid(text) => Self::Text(text.clone()),
            Literal::DateTimeOffset(ticks) => Self::Integer(ticks.get()),
            Literal::Double(value) => Self::Double(*value),
            Literal::Integer(value)
            | Literal::Date(value)
            | Literal::TimeOfDay(value)
            | Literal::Duration(value)
            | Literal::Enum(value) => Self::Integer(*value),
        }
    }
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

/// A statement, or a part of one, as it is written: text of ours, and bound values.
pub struct Sql<'d> {
    text: String,
    values: Vec<SqlValue>,
    dialect: &'d dyn Dialect,
}

impl<'d> Sql<'d> {
    /// An empty statement.
    pub fn new(dialect: &'d dyn Dialect) -> Self {
        Self { text: String::new(), values: Vec::new(), dialect }
    }

    /// Writes text of ours: keywords, names from the schema. Nothing that a client sent.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Writes a placeholder and keeps the value for it.
    pub fn bind(&mut self, value: impl Into<SqlValue>) -> &mut Self {
        let value = value.into();
        self.dialect.placeholder(self.values.len() + 1, &value, &mut self.text);
        self.values.push(value);
        self
    }

    /// The same of a value that is compared with a property's column.
    pub fn bind_beside_column(&mut self, value: impl Into<SqlValue>) -> &mut Self {
        let value = value.into();
        self.dialect.beside_column(self.values.len() + 1, &value, &mut self.text);
        self.values.push(value);
        self
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values, in the order of their placeholders.
    pub fn values(&self) -> &[SqlValue] {
        &self.values
    }

    /// Both.
    pub fn into_parts(self) -> (String, Vec<SqlValue>) {
        (self.text, self.values)
    }
}

impl fmt::Debug for Sql<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("text", &self.text).field("values", &self.values).finish_non_exhaustive()
    }
}
