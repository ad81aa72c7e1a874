//! Entities that are part of another, all of which are at hand: pages of them, and one of them.

use super::list::{begin_page, page_size, write_count};
use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::{Evidence, HistoryRow, Ticks};
use odata::edm::EntitySet;
use odata::encode::{Row, write_integer, write_string};
use odata::path::{ContainedPart, Resource};
use odata::query::{BoundQuery, SystemOption};
use service::PageToken;
use store::sql::Place;

/// An entity that is part of another.
pub trait Part: Row {
    /// Its id.
    fn id(&self) -> &str;

    /// A number that it keeps, and that none of the others has.
    fn number(&self) -> u64;
}

impl Part for HistoryRow {
    fn id(&self) -> &str {
        Self::id(self)
    }

    fn number(&self) -> u64 {
        self.version()
    }
}

impl Part for Evidence {
    fn id(&self) -> &str {
        Self::id(self)
    }

    fn number(&self) -> u64 {
        Self::id(self).parse().unwrap_or(0)
    }
}

/// What is asked of the entities that are part of one, as of a set.
pub struct Asked {
    set: &'static EntitySet,
    /// Where the page before ended.
    token: Option<PageToken>,
    now: Ticks,
    /// The query.
    pub query: BoundQuery,
}

impl Asked {
    /// Reads it.
    pub fn read(call: &mut Call<'_>, set: &'static EntitySet) -> Result<Self, ApiError> {
        let token = match call.options.get(SystemOption::SkipToken) {
            None => None,
            Some(token) => {
                let opened = call.app.service.page_tokens().open(call.caller.tenant, &scope(call, set), token);
                Some(opened.ok_or_else(|| {
                    let message = format!(
                        "$skiptoken is not one that this service gave out for this {}, $filter and $orderby; start \
                         again without it",
                        set.name
                    );
                    ApiError::bad_request(call.area, message).with_target("$skiptoken")
                })?)
            }
        };
        let now = token.as_ref().map_or_else(|| call.app.service.clock().now(), |token| token.now);
        Ok(Self { query: call.bind(set, now)?, set, token, now })
    }

    /// Answers a page of all that are asked for, in the order that is asked for.
    pub fn page<P: Part>(&self, call: &Call<'_>, parts: &[P]) -> Result<Reply, ApiError> {
        let Self { set, token, now, query } = self;
        let (limit, most) = page_size(call, query.top);
        let begin = match token {
            // None is ever taken away, so the one that the page before ended with is still there.
            Some(token) => {
                let last = u64::try_from(token.place.row_key).unwrap_or(0);
                parts.iter().position(|part| part.number() == last).map_or(parts.len(), |at| at + 1)
            }
            None => usize::try_from(query.skip).unwrap_or(usize::MAX).min(parts.len()),
        };
        let end = begin.saturating_add(limit as usize).min(parts.len());

        let fragment = format!("{}{}", call.part_fragment(set), query.projection());
        let mut body = begin_page(call, &fragment, 560 * (end - begin));
        if query.count && token.is_none() {
            body.extend_from_slice(b"\"@odata.count\":");
            write_count(parts.len() as u64, call.media.ieee754_compatible, &mut body);
            body.push(b',');
        }
        body.extend_from_slice(b"\"value\":[");
        let encoder = call.part_encoder(set, query);
        for (at, part) in parts[begin..end].iter().enumerate() {
            if at > 0 {
                body.push(b',');
            }
            encoder.entity(part, None, &mut body).map_err(|error| ApiError::internal(&error))?;
        }
        body.push(b']');
        if let Some(last) = parts[begin..end].last().filter(|_| end < parts.len()) {
            let place = Place { values: Vec::new(), row_key: last.number() as i64 };
            let token = PageToken { now: *now, place };
            let token = call.app.service.page_tokens().seal(call.caller.tenant, &scope(call, set), &token);
            let below = format!("('{}')/{}", call.quoted_key(), set.name);
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
    }

    /// Answers their number.
    pub fn count<P: Part>(parts: &[P]) -> Reply {
        let mut body = Vec::with_capacity(20);
        write_integer(parts.len() as u64, &mut body);
        Reply::text("text/plain", body)
    }

    /// Answers the one of all that the path names.
    pub fn one<P: Part>(&self, call: &Call<'_>, parts: &[P]) -> Result<Reply, ApiError> {
        let Resource::Contained(.., ContainedPart::Entity(id)) = &call.resource else {
            unreachable!("the route table sends only single ones here")
        };
        let part = parts.iter().find(|part| part.id() == id).ok_or_else(|| {
            let message = format!("the {} has no item {}", self.set.name, odata::fault::excerpt(id));
            ApiError::new(StatusCode::NOT_FOUND, call.area.not_found(), message)
        })?;
        let fragment = format!("{}{}/$entity", call.part_fragment(self.set), self.query.projection());
        call.read_reply(part, &call.part_encoder(self.set, &self.query), &call.context(&fragment))
    }
}

/// What tells one list from another, so that a token goes on only with its own.
fn scope(call: &Call<'_>, set: &EntitySet) -> String {
    let options =
        [SystemOption::Filter, SystemOption::OrderBy].map(|option| call.options.get(option).unwrap_or_default());
    [set.name, call.key().text(), options[0], options[1]].join("\0")
}
