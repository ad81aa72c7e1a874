//! `GET` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::projection::carried_for;
use crate::reply::Reply;
use store::BoxFuture;

/// Answers an event or a user, as `$select` and `$expand` ask; 304 when `If-None-Match` names its
/// version.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        let now = call.app.service.clock().now();
        let query = call.bind(set, now)?;
        let encoder = call.encoder(set, &query);
        let context = call.context(&format!("{}{}/$entity", call.set_fragment(), query.projection()));
        call.with_entity(carried_for(&encoder), |row| call.read_reply(row, &encoder, &context)).await
    })
}
