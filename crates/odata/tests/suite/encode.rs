//! Entities as JSON.

use crate::test_model::{ITEM, SPECIAL_ITEM, at};
use odata::Ticks;
use odata::edm::EntityType;
use odata::encode::{Cell, Encoder, Metadata, Row, etag, write_integer, write_string};
use proptest::prelude::*;

struct Cells<'a>(Vec<Cell<'a>>);

impl Row for Cells<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        self.0.get(position).copied().unwrap_or(Cell::Null)
    }

    fn entity_type(&self) -> &'static EntityType {
        &SPECIAL_ITEM
    }

    fn version(&self) -> u64 {
        42
    }
}

fn names(ty: &EntityType) -> std::borrow::Cow<'static, str> {
    ty.name.into()
}

fn sample() -> Cells<'static> {
    Cells(vec![
        Cell::Text("i1"),
        Cell::Text("n\"1"),
        Cell::Null,
        Cell::Integer(1),
        Cell::Integer(17_094_210_042_255_665),
        Cell::Integer(7),
        Cell::Text(r#"["a","b"]"#),
        Cell::Text("never given out"),
        Cell::Text("never given out"),
    ])
}

fn write(encoder: &Encoder, row: &Cells<'_>, context: Option<&str>) -> String {
    let mut out = b"before ".to_vec();
    encoder.entity(row, context, &mut out).unwrap();
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

const FIELDS: &str = r#""id":"i1","name":"n\"1","note":null,"on":true,"since":"2024-03-02T23:10:04.2255665Z","colour":"darkBlue","tags":["a","b"]}"#;

#[test]
fn writes_every_type_in_the_order_of_the_declaration() {
    let minimal = Encoder::new(&ITEM, Metadata::Minimal, Some(names));
    let control =
        r##"{"@odata.context":"http://h/$metadata#\"x","@odata.type":"#specialItem","@odata.etag":"W/\"42\"","##;
    assert_eq!(write(&minimal, &sample(), Some("http://h/$metadata#\"x")), format!("{control}{FIELDS}"));
    let without_type = Encoder::new(&ITEM, Metadata::Minimal, None);
    assert_eq!(write(&without_type, &sample(), None), format!(r#"{{"@odata.etag":"W/\"42\"",{FIELDS}"#));
    assert_eq!(without_type.metadata(), Metadata::Minimal);
}

#[test]
fn no_metadata_means_properties_only() {
    let none = Encoder::new(&ITEM, Metadata::None, Some(names));
    assert_eq!(write(&none, &sample(), Some("http://h/$metadata#x")), format!("{{{FIELDS}"));
}

#[test]
fn writes_the_chosen_properties_in_the_chosen_order() {
    let some =
        |positions: &[usize], metadata| Encoder::with_properties(positions.iter().copied(), &ITEM, metadata, None);
    assert_eq!(write(&some(&[at::ON, at::ID], Metadata::None), &sample(), None), r#"{"on":true,"id":"i1"}"#);
    assert_eq!(write(&some(&[], Metadata::Minimal), &sample(), None), r#"{"@odata.etag":"W/\"42\""}"#);
    assert_eq!(write(&some(&[], Metadata::None), &sample(), None), "{}");
    assert_eq!(write(&some(&[at::PROFILE, at::SECRET], Metadata::None), &sample(), None), "{}", "all write-only");
}

#[test]
fn a_damaged_cell_is_an_error_that_names_the_property() {
    let encoder = Encoder::new(&ITEM, Metadata::None, None);
    for (position, cell, name) in [
        (at::NAME, Cell::Integer(1), "name"),
        (at::ON, Cell::Text("true"), "on"),
        (at::SINCE, Cell::Text("2024"), "since"),
        (at::SINCE, Cell::Integer(i64::MAX), "since"),
        (at::SINCE, Cell::Integer(Ticks::MIN.get() - 1), "since"),
        (at::COLOUR, Cell::Integer(2), "colour"),
        (at::COLOUR, Cell::Integer(1 << 40), "colour"),
        (at::COLOUR, Cell::Text("red"), "colour"),
        (at::TAGS, Cell::Integer(0), "tags"),
        (at::TAGS, Cell::Text(""), "tags"),
        (at::TAGS, Cell::Text("[\"a\""), "tags"),
        (at::TAGS, Cell::Text("{}"), "tags"),
        (at::TAGS, Cell::Text("[],\"x\":[]"), "tags"),
    ] {
        let mut row = sample();
        row.0[position] = cell;
        let error = encoder.entity(&row, None, &mut Vec::new()).expect_err(name);
        assert_eq!(error.property, name);
        assert!(error.to_string().starts_with(&format!("the stored value of `{name}` is not ")), "{error}");
    }
    let mut row = sample();
    row.0[at::SINCE] = Cell::Integer(Ticks::MAX.get());
    assert!(write(&encoder, &row, None).contains("9999-12-31T23:59:59.9999999Z"));
}

#[test]
fn escapes_what_json_asks_for() {
    for (text, json) in [
        ("", r#""""#),
        ("\"\\/", r#""\"\\/""#),
        ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
        ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
        ("é😀\u{2028}", "\"é😀\u{2028}\""),
    ] {
        let mut out = Vec::new();
        write_string(text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), json);
    }
    assert_eq!(etag(0), "W/\"0\"");
    assert_eq!(etag(u64::MAX), "W/\"18446744073709551615\"");
}

proptest! {
    #[test]
    fn numbers_are_written_as_they_are_printed(number in any::<u64>(), shift in 0u32..64) {
        let mut out = Vec::new();
        write_integer(number >> shift, &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), (number >> shift).to_string());
    }

    #[test]
    fn what_is_written_is_json_with_the_same_texts(name in "(?s).{0,40}", context in "(?s).{0,40}") {
        let mut row = sample();
        row.0[at::NAME] = Cell::Text(&name);
        let json = write(&Encoder::new(&ITEM, Metadata::Minimal, Some(names)), &row, Some(&context));
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read["name"].as_str(), Some(name.as_str()));
        prop_assert_eq!(read["@odata.context"].as_str(), Some(context.as_str()));
    }
}
