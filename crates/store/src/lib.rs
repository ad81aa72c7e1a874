//! What Spillwatch asks of a store, in words of the domain; and the contract that every store keeps.
//!
//! A write is a [`model::Command`]: data, decided by [`model::decide`] inside the store's
//! transaction. A read hands borrowed rows to a [`RowSink`], so that an answer is encoded straight
//! from the store's cells. Every call names a tenant; no call reaches across tenants.

mod admin;
mod candidates;
pub mod columns;
#[cfg(feature = "contract")]
pub mod contract;
mod directory;
mod error;
pub mod kept;
mod outcome;
pub mod plan;
mod records;
mod remembered;
pub mod sql;
mod tasks;
pub mod transfer;
pub mod working;

pub use admin::{AdminCommand, AdminOutcome};
pub use candidates::{AGAIN, CandidateCommand, CandidateOutcome, RetentionCommand, Undecided, Waiting};
pub use directory::{AccountRow, AccountSink, Accounts, DirectoryStore, KeptVerifiers, VerifierRow, VerifierSink};
pub use error::{ListError, StoreError, WriteError};
pub use outcome::{Outcome, Question};
pub use records::{each_name, read_image, read_names, write_image, write_names};
pub use remembered::{KnownRequest, read_outcomes, write_outcomes};
pub use tasks::{TaskCommand, TaskOutcome};

use model::{
    Actor, ChangeEntry, Command, DetectionId, EntityId, EventKey, EventKind, Evidence, HistoryItem, Registry,
    Repeatability, RiskEvent, RiskyUser, TenantKey, Ticks, Total, User, UserKey,
};
use odata::encode::{CellError, Row};
use odata::expression::bound::{Expression, OrderKey};
use sql::Place;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Takes rows as they are read.
pub trait RowSink: Send {
    /// Takes one row; an error ends the reading.
    fn row(&mut self, row: &dyn Row) -> Result<(), CellError>;
}

impl<F: FnMut(&dyn Row) -> Result<(), CellError> + Send> RowSink for F {
    fn row(&mut self, row: &dyn Row) -> Result<(), CellError> {
        self(row)
    }
}

/// What a page is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Risk events; `None` for every kind.
    Events(Option<EventKind>),
    /// Users.
    Users,
    /// Users at risk.
    RiskyUsers,
}

/// What a row that is read must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Its rendered members, see [`Row::members`], where the store keeps them; else its properties.
    Members,
    /// The value of each of its properties.
    Properties,
    /// Of an event: its properties, and what today's API shows besides, at [`model::edm::event::RISK_DETAIL`],
    /// [`model::edm::event::EVIDENCE`] (null without evidence) and
    /// [`model::edm::event::LAST_UPDATED_DATE_TIME`].
    Risk,
    /// Of an event: the members of its detection, [rendered](model::detection_members), and its evidence as for
    /// [`Self::Risk`], where the store keeps them; else what that reads.
    Detection,
    /// Of a user: by what they are known, which is the id, `userPrincipalName`, `mail` and `accountEnabled`; the other
    /// properties are read as null. Not of anything else.
    Names,
}

/// Everything that a row that is read must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its own properties.
    pub projection: Projection,
    /// Whether also the entities that its relations lead to: [`Row::related`].
    pub related: bool,
}

impl Carried {
    /// The values of its own properties.
    pub const PROPERTIES: Self = Self { projection: Projection::Properties, related: false };
    /// Its rendered members.
    pub const MEMBERS: Self = Self { projection: Projection::Members, related: false };
    /// Of a user: by what they are known.
    pub const NAMES: Self = Self { projection: Projection::Names, related: false };
}

/// A page of a source: what is kept of it, in which order, and from where on.
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// Where from.
    pub source: Source,
    /// Which rows; all without it.
    pub filter: Option<Expression>,
    /// In which order. Without keys the store chooses one that it has an index for, and always the
    /// same for the same filter: the newest first where nothing is filtered.
    pub order_by: Vec<OrderKey>,
    /// The place that the page before ended with. Rows added since do not move the rest, so following
    /// places meets every row that was there at the start and stayed exactly once. Its row key is the
    /// number of the change that made the row.
    pub after: Option<Place>,
    /// How many rows are passed over first.
    pub skip: u64,
    /// The most rows; at least 1.
    pub limit: u32,
    /// What its rows carry.
    pub carried: Carried,
}

impl PageQuery {
    /// All rows of a source, in the store's order.
    pub fn all(source: Source, limit: u32) -> Self {
        Self { source, filter: None, order_by: Vec::new(), after: None, skip: 0, limit, carried: Carried::PROPERTIES }
    }
}

/// An entry of the change log with its place, time and actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Its number: per tenant, without gaps.
    pub sequence: u64,
    /// When it was committed: strictly increasing per tenant.
    pub time: Ticks,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub entry: ChangeEntry,
    /// The id of the user at risk of whom it changed something.
    pub risky_user: Option<Box<str>>,
}

/// An item of the history of a user at risk, with its place, time and actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRecord {
    /// The number of the change.
    pub sequence: u64,
    /// When it was committed.
    pub time: Ticks,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub item: HistoryItem,
}

/// A place in the change log: after the entry with this number, or, as the default, before all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// The entry's number; 0 before the first one.
    pub sequence: u64,
    /// The entry's time, which tells this log from one that took its place when a backup was restored.
    pub time: Ticks,
}

