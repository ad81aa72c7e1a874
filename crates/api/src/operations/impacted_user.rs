//! `GET .../impactedUser`: the user at risk, as the directory knows them now.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use model::edm;
use store::BoxFuture;

/// Answers the user; 404 when the event has none, or the directory no longer knows them.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let now = call.app.service.clock().now();
        let query = call.bind(&edm::USERS, now)?;
        let encoder = call.encoder(&edm::USERS, &query);
        let context = call.context(&format!("{}{}/$entity", edm::USERS.name, query.projection()));
        call.read_reply(&call.impacted_user().await?, &encoder, &context)
    })
}
