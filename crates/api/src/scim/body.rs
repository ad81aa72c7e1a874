//! Bodies: JSON into the canonical form of a user, by the [schema](super::schema): names spelt as declared, values of
//! the declared kinds, and nothing that is not kept. A password is taken out, and what held it is wiped.

use super::error::{ScimError, ScimType};
use super::path::Path;
use super::schema::{
    ADMINISTRATORS, ATTRIBUTES, Attribute, COMMON, ENTERPRISE, ENTERPRISE_ATTRIBUTES, Kind, Mutability,
};
use bytes::Bytes;
use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

/// The most values of an attribute with several.
const MOST_VALUES: usize = 100;

/// A JSON value that may hold a password: its texts are wiped when it is dropped.
pub struct Wiped(pub Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        _ => {}
    }
}

impl Wiped {
    /// Reads a body, and wipes its bytes as far as nobody else holds them.
    pub fn read(bytes: Bytes) -> Result<Self, ScimError> {
        let read = serde_json::from_slice(&bytes);
        if let Ok(mut bytes) = bytes.try_into_mut() {
            bytes.as_mut().zeroize();
        }
        match read {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            Ok(mut value) => {
                wipe(&mut value);
                Err(ScimError::of(ScimType::InvalidSyntax, "the body is no JSON object"))
            }
            // Its message holds a place and no value.
            Err(error) if error.is_data() => Err(ScimError::of(ScimType::InvalidSyntax, "the body is no JSON")),
            Err(error) => Err(ScimError::of(ScimType::InvalidSyntax, format!("the body is no JSON: {error}"))),
        }
    }

    /// Takes a member out, however its name is spelt.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        take(self.0.as_object_mut()?, name)
    }

    /// Takes a member out that is a text.
    pub fn take_text(&mut self, name: &str) -> Result<Option<String>, ScimError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(mut other) => {
                wipe(&mut other);
                Err(ScimError::of(ScimType::InvalidSyntax, format!("{name} is no text")))
            }
        }
    }
}

/// Takes a member out of an object, however its name is spelt.
pub fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = members.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    members.remove(&key)
}

/// A user as a client tells of them: what it may write, in the canonical form.
#[derive(Default)]
pub struct Draft {
    /// The attributes.
    pub resource: Map<String, Value>,
    /// The password.
    pub password: Option<Zeroizing<String>>,
}

impl Draft {
    /// Reads the body of POST and PUT. What is not known, not kept or not the client's to write is passed over
    /// (RFC 7644, sections 3.3 and 3.5.1).
    pub fn read(mut body: Wiped) -> Result<Self, ScimError> {
        let mut draft = Self::default();
        let Some(members) = body.0.as_object_mut() else { return Ok(draft) };
        for attribute in ATTRIBUTES.iter().chain(&COMMON).filter(|attribute| attribute.kept) {
            if let Some(value) = take(members, attribute.name) {
                draft.set(Path { is_extension: false, attribute, part: None }, value)?;
            }
        }
        if let Some(Value::Object(mut extension)) = take(members, ENTERPRISE) {
            for attribute in ENTERPRISE_ATTRIBUTES.iter().filter(|attribute| attribute.kept) {
                if let Some(value) = take(&mut extension, attribute.name) {
                    draft.set(Path { is_extension: true, attribute, part: None }, value)?;
                }
            }
        }
        Ok(draft)
    }

    /// Puts a value in the place of an attribute, as a whole.
    pub fn set(&mut self, path: Path, mut value: Value) -> Result<(), ScimError> {
        let attribute = path.attribute;
        if attribute.mutability == Mutability::ReadOnly || !attribute.kept {
            wipe(&mut value);
            return Ok(());
        }
        if attribute.mutability == Mutability::WriteOnly {
            self.password = match value {
                Value::Null => None,
                Value::String(text) => Some(Zeroizing::new(text)).filter(|text| !text.is_empty()),
                mut other => {
                    wipe(&mut other);
                    return Err(ScimError::of(ScimType::InvalidValue, "password is no text"));
                }
            };
            return Ok(());
        }
        let value = coerced(attribute, value)?;
        let node = self.node(path.is_extension);
        match value {
            Some(value) => _ = node.insert(attribute.name.to_owned(), value),
            None => _ = node.remove(attribute.name),
        }
        Ok(())
    }

