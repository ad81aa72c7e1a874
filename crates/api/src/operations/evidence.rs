//! `{events}/{id}/evidence`: what speaks for a risk, and where it was found.

use super::contained::Asked;
use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::Write;
use model::{Command, Evidence, edm};
use odata::prefer::Return;
use service::Plan;
use std::future::ready;
use store::{BoxFuture, Outcome};

/// Answers a page of items, in the order in which they came unless the client orders them otherwise.
pub fn list(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::EVIDENCE_SET)?;
        asked.page(&call, &items(&call, &asked).await?)
    })
}

/// Answers the number of items, or of those that `$filter` keeps.
pub fn count(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::EVIDENCE_SET)?;
        Ok(Asked::count(&items(&call, &asked).await?))
    })
}

/// Answers one item.
pub fn read(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::EVIDENCE_SET)?;
        asked.one(&call, &items(&call, &asked).await?)
    })
}

/// Adds an item, or adds to the one that tells of the same finding.
pub const ADD: Write = Write { prepare, render };

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    Box::pin(ready(add(call, plan)))
}

fn add(call: &Call<'_>, plan: &Plan<'_>) -> Result<Command, ApiError> {
    let (body, _) = call.entity_body(&edm::EVIDENCE_SET)?;
    plan.add_evidence(call.events(), call.key().text(), body).map_err(|error| call.failure(error))
}

fn render(call: &Call<'_>, outcome: Outcome) -> Result<Reply, ApiError> {
    let Outcome::Evidence(item) = outcome else { unreachable!("the command was one on evidence") };
    call.written(&edm::EVIDENCE_SET, &*item, item.id(), item.is_new(), Return::Representation)
}

async fn items(call: &Call<'_>, asked: &Asked) -> Result<Vec<Evidence>, ApiError> {
    let (filter, order_by) = (asked.query.filter.as_ref(), &asked.query.order_by);
    let found = call.app.service.evidence(call.caller, call.events(), call.key().text(), filter, order_by).await;
    found.map_err(|error| call.failure(error))
}
