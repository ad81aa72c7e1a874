//! The values of literals, read from their text.

use super::bound::Literal;
use crate::Ticks;

/// Ticks in a day.
pub(crate) const DAY: i64 = 86_400 * Ticks::PER_SECOND;

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
            Ok(whole) if whole.unsigned_abs() <= 1 << 62 => Ok(Literal::Integer(whole)),
            _ => Err("is too large; whole numbers go from -2^62 to 2^62"),
        };
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Literal::Double(number)),
        _ => Err("is too large for a number"),
    }
}

/// Reads a moment, in which a blank may stand for the plus sign of the offset.
pub(crate) fn date_time_offset(text: &str) -> Result<Ticks, crate::TicksError> {
    if text.contains(' ') { text.replace(' ', "+").parse() } else { text.parse() }
}

/// Reads a date as days since 1970.
pub(crate) fn date(text: &str) -> Result<i64, crate::TicksError> {
    if text.len() != 10 {
        return Err(crate::TicksError::Form);
    }
    let mut midnight = *b"0000-00-00T00:00Z";
    midnight[..10].copy_from_slice(text.as_bytes());
    let midnight = std::str::from_utf8(&midnight).map_err(|_| crate::TicksError::Form)?;
    Ok(midnight.parse::<Ticks>()?.get().div_euclid(DAY))
}

/// Reads a time of day as ticks since midnight.
pub(crate) fn time_of_day(text: &str) -> Result<i64, crate::TicksError> {
    if text.len() > 64 {
        return Err(crate::TicksError::Form);
    }
    let mut moment = String::with_capacity(80);
    moment.push_str("1970-01-01T");
    moment.push_str(text);
    moment.push('Z');
    Ok(moment.parse::<Ticks>()?.get())
}

/// Reads `-P1DT2H3M4.5S` as ticks; fraction digits past the seventh are cut off.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut rest = rest.strip_prefix(['P', 'p'])?;
    let (mut ticks, mut units, mut in_time) = (0_i64, 0, false);
    let mut last = 0; // the rank of the last unit: days, hours, minutes, seconds
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix(['T', 't']) {
            if in_time || time.is_empty() {
                return None;
            }
            (in_time, rest) = (true, time);
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let whole: i64 = rest.get(..digits)?.parse().ok()?;
        rest = &rest[digits..];
        let mut fraction = None;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=12).contains(&digits) {
                return None;
            }
            let kept = after[..digits.min(7)].bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            fraction = Some(kept * 10_i64.pow(7_u32.saturating_sub(digits as u32)));
            rest = &after[digits..];
        }
        let unit = rest.chars().next()?.to_ascii_uppercase();
        rest = rest.get(1..)?;
        let (rank, scale) = match (unit, in_time) {
            ('D', false) => (1, DAY),
            ('H', true) => (2, 3600 * Ticks::PER_SECOND),
            ('M', true) => (3, 60 * Ticks::PER_SECOND),
            ('S', true) => (4, Ticks::PER_SECOND),
            _ => return None,
        };
        if rank <= last || (fraction.is_some() && unit != 'S') {
            return None;
        }
        ticks = ticks.checked_add(whole.checked_mul(scale)?)?.checked_add(fraction.unwrap_or(0))?;
        (last, units) = (rank, units + 1);
    }
    (units > 0 && ticks <= 1 << 62).then_some(sign * ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_days_to_seconds_in_order() {
        for (text, ticks) in [
            ("P1D", DAY),
            ("PT1S", 10_000_000),
            ("-P1DT2H3M4.5S", -(DAY + 7_384 * 10_000_000 + 5_000_000)),
            ("PT0.000000199999S", 1),
            ("PT0.123456789012S", 1_234_567),
            ("PT36H", 36 * 3600 * 10_000_000),
            ("+PT1M", 600_000_000),
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
