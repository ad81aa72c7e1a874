//! Entities as JSON, written straight from borrowed cells (OData JSON 4.01, sections 4 to 7).

mod value;

pub use value::{count_values, write_property, write_text};

use crate::edm::{EntityType, EnumMembers, NavigationProperty, Property, Type};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use value::{close, write_cell, write_type};

/// One value of a row, as a store keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Null.
    Null,
    /// A boolean (0 or 1), a whole number, an enumeration's value, or ticks; the property's type says which.
    Integer(i64),
    /// A number with a fraction; one that is not finite counts as damaged.
    Double(f64),
    /// A text; for a collection, the JSON array.
    Text(&'a str),
    /// A structured value, of the complex type that the property has.
    Complex(&'a dyn Parts),
    /// What the store holds is no value at all: refused when it is written.
    Damaged,
}

/// The values of a structured value. It is told apart by where it is, not by what it holds.
pub trait Parts {
    /// The value of the property at `position` of the complex type.
    fn cell(&self, position: usize) -> Cell<'_>;
}

impl fmt::Debug for dyn Parts + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

impl PartialEq for dyn Parts + '_ {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self, other)
    }
}

/// An entity that can be written.
pub trait Row {
    /// The value of the property at `position` of the entity type.
    fn cell(&self, position: usize) -> Cell<'_>;
    /// The entity's own type, which may derive from the set's.
    fn entity_type(&self) -> &'static EntityType;
    /// The number that changes with the entity; its ETag.
    fn version(&self) -> u64;
    /// Every property of the type as JSON members, in the order of their positions, as
    /// [`Encoder::members`] writes them with [`EnumMembers::All`]; `None` where a store does not keep them
    /// rendered.
    fn members(&self) -> Option<&str> {
        None
    }
    /// Writes the properties at these positions to the end of `out` as [`Encoder::members`] does for a client that is told
    /// of these members of enumerations, where they are at hand rendered. Else it answers `false`, and has written nothing.
    fn write_members(&self, positions: &[usize], told: EnumMembers, out: &mut Vec<u8>) -> bool {
        let _ = (positions, told, out);
        false
    }
    /// The entity that a relation leads to, when it leads to one and the row was read with it.
    fn related(&self, navigation: &NavigationProperty) -> Option<&dyn Row> {
        let _ = navigation;
        None
    }
}

/// How much control information a payload carries (`odata.metadata` in `Accept`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// What clients need to follow links and tell types.
    #[default]
    Minimal,
    /// Everything that could be worked out from the model: types, ids and links.
    Full,
    /// Only links and counts.
    None,
}

/// Makes the ETag of a version: weak, since the same version can be written in several forms.
pub fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// A cell does not hold what its property's type says: the store is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the stored value of `{property}` is not {expected}")]
pub struct CellError {
    /// The property.
    pub property: &'static str,
    /// What its type wants.
    pub expected: Type,
}

/// What an encoder needs to know of each answer, prepared once.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// Of all that is written.
    positions: Arc<[usize]>,
    fields: Arc<[Field]>,
    /// What is written after the last of them.
    suffix: Arc<str>,
    metadata: Metadata,
    type_names: Option<TypeNames>,
    /// Whether the fields are all that the type has, in their order.
    is_whole: bool,
    /// Which members of evolvable enumerations it writes by name.
    told: EnumMembers,
    /// Whether a field is of an enumeration of which some members hide.
    hides: bool,
    ty: &'static EntityType,
    expansions: Arc<[(&'static NavigationProperty, Encoder)]>,
    /// Where entities of the set lie, for [`Metadata::Full`]: `https://host/v1.0/users`.
    location: Option<Arc<str>>,
}

/// Says by which name a type is announced in `@odata.type`.
pub type TypeNames = fn(&EntityType) -> Cow<'static, str>;

fn plain_name(ty: &EntityType) -> Cow<'static, str> {
    Cow::Owned(ty.qualified_name())
}

