//! `Edm.DateTimeOffset`: a moment, in ticks of 100 nanoseconds.

use crate::calendar;
use crate::digits::Digits;
use std::fmt;
use std::str::FromStr;

const PER_SECOND: u64 = Ticks::PER_SECOND as u64;

/// A moment as ticks of 100 nanoseconds since 1970-01-01T00:00:00Z, within the years 1 to 9999.
///
/// Graph writes seven fraction digits, which is one tick; microseconds would lose the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(i64);

impl Ticks {
    /// Ticks in a second.
    pub const PER_SECOND: i64 = 10_000_000;
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800 * Self::PER_SECOND);
    /// 9999-12-31T23:59:59.9999999Z.
    pub const MAX: Self = Self(253_402_300_800 * Self::PER_SECOND - 1);

    /// Wraps a number of ticks; `None` outside the years 1 to 9999.
    pub const fn new(ticks: i64) -> Option<Self> {
        if ticks < Self::MIN.0 || ticks > Self::MAX.0 { None } else { Some(Self(ticks)) }
    }

    /// Makes it from nanoseconds since 1970, rounding down to a tick.
    pub const fn from_unix_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds.div_euclid(100)) // an i64 of nanoseconds spans the years 1677 to 2262
    }

    /// Makes it from whole seconds since 1970; `None` outside the years 1 to 9999.
    pub const fn from_unix_seconds(seconds: i64) -> Option<Self> {
        match seconds.checked_mul(Self::PER_SECOND) {
            Some(ticks) => Self::new(ticks),
            None => None,
        }
    }

    /// The number of ticks since 1970.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(Self::PER_SECOND)
    }

    /// The next moment that can be told apart from this one; stays at [`Ticks::MAX`].
    #[must_use]
    pub const fn successor(self) -> Self {
        if self.0 == Self::MAX.0 { self } else { Self(self.0 + 1) }
    }

    /// This moment moved by `seconds`, kept within the years 1 to 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(Self::PER_SECOND)).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Writes RFC 3339 text in UTC to the end of `out`, with 0 to 7 fraction digits and no
    /// trailing zeros among them: `2024-03-02T23:10:04.2255665Z`.
    pub fn write(self, out: &mut Vec<u8>) {
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        write_whole_seconds(self, &mut text);
        let mut fraction = (self.since_year_one() % PER_SECOND) as u32;
        if fraction == 0 {
            text[19] = b'Z';
            out.extend_from_slice(&text[..20]);
            return;
        }
        let mut last = 0;
        for at in (20..27).rev() {
            text[at] = b'0' + (fraction % 10) as u8;
            if last == 0 && text[at] != b'0' {
                last = at;
            }
            fraction /= 10;
        }
        text[last + 1] = b'Z';
        out.extend_from_slice(&text[..last + 2]);
    }

    /// Ticks since 0001-01-01T00:00:00Z, which is a whole second: never negative.
    const fn since_year_one(self) -> u64 {
        self.0.abs_diff(Self::MIN.0)
    }

    /// The moment without fraction and zone, as Graph's `innerError.date` has it:
    /// `2024-03-03T06:00:00`.
    pub fn to_seconds_string(self) -> String {
        let mut text = *b"0000-00-00T00:00:00";
        write_whole_seconds(self, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Puts the digits of date and time into a text of the right form. It stands in every row of every
/// list, so it divides unsigned numbers by constants only.
fn write_whole_seconds(at: Ticks, text: &mut [u8]) {
    let seconds = at.since_year_one() / PER_SECOND;
    let (year, month, day) = calendar::date_since_year_one((seconds / 86_400) as u32);
    let time = (seconds % 86_400) as u32;
    let mut pair = |at: usize, value: u32| {
        text[at] = b'0' + (value / 10) as u8;
        text[at + 1] = b'0' + (value % 10) as u8;
    };
    pair(0, year / 100);
    pair(2, year % 100);
    pair(5, month);
    pair(8, day);
    pair(11, time / 3600);
    pair(14, time / 60 % 60);
    pair(17, time % 60);
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(28);
        self.write(&mut out);
        f.write_str(std::str::from_utf8(&out).map_err(|_| fmt::Error)?)
    }
}

/// A text that is not an `Edm.DateTimeOffset`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TicksError {
    /// Not of the form `2024-03-02T23:10:04.2255665Z`.
    #[error("is not a date and time such as 2024-03-02T23:10:04Z or 2024-03-02T23:10:04.5+02:00")]
    Form,
    /// The zone is left out.
    #[error("has no time zone: end it with Z or an offset such as +02:00")]
    NoZone,
    /// 30 February, hour 24, second 60, ...
    #[error("names a day or time of day that does not exist")]
    Impossible,
    /// More than 12 fraction digits (OData 4.01 ABNF allows 12).
    #[error("has more than 12 fraction digits")]
    FractionTooLong,
    /// Outside the years 1 to 9999.
    #[error("lies outside the years 0001 to 9999")]
    OutOfRange,
}

