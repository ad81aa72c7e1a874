//! `spillwatch worker`: takes pieces of scans over many machines, one after another, and checks pairs that were handed in.

use crate::cli::{Global, Worker};
use crate::commands::scan::piecework::{Answer, Ready, Tools, Unready, is_passing};
use crate::commands::scan::task::{Payload, Scanned};
use crate::desk::{Crew, Desk, Until};
use crate::error::Failure;
use crate::instance::Instance;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use ::scan::decode::ArchivePassword;
use model::{Actor, Caller, Job, PermissionSet, TaskKind, Tenant};
use service::Vault;
use service::jobs::JobError;
use service::tasks::HeldTask;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a worker waits before it asks again where there was nothing to do, or something went wrong.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is tried to keep what was found, while the store cannot.
const TRIES: u32 = 20;

/// Works until it is told to stop.
pub async fn run(global: &Global, options: Worker) -> Result<(), Failure> {
    // From the beginning: whoever starts workers may stop one before it has found work, or its store.
    let mut signals = Signals::listen()?;
    let opening = async {
        let instance = Instance::open_lean(global).await?;
        let vault = instance.vault(global, Purpose::Open).await?;
        Ok((instance, vault))
    };
    let Some((instance, vault)) = signals.unless_told(opening).await? else { return Ok(()) };
    let done = work(&instance, vault, options, &mut signals).await;
    instance.service.store().close().await;
    done
}

async fn work(instance: &Instance, vault: Vault, options: Worker, signals: &mut Signals) -> Result<(), Failure> {
    let threads =
        options.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into);
    let passwords = options.archive_password.iter().cloned().map(ArchivePassword::new).collect();
    let tools = Tools { vault, threads, passwords };
    let name = options.name.clone().unwrap_or_else(usual_name);
    let stop = CancellationToken::new();
    let checks = crate::desk::Tools {
        service: instance.service.clone(),
        vault: tools.vault.clone(),
        crew: Crew::new(threads)?,
        name: name.clone(),
        memory_bytes: u64::from(options.verify_memory) << 20,
        lease: options.lease,
        stop: stop.clone(),
    };
    let mut desk = Desk::new(checks, options.tenant, Arc::default());
    if options.once || options.until_idle {
        return pieces(instance, &options, (tools, name), signals, Some((&mut desk, &stop))).await;
    }
    let working = tokio::spawn(async move { desk.run(Until::Stopped).await });
    let done = pieces(instance, &options, (tools, name), signals, None).await;
    stop.cancel();
    working.await?;
    done
}

/// Scans pieces, until it is told to stop, or with a desk until neither pieces nor work for that are left.
async fn pieces(
    instance: &Instance,
    options: &Worker,
    (tools, name): (Tools, String),
    signals: &mut Signals,
    desk: Option<(&mut Desk, &CancellationToken)>,
) -> Result<(), Failure> {
    tracing::info!(
        worker = name,
        threads = tools.threads,
        "waiting for pieces of scans, for pairs, and for passwords that slow verifiers judge"
    );
    let mut seat = Seat { instance, tools, name, lease: options.lease, refused: HashSet::new(), ready: None };
    loop {
        let rests = match seat.claim(options).await {
            Ok(Some((caller, task))) => {
                let step = seat.task(&caller, task, signals).await?;
                if let Step::Told(signal) = step {
                    tracing::info!(signal, "stopped; the piece was given back");
                    return Ok(());
                }
                if options.once && !matches!(step, Step::Left) {
                    return Ok(());
                }
                matches!(step, Step::Failed)
            }
            Ok(None) if options.once => {
                if let Some((desk, stop)) = desk {
                    at_desk(async { _ = desk.round().await }, signals, stop).await;
                }
                return Ok(());
            }
            Ok(None) if options.until_idle => {
                if let Some((desk, stop)) = desk {
                    at_desk(desk.run(Until::Idle), signals, stop).await;
                }
                return Ok(());
            }
            Ok(None) => true,
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "the store does not answer; it is asked again");
                true
            }
            Err(error) => return Err(error.into()),
        };
        let pause = if rests { PAUSE } else { Duration::ZERO };
        // A signal that came meanwhile is seen here too.
        tokio::select! {
            biased;
            signal = signals.next() => {
                tracing::info!(signal, "stopped");
                return Ok(());
            }
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits for a desk, which gives back what it is at when a signal comes.
async fn at_desk(work: impl Future<Output = ()>, signals: &mut Signals, stop: &CancellationToken) {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            () = &mut work => return,
            _ = signals.next() => stop.cancel(),
        }
    }
}

