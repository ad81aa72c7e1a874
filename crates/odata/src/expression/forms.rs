//! The literal forms of primitive values (OData ABNF 4.01, `primitiveValue`), read and written:
//! what `cast` does between texts and other values.

use super::evaluate::Value;
use crate::calendar::{self, FIRST_DAY, LAST_DAY};
use crate::digits::Digits;
use crate::ticks::Ticks;
use std::fmt::Write as _;

/// A primitive type that has a literal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `true`, `false`
    Boolean,
    /// `-12`
    Integer,
    /// `-1.5e3`; without exponent when it is written.
    Double,
    /// `2024-03-02T23:10:04.5Z`
    DateTimeOffset,
    /// `2024-03-02`
    Date,
    /// `23:10:04.5`
    TimeOfDay,
    /// `-P1DT2H3M4.5S`
    Duration,
    /// `e45cfbcd-9d43-4a6c-9c4d-f6b3e4a7a1a2`; in lower case when it is read.
    Guid,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Boolean,
        Self::Integer,
        Self::Double,
        Self::DateTimeOffset,
        Self::Date,
        Self::TimeOfDay,
        Self::Duration,
        Self::Guid,
    ];

    /// Reads a text that is of this form from end to end; `None` for every other.
    pub fn read(self, text: &str) -> Option<Value<'static>> {
        match self {
            Self::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::Boolean(true)),
            Self::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::Boolean(false)),
            Self::Boolean => None,
            Self::Integer => text.parse().ok().map(Value::Integer),
            Self::Double => read_double(text).map(Value::Double),
            Self::DateTimeOffset => text.parse::<Ticks>().ok().map(|ticks| Value::Integer(ticks.get())),
            Self::Date => whole(text, |digits| digits.date().ok()),
            Self::TimeOfDay => whole(text, |digits| digits.time().ok()),
            Self::Duration => whole(text, read_duration),
            Self::Guid => read_guid(text).map(|guid| Value::Text(guid.into())),
        }
    }

    /// Writes a value of this form; `None` for a value that has none.
    pub fn write(self, value: &Value<'_>) -> Option<String> {
        match (self, value) {
            (Self::Boolean, Value::Boolean(value)) => Some(value.to_string()),
            (Self::Integer, Value::Integer(value)) => Some(value.to_string()),
            (Self::Double, Value::Double(value)) => Some((value + 0.0).to_string()), // no sign on zero
            (Self::DateTimeOffset, Value::Integer(ticks)) => Ticks::new(*ticks).map(|ticks| ticks.to_string()),
            (Self::Date, Value::Integer(day)) => (FIRST_DAY..=LAST_DAY).contains(day).then(|| {
                let (year, month, day) = calendar::date(*day);
                format!("{year:04}-{month:02}-{day:02}")
            }),
            (Self::TimeOfDay, Value::Integer(time)) => Some(write_time(*time)),
            (Self::Duration, Value::Integer(ticks)) => Some(write_duration(*ticks)),
            (Self::Guid, Value::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }
}

/// Reads all of a text as one number.
fn whole(text: &str, read: impl FnOnce(&mut Digits<'_>) -> Option<i64>) -> Option<Value<'static>> {
    let mut digits = Digits::new(text);
    let value = read(&mut digits)?;
    digits.is_empty().then_some(Value::Integer(value))
}

/// `[sign] digits [. digits] [e [sign] digits]`, which is less than Rust reads; finite.
fn read_double(text: &str) -> Option<f64> {
    let mut digits = Digits::new(text);
    digits.take(b"+-");
    digits.run()?;
    if digits.take(b".") {
        digits.run()?;
    }
    if digits.take(b"eE") {
        digits.take(b"+-");
        digits.run()?;
    }
    let number: f64 = text.parse().ok()?;
    (digits.is_empty() && number.is_finite()).then_some(number)
}

/// Days, hours, minutes and seconds in this order, at least one of them; letters in any case, as the
/// ABNF has them.
fn read_duration(digits: &mut Digits<'_>) -> Option<i64> {
    const SECOND: i64 = Ticks::PER_SECOND;
    let sign = if digits.take(b"-") {
        -1
    } else {
        digits.take(b"+");
        1
    };
    digits.expect(b"Pp").ok()?;
    let mut ticks: i64 = 0;
    let mut rest: &[(&[u8; 2], i64)] = &[(b"Dd", 24 * 3600), (b"Hh", 3600), (b"Mm", 60), (b"Ss", 1)];
    let mut in_time = false;
    let mut read_any = false;
    while !digits.is_empty() {
        if !in_time && digits.take(b"Tt") {
            (in_time, rest) = (true, &rest[rest.len() - 3..]);
        }
        let number = digits.whole()?;
        let fraction = if digits.take(b".") { Some(digits.fraction().ok()?) } else { None };
        let at = rest.iter().position(|(unit, _)| digits.take(*unit))?;
        let (unit, seconds) = rest[at];
        if (unit == b"Dd") == in_time || (fraction.is_some() && unit != b"Ss") {
            return None;
        }
        rest = &rest[at + 1..];
        let part = number.checked_mul(seconds)?.checked_mul(SECOND)?.checked_add(fraction.unwrap_or(0))?;
        ticks = ticks.checked_add(sign * part)?;
        read_any = true;
    }
    read_any.then_some(ticks)
}

fn write_duration(ticks: i64) -> String {
    let (all_seconds, fraction) = (ticks.unsigned_abs() / 10_000_000, ticks.unsigned_abs() % 10_000_000);
    let (days, hours) = (all_seconds / 86_400, all_seconds / 3600 % 24);
    let (minutes, seconds) = (all_seconds / 60 % 60, all_seconds % 60);
    let has_time = all_seconds % 86_400 != 0 || fraction != 0;
    let mut text = String::from(if ticks < 0 { "-P" } else { "P" });
    let part = |number: u64, unit: char| if number == 0 { String::new() } else { format!("{number}{unit}") };
    text += &part(days, 'D');
    if has_time {
        text += "T";
        text += &part(hours, 'H');
        text += &part(minutes, 'M');
    }
    if seconds != 0 || fraction != 0 {
        let _ = write!(text, "{seconds}");
        write_fraction(fraction, &mut text);
        text.push('S');
    }
    if ticks == 0 {
        text.push_str("T0S");
    }
    text
}

fn write_time(time: i64) -> String {
    let (hour, minute, second) = (calendar::hour(time), calendar::minute(time), calendar::second(time));
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    write_fraction((calendar::time_of(time) % Ticks::PER_SECOND) as u64, &mut text);
    text
}

/// Up to seven fraction digits, without trailing zeros and, for 0, without the point.
fn write_fraction(ticks: u64, text: &mut String) {
    if ticks != 0 {
        let _ = write!(text, ".{ticks:07}");
        text.truncate(text.trim_end_matches('0').len());
    }
}

fn read_guid(text: &str) -> Option<String> {
    let hyphens = [8, 13, 18, 23];
    let fits = text.len() == 36
        && text.bytes().enumerate().all(
            |(at, byte)| {
                if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
            },
        );
    fits.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn duration(text: &str) -> Option<i64> {
        match Form::Duration.read(text) {
            Some(Value::Integer(ticks)) => Some(ticks),
            _ => None,
        }
    }

    #[test]
    fn durations_are_days_to_seconds_in_order() {
        for (text, ticks) in [
            ("P1D", calendar::TICKS_PER_DAY),
            ("-PT1M0.5S", -605_000_000),
            ("+pt2h", 72_000_000_000),
            ("PT0.123456789012S", 1_234_567),
            ("P1DT0S", calendar::TICKS_PER_DAY),
            ("-P10675199DT2H48M5.4775808S", i64::MIN),
        ] {
            assert_eq!(duration(text), Some(ticks), "{text}");
        }
        for text in [
            "",
            "P",
            "-",
            "PT",
            "P1DT",
            "P1H",
            "PT1D",
            "P1M",
            "P1Y",
            "P1D1D",
            "PT1S1M",
            "PT1.5M",
            "PT.5S",
            "PT1.S",
            "P-1D",
            "P1D ",
            "PTT1S",
            "P1TD",
            "P10675200D",
            "P99999999999999999999D",
            "PT1.1234567890123S",
            "P€",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(write_duration(0), "PT0S");
        assert_eq!(write_duration(-calendar::TICKS_PER_DAY), "-P1D");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            any in any::<i64>(), number in any::<f64>(), truth in any::<bool>(), day in FIRST_DAY..=LAST_DAY,
            time in 0..calendar::TICKS_PER_DAY, moment in Ticks::MIN.get()..=Ticks::MAX.get(),
        ) {
            prop_assume!(number.is_finite());
            for (form, value) in [
                (Form::Boolean, Value::Boolean(truth)),
                (Form::Integer, Value::Integer(any)),
                (Form::Double, Value::Double(number)),
                (Form::DateTimeOffset, Value::Integer(moment)),
                (Form::Date, Value::Integer(day)),
                (Form::TimeOfDay, Value::Integer(time)),
                (Form::Duration, Value::Integer(any)),
            ] {
                let text = form.write(&value).expect("every value is written");
                prop_assert_eq!(form.read(&text), Some(value), "{}", text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+PTDHMS0-9.:eEtrufals€ ]{0,20}|\\PC{0,20}") {
            for form in Form::ALL {
                form.read(&text);
            }
        }

        #[test]
        fn no_number_makes_it_panic(number in any::<i64>()) {
            for form in Form::ALL {
                form.write(&Value::Integer(number));
            }
        }
    }
}
