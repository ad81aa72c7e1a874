//! How a job that finds credentials ends: what it found becomes events, unless the brake holds it.

use crate::error::Failure;
use serde::Serialize;
use service::jobs::{Brake, Raised, Raising, RunningJob};
use service::{Service, Vault};

/// Progress that tells what became of what was found.
pub trait Raises: Serialize {
    /// Takes that in.
    fn set_raised(&mut self, raised: Raised);
}

/// A job that has come to its end, or is held.
pub struct Ended<P> {
    /// How far it is.
    pub progress: P,
    /// What to say of it, when the brake holds it.
    held: Option<String>,
}

impl<P> Ended<P> {
    /// Whether the brake holds it.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// A job that is held is not done.
    pub fn said(self) -> Result<(), Failure> {
        self.held.map_or(Ok(()), |why| Err(Failure::message(why)))
    }
}

/// Raises what a job has found, and ends it.
pub async fn raise<P: Raises>(
    service: &Service,
    mut job: RunningJob,
    vault: &Vault,
    brake: Brake,
    mut progress: P,
) -> Result<Ended<P>, Failure> {
    let caller = job.caller().clone();
    match job.raise(vault, brake).await {
        Err(error) => Err(job.failed(error).await.into()),
        Ok(Raising::Done(raised)) => {
            progress.set_raised(raised);
            job.complete(&progress).await?;
            service.forget_old_records(&caller).await?;
            Ok(Ended { progress, held: None })
        }
        Ok(Raising::Held(why)) => {
            let id = job.job().id.clone();
            job.hold(&why, &progress).await?;
            let held = format!(
                "the job is held before it raises anything: {why}. What it found is kept; `spillwatch jobs resume {id} \
                 --release` raises it, `spillwatch jobs undo {id}` ends it"
            );
            Ok(Ended { progress, held: Some(held) })
        }
    }
}
