//! The axum router: public routes by name, everything below a version by the route table, and
//! what every response carries.

use crate::app::App;
use crate::context::RequestIds;
use crate::dispatch::{answer, split_version};
use crate::error::ApiError;
use crate::repeatability::{accepted, is_wished};
use crate::reply::Reply;
use crate::{docs, oauth, scim};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// Paths that demand no token, besides those that do not exist. A test holds the route table and
/// this list together against what answers.
pub const PUBLIC: [&str; 11] = [
    "/healthz",
    "/readyz",
    "/v1.0/openapi.json",
    "/beta/openapi.json",
    "/docs",
    "/docs/app.js",
    "/docs/style.css",
    "/docs/icon.svg",
    "/{tenant}/oauth2/v2.0/token",
    "/{tenant}/v2.0/.well-known/openid-configuration",
    "/{tenant}/discovery/v2.0/keys",
];

/// Builds the router.
pub fn router(app: Arc<App>) -> Router {
    let [healthz, readyz, description, description_beta, files @ .., token, discovery, keys] = PUBLIC;
    let mut router = Router::new();
    for (at, path) in files.into_iter().enumerate() {
        let file =
            async move |State(app): State<Arc<App>>, headers: HeaderMap| docs::reply(&app.documents.docs[at], &headers);
        router = router.route(path, get(file));
    }
    router
        .route(healthz, get(async || "ok\n"))
        .route(readyz, get(ready))
        .route(description, get(openapi))
        .route(description_beta, get(openapi))
        .route(
            token,
            post(async |State(app), tenant, request| {
                finish(app, request, async |app, request| oauth::token(app, named(tenant), request).await).await
            }),
        )
        .route(
            discovery,
            get(async |State(app), tenant, request| {
                finish(app, request, async |app, request| oauth::discovery(app, named(tenant), request).await).await
            }),
        )
        .route(
            keys,
            get(async |State(app), tenant, request| {
                finish(app, request, async |app, _| oauth::keys(app, named(tenant)).await).await
            }),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(resource)
        .layer(from_fn_with_state(app.clone(), around))
        .with_state(app)
}

/// The description of the API; the same for both versions.
async fn openapi(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    app.documents.openapi.reply(&headers)
}

/// Whether the store acknowledges writes. It says only yes or no: anybody may ask.
async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.service.store().failure().is_none() && app.service.store().registry_epoch().await.is_ok() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready: the store does not acknowledge writes\n")
    }
}

/// Every path that is not public.
async fn resource(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let ids = ids_of(&parts.extensions, &app, &parts.headers);
    let path = parts.uri.path().to_owned();
    if let Some(below) = scim::below(&path) {
        return scim::answer(&app, &ids, parts, content, below).await.into_response();
    }
    let version = split_version(&path);
    let is_odata = version.is_some();
    let outcome = match version {
        Some((version, rest)) => answer(&app, &ids, parts, content, version, rest).await,
        None => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "there is nothing here; the API lies below /v1.0 and /beta",
        )),
    };
    let mut reply = outcome.unwrap_or_else(|error| error.into_reply(&ids));
    if is_odata {
        // Whatever the answer is, it follows a version of OData (OData protocol 4.01, section 8.1.5).
        reply.headers.entry("odata-version").or_insert(HeaderValue::from_static("4.0"));
    }
    reply.into_response()
}

/// Another method on a public path; axum says in `Allow` which ones there are.
async fn method_not_allowed(State(app): State<Arc<App>>, request: Request) -> Response {
    let ids = ids_of(request.extensions(), &app, request.headers());
    let message = format!("{} is not allowed here; the Allow header says what is", request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Request_BadRequest", message).into_reply(&ids).into_response()
}

/// The tenant in the path; a name that is no text is nobody's.
fn named(tenant: Result<Path<String>, PathRejection>) -> String {
    tenant.map(|Path(tenant)| tenant).unwrap_or_default()
}

/// Answers the outcome of a public endpoint.
async fn finish(
    app: Arc<App>,
    request: Request,
    run: impl AsyncFnOnce(Arc<App>, Request) -> Result<Reply, ApiError>,
) -> Response {
    let ids = ids_of(request.extensions(), &app, request.headers());
    run(app, request).await.unwrap_or_else(|error| error.into_reply(&ids)).into_response()
}

/// The ids that the layer around has made.
fn ids_of(extensions: &Extensions, app: &App, headers: &HeaderMap) -> RequestIds {
    let made = extensions.get::<RequestIds>().cloned();
    made.unwrap_or_else(|| RequestIds::new(headers, app.service.clock(), app.service.entropy()))
}

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, Retry-After, OData-Version, \
     Repeatability-Result",
);

/// Gives every request its ids and its time, and every response what all have: ids and, as Graph
/// does, the leave for browsers of any origin to read it (tokens, not cookies, prove who asks).
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let ids = RequestIds::new(request.headers(), app.service.clock(), app.service.entropy());
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let repeatable = split_version(request.uri().path()).is_some() && is_wished(request.method(), request.headers());
    let is_scim = scim::below(request.uri().path()).is_some();
    request.extensions_mut().insert(ids.clone());
    let response = if preflight {
        preflight_response()
    } else {
        match tokio::time::timeout(app.limits.request_time, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let message = "the request took too long; whether a write was carried out is not known";
                let error = ApiError::new(StatusCode::GATEWAY_TIMEOUT, "GatewayTimeout", message);
                if is_scim {
                    return finished(scim::refused(error, &ids).into_response(), &ids);
                }
                // This is what the client may repeat a request for.
                let outcome = if repeatable { accepted(Err(error)) } else { Err(error) };
                outcome.unwrap_or_else(|error| error.into_reply(&ids)).into_response()
            }
        }
    };
    finished(response, &ids)
}

/// Adds what every response has.
fn finished(mut response: Response, ids: &RequestIds) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&ids.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(id) = HeaderValue::from_str(ids.client_request_id()) {
        headers.insert(CLIENT_REQUEST_ID, id);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    response
}

fn preflight_response() -> Response {
    let mut reply = Reply::new(StatusCode::NO_CONTENT);
    let allow = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PATCH, PUT, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, OData-Version, OData-MaxVersion, \
             ConsistencyLevel, client-request-id, return-client-request-id, SdkVersion, FeatureFlag, HostOs, \
             RuntimeEnvironment, Retry-Attempt, Repeatability-Request-ID, Repeatability-First-Sent, \
             Repeatability-Client-ID",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    for (name, value) in allow {
        reply.headers.insert(name, HeaderValue::from_static(value));
    }
    reply.into_response()
}
