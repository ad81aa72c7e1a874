//! What a store keeps of imported directories and of jobs. It is written by commands, as everything is; nothing of it
//! is an entity of the API.

use crate::{BoxFuture, StoreError};
use model::{Account, AccountKey, EntityId, FoundCredential, Job, JobRecord, Subject, Task, TaskKey, TenantKey};

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
    /// rule (texts by code point, none before any), after one.
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
}
