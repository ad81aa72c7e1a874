//! `GET /`: what can be asked for at the root of the service (OData protocol 4.01, section 11.1.1).

use crate::call::PublicCall;
use crate::documents::{Document, unfit_format};
use crate::error::ApiError;
use crate::negotiate::{Form, MediaType, accept};
use crate::reply::Reply;
use model::edm;
use odata::csdl::service_document;
use odata::encode::Metadata;
use odata::query::{Format, SystemOption};

/// Answers the names of the sets.
pub fn run(call: &PublicCall<'_>) -> Result<Reply, ApiError> {
    let media = match call.options.get(SystemOption::Format) {
        Some(format) => MediaType::from(Format::read(format).map_err(|_| unfit_format(format, "application/json"))?),
        None => accept(call.headers, Form::Json)?,
    };
    let is_bare = media.metadata == Metadata::None;
    let context = (!is_bare).then(|| format!("{}/{}/$metadata", call.origin, call.version));
    let document = Document::new(media.content_type(), service_document(&edm::MODEL, context).compact());
    Ok(document.odata_reply(call.headers))
}
