//! A batch in JSON (graph.md, section 8.10; OData JSON 4.01, section 19.1).

use super::item::{Batch, Item, METHODS, MOST, MOST_HEADERS, Rule, Unit, method};
use crate::error::{ApiError, Area};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use odata::fault::{Fault, FaultKind, Faults, excerpt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Envelope {
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    id: Option<String>,
    method: Option<String>,
    url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<Box<RawValue>>,
    /// Python's client writes it with an underscore.
    #[serde(rename = "dependsOn", alias = "depends_on")]
    depends_on: Option<Vec<String>>,
    #[serde(rename = "atomicityGroup")]
    atomicity_group: Option<String>,
    #[serde(rename = "if")]
    condition: Option<IgnoredAny>,
}

/// How a request hangs together with others, by their names.
struct Ties {
    depends_on: Vec<String>,
    group: Option<String>,
}

/// Reads the envelope; every fault in it refuses the whole batch.
pub fn read(body: &[u8]) -> Result<Batch, ApiError> {
    let text = odata::body::text(body).map_err(|error| ApiError::from_syntax(Area::Risk, &error))?;
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| {
        let form = r#"{"requests": [{"id": "1", "method": "GET", "url": "/users"}, ...]}"#;
        let message = format!("the body is not a batch of the form {form}: {error}");
        ApiError::bad_request(Area::Risk, message.chars().take(300).collect::<String>())
    })?;
    if envelope.requests.is_empty() {
        let message = format!("`requests` is empty; a batch holds 1 to {MOST} requests");
        return Err(ApiError::bad_request(Area::Risk, message));
    }
    if envelope.requests.len() > MOST {
        let message = format!("the batch holds {} requests; at most {MOST} are allowed", envelope.requests.len());
        return Err(ApiError::bad_request(Area::Risk, message));
    }
    let refused = |faults: Faults| ApiError::from_faults(Area::Risk, &faults);
    let mut faults = Faults::default();
    let mut items: Vec<Item> = Vec::with_capacity(envelope.requests.len());
    let mut ties = Vec::with_capacity(envelope.requests.len());
    for (at, mut request) in envelope.requests.into_iter().enumerate() {
        let depends_on = request.depends_on.take().unwrap_or_default();
        ties.push(Ties { depends_on, group: request.atomicity_group.take() });
        match read_item(request, at) {
            Ok(item) if items.iter().any(|other| other.is(item.id.as_deref().unwrap_or_default())) => {
                let id = excerpt(item.id.as_deref().unwrap_or_default());
                let message = format!("the id {id} occurs more than once (ids are compared ignoring case)");
                faults.push(Fault::new(FaultKind::DuplicateProperty, target(at, "id"), message));
            }
            Ok(item) => items.push(item),
            Err(fault) => faults.push(fault),
        }
    }
    faults.or(()).map_err(refused)?;
    let units = tie(&items, &ties).map_err(refused)?;
    Ok(Batch::new(items, units, Rule::DependentsFail))
}

fn target(at: usize, name: &str) -> String {
    format!("requests[{at}]/{name}")
}

