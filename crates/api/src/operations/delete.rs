//! `DELETE` of one entity.

use crate::call::Call;
use crate::error::ApiError;
use crate::negotiate::precondition;
use crate::routes::Write;
use model::Command;
use service::Plan;
use std::future::ready;
use store::BoxFuture;

/// Deletes for good; a second time there is nothing to delete.
pub const WRITE: Write = Write::without_content(prepare);

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    let (key, precondition) = (call.key(), precondition(call.headers));
    let command = match call.event_set() {
        Some(events) => plan.delete_event(events, key.text(), precondition),
        None => plan.delete_user(key, precondition),
    };
    Box::pin(ready(command.map_err(|error| call.failure(error))))
}
