//! `spillwatch scan`

mod distributed;
mod keeper;
pub(crate) mod piecework;
mod progress;
mod report;
pub(crate) mod reporting;
pub(crate) mod task;
mod voice;
mod waiting;
mod words;

use crate::cli::{Global, QueueOptions, Scan};
use crate::commands::listing::caller;
use crate::commands::queue::Queue;
use crate::commands::raising::raise;
use crate::error::Failure;
use crate::instance::Instance;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use ::scan::decode::{ArchivePassword, Decoder, Limits};
use ::scan::engine::scan;
use ::scan::matcher::Matcher;
use ::scan::source::{Item, Location, SourceError};
use console::Tally;
use distributed::Distributed;
use keeper::{Keeper, Step};
use model::{Caller, JobKind, Ticks};
use progress::{Progress, Shown};
use reporting::{Reports, of_dry_run, of_job};
use serde::{Deserialize, Serialize};
use service::jobs::{Brake, HEARTBEAT, JobError, JobFinding, RunningJob};
use service::{Detector, ScanJudge, Snapshot, Vault};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use tokio::sync::mpsc;
use voice::Voice;
use words::Wanted;

/// The variable with the password of archives, from which a resumed scan takes it too.
const ARCHIVE_PASSWORD: &str = "SPILLWATCH_ARCHIVE_PASSWORD";

/// What a scan was asked to do, as its job keeps it. Passwords of archives are no part of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    /// The sources; files by their whole paths.
    sources: Vec<String>,
    /// What evidence calls the material.
    source: Option<Box<str>>,
    /// When it leaked, in ticks.
    leaked: Option<i64>,
    /// Further domains.
    own_domains: Vec<String>,
    /// Threads; 0 for as many as there are processors.
    threads: usize,
    /// Whether guests are looked for.
    guests: bool,
    /// What is looked for beside pairs.
    #[serde(default)]
    wanted: Wanted,
    /// Whether passwords of archives were given, which are not kept.
    had_archive_passwords: bool,
    /// The brake.
    brake: Brake,
    /// How it is spread over machines, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distributed: Option<Distributed>,
}

/// Scans breach material.
pub async fn run(global: &Global, options: Scan) -> Result<(), Failure> {
    let sources = options.sources.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
    if options.distributed {
        distributed::must_be_shared(&sources, &options)?;
    }
    let instance = Instance::open_lean(global).await?;
    let caller = caller(&instance, options.tenant, "scan").await?;
    let parameters = Parameters {
        sources,
        source: options.source.map(Into::into),
        leaked: options.leaked.map(Ticks::get),
        own_domains: options.own_domain,
        threads: options.threads.map_or(0, Into::into),
        guests: options.guests,
        wanted: options.wanted.into(),
        had_archive_passwords: !options.archive_password.is_empty(),
        brake: options.brake.into(),
        distributed: options.distributed.then(|| Distributed { piece: u64::from(options.piece_size) << 20 }),
    };
    let passwords = options.archive_password.into_iter().map(ArchivePassword::new).collect();
    let locations = locations(&parameters)?; // an argument that can be no source makes no job
    let reports = Reports::open(options.report, &*instance.entropy)?;
    let queue = Queue::of(options.queue, parameters.threads);
    if parameters.distributed.is_some() {
        let done = distributed::run(global, (&instance, &caller), None, parameters, reports, queue).await;
        instance.service.store().close().await;
        return done;
    }
    let prepared = async {
        let vault = instance.vault(global, Purpose::Open).await?;
        let detector = detector(&instance, &caller, &vault, &parameters, options.dry_run).await?;
        Ok::<_, Failure>((vault, Material { locations, passwords, detector }))
    };
    let done = match prepared.await {
        Err(failure) => Err(failure),
        Ok((vault, material)) => {
            let job = if options.dry_run {
                None
            } else {
                Some(instance.service.start_job(&caller, JobKind::Scan, &parameters).await?)
            };
            scanning(global, (&instance, &caller), job, parameters, (vault, Some(material)), reports, queue).await
        }
    };
    instance.service.store().close().await;
    done
}

/// A path as it is found again from elsewhere; a URL and `-` as they are.
fn whole(source: &OsString) -> Result<String, Failure> {
    let text = source.to_str().ok_or_else(|| Failure::Refused("a source is no UTF-8; rename it".to_owned()))?;
    if text == "-" || text.contains("://") {
        return Ok(text.to_owned());
    }
    let path = std::path::absolute(source)?;
    String::from_utf8(path.as_os_str().as_bytes().to_vec()).map_err(|_| Failure::message("the folder is no UTF-8"))
}

fn locations(parameters: &Parameters) -> Result<Vec<Location>, Failure> {
    let locations = parameters.sources.iter().map(|source| Location::parse(source.as_ref()));
    Ok(locations.collect::<Result<_, _>>()?)
}

