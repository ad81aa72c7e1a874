//! What Spillwatch adds to Graph, below `/v1.0/spillwatch` and `/beta/spillwatch`: pairs that are handed in, jobs, and
//! what they have found (docs/adr/0010-spillwatch-routes.md). None of it is in the entity data model: a table of its own
//! says what there is, and what each demands.

mod acts;
mod answer;
mod check;
mod findings;
mod jobs;
mod json;
mod limits;
mod pairs;
mod shown;

pub use answer::{answer, below};
pub use limits::{CheckLimits, PairRate};

use crate::app::App;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::{ON_ENTITIES, ON_SETS, Verb};
use bytes::Bytes;
use model::{Caller, Permission};
use odata::prefer::Preferences;
use odata::query::{QueryOptions, SystemOption};
use std::sync::Arc;
use store::BoxFuture;

/// What body an endpoint reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// None.
    None,
    /// A few members of JSON, or nothing at all.
    Optional,
    /// Pairs, which are as many as the requests of a batch.
    Pairs,
}

/// An entry of the table.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// The method.
    pub method: Verb,
    /// The path below `/spillwatch`; `{id}` stands for one segment.
    pub path: &'static str,
    /// What it demands.
    pub permission: Permission,
    /// What body it reads.
    pub body: BodyKind,
    /// Query options that it serves.
    pub served: &'static [SystemOption],
    /// Those that OData has for it, served or not.
    pub applicable: &'static [SystemOption],
    /// What it does, in a sentence.
    pub description: &'static str,
    run: Run,
}

type Run = for<'c> fn(Ask<'c>) -> BoxFuture<'c, Result<Reply, ApiError>>;

/// An allowed request with its checked parts.
pub(crate) struct Ask<'c> {
    app: &'c Arc<App>,
    caller: &'c Caller,
    /// The service root that the request used.
    root: String,
    /// What stands for `{id}`; empty where the path has none.
    id: String,
    options: QueryOptions,
    preferences: Preferences,
    body: Bytes,
}

const PAGED: &[SystemOption] = &[SystemOption::SkipToken, SystemOption::Top];
const NONE: &[SystemOption] = &[];

const fn list(path: &'static str, permission: Permission, description: &'static str, run: Run) -> Endpoint {
    let (method, body) = (Verb::Get, BodyKind::None);
    Endpoint { method, path, permission, body, served: PAGED, applicable: ON_SETS, description, run }
}

const fn post(
    path: &'static str,
    permission: Permission,
    body: BodyKind,
    description: &'static str,
    run: Run,
) -> Endpoint {
    let method = Verb::Post;
    Endpoint { method, path, permission, body, served: NONE, applicable: NONE, description, run }
}

/// Everything below `/spillwatch`.
pub const ENDPOINTS: &[Endpoint] = &[
    post(
        "/check",
        Permission::SpillwatchCheck,
        BodyKind::Pairs,
        "Takes pairs of names and passwords to be checked, and answers their job. It never says whether one is current.",
        check::run,
    ),
    list("/jobs", Permission::SpillwatchJobsReadAll, "Jobs, the newest first.", jobs::list),
    Endpoint {
        served: NONE,
        applicable: ON_ENTITIES,
        ..list("/jobs/{id}", Permission::SpillwatchJobsReadAll, "A job.", jobs::read)
    },
    post(
        "/jobs/{id}/resume",
        Permission::SpillwatchJobsReadWriteAll,
        BodyKind::Optional,
        "Goes on with a job that stopped, or, with `release`, with one that the brake holds.",
        acts::resume,
    ),
    post(
        "/jobs/{id}/undo",
        Permission::SpillwatchJobsReadWriteAll,
        BodyKind::Optional,
        "Takes back what a job did, and answers the job that does so; with `force` also what was changed since.",
        acts::undo,
    ),
    list(
        "/jobs/{id}/findings",
        Permission::SpillwatchEvidenceReadAll,
        "What a job has found, and where each credential stands.",
        findings::of_job,
    ),
    Endpoint {
        served: NONE,
        ..list(
            "/events/{id}/findings",
            Permission::SpillwatchEvidenceReadAll,
            "Where the credential of an event stands, as each job has found it.",
            findings::of_event,
        )
    },
];