#[derive(Debug)]
struct Field {
    position: usize,
    property: &'static Property,
    /// Everything up to its value: a comma, the properties before it that are the same of every entity, its type where
    /// that is told, `"name":`.
    prefix: Box<str>,
}

impl Encoder {
    /// Prepares the writing of entities of a type with all properties, save those that are
    /// write-only; with `type_names`, each entity announces its type.
    pub fn new(ty: &'static EntityType, metadata: Metadata, type_names: Option<TypeNames>) -> Self {
        let named = ty.all_properties().into_iter().enumerate();
        Self::with_properties(named.map(|(position, _)| position), ty, metadata, type_names)
    }

    /// The same with a choice of properties, by position and in this order.
    pub fn with_properties(
        positions: impl IntoIterator<Item = usize>,
        ty: &'static EntityType,
        metadata: Metadata,
        type_names: Option<TypeNames>,
    ) -> Self {
        let all = ty.all_properties();
        let chosen = positions.into_iter().map(|position| (position, all[position]));
        let (mut positions, mut fields, mut text) = (Vec::new(), Vec::new(), Vec::new());
        for (position, property) in chosen.filter(|(_, property)| !property.write_only) {
            positions.push(position);
            if !(fields.is_empty() && text.is_empty()) {
                text.push(b',');
            }
            if metadata == Metadata::Full {
                write_type(property.name, property, &mut text);
            }
            write_string(property.name, &mut text);
            text.push(b':');
            match property.fixed {
                Some(json) => text.extend_from_slice(json.as_bytes()),
                None => {
                    let prefix = String::from_utf8(std::mem::take(&mut text)).expect("it is written of texts");
                    fields.push(Field { position, property, prefix: prefix.into() });
                }
            }
        }
        let suffix = String::from_utf8(text).expect("it is written of texts").into();
        let fields: Arc<[Field]> = fields.into();
        let is_whole = fields.len() == all.len() && fields.iter().enumerate().all(|(at, field)| field.position == at);
        let hides = fields.iter().any(|field| field.property.ty.hides(EnumMembers::Known));
        Self {
            positions: positions.into(),
            fields,
            suffix,
            metadata,
            type_names,
            is_whole,
            told: EnumMembers::Known,
            hides,
            ty,
            expansions: Arc::new([]),
            location: None,
        }
    }

