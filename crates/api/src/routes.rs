//! The route table: every operation on an OData resource, and what it demands. A test walks it.

use crate::call::{Call, PublicCall};
use crate::error::{ApiError, Area};
use crate::operations::{
    batch, count, create_event, create_user, delete, delta, evidence, history, impacted_user, list, metadata, options,
    property, read, reference, service_document, update, verdict,
};
use crate::reply::{INCLUDE_UNKNOWN_ENUM_MEMBERS, Reply};
use axum::http::{Method, StatusCode};
use model::{Command, Permission, edm};
use odata::edm::EntitySet;
use odata::path::{ContainedPart, PropertyPart, Resource, resolve};
use odata::query::SystemOption;
use service::Plan;
use std::borrow::Cow;
use store::{BoxFuture, Outcome};

/// What a caller must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: what describes the service is for anybody.
    Public,
    /// Every one of these permissions.
    Permissions(&'static [Permission]),
    /// A valid token; what is inside demands its own permissions.
    Token,
}

/// The kind of resource, without its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/`
    Service,
    /// `/$metadata`
    Metadata,
    /// `/set`
    Collection,
    /// `/set/$count`
    Count,
    /// `/set/$ref`
    References,
    /// `/set/delta`
    Delta,
    /// `/set/key`
    Entity,
    /// `/set/key/$ref`
    EntityReference,
    /// `/set/key/impactedUser`
    Navigation,
    /// `/set/key/impactedUser/$ref`
    Reference,
    /// `/set/key/property`, or that of `/set/key/impactedUser`
    Property {
        /// Whether it lies behind the relation.
        related: bool,
        /// What is asked of it.
        part: PropertyPart,
    },
    /// `/set/key/relation`, where the relation is to what is part of the entity
    Contained,
    /// `/set/key/relation/$count`
    ContainedCount,
    /// `/set/key/relation/key`
    ContainedEntity,
    /// `/set/action`
    Action,
    /// `/$batch`
    Batch,
}

