//! The entity data model as data: entity types, properties, enums, navigation and sets, declared
//! once as `static`s by a service (OData CSDL 4.01). Body checks, JSON writing, paths, storage,
//! `$metadata` and API descriptions all read the same declaration.

mod enumeration;
mod service;

pub use enumeration::{EnumMembers, EnumType, Member, Sentinel};
pub use service::{
    BatchCapabilities, BatchFeature, Capabilities, NavigationBinding, Operand, Operation, OperationKind, Schema,
    ServiceCapabilities,
};
use std::borrow::Cow;
use std::fmt;

/// What a property's value can be.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// `Edm.String` of `least..=most` characters (Unicode scalar values).
    String {
        /// The fewest characters.
        least: u32,
        /// The most characters (`MaxLength`).
        most: u32,
    },
    /// `Edm.Boolean`.
    Boolean,
    /// `Edm.Int32`.
    Int32,
    /// `Edm.Double`; finite.
    Double,
    /// `Edm.DateTimeOffset` with `Precision` 7.
    DateTimeOffset,
    /// One member of an enumeration.
    Enum(&'static EnumType),
    /// A structured value without identity.
    Complex(&'static ComplexType),
    /// Any number of values up to `most`.
    Collection {
        /// The type of each value.
        of: &'static Type,
        /// The most values.
        most: u32,
    },
}

impl Type {
    /// A text of at most `most` characters, which may be empty.
    pub const fn text(most: u32) -> Self {
        Self::String { least: 0, most }
    }

    /// A text of 1 to `most` characters.
    pub const fn nonempty(most: u32) -> Self {
        Self::String { least: 1, most }
    }

    /// The sentinel's value, when it or its items are of an enumeration of which members hide from
    /// such a client.
    pub fn mask(&self, told: EnumMembers) -> Option<i64> {
        match self {
            Self::Enum(of) => of.mask(told),
            Self::Collection { of, .. } => of.mask(told),
            _ => None,
        }
    }

    /// Whether members of an enumeration within it hide from such a client.
    pub fn hides(&self, told: EnumMembers) -> bool {
        match self {
            Self::Complex(of) => of.properties.iter().any(|property| property.ty.hides(told)),
            Self::Collection { of, .. } => of.hides(told),
            _ => self.mask(told).is_some(),
        }
    }
}

impl fmt::Display for Type {
    /// Says what is expected, to the person who sent something else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String { least: 0, most } => write!(f, "a string of at most {most} characters"),
            Self::String { least, most } => write!(f, "a string of {least} to {most} characters"),
            Self::Boolean => f.write_str("true or false"),
            Self::Int32 => write!(f, "a whole number from {} to {}", i32::MIN, i32::MAX),
            Self::Double => f.write_str("a number"),
            Self::DateTimeOffset => f.write_str("a date and time such as 2024-03-02T23:10:04.2255665Z"),
            Self::Enum(of) => {
                f.write_str("one of ")?;
                let is_taken =
                    |member: &&Member| of.sentinel.is_none_or(|it| it.value != member.value || it.is_creatable);
                of.named(EnumMembers::Known)
                    .filter(is_taken)
                    .enumerate()
                    .try_for_each(|(at, member)| write!(f, "{}{}", if at == 0 { "" } else { ", " }, member.name))
            }
            Self::Complex(of) => write!(f, "an object ({})", of.name),
            Self::Collection { of, most } => write!(f, "an array of at most {most} items, each {of}"),
        }
    }
}

/// Whether a body that creates an entity must have a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCreate {
    /// It may be left out.
    Optional,
    /// It must be there, with a value.
    Required,
}

