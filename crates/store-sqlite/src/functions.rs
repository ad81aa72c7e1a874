//! Functions of SQL that are `odata`'s own code: the same for a row in a table as for a row in memory.

use crate::columns::cell_of;
use model::edm;
use odata::calendar;
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::arithmetic;
use odata::expression::bound::Arithmetic;
use odata::expression::evaluate::Value;
use odata::expression::forms::Form;
use odata::expression::pattern::Pattern;
use odata::expression::text;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Owned, ValueRef};
use rusqlite::{Connection, Error, Result};
use std::borrow::Cow;
use store::sql::Operation;

/// Each function with its name and the numbers of arguments that it takes.
const FUNCTIONS: [(Operation, &str, &[i32]); 43] = [
    (Operation::EndsWith, "odata_endswith", &[2]),
    (Operation::Length, "odata_length", &[1]),
    (Operation::Substring, "odata_substring", &[2, 3]),
    (Operation::ToLower, "odata_tolower", &[1]),
    (Operation::ToUpper, "odata_toupper", &[1]),
    (Operation::Trim, "odata_trim", &[1]),
    (Operation::Matches, "odata_matches", &[2]),
    (Operation::DayOf, "odata_day_of", &[1]),
    (Operation::TimeOf, "odata_time_of", &[1]),
    (Operation::Year, "odata_year", &[1]),
    (Operation::Month, "odata_month", &[1]),
    (Operation::Day, "odata_day", &[1]),
    (Operation::Hour, "odata_hour", &[1]),
    (Operation::Minute, "odata_minute", &[1]),
    (Operation::Second, "odata_second", &[1]),
    (Operation::FractionOfSecond, "odata_fraction_of_second", &[1]),
    (Operation::Seconds, "odata_seconds", &[1]),
    (Operation::Calculate(Arithmetic::Add), "odata_add", &[2]),
    (Operation::Calculate(Arithmetic::Sub), "odata_sub", &[2]),
    (Operation::Calculate(Arithmetic::Mul), "odata_mul", &[2]),
    (Operation::Calculate(Arithmetic::Div), "odata_div", &[2]),
    (Operation::Calculate(Arithmetic::DivBy), "odata_divby", &[2]),
    (Operation::Calculate(Arithmetic::Mod), "odata_mod", &[2]),
    (Operation::Negate, "odata_negate", &[1]),
    (Operation::Midnight, "odata_midnight", &[1]),
    (Operation::ToMoment, "odata_to_moment", &[1]),
    (Operation::ToDay, "odata_to_day", &[1]),
    (Operation::ToInteger, "odata_to_integer", &[1]),
    (Operation::Read(Form::Boolean), "odata_read_boolean", &[1]),
    (Operation::Read(Form::Integer), "odata_read_integer", &[1]),
    (Operation::Read(Form::Double), "odata_read_double", &[1]),
    (Operation::Read(Form::DateTimeOffset), "odata_read_moment", &[1]),
    (Operation::Read(Form::Date), "odata_read_day", &[1]),
    (Operation::Read(Form::TimeOfDay), "odata_read_time", &[1]),
    (Operation::Read(Form::Duration), "odata_read_duration", &[1]),
    (Operation::Read(Form::Guid), "odata_read_guid", &[1]),
    (Operation::Write(Form::Boolean), "odata_write_boolean", &[1]),
    (Operation::Write(Form::Integer), "odata_write_integer", &[1]),
    (Operation::Write(Form::Double), "odata_write_double", &[1]),
    (Operation::Write(Form::DateTimeOffset), "odata_write_moment", &[1]),
    (Operation::Write(Form::Date), "odata_write_day", &[1]),
    (Operation::Write(Form::TimeOfDay), "odata_write_time", &[1]),
    (Operation::Write(Form::Duration), "odata_write_duration", &[1]),
];

/// The same answer for the same arguments, and no effect: SQLite may work a call out once for all
/// rows.
const FLAGS: FunctionFlags =
    FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC).union(FunctionFlags::SQLITE_INNOCUOUS);

/// What an operation is called in SQL; `None` where SQLite's own words serve.
pub(crate) fn name(operation: Operation) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(known, ..)| *known == operation).map(|(_, name, _)| *name)
}

/// Makes the functions known to a connection.
pub(crate) fn register(db: &Connection) -> Result<()> {
    for (operation, name, counts) in FUNCTIONS {
        for count in counts {
            db.create_scalar_function(name, *count, FLAGS, move |context| call(operation, context))?;
        }
    }
    // What today's API shows of an event, worked out.
    db.create_scalar_function("spillwatch_detection_id", 1, FLAGS, |context| {
        let id = context.get_raw(0).as_str().map_err(|error| Error::UserFunctionError(error.into()))?;
        Ok(model::DetectionId::of(id).text().as_str().to_owned())
    })?;
    db.create_scalar_function("spillwatch_detection_type", 1, FLAGS, |context| {
        let of = context.get_raw(0).as_str().map_err(|error| Error::UserFunctionError(error.into()))?;
        Ok(model::detection_type(of).to_owned())
    })?;
    db.create_scalar_function("spillwatch_detection_risk_type", 1, FLAGS, |context| {
        let of = context.get_raw(0).as_str().map_err(|error| Error::UserFunctionError(error.into()))?;
        Ok(model::detection_risk_type(of))
    })?;
    let positions = edm::event::LAST_UPDATED_DATE_TIME as i32 + 1;
    db.create_scalar_function("detection_members", positions, FLAGS, |context| {
        model::detection_members(&Arguments(context)).map_err(|error| Error::UserFunctionError(error.into()))
    })?;
    Ok(())
}

