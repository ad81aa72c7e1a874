//! Every vector matches its password and nothing else, and reads back from its own canonical text.

use std::collections::BTreeSet;

use verify::verifier::{CostClass, Limits, ParseError, Scheme, Verifier};

use super::made::MADE;
use super::published::PUBLISHED;

/// A verifier that somebody else made, and the password it was made from.
pub struct Vector {
    /// Who published or made it.
    pub source: &'static str,
    /// The scheme's name here.
    pub scheme: &'static str,
    /// The password.
    pub password: &'static [u8],
    /// The stored text.
    pub text: &'static str,
}

pub fn all() -> impl Iterator<Item = &'static Vector> {
    PUBLISHED.iter().chain(MADE)
}

fn parse(text: &str) -> Result<Verifier, ParseError> {
    Verifier::parse(text, &Limits::default())
}

/// Whether a check is quick enough to be run many times.
fn quick(verifier: &Verifier) -> bool {
    let cost = verifier.cost();
    cost.class == CostClass::Fast || (cost.iterations <= 2100 && cost.memory_bytes <= 1 << 20)
}

#[test]
fn the_password_matches_and_others_do_not() {
    let mut faults = Vec::new();
    for vector in all() {
        let Vector { source, scheme, password, text } = vector;
        let verifier = match parse(text) {
            Ok(verifier) => verifier,
            Err(error) => {
                faults.push(format!("{source}: {text}: {error}"));
                continue;
            }
        };
        if verifier.scheme().name() != *scheme {
            faults.push(format!("{source}: {text}: read as {}", verifier.scheme()));
        }
        if verifier.check(password) != Ok(true) {
            faults.push(format!("{source}: {text}: the password does not match"));
        }
        // bcrypt reads 72 bytes, so the difference stands in front.
        let wrong = [b"!", *password].concat();
        if verifier.check(&wrong) != Ok(false) {
            faults.push(format!("{source}: {text}: a wrong password matches"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_canonical_text_is_the_same_verifier() {
    for vector in all() {
        let verifier = parse(vector.text).expect(vector.source);
        let again = parse(&verifier.canonical()).expect(vector.source);
        assert_eq!(again.canonical(), verifier.canonical(), "{}", vector.source);
        assert_eq!(again.scheme(), verifier.scheme(), "{}", vector.source);
        assert_eq!(again.cost(), verifier.cost(), "{}", vector.source);
        if quick(&again) {
            assert_eq!(again.check(vector.password), Ok(true), "{}: {}", vector.source, vector.text);
        }
    }
}

#[test]
fn a_text_that_was_cut_is_an_error_or_matches_no_more() {
    for vector in all() {
        for end in (0..vector.text.len()).filter(|end| vector.text.is_char_boundary(*end)) {
            let Ok(verifier) = parse(&vector.text[..end]) else { continue };
            if !quick(&verifier) {
                continue;
            }
            // Only padding may be missing, or the rest of a longer output: these functions give the shorter
            // one as its beginning, so that what is left is as true as the whole.
            let padding = vector.text[end..].bytes().all(|byte| byte == b'=');
            let matches = verifier.check(vector.password) == Ok(true);
            let prefix = matches && vector.scheme == "scrypt" && vector.source.starts_with("RFC 7914");
            assert!(matches == (padding || prefix), "{}: {}", vector.source, &vector.text[..end]);
        }
    }
}

#[test]
fn a_garbled_text_is_an_error_or_matches_no_more() {
    for vector in all() {
        // The digest stands last in nearly all; a character that no encoding knows breaks it everywhere.
        // In JSON the last members say nothing about the password.
        if vector.text.starts_with("{\"") {
            continue;
        }
        let body = vector.text.trim_end_matches('=');
        for (at, _) in body.char_indices().rev().take(40) {
            let garbled = format!("{}\u{7f}{}", &vector.text[..at], &vector.text[at + 1..]);
            let Ok(verifier) = parse(&garbled) else { continue };
            if quick(&verifier) {
                assert_eq!(verifier.check(vector.password), Ok(false), "{}: {at} of {}", vector.source, vector.text);
            }
        }
    }
}

#[test]
fn published_vectors_are_many_and_every_scheme_has_one_of_either_kind() {
    let schemes: BTreeSet<_> = PUBLISHED.iter().map(|vector| vector.scheme).collect();
    assert!(PUBLISHED.len() >= 40, "{}", PUBLISHED.len());
    assert!(schemes.len() >= 20, "{schemes:?}");
    let covered: BTreeSet<_> = all().map(|vector| vector.scheme).collect();
    let known: BTreeSet<_> = Scheme::ALL.iter().map(|scheme| scheme.name()).collect();
    assert_eq!(covered, known);
}

#[test]
fn other_names_of_a_scheme_read_the_same() {
    let crypt = "$5$rounds=1004$nacl$oiWPbm.kQ7.jTCZoOtdv7/tO5mWv/vxw5yTqlBagVR7";
    let argon = "$argon2i$v=19$m=256,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A";
    let bcrypt = "$2y$04$abcdefghijklmnopqrstuulHH.fyxIVGyJ3I9rXgVGCojDxBTRvD.";
    for (text, tags) in [
        (crypt, &["{CRYPT}", "{crypt}", "{SHA256-CRYPT}"][..]),
        (argon, &["{ARGON2}", "{ARGON2I}", "{argon2}", "{argon2@SpringSecurity_v5_8}", "argon2"]),
        (bcrypt, &["{BCRYPT}", "{bcrypt}", "{CRYPT}", "{BLF-CRYPT}", "bcrypt$"]),
    ] {
        let plain = parse(text).expect(text).canonical();
        for tag in tags {
            let tagged = format!("{tag}{text}");
            assert_eq!(parse(&tagged).expect(&tagged).canonical(), plain, "{tagged}");
        }
    }
}

#[test]
fn debug_shows_the_scheme_only() {
    let verifier = parse("{SHA}at+xg6SiyUovktq1redipHiJpaE=").expect("a vector");
    assert_eq!(format!("{verifier:?}"), "Verifier { scheme: Sha1, .. }");
}
