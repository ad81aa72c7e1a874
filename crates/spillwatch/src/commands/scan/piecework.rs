//! A worker's side of a scan over many machines: what a job asks for, made ready once, and one piece after another scanned
//! with it.

use super::distributed::settings_in;
use super::keeper::{MOST_HELD, apart};
use super::task::{Payload, Scanned, asked_since};
use super::{Parameters, must_have_verifiers};
use crate::error::Failure;
use crate::instance::Instance;
use ::scan::decode::{ArchivePassword, Decoder, Limits, What};
use ::scan::engine::{CHUNK, Event, scan_piece};
use ::scan::matcher::Matcher;
use ::scan::range::{Piece, PieceError};
use model::{Caller, Entropy, FoundCredential, Job, JobKind, MOST_ATTEMPTS, RetainedCandidate, Ticks};
use service::jobs::JobError;
use service::tasks::settings_of;
use service::{Detector, Findings, ScanJudge, Service, ServiceError, Vault};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// What a worker brings along.
#[derive(Clone)]
pub struct Tools {
    /// Opens verifiers.
    pub vault: Vault,
    /// Threads that look for names.
    pub threads: usize,
    /// Passwords of archives.
    pub passwords: Vec<ArchivePassword>,
}

/// What came of a piece.
pub enum Answer {
    /// It is scanned: what was counted, and what the job has found in it.
    Done(Box<Scanned>, Vec<FoundCredential>),
    /// It could not be read here and now: why. Somebody else, or a later attempt, may.
    NotNow(String),
    /// It was told to stop.
    Stopped,
}

/// A piece that is to be scanned, and who waits for that.
struct Order {
    payload: Payload,
    attempt: u32,
    stop: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Answer, JobError>>,
}

/// A job that is made ready: a thread holds the directory and scans what it is given. It ends when this is dropped.
pub struct Ready {
    orders: std::sync::mpsc::Sender<Order>,
}

/// Why a worker does not work for a job.
pub enum Unready {
    /// It leaves it to others.
    Refused(String),
    /// The store does not answer; it may later.
    NotNow(JobError),
    /// It cannot work at all.
    Failed(Failure),
}

impl From<JobError> for Unready {
    fn from(error: JobError) -> Self {
        if is_passing(&error) { Self::NotNow(error) } else { Self::Failed(error.into()) }
    }
}

impl From<Failure> for Unready {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whether the store may do later what it could not do now.
pub fn is_passing(error: &JobError) -> bool {
    use StoreError::{Busy, TooLong, Unavailable};
    matches!(error, JobError::Service(ServiceError::Store(Unavailable(_) | Busy | TooLong { .. })))
}

impl Ready {
    /// Makes a job ready: reads the directory, and finds what is planted.
    pub async fn make(instance: &Instance, caller: &Caller, job: &Job, tools: &Tools) -> Result<Self, Unready> {
        let parameters = agreed(job, !tools.passwords.is_empty()).map_err(Unready::Refused)?;
        let detector = instance.service.detector(caller, &tools.vault, parameters.guests).await?.with_queue();
        must_have_verifiers(detector.snapshot(), &parameters)?;
        let (orders, received) = std::sync::mpsc::channel();
        let (ready, is_ready) = oneshot::channel();
        let bench = Bench {
            detector: Arc::new(detector),
            parameters,
            created: job.created,
            tools: tools.clone(),
            entropy: instance.entropy.clone(),
            service: instance.service.clone(),
            caller: caller.clone(),
            runtime: Handle::current(),
        };
        tokio::task::spawn_blocking(move || bench.run(ready, &received));
        is_ready.await.map_err(gone)??;
        Ok(Self { orders })
    }

    /// Scans a piece, for the how manieth time it is begun, until it is told to stop.
    pub async fn scan(&self, payload: Payload, attempt: u32, stop: Arc<AtomicBool>) -> Result<Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order { payload, attempt, stop, reply }).map_err(gone)?;
        Ok(answer.await.map_err(gone)??)
    }
}

fn gone<E>(_: E) -> Failure {
    Failure::message("the thread that scans has ended; this is a fault of the program")
}

/// The parameters of a job, where this process would find in its pieces what every other one finds.
fn agreed(job: &Job, has_passwords: bool) -> Result<Parameters, String> {
    let other = |what: &str| format!("{what}, which this worker does not know: use the same version of Spillwatch");
    if job.kind != JobKind::Scan {
        return Err(other("it has tasks of another kind"));
    }
    let parameters = serde_json::from_str::<Parameters>(&job.parameters);
    let parameters = parameters.map_err(|error| other(&format!("its parameters are of another form ({error})")))?;
    let settings = settings_in(job).map_err(|error| other(&format!("its progress is of another form ({error})")))?;
    if settings != settings_of(&parameters) {
        return Err(other("it was begun with options, or by a version that reads the material in a way"));
    }
    if parameters.had_archive_passwords && !has_passwords {
        return Err(format!(
            "it has the password of archives, which is not kept: give it to this worker in the variable {}",
            super::ARCHIVE_PASSWORD
        ));
    }
    Ok(parameters)
}

