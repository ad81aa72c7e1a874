//! The members of one JSON object, each taken by its name and type.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Summary;
use crate::error::Reason;

/// The members of an object; the values are still text.
///
/// Names are compared in any case, as SCIM asks for (RFC 7643, 2.1).
pub(crate) struct Members<'a> {
    list: Vec<Member<'a>>,
}

struct Member<'a> {
    name: String,
    value: &'a RawValue,
    used: Cell<bool>,
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    list.push(Member { name, value, used: Cell::new(false) });
                }
                Ok(Members { list })
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

impl<'a> Members<'a> {
    /// Reads an object; the parser's own message is not passed on, since it may show a value.
    pub(crate) fn parse(entry: &'a [u8]) -> Result<Self, Reason> {
        let text = std::str::from_utf8(entry).map_err(|_| Reason::NotUtf8 { what: "entry" })?;
        serde_json::from_str(text).map_err(|_| Reason::malformed("entry", kind_or_broken(text), "a JSON object"))
    }

    fn of(name: &'static str, value: &'a RawValue) -> Result<Self, Reason> {
        serde_json::from_str(value.get()).map_err(|_| Reason::malformed(name, kind(value.get()), "an object"))
    }

    /// Returns a member that is there and not `null`.
    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let member = self.list.iter().find(|member| member.name.eq_ignore_ascii_case(name))?;
        member.used.set(true);
        (member.value.get() != "null").then_some(member.value)
    }

    /// Whether a member is there and not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Takes members as seen that say nothing of a user.
    pub(crate) fn pass(&self, names: &[&str]) {
        for name in names {
            self.raw(name);
        }
    }

    /// Returns a text that is not blank.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<String>, Reason> {
        self.raw(name).map_or(Ok(None), |value| text_of(name, value))
    }

    /// Returns a text or a number, as an identifier may be either.
    pub(crate) fn key(&self, name: &'static str) -> Result<Option<String>, Reason> {
        match self.raw(name) {
            Some(value) if kind(value.get()) == "a number" => Ok(Some(value.get().to_owned())),
            _ => self.text(name),
        }
    }

    pub(crate) fn truth(&self, name: &'static str) -> Result<Option<bool>, Reason> {
        match self.raw(name).map(RawValue::get) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Reason::malformed(name, kind(other), "true or false")),
        }
    }

    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Self>, Reason> {
        self.raw(name).map(|value| Self::of(name, value)).transpose()
    }

    /// Returns the texts of a list of texts, without blank ones.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Vec<String>, Reason> {
        let texts = self.items(name)?.into_iter().map(|value| text_of(name, value));
        texts.filter_map(Result::transpose).collect()
    }

    /// Returns the objects of a list, each with its own text.
    pub(crate) fn objects(&self, name: &'static str) -> Result<Vec<(Self, &'a str)>, Reason> {
        self.items(name)?.into_iter().map(|value| Ok((Self::of(name, value)?, value.get()))).collect()
    }

    fn items(&self, name: &'static str) -> Result<Vec<&'a RawValue>, Reason> {
        let Some(value) = self.raw(name) else { return Ok(Vec::new()) };
        serde_json::from_str(value.get()).map_err(|_| Reason::malformed(name, kind(value.get()), "a list"))
    }

    /// Names what was not asked for.
    pub(crate) fn ignore_rest(&self, of: &str, summary: &mut Summary) {
        for member in self.list.iter().filter(|member| !member.used.get()) {
            summary.ignore(&format!("{of}{}", member.name));
        }
    }
}

fn text_of(name: &'static str, value: &RawValue) -> Result<Option<String>, Reason> {
    let text: Result<String, _> = serde_json::from_str(value.get());
    let text = text.map_err(|_| Reason::malformed(name, kind(value.get()), "a text"))?;
    Ok(if text.trim().is_empty() { None } else { Some(text) })
}

/// Says what kind of value a JSON text is.
fn kind(json: &str) -> &'static str {
    match json.bytes().next() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a truth value",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

fn kind_or_broken(json: &str) -> &'static str {
    if json.starts_with('{') { "broken JSON" } else { kind(json) }
}
