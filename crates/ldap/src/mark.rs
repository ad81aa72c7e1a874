//! How far a directory was read.

use odata::calendar;
use std::fmt;
use std::str::FromStr;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The point up to which everything of a directory is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Active Directory's counter of writes, which each of its servers keeps for itself.
    Usn {
        /// Whose counter it is: the invocation, which is another one after a server was restored from a backup.
        server: String,
        /// The last write that was seen.
        usn: u64,
    },
    /// The time of the last write, in seconds since 1970.
    Time(i64),
}

/// The text is no mark, or one of another version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no mark of a directory")]
pub struct NoMark;

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usn { server, usn } => write!(formatter, "usn {usn} of {server}"),
            Self::Time(seconds) => write!(formatter, "time {}", time_text(*seconds)),
        }
    }
}

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        if let Some(time) = text.strip_prefix("time ") {
            return time_of(time).map(Self::Time).ok_or(NoMark);
        }
        let (usn, server) = text.strip_prefix("usn ").and_then(|rest| rest.split_once(" of ")).ok_or(NoMark)?;
        Ok(Self::Usn { server: server.to_owned(), usn: usn.parse().map_err(|_| NoMark)? })
    }
}

/// Reads `20261130083000Z` or `20261130083000.5+0100` (RFC 4517 section 3.3.13) as seconds since 1970; a fraction is left
/// out. Minutes and seconds must be there, as every server writes them.
pub(crate) fn time_of(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok())?
    };
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(8..10)?, digits(10..12)?, digits(12..14)?);
    let day = calendar::day(year, month, day)?;
    let in_range = hour < 24 && minute < 60 && second <= 60;
    let rest = text[14..].trim_start_matches(['.', ',']).trim_start_matches(|c: char| c.is_ascii_digit());
    let offset = match rest {
        "Z" => 0,
        _ => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            let zone = rest.strip_prefix(['+', '-']).filter(|zone| zone.bytes().all(|byte| byte.is_ascii_digit()))?;
            let (hours, minutes) = match zone.len() {
                2 => (zone, "0"),
                4 => zone.split_at(2),
                _ => return None,
            };
            sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60)
        }
    };
    in_range.then(|| day * DAY + hour * 3600 + minute * 60 + second - offset)
}

/// Writes seconds since 1970 as `20261130083000Z`.
pub(crate) fn time_text(seconds: i64) -> String {
    let (day, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = calendar::date(day);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_servers_are_read() {
        for (text, seconds) in [
            ("19700101000000Z", Some(0)),
            ("20000229120000Z", Some(951_825_600)),
            ("20261130083000Z", Some(1_796_027_400)),
            ("20261130083000.123456Z", Some(1_796_027_400)),
            ("20261130093000.0+0100", Some(1_796_027_400)),
            ("20261130013000-07", Some(1_796_027_400)),
            ("202611300830", None),
            ("20261330083000Z", None),
            ("20260229083000Z", None),
            ("not a time at all", None),
            ("20261130083000", None),
            ("20261130083000+a\u{20ac}", None),
            ("20261130083000+9223372036854775807", None),
            ("20261130083000+1", None),
        ] {
            assert_eq!(time_of(text), seconds, "{text}");
        }
    }

    #[test]
    fn marks_are_written_and_read() {
        for mark in [Mark::Time(1_796_027_400), Mark::Usn { server: "a of b".into(), usn: 7 }] {
            assert_eq!(mark.to_string().parse(), Ok(mark));
        }
        assert_eq!("time soon".parse::<Mark>(), Err(NoMark));
        assert_eq!("usn x of y".parse::<Mark>(), Err(NoMark));
    }

    proptest! {
        #[test]
        fn every_second_of_a_millennium_and_a_half_comes_back(seconds in -5_000_000_000_i64..45_000_000_000) {
            prop_assert_eq!(time_of(&time_text(seconds)), Some(seconds));
        }
    }
}
