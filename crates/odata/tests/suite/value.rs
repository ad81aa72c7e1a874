//! Single values: as JSON documents, as text, counted.

use crate::test_model::{ITEM, at};
use odata::Ticks;
use odata::edm::EnumMembers;
use odata::encode::{Cell, CellError, Metadata, count_values, write_property, write_text};

fn json(position: usize, cell: Cell<'_>, metadata: Metadata) -> Result<String, CellError> {
    let mut out = Vec::new();
    write_property(
        cell,
        ITEM.all_properties()[position],
        EnumMembers::Known,
        metadata,
        "http://h/$metadata#x",
        &mut out,
    )?;
    Ok(String::from_utf8(out).unwrap())
}

fn text(position: usize, cell: Cell<'_>) -> Result<String, CellError> {
    let mut out = b"before ".to_vec();
    write_text(cell, ITEM.all_properties()[position], EnumMembers::Known, &mut out)?;
    Ok(String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned())
}

#[test]
fn values_of_every_type_as_json_and_as_text() {
    let since = Cell::Integer(17_094_210_042_255_665);
    for (position, cell, as_json, as_text) in [
        (at::NAME, Cell::Text("n\"1\\ é"), r#""n\"1\\ é""#, "n\"1\\ é"),
        (at::NAME, Cell::Text(""), r#""""#, ""),
        (at::NAME, Cell::Text("\"q\""), r#""\"q\"""#, "\"q\""),
        (at::ON, Cell::Integer(0), "false", "false"),
        (at::ON, Cell::Integer(1), "true", "true"),
        (at::SINCE, since, r#""2024-03-02T23:10:04.2255665Z""#, "2024-03-02T23:10:04.2255665Z"),
        (at::COLOUR, Cell::Integer(7), r#""darkBlue""#, "darkBlue"),
    ] {
        assert_eq!(json(position, cell, Metadata::None).unwrap(), format!(r#"{{"value":{as_json}}}"#));
        let with_context = format!(r#"{{"@odata.context":"http://h/$metadata#x","value":{as_json}}}"#);
        assert_eq!(json(position, cell, Metadata::Minimal).unwrap(), with_context);
        assert_eq!(text(position, cell).unwrap(), as_text);
    }
    let full = json(at::COLOUR, Cell::Integer(1), Metadata::Full).unwrap();
    assert_eq!(full, r##"{"@odata.context":"http://h/$metadata#x","@odata.type":"#test.colour","value":"red"}"##);
    let tags = Cell::Text(r#"["a","b"]"#);
    assert_eq!(json(at::TAGS, tags, Metadata::None).unwrap(), r#"{"value":["a","b"]}"#);
}

#[test]
fn values_are_counted() {
    let tags = ITEM.all_properties()[at::TAGS];
    for (cell, count) in [(Cell::Text("[]"), 0), (Cell::Text(r#"["a",null]"#), 2), (Cell::Null, 0)] {
        assert_eq!(count_values(cell, tags).unwrap(), count);
    }
    for damaged in [Cell::Text("[\"a\""), Cell::Text("{}"), Cell::Integer(2), Cell::Damaged] {
        assert_eq!(count_values(damaged, tags).unwrap_err().property, "tags");
    }
}

#[test]
fn damaged_values_are_told_by_property() {
    for (position, cell, name) in [
        (at::NAME, Cell::Integer(1), "name"),
        (at::SINCE, Cell::Integer(Ticks::MIN.get() - 1), "since"),
        (at::COLOUR, Cell::Integer(2), "colour"),
        (at::ON, Cell::Damaged, "on"),
    ] {
        assert_eq!(json(position, cell, Metadata::None).unwrap_err().property, name);
        assert_eq!(text(position, cell).unwrap_err().property, name);
    }
}
