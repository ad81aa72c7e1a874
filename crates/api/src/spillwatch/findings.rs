//! Where credentials were found: never a secret, but places that lead to one for whoever has the material.

use super::Ask;
use super::answer::AREA;
use super::jobs::{Page, json};
use super::shown::refused;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::EntityId;
use odata::fault::excerpt;
use odata::path::encode_segment;
use serde::Serialize;
use service::Vault;
use service::jobs::{After, JobFinding};
use store::BoxFuture;
use store::sql::SqlValue;

/// Rows of a page, and the most of them.
const ROWS: (u32, u32) = (100, 1_000);

/// A finding.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    event_id: String,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    source: String,
    match_class: &'static str,
    matched_attribute: Option<String>,
    matched_rule: Option<String>,
    document: Option<String>,
    line: Option<u64>,
    offset: Option<u64>,
    shape: Option<String>,
    host: Option<String>,
    leaked_date_time: Option<String>,
    first_seen_date_time: String,
    last_seen_date_time: String,
    occurrences: i32,
}

impl Shown {
    fn of(JobFinding { event, found }: &JobFinding, job: Option<&EntityId>) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let place = found.place.as_ref();
        Self {
            event_id: event.to_string(),
            user_id: found.user.to_string(),
            job_id: job.map(ToString::to_string),
            source: (*found.finding.source).to_owned(),
            match_class: found.finding.match_class.name(),
            matched_attribute: text(found.finding.matched_attribute.as_deref()),
            matched_rule: text(found.finding.matched_rule.as_deref()),
            document: place.map(|place| (*place.document).to_owned()),
            line: place.and_then(|place| place.line),
            offset: place.map(|place| place.offset),
            shape: place.map(|place| (*place.shape).to_owned()),
            host: text(place.and_then(|place| place.host.as_deref())),
            leaked_date_time: found.leaked.map(|time| time.to_string()),
            first_seen_date_time: found.first_seen.to_string(),
            last_seen_date_time: found.last_seen.to_string(),
            occurrences: found.occurrences,
        }
    }
}

/// Answers what a job has found, in the order of users.
pub(super) fn of_job(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let service = &ask.app.service;
        let limit = ask.page_size(ROWS)?;
        let job = service.job(ask.caller, &ask.id).await.map_err(|error| refused(&ask, error))?;
        let scope = format!("spillwatch/findings\0{}", job.id);
        let after = ask.place(&scope)?.and_then(|place| {
            let Some(SqlValue::Text(user)) = place.values.first() else { return None };
            Some(After { user: user.parse().ok()?, passed: u32::try_from(place.row_key).ok()? })
        });
        let page = service.page_of_findings(ask.caller, (ask.vault()?, &job), after, limit).await;
        let (page, next) = page.map_err(|error| refused(&ask, error))?;
        let path = format!("/jobs/{}/findings", encode_segment(job.id.as_str()));
        let next = next.map(|next| {
            let user = SqlValue::Text(next.user.as_str().into());
            ask.next(&path, &scope, vec![user], i64::from(next.passed))
        });
        let value: Vec<Shown> = page.iter().map(|finding| Shown::of(finding, None)).collect();
        Ok(ask.paged(&Page { value, next }, ROWS))
    })
}

/// Answers what stands behind an event: nothing where no job found it, or where what jobs found is forgotten.
pub(super) fn of_event(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let missing = || {
            let message = format!("no risk event has the id {}", excerpt(&ask.id));
            ApiError::new(StatusCode::NOT_FOUND, AREA.not_found(), message)
        };
        let id: EntityId = ask.id.parse().map_err(|_| missing())?;
        let behind = ask.app.service.findings_of_event(ask.caller, ask.vault()?, &id).await;
        let behind = behind.map_err(|error| refused(&ask, error))?.ok_or_else(missing)?;
        let value: Vec<Shown> = behind.iter().map(|(job, finding)| Shown::of(finding, Some(job))).collect();
        Ok(json(StatusCode::OK, &Page { value, next: None }))
    })
}

impl Ask<'_> {
    /// The keys of this server.
    pub(super) fn vault(&self) -> Result<&Vault, ApiError> {
        self.app.vault.as_ref().ok_or_else(|| ApiError::unavailable("this server has no keys to seal and to find with"))
    }
}
