//! What a job has found becomes events: one for each user and credential, whatever the job (leaks.md, section 7.1).

use super::{Brake, HEARTBEAT, JobError, RunningJob};
use crate::CheckCounts;
use crate::vault::{Vault, created_at};
use model::{
    Account, Caller, Command, EntityId, EventKey, FindingNote, FoundCredential, Job, JobKind, MatchClass, Note,
    RiskEventStatus, User, UserKey, edm,
};
use odata::encode::{Cell, Row as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::time::Instant;
use store::Accounts;

/// Rows that are read at once.
const PAGE: u32 = 1_000;
/// What came of the findings of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Raised {
    /// New events.
    pub raised: u64,
    /// Events that were remediated and are open again.
    pub reopened: u64,
    /// Events that have more evidence now.
    pub added: u64,
    /// Findings that were known.
    pub known: u64,
    /// Findings about users who are gone.
    pub no_user: u64,
    /// Findings whose verifier is no longer the user's.
    pub outdated: u64,
}

/// Whether findings became events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raising {
    /// They did.
    Done(Raised),
    /// The brake holds them: why.
    Held(String),
}

impl RunningJob {
    /// Raises events of everything that the job has found, unless the brake holds it before the first one.
    pub async fn raise(&mut self, vault: &Vault, brake: Brake) -> Result<Raising, JobError> {
        if let Some(why) = self.weigh(vault, brake).await? {
            return Ok(Raising::Held(why));
        }
        let mut raised = Raised::default();
        let mut after: Option<FoundCredential> = None;
        let mut heard = Instant::now();
        loop {
            let page = self.found(after.as_ref()).await?;
            let Some(last) = page.last().cloned() else { return Ok(Raising::Done(raised)) };
            let commands = page.into_iter().map(|found| self.command(vault, found));
            let count = |note| {
                if let Note::Finding(note) = note {
                    raised.count(note);
                }
            };
            self.service.carry_out(&self.caller, commands, count).await?;
            after = Some(last);
            if heard.elapsed() >= HEARTBEAT {
                let progress: serde_json::Value = self.progress()?;
                self.keep(&progress, Vec::new()).await?;
                heard = Instant::now();
            }
        }
    }

    async fn found(&self, after: Option<&FoundCredential>) -> Result<Vec<FoundCredential>, JobError> {
        Ok(self.service.store().found(self.caller.tenant, self.job.creation, after, PAGE).await?)
    }

    fn event_id(&self, vault: &Vault, found: &FoundCredential) -> EntityId {
        vault.event_id(self.caller.tenant_id, &found.user, &found.fingerprint)
    }

    fn command(&self, vault: &Vault, found: FoundCredential) -> Command {
        let id = self.event_id(vault, &found);
        let created = created_at(self.job.created, &id);
        Command::RaiseFinding { job: self.job.creation, id, created, found: Box::new(found) }
    }

    /// Counts the users who would get a new risk, and asks the brake.
    async fn weigh(&self, vault: &Vault, brake: Brake) -> Result<Option<String>, JobError> {
        if brake == Brake::RELEASED {
            return Ok(None);
        }
        let (store, tenant) = (self.service.store(), self.caller.tenant);
        let mut touched: HashSet<EntityId> = HashSet::new();
        let mut after: Option<FoundCredential> = None;
        loop {
            let page = self.found(after.as_ref()).await?;
            let Some(last) = page.last().cloned() else { break };
            for found in page {
                let key = EventKey { id: self.event_id(vault, &found), kind: None };
                let event = store.load_event(tenant, &key).await?;
                let settled =
                    |status| status != RiskEventStatus::Remediated && status != RiskEventStatus::ClosedMfaAuto;
                if !event.is_some_and(|event| settled(event.risk_event_status)) {
                    touched.insert(found.user);
                }
            }
            after = Some(last);
        }
        self.service.weigh(tenant, brake, &touched).await
    }
}

