//! What a stranger may send: it costs no more than its length, and nothing makes it panic.

use crate::test_model::{ITEM, MODEL, at};
use odata::body::{EntityBody, Value};
use odata::encode::write_string;
use odata::fault::Faults;
use odata::path;
use odata::query::QueryOptions;
use proptest::prelude::*;

fn read(json: &str) -> EntityBody {
    EntityBody::read(json.as_bytes(), &MODEL, &ITEM).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn depth_is_passed_over_without_a_stack() {
    let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for deep in [&arrays, &objects] {
        for name in ["unknown", "@unknown", "@odata.type", "owner@odata.bind", "note", "on", "oldName"] {
            let mut body = read(&format!(r#"{{"{name}":{deep},"name":"a"}}"#));
            assert_eq!(body.take(at::NAME), Some(Value::Text("a".into())), "{name}");
            assert!(body.faults.kept().len() <= 1);
        }
    }
    for name in ["tags", "profile"] {
        for json in [format!("[{arrays}]"), format!(r#"{{"x":{objects}}}"#)] {
            assert!(!read(&format!(r#"{{"{name}":{json}}}"#)).faults.is_empty(), "{name}");
        }
    }
    let open = format!(r#"{{"unknown":{}"#, "[".repeat(100_000));
    assert!(EntityBody::read(open.as_bytes(), &MODEL, &ITEM).is_err());
}

fn bounded(faults: &Faults, all: usize) {
    assert_eq!((faults.kept().len(), faults.kept().len() + faults.more()), (Faults::MOST, all));
    let written: usize = faults.kept().iter().map(|fault| fault.message.len() + fault.target.len()).sum();
    assert!(written < Faults::MOST * 2000, "{written}");
}

#[test]
fn many_faults_make_a_bounded_answer() {
    let many = |make: &dyn Fn(usize) -> String| {
        let names: Vec<String> = (0..100_000).map(make).collect();
        format!("{{{}}}", names.join(","))
    };
    bounded(&read(&many(&|n| format!(r#""k{n}":1"#))).faults, 100_000);
    bounded(&read(&many(&|_| r#""k":1"#.to_owned())).faults, 100_000);
    bounded(&read(&many(&|n| format!(r#""k{n}@odata.bind":"x""#))).faults, 100_000);
    bounded(&read(&format!(r#"{{"profile":{}}}"#, many(&|n| format!(r#""k{n}":1"#)))).faults, 100_000);
    bounded(&read(&many(&|_| r#""on":5"#.to_owned())).faults, 199_999); // a wrong value each, and repeated
    assert!(read(&many(&|n| format!(r#""@k{n}":1"#))).faults.is_empty());

    let long_names: Vec<String> = (0..100).map(|n| format!(r#""{n}{}":1"#, "\\n".repeat(10_000))).collect();
    bounded(&read(&format!("{{{}}}", long_names.join(","))).faults, 100);
}

#[test]
fn a_long_array_is_counted_no_further_than_its_limit() {
    let json = format!(r#"{{"tags":[{}"a"]}}"#, "5,".repeat(200_000));
    assert_eq!(read(&json).faults.kept().len(), 4, "three wrong items, and too many of them");
    assert_eq!(read(&json).faults.more(), 0);
}

/// JSON-like text: likelier to get past the first byte than any text.
fn jsonish() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[\\[\\]{}:,\" \\\\]",
        Just(r#""name":"#.to_owned()),
        Just(r#""@odata.type":"#.to_owned()),
        Just(r#""owner@odata.bind":"#.to_owned()),
        Just(r#""tags":["a","#.to_owned()),
        Just(r#""profile":{"password":"#.to_owned()),
        Just(r#""since":"2024-03-02T23:10:04Z","#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
        "[a-z0-9.@#é\u{0}-]{1,4}",
        "-?[0-9]{1,30}(\\.[0-9]{1,4})?(e[0-9]{1,4})?",
        Just("null".to_owned()),
        Just("true".to_owned()),
    ];
    prop::collection::vec(part, 0..20).prop_map(|parts| format!("{{{}}}", parts.concat()))
}

fn pathish() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("/items".to_owned()),
        Just("/owner".to_owned()),
        Just("/$ref".to_owned()),
        Just("/$count".to_owned()),
        Just("https://own.test/v1.0".to_owned()),
        Just("test.delta()".to_owned()),
        "[/()'=%$é ]{1,3}",
        "[a-z.@]{1,4}",
        "%[0-9a-zA-Z]{0,2}",
    ];
    prop::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_a_body_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = EntityBody::read(&bytes, &MODEL, &ITEM);
    }

    #[test]
    fn nothing_like_json_makes_a_body_panic(json in jsonish()) {
        if let Ok(body) = EntityBody::read(json.as_bytes(), &MODEL, &ITEM) {
            let _ = format!("{body:?} {}", body.faults);
        }
    }

    #[test]
    fn every_text_comes_back_from_a_body(text in "[^\0]{0,100}") {
        let mut json = br#"{"note":"#.to_vec();
        write_string(&text, &mut json);
        json.push(b'}');
        let mut body = EntityBody::read(&json, &MODEL, &ITEM).unwrap();
        prop_assert_eq!(body.take_text(at::NOTE), Some(text.into()));
    }

    #[test]
    fn no_path_panics(path in pathish(), any in "(?s).{0,40}") {
        for path in [path, any] {
            if let Err(error) = path::resolve(&MODEL, &path) {
                prop_assert!(error.to_string().chars().count() < 200);
            }
            let _ = path::entity_reference(&MODEL, &["v1.0"], |authority| authority == "own.test", &path);
        }
    }

    #[test]
    fn no_query_panics(query in "(\\$?(top|filter|skiptoken|x)|[&=+%$]|%[0-9a-fA-F]{2}|(?s).){0,30}") {
        match QueryOptions::parse(&query) {
            Ok(options) => {
                let _ = options.top();
                prop_assert!(options.without_tokens().len() <= query.len());
            }
            Err(error) => prop_assert!(error.to_string().chars().count() < 200),
        }
    }
}
