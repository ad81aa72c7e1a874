//! `spillwatch scan --distributed`: lists the material, cuts it into pieces, leaves these to workers, waits for them, and
//! raises what they found (docs/adr/0009-tasks.md).

use super::progress::Progress;
use super::reporting::Reports;
use super::task::{MOST_LOOKS, MOST_WARNINGS, Payload, Scanned, add};
use super::voice::{Told, Voice};
use super::waiting::Waiting;
use super::{Parameters, locations, must_have_verifiers, scanning, tell_of};
use crate::cli::{Global, Scan};
use crate::commands::queue::Queue;
use crate::error::Failure;
use crate::instance::Instance;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use ::scan::range::{PieceError, cut};
use ::scan::source::SourceError;
use model::{Caller, FoundCredential, Job, JobKind, MatchClass, Task, TaskKind, TaskState};
use serde::{Deserialize, Serialize};
use service::Snapshot;
use service::jobs::{HEARTBEAT, JobError, RunningJob};
use service::tasks::settings_of;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often tasks are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often programs are told how far it is.
const TELLING: Duration = Duration::from_secs(1);
/// Tasks that are read at once.
const PAGE: u32 = 500;
/// Findings that are read at once.
const FOUND: u32 = 2_000;
/// Tasks that are registered at once.
const REGISTERED: usize = 200;

/// What the job of a scan over many machines keeps besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Distributed {
    /// How many bytes a piece has, more or less.
    pub piece: u64,
}

/// How far it is. Whoever knows nothing of the rest reads it as the progress of any scan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spread {
    #[serde(flatten)]
    progress: Progress,
    /// What workers must agree with.
    #[serde(default)]
    settings: String,
    /// Tasks that are registered.
    #[serde(default)]
    tasks: u64,
    /// Bytes of these.
    #[serde(default)]
    task_bytes: u64,
    /// What could not be listed or cut.
    #[serde(default)]
    unlisted: u64,
    /// Whether all of the material is registered.
    #[serde(default)]
    is_listed: bool,
}

/// What workers must agree with, as a job's progress tells it.
pub fn settings_in(job: &Job) -> Result<String, serde_json::Error> {
    Ok(serde_json::from_str::<Spread>(&job.progress)?.settings)
}

/// Refuses what cannot be spread over machines.
pub fn must_be_shared(sources: &[String], options: &Scan) -> Result<(), Failure> {
    let why = if sources.iter().any(|source| source == "-") {
        "standard input is here only, and cannot be read from another machine; scan it without --distributed, or give a \
         file, a folder or an s3:// URL"
    } else if options.dry_run {
        "--dry-run keeps nothing, and what workers find must be kept until all of them are done: scan without \
         --distributed, or without --dry-run and with --brake-percent 1, which raises nothing of a large find before you \
         release it"
    } else if options.threads.is_some() {
        "--threads is each worker's own: give it to `spillwatch worker`"
    } else if options.wanted.passwords {
        "lists of passwords (--passwords) are read by one process, which has to see where each begins: scan them without \
         --distributed"
    } else {
        return Ok(());
    };
    Err(Failure::Refused(why.to_owned()))
}

/// Spreads a scan, from its beginning or, with its job, from where a process before left it, and ends it.
pub async fn run(
    global: &Global,
    (instance, caller): (&Instance, &Caller),
    job: Option<RunningJob>,
    parameters: Parameters,
    reports: Reports,
    queue: Queue,
) -> Result<(), Failure> {
    let prepared = async {
        let vault = instance.vault(global, Purpose::Open).await?;
        // Without the verifiers: workers read those.
        let snapshot = instance.service.snapshot(caller, parameters.guests).await?;
        must_have_verifiers(&snapshot, &parameters)?;
        tell_of(&snapshot, &parameters);
        Ok::<_, Failure>((vault, snapshot))
    };
    let (mut job, (vault, snapshot)) = match (prepared.await, job) {
        (Ok(prepared), Some(job)) => (job, prepared),
        (Ok(prepared), None) => (instance.service.start_job(caller, JobKind::Scan, &parameters).await?, prepared),
        (Err(failure), None) => return Err(failure),
        (Err(failure), Some(job)) => return Err(given_up(job, failure).await),
    };
    let voice = Voice::new(global.json, false);
    match spread((instance, &voice), &mut job, &parameters, &snapshot).await {
        Ok(()) => scanning(global, (instance, caller), Some(job), parameters, (vault, None), reports, queue).await,
        Err(failure) => Err(given_up(job, failure).await),
    }
}

