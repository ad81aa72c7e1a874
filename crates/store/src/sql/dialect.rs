//! What differs between databases.

use super::SqlValue;
use odata::expression::bound::{Arithmetic, ValueType};
use odata::expression::forms::Form as LiteralForm;
use std::borrow::Cow;

/// Something for which a database has its own words. What each one means is the function of the same
/// name in `odata::expression`: null when an argument is null, and never a failure of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `(text, text)`: boolean.
    Contains,
    /// `(text, text)`: boolean.
    StartsWith,
    /// `(text, text)`: boolean.
    EndsWith,
    /// `(text)`: code points.
    Length,
    /// `(text, text)`: from 0, or -1.
    IndexOf,
    /// `(text, from)` or `(text, from, count)`, as [`text::substring`](odata::expression::text::substring).
    Substring,
    /// `(text)`: by the frozen table.
    ToLower,
    /// `(text)`: by the frozen table.
    ToUpper,
    /// `(text)`: by the frozen set of white space.
    Trim,
    /// `(text, text)`
    Concat,
    /// `(text, pattern)`: boolean; the pattern is a bound value, the same for every row.
    Matches,
    /// `(ticks)`: the day of a moment.
    DayOf,
    /// `(ticks)`: the time of day of a moment.
    TimeOf,
    /// `(day)`
    Year,
    /// `(day)`
    Month,
    /// `(day)`: the day of the month.
    Day,
    /// `(time)`
    Hour,
    /// `(time)`
    Minute,
    /// `(time)`
    Second,
    /// `(time)`: a double.
    FractionOfSecond,
    /// `(ticks)`: a double.
    Seconds,
    /// `(number, number)`: as [`arithmetic::calculate`](odata::expression::arithmetic::calculate).
    Calculate(Arithmetic),
    /// `(number)`
    Negate,
    /// `(day)`: ticks.
    Midnight,
    /// `(number)`: ticks of the years 1 to 9999, or null.
    ToMoment,
    /// `(number)`: the day of such ticks, or null.
    ToDay,
    /// `(number)`: without fraction, or null.
    ToInteger,
    /// `(integer)`: the nearest double.
    ToDouble,
    /// `(integer)`: what compares with [`Operation::DoublePlace`] as the two numbers do by their exact
    /// values; above 2^53, not every integer is a double.
    IntegerPlace,
    /// `(double)`: what compares with [`Operation::IntegerPlace`].
    DoublePlace,
    /// `(text)`: a value, or null.
    Read(LiteralForm),
    /// `(value)`: its text, or null.
    Write(LiteralForm),
}

impl Operation {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
        const PLAIN: [Operation; 30] = [
            Operation::Contains,
            Operation::StartsWith,
            Operation::EndsWith,
            Operation::Length,
            Operation::IndexOf,
            Operation::Substring,
            Operation::ToLower,
            Operation::ToUpper,
            Operation::Trim,
            Operation::Concat,
            Operation::Matches,
            Operation::DayOf,
            Operation::TimeOf,
            Operation::Year,
            Operation::Month,
            Operation::Day,
            Operation::Hour,
            Operation::Minute,
            Operation::Second,
            Operation::FractionOfSecond,
            Operation::Seconds,
            Operation::Negate,
            Operation::Midnight,
            Operation::ToMoment,
            Operation::ToDay,
            Operation::ToInteger,
            Operation::ToDouble,
            Operation::IntegerPlace,
            Operation::DoublePlace,
            Operation::Calculate(Add),
        ];
        let calculations = [Sub, Mul, Div, DivBy, Mod].map(Self::Calculate);
        PLAIN
            .into_iter()
            .chain(calculations)
            .chain(LiteralForm::ALL.into_iter().flat_map(|form| [Self::Read(form), Self::Write(form)]))
    }
}

/// How a call is written: around its arguments, and between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Before the first argument.
    pub open: Cow<'static, str>,
    /// Between two arguments.
    pub between: &'static str,
    /// After the last argument.
    pub close: &'static str,
}

impl Form {
    /// A form from its three parts.
    pub const fn new(open: &'static str, between: &'static str, close: &'static str) -> Self {
        Self { open: Cow::Borrowed(open), between, close }
    }

    /// `name(argument, argument)`
    pub fn function(name: &str) -> Self {
        Self { open: Cow::Owned(format!("{name}(")), between: ", ", close: ")" }
    }
}

/// The words of a database.
///
/// Every dialect has these of the SQL standard, and gives them the same meaning: `and`, `or`, `not`,
/// comparison operators and `in` with null, `is [not] null`, `is [not] true`, `is [not] false`,
/// `exists`, `case`, comparison of rows. Texts must compare by code point.
pub trait Dialect: Send + Sync {
    /// Writes the placeholder of the value with this number, from 1.
    fn placeholder(&self, number: usize, value: &SqlValue, text: &mut String);

    /// The same where the value is compared with a property's column, which says by itself how texts compare: a database
    /// that hands conditions on to another may have to see that.
    fn beside_column(&self, number: usize, value: &SqlValue, text: &mut String) {
        self.placeholder(number, value, text);
    }

    /// How an operation is written; `None` where the database has no words that mean it exactly, so that an
    /// expression with it is left to the evaluator.
    fn form(&self, operation: Operation) -> Option<Form>;

    /// Whether the database can carry an operation out.
    fn has(&self, operation: Operation) -> bool {
        self.form(operation).is_some()
    }

    /// Null where nothing around it says of which type it is.
    fn null(&self, ty: ValueType) -> &'static str {
        let _ = ty;
        "NULL"
    }

    /// Equality that takes null for a value, and its opposite.
    fn is(&self, equal: bool) -> &'static str;

    /// A table with a row for each item of a collection, given the expression of the collection, and
    /// none for null.
    fn items(&self, collection: &str, alias: &str) -> String;

    /// The item in a row of that table, as a value of its type in JSON: a boolean, a number or a text, which
    /// times and members of enumerations are there.
    fn item(&self, alias: &str, ty: ValueType) -> String;

    /// What makes a term of `order by` ascending or descending with null below every value; where it
    /// cannot be null, what leaves an index every way to serve.
    fn direction(&self, descending: bool, can_be_null: bool) -> &'static str;

    /// What follows the value for a row's own key in a comparison of rows, where the database needs a
    /// word for an index to serve it.
    fn after_row_key(&self) -> &'static str {
        ""
    }
}
