//! Which attributes of a resource are shown (RFC 7644, section 3.9).

use super::path::{Path, Target};
use super::schema::{ENTERPRISE, Returned};
use serde_json::{Map, Value};

/// What is shown. Names that no attribute has show nothing and hide nothing.
#[derive(Debug, Default)]
pub struct Projection {
    shown: Option<Vec<Target>>,
    hidden: Vec<Target>,
}

impl Projection {
    /// Reads `attributes` and `excludedAttributes`: names with commas between.
    pub fn read(attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let names = |text: &str| -> Vec<Target> {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).filter_map(Target::resolve).collect()
        };
        let attributes = attributes.filter(|text| !text.trim().is_empty());
        Self { shown: attributes.map(names), hidden: excluded.map(names).unwrap_or_default() }
    }

    /// Whether an attribute is shown at all.
    pub fn shows(&self, name: &str) -> bool {
        let is_it = |target: &Target| match target {
            Target::Attribute(path) => path.is(name),
            Target::Everything => true,
            Target::Extension => false,
        };
        self.shown.as_ref().is_none_or(|shown| shown.iter().any(is_it))
    }

    /// What is shown of a resource.
    pub fn of(&self, resource: Value) -> Value {
        let mut resource = match &self.shown {
            Some(shown) => shown_of(&resource, shown),
            None => resource,
        };
        for target in &self.hidden {
            hide(&mut resource, target);
        }
        resource
    }
}

fn is_always(path: &Path) -> bool {
    path.attribute.returned == Returned::Always
}

fn shown_of(resource: &Value, shown: &[Target]) -> Value {
    let mut kept = Map::new();
    for always in ["schemas", "id"] {
        if let Some(value) = resource.get(always) {
            kept.insert(always.to_owned(), value.clone());
        }
    }
    for target in shown {
        let path = match target {
            Target::Everything => {
                let members = resource.as_object().into_iter().flatten().filter(|(name, _)| *name != ENTERPRISE);
                kept.extend(members.map(|(name, value)| (name.clone(), value.clone())));
                continue;
            }
            Target::Extension => {
                kept.extend(resource.get(ENTERPRISE).map(|value| (ENTERPRISE.to_owned(), value.clone())));
                continue;
            }
            Target::Attribute(path) => path,
        };
        let Some(value) = path.value(resource) else { continue };
        let value = match path.part {
            None => value.clone(),
            Some(part) => match parts(value, part.name) {
                Some(value) => value,
                None => continue,
            },
        };
        let node = if path.is_extension {
            let extension = kept.entry(ENTERPRISE).or_insert_with(|| Value::Object(Map::new()));
            extension.as_object_mut().expect("the extension is an object")
        } else {
            &mut kept
        };
        match node.get_mut(path.attribute.name) {
            Some(before) => merge(before, value),
            None => _ = node.insert(path.attribute.name.to_owned(), value),
        }
    }
    Value::Object(kept)
}

/// One part of a value, or of each of several.
fn parts(value: &Value, part: &str) -> Option<Value> {
    match value {
        Value::Array(items) => {
            let one = |item: &Value| parts(item, part).unwrap_or_else(|| Value::Object(Map::new()));
            Some(Value::Array(items.iter().map(one).collect()))
        }
        value => Some(Value::Object(Map::from_iter([(part.to_owned(), value.get(part)?.clone())]))),
    }
}

fn merge(before: &mut Value, more: Value) {
    match (before, more) {
        (Value::Object(before), Value::Object(more)) => before.extend(more),
        (Value::Array(before), Value::Array(more)) => {
            for (before, more) in before.iter_mut().zip(more) {
                merge(before, more);
            }
        }
        _ => {}
    }
}

fn hide(resource: &mut Value, target: &Target) {
    let Some(members) = resource.as_object_mut() else { return };
    let path = match target {
        Target::Everything => return,
        Target::Extension => {
            members.remove(ENTERPRISE);
            return;
        }
        Target::Attribute(path) if is_always(path) => return,
        Target::Attribute(path) => path,
    };
    let node = if path.is_extension {
        let Some(Value::Object(extension)) = members.get_mut(ENTERPRISE) else { return };
        extension
    } else {
        members
    };
    match path.part {
        None => _ = node.remove(path.attribute.name),
        Some(part) => match node.get_mut(path.attribute.name) {
            Some(Value::Object(value)) => _ = value.remove(part.name),
            Some(Value::Array(items)) => {
                for item in items.iter_mut().filter_map(Value::as_object_mut) {
                    item.remove(part.name);
                }
            }
            _ => {}
        },
    }
}
