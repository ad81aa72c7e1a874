//! Values in a body, each read as its declared type.

use super::{Names, Purpose, Text, Value, duplicate_fault, excerpt_target};
use crate::edm::{ComplexType, EnumType, Property, Type};
use crate::fault::{Fault, FaultKind, Faults, excerpt};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads one value of a declared type; `None` when a fault was noted.
pub(super) struct ValueSeed<'f> {
    pub(super) property: &'static Property,
    pub(super) ty: &'static Type,
    pub(super) purpose: Purpose,
    pub(super) path: &'f str,
    pub(super) faults: &'f mut Faults,
}

impl ValueSeed<'_> {
    /// Notes that the value does not fit. `found` is only written if the fault is kept, and never
    /// where it could give away a secret.
    fn wrong(&mut self, found: impl fmt::Display) -> Option<Value> {
        let Self { property, ty, path, faults, .. } = self;
        faults.push_with(|| {
            let message = if property.write_only {
                format!("`{path}` is something else; expected {ty}")
            } else {
                format!("`{path}` is {found}; expected {ty}")
            };
            Fault::new(FaultKind::InvalidValue, *path, message)
        });
        None
    }

    fn read_member(&mut self, of: &'static EnumType, text: &str) -> Option<Value> {
        let Some(member) = of.member(text) else { return self.wrong(excerpt(text)) };
        if of.hides(member.value.into()) && of.mask(self.purpose.enum_members).is_some() {
            let only = "which can be written only with `Prefer: include-unknown-enum-members`";
            return self.wrong(format_args!("{}, {only}", excerpt(text)));
        }
        let is_sentinel = of.sentinel.is_some_and(|sentinel| sentinel.value == member.value && !sentinel.is_creatable);
        // Within a collection, nothing tells which of its items would be left as it is.
        let is_left_alone = self.purpose.updates && std::ptr::eq(self.ty, &raw const self.property.ty);
        if is_sentinel && !is_left_alone {
            return self.wrong(format_args!("{}, which stands for a member that is not known", excerpt(text)));
        }
        Some(Value::Enum(member.value))
    }

    fn read_whole(mut self, value: i128) -> Option<Value> {
        match self.ty {
            Type::Int32 if let Ok(value) = i32::try_from(value) => Some(Value::Int32(value)),
            #[expect(clippy::cast_precision_loss, reason = "a double is as exact as it can be")]
            Type::Double => Some(Value::Double(value as f64)),
            _ => self.wrong(format_args!("the number {value}")),
        }
    }

    fn read_text(&mut self, text: &str) -> Option<Value> {
        match self.ty {
            Type::String { least, most } => {
                if text.contains('\0') {
                    return self.wrong("a string with the character U+0000");
                }
                let length = text.chars().count();
                if length >= *least as usize && length <= *most as usize {
                    return Some(Value::Text(text.into()));
                }
                if length == 0 { self.wrong("empty") } else { self.wrong(format_args!("{length} characters long")) }
            }
            Type::DateTimeOffset => match text.parse() {
                Ok(ticks) => Some(Value::DateTimeOffset(ticks)),
                Err(_) if self.property.write_only => self.wrong(""),
                Err(error) => {
                    let Self { path, faults, .. } = self;
                    faults.push_with(|| {
                        let message = format!("`{path}`: {} {error}", excerpt(text));
                        Fault::new(FaultKind::InvalidValue, *path, message)
                    });
                    None
                }
            },
            Type::Enum(of) => self.read_member(of, text),
            Type::Boolean | Type::Int32 | Type::Double | Type::Complex(_) | Type::Collection { .. } => {
                self.wrong("a string")
            }
        }
    }
}

/// Whether a value is the sentinel of the enumeration that its property is of.
pub(super) fn is_sentinel(ty: &Type, value: &Value) -> bool {
    match (ty, value) {
        (Type::Enum(EnumType { sentinel: Some(sentinel), .. }), Value::Enum(value)) => *value == sentinel.value,
        _ => false,
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

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        if self.property.nullable {
            return Ok(Some(Value::Null));
        }
        let Self { ty, path, faults, .. } = self;
        faults.push_with(|| Fault::new(FaultKind::NullValue, path, format!("`{path}` is null; expected {ty}")));
        Ok(None)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.read_whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(self.read_whole(value.into()))
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<Self::Value, E> {
        Ok(match self.ty {
            Type::Double if value.is_finite() => Some(Value::Double(value)),
            _ => self.wrong(format_args!("the number {value:?}")),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Type::Collection { of, most } = self.ty else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.wrong("an array"));
        };
        let (mut values, mut sound) = (Vec::new(), true);
        for _ in 0..*most {
            let item = ValueSeed { ty: of, faults: self.faults, ..self };
            match seq.next_element_seed(item)? {
                None => return Ok(sound.then_some(Value::Collection(values))),
                Some(None) => sound = false,
                Some(Some(value)) => values.push(value),
            }
        }
        if seq.next_element::<IgnoredAny>()?.is_some() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(self.wrong(format_args!("an array of more than {most} items")));
        }
        Ok(sound.then_some(Value::Collection(values)))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let Type::Complex(ty) = self.ty else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.wrong("an object"));
        };
        complex_value(ty, self.purpose, self.path, self.faults, map)
    }
}

fn complex_value<'de, A: MapAccess<'de>>(
    ty: &'static ComplexType,
    purpose: Purpose,
    path: &str,
    faults: &mut Faults,
    mut map: A,
) -> Result<Option<Value>, A::Error> {
    let mut seen = vec![false; ty.properties.len()];
    let mut others = Names::default();
    while let Some(name) = map.next_key_seed(Text)? {
        let Some(at) = ty.properties.iter().position(|p| p.name.eq_ignore_ascii_case(&name)) else {
            map.next_value::<IgnoredAny>()?;
            let at = || format!("{path}/{}", excerpt_target(&name));
            if others.is_repeated(name.clone(), faults) {
                faults.push_with(|| duplicate_fault(&at()));
            } else if !name.contains('@') {
                faults.push_with(|| {
                    let message = format!("Property {} is not part of {}.{}.", excerpt(&name), ty.namespace, ty.name);
                    Fault::new(FaultKind::InvalidProperty, at(), message)
                });
            }
            continue;
        };
        let property = &ty.properties[at];
        let inner = format!("{path}/{}", property.name);
        map.next_value_seed(ValueSeed { property, ty: &property.ty, purpose, path: &inner, faults })?;
        if std::mem::replace(&mut seen[at], true) {
            faults.push_with(|| duplicate_fault(&inner));
        }
    }
    Ok(Some(Value::Checked))
}
