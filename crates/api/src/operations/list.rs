//! `GET` of a set, page by page: its entities, or references to them.

use crate::call::Call;
use crate::entity::id_of;
use crate::error::ApiError;
use crate::projection::carried_for;
use crate::reply::Reply;
use axum::http::StatusCode;
use odata::encode::{Metadata, Row, write_integer, write_string};
use odata::path::Resource;
use odata::query::SystemOption;
use service::{Listed, Page, PageToken};
use store::{BoxFuture, Carried};

/// Entities on a page unless the client asks otherwise, and at most (graph.md, sections 3.3 and 7).
const EVENTS: (u32, u32) = (20, 500);
const USERS: (u32, u32) = (100, 999);

/// Answers a page with a link to the next one when more follow.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        let (tokens, tenant) = (call.app.service.page_tokens(), call.caller.tenant);
        let scope = scope(&call);
        let token = match call.options.get(SystemOption::SkipToken) {
            None => None,
            Some(token) => Some(tokens.open(tenant, &scope, token).ok_or_else(|| {
                let message = "$skiptoken is not one that this service gave out for this set, $filter, $orderby and \
                               $search; start again without it";
                ApiError::bad_request(call.area, message).with_target("$skiptoken")
            })?),
        };
        let now = token.as_ref().map_or_else(|| call.app.service.clock().now(), |token| token.now);
        let query = call.bind(set, now)?;
        let (limit, most) = page_size(&call, query.top);
        let encoder = call.encoder(set, &query);
        let is_first = token.is_none();
        let references = matches!(call.resource, Resource::References(_));

        let fragment = if references {
            "Collection($ref)".to_owned() // OData protocol 4.01, section 10.11
        } else {
            format!("{}{}", call.set_fragment(), query.projection())
        };
        let mut body = begin_page(&call, &fragment, encoder.usual_length() * limit as usize);
        if query.count && is_first {
            let count = call.app.service.count(call.caller, call.listed(), query.filter.clone()).await;
            let count = count.map_err(|error| call.failure(error))?;
            body.extend_from_slice(b"\"@odata.count\":");
            write_count(count, call.media.ieee754_compatible, &mut body);
            body.push(b',');
        }
        body.extend_from_slice(b"\"value\":[");
        let empty = body.len();
        let page = Page {
            filter: query.filter,
            order_by: query.order_by,
            skip: if is_first { query.skip } else { 0 },
            after: token.map(|token| token.place),
            limit,
            carried: if references { Carried::PROPERTIES } else { carried_for(&encoder) },
        };
        let mut sink = |row: &dyn Row| {
            if references {
                body.extend_from_slice(b"{\"@odata.id\":");
                write_string(&call.entity_url(set, id_of(row)?), &mut body);
                body.push(b'}');
            } else {
                encoder.entity(row, None, &mut body)?;
            }
            body.push(b',');
            Ok(())
        };
        let next = call.app.service.list(call.caller, call.listed(), page, &mut sink).await;
        let next = next.map_err(|error| call.failure(error))?;
        if body.len() > empty {
            body.pop(); // the comma after the last entity
        }
        body.push(b']');
        if let Some(place) = next {
            let token = tokens.seal(tenant, &scope, &PageToken { now, place });
            let below = if references { "/$ref" } else { "" };
            let link = call.link(below, call.options.without_tokens(), SystemOption::SkipToken, &token);
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

/// How many entities a page holds at most, and the most that a page ever holds.
pub(super) fn page_size(call: &Call<'_>, top: Option<u32>) -> (u32, u32) {
    let (usual, most) = if call.listed() == Listed::Users { USERS } else { EVENTS };
    let preferred = call.preferences.max_page_size;
    (top.unwrap_or(usual.max(preferred.unwrap_or(0))).min(preferred.unwrap_or(u32::MAX)).min(most), most)
}

/// Begins the body of a page: what it holds, as its context says, and room for so many bytes of entities.
pub(super) fn begin_page(call: &Call<'_>, fragment: &str, room: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024 + room);
    body.push(b'{');
    if call.media.metadata != Metadata::None {
        body.extend_from_slice(b"\"@odata.context\":");
        write_string(&call.context(fragment), &mut body);
        body.push(b',');
    }
    body
}

/// What tells one list from another, so that a token goes on only with its own: what decides which
/// rows there are and in which order.
fn scope(call: &Call<'_>) -> String {
    let mut scope = call.set_fragment();
    for option in [SystemOption::Filter, SystemOption::OrderBy, SystemOption::Search] {
        scope.push('\0');
        scope.push_str(call.options.get(option).unwrap_or_default());
    }
    for (name, value) in call.options.aliases() {
        scope.extend(["\0", name, "=", value]);
    }
    scope
}

/// Writes a count, which is an `Edm.Int64`: a string where the client's numbers are doubles (OData
/// JSON 4.01, section 3.2).
pub(super) fn write_count(count: u64, as_text: bool, out: &mut Vec<u8>) {
    let quote: &[u8] = if as_text { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    write_integer(count, out);
    out.extend_from_slice(quote);
}
