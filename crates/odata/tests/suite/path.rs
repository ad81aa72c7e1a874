//! Resource paths, in every spelling that clients use.

use crate::test_model::MODEL;
use odata::expression::bound::PropertyPath;
use odata::path::{
    ContainedPart, Key, PathError, PropertyPart, Resource, alternate_property, encode_segment, entity_reference,
    resolve,
};
use proptest::prelude::*;

/// The resource as one line.
pub(crate) fn told(path: &str) -> Result<String, PathError> {
    let key = |key: Key| match key {
        Key::Id(id) => format!("id<{id}>"),
        Key::Alternate(name) => format!("name<{name}>"),
    };
    let property = |path: PropertyPath, part: PropertyPart| {
        let before = path.navigation.first().map_or(String::new(), |navigation| format!("{} ", navigation.name));
        let after = match part {
            PropertyPart::Value => "",
            PropertyPart::Text => " text",
            PropertyPart::Count => " count",
        };
        format!("{before}{}{after}", path.property.name)
    };
    resolve(&MODEL, path).map(|resource| match resource {
        Resource::Collection(of) => of.fragment(),
        Resource::Count(of) => format!("{} count", of.fragment()),
        Resource::Delta(of) => format!("{} delta", of.fragment()),
        Resource::References(of) => format!("{} refs", of.fragment()),
        Resource::Entity(of, one) => format!("{} {}", of.fragment(), key(one)),
        Resource::EntityReference(of, one) => format!("{} {} ref", of.fragment(), key(one)),
        Resource::Navigation(of, one, nav) => format!("{} {} {}", of.fragment(), key(one), nav.name),
        Resource::Reference(of, one, nav) => format!("{} {} {} ref", of.fragment(), key(one), nav.name),
        Resource::Property(of, one, path, part) => format!("{} {} {}", of.fragment(), key(one), property(path, part)),
        Resource::Contained(of, one, nav, part) => {
            let part = match part {
                ContainedPart::Collection => String::new(),
                ContainedPart::Count => " count".to_owned(),
                ContainedPart::Entity(id) => format!(" id<{id}>"),
            };
            format!("{} {} {}{part}", of.fragment(), key(one), nav.name)
        }
        Resource::Action(of, action) => format!("{} runs {}", of.fragment(), action.name),
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
        ("/items/delta", "items delta"),
        ("/items/delta()", "items delta"),
        ("/items/Delta()/", "items delta"),
        ("/items/test.delta", "items delta"),
        ("/items/T.Delta()", "items delta"),
        ("/items/test.inner.services.delta()", "items delta"),
        ("/items/test.specialItem/delta", "items/test.specialItem delta"),
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
        ("/items/$ref", "items refs"),
        ("/items/a/$REF", "items id<a> ref"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
}

#[test]
fn properties_are_told_with_what_is_asked_of_them() {
    for (path, expected) in [
        ("/items/a/name", "items id<a> name"),
        ("/items('a')/NAME", "items id<a> name"),
        ("/items/a/id", "items id<a> id"),
        ("/items/a/name/$value", "items id<a> name text"),
        ("/items/a/since/%24VALUE/", "items id<a> since text"),
        ("/items(name='x')/colour", "items name<x> colour"),
        ("/items/a/tags", "items id<a> tags"),
        ("/items/a/tags/$count", "items id<a> tags count"),
        ("/items/a/owner/mail", "items id<a> owner mail"),
        ("/items('a')/Owner/Mail/$Value", "items id<a> owner mail text"),
        ("/people/p/mail", "people id<p> mail"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
    assert_eq!(told("/items/a/tags/$value"), Err(PathError::NoValue("tags")));
    for (path, segment) in [
        ("/items/a/secret", "`secret`"),
        ("/items/a/profile", "`profile`"),
        ("/items/a/profile/password", "`profile`"),
        ("/items/a/oldName", "`oldName`"),
        ("/items/a/name/$count", "`$count`"),
        ("/items/a/name/x", "`x`"),
        ("/items/a/name/$value/x", "`x`"),
        ("/items/a/tags/0", "`0`"),
        ("/items/a/owner/name", "`name`"),
        ("/items/a/owner/mail/$count", "`$count`"),
    ] {
        assert_eq!(told(path), Err(PathError::UnknownSegment(segment.to_owned())), "{path}");
    }
}

#[test]
fn casts_narrow_what_is_asked_for() {
    let special = "items/Test.Inner.Services.specialItem";
    for (path, expected) in [
        ("/items/Test.Inner.Services.specialItem", special.to_owned()),
        ("/items/TEST.INNER.SERVICES.specialitem/", special.to_owned()),
        // A synonym that is a schema's name stays; an alias does not.
        ("/items/TEST.SpecialItem", "items/test.specialItem".to_owned()),
        ("/items/t.specialItem", special.to_owned()),
        ("/items/test.specialItem/$count", "items/test.specialItem count".to_owned()),
        ("/items/test.specialItem/$ref", "items/test.specialItem refs".to_owned()),
        ("/items/test.specialItem/a", "items/test.specialItem id<a>".to_owned()),
        ("/items/test.specialItem('a')", "items/test.specialItem id<a>".to_owned()),
        ("/items/test.specialItem(name='a')/owner", "items/test.specialItem name<a> owner".to_owned()),
        ("/items/a/test.specialItem", "items/test.specialItem id<a>".to_owned()),
        ("/items('a')/t.specialItem/owner/$ref", format!("{special} id<a> owner ref")),
        ("/items/a/t.specialItem/name/$value", format!("{special} id<a> name text")),
        // To be of the type that all are of, or of a base of it, says nothing new.
        ("/items/test.item", "items".to_owned()),
        ("/items/test.thing/a", "items id<a>".to_owned()),
        ("/items/test.item/test.specialItem", "items/test.specialItem".to_owned()),
        ("/items/test.specialItem/a/test.item", "items/test.specialItem id<a>".to_owned()),
        ("/items/a/owner/test.person", "items id<a> owner".to_owned()),
        ("/items/a/owner/t.thing/mail", "items id<a> owner mail".to_owned()),
    ] {
        assert_eq!(told(path).as_deref(), Ok(&*expected), "{path}");
    }
    for path in [
        "/items/test.person",
        "/items/a/test.person",
        "/items/test.person('a')",
        "/items/test.specialItem/test.person",
        "/people/test.item",
        "/items/a/owner/test.item",
    ] {
        let found = told(path);
        assert!(matches!(found, Err(PathError::WrongType { .. })), "{path}: {found:?}");
    }
    let told = told("/items/test.person/$count").unwrap_err().to_string();
    assert_eq!(told, "the type `test.person` is not `item`, nor derived from it, nor a base of it");
}

#[test]
fn what_is_defined_but_not_served_says_so() {
    for path in ["/items/$value", "/items/a/$value", "/items/a/owner/$count", "/items/a/owner/$value"] {
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
        ("/items/delta/x", "`x`"),
        ("/items/a/x", "`x`"),
        ("/items/a/owner/x", "`x`"),
        ("/items/a/owner/$ref/x", "`x`"),
        ("/items/$ref/x", "`x`"),
        ("/items/a/$ref/x", "`x`"),
        ("/items/a/test.otherItem", "`test.otherItem`"),
        ("/items/a/test.specialItem('b')", "`test.specialItem('b')`"),
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
        "people/p1/test.person",
    ] {
        let (found, key) = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((found.set.name, key.text()), ("people", "p1"), "{url}");
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
        "people/p1/$ref",
        "people/p1/mail",
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
        let alone = told(&format!("/items/{segment}"));
        let reserved = alone != Ok(format!("items id<{key}>")); // a function or a type, such as `delta` and `t.item`
        if !reserved && !key.starts_with('$') {
            prop_assert_eq!(told(&format!("/items/{segment}/owner")), Ok(format!("items id<{key}> owner")));
        }
    }
}
