//! `riskyUsers/{id}/history`: what happened to a user's risk (graph.md, section 5.5).

use super::contained::Asked;
use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use model::{HistoryRow, edm};
use store::BoxFuture;

/// Answers a page of items, the newest first unless the client orders them otherwise.
pub fn list(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::RISKY_USER_HISTORY)?;
        asked.page(&call, &items(&call, &asked).await?)
    })
}

/// Answers the number of items, or of those that `$filter` keeps.
pub fn count(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::RISKY_USER_HISTORY)?;
        Ok(Asked::count(&items(&call, &asked).await?))
    })
}

/// Answers one item.
pub fn read(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let asked = Asked::read(&mut call, &edm::RISKY_USER_HISTORY)?;
        asked.one(&call, &items(&call, &asked).await?)
    })
}

async fn items(call: &Call<'_>, asked: &Asked) -> Result<Vec<HistoryRow>, ApiError> {
    let (filter, order_by) = (asked.query.filter.as_ref(), &asked.query.order_by);
    let found = call.app.service.history(call.caller, call.key().text(), filter, order_by).await;
    found.map_err(|error| call.failure(error))
}
