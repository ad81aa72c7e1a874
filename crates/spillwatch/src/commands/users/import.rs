//! `spillwatch users import`

use super::input::{Input, Portion, length, read};
use crate::cli::{Global, ImportUsers};
use crate::commands::events::bar;
use crate::commands::listing::caller;
use crate::commands::queue::{Queue, waits_in_words};
use crate::commands::raising::{Raises, brake_of, raise};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use directory::{Format, Place, Summary};
use indicatif::ProgressBar;
use model::{Caller, JobKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::jobs::{Brake, HEARTBEAT, JobError, Raised, RunningJob};
use service::{Import, ImportCounts, ImportOutcome, Importer, Preparer, Vault};
use std::path::PathBuf;
use tokio::time::MissedTickBehavior;

/// Messages about entries that are printed; the others are counted.
const MOST_MESSAGES: u64 = 100;

/// What an import was asked to do, as its job keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// The files, by their whole paths; `-` for standard input.
    pub files: Vec<PathBuf>,
    /// `--format`
    pub format: Option<String>,
    /// `--source`
    pub source: Option<String>,
    /// `--full`
    pub full: bool,
    /// `--upn-domain`
    pub upn_domain: Option<String>,
    /// The brake.
    pub brake: Brake,
}

/// Imports a directory.
pub async fn run(global: &Global, instance: &Instance, options: ImportUsers) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "users import").await?;
    let mut files = Vec::with_capacity(options.files.len());
    for file in options.files {
        let is_standard_input = file.as_os_str() == "-";
        files.push(if is_standard_input { file } else { std::path::absolute(file)? });
    }
    let parameters = Parameters {
        files,
        format: options.format.map(|format| format.name().to_owned()),
        source: options.source,
        full: options.full,
        upn_domain: options.upn_domain,
        brake: options.brake.into(),
    };
    let inputs = open(&parameters)?; // a file that cannot be read makes no job
    let job = if options.dry_run {
        None
    } else {
        Some(instance.service.start_job(&caller, JobKind::Import, &parameters).await?)
    };
    import(global, instance, (&caller, job), parameters, inputs).await
}

/// Goes on with an import.
pub async fn resume(
    global: &Global,
    instance: &Instance,
    (caller, job): (&Caller, RunningJob),
    release: bool,
) -> Result<(), Failure> {
    let mut parameters: Parameters = job.parameters()?;
    if release {
        parameters.brake = Brake::RELEASED;
    }
    match open(&parameters) {
        Ok(inputs) => import(global, instance, (caller, Some(job)), parameters, inputs).await,
        Err(failure) => {
            job.failed(JobError::Interrupted("its files cannot be read".to_owned())).await;
            Err(failure)
        }
    }
}

fn open(parameters: &Parameters) -> Result<Vec<Input>, Failure> {
    let format = parameters.format.as_deref().and_then(|format| format.parse::<Format>().ok());
    parameters.files.iter().map(|file| Input::open(file, format)).collect()
}

async fn import(
    global: &Global,
    instance: &Instance,
    (caller, job): (&Caller, Option<RunningJob>),
    parameters: Parameters,
    inputs: Vec<Input>,
) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let purpose = if job.is_some() { Purpose::Seal } else { Purpose::Foretell };
    let vault = match instance.vault(global, purpose).await {
        Ok(vault) => vault,
        Err(failure) => {
            if let Some(job) = job {
                job.failed(JobError::Interrupted("the keys of verifiers cannot be used".to_owned())).await;
            }
            return Err(failure);
        }
    };
    let number = job.as_ref().map_or(0, |job| job.job().creation);
    let id = job.as_ref().map(|job| job.job().id.clone());
    if let Some(id) = &id {
        anstream::eprintln!("Job {id}.");
    }
    let preparer = |format: Format| Preparer {
        tenant: caller.tenant_id,
        source: parameters.source.as_deref().unwrap_or(format.name()).into(),
        format,
        domain: parameters.upn_domain.clone(),
        job: number,
        vault: vault.clone(),
    };
    let inputs = inputs.into_iter().map(|input| {
        let preparer = preparer(input.format());
        (input, preparer)
    });
    let bar = bar("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {msg}  ETA {eta}");
    if let Some(length) = length(&parameters.files) {
        bar.set_length(length);
    }
    let how = Import { full: parameters.full, brake: parameters.brake };
    let mut importer = Importer::new(&instance.service, caller, job, how).await?;
    if let Err(error) = importer.mend_with(&vault).await {
        return Err(importer.failed(error).await.into());
    }
    let mut portions = read(inputs.collect(), bar.clone());
    let mut taker = Taker { importer, bar: bar.clone(), messages: Messages::default(), broken: 0 };
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                let why = format!("{signal}: the rest was not read");
                taker.importer.failed(JobError::Interrupted(why.clone())).await;
                bar.finish_and_clear();
                let resume = id.map(|id| format!("; `spillwatch jobs resume {id}` goes on")).unwrap_or_default();
                return Err(Failure::message(format!("{why}{resume}")));
            }
            _ = heartbeat.tick() => taker.importer.keep().await?,
            portion = portions.recv() => match portion {
                None => break,
                Some(portion) => {
                    if let Err(error) = taker.take(portion).await {
                        bar.finish_and_clear();
                        return Err(taker.importer.failed(error).await.into());
                    }
                }
            },
        }
    }
    bar.finish_and_clear();
    let Taker { importer, messages, broken, .. } = taker;
    messages.finish();
    let is_kept = number != 0;
    let mut outcome = importer.finish(broken).await?;
    if is_kept {
        instance.service.forget_old_records(caller).await?;
        instance.service.forget_expired(caller.tenant).await?;
    }
    if let ImportOutcome::Waiting(job, counts) = outcome {
        let job = instance.service.resume_job(caller, job.id.as_str(), false).await?;
        let brake = brake_of(&job)?;
        outcome = work_off(instance, &vault, job, brake, counts).await?;
    }
    end(global, outcome, broken)
}

