//! JSON Schemas of bodies: what each form has, needs and takes.

use crate::csdl::own_name;
use crate::test_model::{ITEM, MODEL, PERSON, SPECIAL_ITEM};
use odata::json::Json;
use odata::schema::{Form, Schemas};
use serde_json::{Value, json};

const SCHEMAS: Schemas<'static> = Schemas::new(&MODEL, own_name, "#/$defs/");

fn all() -> Value {
    serde_json::from_str(&Json::from(SCHEMAS.all()).compact()).expect("JSON")
}

fn names(schema: &Value) -> Vec<&str> {
    let members = schema["properties"].as_object().expect("properties");
    members.keys().map(String::as_str).collect()
}

#[test]
fn each_type_that_has_entities_has_three_forms() {
    let all = all();
    let all: Vec<_> = all.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        all,
        [
            "Test.Inner.Services.specialItem",
            "Test.Inner.Services.specialItem-create",
            "Test.Inner.Services.specialItem-update",
            "test.colour",
            "test.entry",
            "test.entry-create",
            "test.entry-update",
            "test.item",
            "test.item-create",
            "test.item-update",
            "test.level",
            "test.person",
            "test.person-create",
            "test.person-update",
            "test.place",
            "test.place-create",
            "test.place-update",
            "test.point",
            "test.point-create",
            "test.point-update",
            "test.profile-create",
            "test.profile-update",
            "test.sensor",
            "test.sensor-create",
            "test.sensor-update",
        ],
        "the abstract type has none, and nothing of a profile is ever answered"
    );
    assert_eq!(SCHEMAS.name(&PERSON, Form::Update), "test.person-update");
    let concrete: Vec<_> = SCHEMAS.concrete(&ITEM).iter().map(|ty| ty.name).collect();
    assert_eq!(concrete, [ITEM.name, SPECIAL_ITEM.name]);
}

#[test]
fn answers_hold_what_is_given_out() {
    let schema = &all()["test.item"];
    assert_eq!(
        names(schema),
        [
            "@odata.context",
            "@odata.etag",
            "@odata.type",
            "colour",
            "id",
            "name",
            "note",
            "on",
            "owner",
            "since",
            "tags"
        ]
    );
    assert_eq!(schema["properties"]["@odata.type"]["const"], "#test.item");
    assert_eq!(schema["properties"]["id"]["type"], "string", "the key is never null");
    assert_eq!(schema["properties"]["note"]["type"], json!(["string", "null"]));
    let colour = json!([{"$ref": "#/$defs/test.colour"}, {"type": "null"}]);
    assert_eq!(schema["properties"]["colour"]["anyOf"], colour);
    assert_eq!(schema["properties"]["owner"]["anyOf"][0]["$ref"], "#/$defs/test.person");
    assert_eq!(schema["properties"]["tags"]["items"], json!({"type": "string", "maxLength": 4}));
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema.get("required").is_none(), "$select leaves out whatever was not asked for");
    assert!(schema["patternProperties"]["@"].is_object(), "control information is open to more");
}

#[test]
fn a_create_needs_what_is_required_and_takes_what_is_written() {
    let schema = &all()["Test.Inner.Services.specialItem-create"];
    assert_eq!(schema["required"], json!(["name"]));
    assert_eq!(
        schema["properties"]["@odata.type"]["enum"],
        json!(["#Test.Inner.Services.specialItem", "#test.specialItem", "#t.specialItem"])
    );
    assert!(["id", "secret", "owner@odata.bind", "oldName"].iter().all(|name| names(schema).contains(name)));
    assert!(!names(schema).contains(&"owner"));
    assert_eq!(schema["properties"]["secret"]["writeOnly"], true);
    assert_eq!(schema["properties"]["name"]["pattern"], "^[a-z<&\"]+$");
    assert_eq!(schema["properties"]["name"]["minLength"], 1);
    assert_eq!(schema["properties"]["note"]["pattern"], "^[^\\u0000]*$");
    assert_eq!(schema["properties"]["profile"]["anyOf"][0]["$ref"], "#/$defs/test.profile-create");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn an_update_needs_something_and_takes_what_can_change() {
    let schema = &all()["test.item-update"];
    assert!(!names(schema).contains(&"id"), "it never changes");
    assert_eq!(schema["properties"]["name"]["type"], "string");
    assert_eq!(schema["properties"]["note"]["type"], json!(["string", "null"]));
    assert!(schema.get("required").is_none());
    let any = schema["anyOf"].as_array().expect("a list");
    assert!(any.contains(&json!({"required": ["note"]})) && any.contains(&json!({"required": ["owner@odata.bind"]})));
    assert!(!any.contains(&json!({"required": ["oldName"]})), "what is passed over changes nothing");
}
