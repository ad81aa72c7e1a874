//! Bodies: what fits, what does not, and how that is said.

use crate::test_model::{ITEM, MODEL, PERSON, SPECIAL_ITEM, at};
use odata::body::{EntityBody, SyntaxError, Value};
use odata::fault::FaultKind::{
    self, DuplicateProperty, InvalidProperty, InvalidType, InvalidValue, MissingProperty, NullValue,
};
use odata::fault::{Fault, Faults, excerpt};

fn read(json: &str) -> EntityBody {
    EntityBody::read(json.as_bytes(), &MODEL, &ITEM).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn faults(json: &str) -> Vec<(FaultKind, String)> {
    read(json).faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect()
}

fn fault(json: &str) -> Fault {
    let body = read(json);
    assert_eq!((body.faults.kept().len(), body.faults.more()), (1, 0), "{json}: {:?}", body.faults);
    body.faults.kept()[0].clone()
}

fn one(json: &str) -> (FaultKind, String) {
    let Fault { kind, target, .. } = fault(json);
    (kind, target)
}

fn value(json: &str, position: usize) -> Option<Value> {
    let mut body = read(json);
    assert!(body.faults.is_empty(), "{json}: {}", body.faults);
    body.take(position)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn reads_every_type() {
    let moment = |text: &str| Value::DateTimeOffset(text.parse().unwrap());
    for (json, position, expected) in [
        (r#"{"name":"ab"}"#, at::NAME, text("ab")),
        (r#"{"NAME":"a\u00e9\ud83d\ude00"}"#, at::NAME, text("aé😀")),
        (r#"{"note":""}"#, at::NOTE, text("")),
        (r#"{"note":null}"#, at::NOTE, Value::Null),
        (r#"{"on":true}"#, at::ON, Value::Boolean(true)),
        (r#"{"on":null}"#, at::ON, Value::Null),
        (r#"{"since":"2024-03-02T23:10:04.2255665+01:00"}"#, at::SINCE, moment("2024-03-02T22:10:04.2255665Z")),
        (r#"{"colour":"red"}"#, at::COLOUR, Value::Enum(1)),
        (r#"{"Colour":"DARKBLUE"}"#, at::COLOUR, Value::Enum(7)),
        (r#"{"tags":[]}"#, at::TAGS, Value::Collection(vec![])),
        (r#"{"tags":["a","b","c"]}"#, at::TAGS, Value::Collection(vec![text("a"), text("b"), text("c")])),
        (r#"{"profile":{"Strict":true,"password":null}}"#, at::PROFILE, Value::Checked),
        (r#"{"profile":null}"#, at::PROFILE, Value::Null),
        (r#"{"secret":"12345678"}"#, at::SECRET, text("12345678")),
    ] {
        assert_eq!(value(json, position), Some(expected), "{json}");
    }
    let mut body = read(r#"{"name":"ab"}"#);
    assert_eq!(body.take_text(at::NAME).as_deref(), Some("ab"));
    assert_eq!(body.take(at::NAME), None, "a value is taken once");
    body.put(at::NAME, Value::Null);
    assert_eq!(body.take_text(at::NAME), None, "null is no text");
    assert_eq!(body.take(1000), None);
}

#[test]
fn refuses_every_other_kind() {
    let kinds = [
        ("\"x y\"", "string"),
        ("true", "boolean"),
        ("1", "number"),
        ("-1.5e300", "number"),
        ("[1,[2]]", "array"),
        (r#"{"a":{"b":1}}"#, "object"),
    ];
    for (name, fits) in [
        ("note", "string"),
        ("on", "boolean"),
        ("since", ""),
        ("colour", ""),
        ("tags", ""),
        ("profile", ""),
        ("secretSince", ""),
    ] {
        for (json, kind) in kinds {
            let found = faults(&format!(r#"{{"{name}":{json}}}"#));
            if kind == fits {
                assert_eq!(found, [], "{name}: {json}");
                continue;
            }
            let inside = (name == "tags" && kind == "array") || (name == "profile" && kind == "object");
            assert!(!found.is_empty(), "{name}: {json}");
            if !inside {
                assert_eq!(found, [(InvalidValue, name.to_owned())], "{name}: {json}");
            }
        }
    }
}

#[test]
fn says_what_was_found_and_what_was_expected() {
    for (json, message) in [
        (r#"{"name":""}"#, "`name` is empty; expected a string of 1 to 5 characters"),
        (r#"{"name":"abcdef"}"#, "`name` is 6 characters long; expected a string of 1 to 5 characters"),
        (r#"{"name":null}"#, "`name` is null; expected a string of 1 to 5 characters"),
        (r#"{"note":7}"#, "`note` is the number 7; expected a string of at most 300 characters"),
        (r#"{"on":1e300}"#, "`on` is the number 1e300; expected true or false"),
        (r#"{"on":"true"}"#, "`on` is a string; expected true or false"),
        (r#"{"colour":"green"}"#, "`colour` is `green`; expected one of red, darkBlue"),
        (
            r#"{"since":"String (timestamp)"}"#,
            "`since`: `String (timestamp)` is not a date and time such as 2024-03-02T23:10:04Z or \
             2024-03-02T23:10:04.5+02:00",
        ),
        (
            r#"{"tags":["a","b","c","d"]}"#,
            "`tags` is an array of more than 3 items; expected an array of at most 3 items, each a string of at most \
             4 characters",
        ),
        (r#"{"nam":1}"#, "Property `nam` is not part of test.item."),
        (r#"{"owner":{}}"#, "`owner` is a relation: set it by `owner@odata.bind`, or through `/owner/$ref`"),
        (r#"{"name@odata.bind":"x"}"#, "`name` is not a relation: send its value itself"),
        (r#"{"name":"a","NAME":"b"}"#, "`NAME` occurs more than once (names are compared ignoring case)"),
        (
            r##"{"@odata.type":"#test.person"}"##,
            "`@odata.type` is `#test.person`; expected `#test.item` or a type derived from it",
        ),
    ] {
        assert_eq!(fault(json).message, message, "{json}");
    }
}

#[test]
fn names_all_faults_at_once() {
    let json = r#"{"name":null,"on":1,"since":"x","colour":"y","tags":["long!",5,"ok"],"other":{},
                   "profile":{"strict":null,"password":"too long!","more":1},"other@odata.bind":"x","note":"fits"}"#;
    let expected = [
        (NullValue, "name"),
        (InvalidValue, "on"),
        (InvalidValue, "since"),
        (InvalidValue, "colour"),
        (InvalidValue, "tags"),
        (InvalidValue, "tags"),
        (InvalidProperty, "other"),
        (NullValue, "profile/strict"),
        (InvalidValue, "profile/password"),
        (InvalidProperty, "profile/more"),
        (InvalidProperty, "other"),
    ];
    assert_eq!(faults(json), expected.map(|(kind, target)| (kind, target.to_owned())));
    let mut body = read(json);
    assert!(body.is_faulty(at::NAME) && body.is_faulty(at::TAGS) && !body.is_faulty(at::NOTE));
    assert_eq!(body.take(at::NOTE), Some(text("fits")));
    assert_eq!(body.take(at::ON), None);
    assert!(body.faults.to_string().starts_with("11 things are wrong; the first: `name` is null"));
}

#[test]
fn finds_names_that_occur_twice() {
    for (json, target) in [
        (r#"{"name":"a","name":"a"}"#, "name"),
        (r#"{"name":"a","Name":"b"}"#, "Name"),
        (r#"{"@odata.type":"test.item","@odata.type":"test.item"}"#, "@odata.type"),
        (r#"{"@odata.type":"test.item","@ODATA.Type":"test.item"}"#, "@ODATA.Type"),
        (r#"{"@odata.type":"test.item","@type":"test.item"}"#, "@type"),
        (r#"{"owner@odata.bind":"a","OWNER@bind":"b"}"#, "OWNER@bind"),
        (r#"{"@odata.etag":"a","@odata.etag":"a"}"#, "@odata.etag"),
        (r#"{"note@x.y":1,"note@X.y":2}"#, "note@X.y"),
        (r#"{"oldName":1,"oldname":2}"#, "oldname"),
        (r#"{"profile":{"strict":true,"STRICT":false}}"#, "profile/strict"),
        (r#"{"profile":{"@odata.type":"x","@type":"x"}}"#, "profile/@type"),
    ] {
        assert_eq!(one(json), (DuplicateProperty, target.to_owned()), "{json}");
    }
    assert_eq!(value(r#"{"note@x":1,"on@x":1,"@x":1,"note":"a"}"#, at::NOTE), Some(text("a")));

    // However many names lie between.
    let many: Vec<String> = (0..1000).map(|n| format!(r#""@a{n}":0,"#)).collect();
    let many = many.concat();
    let json = format!(r#"{{"@odata.type":"test.item",{many}"@odata.type":"test.specialItem"}}"#);
    assert_eq!(one(&json), (DuplicateProperty, "@odata.type".to_owned()));
    assert!(std::ptr::eq(read(&json).declared_type.unwrap(), &raw const ITEM), "the first one counts");
}

#[test]
fn the_first_of_two_values_is_kept_and_both_are_checked() {
    let mut body = read(r#"{"name":"a","name":7}"#);
    let kinds: Vec<_> = body.faults.kept().iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [InvalidValue, DuplicateProperty]);
    assert_eq!(body.take(at::NAME), Some(text("a")));
}

#[test]
fn types_are_known_by_every_name() {
    for key in ["@odata.type", "@type", "@OData.Type", "@ODATA.TYPE"] {
        for (name, ty) in [
            ("#test.item", &ITEM),
            ("test.item", &ITEM),
            ("#T.ITEM", &ITEM),
            ("#Test.Inner.Services.specialItem", &SPECIAL_ITEM),
            ("test.inner.services.SpecialITEM", &SPECIAL_ITEM),
            ("t.specialItem", &SPECIAL_ITEM),
        ] {
            let body = read(&format!(r#"{{"{key}":"{name}"}}"#));
            assert!(body.faults.is_empty(), "{key} {name}: {}", body.faults);
            assert!(std::ptr::eq(body.declared_type.unwrap(), ty), "{key} {name}");
            assert!(body.is_empty(), "a type alone says nothing of any property");
        }
    }
    let long = format!("\"{}\"", "x".repeat(5000));
    for value in [
        "\"#test.person\"",
        "\"test.thing\"",
        "\"item\"",
        "\"##test.item\"",
        "\"\"",
        "\"#\"",
        "\".\"",
        "null",
        "5",
        "[\"test.item\"]",
        "{}",
        &long,
    ] {
        let json = format!(r#"{{"@odata.type":{value},"name":"a"}}"#);
        let fault = fault(&json);
        assert_eq!((fault.kind, fault.target.as_str()), (InvalidType, "@odata.type"), "{json}");
        assert!(fault.message.len() < 300, "{}", fault.message);
        assert!(read(&json).declared_type.is_none());
    }
    let body = EntityBody::read(br##"{"@odata.type":"#test.item"}"##, &MODEL, &PERSON).unwrap();
    let message = &body.faults.kept()[0].message;
    assert_eq!(message, "`@odata.type` is `#test.item`; expected `#test.person`", "nothing derives from it");
}

#[test]
fn relations_are_bound_by_text_or_null_and_nothing_else() {
    let bound = |json: &str| {
        let body = read(json);
        assert!(body.faults.is_empty() && !body.is_empty(), "{json}");
        let [binding] = body.bindings.try_into().unwrap();
        assert_eq!(binding.navigation.name, "owner");
        binding.target
    };
    assert_eq!(bound(r#"{"owner@odata.bind":"people/1"}"#).as_deref(), Some("people/1"));
    assert_eq!(bound(r#"{"OWNER@OData.Bind":"people/1"}"#).as_deref(), Some("people/1"));
    assert_eq!(bound(r#"{"owner@bind":"people\u002f1"}"#).as_deref(), Some("people/1"));
    assert_eq!(bound(r#"{"owner@odata.bind":null}"#), None);
    let long = format!("\"{}\"", "x".repeat(4097));
    for value in ["5", "true", "[]", "[\"people/1\"]", "{}", "\"people/\\u0000\"", &long] {
        let json = format!(r#"{{"owner@odata.bind":{value}}}"#);
        assert_eq!(one(&json), (InvalidValue, "owner@odata.bind".to_owned()), "{json}");
        assert!(read(&json).bindings.is_empty());
    }
    assert_eq!(one(r#"{"friend@odata.bind":"x"}"#), (InvalidProperty, "friend".to_owned()));
    assert_eq!(one(r#"{"@odata.bind":"x"}"#), (InvalidProperty, String::new()));
}

#[test]
fn annotations_without_effect_and_names_of_old_are_passed_over() {
    let json = r#"{"@odata.context":"x","@odata.etag":5,"@odata.id":null,"@other.thing":{"a":[1]},"@":1,
                   "name@odata.type":"String","owner@odata.navigationLink":"x","OLDNAME":{"deep":[1]},
                   "oldName@odata.type":"x","profile":{"strict":true,"password@x":1},"name":"a"}"#;
    assert_eq!(value(json, at::NAME), Some(text("a")));
    assert_eq!(one(r#"{"nam@odata.type":"String"}"#), (InvalidProperty, "nam".to_owned()));
    assert!(read(r#"{"oldName":1,"@x":2}"#).is_empty());
    assert!(!read(r#"{"name":5}"#).is_empty(), "a faulty property was sent all the same");
}

#[test]
fn what_is_faulty_is_not_missing_too() {
    let mut body = read(r#"{"name":"fits"}"#);
    assert!(!body.is_faulty(at::NAME));
    body.refuse(at::NAME, Fault::new(InvalidValue, "name", "of a wrong form"));
    assert!(body.is_faulty(at::NAME));
    assert_eq!(body.faults.kept().len(), 1);
    assert_eq!(Fault::missing("id").kind, MissingProperty);
}

#[test]
fn length_is_counted_in_characters() {
    for (name, fits) in [("ééééé", true), ("😀😀😀😀😀", true), ("éééééé", false), ("e\u{301}e\u{301}e", true)]
    {
        assert_eq!(faults(&format!(r#"{{"name":"{name}"}}"#)).is_empty(), fits, "{name}");
    }
    assert_eq!(value(&format!(r#"{{"note":"{}"}}"#, "é".repeat(300)), at::NOTE), Some(text(&"é".repeat(300))));
    let fault = fault(&format!(r#"{{"note":"{}"}}"#, "é".repeat(1_000_000)));
    assert_eq!(fault.message, "`note` is 1000000 characters long; expected a string of at most 300 characters");
}

#[test]
fn the_zero_character_is_refused() {
    for name in ["note", "colour", "since"] {
        assert_eq!(one(&format!(r#"{{"{name}":"a\u0000b"}}"#)), (InvalidValue, name.to_owned()));
    }
    assert_eq!(one(r#"{"tags":["\u0000"]}"#), (InvalidValue, "tags".to_owned()));
    assert_eq!(one(r#"{"a\u0000b":1}"#).0, InvalidProperty);
}

#[test]
fn secrets_are_never_repeated() {
    for json in [
        r#"{"secret":"hunter2hunter2"}"#,
        r#"{"secret":"hunter2\u0000"}"#,
        r#"{"secretSince":"hunter2"}"#,
        r#"{"secretColour":"hunter2"}"#,
        r#"{"profile":"hunter2"}"#,
        r#"{"profile":{"password":"hunter2hunter2"}}"#,
        r#"{"profile":{"strict":"hunter2"}}"#,
        r#"{"profile":{"password":["hunter2"]}}"#,
        r#"{"profile":{"password":"hunter2"}}"#,
        r#"["hunter2"]"#,
        r#""hunter2""#,
    ] {
        let all = match EntityBody::read(json.as_bytes(), &MODEL, &ITEM) {
            Ok(body) => format!("{body:?} {}", body.faults),
            Err(error) => format!("{error:?} {error}"),
        };
        assert!(!all.contains("hunter2"), "{json}: {all}");
    }
    let all = format!("{:?}", read(r#"{"secretSince":12345,"profile":{"password":12345}}"#));
    assert!(!all.contains("12345"), "{all}");
}

#[test]
fn what_is_no_object_is_a_syntax_error() {
    let error = |bytes: &[u8]| EntityBody::read(bytes, &MODEL, &ITEM).expect_err("no object");
    for bytes in [b"".as_slice(), b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"] {
        assert!(matches!(error(bytes), SyntaxError::Empty), "{bytes:?}");
    }
    for (bytes, at) in
        [(b"{\"name\":\"\xff\"}".as_slice(), 9), (b"\xed\xa0\x80", 0), (b"{}\xc3", 2), (b"\xff\xfe{\0", 0)]
    {
        assert!(matches!(error(bytes), SyntaxError::NotUtf8 { at: found } if found == at), "{bytes:?}");
    }
    for json in [
        "null",
        "true",
        "5",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{},",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"name\":\"a\u{1}\"}",
        r#"{"name":"\ud800"}"#,
        r#"{"name":"\udc00\ud800"}"#,
        r#"{"name":"\ud800x"}"#,
        r#"{"\ud800":1}"#,
        r#"{"name":"\x"}"#,
        r#"{"name":01}"#,
        r#"{"name":+1}"#,
        r#"{"on":NaN}"#,
        r#"{"on":1e999}"#,
        "{\"a\":1}\0",
        "/**/{}",
    ] {
        assert!(matches!(error(json.as_bytes()), SyntaxError::Json(_)), "{json}");
    }
    let long = format!("\"{}\"", "x".repeat(1_000_000));
    assert_eq!(
        error(long.as_bytes()).to_string(),
        "the body is not a JSON object: invalid type: a string, expected a JSON object at line 1 column 1000002"
    );
}

#[test]
fn a_byte_order_mark_and_blanks_around_are_passed_over() {
    assert_eq!(value("\u{feff} \r\n{\"name\" :\t\"a\"}\n ", at::NAME), Some(text("a")));
    assert_eq!(value("{}", at::ID), None);
    assert!(read("{}").is_empty());
}

#[test]
fn excerpts_are_short_and_plain() {
    assert_eq!(excerpt("a`b"), "`a`b`");
    assert_eq!(excerpt(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
    assert_eq!(excerpt(&"é".repeat(61)), format!("`{}...`", "é".repeat(60)));
    assert_eq!(excerpt(&"\n".repeat(61)), format!("`{}...`", "\u{fffd}".repeat(60)));
    assert_eq!(excerpt("a\u{85}\u{7f}"), "`a\u{fffd}\u{fffd}`");
}

#[test]
fn faults_past_the_most_are_counted() {
    let mut faults: Faults = (0..Faults::MOST).map(|n| Fault::missing(&n.to_string())).collect();
    assert!(faults.is_full());
    faults.push_with(|| panic!("its text is not made"));
    faults.push(Fault::missing("last"));
    assert_eq!((faults.kept().len(), faults.more()), (Faults::MOST, 2));
    assert!(faults.to_string().starts_with("66 things are wrong; the first: `0`"));
    assert_eq!(faults.or(()).unwrap_err().more(), 2);
    assert_eq!(Faults::default().or(5), Ok(5));
}
