//! Lists of users (RFC 7644, section 3.4.2). Names and keys are looked up; any other filter is asked of one user after
//! another, and no more of them are in memory than a page and what is answered.

use super::body::Wiped;
use super::error::{ScimError, ScimType};
use super::filter::Filter;
use super::path::Path;
use super::projection::Projection;
use super::user::{Facts, resource};
use super::{Call, SOURCE_OF_NAMES};
use model::{Account, EntityId, edm};
use odata::encode::Row;
use odata::expression::bound::{Expression, Node, OrderKey, PropertyPath, ValueType};
use serde_json::{Value, json};
use service::{Known, Listed, Page};
use std::collections::HashMap;
use store::Carried;

/// The most resources in one answer.
pub const MOST: u64 = 200;
/// Users that are read at once.
const PAGE: u32 = 500;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Query {
    filter: Option<Filter>,
    /// From 1 on.
    start: u64,
    count: u64,
    order: Vec<OrderKey>,
    /// What is shown.
    pub projection: Projection,
}

impl Query {
    /// Reads it from a URL. Parameters that SCIM does not know are passed over.
    pub fn from_url(query: &str) -> Result<Self, ScimError> {
        let mut given = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            given.entry(name.to_ascii_lowercase()).or_insert(value.into_owned());
        }
        let text = |name: &str| given.get(name).map(String::as_str);
        let number = |name: &str| match text(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| no_number(name)),
        };
        let projection = Projection::read(text("attributes"), text("excludedattributes"));
        let order = order(text("sortby"), text("sortorder"))?;
        Self::of(text("filter"), (number("startindex")?, number("count")?), order, projection)
    }

    /// Reads it from the body of a search (RFC 7644, section 3.4.3).
    pub fn from_body(mut body: Wiped) -> Result<Self, ScimError> {
        let names = |value: Option<Value>| match value {
            Some(Value::Array(names)) => Some(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
            Some(Value::String(names)) => Some(names),
            _ => None,
        };
        let number = |name: &'static str, value: Option<Value>| match value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| no_number(name)),
        };
        let (attributes, excluded) = (names(body.take("attributes")), names(body.take("excludedAttributes")));
        let (filter, by) = (body.take_text("filter")?, body.take_text("sortBy")?);
        let direction = body.take_text("sortOrder")?;
        let start = number("startIndex", body.take("startIndex"))?;
        let count = number("count", body.take("count"))?;
        let projection = Projection::read(attributes.as_deref(), excluded.as_deref());
        Self::of(filter.as_deref(), (start, count), order(by.as_deref(), direction.as_deref())?, projection)
    }

    fn of(
        filter: Option<&str>,
        (start, count): (Option<i64>, Option<i64>),
        order: Vec<OrderKey>,
        projection: Projection,
    ) -> Result<Self, ScimError> {
        let filter = filter.filter(|text| !text.trim().is_empty()).map(Filter::parse).transpose();
        let filter = filter.map_err(|error| ScimError::of(ScimType::InvalidFilter, format!("filter: {error}")))?;
        // Less than 1 counts as 1, and less than 0 as 0 (RFC 7644, section 3.4.2.4).
        let start = u64::try_from(start.unwrap_or(1)).unwrap_or(1).max(1);
        let count = count.map_or(MOST / 2, |count| u64::try_from(count).unwrap_or(0)).min(MOST);
        Ok(Self { filter, start, count, order, projection })
    }
}

fn no_number(name: &str) -> ScimError {
    ScimError::of(ScimType::InvalidValue, format!("{name} is no number"))
}

/// By what is sorted: attributes that the store has.
fn order(by: Option<&str>, direction: Option<&str>) -> Result<Vec<OrderKey>, ScimError> {
    use edm::user as at;
    let Some(by) = by.filter(|by| !by.is_empty()) else { return Ok(Vec::new()) };
    let unknown = || ScimError::of(ScimType::InvalidPath, "sortBy: nothing that can be sorted by has this name");
    let path = Path::resolve(by).ok_or_else(unknown)?;
    let position = match (path.is_extension, path.attribute.name, path.part.map(|part| part.name)) {
        (false, "id", None) => at::ID,
        (false, "userName", None) => at::USER_PRINCIPAL_NAME,
        (false, "displayName", None) => at::DISPLAY_NAME,
        (false, "active", None) => at::ACCOUNT_ENABLED,
        (false, "name", Some("givenName")) => at::GIVEN_NAME,
        (false, "name", Some("familyName")) => at::SURNAME,
        (false, "emails", None | Some("value")) => at::MAIL,
        (false, "meta", Some("created")) => at::CREATED_DATE_TIME,
        (true, "department", None) => at::DEPARTMENT,
        _ => return Err(unknown()),
    };
    let ty = match position {
        at::ACCOUNT_ENABLED => ValueType::Boolean,
        at::CREATED_DATE_TIME => ValueType::DateTimeOffset,
        _ => ValueType::Text,
    };
    let property = edm::USER.all_properties()[position];
    let node = Node::Property(PropertyPath { navigation: Vec::new(), position, property });
    let descending = direction.is_some_and(|direction| direction.eq_ignore_ascii_case("descending"));
    Ok(vec![OrderKey { expression: Expression { node, ty }, descending }])
}

