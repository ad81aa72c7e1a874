//! PostgreSQL's words for what `store::sql` writes.

use odata::expression::bound::{Arithmetic, ValueType};
use odata::expression::forms::Form as Literal;
use std::fmt::Write as _;
use store::sql::{Dialect, Form, Operation, SqlValue};

/// PostgreSQL, in a database of UTF-8 with the functions of `migrations/postgres/0002_functions.sql`.
///
/// Its own operators and functions serve only where they mean exactly what the evaluator means; they fail
/// where a result overflows or underflows, and where a divisor is zero. Texts are compared by code point:
/// columns and every text written here say `COLLATE "C"`, whatever the database's own collation is.
///
/// Not had, and so left to the evaluator:
///
/// - [`Operation::Matches`]: a pattern of a client's runs in linear time in Rust, never in an engine.
/// - [`Operation::Write`] of doubles: PostgreSQL's shortest digits are others than Rust's now and then
///   (`1e23`), and hang on a setting of the session.
/// - [`Operation::Read`] of doubles: PostgreSQL fails where the number is too large or too small.
/// - [`Operation::Read`] of dates, times and durations: their grammars would have to be written twice.
#[derive(Clone, Copy, Debug)]
pub struct PostgresDialect;

impl Dialect for PostgresDialect {
    fn placeholder(&self, number: usize, value: &SqlValue, text: &mut String) {
        // Null gets its type from where it stands.
        let _ = match value {
            SqlValue::Null => write!(text, "${number}"),
            SqlValue::Boolean(_) => write!(text, "${number}::boolean"),
            SqlValue::Integer(_) => write!(text, "${number}::bigint"),
            SqlValue::Double(_) => write!(text, "${number}::float8"),
            SqlValue::Text(_) => write!(text, "(${number}::text COLLATE \"C\")"),
        };
    }

    /// Columns are `COLLATE "C"`. Where they are on another server, `postgres_fdw` sends a comparison there only when
    /// its value does not say the same once more.
    fn beside_column(&self, number: usize, value: &SqlValue, text: &mut String) {
        match value {
            SqlValue::Text(_) => _ = write!(text, "${number}::text"),
            value => self.placeholder(number, value, text),
        }
    }

    fn form(&self, operation: Operation) -> Option<Form> {
        use Operation as O;
        let number = |name| Some(Form::function(name));
        let text = |name| Some(Form { close: ") COLLATE \"C\")", ..Form::function(&format!("({name}")) });
        match operation {
            O::Contains => Some(Form::new("(strpos(", ", ", ") > 0)")),
            O::StartsWith => number("starts_with"),
            O::EndsWith => number("spillwatch_endswith"),
            O::Length => Some(Form::new("length(", ", ", ")::bigint")),
            O::IndexOf => Some(Form::new("(strpos(", ", ", ")::bigint - 1)")),
            O::Substring => text("spillwatch_substring"),
            O::ToLower => text("spillwatch_tolower"),
            O::ToUpper => text("spillwatch_toupper"),
            O::Trim => text("spillwatch_trim"),
            O::Concat => Some(Form::new("((", " || ", ") COLLATE \"C\")")),
            O::DayOf => number("spillwatch_day_of"),
            O::TimeOf => number("spillwatch_time_of"),
            O::Year => number("spillwatch_year"),
            O::Month => number("spillwatch_month"),
            O::Day => number("spillwatch_day"),
            O::Hour => number("spillwatch_hour"),
            O::Minute => number("spillwatch_minute"),
            O::Second => number("spillwatch_second"),
            O::FractionOfSecond => number("spillwatch_fraction_of_second"),
            O::Seconds => number("spillwatch_seconds"),
            O::Calculate(Arithmetic::Add) => number("spillwatch_add"),
            O::Calculate(Arithmetic::Sub) => number("spillwatch_sub"),
            O::Calculate(Arithmetic::Mul) => number("spillwatch_mul"),
            O::Calculate(Arithmetic::Div) => number("spillwatch_div"),
            O::Calculate(Arithmetic::DivBy) => number("spillwatch_divby"),
            O::Calculate(Arithmetic::Mod) => number("spillwatch_mod"),
            O::Negate => number("spillwatch_negate"),
            O::Midnight => number("spillwatch_midnight"),
            O::ToMoment => number("spillwatch_to_moment"),
            O::ToDay => number("spillwatch_to_day"),
            O::ToInteger => number("spillwatch_to_integer"),
            O::ToDouble => Some(Form::new("CAST(", "", " AS float8)")),
            O::IntegerPlace => Some(Form::new("CAST(", "", " AS numeric)")),
            O::DoublePlace => number("spillwatch_double_place"),
            O::Read(Literal::Boolean) => number("spillwatch_read_boolean"),
            O::Read(Literal::Integer) => number("spillwatch_read_integer"),
            O::Read(Literal::Guid) => text("spillwatch_read_guid"),
            O::Write(Literal::Boolean | Literal::Integer) => Some(Form::new("(CAST(", "", " AS text) COLLATE \"C\")")),
            O::Write(Literal::DateTimeOffset) => text("spillwatch_write_moment"),
            O::Write(Literal::Date) => text("spillwatch_write_day"),
            O::Write(Literal::TimeOfDay) => text("spillwatch_write_time"),
            O::Write(Literal::Duration) => text("spillwatch_write_duration"),
            O::Write(Literal::Guid) => Some(Form::new("(", "", ")")), // is kept as its text
            O::Matches | O::Read(_) | O::Write(Literal::Double) => None,
        }
    }

    fn null(&self, ty: ValueType) -> &'static str {
        match ty {
            ValueType::Null => "NULL",
            ValueType::Boolean => "NULL::boolean",
            ValueType::Text | ValueType::Guid => "(NULL::text COLLATE \"C\")",
            ValueType::Double => "NULL::float8",
            ValueType::Integer
            | ValueType::DateTimeOffset
            | ValueType::Date
            | ValueType::TimeOfDay
            | ValueType::Duration
            | ValueType::Enum(_) => "NULL::bigint",
        }
    }

    fn is(&self, equal: bool) -> &'static str {
        if equal { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " }
    }

    fn items(&self, collection: &str, alias: &str) -> String {
        format!("json_array_elements_text(CAST({collection} AS json)) AS {alias}(value)")
    }

    fn item(&self, alias: &str, ty: ValueType) -> String {
        match ty {
            ValueType::Boolean => format!("{alias}.value::boolean"),
            ValueType::Integer => format!("{alias}.value::bigint"),
            ValueType::Double => format!("{alias}.value::float8"),
            _ => format!("({alias}.value COLLATE \"C\")"),
        }
    }

    /// PostgreSQL has null above everything unless it is told, and takes an index only for the very words
    /// that it was made with.
    fn direction(&self, descending: bool, can_be_null: bool) -> &'static str {
        match (descending, can_be_null) {
            (false, false) => " ASC",
            (false, true) => " ASC NULLS FIRST",
            (true, false) => " DESC",
            (true, true) => " DESC NULLS LAST",
        }
    }
}
