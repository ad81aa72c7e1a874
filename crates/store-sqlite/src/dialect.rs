//! SQLite's words for what `store::sql` writes.

use crate::functions;
use odata::expression::bound::ValueType;
use odata::expression::forms::Form as Literal;
use store::sql::{Dialect, Form, Operation, SqlValue};

/// SQLite, on a connection of this store: `odata`'s own functions are registered there.
///
/// Its own operators and functions serve only where they mean exactly what the evaluator means:
/// `instr` and `||` (texts keep U+0000, which `length` and `substr` stop at), comparison, `&`, `in`,
/// `is`, `case`. Its `+ - *` go over to doubles where an integer overflows, `/` and `%` give null
/// for a divisor of zero but make an overflow a double; `lower` and `upper` know ASCII only;
/// `trim` knows the blank only; `cast` takes any text for some number.
#[derive(Clone, Copy, Debug)]
pub struct SqliteDialect;

impl Dialect for SqliteDialect {
    fn placeholder(&self, _number: usize, _value: &SqlValue, text: &mut String) {
        text.push('?');
    }

    fn form(&self, operation: Operation) -> Option<Form> {
        Some(match operation {
            Operation::Contains => Form::new("(instr(", ", ", ") > 0)"),
            Operation::StartsWith => Form::new("(instr(", ", ", ") = 1)"),
            Operation::IndexOf => Form::new("(instr(", ", ", ") - 1)"),
            Operation::Concat => Form::new("(", " || ", ")"),
            Operation::ToDouble => Form::new("CAST(", "", " AS REAL)"),
            Operation::Write(Literal::Guid) => Form::new("(", "", ")"), // is kept as its text
            Operation::IntegerPlace | Operation::DoublePlace => Form::new("", "", ""), // compared exactly as they are
            ours => Form::function(functions::name(ours)?),
        })
    }

    fn is(&self, equal: bool) -> &'static str {
        if equal { " IS " } else { " IS NOT " }
    }

    fn items(&self, collection: &str, alias: &str) -> String {
        format!("json_each({collection}) AS {alias}")
    }

    fn item(&self, alias: &str, _: ValueType) -> String {
        format!("{alias}.value")
    }

    fn direction(&self, descending: bool, _: bool) -> &'static str {
        if descending { " DESC" } else { " ASC" } // null lies below everything
    }

    /// A row's own key has no collation, and SQLite looks for one before it takes an index's range by
    /// several columns; without it, every page begins by passing over all rows with the same first key.
    fn after_row_key(&self) -> &'static str {
        " COLLATE BINARY"
    }
}