/// A structural property.
#[derive(Debug)]
pub struct Property {
    /// Its name on the wire.
    pub name: &'static str,
    /// What its value can be.
    pub ty: Type,
    /// Whether null is a value of it.
    pub nullable: bool,
    /// Whether it is taken in and never given out, such as a password: its value is not even
    /// repeated in an error.
    pub write_only: bool,
    /// Whether it keeps the value that it had when the entity was created.
    pub immutable: bool,
    /// Whether a body that creates an entity must have it.
    pub on_create: OnCreate,
    /// A regular expression (ECMA 262) that every text fits: a rule that the service itself checks,
    /// declared so that clients know it.
    pub pattern: Option<&'static str>,
    /// The value as JSON, where every entity has the same.
    pub fixed: Option<&'static str>,
    /// What it means, in one line.
    pub description: &'static str,
}

impl Property {
    /// A property that is read and written.
    pub const fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self {
            name,
            ty,
            nullable: false,
            write_only: false,
            immutable: false,
            on_create: OnCreate::Optional,
            pattern: None,
            fixed: None,
            description,
        }
    }

    /// The same, with null among its values.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The same, never given out.
    #[must_use]
    pub const fn write_only(self) -> Self {
        Self { write_only: true, ..self }
    }

    /// The same, never changed once the entity is there.
    #[must_use]
    pub const fn immutable(self) -> Self {
        Self { immutable: true, ..self }
    }

    /// The same, needed to create an entity.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { on_create: OnCreate::Required, ..self }
    }

    /// The same, with a form that its texts have.
    #[must_use]
    pub const fn pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }

    /// The same, with one value, as JSON, for all entities: of an enumeration a member that every client is told of.
    #[must_use]
    pub const fn fixed(self, json: &'static str) -> Self {
        Self { fixed: Some(json), ..self }
    }

    /// Whether a body must have it to create an entity.
    pub fn is_required(&self) -> bool {
        self.on_create == OnCreate::Required
    }
}

/// A complex type: values with parts and without identity. It does not hold itself.
#[derive(Debug)]
pub struct ComplexType {
    /// The schema that declares it.
    pub namespace: &'static str,
    /// Its name within the schema.
    pub name: &'static str,
    /// Its properties.
    pub properties: &'static [Property],
}

impl ComplexType {
    /// Tells whether it has a property of this name, ignoring case, that is given out.
    pub fn shows(&self, name: &str) -> bool {
        self.properties.iter().any(|property| property.name.eq_ignore_ascii_case(name) && !property.write_only)
    }
}

/// A relation to entities of another type.
#[derive(Debug)]
pub struct NavigationProperty {
    /// Its name on the wire.
    pub name: &'static str,
    /// The type that it leads to.
    pub target: &'static EntityType,
    /// Whether it leads to any number of entities, rather than to one or none.
    pub collection: bool,
    /// Whether they are part of the entity and found only through it (`ContainsTarget`), rather than
    /// in a set of their own.
    pub contained: bool,
    /// How many of what is part of the entity a body that creates the entity may bring along, as an array
    /// under this name (OData JSON 4.01, section 4.5.9: deep insert); 0 where it brings none.
    pub most_created: u32,
    /// What it means, in one line.
    pub description: &'static str,
}

impl NavigationProperty {
    /// A relation to one entity of a set.
    pub const fn new(name: &'static str, target: &'static EntityType, description: &'static str) -> Self {
        Self { name, target, collection: false, contained: false, most_created: 0, description }
    }

    /// The same to any number of entities.
    #[must_use]
    pub const fn collection(self) -> Self {
        Self { collection: true, ..self }
    }

    /// The same to what is part of the entity.
    #[must_use]
    pub const fn contained(self) -> Self {
        Self { contained: true, ..self }
    }

    /// The same, of which a body that creates the entity may bring up to `most` along.
    #[must_use]
    pub const fn created_with(self, most: u32) -> Self {
        Self { most_created: most, ..self }
    }

    /// Whether it can be set to lead to an entity that there is: it leads to one, of a set.
    pub fn is_settable(&self) -> bool {
        !self.collection && !self.contained
    }
}

