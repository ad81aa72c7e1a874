//! Throttling (graph.md, section 8.11): a bucket of requests for each app of each tenant.
//!
//! Our own forty lines instead of the crate `governor`, which counts tokens asked for at the token
//! endpoint: that crate takes time for something that never goes back, and would shut every app out for
//! as long as the machine's clock is set back by. It also has no bound on how many apps it remembers.

use model::{Caller, TenantKey, Ticks};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How many requests each app may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRate {
    /// So many in every [`Self::per`], for long.
    pub requests: NonZeroU32,
    /// A second, or a minute.
    pub per: Duration,
    /// So many at once, after a while of silence.
    pub burst: NonZeroU32,
}

impl RequestRate {
    /// The rate with a burst of what it lets pass in five seconds.
    pub fn new(requests: NonZeroU32, per: Duration) -> Self {
        let burst = u64::from(requests.get()) * 5 / per.as_secs().max(1);
        let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new);
        Self { requests, per, burst: burst.unwrap_or(NonZeroU32::MIN) }
    }
}

impl Default for RequestRate {
    /// Far above Graph's one a second: only a loop that has run wild meets it.
    fn default() -> Self {
        Self::new(NonZeroU32::new(1000).expect("it is not zero"), Duration::from_secs(1))
    }
}

/// Counts requests.
pub struct Throttle {
    /// Ticks in which a bucket gains room for one request.
    interval: i64,
    /// Ticks in which an empty bucket fills.
    full: i64,
    /// For each app, when its bucket will be full: one number tells how much is in it. A bucket that is
    /// full need not be kept.
    buckets: Mutex<HashMap<(TenantKey, Arc<str>), i64>>,
}

impl Throttle {
    /// The most buckets; past it, full ones are dropped.
    const MOST: usize = 10_000;
    /// The longest time for which a client is told to wait: some give up at three minutes.
    const LONGEST: i64 = 120;
    /// The most requests in a rate or a burst: a tick for each in a second.
    const FASTEST: i64 = Ticks::PER_SECOND;

    /// Makes one in which every bucket is full.
    pub fn new(rate: RequestRate) -> Self {
        let per = i64::try_from(rate.per.as_secs()).unwrap_or(Self::LONGEST).clamp(1, Self::LONGEST);
        let interval = Ticks::PER_SECOND * per / i64::from(rate.requests.get()).min(Self::FASTEST);
        let full = interval * i64::from(rate.burst.get()).min(Self::FASTEST);
        Self { interval, full, buckets: Mutex::default() }
    }

    /// Takes a request out of the caller's bucket; when it is empty, answers after how many seconds there
    /// is one again. A refused request is not counted.
    pub fn admit(&self, caller: &Caller, now: Ticks) -> Result<(), u32> {
        self.admit_many(caller, now, 1)
    }

