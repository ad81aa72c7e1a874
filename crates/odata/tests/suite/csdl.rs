//! The metadata document: both forms, read back.

use crate::test_model::{MODEL, SPECIAL_ITEM};
use odata::csdl::{Csdl, service_document};
use odata::edm::EntityType;
use roxmltree::{Document, Node};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The name that a type is declared under.
pub(crate) fn own_name(ty: &EntityType) -> Cow<'static, str> {
    ty.qualified_name().into()
}

/// The same with every type in one schema.
pub(crate) fn short_name(ty: &EntityType) -> Cow<'static, str> {
    if std::ptr::eq(ty, &raw const SPECIAL_ITEM) { "test.specialItem".into() } else { own_name(ty) }
}

fn json() -> Value {
    serde_json::from_str(&Csdl::new(&MODEL, own_name).json().pretty()).expect("JSON")
}

/// The element of this kind and name, anywhere below.
fn find<'a>(node: Node<'a, 'a>, tag: &str, name: &str) -> Node<'a, 'a> {
    node.descendants()
        .find(|node| node.has_tag_name(tag) && node.attribute("Name") == Some(name))
        .unwrap_or_else(|| panic!("no {tag} {name}"))
}

fn annotation<'a>(node: Node<'a, 'a>, term: &str) -> Node<'a, 'a> {
    node.children().find(|node| node.attribute("Term") == Some(term)).unwrap_or_else(|| panic!("no {term}"))
}

#[test]
fn xml_declares_every_type_with_its_facets() {
    let text = Csdl::new(&MODEL, own_name).xml();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<edmx:Edmx "), "{text}");
    let document = Document::parse(&text).expect("well-formed");
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://docs.oasis-open.org/odata/ns/edmx"));
    assert_eq!(root.attribute("Version"), Some("4.0"));
    let schemas: Vec<_> = root.descendants().filter(|node| node.has_tag_name("Schema")).collect();
    assert_eq!(schemas[0].tag_name().namespace(), Some("http://docs.oasis-open.org/odata/ns/edm"));
    assert_eq!((schemas[0].attribute("Namespace"), schemas[0].attribute("Alias")), (Some("test"), Some("t")));
    assert_eq!(schemas[1].attribute("Namespace"), Some("Test.Inner.Services"));
    assert_eq!(schemas.len(), 2);

    let colour = find(schemas[0], "EnumType", "colour");
    let members: Vec<_> = colour.children().filter(Node::is_element).map(|m| m.attribute("Value")).collect();
    assert_eq!(members, [Some("1"), Some("7")]);
    let thing = find(schemas[0], "EntityType", "thing");
    assert_eq!(thing.attribute("Abstract"), Some("true"));
    assert!(thing.descendants().any(|node| node.has_tag_name("PropertyRef") && node.attribute("Name") == Some("id")));
    let item = find(schemas[0], "EntityType", "item");
    assert_eq!((item.attribute("BaseType"), item.attribute("Abstract")), (Some("test.thing"), None));
    let facets = |name: &str| {
        let property = find(item, "Property", name);
        ["Type", "Nullable", "MaxLength", "Precision"].map(|facet| property.attribute(facet).unwrap_or_default())
    };
    assert_eq!(facets("name"), ["Edm.String", "false", "5", ""]);
    assert_eq!(facets("note"), ["Edm.String", "", "300", ""]);
    assert_eq!(facets("on"), ["Edm.Boolean", "", "", ""]);
    assert_eq!(facets("since"), ["Edm.DateTimeOffset", "", "", "7"]);
    assert_eq!(facets("colour"), ["test.colour", "", "", ""]);
    assert_eq!(facets("tags"), ["Collection(Edm.String)", "false", "4", ""]);
    assert_eq!(facets("profile"), ["test.profile", "", "", ""]);
    let owner = find(item, "NavigationProperty", "owner");
    assert_eq!((owner.attribute("Type"), owner.attribute("Nullable")), (Some("test.person"), None));
    let special = find(schemas[1], "EntityType", "specialItem");
    assert_eq!(special.attribute("BaseType"), Some("test.item"));
    let person = find(schemas[0], "EntityType", "person");
    let described = annotation(person, "Core.Description").attribute("String");
    assert_eq!(described, Some("Somebody <with> \"quotes\" & more."), "whatever text there is comes back");
}

