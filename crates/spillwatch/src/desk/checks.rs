//! Pairs that were handed in: they are opened, checked and forgotten, and a job of which all were is ended.

use super::{Tools, Work, unless_taken};
use crate::commands::scan::piecework::is_passing;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::{Caller, ChangedSet, Job, JobKind, JobState, TaskKey, TaskKind, TenantKey, Ticks};
use service::checks::{HandedIn, PairsChecked, check_pairs, pairs_of};
use service::jobs::JobError;
use service::tasks::HeldTask;
use service::{Detector, Sighting};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::{BoxFuture, LogPlace};
use tokio::time::MissedTickBehavior;

/// Jobs that are read at once.
const PAGE: u32 = 500;
/// Entries of the change log that are read at once, and the most that are looked at before the directory is read again.
const CHANGES: u32 = 1_000;
const MOST_CHANGES: usize = 20_000;
/// How often all jobs are looked at: some that had ended may have been begun again elsewhere.
const ALL_JOBS: Duration = Duration::from_mins(10);
/// For how long a directory is kept in memory that nobody asks.
const KEPT: Duration = Duration::from_mins(1);
/// How often what can no longer be undone is forgotten.
const FORGETTING: Duration = Duration::from_hours(1);
/// How many tasks each thread is given before other tenants have their turn.
const TURN: usize = 8;
/// How often it is tried to keep what was found, while the store cannot, and how long in between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// The checks of all tenants.
#[derive(Default)]
pub(super) struct Checks {
    tenants: HashMap<TenantKey, Pending>,
}

/// Those of one tenant.
#[derive(Default)]
struct Pending {
    /// Jobs that have not ended, by the numbers of the changes that made them.
    open: BTreeMap<u64, (Job, HandedIn)>,
    /// The newest job that was looked at, and when all of them were.
    seen: Option<(u64, Instant)>,
    /// The directory as it was at a place of the change log.
    known: Option<Known>,
    /// Jobs whose tasks are not understood here.
    refused: HashSet<u64>,
    forgot: Option<Instant>,
}

struct Known {
    at: LogPlace,
    asked: Instant,
    detector: Arc<Detector>,
}

impl Work for Checks {
    fn portion<'w>(&'w mut self, tools: &'w Tools, tenant: &'w Caller) -> BoxFuture<'w, Result<bool, JobError>> {
        Box::pin(self.tenants.entry(tenant.tenant).or_default().portion(tools, tenant))
    }
}

impl Pending {
    async fn portion(&mut self, tools: &Tools, tenant: &Caller) -> Result<bool, JobError> {
        self.look(tools, tenant).await?;
        if self.open.is_empty() {
            if self.known.as_ref().is_some_and(|known| known.asked.elapsed() >= KEPT) {
                self.known = None;
            }
            return Ok(false);
        }
        let worked = self.check(tools, tenant).await?;
        let ended = self.end(tools, tenant).await?;
        Ok(worked || ended)
    }

    /// Finds jobs that have not ended: of those made since it last looked, and of those that had not ended then.
    async fn look(&mut self, tools: &Tools, tenant: &Caller) -> Result<(), JobError> {
        let service = &tools.service;
        let old: Vec<u64> = self.open.keys().copied().collect();
        for number in old {
            let job = service.job_of_task(tenant.tenant, TaskKey { job: number, number: 0 }).await?;
            match job.filter(is_open) {
                Some(job) => _ = self.open.entry(number).and_modify(|(known, _)| *known = job),
                None => _ = self.open.remove(&number),
            }
        }
        let recent = self.seen.filter(|(_, since)| since.elapsed() < ALL_JOBS);
        let (mut before, mut newest) = (None, None);
        loop {
            // Most often there is none but the one that is known.
            let limit = if before.is_none() && recent.is_some() { 20 } else { PAGE };
            let page = service.jobs_before(tenant, before, limit).await?;
            let is_last = page.len() < limit as usize;
            before = page.last().map(|job| job.creation);
            newest = newest.or_else(|| page.first().map(|job| job.creation));
            let is_known = |job: &Job| recent.is_some_and(|(seen, _)| job.creation <= seen);
            let reached = page.iter().any(is_known);
            for job in page.into_iter().filter(|job| !is_known(job) && is_open(job)) {
                if let Some(asked) = HandedIn::of(&job) {
                    self.open.insert(job.creation, (job, asked));
                }
            }
            if is_last || reached {
                let since = recent.map_or_else(Instant::now, |(_, since)| since);
                self.seen = newest.map(|newest| (newest, since)).or(self.seen);
                return Ok(());
            }
        }
    }

