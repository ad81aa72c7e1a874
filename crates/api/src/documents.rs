//! Documents that describe the service, made once: `$metadata` in both forms, the OpenAPI
//! description, and the page that shows it.

use crate::error::ApiError;
use crate::reply::{JSON, Reply};
use crate::{docs, openapi};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use model::edm;
use odata::csdl::Csdl;
use odata::encode::TypeNames;
use odata::fault::excerpt;

/// A document with its ETag, which is made of what it says.
pub struct Document {
    media: &'static str,
    bytes: Bytes,
    etag: String,
}

impl Document {
    /// Makes it of its text.
    pub fn new(media: &'static str, text: impl Into<Bytes>) -> Self {
        let bytes = text.into();
        let etag = format!("\"{:016x}\"", hash(&bytes));
        Self { media, bytes, etag }
    }

    /// Answers it; 304 when the client has it already (RFC 9110, section 13.1.2).
    pub fn reply(&self, headers: &HeaderMap) -> Reply {
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
        let is_known = known.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag);
        let mut reply = Reply::new(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        reply.set(header::ETAG, &self.etag);
        if !is_known {
            reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
            reply.body = self.bytes.clone();
        }
        reply
    }

    /// The same for a document that OData defines.
    pub fn odata_reply(&self, headers: &HeaderMap) -> Reply {
        let mut reply = self.reply(headers);
        reply.headers.insert("odata-version", HeaderValue::from_static("4.0"));
        reply
    }
}

/// FNV-1a with 64 bits: it tells versions of a document apart, and proves nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Every document whose content does not depend on the request.
pub(crate) struct Documents {
    pub(crate) metadata_xml: Document,
    pub(crate) metadata_json: Document,
    pub(crate) openapi: Document,
    /// The files of the page, in the order of [`docs::FILES`].
    pub(crate) docs: [Document; docs::FILES.len()],
}

impl Documents {
    pub(crate) fn new(type_names: TypeNames) -> Self {
        let csdl = Csdl::new(&edm::MODEL, type_names);
        let openapi = openapi::document(type_names, &openapi::RELATIVE_SERVERS.map(str::to_owned));
        Self {
            metadata_xml: Document::new("application/xml", csdl.xml()),
            metadata_json: Document::new(JSON, csdl.json().compact()),
            openapi: Document::new(JSON, openapi.compact()),
            docs: docs::FILES.map(|file| Document::new(file.media, file.text)),
        }
    }
}

/// `$metadata` as XML, for people and files.
pub fn metadata_xml(type_names: TypeNames) -> String {
    Csdl::new(&edm::MODEL, type_names).xml()
}

/// `$metadata` as JSON, for people and files.
pub fn metadata_json(type_names: TypeNames) -> String {
    Csdl::new(&edm::MODEL, type_names).json().pretty()
}

/// The OpenAPI description of a service at these addresses, for people and files.
pub fn openapi(type_names: TypeNames, servers: &[String]) -> String {
    openapi::document(type_names, servers).pretty()
}

/// A value of `$format` that is not served.
pub(crate) fn unfit_format(value: &str, served: &str) -> ApiError {
    ApiError::not_acceptable(&format!("$format is {}", excerpt(value)), served).with_target("$format")
}
