//! Whatever is pushed in, readers end, stay within their limits, and show no byte of it in an error.

use std::io::Read;

use directory::{Format, Limits, Reason, read, sniff};
use proptest::prelude::*;

use super::{all, utf16, with_limits};

/// Small, so that texts of a proptest pass them.
fn tight() -> Limits {
    Limits { line_bytes: 60, entry_bytes: 150, value_bytes: 40, values_per_entry: 5, columns: 6, depth: 4 }
}

/// Gives its text in pieces of one to three bytes, with an interruption now and then.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(5) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let count = (1 + self.1 % 3).min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// Reads to the end; an iterator that does not end fails by its number of items.
fn ends(format: Format, bytes: &[u8], limits: Limits) -> (u64, u64) {
    let Ok(mut users) = read(format, "x", Drops(bytes, 0), limits) else { return (0, 0) };
    let mut items = 0;
    for user in users.by_ref() {
        items += 1;
        assert!(items <= bytes.len() + 2, "more items than bytes");
        if let Ok(user) = user {
            assert!(user.place.entry > 0 && user.place.line > 0);
            assert!(user.verifiers.iter().all(|verifier| verifier.expose().len() <= limits.value_bytes));
        }
    }
    assert!(users.next().is_none(), "ended for good");
    let summary = users.summary();
    let skipped: u64 = summary.skipped.values().sum();
    assert!(summary.users + skipped <= summary.entries);
    (summary.users, summary.entries)
}

/// Pieces that lead deep into each reader.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static str> = vec![
        "upn,verifier,enabled\n",
        "a@x.org,{SHA}x,1\n",
        "\"",
        "\"\"",
        ",",
        ";",
        "\n",
        "\r\n",
        "\t",
        "dn: uid=a\n",
        "uid: a\n",
        "userPassword:: ",
        "e1NIQX14\n",
        "changetype: add\n",
        "objectGUID:: AAAA\n",
        "result: 4 x\n",
        " ",
        ":",
        "::",
        ":<",
        "#",
        "a:1:c12e2905257781833da3416e770e9698:c12e2905257781833da3416e770e9698:::\n",
        "a:$NT$\n",
        "_history0",
        "$",
        "[*] x\n",
        "{\"users\":[",
        "{\"Resources\":[",
        "[",
        "]",
        "{",
        "}",
        "{\"username\":\"a\",\"enabled\":true}",
        "\"credentials\":[{\"type\":\"password\"}]",
        "{\"model\":\"auth.user\",\"pk\":1,\"fields\":{\"username\":\"a\"}}",
        "\"emails\":[{\"value\":\"a@x\"}]",
        "\"totalResults\":9",
        "\\",
        "\\u0000",
        "null",
        "true",
        "-1e9",
        "\u{FEFF}",
        "username,password,is_active\n",
    ];
    prop_oneof![
        4 => proptest::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => Just(vec![0xFF, 0xFE]),
        1 => (any::<u8>(), 1_usize..200).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_end_in_users_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in Format::ALL {
            ends(*format, &bytes, tight());
        }
        let _ = sniff(&bytes);
    }

    #[test]
    fn pieces_of_the_forms_end_in_users_or_errors(pieces in proptest::collection::vec(piece(), 0..40)) {
        let bytes = pieces.concat();
        for format in Format::ALL {
            ends(*format, &bytes, tight());
            ends(*format, &bytes, Limits::default());
        }
        let _ = sniff(&bytes);
    }

    #[test]
    fn how_the_bytes_come_in_makes_no_difference(pieces in proptest::collection::vec(piece(), 0..40)) {
        let bytes = pieces.concat();
        for format in Format::ALL {
            let outcome = all(*format, &bytes);
            let whole = (outcome.summary.users, outcome.summary.entries);
            prop_assert_eq!(ends(*format, &bytes, Limits::default()), whole);
        }
    }
}

/// An export, and the texts in it that nobody may see.
const EXPORTS: &[(Format, &str)] = &[
    (Format::Csv, include_str!("../fixtures/csv/users.csv")),
    (Format::Ldif, include_str!("../fixtures/ldif/slapcat.ldif")),
    (Format::Pwdump, include_str!("../fixtures/hashes/secretsdump.txt")),
    (Format::HashcatNt, include_str!("../fixtures/hashes/hashcat-nt.txt")),
    (Format::JohnNt, include_str!("../fixtures/hashes/john-nt.txt")),
    (Format::Keycloak, include_str!("../fixtures/keycloak/realm.json")),
    (Format::DjangoCsv, include_str!("../fixtures/django/auth_user.csv")),
    (Format::DjangoJson, include_str!("../fixtures/django/dumpdata.json")),
    (Format::Scim, include_str!("../fixtures/scim/list.json")),
];

