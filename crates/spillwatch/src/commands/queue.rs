//! Slow verifiers are asked in their turn: what a job waits for is checked by its own process, by `serve` and by
//! `spillwatch worker`s, whoever is free.

use crate::cli::QueueOptions;
use crate::commands::events::bar;
use crate::error::Failure;
use crate::signals::Signals;
use indicatif::ProgressBar;
use model::{Caller, Job};
use serde::Serialize;
use serde_json::Value;
use service::jobs::{HEARTBEAT, JobError, RunningJob};
use service::{QueueEnd, QueueLimits, QueueProgress, QueueScope, QueueWatch, Service, Vault, undecided_in_words};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use store::BoxFuture;

/// For how long a worker's candidates are its own after it was last heard of.
pub const LEASE: Duration = Duration::from_mins(2);
/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// Who checks what a job waits for.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// What checks may use here.
    pub limits: QueueLimits,
    /// Whether others do it, and this process does not wait for them.
    pub is_left: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worked {
    /// It waits for nothing any more.
    Done,
    /// It waits: for so many candidates, and why nobody does them here.
    Waits(u64, String),
}

impl Queue {
    /// As the options say, on so many threads; 0 for as many as there are processors.
    pub fn of(options: QueueOptions, threads: usize) -> Self {
        let processors = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = NonZeroUsize::new(threads).unwrap_or_else(processors);
        let limits = QueueLimits { threads, memory_bytes: u64::from(options.verify_memory) << 20 };
        Self { limits, is_left: options.queue }
    }

    /// All processors, and the usual memory.
    pub fn usual() -> Self {
        Self::of(QueueOptions::default(), 0)
    }

    /// Checks what a job waits for, until it waits for nothing more.
    pub async fn work_off(
        self,
        job: &mut RunningJob,
        vault: &Vault,
        progress: &impl Serialize,
    ) -> Result<Worked, Failure> {
        let (service, caller, number) = (job.service().clone(), job.caller().clone(), job.job().creation);
        let waiting = service.waiting(&caller, Some(number)).await?.candidates;
        if waiting == 0 {
            return Ok(Worked::Done);
        }
        let id = job.job().id.clone();
        if self.is_left {
            return Ok(Worked::Waits(waiting, "they were left to others (--queue)".to_owned()));
        }
        let threads = self.limits.threads;
        anstream::eprintln!(
            "{waiting} passwords wait for verifiers that are slow: they are checked here on {threads} {}, and by every \
             `spillwatch serve` and `spillwatch worker` over this store.",
            if threads.get() == 1 { "thread" } else { "threads" }
        );
        let bar = bar("{bar:30} {pos}/{len} passwords checked  {msg}  ETA {eta}");
        bar.set_length(waiting);
        let mut signals = Signals::listen()?;
        let mut signal = None;
        let stop = async { signal = Some(signals.next().await) };
        let progress = serde_json::to_value(progress)
            .map_err(|error| Failure::message(format!("how far the job is cannot be written: {error}")))?;
        let mut watch =
            Watch { job, progress, all: waiting, bar: bar.clone(), kept: Instant::now(), told: Instant::now() };
        let hands = service.queue_worker(vault, self.limits, &format!("job {id}"), LEASE);
        let worked = hands.work(&caller, QueueScope::Job(number), stop, &mut watch).await;
        bar.finish_and_clear();
        let (end, _) = worked?;
        match end {
            QueueEnd::Empty => Ok(Worked::Done),
            QueueEnd::Stopped => {
                let left = service.waiting(&caller, Some(number)).await?.candidates;
                Ok(Worked::Waits(left, format!("{}: they are no longer checked here", signal.unwrap_or("stopped"))))
            }
        }
    }
}

/// Tells how far it is, and lets others see that the job's process lives.
struct Watch<'w> {
    job: &'w mut RunningJob,
    progress: Value,
    all: u64,
    bar: ProgressBar,
    kept: Instant,
    told: Instant,
}

impl QueueWatch for Watch<'_> {
    fn told(&mut self, now: QueueProgress) -> BoxFuture<'_, Result<(), JobError>> {
        let left = now.waiting.candidates;
        self.bar.set_position(self.all.saturating_sub(left));
        self.bar.set_message(format!("{} current, {:.0} a second here", now.counts.current, now.rate));
        if self.bar.is_hidden() && self.told.elapsed() >= LINE {
            self.told = Instant::now();
            let eta = now.left().map_or_else(String::new, |eta| format!(", {} s left at this rate", eta.as_secs()));
            let all = self.all;
            anstream::eprintln!("{left} of {all} passwords still wait, {:.0} a second here{eta}.", now.rate);
        }
        Box::pin(async {
            if self.kept.elapsed() >= HEARTBEAT {
                self.job.keep(&self.progress, Vec::new()).await?;
                self.kept = Instant::now();
            }
            Ok(())
        })
    }
}

/// Says what slow verifiers could not be asked about, and what to do.
pub async fn warn_of_undecided(service: &Service, caller: &Caller, job: &Job) -> Result<(), Failure> {
    let undecided = service.undecided(caller, job).await?;
    for why in undecided_in_words(&undecided) {
        anstream::eprintln!("Warning: {why}. Once that is mended, scan or check the same material again.");
    }
    Ok(())
}

/// What to say of a job that waits.
pub fn waits_in_words(id: &str, left: u64, why: &str) -> String {
    format!(
        "{left} passwords wait for verifiers that are slow; {why}. `spillwatch serve` and `spillwatch worker` check them, and \
         whoever checks the last one raises what the job found; `spillwatch jobs resume {id}` does it here"
    )
}
