//! What is read of imported directories and of jobs.

use crate::{SqliteStore, accounts, candidates, jobs, log, tasks};
use model::{
    Account, AccountKey, CandidateKey, EntityId, FoundCredential, Job, JobRecord, QueuedCandidate, RetainedCandidate,
    RetainedMark, Subject, Task, TaskKey, TenantKey, Ticks,
};
use rusqlite::Connection;
use std::future::ready;
use store::{
    AccountSink, Accounts, BoxFuture, DirectoryStore, KeptVerifiers, StoreError, Undecided, VerifierSink, Waiting,
};

impl SqliteStore {
    /// Reads where it is asked for, or, when that may be much, on a thread of its own.
    async fn read_up_to<T: Send + 'static>(
        &self,
        limit: u32,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if limit <= log::SHORT {
            return self.readers.with(read);
        }
        self.slow.run(self.readers.clone(), read).await
    }
}

impl DirectoryStore for SqliteStore {
    fn account<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a AccountKey,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| accounts::load(db, tenant, key))))
    }

    fn accounts<'a>(
        &'a self,
        tenant: TenantKey,
        which: Accounts<'a>,
        after: Option<&'a AccountKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Account>, StoreError>> {
        if let Accounts::OfUsers(users) = which {
            let (users, after) = (users.to_vec(), after.cloned());
            return Box::pin(
                self.read_up_to(limit, move |db| accounts::of_users(db, tenant, &users, after.as_ref(), limit)),
            );
        }
        let source = match which {
            Accounts::OfSource(source) => Some(Box::<str>::from(source)),
            Accounts::All | Accounts::Outdated | Accounts::OfUsers(_) => None,
        };
        let (is_outdated, after) = (which == Accounts::Outdated, after.cloned());
        Box::pin(self.read_up_to(limit, move |db| {
            let which = match &source {
                Some(source) => Accounts::OfSource(source),
                None if is_outdated => Accounts::Outdated,
                None => Accounts::All,
            };
            accounts::list(db, tenant, which, after.as_ref(), limit)
        }))
    }

    fn look_at_accounts<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a AccountKey>,
        limit: u32,
        sink: &'a mut dyn AccountSink,
    ) -> BoxFuture<'a, Result<Option<AccountKey>, StoreError>> {
        // Where it is asked for, as pages are: on another thread there would be no row to borrow.
        Box::pin(async move { self.readers.with(|db| accounts::look(db, tenant, after, limit, sink)) })
    }

    fn look_at_verifiers<'a>(
        &'a self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
        sink: &'a mut dyn VerifierSink,
    ) -> BoxFuture<'a, Result<Option<u64>, StoreError>> {
        Box::pin(async move { self.readers.with(|db| accounts::look_at_verifiers(db, tenant, after, limit, sink)) })
    }

    fn verifiers(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<KeptVerifiers>, StoreError>> {
        Box::pin(self.read_up_to(limit, move |db| accounts::verifiers(db, tenant, after, limit)))
    }

    fn job<'a>(&'a self, tenant: TenantKey, id: &'a EntityId) -> BoxFuture<'a, Result<Option<Job>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| jobs::load(db, tenant, id))))
    }

    fn jobs(&self, tenant: TenantKey, before: Option<u64>, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(self.read_up_to(limit, move |db| jobs::list(db, tenant, before, limit)))
    }

    fn waiting_jobs(&self, tenant: TenantKey, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Job>, StoreError>> {
        Box::pin(self.read_up_to(limit, move |db| jobs::waiting(db, tenant, after, limit)))
    }

    fn records<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a Subject>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<JobRecord>, StoreError>> {
        let after = after.cloned();
        Box::pin(self.read_up_to(limit, move |db| jobs::records(db, tenant, job, after.as_ref(), limit)))
    }

    fn found<'a>(
        &'a self,
        tenant: TenantKey,
        job: u64,
        after: Option<&'a FoundCredential>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<FoundCredential>, StoreError>> {
        let after = after.cloned();
        Box::pin(self.read_up_to(limit, move |db| jobs::found(db, tenant, job, after.as_ref(), limit)))
    }

    fn found_of<'a>(
        &'a self,
        tenant: TenantKey,
        user: &'a EntityId,
        after: Option<&'a (u64, FoundCredential)>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(u64, FoundCredential)>, StoreError>> {
        let (user, after) = (user.clone(), after.cloned());
        Box::pin(self.read_up_to(limit, move |db| jobs::found_of(db, tenant, &user, after.as_ref(), limit)))
    }

    fn tasks(&self, tenant: TenantKey, from: TaskKey, limit: u32) -> BoxFuture<'_, Result<Vec<Task>, StoreError>> {
        Box::pin(self.read_up_to(limit, move |db| tasks::list(db, tenant, from, limit)))
    }

    fn waiting(&self, tenant: TenantKey, job: Option<u64>) -> BoxFuture<'_, Result<Waiting, StoreError>> {
        Box::pin(self.slow.run(self.readers.clone(), move |db| candidates::waiting(db, tenant, job)))
    }

    fn undecided(&self, tenant: TenantKey, job: u64) -> BoxFuture<'_, Result<Vec<Undecided>, StoreError>> {
        Box::pin(self.slow.run(self.readers.clone(), move |db| candidates::undecided(db, tenant, job)))
    }

    fn candidates<'a>(
        &'a self,
        tenant: TenantKey,
        after: Option<&'a CandidateKey>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<QueuedCandidate>, StoreError>> {
        let after = after.cloned();
        Box::pin(self.read_up_to(limit, move |db| candidates::list(db, tenant, after.as_ref(), limit)))
    }

    fn retained<'a>(
        &'a self,
        tenant: TenantKey,
        names: &'a [RetainedMark],
        now: Ticks,
    ) -> BoxFuture<'a, Result<Vec<RetainedCandidate>, StoreError>> {
        let names = names.to_vec();
        Box::pin(self.slow.run(self.readers.clone(), move |db| candidates::retained(db, tenant, &names, now)))
    }

    fn all_retained(
        &self,
        tenant: TenantKey,
        after: Option<(RetainedMark, RetainedMark)>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<RetainedCandidate>, StoreError>> {
        Box::pin(self.read_up_to(limit, move |db| candidates::list_retained(db, tenant, after, limit)))
    }
}
