//! Bulk (RFC 7644, section 3.7): operations one after another, each answered for itself.

use super::body::{Draft, Wiped};
use super::error::{ScimError, ScimType};
use super::write::{Change, Saved, change, create, delete};
use super::{Call, decoded};
use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use model::Precondition;
use odata::encode::etag;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};

/// The most operations.
pub const MOST: usize = 1_000;
/// What stands in front of an id that another operation's user will get.
const REFERENCE: &str = "bulkId:";

struct Operation {
    method: String,
    path: String,
    bulk_id: Option<String>,
    version: Option<String>,
    data: Option<Wiped>,
}

/// Carries operations out. One whose path names a user that a later one makes waits for that one.
pub async fn bulk(call: &Call<'_>, mut body: Wiped) -> Result<Value, ScimError> {
    let syntax = |what: &str| ScimError::of(ScimType::InvalidSyntax, what);
    let most_errors = match body.take("failOnErrors") {
        None | Some(Value::Null) => usize::MAX,
        Some(value) => match value.as_u64() {
            Some(count) if count > 0 => usize::try_from(count).unwrap_or(usize::MAX),
            _ => return Err(syntax("failOnErrors is no number above 0")),
        },
    };
    let Some(Value::Array(operations)) = body.take("Operations") else {
        return Err(syntax("Operations is missing, or is no list"));
    };
    if operations.len() > MOST {
        let what = format!("there are {} operations; expected {MOST} at most", operations.len());
        drop(Wiped(Value::Array(operations)));
        return Err(ScimError::new(StatusCode::PAYLOAD_TOO_LARGE, what));
    }
    let mut waiting: Vec<Option<Operation>> = Vec::with_capacity(operations.len());
    let mut ids = HashSet::new();
    for operation in operations {
        let operation = read(Wiped(operation))?;
        if let Some(id) = &operation.bulk_id
            && operation.method == "POST"
            && !ids.insert(id.clone())
        {
            return Err(ScimError::of(ScimType::InvalidValue, "a bulkId occurs more than once"));
        }
        waiting.push(Some(operation));
    }
    let mut made: HashMap<String, Option<String>> = HashMap::new();
    let mut answers: Vec<Option<Value>> = waiting.iter().map(|_| None).collect();
    let mut errors = 0;
    'all: for at in 0..waiting.len() {
        let Some(operation) = waiting[at].take() else { continue };
        // At most one other comes first: what it makes refers to nobody.
        let referred = operation.path.split_once(REFERENCE).map(|(_, id)| id.to_owned());
        let first = referred.filter(|id| !made.contains_key(id)).and_then(|id| {
            waiting.iter().position(|other| {
                other.as_ref().is_some_and(|other| other.method == "POST" && other.bulk_id.as_ref() == Some(&id))
            })
        });
        let mut next: Vec<(usize, Operation)> = Vec::with_capacity(2);
        next.extend(first.and_then(|first| Some((first, waiting[first].take()?))));
        next.push((at, operation));
        for (at, operation) in next {
            let is_post = operation.method == "POST";
            let (method, bulk_id) = (operation.method.clone(), operation.bulk_id.clone());
            let outcome = one(call, operation, &made).await;
            if let (true, Some(id)) = (is_post, &bulk_id) {
                let user = outcome.as_ref().ok().and_then(|saved| saved.resource.as_ref()?["id"].as_str());
                made.insert(id.clone(), user.map(str::to_owned));
            }
            let is_error = outcome.is_err();
            answers[at] = Some(answered(call, &method, bulk_id, outcome));
            errors += usize::from(is_error);
            if errors >= most_errors {
                break 'all;
            }
        }
    }
    let answers: Vec<Value> = answers.into_iter().flatten().collect();
    Ok(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": answers}))
}