    /// The same, writing what relations lead to within each entity: each relation with the encoder for
    /// what it leads to.
    #[must_use]
    pub fn with_expansions(self, expansions: Vec<(&'static NavigationProperty, Self)>) -> Self {
        Self { expansions: expansions.into(), ..self }
    }

    /// The same, for entities of the set at this URL, which [`Metadata::Full`] writes into ids and links.
    #[must_use]
    pub fn with_location(self, set: &str) -> Self {
        Self { location: Some(set.into()), ..self }
    }

    /// The same, for a client that is told of these members of evolvable enumerations.
    #[must_use]
    pub fn with_enum_members(self, told: EnumMembers) -> Self {
        Self { told, ..self }
    }

    /// Whether rendered members are enough of a row to write it: see [`Row::members`]. They name every
    /// member of an enumeration.
    pub fn takes_members(&self) -> bool {
        self.is_whole && self.metadata != Metadata::Full && !(self.hides && self.told == EnumMembers::Known)
    }

    /// Whether it writes these properties of a type, in this order and without more about each, for clients that are told of
    /// these members of enumerations.
    pub fn writes(&self, ty: &EntityType, positions: &[usize], told: EnumMembers) -> bool {
        let is_plain = self.metadata != Metadata::Full && self.told == told;
        is_plain && std::ptr::eq(self.ty, ty) && *self.positions == *positions
    }

    /// About how many bytes an entity takes, without what its relations lead to: for the room that a page needs.
    pub fn usual_length(&self) -> usize {
        const CONTROL: usize = 120;
        const VALUE: usize = 28;
        let fields = self.fields.iter().map(|field| field.prefix.len() + VALUE);
        CONTROL + self.suffix.len() + fields.sum::<usize>()
    }

    /// Whether rows must carry what their relations lead to.
    pub fn takes_related(&self) -> bool {
        !self.expansions.is_empty()
    }

    /// Whether answers carry contexts, types and ETags.
    pub fn metadata(&self) -> Metadata {
        self.metadata
    }

    /// Writes an entity to the end of `out`, with `@odata.context` where it stands alone. After an
    /// error, `out` ends in a part of it.
    pub fn entity(&self, row: &dyn Row, context: Option<&str>, out: &mut Vec<u8>) -> Result<(), CellError> {
        out.push(b'{');
        if self.metadata != Metadata::None {
            if let Some(context) = context {
                out.extend_from_slice(b"\"@odata.context\":");
                write_string(context, out);
                out.push(b',');
            }
            if let Some(type_name) = self.type_names.or((self.metadata == Metadata::Full).then_some(plain_name)) {
                out.extend_from_slice(b"\"@odata.type\":\"#");
                out.extend_from_slice(type_name(row.entity_type()).as_bytes());
                out.extend_from_slice(b"\",");
            }
            out.extend_from_slice(b"\"@odata.etag\":\"W/\\\"");
            write_integer(row.version(), out);
            out.extend_from_slice(b"\\\"\",");
        }
        if self.metadata == Metadata::Full {
            self.links(row, out);
        }
        match row.members().filter(|_| self.takes_members()) {
            Some(members) => out.extend_from_slice(members.as_bytes()),
            None => self.members(row, out)?,
        }
        for (navigation, encoder) in self.expansions.iter() {
            if !matches!(out.last(), Some(b'{' | b',')) {
                out.push(b',');
            }
            write_string(navigation.name, out);
            out.push(b':');
            match row.related(navigation) {
                Some(related) => encoder.entity(related, None, out)?,
                None => out.extend_from_slice(b"null"),
            }
        }
        close(out);
        Ok(())
    }

    /// Writes the chosen properties as JSON members, without braces, to the end of `out`: what
    /// [`Row::members`] gives back when all are chosen.
    pub fn members(&self, row: &dyn Row, out: &mut Vec<u8>) -> Result<(), CellError> {
        if self.metadata != Metadata::Full && row.write_members(&self.positions, self.told, out) {
            return Ok(());
        }
        for field in &*self.fields {
            out.extend_from_slice(field.prefix.as_bytes());
            write_cell(row.cell(field.position), field.property, self.told, self.metadata, out)?;
        }
        out.extend_from_slice(self.suffix.as_bytes());
        Ok(())
    }

    /// Writes the id and the links of an entity (OData JSON 4.01, sections 4.5.8 to 4.5.10 and 8).
    fn links(&self, row: &dyn Row, out: &mut Vec<u8>) {
        let (Some(location), Some(Cell::Text(id))) = (&self.location, self.id_of(row)) else { return };
        let key = crate::path::encode_segment(&id.replace('\'', "''"));
        let url = format!("{location}('{key}')");
        let mut member = |name: &str, url: &str| {
            write_string(name, out);
            out.push(b':');
            write_string(url, out);
            out.push(b',');
        };
        member("@odata.id", &url);
        member("@odata.editLink", &url);
        for navigation in self.ty.lineage().flat_map(|ty| ty.navigation) {
            let name = navigation.name;
            if navigation.is_settable() {
                member(&format!("{name}@odata.associationLink"), &format!("{url}/{name}/$ref"));
            }
            member(&format!("{name}@odata.navigationLink"), &format!("{url}/{name}"));
        }
    }

    fn id_of<'r>(&self, row: &'r dyn Row) -> Option<Cell<'r>> {
        self.ty.property("id").map(|(position, _)| row.cell(position))
    }
}

/// Writes a JSON string to the end of `out`. Texts without anything to escape, which are nearly
/// all, are copied as they are.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    // No early end: so that the compiler looks at many bytes at once.
    let escaped = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    if text.bytes().fold(0, |found, byte| found | escaped(byte)) == 0 {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(out, text).expect("a vector takes every write");
}

/// Writes a number to the end of `out`.
pub fn write_integer(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
