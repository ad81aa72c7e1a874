//! `PATCH` of one entity (graph.md, section 3.4).

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::precondition;
use crate::reply::Reply;
use odata::prefer::Return;
use store::BoxFuture;

/// Changes the properties that are sent. Events answer 200 with the whole event, users 204, unless
/// the client prefers otherwise.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (set, key) = (call.set(), call.key());
        let precondition = precondition(call.headers);
        let (body, link) = call.entity_body(set)?;
        if body.is_empty() && link.is_none() && body.faults.is_empty() {
            return Err(ApiError::bad_request(call.area, "the body names no property; nothing would change"));
        }
        let service = &call.app.service;
        match call.event_set() {
            Some(events) => {
                let updated = service.update_event(call.caller, events, key.text(), precondition, body, link).await;
                let event = updated.map_err(|error| call.failure(error))?;
                call.written(set, &event, event.id.as_str(), false, Return::Representation)
            }
            None => {
                let updated = service.update_user(call.caller, key, precondition, body).await;
                let user = updated.map_err(|error| call.failure(error))?;
                call.written(set, &user, user.id().as_str(), false, Return::Minimal)
            }
        }
    })
}