/// Goes on with an import of which only what slow verifiers have to say is left.
pub async fn resume_waiting(
    global: &Global,
    instance: &Instance,
    job: RunningJob,
    release: bool,
) -> Result<(), Failure> {
    let vault = instance.vault(global, Purpose::Open).await?;
    let counts: ImportCounts = job.progress()?;
    let brake = if release { Brake::RELEASED } else { brake_of(&job)? };
    end(global, work_off(instance, &vault, job, brake, counts).await?, 0)
}

/// Checks here what slow verifiers have to say, and raises what comes of it.
async fn work_off(
    instance: &Instance,
    vault: &Vault,
    job: RunningJob,
    brake: Brake,
    counts: ImportCounts,
) -> Result<ImportOutcome, Failure> {
    let (caller, id) = (job.caller().clone(), job.job().id.clone());
    let ended = raise(&instance.service, job, (vault, Queue::usual()), brake, counts).await?;
    let job = instance.service.job(&caller, id.as_str()).await?;
    let why = job.message.as_deref().unwrap_or_default().to_owned();
    Ok(match ended.state() {
        "waiting" => ImportOutcome::Waiting(job, ended.progress),
        "held" => ImportOutcome::Held(job, ended.progress, why),
        _ => ImportOutcome::Completed(job, ended.progress),
    })
}

impl Raises for ImportCounts {
    fn set_raised(&mut self, raised: Raised) {
        self.raised = Some(raised);
    }
}

/// Prints what came of it, and says what to do next.
fn end(global: &Global, outcome: ImportOutcome, broken: u64) -> Result<(), Failure> {
    let (counts, failure) = match outcome {
        ImportOutcome::Told(counts, why) => {
            anstream::eprintln!("Nothing was written: this is what would come of it.");
            if let Some(why) = why {
                anstream::eprintln!("It would not be done to its end: {why}.");
            }
            (counts, None)
        }
        ImportOutcome::Completed(_, counts) => (counts, None),
        ImportOutcome::Waiting(job, counts) => {
            let why = "scans kept them beside names of users who are new or have another password now";
            (counts.clone(), Some(waits_in_words(job.id.as_str(), counts.retrospect.queued, why)))
        }
        ImportOutcome::Held(job, counts, why) => {
            let id = job.id;
            let message = format!(
                "the job is held before {why}. Nothing of that was done; the rest of the import was. \
                 `spillwatch jobs resume {id} --release` does it, `spillwatch jobs undo {id}` takes the import back"
            );
            (counts, Some(message))
        }
        ImportOutcome::Failed(_, counts, why) => (counts, Some(why)),
    };
    print(global, &counts)?;
    let refused = match counts.refused {
        0 => None,
        1 => Some("an entry was refused".to_owned()),
        count => Some(format!("{count} entries were refused")),
    };
    let broken = (broken > 0).then(|| "not every file could be read to its end".to_owned());
    match failure.or(broken).or(refused) {
        Some(message) => Err(Failure::message(message)),
        None => Ok(()),
    }
}