/// Goes on with a scan.
pub async fn resume(global: &Global, instance: &Instance, job: RunningJob, release: bool) -> Result<(), Failure> {
    let mut parameters: Parameters = job.parameters()?;
    if release {
        parameters.brake = Brake::RELEASED;
    }
    let progress: Progress = job.progress()?;
    if parameters.distributed.is_some() && !progress.is_read {
        let caller = job.caller().clone();
        return distributed::run(global, (instance, &caller), Some(job), parameters, Reports::none(), Queue::usual())
            .await;
    }
    let standard = parameters.sources.iter().any(|source| source == "-");
    let passwords = std::env::var(ARCHIVE_PASSWORD).ok().filter(|password| !password.is_empty());
    let refusal = if progress.is_read {
        None
    } else if standard {
        Some("it read standard input, of which the rest is gone; scan it again".to_owned())
    } else if parameters.had_archive_passwords && passwords.is_none() {
        Some(format!("it had the password of archives, which is not kept; give it in the variable {ARCHIVE_PASSWORD}"))
    } else {
        None
    };
    if let Some(why) = refusal {
        return Err(job.failed(JobError::Interrupted(why)).await.into());
    }
    let prepared = async {
        let vault = instance.vault(global, Purpose::Open).await?;
        if progress.is_read {
            return Ok((vault, None)); // only raising is left, which asks no verifier
        }
        let locations = locations(&parameters)?;
        let detector = detector(instance, job.caller(), &vault, &parameters, false).await?;
        let passwords = passwords.into_iter().map(ArchivePassword::new).collect();
        Ok::<_, Failure>((vault, Some(Material { locations, passwords, detector })))
    };
    match prepared.await {
        Ok(ready) => {
            let caller = job.caller().clone();
            let queue = Queue::of(QueueOptions::default(), parameters.threads);
            scanning(global, (instance, &caller), Some(job), parameters, ready, Reports::none(), queue).await
        }
        Err(failure) => {
            job.failed(JobError::Interrupted(failure.to_string())).await;
            Err(failure)
        }
    }
}

/// What a scan works on.
struct Material {
    locations: Vec<Location>,
    passwords: Vec<ArchivePassword>,
    detector: Arc<Detector>,
}

/// Refuses a directory with which nothing can be found.
fn must_have_verifiers(snapshot: &Snapshot, parameters: &Parameters) -> Result<(), Failure> {
    if snapshot.with_verifiers() > 0 || parameters.wanted.address_only {
        return Ok(());
    }
    Err(Failure::message(format!(
        "the directory has {} users and no verifier of a password, so nothing can be found; give it one with \
         `spillwatch users import`, or look for names alone with --address-only",
        snapshot.users.len()
    )))
}

/// Says who is looked for.
fn tell_of(snapshot: &Snapshot, parameters: &Parameters) {
    if parameters.wanted.passwords {
        return; // no name is looked for
    }
    let (users, known, names) = (snapshot.users.len(), snapshot.with_verifiers(), snapshot.index().len());
    let domains: Vec<&str> = snapshot.domains().iter().map(String::as_str).take(5).collect();
    let more = snapshot.domains().len().saturating_sub(domains.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    anstream::eprintln!(
        "Looking for {names} names of {users} users, of whom {known} have verifiers, in {}{more}.",
        domains.join(", ")
    );
}

async fn detector(
    instance: &Instance,
    caller: &Caller,
    vault: &Vault,
    parameters: &Parameters,
    is_dry: bool,
) -> Result<Arc<Detector>, Failure> {
    let detector = instance.service.detector(caller, vault, parameters.guests).await?;
    let detector = if is_dry { detector } else { detector.with_queue() };
    must_have_verifiers(detector.snapshot(), parameters)?;
    tell_of(detector.snapshot(), parameters);
    Ok(Arc::new(detector))
}

async fn scanning(
    global: &Global,
    (instance, caller): (&Instance, &Caller),
    mut job: Option<RunningJob>,
    parameters: Parameters,
    (vault, material): (Vault, Option<Material>),
    reports: Reports,
    queue: Queue,
) -> Result<(), Failure> {
    let mut progress: Progress = match &job {
        Some(job) => {
            if parameters.distributed.is_none() {
                anstream::eprintln!("Job {}.", job.job().id); // a distributed one was named when it was begun
            }
            job.progress()?
        }
        None => Progress::default(),
    };
    progress.is_of_passwords = parameters.wanted.passwords;
    let mut held = Held { vault: &vault, caller, tally: (job.is_none() && !reports.is_empty()).then(Tally::default) };
    if let Some(material) = material
        && let Err(failure) = read(
            (instance, Voice::new(global.json, parameters.wanted.passwords)),
            &mut job,
            &parameters,
            material,
            (&mut progress, &mut held),
        )
        .await
    {
        if let Some(job) = job {
            job.failed(JobError::Interrupted(failure.to_string())).await;
        }
        return Err(failure);
    }
    let Some(job) = job else {
        anstream::eprintln!("Nothing was raised: this is what was found.");
        if let Some(tally) = held.tally {
            reports.write(&of_dry_run(instance, caller, &parameters, &progress, tally).await?)?;
        }
        return report::print(global, &progress, (None, "dryRun"));
    };
    let id = job.job().id.to_string();
    let ended = raise(&instance.service, job, (&vault, queue), parameters.brake, progress).await?;
    if !reports.is_empty() {
        let job = instance.service.job(caller, &id).await?;
        reports.write(&of_job(instance, caller, &vault, &job).await?)?;
    }
    report::print(global, &ended.progress, (Some(&id), ended.state()))?;
    if queue.is_left && ended.state() == "waiting" { Ok(()) } else { ended.said() }
}

/// What is held of a dry run for its report: no job keeps it.
struct Held<'h> {
    vault: &'h Vault,
    caller: &'h Caller,
    tally: Option<Tally>,
}

