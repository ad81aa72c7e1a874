//! Taking back what a job did: in chunks, each thing by itself, so that the tenant goes on meanwhile.

use super::{HEARTBEAT, JobError, RunningJob};
use crate::Service;
use crate::checks::HandedIn;
use model::{Caller, Command, EntityId, Job, JobKind, JobState, Note, RevertNote, Subject};
use serde::{Deserialize, Serialize};
use std::time::Instant;
use store::CandidateCommand;

/// Records that are read at once.
const PAGE: u32 = 1_000;

/// What an undo was asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    /// The job that it takes back.
    undoes: String,
    /// Whether also what others have changed since.
    force: bool,
}

/// How a job is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Undoing {
    /// Whether also what others have changed since.
    pub force: bool,
    /// Whether the process that works at the job is known to be dead.
    pub take_over: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Undone {
    /// Things that are as they were before the job.
    pub reverted: u64,
    /// Things that somebody else has changed since, which were left as they are.
    pub changed_since: u64,
    /// Things that cannot be as they were: their name belongs to somebody else, or others refer to them.
    pub blocked: u64,
}

impl Service {
    /// Takes back what a job did. What somebody else has changed since stays, unless it is forced. Answers the job that
    /// does it, which can itself be undone. `progress` is told how many things have been taken back.
    pub async fn undo_job(
        &self,
        caller: &Caller,
        id: &str,
        how: Undoing,
        progress: impl FnMut(u64),
    ) -> Result<(Job, Undone), JobError> {
        self.begin_undo(caller, id, how).await?.run(progress).await
    }

    /// Begins to take back what a job did: from here on nobody else works at either job.
    pub async fn begin_undo(
        &self,
        caller: &Caller,
        id: &str,
        Undoing { force, take_over }: Undoing,
    ) -> Result<BegunUndo, JobError> {
        let target = self.job(caller, id).await?;
        self.must_rest(&target, take_over)?;
        if target.state == JobState::Undone {
            return Err(JobError::Ended { id: target.id, state: target.state.name(), what: "undo" });
        }
        if target.state == JobState::Waiting && HandedIn::of(&target).is_some() {
            return Err(JobError::Waiting { id: target.id });
        }
        let parameters = Parameters { undoes: target.id.as_str().to_owned(), force };
        let undo = self.start_job(caller, JobKind::Undo, &parameters).await?;
        match self.taken_back(caller, target).await {
            Ok(target) => Ok(BegunUndo { undo, target, force }),
            Err(error) => Err(undo.failed(error).await),
        }
    }

    /// Takes a job up that is to be taken back: what it waits for is not checked any more.
    async fn taken_back(&self, caller: &Caller, target: Job) -> Result<RunningJob, JobError> {
        let target = self.take_up(caller, target).await?;
        self.change_candidates(caller.tenant, CandidateCommand::Drop { job: target.job.creation }).await?;
        Ok(target)
    }

    /// The job that an undo takes back.
    pub fn undone_by(job: &Job) -> Option<EntityId> {
        let parameters: Parameters = serde_json::from_str(&job.parameters).ok()?;
        (job.kind == JobKind::Undo).then(|| parameters.undoes.parse().ok())?
    }
}

/// An undo that has begun.
pub struct BegunUndo {
    undo: RunningJob,
    target: RunningJob,
    force: bool,
}

impl BegunUndo {
    /// The job that takes the other one back.
    pub fn job(&self) -> &Job {
        self.undo.job()
    }

    /// Takes everything back. `progress` is told how many things have been.
    pub async fn run(self, mut progress: impl FnMut(u64)) -> Result<(Job, Undone), JobError> {
        let Self { mut undo, mut target, force } = self;
        let done = match undo.revert(&mut target, force, &mut progress).await {
            Ok(done) => done,
            Err(error) => return Err(undo.failed(error).await),
        };
        let left = done.changed_since + done.blocked;
        let message = format!("{left} things that others have changed since were left as they are");
        let kept: serde_json::Value = target.progress()?;
        if left == 0 {
            target.end(JobState::Undone, None, &kept).await?;
        } else {
            target.end(JobState::Failed, Some(&message), &kept).await?;
        }
        Ok((undo.complete(&done).await?, done))
    }
}

impl RunningJob {
    /// Takes everything back, in as many passes as help: one thing can stand in the way of another that comes before it,
    /// as a user does who has the name that another one had.
    async fn revert(
        &mut self,
        target: &mut RunningJob,
        force: bool,
        progress: &mut impl FnMut(u64),
    ) -> Result<Undone, JobError> {
        let mut heard = Instant::now();
        let mut done = Undone::default();
        loop {
            let before = done.reverted;
            done = self.pass(target, force, (before, &mut heard), progress).await?;
            if done.blocked == 0 || done.reverted == before {
                return Ok(done);
            }
        }
    }

    /// Goes once over what is left, after so much was taken back.
    async fn pass(
        &mut self,
        target: &mut RunningJob,
        force: bool,
        (reverted, heard): (u64, &mut Instant),
        progress: &mut impl FnMut(u64),
    ) -> Result<Undone, JobError> {
        let mut done = Undone { reverted, ..Undone::default() };
        let mut after = None;
        loop {
            let (store, tenant) = (self.service.store(), self.caller.tenant);
            let page = store.records(tenant, target.job.creation, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(done) };
            after = Some(last.subject.clone());
            let job = self.job.creation;
            let commands = page.into_iter().map(|record| Command::Revert { job, record: Box::new(record), force });
            let count = |note| match note {
                Note::Reverted(RevertNote::Changed) => done.changed_since += 1,
                Note::Reverted(RevertNote::Blocked) => done.blocked += 1,
                Note::Nothing => {} // everything about the user was erased meanwhile
                _ => done.reverted += 1,
            };
            self.service.carry_out(&self.caller, commands, count).await?;
            progress(done.reverted);
            if heard.elapsed() >= HEARTBEAT {
                self.keep(&done, Vec::new()).await?;
                let kept: serde_json::Value = target.progress()?;
                target.keep(&kept, Vec::new()).await?;
                *heard = Instant::now();
            }
        }
    }
}

/// How many things a job has changed, as far as they have not been taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Events.
    pub events: u64,
    /// Accounts of users in a directory.
    pub accounts: u64,
    /// Users.
    pub users: u64,
}

impl Service {
    /// Counts what a job has changed.
    pub async fn changed_by(&self, caller: &Caller, job: &Job) -> Result<Changed, JobError> {
        let mut changed = Changed::default();
        let mut after = None;
        loop {
            let page = self.store().records(caller.tenant, job.creation, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(changed) };
            after = Some(last.subject.clone());
            for record in &page {
                match record.subject {
                    Subject::Event(_) => changed.events += 1,
                    Subject::Account(_) => changed.accounts += 1,
                    Subject::User(_) => changed.users += 1,
                }
            }
        }
    }
}
