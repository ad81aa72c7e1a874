//! `GET /$metadata`: the entity data model (OData protocol 4.01, section 11.1.2).

use crate::call::PublicCall;
use crate::documents::unfit_format;
use crate::error::ApiError;
use crate::negotiate::preferred;
use crate::reply::Reply;
use odata::query::{Format, SystemOption};

/// Answers it as XML, or as JSON to those who prefer that.
pub fn run(call: &PublicCall<'_>) -> Result<Reply, ApiError> {
    let documents = &call.app.documents;
    let forms = [&documents.metadata_xml, &documents.metadata_json];
    let served = "application/xml and application/json";
    let chosen = match call.options.get(SystemOption::Format) {
        Some(format) if ["xml", "application/xml"].iter().any(|name| name.eq_ignore_ascii_case(format.trim())) => 0,
        Some(format) => Format::read(format).map(|_| 1).map_err(|_| unfit_format(format, served))?,
        None => preferred(call.headers, &["application/xml", "application/json"])
            .ok_or_else(|| ApiError::not_acceptable("nothing that Accept names is served here", served))?,
    };
    let mut reply = forms[chosen].odata_reply(call.headers);
    reply.set("vary", "Accept");
    Ok(reply)
}