/// Answers a list.
pub async fn list(call: &Call<'_>, query: Query) -> Result<Value, ScimError> {
    let (total, found) = match &query.filter {
        None => everybody(call, &query).await?,
        Some(filter) => match look_up(call, filter).await? {
            Some(known) => one(call, &query, filter, known).await?,
            None => look_through(call, &query, filter).await?,
        },
    };
    let shown: Vec<Value> = found.into_iter().map(|resource| query.projection.of(resource)).collect();
    Ok(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "itemsPerPage": shown.len(),
        "startIndex": query.start,
        "Resources": shown,
    }))
}

/// A page of all users.
async fn everybody(call: &Call<'_>, query: &Query) -> Result<(u64, Vec<Value>), ScimError> {
    let total = call.app.service.count(call.caller, Listed::Users, None).await?;
    if query.count == 0 {
        return Ok((total, Vec::new()));
    }
    let page = Page {
        filter: None,
        order_by: query.order.clone(),
        after: None,
        skip: query.start - 1,
        limit: query.count as u32,
        carried: Carried::PROPERTIES,
    };
    let (rows, _) = read(call, page).await?;
    let accounts = accounts_of(call, &rows).await?;
    let mut found = Vec::with_capacity(rows.len());
    for facts in &rows {
        found.push(complete(call, query, facts, accounts.get(&facts.id)).await?);
    }
    Ok((total, found))
}

/// The user whom a filter can mean at most, where it demands a name or a key. The outer `None` says that it does not.
async fn look_up(call: &Call<'_>, filter: &Filter) -> Result<Option<Option<Known>>, ScimError> {
    let (service, source) = (&call.app.service, &*call.app.scim.source);
    if let Some(id) = filter.demanded("id") {
        let Ok(id) = id.parse::<EntityId>() else { return Ok(Some(None)) };
        return Ok(Some(service.known(call.caller, source, &id).await?));
    }
    if let Some(key) = filter.demanded("externalId") {
        return Ok(Some(service.known_by_key(call.caller, source, key).await?));
    }
    match filter.demanded("userName") {
        Some(name) => Ok(Some(call.named(name).await?)),
        None => Ok(None),
    }
}

async fn one(
    call: &Call<'_>,
    query: &Query,
    filter: &Filter,
    known: Option<Known>,
) -> Result<(u64, Vec<Value>), ScimError> {
    let Some(known) = known else { return Ok((0, Vec::new())) };
    let shown = call.shown(&known).await?;
    if !filter.matches(&shown) {
        return Ok((0, Vec::new()));
    }
    let is_in = query.start == 1 && query.count > 0;
    Ok((1, if is_in { vec![shown] } else { Vec::new() }))
}

/// Asks the filter of everybody.
async fn look_through(call: &Call<'_>, query: &Query, filter: &Filter) -> Result<(u64, Vec<Value>), ScimError> {
    let of_account = |path: &Path| SOURCE_OF_NAMES.iter().any(|name| path.is(name)) || path.is("meta");
    let needs_account = filter.asks_for(&of_account);
    let needs_time = filter.asks_for(&|path| path.is("meta"));
    let (mut total, mut found, mut after) = (0, Vec::new(), None);
    loop {
        let order_by = query.order.clone();
        let page = Page { filter: None, order_by, after, skip: 0, limit: PAGE, carried: Carried::PROPERTIES };
        let (rows, next) = read(call, page).await?;
        let mut accounts = if needs_account { accounts_of(call, &rows).await? } else { HashMap::new() };
        let mut meant: Vec<&Facts> = Vec::new();
        for facts in &rows {
            let account = accounts.get(&facts.id);
            let modified = if needs_time { call.modified(facts, account).await? } else { None };
            if filter.matches(&resource(facts, account, modified, &call.root)) {
                total += 1;
                if total >= query.start && (found.len() + meant.len()) < query.count as usize {
                    meant.push(facts);
                }
            }
        }
        if !needs_account && !meant.is_empty() {
            accounts = accounts_of(call, &rows).await?;
        }
        for facts in meant {
            found.push(complete(call, query, facts, accounts.get(&facts.id)).await?);
        }
        after = next;
        if after.is_none() {
            return Ok((total, found));
        }
    }
}

async fn read(call: &Call<'_>, page: Page) -> Result<(Vec<Facts>, Option<store::sql::Place>), ScimError> {
    let mut rows = Vec::with_capacity(page.limit as usize);
    let mut sink = |row: &dyn Row| {
        rows.push(Facts::of(row)?);
        Ok(())
    };
    let next = call.app.service.list(call.caller, Listed::Users, page, &mut sink).await?;
    Ok((rows, next))
}

async fn accounts_of(call: &Call<'_>, rows: &[Facts]) -> Result<HashMap<EntityId, Account>, ScimError> {
    let ids: Vec<EntityId> = rows.iter().map(|facts| facts.id.clone()).collect();
    Ok(call.app.service.accounts_in(call.caller, &call.app.scim.source, &ids).await?)
}

async fn complete(
    call: &Call<'_>,
    query: &Query,
    facts: &Facts,
    account: Option<&Account>,
) -> Result<Value, ScimError> {
    let modified = if query.projection.shows("meta") { call.modified(facts, account).await? } else { None };
    Ok(resource(facts, account, modified, &call.root))
}
