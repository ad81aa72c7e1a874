//! `GET /spillwatch/jobs` and one of them.

use super::Ask;
use super::answer::AREA;
use super::shown::{Shown, refused, shown};
use crate::call::with_token;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::Job;
use odata::query::SystemOption;
use serde::Serialize;
use service::PageToken;
use store::BoxFuture;
use store::sql::{Place, SqlValue};

/// Rows of a page, and the most of them.
const ROWS: (u32, u32) = (50, 500);

/// A page.
#[derive(Serialize)]
pub(super) struct Page<T> {
    pub value: Vec<T>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Answers jobs, the newest first.
pub(super) fn list(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        const SCOPE: &str = "spillwatch/jobs";
        let limit = ask.page_size(ROWS)?;
        let before = ask.place(SCOPE)?.map(|place| place.row_key as u64);
        let service = &ask.app.service;
        let mut jobs =
            service.jobs_before(ask.caller, before, limit + 1).await.map_err(|error| refused(&ask, error))?;
        let follows = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let last = jobs.last().filter(|_| follows);
        let next = last.map(|job: &Job| ask.next("/jobs", SCOPE, Vec::new(), job.creation as i64));
        let mut value: Vec<Shown> = Vec::with_capacity(jobs.len());
        for job in &jobs {
            value.push(shown(&ask, job).await?);
        }
        Ok(ask.paged(&Page { value, next }, ROWS))
    })
}

/// Answers one.
pub(super) fn read(ask: Ask<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let job = ask.app.service.job(ask.caller, &ask.id).await.map_err(|error| refused(&ask, error))?;
        Ok(json(StatusCode::OK, &shown(&ask, &job).await?))
    })
}

/// A document.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Reply {
    Reply::json(status, serde_json::to_vec(document).expect("texts and numbers become JSON"))
}

impl Ask<'_> {
    /// How many rows a page holds.
    pub(super) fn page_size(&self, (usual, most): (u32, u32)) -> Result<u32, ApiError> {
        let top = self.options.top().map_err(|error| ApiError::from_query(AREA, &error).with_target("$top"))?;
        let preferred = self.preferences.max_page_size;
        Ok(top.unwrap_or(usual.max(preferred.unwrap_or(0))).min(preferred.unwrap_or(u32::MAX)).min(most))
    }

    /// Where the page before ended.
    pub(super) fn place(&self, scope: &str) -> Result<Option<Place>, ApiError> {
        let Some(token) = self.options.get(SystemOption::SkipToken) else { return Ok(None) };
        let opened = self.app.service.page_tokens().open(self.caller.tenant, scope, token);
        let opened = opened.ok_or_else(|| {
            let message = "$skiptoken is not one that this service gave out for this list; start again without it";
            ApiError::bad_request(AREA, message).with_target("$skiptoken")
        })?;
        Ok(Some(opened.place))
    }

    /// The link to the page that begins behind a place.
    pub(super) fn next(&self, path: &str, scope: &str, values: Vec<SqlValue>, row_key: i64) -> String {
        let token = PageToken { now: self.app.service.clock().now(), place: Place { values, row_key } };
        let token = self.app.service.page_tokens().seal(self.caller.tenant, scope, &token);
        let url = format!("{}/spillwatch{path}", self.root);
        with_token(&url, self.options.without_tokens(), SystemOption::SkipToken, &token)
    }

    /// Answers a page, with the preference that was honoured.
    pub(super) fn paged(&self, page: &impl Serialize, (_, most): (u32, u32)) -> Reply {
        let mut reply = json(StatusCode::OK, page);
        if let Some(preferred) = self.preferences.max_page_size {
            reply.applied(&format!("odata.maxpagesize={}", preferred.min(most)));
        }
        reply
    }
}
