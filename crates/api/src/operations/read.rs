//! `GET` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use odata::encode::{CellError, Row};
use service::ServiceError;
use store::{BoxFuture, Projection};

/// Answers an event or a user; 304 when `If-None-Match` names its version.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (set, key) = (call.set(), call.key());
        match call.event_set() {
            None => {
                let user = call.app.service.user(call.caller, key).await.map_err(|error| call.failure(error))?;
                call.read_reply(set, &user)
            }
            Some(events) => {
                let mut reply = None;
                let mut sink = |row: &dyn Row| -> Result<(), CellError> {
                    reply = Some(call.read_reply(set, row));
                    Ok(())
                };
                let id = key.text();
                let found = call.app.service.event(call.caller, events, id, Projection::Members, &mut sink).await;
                found.map_err(|error| call.failure(error))?;
                reply.unwrap_or_else(|| Err(call.failure(ServiceError::NoSuchEvent(id.chars().take(255).collect()))))
            }
        }
    })
}
