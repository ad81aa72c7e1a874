//! `GET /set/$count`: digits, from a kept total.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::{HeaderValue, StatusCode, header};
use odata::encode::write_integer;
use store::BoxFuture;

/// Answers the number of entities in a set.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let count = match call.event_set() {
            Some(events) => call.app.service.event_count(call.caller, events).await,
            None => call.app.service.user_count(call.caller).await,
        };
        let mut body = Vec::with_capacity(20);
        write_integer(count.map_err(|error| call.failure(error))?, &mut body);
        let mut reply = Reply::new(StatusCode::OK);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
        reply.body = body.into();
        Ok(reply)
    })
}