    /// The attributes of users, or of the extension.
    pub fn node(&mut self, is_extension: bool) -> &mut Map<String, Value> {
        if !is_extension {
            return &mut self.resource;
        }
        let extension = self.resource.entry(ENTERPRISE).or_insert_with(|| Value::Object(Map::new()));
        if !extension.is_object() {
            *extension = Value::Object(Map::new());
        }
        extension.as_object_mut().expect("it has just been made one")
    }

    /// The text of an attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        let path = Path::resolve(name)?;
        let node = if path.is_extension { self.resource.get(ENTERPRISE)?.as_object()? } else { &self.resource };
        let value = node.get(path.attribute.name)?;
        path.part.map_or(Some(value), |part| value.get(part.name))?.as_str()
    }
}

fn wrong(attribute: &Attribute, expected: &str) -> ScimError {
    ScimError::of(ScimType::InvalidValue, format!("{}: expected {expected}", attribute.name))
}

/// A value as an attribute holds it; `None` where it comes to none (RFC 7643, section 2.5).
pub fn coerced(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.several {
        return item(attribute, value);
    }
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        one => vec![one],
    };
    if items.len() > MOST_VALUES {
        return Err(wrong(attribute, &format!("{MOST_VALUES} values at most")));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for value in items {
        kept.extend(item(attribute, value)?.filter(|value| !kept.contains(value)));
    }
    if kept.iter().filter(|value| is_primary(value)).count() > 1 {
        return Err(wrong(attribute, "one primary value at most"));
    }
    Ok((!kept.is_empty()).then_some(Value::Array(kept)))
}

/// Whether a value says that it is the primary one.
pub fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

/// One value.
pub fn item(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    let value = unwrapped(attribute, value);
    Ok(match (attribute.kind, value) {
        (_, Value::Null) => None,
        (Kind::Complex, Value::Object(members)) => parts(attribute, members)?,
        // Some clients write a role as a text alone.
        (Kind::Complex, Value::String(text)) if attribute.part("value").is_some() => {
            parts(attribute, Map::from_iter([("value".to_owned(), Value::String(text))]))?
        }
        (Kind::Complex, _) => return Err(wrong(attribute, "an object")),
        (Kind::Boolean, Value::Bool(value)) => Some(Value::Bool(value)),
        // Entra writes truth values as texts.
        (Kind::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "" => None,
            _ => return Err(wrong(attribute, "true or false")),
        },
        (Kind::Boolean, _) => return Err(wrong(attribute, "true or false")),
        (_, Value::String(text)) if text.is_empty() => None,
        (_, Value::String(text)) if text.chars().any(char::is_control) => {
            return Err(wrong(attribute, "a text without control characters"));
        }
        (_, Value::String(text)) => Some(Value::String(text)),
        _ => return Err(wrong(attribute, "a text")),
    })
}

/// A single value that a client has put into a list, or into an object with a member `value`.
fn unwrapped(attribute: &Attribute, value: Value) -> Value {
    if attribute.kind == Kind::Complex {
        return value;
    }
    match value {
        Value::Array(mut items) if items.len() == 1 => unwrapped(attribute, items.remove(0)),
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(mut members) if members.contains_key("value") => members.remove("value").unwrap_or_default(),
        other => other,
    }
}

fn parts(attribute: &'static Attribute, mut members: Map<String, Value>) -> Result<Option<Value>, ScimError> {
    let is_administrator = attribute.name == "roles" && is_administrator(&members);
    let mut kept = Map::new();
    for part in attribute.parts.iter().filter(|part| part.kept && part.mutability != Mutability::ReadOnly) {
        let Some(value) = take(&mut members, part.name) else { continue };
        if let Some(value) = item(part, value)? {
            kept.insert(part.name.to_owned(), value);
        }
    }
    if is_administrator {
        kept.insert("value".to_owned(), ADMINISTRATORS[0].into());
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// Whether a role says that its user administers something: by its value, what is shown of it, or its type.
pub fn is_administrator(role: &Map<String, Value>) -> bool {
    let says = |value: &Value| {
        value.as_str().is_some_and(|text| ADMINISTRATORS.iter().any(|name| text.trim().eq_ignore_ascii_case(name)))
    };
    let told = |name: &&str| role.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && says(value));
    ["value", "display", "type"].iter().any(told)
}