/// The methods that there are routes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET, and HEAD: the same without the body, which the HTTP layer leaves out.
    Get,
    /// POST
    Post,
    /// PATCH
    Patch,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Verb {
    /// The verb of a method.
    pub fn of(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PATCH" => Some(Self::Patch),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// The methods, as `Allow` lists them.
    pub const fn names(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None is read.
    None,
    /// JSON within the limit for entities.
    Json,
    /// JSON within the limit for batches.
    Batch,
}

/// An operation for anybody: it learns nothing of a caller.
pub type Public = fn(&PublicCall<'_>) -> Result<Reply, ApiError>;

/// An operation that answers by itself: a function of a call.
pub type Read = for<'c> fn(Call<'c>) -> BoxFuture<'c, Result<Reply, ApiError>>;

/// An operation that writes, in the two halves between which the store carries it out: alone, or
/// together with others.
#[derive(Clone, Copy)]
pub struct Write {
    /// Checks what was sent and makes a command of it; changes nothing.
    pub prepare: for<'c> fn(&'c Call<'c>, &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>>,
    /// Answers what the command came to.
    pub render: fn(&Call<'_>, Outcome) -> Result<Reply, ApiError>,
}

impl Write {
    /// A write that is answered with 204 whatever it came to.
    pub const fn without_content(
        prepare: for<'c> fn(&'c Call<'c>, &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>>,
    ) -> Self {
        Self { prepare, render: |_, _| Ok(Reply::new(StatusCode::NO_CONTENT)) }
    }
}

impl Write {
    /// Answers what the command came to, with the preferences that were honoured.
    pub fn answer(self, call: &Call<'_>, outcome: Outcome) -> Result<Reply, ApiError> {
        let mut reply = (self.render)(call, outcome)?;
        if call.takes_unknown_enum_members() {
            reply.applied(INCLUDE_UNKNOWN_ENUM_MEMBERS);
        }
        Ok(reply)
    }
}

/// What a route does.
#[derive(Clone, Copy)]
pub enum Operation {
    /// It answers anybody.
    Public(Public),
    /// It answers by itself.
    Read(Read),
    /// It writes.
    Write(Write),
}

/// An entry of the table.
#[derive(Clone, Copy)]
pub struct Route {
    /// The part of the API.
    pub area: Area,
    /// The kind of resource.
    pub shape: Shape,
    /// The method.
    pub method: Verb,
    /// What it demands.
    pub access: Access,
    /// What body it reads.
    pub body: BodyKind,
    /// Query options that it serves.
    pub served: &'static [SystemOption],
    /// Query options that OData has for it, served or not.
    pub applicable: &'static [SystemOption],
    /// What it does.
    pub operation: Operation,
}

const READ_EVENTS: Access = Access::Permissions(&[Permission::IdentityRiskEventReadAll]);
const WRITE_EVENTS: Access = Access::Permissions(&[Permission::IdentityRiskEventReadWriteAll]);
const READ_EVENTS_AND_USERS: Access =
    Access::Permissions(&[Permission::IdentityRiskEventReadAll, Permission::UserReadAll]);
const READ_USERS: Access = Access::Permissions(&[Permission::UserReadAll]);
const WRITE_USERS: Access = Access::Permissions(&[Permission::UserReadWriteAll]);

const READ_RISKY_USERS: Access = Access::Permissions(&[Permission::IdentityRiskyUserReadAll]);
const JUDGE_RISKY_USERS: Access = Access::Permissions(&[Permission::IdentityRiskyUserReadWriteAll]);

const ON_LISTS: &[SystemOption] = &[
    SystemOption::Count,
    SystemOption::Expand,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::Search,
    SystemOption::Select,
    SystemOption::Skip,
    SystemOption::SkipToken,
    SystemOption::Top,
];
const ON_DELTAS: &[SystemOption] = &[
    SystemOption::DeltaToken,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::Select,
    SystemOption::SkipToken,
];
const ON_READS: &[SystemOption] = &[SystemOption::Expand, SystemOption::Format, SystemOption::Select];
const ON_REFERENCES: &[SystemOption] = &[
    SystemOption::Count,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::Search,
    SystemOption::Skip,
    SystemOption::SkipToken,
    SystemOption::Top,
];
/// What comes of a write is shown as these ask. `$expand` would read what others may have changed since.
const ON_WRITES: &[SystemOption] = &[SystemOption::Format, SystemOption::Select];
const ON_VALUES: &[SystemOption] = &[SystemOption::Format];
const ON_SERVED_COUNTS: &[SystemOption] = &[SystemOption::Filter, SystemOption::Search];
/// What OData has for sets and lists of things.
pub(crate) const ON_SETS: &[SystemOption] = &[
    SystemOption::Apply,
    SystemOption::Compute,
    SystemOption::Count,
    SystemOption::Expand,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::SchemaVersion,
    SystemOption::Search,
    SystemOption::Select,
    SystemOption::Skip,
];
const ON_COUNTS: &[SystemOption] = &[SystemOption::Apply, SystemOption::Filter, SystemOption::Search];
/// What OData has for one of them.
pub(crate) const ON_ENTITIES: &[SystemOption] = &[
    SystemOption::Compute,
    SystemOption::Expand,
    SystemOption::Format,
    SystemOption::SchemaVersion,
    SystemOption::Select,
];
const FILTER: &[SystemOption] = &[SystemOption::Filter];
const FORMAT: &[SystemOption] = &[SystemOption::Format];
const ON_DOCUMENTS: &[SystemOption] = &[SystemOption::Format, SystemOption::SchemaVersion];
const NONE: &[SystemOption] = &[];

/// A document that describes the service.
const fn public(shape: Shape, operation: Public) -> Route {
    let body = BodyKind::None;
    let operation = Operation::Public(operation);
    Route {
        served: FORMAT,
        applicable: ON_DOCUMENTS,
        ..entry(Area::Risk, shape, Verb::Get, Access::Public, body, operation)
    }
}

const fn entry(area: Area, shape: Shape, method: Verb, access: Access, body: BodyKind, operation: Operation) -> Route {
    let (served, applicable) = match (shape, method) {
        (Shape::Collection, Verb::Get) => (ON_LISTS, ON_SETS),
        (Shape::Contained, Verb::Get) => (ON_PARTS, ON_SETS),
        (Shape::ContainedCount, _) => (FILTER, ON_COUNTS),
        (Shape::Count, _) => (ON_SERVED_COUNTS, ON_COUNTS),
        (Shape::References, _) => (ON_REFERENCES, ON_REFERENCES),
        (Shape::Delta, _) => (ON_DELTAS, NONE),
        (Shape::Entity | Shape::Navigation, Verb::Get) => (ON_READS, ON_ENTITIES),
        (Shape::EntityReference | Shape::Reference | Shape::Property { part: PropertyPart::Value, .. }, Verb::Get) => {
            (ON_VALUES, ON_VALUES)
        }
        (Shape::Collection | Shape::Contained | Shape::ContainedEntity, _) | (Shape::Entity, Verb::Patch) => {
            (ON_WRITES, ON_ENTITIES)
        }
        _ => (NONE, NONE),
    };
    Route { area, shape, method, access, body, served, applicable, operation }
}

const fn route(area: Area, shape: Shape, method: Verb, access: Access, operation: Read) -> Route {
    entry(area, shape, method, access, BodyKind::None, Operation::Read(operation))
}

const fn property(area: Area, related: bool, part: PropertyPart, access: Access) -> Route {
    route(area, Shape::Property { related, part }, Verb::Get, access, property::run)
}

const fn write(area: Area, shape: Shape, method: Verb, access: Access, operation: Write) -> Route {
    let body = if matches!(method, Verb::Delete) { BodyKind::None } else { BodyKind::Json };
    entry(area, shape, method, access, body, Operation::Write(operation))
}

/// What is asked of entities that are part of another is worked out in memory.
const ON_PARTS: &[SystemOption] = &[
    SystemOption::Count,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::Select,
    SystemOption::Skip,
    SystemOption::SkipToken,
    SystemOption::Top,
];

/// Every route below `/v1.0` and `/beta`.
pub const ROUTES: &[Route] = &[
    public(Shape::Service, service_document::run),
    public(Shape::Metadata, metadata::run),
    route(Area::Risk, Shape::Collection, Verb::Get, READ_EVENTS, list::run),
    write(Area::Risk, Shape::Collection, Verb::Post, WRITE_EVENTS, create_event::WRITE),
    route(Area::Risk, Shape::Count, Verb::Get, READ_EVENTS, count::run),
    route(Area::Risk, Shape::References, Verb::Get, READ_EVENTS, list::run),
    route(Area::Risk, Shape::Delta, Verb::Get, READ_EVENTS, delta::run),
    route(Area::Risk, Shape::Entity, Verb::Get, READ_EVENTS, read::run),
    write(Area::Risk, Shape::Entity, Verb::Patch, WRITE_EVENTS, update::WRITE),
    write(Area::Risk, Shape::Entity, Verb::Delete, WRITE_EVENTS, delete::WRITE),
    route(Area::Risk, Shape::EntityReference, Verb::Get, READ_EVENTS, reference::of_entity),
    property(Area::Risk, false, PropertyPart::Value, READ_EVENTS),
    property(Area::Risk, false, PropertyPart::Text, READ_EVENTS),
    route(Area::Risk, Shape::Navigation, Verb::Get, READ_EVENTS_AND_USERS, impacted_user::run),
    route(Area::Risk, Shape::Reference, Verb::Get, READ_EVENTS, reference::get),
    write(Area::Risk, Shape::Reference, Verb::Put, WRITE_EVENTS, reference::SET),
    write(Area::Risk, Shape::Reference, Verb::Post, WRITE_EVENTS, reference::SET),
    write(Area::Risk, Shape::Reference, Verb::Delete, WRITE_EVENTS, reference::CLEAR),
    property(Area::Risk, true, PropertyPart::Value, READ_EVENTS_AND_USERS),
    property(Area::Risk, true, PropertyPart::Text, READ_EVENTS_AND_USERS),
    property(Area::Risk, true, PropertyPart::Count, READ_EVENTS_AND_USERS),
    route(Area::Risk, Shape::Contained, Verb::Get, READ_EVENTS, evidence::list),
    write(Area::Risk, Shape::Contained, Verb::Post, WRITE_EVENTS, evidence::ADD),
    route(Area::Risk, Shape::ContainedCount, Verb::Get, READ_EVENTS, evidence::count),
    route(Area::Risk, Shape::ContainedEntity, Verb::Get, READ_EVENTS, evidence::read),
    route(Area::Directory, Shape::Collection, Verb::Get, READ_USERS, list::run),
    write(Area::Directory, Shape::Collection, Verb::Post, WRITE_USERS, create_user::WRITE),
    route(Area::Directory, Shape::Count, Verb::Get, READ_USERS, count::run),
    route(Area::Directory, Shape::References, Verb::Get, READ_USERS, list::run),
    route(Area::Directory, Shape::Delta, Verb::Get, READ_USERS, delta::run),
    route(Area::Directory, Shape::Entity, Verb::Get, READ_USERS, read::run),
    write(Area::Directory, Shape::Entity, Verb::Patch, WRITE_USERS, update::WRITE),
    write(Area::Directory, Shape::Entity, Verb::Delete, WRITE_USERS, delete::WRITE),
    route(Area::Directory, Shape::EntityReference, Verb::Get, READ_USERS, reference::of_entity),
    property(Area::Directory, false, PropertyPart::Value, READ_USERS),
    property(Area::Directory, false, PropertyPart::Text, READ_USERS),
    property(Area::Directory, false, PropertyPart::Count, READ_USERS),
    route(Area::Detections, Shape::Collection, Verb::Get, READ_EVENTS, list::run),
    route(Area::Detections, Shape::Count, Verb::Get, READ_EVENTS, count::run),
    route(Area::Detections, Shape::References, Verb::Get, READ_EVENTS, list::run),
    route(Area::Detections, Shape::Delta, Verb::Get, READ_EVENTS, delta::run),
    route(Area::Detections, Shape::Entity, Verb::Get, READ_EVENTS, read::run),
    route(Area::Detections, Shape::EntityReference, Verb::Get, READ_EVENTS, reference::of_entity),
    property(Area::Detections, false, PropertyPart::Value, READ_EVENTS),
    property(Area::Detections, false, PropertyPart::Text, READ_EVENTS),
    route(Area::RiskyUsers, Shape::Collection, Verb::Get, READ_RISKY_USERS, list::run),
    route(Area::RiskyUsers, Shape::Count, Verb::Get, READ_RISKY_USERS, count::run),
    route(Area::RiskyUsers, Shape::References, Verb::Get, READ_RISKY_USERS, list::run),
    route(Area::RiskyUsers, Shape::Delta, Verb::Get, READ_RISKY_USERS, delta::run),
    route(Area::RiskyUsers, Shape::Entity, Verb::Get, READ_RISKY_USERS, read::run),
    route(Area::RiskyUsers, Shape::EntityReference, Verb::Get, READ_RISKY_USERS, reference::of_entity),
    property(Area::RiskyUsers, false, PropertyPart::Value, READ_RISKY_USERS),
    property(Area::RiskyUsers, false, PropertyPart::Text, READ_RISKY_USERS),
    route(Area::RiskyUsers, Shape::Contained, Verb::Get, READ_RISKY_USERS, history::list),
    route(Area::RiskyUsers, Shape::ContainedCount, Verb::Get, READ_RISKY_USERS, history::count),
    route(Area::RiskyUsers, Shape::ContainedEntity, Verb::Get, READ_RISKY_USERS, history::read),
    write(Area::RiskyUsers, Shape::Action, Verb::Post, JUDGE_RISKY_USERS, verdict::WRITE),
    Route { body: BodyKind::Batch, ..route(Area::Risk, Shape::Batch, Verb::Post, Access::Token, batch::run) },
];

/// The part of the API that a set belongs to.
pub fn area_of(set: &EntitySet) -> Area {
    let areas = [
        (&raw const edm::USERS, Area::Directory),
        (&raw const edm::RISK_DETECTIONS, Area::Detections),
        (&raw const edm::RISKY_USERS, Area::RiskyUsers),
    ];
    areas.into_iter().find(|(known, _)| std::ptr::eq(set, *known)).map_or(Area::Risk, |(_, area)| area)
}

/// The part of the API that a path lies in, whether or not it leads anywhere.
pub fn area_of_path(path: &str) -> Area {
    let mut names = path.trim_start_matches('/').split(['/', '(']);
    let first = names.next().unwrap_or_default();
    let set = match edm::MODEL.singleton(first) {
        Some(singleton) => {
            let name = names.next().unwrap_or_default();
            edm::MODEL.sets_of(singleton).find(|set| set.name.eq_ignore_ascii_case(name))
        }
        None => edm::MODEL.entity_set(first),
    };
    set.map_or(Area::Risk, area_of)
}

/// The path of what a path names: in Graph's beta, the sets of `identityProtection` are at the root too, as
/// they were before there was a singleton (graph.md, section 4.4).
pub fn full_path<'p>(version: &str, path: &'p str) -> Cow<'p, str> {
    let below = path.trim_start_matches('/');
    let first = below.split(['/', '(']).next().unwrap_or_default();
    let contained = edm::MODEL.entity_sets.iter().filter(|set| set.container.is_some());
    match contained.clone().find(|set| set.name.eq_ignore_ascii_case(first)) {
        Some(set) if version == "beta" => Cow::Owned(format!("/{}{}", set.path(), &below[first.len()..])),
        _ => Cow::Borrowed(path),
    }
}

/// Area and shape of a resource.
pub fn describe(resource: &Resource) -> (Area, Shape) {
    let shape = match resource {
        Resource::Collection(_) => Shape::Collection,
        Resource::Count(_) => Shape::Count,
        Resource::References(_) => Shape::References,
        Resource::Delta(_) => Shape::Delta,
        Resource::Entity(..) => Shape::Entity,
        Resource::EntityReference(..) => Shape::EntityReference,
        Resource::Navigation(..) => Shape::Navigation,
        Resource::Reference(..) => Shape::Reference,
        Resource::Property(_, _, path, part) => Shape::Property { related: !path.navigation.is_empty(), part: *part },
        Resource::Contained(.., ContainedPart::Collection) => Shape::Contained,
        Resource::Contained(.., ContainedPart::Count) => Shape::ContainedCount,
        Resource::Contained(.., ContainedPart::Entity(_)) => Shape::ContainedEntity,
        Resource::Action(..) => Shape::Action,
        Resource::Batch => Shape::Batch,
        Resource::Metadata => Shape::Metadata,
        Resource::Service => Shape::Service,
    };
    (resource.entities().map_or(Area::Risk, |entities| area_of(entities.set)), shape)
}

/// `OPTIONS` on whatever demands a token.
const OPTIONS: Route = Route {
    served: NONE,
    applicable: NONE,
    ..route(Area::Risk, Shape::Collection, Verb::Get, Access::Token, options::run)
};

/// The routes of a resource.
fn routes_of(resource: &Resource) -> impl Iterator<Item = &'static Route> + use<> {
    let (area, shape) = describe(resource);
    ROUTES.iter().filter(move |route| (route.area, route.shape) == (area, shape))
}

