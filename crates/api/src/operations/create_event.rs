//! `POST /leakedCredentialsRiskEvents` and `POST /identityRiskEvents`: the seed document's operation.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use odata::prefer::Return;
use store::BoxFuture;

/// Creates an event. It is on disk before this answers 201.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.events();
        let (body, link) = call.entity_body(set.entity_set())?;
        let created = call.app.service.create_event(call.caller, set, body, link).await;
        let event = created.map_err(|error| call.failure(error))?;
        call.written(set.entity_set(), &event, event.id.as_str(), true, Return::Representation)
    })
}
