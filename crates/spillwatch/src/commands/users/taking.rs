//! What an import, a sync and a watched folder have in common: entries are taken over as they are read, and what came of
//! it is printed.

use super::input::{Known, Portion};
use crate::cli::Global;
use crate::commands::queue::{Queue, waits_in_words};
use crate::commands::raising::{Raises, brake_of, raise};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use crate::signals::Signals;
use crate::verifier_keys::Purpose;
use directory::{Place, Summary};
use indicatif::ProgressBar;
use model::{Caller, EntityId};
use serde_json::{Map, Value, json};
use service::jobs::{Brake, HEARTBEAT, JobError, Raised, RunningJob};
use service::{Import, ImportCounts, ImportOutcome, Importer, Synced, Vault};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Messages about entries that are printed; the others are counted.
const MOST_MESSAGES: usize = 100;
/// Entries of a directory that were refused and are asked for again one by one.
const MOST_RETRIED: usize = 1000;

/// How it ended.
pub enum Taken {
    /// A signal stopped it before everything was read.
    Stopped(Stopped),
    /// Everything was read.
    Ended(Box<Ended>),
}

/// What a signal stopped.
pub struct Stopped {
    why: String,
    job: Option<EntityId>,
}

impl Stopped {
    /// What was stopped before there was a job.
    pub fn early(signal: &str) -> Self {
        Self { why: format!("{signal}: nothing was read"), job: None }
    }

    /// What to tell.
    pub fn failure(self) -> Failure {
        let resume = self.job.map(|id| format!("; `spillwatch jobs resume {id}` goes on")).unwrap_or_default();
        Failure::message(format!("{}{resume}", self.why))
    }
}

/// What came of it.
pub struct Ended {
    outcome: ImportOutcome,
    /// Files that could not be read to their end.
    broken: u64,
    /// What was said about entries and files, as far as it was printed.
    pub messages: Vec<String>,
}

/// The vault for a job, or for none; a job whose vault cannot be opened is noted as failed.
pub async fn vault(
    global: &Global,
    instance: &Instance,
    job: Option<RunningJob>,
) -> Result<(Vault, Option<RunningJob>), Failure> {
    let purpose = if job.is_some() { Purpose::Seal } else { Purpose::Foretell };
    match instance.vault(global, purpose).await {
        Ok(vault) => Ok((vault, job)),
        Err(failure) => {
            if let Some(job) = job {
                job.failed(JobError::Interrupted("the keys of verifiers cannot be used".to_owned())).await;
            }
            Err(failure)
        }
    }
}

