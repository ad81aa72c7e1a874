//! Actions: by which paths they are found, what their bodies hold, and how they are declared.

use crate::csdl::own_name;
use crate::path::told;
use crate::test_model::MODEL;
use odata::body::{Parameters, SyntaxError, Value};
use odata::csdl::Csdl;
use odata::edm::{EnumMembers, Operation};
use odata::fault::FaultKind::{self, DuplicateProperty, InvalidProperty, InvalidValue, MissingProperty, NullValue};
use odata::path::{PathError, Resource, resolve};
use serde_json::json;

#[test]
fn an_action_is_found_behind_its_set() {
    for path in [
        "/vault/sensors/reset",
        "/vault/sensors/RESET()",
        "/vault/sensors/test.reset",
        "/vault/sensors/T.Reset()/",
        "/vault/sensors/Test.Inner.Services.reset",
    ] {
        assert_eq!(told(path).as_deref(), Ok("sensors runs reset"), "{path}");
    }
    assert_eq!(told("/vault/sensors/test.entry/reset").as_deref(), Ok("sensors/test.entry runs reset"));
    for (path, expected) in [
        ("/vault/sensors('reset')", "sensors id<reset>"),
        ("/vault/sensors('reset')/size", "sensors id<reset> size"),
        ("/vault/sensors/other.reset", "sensors id<other.reset>"),
        ("/vault/guards/reset", "guards id<reset>"),
        // Bound to one entity, not to all.
        ("/people/hide", "people id<hide>"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
    assert_eq!(told("/vault/sensors/reset/x"), Err(PathError::UnknownSegment("`x`".into())));
    let found = resolve(&MODEL, "/vault/sensors/reset").expect("an action");
    assert_eq!(found.entities().map(|of| of.path()).as_deref(), Some("vault/sensors"));
    assert!(found.key().is_none());
}

fn reset() -> &'static Operation {
    match resolve(&MODEL, "/vault/sensors/reset") {
        Ok(Resource::Action(_, action)) => action,
        other => panic!("{other:?}"),
    }
}

fn read(json: &str) -> Parameters {
    Parameters::read(json.as_bytes(), reset(), EnumMembers::Known).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn faults(json: &str) -> Vec<(FaultKind, String)> {
    read(json).faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect()
}

#[test]
fn parameters_are_taken_by_name() {
    let mut read = read(r#"{"SENSORIDS":["a","b"],"to":-1,"@odata.context":"x","Level":"LOW"}"#);
    assert!(read.faults.is_empty(), "{}", read.faults);
    assert_eq!(read.operation.name, "reset");
    assert_eq!(read.take_texts("sensorIds"), Some(vec!["a".into(), "b".into()]));
    assert_eq!(read.take_texts("sensorIds"), None, "a value is taken once");
    assert_eq!((read.take("to"), read.take("level")), (Some(Value::Int32(-1)), Some(Value::Enum(0))));
    assert_eq!((read.take("to"), read.take("other")), (None, None));
}

#[test]
fn what_has_null_among_its_values_may_be_left_out() {
    let mut body = read(r#"{"sensorIds":[],"to":null}"#);
    assert!(body.faults.is_empty(), "{}", body.faults);
    assert_eq!(body.take_texts("sensorIds"), Some(Vec::new()));
    assert_eq!((body.take("to"), body.take("level")), (Some(Value::Null), None));
    for empty in ["", " \r\n", "{}"] {
        assert_eq!(faults(empty), [(MissingProperty, "sensorIds".to_owned())], "{empty:?}");
    }
}

#[test]
fn every_fault_of_a_body_is_told() {
    let many = r#"{"sensorIds":["a",null,7,"abcde"],"to":"1","TO":2,"other":{"x":[1]},"level":"high"}"#;
    let expected = [
        (NullValue, "sensorIds"),
        (InvalidValue, "sensorIds"),
        (InvalidValue, "sensorIds"),
        (InvalidValue, "to"),
        (DuplicateProperty, "TO"),
        (InvalidProperty, "other"),
        (InvalidValue, "level"),
    ];
    assert_eq!(faults(many), expected.map(|(kind, target)| (kind, target.to_owned())));
    for (json, message) in [
        (
            r#"{"sensorIds":null}"#,
            "`sensorIds` is null; expected an array of at most 3 items, each a string of at most 4 characters",
        ),
        (
            r#"{"sensorIds":"a"}"#,
            "`sensorIds` is a string; expected an array of at most 3 items, each a string of at most 4 characters",
        ),
        (
            r#"{"sensorIds":["a","b","c","d"]}"#,
            "`sensorIds` is an array of more than 3 items; expected an array of at most 3 items, each a string of at most 4 characters",
        ),
        (r#"{"sensorIds":[],"userIds":[]}"#, "Parameter `userIds` is not part of test.reset."),
        (r#"{"sensorIds":[],"x":1,"X":1}"#, "2 things are wrong; the first: Parameter `x` is not part of test.reset."),
        (r#"{"to":1}"#, "`sensorIds` is required and was left out"),
        (
            r#"{"sensorIds":[],"level":"extreme"}"#,
            "`level` is `extreme`, which can be written only with `Prefer: include-unknown-enum-members`; expected one of low",
        ),
    ] {
        assert_eq!(read(json).faults.to_string(), message, "{json}");
    }
    let mut told = Parameters::read(br#"{"sensorIds":[],"level":"extreme"}"#, reset(), EnumMembers::All).expect("JSON");
    assert_eq!((told.faults.is_empty(), told.take("level")), (true, Some(Value::Enum(2))));
}

#[test]
fn what_is_no_object_is_a_syntax_error() {
    for json in ["[]", "\"text\"", "1", "null", "{", "{}{}", r#"{"sensorIds":["#] {
        let read = Parameters::read(json.as_bytes(), reset(), EnumMembers::Known);
        assert!(matches!(read, Err(SyntaxError::Json(_))), "{json}: {read:?}");
    }
    assert!(matches!(Parameters::read(&[0xff], reset(), EnumMembers::Known), Err(SyntaxError::NotUtf8 { at: 0 })));
}

#[test]
fn a_body_of_a_million_names_is_told_in_few() {
    let many: Vec<String> = (0..100_000).map(|at| format!("\"n{at}\":0")).collect();
    let read = read(&format!("{{{}}}", many.join(",")));
    assert!(read.faults.kept().len() < 100 && read.faults.more() > 99_000);
}

#[test]
fn actions_are_declared_with_their_parameters() {
    let csdl: serde_json::Value = serde_json::from_str(&Csdl::new(&MODEL, own_name).json().compact()).expect("JSON");
    let expected = json!([{
        "$Kind": "Action",
        "$IsBound": true,
        "$Parameter": [
            {"$Name": "bindingParameter", "$Collection": true, "$Type": "test.sensor"},
            {"$Name": "sensorIds", "$Collection": true, "$MaxLength": 4,
             "@Core.Description": "Which ones.", "@Validation.MaxItems": 3},
            {"$Name": "to", "$Type": "Edm.Int32", "$Nullable": true},
            {"$Name": "level", "$Type": "test.level", "$Nullable": true},
        ],
        "@Core.Description": "Forgets what was measured.",
    }]);
    assert_eq!(csdl["test"]["reset"], expected);
    let xml = Csdl::new(&MODEL, own_name).xml();
    assert!(xml.contains(r#"<Action Name="reset" IsBound="true">"#));
    assert!(
        xml.contains(r#"<Parameter Name="sensorIds" Type="Collection(Edm.String)" Nullable="false" MaxLength="4">"#)
    );
}
