//! Single values: as JSON, as text, and how many there are.

use super::{Cell, CellError, Metadata, write_string};
use crate::edm::{EnumMembers, Property, Type};
use crate::ticks::Ticks;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Writes a property as a JSON document of its own: `{"@odata.context":"...","value":...}` (OData JSON
/// 4.01, section 11). One that is null has no document: services answer 204 for it (OData protocol 4.01,
/// section 11.2.4.1).
pub fn write_property(
    cell: Cell<'_>,
    property: &'static Property,
    told: EnumMembers,
    metadata: Metadata,
    context: &str,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    out.push(b'{');
    if metadata != Metadata::None {
        out.extend_from_slice(b"\"@odata.context\":");
        write_string(context, out);
        out.push(b',');
    }
    if metadata == Metadata::Full {
        write_type("", property, out);
    }
    out.extend_from_slice(b"\"value\":");
    write_cell(cell, property, told, out)?;
    out.push(b'}');
    Ok(())
}

/// Writes a single value as text, as `/$value` answers it: without quotes, an enumeration's by its
/// name (OData protocol 4.01, section 11.2.4.2).
pub fn write_text(
    cell: Cell<'_>,
    property: &'static Property,
    told: EnumMembers,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    if let (Cell::Text(text), Type::String { .. }) = (cell, &property.ty) {
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    let start = out.len();
    write_cell(cell, property, told, out)?;
    // No other type has anything in quotes that JSON would have to escape.
    if out.get(start) == Some(&b'"') {
        out.remove(start);
        out.pop();
    }
    Ok(())
}

/// Counts the values of a collection.
pub fn count_values(cell: Cell<'_>, property: &'static Property) -> Result<u64, CellError> {
    let items = match cell {
        Cell::Text(json) => serde_json::from_str::<Vec<IgnoredAny>>(json).ok(),
        Cell::Null => Some(Vec::new()),
        Cell::Integer(_) | Cell::Damaged => None,
    };
    let count = items.map(|items| items.len() as u64);
    count.ok_or(CellError { property: property.name, expected: property.ty })
}

/// Writes `name@odata.type` where JSON does not show the type (OData JSON 4.01, section 4.5.3).
pub(super) fn write_type(name: &str, property: &Property, out: &mut Vec<u8>) {
    let ty = match &property.ty {
        Type::DateTimeOffset => "#DateTimeOffset".to_owned(),
        Type::Enum(of) => format!("#{}.{}", of.namespace, of.name),
        Type::Collection { of: Type::String { .. }, .. } => "#Collection(String)".to_owned(),
        _ => return,
    };
    write_string(&format!("{name}@odata.type"), out);
    out.push(b':');
    write_string(&ty, out);
    out.push(b',');
}

pub(super) fn write_cell(
    cell: Cell<'_>,
    property: &'static Property,
    told: EnumMembers,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    let damaged = || CellError { property: property.name, expected: property.ty };
    match (cell, &property.ty) {
        (Cell::Null, _) => out.extend_from_slice(b"null"),
        (Cell::Text(text), Type::String { .. }) => write_string(text, out),
        (Cell::Text(json), Type::Collection { of: Type::Enum(of), .. }) if of.mask(told).is_some() => {
            let names: Vec<Option<Cow<'_, str>>> = serde_json::from_str(json).map_err(|_| damaged())?;
            out.push(b'[');
            for (at, name) in names.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                let member = name.as_deref().map(|name| of.member(name).ok_or_else(damaged)).transpose()?;
                match member.and_then(|member| of.shown(member.value.into(), told)) {
                    Some(shown) => write_string(shown.name, out),
                    None => out.extend_from_slice(b"null"),
                }
            }
            out.push(b']');
        }
        (Cell::Text(json), Type::Collection { .. }) => {
            // Written as it is, so what is no array would spoil the whole answer.
            let items: Result<Vec<IgnoredAny>, _> = serde_json::from_str(json);
            items.map_err(|_| damaged())?;
            out.extend_from_slice(json.as_bytes());
        }
        (Cell::Integer(value), Type::Boolean) => out.extend_from_slice(if value == 0 { b"false" } else { b"true" }),
        (Cell::Integer(ticks), Type::DateTimeOffset) => {
            out.push(b'"');
            Ticks::new(ticks).ok_or_else(damaged)?.write(out);
            out.push(b'"');
        }
        (Cell::Integer(value), Type::Enum(of)) => {
            out.push(b'"');
            out.extend_from_slice(of.shown(value, told).ok_or_else(damaged)?.name.as_bytes());
            out.push(b'"');
        }
        _ => return Err(damaged()),
    }
    Ok(())
}
