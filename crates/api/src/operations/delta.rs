//! `GET` of a set's changes, round by round (graph.md, sections 3.8 and 8.9).

use super::list::{begin_page, page_size};
use crate::call::Call;
use crate::error::ApiError;
use crate::projection::carried_for;
use crate::reply::Reply;
use axum::http::{HeaderValue, StatusCode, header};
use odata::encode::{CellError, Encoder, write_string};
use odata::prefer::Return;
use odata::query::{BoundQuery, QueryOptions, SystemOption};
use service::{Change, DeltaError, DeltaToken, NoDeltaToken, Progress, Removal, Watch};
use std::collections::HashMap;
use store::BoxFuture;

/// The longest query that goes into a token: enough for 50 ids of the longest kind.
const LONGEST_QUERY: usize = 16 << 10;

/// Answers a page of changes, with a link to the next page or else to the next round.
pub fn run(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let start = Start::of(&call)?;
        if let Some(frozen) = freeze(&call, &start)? {
            call.options = frozen;
        }
        let now = start.token().map_or_else(|| call.app.service.clock().now(), |token| token.now);
        let query = call.bind(call.set(), now)?;
        if query.filter.as_ref().is_some_and(store::plan::uses_navigation) {
            let message = "a delta's $filter cannot look behind a relation: a change there is no change of this entity";
            return Err(ApiError::bad_request(call.area, message).with_target("$filter"));
        }
        let mut items = Items::new(&call, &query);
        let progress = match start {
            Start::From(token) => tell(&call, token, &mut items).await?,
            Start::Anew { latest } => {
                let begun = call.app.service.begin_delta(call.caller, call.options.without_tokens(), now, latest).await;
                let token = begun.map_err(|error| call.failure(error))?;
                if latest { Progress { token, is_end: true } } else { tell(&call, token, &mut items).await? }
            }
        };
        Ok(answer(&call, items, &progress))
    })
}

/// Collects the items of the page that a token leads to.
async fn tell(call: &Call<'_>, token: DeltaToken, items: &mut Items<'_>) -> Result<Progress, ApiError> {
    let select = &items.query.select;
    let watch = Watch {
        filter: items.query.filter.clone(),
        selected: select.is_explicit().then(|| select.positions().iter().fold(0, |all, at| all | 1 << at)),
        limit: page_size(call, None).0,
        carried: carried_for(&items.encoder),
    };
    let query = token.query.clone();
    let mut sink = |change: Change<'_>| items.add(&change);
    let told = call.app.service.delta(call.caller, call.listed(), &watch, token, &mut sink).await;
    told.map_err(|error| match error {
        DeltaError::Failed(error) => call.failure(error),
        DeltaError::Expired | DeltaError::Lost => begin_anew(call, &query, &error.to_string()),
    })
}

/// The items of a page, written one by one.
struct Items<'c> {
    call: &'c Call<'c>,
    query: &'c BoundQuery,
    encoder: Encoder,
    /// Encoders for nothing but some changed properties, by which these are.
    narrow: HashMap<u64, Encoder>,
    removed: Vec<u8>,
    entities: Vec<u8>,
}

impl<'c> Items<'c> {
    fn new(call: &'c Call<'c>, query: &'c BoundQuery) -> Self {
        let encoder = call.delta_encoder(call.set(), query, None);
        Self { call, query, encoder, narrow: HashMap::new(), removed: Vec::new(), entities: Vec::new() }
    }

    fn add(&mut self, change: &Change<'_>) -> Result<(), CellError> {
        match *change {
            Change::Removed { id, why } => {
                self.removed.extend_from_slice(b"{\"id\":");
                write_string(id, &mut self.removed);
                self.removed.extend_from_slice(match why {
                    Removal::Deleted => b",\"@removed\":{\"reason\":\"deleted\"}},",
                    Removal::Changed => b",\"@removed\":{\"reason\":\"changed\"}},",
                });
            }
            Change::Entity { row, changed, .. } => {
                let encoder = match changed.filter(|_| is_minimal(self.call)) {
                    None => &self.encoder,
                    Some(changed) => {
                        let narrow = || self.call.delta_encoder(self.call.set(), self.query, Some(changed));
                        self.narrow.entry(changed).or_insert_with(narrow)
                    }
                };
                encoder.entity(row, None, &mut self.entities)?;
                self.entities.push(b',');
            }
        }
        Ok(())
    }
}

/// Whether items need no more than what has changed (graph.md, section 8.7).
fn is_minimal(call: &Call<'_>) -> bool {
    call.preferences.returns == Some(Return::Minimal)
}

