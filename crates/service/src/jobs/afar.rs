//! Jobs as those see them and go on with them who are not at the machine where they were begun.

use super::{Brake, JobError, RunningJob};
use crate::checks::HandedIn;
use crate::retained::looks_back;
use crate::{Service, Vault};
use model::{Caller, Job, JobKind, JobState, TaskState};
use serde_json::Value;

/// Tasks that are read at once.
const PAGE: u32 = 500;

/// What came of going on with a job from afar.
pub enum Afar {
    /// Workers do what is left of it.
    Waits(Job),
    /// This process does, once it is [run](Begun::run).
    Begun(Begun),
}

/// A job of which this process is about to do the rest.
pub struct Begun {
    job: RunningJob,
    brake: Brake,
}

/// How many tasks a job has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TasksDone {
    /// All of them.
    pub all: u64,
    /// Those that are done or given up.
    pub ended: u64,
    /// Of these, those that were given up.
    pub failed: u64,
}

impl Service {
    /// Goes on with a job, as far as that needs no file: raises what it has found, or has workers try again what was given
    /// up. `release` lets it raise what the brake holds.
    pub async fn resume_afar(&self, caller: &Caller, id: &str, release: bool) -> Result<Afar, JobError> {
        let job = self.job(caller, id).await?;
        self.must_rest(&job, false)?;
        match job.state {
            JobState::Completed | JobState::Undone => {
                return Err(JobError::Ended { id: job.id, state: job.state.name(), what: "resume" });
            }
            JobState::Held if !release => {
                let why = job.message.unwrap_or_else(|| "the brake holds it".into());
                return Err(JobError::Held { id: job.id, why });
            }
            JobState::Waiting => return Ok(Afar::Waits(job)),
            JobState::Held | JobState::Failed | JobState::Running => {}
        }
        let is_held = job.state == JobState::Held;
        let brake = if release { Brake::RELEASED } else { Brake::of(&job) };
        if HandedIn::of(&job).is_some() && !is_held {
            let running = self.take_up(caller, job).await?;
            if let Err(error) = self.retry_tasks(caller, running.job()).await {
                return Err(running.failed(error).await);
            }
            let progress: Value = running.progress()?;
            return Ok(Afar::Waits(running.wait(&progress).await?));
        }
        let needs_no_file = match job.kind {
            JobKind::Scan | JobKind::Check => HandedIn::of(&job).is_some() || is_read(&job),
            JobKind::Import => looks_back(&job),
            JobKind::Undo => false,
        };
        match job.kind {
            _ if needs_no_file => Ok(Afar::Begun(Begun { job: self.take_up(caller, job).await?, brake })),
            JobKind::Undo => {
                let of = Self::undone_by(&job).unwrap_or_else(|| job.id.clone());
                Err(JobError::UndoAgain { id: job.id, of })
            }
            JobKind::Import | JobKind::Scan | JobKind::Check => Err(JobError::Elsewhere { id: job.id }),
        }
    }

    /// How many tasks a job has, and how many of them are done.
    pub async fn tasks_done(&self, caller: &Caller, job: &Job) -> Result<TasksDone, JobError> {
        let (mut done, mut from) = (TasksDone::default(), 0);
        loop {
            let page = self.tasks(caller, job, from, PAGE).await?;
            let Some(last) = page.last() else { return Ok(done) };
            from = last.key.number + 1;
            done.all += page.len() as u64;
            done.ended += page.iter().filter(|task| task.state.is_ended()).count() as u64;
            done.failed += page.iter().filter(|task| task.state == TaskState::Failed).count() as u64;
        }
    }
}

/// Whether everything that the job was to read has been read.
fn is_read(job: &Job) -> bool {
    serde_json::from_str::<Value>(&job.progress).unwrap_or_default()["isRead"] == true
}

impl Begun {
    /// The job.
    pub fn job(&self) -> &Job {
        self.job.job()
    }

    /// Does the rest.
    pub async fn run(self, vault: &Vault) -> Result<Job, JobError> {
        let Self { job, brake } = self;
        let (service, caller) = (job.service().clone(), job.caller().clone());
        if let Some(asked) = HandedIn::of(job.job()) {
            let done = service.pairs_done(&caller, job.job(), &asked).await?;
            return service.end_check(job, vault, brake, done).await;
        }
        service.end_job(job, vault, brake).await
    }
}
