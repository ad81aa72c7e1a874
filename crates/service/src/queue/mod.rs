//! The queue of slow verifications (docs/adr/0011-verification-queue.md): candidates that jobs hand over wait in the store,
//! sealed; any number of processes take the most urgent ones, check them on all the cores that they may use, and keep what
//! comes of it.

mod check;
mod memory;

use crate::jobs::{JobError, later};
use crate::{Service, ServiceError, Vault};
use auth::SealError;
use check::{Check, Read, Reader};
use memory::Memory;
use model::{Caller, CandidateKey, Claim, Job, Judgement, QueuedCandidate, TenantKey};
use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{AdminCommand, AdminOutcome, BoxFuture, CandidateCommand, CandidateOutcome, Undecided, Waiting};
use tokio::sync::mpsc;

/// For how long of work candidates are taken at once, about.
const AHEAD: Duration = Duration::from_secs(2);
/// The most that are taken at once.
const MOST: usize = 512;
/// With how much of it left more is taken, about: what comes next is read beside the checks, and none of them waits for it.
const LEFT: Duration = Duration::from_millis(500);
/// How long what came of checks may wait to be kept, and how many of them at most: a transaction for each would take the
/// time of more than a check in a hundred.
const UNKEPT: (Duration, usize) = (Duration::from_millis(250), 64);
/// How long nobody is asked again where others have all that waits.
const PAUSE: Duration = Duration::from_millis(500);

/// What checks may use of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// How many checks are done at once, each on one core.
    pub threads: NonZeroUsize,
    /// How many bytes they may hold together.
    pub memory_bytes: u64,
}

/// What a process has done for the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Candidates that were checked.
    pub checked: u64,
    /// Of these, those that are current.
    pub current: u64,
    /// Candidates that had been decided by the same verifiers before.
    pub known: u64,
    /// How often a candidate could not be decided.
    pub failed: u64,
    /// The most bytes that checks held together.
    pub most_memory: u64,
}

/// How far the queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueProgress {
    /// What this process has done.
    pub counts: QueueCounts,
    /// What waits.
    pub waiting: Waiting,
    /// How many it checks in a second.
    pub rate: f64,
}

impl QueueProgress {
    /// How long what waits will take, if nobody else helps and nothing is added.
    pub fn left(&self) -> Option<Duration> {
        let seconds = f64::from(u32::try_from(self.waiting.candidates).unwrap_or(u32::MAX)) / self.rate;
        Duration::try_from_secs_f64(seconds).ok().filter(|_| self.rate > 0.0)
    }
}

/// What to say of candidates that could not be checked, a line for each reason.
pub fn undecided_in_words(undecided: &[Undecided]) -> impl Iterator<Item = String> {
    undecided.iter().map(|Undecided { why, candidates, .. }| {
        let passwords = if *candidates == 1 { "1 password" } else { &format!("{candidates} passwords") };
        format!("{passwords} could not be checked, so nobody knows whether they are current: {why}")
    })
}

/// How working for the queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueEnd {
    /// There is nothing left that waits.
    Empty,
    /// It was told to stop; what was not checked was given back.
    Stopped,
}

/// Whose candidates are taken, and when to leave off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueScope {
    /// Those of a job, by its number, until none of it waits: also until others have done what they are at. It is for the
    /// job's own process, of which there is one: what the name of its worker still holds is of one that died.
    Job(u64),
    /// Any, until there is none to take.
    Any,
}

impl QueueScope {
    /// The job whose candidates alone are taken.
    fn job(self) -> Option<u64> {
        match self {
            Self::Job(job) => Some(job),
            Self::Any => None,
        }
    }
}

/// Why a candidate cannot be opened, or a verifier of its user: without names, since whoever sees the job reads it.
fn not_opened(error: &SealError) -> &'static str {
    match error {
        SealError::OtherKey { .. } => "it is sealed with a key that is not at hand",
        SealError::Version { .. } => "it was sealed by another version",
        SealError::Damaged { .. } => "it, or a verifier of its user, is damaged: `spillwatch doctor` tells which",
        SealError::Crypto { .. } => "the cryptographic library has failed",
    }
}

/// Who is told how far the queue is, about each second; an error ends the work.
pub trait QueueWatch: Send {
    /// Takes in how far it is now.
    fn told(&mut self, now: QueueProgress) -> BoxFuture<'_, Result<(), JobError>>;
}

