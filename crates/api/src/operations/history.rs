//! `riskyUsers/{id}/history`: what happened to a user's risk (graph.md, section 5.5).

use super::list::{begin_page, page_size, write_count};
use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::{HistoryRow, edm};
use odata::encode::{Row as _, write_integer, write_string};
use odata::path::{ContainedPart, Resource, encode_segment};
use odata::query::SystemOption;
use service::PageToken;
use store::BoxFuture;
use store::sql::Place;

/// Answers a page of items, the newest first unless the client orders them otherwise.
pub fn list(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = &edm::RISKY_USER_HISTORY;
        let (tokens, tenant) = (call.app.service.page_tokens(), call.caller.tenant);
        let scope = scope(&call);
        let token = match call.options.get(SystemOption::SkipToken) {
            None => None,
            Some(token) => Some(tokens.open(tenant, &scope, token).ok_or_else(|| {
                let message = "$skiptoken is not one that this service gave out for this history, $filter and \
                               $orderby; start again without it";
                ApiError::bad_request(call.area, message).with_target("$skiptoken")
            })?),
        };
        let now = token.as_ref().map_or_else(|| call.app.service.clock().now(), |token| token.now);
        let query = call.bind(set, now)?;
        let id = call.key().text();
        let found = call.app.service.history(call.caller, id, query.filter.as_ref(), &query.order_by).await;
        let items = found.map_err(|error| call.failure(error))?;
        let (limit, most) = page_size(&call, query.top);
        let begin = match &token {
            // Items are never taken away, so the one that the page before ended with is still there.
            Some(token) => {
                let last = u64::try_from(token.place.row_key).unwrap_or(0);
                items.iter().position(|item| item.version() == last).map_or(items.len(), |at| at + 1)
            }
            None => usize::try_from(query.skip).unwrap_or(usize::MAX).min(items.len()),
        };
        let end = begin.saturating_add(limit as usize).min(items.len());

        let key = encode_segment(&id.replace('\'', "''"));
        let fragment = format!("{}('{key}')/{}{}", call.set().name, set.name, query.projection());
        let mut body = begin_page(&call, &fragment, 560 * (end - begin));
        if query.count && token.is_none() {
            body.extend_from_slice(b"\"@odata.count\":");
            write_count(items.len() as u64, call.media.ieee754_compatible, &mut body);
            body.push(b',');
        }
        body.extend_from_slice(b"\"value\":[");
        let encoder = call.encoder(set, &query);
        for (at, item) in items[begin..end].iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            encoder.entity(item, None, &mut body).map_err(|error| ApiError::internal(&error))?;
        }
        body.push(b']');
        if let Some(last) = items[begin..end].last().filter(|_| end < items.len()) {
            let place = Place { values: Vec::new(), row_key: last.version() as i64 };
            let token = tokens.seal(tenant, &scope, &PageToken { now, place });
            let below = format!("('{key}')/{}", set.name);
            let link = call.link(&below, call.options.without_tokens(), SystemOption::SkipToken, &token);
            body.extend_from_slice(b",\"@odata.nextLink\":");
            write_string(&link, &mut body);
        }
        body.push(b'}');
        let mut reply = call.odata_reply(StatusCode::OK, body);
        if let Some(preferred) = call.preferences.max_page_size {
            reply.applied(&format!("odata.maxpagesize={}", preferred.min(most)));
        }
        Ok(reply)
    })
}

/// Answers the number of items, or of those that `$filter` keeps.
pub fn count(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let now = call.app.service.clock().now();
        let query = call.bind(&edm::RISKY_USER_HISTORY, now)?;
        let found = call.app.service.history(call.caller, call.key().text(), query.filter.as_ref(), &[]).await;
        let mut body = Vec::with_capacity(20);
        write_integer(found.map_err(|error| call.failure(error))?.len() as u64, &mut body);
        Ok(Reply::text("text/plain", body))
    })
}

/// Answers one item.
pub fn read(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = &edm::RISKY_USER_HISTORY;
        let now = call.app.service.clock().now();
        let query = call.bind(set, now)?;
        let Resource::Contained(_, key, _, ContainedPart::Entity(item)) = &call.resource else {
            unreachable!("the route table sends only items here")
        };
        let found = call.app.service.history(call.caller, key.text(), None, &[]).await;
        let items = found.map_err(|error| call.failure(error))?;
        let is_asked = |row: &&HistoryRow| row.id() == item;
        let row = items.iter().find(is_asked).ok_or_else(|| {
            let message = format!("the history has no item {}", odata::fault::excerpt(item));
            ApiError::new(StatusCode::NOT_FOUND, call.area.not_found(), message)
        })?;
        let user = encode_segment(&key.text().replace('\'', "''"));
        let fragment = format!("{}('{user}')/{}{}/$entity", call.set().name, set.name, query.projection());
        call.read_reply(row, &call.encoder(set, &query), &call.context(&fragment))
    })
}

/// What tells one list from another, so that a token goes on only with its own.
fn scope(call: &Call<'_>) -> String {
    let options =
        [SystemOption::Filter, SystemOption::OrderBy].map(|option| call.options.get(option).unwrap_or_default());
    ["history", call.key().text(), options[0], options[1]].join("\0")
}
