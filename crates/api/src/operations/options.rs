//! `OPTIONS`: which methods there are (RFC 9110, section 9.3.7). What browsers ask before a request is
//! answered before it comes here.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::{allow, allowed};
use axum::http::{StatusCode, header};
use store::BoxFuture;

/// Answers the methods of the resource.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let mut reply = Reply::new(StatusCode::NO_CONTENT);
        reply.set(header::ALLOW, format!("{}, OPTIONS", allow(&allowed(&call.resource))));
        Ok(reply)
    })
}
