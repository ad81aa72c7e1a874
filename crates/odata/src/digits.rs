//! Reading dates and times digit by digit.

use crate::calendar;
use crate::ticks::{Ticks, TicksError};

/// What is left to read of a date and time.
pub(crate) struct Digits<'a>(&'a [u8]);

impl<'a> Digits<'a> {
    /// Reads from the beginning of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Whether all is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Passes over one of these bytes, if it is the next.
    pub(crate) fn take(&mut self, any_of: &[u8]) -> bool {
        let found = self.0.first().is_some_and(|byte| any_of.contains(byte));
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Passes over one of these bytes, which must be the next.
    pub(crate) fn expect(&mut self, any_of: &[u8]) -> Result<(), TicksError> {
        if self.take(any_of) { Ok(()) } else { Err(TicksError::Form) }
    }

    /// The next byte, if it is a digit.
    pub(crate) fn digit(&mut self) -> Option<i64> {
        let digit = self.0.first().filter(|byte| byte.is_ascii_digit())?;
        self.0 = &self.0[1..];
        Some(i64::from(digit - b'0'))
    }

    /// Passes over one or more digits.
    pub(crate) fn run(&mut self) -> Option<()> {
        self.digit()?;
        while self.digit().is_some() {}
        Some(())
    }

    /// One or more digits; `None` as well when they make no `i64`.
    pub(crate) fn whole(&mut self) -> Option<i64> {
        let mut number = self.digit()?;
        while let Some(digit) = self.digit() {
            number = number.checked_mul(10)?.checked_add(digit)?;
        }
        Some(number)
    }

    /// Exactly as many digits as `width`.
    pub(crate) fn number(&mut self, width: usize) -> Result<i64, TicksError> {
        (0..width).try_fold(0, |sum, _| Ok(sum * 10 + self.digit().ok_or(TicksError::Form)?))
    }

    /// A date of the years 1 to 9999, as days since 1970-01-01.
    pub(crate) fn date(&mut self) -> Result<i64, TicksError> {
        let year = self.number(4)?;
        self.expect(b"-")?;
        let month = self.number(2)?;
        self.expect(b"-")?;
        let day = self.number(2)?;
        if year == 0 {
            return Err(TicksError::OutOfRange);
        }
        calendar::day(year, month, day).ok_or(TicksError::Impossible)
    }

    /// A time of day, whose seconds and fraction may be left out, as ticks since midnight.
    pub(crate) fn time(&mut self) -> Result<i64, TicksError> {
        let hour = self.number(2)?;
        self.expect(b":")?;
        let minute = self.number(2)?;
        let has_seconds = self.take(b":");
        let second = if has_seconds { self.number(2)? } else { 0 };
        let fraction = if has_seconds && self.take(b".") { self.fraction()? } else { 0 };
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TicksError::Impossible);
        }
        Ok((hour * 3600 + minute * 60 + second) * Ticks::PER_SECOND + fraction)
    }

    /// One to twelve digits, as ticks.
    pub(crate) fn fraction(&mut self) -> Result<i64, TicksError> {
        let (mut ticks, mut scale, mut count) = (0, Ticks::PER_SECOND, 0);
        while let Some(digit) = self.digit() {
            scale /= 10;
            ticks += digit * scale;
            count += 1;
        }
        match count {
            0 => Err(TicksError::Form),
            1..=12 => Ok(ticks),
            _ => Err(TicksError::FractionTooLong),
        }
    }

    /// `Z` or an offset of up to 14 hours (XML Schema's bound), in seconds, to the end of the text.
    pub(crate) fn offset(&mut self) -> Result<i64, TicksError> {
        let seconds = if self.take(b"Zz") {
            0
        } else {
            let sign = match self.0.first() {
                None => return Err(TicksError::NoZone),
                Some(b'+') => 1,
                Some(b'-') => -1,
                Some(_) => return Err(TicksError::Form),
            };
            self.0 = &self.0[1..];
            let hours = self.number(2)?;
            self.expect(b":")?;
            let minutes = self.number(2)?;
            if minutes > 59 || hours * 60 + minutes > 14 * 60 {
                return Err(TicksError::Impossible);
            }
            sign * (hours * 3600 + minutes * 60)
        };
        if self.0.is_empty() { Ok(seconds) } else { Err(TicksError::Form) }
    }
}
