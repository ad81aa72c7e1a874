//! A password in clear text becomes an argon2id verifier, and only where the caller wants it.

use verify::verifier::{Bare, DeriveError, Limits, ParseError, Scheme, Verifier};

fn derive(text: &str, bare: Bare) -> Result<Verifier, DeriveError> {
    Verifier::parse_or_derive(text, bare, || *b"sixteen byte ok!", &Limits::default())
}

#[test]
fn tagged_clear_text_is_derived() {
    for text in ["{CLEAR}Grünkohl", "{cleartext}Grünkohl", "{PLAIN}Grünkohl", "{noop}Grünkohl"] {
        assert_eq!(Verifier::parse(text, &Limits::default()).expect_err(text), ParseError::ClearText);
        let verifier = derive(text, Bare::Refused).expect(text);
        assert_eq!(verifier.scheme(), Scheme::Argon2id);
        assert!(verifier.canonical().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!verifier.canonical().contains("Grünkohl"));
        assert_eq!(verifier.check("Grünkohl".as_bytes()), Ok(true), "{text}");
        assert_eq!(verifier.check("grünkohl".as_bytes()), Ok(false), "{text}");
    }
}

#[test]
fn bare_clear_text_needs_the_callers_word() {
    let refused = derive(" hunter2", Bare::Refused).expect_err("no scheme");
    assert_eq!(refused, DeriveError::Parse(ParseError::NoScheme));
    let verifier = derive(" hunter2", Bare::ClearText).expect("derived");
    assert_eq!(verifier.check(b" hunter2"), Ok(true), "blanks belong to the password");
    assert_eq!(derive("!hunter2", Bare::ClearText).expect("derived").check(b"!hunter2"), Ok(true));
    // A text with a scheme stays what it is.
    let verifier = derive("{SHA}at+xg6SiyUovktq1redipHiJpaE=", Bare::ClearText).expect("a verifier");
    assert_eq!(verifier.scheme(), Scheme::Sha1);
    assert_eq!(derive("{CRYPT}!", Bare::ClearText).expect_err("locked"), DeriveError::Parse(ParseError::Unusable));
    assert_eq!(derive("{CLEAR}", Bare::ClearText).expect_err("empty"), DeriveError::Parse(ParseError::Empty));
}
