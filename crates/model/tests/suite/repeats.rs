//! Repeatable requests: their ids, and the time for which they are known.

use model::{Refusal, Repeatability, RequestId, Ticks, Tracking};
use proptest::prelude::*;
use std::time::Duration;

fn id(text: &str) -> Option<String> {
    text.parse::<RequestId>().ok().map(|id| id.as_str().to_owned())
}

#[test]
fn a_uuid_ignores_case_and_other_texts_do_not() {
    let uuid = "112a3a3e-f94c-4f56-b49b-5aab3d97e5b7";
    assert_eq!(id(uuid).as_deref(), Some(uuid));
    assert_eq!(id(&uuid.to_uppercase()).as_deref(), Some(uuid));
    for text in ["Order-1", "order-1", "!~", &"x".repeat(128), &uuid.to_uppercase().replace('-', "")] {
        assert_eq!(id(text).as_deref(), Some(text));
    }
    for text in ["", " ", "a b", "a\tb", "\u{7f}", "ä", &"x".repeat(129)] {
        assert_eq!(id(text), None, "{text:?}");
    }
    let error = "a b".parse::<RequestId>().expect_err("a blank").to_string();
    assert_eq!(error, "`a b` is not a UUID, or another text of 1 to 128 visible ASCII characters");
}

#[test]
fn only_the_same_digest_is_the_same_request() {
    let request = Repeatability {
        request_id: "r1".parse().expect("an id"),
        first_sent: Ticks::default(),
        digest: [7; 32],
        tracking: Tracking { window: Duration::from_secs(1), most: 1 },
    };
    assert_eq!(request.must_equal(&[7; 32]), Ok(()));
    for other in [&[8; 32][..], &[7; 31], &[]] {
        assert_eq!(request.must_equal(other), Err(Refusal::RepeatedDifferently(request.request_id.clone())));
    }
}

fn ticks(seconds: i64) -> Ticks {
    Ticks::from_unix_seconds(seconds).expect("a time")
}

proptest! {
    /// What may be forgotten is refused from then on, whatever the clocks of the two sides say.
    #[test]
    fn what_has_expired_is_never_admitted(
        window in 1..100_000_u64, sent in 0..200_000_i64, done in 0..200_000_i64, later in 0..400_000_i64,
    ) {
        let tracking = Tracking { window: Duration::from_secs(window), most: 1 };
        let (sent, done, later) = (ticks(sent), ticks(done), ticks(later));
        let expiry = tracking.expiry(sent, done);
        prop_assert!(expiry > sent && expiry > done);
        if later >= expiry {
            let refused = matches!(tracking.admit(sent, later, None), Err(Refusal::NotTracked { .. }));
            prop_assert!(refused);
        }
    }

    /// A window that is longer than time itself admits everything up to now.
    #[test]
    fn no_window_is_too_long(sent in 0..200_000_i64, forgotten in proptest::option::of(0..200_000_i64)) {
        let tracking = Tracking { window: Duration::MAX, most: 1 };
        let outcome = tracking.admit(ticks(sent), ticks(200_000), forgotten.map(ticks));
        prop_assert_eq!(outcome.is_ok(), forgotten.is_none_or(|forgotten| sent > forgotten));
    }
}
