//! What is refused, under which name, and that no part of the value is told.

use verify::verifier::{Limits, ParseError, Scheme, Verifier};

fn refused(text: &str) -> ParseError {
    Verifier::parse(text, &Limits::default()).expect_err(text)
}

#[test]
fn an_unknown_scheme_is_told_by_its_name() {
    for (text, name) in [
        ("{SASL}jane@example.test", "sasl"),
        ("{KERBEROS}jane@EXAMPLE.TEST", "kerberos"),
        ("{CRYPT}N1tQbOFcM5fpg", "des-crypt"),
        ("{CRYPT}_J9..CCCCXBrJUJV154M", "bsdi-crypt"),
        ("{crypt}$sha1$10$c.mcTzCw$gF8UeYst9yXX7WNZKc5Fjkq0.au7", "sha1"),
        ("{sasl}jane@example.test", "sasl"),
        ("{hunter2}x", "unnamed"),
        ("{pbkdf2@SpringSecurity_v5_8}5d923b44a6d129f3ddf3e3c8d29412723dcbde72", "pbkdf2"),
        ("{SHA3-256}qV2x7f0v", "sha3-256"),
        ("$sha1$19703$iVdJqfSE$v4qYKl1zqYThwpjJAoKX6UvlHq/a", "sha1"),
        ("$md5$zrdhpMlZ$$wBvMOEqbSjU.hu5T2VEP01", "md5"),
        ("$gy$j9T$abcdefgh$W2nX8bnZfpBnMA0yBB5Ojn/Ipu9NmiVmSmWdHzJTv14", "gost-yescrypt"),
        ("$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf", "drupal7"),
        ("$future$v=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4ETN1A", "future"),
        ("*2C905879F74F28F8570989947D06A8429FB943E6", "mysql41"),
        ("md5055a2b5a4e1b8a2c1a9c1cf6e3b6b3a1", "postgres-md5"),
        ("sha256$pepper$5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "sha256"),
        ("pbkdf2:sha3_256:1000$abc$00", "pbkdf2-sha3_256"),
        (r#"{"type":"otp","secretData":"{}","credentialData":"{}"}"#, "keycloak-otp"),
        (
            r#"{"secretData":"{\"value\":\"\",\"salt\":\"\"}","credentialData":"{\"hashIterations\":1,\"algorithm\":\"bcrypt\"}"}"#,
            "keycloak-bcrypt",
        ),
        ("{a name that is no name, but a password}x", "unnamed"),
    ] {
        match refused(text) {
            ParseError::UnknownScheme { name: found } => assert_eq!(found.as_str(), name, "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn a_text_without_scheme_is_not_guessed() {
    // 32 digits may be MD5 or NTLM; the others are passwords with a `$`.
    for text in
        ["5f4dcc3b5aa765d61d8327deb882cf99", "hunter2", "$ecret$2026", "$a$b$c", "pa$$word", "secret$123$456", "{oops"]
    {
        assert_eq!(refused(text), ParseError::NoScheme, "{text}");
    }
}

#[test]
fn an_account_without_password_is_told_apart() {
    for text in ["!", "!!", "*", "*LK*", "{CRYPT}!", "{CRYPT}*", "!W8r4VujWuG8zs4zt6jVg78akdYZhxxvXqr3CBW2A"] {
        assert_eq!(refused(text), ParseError::Unusable, "{text}");
    }
    for text in ["", "  ", "{SSHA}"] {
        assert_eq!(refused(text), ParseError::Empty, "{text}");
    }
}

#[test]
fn an_error_names_scheme_and_part_and_holds_no_byte_of_the_value() {
    for (text, message) in [
        (r#"{"type":"SECRET"#, "Keycloak credential: the text is not a credential in JSON"),
        ("{NT}SECRETSECRET", "nt: the hash is not 32 hexadecimal digits"),
        ("$2y$99$SECRETSECRET", "bcrypt: the cost is not two digits from 04 to 31"),
        (
            "$argon2id$v=19$m=SECRET,t=1,p=1$c29tZXNhbHQ$AAAAAAAA",
            "argon2id: a parameter is not a decimal number below 2^32",
        ),
        (
            "$argon2id$v=19$m=64,t=1,p=1,secret=1$c29tZXNhbHQ$AAAAAAAA",
            "argon2id: the parameters is not the ones of this scheme",
        ),
        ("{SSHA}SECRET", "ssha: the digest is not base64 of digest and salt, or hex, `:` and salt"),
        (
            "SCRAM-SHA-256$SECRET",
            "scram-sha-256: the text is not iterations, `:`, salt, `$`, stored key, `:`, server key",
        ),
    ] {
        let error = refused(text);
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}

#[test]
fn parameters_that_would_exhaust_the_machine_are_refused_by_name() {
    for (text, scheme, parameter) in [
        ("$argon2id$v=19$m=67108864,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", Scheme::Argon2id, "memory in bytes"),
        (
            "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            Scheme::Argon2id,
            "memory in bytes times passes",
        ),
        ("$scrypt$ln=40,r=8,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", Scheme::Scrypt, "memory in bytes"),
        ("$scrypt$ln=10,r=8,p=4294967295$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", Scheme::Scrypt, "memory in bytes"),
        ("scrypt:2147483648:8:1$salt$00", Scheme::Scrypt, ""),
        ("$y$jz5$LdJMEN3$RRorHhfsw1/P/WR6Aurg4U72e9Q7qt9vFPURdyfiqK8", Scheme::Yescrypt, ""),
        ("$y$jO5$LdJMEN3$RRorHhfsw1/P/WR6Aurg4U72e9Q7qt9vFPURdyfiqK8", Scheme::Yescrypt, "memory in bytes"),
        (
            "$pbkdf2-sha256$i=4294967295,l=32$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            Scheme::Pbkdf2Sha256,
            "iterations times blocks",
        ),
        (
            "pbkdf2_sha256$2147483648$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            Scheme::Pbkdf2Sha256,
            "iterations times blocks",
        ),
        ("$6$rounds=999999999$salt$x", Scheme::Sha512Crypt, "rounds"),
        ("$2b$31$abcdefghijklmnopqrstuulHH.fyxIVGyJ3I9rXgVGCojDxBTRvD.", Scheme::Bcrypt, "the cost"),
        ("$P$S84478476IagS59wHZvyQMArzfx58u.", Scheme::Phpass, "the logarithm of the rounds"),
        ("SCRAM-SHA-256$2147483648:W22ZaJ0SNY7soEsUEjb6gQ==$a:b", Scheme::ScramSha256, "iterations"),
    ] {
        match refused(text) {
            ParseError::OverLimit { scheme: found, parameter: named, .. } => {
                assert_eq!((found, named), (scheme, parameter), "{text}");
            }
            ParseError::Malformed { scheme: found, .. } => assert_eq!((found, ""), (scheme, parameter), "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn limits_are_the_callers() {
    let text = "$2b$04$abcdefghijklmnopqrstuulHH.fyxIVGyJ3I9rXgVGCojDxBTRvD.";
    let tight = Limits { bcrypt_cost: 3, ..Limits::default() };
    let error = Verifier::parse(text, &tight).expect_err("over the limit");
    assert_eq!(error.to_string(), "bcrypt: the cost is 4, at most 3 is allowed");
    let tight = Limits { text_bytes: 10, candidate_bytes: 4, ..Limits::default() };
    assert_eq!(Verifier::parse(text, &tight).expect_err("too long"), ParseError::TooLong { found: 60, limit: 10 });
    let verifier = Verifier::parse("{MD5}aaaa", &Limits { candidate_bytes: 4, ..Limits::default() });
    assert!(verifier.is_err(), "four characters are no MD5");
    let verifier =
        Verifier::parse("md5$$900150983cd24fb0d6963f7d28e17f72", &Limits { candidate_bytes: 4, ..Limits::default() });
    let verifier = verifier.expect("a vector");
    assert_eq!(verifier.check(b"abc"), Ok(true));
    assert_eq!(
        verifier.check(b"abcde").expect_err("too long").to_string(),
        "the candidate is 5 bytes long, at most 4 are checked"
    );
}
