//! From a request below `/spillwatch` to its endpoint, through the same checks in the same order as everywhere.

use super::{Ask, BodyKind, ENDPOINTS, Endpoint};
use crate::body::{self, Source};
use crate::dispatch::{Request, not_allowed};
use crate::error::{ApiError, Area};
use crate::negotiate::{Form, accept};
use crate::repeatability::{is_wished, rejected};
use crate::reply::Reply;
use crate::routes::{Verb, allow};
use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use odata::fault::excerpt;
use odata::prefer::Preferences;
use odata::query::QueryOptions;
use percent_encoding::percent_decode_str;

/// The part of the API whose codes errors here have.
pub(super) const AREA: Area = Area::Risk;

/// What of a path comes after `/spillwatch`; `None` for every other path.
pub fn below(path: &str) -> Option<&str> {
    let path = path.trim_start_matches('/');
    let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    first.eq_ignore_ascii_case("spillwatch").then_some(rest)
}

/// Answers a request whose path goes on so below `/spillwatch`.
pub async fn answer(request: &Request<'_>, below: &str, content: Source) -> Result<Reply, ApiError> {
    let app = request.app;
    if let Some(throttle) = &app.throttle {
        throttle.admit(request.caller, app.service.clock().now()).map_err(ApiError::too_many_requests)?;
    }
    let segments = segments(below)?;
    let found: Vec<(&Endpoint, String)> =
        ENDPOINTS.iter().filter_map(|endpoint| Some((endpoint, fits(endpoint, &segments)?))).collect();
    let methods: Vec<Verb> = found.iter().map(|(endpoint, _)| endpoint.method).collect();
    if methods.is_empty() {
        let message = format!(
            "{} leads nowhere; below /spillwatch there are {}",
            excerpt(below),
            ENDPOINTS.iter().map(|endpoint| endpoint.path).collect::<Vec<_>>().join(", ")
        );
        return Err(ApiError::bad_request(AREA, message));
    }
    if request.method == Method::OPTIONS {
        let mut reply = Reply::new(StatusCode::NO_CONTENT);
        reply.set(header::ALLOW, format!("{}, OPTIONS", allow(&methods)));
        return Ok(reply);
    }
    let verb = Verb::of(request.method);
    let Some((endpoint, id)) = found.into_iter().find(|(endpoint, _)| Some(endpoint.method) == verb) else {
        return Err(not_allowed(request.method, &methods));
    };
    if !request.caller.permissions.allows(endpoint.permission) {
        return Err(ApiError::forbidden(AREA, endpoint.permission));
    }
    if is_wished(request.method, request.headers) {
        let message = "this cannot be repeatable; sent again, pairs are checked again, which changes nothing, and a job \
                       that is being worked at is refused";
        return Err(rejected(ApiError::not_implemented(message)));
    }
    accept(request.headers, Form::Json)?;
    let options = QueryOptions::parse(request.query);
    let options = options.map_err(|error| ApiError::from_query(AREA, &error))?;
    options.only(endpoint.served, endpoint.applicable).map_err(|error| ApiError::from_query(AREA, &error))?;
    let prefer = request.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let ask = Ask {
        app,
        caller: request.caller,
        root: format!("{}/{}", request.origin, request.version),
        id,
        options,
        preferences: Preferences::parse(prefer),
        body: read(request, endpoint.body, content).await?,
    };
    (endpoint.run)(ask).await
}

async fn read(request: &Request<'_>, kind: BodyKind, content: Source) -> Result<Bytes, ApiError> {
    let limits = &request.app.limits;
    let most = match kind {
        BodyKind::None => return Ok(Bytes::new()),
        BodyKind::Optional if content.is_absent() => return Ok(Bytes::new()),
        BodyKind::Optional => limits.body,
        BodyKind::Pairs => limits.batch,
    };
    body::check_declared_size(request.headers, most)?;
    body::check_content_type(request.headers, false)?;
    body::read(content, request.headers, most, limits, AREA).await
}

/// The decoded segments of a path; empty ones are passed over.
fn segments(path: &str) -> Result<Vec<String>, ApiError> {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).take(8);
    let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8().map(String::from));
    decoded
        .collect::<Result<_, _>>()
        .map_err(|_| ApiError::bad_request(AREA, format!("the segment {} is not percent-encoded UTF-8", excerpt(path))))
}

/// What stands for `{id}`, where an endpoint has this path; its names ignore case.
fn fits(endpoint: &Endpoint, segments: &[String]) -> Option<String> {
    let mut names = endpoint.path.split('/').filter(|name| !name.is_empty());
    let mut id = String::new();
    for segment in segments {
        match names.next()? {
            "{id}" => id.clone_from(segment),
            name if name.eq_ignore_ascii_case(segment) => {}
            _ => return None,
        }
    }
    names.next().is_none().then_some(id)
}
