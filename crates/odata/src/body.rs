//! An entity in a JSON request body, checked against its declared type (OData JSON 4.01).
//!
//! Syntax errors end the reading; everything else is collected, so that one answer names every
//! fault. Values whose type is unknown are skipped without being built, so depth and size of a
//! body cost nothing beyond its bytes.

use crate::edm::{ComplexType, EntityType, Model, NavigationProperty, Property, Type};
use crate::fault::{Fault, FaultKind, Faults, excerpt};
use crate::ticks::Ticks;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value that fits its property's declared type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Null.
    Null,
    /// `Edm.String`.
    Text(Box<str>),
    /// `Edm.Boolean`.
    Boolean(bool),
    /// `Edm.DateTimeOffset`.
    DateTimeOffset(Ticks),
    /// The value of an enumeration's member.
    Enum(i32),
    /// Several values.
    Collection(Vec<Value>),
    /// A complex value that was checked and dropped: every one so far is write-only.
    Checked,
}

/// A relation that is set in a body: `impactedUser@odata.bind`.
#[derive(Debug)]
pub struct Binding {
    /// The navigation property.
    pub navigation: &'static NavigationProperty,
    /// The entity it shall lead to, as a URL; `None` for null.
    pub target: Option<String>,
}

/// What a request body says of an entity.
#[derive(Debug)]
pub struct EntityBody {
    /// The type that the set holds.
    pub expected_type: &'static EntityType,
    /// The type that `@odata.type` names, if it is there and known.
    pub declared_type: Option<&'static EntityType>,
    /// Relations that are set.
    pub bindings: Vec<Binding>,
    /// What is wrong.
    pub faults: Faults,
    /// By position; `None` is left out, or faulty.
    values: Vec<Option<Value>>,
    /// By position: whether the name occurred, with whatever value.
    named: Vec<bool>,
    /// By position: whether its value did not fit.
    faulty: Vec<bool>,
}

/// The body is no JSON object at all.
#[derive(Debug, thiserror::Error)]
pub enum SyntaxError {
    /// Nothing was sent.
    #[error("the body is empty; expected a JSON object")]
    Empty,
    /// Not UTF-8.
    #[error("the body is not UTF-8: the byte at offset {at} does not belong there")]
    NotUtf8 {
        /// The first bad byte.
        at: usize,
    },
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object: {0}")]
    Json(#[source] serde_json::Error),
}

/// Reads JSON text from bytes: not empty, UTF-8, without a byte order mark.
pub fn text(bytes: &[u8]) -> Result<&str, SyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|error| SyntaxError::NotUtf8 { at: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() { Err(SyntaxError::Empty) } else { Ok(text) }
}

impl EntityBody {
    /// Reads a body. `expected_type` is the type of the entity set, whose properties the body may
    /// have; `@odata.type` may name it, or one that derives from it.
    pub fn read(bytes: &[u8], model: &Model, expected_type: &'static EntityType) -> Result<Self, SyntaxError> {
        let mut body = Self {
            expected_type,
            declared_type: None,
            bindings: Vec::new(),
            faults: Faults::default(),
            values: vec![None; expected_type.property_count()],
            named: vec![false; expected_type.property_count()],
            faulty: vec![false; expected_type.property_count()],
        };
        let mut json = serde_json::Deserializer::from_str(text(bytes)?);
        json.deserialize_map(EntityVisitor { model, body: &mut body })
            .and_then(|()| json.end())
            .map_err(SyntaxError::Json)?;
        Ok(body)
    }

    /// Takes the value at `position` out; `None` when it was left out, or was faulty.
    pub fn take(&mut self, position: usize) -> Option<Value> {
        self.values.get_mut(position).and_then(Option::take)
    }

    /// Puts a value back.
    pub fn put(&mut self, position: usize, value: Value) {
        self.values[position] = Some(value);
    }

