//! What is shown of a job: neither paths nor secrets, and of pairs that were handed in nothing that tells of one.

use super::Ask;
use super::answer::AREA;
use crate::error::ApiError;
use axum::http::StatusCode;
use model::{Job, JobKind, JobState, Ticks};
use odata::fault::excerpt;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::checks::HandedIn;
use service::jobs::JobError;
use service::{Service, undecided_in_words};

/// A job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    id: String,
    kind: &'static str,
    status: &'static str,
    created_date_time: String,
    ended_date_time: Option<String>,
    estimated_end_date_time: Option<String>,
    percent_complete: Option<u64>,
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    counters: Map<String, Value>,
    warnings: Vec<String>,
}

/// What is shown of a job.
pub(super) async fn shown(ask: &Ask<'_>, job: &Job) -> Result<Shown, ApiError> {
    let service = &ask.app.service;
    let status = status(service, job);
    let progress: Value = serde_json::from_str(&job.progress).unwrap_or_default();
    let is_under_way = matches!(job.state, JobState::Running | JobState::Waiting);
    let mut shown = Shown {
        id: job.id.to_string(),
        kind: job.kind.name(),
        status,
        created_date_time: job.created.to_string(),
        ended_date_time: job.ended.map(|ended| ended.to_string()),
        estimated_end_date_time: None,
        percent_complete: (job.state == JobState::Completed).then_some(100),
        message: job.message.as_deref().map(str::to_owned),
        undoes: Service::undone_by(job).map(|id| id.to_string()),
        counters: Map::new(),
        warnings: Vec::new(),
    };
    if status == "interrupted" {
        shown.warnings.push("the process that worked at it is not heard of any more".to_owned());
    }
    let done = if let Some(asked) = HandedIn::of(job) {
        let done = service.pairs_done(ask.caller, job, &asked).await.map_err(|error| refused(ask, error))?;
        shown.counters.insert("pairs".to_owned(), json!(asked.pairs));
        shown.counters.insert("done".to_owned(), json!(done.done));
        if job.state == JobState::Held {
            // How many users it is about would tell how many of the pairs are current.
            shown.message = Some("the brake holds it until it is released".to_owned());
        }
        if done.failed > 0 {
            shown.warnings.push(format!("{} pairs could not be checked", done.failed));
        }
        Some((done.done, asked.pairs))
    } else {
        shown.counters = counters(&progress);
        shown.warnings.extend(warnings(job, &progress));
        let waiting = if is_under_way {
            service.waiting(ask.caller, Some(job.creation)).await.map_err(|error| refused(ask, error))?.candidates
        } else {
            0
        };
        let undecided = service.undecided(ask.caller, job).await.map_err(|error| refused(ask, error))?;
        shown.warnings.extend(undecided_in_words(&undecided));
        if waiting > 0 {
            shown.counters.insert("waitingForSlowVerifiers".to_owned(), json!(waiting));
        }
        let is_read = job.state == JobState::Waiting || progress["isRead"] == true;
        match job.kind {
            // Whatever else it did is done.
            _ if waiting > 0 && is_read => {
                let handed_over =
                    [&progress["asked"]["queued"], &progress["counts"]["queued"], &progress["retrospect"]["queued"]];
                let all = handed_over.into_iter().find_map(Value::as_u64).unwrap_or(0).max(waiting);
                Some((all - waiting, all))
            }
            JobKind::Scan if is_under_way => {
                let tasks = service.tasks_done(ask.caller, job).await.map_err(|error| refused(ask, error))?;
                if tasks.failed > 0 {
                    shown.warnings.push(format!("{} pieces could not be scanned", tasks.failed));
                }
                (progress["isListed"] == true).then_some((tasks.ended, tasks.all))
            }
            _ => None,
        }
    };
    if let Some((done, all)) = done.filter(|(_, all)| is_under_way && *all > 0) {
        shown.percent_complete = Some(done.min(all) * 100 / all);
        shown.estimated_end_date_time = end(job.created, service.clock().now(), done, all).map(|end| end.to_string());
    }
    Ok(shown)
}

/// What a job is doing, as far as can be told: a process that died did not say so.
fn status(service: &Service, job: &Job) -> &'static str {
    if job.state == JobState::Running && !service.is_worked_at(job) { "interrupted" } else { job.state.name() }
}

/// When it ends if it goes on as it did.
fn end(began: Ticks, now: Ticks, done: u64, all: u64) -> Option<Ticks> {
    let spent = i128::from(now.get() - began.get());
    let whole = (spent * i128::from(all)).checked_div(i128::from(done))?;
    Ticks::new(i64::try_from(i128::from(began.get()) + whole).ok()?).filter(|end| *end >= now)
}

/// The numbers of a job's progress: nothing else of it, which may be paths.
fn counters(progress: &Value) -> Map<String, Value> {
    let Value::Object(members) = progress else { return Map::new() };
    let mut counters = Map::new();
    for (name, value) in members {
        match value {
            Value::Number(_) => _ = counters.insert(name.clone(), value.clone()),
            Value::Object(_) => {
                let inner = self::counters(value);
                if !inner.is_empty() {
                    counters.insert(name.clone(), Value::Object(inner));
                }
            }
            _ => {}
        }
    }
    counters
}

/// What of a job's progress somebody should look at.
fn warnings(job: &Job, progress: &Value) -> Vec<String> {
    let told = [
        (JobKind::Scan, "problems", "documents were not read, or not to their end"),
        (JobKind::Import, "refused", "entries were refused"),
        (JobKind::Check, "noPair", "lines hold no pair"),
        (JobKind::Undo, "changedSince", "things that others have changed since were left as they are"),
        (JobKind::Undo, "blocked", "things cannot be as they were, since others refer to them or have their names"),
    ];
    let counted = told.into_iter().filter(|(kind, ..)| *kind == job.kind).filter_map(|(_, name, what)| {
        let count = progress[name].as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {what}"))
    });
    counted.collect()
}

/// Why a job is not worked at, or read.
pub(super) fn refused(ask: &Ask<'_>, error: JobError) -> ApiError {
    let conflict = |message: String| ApiError::new(StatusCode::CONFLICT, "Conflict", message);
    match error {
        JobError::NotFound(id) => {
            ApiError::new(StatusCode::NOT_FOUND, AREA.not_found(), format!("there is no job {}", excerpt(&id)))
        }
        JobError::Running { id } => conflict(format!(
            "the job `{id}` is being worked at; GET {}/spillwatch/jobs/{id} tells how far it is",
            ask.root
        )),
        JobError::Held { id, .. } => conflict(format!(
            "the job `{id}` is held by the brake; send {{\"release\":true}} to let it raise what it found"
        )),
        JobError::Service(service::ServiceError::Refused(model::Refusal::JobMoved(id))) => {
            conflict(format!("somebody else has just taken up the job `{id}`"))
        }
        JobError::Ended { .. } | JobError::Waiting { .. } | JobError::Elsewhere { .. } | JobError::UndoAgain { .. } => {
            conflict(error.to_string())
        }
        JobError::Service(error) => ApiError::from_service(AREA, error),
        error => ApiError::internal(&error),
    }
}
