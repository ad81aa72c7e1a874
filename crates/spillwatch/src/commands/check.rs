//! `spillwatch check`

mod lines;

use crate::cli::{Check, Global};
use crate::commands::events::bar;
use crate::commands::listing::caller;
use crate::commands::queue::Queue;
use crate::commands::raising::{Raises, raise};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use indicatif::ProgressBar;
use lines::{Line, Lines};
use model::{Caller, FoundCredential, JobKind, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::jobs::{Brake, FoundCounts, HEARTBEAT, JobError, Raised, RunningJob};
use service::{CheckCounts, Checked, Detector, Sighting, Vault};
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long pairs are checked before what was found is kept.
const PORTION: Duration = Duration::from_secs(1);
/// Lines that are read between two looks at the clock.
const STEP: u64 = 64;

/// What a check was asked to do, as its job keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    /// The file, by its whole path; `-` for standard input.
    file: PathBuf,
    /// What evidence calls it.
    source: Box<str>,
    /// When it leaked, in ticks.
    leaked: Option<i64>,
    /// Whether guests are checked too.
    guests: bool,
    /// The brake.
    brake: Brake,
}

/// How far a check is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Progress {
    /// Bytes that were read.
    offset: u64,
    /// Whether that is all.
    is_read: bool,
    /// What became of the lines.
    counts: CheckCounts,
    /// What became of what was found.
    raised: Option<Raised>,
}

impl Raises for Progress {
    const TELLS_FOUND: bool = true;

    fn set_raised(&mut self, raised: Raised) {
        self.raised = Some(raised);
    }

    fn set_found(&mut self, found: FoundCounts) {
        self.counts.settle(&found);
    }
}

/// Checks pairs.
pub async fn run(global: &Global, options: Check) -> Result<(), Failure> {
    let instance = Instance::open_lean(global).await?;
    let caller = caller(&instance, options.tenant, "check").await?;
    let is_standard_input = options.file.as_os_str() == "-";
    let name = if is_standard_input {
        "standard input".to_owned()
    } else {
        options.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let readable: String = name.chars().filter(|c| !c.is_control()).take(256).collect();
    let parameters = Parameters {
        file: if is_standard_input { options.file } else { std::path::absolute(options.file)? },
        source: options.source.unwrap_or(readable).into(),
        leaked: options.leaked.map(Ticks::get),
        guests: options.guests,
        brake: options.brake.into(),
    };
    let queue = Queue::of(options.queue, 0);
    let source = open(&parameters.file, 0)?; // a file that cannot be read makes no job
    let done = if options.dry_run {
        dry_run(global, &instance, &caller, parameters, source).await
    } else {
        let job = instance.service.start_job(&caller, JobKind::Check, &parameters).await?;
        check(global, &instance, job, parameters, Some(source), queue).await
    };
    instance.service.store().close().await;
    done
}

/// Goes on with a check.
pub async fn resume(global: &Global, instance: &Instance, job: RunningJob, release: bool) -> Result<(), Failure> {
    let mut parameters: Parameters = job.parameters()?;
    if release {
        parameters.brake = Brake::RELEASED;
    }
    let progress: Progress = job.progress()?;
    let source = if progress.is_read {
        None
    } else if parameters.file.as_os_str() == "-" {
        let why = "it read standard input, of which the rest is gone; give the pairs to `spillwatch check` again";
        return Err(job.failed(JobError::Interrupted(why.to_owned())).await.into());
    } else {
        match open(&parameters.file, progress.offset) {
            Ok(source) => Some(source),
            Err(failure) => {
                job.failed(JobError::Interrupted("its file cannot be read".to_owned())).await;
                return Err(failure);
            }
        }
    };
    check(global, instance, job, parameters, source, Queue::usual()).await
}

fn open(file: &Path, offset: u64) -> Result<Box<dyn Read + Send>, Failure> {
    let failed = |error: io::Error| Failure::message(format!("{}: {error}", file.display()));
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let mut opened = File::open(file).map_err(failed)?;
    if opened.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if offset > 0 {
        opened.seek(SeekFrom::Start(offset)).map_err(failed)?;
    }
    Ok(Box::new(opened))
}

/// What the checking thread hands over.
struct Portion {
    found: Vec<FoundCredential>,
    counts: CheckCounts,
    offset: u64,
}

/// Checks the pairs of a source on a thread of its own, since a verifier may take its time.
fn checking(
    detector: Arc<Detector>,
    sighting: Sighting,
    (source, offset): (Box<dyn Read + Send>, u64),
    counts: CheckCounts,
    bar: ProgressBar,
) -> mpsc::Receiver<Result<Portion, JobError>> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut lines = Lines::new(bar.wrap_read(source), offset);
        let mut checked = Checked::from(counts);
        let (mut found, mut since) = (Vec::new(), Instant::now());
        loop {
            let is_end = match next(&mut lines, &mut checked, &detector, &sighting, &mut found) {
                Ok(is_end) => is_end,
                Err(error) => {
                    drop(sender.blocking_send(Err(error))); // where nobody listens, nobody is to be told
                    return;
                }
            };
            let is_due = checked.counts.lines.is_multiple_of(STEP) && since.elapsed() >= PORTION;
            if is_end || is_due {
                let found = std::mem::take(&mut found);
                let portion = Portion { found, counts: checked.counts.clone(), offset: lines.offset() };
                if sender.blocking_send(Ok(portion)).is_err() || is_end {
                    return;
                }
                since = Instant::now();
            }
        }
    });
    receiver
}

