//! What a store keeps of imported directories and of jobs. It is written by commands, as everything is; nothing of it
//! is an entity of the API.

use crate::{BoxFuture, StoreError, Undecided, Waiting, each_name};
use model::{
    Account, AccountKey, CandidateKey, EntityId, FoundCredential, Job, JobRecord, QueuedCandidate, RetainedCandidate,
    RetainedMark, Subject, Task, TaskKey, TenantKey, Ticks,
};

/// Which accounts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounts<'a> {
    /// All of them.
    All,
    /// Those of one source.
    OfSource(&'a str),
    /// Those whose verifiers are others since open events of their users were raised.
    Outdated,
    /// Those of users, by their ids.
    OfUsers(&'a [EntityId]),
}

/// Verifiers as the store keeps them: sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVerifiers {
    /// Their number: what an account's mark names.
    pub number: u64,
    /// The account that they were written for.
    pub account: AccountKey,
    /// Its user.
    pub user: EntityId,
    /// The verifiers, under a key that is not in the store.
    pub sealed: Box<[u8]>,
}

/// What names a user in an account, borrowed while the store stands on its row.
#[derive(Clone, Copy)]
pub struct AccountRow<'r> {
    /// The directory.
    pub source: &'r str,
    /// The user's key in it.
    pub key: &'r str,
    /// The user's id.
    pub user: &'r str,
    /// The names, as [`write_names`](crate::write_names) wrote them.
    pub names: &'r str,
    /// Whether the user administers something.
    pub is_administrator: bool,
    /// The number of the verifiers.
    pub verifiers: Option<u64>,
}

impl AccountRow<'_> {
    /// Looks at each name: its attribute and its value.
    pub fn each_name(&self, look: impl FnMut(&str, &str)) -> Result<(), StoreError> {
        each_name(self.names, look)
    }
}

/// Takes accounts as they are read.
pub trait AccountSink: Send {
    /// Takes one; an error ends the reading.
    fn account(&mut self, account: &AccountRow<'_>) -> Result<(), StoreError>;
}

impl<F: FnMut(&AccountRow<'_>) -> Result<(), StoreError> + Send> AccountSink for F {
    fn account(&mut self, account: &AccountRow<'_>) -> Result<(), StoreError> {
        self(account)
    }
}

/// Sealed verifiers, borrowed while the store stands on their row: what [`KeptVerifiers`] has but the user.
#[derive(Clone, Copy)]
pub struct VerifierRow<'r> {
    /// Their number.
    pub number: u64,
    /// The directory of the account that they were written for.
    pub source: &'r str,
    /// The account's key in it.
    pub key: &'r str,
    /// The verifiers, under a key that is not in the store.
    pub sealed: &'r [u8],
}

/// Takes sealed verifiers as they are read.
pub trait VerifierSink: Send {
    /// Takes some; an error ends the reading.
    fn verifiers(&mut self, verifiers: &VerifierRow<'_>) -> Result<(), StoreError>;
}

impl<F: FnMut(&VerifierRow<'_>) -> Result<(), StoreError> + Send> VerifierSink for F {
    fn verifiers(&mut self, verifiers: &VerifierRow<'_>) -> Result<(), StoreError> {
        self(verifiers)
    }
}

/// Reads accounts, verifiers and jobs. A tenant that does not exist has none.
pub trait DirectoryStore {
    /// The account with this key.
    fn account<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a AccountKey,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>>;

    /// Up to `limit` accounts in the order of source and key (by code point), after the one with the key `after`.
    fn accounts<'a>(
        &'a self,
        tenant: TenantKey,
        which: Accounts<'a>,
        after: Option<&'a AccountKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Account>, StoreError>>;

    /// Hands up to `limit` of all accounts to a sink, in the same order, after the one with the key `after`; answers the
    /// key of the last when more may follow. Nothing is made of a row but what the sink makes of it: for who reads all.
    fn look_at_accounts<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a AccountKey>,
        limit: u32,
        sink: &'a mut dyn AccountSink,
    ) -> BoxFuture<'a, Result<Option<AccountKey>, StoreError>>;

    /// The same of sealed verifiers, in the order of their numbers.
    fn look_at_verifiers<'a>(
        &'a self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
        sink: &'a mut dyn VerifierSink,
    ) -> BoxFuture<'a, Result<Option<u64>, StoreError>>;

    /// Up to `limit` sealed verifiers in the order of their numbers, after a number: also those that no account has any
    /// more, since a job that took them away can be undone.
    fn verifiers(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<KeptVerifiers>, StoreError>>;

    /// The job with this id.
    fn job<'a>(&'a self, tenant: TenantKey, id: &'a EntityId) -> BoxFuture<'a, Result<Option<Job>, StoreError>>;

    /// Up to `limit` jobs, the newest first, older than the one that the change with the number `before` made.
    fn jobs(&self, tenant: TenantKey, before: Option<u64>, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>>;

    /// The jobs that wait for workers, the oldest first, up to `limit`, newer than the one that the change with the number
    /// `after` made.
    fn waiting_jobs(&self, tenant: TenantKey, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>>;

    /// Up to `limit` records of what a job changed, in the order in which they are taken back: events, accounts, users,
    /// each by their ids (by code point), after one.
    fn records<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a Subject>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<JobRecord>, StoreError>>;

    /// Up to `limit` credentials that a job has found, in the order of user, fingerprint, source, class, attribute and
    /// rule (texts by code point, none before any), after one. What waits for a candidate is none of them.
    fn found<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a FoundCredential>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<FoundCredential>, StoreError>>;

    /// Up to `limit` credentials of a user that jobs have found, each with the number of its job, in the order of job,
    /// fingerprint, source, class, attribute and rule, after one.
    fn found_of<'a>(
        &'a self,
        tenant: TenantKey,
        user: &'a EntityId,
        after: Option<&'a (u64, FoundCredential)>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(u64, FoundCredential)>, StoreError>>;

    /// Up to `limit` tasks of a job in the order of their numbers, from one on.
    fn tasks(&self, tenant: TenantKey, from: TaskKey, limit: u32) -> BoxFuture<'_, Result<Vec<Task>, StoreError>>;

    /// How many candidates wait to be checked: those that findings of a job wait for, or all.
    fn waiting(&self, tenant: TenantKey, job: Option<u64>) -> BoxFuture<'_, Result<Waiting, StoreError>>;

    /// How many candidates of a job could not be checked, by reasons, the most frequent first; without those that were
    /// decided later.
    fn undecided(&self, tenant: TenantKey, job: u64) -> BoxFuture<'_, Result<Vec<Undecided>, StoreError>>;

    /// Up to `limit` candidates that wait to be checked, in the order of user and fingerprint, after one.
    fn candidates<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a CandidateKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<QueuedCandidate>, StoreError>>;

    /// What is kept for users who come later beside these names, of each in the order of credentials; none whose time is
    /// over.
    fn retained<'a>(
        &'a self,
        tenant: TenantKey,
        names: &'a [RetainedMark],
        now: Ticks,
    ) -> BoxFuture<'a, Result<Vec<RetainedCandidate>, StoreError>>;

    /// Up to `limit` of all that is kept for users who come later, in the order of name and credential, after one.
    fn all_retained(
        &self,
        tenant: TenantKey,
        after: Option<(RetainedMark, RetainedMark)>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RetainedCandidate>, StoreError>>;
}
