//! How a job that finds credentials ends: what it found becomes events, unless the brake holds it.

use crate::commands::queue::{Queue, Worked, waits_in_words};
use crate::error::Failure;
use model::{Caller, EntityId, FoundCredential, MatchClass, UserKey, edm};
use odata::encode::{Cell, Row as _};
use serde::{Deserialize, Serialize};
use service::jobs::{Brake, JobError, Raised, Raising, RunningJob};
use service::{Service, Vault};

/// Findings that are read at once.
const PAGE: u32 = 2_000;

/// Progress that tells what became of what was found.
pub trait Raises: Serialize {
    /// Takes that in.
    fn set_raised(&mut self, raised: Raised);

    /// Takes in what the job has found, where that became known after all was read.
    fn set_found(&mut self, _found: FoundCounts) {}
}

/// What a job has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundCounts {
    /// Places at which a current credential stands.
    pub places: u64,
    /// Users whose they are.
    pub users: u64,
    /// Of these, those who cannot sign in.
    pub disabled: u64,
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
        Ok(Worked::Nothing) => {}
        Ok(Worked::Done) => progress.set_found(found_by(service, &caller, &job).await?),
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

/// Counts what a job has found.
async fn found_by(service: &Service, caller: &Caller, job: &RunningJob) -> Result<FoundCounts, Failure> {
    let mut counts = FoundCounts::default();
    let (mut after, mut last_user): (Option<FoundCredential>, Option<EntityId>) = (None, None);
    loop {
        let page = service.store().found(caller.tenant, job.job().creation, after.as_ref(), PAGE).await?;
        let Some(last) = page.last().cloned() else { return Ok(counts) };
        for found in page.into_iter().filter(|found| found.finding.match_class != MatchClass::AddressOnly) {
            counts.places += u64::from(found.occurrences.unsigned_abs());
            // They come in the order of users.
            if last_user.as_ref() != Some(&found.user) {
                counts.users += 1;
                let user = service.store().load_user(caller.tenant, &UserKey::Id(found.user.clone())).await?;
                let is_disabled = user.map(|user| matches!(user.cell(edm::user::ACCOUNT_ENABLED), Cell::Integer(0)));
                counts.disabled += u64::from(is_disabled == Some(true));
                last_user = Some(found.user);
            }
        }
        after = Some(last);
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
