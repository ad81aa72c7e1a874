//! What differs between databases.

use super::SqlValue;
use odata::expression::bound::Arithmetic;
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
    /// `(text)`: a value, or null.
    Read(LiteralForm),
    /// `(value)`: its text, or null.
    Write(LiteralForm),
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

    /// How an operation is written.
    fn form(&self, operation: Operation) -> Form;

    /// Equality that takes null for a value, and its opposite.
    fn is(&self, equal: bool) -> &'static str;

    /// A table with a row for each item of a collection, given the expression of the collection, and
    /// none for null.
    fn items(&self, collection: &str, alias: &str) -> String;

    /// The item in a row of that table.
    fn item(&self, alias: &str) -> String;

    /// What makes a term of `order by` ascending or descending with null below every value.
    fn direction(&self, descending: bool) -> &'static str;

    /// What follows the value for a row's own key in a comparison of rows, where the database needs a
    /// word for an index to serve it.
    fn after_row_key(&self) -> &'static str {
        ""
    }
}
