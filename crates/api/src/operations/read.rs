//! `GET` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::projection::carried_for;
use crate::reply::Reply;
use odata::encode::{CellError, Row};
use service::ServiceError;
use store::BoxFuture;

/// Answers an event or a user, as `$select` and `$expand` ask; 304 when `If-None-Match` names its
/// version.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        let now = call.app.service.clock().now();
        let query = call.bind(set, now)?;
        let encoder = call.encoder(set, &query);
        let key = call.key();
        let context = call.context(&format!("{}{}/$entity", set.name, query.projection()));
        match call.event_set() {
            None => {
                let user = call.app.service.user(call.caller, key).await.map_err(|error| call.failure(error))?;
                call.read_reply(&user, &encoder, &context)
            }
            Some(events) => {
                let mut reply = None;
                let mut sink = |row: &dyn Row| -> Result<(), CellError> {
                    reply = Some(call.read_reply(row, &encoder, &context));
                    Ok(())
                };
                let (id, carried) = (key.text(), carried_for(&encoder));
                let found = call.app.service.event(call.caller, events, id, carried, &mut sink).await;
                found.map_err(|error| call.failure(error))?;
                reply.unwrap_or_else(|| Err(call.failure(ServiceError::NoSuchEvent(id.chars().take(255).collect()))))
            }
        }
    })
}
