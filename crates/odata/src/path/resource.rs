//! What a path can name, and why one names nothing.

use crate::edm::{EntitySet, EntityType, Model, NavigationProperty, Operation};
use crate::expression::bound::PropertyPath;
use crate::fault::excerpt;

/// What finds one entity of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Its id, or the set's alternate key: `/users/a@b` may be either.
    Id(String),
    /// Named: `users(userPrincipalName='a@b')`.
    Alternate(String),
}

impl Key {
    /// The text of the key, whichever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Alternate(text) => text,
        }
    }
}

/// The entities of a set, or those of one type among them: `/set`, `/set/Namespace.Type`.
#[derive(Clone, Copy, Debug)]
pub struct Entities {
    /// The set.
    pub set: &'static EntitySet,
    /// The type that all of them have: the set's, or one derived from it that a segment casts to.
    pub ty: &'static EntityType,
    /// The namespace by which the cast named the type.
    namespace: Option<&'static str>,
}

impl Entities {
    /// All entities of a set.
    pub const fn of(set: &'static EntitySet) -> Self {
        Self { set, ty: set.entity_type, namespace: None }
    }

    /// Those of them that are of a type, which the URL calls `name`. To be of the type that all have
    /// in any case, or of a base of it, says nothing new.
    pub(super) fn cast(self, model: &Model, ty: &'static EntityType, name: &str) -> Result<Self, PathError> {
        if self.ty.is(ty) {
            return Ok(self);
        }
        if !ty.is(self.ty) {
            return Err(PathError::WrongType { found: excerpt(name), expected: self.ty.name });
        }
        let used = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        // As the client wrote it where a schema has that name, so that what comes back matches; not by an alias.
        let schema = ty.synonyms.iter().copied().find(|known| {
            known.eq_ignore_ascii_case(used) && model.entity_types.iter().any(|ty| ty.namespace == *known)
        });
        Ok(Self { ty, namespace: Some(schema.unwrap_or(ty.namespace)), ..self })
    }

    /// How context URLs name them: `set` or `set/Namespace.Type` (OData protocol 4.01, section 10.5), without
    /// the singleton that the set may be part of (graph.md, section 5.1).
    pub fn fragment(&self) -> String {
        self.after(self.set.name)
    }

    /// Where they are below the root of the service, for links: `set`, `singleton/set`, and the type after it.
    pub fn path(&self) -> String {
        self.after(&self.set.path())
    }

    fn after(&self, set: &str) -> String {
        match self.namespace {
            None => set.to_owned(),
            Some(namespace) => format!("{set}/{namespace}.{}", self.ty.name),
        }
    }
}

/// What is asked of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyPart {
    /// Its value, in an object: `/property`
    Value,
    /// Its value as text: `/property/$value`
    Text,
    /// The number of its values: `/property/$count`
    Count,
}

/// What is asked of the entities that are part of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainedPart {
    /// All of them: `/relation`
    Collection,
    /// Their number: `/relation/$count`
    Count,
    /// One, by its id: `/relation/id`, `/relation('id')`
    Entity(String),
}

/// What a path names.
#[derive(Clone, Debug)]
pub enum Resource {
    /// `/`: the service document.
    Service,
    /// `/$metadata`
    Metadata,
    /// `/set`
    Collection(Entities),
    /// `/set/$count`
    Count(Entities),
    /// `/set/$ref`
    References(Entities),
    /// `/set/delta()`: what has changed in it.
    Delta(Entities),
    /// `/set/key`
    Entity(Entities, Key),
    /// `/set/key/$ref`
    EntityReference(Entities, Key),
    /// `/set/key/navigation`
    Navigation(Entities, Key, &'static NavigationProperty),
    /// `/set/key/navigation/$ref`
    Reference(Entities, Key, &'static NavigationProperty),
    /// `/set/key/property` and `/set/key/navigation/property`, with `/$value` or `/$count` after it
    Property(Entities, Key, PropertyPath, PropertyPart),
    /// `/set/key/relation`, where the relation leads to any number of entities that are part of the one.
    Contained(Entities, Key, &'static NavigationProperty, ContainedPart),
    /// `/set/action`, alone or behind a namespace, with or without parentheses: what POST runs on the entities.
    Action(Entities, &'static Operation),
    /// `/$batch`
    Batch,
}

impl Resource {
    /// The entities that the path begins with.
    pub fn entities(&self) -> Option<Entities> {
        match self {
            Self::Collection(entities)
            | Self::Count(entities)
            | Self::References(entities)
            | Self::Delta(entities)
            | Self::Entity(entities, _)
            | Self::EntityReference(entities, _)
            | Self::Navigation(entities, ..)
            | Self::Reference(entities, ..)
            | Self::Property(entities, ..)
            | Self::Contained(entities, ..)
            | Self::Action(entities, _) => Some(*entities),
            Self::Service | Self::Metadata | Self::Batch => None,
        }
    }

    /// The key after them.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Entity(_, key)
            | Self::EntityReference(_, key)
            | Self::Navigation(_, key, _)
            | Self::Reference(_, key, _)
            | Self::Property(_, key, ..)
            | Self::Contained(_, key, ..) => Some(key),
            Self::Service
            | Self::Metadata
            | Self::Batch
            | Self::Collection(_)
            | Self::Count(_)
            | Self::References(_)
            | Self::Delta(_)
            | Self::Action(..) => None,
        }
    }
}

/// A path that names nothing here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// A percent sign that starts no byte, or bytes that are not UTF-8.
    #[error("the path segment {0} is not percent-encoded UTF-8")]
    Encoding(String),
    /// `('...` without its end, and the like.
    #[error("the key in {0} is not of the form ('...') with quotes inside doubled")]
    Key(String),
    /// There is no such thing.
    #[error("Resource not found for the segment {0}.")]
    UnknownSegment(String),
    /// A singleton, of which only the sets are served.
    #[error("`{name}` is not served by itself; ask for a collection in it: {sets}")]
    HoldsSets {
        /// The singleton.
        name: &'static str,
        /// The names of its sets, with commas between.
        sets: String,
    },
    /// A cast to a type that none of the entities can have.
    #[error("the type {found} is not `{expected}`, nor derived from it, nor a base of it")]
    WrongType {
        /// The segment.
        found: String,
        /// The type that the entities before it have.
        expected: &'static str,
    },
    /// `/$value` of something that is not one value.
    #[error("`{0}` holds several values, which have no $value")]
    NoValue(&'static str),
    /// `/$value` of something with parts.
    #[error("`{0}` is a structured value, which has no $value")]
    Structured(&'static str),
    /// OData or Graph define it, this service does not serve it yet.
    #[error("the path segment {0} is not served yet")]
    NotImplemented(String),
}
