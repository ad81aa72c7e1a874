//! Numbers as values of properties: in bodies, in answers, and as they are declared.

use crate::csdl::own_name;
use crate::test_model::{MODEL, SENSOR};
use odata::body::{EntityBody, Value};
use odata::csdl::Csdl;
use odata::edm::EnumMembers;
use odata::encode::{Cell, Metadata, write_property, write_text};
use odata::json::Json;
use odata::schema::Schemas;
use serde_json::json;

const SIZE: usize = 1;
const WEIGHT: usize = 2;

fn read(json: &str, position: usize) -> Result<Option<Value>, String> {
    let mut body = EntityBody::read(json.as_bytes(), &MODEL, &SENSOR).expect("JSON");
    if body.faults.is_empty() { Ok(body.take(position)) } else { Err(body.faults.to_string()) }
}

#[test]
fn bodies_hold_numbers_within_their_bounds() {
    for (json, position, expected) in [
        (r#"{"size":0}"#, SIZE, Value::Int32(0)),
        (r#"{"size":-2147483648}"#, SIZE, Value::Int32(i32::MIN)),
        (r#"{"size":null}"#, SIZE, Value::Null),
        (r#"{"weight":7}"#, WEIGHT, Value::Double(7.0)),
        (r#"{"weight":-7}"#, WEIGHT, Value::Double(-7.0)),
        (r#"{"weight":1.5e300}"#, WEIGHT, Value::Double(1.5e300)),
    ] {
        assert_eq!(read(json, position), Ok(Some(expected)), "{json}");
    }
    let whole = "expected a whole number from -2147483648 to 2147483647";
    for (json, message) in [
        (r#"{"size":2147483648}"#, format!("`size` is the number 2147483648; {whole}")),
        (r#"{"size":1.0}"#, format!("`size` is the number 1.0; {whole}")),
        (r#"{"size":"1"}"#, format!("`size` is a string; {whole}")),
        (r#"{"weight":"INF"}"#, "`weight` is a string; expected a number".to_owned()),
        (r#"{"weight":[1]}"#, "`weight` is an array; expected a number".to_owned()),
    ] {
        assert_eq!(read(json, SIZE), Err(message), "{json}");
    }
}

fn written(position: usize, cell: Cell<'_>) -> Option<(String, String)> {
    let property = SENSOR.all_properties()[position];
    let (mut json, mut text) = (Vec::new(), Vec::new());
    write_property(cell, property, EnumMembers::Known, Metadata::Full, "c", &mut json).ok()?;
    write_text(cell, property, EnumMembers::Known, &mut text).ok()?;
    Some((String::from_utf8(json).ok()?, String::from_utf8(text).ok()?))
}

#[test]
fn answers_hold_numbers_as_they_are() {
    let told = |name: &str, value: &str| {
        let json = format!(r##"{{"@odata.context":"c","@odata.type":"#{name}","value":{value}}}"##);
        Some((json, value.to_owned()))
    };
    assert_eq!(written(SIZE, Cell::Integer(-3)), told("Int32", "-3"));
    assert_eq!(written(WEIGHT, Cell::Double(0.1)), told("Double", "0.1"));
    assert_eq!(written(WEIGHT, Cell::Integer(2)), told("Double", "2"));
    for (position, damaged) in [
        (SIZE, Cell::Integer(1 << 31)),
        (SIZE, Cell::Double(1.0)),
        (SIZE, Cell::Text("1")),
        (WEIGHT, Cell::Double(f64::NAN)),
        (WEIGHT, Cell::Double(f64::INFINITY)),
        (WEIGHT, Cell::Text("1")),
    ] {
        assert_eq!(written(position, damaged), None, "{damaged:?}");
    }
}

#[test]
fn numbers_are_declared() {
    let csdl: serde_json::Value = serde_json::from_str(&Csdl::new(&MODEL, own_name).json().compact()).expect("JSON");
    let sensor = &csdl["test"]["sensor"];
    assert_eq!(sensor["size"], json!({"$Type": "Edm.Int32", "$Nullable": true}));
    assert_eq!(sensor["weight"], json!({"$Type": "Edm.Double", "$Nullable": true}));
    let schemas = Json::from(Schemas::new(&MODEL, own_name, "#/").all()).compact();
    let schemas: serde_json::Value = serde_json::from_str(&schemas).expect("JSON");
    let size = &schemas["test.sensor"]["properties"]["size"];
    assert_eq!((&size["type"], &size["minimum"]), (&json!(["integer", "null"]), &json!(i32::MIN)));
    assert_eq!(schemas["test.sensor"]["properties"]["weight"]["type"], json!(["number", "null"]));
}
