//! Jobs: how they are started, kept, held, resumed and listed (leaks.md, capability 9).
//!
//! A job belongs to the process that has its lease; a process that dies leaves a lease that lapses, and another one
//! may resume the job then. What a job does is idempotent, so that going over the same ground again changes nothing.

mod afar;
mod brake;
mod findings;
mod raise;
mod retention;
mod undo;

pub use afar::{Afar, Begun, TasksDone};
pub use brake::Brake;
pub use findings::{After, JobFinding, Person};
pub use raise::{FoundCounts, Raised, Raising};
pub use retention::UNDO_WINDOW;
pub use undo::{BegunUndo, Changed, Undoing, Undone};

use crate::{Service, ServiceError};
use model::{Caller, Command, EntityId, FoundCredential, Job, JobKind, JobState, Note, Ticks};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use store::{Outcome, StoreError};

/// For how long a process is taken to be alive after it was last heard of.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a job that works tells that it is alive, at least.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// Why a job is not worked at.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is none with this id.
    #[error("there is no job `{0}`; `spillwatch jobs list` shows those that there are")]
    NotFound(String),
    /// A process is at it.
    #[error(
        "the job `{id}` is being worked at: its process was heard of within the last {} seconds. If that process is known \
         to be dead, --take-over does not wait",
        LEASE.as_secs()
    )]
    Running {
        /// The job.
        id: EntityId,
    },
    /// It is at its end.
    #[error("the job `{id}` is {state}, so there is nothing to {what}")]
    Ended {
        /// The job.
        id: EntityId,
        /// `completed` or `undone`.
        state: &'static str,
        /// What was asked for.
        what: &'static str,
    },
    /// What is left of it is being done by workers.
    #[error("the job `{id}` waits for workers, who do what is left of it; undo it when they are done")]
    Waiting {
        /// The job.
        id: EntityId,
    },
    /// The brake holds it, and nobody has released it.
    #[error("the job `{id}` is held: {why}. It goes on when it is released")]
    Held {
        /// The job.
        id: EntityId,
        /// Why.
        why: Box<str>,
    },
    /// What is left of it needs files of the machine where it was begun.
    #[error(
        "what is left of the job `{id}` needs the files of the machine where it was begun: run `spillwatch jobs resume {id}` \
         there"
    )]
    Elsewhere {
        /// The job.
        id: EntityId,
    },
    /// An undo goes on when the job that it takes back is undone again.
    #[error("the job `{id}` is an undo; to go on with it, undo the job `{of}` again")]
    UndoAgain {
        /// The undo.
        id: EntityId,
        /// The job that it takes back.
        of: EntityId,
    },
    /// It is of another kind, or was made by another version.
    #[error("the job `{id}` cannot be read: {why}")]
    Unreadable {
        /// The job.
        id: EntityId,
        /// Why.
        why: String,
    },
    /// It was told to stop.
    #[error("{0}")]
    Interrupted(String),
    /// What was planted to be found was not.
    #[error(
        "the scan does not work here: of {planted} pairs that were planted under the name of a user, {found} were found. \
         Nothing was scanned"
    )]
    Canary {
        /// How many were planted.
        planted: usize,
        /// How many were found.
        found: usize,
    },
    /// What was planted in a list of passwords was not found.
    #[error(
        "the scan does not work here: of {planted} passwords that were planted in lists, {found} were found. Nothing was \
         scanned"
    )]
    CanaryWords {
        /// How many were planted.
        planted: usize,
        /// How many were found.
        found: usize,
    },
    /// No password can be looked up.
    #[error(
        "none of the {unreachable} users with verifiers has one that a password without a name can be looked up by: all of \
         them have a salt or are slow, and have to be asked one by one. Scan material that names users"
    )]
    NothingToLookUp {
        /// Users who have verifiers.
        unreachable: u64,
    },
    /// What was given as a list of passwords is one of hashes.
    #[error(
        "{path}: a list of hashes of passwords (HASH:COUNT, as Have I Been Pwned gives them) and not of passwords, which \
         --passwords reads. Leave it out"
    )]
    HashList {
        /// Which document.
        path: Box<str>,
    },
    /// A verifier could not be asked.
    #[error("a password could not be checked: {0}")]
    Verifier(verify::verifier::CheckError),
    /// Verifiers cannot be sealed or opened.
    #[error(transparent)]
    Sealed(#[from] auth::SealError),
    /// The keys at hand do not open all verifiers.
    #[error(
        "{unopenable} of {all} password verifiers cannot be opened with the keys at hand: {why}. Give the key that sealed \
         them (--secret-key-file, --previous-secret-key-file), or import the directory again with --full, which seals them \
         with the key in use"
    )]
    Unopenable {
        /// How many.
        unopenable: usize,
        /// Of how many.
        all: usize,
        /// Why the first one is not opened.
        why: auth::SealError,
    },
    /// The operation was not carried out.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl JobError {
    /// Whether another process has the job, or has ended it.
    pub fn is_with_another(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Ended { .. }) || self.is_moved()
    }

    /// Whether another process has written the job since it was read.
    fn is_moved(&self) -> bool {
        matches!(self, Self::Service(ServiceError::Refused(model::Refusal::JobMoved(_))))
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// A job that this process works at.
pub struct RunningJob {
    service: Service,
    caller: Caller,
    job: Job,
    /// Whether it is one that waits, and is only ended here.
    is_ending: bool,
}

impl Service {
    /// Starts a job.
    pub async fn start_job(
        &self,
        caller: &Caller,
        kind: JobKind,
        parameters: &impl Serialize,
    ) -> Result<RunningJob, JobError> {
        let now = self.clock().now();
        let job = Job {
            id: self.entropy().uuid_v7(now).into(),
            kind,
            state: JobState::Running,
            created: now,
            ended: None,
            lease: Some(later(now, LEASE)),
            parameters: json(parameters),
            progress: "{}".into(),
            message: None,
            creation: 0,
            version: 0,
        };
        let mut running = RunningJob { service: self.clone(), caller: caller.clone(), job, is_ending: false };
        running.put(None, Vec::new()).await?;
        Ok(running)
    }

    /// A job.
    pub async fn job(&self, caller: &Caller, id: &str) -> Result<Job, JobError> {
        let not_found = || JobError::NotFound(id.to_owned());
        let id: EntityId = id.parse().map_err(|_| not_found())?;
        self.store().job(caller.tenant, &id).await?.ok_or_else(not_found)
    }

    /// Jobs, the newest first, up to `limit`, older than one.
    pub async fn jobs(&self, caller: &Caller, before: Option<&Job>, limit: u32) -> Result<Vec<Job>, JobError> {
        self.jobs_before(caller, before.map(|job| job.creation), limit).await
    }

    /// The same, older than the one that the change with a number made.
    pub async fn jobs_before(&self, caller: &Caller, before: Option<u64>, limit: u32) -> Result<Vec<Job>, JobError> {
        Ok(self.store().jobs(caller.tenant, before, limit).await?)
    }

    /// Whether a process works at a job.
    pub fn is_worked_at(&self, job: &Job) -> bool {
        // One that waits has a lease while it is ended.
        let can_be = matches!(job.state, JobState::Running | JobState::Waiting);
        can_be && job.lease.is_some_and(|lease| lease > self.clock().now())
    }

    /// Takes a job up that stopped before its end. One whose lease has not lapsed is refused unless it is taken over:
    /// should its process live after all, it stops at its next step, since the job is not at the version that it knows.
    pub async fn resume_job(&self, caller: &Caller, id: &str, take_over: bool) -> Result<RunningJob, JobError> {
        let job = self.job(caller, id).await?;
        self.must_rest(&job, take_over)?;
        if matches!(job.state, JobState::Completed | JobState::Undone) {
            return Err(JobError::Ended { id: job.id, state: job.state.name(), what: "resume" });
        }
        self.take_up(caller, job).await
    }

    /// Takes a job up that waits for nothing any more, for [`Service::end_job`]. Until that is done it stays one that waits:
    /// should this process die, another one ends it when the lease has lapsed.
    pub async fn take_to_end(&self, caller: &Caller, id: &str) -> Result<RunningJob, JobError> {
        let job = self.job(caller, id).await?;
        self.must_rest(&job, false)?;
        if job.state != JobState::Waiting {
            return Err(JobError::Ended { id: job.id, state: job.state.name(), what: "resume" });
        }
        let version = job.version;
        let mut running = RunningJob { service: self.clone(), caller: caller.clone(), job, is_ending: true };
        running.put(Some(version), Vec::new()).await?;
        Ok(running)
    }

    pub(crate) fn must_rest(&self, job: &Job, take_over: bool) -> Result<(), JobError> {
        let is_busy = !take_over && self.is_worked_at(job);
        if is_busy { Err(JobError::Running { id: job.id.clone() }) } else { Ok(()) }
    }

    async fn take_up(&self, caller: &Caller, job: Job) -> Result<RunningJob, JobError> {
        let version = job.version;
        let mut running = RunningJob { service: self.clone(), caller: caller.clone(), job, is_ending: false };
        running.job.state = JobState::Running;
        running.job.message = None;
        running.job.ended = None;
        running.put(Some(version), Vec::new()).await?;
        Ok(running)
    }
}

impl RunningJob {
    /// The job as it was last kept.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The service that it works with.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Who works at it.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What it was asked to do.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        self.read(&self.job.parameters)
    }

    /// How far it was when it was last kept.
    pub fn progress<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        self.read(&self.job.progress)
    }

    fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, JobError> {
        let unreadable =
            |why: serde_json::Error| JobError::Unreadable { id: self.job.id.clone(), why: why.to_string() };
        serde_json::from_str(text).map_err(unreadable)
    }

    /// Keeps how far it is, and what it has found since the last time, at once.
    pub async fn keep(&mut self, progress: &impl Serialize, found: Vec<FoundCredential>) -> Result<(), JobError> {
        self.job.progress = json(progress);
        self.put(Some(self.job.version), found).await
    }

    /// It has done everything.
    pub async fn complete(mut self, progress: &impl Serialize) -> Result<Job, JobError> {
        self.end(JobState::Completed, None, progress).await
    }

    /// The brake stopped it; what is left to do waits for consent.
    pub async fn hold(mut self, why: &str, progress: &impl Serialize) -> Result<Job, JobError> {
        self.end(JobState::Held, Some(why), progress).await
    }

    /// What is left of it is done by workers; whoever does the last of it takes the job up and ends it.
    pub async fn wait(mut self, progress: &impl Serialize) -> Result<Job, JobError> {
        self.end(JobState::Waiting, None, progress).await
    }

    /// It cannot go on; it may be resumed.
    pub async fn fail(mut self, why: &str, progress: &impl Serialize) -> Result<Job, JobError> {
        self.end(JobState::Failed, Some(why), progress).await
    }

    /// Notes that it broke off at an error, as far as that can be noted, and answers the error.
    pub async fn failed(mut self, error: JobError) -> JobError {
        let Ok(kept) = self.progress::<serde_json::Value>() else { return error };
        if !error.is_moved() {
            // What went wrong is told by the caller; where even this cannot be written, the lease lapses.
            drop(self.end(JobState::Failed, Some(&error.to_string()), &kept).await);
        }
        error
    }

    async fn end(&mut self, state: JobState, why: Option<&str>, progress: &impl Serialize) -> Result<Job, JobError> {
        (self.job.state, self.is_ending) = (state, false);
        self.job.message = why.map(Into::into);
        self.job.progress = json(progress);
        self.put(Some(self.job.version), Vec::new()).await?;
        Ok(self.job.clone())
    }

    async fn put(&mut self, expected: Option<u64>, found: Vec<FoundCredential>) -> Result<(), JobError> {
        let now = self.service.clock().now();
        let works = self.job.state == JobState::Running || self.is_ending;
        self.job.lease = works.then(|| later(now, LEASE));
        self.job.ended = matches!(self.job.state, JobState::Completed | JobState::Undone).then_some(now);
        let command = Command::PutJob { job: Box::new(self.job.clone()), expected, found };
        let outcome = self.service.store().execute(self.caller.tenant, self.caller.actor.clone(), command).await;
        if let Outcome::Noted(Note::Job(job)) = outcome.map_err(ServiceError::from)? {
            self.job = *job;
        }
        Ok(())
    }
}

/// What a job, or a task of one, keeps, as JSON.
pub(crate) fn json(value: &impl Serialize) -> Box<str> {
    serde_json::to_string(value).expect("what jobs keep is plain data").into()
}

pub(crate) fn later(now: Ticks, by: Duration) -> Ticks {
    let ticks = i64::try_from(by.as_nanos() / 100).unwrap_or(i64::MAX);
    Ticks::new(now.get().saturating_add(ticks)).unwrap_or(now)
}