    /// Takes a text out; null counts as left out.
    pub fn take_text(&mut self, position: usize) -> Option<Box<str>> {
        match self.take(position) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Tells whether the property was sent with a value that does not fit, so that it is not
    /// reported as missing too.
    pub fn is_faulty(&self, position: usize) -> bool {
        self.faulty[position]
    }

    /// Tells whether the body says nothing of any property or relation.
    pub fn is_empty(&self) -> bool {
        !self.named.contains(&true) && self.bindings.is_empty()
    }
}

struct EntityVisitor<'b> {
    model: &'b Model,
    body: &'b mut EntityBody,
}

impl<'de> Visitor<'de> for EntityVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let body = self.body;
        let mut others: Vec<String> = Vec::new(); // names seen that are not properties
        while let Some(name) = map.next_key_seed(Text)? {
            if let Some((position, property)) = body.expected_type.property(&name) {
                let duplicate = std::mem::replace(&mut body.named[position], true);
                let seed = ValueSeed { property, ty: &property.ty, path: property.name, faults: &mut body.faults };
                let value = map.next_value_seed(seed)?;
                if duplicate {
                    body.faults.push(duplicate_fault(&name));
                } else {
                    body.faulty[position] = value.is_none();
                    body.values[position] = value;
                }
                continue;
            }
            let lower = name.to_ascii_lowercase();
            if others.contains(&lower) {
                map.next_value::<IgnoredAny>()?;
                body.faults.push(duplicate_fault(&name));
                continue;
            }
            if let Some((path, annotation)) = name.split_once('@') {
                annotation_value(self.model, body, path, annotation, &mut map)?;
            } else {
                map.next_value::<IgnoredAny>()?;
                if !body.expected_type.ignores(&name) {
                    body.faults.push(unknown_fault(body.expected_type, &name));
                }
            }
            if others.len() < Faults::MOST {
                others.push(lower);
            }
        }
        Ok(())
    }
}

/// `@odata.type`, `nav@odata.bind`, and annotations without effect: OData asks readers to pass
/// over annotations that they do not know.
fn annotation_value<'de, A: MapAccess<'de>>(
    model: &Model,
    body: &mut EntityBody,
    path: &str,
    annotation: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    let short = annotation.strip_prefix("odata.").unwrap_or(annotation);
    if path.is_empty() && short.eq_ignore_ascii_case("type") {
        let found = map.next_value_seed(OptionalText)?;
        match found.as_deref().map(|name| (name, model.entity_type(name))) {
            Some((_, Some(ty))) if ty.is(body.expected_type) => body.declared_type = Some(ty),
            found => body.faults.push(Fault::new(
                FaultKind::InvalidType,
                "@odata.type",
                format!(
                    "`@odata.type` is {}; expected `#{}`{}",
                    found.map_or_else(|| "not a string".to_owned(), |(name, _)| excerpt(name)),
                    body.expected_type.qualified_name(),
                    if body.expected_type.base.is_some_and(|base| base.is_abstract) {
                        " or a type derived from it"
                    } else {
                        ""
                    },
                ),
            )),
        }
    } else if short.eq_ignore_ascii_case("bind") {
        let target = map.next_value_seed(OptionalText)?;
        match body.expected_type.navigation(path) {
            Some(navigation) => body.bindings.push(Binding { navigation, target }),
            None => body.faults.push(unknown_fault(body.expected_type, path)),
        }
    } else {
        map.next_value::<IgnoredAny>()?;
        if !path.is_empty()
            && body.expected_type.property(path).is_none()
            && body.expected_type.navigation(path).is_none()
        {
            body.faults.push(unknown_fault(body.expected_type, path));
        }
    }
    Ok(())
}

fn duplicate_fault(name: &str) -> Fault {
    let message = format!("{} occurs more than once (names are compared ignoring case)", excerpt(name));
    Fault::new(FaultKind::DuplicateProperty, excerpt_target(name), message)
}

fn unknown_fault(ty: &EntityType, name: &str) -> Fault {
    let message = match ty.navigation(name) {
        Some(nav) => format!(
            "{} is a relation: set it by `{}@odata.bind`, or through `/{}/$ref`",
            excerpt(name),
            nav.name,
            nav.name
        ),
        None => format!("Property {} is not part of {}.", excerpt(name), ty.qualified_name()),
    };
    Fault::new(FaultKind::InvalidProperty, excerpt_target(name), message)
}

fn excerpt_target(name: &str) -> String {
    name.chars().take(256).collect()
}

/// A key or text, borrowed from the body where it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// A text, or `None` for anything else.
struct OptionalText;

impl<'de> DeserializeSeed<'de> for OptionalText {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        const PLAIN: Property = Property::new("", Type::text(4096), "");
        let mut faults = Faults::default();
        let seed = ValueSeed { property: &PLAIN, ty: &PLAIN.ty, path: "", faults: &mut faults };
        Ok(match seed.deserialize(deserializer)? {
            Some(Value::Text(text)) => Some(text.into()),
            _ => None,
        })
    }
}

