//! How many pairs may be handed in: of each app, and of each name, so that nobody guesses at one user's password by
//! handing guesses in. Both are counted by this process alone.

use super::answer::AREA;
use crate::error::ApiError;
use crate::throttle::{RequestRate, Throttle};
use axum::http::{HeaderValue, StatusCode, header};
use model::{Caller, Ticks};
use odata::fault::{Fault, FaultKind, Faults};
use service::checks::{MOST_PAIRS, folded_name};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pairs that a refusal names, at most.
const TOLD: usize = 20;

/// How many pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairRate {
    /// Of an app; `None`: as many as it likes.
    pub of_app: Option<RequestRate>,
    /// Of a name in an hour; `None`: as many as anybody likes.
    pub of_name: Option<NonZeroU32>,
}

impl Default for PairRate {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("it is not zero");
        Self { of_app: Some(RequestRate::new(number(10_000), Duration::from_mins(1))), of_name: Some(number(20)) }
    }
}

/// Counts pairs.
pub struct CheckLimits {
    of_app: Option<Throttle>,
    of_name: Option<(NonZeroU32, Mutex<Names>)>,
    hashers: [RandomState; 2],
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self::new(PairRate::default())
    }
}

impl CheckLimits {
    /// Makes them, with everything still to be had.
    pub fn new(rate: PairRate) -> Self {
        // A whole request must fit, or it never passes.
        let whole = NonZeroU32::new(MOST_PAIRS as u32).expect("it is not zero");
        let of_app = rate.of_app.map(|rate| Throttle::new(RequestRate { burst: rate.burst.max(whole), ..rate }));
        let of_name = rate.of_name.map(|most| (most, Mutex::new(Names::new(most))));
        Self { of_app, of_name, hashers: [RandomState::new(), RandomState::new()] }
    }

    /// Counts the pairs of a request; where they are too many none of them is counted, and it is told which ones.
    pub(super) fn admit<'n>(
        &self,
        caller: &Caller,
        names: impl Iterator<Item = &'n str>,
        now: Ticks,
    ) -> Result<(), ApiError> {
        let keys: Vec<u128> = names.map(|name| self.key(caller, name)).collect();
        let admit_app = || match &self.of_app {
            None => Ok(()),
            Some(throttle) => throttle.admit_many(caller, now, keys.len() as u32).map_err(|seconds| {
                let message = format!("this app has handed in too many pairs; go on after {seconds} seconds");
                too_many(seconds, message)
            }),
        };
        let Some((most, names)) = &self.of_name else { return admit_app() };
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: HashMap<u128, u32> = HashMap::new();
        let (mut faults, mut late, mut wait) = (Faults::default(), Vec::new(), 0);
        for (at, key) in keys.iter().enumerate() {
            let count = counts.entry(*key).or_default();
            *count += 1;
            if *count > most.get() {
                let message =
                    format!("`pairs/{at}` is one of more than {most} pairs of one name; split them over hours");
                faults.push(Fault::new(FaultKind::InvalidValue, format!("pairs/{at}/name"), message));
            } else if let Some(missing) = names.missing(*key, *count, now) {
                late.push(at);
                wait = wait.max(missing);
            }
        }
        if !faults.is_empty() {
            return Err(ApiError::from_faults(AREA, &faults));
        }
        if !late.is_empty() {
            let seconds = u32::try_from((wait + Ticks::PER_SECOND - 1) / Ticks::PER_SECOND).unwrap_or(u32::MAX).max(1);
            let places: Vec<String> = late.iter().take(TOLD).map(|at| format!("pairs/{at}")).collect();
            let more = late.len() - places.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!(
                "more than {most} pairs of one name were handed in within an hour, so that nothing of this request was \
                 taken; leave out these, or send all again after {seconds} seconds: {}{more}",
                places.join(" ")
            );
            return Err(too_many(seconds, message));
        }
        admit_app()?;
        for (key, count) in counts {
            names.take(key, count, now);
        }
        Ok(())
    }

    /// What tells a name from others, however it is spelt, for as long as this process lives.
    fn key(&self, caller: &Caller, name: &str) -> u128 {
        let told = (caller.tenant, folded_name(name));
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(&told)));
        high << 64 | low
    }
}

fn too_many(seconds: u32, message: String) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
        .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// Buckets of names in a table whose size does not depend on how many names there are, and which forgets none: each name
/// has a bucket in every row, and the emptiest of these counts. So a stranger can have no name forgotten by naming many
/// others; at worst a name shares all of its buckets with others, and waits for them.
struct Names {
    /// Ticks in which a bucket gains room for one pair.
    interval: i64,
    /// Ticks in which an empty bucket fills.
    full: i64,
    /// When each bucket will be full.
    rows: [Box<[i64]>; Self::ROWS],
}

impl Names {
    const ROWS: usize = 4;
    const WIDTH: usize = 1 << 15;

    fn new(most: NonZeroU32) -> Self {
        let interval = (3600 * Ticks::PER_SECOND / i64::from(most.get())).max(1);
        let rows = std::array::from_fn(|_| vec![0; Self::WIDTH].into_boxed_slice());
        Self { interval, full: interval * i64::from(most.get()), rows }
    }

    fn places(key: u128) -> [usize; Self::ROWS] {
        [0, 1, 2, 3].map(|row| (key >> (32 * row)) as usize % Self::WIDTH)
    }

    /// When the bucket of a name will be full; never further off than an empty one is from that.
    fn full_at(&self, key: u128, now: Ticks) -> i64 {
        let of_rows = self.rows.iter().zip(Self::places(key)).map(|(row, at)| row[at]);
        of_rows.min().unwrap_or(0).clamp(now.get(), now.get() + self.full)
    }

    /// In how many ticks there is room for so many of a name; `None` where there is now.
    fn missing(&self, key: u128, count: u32, now: Ticks) -> Option<i64> {
        let missing = self.full_at(key, now) + self.interval * i64::from(count) - now.get() - self.full;
        (missing > 0).then_some(missing)
    }

    fn take(&mut self, key: u128, count: u32, now: Ticks) {
        let after = self.full_at(key, now) + self.interval * i64::from(count);
        for (row, at) in self.rows.iter_mut().zip(Self::places(key)) {
            row[at] = row[at].clamp(now.get(), now.get() + self.full).max(after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Ticks {
        Ticks::new((1_700_000_000 + seconds) * Ticks::PER_SECOND).expect("a time")
    }

    #[test]
    fn a_name_has_so_many_an_hour_whatever_others_have() {
        let mut names = Names::new(NonZeroU32::new(20).expect("not zero"));
        let key = u128::MAX / 3;
        assert_eq!(names.missing(key, 20, at(0)), None);
        names.take(key, 20, at(0));
        assert_eq!(names.missing(key, 1, at(0)), Some(180 * Ticks::PER_SECOND));
        // No number of other names has this one forgotten.
        let hasher = RandomState::new();
        for other in 0..200_000_u64 {
            names.take(
                u128::from(hasher.hash_one(other)) << 64 | u128::from(hasher.hash_one(other + (1 << 40))),
                1,
                at(1),
            );
        }
        assert!(names.missing(key, 1, at(2)).is_some());
        assert_eq!(names.missing(key, 1, at(40 * 3600)), None);
        // A clock that is set back shuts nobody out for longer than an hour.
        names.take(key, 20, at(400 * 3600));
        assert!(names.missing(key, 1, at(0)).is_some_and(|ticks| ticks <= 3600 * Ticks::PER_SECOND));
    }
}