/// Checks the next line; `true` at the end.
fn next(
    lines: &mut Lines<impl Read>,
    checked: &mut Checked,
    detector: &Detector,
    sighting: &Sighting,
    found: &mut Vec<FoundCredential>,
) -> Result<bool, JobError> {
    match lines.next().map_err(|error| JobError::Interrupted(format!("the pairs cannot be read: {error}")))? {
        None => return Ok(true),
        Some(Line::Other) => checked.no_pair(),
        Some(Line::Pair(pair)) => found.extend(checked.pair(detector, &pair, sighting)?),
    }
    Ok(false)
}

async fn detector(
    instance: &Instance,
    caller: &Caller,
    vault: &Vault,
    (guests, is_dry): (bool, bool),
) -> Result<Arc<Detector>, Failure> {
    let detector = instance.service.detector(caller, vault, guests).await?;
    let detector = if is_dry { detector } else { detector.with_queue() };
    let snapshot = detector.snapshot();
    let (users, known) = (snapshot.users.len(), snapshot.with_verifiers());
    if known == 0 {
        return Err(Failure::message(format!(
            "the directory has {users} users and no verifier of a password, so nothing can be checked; give it one with \
             `spillwatch users import`"
        )));
    }
    anstream::eprintln!("Checking against {users} users, of whom {known} have verifiers.");
    Ok(Arc::new(detector))
}

fn sighting(parameters: &Parameters, seen: Ticks) -> Sighting {
    Sighting { source: parameters.source.clone(), leaked: parameters.leaked.and_then(Ticks::new), seen }
}

fn progress_bar(file: &Path) -> ProgressBar {
    let bar = bar("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  ETA {eta}");
    if let Some(about) = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file) {
        bar.set_length(about.len());
    }
    bar
}

async fn dry_run(
    global: &Global,
    instance: &Instance,
    caller: &Caller,
    parameters: Parameters,
    source: Box<dyn Read + Send>,
) -> Result<(), Failure> {
    let vault = instance.vault(global, Purpose::Open).await?;
    let detector = detector(instance, caller, &vault, (parameters.guests, true)).await?;
    let bar = progress_bar(&parameters.file);
    let seen = sighting(&parameters, instance.clock.now());
    let mut portions = checking(detector, seen, (source, 0), CheckCounts::default(), bar.clone());
    let mut counts = CheckCounts::default();
    while let Some(portion) = portions.recv().await {
        counts = portion?.counts;
    }
    bar.finish_and_clear();
    anstream::eprintln!("Nothing was raised: this is what was found.");
    print(global, &counts, None)
}