fn read(mut operation: Wiped) -> Result<Operation, ScimError> {
    let method = operation.take_text("method")?.unwrap_or_default().to_ascii_uppercase();
    let path = operation.take_text("path")?.unwrap_or_default();
    let bulk_id = operation.take_text("bulkId")?;
    let version = operation.take_text("version")?;
    let data = operation.take("data").filter(|data| !data.is_null()).map(Wiped);
    Ok(Operation { method, path, bulk_id, version, data })
}

async fn one(
    call: &Call<'_>,
    operation: Operation,
    made: &HashMap<String, Option<String>>,
) -> Result<Saved, ScimError> {
    let Operation { method, path, bulk_id, version, data } = operation;
    // Each counts as a request of its own.
    if let Some(throttle) = &call.app.throttle {
        let admitted = throttle.admit(call.caller, call.app.service.clock().now());
        admitted.map_err(|seconds| ScimError::from(ApiError::too_many_requests(seconds)))?;
    }
    let wrong = |what: &str| ScimError::of(ScimType::InvalidSyntax, what);
    let data = || match data {
        Some(data) if data.0.is_object() => Ok(data),
        _ => Err(wrong("data is missing, or is no object")),
    };
    if path.eq_ignore_ascii_case("/Users") {
        if method != "POST" {
            return Err(ScimError::new(StatusCode::METHOD_NOT_ALLOWED, "expected POST for this path"));
        }
        if bulk_id.is_none_or(|id| id.is_empty()) {
            return Err(wrong("bulkId is missing, which a POST needs"));
        }
        return create(call, data()?).await;
    }
    let below = path.split_at_checked("/Users/".len()).filter(|(head, _)| head.eq_ignore_ascii_case("/Users/"));
    let Some((_, id)) = below.filter(|(_, id)| !id.is_empty() && !id.contains('/')) else {
        return Err(ScimError::not_found("path: expected /Users, or /Users/ and an id"));
    };
    let id = match id.strip_prefix(REFERENCE) {
        None => decoded(id),
        Some(reference) => match made.get(reference) {
            Some(Some(id)) => id.clone(),
            Some(None) => return Err(ScimError::new(StatusCode::FAILED_DEPENDENCY, "the user was not made")),
            None => {
                return Err(ScimError::of(ScimType::InvalidValue, "path: no operation makes a user with this bulkId"));
            }
        },
    };
    let conditions = conditions(version.as_deref());
    match method.as_str() {
        "PUT" => change(call, &id, &conditions, Change::Replace(Draft::read(data()?)?)).await,
        "PATCH" => change(call, &id, &conditions, Change::Patch(data()?)).await,
        "DELETE" => delete(call, &id, &conditions).await,
        _ => Err(ScimError::new(StatusCode::METHOD_NOT_ALLOWED, "expected PUT, PATCH or DELETE for this path")),
    }
}

/// `version` is what `If-Match` is for a request alone.
fn conditions(version: Option<&str>) -> Precondition {
    let mut headers = HeaderMap::new();
    if let Some(version) = version {
        let value = HeaderValue::from_str(version).unwrap_or(HeaderValue::from_static("\"\""));
        headers.insert(header::IF_MATCH, value);
    }
    crate::negotiate::precondition(&headers)
}

fn answered(call: &Call<'_>, method: &str, bulk_id: Option<String>, outcome: Result<Saved, ScimError>) -> Value {
    let mut all = Map::from_iter([("method".to_owned(), json!(method))]);
    let mut put = |name: &str, value: Value| _ = all.insert(name.to_owned(), value);
    if let Some(id) = bulk_id {
        put("bulkId", json!(id));
    }
    match outcome {
        Ok(saved) => {
            put("status", json!(saved.status.as_str()));
            put("location", json!(saved.location));
            if let Some(version) = saved.version {
                put("version", json!(etag(version)));
            }
        }
        Err(error) => {
            error.log(call.ids);
            put("status", json!(error.status.as_str()));
            put("response", error.body());
        }
    }
    Value::Object(all)
}
