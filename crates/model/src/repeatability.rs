//! Repeatable requests (OASIS Repeatable Requests 1.0): a request that its sender may send again, and
//! that is carried out once.

use crate::ids::IdError;
use crate::{Refusal, Ticks};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The name that a sender gives a request, or itself: a UUID in any case, or another text of 1 to 128
/// visible ASCII characters (sections 3.1.1 and 3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    const MOST: usize = 128;

    /// The text; a UUID is in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == uuid::fmt::Hyphenated::LENGTH
            && let Ok(id) = uuid::Uuid::try_parse(text)
        {
            return Ok(Self(id.hyphenated().to_string().into()));
        }
        if (1..=Self::MOST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        Err(IdError {
            found: text.chars().filter(|c| !c.is_control()).take(60).collect(),
            expected: "a UUID, or another text of 1 to 128 visible ASCII characters",
        })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For how long requests are remembered, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// For how long, from the time at which they were first sent.
    pub window: Duration,
    /// The most of one tenant. Beyond it the oldest are forgotten before their time, and what their
    /// sender sent up to then is refused from then on: never carried out twice.
    pub most: u64,
}

impl Tracking {
    /// By how much a sender's clock may be ahead.
    const AHEAD: i64 = 15 * 60;

    fn window(self) -> i64 {
        i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX)
    }

    /// Refuses times of which nobody knows any more what was sent then, and times to come. `forgotten`
    /// is the latest time of those requests of the sender that are no longer remembered.
    pub fn admit(self, first_sent: Ticks, now: Ticks, forgotten: Option<Ticks>) -> Result<(), Refusal> {
        let earliest = now.plus_seconds(-self.window()).max(forgotten.unwrap_or(Ticks::MIN));
        let latest = now.plus_seconds(Self::AHEAD);
        if earliest < first_sent && first_sent <= latest {
            return Ok(());
        }
        Err(Refusal::NotTracked { first_sent, earliest, latest })
    }

    /// When a request that is carried out `now` may be forgotten: [`Self::admit`] refuses it from then
    /// on.
    pub fn expiry(self, first_sent: Ticks, now: Ticks) -> Ticks {
        first_sent.max(now).plus_seconds(self.window())
    }
}

/// A request that is to be carried out once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeatability {
    /// `Repeatability-Request-ID`: names it among the requests of one sender.
    pub request_id: RequestId,
    /// `Repeatability-First-Sent`
    pub first_sent: Ticks,
    /// A keyed digest of the whole request, so that another one under the same name is noticed. Not a
    /// plain hash: the body may hold a password, which could be guessed from that.
    pub digest: [u8; 32],
    /// What is remembered.
    pub tracking: Tracking,
}

impl Repeatability {
    /// Refuses a request under the name of another one, whose digest is `remembered`.
    pub fn must_equal(&self, remembered: &[u8]) -> Result<(), Refusal> {
        if self.digest == *remembered { Ok(()) } else { Err(Refusal::RepeatedDifferently(self.request_id.clone())) }
    }
}
