//! Passwords that wait, sealed: whether the keys at hand open them, and sealing them anew.

use super::Tally;
use crate::checks::{HandedIn, resealed};
use crate::jobs::JobError;
use crate::{Service, ServiceError, Vault};
use auth::SealError;
use model::{Job, JobKind, JobState, TaskKey, TaskKind, TaskState, Tenant};
use std::iter;
use std::ops::{Add, AddAssign};
use store::{AdminCommand, CandidateCommand, RetentionCommand, TaskCommand};

/// Rows that are read at once, and sealed anew in one transaction.
const PAGE: u32 = 1_000;

/// What became of passwords that wait, by what they wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingTally {
    /// Candidates that wait for slow verifiers.
    pub candidates: Tally,
    /// What scans kept for users who come later.
    pub retained: Tally,
    /// Pairs that were handed in and are not checked.
    pub pairs: Tally,
}

impl WaitingTally {
    /// Of all kinds together.
    pub fn sum(&self) -> Tally {
        self.candidates + self.retained + self.pairs
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            resealed: self.resealed + other.resealed,
            unopenable: self.unopenable + other.unopenable,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// A round over everything that waits.
struct Round<'r> {
    vault: &'r Vault,
    /// Whether what is sealed anew is kept.
    keeps: bool,
    tally: WaitingTally,
    why: Option<SealError>,
}

impl Round<'_> {
    /// Takes in what came of one, which stands for so many; answers what is to be kept of it.
    fn take<T>(
        &mut self,
        outcome: Result<Option<T>, SealError>,
        count: u64,
        of: fn(&mut WaitingTally) -> &mut Tally,
    ) -> Result<Option<T>, JobError> {
        let tally = of(&mut self.tally);
        tally.all += count;
        match outcome {
            Ok(Some(anew)) if self.keeps => {
                tally.resealed += count;
                Ok(Some(anew))
            }
            Ok(_) => Ok(None),
            Err(SealError::Crypto { name }) => Err(SealError::Crypto { name }.into()),
            Err(why) => {
                tally.unopenable += count;
                self.why.get_or_insert(why);
                Ok(None)
            }
        }
    }
}

impl Service {
    /// Whether any tenant has passwords that wait.
    pub(super) async fn has_waiting(&self) -> Result<bool, JobError> {
        for tenant in self.registry().await?.tenants {
            if !self.store().candidates(tenant.key, None, 1).await?.is_empty()
                || !self.store().all_retained(tenant.key, None, 1).await?.is_empty()
            {
                return Ok(true);
            }
            let mut has_pairs = false;
            self.each_job_of_pairs(&tenant, async |job| {
                let from = TaskKey { job: job.creation, number: 0 };
                let tasks = self.store().tasks(tenant.key, from, PAGE).await?;
                has_pairs |= tasks.iter().any(|task| task.state != TaskState::Done);
                Ok(())
            })
            .await?;
            if has_pairs {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens all that waits, and keeps nothing; tells why the first one is not opened.
    pub(super) async fn look_at_waiting(&self, vault: &Vault) -> Result<(WaitingTally, Option<SealError>), JobError> {
        let round = self.round(Round { vault, keeps: false, tally: WaitingTally::default(), why: None }).await?;
        Ok((round.tally, round.why))
    }

    /// Seals all that waits with the key in use, until there is nothing to do.
    pub(super) async fn reseal_waiting(&self, vault: &Vault) -> Result<WaitingTally, JobError> {
        let mut before = WaitingTally::default();
        loop {
            let round = self.round(Round { vault, keeps: true, tally: WaitingTally::default(), why: None }).await?;
            let mut tally = round.tally;
            let resealed = tally.sum().resealed;
            tally.candidates.resealed += before.candidates.resealed;
            tally.retained.resealed += before.retained.resealed;
            tally.pairs.resealed += before.pairs.resealed;
            if resealed == 0 {
                return Ok(tally);
            }
            before = tally;
        }
    }

    async fn round<'r>(&self, mut round: Round<'r>) -> Result<Round<'r>, JobError> {
        for tenant in self.registry().await?.tenants {
            self.round_of_candidates(&tenant, &mut round).await?;
            self.round_of_retained(&tenant, &mut round).await?;
            self.each_job_of_pairs(&tenant, async |job| self.round_of_pairs(&tenant, &job, &mut round).await).await?;
        }
        Ok(round)
    }

    async fn round_of_candidates(&self, tenant: &Tenant, round: &mut Round<'_>) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let page = self.store().candidates(tenant.key, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key.clone());
            let mut anew = Vec::new();
            for queued in page {
                let outcome = round.vault.reseal_candidate(tenant.id, &queued.key, &queued.sealed);
                let sealed = round.take(outcome, 1, |tally| &mut tally.candidates)?;
                anew.extend(sealed.map(|sealed| (queued.key, sealed)));
            }
            if !anew.is_empty() {
                self.change_candidates(tenant.key, CandidateCommand::Reseal(anew)).await?;
            }
        }
    }

    async fn round_of_retained(&self, tenant: &Tenant, round: &mut Round<'_>) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let page = self.store().all_retained(tenant.key, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.name, last.credential));
            let mut anew = Vec::new();
            for kept in &page {
                let outcome = round.vault.reseal_retained(tenant.id, kept);
                anew.extend(round.take(outcome, 1, |tally| &mut tally.retained)?);
            }
            if !anew.is_empty() {
                self.change_retained(tenant.key, RetentionCommand::Reseal(anew)).await?;
            }
        }
    }

    async fn round_of_pairs(&self, tenant: &Tenant, job: &Job, round: &mut Round<'_>) -> Result<(), JobError> {
        let asked = HandedIn::of(job);
        let mut from = TaskKey { job: job.creation, number: 0 };
        loop {
            let page = self.store().tasks(tenant.key, from, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            from.number = last.key.number + 1;
            let mut payloads = Vec::new();
            for task in page.iter().filter(|task| task.kind == TaskKind::Check && task.state != TaskState::Done) {
                let number = task.key.number;
                let count = asked.as_ref().map_or(1, |asked| asked.pairs_of(iter::once(number)));
                let outcome = resealed(round.vault, tenant.id, (job, task));
                let payload = round.take(outcome, count, |tally| &mut tally.pairs)?;
                payloads.extend(payload.map(|payload| (number, payload)));
            }
            if !payloads.is_empty() {
                let command = TaskCommand::Reseal { job: job.creation, payloads };
                let command = AdminCommand::Tasks { tenant: tenant.key, command };
                self.store().administer(command).await.map_err(ServiceError::from)?;
            }
        }
    }

    /// The jobs whose pairs may still be checked: also one that failed can be resumed.
    async fn each_job_of_pairs(
        &self,
        tenant: &Tenant,
        mut look: impl AsyncFnMut(Job) -> Result<(), JobError>,
    ) -> Result<(), JobError> {
        let mut before = None;
        loop {
            let page = self.store().jobs(tenant.key, before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.creation);
            for job in page {
                if job.kind == JobKind::Check && !matches!(job.state, JobState::Completed | JobState::Undone) {
                    look(job).await?;
                }
            }
        }
    }
}
