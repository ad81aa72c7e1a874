//! Stored verifiers: what is read is written so that it reads back into the same one, a check never
//! panics, and an error shows nothing of a password.

use super::check_message;
use verify::verifier::{Bare, CheckError, CostClass, DeriveError, Limits, Verifier};

/// Lets nothing be checked or derived: parsing alone must end quickly, whatever the parameters are.
fn unchecked() -> Limits {
    Limits { candidate_bytes: 0, ..Limits::default() }
}

/// So small that what is let through is checked in milliseconds.
fn quick() -> Limits {
    Limits {
        pbkdf2_iterations: 1000,
        sha_crypt_rounds: 1000,
        phpass_log2_rounds: 8,
        bcrypt_cost: 4,
        memory_bytes: 128 << 10,
        memory_traffic_bytes: 256 << 10,
        ..Limits::default()
    }
}

/// Checks a text as a stored verifier.
pub(super) fn verifier(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for limits in [unchecked(), quick()] {
        match Verifier::parse(text, &limits) {
            Ok(verifier) => check_round_trip(&verifier, &limits),
            Err(error) => check_message(&error.to_string()),
        }
    }
    for bare in [Bare::Refused, Bare::ClearText] {
        match Verifier::parse_or_derive(text, bare, || [7; 16], &unchecked()) {
            Ok(verifier) => check_round_trip(&verifier, &unchecked()),
            Err(DeriveError::Derive(error)) => {
                // Clear text, which is never taken for a verifier; nothing of it is told but its length.
                assert!(matches!(error, CheckError::CandidateTooLong { limit: 0, .. }), "{error:?}");
                assert!(Verifier::parse(text, &unchecked()).is_err());
            }
            Err(DeriveError::Parse(error)) => check_message(&error.to_string()),
        }
    }
    if let Ok(verifier) = Verifier::parse(text, &quick()) {
        check_verdicts(&verifier);
    }
}

/// The canonical text reads back into the same verifier, and no `Debug` shows it.
fn check_round_trip(verifier: &Verifier, limits: &Limits) {
    let canonical = verifier.canonical();
    let again = Verifier::parse(&canonical, limits)
        .unwrap_or_else(|error| panic!("{} reads back as {error}", verifier.scheme()));
    assert_eq!(again.canonical(), canonical, "{}", verifier.scheme());
    assert_eq!(again.scheme(), verifier.scheme());
    assert_eq!(again.cost(), verifier.cost(), "{}", verifier.scheme());
    assert!(!format!("{verifier:?}").contains(&**canonical));
}

/// A check ends in a verdict or in an error with a name, and its copy has the same verdict.
fn check_verdicts(verifier: &Verifier) {
    let again = Verifier::parse(&verifier.canonical(), &quick()).expect("the canonical text");
    // Two derivations for what is dear would slow the fuzzer down and show no more.
    let candidates: &[&[u8]] = match verifier.cost().class {
        CostClass::Fast => &[b"Kranich-17-Wiese", b"", b"\xFF\0\xF6", "Grüße 😀".as_bytes()],
        CostClass::Slow => &[b"Kranich-17-Wiese"],
    };
    for candidate in candidates {
        let verdict = verifier.check(candidate);
        assert_eq!(verdict, again.check(candidate), "{}", verifier.scheme());
        if let Err(error) = verdict {
            check_message(&error.to_string());
        }
    }
}