/// A worker for the queue.
#[derive(Clone)]
pub struct QueueWorker {
    service: Service,
    vault: Vault,
    limits: QueueLimits,
    /// Who it is, for people.
    name: Box<str>,
    /// How long it is taken to be alive after it was last heard of.
    lease: Duration,
}

impl Service {
    /// A worker for the queue of slow verifications.
    pub fn queue_worker(&self, vault: &Vault, limits: QueueLimits, name: &str, lease: Duration) -> QueueWorker {
        QueueWorker { service: self.clone(), vault: vault.clone(), limits, name: name.into(), lease }
    }

    /// How many candidates wait, of a job or of all.
    pub async fn waiting(&self, caller: &Caller, job: Option<u64>) -> Result<Waiting, JobError> {
        Ok(self.store().waiting(caller.tenant, job).await?)
    }

    /// How many candidates of a job could not be checked, by reasons, the most frequent first.
    pub async fn undecided(&self, caller: &Caller, job: &Job) -> Result<Vec<Undecided>, JobError> {
        Ok(self.store().undecided(caller.tenant, job.creation).await?)
    }

    pub(crate) async fn change_candidates(
        &self,
        tenant: TenantKey,
        command: CandidateCommand,
    ) -> Result<CandidateOutcome, JobError> {
        let outcome = self.store().administer(AdminCommand::Candidates { tenant, command }).await;
        Ok(match outcome.map_err(ServiceError::from)? {
            AdminOutcome::Candidates(outcome) => outcome,
            // The tenant is gone, and all of its candidates with it.
            _ => CandidateOutcome::Changed(0),
        })
    }
}

/// Threads that check, until this is dropped.
struct Pool {
    checks: Sender<Check>,
    done: mpsc::UnboundedReceiver<Done>,
    memory: Arc<Memory>,
    stop: Arc<AtomicBool>,
}

/// What a thread has done.
struct Done {
    key: CandidateKey,
    attempts: u32,
    came: Came,
}

enum Came {
    Judged(Judgement),
    /// A verifier could not be asked: why.
    Failed(String),
    /// It was not begun, since the work is to end.
    Untouched,
}

impl Pool {
    fn start(limits: QueueLimits) -> Self {
        let (checks, waiting) = channel::<Check>();
        let waiting = Arc::new(Mutex::new(waiting));
        let memory = Arc::new(Memory::of(limits.memory_bytes));
        let (told, done) = mpsc::unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..limits.threads.get() {
            let (waiting, memory, told, stop) = (waiting.clone(), memory.clone(), told.clone(), stop.clone());
            std::thread::spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(check) = next else { return };
                    let came = if stop.load(Ordering::Relaxed) {
                        Came::Untouched
                    } else {
                        check.run(&memory).map_or_else(Came::Failed, Came::Judged)
                    };
                    if told.send(Done { key: check.key, attempts: check.attempts, came }).is_err() {
                        return;
                    }
                }
            });
        }
        Self { checks, done, memory, stop }
    }
}

/// A turn of work: what is in hand, and what came of it and is not kept yet.
struct Turn<'w> {
    worker: &'w QueueWorker,
    caller: &'w Caller,
    claim: Box<str>,
    pool: Pool,
    in_hand: HashSet<CandidateKey>,
    /// Whether that is one at which workers have died before: nothing is taken beside it.
    is_alone: bool,
    judged: Vec<(CandidateKey, Judgement)>,
    given_back: Vec<(CandidateKey, Option<Box<str>>)>,
    counts: QueueCounts,
    began: Instant,
    /// When something was last kept.
    kept: Instant,
    /// When there was nothing to take, if that was so the last time.
    empty: Option<Instant>,
}

