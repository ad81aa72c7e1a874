//! `POST /spillwatch/jobs/{id}/resume` and `/undo`: what can be done here is done behind the answer.

use super::Ask;
use super::answer::AREA;
use super::jobs::json;
use super::json::{Node, read};
use super::shown::{refused, shown};
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::{StatusCode, header};
use model::Job;
use odata::fault::{Fault, FaultKind, Faults, excerpt};
use odata::path::encode_segment;
use service::jobs::{Afar, JobError, Undoing};
use store::BoxFuture;

/// Goes on with a job.
pub(super) fn resume(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let release = flag(&ask, "release")?;
        let vault = ask.vault()?.clone();
        let afar = ask.app.service.resume_afar(ask.caller, &ask.id, release).await;
        match afar.map_err(|error| refused(&ask, error))? {
            Afar::Waits(job) => {
                ask.app.work.notify_one();
                accepted(&ask, &job).await
            }
            Afar::Begun(begun) => {
                let reply = accepted(&ask, begun.job()).await;
                let id = begun.job().id.clone();
                tokio::spawn(async move { told(id.as_str(), begun.run(&vault).await) });
                reply
            }
        }
    })
}

/// Takes back what a job did.
pub(super) fn undo(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let how = Undoing { force: flag(&ask, "force")?, take_over: false };
        let begun = ask.app.service.begin_undo(ask.caller, &ask.id, how).await;
        let begun = begun.map_err(|error| refused(&ask, error))?;
        let reply = accepted(&ask, begun.job()).await;
        let id = begun.job().id.clone();
        tokio::spawn(async move { told(id.as_str(), begun.run(|_| ()).await.map(|(job, _)| job)) });
        reply
    })
}

/// The job tells its own end; the log tells what went wrong.
fn told(id: &str, ended: Result<Job, JobError>) {
    match ended {
        Ok(job) => tracing::info!(job.id = id, status = job.state.name(), "a job has ended"),
        Err(error) => tracing::warn!(job.id = id, %error, "a job could not be done to its end"),
    }
}

/// Answers a job that goes on behind the answer.
pub(super) async fn accepted(ask: &Ask<'_>, job: &Job) -> Result<Reply, ApiError> {
    let mut reply = json(StatusCode::ACCEPTED, &shown(ask, job).await?);
    reply.set(header::LOCATION, format!("{}/spillwatch/jobs/{}", ask.root, encode_segment(job.id.as_str())));
    Ok(reply)
}

/// The one switch that a body may hold; off where there is no body.
fn flag(ask: &Ask<'_>, name: &str) -> Result<bool, ApiError> {
    if ask.body.is_empty() {
        return Ok(false);
    }
    let syntax = |error: serde_json::Error| ApiError::bad_request(AREA, format!("the body is not JSON: {error}"));
    let Node::Object(members) = read(&ask.body).map_err(syntax)? else {
        return Err(ApiError::bad_request(AREA, format!("expected an object such as {{\"{name}\":true}}")));
    };
    let (mut faults, mut found) = (Faults::default(), None);
    for (member, value) in &members {
        if member != name {
            let message = format!("{} is unknown here; only `{name}` is known", excerpt(member));
            faults.push(Fault::new(FaultKind::InvalidProperty, excerpt(member), message));
        } else if found.is_some() {
            faults.push(Fault::new(FaultKind::DuplicateProperty, name, format!("`{name}` occurs more than once")));
        } else {
            match value {
                Node::Bool(value) => found = Some(*value),
                other => {
                    let message = format!("`{name}` is {}; expected true or false", other.kind());
                    faults.push(Fault::new(FaultKind::InvalidValue, name, message));
                }
            }
        }
    }
    if faults.is_empty() { Ok(found.unwrap_or(false)) } else { Err(ApiError::from_faults(AREA, &faults)) }
}