/// Notes that the job broke off.
async fn given_up(job: RunningJob, failure: Failure) -> Failure {
    job.failed(JobError::Interrupted(failure.to_string())).await;
    failure
}

async fn spread(
    (instance, voice): (&Instance, &Voice),
    job: &mut RunningJob,
    parameters: &Parameters,
    snapshot: &Snapshot,
) -> Result<(), Failure> {
    let mut kept: Spread = job.progress()?;
    // The job's own: the brake of who resumes it may be another one.
    let settings = settings_of(&job.parameters::<Parameters>()?);
    if !kept.settings.is_empty() && kept.settings != settings {
        return Err(Failure::message(
            "the job was begun by a version that reads the material in another way: scan it anew",
        ));
    }
    kept.settings = settings;
    job.keep(&kept, Vec::new()).await?; // before there is a task, so that a worker finds it
    anstream::eprintln!("Job {}.", job.job().id);
    voice.started(Some(job.job().id.as_str()), parameters, snapshot)?;
    let mut signals = Signals::listen()?;
    let interrupted = |signal: &str, job: &RunningJob| {
        let id = &job.job().id;
        Failure::message(format!("{signal}: workers stop with it; `spillwatch jobs resume {id}` goes on"))
    };
    if !kept.is_listed {
        let id = job.job().id.clone();
        tokio::select! {
            biased;
            signal = signals.next() => Err(Failure::message(format!(
                "{signal}: not all of the material was listed; `spillwatch jobs resume {id}` goes on"
            ))),
            listed = register((job, voice), parameters, &mut kept) => listed,
        }?;
    }
    instance.service.retry_tasks(job.caller(), job.job()).await?;
    anstream::eprintln!("{} bytes in {} pieces for workers.", kept.task_bytes, kept.tasks);
    kept.progress = Progress { problems: kept.unlisted, ..Progress::default() };
    let mut look = tokio::time::interval(LOOK);
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    let mut waiting = Waiting::new(instance.clock.clone(), kept.task_bytes, voice.is_json);
    let mut tasks = Tasks::default();
    let mut told_at = Instant::now();
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => return Err(interrupted(signal, job)),
            _ = heartbeat.tick() => job.keep(&kept, Vec::new()).await?,
            _ = look.tick() => {
                let open = tasks.look((instance, voice), job, &mut kept).await?;
                let is_more = tasks.ended < kept.tasks;
                let pace = waiting.show(&kept.progress, (tasks.ended, kept.tasks), tasks.bytes, &open);
                if told_at.elapsed() >= TELLING || !is_more {
                    voice.progress(&kept.progress, &pace)?;
                    told_at = Instant::now();
                }
                if !is_more {
                    break;
                }
            }
        }
    }
    waiting.finish();
    count_users(instance, job, snapshot, &mut kept.progress).await?;
    kept.progress.is_read = true;
    job.keep(&kept, Vec::new()).await?;
    Ok(())
}

/// What the listing thread hands over.
enum Listed {
    Piece(Payload),
    Source(SourceError),
    Uncut(PieceError),
}

