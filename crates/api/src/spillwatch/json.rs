//! JSON of bodies that may hold passwords: an error never quotes a value, and texts are wiped.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use zeroize::Zeroizing;

/// Items of a list that are kept: one more than pairs at most, by which too many are told.
const MOST_ITEMS: usize = service::checks::MOST_PAIRS + 1;
/// Members of an object that are kept.
const MOST_MEMBERS: usize = 16;
/// How deep anything is looked at: an object, a list in it, objects in that, and their values.
const DEPTH: u8 = 3;

/// A value, as far as it is looked at. It has no `Debug` on purpose.
pub(super) enum Node {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number, of which nothing needs to be known.
    Number,
    /// A text.
    Text(Zeroizing<String>),
    /// The first items of a list.
    List(Vec<Node>),
    /// The first members of an object, with repeated ones.
    Object(Vec<(String, Node)>),
    /// A list or an object where neither belongs.
    Deeper,
}

impl Node {
    /// What it is, for people: never its value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Deeper => "a list or an object",
        }
    }
}

/// Reads a whole text. The error tells a place, and nothing of what stands there.
pub(super) fn read(text: &[u8]) -> Result<Node, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let node = Seed(0).deserialize(&mut reader)?;
    reader.end()?;
    Ok(node)
}

#[derive(Clone, Copy)]
struct Seed(u8);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut kept = Vec::new();
        while self.0 < DEPTH && kept.len() < MOST_ITEMS {
            match items.next_element_seed(Seed(self.0 + 1))? {
                Some(item) => kept.push(item),
                None => return Ok(Node::List(kept)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(if self.0 < DEPTH { Node::List(kept) } else { Node::Deeper })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut kept = Vec::new();
        while self.0 < DEPTH && kept.len() < MOST_MEMBERS {
            match members.next_key::<String>()? {
                Some(name) => kept.push((name, members.next_value_seed(Seed(self.0 + 1))?)),
                None => return Ok(Node::Object(kept)),
            }
        }
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(if self.0 < DEPTH { Node::Object(kept) } else { Node::Deeper })
    }
}
