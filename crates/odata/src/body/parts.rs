//! Entities that a body brings along, to be part of the entity that it creates (OData protocol 4.01,
//! section 11.4.2.2: deep insert).

use super::{EntityBody, EntityVisitor, Purpose};
use crate::edm::{Model, NavigationProperty};
use crate::fault::{Fault, FaultKind, Faults};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What a body says under the name of a relation to what is part of the entity.
#[derive(Debug)]
pub struct Parts {
    /// The relation.
    pub relation: &'static NavigationProperty,
    /// The entities, in their order; faulty ones too.
    pub items: Vec<EntityBody>,
}

/// Reads the value under a relation's name into the body. Null counts as left out.
pub(super) fn read<'de, A: MapAccess<'de>>(
    model: &Model,
    purpose: Purpose,
    relation: &'static NavigationProperty,
    body: &mut EntityBody,
    map: &mut A,
) -> Result<(), A::Error> {
    if purpose.updates {
        map.next_value::<IgnoredAny>()?;
        body.faults.push_with(|| {
            let name = relation.name;
            let message = format!("`{name}` is not changed with the entity: POST to `/{name}` of it adds to it");
            Fault::new(FaultKind::InvalidProperty, name, message)
        });
        return Ok(());
    }
    let seed = PartsSeed { model, purpose, relation, faults: &mut body.faults };
    if let Some(items) = map.next_value_seed(seed)? {
        body.parts.push(Parts { relation, items });
    }
    Ok(())
}

/// Reads an array of entities.
struct PartsSeed<'f> {
    model: &'f Model,
    purpose: Purpose,
    relation: &'static NavigationProperty,
    faults: &'f mut Faults,
}

impl PartsSeed<'_> {
    fn wrong(self, found: impl fmt::Display) {
        let NavigationProperty { name, most_created, target, .. } = self.relation;
        self.faults.push_with(|| {
            let expected = format!("an array of at most {most_created} objects ({})", target.name);
            let message = format!("`{name}` is {found}; expected {expected}");
            Fault::new(FaultKind::InvalidValue, *name, message)
        });
    }
}

impl<'de> DeserializeSeed<'de> for PartsSeed<'_> {
    type Value = Option<Vec<EntityBody>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PartsSeed<'_> {
    type Value = Option<Vec<EntityBody>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        self.wrong(value);
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        self.wrong("a number");
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        self.wrong("a number");
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        self.wrong("a number");
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        self.wrong("a string");
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.wrong("an object");
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let Self { model, purpose, relation, .. } = self;
        let mut items = Vec::new();
        for at in 0..relation.most_created {
            let mut item = EntityBody::of(relation.target);
            let seed = ItemSeed { model, purpose, body: &mut item };
            let Some(is_object) = seq.next_element_seed(seed)? else { return Ok(Some(items)) };
            let place = format!("{}/{at}", relation.name);
            if is_object {
                self.faults.absorb(&place, std::mem::take(&mut item.faults));
                items.push(item);
            } else {
                self.faults.push_with(|| {
                    let message = format!("`{place}` is not an object; expected one ({})", relation.target.name);
                    Fault::new(FaultKind::InvalidValue, place, message)
                });
            }
        }
        let mut more = 0_u64;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        if more > 0 {
            self.wrong(format_args!("an array of {} items", u64::from(relation.most_created) + more));
        }
        Ok(Some(items))
    }
}

/// Reads one entity; answers whether it is an object.
struct ItemSeed<'b> {
    model: &'b Model,
    purpose: Purpose,
    body: &'b mut EntityBody,
}

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let Self { model, purpose, body } = self;
        EntityVisitor { model, purpose, body }.visit_map(map)?;
        Ok(true)
    }
}
