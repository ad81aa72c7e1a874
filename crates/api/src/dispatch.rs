//! From a request to its operation, through the checks in their order (contract/graph.md, section
//! 8.3): headers and declared size, token, route, permission, query, body. What fails first is
//! answered, so a stranger's body is never read.

use crate::app::App;
use crate::body::{self, Source};
use crate::by_id;
use crate::call::{Call, PublicCall, VERSIONS};
use crate::context::RequestIds;
use crate::error::{ApiError, Area};
use crate::negotiate::{Form, MediaType, accept, check_versions};
use crate::references::References;
use crate::repeatability::{self, Wish};
use crate::reply::{INCLUDE_UNKNOWN_ENUM_MEMBERS, Reply};
use crate::routes::{self, Access, BodyKind, Operation, Shape, Verb};
use crate::spillwatch;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};
use model::{Caller, edm};
use odata::path::{PropertyPart, Resource, resolve};
use odata::prefer::Preferences;
use odata::query::{QueryOptions, SystemOption};
use std::sync::Arc;
use tracing::Level;

/// A request below a version, with a caller who is known.
pub struct Request<'r> {
    /// The application.
    pub app: &'r Arc<App>,
    /// Who asks.
    pub caller: &'r Caller,
    /// Its ids.
    pub ids: &'r RequestIds,
    /// Scheme and authority of links.
    pub origin: &'r Arc<str>,
    /// `v1.0` or `beta`.
    pub version: &'static str,
    /// The method.
    pub method: &'r Method,
    /// The part of the path after the version, encoded.
    pub path: &'r str,
    /// The query, encoded.
    pub query: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// For a request of a batch, what it may refer to.
    pub batch: Option<References>,
}

/// Splits `/v1.0/users` into the version and `/users`; `None` below no version.
pub fn split_version(path: &str) -> Option<(&'static str, &str)> {
    let rest = path.strip_prefix('/')?;
    let (first, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let version = VERSIONS.into_iter().find(|version| version.eq_ignore_ascii_case(first))?;
    Some((version, rest))
}

/// Answers a request from the network below `/v1.0` or `/beta`.
pub async fn answer(
    app: &Arc<App>,
    ids: &RequestIds,
    parts: request::Parts,
    content: axum::body::Body,
    version: &'static str,
    path: &str,
) -> Result<Reply, ApiError> {
    let origin = app.origins.of(&parts)?;
    body::check_declared_size(&parts.headers, app.limits.batch)?;
    check_versions(&parts.headers)?;
    if let Some(outcome) = public(app, &origin, version, &parts.method, path, parts.uri.query(), &parts.headers) {
        return outcome;
    }
    let caller = authenticate(app, &origin, &parts.headers).await?;
    let request = Request {
        app,
        caller: &caller,
        ids,
        origin: &origin,
        version,
        method: &parts.method,
        path,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        batch: None,
    };
    dispatch(&request, Source::Connection(content)).await
}

/// Says whose the token in `Authorization` is.
pub(crate) async fn authenticate(app: &App, origin: &str, headers: &HeaderMap) -> Result<Arc<Caller>, ApiError> {
    let unauthorized = |message: &str| ApiError::unauthorized(message, &authorization_uri(app, origin));
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().map_err(|_| unauthorized("the Authorization header is not ASCII text"))?
        }
        (None, _) => {
            return Err(unauthorized("Access token is missing; send the header `Authorization: Bearer {token}`"));
        }
        (Some(_), Some(_)) => return Err(unauthorized("the Authorization header occurs more than once")),
    };
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(unauthorized("the Authorization header is not of the form `Bearer {token}`")),
    };
    // Asked anew for each request: removing an app or rotating a key counts from the next one on.
    let epoch = app.service.store().registry_epoch().await;
    let epoch = epoch.map_err(|error| ApiError::from_service(Area::Risk, error.into()))?;
    let caller = app.authenticator.authenticate(token, epoch).await;
    caller.map_err(|error| ApiError::from_auth(&error, &authorization_uri(app, origin)))
}

/// Where tokens are to be had: the built-in issuer, else the first configured one.
fn authorization_uri(app: &App, origin: &str) -> String {
    match &app.foreign_issuer {
        Some(issuer) if app.builtin.is_none() => issuer.clone(),
        _ => format!("{origin}/common/oauth2/v2.0/token"),
    }
}

