//! The desk: work that `serve` does beside its answers and `worker` beside its scans, for every tenant. Any number of
//! processes do it at the same time over one store; what one of them is at when it dies, another one does again.
//!
//! A kind of work is a [`Work`]: it looks whether a tenant has any, and does a portion of it. What takes a processor's
//! time is done by the desk's own [threads](Crew), never by those that answer requests.

mod checks;
mod crew;
mod slow;

pub use crew::Crew;

use crate::commands::scan::piecework::is_passing;
use model::{Actor, Caller, PermissionSet, TenantId};
use service::jobs::{JobError, RunningJob};
use service::{Service, Vault};
use std::sync::Arc;
use std::time::Duration;
use store::BoxFuture;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long the desk rests when there was nothing to do, unless it is told that there is.
const PAUSE: Duration = Duration::from_secs(1);

/// What every kind of work needs.
pub struct Tools {
    /// The operations.
    pub service: Service,
    /// Opens what is sealed.
    pub vault: Vault,
    /// Threads for what takes a processor's time.
    pub crew: Crew,
    /// What others call this process.
    pub name: String,
    /// How many bytes checks may hold together.
    pub memory_bytes: u64,
    /// How long others wait for it when it is not heard of.
    pub lease: Duration,
    /// Tells that the process is about to end: whatever it is at is given back.
    pub stop: CancellationToken,
}

/// A kind of work.
pub trait Work: Send {
    /// Does some of what a tenant has to do, and ends before others have waited for long: `false` where there was nothing.
    /// When the tools say stop, it gives back what it is at.
    fn portion<'w>(&'w mut self, tools: &'w Tools, tenant: &'w Caller) -> BoxFuture<'w, Result<bool, JobError>>;
}

/// How long a desk is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until its process ends.
    Stopped,
    /// Until nothing is left to do.
    Idle,
}

/// Does what there is to do.
pub struct Desk {
    tools: Tools,
    kinds: Vec<Box<dyn Work>>,
    /// The one tenant that it works for; all of them without.
    tenant: Option<TenantId>,
    /// Told when this process has made work.
    wake: Arc<Notify>,
}

/// A job that was to be taken up to end it; none where another process has it, or has ended it.
fn unless_taken(taken: Result<RunningJob, JobError>) -> Result<Option<RunningJob>, JobError> {
    match taken {
        Ok(running) => Ok(Some(running)),
        Err(JobError::NotFound(_)) => Ok(None),
        Err(error) if error.is_with_another() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Desk {
    /// Every kind of work, for one tenant or all of them.
    pub fn new(tools: Tools, tenant: Option<TenantId>, wake: Arc<Notify>) -> Self {
        Self { tools, kinds: vec![Box::new(checks::Checks::default()), Box::new(slow::Slow::default())], tenant, wake }
    }

    /// Works.
    pub async fn run(&mut self, until: Until) {
        loop {
            let has_worked = self.round().await;
            if self.tools.stop.is_cancelled() || (until == Until::Idle && !has_worked) {
                return;
            }
            if has_worked {
                continue;
            }
            tokio::select! {
                () = self.tools.stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Goes to each tenant once; `false` where none had anything to do. What goes wrong with one is no matter of the others.
    pub async fn round(&mut self) -> bool {
        let registry = match self.tools.service.registry().await {
            Ok(registry) => registry,
            Err(error) => {
                tracing::warn!(%error, "tenants cannot be read; they are asked for again");
                return false;
            }
        };
        let mut has_worked = false;
        for tenant in registry.tenants.iter().filter(|tenant| self.tenant.is_none_or(|id| tenant.id == id)) {
            let caller = Caller {
                tenant: tenant.key,
                tenant_id: tenant.id,
                actor: Actor::command("worker"),
                permissions: PermissionSet::all(),
            };
            for kind in &mut self.kinds {
                if self.tools.stop.is_cancelled() {
                    return has_worked;
                }
                match kind.portion(&self.tools, &caller).await {
                    Ok(worked) => has_worked |= worked,
                    Err(error) if is_passing(&error) => {
                        tracing::warn!(%error, "the store does not answer; it is asked again");
                    }
                    Err(error) => tracing::error!(tenant = %tenant.id, %error, "work could not be done"),
                }
            }
        }
        has_worked
    }
}
