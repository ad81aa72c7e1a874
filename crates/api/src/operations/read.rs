//! `GET` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::precondition;
use crate::reply::Reply;
use axum::http::{StatusCode, header};
use odata::encode::{CellError, Row, etag};
use service::ServiceError;
use store::BoxFuture;

/// Answers an event or a user; 304 when `If-None-Match` names its version.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (set, key) = call.target();
        let precondition = precondition(call.headers);
        let answer = |row: &dyn Row| {
            if precondition.is_known(row.version()) {
                let mut reply = Reply::new(StatusCode::NOT_MODIFIED);
                reply.set(header::ETAG, etag(row.version()));
                return Ok(reply);
            }
            call.entity_reply(StatusCode::OK, set, row)
        };
        match call.event_set() {
            None => answer(&call.app.service.user(call.caller, key).await.map_err(|error| call.failure(error))?),
            Some(events) => {
                let mut reply = None;
                let mut sink = |row: &dyn Row| -> Result<(), CellError> {
                    reply = Some(answer(row));
                    Ok(())
                };
                let found = call.app.service.event(call.caller, events, key, &mut sink).await;
                found.map_err(|error| call.failure(error))?;
                reply.unwrap_or_else(|| Err(call.failure(ServiceError::NoSuchEvent(key.chars().take(255).collect()))))
            }
        }
    })
}
