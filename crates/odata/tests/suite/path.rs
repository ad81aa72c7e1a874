//! Resource paths, in every spelling that clients use.

use crate::test_model::MODEL;
use odata::path::{Key, PathError, Resource, alternate_property, encode_segment, entity_reference, resolve};
use proptest::prelude::*;

/// The resource as one line.
fn told(path: &str) -> Result<String, PathError> {
    let key = |key: Key| match key {
        Key::Id(id) => format!("id<{id}>"),
        Key::Alternate(name) => format!("name<{name}>"),
    };
    resolve(&MODEL, path).map(|resource| match resource {
        Resource::Collection(set) => set.name.to_owned(),
        Resource::Count(set) => format!("{} count", set.name),
        Resource::Entity(set, of) => format!("{} {}", set.name, key(of)),
        Resource::Navigation(set, of, nav) => format!("{} {} {}", set.name, key(of), nav.name),
        Resource::Reference(set, of, nav) => format!("{} {} {} ref", set.name, key(of), nav.name),
        Resource::Batch => "batch".to_owned(),
        Resource::Metadata => "metadata".to_owned(),
        Resource::Service => "service".to_owned(),
    })
}

#[test]
fn resolves_what_is_served() {
    for (path, expected) in [
        ("/items", "items"),
        ("items", "items"),
        ("/ITEMS/", "items"),
        ("//items//", "items"),
        ("/items/$count", "items count"),
        ("/items/%24COUNT/", "items count"),
        ("/items/a", "items id<a>"),
        ("/items//a", "items id<a>"),
        ("/items/A.b-C_1", "items id<A.b-C_1>"),
        ("/items('a')", "items id<a>"),
        ("/items(a)", "items id<a>"),
        ("/items(%27a%27)", "items id<a>"),
        ("/items( 'a' )", "items id<a>"),
        ("/items(id='a')", "items id<a>"),
        ("/items(ID=a)", "items id<a>"),
        ("/items('o''neil')", "items id<o'neil>"),
        ("/items('''')", "items id<'>"),
        ("/items('')", "items id<>"),
        ("/items('a=b')", "items id<a=b>"),
        ("/items('a(b)')", "items id<a(b)>"),
        ("/items('%25')", "items id<%>"),
        ("/items(name='a@b')", "items name<a@b>"),
        ("/items(Name = 'x=y')", "items name<x=y>"),
        ("/items/a%2Fb", "items id<a/b>"),
        ("/items/a%2527b", "items id<a%27b>"),
        ("/items/o'neil", "items id<o'neil>"),
        ("/items/a+b", "items id<a+b>"),
        ("/items/%C3%A9", "items id<é>"),
        ("/items/é", "items id<é>"),
        ("/items('delta')", "items id<delta>"),
        ("/items/a.delta", "items id<a.delta>"),
        ("/items/delta.a", "items id<delta.a>"),
        ("/items/..", "items id<..>"),
        ("/items/a/owner", "items id<a> owner"),
        ("/items('a')/OWNER", "items id<a> owner"),
        ("/items(name='a')/owner/$ref", "items name<a> owner ref"),
        ("/items/a/owner/%24Ref/", "items id<a> owner ref"),
        ("/$batch", "batch"),
        ("/%24Batch/", "batch"),
        ("/$metadata", "metadata"),
        ("/%24MetaData/", "metadata"),
        ("", "service"),
        ("/", "service"),
        ("//", "service"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn what_is_defined_but_not_served_says_so() {
    for path in [
        "/items/$ref",
        "/items/$value",
        "/items/delta",
        "/items/delta()",
        "/items/Delta()",
        "/items/test.delta",
        "/items/T.Delta()",
        "/items/test.inner.services.delta()",
        "/items/test.specialItem",
        "/items/Test.Inner.Services.SPECIALITEM",
        "/items/test.specialItem/$count",
        "/items/a/$value",
        "/items/a/$ref",
        "/items/a/name",
        "/items/a/NAME/$value",
        "/items/a/test.specialItem",
        "/items/a/owner/mail",
        "/items/a/owner/$count",
        "/items/a/owner/$value",
    ] {
        let found = told(path);
        assert!(matches!(found, Err(PathError::NotImplemented(_))), "{path}: {found:?}");
    }
}

#[test]
fn what_is_unknown_names_the_segment() {
    for (path, segment) in [
        ("/item", "`item`"),
        ("/identityProtection/things", "`identityProtection`"),
        ("/$unknown", "`$unknown`"),
        ("/$batch/x", "`x`"),
        ("/$metadata/x", "`x`"),
        ("/$metadata('x')", "`$metadata('x')`"),
        ("/$batch('x')", "`$batch('x')`"),
        ("/items/$count/x", "`x`"),
        ("/items/a/x", "`x`"),
        ("/items/a/owner/x", "`x`"),
        ("/items/a/owner/$ref/x", "`x`"),
        ("/people/a/owner", "`owner`"),
        ("/items/a/b/c/d/e/f/g/h/i/j/k", "`h`"),
    ] {
        assert_eq!(told(path), Err(PathError::UnknownSegment(segment.to_owned())), "{path}");
    }
    let long = told(&format!("/{}", "x".repeat(100_000))).unwrap_err().to_string();
    assert!(long.len() < 200, "{long}");
    assert!(told(&"/a".repeat(100_000)).is_err());
    assert_eq!(told(&"/".repeat(100_000)).as_deref(), Ok("service"));
}

#[test]
fn keys_and_encodings_are_checked() {
    for path in [
        "/items(",
        "/items()",
        "/items( )",
        "/items('a'",
        "/items('a)",
        "/items('a'x)",
        "/items(a'b)",
        "/items(')",
        "/items('a'b')",
        "/items(x='a')",
        "/items(id=)",
        "/items(='a')",
        "/items('a')x",
        "/items(id='a',name='b')",
        "/people(name='a')",
        "/items('a','b')",
    ] {
        let found = told(path);
        assert!(matches!(found, Err(PathError::Key(_))), "{path}: {found:?}");
    }
    for path in ["/items/%", "/items/%4", "/items/%zz", "/items/a%ff", "/items/%00", "/items/%ed%a0%80", "/%é"] {
        let found = told(path);
        assert!(matches!(found, Err(PathError::Encoding(_))), "{path}: {found:?}");
    }
}

#[test]
fn references_are_absolute_or_relative() {
    let own = |authority: &str| authority.eq_ignore_ascii_case("own.test:8443");
    let read = |url: &str| entity_reference(&MODEL, &["v1.0", "beta"], own, url);
    for url in [
        "https://own.test:8443/v1.0/people/p1",
        "HTTP://OWN.TEST:8443/beta/people('p1')",
        "https://own.test:8443/V1.0/PEOPLE(id='p1')",
        "https://own.test:8443/people/p1",
        "/v1.0/people/p1",
        "beta/people/p1",
        "people/p1",
        "/people('p1')",
        "people/p%31/",
    ] {
        let (set, key) = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((set.name, key.text()), ("people", "p1"), "{url}");
    }
    for url in [
        "",
        "/",
        "p1",
        "people",
        "people/$count",
        "people/p1/owner",
        "items/i1/owner",
        "items/i1/owner/$ref",
        "https://own.test:8443",
        "https://own.test:8443/",
        "https://own.test:8443/v2.0/people/p1",
        "https://other.test/v1.0/people/p1",
        "https://own.test/v1.0/people/p1",
        "https://own.test:8443@other/people/p1",
        "//other.test/v1.0/people/p1",
        "ftp://own.test:8443/v1.0/people/p1",
        "javascript://own.test:8443/people/p1",
        "v1.0/v1.0/people/p1",
        "$batch",
        "people/%zz",
        "people('p1",
    ] {
        assert!(read(url).is_err(), "{url}");
    }
}

#[test]
fn a_set_tells_its_alternate_key() {
    let items = MODEL.entity_set("ITEMS").unwrap();
    assert_eq!(alternate_property(items).map(|(at, property)| (at, property.name)), Some((1, "name")));
    assert!(alternate_property(MODEL.entity_set("people").unwrap()).is_none());
}

proptest! {
    #[test]
    fn every_key_comes_back_from_its_segment(key in "(?s)[^\0]{1,40}") {
        let segment = encode_segment(&key);
        prop_assert!(segment.is_ascii() && !segment.contains(['/', '?', '#', '\'', '(', ' ']));
        let quoted = encode_segment(&key.replace('\'', "''"));
        prop_assert_eq!(told(&format!("/items('{quoted}')")), Ok(format!("items id<{key}>")));
        let reserved = matches!(told(&format!("/items/{segment}")), Err(PathError::NotImplemented(_)));
        if !reserved && !key.starts_with('$') {
            prop_assert_eq!(told(&format!("/items/{segment}/owner")), Ok(format!("items id<{key}> owner")));
        }
    }
}
