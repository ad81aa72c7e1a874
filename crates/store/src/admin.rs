//! Changes of tenants and apps, and work over what is kept of directories and jobs. Each, but for claims, raises the registry's epoch:
//! remembered tokens are looked at again, and a transfer, which follows the change log, learns of what stands in none.
//! A store that remembers the epoch for a moment waits for that to pass before it answers a change of tenants and apps; with
//! the rest it need not.

use crate::{CandidateCommand, CandidateOutcome, RetentionCommand, TaskCommand, TaskOutcome};
use model::{App, AppId, AppSecret, TenantId, TenantKey, Ticks};

/// A change of the registry, or upkeep.
#[derive(Clone, Debug)]
pub enum AdminCommand {
    /// Adds a tenant.
    AddTenant {
        /// Its id.
        id: TenantId,
        /// Its name.
        name: Box<str>,
        /// Now.
        created: Ticks,
    },
    /// Removes a tenant with everything in it.
    RemoveTenant(TenantKey),
    /// Adds an app with its first secret.
    AddApp(App),
    /// Gives an app a further secret; refused when it has two.
    AddSecret {
        /// The app.
        app: AppId,
        /// The secret.
        secret: AppSecret,
    },
    /// Takes one secret from an app.
    RemoveSecret {
        /// The app.
        app: AppId,
        /// The secret's id.
        secret: uuid::Uuid,
    },
    /// Removes an app; its tokens are refused from now on.
    RemoveApp(AppId),
    /// Only raises the epoch: a key of the built-in issuer was rotated.
    RaiseEpoch,
    /// Puts verifiers that are sealed with another key in the place of what they were: by their numbers. Those that are
    /// gone are left out.
    Reseal {
        /// Whose.
        tenant: TenantKey,
        /// Numbers and sealed verifiers.
        verifiers: Vec<(u64, Box<[u8]>)>,
    },
    /// Forgets what a job has found and what it changed, so that it can no longer be undone, and the verifiers that
    /// were kept for that alone.
    ForgetRecords {
        /// Whose.
        tenant: TenantKey,
        /// The job: the number of the change that made it.
        job: u64,
    },
    /// Changes tasks.
    Tasks {
        /// Whose.
        tenant: TenantKey,
        /// How.
        command: TaskCommand,
    },
    /// Changes the queue of candidates.
    Candidates {
        /// Whose.
        tenant: TenantKey,
        /// How.
        command: CandidateCommand,
    },
    /// Changes what is kept for users who come later.
    Retain {
        /// Whose.
        tenant: TenantKey,
        /// How.
        command: RetentionCommand,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminOutcome {
    /// Done.
    Done,
    /// The tenant that was added.
    Tenant(TenantKey),
    /// What was named does not exist.
    NotFound,
    /// What was to be added exists already.
    Exists,
    /// The app has two secrets already.
    TooManySecrets,
    /// What came of a change of tasks.
    Task(TaskOutcome),
    /// What came of a change of candidates, those that wait or those that are kept.
    Candidates(CandidateOutcome),
}