    /// Checks pairs, as many tasks at once as there are threads; `false` where nobody waits for that.
    async fn check(&mut self, tools: &Tools, tenant: &Caller) -> Result<bool, JobError> {
        let mut under_way = FuturesUnordered::new();
        let (mut begun, mut failure, mut has_more) = (0, None, true);
        loop {
            while has_more && under_way.len() < tools.crew.size() && !tools.stop.is_cancelled() {
                has_more = begun < TURN * tools.crew.size();
                let claimed = if has_more { self.claim(tools, tenant).await } else { Ok(None) };
                match claimed {
                    Ok(Some((job, asked, task, detector))) => {
                        begun += 1;
                        under_way.push(one(tools, tenant, (job, asked), task, detector));
                    }
                    Ok(None) => has_more = false,
                    Err(error) => {
                        has_more = false;
                        failure.get_or_insert(error);
                    }
                }
            }
            match under_way.next().await {
                None => return failure.map_or(Ok(begun > 0), Err),
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    has_more = false;
                    failure.get_or_insert(error);
                }
            }
        }
    }

    /// Claims a task, and reads the directory as it is after that.
    async fn claim(
        &mut self,
        tools: &Tools,
        tenant: &Caller,
    ) -> Result<Option<(Job, HandedIn, HeldTask, Arc<Detector>)>, JobError> {
        loop {
            let except = self.refused.iter().copied().collect();
            let who = (tools.name.as_str(), tools.lease);
            let claimed = tools.service.claim_task(tenant.tenant, TaskKind::Check, who, except).await?;
            let Some(task) = claimed else { return Ok(None) };
            let number = task.task().key.job;
            let known = match self.open.get(&number) {
                Some(known) => Some(known.clone()),
                None => {
                    let job = tools.service.job_of_task(tenant.tenant, task.task().key).await?;
                    job.and_then(|job| Some((job.clone(), HandedIn::of(&job)?)))
                }
            };
            let Some((job, asked)) = known else {
                self.refused.insert(number);
                task.give_back(None).await?;
                continue;
            };
            match self.detector(tools, tenant).await {
                Ok(detector) => return Ok(Some((job, asked, task, detector))),
                Err(error) => {
                    let why = error.to_string();
                    give_back(&task, (!is_passing(&error)).then_some(&*why)).await;
                    return Err(error);
                }
            }
        }
    }

    /// The directory, read again if anybody's name or verifier may be another one since.
    async fn detector(&mut self, tools: &Tools, tenant: &Caller) -> Result<Arc<Detector>, JobError> {
        let end = tools.service.store().log_end(tenant.tenant).await?;
        if let Some(known) = &mut self.known
            && is_unchanged(tools, tenant, (known.at, end)).await?
        {
            (known.at, known.asked) = (end, Instant::now());
            return Ok(known.detector.clone());
        }
        self.known = None; // one at a time in memory
        let detector = tools.service.detector(tenant, &tools.vault, false).await?;
        let detector = Arc::new(detector.with_queue());
        self.known = Some(Known { at: end, asked: Instant::now(), detector: detector.clone() });
        Ok(detector)
    }

    /// Ends jobs of which nothing is left to check; `false` where there was none.
    async fn end(&mut self, tools: &Tools, tenant: &Caller) -> Result<bool, JobError> {
        let service = &tools.service;
        let mut has_ended = false;
        let open: Vec<(Job, HandedIn)> = self.open.values().cloned().collect();
        for (job, asked) in open {
            if tools.stop.is_cancelled() || !service.waits_for_an_end(&job) {
                continue;
            }
            let done = service.pairs_done(tenant, &job, &asked).await?;
            if !done.is_all || service.waiting(tenant, Some(job.creation)).await?.candidates > 0 {
                continue; // slow verifiers have a say in it
            }
            // In the name of whoever handed the pairs in. Of several processes one has it.
            let taken = service.resume_job(&asked.caller(tenant), job.id.as_str(), false).await;
            let Some(running) = unless_taken(taken)? else { continue };
            has_ended = true;
            let id = job.id.as_str();
            match service.end_check(running, &tools.vault, asked.brake, done).await {
                Ok(job) => {
                    tracing::info!(job.id = id, status = job.state.name(), pairs = asked.pairs, "pairs are checked");
                }
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => tracing::error!(job.id = id, %error, "a check could not be ended"),
            }
        }
        if has_ended && self.forgot.is_none_or(|last| last.elapsed() >= FORGETTING) {
            self.forgot = Some(Instant::now());
            service.forget_old_records(tenant).await?;
        }
        Ok(has_ended)
    }
}

