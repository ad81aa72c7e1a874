//! A batch in multipart/mixed, as clients of OData 4.0 send it (OData protocol 4.01, section
//! 11.7.7): each part is a request, or a change set of several.

use super::item::{Batch, Item, METHODS, MOST, Rule, Unit, method};
use super::mime::{self, Malformed};
use crate::error::{ApiError, Area};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use odata::fault::excerpt;

/// Reads a batch; what is wrong in it refuses the whole.
pub fn read(body: &Bytes, content_type: Option<&HeaderValue>, go_on: bool) -> Result<Batch, ApiError> {
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused =
        |Malformed(why)| ApiError::bad_request(Area::Risk, format!("the body is not a multipart batch: {why}"));
    let (items, units) = units(body, content_type).map_err(refused)?;
    Ok(Batch::new(items, units, if go_on { Rule::GoOn } else { Rule::Stop }))
}

fn units(body: &Bytes, content_type: &str) -> Result<(Vec<Item>, Vec<Unit>), Malformed> {
    let parts = mime::parts(body, mime::boundary(content_type)?, MOST)?;
    if parts.is_empty() {
        return Err(Malformed(format!("it has no parts; a batch holds 1 to {MOST} requests")));
    }
    let (mut items, mut units) = (Vec::with_capacity(parts.len()), Vec::with_capacity(parts.len()));
    for (at, part) in parts.into_iter().enumerate() {
        let place = format!("part {}", at + 1);
        let (headers, content) = mime::part(part).map_err(|error| error.at(&place))?;
        let first = items.len();
        let content_type = content_type_of(&headers).map_err(|error| error.at(&place))?;
        let is_set = mime::media(content_type) == "multipart/mixed";
        if is_set {
            change_set(body, content, content_type, &place, &mut items)?;
        } else {
            items.push(item(body, &headers, content_type, content).map_err(|error| error.at(&place))?);
        }
        if items.len() > MOST {
            return Err(Malformed(format!("it holds more than {MOST} requests")));
        }
        let group = is_set.then(|| format!("changeset-{}", at + 1));
        // One after another, whatever became of the one before.
        units.push(Unit { members: first..items.len(), group, after: at.checked_sub(1).into_iter().collect() });
    }
    for (at, item) in items.iter().enumerate() {
        if let Some(id) = item.id.as_deref().filter(|id| items[..at].iter().any(|other| other.is(id))) {
            return Err(Malformed(format!(
                "the Content-ID {} occurs more than once (ids are compared ignoring case)",
                excerpt(id)
            )));
        }
    }
    Ok((items, units))
}

/// Reads the requests of a change set, which holds no further one.
fn change_set(
    body: &Bytes,
    content: &[u8],
    content_type: &str,
    place: &str,
    items: &mut Vec<Item>,
) -> Result<(), Malformed> {
    let boundary = mime::boundary(content_type).map_err(|error| error.at(place))?;
    let parts = mime::parts(content, boundary, MOST).map_err(|error| error.at(place))?;
    if parts.is_empty() {
        return Err(Malformed("the change set has no parts".to_owned()).at(place));
    }
    for (at, part) in parts.into_iter().enumerate() {
        let place = format!("{place}, request {} of its change set", at + 1);
        let read = || {
            let (headers, content) = mime::part(part)?;
            let content_type = content_type_of(&headers)?;
            if mime::media(content_type).starts_with("multipart/") {
                return Err(Malformed("a change set cannot hold another one".to_owned()));
            }
            item(body, &headers, content_type, content)
        };
        items.push(read().map_err(|error| error.at(&place))?);
    }
    Ok(())
}

fn content_type_of(headers: &HeaderMap) -> Result<&str, Malformed> {
    let missing = || Malformed("Content-Type is missing; expected application/http".to_owned());
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or_else(missing)
}

/// Reads the request in a part.
fn item(body: &Bytes, part: &HeaderMap, content_type: &str, content: &[u8]) -> Result<Item, Malformed> {
    if mime::media(content_type) != "application/http" {
        let found = excerpt(content_type);
        return Err(Malformed(format!(
            "Content-Type is {found}; expected application/http, or multipart/mixed for a change set"
        )));
    }
    if let Some(encoding) = part.get("content-transfer-encoding") {
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        if !["binary", "8bit", "7bit"].iter().any(|plain| plain.eq_ignore_ascii_case(&encoding)) {
            return Err(Malformed(format!("Content-Transfer-Encoding is {}; send binary", excerpt(&encoding))));
        }
    }
    let request = mime::request(content)?;
    let Some(method) = method(request.method) else {
        return Err(Malformed(format!("the method {} is none of {METHODS}", excerpt(request.method))));
    };
    // Early clients wrote it among the headers of the request.
    let id = part.get(CONTENT_ID).or_else(|| request.headers.get(CONTENT_ID));
    let id = id.map(|id| id.to_str().map_err(|_| Malformed("Content-ID is not ASCII text".to_owned()))).transpose()?;
    Ok(Item {
        id: id.filter(|id| !id.is_empty()).map(str::to_owned),
        method,
        url: request.target.to_owned(),
        body: body.slice_ref(request.body),
        headers: request.headers,
        conditional: false,
        referred: false,
    })
}

const CONTENT_ID: &str = "content-id";

impl Malformed {
    /// Says where.
    fn at(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}