/// Lists the material and registers its pieces. One that was registered before must be the same again: what is behind it
/// would else be scanned twice, or not at all.
async fn register(
    (job, voice): (&mut RunningJob, &Voice),
    parameters: &Parameters,
    kept: &mut Spread,
) -> Result<(), Failure> {
    let locations = locations(parameters)?;
    let size = parameters.distributed.as_ref().map_or(::scan::range::USUAL_SIZE, |distributed| distributed.piece);
    let (sender, mut pieces) = mpsc::channel(REGISTERED);
    let listing = tokio::task::spawn_blocking(move || {
        for item in locations.into_iter().flat_map(|location| location.items()) {
            let all = match item.map(|item| cut(&item, size)) {
                Ok(Ok(pieces)) => pieces.into_iter().map(|piece| Listed::Piece(piece.into())).collect(),
                Ok(Err(error)) => vec![Listed::Uncut(error)],
                Err(error) => vec![Listed::Source(error)],
            };
            for piece in all {
                if sender.blocking_send(piece).is_err() {
                    return; // nobody listens any more
                }
            }
        }
    });
    (kept.tasks, kept.task_bytes, kept.unlisted) = (0, 0, 0);
    let mut some = Vec::with_capacity(REGISTERED);
    let mut heard = Instant::now();
    while pieces.recv_many(&mut some, REGISTERED).await > 0 {
        let mut cut = Vec::new();
        for one in some.drain(..) {
            match one {
                Listed::Piece(piece) => cut.push(piece),
                Listed::Uncut(error @ PieceError::HereOnly { .. }) => return Err(error.into()),
                Listed::Uncut(error) => {
                    kept.unlisted += 1;
                    voice.told(&Told::Problem(error.to_string()), 0)?;
                }
                Listed::Source(error) => {
                    kept.unlisted += 1;
                    voice.told(&Told::Problem(error.to_string()), 0)?;
                }
            }
        }
        let payloads: Vec<Box<str>> = cut.iter().map(Payload::text).collect();
        must_be_same(job, kept.tasks, &payloads).await?;
        let count = payloads.len() as u64;
        let service = job.service().clone();
        service.add_tasks((job.caller(), job.job()), TaskKind::Scan, kept.tasks, payloads).await?;
        kept.tasks += count;
        kept.task_bytes += cut.iter().map(Payload::length).sum::<u64>();
        if heard.elapsed() >= HEARTBEAT {
            job.keep(kept, Vec::new()).await?;
            heard = Instant::now();
        }
    }
    listing.await?;
    must_be_same(job, kept.tasks, &[]).await?;
    kept.is_listed = true;
    job.keep(kept, Vec::new()).await?;
    Ok(())
}

/// Whether what is registered from a number on is what is to be; at the end of the material nothing is.
async fn must_be_same(job: &RunningJob, from: u64, payloads: &[Box<str>]) -> Result<(), Failure> {
    let limit = u32::try_from(payloads.len().max(1)).unwrap_or(u32::MAX);
    let before = job.service().tasks(job.caller(), job.job(), from, limit).await?;
    let is_same = before.len() <= payloads.len() && before.iter().zip(payloads).all(|(task, now)| task.payload == *now);
    if is_same {
        return Ok(());
    }
    Err(Failure::message("the material is not what it was when the job began to list it; scan it anew"))
}

/// What became of tasks, as far as it was looked at.
#[derive(Default)]
struct Tasks {
    /// All before it have ended.
    first: u64,
    /// Those behind that have ended.
    counted: HashSet<u64>,
    /// How many have ended.
    ended: u64,
    /// Bytes of these.
    bytes: u64,
    /// Documents whose look was told.
    looks: usize,
    /// Documents that were told to be hardly breach material.
    warnings: usize,
}

impl Tasks {
    /// Counts what has ended since the last time; answers those that are being done.
    async fn look(
        &mut self,
        (instance, voice): (&Instance, &Voice),
        job: &RunningJob,
        kept: &mut Spread,
    ) -> Result<Vec<Task>, Failure> {
        let mut open = Vec::new();
        let mut from = self.first;
        loop {
            let page = instance.service.tasks(job.caller(), job.job(), from, PAGE).await?;
            let Some(last) = page.last() else { break };
            from = last.key.number + 1;
            // Tasks are taken in their order: behind many that wait, all wait.
            let all_wait = page.iter().all(|task| task.state == TaskState::Waiting);
            for task in page {
                match task.state {
                    TaskState::Waiting => {}
                    TaskState::Claimed => open.push(task),
                    TaskState::Done | TaskState::Failed if self.is_counted(task.key.number) => {}
                    TaskState::Done | TaskState::Failed => self.count(&task, kept, voice)?,
                }
            }
            if all_wait {
                break;
            }
        }
        while self.counted.remove(&self.first) {
            self.first += 1;
        }
        Ok(open)
    }

