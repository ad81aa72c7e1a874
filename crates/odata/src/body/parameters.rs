//! The parameters of an action, in the body of the request that runs it (OData JSON 4.01, section 17).

use super::{Names, Purpose, SyntaxError, Text, Value, ValueSeed, duplicate_fault, excerpt_target, text};
use crate::edm::{EnumMembers, Operation};
use crate::fault::{Fault, FaultKind, Faults, excerpt};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Unexpected, Visitor};
use std::fmt;

/// What the body of a request says of an action's parameters.
#[derive(Debug)]
pub struct Parameters {
    /// The action.
    pub operation: &'static Operation,
    /// What is wrong.
    pub faults: Faults,
    /// By position; `None` is left out, or faulty.
    values: Vec<Option<Value>>,
    /// By position: whether the name occurred, with whatever value.
    named: Vec<bool>,
}

impl Parameters {
    /// Reads a body; an empty one says as much as `{}`. Names ignore case; annotations are passed over.
    /// `told` are the members of evolvable enumerations that the client may name.
    pub fn read(bytes: &[u8], operation: &'static Operation, told: EnumMembers) -> Result<Self, SyntaxError> {
        let count = operation.parameters.len();
        let faults = Faults::default();
        let mut read = Self { operation, faults, values: vec![None; count], named: vec![false; count] };
        let body = match text(bytes) {
            Err(SyntaxError::Empty) => "{}",
            other => other?,
        };
        let purpose = Purpose { enum_members: told, ..Purpose::CREATE };
        let mut json = serde_json::Deserializer::from_str(body);
        json.deserialize_any(ParametersVisitor { purpose, read: &mut read })
            .and_then(|()| json.end())
            .map_err(SyntaxError::Json)?;
        for (parameter, _) in operation.parameters.iter().zip(&read.named).filter(|(_, named)| !**named) {
            if !parameter.nullable {
                read.faults.push_with(|| Fault::missing(parameter.name));
            }
        }
        Ok(read)
    }

    /// Takes the value of a parameter out; `None` when it was left out, or was faulty.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.operation.parameters.iter().position(|parameter| parameter.name == name)?;
        self.values[at].take()
    }

    /// Takes the texts of a parameter out that is a collection of them; `None` as for [`Self::take`], and
    /// for null.
    pub fn take_texts(&mut self, name: &str) -> Option<Vec<Box<str>>> {
        let Value::Collection(values) = self.take(name)? else { return None };
        let texts = values.into_iter().filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        Some(texts.collect())
    }
}

struct ParametersVisitor<'r> {
    purpose: Purpose,
    read: &'r mut Parameters,
}

impl<'de> Visitor<'de> for ParametersVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// The default would repeat the whole text in the error.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { purpose, read } = self;
        let Parameters { operation, faults, values, named } = read;
        let mut others = Names::default();
        while let Some(name) = map.next_key_seed(Text)? {
            let known = operation.parameters.iter().position(|it| it.name.eq_ignore_ascii_case(&name));
            let Some(position) = known else {
                map.next_value::<IgnoredAny>()?;
                if others.is_repeated(name.clone(), faults) {
                    faults.push_with(|| duplicate_fault(&name));
                } else if !name.contains('@') {
                    faults.push_with(|| unknown_fault(operation, &name));
                }
                continue;
            };
            let property = &operation.parameters[position];
            let value =
                map.next_value_seed(ValueSeed { property, ty: &property.ty, purpose, path: property.name, faults })?;
            if std::mem::replace(&mut named[position], true) {
                faults.push_with(|| duplicate_fault(&name));
            } else {
                values[position] = value;
            }
        }
        Ok(())
    }
}

fn unknown_fault(operation: &Operation, name: &str) -> Fault {
    let (found, namespace) = (excerpt(name), operation.namespace);
    let message = format!("Parameter {found} is not part of {namespace}.{}.", operation.name);
    Fault::new(FaultKind::InvalidProperty, excerpt_target(name), message)
}
