//! The evaluator: what a bound expression comes to for a row in memory. It is the meaning that
//! every store's own query language is held to.
//!
//! Beyond what [`bound`](super::bound) says of null:
//!
//! - An operation without a result is null: an integer that overflows, an infinite double, a divisor
//!   of zero, a moment or day outside of the years 1 to 9999 ([`arithmetic`]), a `cast` of a text that
//!   is not of the form ([`cast`]). The binder refuses most of these before a row is met.
//! - `any` is true when the condition is true of an item and otherwise false, `all` when it is true
//!   of every item and otherwise false (URL conventions 4.01, section 5.1.1.13). A collection behind a
//!   relation that leads nowhere has no items.
//! - A cell that holds no value of its type ([`Cell::Damaged`]) is null.

use super::arithmetic;
use super::bound::{Comparison, Expression, Function, Literal, Node, PropertyPath, ValueType};
use super::cast;
use super::forms::Form;
use super::pattern::Pattern;
use super::text;
use crate::calendar;
use crate::edm::{EntityType, Type};
use crate::encode::Cell;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What an expression comes to. As in a [`Cell`], its type says what a number means.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Null.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer, a moment, a day, a time of day, a duration or an enumeration's number.
    Integer(i64),
    /// A double; finite.
    Double(f64),
    /// A text, or a GUID in lower case.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The same, borrowing from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => Value::Boolean(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Double(value) => Value::Double(value),
            Self::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
        }
    }

    /// How two values that are not null lie to each other; `None` with null, and for values that
    /// cannot be compared. Texts go by code point, numbers by their exact values, false lies below
    /// true.
    pub fn order(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
            (Self::Double(a), Value::Double(b)) => a.partial_cmp(b),
            (Self::Integer(a), Value::Double(b)) => order_mixed(*a, *b),
            (Self::Double(a), Value::Integer(b)) => order_mixed(*b, *a).map(Ordering::reverse),
            (Self::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// How two values lie in `$orderby`: null below everything.
    pub fn order_with_null(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Self::Null, Value::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (a, b) => a.order(b).unwrap_or(Ordering::Equal),
        }
    }
}

/// Compares exactly: above 2^53, not every integer is a double.
fn order_mixed(integer: i64, double: f64) -> Option<Ordering> {
    /// 2^63
    const END: f64 = 9_223_372_036_854_775_808.0;
    if double >= END {
        return Some(Ordering::Less);
    }
    if double < -END {
        return Some(Ordering::Greater);
    }
    let whole = integer.cmp(&(double.trunc() as i64));
    Some(whole.then(0.0_f64.partial_cmp(&double.fract())?))
}

/// What an expression is evaluated over.
pub trait Scope {
    /// The value of a property. A relation that leads nowhere makes it null.
    fn cell(&self, path: &PropertyPath) -> Cell<'_>;
    /// The row's own type.
    fn entity_type(&self) -> &'static EntityType;
}

/// An expression made ready to be evaluated for many rows.
#[derive(Debug)]
pub struct Evaluator<'e> {
    expression: &'e Expression,
    patterns: Vec<(&'e str, Pattern)>,
}

/// Evaluates an expression once.
pub fn evaluate(expression: &Expression, scope: &dyn Scope) -> Value<'static> {
    Evaluator::new(expression).value(scope).into_owned()
}

impl<'e> Evaluator<'e> {
    /// Compiles the patterns of `matchesPattern`.
    pub fn new(expression: &'e Expression) -> Self {
        let mut patterns: Vec<(&str, Pattern)> = Vec::new();
        expression.visit(&mut |part| {
            if let Node::Call(Function::MatchesPattern, arguments) = &part.node
                && let [_, pattern] = arguments.as_slice()
                && let Node::Literal(Literal::Text(text)) = &pattern.node
                && let Ok(pattern) = Pattern::new(text)
            {
                patterns.push((text, pattern));
            }
        });
        Self { expression, patterns }
    }

    /// Its value for a row.
    pub fn value<'s>(&'s self, scope: &'s dyn Scope) -> Value<'s> {
        Row { scope, patterns: &self.patterns, item: None }.value(self.expression)
    }

    /// Tells whether a row is one that `$filter` keeps: the value is true, neither false nor null.
    pub fn matches(&self, scope: &dyn Scope) -> bool {
        self.value(scope) == Value::Boolean(true)
    }
}

/// A row, and the item that `any` or `all` stands on.
#[derive(Clone, Copy)]
struct Row<'s> {
    scope: &'s dyn Scope,
    patterns: &'s [(&'s str, Pattern)],
    item: Option<&'s Value<'s>>,
}

