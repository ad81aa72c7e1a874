//! Arbitrary and mutated texts end in a verifier or an error, never in a panic or a large allocation.

use proptest::prelude::*;
use verify::verifier::{Limits, Verifier};

use super::vectors;

/// Small enough that whatever is let through can be run here.
fn tight() -> Limits {
    Limits {
        pbkdf2_iterations: 2000,
        sha_crypt_rounds: 2000,
        phpass_log2_rounds: 8,
        bcrypt_cost: 4,
        memory_bytes: 256 << 10,
        memory_traffic_bytes: 1 << 20,
        ..Limits::default()
    }
}

fn survives(text: &str) {
    let _ = Verifier::parse(text, &Limits::default());
    if let Ok(verifier) = Verifier::parse(text, &tight()) {
        let _ = verifier.check(b"candidate");
        let again = Verifier::parse(&verifier.canonical(), &tight()).expect("own canonical text");
        assert_eq!(again.canonical(), verifier.canonical());
        assert_eq!(again.scheme(), verifier.scheme());
    }
}

/// How texts begin, so that arbitrary rests reach every parser.
const STARTS: &[&str] = &[
    "",
    "{",
    "$",
    "{SSHA}",
    "{SHA}",
    "{CRYPT}",
    "{PBKDF2}",
    "{PBKDF2_SHA256}",
    "{NT}",
    "{\"type\":\"password\",",
    "$1$",
    "$5$rounds=",
    "$6$",
    "$y$",
    "$y$j",
    "$7$",
    "$2b$04$",
    "$2x$",
    "$wp$2y$04$",
    "$P$",
    "$argon2id$v=19$m=",
    "$argon2i$",
    "$scrypt$ln=",
    "$pbkdf2-sha256$",
    "SCRAM-SHA-256$",
    "pbkdf2:sha256:",
    "scrypt:16:8:1$",
    "scrypt$16$",
    "pbkdf2_sha256$",
    "argon2$argon2id$",
    "bcrypt$$2b$04$",
    "sha1$",
    "md5$",
    "AQAAAA",
];

/// How many of them stand at the beginning and name no scheme.
const NAMELESS: usize = 3;

proptest! {
    #[test]
    fn any_text(start in proptest::sample::select(STARTS), rest in any::<String>()) {
        survives(&format!("{start}{rest}"));
    }

    #[test]
    fn any_text_of_the_alphabet(start in proptest::sample::select(STARTS), rest in "[./0-9A-Za-z$,=:+{}\"]{0,120}") {
        survives(&format!("{start}{rest}"));
    }

    #[test]
    fn an_error_holds_nothing_of_what_follows_the_scheme(
        start in proptest::sample::select(&STARTS[NAMELESS..]),
        secret in "[a-zA-Z0-9]{8,20}",
        rest in "([$:}].{0,9})?",
    ) {
        if let Err(error) = Verifier::parse(&format!("{start}{secret}{rest}"), &Limits::default()) {
            prop_assert!(!format!("{error}{error:?}").contains(&secret), "{error}");
        }
    }

    #[test]
    fn a_vector_with_pieces_changed(
        choice in any::<proptest::sample::Index>(),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), "[./0-9A-Za-z$,=:\\PC]{0,3}"), 1..4),
    ) {
        let texts: Vec<_> = vectors::all().map(|vector| vector.text).collect();
        let mut text: Vec<char> = texts[choice.index(texts.len())].chars().collect();
        for (at, piece) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            let end = (at + 1).min(text.len());
            text.splice(at..end, piece.chars());
        }
        survives(&text.into_iter().collect::<String>());
    }
}
