//! Single values: as JSON, as text, and how many there are.

use super::{Cell, CellError, Metadata, Parts, write_string};
use crate::edm::{ComplexType, EnumMembers, Property, Type};
use crate::ticks::Ticks;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Writes a property as a JSON document of its own: `{"@odata.context":"...","value":...}`, and what is
/// structured as the object that it is, with its context (OData JSON 4.01, section 11). One that is null has no document: services answer 204 for it (OData protocol 4.01,
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
    if let (Cell::Complex(parts), Type::Complex(of)) = (cell, &property.ty) {
        return write_parts(parts, of, told, metadata, out);
    }
    if metadata == Metadata::Full {
        write_type("", property, out);
    }
    out.extend_from_slice(b"\"value\":");
    write_cell(cell, property, told, metadata, out)?;
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
    write_cell(cell, property, told, Metadata::None, out)?;
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
        Cell::Integer(_) | Cell::Double(_) | Cell::Complex(_) | Cell::Damaged => None,
    };
    let count = items.map(|items| items.len() as u64);
    count.ok_or(CellError { property: property.name, expected: property.ty })
}

/// Writes `name@odata.type` where neither JSON nor the value itself shows the type (OData JSON
/// 4.01, section 4.6.3): an object says its type within.
pub(super) fn write_type(name: &str, property: &Property, out: &mut Vec<u8>) {
    if matches!(property.ty, Type::String { .. } | Type::Boolean | Type::Complex(_)) {
        return;
    }
    write_string(&format!("{name}@odata.type"), out);
    out.push(b':');
    write_string(&format!("#{}", type_name(&property.ty)), out);
    out.push(b',');
}

/// The name of a type as control information has it: without the namespace where that is `Edm`.
fn type_name(ty: &Type) -> Cow<'static, str> {
    match ty {
        Type::String { .. } => "String".into(),
        Type::Boolean => "Boolean".into(),
        Type::Int32 => "Int32".into(),
        Type::Double => "Double".into(),
        Type::DateTimeOffset => "DateTimeOffset".into(),
        Type::Enum(of) => format!("{}.{}", of.namespace, of.name).into(),
        Type::Complex(of) => format!("{}.{}", of.namespace, of.name).into(),
        Type::Collection { of, .. } => format!("Collection({})", type_name(of)).into(),
    }
}

pub(super) fn write_cell(
    cell: Cell<'_>,
    property: &'static Property,
    told: EnumMembers,
    metadata: Metadata,
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
        (Cell::Complex(parts), Type::Complex(of)) => {
            out.push(b'{');
            write_parts(parts, of, told, metadata, out)?;
        }
        (Cell::Integer(value), Type::Boolean) => out.extend_from_slice(if value == 0 { b"false" } else { b"true" }),
        (Cell::Integer(value), Type::Int32) if i32::try_from(value).is_ok() => write_number(value, out),
        (Cell::Integer(value), Type::Double) => write_number(value, out),
        (Cell::Double(value), Type::Double) if value.is_finite() => write_number(value, out),
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

/// Writes the members of a structured value after what its object begins with, and ends the object.
fn write_parts(
    parts: &dyn Parts,
    of: &'static ComplexType,
    told: EnumMembers,
    metadata: Metadata,
    out: &mut Vec<u8>,
) -> Result<(), CellError> {
    if metadata == Metadata::Full {
        out.extend_from_slice(b"\"@odata.type\":");
        write_string(&format!("#{}.{}", of.namespace, of.name), out);
        out.push(b',');
    }
    for (position, property) in of.properties.iter().enumerate().filter(|(_, property)| !property.write_only) {
        if metadata == Metadata::Full {
            write_type(property.name, property, out);
        }
        write_string(property.name, out);
        out.push(b':');
        write_cell(parts.cell(position), property, told, metadata, out)?;
        out.push(b',');
    }
    close(out);
    Ok(())
}

/// Ends an object, also one that ends in a comma: after control information, and no property.
pub(super) fn close(out: &mut Vec<u8>) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = b'}',
        _ => out.push(b'}'),
    }
}

fn write_number(number: impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, &number).expect("a vector takes every write");
}