/// Takes over what is read, until its end or a signal.
pub async fn take_over(
    instance: &Instance,
    (caller, job): (&Caller, Option<RunningJob>),
    signals: &mut Signals,
    how: Import,
    vault: &Vault,
    (mut portions, bar): (mpsc::Receiver<Portion>, ProgressBar),
) -> Result<Taken, Failure> {
    let (is_kept, brake) = (job.is_some(), how.brake);
    let id = job.as_ref().map(|job| job.job().id.clone());
    if let Some(id) = &id {
        anstream::eprintln!("Job {id}.");
    }
    let mut importer = Importer::new(&instance.service, caller, job, how).await?;
    if let Err(error) = importer.mend_with(vault).await {
        return Err(importer.failed(error).await.into());
    }
    let mut taker = Taker { importer, bar: bar.clone(), messages: Messages::default(), broken: 0, refused: Vec::new() };
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            signal = signals.next() => {
                let why = format!("{signal}: the rest was not read");
                taker.importer.failed(JobError::Interrupted(why.clone())).await;
                bar.finish_and_clear();
                return Ok(Taken::Stopped(Stopped { why, job: id }));
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
    let messages = messages.finish();
    let mut outcome = Box::pin(importer.finish(broken)).await?;
    if is_kept {
        instance.service.forget_old_records(caller).await?;
        instance.service.forget_expired(caller.tenant).await?;
    }
    if let ImportOutcome::Waiting(job, counts) = outcome {
        let job = instance.service.resume_job(caller, job.id.as_str(), false).await?;
        outcome = Box::pin(work_off(instance, vault, job, brake, counts)).await?;
    }
    Ok(Taken::Ended(Box::new(Ended { outcome, broken, messages })))
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
    let outcome = Box::pin(work_off(instance, &vault, job, brake, counts)).await?;
    let ended = Ended { outcome, broken: 0, messages: Vec::new() };
    ended.print(global)?;
    ended.failure().map_or(Ok(()), |message| Err(Failure::message(message)))
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

/// The numbers by their names, as they are printed.
fn summary(counts: &ImportCounts) -> [(&'static str, u64); 10] {
    [
        ("entries", counts.entries),
        ("created", counts.created),
        ("linked", counts.linked),
        ("updated", counts.updated),
        ("unchanged", counts.unchanged),
        ("refused", counts.refused),
        ("removed", counts.removed),
        ("verifiersFirst", counts.verifiers_first),
        ("verifiersChanged", counts.verifiers_changed),
        ("eventsRemediated", counts.remediated),
    ]
}

impl Ended {
    /// The numbers.
    pub fn counts(&self) -> &ImportCounts {
        match &self.outcome {
            ImportOutcome::Told(counts, _)
            | ImportOutcome::Completed(_, counts)
            | ImportOutcome::Waiting(_, counts)
            | ImportOutcome::Held(_, counts, _)
            | ImportOutcome::Failed(_, counts, _) => counts,
        }
    }

    /// The numbers as an object.
    pub fn summary(&self) -> Value {
        let members = summary(self.counts()).into_iter().map(|(name, count)| (name.to_owned(), json!(count)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// The job, if it was one, and its state.
    pub fn job(&self) -> Option<(&EntityId, &'static str)> {
        match &self.outcome {
            ImportOutcome::Told(..) => None,
            ImportOutcome::Completed(job, _)
            | ImportOutcome::Waiting(job, _)
            | ImportOutcome::Held(job, ..)
            | ImportOutcome::Failed(job, ..) => Some((&job.id, job.state.name())),
        }
    }

    /// Prints the numbers, and what there is to say about verifiers.
    pub fn print(&self, global: &Global) -> Result<(), Failure> {
        if let ImportOutcome::Told(_, why) = &self.outcome {
            anstream::eprintln!("Nothing was written: this is what would come of it.");
            if let Some(why) = why {
                anstream::eprintln!("It would not be done to its end: {why}.");
            }
        }
        print(global, self.counts())
    }

    /// Why it is no success, and what to do next.
    pub fn failure(&self) -> Option<String> {
        let failure = match &self.outcome {
            ImportOutcome::Told(..) | ImportOutcome::Completed(..) => None,
            ImportOutcome::Held(job, _, why) => {
                let id = &job.id;
                Some(format!(
                    "the job is held before {why}. Nothing of that was done; the rest of the import was. \
                     `spillwatch jobs resume {id} --release` does it, `spillwatch jobs undo {id}` takes the import back"
                ))
            }
            ImportOutcome::Waiting(job, counts) => {
                let why = "scans kept them beside names of users who are new or have another password now";
                Some(waits_in_words(job.id.as_str(), counts.retrospect.queued, why))
            }
            ImportOutcome::Failed(_, _, why) => Some(why.clone()),
        };
        let refused = match self.counts().refused {
            0 => None,
            1 => Some("an entry was refused".to_owned()),
            count => Some(format!("{count} entries were refused")),
        };
        let broken = (self.broken > 0).then(|| "not every file could be read to its end".to_owned());
        failure.or(broken).or(refused)
    }
}

fn print(global: &Global, counts: &ImportCounts) -> Result<(), Failure> {
    let (columns, values): (Vec<&str>, Vec<Value>) =
        summary(counts).into_iter().map(|(name, count)| (name, json!(count))).unzip();
    rows(global, &columns, &[values], "")?;
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
            "Passwords that scans kept beside names of these users: {}; current: {}, handed to slow verifiers: {}.",
            retrospect.candidates,
            retrospect.current,
            retrospect.queued
        );
    }
    if let Some(raised) = &counts.raised {
        let (raised, reopened, added) = (raised.raised, raised.reopened, raised.added);
        anstream::eprintln!("Events raised: {raised}, reopened: {reopened}; evidence added to {added}.");
    }
    if counts.verifiers_sealed_anew > 0 {
        anstream::eprintln!("{} verifiers that no key at hand opened were sealed anew.", counts.verifiers_sealed_anew);
    }
    if verifiers.derived_from_clear_text > 0 {
        let next = if counts.synced.is_some() { "The directory should hash them." } else { "Delete the export." };
        anstream::eprintln!(
            "{} passwords stood in clear: they were derived with argon2id and are not stored. {next}",
            verifiers.derived_from_clear_text
        );
    }
    Ok(())
}

/// Takes over what is read.
struct Taker {
    importer: Importer,
    bar: ProgressBar,
    messages: Messages,
    broken: u64,
    /// The numbers of the entries that were refused.
    refused: Vec<u64>,
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
                    self.refused.push(place.entry);
                    for fault in faults {
                        self.say(&place, &fault);
                    }
                }
                self.bar.set_message(format!("{} entries", self.importer.counts().entries));
            }
            Portion::Broken(why) => {
                self.broken += 1;
                self.messages.say(&self.bar, why);
            }
            Portion::File(name, summary) => self.bar.suspend(|| tell(&name, &summary)),
            Portion::Listed(source, keys, answer) => {
                let unknown = self.importer.list(&source, keys).await?;
                // Nobody listens to the answer when the reading has failed, which is told next.
                drop(answer.send(Known { unknown, wants_everybody: self.importer.has_unopenable() }));
            }
            Portion::Doubt(why) => {
                self.messages.say(&self.bar, why.clone());
                self.importer.doubt(why);
            }
            Portion::Synced(synced, keys) => self.synced(synced, &keys),
        }
        Ok(())
    }

    /// Notes how far the directory is known. Entries that were refused are asked for again next time; where that would be
    /// too many, everything since the last time is.
    fn synced(&mut self, (mut synced, before): (Synced, Option<Box<str>>), keys: &[Box<str>]) {
        if self.refused.len() > MOST_RETRIED {
            synced.mark = before;
        } else {
            let key = |number: &u64| keys.get(usize::try_from(number - 1).ok()?).filter(|key| !key.is_empty()).cloned();
            synced.retry = self.refused.iter().filter_map(key).collect();
        }
        self.importer.note_synced(synced);
    }

    fn say(&mut self, place: &Place, message: &str) {
        self.messages.say(&self.bar, format!("{place}: {message}"));
    }
}

/// Messages about entries, up to a number of them.
#[derive(Default)]
struct Messages {
    said: Vec<String>,
    unsaid: u64,
}

impl Messages {
    fn say(&mut self, bar: &ProgressBar, message: String) {
        if self.said.len() >= MOST_MESSAGES {
            self.unsaid += 1;
            return;
        }
        bar.suspend(|| anstream::eprintln!("{message}"));
        self.said.push(message);
    }

    fn finish(mut self) -> Vec<String> {
        if self.unsaid > 0 {
            let more = format!("... and {} more messages about entries.", self.unsaid);
            anstream::eprintln!("{more}");
            self.said.push(more);
        }
        self.said
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
