//! Structured values: written within their entity, and alone.

use crate::csdl::own_name;
use crate::test_model::{MODEL, SENSOR};
use odata::csdl::Csdl;
use odata::edm::{EntityType, EnumMembers};
use odata::encode::{Cell, CellError, Encoder, Metadata, Parts, Row, write_property};
use odata::json::Json;
use odata::schema::Schemas;
use serde_json::{Value, json};

const PLACE: usize = 3;

struct Point(f64);

impl Parts for Point {
    fn cell(&self, position: usize) -> Cell<'_> {
        if position == 0 { Cell::Double(self.0) } else { Cell::Null }
    }
}

struct Place {
    level: i64,
    tags: &'static str,
    point: Option<Point>,
}

impl Parts for Place {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            0 => Cell::Text("Os\"lo"),
            1 => Cell::Integer(self.level),
            2 => Cell::Integer(-1),
            3 => Cell::Text(self.tags),
            4 => self.point.as_ref().map_or(Cell::Null, |point| Cell::Complex(point)),
            _ => Cell::Text("never given out"),
        }
    }
}

struct Sensor(Option<Place>);

impl Row for Sensor {
    fn cell(&self, position: usize) -> Cell<'_> {
        match (position, &self.0) {
            (0, _) => Cell::Text("s1"),
            (PLACE, Some(place)) => Cell::Complex(place),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        &SENSOR
    }

    fn version(&self) -> u64 {
        1
    }
}

const fn place() -> Place {
    Place { level: 2, tags: r#"["a","b"]"#, point: Some(Point(59.75)) }
}

fn written(metadata: Metadata, told: EnumMembers, place: Option<Place>) -> Result<Value, CellError> {
    let encoder = Encoder::with_properties([PLACE], &SENSOR, metadata, None).with_enum_members(told);
    let mut out = Vec::new();
    encoder.entity(&Sensor(place), None, &mut out)?;
    Ok(serde_json::from_slice(&out).expect("JSON"))
}

#[test]
fn an_entity_holds_its_structured_values() {
    let whole = json!({"place": {
        "city": "Os\"lo", "level": "extreme", "floor": -1, "tags": ["a", "b"],
        "point": {"latitude": 59.75, "longitude": null},
    }});
    let write = |told, place| written(Metadata::None, told, place).expect("sound cells");
    assert_eq!(write(EnumMembers::All, Some(place())), whole);
    assert_eq!(write(EnumMembers::Known, None), json!({"place": null}));
    let without = write(EnumMembers::All, Some(Place { point: None, ..place() }));
    assert_eq!(without["place"]["point"], Value::Null);
    let told = write(EnumMembers::Known, Some(place()));
    assert_eq!(told["place"]["level"], "unknownFutureValue", "members hide within structured values too");
    let encoder = |told| Encoder::new(&SENSOR, Metadata::Minimal, None).with_enum_members(told);
    assert!(encoder(EnumMembers::All).takes_members());
    assert!(!encoder(EnumMembers::Known).takes_members(), "rendered members name every member");
}

#[test]
fn full_metadata_names_the_types_within() {
    let found = written(Metadata::Full, EnumMembers::All, Some(place())).expect("sound cells");
    let place = &found["place"];
    assert_eq!(found.get("place@odata.type"), None, "an object says its type within");
    assert_eq!(place["@odata.type"], "#test.place");
    assert_eq!(place["level@odata.type"], "#test.level");
    assert_eq!(place["floor@odata.type"], "#Int32");
    assert_eq!(place["tags@odata.type"], "#Collection(String)");
    assert_eq!(place["point"]["@odata.type"], "#test.point");
    assert_eq!(place["point"]["latitude@odata.type"], "#Double");
    assert_eq!(place.get("city@odata.type"), None, "JSON shows that it is a text");
}

#[test]
fn a_structured_value_alone_is_an_object_with_its_context() {
    let alone = |metadata, cell: Cell<'_>| -> Result<String, CellError> {
        let mut out = Vec::new();
        write_property(cell, SENSOR.all_properties()[PLACE], EnumMembers::Known, metadata, "c", &mut out)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    };
    let place = place();
    let members = concat!(
        r#""city":"Os\"lo","level":"unknownFutureValue","floor":-1,"tags":["a","b"],"#,
        r#""point":{"latitude":59.75,"longitude":null}}"#,
    );
    let written = |metadata| alone(metadata, Cell::Complex(&place)).expect("sound cells");
    assert_eq!(written(Metadata::None), format!("{{{members}"));
    assert_eq!(written(Metadata::Minimal), format!(r#"{{"@odata.context":"c",{members}"#));
    let full = written(Metadata::Full);
    assert!(full.starts_with(r##"{"@odata.context":"c","@odata.type":"#test.place","city":"##), "{full}");
    assert!(alone(Metadata::None, Cell::Text("{}")).is_err(), "a text is no structured value");
}

#[test]
fn damage_within_is_told_by_the_inner_property() {
    for (place, name) in [
        (Place { level: 7, ..place() }, "level"),
        (Place { tags: "[", ..place() }, "tags"),
        (Place { point: Some(Point(f64::NAN)), ..place() }, "latitude"),
    ] {
        assert_eq!(written(Metadata::None, EnumMembers::All, Some(place)).expect_err(name).property, name);
    }
}

#[test]
fn structured_values_that_are_read_are_declared() {
    let csdl: Value = serde_json::from_str(&Csdl::new(&MODEL, own_name).json().compact()).expect("JSON");
    assert_eq!(csdl["test"]["sensor"]["place"]["$Type"], "test.place");
    assert_eq!(csdl["test"]["place"]["point"], json!({"$Type": "test.point", "$Nullable": true}));
    assert!(Csdl::new(&MODEL, own_name).xml().contains(r#"<Property Name="latitude" Type="Edm.Double"/>"#));
    let schemas = Json::from(Schemas::new(&MODEL, own_name, "#/").all()).compact();
    let schemas: Value = serde_json::from_str(&schemas).expect("JSON");
    assert_eq!(schemas["test.sensor"]["properties"]["place"]["anyOf"][0]["$ref"], "#/test.place");
    let place = &schemas["test.place"]["properties"];
    assert_eq!(place["point"]["anyOf"][0]["$ref"], "#/test.point");
    assert_eq!(place.get("code"), None, "it is never given out");
}
