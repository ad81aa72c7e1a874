//! `spillwatch jobs`

mod findings;
mod report;

use crate::cli::{Global, JobOf, Jobs, ListJobs, Resume, Undo};
use crate::commands::events::bar;
use crate::commands::listing::caller;
use crate::commands::{check, scan, users};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use crate::verifier_keys::Purpose;
use model::{Caller, Job, JobKind, JobState};
use serde_json::{Value, json};
use service::checks::HandedIn;
use service::jobs::{Afar, Undoing};
use service::{Service, looks_back};
use std::io::IsTerminal as _;

/// Carries out what is asked for.
pub async fn run(global: &Global, action: Jobs) -> Result<(), Failure> {
    let instance = Instance::open_mapped(global, 0).await?;
    let done = match action {
        Jobs::List(options) => list(global, &instance, options).await,
        Jobs::Show(options) => show(global, &instance, options).await,
        Jobs::Findings(options) => findings::run(global, &instance, options).await,
        Jobs::Report(options) => report::run(global, &instance, options).await,
        Jobs::Resume(options) => resume(global, &instance, options).await,
        Jobs::Undo(options) => undo(global, &instance, options).await,
    };
    instance.service.store().close().await;
    done
}

/// What a job is doing, as far as can be told: a process that died did not say so.
fn state(service: &Service, job: &Job) -> &'static str {
    if job.state == JobState::Running && !service.is_worked_at(job) { "interrupted" } else { job.state.name() }
}

async fn list(global: &Global, instance: &Instance, options: ListJobs) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "jobs list").await?;
    let jobs = instance.service.jobs(&caller, None, options.top.get()).await?;
    let columns = ["id", "kind", "state", "createdDateTime", "endedDateTime", "message"];
    let found: Vec<Vec<Value>> = jobs
        .iter()
        .map(|job| {
            vec![
                json!(job.id.as_str()),
                json!(job.kind.name()),
                json!(state(&instance.service, job)),
                json!(job.created.to_string()),
                json!(job.ended.map(|ended| ended.to_string())),
                json!(job.message.as_deref()),
            ]
        })
        .collect();
    rows(global, &columns, &found, "There is no job yet; `spillwatch users import` makes one.")
}

async fn show(global: &Global, instance: &Instance, options: JobOf) -> Result<(), Failure> {
    let caller = caller(instance, options.tenant, "jobs show").await?;
    let job = instance.service.job(&caller, &options.id).await?;
    let changed = instance.service.changed_by(&caller, &job).await?;
    let waiting = instance.service.waiting(&caller, Some(job.creation)).await?.candidates;
    let undecided = instance.service.undecided(&caller, &job).await?;
    let undecided: serde_json::Map<String, Value> =
        undecided.into_iter().map(|reason| (reason.why.into(), json!(reason.candidates))).collect();
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let about = [
        ("id", json!(job.id.as_str())),
        ("kind", json!(job.kind.name())),
        ("state", json!(state(&instance.service, &job))),
        ("createdDateTime", json!(job.created.to_string())),
        ("endedDateTime", json!(job.ended.map(|ended| ended.to_string()))),
        ("message", json!(job.message.as_deref())),
        ("parameters", parsed(&job.parameters)),
        ("progress", parsed(&job.progress)),
        ("changed", json!(changed)),
        ("waitingForSlowVerifiers", json!(waiting)),
        ("undecided", Value::Object(undecided)),
    ];
    if global.json || !std::io::stdout().is_terminal() {
        let (names, values): (Vec<&str>, Vec<Value>) = about.into_iter().unzip();
        return rows(global, &names, &[values], "");
    }
    let mut found = Vec::new();
    for (name, value) in about {
        match value {
            Value::Object(members) => flatten(name, members, &mut found),
            Value::Null => {}
            value => found.push(vec![json!(name), value]),
        }
    }
    rows(global, &["what", "value"], &found, "")
}

/// `progress.verifiers.schemes.nt`, with its value: a table has no room for more than that.
fn flatten(name: &str, members: serde_json::Map<String, Value>, found: &mut Vec<Vec<Value>>) {
    for (member, value) in members {
        let name = format!("{name}.{member}");
        match value {
            Value::Object(inner) => flatten(&name, inner, found),
            Value::Null => {}
            value => found.push(vec![json!(name), value]),
        }
    }
}

async fn resume(global: &Global, instance: &Instance, options: Resume) -> Result<(), Failure> {
    let caller = caller(instance, options.job.tenant, "jobs resume").await?;
    let job = instance.service.job(&caller, &options.job.id).await?;
    if job.kind == JobKind::Undo {
        let target = Service::undone_by(&job).map(|target| target.to_string()).unwrap_or_default();
        return Err(Failure::message(format!(
            "an undo is resumed by `spillwatch jobs undo {target}`: it goes on where it was"
        )));
    }
    if job.state == JobState::Held && !options.release {
        let why = job.message.as_deref().unwrap_or("the brake holds it");
        return Err(Failure::message(format!("the job is held: {why}. --release lets it do the rest")));
    }
    let is_waiting = job.state == JobState::Waiting || looks_back(&job);
    if HandedIn::of(&job).is_some() {
        return resume_handed_in(global, instance, &caller, &options).await;
    }
    let job = instance.service.resume_job(&caller, &options.job.id, options.take_over).await?;
    match job.job().kind {
        JobKind::Import if is_waiting => users::taking::resume_waiting(global, instance, job, options.release).await,
        JobKind::Import => users::import::resume(global, instance, (&caller, job), options.release).await,
        JobKind::Check => check::resume(global, instance, job, options.release).await,
        JobKind::Scan => scan::resume(global, instance, job, options.release).await,
        JobKind::Undo => Err(Failure::message("this version knows no jobs of this kind")),
    }
}

/// Pairs that were handed in are with the store, not in a file.
async fn resume_handed_in(
    global: &Global,
    instance: &Instance,
    caller: &Caller,
    options: &Resume,
) -> Result<(), Failure> {
    match instance.service.resume_afar(caller, &options.job.id, options.release).await? {
        Afar::Waits(job) => {
            let id = job.id;
            anstream::eprintln!(
                "The pairs of the job {id} wait for `spillwatch serve` or `spillwatch worker`, which check them and end it."
            );
            Ok(())
        }
        Afar::Begun(begun) => {
            let job = begun.run(&instance.vault(global, Purpose::Open).await?).await?;
            rows(global, &["job", "state"], &[vec![json!(job.id.as_str()), json!(job.state.name())]], "")
        }
    }
}

async fn undo(global: &Global, instance: &Instance, options: Undo) -> Result<(), Failure> {
    let caller = caller(instance, options.job.tenant, "jobs undo").await?;
    let bar = bar("{pos} things taken back");
    let progress = |count| bar.set_position(count);
    let how = Undoing { force: options.force, take_over: options.take_over };
    let undone = instance.service.undo_job(&caller, &options.job.id, how, progress).await;
    bar.finish_and_clear();
    let (job, done) = undone?;
    let values = [json!(job.id.as_str()), json!(done.reverted), json!(done.changed_since), json!(done.blocked)];
    rows(global, &["undoJob", "takenBack", "changedSince", "blocked"], &[values.to_vec()], "")?;
    if done.changed_since + done.blocked == 0 {
        return Ok(());
    }
    Err(Failure::message(format!(
        "{} things were left as they are: somebody else has changed them since, or others refer to them. --force also \
         takes back what was changed since",
        done.changed_since + done.blocked
    )))
}