/// An entity type. Its properties are those of its base, then its own.
#[derive(Debug)]
pub struct EntityType {
    /// The schema that declares it.
    pub namespace: &'static str,
    /// Other namespaces by which clients know it; names are accepted with any of them.
    pub synonyms: &'static [&'static str],
    /// Its name within the schema.
    pub name: &'static str,
    /// The type that it extends.
    pub base: Option<&'static EntityType>,
    /// Whether no entity is of exactly this type.
    pub is_abstract: bool,
    /// The property by which entities are told apart, on the type that introduces it.
    pub key: Option<&'static str>,
    /// Its own properties, without those of its base.
    pub properties: &'static [Property],
    /// Its own navigation properties.
    pub navigation: &'static [NavigationProperty],
    /// Names that old clients send and that are passed over in bodies.
    pub ignored: &'static [&'static str],
    /// What it means, in one line.
    pub description: &'static str,
}

impl EntityType {
    /// The namespace and the name.
    pub fn qualified_name(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// The type and those it extends, the most derived first.
    pub fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |ty| ty.base)
    }

    /// Tells whether it is `other` or extends it.
    pub fn is(&self, other: &Self) -> bool {
        self.lineage().any(|ty| std::ptr::eq(ty, other))
    }

    /// Its properties with their positions; those of the base come first, so that a position
    /// means the same in every type that derives from it.
    pub fn all_properties(&self) -> Vec<&'static Property> {
        let mut all = self.base.map(Self::all_properties).unwrap_or_default();
        all.extend(self.properties.iter());
        all
    }

    /// The number of its properties.
    pub fn property_count(&self) -> usize {
        self.lineage().map(|ty| ty.properties.len()).sum()
    }

    /// Finds a property and its position by its name, ignoring case.
    pub fn property(&self, name: &str) -> Option<(usize, &'static Property)> {
        for ty in self.lineage() {
            if let Some(at) = ty.properties.iter().position(|p| p.name.eq_ignore_ascii_case(name)) {
                return Some((ty.base.map_or(0, Self::property_count) + at, &ty.properties[at]));
            }
        }
        None
    }

    /// Finds a navigation property by its name, ignoring case.
    pub fn navigation(&self, name: &str) -> Option<&'static NavigationProperty> {
        self.lineage().flat_map(|ty| ty.navigation).find(|nav| nav.name.eq_ignore_ascii_case(name))
    }

    /// Tells whether `name` is one that bodies may carry without effect.
    pub fn ignores(&self, name: &str) -> bool {
        self.lineage().flat_map(|ty| ty.ignored).any(|ignored| ignored.eq_ignore_ascii_case(name))
    }

    /// Tells whether `name` names this type: qualified by its namespace or a synonym, in any case,
    /// with or without a leading `#` (OData JSON 4.01, section 4.6.3: readers take both).
    pub fn is_named(&self, name: &str) -> bool {
        let name = name.strip_prefix('#').unwrap_or(name);
        let Some((namespace, short)) = name.rsplit_once('.') else { return false };
        short.eq_ignore_ascii_case(self.name) && self.is_in(namespace)
    }

    /// Tells whether `namespace` is its own or a synonym of it, ignoring case.
    pub fn is_in(&self, namespace: &str) -> bool {
        std::iter::once(&self.namespace).chain(self.synonyms).any(|known| known.eq_ignore_ascii_case(namespace))
    }
}

/// What there is once at the root of the service, without a key and without properties: it holds sets
/// (OData CSDL 4.01, section 13.3). Its type is declared by the sets that name it as their container.
#[derive(Debug)]
pub struct Singleton {
    /// Its name in URLs.
    pub name: &'static str,
    /// The schema that declares its type.
    pub namespace: &'static str,
    /// The name of its type within the schema.
    pub type_name: &'static str,
    /// What it means, in one line.
    pub description: &'static str,
}

