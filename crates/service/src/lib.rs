//! What Spillwatch does. HTTP, the command line and whatever comes later all call these operations;
//! none of them decides anything again.
//!
//! Reads are methods of [`Service`]; writes are prepared on a [`Plan`], alone or several together.

mod beside;
pub mod checks;
mod delta;
mod delta_token;
mod detect;
mod directory;
mod error;
mod evidence;
mod identity;
mod identity_protection;
mod import;
pub mod jobs;
mod lists;
mod page_token;
mod pages;
mod parts;
mod plan;
mod query;
mod queue;
mod registry;
mod repeatability;
mod reseal;
mod retained;
mod risk_events;
pub mod tasks;
mod users;
mod vault;
mod wipe;

pub use crate::directory::{
    Import, ImportCounts, ImportOutcome, Importer, Known, KnownAccount, KnownUser, Prepared, Preparer, ProvisionError,
    Provisioned, Provisioner, Provisioning, Refused, Snapshot, Synced, Told, UserGuard, Users, VerifierCounts,
    alias_of, external_key,
};
pub use delta::{Change, ChangeSink, DeltaError, Progress, Removal, Watch};
pub use delta_token::{DeltaToken, NoDeltaToken};
pub use detect::{
    CheckCounts, Checked, Coverage, Detector, Findings, Pair, PasswordSet, Proof, ScanJudge, ScanTotals, Seen, Sighted,
    Sighting, Verdict,
};
pub use error::ServiceError;
pub use identity::Link;
pub use import::{ImportRow, Imported, Importing};
pub use lists::{Listed, Page};
pub use page_token::{PageToken, PageTokens};
pub use plan::{Plan, PlanError};
pub use query::{Form, carried_for, lacking, searched, shown, shown_in_delta};
pub use queue::{
    QueueCounts, QueueEnd, QueueLimits, QueueProgress, QueueScope, QueueWatch, QueueWorker, undecided_in_words,
};
pub use registry::NewApp;
pub use reseal::{Openable, Resealed, Tally, WaitingTally};
pub use retained::{Retention, Retrospect, looks_back};
pub use risk_events::EventSet;
pub use users::user_key;
pub use vault::Vault;

use model::{Clock, Entropy};
use std::sync::Arc;
use std::time::Duration;
use store::Store;

/// Choices that an operator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a user can be created without `passwordProfile`, which Graph demands and Spillwatch
    /// never keeps.
    pub password_profile_optional: bool,
    /// For how long repeatable requests are remembered.
    pub repeatability_window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { password_profile_optional: false, repeatability_window: Duration::from_hours(24) }
    }
}

/// The operations, over one store.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    page_tokens: PageTokens,
    settings: Settings,
}

impl Service {
    /// Puts the service over a store.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        page_tokens: PageTokens,
        settings: Settings,
    ) -> Self {
        Self { store, clock, entropy, page_tokens, settings }
    }

    /// The store below.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The source of chance.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Seals and opens `$skiptoken`s and `$deltatoken`s.
    pub fn page_tokens(&self) -> &PageTokens {
        &self.page_tokens
    }
}