/// Answers what anybody may ask for, and refuses other methods on it; `None` for all other paths.
fn public(
    app: &App,
    origin: &str,
    version: &'static str,
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Option<Result<Reply, ApiError>> {
    let resource = routes::public_resource(path)?;
    let route = match routes::find(&resource, method) {
        Ok(route) => route,
        Err(allowed) => return Some(Err(not_allowed(method, &allowed))),
    };
    let Operation::Public(run) = route.operation else { return None };
    let options = QueryOptions::parse(query.unwrap_or_default())
        .and_then(|options| options.only(route.served, route.applicable).map(|()| options))
        .map_err(|error| ApiError::from_query(route.area, &error));
    Some(options.and_then(|options| run(&PublicCall { app, origin, version, options, headers })))
}

/// Finds the operation, checks what it demands, reads its body and runs it.
pub async fn dispatch(request: &Request<'_>, content: Source) -> Result<Reply, ApiError> {
    let Request { app, origin, version, method, path, query, headers, .. } = *request;
    if let Some(outcome) = public(app, origin, version, method, path, Some(query), headers) {
        return outcome;
    }
    if let Some(below) = spillwatch::below(path) {
        return spillwatch::answer(request, below, content).await;
    }
    let outcome = run(request, content).await;
    if repeatability::is_wished(request.method, request.headers) { repeatability::accepted(outcome) } else { outcome }
}

async fn run(request: &Request<'_>, content: Source) -> Result<Reply, ApiError> {
    let (operation, call) = admit(request, content).await?;
    let write = match operation {
        Operation::Public(_) => unreachable!("what is public is answered above"),
        Operation::Read(read) => {
            let is_applied = call.takes_unknown_enum_members();
            let mut reply = read(call).await?;
            if is_applied && reply.status.is_success() {
                reply.applied(INCLUDE_UNKNOWN_ENUM_MEMBERS);
            }
            return Ok(reply);
        }
        Operation::Write(write) => write,
    };
    let mut plan = call.app.service.plan(call.caller);
    plan.once(call.repeatability.clone());
    let outcomes = match (write.prepare)(&call, &plan).await {
        Ok(command) => {
            plan.add(command);
            plan.carry_out().await.map_err(|failed| call.failure(failed.error))?
        }
        Err(error) => plan.earlier().await.map_err(|error| call.failure(error))?.ok_or(error)?,
    };
    let outcome = outcomes.into_iter().next().expect("the plan has one command");
    write.answer(&call, outcome)
}

/// Counts the request, finds the operation, checks what it demands and reads its body: all that comes
/// before it runs.
pub async fn admit<'r>(request: &Request<'r>, content: Source) -> Result<(Operation, Call<'r>), ApiError> {
    let app = request.app;
    if spillwatch::below(request.path).is_some() {
        let message =
            "what is below /spillwatch cannot be part of a group that stands or falls together; send it alone";
        return Err(ApiError::bad_request(Area::Risk, message));
    }
    let mut options = QueryOptions::parse(request.query);
    let resource = by_id::resolve(request, &mut options).unwrap_or_else(|| {
        let path = routes::full_path(request.version, request.path);
        let resource = resolve(&edm::MODEL, &path);
        resource.map_err(|error| ApiError::from_path(routes::area_of_path(&path), &error))
    });
    // What a batch holds is counted, not the batch: its own answer is 200 however many are too many
    // (graph.md, section 8.10).
    let is_batch = matches!(resource, Ok(Resource::Batch)) && request.batch.is_none();
    if let Some(throttle) = app.throttle.as_ref().filter(|_| !is_batch) {
        throttle.admit(request.caller, app.service.clock().now()).map_err(ApiError::too_many_requests)?;
    }
    let resource = resource?;
    let (area, shape) = routes::describe(&resource);
    if shape == Shape::Batch && request.batch.is_some() {
        return Err(ApiError::bad_request(area, "a batch cannot hold another batch"));
    }
    let route = routes::find(&resource, request.method).map_err(|allowed| not_allowed(request.method, &allowed))?;
    if let Access::Permissions(permissions) = route.access
        && let Some(missing) = permissions.iter().find(|needed| !request.caller.permissions.allows(**needed))
    {
        return Err(ApiError::forbidden(area, *missing));
    }
    let wish = Wish::read(request.method, request.headers, area)?;
    if let Some(wish) = &wish {
        wish.check(&app.service, area, route.operation)?;
    }
    let form = || match shape {
        Shape::Count | Shape::Property { part: PropertyPart::Text | PropertyPart::Count, .. } => {
            accept(request.headers, Form::Text)
        }
        // Either will do: the operation answers in the form that is accepted.
        Shape::Batch => accept(request.headers, Form::Json)
            .or_else(|refused| accept(request.headers, Form::Multipart).map_err(|_| refused)),
        _ => accept(request.headers, Form::Json),
    };
    // `$format` stands above `Accept` (OData URL conventions 4.01, section 5.1.8).
    let media = match &options {
        Ok(options) if options.get(SystemOption::Format).is_some() => MediaType::default(),
        _ => form()?,
    };
    let options = options.map_err(|error| ApiError::from_query(area, &error))?;
    options.only(route.served, route.applicable).map_err(|error| ApiError::from_query(area, &error))?;
    let prefer = request.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut call = Call {
        app,
        caller: request.caller,
        ids: request.ids,
        origin: request.origin,
        version: request.version,
        resource,
        area,
        options,
        shown: None,
        headers: request.headers,
        repeatability: None,
        body: bytes::Bytes::new(),
        media,
        preferences: Preferences::parse(prefer),
        references: request.batch.clone().unwrap_or_default(),
    };
    let has_options = call.options.given().next().is_some();
    if matches!(route.operation, Operation::Write(_)) && has_options {
        let set = call.written_set();
        call.shown = Some(call.bind(set, app.service.clock().now())?);
    }
    let most = match route.body {
        BodyKind::None => None,
        BodyKind::Json => Some(app.limits.body),
        BodyKind::Batch => Some(app.limits.batch),
    };
    if let Some(most) = most {
        body::check_declared_size(request.headers, most)?;
        if !content.is_absent() {
            body::check_content_type(request.headers, route.body == BodyKind::Batch)?;
        }
        call.body = body::read(content, request.headers, most, &app.limits, area).await?;
    }
    call.repeatability = wish.map(|wish| {
        let this = (request.method, request.path, request.query, request.headers, &*call.body);
        wish.describe(&app.service, request.version, std::iter::once(this))
    });
    tracing::event!(Level::DEBUG, request.id = %request.ids.request_id, method = %request.method, ?shape, "dispatching");
    Ok((route.operation, call))
}

pub(crate) fn not_allowed(method: &Method, allowed: &[Verb]) -> ApiError {
    let names = routes::allow(allowed);
    let message = format!("{method} is not allowed here; allowed are {names}");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest", message);
    match HeaderValue::try_from(names) {
        Ok(names) => error.with_header(header::ALLOW, names),
        Err(_) => error,
    }
}