fn read_item(request: Request, at: usize) -> Result<Item, Fault> {
    let missing = |name: &str| {
        Fault::new(FaultKind::MissingProperty, target(at, name), format!("`{name}` is required and was left out"))
    };
    let wrong = |name: &str, message: String| Fault::new(FaultKind::InvalidValue, target(at, name), message);
    let id = request.id.filter(|id| !id.is_empty()).ok_or_else(|| missing("id"))?;
    let name = request.method.ok_or_else(|| missing("method"))?;
    let url = request.url.ok_or_else(|| missing("url"))?;
    let method = method(&name).ok_or_else(|| wrong("method", format!("{} is none of {METHODS}", excerpt(&name))))?;
    let sent = request.headers.unwrap_or_default();
    if sent.len() > MOST_HEADERS {
        return Err(wrong("headers", format!("there are {} headers; at most {MOST_HEADERS} are allowed", sent.len())));
    }
    let mut headers = HeaderMap::with_capacity(sent.len());
    for (name, value) in sent {
        let unfit = || wrong("headers", format!("the header {} is not well-formed", excerpt(&name)));
        let parsed: HeaderName = name.parse().map_err(|_| unfit())?;
        headers.append(parsed, HeaderValue::try_from(value).map_err(|_| unfit())?);
    }
    let body = match request.body.filter(|body| body.get() != "null") {
        None => Bytes::new(),
        Some(body) => {
            let media = headers.get(header::CONTENT_TYPE).ok_or_else(|| {
                let message = "a request with a body needs the header `Content-Type: application/json`";
                wrong("headers", message.to_owned())
            })?;
            read_body(body, media).ok_or_else(|| {
                let media = excerpt(&String::from_utf8_lossy(media.as_bytes()));
                let message = format!("a body of the type {media} is a string of base64url or base64");
                wrong("body", message)
            })?
        }
    };
    Ok(Item { id: Some(id), method, url, headers, body, conditional: request.condition.is_some(), referred: false })
}

/// A body as it would have come alone: JSON as it is, anything else out of a string of base64url or
/// base64, with or without padding (Graph). A text may stand there as it is (OData JSON 4.01, section
/// 19.1).
fn read_body(body: Box<RawValue>, media: &HeaderValue) -> Option<Bytes> {
    const ANY_PADDING: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
    let media = media.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" || media.ends_with("+json") {
        return Some(Box::<str>::from(body).into_string().into());
    }
    let text: String = serde_json::from_str(body.get()).ok()?;
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    match engine.decode(&text) {
        Ok(bytes) => Some(bytes.into()),
        Err(_) => media.starts_with("text/").then(|| text.into()),
    }
}

/// Makes units of the requests: each alone, or with the neighbours of its atomicity group.
fn tie(items: &[Item], ties: &[Ties]) -> Result<Vec<Unit>, Faults> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let mut units: Vec<Unit> = Vec::with_capacity(items.len());
    let mut faults = Faults::default();
    let mut wrong = |at: usize, name: &str, message: String| {
        faults.push(Fault::new(FaultKind::InvalidValue, target(at, name), message));
    };
    for (at, Ties { depends_on, group }) in ties.iter().enumerate() {
        let group = group.as_deref();
        let grouped = |unit: &Unit| group.is_some_and(|group| unit.is(group));
        if let Some(group) = group {
            let name = excerpt(group);
            if group.is_empty() {
                wrong(at, "atomicityGroup", "`atomicityGroup` is empty".to_owned());
            } else if items.iter().any(|item| item.is(group)) {
                wrong(at, "atomicityGroup", format!("{name} is the id of a request; a group needs another name"));
            } else if units.iter().rev().skip(1).any(grouped) {
                wrong(at, "atomicityGroup", format!("the requests of the group {name} do not stand side by side"));
            }
        }
        match units.last_mut().filter(|last| grouped(last)) {
            Some(last) => last.members.end = at + 1,
            None => units.push(Unit { members: at..at + 1, group: group.map(str::to_owned), after: Vec::new() }),
        }
        let own = units.len() - 1;
        for name in depends_on {
            let by_id = items[..at].iter().position(|item| item.is(name));
            let before = match by_id {
                Some(before) => units.iter().position(|unit| unit.members.contains(&before)),
                None => units[..own].iter().position(|unit| unit.is(name)),
            };
            match before {
                Some(before) if before == own || units[own].after.contains(&before) => {}
                Some(before) => units[own].after.push(before),
                None => {
                    let own_group = group.is_some_and(|group| same(group, name));
                    let later = own_group || items.iter().any(|item| item.is(name));
                    let why =
                        if later { "does not stand before this one" } else { "is no request or group before this one" };
                    wrong(at, "dependsOn", format!("{} {why}", excerpt(name)));
                }
            }
        }
    }
    faults.or(units)
}
