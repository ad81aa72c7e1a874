//! Slow verifiers: candidates that jobs have handed over are checked, and a job that waits for none any more is ended.

use super::{Tools, Work, unless_taken};
use crate::commands::scan::piecework::is_passing;
use model::{Caller, TenantKey};
use service::checks::HandedIn;
use service::jobs::{Brake, JobError};
use service::{QueueEnd, QueueLimits, QueueProgress, QueueScope, QueueWatch};
use std::collections::HashMap;
use std::future::ready;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use store::BoxFuture;

/// How long one tenant's candidates are checked before others, and work of other kinds, have their turn.
const TURN: Duration = Duration::from_secs(10);
/// How often it is told how far the queue is.
const TELLING: Duration = Duration::from_mins(1);
/// How often what is kept for users who come later is looked at, whether its time is over.
const EXPIRY: Duration = Duration::from_hours(1);
/// Jobs that are read at once.
const PAGE: u32 = 100;

/// The queues of all tenants: when what they keep for users who come later was last looked at.
pub(super) struct Slow {
    expired: HashMap<TenantKey, Instant>,
    watch: Log,
}

impl Default for Slow {
    fn default() -> Self {
        Self { expired: HashMap::new(), watch: Log { told: Instant::now() } }
    }
}

impl Work for Slow {
    fn portion<'w>(&'w mut self, tools: &'w Tools, tenant: &'w Caller) -> BoxFuture<'w, Result<bool, JobError>> {
        Box::pin(async move {
            if self.expired.get(&tenant.tenant).is_none_or(|last| last.elapsed() >= EXPIRY) {
                self.expired.insert(tenant.tenant, Instant::now());
                let expired = tools.service.forget_expired(tenant.tenant).await?;
                if expired > 0 {
                    tracing::info!(tenant = %tenant.tenant_id, expired, "candidates for later users are forgotten: their time is over");
                }
            }
            let checked = check(tools, tenant, &mut self.watch).await?;
            let ended = end(tools, tenant).await?;
            Ok(checked || ended)
        })
    }
}

/// Tells the log now and then how far a queue is.
struct Log {
    told: Instant,
}

impl QueueWatch for Log {
    fn told(&mut self, now: QueueProgress) -> BoxFuture<'_, Result<(), JobError>> {
        if self.told.elapsed() >= TELLING {
            self.told = Instant::now();
            let (waiting, seconds_left) = (now.waiting.candidates, now.left().map(|left| left.as_secs()));
            tracing::info!(waiting, rate = now.rate, seconds_left, "slow verifiers are asked");
        }
        Box::pin(ready(Ok(())))
    }
}

/// Checks candidates for a while; `false` where there was none to take.
async fn check(tools: &Tools, tenant: &Caller, watch: &mut Log) -> Result<bool, JobError> {
    let waiting = tools.service.waiting(tenant, None).await?;
    if waiting.candidates == 0 {
        return Ok(false);
    }
    let threads = NonZeroUsize::new(tools.crew.size()).unwrap_or(NonZeroUsize::MIN);
    let limits = QueueLimits { threads, memory_bytes: tools.memory_bytes };
    let worker = tools.service.queue_worker(&tools.vault, limits, &tools.name, tools.lease);
    let stop = async {
        tokio::select! {
            () = tools.stop.cancelled() => {}
            () = tokio::time::sleep(TURN) => {}
        }
    };
    let (end, counts) = worker.work(tenant, QueueScope::Any, stop, watch).await?;
    if counts.checked + counts.known > 0 {
        let (checked, current, known) = (counts.checked, counts.current, counts.known);
        tracing::info!(tenant = %tenant.tenant_id, checked, current, known, "slow verifiers were asked");
    }
    Ok(counts.checked + counts.known > 0 || end == QueueEnd::Stopped)
}

/// Ends jobs that wait for no candidate any more; `false` where there was none. Pairs that were handed in are ended with
/// their tasks.
async fn end(tools: &Tools, tenant: &Caller) -> Result<bool, JobError> {
    let service = &tools.service;
    let (mut has_ended, mut after) = (false, 0);
    loop {
        let page = service.store().waiting_jobs(tenant.tenant, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(has_ended) };
        after = last.creation;
        for job in page.iter().filter(|job| HandedIn::of(job).is_none()) {
            if tools.stop.is_cancelled() {
                return Ok(has_ended);
            }
            if service.waiting(tenant, Some(job.creation)).await?.candidates > 0 {
                continue;
            }
            // Of several processes one has it.
            let taken = service.take_to_end(tenant, job.id.as_str()).await;
            let Some(running) = unless_taken(taken)? else { continue };
            has_ended = true;
            let id = job.id.as_str();
            match service.end_job(running, &tools.vault, Brake::of(job)).await {
                Ok(job) => {
                    tracing::info!(job.id = id, status = job.state.name(), "what slow verifiers found is raised");
                }
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => tracing::error!(job.id = id, %error, "a job could not be ended"),
            }
        }
    }
}
