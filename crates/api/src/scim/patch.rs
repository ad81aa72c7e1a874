//! PATCH (RFC 7644, section 3.5.2): operations on a draft, with the liberties that Entra takes: `Replace` with a capital,
//! truth values as texts, and paths for keys where there is no path.

use super::body::{Draft, Wiped, coerced, is_primary, item, take};
use super::error::{ScimError, ScimType};
use super::filter::{Filter, Parser};
use super::path::{Path, Target};
use super::schema::{ATTRIBUTES, Attribute, ENTERPRISE, ENTERPRISE_ATTRIBUTES, Kind, Mutability};
use serde_json::{Map, Value};

/// The most operations in one PATCH.
const MOST: usize = 1_000;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

/// Where an operation does it.
struct Place {
    target: Target,
    filter: Option<Filter>,
}

/// Carries out a PATCH's operations on a draft, in their order.
pub fn apply(draft: &mut Draft, mut body: Wiped) -> Result<(), ScimError> {
    let syntax = |what: &str| ScimError::of(ScimType::InvalidSyntax, what);
    let Some(Value::Array(operations)) = body.take("Operations") else {
        return Err(syntax("Operations is missing, or is no list"));
    };
    if operations.is_empty() || operations.len() > MOST {
        return Err(syntax(&format!("expected 1 to {MOST} Operations")));
    }
    for operation in operations {
        let mut operation = Wiped(operation);
        let op = match operation.take_text("op")?.unwrap_or_default().to_ascii_lowercase().as_str() {
            "add" => Op::Add,
            "replace" => Op::Replace,
            "remove" => Op::Remove,
            _ => return Err(syntax("op is missing, or is none of add, replace and remove")),
        };
        let path = operation.take_text("path")?.filter(|path| !path.is_empty());
        let value = operation.take("value");
        match path {
            Some(path) => at(draft, op, &place(&path)?, value)?,
            None if op == Op::Remove => {
                return Err(ScimError::of(ScimType::NoTarget, "remove needs a path"));
            }
            None => match value {
                Some(Value::Object(members)) => each(draft, op, members)?,
                other => {
                    drop(Wiped(other.unwrap_or_default()));
                    return Err(syntax("without a path, value is an object of attributes"));
                }
            },
        }
    }
    for attribute in ATTRIBUTES.iter().filter(|attribute| attribute.required) {
        if !draft.resource.contains_key(attribute.name) {
            let what = format!("{} cannot be without a value", attribute.name);
            return Err(ScimError::of(ScimType::Mutability, what));
        }
    }
    Ok(())
}

/// An operation without a path: attribute after attribute. What is not known, or not the client's to write, is passed
/// over, as in a body.
fn each(draft: &mut Draft, op: Op, members: Map<String, Value>) -> Result<(), ScimError> {
    for (key, value) in members {
        let value = Wiped(value);
        let Ok(place) = place(&key) else { continue };
        if matches!(&place.target, Target::Attribute(path) if path.leaf().mutability == Mutability::ReadOnly) {
            continue;
        }
        at(draft, op, &place, Some(taken(value)))?;
    }
    Ok(())
}

fn taken(mut value: Wiped) -> Value {
    std::mem::take(&mut value.0)
}

/// Reads a path: an attribute, a part of one, or values of one that a filter keeps, and a part of these.
fn place(text: &str) -> Result<Place, ScimError> {
    let wrong = |why: String| ScimError::of(ScimType::InvalidPath, format!("path: {why}"));
    let mut parser = Parser::new(text).map_err(|error| wrong(error.to_string()))?;
    let Some(target) = Target::resolve(parser.word()) else {
        return Err(wrong("no attribute has this name".to_owned()));
    };
    let (Target::Attribute(path), true) = (target, parser.take('[')) else {
        parser.end().map_err(|error| wrong(error.to_string()))?;
        return Ok(Place { target, filter: None });
    };
    let filter = parser.bracketed(path).map_err(|error| wrong(error.to_string()))?;
    let path = if parser.take('.') { parser.part_of(path).map_err(|error| wrong(error.to_string()))? } else { path };
    parser.end().map_err(|error| wrong(error.to_string()))?;
    Ok(Place { target: Target::Attribute(path), filter: Some(filter) })
}

fn at(draft: &mut Draft, op: Op, place: &Place, value: Option<Value>) -> Result<(), ScimError> {
    let value = value.filter(|value| !value.is_null());
    let path = match place.target {
        Target::Attribute(path) => path,
        Target::Everything | Target::Extension => return group(draft, op, place.target, value),
    };
    let held = Wiped(value.unwrap_or_default());
    let (attribute, leaf) = (path.attribute, path.leaf());
    if attribute.name == "schemas" || !attribute.kept || !leaf.kept || path.is("name") && leaf.name == "formatted" {
        return Ok(()); // known, and not kept
    }
    if attribute.mutability == Mutability::ReadOnly {
        let what = format!("{} is not the client's to change", attribute.name);
        return Err(ScimError::of(ScimType::Mutability, what));
    }
    let value = taken(held);
    if op != Op::Remove && value.is_null() && attribute.mutability == Mutability::WriteOnly {
        return Err(ScimError::of(ScimType::InvalidValue, format!("{} has no value", attribute.name)));
    }
    let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let (op, value) = match op {
        Op::Add if is_empty => return Ok(()),
        // No value in its place takes away what is there.
        Op::Replace if is_empty => (Op::Remove, Value::Null),
        op => (op, value),
    };
    if attribute.mutability == Mutability::WriteOnly {
        // That a password is known no more is nothing that can be kept.
        return if op == Op::Remove { Ok(()) } else { draft.set(path, value) };
    }
    if attribute.several {
        return several(draft, op, path, place.filter.as_ref(), value);
    }
    let node = draft.node(path.is_extension);
    match (path.part, op) {
        (None, Op::Remove) => _ = node.remove(attribute.name),
        (None, _) if attribute.kind == Kind::Complex => {
            let Some(Value::Object(new)) = coerced(attribute, value)? else { return Ok(()) };
            members(node, attribute).extend(new);
        }
        (None, _) => return draft.set(path, value),
        (Some(part), Op::Remove) => {
            members(node, attribute).remove(part.name);
        }
        (Some(part), _) => {
            let value = item(part, value)?;
            let members = members(node, attribute);
            match value {
                Some(value) => _ = members.insert(part.name.to_owned(), value),
                None => _ = members.remove(part.name),
            }
        }
    }
    if node_is_empty(draft, path) {
        draft.node(path.is_extension).remove(attribute.name);
    }
    Ok(())
}