impl Held<'_> {
    fn take(&mut self, found: Vec<model::FoundCredential>) {
        let Some(tally) = &mut self.tally else { return };
        for found in found {
            let event = self.vault.event_id(self.caller.tenant_id, &found.user, &found.fingerprint);
            tally.add(JobFinding { event, found });
        }
    }
}

/// Scans what is left of the material, and keeps what is found each second, with how far it is.
async fn read(
    (instance, voice): (&Instance, Voice),
    job: &mut Option<RunningJob>,
    parameters: &Parameters,
    material: Material,
    (progress, held): (&mut Progress, &mut Held<'_>),
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let id = job.as_ref().map(|job| job.job().id.to_string());
    voice.started(id.as_deref(), parameters, material.detector.snapshot())?;
    let seen = job.as_ref().map_or_else(|| instance.clock.now(), |job| job.job().created);
    let leaked = parameters.leaked.and_then(Ticks::new);
    let judge = ScanJudge::new(material.detector.clone(), parameters.source.clone(), leaked, seen);
    let wanted = parameters.wanted;
    let threads = match parameters.threads {
        0 => std::thread::available_parallelism().map_or(1, Into::into),
        threads => threads,
    };
    let entropy = instance.entropy.clone();
    let own: Vec<String> = parameters.own_domains.clone();
    let begun = progress.clone();
    let (sender, mut steps) = mpsc::channel(2);
    // It may ask an object store, and waits for that.
    let shown = tokio::task::block_in_place(|| Shown::new(&material.locations, progress.bytes, voice.is_json));
    let scanner = tokio::task::spawn_blocking(move || -> Result<(), JobError> {
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let judge = wanted.asked(judge, &material.detector, (seen, &own))?;
        let snapshot = material.detector.snapshot();
        let matcher = Matcher::new(snapshot.index(), snapshot.normaliser(), &own);
        let decoder = Decoder::new(Limits::default(), material.passwords);
        if wanted.passwords {
            material.detector.must_find_canary_words(&decoder, &*entropy)?;
        } else {
            material.detector.must_find_canaries(&matcher, &decoder, &*entropy)?;
        }
        let items = items(material.locations);
        let mut keeper = Keeper::new(begun, sender, shown);
        scan(items, (&decoder, &matcher, &judge), (threads, keeper.position()), |portion| {
            keeper.take(portion, &judge)
        })?;
        keeper.end(&judge);
        Ok(())
    });
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                let resume = job.as_ref().map(|job| format!("; `spillwatch jobs resume {}` goes on", job.job().id));
                return Err(Failure::message(format!("{signal}: the rest was not read{}", resume.unwrap_or_default())));
            }
            _ = heartbeat.tick() => {
                if let Some(job) = job {
                    job.keep(progress, Vec::new()).await?;
                }
            }
            step = steps.recv() => {
                let Some(Step { found, retained, progress: now, pace, told }) = step else { break };
                for (number, told) in told {
                    voice.told(&told, number)?;
                }
                *progress = now;
                voice.progress(progress, &pace)?;
                match job {
                    // Kept twice is kept once, so it need not be at once with how far the scan is.
                    Some(job) => {
                        instance.service.retain(job.caller(), retained).await?;
                        job.keep(progress, found).await?;
                    }
                    None => held.take(found),
                }
            }
        }
    }
    scanner.await??;
    progress.is_read = true;
    if let Some(job) = job {
        job.keep(progress, Vec::new()).await?;
    }
    Ok(())
}

/// The items of all sources, one after another.
fn items(locations: Vec<Location>) -> impl Iterator<Item = Result<Item, SourceError>> + Send {
    locations.into_iter().flat_map(|location| location.items())
}
