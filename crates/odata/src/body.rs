//! An entity in a JSON request body, checked against its declared type (OData JSON 4.01).
//!
//! Syntax errors end the reading; everything else is collected, so that one answer names every
//! fault. Values whose type is unknown are skipped without being built, so depth and size of a
//! body cost nothing beyond its bytes.

mod parameters;
mod parts;
mod value;

pub use parameters::Parameters;
pub use parts::Parts;

use crate::edm::{EntityType, EnumMembers, Model, NavigationProperty, Property, Type};
use crate::fault::{Fault, FaultKind, Faults, excerpt};
use crate::ticks::Ticks;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Unexpected, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use value::{ValueSeed, is_sentinel};

/// A value that fits its property's declared type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// `Edm.String`.
    Text(Box<str>),
    /// `Edm.Boolean`.
    Boolean(bool),
    /// `Edm.Int32`.
    Int32(i32),
    /// `Edm.Double`; finite.
    Double(f64),
    /// `Edm.DateTimeOffset`.
    DateTimeOffset(Ticks),
    /// The value of an enumeration's member.
    Enum(i32),
    /// Several values.
    Collection(Vec<Value>),
    /// A complex value that was checked and dropped: every one that is written so far is write-only.
    Checked,
}

/// What a body is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Whether it changes an entity that there is, rather than making one.
    pub updates: bool,
    /// Which members of evolvable enumerations the client may name.
    pub enum_members: EnumMembers,
}

impl Purpose {
    /// To make an entity.
    pub const CREATE: Self = Self { updates: false, enum_members: EnumMembers::Known };
    /// To change an entity.
    pub const UPDATE: Self = Self { updates: true, enum_members: EnumMembers::Known };
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
    /// What it brings along that is to be part of the entity; their faults are among this body's.
    pub parts: Vec<Parts>,
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
    /// Reads a body that makes an entity. `expected_type` is the type of the entity set, whose
    /// properties the body may have; `@odata.type` may name it, or one that derives from it.
    pub fn read(bytes: &[u8], model: &Model, expected_type: &'static EntityType) -> Result<Self, SyntaxError> {
        Self::read_for(Purpose::CREATE, bytes, model, expected_type)
    }

    /// Reads a body for a purpose. The sentinel of an evolvable enumeration, which stands for a value
    /// that the client does not know, leaves a property as it is in an update, and is a fault where an
    /// entity is made (Microsoft's guideline, "evolvable enums").
    pub fn read_for(
        purpose: Purpose,
        bytes: &[u8],
        model: &Model,
        expected_type: &'static EntityType,
    ) -> Result<Self, SyntaxError> {
        let mut body = Self::of(expected_type);
        let mut json = serde_json::Deserializer::from_str(text(bytes)?);
        json.deserialize_any(EntityVisitor { model, purpose, body: &mut body })
            .and_then(|()| json.end())
            .map_err(SyntaxError::Json)?;
        Ok(body)
    }

    /// A body that says nothing.
    fn of(expected_type: &'static EntityType) -> Self {
        Self {
            expected_type,
            declared_type: None,
            bindings: Vec::new(),
            parts: Vec::new(),
            faults: Faults::default(),
            values: vec![None; expected_type.property_count()],
            named: vec![false; expected_type.property_count()],
            faulty: vec![false; expected_type.property_count()],
        }
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

    /// Notes that the value at `position` does not fit for a reason that its type does not tell.
    pub fn refuse(&mut self, position: usize, fault: Fault) {
        self.faulty[position] = true;
        self.faults.push(fault);
    }

    /// Tells whether the body says nothing of any property or relation.
    pub fn is_empty(&self) -> bool {
        !self.named.contains(&true) && self.bindings.is_empty() && self.parts.is_empty()
    }
}

struct EntityVisitor<'b> {
    model: &'b Model,
    purpose: Purpose,
    body: &'b mut EntityBody,
}

impl<'de> Visitor<'de> for EntityVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// The default would repeat the whole text in the error.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { body, purpose, .. } = self;
        let mut others = Names::default();
        while let Some(name) = map.next_key_seed(Text)? {
            if let Some((position, property)) = body.expected_type.property(&name) {
                let duplicate = std::mem::replace(&mut body.named[position], true);
                let faults = &mut body.faults;
                let seed = ValueSeed { property, ty: &property.ty, purpose, path: property.name, faults };
                let value = map.next_value_seed(seed)?;
                if duplicate {
                    body.faults.push_with(|| duplicate_fault(&name));
                } else {
                    body.faulty[position] = value.is_none();
                    body.values[position] =
                        value.filter(|value| !(purpose.updates && is_sentinel(&property.ty, value)));
                }
            } else if others.is_repeated(name.clone(), &body.faults) {
                map.next_value::<IgnoredAny>()?;
                body.faults.push_with(|| duplicate_fault(&name));
            } else if let Some((path, annotation)) = name.split_once('@') {
                annotation_value(self.model, body, path, annotation, &mut map)?;
            } else if let Some(relation) = body.expected_type.navigation(&name).filter(|it| it.most_created > 0) {
                parts::read(self.model, purpose, relation, body, &mut map)?;
            } else {
                map.next_value::<IgnoredAny>()?;
                if !body.expected_type.ignores(&name) {
                    body.faults.push_with(|| unknown_fault(body.expected_type, &name));
                }
            }
        }
        Ok(())
    }
}

