//! `PATCH` of one entity (graph.md, section 3.4).

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::precondition;
use crate::reply::Reply;
use crate::routes::Write;
use model::Command;
use odata::prefer::Return;
use service::Plan;
use store::{BoxFuture, Outcome};

/// Changes the properties that are sent. Events answer 200 with the whole event, users 204, unless
/// the client prefers otherwise.
pub const WRITE: Write = Write { prepare, render };

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    Box::pin(async move {
        let (key, precondition) = (call.key(), precondition(call.headers));
        let (body, link) = call.entity_body(call.set())?;
        if body.is_empty() && link.is_none() && body.faults.is_empty() {
            return Err(ApiError::bad_request(call.area, "the body names no property; nothing would change"));
        }
        let command = match call.event_set() {
            Some(events) => plan.update_event(events, key.text(), precondition, body, link).await,
            None => plan.update_user(key, precondition, body),
        };
        command.map_err(|error| call.failure(error))
    })
}

fn render(call: &Call<'_>, outcome: Outcome) -> Result<Reply, ApiError> {
    match outcome {
        Outcome::Event(event) => call.written(call.set(), &*event, event.id.as_str(), false, Return::Representation),
        Outcome::User(user) => call.written(call.set(), &*user, user.id().as_str(), false, Return::Minimal),
        Outcome::EventWithEvidence(..)
        | Outcome::Evidence(_)
        | Outcome::Deleted
        | Outcome::Done
        | Outcome::Noted(_) => unreachable!("the command was an update"),
    }
}