/// The route of a method on a resource; else the methods that there are.
pub fn find(resource: &Resource, method: &Method) -> Result<&'static Route, Vec<Verb>> {
    if method == Method::OPTIONS && routes_of(resource).all(|route| route.access != Access::Public) {
        return Ok(&OPTIONS);
    }
    let verb = Verb::of(method);
    routes_of(resource).find(|route| Some(route.method) == verb).ok_or_else(|| allowed(resource))
}

/// The methods of a resource.
pub fn allowed(resource: &Resource) -> Vec<Verb> {
    routes_of(resource).map(|route| route.method).collect()
}

/// Methods, as the header `Allow` has them.
pub fn allow(methods: &[Verb]) -> String {
    methods.iter().map(|verb| verb.names()).collect::<Vec<_>>().join(", ")
}

/// The public resource that a path names, if it is one: it needs no token, whatever the method.
pub fn public_resource(path: &str) -> Option<Resource> {
    // Most paths begin with the name of a set, and are not looked at twice.
    let first = path.trim_start_matches('/');
    if !first.is_empty() && !first.starts_with(['$', '%']) {
        return None;
    }
    let resource = resolve(&edm::MODEL, path).ok()?;
    routes_of(&resource).all(|route| route.access == Access::Public).then_some(resource)
}