/// Whether a job may be one of pairs that somebody has to check, or to end.
fn is_open(job: &Job) -> bool {
    job.kind == JobKind::Check && matches!(job.state, JobState::Waiting | JobState::Running)
}

/// Whether nothing that a directory in memory knows has changed between two places of the change log.
async fn is_unchanged(tools: &Tools, tenant: &Caller, (from, to): (LogPlace, LogPlace)) -> Result<bool, JobError> {
    if from == to {
        return Ok(true);
    }
    let service = &tools.service;
    let mut after = from.sequence.saturating_sub(1);
    let (mut looked, mut jobs) = (0, HashSet::new());
    loop {
        let page = service.store().changes(tenant.tenant, after, CHANGES).await?;
        if after < from.sequence {
            // Of another log, as after a restore, or shortened: it does not tell.
            let is_same = from.sequence == 0 || page.first().is_some_and(|first| LogPlace::from(first) == from);
            if !is_same {
                return Ok(false);
            }
        }
        looked += page.len();
        if looked > MOST_CHANGES {
            return Ok(false);
        }
        for record in page.iter().filter(|record| record.sequence > from.sequence) {
            match record.entry.set {
                ChangedSet::RiskEvents | ChangedSet::RiskyUsers => {}
                ChangedSet::Jobs => _ = jobs.insert(record.entry.id.clone()),
                ChangedSet::Users | ChangedSet::Accounts => return Ok(false),
            }
        }
        match page.last() {
            Some(last) if last.sequence < to.sequence => after = last.sequence,
            _ => break,
        }
    }
    // When a directory was last imported is told by the jobs that did so.
    for id in jobs {
        match service.job(tenant, &id).await {
            Ok(job) if matches!(job.kind, JobKind::Scan | JobKind::Check) => {}
            Ok(_) | Err(JobError::NotFound(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Checks the pairs of one task, and keeps what came of it, or gives it back.
async fn one(
    tools: &Tools,
    tenant: &Caller,
    (job, asked): (Job, HandedIn),
    task: HeldTask,
    detector: Arc<Detector>,
) -> Result<(), JobError> {
    let (id, number) = (job.id.as_str(), task.task().key.number);
    let pairs = match pairs_of(&tools.vault, tenant, &job, &task) {
        Ok(pairs) => pairs,
        Err(error) => {
            tracing::warn!(job.id = id, task = number, %error, "pairs cannot be read");
            give_back(&task, Some(&error.to_string())).await;
            return Ok(());
        }
    };
    let sighting = Sighting { source: asked.source, leaked: asked.leaked.and_then(Ticks::new), seen: job.created };
    let stop = Arc::new(AtomicBool::new(false));
    let mut answer = tools.crew.run({
        let stop = stop.clone();
        move || check_pairs(&detector, &pairs, &sighting, &stop)
    });
    let mut renewal = tokio::time::interval(tools.lease / 4);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let checked = loop {
        tokio::select! {
            biased;
            answer = &mut answer => break answer,
            () = tools.stop.cancelled(), if !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
            _ = renewal.tick() => match task.renew().await {
                Ok(true) => {}
                Ok(false) => stop.store(true, Ordering::Relaxed), // it is somebody else's, and its end will not be kept
                Err(error) => tracing::warn!(%error, "others could not be told that this process is alive"),
            },
        }
    };
    match checked {
        Ok(Ok(Some(PairsChecked { counts, found }))) => finish(&task, &counts, found, tools).await,
        Ok(Ok(None)) => {
            give_back(&task, None).await;
            Ok(())
        }
        Ok(Err(error)) => {
            tracing::warn!(job.id = id, task = number, %error, "pairs could not be checked");
            give_back(&task, Some(&error.to_string())).await;
            Ok(())
        }
        Err(_) => {
            give_back(&task, Some("a check panicked; the log says where")).await;
            Ok(())
        }
    }
}

/// Keeps what came of a task. Should it have been kept although the store did not say so, the second time changes nothing.
async fn finish(
    task: &HeldTask,
    counts: &service::CheckCounts,
    found: Vec<model::FoundCredential>,
    tools: &Tools,
) -> Result<(), JobError> {
    for _ in 1..TRIES {
        match task.finish(counts, found.clone()).await {
            Err(error) if is_passing(&error) && !tools.stop.is_cancelled() => {
                tracing::warn!(%error, "what was found could not be kept; it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome.map(drop),
        }
    }
    task.finish(counts, found).await.map(drop)
}

/// Gives a task back; where the store does not answer, its lease lapses.
async fn give_back(task: &HeldTask, message: Option<&str>) {
    if let Err(error) = task.give_back(message).await {
        tracing::warn!(%error, "a task could not be given back; others take it when its lease has lapsed");
    }
}