/// Names of one JSON object that are no properties, in the form in which they are compared.
#[derive(Default)]
struct Names<'de>(HashSet<Cow<'de, str>>);

impl<'de> Names<'de> {
    /// Notes a name and tells whether it occurred before. Once no more faults are kept, the body is
    /// refused whatever follows, so nothing more is remembered.
    fn is_repeated(&mut self, name: Cow<'de, str>, faults: &Faults) -> bool {
        !faults.is_full() && !self.0.insert(comparable(name))
    }
}

/// A name in lower case, without the `odata.` that an annotation's name may have or not (OData JSON
/// 4.01, section 4.6). Borrowed where it can be: a body may hold a name for every few bytes.
fn comparable(name: Cow<'_, str>) -> Cow<'_, str> {
    if let Some((path, annotation)) = name.split_once('@')
        && short_annotation(annotation) != annotation
    {
        return Cow::Owned(format!("{path}@{}", short_annotation(annotation)).to_ascii_lowercase());
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    name
}

/// An annotation's name without `odata.`, in whatever case that is.
fn short_annotation(name: &str) -> &str {
    const PREFIX: &str = "odata.";
    match name.split_at_checked(PREFIX.len()) {
        Some((prefix, short)) if prefix.eq_ignore_ascii_case(PREFIX) => short,
        _ => name,
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
    let short = short_annotation(annotation);
    let ty = body.expected_type;
    if path.is_empty() && short.eq_ignore_ascii_case("type") {
        let found = map.next_value_seed(AnnotationValue)?;
        let named = match &found {
            Annotated::Text(name) => model.entity_type(name),
            Annotated::Null | Annotated::Other => None,
        };
        match named.filter(|named| named.is(ty)) {
            Some(named) => body.declared_type = Some(named),
            None => body.faults.push_with(|| type_fault(model, ty, &found)),
        }
    } else if short.eq_ignore_ascii_case("bind") {
        match (ty.navigation(path), map.next_value_seed(AnnotationValue)?) {
            (Some(navigation), _) if !navigation.is_settable() => {
                body.faults.push_with(|| unknown_fault(ty, navigation.name));
            }
            (Some(navigation), Annotated::Text(target)) => {
                body.bindings.push(Binding { navigation, target: Some(target) });
            }
            (Some(navigation), Annotated::Null) => body.bindings.push(Binding { navigation, target: None }),
            (Some(navigation), Annotated::Other) => body.faults.push_with(|| {
                let target = format!("{}@odata.bind", navigation.name);
                let message = format!("`{target}` is not a URL of at most {ANNOTATION_LENGTH} characters, nor null");
                Fault::new(FaultKind::InvalidValue, target, message)
            }),
            (None, _) => body.faults.push_with(|| match ty.property(path) {
                Some((_, property)) => {
                    let message = format!("`{}` is not a relation: send its value itself", property.name);
                    Fault::new(FaultKind::InvalidProperty, format!("{}@odata.bind", property.name), message)
                }
                None => unknown_fault(ty, path),
            }),
        }
    } else {
        map.next_value::<IgnoredAny>()?;
        let known = path.is_empty() || ty.property(path).is_some() || ty.navigation(path).is_some() || ty.ignores(path);
        if !known {
            body.faults.push_with(|| unknown_fault(ty, path));
        }
    }
    Ok(())
}

fn type_fault(model: &Model, expected: &EntityType, found: &Annotated) -> Fault {
    let found = match found {
        Annotated::Text(name) => excerpt(name),
        Annotated::Null => "null".to_owned(),
        Annotated::Other => "not a type's name".to_owned(),
    };
    let has_derived = model.entity_types.iter().any(|ty| ty.is(expected) && !std::ptr::eq(*ty, expected));
    let derived = if has_derived { " or a type derived from it" } else { "" };
    let message = format!("`@odata.type` is {found}; expected `#{}`{derived}", expected.qualified_name());
    Fault::new(FaultKind::InvalidType, "@odata.type", message)
}

fn duplicate_fault(name: &str) -> Fault {
    let message = format!("{} occurs more than once (names are compared ignoring case)", excerpt(name));
    Fault::new(FaultKind::DuplicateProperty, excerpt_target(name), message)
}

fn unknown_fault(ty: &EntityType, name: &str) -> Fault {
    let message = match ty.navigation(name) {
        Some(nav) if !nav.is_settable() => {
            format!("{} is what belongs to the entity, and not set by its body", excerpt(name))
        }
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

/// The most characters of an annotation's value that is looked at.
pub(crate) const ANNOTATION_LENGTH: u32 = 4096;

/// The value of an annotation that has an effect.
enum Annotated {
    Text(String),
    Null,
    /// Of another kind, or too long.
    Other,
}

/// Reads the value of an annotation, of whatever kind it is.
struct AnnotationValue;

impl<'de> DeserializeSeed<'de> for AnnotationValue {
    type Value = Annotated;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        const PLAIN: Property = Property::new("", Type::text(ANNOTATION_LENGTH), "").nullable();
        let mut faults = Faults::default();
        let seed =
            ValueSeed { property: &PLAIN, ty: &PLAIN.ty, purpose: Purpose::CREATE, path: "", faults: &mut faults };
        Ok(match seed.deserialize(deserializer)? {
            Some(Value::Text(text)) => Annotated::Text(text.into()),
            Some(Value::Null) => Annotated::Null,
            _ => Annotated::Other,
        })
    }
}
