//! SCIM 2.0 (RFC 7643, RFC 7644): users that Okta, Entra, Keycloak and others provision.
//!
//! The routes lie below `/scim/v2`, beside the versions of the API, and are no OData. A request goes through the same
//! checks in the same order: declared size, token, throttle, route, permission, body. What describes the service is
//! public, as `$metadata` is: it holds nothing of a tenant, and says how to authenticate (RFC 7644, section 4).
//!
//! What a user is stands in one table, `schema`; the directory is told of one as an import tells it
//! ([`service::Service::provision`]).

mod body;
mod bulk;
mod error;
mod filter;
mod list;
mod patch;
mod path;
mod projection;
mod schema;
mod user;
mod write;

pub use filter::{DEEPEST, Filter, LONGEST};

use crate::app::App;
use crate::body::{Source, check_declared_size, read};
use crate::context::RequestIds;
use crate::dispatch::authenticate;
use crate::error::{ApiError, Area};
use crate::negotiate::precondition;
use crate::reply::Reply;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};
use body::{Draft, Wiped};
use error::{ScimError, answer as reply};
use list::Query;
use model::{Account, Caller, Permission, Ticks};
use odata::encode::etag;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use service::{Known, Provisioner, Provisioning};
use user::Facts;
use write::{Change, nobody, user_id};

/// Where the routes begin.
pub const ROOT: &str = "/scim/v2";
/// What every request needs.
pub const PERMISSION: Permission = Permission::SpillwatchScimReadWriteAll;
/// Paths that demand no token, below the root: they describe the service.
pub const PUBLIC: [&str; 5] =
    ["/ServiceProviderConfig", "/Schemas", "/Schemas/{id}", "/ResourceTypes", "/ResourceTypes/{name}"];
/// Attributes that the account in our own source tells of.
const SOURCE_OF_NAMES: [&str; 5] = ["userName", "externalId", "emails", "roles", "displayName"];

/// How users are provisioned.
pub struct Scim {
    /// The directory that clients provision, as the operator calls it.
    pub source: Box<str>,
    /// What completes a userName without a domain.
    pub domain: Option<Box<str>>,
    pub(crate) provisioner: Provisioner,
}

impl Default for Scim {
    fn default() -> Self {
        Self { source: "scim".into(), domain: None, provisioner: Provisioner::default() }
    }
}

/// The part of a path below the root; `None` beside it.
pub fn below(path: &str) -> Option<&str> {
    let (head, rest) = path.split_at_checked(ROOT.len())?;
    (head.eq_ignore_ascii_case(ROOT) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// A request of a caller who may make it.
struct Call<'c> {
    app: &'c App,
    caller: &'c Caller,
    ids: &'c RequestIds,
    /// The root as the client sees it.
    root: String,
}

/// What a path leads to.
enum Route<'p> {
    Users,
    User(&'p str),
    Search,
    Bulk,
}

/// Answers a request below the root.
pub async fn answer(app: &App, ids: &RequestIds, parts: request::Parts, content: Body, path: &str) -> Reply {
    match run(app, ids, parts, content, path).await {
        Ok(reply) => reply,
        Err(error) => error.into_reply(ids),
    }
}

/// An error of the layers around, as SCIM writes it.
pub fn refused(error: ApiError, ids: &RequestIds) -> Reply {
    ScimError::from(error).into_reply(ids)
}

async fn run(
    app: &App,
    ids: &RequestIds,
    parts: request::Parts,
    content: Body,
    path: &str,
) -> Result<Reply, ScimError> {
    let origin = app.origins.of(&parts)?;
    check_declared_size(&parts.headers, app.limits.batch)?;
    let root = format!("{origin}{ROOT}");
    if let Some(outcome) = describe(app, &parts, &root, path) {
        return outcome;
    }
    let caller = authenticate(app, &origin, &parts.headers).await?;
    if let Some(throttle) = &app.throttle {
        throttle.admit(&caller, app.service.clock().now()).map_err(ApiError::too_many_requests)?;
    }
    let route =
        route(path).ok_or_else(|| ScimError::not_found("there is nothing here; users are at /scim/v2/Users"))?;
    let allowed = match route {
        Route::Users => "GET, POST",
        Route::User(_) => "GET, PUT, PATCH, DELETE",
        Route::Search | Route::Bulk => "POST",
    };
    let method = &parts.method;
    if !allowed.split(", ").any(|allowed| method.as_str() == allowed) {
        return Err(not_allowed(method, allowed));
    }
    if !caller.permissions.allows(PERMISSION) {
        return Err(ApiError::forbidden(Area::Directory, PERMISSION).into());
    }
    let call = Call { app, caller: &caller, ids, root };
    // What is asked for is understood before anything is read or written.
    let query = Query::from_url(parts.uri.query().unwrap_or_default())?;
    let conditions = precondition(&parts.headers);
    match (route, method) {
        (Route::Users, &Method::GET) => Ok(reply(StatusCode::OK, &list::list(&call, query).await?)),
        (Route::Users, _) => {
            let body = body_of(&call, &parts.headers, content, app.limits.body).await?;
            Ok(write::create(&call, body).await?.into_reply(&query.projection))
        }
        (Route::User(id), &Method::GET) => get(&call, &decoded(id), &conditions, &query).await,
        (Route::User(id), &Method::DELETE) => {
            Ok(write::delete(&call, &decoded(id), &conditions).await?.into_reply(&query.projection))
        }
        (Route::User(id), method) => {
            let body = body_of(&call, &parts.headers, content, app.limits.body).await?;
            let change = if *method == Method::PUT { Change::Replace(Draft::read(body)?) } else { Change::Patch(body) };
            let saved = write::change(&call, &decoded(id), &conditions, change).await?;
            Ok(saved.into_reply(&query.projection))
        }
        (Route::Search, _) => {
            let body = body_of(&call, &parts.headers, content, app.limits.body).await?;
            Ok(reply(StatusCode::OK, &list::list(&call, Query::from_body(body)?).await?))
        }
        (Route::Bulk, _) => {
            let body = body_of(&call, &parts.headers, content, app.limits.batch).await?;
            Ok(reply(StatusCode::OK, &bulk::bulk(&call, body).await?))
        }
    }
}

fn route(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let is = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
    match path.split_once('/') {
        None if is(path, "Users") => Some(Route::Users),
        None if is(path, "Bulk") => Some(Route::Bulk),
        None if is(path, ".search") => Some(Route::Search),
        Some((users, search)) if is(users, "Users") && is(search, ".search") => Some(Route::Search),
        Some((users, id)) if is(users, "Users") && !id.is_empty() && !id.contains('/') => Some(Route::User(id)),
        _ => None,
    }
}

/// An id of a path without what encodes it.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn not_allowed(method: &Method, allowed: &'static str) -> ScimError {
    let what = format!("{method} is not allowed here; allowed are {allowed}");
    ScimError::new(StatusCode::METHOD_NOT_ALLOWED, what).with_header(header::ALLOW, HeaderValue::from_static(allowed))
}

