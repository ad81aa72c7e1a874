//! Tasks: pieces of a job's work that any process may do (docs/adr/0009-tasks.md). Whoever claims one has it until the
//! lease lapses; what is found in it is kept with its end, at once, or not at all.

use crate::jobs::{JobError, later};
use crate::{Service, ServiceError};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Caller, Claim, FoundCredential, Job, Task, TaskKey, TaskKind, TenantKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use store::{AdminCommand, AdminOutcome, TaskCommand, TaskOutcome};

/// Tasks that are added at once.
const CHUNK: usize = 500;

/// Tells what a job's tasks are done with, from whatever else would find something else in the same bytes: the job's
/// parameters, as this version understands them, and how this version reads. Processes with different ones must not work
/// for the same job.
pub fn settings_of(parameters: &impl Serialize) -> String {
    let text = serde_json::to_string(&(::scan::FORMAT, parameters)).expect("parameters are plain data");
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16])
}

/// A task that this process has claimed.
pub struct HeldTask {
    service: Service,
    tenant: TenantKey,
    task: Task,
    claim: Box<str>,
    lease: Duration,
}

impl Service {
    /// Adds tasks to a job behind those that it has; the first one has the number `first`. To add the same ones again
    /// changes nothing.
    pub async fn add_tasks(
        &self,
        (caller, job): (&Caller, &Job),
        kind: TaskKind,
        first: u64,
        payloads: Vec<Box<str>>,
    ) -> Result<(), JobError> {
        let mut first = first;
        let mut payloads = payloads.into_iter().peekable();
        while payloads.peek().is_some() {
            let payloads: Vec<Box<str>> = payloads.by_ref().take(CHUNK).collect();
            let count = payloads.len() as u64;
            let add = TaskCommand::Add { job: job.creation, kind, priority: 0, first, payloads };
            self.change_tasks(caller.tenant, add).await?;
            first += count;
        }
        Ok(())
    }

    /// Up to `limit` tasks of a job in the order of their numbers, from one on.
    pub async fn tasks(&self, caller: &Caller, job: &Job, from: u64, limit: u32) -> Result<Vec<Task>, JobError> {
        let from = TaskKey { job: job.creation, number: from };
        Ok(self.store().tasks(caller.tenant, from, limit).await?)
    }

    /// Has tasks of a job that failed done again.
    pub async fn retry_tasks(&self, caller: &Caller, job: &Job) -> Result<(), JobError> {
        self.change_tasks(caller.tenant, TaskCommand::Retry { job: job.creation }).await.map(drop)
    }

    /// Claims the next task of a tenant's running jobs, except for some of these by their numbers; `None` when there is
    /// none to do. Others take it over when it is not renewed within the lease.
    pub async fn claim_task(
        &self,
        tenant: TenantKey,
        kind: TaskKind,
        (holder, lease): (&str, Duration),
        except: Vec<u64>,
    ) -> Result<Option<HeldTask>, JobError> {
        let id: Box<str> = self.entropy().uuid_v4().simple().to_string().into();
        let now = self.clock().now();
        let claim = Claim { id: id.clone(), holder: holder.into(), now, lease: later(now, lease) };
        let outcome = self.change_tasks(tenant, TaskCommand::Claim { kind, except, claim }).await?;
        let TaskOutcome::Claimed(task) = outcome else { return Ok(None) };
        Ok(Some(HeldTask { service: self.clone(), tenant, task: *task, claim: id, lease }))
    }

    /// The job that a task is of; `None` when there is no such job any more.
    pub async fn job_of_task(&self, tenant: TenantKey, key: TaskKey) -> Result<Option<Job>, JobError> {
        let jobs = self.store().jobs(tenant, Some(key.job.saturating_add(1)), 1).await?;
        Ok(jobs.into_iter().find(|job| job.creation == key.job))
    }

    async fn change_tasks(&self, tenant: TenantKey, command: TaskCommand) -> Result<TaskOutcome, JobError> {
        let outcome = self.store().administer(AdminCommand::Tasks { tenant, command }).await;
        Ok(match outcome.map_err(ServiceError::from)? {
            AdminOutcome::Task(outcome) => outcome,
            // The tenant is gone, and all of its tasks with it.
            _ => TaskOutcome::None,
        })
    }
}

impl HeldTask {
    /// The task as it was claimed.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What it asks for.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.task.payload)
    }

    /// Tells that this process is alive; `false` when the claim is lost, and nothing that is done counts any more.
    pub async fn renew(&self) -> Result<bool, JobError> {
        let lease = later(self.service.clock().now(), self.lease);
        self.change(TaskCommand::Renew { key: self.task.key, claim: self.claim.clone(), lease }).await
    }

    /// Gives it back: without a message as if it had not been begun, with one as tried; after [`model::MOST_ATTEMPTS`] of
    /// these it has failed. `false` when the claim was lost before.
    pub async fn give_back(&self, message: Option<&str>) -> Result<bool, JobError> {
        let message = message.map(Into::into);
        self.change(TaskCommand::GiveBack { key: self.task.key, claim: self.claim.clone(), message }).await
    }

    /// Keeps what came of it and what was found, at once; `false` when the claim was lost before, and nothing is kept.
    pub async fn finish(&self, result: &impl Serialize, found: Vec<FoundCredential>) -> Result<bool, JobError> {
        let result = serde_json::to_string(result).expect("results are plain data").into();
        self.change(TaskCommand::Finish { key: self.task.key, claim: self.claim.clone(), result, found }).await
    }

    async fn change(&self, command: TaskCommand) -> Result<bool, JobError> {
        Ok(self.service.change_tasks(self.tenant, command).await? == TaskOutcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_parameters_are_other_settings() {
        let of = |guests, own: &str| settings_of(&serde_json::json!({"guests": guests, "own": own}));
        assert_eq!(of(true, "a.test"), of(true, "a.test"));
        assert_ne!(of(true, "a.test"), of(false, "a.test"));
        assert_ne!(of(true, "a.test"), of(true, "b.test"));
    }
}