/// Reads one value of a declared type; `None` when a fault was noted.
struct ValueSeed<'f> {
    property: &'static Property,
    ty: &'static Type,
    path: &'f str,
    faults: &'f mut Faults,
}

impl ValueSeed<'_> {
    fn fault(&mut self, kind: FaultKind, message: String) -> Option<Value> {
        self.faults.push(Fault::new(kind, self.path, message));
        None
    }

    fn wrong(&mut self, found: &str) -> Option<Value> {
        let found = if self.property.write_only { "something else" } else { found };
        let message = format!("`{}` is {found}; expected {}", self.path, self.ty);
        self.fault(FaultKind::InvalidValue, message)
    }

    fn read_text(&mut self, text: &str) -> Option<Value> {
        match self.ty {
            Type::String { least, most } => {
                if text.contains('\0') {
                    return self.wrong("a string with the character U+0000");
                }
                let length = text.chars().count();
                if length < *least as usize || length > *most as usize {
                    let found = if length == 0 { "empty".to_owned() } else { format!("{length} characters long") };
                    return self.wrong(&found);
                }
                Some(Value::Text(text.into()))
            }
            Type::DateTimeOffset => match text.parse() {
                Ok(ticks) => Some(Value::DateTimeOffset(ticks)),
                Err(error) => {
                    let message = format!("`{}`: {} {error}", self.path, excerpt(text));
                    self.fault(FaultKind::InvalidValue, message)
                }
            },
            Type::Enum(of) => match of.member(text) {
                Some(member) => Some(Value::Enum(member.value)),
                None => self.wrong(&excerpt(text)),
            },
            Type::Boolean | Type::Complex(_) | Type::Collection { .. } => self.wrong("a string"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(mut self, text: &str) -> Result<Self::Value, E> {
        Ok(self.read_text(text))
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<Self::Value, E> {
        Ok(match self.ty {
            Type::Boolean => Some(Value::Boolean(value)),
            _ => self.wrong(if value { "true" } else { "false" }),
        })
    }

    fn visit_unit<E>(mut self) -> Result<Self::Value, E> {
        if self.property.nullable {
            return Ok(Some(Value::Null));
        }
        let message = format!("`{}` is null; expected {}", self.path, self.ty);
        Ok(self.fault(FaultKind::NullValue, message))
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<Self::Value, E> {
        Ok(self.wrong(&format!("the number {value}")))
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<Self::Value, E> {
        Ok(self.wrong(&format!("the number {value}")))
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<Self::Value, E> {
        Ok(self.wrong(&format!("the number {value}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Type::Collection { of, most } = self.ty else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.wrong("an array"));
        };
        let (mut values, mut sound) = (Vec::new(), true);
        while let Some(value) =
            seq.next_element_seed(ValueSeed { property: self.property, ty: of, path: self.path, faults: self.faults })?
        {
            match value {
                Some(value) if values.len() < *most as usize => values.push(value),
                Some(_) => {
                    while seq.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(self.wrong(&format!("an array of more than {most} items")));
                }
                None => sound = false,
            }
        }
        Ok(sound.then_some(Value::Collection(values)))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let Type::Complex(ty) = self.ty else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.wrong("an object"));
        };
        complex_value(ty, self.path, self.faults, map)
    }
}

fn complex_value<'de, A: MapAccess<'de>>(
    ty: &'static ComplexType,
    path: &str,
    faults: &mut Faults,
    mut map: A,
) -> Result<Option<Value>, A::Error> {
    let mut seen = vec![false; ty.properties.len()];
    while let Some(name) = map.next_key_seed(Text)? {
        let Some(at) = ty.properties.iter().position(|p| p.name.eq_ignore_ascii_case(&name)) else {
            map.next_value::<IgnoredAny>()?;
            if !name.contains('@') {
                let message = format!("Property {} is not part of {}.{}.", excerpt(&name), ty.namespace, ty.name);
                faults.push(Fault::new(
                    FaultKind::InvalidProperty,
                    format!("{path}/{}", excerpt_target(&name)),
                    message,
                ));
            }
            continue;
        };
        let property = &ty.properties[at];
        let inner = format!("{path}/{}", property.name);
        map.next_value_seed(ValueSeed { property, ty: &property.ty, path: &inner, faults })?;
        if std::mem::replace(&mut seen[at], true) {
            faults.push(duplicate_fault(&inner));
        }
    }
    Ok(Some(Value::Checked))
}
