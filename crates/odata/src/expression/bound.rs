//! Bound expressions: names resolved against the model, every node of a known type.
//!
//! A bound expression is total: whatever the row, it has a value. What could fail while it is
//! worked out (an overflow, a division by zero) was refused when it was bound, so the evaluator and
//! every store agree without a way to fail.
//!
//! # Values
//!
//! | type | value |
//! |---|---|
//! | `Edm.Boolean` | true, false; in a [`Cell`](crate::encode::Cell) 1, 0 |
//! | `Edm.String` | text; ordered and compared by code point, counted in code points |
//! | integers | `i64` |
//! | `Edm.Double`, `Edm.Decimal` | `f64`, never infinite or NaN |
//! | `Edm.DateTimeOffset` | ticks of 100 ns since 1970-01-01T00:00:00Z |
//! | `Edm.Date` | days since 1970-01-01 |
//! | `Edm.TimeOfDay`, `Edm.Duration` | ticks |
//! | an enumeration | the member's number |
//!
//! # Null
//!
//! `eq` and `ne` take null for a value. `gt`, `ge`, `lt`, `le` are false when a side is null. `and`,
//! `or` and `not` are three-valued. `in` is the `or` of `eq`s. Everything else is null when an
//! argument is (URL conventions 4.01, sections 5.1.1.1 to 5.1.1.3).

use crate::Ticks;
use crate::edm::{EntityType, EnumType, NavigationProperty, Property};

/// The type of an expression.
#[derive(Clone, Copy, Debug)]
pub enum ValueType {
    /// The type of `null` itself: fits everywhere.
    Null,
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.String`, and `Edm.Guid` where it is a text.
    Text,
    /// `Edm.Int64` and smaller.
    Integer,
    /// `Edm.Double`, `Edm.Decimal`
    Double,
    /// `Edm.DateTimeOffset`
    DateTimeOffset,
    /// `Edm.Date`
    Date,
    /// `Edm.TimeOfDay`
    TimeOfDay,
    /// `Edm.Duration`
    Duration,
    /// `Edm.Guid`
    Guid,
    /// An enumeration.
    Enum(&'static EnumType),
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// `'text'`, unquoted.
    Text(Box<str>),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent; finite.
    Double(f64),
    /// A moment; also `now()`, which is fixed when the expression is bound.
    DateTimeOffset(Ticks),
    /// Days since 1970-01-01.
    Date(i64),
    /// Ticks since midnight.
    TimeOfDay(i64),
    /// Ticks; may be negative.
    Duration(i64),
    /// A GUID in lower case with hyphens.
    Guid(Box<str>),
    /// The number of a member, or of several flags.
    Enum(i64),
}

/// A property of the row, or of an entity that the row relates to.
#[derive(Clone, Debug)]
pub struct PropertyPath {
    /// The relations to follow, each to one entity. A relation that leads nowhere makes every
    /// property behind it null.
    pub navigation: Vec<&'static NavigationProperty>,
    /// The property's position in the type that the path leads to.
    pub position: usize,
    /// The property.
    pub property: &'static Property,
}

/// A comparison of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`
    Eq,
    /// `ne`
    Ne,
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
}

/// An operation on numbers or times. Moments and durations count in ticks, so every operation is
/// one on numbers; the type of the node says what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `add`
    Add,
    /// `sub`
    Sub,
    /// `mul`
    Mul,
    /// `div`: of two integers, rounding towards zero; else as [`Arithmetic::DivBy`].
    Div,
    /// `divby`: with fraction.
    DivBy,
    /// `mod`: with the sign of the dividend.
    Mod,
}

/// A function of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `contains(text, text)`
    Contains,
    /// `startswith(text, text)`
    StartsWith,
    /// `endswith(text, text)`
    EndsWith,
    /// `length(text)`
    Length,
    /// `indexof(text, text)`: from 0; -1 when it is not there.
    IndexOf,
    /// `substring(text, from)` and `substring(text, from, length)`; a negative start counts from
    /// the end.
    Substring,
    /// `tolower(text)`, by the frozen table.
    ToLower,
    /// `toupper(text)`, by the frozen table.
    ToUpper,
    /// `trim(text)`: white space of Unicode off both ends.
    Trim,
    /// `concat(text, text)`
    Concat,
    /// `matchesPattern(text, pattern)`: the pattern is a literal, checked when it is bound.
    MatchesPattern,
    /// `year(moment or date)`
    Year,
    /// `month`
    Month,
    /// `day`
    Day,
    /// `hour(moment or time of day)`
    Hour,
    /// `minute`
    Minute,
    /// `second`
    Second,
    /// `fractionalseconds`: a double from 0 to below 1.
    FractionalSeconds,
    /// `date(moment)`
    Date,
    /// `time(moment)`
    Time,
    /// `totaloffsetminutes(moment)`: 0, since moments are kept in UTC.
    TotalOffsetMinutes,
    /// `totalseconds(duration)`: a double.
    TotalSeconds,
}