/// Answers what describes the service; `None` for all other paths.
fn describe(app: &App, parts: &request::Parts, root: &str, path: &str) -> Option<Result<Reply, ScimError>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let (kind, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
    let all: Vec<Value> = match (kind.to_ascii_lowercase().as_str(), id) {
        ("serviceproviderconfig", None) => vec![schema::service_provider(root, app.limits.batch)],
        ("schemas", _) => schema::schemas(root).into(),
        ("resourcetypes", _) => schema::resource_types(root).into(),
        _ => return None,
    };
    if parts.method != Method::GET {
        return Some(Err(not_allowed(&parts.method, "GET")));
    }
    // Whoever filters them would take what is left out for what is not there (RFC 7644, section 4).
    if parts.uri.query().is_some_and(|query| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "filter"))
    {
        return Some(Err(ScimError::new(StatusCode::FORBIDDEN, "what describes the service cannot be filtered")));
    }
    let body = match id {
        Some(id) => {
            let id = decoded(id);
            let is_meant = |one: &Value| one["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(&id));
            match all.into_iter().find(is_meant) {
                Some(one) => one,
                None => return Some(Err(ScimError::not_found("nothing here has this name"))),
            }
        }
        None if kind.eq_ignore_ascii_case("ServiceProviderConfig") => all.into_iter().next().unwrap_or_default(),
        None => json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": all.len(),
            "itemsPerPage": all.len(),
            "startIndex": 1,
            "Resources": all,
        }),
    };
    Some(Ok(reply(StatusCode::OK, &body)))
}

/// Reads a JSON object.
async fn body_of(call: &Call<'_>, headers: &HeaderMap, content: Body, most: usize) -> Result<Wiped, ScimError> {
    check_declared_size(headers, most)?;
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !["application/scim+json", "application/json"].iter().any(|known| media.eq_ignore_ascii_case(known)) {
        let what = "Content-Type is another one, or missing; send application/scim+json";
        return Err(ScimError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let bytes = read(Source::Connection(content), headers, most, &call.app.limits, Area::Directory).await?;
    Wiped::read(bytes)
}

async fn get(call: &Call<'_>, id: &str, conditions: &model::Precondition, query: &Query) -> Result<Reply, ScimError> {
    let id = user_id(id)?;
    let known = call.app.service.known(call.caller, &call.app.scim.source, &id).await?.ok_or_else(nobody)?;
    let version = known.version();
    let if_match = model::Precondition { if_none_match: None, ..conditions.clone() };
    if !if_match.admits(version) {
        return Err(ScimError::moved());
    }
    let mut answer = if conditions.is_known(version) {
        Reply::new(StatusCode::NOT_MODIFIED)
    } else {
        reply(StatusCode::OK, &query.projection.of(call.shown(&known).await?))
    };
    answer.set(header::ETAG, etag(version));
    answer.set(header::LOCATION, user::location(&call.root, &id));
    Ok(answer)
}

impl Call<'_> {
    fn how(&self) -> Provisioning<'_> {
        let Scim { source, domain, provisioner } = &self.app.scim;
        Provisioning { provisioner, vault: self.app.vault.as_ref(), source, domain: domain.as_deref() }
    }

    /// The user with a userName.
    async fn named(&self, name: &str) -> Result<Option<Known>, ScimError> {
        let (service, Scim { source, domain, .. }) = (&self.app.service, &self.app.scim);
        let name = match domain {
            _ if name.is_empty() => return Ok(None),
            _ if name.contains('@') => name.to_owned(),
            Some(domain) => format!("{name}@{domain}"),
            None => return Ok(service.known_by_alias(self.caller, source, name).await?),
        };
        Ok(service.known_by_name(self.caller, source, &name).await?)
    }

    /// When a user was changed last.
    async fn modified(&self, facts: &Facts, account: Option<&Account>) -> Result<Option<Ticks>, ScimError> {
        Ok(self.app.service.changed_at(self.caller, user::version(facts, account)).await?)
    }

    /// A user with every attribute.
    async fn shown(&self, known: &Known) -> Result<Value, ScimError> {
        let facts = Facts::of(&known.user).map_err(|error| ApiError::internal(&error))?;
        let account = known.account.as_ref();
        let modified = self.modified(&facts, account).await?;
        Ok(user::resource(&facts, account, modified, &self.root))
    }
}
