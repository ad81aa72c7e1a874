//! What a body that creates an entity brings along to be part of it.

use crate::csdl::own_name;
use crate::test_model::MODEL;
use odata::body::{EntityBody, Purpose, Value};
use odata::csdl::Csdl;
use odata::edm::{Capabilities, EntitySet, EntityType, Model, NavigationProperty, Property, Schema, Type};
use odata::fault::FaultKind::{self, DuplicateProperty, InvalidProperty, InvalidValue, NullValue};
use odata::json::Json;
use odata::schema::Schemas;
use serde_json::json;

static LEAF: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "leaf",
    base: None,
    is_abstract: false,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(9), ""), Property::new("size", Type::Int32, "").nullable()],
    navigation: &[],
    ignored: &["weight"],
    description: "",
};

static TREE: EntityType = EntityType {
    namespace: "test",
    synonyms: &[],
    name: "tree",
    base: None,
    is_abstract: false,
    key: Some("id"),
    properties: &[Property::new("id", Type::nonempty(9), "")],
    navigation: &[
        NavigationProperty::new("leaves", &LEAF, "What falls.").collection().contained().created_with(3),
        NavigationProperty::new("rings", &LEAF, "").collection().contained(),
    ],
    ignored: &[],
    description: "",
};

static TREES: EntitySet = EntitySet {
    capabilities: Capabilities { creates: Some(&TREE), ..Capabilities::NONE },
    ..EntitySet::new("trees", &TREE)
};

static FOREST: Model = Model {
    schemas: &[Schema { namespace: "test", alias: None }],
    container: "Forest",
    entity_types: &[&TREE, &LEAF],
    entity_sets: &[&TREES],
    ..Model::EMPTY
};

fn read(json: &str) -> EntityBody {
    EntityBody::read(json.as_bytes(), &MODEL, &TREE).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn faults(json: &str) -> Vec<(FaultKind, String)> {
    read(json).faults.kept().iter().map(|fault| (fault.kind, fault.target.clone())).collect()
}

#[test]
fn parts_come_in_their_order() {
    let mut body =
        read(r#"{"id":"t","Leaves":[{"id":"a","size":1,"weight":[]},{"SIZE":null},{}],"leaves@odata.count":3}"#);
    assert!(body.faults.is_empty(), "{}", body.faults);
    assert!(!body.is_empty());
    let parts = body.parts.pop().expect("parts");
    assert_eq!((parts.relation.name, parts.items.len()), ("leaves", 3));
    let sizes: Vec<_> = parts.items.into_iter().map(|mut item| item.take(1)).collect();
    assert_eq!(sizes, [Some(Value::Int32(1)), Some(Value::Null), None]);
    for json in [r#"{"leaves":null}"#, r#"{"id":"t"}"#] {
        assert!(read(json).parts.is_empty(), "{json}");
    }
}

#[test]
fn each_fault_names_its_place() {
    let fault = |kind, target: &str| (kind, target.to_owned());
    for (json, expected) in [
        (
            r#"{"leaves":[{},{"id":"","size":"x"}]}"#,
            vec![fault(InvalidValue, "leaves/1/id"), fault(InvalidValue, "leaves/1/size")],
        ),
        (r#"{"leaves":[{"id":null}]}"#, vec![fault(NullValue, "leaves/0/id")]),
        (
            r#"{"leaves":[{"size":1,"Size":2,"other":{"deep":[1]}}]}"#,
            vec![fault(DuplicateProperty, "leaves/0/Size"), fault(InvalidProperty, "leaves/0/other")],
        ),
        (
            r#"{"leaves":[{},null,7,-7,0.5,"x",true,[{}]]}"#,
            vec![fault(InvalidValue, "leaves/1"), fault(InvalidValue, "leaves/2"), fault(InvalidValue, "leaves")],
        ),
        (r#"{"leaves":[{},{},{},{}]}"#, vec![fault(InvalidValue, "leaves")]),
        (r#"{"leaves":[],"LEAVES":[]}"#, vec![fault(DuplicateProperty, "LEAVES")]),
        (r#"{"rings":[]}"#, vec![fault(InvalidProperty, "rings")]),
    ] {
        assert_eq!(faults(json), expected, "{json}");
    }
    for (json, found) in [
        (r#"{"leaves":{}}"#, "an object"),
        (r#"{"leaves":"x"}"#, "a string"),
        (r#"{"leaves":7}"#, "a number"),
        (r#"{"leaves":-7}"#, "a number"),
        (r#"{"leaves":0.5}"#, "a number"),
        (r#"{"leaves":true}"#, "true"),
        (r#"{"leaves":[{},{},{},{},{}]}"#, "an array of 5 items"),
    ] {
        let message = format!("`leaves` is {found}; expected an array of at most 3 objects (leaf)");
        assert_eq!(read(json).faults.to_string(), message, "{json}");
    }
    let message = read(r#"{"leaves":[{},{"size":"x"}]}"#).faults.to_string();
    assert!(message.starts_with("leaves/1: `size` is a string; expected a whole number"), "{message}");
}

#[test]
fn no_more_faults_are_kept_than_of_a_body_without_parts() {
    let members: Vec<String> = (0..100).map(|number| format!("\"x{number}\":1")).collect();
    let body = read(&format!("{{\"leaves\":[{{{0}}},{{{0}}}]}}", members.join(",")));
    assert_eq!((body.faults.kept().len(), body.faults.more()), (64, 136));
}

#[test]
fn an_update_brings_nothing_along() {
    let purpose = Purpose::UPDATE;
    let body = EntityBody::read_for(purpose, br#"{"leaves":[{"nonsense":1}]}"#, &MODEL, &TREE).expect("JSON");
    let message = "`leaves` is not changed with the entity: POST to `/leaves` of it adds to it";
    assert_eq!(body.faults.to_string(), message);
    assert!(body.parts.is_empty());
}

#[test]
fn it_is_declared() {
    let schemas = Json::from(Schemas::new(&FOREST, own_name, "#/").all()).compact();
    let schemas: serde_json::Value = serde_json::from_str(&schemas).expect("JSON");
    let expected = json!({
        "type": ["array", "null"], "items": {"$ref": "#/test.leaf-create"}, "maxItems": 3, "description": "What falls.",
    });
    assert_eq!(schemas["test.tree-create"]["properties"]["leaves"], expected);
    for (schema, member) in [("test.tree-create", "rings"), ("test.tree-update", "leaves"), ("test.tree", "rings")] {
        assert!(schemas[schema]["properties"].get(member).is_none(), "{schema}: {member}");
    }
    let csdl: serde_json::Value = serde_json::from_str(&Csdl::new(&FOREST, own_name).json().compact()).expect("JSON");
    let forest = &csdl["test"]["Forest"];
    let said = |what: &serde_json::Value| what["@Capabilities.DeepInsertSupport"].clone();
    let annotations = &csdl["test"]["$Annotations"];
    let text = csdl.to_string();
    assert!(
        said(forest) == json!({"Supported": true})
            || text.contains(r#""@Capabilities.DeepInsertSupport":{"Supported":true}"#),
        "{annotations}"
    );
    assert!(text.contains(r#""NonInsertableNavigationProperties":["rings"]"#), "{text}");
}
