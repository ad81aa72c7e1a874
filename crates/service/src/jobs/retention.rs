//! For how long a job can be undone: what it changed is kept so long, and the verifiers that it replaced with it.

use super::{JobError, later};
use crate::{Service, ServiceError};
use model::{Caller, Job, JobState};
use std::time::Duration;
use store::AdminCommand;

/// For how long a job that ended can be undone.
pub const UNDO_WINDOW: Duration = Duration::from_hours(30 * 24);

/// Jobs that are looked at in a row without finding anything to forget: those before have been forgotten.
const ENOUGH: usize = 50;

impl Service {
    /// Forgets the records of jobs that ended before the window in which they can be undone. Answers how many jobs
    /// that were. A job that is held keeps them, since what it found still waits for somebody.
    pub async fn forget_old_records(&self, caller: &Caller) -> Result<u64, JobError> {
        let now = self.clock().now();
        let (mut forgotten, mut idle) = (0, 0);
        let mut before = None;
        loop {
            let page = self.store().jobs(caller.tenant, before, 100).await?;
            let Some(last) = page.last() else { return Ok(forgotten) };
            before = Some(last.creation);
            for job in page {
                let has_ended = matches!(job.state, JobState::Completed | JobState::Undone | JobState::Failed);
                let is_old = later(job.ended.unwrap_or(job.created), UNDO_WINDOW) < now;
                if !has_ended || !is_old {
                    continue;
                }
                if !self.keeps_anything(caller, &job).await? {
                    idle += 1;
                    if idle >= ENOUGH {
                        return Ok(forgotten);
                    }
                    continue;
                }
                let command = AdminCommand::ForgetRecords { tenant: caller.tenant, job: job.creation };
                self.store().administer(command).await.map_err(ServiceError::from)?;
                forgotten += 1;
            }
        }
    }

    /// Whether there is anything to forget of a job: what it did or found, or findings that wait.
    async fn keeps_anything(&self, caller: &Caller, job: &Job) -> Result<bool, JobError> {
        let (store, tenant) = (self.store(), caller.tenant);
        Ok(!store.records(tenant, job.creation, None, 1).await?.is_empty()
            || !store.found(tenant, job.creation, None, 1).await?.is_empty()
            || !self.undecided(caller, job).await?.is_empty()
            || self.waiting(caller, Some(job.creation)).await?.candidates > 0)
    }
}
