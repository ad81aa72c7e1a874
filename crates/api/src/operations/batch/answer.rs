//! What came of a batch, in JSON or in multipart/mixed.

use super::carry::Done;
use super::item::{Batch, Item, Unit};
use crate::reply::Reply;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use odata::encode::{write_integer, write_string};

/// The units of which something came, in their order, each with its requests.
fn answered<'b>(
    batch: &'b Batch,
    results: &'b [Option<Done>],
) -> impl Iterator<Item = (&'b Unit, &'b [Item], &'b Done)> {
    let done = |(unit, done): (&'b Unit, &'b Option<Done>)| {
        done.as_ref().map(|done| (unit, &batch.items[unit.members.clone()], done))
    };
    batch.units.iter().zip(results).filter_map(done)
}

/// `{"responses": [...]}` in the order of the requests.
pub fn json(batch: &Batch, results: &[Option<Done>]) -> Vec<u8> {
    let mut out = b"{\"responses\":[".to_vec();
    let before = out.len();
    for (unit, items, done) in answered(batch, results) {
        for (item, reply) in items.iter().zip(&done.replies) {
            out.push(b'{');
            if let Some(id) = &item.id {
                out.extend_from_slice(b"\"id\":");
                write_string(id, &mut out);
                out.push(b',');
            }
            if let Some(group) = &unit.group {
                out.extend_from_slice(b"\"atomicityGroup\":");
                write_string(group, &mut out);
                out.push(b',');
            }
            write_json(reply, &mut out);
            out.extend_from_slice(b"},");
        }
    }
    if out.len() > before {
        out.pop();
    }
    out.extend_from_slice(b"]}");
    out
}

fn write_json(reply: &Reply, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"status\":");
    write_integer(reply.status.as_u16().into(), out);
    out.extend_from_slice(b",\"headers\":{");
    let before = out.len();
    for (name, value) in fields(&reply.headers) {
        write_string(&name, out);
        out.push(b':');
        write_string(&value, out);
        out.push(b',');
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
}

/// The same as parts. `nested` says whether a group stands in a part of its own, as a change set does
/// in the request; one that failed is answered by the one failure (OData protocol 4.01, section
/// 11.7.7.6).
pub fn multipart(batch: &Batch, results: &[Option<Done>], boundary: &str, nested: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, (unit, items, done)) in answered(batch, results).enumerate() {
        let mut parts = items.iter().zip(&done.replies);
        match done.failed {
            _ if unit.group.is_none() || !nested => {
                for (item, reply) in parts {
                    write_part(boundary, item, reply, &mut out);
                }
            }
            Some(failed) => {
                if let Some((item, reply)) = parts.nth(failed) {
                    write_part(boundary, item, reply, &mut out);
                }
            }
            None => {
                let inner = format!("changesetresponse_{at}_{}", &boundary[boundary.len().saturating_sub(36)..]);
                let head = format!("--{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n");
                out.extend_from_slice(head.as_bytes());
                for (item, reply) in parts {
                    write_part(&inner, item, reply, &mut out);
                }
                out.extend_from_slice(format!("--{inner}--\r\n").as_bytes());
            }
        }
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// Writes one part: an HTTP response.
fn write_part(boundary: &str, item: &Item, reply: &Reply, out: &mut Vec<u8>) {
    let mut line = |parts: &[&str]| {
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    };
    line(&["--", boundary]);
    line(&["Content-Type: application/http"]);
    line(&["Content-Transfer-Encoding: binary"]);
    // An id of a JSON batch may be any text.
    if let Some(id) = item.id.as_ref().filter(|id| HeaderValue::from_str(id).is_ok()) {
        line(&["Content-ID: ", id]);
    }
    line(&[]);
    let reason = reply.status.canonical_reason().unwrap_or_default();
    line(&["HTTP/1.1 ", reply.status.as_str(), " ", reason]);
    for (name, value) in fields(&reply.headers) {
        line(&[&name, ": ", &value]);
    }
    if reply.status != StatusCode::NO_CONTENT && reply.status != StatusCode::NOT_MODIFIED {
        line(&["Content-Length: ", &reply.body.len().to_string()]);
    }
    line(&[]);
    out.extend_from_slice(&reply.body);
    out.extend_from_slice(b"\r\n");
}

/// Headers with their names as they are written, several values of one name together.
fn fields(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    headers.keys().map(|name| {
        let values = headers.get_all(name).iter().map(HeaderValue::as_bytes).map(String::from_utf8_lossy);
        (spelled(name), values.collect::<Vec<_>>().join(", "))
    })
}

/// A header's name in the spelling that JavaScript's and Go's clients look up: `Content-Type`.
fn spelled(name: &HeaderName) -> String {
    const WORDS: [(&str, &str); 5] =
        [("etag", "ETag"), ("odata", "OData"), ("entityid", "EntityId"), ("www", "WWW"), ("id", "ID")];
    let word = |word: &str| match WORDS.iter().find(|(known, _)| *known == word) {
        Some((_, spelled)) => (*spelled).to_owned(),
        None => word.get(..1).unwrap_or_default().to_ascii_uppercase() + word.get(1..).unwrap_or_default(),
    };
    name.as_str().split('-').map(word).collect::<Vec<_>>().join("-")
}
