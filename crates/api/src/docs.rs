//! The page at `/docs`: it shows the OpenAPI document and sends requests. Everything it needs is in
//! the binary, and a strict policy keeps it from loading or telling anything elsewhere.

use crate::documents::Document;
use crate::reply::Reply;
use axum::http::{HeaderMap, HeaderValue, header};

/// A file of the page.
pub(crate) struct File {
    pub(crate) media: &'static str,
    pub(crate) text: &'static str,
}

/// The files of the page: itself, its script, its style, its icon.
pub(crate) const FILES: [File; 4] = [
    File { media: "text/html;charset=utf-8", text: include_str!("../assets/docs/index.html") },
    File { media: "text/javascript;charset=utf-8", text: include_str!("../assets/docs/app.js") },
    File { media: "text/css;charset=utf-8", text: include_str!("../assets/docs/style.css") },
    File { media: "image/svg+xml", text: include_str!("../assets/docs/icon.svg") },
];

/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// Answers a file of the page. Browsers ask each time whether it is still the same.
pub(crate) fn reply(file: &Document, headers: &HeaderMap) -> Reply {
    let mut reply = file.reply(headers);
    reply.headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    reply.headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply.headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    reply.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    reply
}
