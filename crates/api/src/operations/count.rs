//! `GET /set/$count`: digits.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use odata::encode::write_integer;
use store::BoxFuture;

/// Answers the number of entities in a set, or of those that `$filter` and `$search` keep.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let now = call.app.service.clock().now();
        let query = call.bind(call.set(), now)?;
        let count = call.app.service.count(call.caller, call.listed(), query.filter).await;
        let mut body = Vec::with_capacity(20);
        write_integer(count.map_err(|error| call.failure(error))?, &mut body);
        Ok(Reply::text("text/plain", body))
    })
}
