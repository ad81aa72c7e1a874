//! Names of attributes in filters, paths and lists: resolved against the [schema](super::schema) at once.

use super::schema::{self, Attribute, ENTERPRISE, Kind, USER};
use serde_json::Value;

/// What a name leads to.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Whether it lies in the enterprise's extension.
    pub is_extension: bool,
    /// The attribute.
    pub attribute: &'static Attribute,
    /// A part of it.
    pub part: Option<&'static Attribute>,
}

/// What a name may lead to where a whole extension may be meant.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// An attribute, or a part of one.
    Attribute(Path),
    /// Everything of the enterprise's extension.
    Extension,
    /// Everything of the user itself.
    Everything,
}

impl Path {
    /// Resolves `userName`, `name.givenName`, or either behind the name of its schema and a colon; `None` when there is
    /// nothing with this name.
    pub fn resolve(text: &str) -> Option<Self> {
        match Target::resolve(text)? {
            Target::Attribute(path) => Some(path),
            Target::Extension | Target::Everything => None,
        }
    }

    /// The attribute or part whose values are meant.
    pub fn leaf(&self) -> &'static Attribute {
        self.part.unwrap_or(self.attribute)
    }

    /// The attribute that values of it are compared by: of a group with a value, that.
    pub fn compared(&self) -> &'static Attribute {
        let leaf = self.leaf();
        if leaf.kind == Kind::Complex { leaf.part("value").unwrap_or(leaf) } else { leaf }
    }

    /// Whether it is the attribute with this name, or a part of it.
    pub fn is(&self, attribute: &str) -> bool {
        !self.is_extension && self.attribute.name == attribute
    }

    /// The attribute's value in a resource.
    pub fn value<'v>(&self, resource: &'v Value) -> Option<&'v Value> {
        let node = if self.is_extension { resource.get(ENTERPRISE)? } else { resource };
        node.get(self.attribute.name)
    }

    /// The values that are compared.
    pub fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let Some(value) = self.value(resource) else { return Vec::new() };
        let single = std::slice::from_ref(value);
        let items = value.as_array().map_or(single, Vec::as_slice);
        let part = match (self.part, self.attribute.kind) {
            (Some(part), _) => Some(part.name),
            (None, Kind::Complex) => self.attribute.part("value").map(|part| part.name),
            (None, _) => None,
        };
        items.iter().filter_map(|item| part.map_or(Some(item), |part| item.get(part))).collect()
    }
}

impl Target {
    /// Resolves a name. Names are ASCII and compared ignoring case (RFC 7643, section 2.1).
    pub fn resolve(text: &str) -> Option<Self> {
        let below = |schema: &str| {
            let (head, rest) = text.split_at_checked(schema.len())?;
            head.eq_ignore_ascii_case(schema).then_some(rest)
        };
        let (is_extension, name) = if let Some(rest) = below(ENTERPRISE) {
            if rest.is_empty() {
                return Some(Self::Extension);
            }
            (true, rest.strip_prefix(':').or_else(|| rest.strip_prefix('.'))?)
        } else if let Some(rest) = below(USER) {
            if rest.is_empty() {
                return Some(Self::Everything);
            }
            (false, rest.strip_prefix(':').or_else(|| rest.strip_prefix('.'))?)
        } else {
            (false, text)
        };
        let (name, part) = name.split_once('.').map_or((name, None), |(name, part)| (name, Some(part)));
        let attribute = schema::find(is_extension, name)?;
        let part = match part {
            None => None,
            Some(_) if !attribute.kept => None, // nothing is kept of it, whatever the part is called
            Some(part) => Some(attribute.part(part)?),
        };
        Some(Self::Attribute(Path { is_extension, attribute, part }))
    }
}
