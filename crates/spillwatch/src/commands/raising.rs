//! How a job that finds credentials ends: what it found becomes events, unless the brake holds it.

use crate::commands::queue::{Queue, Worked, waits_in_words, warn_of_undecided};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use service::jobs::{Brake, FoundCounts, JobError, Raised, Raising, RunningJob};
use service::{Service, Vault};

/// Progress that tells what became of what was found.
pub trait Raises: Serialize {
    /// Takes that in.
    fn set_raised(&mut self, raised: Raised);

    /// Whether it tells how much the job has found; that is counted for it then.
    const TELLS_FOUND: bool = false;

    /// Takes in what the job has found, once slow verifiers have said all that they say.
    fn set_found(&mut self, _found: FoundCounts) {}
}

/// A job that has come to its end, or is held.
pub struct Ended<P> {
    /// How far it is.
    pub progress: P,
    /// What to say of it, when the brake holds it.
    held: Option<String>,
    /// What to say of it, when it waits for slow verifiers.
    waits: Option<String>,
}

impl<P> Ended<P> {
    /// How far it is.
    pub fn state(&self) -> &'static str {
        match (&self.held, &self.waits) {
            (Some(_), _) => "held",
            (_, Some(_)) => "waiting",
            _ => "completed",
        }
    }

    /// A job that is held or waits is not done.
    pub fn said(self) -> Result<(), Failure> {
        self.held.or(self.waits).map_or(Ok(()), |why| Err(Failure::message(why)))
    }
}

/// Checks what a job waits for, raises what it has found, and ends it.
pub async fn raise<P: Raises>(
    service: &Service,
    mut job: RunningJob,
    (vault, queue): (&Vault, Queue),
    brake: Brake,
    mut progress: P,
) -> Result<Ended<P>, Failure> {
    let caller = job.caller().clone();
    match queue.work_off(&mut job, vault, &progress).await {
        Ok(Worked::Done) => {
            if P::TELLS_FOUND {
                progress.set_found(service.found_counts(&caller, job.job()).await?);
            }
            warn_of_undecided(service, &caller, job.job()).await?;
        }
        Ok(Worked::Waits(left, why)) => {
            let said = waits_in_words(job.job().id.as_str(), left, &why);
            job.wait(&progress).await?;
            if queue.is_left {
                anstream::eprintln!("{said}.");
            }
            return Ok(Ended { progress, held: None, waits: Some(said) });
        }
        Err(failure) => {
            job.failed(JobError::Interrupted(failure.to_string())).await;
            return Err(failure);
        }
    }
    match job.raise(vault, brake).await {
        Err(error) => Err(job.failed(error).await.into()),
        Ok(Raising::Done(raised)) => {
            progress.set_raised(raised);
            job.complete(&progress).await?;
            service.forget_old_records(&caller).await?;
            service.forget_expired(caller.tenant).await?;
            Ok(Ended { progress, held: None, waits: None })
        }
        Ok(Raising::Held(why)) => {
            let id = job.job().id.clone();
            job.hold(&why, &progress).await?;
            let held = format!(
                "the job is held before it raises anything: {why}. What it found is kept; `spillwatch jobs resume {id} \
                 --release` raises it, `spillwatch jobs undo {id}` ends it"
            );
            Ok(Ended { progress, held: Some(held), waits: None })
        }
    }
}

/// The brake of a job, whatever else it was asked to do.
pub fn brake_of(job: &RunningJob) -> Result<Brake, Failure> {
    #[derive(Deserialize)]
    struct Asked {
        brake: Brake,
    }
    Ok(job.parameters::<Asked>()?.brake)
}
