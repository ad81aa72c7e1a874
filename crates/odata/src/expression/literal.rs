//! The values of literals, read from their text.

use super::bound::Literal;
use super::evaluate::Value;
use super::forms::Form;
use super::range::LARGEST;
use crate::digits::Digits;
use crate::{Ticks, TicksError};

/// Takes the quotes off a text and undoubles those inside.
pub(crate) fn unquote(quoted: &str) -> Box<str> {
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if inner.contains('\'') { inner.replace("''", "'").into() } else { inner.into() }
}

/// Reads a number: an integer where it is one and fits.
pub(crate) fn number(text: &str) -> Result<Literal, &'static str> {
    if text.ends_with("INF") || text == "NaN" {
        return Err("is not a number that can be compared here");
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return match text.parse::<i64>() {
            Ok(whole) if whole.unsigned_abs() <= LARGEST.unsigned_abs() => Ok(Literal::Integer(whole)),
            _ => Err("is too large; whole numbers go from -2^62 to 2^62"),
        };
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Literal::Double(number)),
        _ => Err("is too large for a number"),
    }
}

/// Reads a moment, in which a blank may stand for the plus sign of the offset. OData wants a zone; clients
/// leave it out and mean UTC, and services have always understood them so.
pub(crate) fn date_time_offset(text: &str) -> Result<Ticks, TicksError> {
    let read = |text: &str| if text.contains(' ') { text.replace(' ', "+").parse() } else { text.parse() };
    match read(text) {
        Err(TicksError::NoZone) => read(&format!("{text}Z")),
        other => other,
    }
}

/// Reads a date as days since 1970.
pub(crate) fn date(text: &str) -> Result<i64, TicksError> {
    let mut digits = Digits::new(text);
    let day = digits.date()?;
    if digits.is_empty() { Ok(day) } else { Err(TicksError::Form) }
}

/// Reads a time of day as ticks since midnight.
pub(crate) fn time_of_day(text: &str) -> Result<i64, TicksError> {
    let mut digits = Digits::new(text);
    let time = digits.time()?;
    if digits.is_empty() { Ok(time) } else { Err(TicksError::Form) }
}

/// Reads `-P1DT2H3M4.5S` as ticks; fraction digits past the seventh are cut off.
pub(crate) fn duration(text: &str) -> Option<i64> {
    match Form::Duration.read(text) {
        Some(Value::Integer(ticks)) if ticks.unsigned_abs() <= LARGEST.unsigned_abs() => Some(ticks),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::TICKS_PER_DAY as DAY;

    #[test]
    fn durations_are_days_to_seconds_in_order() {
        for (text, ticks) in [
            ("P1D", DAY),
            ("PT1S", 10_000_000),
            ("-P1DT2H3M4.5S", -(DAY + 7_384 * 10_000_000 + 5_000_000)),
            ("PT0.000000199999S", 1),
            ("PT0.123456789012S", 1_234_567),
            ("PT36H", 36 * 3600 * 10_000_000),
            ("+pt1m", 600_000_000),
            ("P12DT23H59M59.999999999999S", 12 * DAY + 86_399 * 10_000_000 + 9_999_999),
        ] {
            assert_eq!(duration(text), Some(ticks), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1D",
            "P1H",
            "PT1D",
            "P1Y",
            "P1M",
            "PT1S1M",
            "PT1M1M",
            "PT1.5M",
            "PT.5S",
            "PT1.S",
            "PT1.1234567890123S",
            "P-1D",
            "P1D ",
            "P99999999999999999999D",
            "P9999999999D",
            "PTTS",
            "P1DTT1S",
            "P€",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn dates_and_times_exist() {
        assert_eq!(date("1970-01-02"), Ok(1));
        assert_eq!(date("0001-01-01"), Ok(-719_162));
        assert_eq!(time_of_day("00:00:00.0000001"), Ok(1));
        assert_eq!(time_of_day("23:59"), Ok(DAY - 60 * 10_000_000));
        for text in ["2024-02-30", "2023-02-29", "0000-01-01", "12024-01-01", "-2024-01-01", "2024-1-01", "2024-01"] {
            assert!(date(text).is_err(), "{text}");
        }
        for text in ["24:00", "23:60", "23:59:60", "23:59:59.1234567890123", "23:59:", "23:59:59."] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
    }
}
