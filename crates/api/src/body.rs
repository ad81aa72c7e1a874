//! Request bodies: read only after the token and the permission have passed, within limits of
//! size, time and decompressed size.

use crate::app::Limits;
use crate::error::{ApiError, Area};
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use std::io::Read as _;

/// Where a request's body is to be had.
pub enum Source {
    /// On the connection, unread.
    Connection(Body),
    /// Inside a batch.
    Read(Bytes),
}

impl Source {
    /// Whether it is known without reading that there is no body.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Connection(body) => body.is_end_stream(),
            Self::Read(bytes) => bytes.is_empty(),
        }
    }
}

/// Bodies from this size on are decompressed and parsed away from the runtime's threads.
const HEAVY: usize = 64 << 10;

/// Refuses a declared length over the limit before anything else is looked at.
pub fn check_declared_size(headers: &HeaderMap, most: usize) -> Result<(), ApiError> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > most as u64) { Err(too_large(most)) } else { Ok(()) }
}

fn too_large(most: usize) -> ApiError {
    let message = format!("the body is larger than {most} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
}

fn unsupported(message: impl Into<Box<str>>) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
}

/// Whether the body is declared as multipart/mixed.
pub fn is_multipart(headers: &HeaderMap) -> bool {
    let found = headers.get(header::CONTENT_TYPE).and_then(|found| found.to_str().ok()).unwrap_or_default();
    found.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("multipart/mixed"))
}

/// Checks that the body is declared as JSON (design.md, section 5: without or with another
/// Content-Type, 415); that of a batch may be multipart too.
pub fn check_content_type(headers: &HeaderMap, batch: bool) -> Result<(), ApiError> {
    if batch && is_multipart(headers) {
        return Ok(());
    }
    let Some(found) = headers.get(header::CONTENT_TYPE) else {
        return Err(unsupported("Content-Type is missing; send application/json"));
    };
    let text = found.to_str().unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    if !parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        return Err(unsupported(format!("Content-Type is {}; send application/json", odata::fault::excerpt(text))));
    }
    let charset =
        parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    match charset.map(|(_, value)| value.trim().trim_matches('"')) {
        None => Ok(()),
        Some(charset) if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii") => Ok(()),
        Some(charset) => Err(unsupported(format!("charset is {}; send UTF-8", odata::fault::excerpt(charset)))),
    }
}

/// Reads the whole body, decompressed. `most` bounds it before and after decompression.
pub async fn read(
    source: Source,
    headers: &HeaderMap,
    most: usize,
    limits: &Limits,
    area: Area,
) -> Result<Bytes, ApiError> {
    let body = match source {
        Source::Read(bytes) if bytes.len() > most => return Err(too_large(most)),
        Source::Read(bytes) => return Ok(bytes),
        Source::Connection(body) => body,
    };
    let collected = tokio::time::timeout(limits.body_time, Limited::new(body, most).collect()).await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(most)),
        Ok(Err(_)) => return Err(ApiError::bad_request(area, "the body ended before it was complete")),
        Err(_) => {
            let message = format!("the body did not arrive within {} seconds", limits.body_time.as_secs());
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message));
        }
    };
    match headers.get(header::CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or_default().trim()) {
        None | Some("" | "identity") => Ok(bytes),
        Some(encoding) if encoding.eq_ignore_ascii_case("gzip") || encoding.eq_ignore_ascii_case("x-gzip") => {
            offload(bytes.len() >= HEAVY, move || unzip(&bytes, most, area)).await
        }
        Some(encoding) => {
            Err(unsupported(format!("Content-Encoding is {}; send gzip or none", odata::fault::excerpt(encoding))))
        }
    }
}

/// Stops at the first byte over the limit, so a small body cannot become a large one.
fn unzip(bytes: &[u8], most: usize, area: Area) -> Result<Bytes, ApiError> {
    let mut out = Vec::with_capacity((bytes.len() * 4).min(most));
    match MultiGzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut out) {
        Ok(_) if out.len() > most => Err(too_large(most)),
        Ok(_) => Ok(out.into()),
        Err(error) => Err(ApiError::bad_request(area, format!("the body is not valid gzip: {error}"))),
    }
}

/// Runs work that may take longer than half a millisecond on a thread of its own.
pub async fn offload<T: Send + 'static>(
    heavy: bool,
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    if !heavy {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// Whether bytes are many enough for [`offload`].
pub fn is_heavy(bytes: &Bytes) -> bool {
    bytes.len() >= HEAVY
}
