//! The job of a day: what clients that provision users did in it.

use super::counts::ImportCounts;
use super::provision::{ProvisionError, Provisioning};
use crate::jobs::json;
use crate::{Service, ServiceError};
use aws_lc_rs::digest;
use model::{Caller, Command, EntityId, Job, JobKind, JobState, Note, Refusal, Ticks};
use serde::Serialize;
use std::sync::PoisonError;
use store::{Outcome, StoreError};

impl Service {
    /// The job of the day, which is made when the day's first change comes. One that was undone is over: another follows.
    pub(super) async fn job_of_the_day(&self, caller: &Caller, source: &str) -> Result<Job, ProvisionError> {
        const DAY: i64 = 86_400 * Ticks::PER_SECOND;
        let now = self.clock().now();
        let mut number = 0_u32;
        loop {
            let id = job_id(source, now.get().div_euclid(DAY), number);
            match self.store().job(caller.tenant, &id).await? {
                Some(job) if job.state == JobState::Undone => number += 1,
                Some(job) => return Ok(job),
                None => match self.put_job(caller, new_job(id, source, now), None).await {
                    Ok(job) => return Ok(job),
                    Err(ServiceError::Refused(Refusal::IdTaken(_))) => {} // somebody else has made it
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    async fn put_job(&self, caller: &Caller, job: Job, expected: Option<u64>) -> Result<Job, ServiceError> {
        let command = Command::PutJob { job: Box::new(job.clone()), expected, found: Vec::new() };
        match self.store().execute(caller.tenant, caller.actor.clone(), command).await? {
            Outcome::Noted(Note::Job(job)) => Ok(*job),
            _ => Ok(job),
        }
    }

    /// Adds to what the job has counted. Requests of one process write together; whoever comes while others write finds
    /// that they have written for it, or writes for those that came since. What cannot be written now fails nobody, whose
    /// change is written: whoever comes next on that day writes it, as long as this process lives. What a connection to a database
    /// broke off at may have been written, and is counted twice then.
    pub(super) async fn keep_counts(
        &self,
        caller: &Caller,
        how: &Provisioning<'_>,
        job: &Job,
        mut counts: ImportCounts,
    ) {
        counts.sources.insert(how.source.into());
        let place = (caller.tenant, job.id.clone());
        let pending = || how.provisioner.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending().entry(place.clone()).or_default().add(counts);
        let _keeping = how.provisioner.keeping.lock().await;
        let Some(counts) = pending().remove(&place) else { return };
        if let Err(error) = self.add_counts(caller, &job.id, &counts).await {
            tracing::warn!(%error, job.id = job.id.as_str(), "what a change adds to the day's job is written with the day's next");
            pending().entry(place).or_default().add(counts);
        }
    }

    async fn add_counts(&self, caller: &Caller, job: &EntityId, counts: &ImportCounts) -> Result<(), ServiceError> {
        loop {
            let Some(mut job) = self.store().job(caller.tenant, job).await? else { return Ok(()) };
            let mut sum: ImportCounts = serde_json::from_str(&job.progress).map_err(|error| {
                StoreError::Corrupt(format!("what job {} has counted cannot be read: {error}", job.id))
            })?;
            sum.add(counts.clone());
            job.progress = json(&sum);
            job.ended = Some(self.clock().now());
            let version = job.version;
            match self.put_job(caller, job, Some(version)).await {
                Ok(_) => return Ok(()),
                Err(ServiceError::Refused(Refusal::JobMoved(_))) => {} // another server counts too
                Err(error) => return Err(error),
            }
        }
    }
}

/// The id of a day's job: the same on every server.
fn job_id(source: &str, day: i64, number: u32) -> EntityId {
    let text = format!("provisioning of {source} on day {day}, {number}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let half = *hash.as_ref().first_chunk().expect("16 of 32 bytes");
    uuid::Builder::from_custom_bytes(half).into_uuid().into()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'p> {
    source: &'p str,
    provisioned: bool,
}

fn new_job(id: EntityId, source: &str, now: Ticks) -> Job {
    Job {
        id,
        kind: JobKind::Import,
        state: JobState::Completed,
        created: now,
        ended: Some(now),
        lease: None,
        parameters: json(&Parameters { source, provisioned: true }),
        progress: json(&ImportCounts { sources: [source.into()].into(), ..ImportCounts::default() }),
        message: None,
        creation: 0,
        version: 0,
    }
}