impl crate::Service {
    /// Asks the brake about users whom a job would touch.
    pub(crate) async fn weigh(
        &self,
        tenant: model::TenantKey,
        brake: Brake,
        touched: &HashSet<EntityId>,
    ) -> Result<Option<String>, JobError> {
        if touched.is_empty() || brake == Brake::RELEASED {
            return Ok(None);
        }
        let mut administrators: HashSet<EntityId> = HashSet::new();
        let look = |account: Account| {
            if account.is_administrator && touched.contains(&account.user) {
                administrators.insert(account.user);
            }
        };
        self.each_account(tenant, Accounts::All, look).await?;
        let users = self.user_count(tenant).await?;
        Ok(brake.holds(touched.len() as u64, administrators.len() as u64, users))
    }
}

impl Raised {
    fn count(&mut self, note: FindingNote) {
        let count = match note {
            FindingNote::Raised => &mut self.raised,
            FindingNote::Reopened => &mut self.reopened,
            FindingNote::Added => &mut self.added,
            FindingNote::Known => &mut self.known,
            FindingNote::NoUser => &mut self.no_user,
            FindingNote::Outdated => &mut self.outdated,
        };
        *count += 1;
    }
}

/// What a job has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundCounts {
    /// Credentials of users in sources.
    pub credentials: u64,
    /// Places at which a current credential stands.
    pub places: u64,
    /// Users whose they are.
    pub users: u64,
    /// Of these, those who cannot sign in.
    pub disabled: u64,
    /// Passwords of users that could not be checked.
    pub undecided: u64,
    /// Places at which these stand.
    pub undecided_places: u64,
}

impl crate::Service {
    /// Counts what a job has found, names without a credential left out.
    pub async fn found_counts(&self, caller: &Caller, job: &Job) -> Result<FoundCounts, JobError> {
        let mut counts = FoundCounts::default();
        for reason in self.undecided(caller, job).await? {
            counts.undecided += reason.candidates;
            counts.undecided_places += reason.places;
        }
        let (mut after, mut last_user): (Option<FoundCredential>, Option<EntityId>) = (None, None);
        loop {
            let page = self.store().found(caller.tenant, job.creation, after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { return Ok(counts) };
            for found in page.into_iter().filter(|found| found.finding.match_class != MatchClass::AddressOnly) {
                counts.credentials += 1;
                counts.places += u64::from(found.occurrences.unsigned_abs());
                // They come in the order of users.
                if last_user.as_ref() != Some(&found.user) {
                    counts.users += 1;
                    let user = self.store().load_user(caller.tenant, &UserKey::Id(found.user.clone())).await?;
                    let is_disabled = |user: &User| matches!(user.cell(edm::user::ACCOUNT_ENABLED), Cell::Integer(0));
                    counts.disabled += u64::from(user.as_ref().is_some_and(is_disabled));
                    last_user = Some(found.user);
                }
            }
            after = Some(last);
        }
    }

    /// Ends a job of which nothing is left but to raise what it has found; one that waits for slow verifiers goes on
    /// waiting.
    pub async fn end_job(&self, mut job: RunningJob, vault: &Vault, brake: Brake) -> Result<Job, JobError> {
        let caller = job.caller().clone();
        let mut progress: Value = job.progress()?;
        if self.waiting(&caller, Some(job.job().creation)).await?.candidates > 0 {
            return job.wait(&progress).await;
        }
        match job.job().kind {
            JobKind::Scan => {
                let found = self.found_counts(&caller, job.job()).await?;
                progress["current"] = found.places.into();
                progress["users"] = found.users.into();
                progress["disabledUsers"] = found.disabled.into();
                progress["undecided"] = found.undecided.into();
            }
            JobKind::Check => {
                let mut counts: CheckCounts = serde_json::from_value(progress["counts"].take()).unwrap_or_default();
                counts.settle(&self.found_counts(&caller, job.job()).await?);
                progress["counts"] = serde_json::to_value(counts).unwrap_or_default();
            }
            JobKind::Import | JobKind::Undo => {}
        }
        let raising = match job.raise(vault, brake).await {
            Ok(raising) => raising,
            Err(error) => return Err(job.failed(error).await),
        };
        let job = match raising {
            Raising::Done(raised) => {
                progress["raised"] = serde_json::to_value(raised).unwrap_or_default();
                job.complete(&progress).await?
            }
            Raising::Held(why) => job.hold(&why, &progress).await?,
        };
        self.forget_old_records(&caller).await?;
        Ok(job)
    }
}
