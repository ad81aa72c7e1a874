//! What an operation answers, before it becomes an HTTP response or an item of a batch.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

/// The content type of errors and documents without control information.
pub const JSON: &str = "application/json;charset=utf-8";
/// The preference for members of enumerations that older clients do not know (graph.md, section 8.7).
pub const INCLUDE_UNKNOWN_ENUM_MEMBERS: &str = "include-unknown-enum-members";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Headers, without those that every response has.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
}

impl Reply {
    /// An answer without headers and body.
    pub fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::with_capacity(8), body: Bytes::new() }
    }

    /// A JSON document that is not OData.
    pub fn json(status: StatusCode, body: Vec<u8>) -> Self {
        let mut reply = Self::new(status);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        reply.body = body.into();
        reply
    }

    /// A text that OData answers, such as digits.
    pub fn text(content_type: &'static str, body: Vec<u8>) -> Self {
        let mut reply = Self::new(StatusCode::OK);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
        reply.body = body.into();
        reply
    }

    /// Says that a preference of the client's was honoured, beside others that were.
    pub fn applied(&mut self, preference: &str) {
        const NAME: HeaderName = HeaderName::from_static("preference-applied");
        let before = self.headers.get(&NAME).and_then(|before| before.to_str().ok());
        let all = before.map_or_else(|| preference.to_owned(), |before| format!("{before}, {preference}"));
        self.set(NAME, all);
    }

    /// Adds a header whose value is made of parts that were checked before.
    pub fn set(&mut self, name: impl axum::http::header::IntoHeaderName, value: impl AsRef<str>) {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(name, value);
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body.into());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