#[test]
fn xml_declares_sets_operations_and_what_is_served() {
    let text = Csdl::new(&MODEL, own_name).xml();
    let document = Document::parse(&text).expect("well-formed");
    let container = find(document.root_element(), "EntityContainer", "Things");
    let items = find(container, "EntitySet", "items");
    assert_eq!(items.attribute("EntityType"), Some("test.item"));
    let binding = items.children().find(|node| node.has_tag_name("NavigationPropertyBinding")).expect("a binding");
    assert_eq!((binding.attribute("Path"), binding.attribute("Target")), (Some("owner"), Some("people")));

    let flag = |set: Node<'_, '_>, term: &str, property: &str| {
        let record = annotation(set, term);
        let found = record.descendants().find(|node| node.attribute("Property") == Some(property));
        found.expect(property).attribute("Bool") == Some("true")
    };
    let people = find(container, "EntitySet", "people");
    assert!(flag(items, "Capabilities.FilterRestrictions", "Filterable"));
    assert!(!flag(people, "Capabilities.FilterRestrictions", "Filterable"));
    assert!(flag(items, "Capabilities.ExpandRestrictions", "Expandable"));
    assert!(!flag(people, "Capabilities.ExpandRestrictions", "Expandable"), "there is nothing to expand");
    assert!(flag(items, "Capabilities.InsertRestrictions", "Insertable"));
    assert!(!flag(people, "Capabilities.InsertRestrictions", "Insertable"));
    assert!(!flag(items, "Capabilities.DeleteRestrictions", "Deletable"));
    assert!(flag(people, "Capabilities.DeleteRestrictions", "Deletable"));
    assert!(!flag(people, "Capabilities.UpdateRestrictions", "Updatable"));
    assert!(flag(items, "Capabilities.ChangeTracking", "Supported"));
    assert_eq!(annotation(items, "Capabilities.TopSupported").attribute("Bool"), Some("true"));
    assert_eq!(annotation(items, "Capabilities.SkipSupported").attribute("Bool"), Some("false"));
    let paths = |term: &str, property: &str| -> Vec<_> {
        let record = annotation(items, term);
        let value = record.descendants().find(|node| node.attribute("Property") == Some(property)).expect(property);
        value.descendants().filter(|node| node.has_tag_name("PropertyPath")).filter_map(|path| path.text()).collect()
    };
    let hidden = ["profile", "secret", "secretSince", "secretColour"];
    assert_eq!(paths("Capabilities.FilterRestrictions", "NonFilterableProperties"), hidden);
    assert_eq!(paths("Capabilities.SortRestrictions", "NonSortableProperties")[0], "tags");
    assert_eq!(paths("Capabilities.InsertRestrictions", "RequiredProperties"), ["name"]);
    assert_eq!(paths("Capabilities.UpdateRestrictions", "NonUpdatableProperties"), ["id"]);

    let item = find(document.root_element(), "EntityType", "item");
    let keys = annotation(item, "Core.AlternateKeys");
    assert!(keys.descendants().any(|node| node.attribute("PropertyPath") == Some("name")));
    let secret = find(item, "Property", "secret");
    let permission = annotation(secret, "Core.Permissions").attribute("EnumMember");
    assert_eq!(permission, Some("Org.OData.Core.V1.Permission/Write"));
    let name = find(item, "Property", "name");
    assert_eq!(annotation(name, "Validation.Pattern").attribute("String"), Some("^[a-z<&\"]+$"));

    let functions: Vec<_> = document.descendants().filter(|node| node.has_tag_name("Function")).collect();
    let bound: Vec<Vec<&str>> = functions
        .iter()
        .map(|function| function.children().filter(Node::is_element).filter_map(|n| n.attribute("Type")).collect())
        .collect();
    let item = vec!["Collection(test.item)"; 2];
    assert_eq!(bound, [item, vec!["Collection(Test.Inner.Services.specialItem)"; 2]]);
    let hide = find(document.root_element(), "Action", "hide");
    let parameters: Vec<_> = hide.children().filter_map(|node| node.attribute("Name")).collect();
    assert_eq!(parameters, ["bindingParameter", "why"]);
}

/// A schema without anything in it is left out: with every type announced in one namespace, so is it
/// declared.
#[test]
fn types_stand_under_the_name_that_is_announced() {
    let text = Csdl::new(&MODEL, short_name).xml();
    let document = Document::parse(&text).expect("well-formed");
    let namespaces: Vec<_> = document.descendants().filter_map(|node| node.attribute("Namespace")).collect();
    assert_eq!(namespaces.last(), Some(&"test"), "{namespaces:?}");
    find(document.root_element(), "EntityType", "specialItem");
    let json: Value = serde_json::from_str(&Csdl::new(&MODEL, short_name).json().compact()).expect("JSON");
    assert_eq!(json["test"]["specialItem"]["$BaseType"], "test.item");
    assert!(json.get("Test.Inner.Services").is_none());
}