/// The host and the process.
pub fn usual_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}/{}", std::process::id())
}

/// What came of a task.
enum Step {
    /// It is done, or lost to somebody else.
    Done,
    /// It was left to others, who need not be waited for.
    Left,
    /// It could not be done now.
    Failed,
    /// A signal asks the worker to stop.
    Told(&'static str),
}

/// A worker with what it has at hand.
struct Seat<'i> {
    instance: &'i Instance,
    tools: Tools,
    name: String,
    lease: Duration,
    /// Jobs that it does not work for, by tenant and number.
    refused: HashSet<(u32, u64)>,
    /// The job that it works for.
    ready: Option<((u32, u64), Ready)>,
}

impl Seat<'_> {
    /// Claims a task of the first tenant that has one.
    async fn claim(&mut self, options: &Worker) -> Result<Option<(Caller, HeldTask)>, JobError> {
        let registry = self.instance.service.registry().await?;
        let wanted = |tenant: &&Tenant| options.tenant.is_none_or(|id| tenant.id == id);
        for tenant in registry.tenants.iter().filter(wanted) {
            let refused = self.refused.iter().filter(|(of, _)| *of == tenant.key.0);
            let except = refused.map(|(_, job)| *job).collect();
            let service = &self.instance.service;
            let claimed = service.claim_task(tenant.key, TaskKind::Scan, (&self.name, self.lease), except).await?;
            if let Some(task) = claimed {
                let caller = Caller {
                    tenant: tenant.key,
                    tenant_id: tenant.id,
                    actor: Actor::command("worker"),
                    permissions: PermissionSet::all(),
                };
                return Ok(Some((caller, task)));
            }
        }
        Ok(None)
    }

    /// Does a task, or gives it back.
    async fn task(&mut self, caller: &Caller, task: HeldTask, signals: &mut Signals) -> Result<Step, Failure> {
        let key = task.task().key;
        let place = (caller.tenant.0, key.job);
        let job = match self.instance.service.job_of_task(caller.tenant, key).await {
            Ok(Some(job)) => job,
            Ok(None) => {
                self.refused.insert(place); // it is about to be forgotten
                give_back(&task, None).await?;
                return Ok(Step::Left);
            }
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "the store does not answer; it is asked again");
                give_back(&task, None).await?;
                return Ok(Step::Failed);
            }
            Err(error) => return Err(error.into()),
        };
        if let Err(unready) = self.make_ready(caller, &job, (&task, place)).await {
            return self.unready(unready, &job, &task, place).await;
        }
        let payload = match task.payload::<Payload>() {
            Ok(payload) => payload,
            Err(error) => {
                let why = Unready::Refused(format!("a piece of another form ({error}): use the same version"));
                return self.unready(why, &job, &task, place).await;
            }
        };
        let shown = payload.shown();
        let Some((_, ready)) = &self.ready else { return Ok(Step::Left) };
        let stop = Arc::new(AtomicBool::new(false));
        let scan = ready.scan(payload, task.task().attempts, stop.clone());
        tracing::debug!(job.id = job.id.as_str(), piece = shown, "a piece is begun");
        let (answer, told) = self.watch(&task, scan, &stop, signals).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                give_back(&task, Some(&failure.to_string())).await?;
                return Err(failure);
            }
        };
        let (id, attempt) = (job.id.as_str(), task.task().attempts);
        let outcome = match answer {
            Answer::Done(scanned, found) => {
                let (lines, current) = (scanned.counts.lines, scanned.counts.current);
                if self.finish(&task, &scanned, found).await? {
                    tracing::info!(job.id = id, piece = shown, lines, current, "a piece is scanned");
                } else {
                    tracing::warn!(job.id = id, piece = shown, "a piece was lost to another worker");
                }
                Step::Done
            }
            Answer::NotNow(why) => {
                tracing::warn!(job.id = id, piece = shown, attempt, why, "a piece could not be scanned");
                give_back(&task, Some(&why)).await?;
                Step::Failed
            }
            Answer::Stopped => {
                // Where it was lost instead, this changes nothing.
                give_back(&task, None).await?;
                Step::Done
            }
        };
        Ok(told.map_or(outcome, Step::Told))
    }

    /// Waits for a piece, and tells others meanwhile that this worker is alive. It is not waited for when the worker is told
    /// to stop, and stops when it is somebody else's.
    async fn watch(
        &self,
        task: &HeldTask,
        scan: impl Future<Output = Result<Answer, Failure>>,
        stop: &AtomicBool,
        signals: &mut Signals,
    ) -> (Result<Answer, Failure>, Option<&'static str>) {
        let mut scan = std::pin::pin!(scan);
        let mut renewal = renewals(self.lease);
        loop {
            tokio::select! {
                biased;
                answer = &mut scan => return (answer, None),
                signal = signals.next() => {
                    stop.store(true, Ordering::Relaxed);
                    return (Ok(Answer::Stopped), Some(signal));
                }
                _ = renewal.tick() => match task.renew().await {
                    Ok(true) => {}
                    Ok(false) => stop.store(true, Ordering::Relaxed),
                    Err(error) => tracing::warn!(%error, "others could not be told that this worker is alive"),
                },
            }
        }
    }

    /// Makes a job ready, unless it is the one that this worker is at.
    async fn make_ready(
        &mut self,
        caller: &Caller,
        job: &Job,
        (task, place): (&HeldTask, (u32, u64)),
    ) -> Result<(), Unready> {
        if self.ready.as_ref().is_some_and(|(of, _)| *of == place) {
            return Ok(());
        }
        self.ready = None; // one directory at a time
        let mut making = std::pin::pin!(Ready::make(self.instance, caller, job, &self.tools));
        let mut renewal = renewals(self.lease);
        let ready = loop {
            tokio::select! {
                biased;
                ready = &mut making => break ready?,
                // Should it be lost meanwhile, its end is not kept.
                _ = renewal.tick() => if let Err(error) = task.renew().await {
                    tracing::warn!(%error, "others could not be told that this worker is alive");
                },
            }
        };
        self.ready = Some((place, ready));
        Ok(())
    }

    /// Leaves a job to others, or ends.
    async fn unready(
        &mut self,
        unready: Unready,
        job: &Job,
        task: &HeldTask,
        place: (u32, u64),
    ) -> Result<Step, Failure> {
        match unready {
            Unready::Refused(why) => {
                tracing::warn!(job.id = job.id.as_str(), why, "this worker leaves a job to others");
                self.refused.insert(place);
                give_back(task, None).await?;
                Ok(Step::Left)
            }
            Unready::NotNow(error) => {
                tracing::warn!(%error, "the store does not answer; it is asked again");
                give_back(task, None).await?;
                Ok(Step::Failed)
            }
            Unready::Failed(failure) => {
                give_back(task, None).await?;
                Err(failure)
            }
        }
    }

    /// Keeps what was found. Where the store does not answer it is tried again: should it have been kept all the same, the
    /// second time changes nothing.
    async fn finish(
        &self,
        task: &HeldTask,
        scanned: &Scanned,
        found: Vec<model::FoundCredential>,
    ) -> Result<bool, Failure> {
        for _ in 1..TRIES {
            match task.finish(scanned, found.clone()).await {
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "what was found could not be kept; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => return Ok(outcome?),
            }
        }
        Ok(task.finish(scanned, found).await?)
    }
}

/// Gives a task back; where the store does not answer, its lease lapses.
async fn give_back(task: &HeldTask, message: Option<&str>) -> Result<(), Failure> {
    match task.give_back(message).await {
        Err(error) if is_passing(&error) => {
            tracing::warn!(%error, "a piece could not be given back; others take it when its lease has lapsed");
            Ok(())
        }
        outcome => Ok(outcome.map(drop)?),
    }
}

/// When others are told that a worker is alive.
fn renewals(lease: Duration) -> tokio::time::Interval {
    let mut renewals = tokio::time::interval(lease / 4);
    renewals.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    renewals
}