impl QueueWorker {
    /// Checks candidates of a tenant until there is nothing left or `stop` comes.
    pub async fn work(
        &self,
        caller: &Caller,
        scope: QueueScope,
        stop: impl Future<Output = ()> + Send,
        watch: &mut dyn QueueWatch,
    ) -> Result<(QueueEnd, QueueCounts), JobError> {
        let mut turn = Turn {
            worker: self,
            caller,
            claim: self.service.entropy().uuid_v4().simple().to_string().into(),
            pool: Pool::start(self.limits),
            in_hand: HashSet::new(),
            is_alone: false,
            judged: Vec::new(),
            given_back: Vec::new(),
            counts: QueueCounts::default(),
            began: Instant::now(),
            kept: Instant::now(),
            empty: None,
        };
        if let QueueScope::Job(_) = scope {
            let lapse = CandidateCommand::Lapse { holder: self.name.clone(), now: self.service.clock().now() };
            self.service.change_candidates(caller.tenant, lapse).await?;
        }
        let outcome = turn.run(scope, stop, watch).await;
        turn.counts.most_memory = turn.pool.memory.most();
        // What nobody will check here any more is not kept from others until the lease lapses.
        let rest = turn.leave().await;
        let end = outcome?;
        rest?;
        Ok((end, turn.counts))
    }
}

