//! `POST /$batch`: up to 20 requests in one JSON document (contract/graph.md, section 8.10).

use crate::body::{Source, is_heavy, offload};
use crate::call::{Call, VERSIONS};
use crate::dispatch::{Request, dispatch, split_version};
use crate::error::{ApiError, Area};
use crate::negotiate::check_versions;
use crate::reply::Reply;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use odata::encode::{write_integer, write_string};
use odata::fault::{Fault, FaultKind, Faults, excerpt};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use store::BoxFuture;

/// The most requests in a batch.
const MOST: usize = 20;

#[derive(Deserialize)]
struct Envelope {
    requests: Vec<Item>,
}

/// One request of a batch.
#[derive(Deserialize)]
struct Item {
    id: Option<String>,
    method: Option<String>,
    url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<Box<RawValue>>,
    #[serde(rename = "dependsOn", alias = "depends_on")]
    depends_on: Option<Box<RawValue>>,
    #[serde(rename = "atomicityGroup")]
    atomicity_group: Option<Box<RawValue>>,
}

/// A request of a batch whose envelope is sound.
struct Inner {
    id: String,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Runs every request with the outer one's token. All run at once, so creates share one sync; the
/// outer status is 200 however they end.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let body = call.body.clone();
        let items = offload(is_heavy(&body), move || read_envelope(&body)).await?;
        let answers = join_all(items.iter().map(|item| answer(&call, item))).await;
        let mut out = b"{\"responses\":[".to_vec();
        for (item, reply) in items.iter().zip(answers) {
            write_answer(&item.id, &reply, &mut out);
            out.push(b',');
        }
        if !items.is_empty() {
            out.pop();
        }
        out.extend_from_slice(b"]}");
        Ok(call.odata_reply(StatusCode::OK, out))
    })
}

/// Reads the envelope; every fault in it refuses the whole batch.
fn read_envelope(body: &[u8]) -> Result<Vec<Inner>, ApiError> {
    let text = odata::body::text(body).map_err(|error| ApiError::from_syntax(Area::Risk, &error))?;
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| {
        let form = r#"{"requests": [{"id": "1", "method": "GET", "url": "/users"}, ...]}"#;
        let message = format!("the body is not a batch of the form {form}: {error}");
        ApiError::bad_request(Area::Risk, message.chars().take(300).collect::<String>())
    })?;
    if envelope.requests.is_empty() {
        return Err(ApiError::bad_request(Area::Risk, "`requests` is empty; a batch holds 1 to 20 requests"));
    }
    if envelope.requests.len() > MOST {
        let message = format!("the batch holds {} requests; at most {MOST} are allowed", envelope.requests.len());
        return Err(ApiError::bad_request(Area::Risk, message));
    }
    let mut faults = Faults::default();
    let mut items: Vec<Inner> = Vec::with_capacity(envelope.requests.len());
    for (at, item) in envelope.requests.into_iter().enumerate() {
        let target = |name: &str| format!("requests[{at}]/{name}");
        if item.depends_on.as_ref().is_some_and(|value| !matches!(value.get(), "null" | "[]")) {
            return Err(ApiError::not_implemented("dependsOn is not served yet").with_target(target("dependsOn")));
        }
        if item.atomicity_group.is_some() {
            let error = ApiError::not_implemented("atomicityGroup is not served yet");
            return Err(error.with_target(target("atomicityGroup")));
        }
        match read_item(item, &target) {
            Ok(inner) if items.iter().any(|other| other.id.eq_ignore_ascii_case(&inner.id)) => {
                let message =
                    format!("the id {} occurs more than once (ids are compared ignoring case)", excerpt(&inner.id));
                faults.push(Fault::new(FaultKind::DuplicateProperty, target("id"), message));
            }
            Ok(inner) => items.push(inner),
            Err(fault) => faults.push(fault),
        }
    }
    faults.or(items).map_err(|faults| ApiError::from_faults(Area::Risk, &faults))
}

