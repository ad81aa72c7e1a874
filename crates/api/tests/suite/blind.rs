//! A store that knows jobs and tasks, and fails on everything that could tell of a user, an account or an event.

use model::{
    Account, AccountKey, Actor, CandidateKey, Command, DetectionId, EntityId, EventKey, Evidence, FoundCredential, Job,
    JobRecord, QueuedCandidate, Registry, Repeatability, RetainedCandidate, RetainedMark, RiskEvent, RiskyUser,
    Subject, Task, TaskKey, TenantKey, Ticks, User, UserKey,
};
use odata::expression::bound::Expression;
use std::path::Path;
use std::sync::Arc;
use store::sql::Place;
use store::{
    AccountSink, Accounts, AdminCommand, AdminOutcome, BoxFuture, Carried, ChangeRecord, DirectoryStore, Finding,
    HistoryRecord, KeptVerifiers, ListError, LogPlace, Outcome, PageQuery, RowSink, Source, Store, StoreError,
    Undecided, VerifierSink, Waiting, WriteError,
};

/// What is read fails; see the module.
pub(crate) struct Blind(pub Arc<dyn Store>);

type Read<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What every read of what it does not know comes to.
fn seen<'a, T: Send + 'a>(what: &'static str) -> Read<'a, T> {
    Box::pin(async move { Err(StoreError::Corrupt(format!("{what} was read, which nobody was to look at"))) })
}

impl DirectoryStore for Blind {
    fn account<'a>(&'a self, _: TenantKey, _: &'a AccountKey) -> Read<'a, Option<Account>> {
        seen("an account")
    }

    fn accounts<'a>(
        &'a self,
        _: TenantKey,
        _: Accounts<'a>,
        _: Option<&'a AccountKey>,
        _: u32,
    ) -> Read<'a, Vec<Account>> {
        seen("accounts")
    }

    fn look_at_accounts<'a>(
        &'a self,
        _: TenantKey,
        _: Option<&'a AccountKey>,
        _: u32,
        _: &'a mut dyn AccountSink,
    ) -> Read<'a, Option<AccountKey>> {
        seen("accounts")
    }

    fn look_at_verifiers<'a>(
        &'a self,
        _: TenantKey,
        _: u64,
        _: u32,
        _: &'a mut dyn VerifierSink,
    ) -> Read<'a, Option<u64>> {
        seen("verifiers")
    }

    fn verifiers(&self, _: TenantKey, _: u64, _: u32) -> Read<'_, Vec<KeptVerifiers>> {
        seen("verifiers")
    }

    fn waiting_jobs(&self, tenant: TenantKey, after: u64, limit: u32) -> Read<'_, Vec<Job>> {
        self.0.waiting_jobs(tenant, after, limit)
    }

    fn waiting(&self, _: TenantKey, _: Option<u64>) -> Read<'_, Waiting> {
        seen("the queue of candidates")
    }

    fn undecided(&self, _: TenantKey, _: u64) -> Read<'_, Vec<Undecided>> {
        seen("the queue of candidates")
    }

    fn candidates<'a>(&'a self, _: TenantKey, _: Option<&'a CandidateKey>, _: u32) -> Read<'a, Vec<QueuedCandidate>> {
        seen("candidates")
    }

    fn retained<'a>(&'a self, _: TenantKey, _: &'a [RetainedMark], _: Ticks) -> Read<'a, Vec<RetainedCandidate>> {
        seen("what is kept beside names")
    }

    fn all_retained(
        &self,
        _: TenantKey,
        _: Option<(RetainedMark, RetainedMark)>,
        _: u32,
    ) -> Read<'_, Vec<RetainedCandidate>> {
        seen("what is kept beside names")
    }

    fn job<'a>(&'a self, tenant: TenantKey, id: &'a EntityId) -> Read<'a, Option<Job>> {
        self.0.job(tenant, id)
    }

    fn jobs(&self, tenant: TenantKey, before: Option<u64>, limit: u32) -> Read<'_, Vec<Job>> {
        self.0.jobs(tenant, before, limit)
    }

    fn records<'a>(&'a self, _: TenantKey, _: u64, _: Option<&'a Subject>, _: u32) -> Read<'a, Vec<JobRecord>> {
        seen("records")
    }

    fn found<'a>(
        &'a self,
        _: TenantKey,
        _: u64,
        _: Option<&'a FoundCredential>,
        _: u32,
    ) -> Read<'a, Vec<FoundCredential>> {
        seen("findings")
    }

    fn found_of<'a>(
        &'a self,
        _: TenantKey,
        _: &'a EntityId,
        _: Option<&'a (u64, FoundCredential)>,
        _: u32,
    ) -> Read<'a, Vec<(u64, FoundCredential)>> {
        seen("findings of a user")
    }

    fn tasks(&self, tenant: TenantKey, from: TaskKey, limit: u32) -> Read<'_, Vec<Task>> {
        self.0.tasks(tenant, from, limit)
    }
}

