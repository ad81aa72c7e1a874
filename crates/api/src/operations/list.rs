//! `GET` of a set, page by page.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use odata::encode::{Metadata, Row, write_string};
use odata::query::SystemOption;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use store::{BoxFuture, Projection};

/// Entities on a page unless the client asks otherwise, and at most (graph.md, sections 3.3 and 7).
const EVENTS: (u32, u32) = (20, 500);
const USERS: (u32, u32) = (100, 999);

/// What a query must not have as it is (RFC 3986, section 3.4), save the percent sign.
const NOT_IN_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Answers a page, newest first, with a link to the next one when more follow.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        let (usual, most) = if call.event_set().is_some() { EVENTS } else { USERS };
        let top = call.options.top().map_err(|error| ApiError::from_query(call.area, &error).with_target("$top"))?;
        let preferred = call.preferences.max_page_size;
        let limit = top.unwrap_or(usual.max(preferred.unwrap_or(0))).min(preferred.unwrap_or(u32::MAX)).min(most);
        let tokens = call.app.service.page_tokens();
        let after = match call.options.get(SystemOption::SkipToken) {
            None => None,
            Some(token) => Some(tokens.open(call.caller.tenant, set.name, token).ok_or_else(|| {
                let message = "$skiptoken is not one that this service gave out for this set; start again without it";
                ApiError::bad_request(call.area, message).with_target("$skiptoken")
            })?),
        };

        let mut body = Vec::with_capacity(1024 + 560 * limit as usize);
        body.push(b'{');
        if call.metadata == Metadata::Minimal {
            body.extend_from_slice(b"\"@odata.context\":");
            write_string(&call.context(set.name), &mut body);
            body.push(b',');
        }
        body.extend_from_slice(b"\"value\":[");
        let empty = body.len();
        let encoder = call.app.encoders.of(set, call.metadata);
        let projection = if encoder.takes_members() { Projection::Members } else { Projection::Properties };
        let mut sink = |row: &dyn Row| {
            encoder.entity(row, None, &mut body)?;
            body.push(b',');
            Ok(())
        };
        let page = match call.event_set() {
            Some(events) => call.app.service.events(call.caller, events, after, limit, projection, &mut sink).await,
            None => call.app.service.users(call.caller, after, limit, &mut sink).await,
        };
        let next = page.map_err(|error| call.failure(error))?;
        if body.len() > empty {
            body.pop(); // the comma after the last entity
        }
        body.push(b']');
        if let Some(cursor) = next {
            let token = tokens.seal(call.caller.tenant, set.name, cursor);
            // As it was sent, save what a URL cannot have: the URLs of a batch are any text.
            let kept = utf8_percent_encode(call.options.without_skip_token(), NOT_IN_A_QUERY).to_string();
            let between = if kept.is_empty() { "" } else { "&" };
            let link = format!("{}/{}?{kept}{between}$skiptoken={token}", call.root(), set.name);
            body.extend_from_slice(b",\"@odata.nextLink\":");
            write_string(&link, &mut body);
        }
        body.push(b'}');
        let mut reply = call.odata_reply(StatusCode::OK, body);
        if let Some(preferred) = preferred {
            reply.set("preference-applied", format!("odata.maxpagesize={}", preferred.min(most)));
        }
        Ok(reply)
    })
}