fn answer(call: &Call<'_>, items: Items<'_>, progress: &Progress) -> Reply {
    let fragment = format!("{}{}", call.set_fragment(), items.query.projection());
    let mut body = begin_page(call, &fragment, items.removed.len() + items.entities.len());
    body.extend_from_slice(b"\"value\":[");
    // What is gone comes first, so that a name is free before somebody else has it.
    for some in [items.removed, items.entities] {
        body.extend_from_slice(&some);
    }
    if body.last() == Some(&b',') {
        body.pop();
    }
    let token = call.app.service.page_tokens().seal_delta(call.caller.tenant, call.listed(), &progress.token);
    let option = if progress.is_end {
        body.extend_from_slice(b"],\"@odata.deltaLink\":");
        SystemOption::DeltaToken
    } else {
        body.extend_from_slice(b"],\"@odata.nextLink\":");
        SystemOption::SkipToken
    };
    write_string(&call.link("/delta", "", option, &token), &mut body);
    body.push(b'}');
    let mut reply = call.odata_reply(StatusCode::OK, body);
    if let Some(preferred) = call.preferences.max_page_size {
        reply.applied(&format!("odata.maxpagesize={}", preferred.min(page_size(call, None).1)));
    }
    if is_minimal(call) {
        reply.applied("return=minimal");
    }
    reply
}

/// Where a request begins.
enum Start {
    /// A first round, or none and only what comes.
    Anew { latest: bool },
    /// Where an earlier answer ended.
    From(DeltaToken),
}

impl Start {
    fn of(call: &Call<'_>) -> Result<Self, ApiError> {
        let (option, text) =
            match (call.options.get(SystemOption::SkipToken), call.options.get(SystemOption::DeltaToken)) {
                (Some(_), Some(_)) => {
                    return Err(ApiError::bad_request(call.area, "$skiptoken and $deltatoken exclude each other"));
                }
                (Some(text), None) => (SystemOption::SkipToken, text),
                // An empty one begins anew, as in the `Location` of a 410.
                (None, None | Some("")) => return Ok(Self::Anew { latest: false }),
                (None, Some(text)) if text.eq_ignore_ascii_case("latest") => return Ok(Self::Anew { latest: true }),
                (None, Some(text)) => (SystemOption::DeltaToken, text),
            };
        match call.app.service.page_tokens().open_delta(call.caller.tenant, call.listed(), text) {
            Ok(token) => Ok(Self::From(token)),
            Err(NoDeltaToken::Foreign) => {
                Err(begin_anew(call, "", "the token is not one of this tenant and set, or of an older version"))
            }
            Err(NoDeltaToken::Damaged) => {
                let message = format!(
                    "{} is not one that this service gave out for a delta; take the whole link, or begin anew without it",
                    option.name()
                );
                Err(ApiError::bad_request(call.area, message).with_target(option.name()))
            }
        }
    }

    fn token(&self) -> Option<&DeltaToken> {
        match self {
            Self::From(token) => Some(token),
            Self::Anew { .. } => None,
        }
    }
}

/// The options that a token holds. What stands beside it must be the same: one token, one question.
fn freeze(call: &Call<'_>, start: &Start) -> Result<Option<QueryOptions>, ApiError> {
    let Some(token) = start.token() else {
        let length = call.options.without_tokens().len();
        if length > LONGEST_QUERY {
            let message = format!("the query has {length} bytes; a delta keeps at most {LONGEST_QUERY} in its links");
            return Err(ApiError::bad_request(call.area, message));
        }
        return Ok(None);
    };
    let frozen = QueryOptions::parse(&token.query).map_err(|error| ApiError::from_query(call.area, &error))?;
    let another = |name: &str| {
        let message = format!("{name} is not the one that the token was made with; leave it out, or begin anew");
        Err(ApiError::bad_request(call.area, message).with_target(name))
    };
    for (option, value) in call.options.given() {
        let is_token = matches!(option, SystemOption::SkipToken | SystemOption::DeltaToken);
        if !is_token && frozen.get(option) != Some(value) {
            return another(option.name());
        }
    }
    for alias in call.options.aliases() {
        if !frozen.aliases().contains(alias) {
            return another(&format!("@{}", odata::fault::excerpt(&alias.0)));
        }
    }
    Ok(Some(frozen))
}

/// The reader must begin anew, and is told where.
fn begin_anew(call: &Call<'_>, query: &str, why: &str) -> ApiError {
    let message = format!("{why}; read the set anew from the address in Location");
    let error = ApiError::new(StatusCode::GONE, "SyncStateNotFound", message);
    match HeaderValue::try_from(call.link("/delta", query, SystemOption::DeltaToken, "")) {
        Ok(location) => error.with_header(header::LOCATION, location),
        Err(_) => error,
    }
}