struct Bench {
    detector: Arc<Detector>,
    parameters: Parameters,
    created: Ticks,
    tools: Tools,
    entropy: Arc<dyn Entropy>,
    service: Service,
    caller: Caller,
    runtime: Handle,
}

impl Bench {
    fn run(self, ready: oneshot::Sender<Result<(), JobError>>, orders: &std::sync::mpsc::Receiver<Order>) {
        let Self { detector, parameters, created, tools, entropy, service, caller, runtime } = self;
        let snapshot = detector.snapshot();
        let own: Vec<&str> = parameters.own_domains.iter().map(String::as_str).collect();
        let matcher = Matcher::new(snapshot.index(), snapshot.normaliser(), &own);
        let decoder = Decoder::new(Limits::default(), tools.passwords);
        let leaked = parameters.leaked.and_then(Ticks::new);
        let judge = ScanJudge::new(detector.clone(), parameters.source.clone(), leaked, created);
        let judge = match parameters.wanted.asked(judge, &detector, (created, &own)) {
            Ok(judge) => judge,
            Err(error) => {
                // Whoever waits is told, or is gone.
                drop(ready.send(Err(error)));
                return;
            }
        };
        let found = detector.must_find_canaries(&matcher, &decoder, &*entropy);
        let works = found.is_ok();
        if ready.send(found).is_err() || !works {
            return;
        }
        // This is no asynchronous thread, and may wait for the store.
        let keep = |retained| runtime.block_on(service.retain(&caller, retained));
        while let Ok(Order { payload, attempt, stop, reply }) = orders.recv() {
            let with = (&decoder, &matcher, &judge);
            let answer = one(&payload.into(), (attempt, &stop), with, tools.threads, &keep);
            if reply.send(answer).is_err() {
                return; // whoever waited is gone, and so is the process soon
            }
        }
    }
}

/// Scans one piece.
fn one(
    piece: &Piece,
    (attempt, stop): (u32, &AtomicBool),
    (decoder, matcher, judge): (&Decoder, &Matcher<'_>, &ScanJudge),
    threads: usize,
    keep: &dyn Fn(Vec<RetainedCandidate>) -> Result<(), JobError>,
) -> Result<Answer, JobError> {
    let mut scanned = Scanned::default();
    let item = match piece.find() {
        Ok(item) => item,
        Err(error @ (PieceError::Changed { .. } | PieceError::Range { .. })) => {
            scanned.problem(error.to_string()); // nobody will find it otherwise
            return Ok(Answer::Done(Box::new(scanned), Vec::new()));
        }
        Err(error) => return Ok(Answer::NotNow(error.to_string())),
    };
    let before = judge.totals();
    let mut findings = Findings::default();
    let (mut unread, mut lost) = (None, None);
    let mut retained = Vec::new();
    scan_piece((piece, &item), (decoder, matcher, judge), (threads, CHUNK), |portion| {
        match portion.event {
            Event::Document { path, preview, .. } => scanned.document(&path, &preview),
            Event::Scanned { lines_before, counters, bytes, findings: found } => {
                // How many lines are before the piece is not known here.
                let lines_before = (piece.start == 0).then_some(lines_before);
                let (credentials, kept) = apart(found, lines_before);
                scanned.counts.count(&counters, bytes, &credentials);
                scanned.counts.retained += kept.len() as u64;
                retained.extend(kept);
                if retained.len() >= MOST_HELD {
                    lost = keep(std::mem::take(&mut retained)).err();
                }
                for sighted in credentials {
                    findings.add(sighted);
                }
            }
            Event::DocumentDone => scanned.counts.documents += 1,
            Event::ItemDone(_) => scanned.counts.items += 1,
            Event::Problem(problem) => {
                if matches!(problem.what, What::Read { .. }) {
                    unread.get_or_insert_with(|| problem.to_string());
                }
                scanned.problem(problem.to_string());
            }
            Event::Source(error) => scanned.problem(error.to_string()),
        }
        if stop.load(Ordering::Relaxed) || lost.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = lost {
        return Err(error);
    }
    // Kept twice is kept once, so it need not be at once with what was found.
    keep(retained)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(Answer::Stopped);
    }
    // A network or a disk may be there again; the last one who tries tells how far it could be read.
    if let Some(why) = unread.filter(|_| attempt < MOST_ATTEMPTS) {
        return Ok(Answer::NotNow(why));
    }
    scanned.counts.asked = asked_since(before, judge.totals());
    Ok(Answer::Done(Box::new(scanned), findings.take()))
}
