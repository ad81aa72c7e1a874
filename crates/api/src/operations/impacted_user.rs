//! `GET .../impactedUser`: the user at risk, as the directory knows them now.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use model::edm;
use store::BoxFuture;

/// Answers the user; 404 when the event has none, or the directory no longer knows them.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let id = call.key().text();
        let user = call.app.service.impacted_user(call.caller, call.events(), id).await;
        call.read_reply(&edm::USERS, &user.map_err(|error| call.failure(error))?)
    })
}