/// Parts of a text that look random: digests, salts and passwords.
fn secrets(text: &str) -> Vec<&str> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/=_-".contains(c));
    parts.filter(|part| part.len() >= 13 && part.bytes().any(|byte| byte.is_ascii_digit())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_export_shows_no_secret(
        export in proptest::sample::select(EXPORTS),
        read_as in proptest::sample::select(Format::ALL),
        as_itself in proptest::bool::weighted(0.8),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..4, any::<u8>()), 1..12),
    ) {
        let (format, text) = export;
        let intact = all(format, text);
        let verifiers = intact.users.iter().flat_map(|user| &user.verifiers);
        let secrets: Vec<&str> = verifiers.flat_map(|verifier| secrets(verifier.expose())).collect();
        prop_assert!(!secrets.is_empty() || format == Format::Scim);
        let mut bytes = text.as_bytes().to_vec();
        for (place, kind, byte) in damage {
            let at = place.index(bytes.len());
            match kind {
                0 => drop(bytes.remove(at)),
                1 => bytes[at] = byte,
                2 => bytes.insert(at, byte),
                _ => drop(bytes.drain(at..(at + usize::from(byte % 8)).min(bytes.len() - 1))),
            }
        }
        let outcome = all(if as_itself { format } else { read_as }, &bytes);
        for error in outcome.errors {
            let shown = format!("{error} {error:?}");
            prop_assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
        }
        if let Err(refused) = sniff(&bytes) {
            prop_assert!(!secrets.iter().any(|secret| refused.to_string().contains(secret)));
        }
    }
}

#[test]
fn every_form_is_found_by_its_name() {
    for format in Format::ALL {
        assert_eq!(format.to_string().to_uppercase().parse(), Ok(*format));
    }
    let unknown = "jpeg".parse::<Format>().expect_err("no form");
    assert_eq!(
        unknown.to_string(),
        "`jpeg` is no form of export; the forms are csv, ldif, pwdump, hashcat-nt, john-nt, keycloak, django-csv, \
        django-json, scim"
    );
}

#[test]
fn a_source_that_fails_is_an_error_that_ends_reading() {
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            let text = b"upn,mail\na@x.org,\n";
            into[..text.len()].copy_from_slice(text);
            Ok(text.len())
        }
    }
    let mut users = read(Format::Csv, "x", Broken(false), Limits::default()).expect("a header");
    assert!(users.next().expect("a row").is_ok());
    let error = users.next().expect("an error").expect_err("the source failed");
    assert_eq!(error.reason, Reason::Unreadable(std::io::ErrorKind::ConnectionReset));
    assert!(users.next().is_none() && !users.summary().complete);
}

#[test]
fn half_a_character_of_utf16_is_an_error() {
    for bytes in [b"\xFF\xFEu\0p\0n\0\n\0a".as_slice(), b"\xFF\xFEu\0p\0n\0\n\0\x00\xD8a\0", b"\xFF\xFE\x00\xDC"] {
        let outcome = with_limits(Format::Csv, bytes, Limits::default());
        assert_eq!(outcome.errors.last().map(|error| error.reason.clone()), Some(Reason::BrokenUtf16));
    }
}

#[test]
fn what_stands_before_broken_utf16_is_read_and_the_error_has_its_line() {
    let mut bytes = utf16("upn\na@x.org\nb@x", false);
    bytes.extend_from_slice(b"\x00\xDCc\0");
    let outcome = all(Format::Csv, &bytes);
    assert_eq!(outcome.users.len(), 1);
    assert_eq!(outcome.errors().len(), 1);
    assert_eq!((outcome.errors[0].place.line, &outcome.errors[0].reason), (3, &Reason::BrokenUtf16));
    assert_eq!(ends(Format::Csv, &bytes, Limits::default()), (1, 1), "however the bytes come in");
    for (start, line) in [("", 1), ("a:$NT$c12e2905257781833da3416e770e9698\n", 2), ("\n\na", 3)] {
        let outcome = all(Format::JohnNt, [utf16(start, true).as_slice(), b"\xDC\x00"].concat());
        let last = outcome.errors.last().expect("an error");
        assert_eq!((last.place.line, &last.reason), (line, &Reason::BrokenUtf16), "{start:?}");
    }
}