    /// The same for so many at once: all of them, or none.
    pub fn admit_many(&self, caller: &Caller, now: Ticks, count: u32) -> Result<(), u32> {
        let taken = self.interval.saturating_mul(i64::from(count));
        let now = now.get();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= Self::MOST {
            buckets.retain(|_, full_at| *full_at > now);
            if buckets.len() > Self::MOST / 2 {
                buckets.clear(); // so many at once are made up: better to let them pass than to look at all each time
            }
        }
        let full_at = buckets.entry((caller.tenant, caller.actor.app.clone())).or_insert(now);
        // Never further off than an empty bucket is from full: the clock may have been set back.
        let after = (*full_at).clamp(now, now + self.full) + taken;
        let missing = after - now - self.full;
        if missing <= 0 {
            *full_at = after;
            return Ok(());
        }
        *full_at = after - taken;
        let seconds = (missing + Ticks::PER_SECOND - 1) / Ticks::PER_SECOND;
        Err(seconds.clamp(1, Self::LONGEST) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Actor, PermissionSet, TenantId};

    fn throttle(per_second: u32, burst: u32) -> Throttle {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        let rate = RequestRate::new(number(per_second), Duration::from_secs(1));
        Throttle::new(RequestRate { burst: number(burst), ..rate })
    }

    fn caller(tenant: u32, app: &str, user: Option<&str>) -> Caller {
        Caller {
            tenant: TenantKey(tenant),
            tenant_id: TenantId::new(uuid::Uuid::nil()),
            actor: Actor { app: app.into(), user: user.map(Into::into) },
            permissions: PermissionSet::all(),
        }
    }

    fn at(milliseconds: i64) -> Ticks {
        Ticks::new(1_700_000_000 * Ticks::PER_SECOND + milliseconds * 10_000).expect("a time")
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let (throttle, caller) = (throttle(10, 3), caller(1, "a", None));
        let admit = |milliseconds| throttle.admit(&caller, at(milliseconds));
        for _ in 0..3 {
            assert_eq!(admit(0), Ok(()));
        }
        assert_eq!((admit(0), admit(99)), (Err(1), Err(1)), "refused ones are not counted");
        assert_eq!((admit(100), admit(100)), (Ok(()), Err(1)));
        assert_eq!((admit(300), admit(300), admit(300)), (Ok(()), Ok(()), Err(1)));
        for _ in 0..3 {
            assert_eq!(admit(60_000), Ok(()), "it holds no more than it can");
        }
        assert_eq!(admit(60_000), Err(1));
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds_and_is_no_lie() {
        let rate = RequestRate::new(NonZeroU32::new(4).expect("not zero"), Duration::from_mins(1));
        assert_eq!(rate.burst.get(), 1);
        let (throttle, caller) = (Throttle::new(rate), caller(1, "a", None));
        let admit = |milliseconds| throttle.admit(&caller, at(milliseconds));
        assert_eq!(admit(0), Ok(()));
        assert_eq!((admit(0), admit(1), admit(13_999), admit(14_001)), (Err(15), Err(15), Err(2), Err(1)));
        assert_eq!((admit(15_000), admit(15_001)), (Ok(()), Err(15)));
    }

    #[test]
    fn the_usual_burst_is_what_passes_in_five_seconds() {
        assert_eq!(RequestRate::default().burst.get(), 5000);
        let most = RequestRate::new(NonZeroU32::MAX, Duration::from_secs(1));
        let throttle = Throttle::new(RequestRate { burst: NonZeroU32::MAX, ..most });
        assert_eq!(throttle.admit(&caller(1, "a", None), at(0)), Ok(()), "no number is too large");
    }

    #[test]
    fn each_app_of_each_tenant_has_a_bucket_of_its_own() {
        let throttle = throttle(1, 1);
        for tenant in [1, 2] {
            for app in ["a", "b"] {
                assert_eq!(throttle.admit(&caller(tenant, app, None), at(0)), Ok(()));
                assert_eq!(throttle.admit(&caller(tenant, app, Some("u")), at(0)), Err(1), "users share their app's");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_shuts_nobody_out() {
        let (throttle, caller) = (throttle(1, 2), caller(1, "a", None));
        assert_eq!(throttle.admit(&caller, at(3_600_000)), Ok(()));
        assert_eq!(throttle.admit(&caller, at(0)), Err(1), "the bucket counts as empty at worst");
        assert_eq!(throttle.admit(&caller, at(1000)), Ok(()));
    }

    #[test]
    fn buckets_do_not_grow_without_bound() {
        let throttle = throttle(1, 1);
        let count = || throttle.buckets.lock().expect("no panic").len();
        let regular = caller(1, "regular", None);
        for number in 0..5 * Throttle::MOST as i64 {
            throttle.admit(&caller(2, &number.to_string(), None), at(number)).expect("a bucket of its own");
            assert!(count() <= Throttle::MOST);
            if number % 500 == 0 {
                let room = throttle.admit(&regular, at(number)).is_ok();
                assert_eq!(room, number % 1000 == 0, "only full buckets are dropped");
            }
        }
        // All at once: more than anybody has apps.
        for number in 0..5 * Throttle::MOST as i64 {
            throttle.admit(&caller(3, &number.to_string(), None), at(0)).expect("a bucket of its own");
            assert!(count() <= Throttle::MOST);
        }
    }
}