async fn check(
    global: &Global,
    instance: &Instance,
    mut job: RunningJob,
    parameters: Parameters,
    source: Option<Box<dyn Read + Send>>,
    queue: Queue,
) -> Result<(), Failure> {
    anstream::eprintln!("Job {}.", job.job().id);
    let vault = match instance.vault(global, Purpose::Open).await {
        Ok(vault) => vault,
        Err(failure) => {
            job.failed(JobError::Interrupted("the keys of verifiers cannot be used".to_owned())).await;
            return Err(failure);
        }
    };
    let mut progress: Progress = job.progress()?;
    if let Some(source) = source
        && let Err(failure) = read(instance, &mut job, &vault, &parameters, source, &mut progress).await
    {
        let told = match &failure {
            Failure::Failed(why) => why.clone(),
            _ => "it was broken off".to_owned(),
        };
        job.failed(JobError::Interrupted(told)).await;
        return Err(failure);
    }
    let ended = raise(&instance.service, job, (&vault, queue), parameters.brake, progress).await?;
    print(global, &ended.progress.counts, ended.progress.raised)?;
    if queue.is_left && ended.state() == "waiting" { Ok(()) } else { ended.said() }
}

/// Reads and checks what is left of the pairs.
async fn read(
    instance: &Instance,
    job: &mut RunningJob,
    vault: &Vault,
    parameters: &Parameters,
    source: Box<dyn Read + Send>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let detector = detector(instance, &job.caller().clone(), vault, (parameters.guests, false)).await?;
    let bar = progress_bar(&parameters.file);
    bar.set_position(progress.offset);
    let seen = sighting(parameters, job.job().created);
    let (offset, counts) = (progress.offset, progress.counts.clone());
    let mut portions = checking(detector, seen, (source, offset), counts, bar.clone());
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                bar.finish_and_clear();
                let id = &job.job().id;
                return Err(Failure::message(format!(
                    "{signal}: the rest was not read; `spillwatch jobs resume {id}` goes on"
                )));
            }
            _ = heartbeat.tick() => job.keep(progress, Vec::new()).await?,
            portion = portions.recv() => {
                let Some(portion) = portion else { break };
                let Portion { found, counts, offset } = portion?;
                (progress.counts, progress.offset) = (counts, offset);
                job.keep(progress, found).await?;
                bar.set_message(format!("{} current", progress.counts.current));
            }
        }
    }
    bar.finish_and_clear();
    progress.is_read = true;
    job.keep(progress, Vec::new()).await?;
    Ok(())
}

fn print(global: &Global, counts: &CheckCounts, raised: Option<Raised>) -> Result<(), Failure> {
    let mut columns = vec![
        "lines",
        "current",
        "notCurrent",
        "queued",
        "undecided",
        "repeated",
        "unknownName",
        "noVerifier",
        "noPair",
        "disabledUsers",
    ];
    let mut values: Vec<Value> = [
        counts.lines,
        counts.current,
        counts.not_current,
        counts.queued,
        counts.undecided,
        counts.repeated,
        counts.unknown_name,
        counts.no_verifier,
        counts.no_pair,
        counts.disabled,
    ]
    .map(|count| json!(count))
    .to_vec();
    if let Some(raised) = raised {
        columns.extend(["eventsRaised", "eventsReopened", "evidenceAdded", "known", "outdated", "userGone"]);
        let Raised { raised, reopened, added, known, no_user, outdated } = raised;
        values.extend([raised, reopened, added, known, outdated, no_user].map(|count| json!(count)));
    }
    rows(global, &columns, &[values], "")
}