impl Store for Blind {
    fn execute_all(
        &self,
        tenant: TenantKey,
        actor: Actor,
        commands: Vec<Command>,
        repeatability: Option<Repeatability>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, ListError>> {
        assert!(commands.iter().all(|command| matches!(command, Command::PutJob { .. })), "only jobs are written");
        self.0.execute_all(tenant, actor, commands, repeatability)
    }

    fn executed<'a>(
        &'a self,
        tenant: TenantKey,
        actor: &'a Actor,
        repeatability: &'a Repeatability,
    ) -> BoxFuture<'a, Result<Option<Vec<Outcome>>, WriteError>> {
        self.0.executed(tenant, actor, repeatability)
    }

    fn event<'a>(&'a self, _: TenantKey, _: &'a EventKey, _: Carried, _: &'a mut dyn RowSink) -> Read<'a, bool> {
        seen("an event")
    }

    fn load_event<'a>(&'a self, _: TenantKey, _: &'a EventKey) -> Read<'a, Option<RiskEvent>> {
        seen("an event")
    }

    fn evidence<'a>(&'a self, _: TenantKey, _: &'a EventKey) -> Read<'a, Option<Vec<Evidence>>> {
        seen("evidence")
    }

    fn load_user<'a>(&'a self, _: TenantKey, _: &'a UserKey) -> Read<'a, Option<User>> {
        seen("a user")
    }

    fn load_risky_user<'a>(&'a self, _: TenantKey, _: &'a str) -> Read<'a, Option<RiskyUser>> {
        seen("a user at risk")
    }

    fn history<'a>(&'a self, _: TenantKey, _: &'a str, _: Option<u64>, _: u32) -> Read<'a, Vec<HistoryRecord>> {
        seen("a history")
    }

    fn detected_event(&self, _: TenantKey, _: DetectionId) -> Read<'_, Option<EntityId>> {
        seen("a detection")
    }

    fn page<'a>(&'a self, _: TenantKey, _: PageQuery, _: &'a mut dyn RowSink) -> Read<'a, Option<Place>> {
        seen("a list")
    }

    fn count(&self, _: TenantKey, _: Source, _: Expression) -> Read<'_, u64> {
        seen("a count")
    }

    fn totals(&self, _: TenantKey) -> Read<'_, Vec<(model::Total, u64)>> {
        seen("a total")
    }

    fn changes(&self, _: TenantKey, _: u64, _: u32) -> Read<'_, Vec<ChangeRecord>> {
        seen("the change log")
    }

    fn log_end(&self, _: TenantKey) -> Read<'_, LogPlace> {
        seen("the end of the change log")
    }

    fn registry_epoch(&self) -> Read<'_, u64> {
        self.0.registry_epoch()
    }

    fn registry(&self) -> Read<'_, Registry> {
        self.0.registry()
    }

    fn administer(&self, command: AdminCommand) -> BoxFuture<'_, Result<AdminOutcome, WriteError>> {
        self.0.administer(command)
    }

    fn backup<'a>(&'a self, to: &'a Path, progress: &'a mut (dyn FnMut(f64) + Send)) -> Read<'a, ()> {
        self.0.backup(to, progress)
    }

    fn check(&self) -> Read<'_, Vec<Finding>> {
        self.0.check()
    }

    fn failure(&self) -> Option<String> {
        self.0.failure()
    }

    fn failed(&self) -> BoxFuture<'_, String> {
        self.0.failed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}