impl FromStr for Ticks {
    type Err = TicksError;

    /// Reads `dateTimeOffsetValue` of the OData 4.01 ABNF: seconds and fraction may be left out, a
    /// zone may not. Fraction digits past the seventh are cut off.
    fn from_str(text: &str) -> Result<Self, TicksError> {
        let mut rest = Digits::new(text);
        let day = rest.date()?;
        rest.expect(b"Tt")?;
        let time = rest.time()?;
        let offset = rest.offset()?;
        Self::new(day * calendar::TICKS_PER_DAY + time - offset * Self::PER_SECOND).ok_or(TicksError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, TicksError> {
        text.parse::<Ticks>().map(|ticks| ticks.to_string())
    }

    #[test]
    fn keeps_seven_digits_and_trims_zeros() {
        assert_eq!(read("2024-03-02T23:10:04.2255665Z").unwrap(), "2024-03-02T23:10:04.2255665Z");
        assert_eq!(read("2024-03-02T23:10:04.5000000Z").unwrap(), "2024-03-02T23:10:04.5Z");
        assert_eq!(read("2024-03-02T23:10:04.000Z").unwrap(), "2024-03-02T23:10:04Z");
        assert_eq!(read("2024-03-02T23:10Z").unwrap(), "2024-03-02T23:10:00Z");
        assert_eq!(read("2024-03-02T23:10:04.123456789012Z").unwrap(), "2024-03-02T23:10:04.1234567Z");
    }

    #[test]
    fn answers_in_utc() {
        assert_eq!(read("2024-03-03T02:10:04+03:00").unwrap(), "2024-03-02T23:10:04Z");
        assert_eq!(read("2024-02-29T23:59:59.9999999-14:00").unwrap(), "2024-03-01T13:59:59.9999999Z");
    }

    #[test]
    fn refuses_what_is_not_a_moment() {
        for (text, error) in [
            ("String (timestamp)", TicksError::Form),
            ("", TicksError::Form),
            ("2024-03-02", TicksError::Form),
            ("2024-03-02T23:10:04", TicksError::NoZone),
            ("2024-02-30T00:00:00Z", TicksError::Impossible),
            ("2023-02-29T00:00:00Z", TicksError::Impossible),
            ("2024-03-02T24:00:00Z", TicksError::Impossible),
            ("2024-03-02T23:10:60Z", TicksError::Impossible),
            ("2024-03-02T23:10:04+15:00", TicksError::Impossible),
            ("2024-03-02T23:10:04.1234567890123Z", TicksError::FractionTooLong),
            ("2024-03-02T23:10:04.Z", TicksError::Form),
            ("2024-03-02T23:10.5Z", TicksError::Form), // a fraction of a second needs the second
            ("2024-03-02T23:10:04+14:01", TicksError::Impossible),
            ("2024-03-02T23:10:04+02:60", TicksError::Impossible),
            ("2024-03-02T23:10:04+2:00", TicksError::Form),
            ("2024-03-02T23:10:04+0200", TicksError::Form),
            ("2024-03-02T23:10:04ZZ", TicksError::Form),
            ("2024-13-02T23:10:04Z", TicksError::Impossible),
            ("2024-00-02T23:10:04Z", TicksError::Impossible),
            ("1900-02-29T00:00:00Z", TicksError::Impossible),
            ("2024-03-02T23:60:04Z", TicksError::Impossible),
            ("12024-03-02T23:10:04Z", TicksError::Form),
            ("-2024-03-02T23:10:04Z", TicksError::Form),
            ("2024-03-02 23:10:04Z", TicksError::Form),
            ("2024-03-02T23:10:04Z ", TicksError::Form),
            ("0000-01-01T00:00:00Z", TicksError::OutOfRange),
            ("0001-01-01T00:00:00+00:01", TicksError::OutOfRange),
            ("9999-12-31T23:59:59-00:01", TicksError::OutOfRange),
            ("２024-03-02T23:10:04Z", TicksError::Form),
        ] {
            assert_eq!(text.parse::<Ticks>(), Err(error), "{text}");
        }
    }

    #[test]
    fn takes_up_to_twelve_fraction_digits_and_cuts_them_to_seven() {
        for count in 1..=12 {
            let digits = &"999999999999"[..count];
            let kept = &digits[..count.min(7)];
            let text = format!("2024-03-02T23:10:04.{digits}Z");
            assert_eq!(read(&text).unwrap(), format!("2024-03-02T23:10:04.{kept}Z"));
        }
        let endless = format!("2024-03-02T23:10:04.{}Z", "9".repeat(100_000));
        assert_eq!(endless.parse::<Ticks>(), Err(TicksError::FractionTooLong));
    }

    #[test]
    fn every_century_keeps_its_leap_days() {
        for (text, next) in [
            ("2000-02-29T23:59:59.9999999Z", "2000-03-01T00:00:00Z"),
            ("1900-02-28T23:59:59.9999999Z", "1900-03-01T00:00:00Z"),
            ("1969-12-31T23:59:59.9999999Z", "1970-01-01T00:00:00Z"),
            ("0004-12-31T23:59:59.9999999Z", "0005-01-01T00:00:00Z"),
        ] {
            assert_eq!(text.parse::<Ticks>().unwrap().successor().to_string(), next);
        }
        assert_eq!(Ticks::MAX.successor(), Ticks::MAX);
        assert_eq!(Ticks::MAX.plus_seconds(i64::MAX), Ticks::MAX);
        assert_eq!(Ticks::MIN.plus_seconds(i64::MIN), Ticks::MIN);
    }

    #[test]
    fn the_ends_of_the_range_are_as_documented() {
        assert_eq!(Ticks::MIN.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Ticks::MAX.to_string(), "9999-12-31T23:59:59.9999999Z");
        assert_eq!(Ticks::new(Ticks::MAX.get() + 1), None);
        assert_eq!(Ticks::default().to_seconds_string(), "1970-01-01T00:00:00");
    }

    #[test]
    fn every_year_begins_and_ends_where_it_should() {
        for year in 1..=9999 {
            for day in ["01-01", "02-28", "03-01", "06-30", "07-01", "12-31"] {
                let text = format!("{year:04}-{day}T00:00:00Z");
                assert_eq!(read(&text).unwrap(), text);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ticks in Ticks::MIN.get()..=Ticks::MAX.get()) {
            let ticks = Ticks::new(ticks).unwrap();
            prop_assert_eq!(ticks.to_string().parse::<Ticks>(), Ok(ticks));
        }

        #[test]
        fn an_offset_moves_the_moment_by_itself(
            seconds in 0i64..4_000_000_000, fraction in 0i64..Ticks::PER_SECOND, minutes in -840i64..=840,
        ) {
            let utc = Ticks::new(seconds * Ticks::PER_SECOND + fraction).unwrap();
            let local = utc.plus_seconds(minutes * 60).to_string();
            let sign = if minutes < 0 { '-' } else { '+' };
            let text = format!("{}{sign}{:02}:{:02}", local.trim_end_matches('Z'), minutes.abs() / 60, minutes.abs() % 60);
            prop_assert_eq!(text.parse::<Ticks>(), Ok(utc), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _: Result<Ticks, TicksError> = text.parse();
        }
    }
}