impl Turn<'_> {
    async fn run(
        &mut self,
        scope: QueueScope,
        stop: impl Future<Output = ()> + Send,
        watch: &mut dyn QueueWatch,
    ) -> Result<QueueEnd, JobError> {
        let mut stop = pin!(stop);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut renewal = tokio::time::interval(self.worker.lease / 3);
        renewal.reset(); // the first tick is at once
        loop {
            self.is_alone &= !self.in_hand.is_empty();
            if !self.is_alone && self.wants_more() {
                let mut claimed = self.claim(scope).await?;
                self.empty = (!claimed).then(Instant::now);
                if !claimed && self.in_hand.is_empty() {
                    self.is_alone = true;
                    claimed = self.claim(scope).await?;
                }
                if self.in_hand.is_empty() {
                    // There was none, or none that is still to be checked.
                    let mut pause = Duration::ZERO;
                    if !claimed {
                        let QueueScope::Job(job) = scope else { return Ok(QueueEnd::Empty) };
                        let waiting = self.worker.service.waiting(self.caller, Some(job)).await?;
                        if waiting.candidates == 0 {
                            return Ok(QueueEnd::Empty);
                        }
                        watch.told(self.progress(waiting)).await?;
                        pause = PAUSE;
                    }
                    tokio::select! {
                        biased;
                        () = &mut stop => return Ok(QueueEnd::Stopped),
                        () = tokio::time::sleep(pause) => continue,
                    }
                }
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(QueueEnd::Stopped),
                _ = renewal.tick() => self.renew().await?,
                _ = second.tick() => {
                    self.keep().await?; // nothing waits long for others to be done
                    let waiting = self.worker.service.waiting(self.caller, scope.job()).await?;
                    watch.told(self.progress(waiting)).await?;
                }
                Some(done) = self.pool.done.recv() => {
                    self.done(done);
                    while let Ok(done) = self.pool.done.try_recv() {
                        self.done(done);
                    }
                    let unkept = self.judged.len() + self.given_back.len();
                    if self.open() == 0 || unkept >= UNKEPT.1 || self.kept.elapsed() >= UNKEPT.0 {
                        self.keep().await?;
                    }
                }
            }
        }
    }

    /// How many are at the threads, or wait for one.
    fn open(&self) -> usize {
        self.in_hand.len().saturating_sub(self.judged.len() + self.given_back.len())
    }

    /// About how many are checked in so much time, and two for each thread at least.
    fn work_of(&self, time: Duration) -> usize {
        ((self.rate() * time.as_secs_f64()) as usize).min(MOST).max(self.least())
    }

    /// Two for each thread.
    fn least(&self) -> usize {
        2 * self.worker.limits.threads.get()
    }

    /// Whether more is to be taken: sooner than it must be, unless there was nothing a moment ago.
    fn wants_more(&self) -> bool {
        let was_empty = self.empty.is_some_and(|at| at.elapsed() < PAUSE);
        self.open() < if was_empty { self.least() } else { self.work_of(LEFT) }
    }

    fn progress(&self, waiting: Waiting) -> QueueProgress {
        QueueProgress { counts: self.counts, waiting, rate: self.rate() }
    }

    /// How many it has checked in a second.
    fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.counts.checked).unwrap_or(u32::MAX)) / self.began.elapsed().as_secs_f64()
    }

    /// Takes more; `false` when there is nothing to take.
    async fn claim(&mut self, scope: QueueScope) -> Result<bool, JobError> {
        let now = self.worker.service.clock().now();
        let lease = later(now, self.worker.lease);
        let claim = Claim { id: self.claim.clone(), holder: self.worker.name.clone(), now, lease };
        let (is_alone, limit) = (self.is_alone, if self.is_alone { 1 } else { self.work_of(AHEAD) as u32 });
        let command = CandidateCommand::Claim { limit, job: scope.job(), is_alone, claim };
        let outcome = self.worker.service.change_candidates(self.caller.tenant, command).await?;
        let CandidateOutcome::Claimed(claimed) = outcome else { return Ok(false) };
        if claimed.is_empty() {
            return Ok(false);
        }
        let worker = self.worker;
        self.in_hand.extend(claimed.iter().map(|queued| queued.key.clone()));
        let (mut reader, mut failed) = match Reader::new(&worker.service, &worker.vault, self.caller).await {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(error)),
        };
        for queued in claimed {
            let key = queued.key.clone();
            match &mut reader {
                Some(reader) if failed.is_none() => {
                    if let Err(error) = self.begin(reader, queued).await {
                        self.given_back.push((key, None));
                        failed = Some(error);
                    }
                }
                // Given back at the end, which waits for what was begun.
                _ => self.given_back.push((key, None)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.keep().await?;
        Ok(true)
    }

    async fn begin(&mut self, reader: &mut Reader<'_>, queued: QueuedCandidate) -> Result<(), JobError> {
        let key = queued.key.clone();
        match reader.read(queued).await {
            Ok(Read::Check(check)) => _ = self.pool.checks.send(check), // the threads live as long as the pool
            Ok(Read::Known(judged)) => {
                self.counts.known += 1;
                self.judged.push((key, judged));
            }
            Ok(Read::OtherKey(error)) => return Err(error.into()),
            // It alone cannot be opened: its key is lost. After some tries it is given up, so that its job ends.
            Err(JobError::Sealed(error)) => {
                self.counts.failed += 1;
                self.given_back.push((key, Some(not_opened(&error).into())));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn done(&mut self, Done { key, attempts, came }: Done) {
        match came {
            Came::Judged(judged) => {
                self.counts.checked += 1;
                self.counts.current += u64::from(judged.proof.is_some());
                self.judged.push((key, judged));
            }
            Came::Failed(why) => {
                self.counts.failed += 1;
                tracing::warn!(user = key.user.as_str(), attempts, why, "a candidate could not be checked");
                self.given_back.push((key, Some(why.into())));
            }
            Came::Untouched => self.given_back.push((key, None)),
        }
    }

    /// Keeps what has come of candidates.
    async fn keep(&mut self) -> Result<(), JobError> {
        let (service, tenant) = (&self.worker.service, self.caller.tenant);
        self.kept = Instant::now();
        if !self.judged.is_empty() {
            let judged = std::mem::take(&mut self.judged);
            for (key, _) in &judged {
                self.in_hand.remove(key);
            }
            service.change_candidates(tenant, CandidateCommand::Decide { claim: self.claim.clone(), judged }).await?;
        }
        let mut by_reason: BTreeMap<Option<Box<str>>, Vec<CandidateKey>> = BTreeMap::new();
        for (key, message) in std::mem::take(&mut self.given_back) {
            self.in_hand.remove(&key);
            by_reason.entry(message).or_default().push(key);
        }
        for (message, keys) in by_reason {
            let give_back = CandidateCommand::GiveBack { claim: self.claim.clone(), keys, message };
            service.change_candidates(tenant, give_back).await?;
        }
        Ok(())
    }

    async fn renew(&self) -> Result<(), JobError> {
        let keys: Vec<CandidateKey> = self.in_hand.iter().cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let lease = later(self.worker.service.clock().now(), self.worker.lease);
        let command = CandidateCommand::Renew { claim: self.claim.clone(), keys, lease };
        self.worker.service.change_candidates(self.caller.tenant, command).await.map(drop)
    }

    /// Gives back what was not begun, waits for what was, and keeps that.
    async fn leave(&mut self) -> Result<(), JobError> {
        self.pool.stop.store(true, Ordering::Relaxed);
        while self.open() > 0 {
            let Some(done) = self.pool.done.recv().await else { break };
            self.done(done);
        }
        self.keep().await
    }
}