fn node_is_empty(draft: &mut Draft, path: Path) -> bool {
    let value = draft.node(path.is_extension).get(path.attribute.name);
    value.and_then(Value::as_object).is_some_and(Map::is_empty)
}

fn members<'n>(node: &'n mut Map<String, Value>, attribute: &Attribute) -> &'n mut Map<String, Value> {
    let value = node.entry(attribute.name).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it has just been made one")
}

/// An operation on everything of a schema.
fn group(draft: &mut Draft, op: Op, target: Target, value: Option<Value>) -> Result<(), ScimError> {
    let is_extension = matches!(target, Target::Extension);
    match (op, value) {
        (Op::Remove, None) if is_extension => _ = draft.resource.remove(ENTERPRISE),
        (Op::Remove, _) => {
            return Err(ScimError::of(ScimType::NoTarget, "the attribute that is to be removed is missing"));
        }
        (_, Some(Value::Object(mut all))) if is_extension => {
            for attribute in ENTERPRISE_ATTRIBUTES.iter().filter(|attribute| attribute.kept) {
                if let Some(value) = take(&mut all, attribute.name) {
                    draft.set(Path { is_extension, attribute, part: None }, value)?;
                }
            }
        }
        (_, Some(Value::Object(all))) => each(draft, op, all)?,
        (_, other) => {
            drop(Wiped(other.unwrap_or_default()));
            return Err(ScimError::of(ScimType::InvalidValue, "expected an object of attributes"));
        }
    }
    Ok(())
}

/// An operation on an attribute with several values.
fn several(draft: &mut Draft, op: Op, path: Path, filter: Option<&Filter>, value: Value) -> Result<(), ScimError> {
    let attribute = path.attribute;
    let node = draft.node(path.is_extension);
    let mut items = match node.remove(attribute.name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let is_meant = |item: &Value| filter.is_none_or(|filter| filter.matches_value(item));
    let changed = match (path.part, op) {
        (None, Op::Remove) if filter.is_none() && !value.is_null() => {
            // Entra names the values that are to go.
            let gone = coerced(attribute, value)?.and_then(|gone| gone.as_array().cloned()).unwrap_or_default();
            items.retain(|item| !gone.iter().any(|gone| gone.get("value") == item.get("value")));
            Vec::new()
        }
        (None, Op::Remove) => {
            items.retain(|item| !is_meant(item));
            Vec::new()
        }
        (None, Op::Replace) if filter.is_none() => {
            items = Vec::new();
            list(attribute, value)?
        }
        (None, Op::Add) if filter.is_none() => {
            // What is there already is no change; the same value of the same type takes the other's place.
            let mut new = list(attribute, value)?;
            new.retain(|new| !items.contains(new));
            let is_same = |a: &Value, b: &Value| a.get("value") == b.get("value") && a.get("type") == b.get("type");
            items.retain(|item| !new.iter().any(|new| is_same(item, new)));
            new
        }
        (part, Op::Remove) => {
            for item in items.iter_mut().filter(|item| is_meant(item)).filter_map(Value::as_object_mut) {
                part.map(|part| item.remove(part.name));
            }
            items.retain(|item| item.get("value").is_some());
            Vec::new()
        }
        (part, _) => {
            let new = match part {
                Some(part) => item(part, value)?.map(|value| Map::from_iter([(part.name.to_owned(), value)])),
                None => list(attribute, value)?.into_iter().next().and_then(|value| value.as_object().cloned()),
            };
            let new = new.unwrap_or_default();
            // Those that are changed stand last, so that their `primary` counts.
            let (mut meant, rest): (Vec<_>, Vec<_>) = items.into_iter().partition(is_meant);
            items = rest;
            if meant.is_empty() {
                let demanded = match filter {
                    None => Some(Vec::new()),
                    Some(filter) if op == Op::Add => filter.demands(),
                    Some(_) => None,
                };
                let Some(demanded) = demanded else {
                    draft.node(path.is_extension).insert(attribute.name.to_owned(), Value::Array(items));
                    let what = format!("{}: no value is as the path says", attribute.name);
                    return Err(ScimError::of(ScimType::NoTarget, what));
                };
                let made = demanded.into_iter().map(|(part, value)| (part.name.to_owned(), value));
                meant.push(Value::Object(made.collect()));
            }
            for item in meant.iter_mut().filter_map(Value::as_object_mut) {
                item.extend(new.clone());
            }
            meant
        }
    };
    if changed.iter().any(is_primary) {
        for item in items.iter_mut().filter_map(Value::as_object_mut).filter(|item| item.contains_key("primary")) {
            item.insert("primary".to_owned(), Value::Bool(false));
        }
    }
    items.extend(changed);
    draft.set(Path { part: None, ..path }, Value::Array(items))
}

fn list(attribute: &'static Attribute, value: Value) -> Result<Vec<Value>, ScimError> {
    Ok(match coerced(attribute, value)? {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    })
}
