//! The proleptic Gregorian calendar and the parts of a day, over days since 1970-01-01 and ticks of
//! 100 nanoseconds. Everything here is total: every number has an answer. (jiff's timestamps end at
//! 9999-12-30T22:00:00Z, so they cannot hold every `Edm.DateTimeOffset`.)

use crate::Ticks;

/// Ticks in a day.
pub const TICKS_PER_DAY: i64 = 86_400 * Ticks::PER_SECOND;
/// 0001-01-01, the first `Edm.Date`.
pub const FIRST_DAY: i64 = -EPOCH;
/// 9999-12-31, the last `Edm.Date`.
pub const LAST_DAY: i64 = days_before(10_000) - EPOCH - 1;

const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// Days from 0001-01-01 to 1970-01-01.
const EPOCH: i64 = days_before(1970);
/// Days in 400 years, after which the calendar repeats.
const CYCLE: i64 = days_before(401);

const fn days_before(year: i64) -> i64 {
    let full = year - 1;
    full * 365 + full / 4 - full / 100 + full / 400
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days in a month, 1 to 12.
fn length(year: i64, month: i64) -> i64 {
    MONTHS[month as usize - 1] + i64::from(month == 2 && is_leap(year))
}

/// The day with this date, of the years 1 to 9999; `None` when there is no such day.
pub fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    let exists = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    exists.then(|| days_before(year) - EPOCH + (1..month).map(|m| length(year, m)).sum::<i64>() + day - 1)
}

/// Year, month and day of a day. Years go on below 1 and above 9999.
pub fn date(day: i64) -> (i64, i64, i64) {
    let (cycle, rest) = (day.div_euclid(CYCLE), day.rem_euclid(CYCLE));
    let (year, month, day) = date_since_year_one((rest + EPOCH) as u32);
    (i64::from(year) + 400 * cycle, i64::from(month), i64::from(day))
}

/// Days of a year before its months, January to December and the next January.
const BEFORE: [[u32; 13]; 2] = [before(false), before(true)];

const fn before(leap: bool) -> [u32; 13] {
    let mut sums = [0; 13];
    let mut month = 0;
    while month < 12 {
        sums[month + 1] = sums[month] + MONTHS[month] as u32 + (leap && month == 1) as u32;
        month += 1;
    }
    sums
}

/// Year, month and day of the day that lies `days` after 0001-01-01, for the years 1 to 9999.
pub(crate) fn date_since_year_one(days: u32) -> (u32, u32, u32) {
    let before_year = |year: u32| days_before(i64::from(year)) as u32;
    let mut year = (u64::from(days) * 400 / CYCLE as u64) as u32 + 1; // right, or one off near a year's ends
    if before_year(year) > days {
        year -= 1;
    } else if before_year(year + 1) <= days {
        year += 1;
    }
    let rest = days - before_year(year);
    let before = &BEFORE[usize::from(is_leap(i64::from(year)))];
    let guess = (rest / 32) as usize; // right, or one month early
    let month = if rest >= before[guess + 1] { guess + 1 } else { guess };
    (year, month as u32 + 1, rest - before[month] + 1)
}

/// The day of a moment in UTC.
pub fn day_of(ticks: i64) -> i64 {
    ticks.div_euclid(TICKS_PER_DAY)
}

/// The time of day of a moment in UTC, as ticks since midnight.
pub fn time_of(ticks: i64) -> i64 {
    ticks.rem_euclid(TICKS_PER_DAY)
}

/// The hour of a time of day, 0 to 23.
pub fn hour(time: i64) -> i64 {
    time_of(time) / (3600 * Ticks::PER_SECOND)
}

/// The minute of a time of day, 0 to 59.
pub fn minute(time: i64) -> i64 {
    time_of(time) / (60 * Ticks::PER_SECOND) % 60
}

/// The second of a time of day, 0 to 59.
pub fn second(time: i64) -> i64 {
    time_of(time) / Ticks::PER_SECOND % 60
}

/// The fraction of the second of a time of day, from 0 to below 1.
pub fn fraction_of_second(time: i64) -> f64 {
    seconds(time_of(time) % Ticks::PER_SECOND)
}

/// Ticks as seconds.
#[expect(clippy::cast_precision_loss, reason = "a double of seconds is what OData asks for")]
pub fn seconds(ticks: i64) -> f64 {
    ticks as f64 / Ticks::PER_SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_first_and_last_days_and_leap_years() {
        assert_eq!(date(FIRST_DAY), (1, 1, 1));
        assert_eq!(date(LAST_DAY), (9999, 12, 31));
        assert_eq!(date(FIRST_DAY - 1), (0, 12, 31));
        assert_eq!(date(LAST_DAY + 1), (10_000, 1, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(day(2024, 2, 29).map(date), Some((2024, 2, 29)));
        assert_eq!(day(1900, 2, 29), None);
        assert_eq!(day(2000, 2, 30), None);
        assert_eq!(day(0, 1, 1), None);
    }

    #[test]
    fn every_number_has_a_date_and_a_time() {
        for number in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            let (_, month, day) = date(number);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day), "{number}");
            assert!((0..24).contains(&hour(number)) && (0..60).contains(&minute(number)), "{number}");
            assert!((0..60).contains(&second(number)), "{number}");
            assert!((0.0..1.0).contains(&fraction_of_second(number)), "{number}");
            assert!((0..TICKS_PER_DAY).contains(&time_of(number)), "{number}");
        }
        // a tick before 1970 belongs to the day before
        assert_eq!((day_of(-1), hour(-1), minute(-1), second(-1)), (-1, 23, 59, 59));
    }
}
