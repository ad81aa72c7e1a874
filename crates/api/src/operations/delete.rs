//! `DELETE` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::precondition;
use crate::reply::Reply;
use axum::http::StatusCode;
use store::BoxFuture;

/// Deletes for good; a second time there is nothing to delete.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let key = call.key();
        let precondition = precondition(call.headers);
        let service = &call.app.service;
        let deleted = match call.event_set() {
            Some(events) => service.delete_event(call.caller, events, key.text(), precondition).await,
            None => service.delete_user(call.caller, key, precondition).await,
        };
        deleted.map_err(|error| call.failure(error))?;
        Ok(Reply::new(StatusCode::NO_CONTENT))
    })
}