impl<'s> Row<'s> {
    fn value(&self, expression: &'s Expression) -> Value<'s> {
        match &expression.node {
            Node::Literal(literal) => literal.into(),
            Node::Property(path) => read(self.scope.cell(path), &path.property.ty),
            Node::Item => self.item.cloned().unwrap_or(Value::Null),
            Node::Not(inner) => boolean(self.truth(inner).map(|truth| !truth)),
            Node::And(parts) => boolean(self.any_is(false, parts).map(|broken| !broken)),
            Node::Or(parts) => boolean(self.any_is(true, parts)),
            Node::Compare(comparison, left, right) => {
                Value::Boolean(compare(*comparison, &self.value(left), &self.value(right)))
            }
            Node::In(inner, list) => {
                let value = self.value(inner);
                Value::Boolean(list.iter().any(|literal| equal(&value, &literal.into())))
            }
            Node::Has(inner, flags) => match self.value(inner) {
                Value::Integer(value) => Value::Boolean(value & flags == *flags),
                _ => Value::Null,
            },
            Node::Negate(inner) => arithmetic::negate(&self.value(inner)).unwrap_or(Value::Null),
            Node::Arithmetic(operation, left, right) => {
                let operand = |side: &'s Expression| arithmetic::lift(self.value(side), side.ty);
                let number = arithmetic::calculate(*operation, &operand(left), &operand(right));
                arithmetic::land(number.unwrap_or(Value::Null), expression.ty)
            }
            Node::Call(function, arguments) => self.call(*function, arguments).unwrap_or(Value::Null),
            Node::Cast(inner) => match cast::conversion(inner.ty, expression.ty) {
                Some(conversion) => conversion.apply(self.value(inner)),
                None => Value::Null,
            },
            Node::IsOf(ty) => Value::Boolean(self.scope.entity_type().is(ty)),
            Node::Any(path, condition) => {
                let holds = |item: &Value<'s>| condition.as_deref().is_none_or(|it| self.holds(it, item));
                Value::Boolean(self.items(path).iter().any(holds))
            }
            Node::All(path, condition) => {
                Value::Boolean(self.items(path).iter().all(|item| self.holds(condition, item)))
            }
        }
    }

    fn truth(&self, expression: &'s Expression) -> Option<bool> {
        match self.value(expression) {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// Whether one of the parts is `wanted`; null when it hangs on a part that is null.
    fn any_is(&self, wanted: bool, parts: &'s [Expression]) -> Option<bool> {
        let mut unknown = false;
        for part in parts {
            match self.truth(part) {
                Some(truth) if truth == wanted => return Some(true),
                Some(_) => {}
                None => unknown = true,
            }
        }
        (!unknown).then_some(false)
    }

    /// The items of a collection; none behind a relation that leads nowhere.
    fn items(&self, path: &'s PropertyPath) -> Vec<Value<'static>> {
        let (Cell::Text(json), Type::Collection { of, .. }) = (self.scope.cell(path), &path.property.ty) else {
            return Vec::new();
        };
        let items: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
        items.into_iter().map(|item| read_item(item, of)).collect()
    }

    fn holds(&self, condition: &Expression, item: &Value<'_>) -> bool {
        Row { item: Some(item), ..*self }.value(condition) == Value::Boolean(true)
    }

    /// A function's value; `None` for null, which it is when an argument is.
    fn call(&self, function: Function, arguments: &'s [Expression]) -> Option<Value<'s>> {
        use Function as F;
        let value = |at: usize| arguments.get(at).map(|argument| self.value(argument));
        let text = |at: usize| match value(at) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        let number = |at: usize| match value(at) {
            Some(Value::Integer(number)) => Some(number),
            _ => None,
        };
        let on_moment = matches!(arguments.first()?.ty, ValueType::DateTimeOffset);
        let day = || number(0).map(|it| if on_moment { calendar::day_of(it) } else { it });
        let time = || number(0).map(|it| if on_moment { calendar::time_of(it) } else { it });
        let owned = |text: String| Value::Text(text.into());
        Some(match function {
            F::Contains => Value::Boolean(text(0)?.contains(&*text(1)?)),
            F::StartsWith => Value::Boolean(text(0)?.starts_with(&*text(1)?)),
            F::EndsWith => Value::Boolean(text(0)?.ends_with(&*text(1)?)),
            F::Length => Value::Integer(text::length(&text(0)?)),
            F::IndexOf => Value::Integer(text::index_of(&text(0)?, &text(1)?)),
            F::Substring => {
                let count = if arguments.len() > 2 { Some(number(2)?) } else { None };
                owned(text::substring(&text(0)?, number(1)?, count).to_owned())
            }
            F::ToLower => owned(text::to_lower(&text(0)?)),
            F::ToUpper => owned(text::to_upper(&text(0)?)),
            F::Trim => owned(text::trim(&text(0)?).to_owned()),
            F::Concat => owned(text(0)?.into_owned() + &text(1)?),
            F::MatchesPattern => {
                let (text, pattern) = (text(0)?, text(1)?);
                let (_, pattern) = self.patterns.iter().find(|(source, _)| *source == pattern)?;
                Value::Boolean(pattern.matches(&text))
            }
            F::Year => Value::Integer(calendar::date(day()?).0),
            F::Month => Value::Integer(calendar::date(day()?).1),
            F::Day => Value::Integer(calendar::date(day()?).2),
            F::Hour => Value::Integer(calendar::hour(time()?)),
            F::Minute => Value::Integer(calendar::minute(time()?)),
            F::Second => Value::Integer(calendar::second(time()?)),
            F::FractionalSeconds => Value::Double(calendar::fraction_of_second(time()?)),
            F::Date => Value::Integer(day()?),
            F::Time => Value::Integer(time()?),
            F::TotalOffsetMinutes => number(0).map(|_| Value::Integer(0))?,
            F::TotalSeconds => Value::Double(calendar::seconds(number(0)?)),
        })
    }
}

fn boolean(truth: Option<bool>) -> Value<'static> {
    truth.map_or(Value::Null, Value::Boolean)
}

/// Two nulls are equal, and null equals nothing else.
fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (left, right) => left.order(right) == Some(Ordering::Equal),
    }
}

/// Never null: `eq` and `ne` compare null as a value, and with null nothing is greater or less, or
/// equal for `ge` and `le` (graph.md 15).
fn compare(comparison: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    match comparison {
        Comparison::Eq => equal(left, right),
        Comparison::Ne => !equal(left, right),
        Comparison::Gt => left.order(right).is_some_and(Ordering::is_gt),
        Comparison::Ge => left.order(right).is_some_and(Ordering::is_ge),
        Comparison::Lt => left.order(right).is_some_and(Ordering::is_lt),
        Comparison::Le => left.order(right).is_some_and(Ordering::is_le),
    }
}

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Boolean(value) => Self::Boolean(*value),
            Literal::Text(text) | Literal::Guid(text) => Self::Text(Cow::Borrowed(text)),
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

/// A cell as a value of the property's type.
fn read<'a>(cell: Cell<'a>, ty: &Type) -> Value<'a> {
    match (cell, ty) {
        (_, Type::Collection { .. } | Type::Complex(_)) | (Cell::Null | Cell::Damaged, _) => Value::Null,
        (Cell::Integer(value), Type::Boolean) => Value::Boolean(value != 0),
        #[expect(clippy::cast_precision_loss, reason = "what is stored as a whole number was a double")]
        (Cell::Integer(value), Type::Double) => Value::Double(value as f64),
        // The binder counts on the bounds of the type.
        (Cell::Integer(value), Type::Int32) if i32::try_from(value).is_err() => Value::Null,
        (Cell::Integer(value), _) => Value::Integer(value),
        (Cell::Double(value), Type::Double) if value.is_finite() => Value::Double(value),
        (Cell::Double(_) | Cell::Complex(_), _) => Value::Null,
        (Cell::Text(text), _) => Value::Text(Cow::Borrowed(text)),
    }
}

/// An item of a collection from its JSON form.
fn read_item(item: serde_json::Value, ty: &Type) -> Value<'static> {
    match (item, ty) {
        (serde_json::Value::String(text), Type::String { .. }) => Value::Text(text.into()),
        (serde_json::Value::Bool(value), Type::Boolean) => Value::Boolean(value),
        (serde_json::Value::Number(value), Type::Int32) => value.as_i64().map_or(Value::Null, Value::Integer),
        (serde_json::Value::Number(value), Type::Double) => value.as_f64().map_or(Value::Null, Value::Double),
        (serde_json::Value::String(text), Type::DateTimeOffset) => {
            Form::DateTimeOffset.read(&text).unwrap_or(Value::Null)
        }
        (serde_json::Value::String(name), Type::Enum(of)) => {
            cast::Conversion::ReadMember(of).apply(Value::Text(name.into()))
        }
        _ => Value::Null,
    }
}