    fn is_counted(&self, number: u64) -> bool {
        number < self.first || self.counted.contains(&number)
    }

    fn count(&mut self, task: &Task, kept: &mut Spread, voice: &Voice) -> Result<(), Failure> {
        let unreadable = |what: &str, error: serde_json::Error| {
            Failure::message(format!("the {what} of task {} cannot be read: {error}", task.key.number))
        };
        let payload: Payload = serde_json::from_str(&task.payload).map_err(|error| unreadable("piece", error))?;
        self.counted.insert(task.key.number);
        self.ended += 1;
        self.bytes += payload.length();
        if task.state == TaskState::Failed {
            kept.progress.problems += 1;
            let why = task.message.as_deref().unwrap_or("nobody said why");
            return voice.told(&Told::Problem(format!("{}: not scanned: {why}", payload.shown())), 0);
        }
        let result = task.result.as_deref().unwrap_or_default();
        let scanned: Scanned = serde_json::from_str(result).map_err(|error| unreadable("result", error))?;
        add(&mut kept.progress, &scanned.counts);
        for look in scanned.looks.iter().take(MOST_LOOKS.saturating_sub(self.looks)).filter(|_| !voice.is_json) {
            anstream::eprintln!("{look}");
        }
        self.looks += scanned.looks.len();
        for warning in scanned.warnings.iter().take(MOST_WARNINGS.saturating_sub(self.warnings)) {
            voice.told(&Told::Warning(warning.clone()), 0)?;
        }
        self.warnings += scanned.warnings.len();
        for problem in &scanned.problems {
            voice.told(&Told::Problem(problem.clone()), 0)?;
        }
        if scanned.untold() > 0 {
            let more = format!("{}: {} more such problems", payload.shown(), scanned.untold());
            voice.told(&Told::Problem(more), 0)?;
        }
        Ok(())
    }
}

/// Counts the users with a current credential, and those of them who cannot sign in.
async fn count_users(
    instance: &Instance,
    job: &RunningJob,
    snapshot: &Snapshot,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let is_enabled: HashMap<&str, Option<bool>> =
        snapshot.users.iter().map(|user| (user.id, user.is_enabled)).collect();
    let mut after: Option<FoundCredential> = None;
    let mut last_user = None;
    (progress.users, progress.disabled_users) = (0, 0);
    loop {
        let store = instance.service.store();
        let page = store.found(job.caller().tenant, job.job().creation, after.as_ref(), FOUND).await?;
        let Some(last) = page.last().cloned() else { return Ok(()) };
        let current = |found: &FoundCredential| found.finding.match_class != MatchClass::AddressOnly;
        for found in page.into_iter().filter(current) {
            // They come in the order of users.
            if last_user.as_ref() != Some(&found.user) {
                progress.users += 1;
                let is_disabled = is_enabled.get(found.user.as_str()) == Some(&Some(false));
                progress.disabled_users += u64::from(is_disabled);
                last_user = Some(found.user);
            }
        }
        after = Some(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_reads_as_the_progress_of_any_scan() {
        let kept = Spread {
            progress: Progress { lines: 7, is_read: true, ..Progress::default() },
            settings: "s".into(),
            tasks: 3,
            ..Spread::default()
        };
        let text = serde_json::to_string(&kept).expect("it is written");
        let progress: Progress = serde_json::from_str(&text).expect("it can be read");
        assert_eq!((progress.lines, progress.is_read), (7, true));
        let again: Spread = serde_json::from_str(&text).expect("it can be read");
        assert_eq!((again.tasks, again.settings.as_str(), again.progress.lines), (3, "s", 7));
        serde_json::from_str::<Spread>("{}").expect("nothing is kept at the beginning");
    }
}