impl From<&ChangeRecord> for LogPlace {
    fn from(record: &ChangeRecord) -> Self {
        Self { sequence: record.sequence, time: record.time }
    }
}

/// Something that [`Store::check`] looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// Whether it is as it should be.
    pub sound: bool,
    /// What was found, for people.
    pub detail: String,
}

/// A store of tenants, their risk events and users.
///
/// A write to a tenant that does not exist is refused as [`StoreError::UnknownTenant`]; a read finds
/// nothing.
pub trait Store: DirectoryStore + Send + Sync {
    /// Carries out commands one after another, each decided on what the ones before have written: all
    /// of them, or, when one fails, none. When it answers `Ok`, with an outcome for each, what they did
    /// is on disk.
    ///
    /// With a `repeatability`, they are carried out unless this actor's request was carried out before,
    /// and what they came to is remembered in the same transaction. A repeat gets the outcomes of the
    /// first time, whatever has become of the entities since; of two at the same moment, one is the first.
    /// A refused list is not remembered, and a sender's requests are known to nobody else.
    fn execute_all(
        &self,
        tenant: TenantKey,
        actor: Actor,
        commands: Vec<Command>,
        repeatability: Option<Repeatability>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, ListError>>;

    /// Carries out one command.
    fn execute(&self, tenant: TenantKey, actor: Actor, command: Command) -> BoxFuture<'_, Result<Outcome, WriteError>> {
        Box::pin(async move {
            let outcomes = self.execute_all(tenant, actor, vec![command], None).await.map_err(|failed| failed.error)?;
            Ok(outcomes.into_iter().next().expect("there is an outcome for each command"))
        })
    }

    /// What this actor's request came to that was carried out before; `None` when it was not, or is
    /// forgotten. Refuses a request that has another one's id.
    fn executed<'a>(
        &'a self,
        tenant: TenantKey,
        actor: &'a Actor,
        repeatability: &'a Repeatability,
    ) -> BoxFuture<'a, Result<Option<Vec<Outcome>>, WriteError>>;

    /// Hands an event to the sink; `false` when there is none.
    fn event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
        carried: Carried,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// The event itself.
    fn load_event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<RiskEvent>, StoreError>>;

    /// The evidence of an event, in its order; `None` when there is no such event.
    fn evidence<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<Vec<Evidence>>, StoreError>>;

    /// The user with this id or name.
    fn load_user<'a>(&'a self, tenant: TenantKey, key: &'a UserKey) -> BoxFuture<'a, Result<Option<User>, StoreError>>;

    /// The user at risk with this id.
    fn load_risky_user<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RiskyUser>, StoreError>>;

    /// The history of a user at risk, the newest first: up to `limit` items from the one with the number
    /// `from` on, or from the newest.
    fn history<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
        from: Option<u64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<HistoryRecord>, StoreError>>;

    /// The event of a detection whose id must be kept for that: [`DetectionId::must_be_kept`].
    fn detected_event(
        &self,
        tenant: TenantKey,
        detection: DetectionId,
    ) -> BoxFuture<'_, Result<Option<EntityId>, StoreError>>;

    /// Hands a page to the sink. Answers the place to go on from, when more rows follow.
    fn page<'a>(
        &'a self,
        tenant: TenantKey,
        query: PageQuery,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Option<Place>, StoreError>>;

    /// The number of rows of a source that a filter keeps. Counts that kept totals answer are never
    /// asked for here: see [`Store::totals`].
    fn count(&self, tenant: TenantKey, source: Source, filter: Expression) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// The kept totals that are not zero: never a scan of what they count.
    fn totals(&self, tenant: TenantKey) -> BoxFuture<'_, Result<Vec<(Total, u64)>, StoreError>>;

    /// Up to `limit` entries of the change log after a number, in order.
    fn changes(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<ChangeRecord>, StoreError>>;

    /// Where the change log ends: everything that was read before is of this place or an earlier one.
    fn log_end(&self, tenant: TenantKey) -> BoxFuture<'_, Result<LogPlace, StoreError>>;

    /// The number that grows with every change of tenants, apps and keys; see [`Registry`]. Asked
    /// for every request.
    fn registry_epoch(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Tenants and apps.
    fn registry(&self) -> BoxFuture<'_, Result<Registry, StoreError>>;

    /// Changes tenants and apps.
    fn administer(&self, command: AdminCommand) -> BoxFuture<'_, Result<AdminOutcome, WriteError>>;

    /// Copies the store into one file while it is in use. `progress` is told the share that is done,
    /// 0 to 1. The file appears whole or not at all. May hold its thread up for as long as that
    /// takes: made for command lines.
    fn backup<'a>(
        &'a self,
        to: &'a Path,
        progress: &'a mut (dyn FnMut(f64) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Looks whether the store is sound: what `doctor` prints. Damage is a finding, not an error.
    /// May hold its thread up for as long as that takes: made for command lines.
    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>>;

    /// `None` while the store can acknowledge writes; else why it never will again in this process.
    fn failure(&self) -> Option<String>;

    /// Waits until the store has failed for good, and says why.
    fn failed(&self) -> BoxFuture<'_, String>;

    /// Finishes what was accepted and closes; from then on reads and writes are refused as
    /// [`StoreError::Stopped`].
    fn close(&self) -> BoxFuture<'_, ()>;
}
