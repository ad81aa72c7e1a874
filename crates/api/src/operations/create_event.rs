//! `POST /leakedCredentialsRiskEvents` and `POST /identityRiskEvents`: the seed document's operation.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::Write;
use model::Command;
use service::Plan;
use store::{BoxFuture, Outcome};

/// Creates an event. It is on disk before this answers 201.
pub const WRITE: Write = Write { prepare, render };

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    Box::pin(async move {
        let set = call.events();
        let (body, link) = call.entity_body(set.entity_set())?;
        plan.create_event(set, body, link).await.map_err(|error| call.failure(error))
    })
}

fn render(call: &Call<'_>, outcome: Outcome) -> Result<Reply, ApiError> {
    let (event, evidence) = match outcome {
        Outcome::Event(event) => (event, Vec::new()),
        Outcome::EventWithEvidence(event, evidence) => (event, evidence),
        _ => unreachable!("the command was one on an event"),
    };
    call.created_with(call.set(), &*event, event.id.as_str(), &evidence)
}