/// An event whose values are a function's arguments, in the order of their positions.
pub(crate) struct Arguments<'a>(pub(crate) &'a Context<'a>);

impl Row for Arguments<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        cell_of(self.0.get_raw(position))
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::IDENTITY_RISK_EVENT
    }

    fn version(&self) -> u64 {
        0
    }
}

/// Calls a function; null when an argument is null.
fn call(operation: Operation, context: &Context<'_>) -> Result<Owned> {
    let mut arguments = [const { Value::Null }; 3];
    for (at, argument) in arguments.iter_mut().enumerate().take(context.len()) {
        *argument = read(context.get_raw(at));
        if *argument == Value::Null {
            return Ok(Owned::Null);
        }
    }
    let arguments = &arguments[..context.len()];
    let value =
        if operation == Operation::Matches { matches(arguments, context)? } else { work_out(operation, arguments) };
    Ok(match value {
        None | Some(Value::Null) => Owned::Null,
        Some(Value::Boolean(value)) => Owned::Integer(value.into()),
        Some(Value::Integer(value)) => Owned::Integer(value),
        Some(Value::Double(value)) => Owned::Real(value),
        Some(Value::Text(text)) => Owned::Text(text.into_owned()),
    })
}

/// A boolean is read as an integer: SQLite knows no other. What is no value, such as a text that is
/// not UTF-8, is null.
fn read(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Double(value),
        ValueRef::Text(bytes) => {
            std::str::from_utf8(bytes).map_or(Value::Null, |text| Value::Text(Cow::Borrowed(text)))
        }
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}

fn work_out<'a>(operation: Operation, arguments: &'a [Value<'a>]) -> Option<Value<'a>> {
    use Operation as O;
    let text = |text: String| Value::Text(text.into());
    Some(match (operation, arguments) {
        (O::EndsWith, [Value::Text(whole), Value::Text(end)]) => Value::Boolean(whole.ends_with(&**end)),
        (O::Length, [Value::Text(it)]) => Value::Integer(text::length(it)),
        (O::Substring, [Value::Text(it), Value::Integer(from)]) => Value::Text(text::substring(it, *from, None).into()),
        (O::Substring, [Value::Text(it), Value::Integer(from), Value::Integer(count)]) => {
            Value::Text(text::substring(it, *from, Some(*count)).into())
        }
        (O::ToLower, [Value::Text(it)]) => text(text::to_lower(it)),
        (O::ToUpper, [Value::Text(it)]) => text(text::to_upper(it)),
        (O::Trim, [Value::Text(it)]) => Value::Text(text::trim(it).into()),
        (O::DayOf, [Value::Integer(ticks)]) => Value::Integer(calendar::day_of(*ticks)),
        (O::TimeOf, [Value::Integer(ticks)]) => Value::Integer(calendar::time_of(*ticks)),
        (O::Year, [Value::Integer(day)]) => Value::Integer(calendar::date(*day).0),
        (O::Month, [Value::Integer(day)]) => Value::Integer(calendar::date(*day).1),
        (O::Day, [Value::Integer(day)]) => Value::Integer(calendar::date(*day).2),
        (O::Hour, [Value::Integer(time)]) => Value::Integer(calendar::hour(*time)),
        (O::Minute, [Value::Integer(time)]) => Value::Integer(calendar::minute(*time)),
        (O::Second, [Value::Integer(time)]) => Value::Integer(calendar::second(*time)),
        (O::FractionOfSecond, [Value::Integer(time)]) => Value::Double(calendar::fraction_of_second(*time)),
        (O::Seconds, [Value::Integer(ticks)]) => Value::Double(calendar::seconds(*ticks)),
        (O::Calculate(operation), [left, right]) => return arithmetic::calculate(operation, left, right),
        (O::Negate, [number]) => return arithmetic::negate(number),
        (O::Midnight, [day]) => return arithmetic::midnight(day),
        (O::ToMoment, [ticks]) => return arithmetic::to_moment(ticks),
        (O::ToDay, [ticks]) => return arithmetic::to_day(ticks),
        (O::ToInteger, [number]) => return arithmetic::to_integer(number),
        (O::Read(form), [Value::Text(it)]) => return form.read(it),
        (O::Write(Form::Boolean), [Value::Integer(it)]) => text(Form::Boolean.write(&Value::Boolean(*it != 0))?),
        (O::Write(form), [value]) => text(form.write(value)?),
        _ => return None,
    })
}

/// The pattern is compiled once for a run of the statement. One that is none matches nothing, not
/// even to say no.
fn matches(arguments: &[Value<'_>], context: &Context<'_>) -> Result<Option<Value<'static>>> {
    let [Value::Text(text), Value::Text(source)] = arguments else { return Ok(None) };
    let pattern = context.get_or_create_aux(1, |_| Ok::<_, Error>(Pattern::new(source).ok()))?;
    Ok(pattern.as_ref().as_ref().map(|pattern| Value::Boolean(pattern.matches(text))))
}
