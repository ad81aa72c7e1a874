//! Sets within a singleton, and entities that are part of another.

use crate::csdl::own_name;
use crate::path::told;
use crate::test_model::{MODEL, SENSOR};
use odata::Ticks;
use odata::body::EntityBody;
use odata::csdl::Csdl;
use odata::edm::EntityType;
use odata::encode::{Cell, Encoder, Metadata, Row};
use odata::json::Json;
use odata::path::{Key, PathError, Resource, entity_reference, resolve, resolve_at};
use odata::query::{Context, QueryOptions, bind};
use odata::schema::Schemas;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

#[test]
fn a_set_within_a_singleton_is_one_like_any_other() {
    for (path, expected) in [
        ("/vault/sensors", "sensors"),
        ("/VAULT//Sensors/", "sensors"),
        ("/vault/sensors/$count", "sensors count"),
        ("/vault/sensors/$ref", "sensors refs"),
        ("/vault/sensors/delta()", "sensors delta"),
        ("/vault/sensors/test.delta", "sensors delta"),
        ("/vault/sensors/a", "sensors id<a>"),
        ("/vault/sensors('a')", "sensors id<a>"),
        ("/vault/sensors(size='3')", "sensors name<3>"),
        ("/vault/sensors/a/$ref", "sensors id<a> ref"),
        ("/vault/sensors/a/size/$value", "sensors id<a> size text"),
        ("/vault/sensors/a/owner", "sensors id<a> owner"),
        ("/vault/sensors/a/owner/$ref", "sensors id<a> owner ref"),
        ("/vault/sensors/a/owner/mail", "sensors id<a> owner mail"),
        ("/vault/sensors/test.entry/a", "sensors/test.entry id<a>"),
        ("/vault/guards/p", "guards id<p>"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
    for (path, segment) in [
        ("/sensors", "`sensors`"),
        ("/vault/items", "`items`"),
        ("/vault/$count", "`$count`"),
        ("/vault('a')", "`vault('a')`"),
        ("/people/vault/sensors", "`sensors`"),
    ] {
        assert_eq!(told(path), Err(PathError::UnknownSegment(segment.to_owned())), "{path}");
    }
    let message = "`vault` is not served by itself; ask for a collection in it: sensors, guards";
    assert_eq!(told("/vault/").unwrap_err().to_string(), message);
}

#[test]
fn urls_name_the_singleton_and_contexts_do_not() {
    let entities = |path: &str| resolve(&MODEL, path).ok().and_then(|found| found.entities()).expect(path);
    let cast = entities("/vault/sensors/test.entry");
    assert_eq!((cast.fragment(), cast.path()), ("sensors/test.entry".into(), "vault/sensors/test.entry".into()));
    assert_eq!(entities("/vault/sensors").set.path(), "vault/sensors");
    assert_eq!(entities("/items").path(), "items");
    let url = "https://own.test/v1.0/vault/sensors('a')";
    let (found, key) = entity_reference(&MODEL, &["v1.0"], |own| own == "own.test", url).expect("an entity");
    assert_eq!((found.path(), key.text()), ("vault/sensors".to_owned(), "a"));
}

#[test]
fn what_is_part_of_an_entity_is_found_through_it() {
    for (path, expected) in [
        ("/vault/sensors/a/history", "sensors id<a> history"),
        ("/vault/sensors('a')/HISTORY/", "sensors id<a> history"),
        ("/vault/sensors/a/history/$count", "sensors id<a> history count"),
        ("/vault/sensors/a/history/7", "sensors id<a> history id<7>"),
        ("/vault/sensors/a/history('7')", "sensors id<a> history id<7>"),
        ("/vault/sensors/a/history(id='o''neil')", "sensors id<a> history id<o'neil>"),
        ("/vault/sensors/a/history/test.sensor/7/test.entry", "sensors id<a> history id<7>"),
        ("/vault/sensors/a/history('$count')", "sensors id<a> history id<$count>"),
    ] {
        assert_eq!(told(path).as_deref(), Ok(expected), "{path}");
    }
    for (path, segment) in [
        ("/vault/sensors/a/history/$count/x", "`x`"),
        ("/vault/sensors/a/history/7/x", "`x`"),
        ("/vault/sensors/a/history/7/8", "`8`"),
        ("/vault/sensors/a/owner('x')", "`owner('x')`"),
    ] {
        assert_eq!(told(path), Err(PathError::UnknownSegment(segment.to_owned())), "{path}");
    }
    for path in [
        "/vault/sensors/a/history/7/by",
        "/vault/sensors/a/history/7/history",
        "/vault/sensors/a/history/7/$ref",
        "/vault/sensors/a/history/$ref",
        "/vault/sensors/a/friends",
        "/vault/sensors/a/friends('p')",
    ] {
        let found = told(path);
        assert!(matches!(found, Err(PathError::NotImplemented(_))), "{path}: {found:?}");
    }
    assert!(matches!(told("/vault/sensors/a/history/test.person"), Err(PathError::WrongType { .. })));
    for path in ["/vault/sensors/a/history('7'", "/vault/sensors/a/history(size='7')", "/vault/sensors/a/history()"] {
        assert!(matches!(told(path), Err(PathError::Key(_))), "{path}");
    }
    let sensors = resolve(&MODEL, "vault/sensors").ok().and_then(|found| found.entities()).expect("a set");
    let found = resolve_at(&MODEL, sensors, Key::Id("a".into()), "history/7");
    assert!(matches!(&found, Ok(it @ Resource::Contained(..)) if it.key().is_some()), "{found:?}");
}

#[test]
fn structured_properties_are_asked_for_as_a_whole() {
    assert_eq!(told("/vault/sensors/a/place").as_deref(), Ok("sensors id<a> place"));
    assert_eq!(told("/vault/sensors/a/place/$value"), Err(PathError::Structured("place")));
    assert_eq!(told("/vault/sensors/a/place/CITY"), Err(PathError::NotImplemented("`CITY`".into())));
    for (path, segment) in [
        ("/vault/sensors/a/place/code", "`code`"),
        ("/vault/sensors/a/place/x", "`x`"),
        ("/vault/sensors/a/place/$count", "`$count`"),
    ] {
        assert_eq!(told(path), Err(PathError::UnknownSegment(segment.into())), "{path}");
    }
}

fn asked(query: &str) -> Result<String, String> {
    let options = QueryOptions::parse(query).expect("options");
    match bind(&options, &MODEL, &SENSOR, &Context::at(Ticks::default())) {
        Ok(query) => Ok(query.projection()),
        Err(errors) => Err(errors.kept()[0].to_string()),
    }
}

#[test]
fn queries_do_not_follow_relations_to_many() {
    assert_eq!(asked("$expand=owner").as_deref(), Ok("(owner())"));
    assert_eq!(asked("$expand=*").as_deref(), Ok("(owner())"));
    assert_eq!(asked("$select=size,history").as_deref(), Ok("(size,history)"));
    for query in
        ["$expand=history", "$filter=history/any(h:h eq 1)", "$orderby=history/by", "$filter=friends/mail eq 'a'"]
    {
        let refused = asked(query).expect_err(query);
        assert!(refused.contains("leads to many entities"), "{query}: {refused}");
    }
}

#[test]
fn bodies_do_not_set_what_is_part_of_the_entity() {
    let read = |json: &str| EntityBody::read(json.as_bytes(), &MODEL, &SENSOR).expect("JSON").faults;
    for json in [r#"{"history":[]}"#, r#"{"history@odata.bind":["x"]}"#, r#"{"friends@odata.bind":"people/p"}"#] {
        assert!(read(json).to_string().ends_with("is what belongs to the entity, and not set by its body"), "{json}");
    }
    assert!(read(r#"{"owner@odata.bind":"people/p","history@odata.count":1}"#).is_empty());
}

struct Sensor;

impl Row for Sensor {
    fn cell(&self, position: usize) -> Cell<'_> {
        if position == 0 { Cell::Text("a") } else { Cell::Null }
    }

    fn entity_type(&self) -> &'static EntityType {
        &SENSOR
    }

    fn version(&self) -> u64 {
        1
    }
}

#[test]
fn links_lead_to_what_is_part_of_the_entity_and_no_reference_does() {
    let encoder = Encoder::with_properties([0], &SENSOR, Metadata::Full, None).with_location("http://h/vault/sensors");
    let mut out = Vec::new();
    encoder.entity(&Sensor, None, &mut out).expect("sound cells");
    let entity: Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(entity["history@odata.navigationLink"], "http://h/vault/sensors('a')/history");
    assert_eq!(entity["owner@odata.associationLink"], "http://h/vault/sensors('a')/owner/$ref");
    assert_eq!(entity.get("history@odata.associationLink"), None);
}

fn named<'a>(node: Node<'a, 'a>, tag: &str, name: &str) -> Node<'a, 'a> {
    let found = node.descendants().find(|node| node.has_tag_name(tag) && node.attribute("Name") == Some(name));
    found.unwrap_or_else(|| panic!("no {tag} {name}"))
}

#[test]
fn xml_declares_singletons_and_what_is_contained() {
    let text = Csdl::new(&MODEL, own_name).xml();
    let document = Document::parse(&text).expect("well-formed");
    let root = document.root_element();
    let ty = named(root, "EntityType", "vaultRoot");
    assert_eq!((ty.attribute("BaseType"), ty.descendants().any(|node| node.has_tag_name("Key"))), (None, false));
    let sensors = named(ty, "NavigationProperty", "sensors");
    assert_eq!(sensors.attribute("Type"), Some("Collection(test.sensor)"));
    assert_eq!(sensors.attribute("ContainsTarget"), Some("true"));
    let history = named(named(root, "EntityType", "sensor"), "NavigationProperty", "history");
    let facets = ["Type", "ContainsTarget"].map(|facet| history.attribute(facet).expect(facet));
    assert_eq!(facets, ["Collection(test.entry)", "true"]);
    let friends = named(named(root, "EntityType", "sensor"), "NavigationProperty", "friends");
    assert_eq!(friends.attribute("ContainsTarget"), None);

    let container = named(root, "EntityContainer", "Things");
    assert!(!container.descendants().any(|node| node.attribute("Name") == Some("sensors")), "it is no set at the root");
    let vault = named(container, "Singleton", "vault");
    assert_eq!(vault.attribute("Type"), Some("test.vaultRoot"));
    let binding = vault.children().find(Node::is_element).expect("a binding");
    assert_eq!(binding.attribute("Path"), Some("sensors/owner"));
    assert_eq!(binding.attribute("Target"), Some("vault/guards"));
    let targets: Vec<_> = root.descendants().filter_map(|node| node.attribute("Target")).collect();
    assert!(targets.contains(&"test.Things/vault/sensors") && targets.contains(&"test.Things/vault/guards"));
    let can = root.descendants().find(|node| node.attribute("Target") == Some("test.Things/vault/sensors"));
    let expand = can.expect("annotations").children();
    let mut expand = expand.filter(|node| node.attribute("Term") == Some("Capabilities.ExpandRestrictions"));
    let paths = expand.next().expect("a term").descendants().filter(|it| it.has_tag_name("NavigationPropertyPath"));
    assert_eq!(paths.filter_map(|path| path.text()).collect::<Vec<_>>(), ["history", "friends"]);
}

#[test]
fn json_declares_singletons_and_what_is_contained() {
    let csdl: Value = serde_json::from_str(&Csdl::new(&MODEL, own_name).json().compact()).expect("JSON");
    let contained = |target: &str| json!({"$Kind": "NavigationProperty", "$Type": target, "$Collection": true, "$ContainsTarget": true});
    let expected = json!({
        "$Kind": "EntityType",
        "sensors": contained("test.sensor"),
        "guards": contained("test.person"),
        "@Core.Description": "What is kept apart.",
    });
    assert_eq!(csdl["test"]["vaultRoot"], expected);
    let history = &csdl["test"]["sensor"]["history"];
    assert_eq!((&history["$ContainsTarget"], history.get("$Nullable")), (&json!(true), None));
    let vault = json!({"$Type": "test.vaultRoot", "$NavigationPropertyBinding": {"sensors/owner": "vault/guards"}});
    assert_eq!(csdl["test"]["Things"]["vault"], vault);
    assert_eq!(csdl["test"]["Things"].get("sensors"), None);
    let can = &csdl["test"]["$Annotations"]["test.Things/vault/sensors"];
    assert_eq!(can["@Capabilities.CountRestrictions"], json!({"Countable": true}));
    assert_eq!(can["@Capabilities.FilterRestrictions"]["NonFilterableProperties"], json!(["place"]));
    assert_eq!(can["@Capabilities.ExpandRestrictions"]["NonExpandableProperties"], json!(["history", "friends"]));
}

#[test]
fn schemas_hold_only_relations_that_are_expanded_or_set() {
    let schemas = Json::from(Schemas::new(&MODEL, own_name, "#/").all()).compact();
    let schemas: Value = serde_json::from_str(&schemas).expect("JSON");
    let has = |schema: &str, member: &str| schemas[schema]["properties"].get(member).is_some();
    assert!(has("test.sensor", "owner") && has("test.sensor-create", "owner@odata.bind"));
    for member in ["history", "friends", "history@odata.bind", "friends@odata.bind"] {
        assert!(!has("test.sensor", member) && !has("test.sensor-create", member), "{member}");
    }
}
