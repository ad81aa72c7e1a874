//! What a service declares beside its types: schemas, operations, and what it serves of OData
//! (vocabulary `Org.OData.Capabilities.V1`).

use super::{EntitySet, EntityType, Property};
use crate::query::SystemOption;

/// A namespace of the model.
#[derive(Debug)]
pub struct Schema {
    /// Its name.
    pub namespace: &'static str,
    /// A short name for it.
    pub alias: Option<&'static str>,
}

/// Where the entities are that a navigation property of a set leads to.
#[derive(Debug)]
pub struct NavigationBinding {
    /// The navigation property.
    pub path: &'static str,
    /// The set that holds the entities.
    pub target: &'static EntitySet,
}

/// What an operation is bound to, or answers.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    /// One entity.
    Entity(&'static EntityType),
    /// Any number of entities.
    Collection(&'static EntityType),
}

impl Operand {
    /// The type of the entity, or of each.
    pub fn entity_type(self) -> &'static EntityType {
        match self {
            Self::Entity(ty) | Self::Collection(ty) => ty,
        }
    }
}

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// It answers and changes nothing: GET.
    Function,
    /// It may change something: POST.
    Action,
}

/// An operation that is bound to entities.
#[derive(Debug)]
pub struct Operation {
    /// The schema that declares it.
    pub namespace: &'static str,
    /// Its name within the schema; several may share it, bound to different types.
    pub name: &'static str,
    /// Whether it changes anything.
    pub kind: OperationKind,
    /// What it is called on.
    pub binding: Operand,
    /// What else it is given, in the body of an action. What has no null among its values must be sent.
    pub parameters: &'static [Property],
    /// What it answers.
    pub returns: Option<Operand>,
    /// What it does, in one line.
    pub description: &'static str,
}

/// What can be done with an entity set.
#[derive(Debug)]
pub struct Capabilities {
    /// The query options that a GET of the set takes.
    pub options: &'static [SystemOption],
    /// The type of the entities that POST adds; `None` where it adds none.
    pub creates: Option<&'static EntityType>,
    /// Whether PATCH changes an entity.
    pub updates: bool,
    /// Whether DELETE removes an entity.
    pub deletes: bool,
    /// Whether changes since an earlier request can be asked for.
    pub tracks_changes: bool,
}

impl Capabilities {
    /// A set that can be read as it is.
    pub const NONE: Self = Self { options: &[], creates: None, updates: false, deletes: false, tracks_changes: false };
}

/// What holds for the whole service.
#[derive(Debug)]
pub struct ServiceCapabilities {
    /// The versions of OData that it speaks, separated by blanks.
    pub versions: &'static str,
    /// Media types of answers, with their parameters.
    pub formats: &'static [&'static str],
    /// Media types of the metadata document.
    pub metadata_formats: &'static [&'static str],
    /// Compression of request bodies that it understands.
    pub encodings: &'static [&'static str],
    /// What it does with batches.
    pub batch: BatchCapabilities,
    /// Whether a write may be sent again and is carried out once (OASIS Repeatable Requests 1.0).
    pub repeatable: bool,
}

impl ServiceCapabilities {
    /// A service that answers JSON.
    pub const PLAIN: Self = Self {
        versions: "4.0",
        formats: &["application/json"],
        metadata_formats: &["application/xml", "application/json"],
        encodings: &[],
        batch: BatchCapabilities { formats: &[], features: &[] },
        repeatable: false,
    };
}

/// What a service does with batches.
#[derive(Debug)]
pub struct BatchCapabilities {
    /// Media types of batches; none where it takes no batches.
    pub formats: &'static [&'static str],
    /// What it does beyond carrying out requests.
    pub features: &'static [BatchFeature],
}

/// Something that a service may do with batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchFeature {
    /// `Prefer: continue-on-error` is understood.
    ContinueOnError,
    /// Bodies may refer to an entity that an earlier request made.
    ReferencesInBodies,
    /// References reach across change sets.
    ReferencesAcrossChangeSets,
    /// Conditions may refer to the ETag of an earlier request's entity.
    EtagReferences,
    /// A request may have a condition: `if`.
    Conditions,
}
