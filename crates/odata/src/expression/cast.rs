//! `cast` (URL conventions 4.01, section 5.1.1.10.1): which types become which, and how.

use super::arithmetic;
use super::bound::ValueType;
use super::evaluate::Value;
use super::forms::Form;
use crate::calendar;
use crate::edm::EnumType;
use std::ptr;

/// How a value of one type becomes one of another.
#[derive(Clone, Copy, Debug)]
pub enum Conversion {
    /// It stays as it is.
    Same,
    /// A text is read; null when it is not of the form.
    Read(Form),
    /// A value becomes the text that writes it.
    Write(Form),
    /// A text is the name of a member, in its own case; null for every other text.
    ReadMember(&'static EnumType),
    /// A member becomes its name; null for what is no single member.
    WriteMember(&'static EnumType),
    /// An integer becomes the nearest double.
    ToDouble,
    /// A double loses its fraction; null when the rest is no integer of 64 bits.
    ToInteger,
    /// The day of a moment in UTC.
    ToDay,
    /// The time of day of a moment in UTC.
    ToTime,
}

/// How `cast` makes a value of one type one of another; `None` when OData does not say, so that the
/// binder refuses it.
pub fn conversion(from: ValueType, to: ValueType) -> Option<Conversion> {
    use ValueType as T;
    Some(match (from, to) {
        (T::Null, _)
        | (T::Boolean, T::Boolean)
        | (T::Text, T::Text)
        | (T::Integer, T::Integer)
        | (T::Double, T::Double)
        | (T::DateTimeOffset, T::DateTimeOffset)
        | (T::Date, T::Date)
        | (T::TimeOfDay, T::TimeOfDay)
        | (T::Duration, T::Duration)
        | (T::Guid, T::Guid | T::Text) => Conversion::Same,
        (T::Enum(from), T::Enum(to)) if ptr::eq(from, to) => Conversion::Same,
        (T::Text, T::Enum(of)) => Conversion::ReadMember(of),
        (T::Enum(of), T::Text) => Conversion::WriteMember(of),
        (T::Text, to) => Conversion::Read(form(to)?),
        (from, T::Text) => Conversion::Write(form(from)?),
        (T::Integer, T::Double) => Conversion::ToDouble,
        (T::Double, T::Integer) => Conversion::ToInteger,
        (T::DateTimeOffset, T::Date) => Conversion::ToDay,
        (T::DateTimeOffset, T::TimeOfDay) => Conversion::ToTime,
        _ => return None,
    })
}

fn form(ty: ValueType) -> Option<Form> {
    Some(match ty {
        ValueType::Boolean => Form::Boolean,
        ValueType::Integer => Form::Integer,
        ValueType::Double => Form::Double,
        ValueType::DateTimeOffset => Form::DateTimeOffset,
        ValueType::Date => Form::Date,
        ValueType::TimeOfDay => Form::TimeOfDay,
        ValueType::Duration => Form::Duration,
        ValueType::Guid => Form::Guid,
        ValueType::Null | ValueType::Text | ValueType::Enum(_) => return None,
    })
}

impl Conversion {
    /// Carries it out; null stays null, and what cannot be converted becomes null.
    pub fn apply(self, value: Value<'_>) -> Value<'_> {
        let converted = match (self, &value) {
            (Self::Same, _) => return value,
            (Self::Read(form), Value::Text(text)) => form.read(text),
            (Self::Write(form), value) => form.write(value).map(|text| Value::Text(text.into())),
            (Self::ReadMember(of), Value::Text(name)) => {
                let member = of.members.iter().find(|member| *name == member.name);
                member.map(|member| Value::Integer(member.value.into()))
            }
            (Self::WriteMember(of), Value::Integer(value)) => {
                of.member_of(*value).map(|member| Value::Text(member.name.into()))
            }
            (Self::ToDouble, value) => arithmetic::double(value).map(Value::Double),
            (Self::ToInteger, value) => arithmetic::to_integer(value),
            (Self::ToDay, Value::Integer(ticks)) => Some(Value::Integer(calendar::day_of(*ticks))),
            (Self::ToTime, Value::Integer(ticks)) => Some(Value::Integer(calendar::time_of(*ticks))),
            _ => None,
        };
        converted.unwrap_or(Value::Null)
    }
}
