//! Arithmetic, total: what has no result is null. The binder refuses what it can see to have none
//! (`1 div 0`); what depends on the row, such as `1 div length(name)`, ends here.

use super::bound::{Arithmetic, ValueType};
use super::evaluate::Value;
use crate::calendar::{self, FIRST_DAY, LAST_DAY, TICKS_PER_DAY};
use crate::ticks::Ticks;

/// Works an operation on two numbers out: on two integers exactly, otherwise on doubles as IEEE 754
/// says. `None` where an integer overflows, a double is infinite or no number, a divisor is zero.
///
/// `div` of two integers rounds towards zero, `divby` is always one of doubles, and the rest of
/// `mod` has the dividend's sign.
pub fn calculate(operation: Arithmetic, left: &Value<'_>, right: &Value<'_>) -> Option<Value<'static>> {
    match (left, right, operation) {
        (Value::Integer(left), Value::Integer(right), operation) if operation != Arithmetic::DivBy => {
            let (left, right) = (*left, *right);
            match operation {
                Arithmetic::Add => left.checked_add(right),
                Arithmetic::Sub => left.checked_sub(right),
                Arithmetic::Mul => left.checked_mul(right),
                Arithmetic::Mod => (right != 0).then(|| left.wrapping_rem(right)),
                Arithmetic::Div | Arithmetic::DivBy => left.checked_div(right),
            }
            .map(Value::Integer)
        }
        _ => {
            let (left, right) = (double(left)?, double(right)?);
            finite(match operation {
                Arithmetic::Add => left + right,
                Arithmetic::Sub => left - right,
                Arithmetic::Mul => left * right,
                Arithmetic::Div | Arithmetic::DivBy => left / right,
                Arithmetic::Mod => left % right,
            })
        }
    }
}

/// The opposite number; `None` for the least integer, which has none.
pub fn negate(value: &Value<'_>) -> Option<Value<'static>> {
    match value {
        Value::Integer(value) => value.checked_neg().map(Value::Integer),
        Value::Double(value) => finite(-value),
        _ => None,
    }
}

/// A value as an operand: a day becomes the ticks of its midnight, everything else is a number
/// already.
pub fn lift(value: Value<'_>, ty: ValueType) -> Value<'_> {
    match ty {
        ValueType::Date => midnight(&value).unwrap_or(Value::Null),
        _ => value,
    }
}

/// A number as the value of the operation's type; null when it is none.
pub fn land(value: Value<'_>, ty: ValueType) -> Value<'_> {
    match ty {
        ValueType::DateTimeOffset => to_moment(&value).unwrap_or(Value::Null),
        ValueType::Date => to_day(&value).unwrap_or(Value::Null),
        ValueType::Duration => to_integer(&value).unwrap_or(Value::Null),
        _ => value,
    }
}

/// The ticks of a day's midnight.
pub fn midnight(day: &Value<'_>) -> Option<Value<'static>> {
    let Value::Integer(day) = day else { return None };
    day.checked_mul(TICKS_PER_DAY).map(Value::Integer)
}

/// Ticks that are a moment of the years 1 to 9999.
pub fn to_moment(ticks: &Value<'_>) -> Option<Value<'static>> {
    let Value::Integer(ticks) = to_integer(ticks)? else { return None };
    Ticks::new(ticks).map(|ticks| Value::Integer(ticks.get()))
}

/// The day of ticks, of the years 1 to 9999.
pub fn to_day(ticks: &Value<'_>) -> Option<Value<'static>> {
    let Value::Integer(ticks) = to_integer(ticks)? else { return None };
    let day = calendar::day_of(ticks);
    (FIRST_DAY..=LAST_DAY).contains(&day).then_some(Value::Integer(day))
}

/// A number without its fraction; `None` when it is no integer of 64 bits.
pub fn to_integer(value: &Value<'_>) -> Option<Value<'static>> {
    /// 2^63, which is the first double that is too large.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Integer(value) => Some(Value::Integer(*value)),
        Value::Double(value) if (-END..END).contains(value) => Some(Value::Integer(*value as i64)),
        _ => None,
    }
}

/// A number as a double.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
pub fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

/// A double that is a value. Zero has no sign.
fn finite(value: f64) -> Option<Value<'static>> {
    value.is_finite().then_some(Value::Double(value + 0.0))
}