fn print(global: &Global, counts: &ImportCounts) -> Result<(), Failure> {
    let columns = [
        "entries",
        "created",
        "linked",
        "updated",
        "unchanged",
        "refused",
        "removed",
        "verifiersFirst",
        "verifiersChanged",
        "eventsRemediated",
    ];
    let values = [
        counts.entries,
        counts.created,
        counts.linked,
        counts.updated,
        counts.unchanged,
        counts.refused,
        counts.removed,
        counts.verifiers_first,
        counts.verifiers_changed,
        counts.remediated,
    ];
    rows(global, &columns, &[values.map(|count| json!(count)).to_vec()], "")?;
    let verifiers = &counts.verifiers;
    let listed = |what: &str, by_name: &std::collections::BTreeMap<String, u64>| {
        if !by_name.is_empty() {
            let all: Vec<String> = by_name.iter().map(|(name, count)| format!("{name} {count}")).collect();
            anstream::eprintln!("{what}: {}.", all.join(", "));
        }
    };
    listed("Verifiers by scheme", &verifiers.schemes);
    listed("Verifiers of unknown schemes, which were left out", &verifiers.unknown_schemes);
    listed("Verifiers that were left out", &verifiers.refused);
    let retrospect = &counts.retrospect;
    if retrospect.candidates > 0 {
        anstream::eprintln!(
            "{} passwords that scans kept beside names of these users were looked at; {} are current, {} were handed to \
             slow verifiers.",
            retrospect.candidates,
            retrospect.current,
            retrospect.queued
        );
    }
    if let Some(raised) = &counts.raised {
        anstream::eprintln!(
            "Events raised: {}, reopened: {}; evidence added to {}.",
            raised.raised,
            raised.reopened,
            raised.added
        );
    }
    if counts.verifiers_sealed_anew > 0 {
        anstream::eprintln!("{} verifiers that no key at hand opened were sealed anew.", counts.verifiers_sealed_anew);
    }
    if verifiers.derived_from_clear_text > 0 {
        anstream::eprintln!(
            "{} passwords stood in clear: they were derived with argon2id and are not stored. Delete the export.",
            verifiers.derived_from_clear_text
        );
    }
    Ok(())
}

/// Takes over what the reading thread hands out.
struct Taker {
    importer: Importer,
    bar: ProgressBar,
    messages: Messages,
    broken: u64,
}

impl Taker {
    async fn take(&mut self, portion: Portion) -> Result<(), JobError> {
        match portion {
            Portion::Entries(entries) => {
                for prepared in entries.iter().flatten() {
                    for warning in &prepared.warnings {
                        self.say(&prepared.place, &format!("a verifier is left out: {warning}"));
                    }
                }
                for (place, faults) in self.importer.take(entries).await? {
                    for fault in faults {
                        self.say(&place, &fault);
                    }
                }
                self.bar.set_message(format!("{} entries", self.importer.counts().entries));
            }
            Portion::Broken(why) => {
                self.broken += 1;
                self.bar.suspend(|| anstream::eprintln!("{why}"));
            }
            Portion::File(name, summary) => self.bar.suspend(|| tell(&name, &summary)),
        }
        Ok(())
    }

    fn say(&mut self, place: &Place, message: &str) {
        let bar = &self.bar;
        self.messages.say(|| bar.suspend(|| anstream::eprintln!("{place}: {message}")));
    }
}

/// Messages about entries, up to a number of them.
#[derive(Default)]
struct Messages {
    told: u64,
}

impl Messages {
    fn say(&mut self, tell: impl FnOnce()) {
        self.told += 1;
        if self.told <= MOST_MESSAGES {
            tell();
        }
    }

    fn finish(&self) {
        if self.told > MOST_MESSAGES {
            anstream::eprintln!("... and {} more messages about entries.", self.told - MOST_MESSAGES);
        }
    }
}

/// Says what of a file was passed over, so that nothing is dropped in silence.
fn tell(name: &str, summary: &Summary) {
    let list = |all: Vec<String>| all.join(", ");
    let counted = |by_name: &std::collections::BTreeMap<&'static str, u64>| {
        list(by_name.iter().map(|(what, count)| format!("{what} {count}")).collect())
    };
    if !summary.skipped.is_empty() {
        anstream::eprintln!("{name}: entries that are no users: {}.", counted(&summary.skipped));
    }
    if !summary.dropped.is_empty() {
        anstream::eprintln!("{name}: values that were left out: {}.", counted(&summary.dropped));
    }
    if !summary.ignored.is_empty() {
        let names = list(summary.ignored.keys().take(20).cloned().collect());
        let more = summary.ignored.len().saturating_sub(20) as u64 + summary.ignored_others;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        anstream::eprintln!("{name}: columns and attributes that mean nothing here: {names}{more}.");
    }
}