fn read_item(item: Item, target: &dyn Fn(&str) -> String) -> Result<Inner, Fault> {
    let missing = |name: &str| {
        Fault::new(FaultKind::MissingProperty, target(name), format!("`{name}` is required and was left out"))
    };
    let wrong = |name: &str, message: String| Fault::new(FaultKind::InvalidValue, target(name), message);
    let id = item.id.filter(|id| !id.is_empty()).ok_or_else(|| missing("id"))?;
    let method = item.method.ok_or_else(|| missing("method"))?;
    let url = item.url.ok_or_else(|| missing("url"))?;
    let known = [Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE];
    let method = known
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(&method))
        .ok_or_else(|| wrong("method", format!("{} is none of GET, POST, PATCH, PUT, DELETE", excerpt(&method))))?;
    let mut headers = HeaderMap::new();
    for (name, value) in item.headers.unwrap_or_default() {
        let unfit = || wrong("headers", format!("the header {} is not well-formed", excerpt(&name)));
        let parsed: HeaderName = name.parse().map_err(|_| unfit())?;
        headers.append(parsed, HeaderValue::try_from(value).map_err(|_| unfit())?);
    }
    let body = item.body.filter(|body| body.get() != "null");
    if body.is_some() && !headers.contains_key(header::CONTENT_TYPE) {
        let message = "a request with a body needs the header `Content-Type: application/json`";
        return Err(wrong("headers", message.to_owned()));
    }
    let body = body.map_or_else(Bytes::new, |body| Bytes::from(Box::<str>::from(body).into_string()));
    Ok(Inner { id, method, url, headers, body })
}

async fn answer(call: &Call<'_>, item: &Inner) -> Reply {
    let outcome = match local_url(call, &item.url) {
        Err(error) => Err(error),
        Ok(url) => {
            let (path, query) = url.split_once('?').unwrap_or((&url, ""));
            let request = Request {
                app: call.app,
                caller: call.caller,
                ids: call.ids,
                origin: call.origin,
                version: call.version,
                method: &item.method,
                path,
                query,
                headers: &item.headers,
                in_batch: true,
            };
            match check_versions(&item.headers) {
                // Boxed: dispatch runs operations, of which this is one.
                Ok(()) => Box::pin(dispatch(&request, Source::Read(item.body.clone()))).await,
                Err(error) => Err(error),
            }
        }
    };
    outcome.unwrap_or_else(|error| error.into_reply(call.ids))
}

/// Path and query of an item, below the version: relative with or without a leading slash, with
/// raw blanks and quotes (.NET), or absolute (Python).
fn local_url(call: &Call<'_>, url: &str) -> Result<String, ApiError> {
    let foreign = || {
        let message = format!("{} is not a URL of this service and version", excerpt(url));
        ApiError::bad_request(Area::Risk, message)
    };
    let url = url.replace(' ', "%20");
    let Some((scheme, rest)) =
        url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()))
    else {
        let url = if url.starts_with('/') { url } else { format!("/{url}") };
        return match split_version(url.split('?').next().unwrap_or_default()) {
            Some((version, _)) if version == call.version => Ok(url[version.len() + 1..].to_owned()),
            Some(_) => Err(foreign()),
            None => Ok(url),
        };
    };
    let at = rest.find('/').ok_or_else(foreign)?;
    let (authority, path) = rest.split_at(at);
    let own = call.origin.split_once("://").map_or("", |(_, authority)| authority);
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !web || !authority.eq_ignore_ascii_case(own) {
        return Err(foreign());
    }
    debug_assert!(VERSIONS.contains(&call.version), "dispatch knows only these");
    match split_version(path.split('?').next().unwrap_or_default()) {
        Some((version, _)) if version == call.version => Ok(path[version.len() + 1..].to_owned()),
        _ => Err(foreign()),
    }
}

/// Headers of an inner answer, in the spelling that JavaScript's and Go's clients look up.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_TYPE, "Content-Type"),
    (header::LOCATION, "Location"),
    (header::ETAG, "ETag"),
    (header::ALLOW, "Allow"),
    (header::RETRY_AFTER, "Retry-After"),
    (HeaderName::from_static("odata-version"), "OData-Version"),
    (HeaderName::from_static("odata-entityid"), "OData-EntityId"),
    (HeaderName::from_static("preference-applied"), "Preference-Applied"),
];

fn write_answer(id: &str, reply: &Reply, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":");
    write_string(id, out);
    out.extend_from_slice(b",\"status\":");
    write_integer(reply.status.as_u16().into(), out);
    out.extend_from_slice(b",\"headers\":{");
    let before = out.len();
    for (name, spelled) in &HEADERS {
        if let Some(value) = reply.headers.get(name).and_then(|value| value.to_str().ok()) {
            write_string(spelled, out);
            out.push(b':');
            write_string(value, out);
            out.push(b',');
        }
    }
    if out.len() > before {
        out.pop();
    }
    out.push(b'}');
    if !reply.body.is_empty() {
        out.extend_from_slice(b",\"body\":");
        let media = reply.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if media.starts_with("application/json") {
            out.extend_from_slice(&reply.body);
        } else {
            write_string(&STANDARD.encode(&reply.body), out);
        }
    }
    out.push(b'}');
}