#[test]
fn json_says_the_same_in_its_own_way() {
    let json = json();
    assert_eq!(json["$Version"], "4.0");
    assert_eq!(json["$EntityContainer"], "test.Things");
    let references = json["$Reference"].as_object().expect("an object");
    assert!(references.keys().any(|url| url.ends_with("/Org.OData.Capabilities.V1.json")));
    let schema = &json["test"];
    assert_eq!(schema["$Alias"], "t");
    assert_eq!(schema["colour"], json!({"$Kind": "EnumType", "red": 1, "darkBlue": 7}));
    assert_eq!(schema["thing"]["$Key"], json!(["id"]));
    let item = &schema["item"];
    assert_eq!(item["$BaseType"], "test.thing");
    assert_eq!(item["note"], json!({"$Nullable": true, "$MaxLength": 300}), "a text is what is not said");
    assert_eq!(item["since"], json!({"$Type": "Edm.DateTimeOffset", "$Nullable": true, "$Precision": 7}));
    assert_eq!(item["tags"], json!({"$Collection": true, "$MaxLength": 4, "@Validation.MaxItems": 3}));
    assert_eq!(item["secret"]["@Core.Permissions"], "Write");
    let owner = json!({"$Kind": "NavigationProperty", "$Type": "test.person", "$Nullable": true});
    assert_eq!(item["owner"], owner);
    assert_eq!(item["@Core.AlternateKeys"], json!([{"Key": [{"Name": "name", "Alias": "name"}]}]));
    let delta = schema["delta"].as_array().expect("overloads");
    assert_eq!(delta.len(), 2);
    assert_eq!(delta[0]["$Kind"], "Function");
    assert_eq!(delta[1]["$ReturnType"], json!({"$Collection": true, "$Type": "Test.Inner.Services.specialItem"}));
    let hide = &schema["hide"][0]["$Parameter"];
    assert_eq!(
        hide,
        &json!([{"$Name": "bindingParameter", "$Type": "test.person"}, {"$Name": "why", "$MaxLength": 9}])
    );
    let items = &schema["Things"]["items"];
    assert_eq!(items["$NavigationPropertyBinding"], json!({"owner": "people"}));
    assert_eq!(items["@Capabilities.ExpandRestrictions"], json!({"Expandable": true, "MaxLevels": 1}));
    let batch = &schema["Things"]["@Capabilities.BatchSupport"];
    assert_eq!((&batch["EtagReferencesSupported"], &batch["ContinueOnErrorSupported"]), (&json!(true), &json!(false)));
    let functions = schema["Things"]["@Capabilities.FilterFunctions"].as_array().expect("names");
    assert!(["contains", "totaloffsetminutes", "isof", "now"].iter().all(|name| functions.contains(&json!(name))));
}

/// Names of what is declared, each with the names above it: the same in both forms.
#[test]
fn both_forms_declare_the_same_names() {
    let text = Csdl::new(&MODEL, own_name).xml();
    let document = Document::parse(&text).expect("well-formed");
    let mut from_xml = BTreeSet::new();
    for schema in document.descendants().filter(|node| node.has_tag_name("Schema")) {
        // Annotations that stand alone are no declaration; `contained` looks at them.
        let is_declaration = |node: &Node<'_, '_>| node.is_element() && !node.has_tag_name("Annotations");
        for declared in schema.children().filter(is_declaration) {
            let path = format!(
                "{}/{}",
                schema.attribute("Namespace").expect("a name"),
                declared.attribute("Name").expect("a name")
            );
            let operation = declared.has_tag_name("Function") || declared.has_tag_name("Action");
            for inner in declared.children().filter(|_| !operation) {
                let annotated = inner.attribute("Term").map(|term| format!("{path}/@{term}"));
                let named = inner.attribute("Name").map(|name| format!("{path}/{name}"));
                for term in inner.children().filter_map(|node| node.attribute("Term")) {
                    from_xml.insert(format!("{path}/{}/@{term}", inner.attribute("Name").expect("a name")));
                }
                from_xml.extend(annotated.or(named));
            }
            from_xml.insert(path);
        }
    }
    let mut from_json = BTreeSet::new();
    let members = |value: &Value| -> Vec<(String, Value)> {
        let own = value.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('$'));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    for (namespace, schema) in members(&json()) {
        for (name, declared) in members(&schema) {
            let path = format!("{namespace}/{name}");
            for (inner, value) in members(&declared) {
                let terms =
                    members(&value).into_iter().filter(|(name, _)| name.starts_with('@') && !inner.starts_with('@'));
                from_json.extend(terms.map(|(term, _)| format!("{path}/{inner}/{term}")));
                from_json.insert(format!("{path}/{inner}"));
            }
            from_json.insert(path);
        }
    }
    assert!(from_xml.len() > 60, "{from_xml:?}");
    assert_eq!(from_xml, from_json);
}

#[test]
fn the_service_document_lists_what_is_at_the_root() {
    let value = json!([
        {"name": "items", "kind": "EntitySet", "url": "items"},
        {"name": "people", "kind": "EntitySet", "url": "people"},
        {"name": "vault", "kind": "Singleton", "url": "vault"},
    ]);
    let read = |context: Option<String>| -> Value {
        serde_json::from_str(&service_document(&MODEL, context).compact()).expect("JSON")
    };
    assert_eq!(read(None), json!({"value": value}));
    let context = "http://h/$metadata".to_owned();
    assert_eq!(read(Some(context.clone())), json!({"@odata.context": context, "value": value}));
}