/// A collection of entities, at the root of the service or in a singleton.
#[derive(Debug)]
pub struct EntitySet {
    /// Its name in URLs, after that of its container.
    pub name: &'static str,
    /// The singleton that it is part of; `None` for a set at the root.
    pub container: Option<&'static Singleton>,
    /// The type of its entities, or their common base.
    pub entity_type: &'static EntityType,
    /// A property that finds one entity as well as its id does (`Core.AlternateKeys`).
    pub alternate_key: Option<&'static str>,
    /// Whether its entities are of several types, so that each names its own in every answer and
    /// a new one must say which it is.
    pub polymorphic: bool,
    /// Whether `@odata.type` is written even where the set implies it.
    pub announces_type: bool,
    /// Where its navigation properties lead.
    pub bindings: &'static [NavigationBinding],
    /// What can be done with it.
    pub capabilities: Capabilities,
}

impl EntitySet {
    /// A set of entities of one type, for what a declaration leaves out: it is only read, without
    /// query options.
    pub const fn new(name: &'static str, entity_type: &'static EntityType) -> Self {
        Self {
            name,
            container: None,
            entity_type,
            alternate_key: None,
            polymorphic: false,
            announces_type: false,
            bindings: &[],
            capabilities: Capabilities::NONE,
        }
    }

    /// Its path below the root of the service: `set`, or `singleton/set`.
    pub fn path(&self) -> Cow<'static, str> {
        match self.container {
            None => self.name.into(),
            Some(singleton) => format!("{}/{}", singleton.name, self.name).into(),
        }
    }
}

/// Everything that a service declares.
#[derive(Debug)]
pub struct Model {
    /// The namespaces; the first one declares the entity container.
    pub schemas: &'static [Schema],
    /// The name of the entity container.
    pub container: &'static str,
    /// The entity types.
    pub entity_types: &'static [&'static EntityType],
    /// The complex types.
    pub complex_types: &'static [&'static ComplexType],
    /// The enumerations.
    pub enum_types: &'static [&'static EnumType],
    /// The singletons.
    pub singletons: &'static [&'static Singleton],
    /// The entity sets, those within singletons too.
    pub entity_sets: &'static [&'static EntitySet],
    /// The operations.
    pub operations: &'static [Operation],
    /// What holds for the whole service.
    pub capabilities: ServiceCapabilities,
}

impl Model {
    /// A model without anything, for what a declaration leaves out.
    pub const EMPTY: Self = Self {
        schemas: &[],
        container: "",
        entity_types: &[],
        complex_types: &[],
        enum_types: &[],
        singletons: &[],
        entity_sets: &[],
        operations: &[],
        capabilities: ServiceCapabilities::PLAIN,
    };

    /// Finds an entity type by a qualified name, as [`EntityType::is_named`] reads it.
    pub fn entity_type(&self, name: &str) -> Option<&'static EntityType> {
        self.entity_types.iter().copied().find(|ty| ty.is_named(name))
    }

    /// Finds an entity set at the root by its name, ignoring case.
    pub fn entity_set(&self, name: &str) -> Option<&'static EntitySet> {
        self.root_sets().find(|set| set.name.eq_ignore_ascii_case(name))
    }

    /// The entity sets at the root.
    pub fn root_sets(&self) -> impl Iterator<Item = &'static EntitySet> {
        self.entity_sets.iter().copied().filter(|set| set.container.is_none())
    }

    /// Finds a singleton by its name, ignoring case.
    pub fn singleton(&self, name: &str) -> Option<&'static Singleton> {
        self.singletons.iter().copied().find(|singleton| singleton.name.eq_ignore_ascii_case(name))
    }

    /// The entity sets within a singleton.
    pub fn sets_of(&self, singleton: &'static Singleton) -> impl Iterator<Item = &'static EntitySet> {
        let is_within =
            move |set: &&EntitySet| set.container.is_some_and(|container| std::ptr::eq(container, singleton));
        self.entity_sets.iter().copied().filter(is_within)
    }

    /// Tells whether a schema has this name or alias, or clients know it by this name, ignoring case.
    pub fn has_namespace(&self, name: &str) -> bool {
        let named = |schema: &Schema| {
            std::iter::once(schema.namespace).chain(schema.alias).any(|it| it.eq_ignore_ascii_case(name))
        };
        self.schemas.iter().any(named) || self.entity_types.iter().any(|ty| ty.is_in(name))
    }
}