/// What an expression does.
#[derive(Clone, Debug)]
pub enum Node {
    /// A constant.
    Literal(Literal),
    /// A property that holds one value.
    Property(PropertyPath),
    /// The range variable of the innermost `any` or `all`: one item of a collection.
    Item,
    /// `not`
    Not(Box<Expression>),
    /// All of them: `and`. At least two.
    And(Vec<Expression>),
    /// Any of them: `or`. At least two.
    Or(Vec<Expression>),
    /// A comparison; numbers of both kinds may meet, otherwise both sides are of one type.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `in`: equal to one of the list, which holds literals and is not empty.
    In(Box<Expression>, Vec<Literal>),
    /// `has`: every flag of the number is set.
    Has(Box<Expression>, i64),
    /// `-`
    Negate(Box<Expression>),
    /// Arithmetic.
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    /// A function.
    Call(Function, Vec<Expression>),
    /// `cast`: the value as the node's type.
    Cast(Box<Expression>),
    /// `isof(type)`: whether the row itself is of a type or of one that derives from it.
    IsOf(&'static EntityType),
    /// `collection/any(item:condition)`; without condition, whether there is an item at all.
    Any(PropertyPath, Option<Box<Expression>>),
    /// `collection/all(item:condition)`
    All(PropertyPath, Box<Expression>),
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it does.
    pub node: Node,
    /// The type of its value.
    pub ty: ValueType,
}

impl Expression {
    /// Shows it and everything within it to `visitor`, outer parts first.
    pub fn visit<'e>(&'e self, visitor: &mut impl FnMut(&'e Self)) {
        visitor(self);
        match &self.node {
            Node::Literal(_) | Node::Property(_) | Node::Item | Node::IsOf(_) | Node::Any(_, None) => {}
            Node::Not(inner)
            | Node::In(inner, _)
            | Node::Has(inner, _)
            | Node::Negate(inner)
            | Node::Cast(inner)
            | Node::Any(_, Some(inner))
            | Node::All(_, inner) => inner.visit(visitor),
            Node::And(parts) | Node::Or(parts) | Node::Call(_, parts) => {
                for part in parts {
                    part.visit(visitor);
                }
            }
            Node::Compare(_, left, right) | Node::Arithmetic(_, left, right) => {
                left.visit(visitor);
                right.visit(visitor);
            }
        }
    }
}

impl Expression {
    /// The same with other expressions in the place of properties of the row itself and of what it says of
    /// the row's type: for rows that are a view of others. What lies behind relations stays.
    #[must_use]
    pub fn seen_through(&self, view: &dyn View) -> Self {
        let through = |expression: &Self| expression.seen_through(view);
        let boxed = |expression: &Self| Box::new(through(expression));
        let node = match &self.node {
            Node::Property(path) if path.navigation.is_empty() => return view.property(path),
            Node::IsOf(ty) => Node::Literal(Literal::Boolean(view.is_of(ty))),
            Node::Literal(_) | Node::Property(_) | Node::Item | Node::Any(..) | Node::All(..) => self.node.clone(),
            Node::Not(inner) => Node::Not(boxed(inner)),
            Node::And(parts) => Node::And(parts.iter().map(through).collect()),
            Node::Or(parts) => Node::Or(parts.iter().map(through).collect()),
            Node::Compare(comparison, left, right) => Node::Compare(*comparison, boxed(left), boxed(right)),
            Node::In(inner, list) => Node::In(boxed(inner), list.clone()),
            Node::Has(inner, flags) => Node::Has(boxed(inner), *flags),
            Node::Negate(inner) => Node::Negate(boxed(inner)),
            Node::Arithmetic(operation, left, right) => Node::Arithmetic(*operation, boxed(left), boxed(right)),
            Node::Call(function, arguments) => Node::Call(*function, arguments.iter().map(through).collect()),
            Node::Cast(inner) => Node::Cast(boxed(inner)),
        };
        Self { node, ty: self.ty }
    }
}

/// How rows are seen as rows of another type.
pub trait View {
    /// What a property of the view is of the rows below.
    fn property(&self, path: &PropertyPath) -> Expression;
    /// Whether every row of the view is of a type.
    fn is_of(&self, ty: &EntityType) -> bool;
}

/// One key of `$orderby`. Null sorts below every value.
#[derive(Clone, Debug)]
pub struct OrderKey {
    /// What is sorted by.
    pub expression: Expression,
    /// Whether the greatest comes first.
    pub descending: bool,
}
