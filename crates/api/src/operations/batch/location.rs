//! Where a request of a batch goes.

use super::item::Item;
use crate::call::Call;
use crate::dispatch::split_version;
use crate::error::{ApiError, Area};
use crate::references::References;
use axum::http::{HeaderMap, header};
use odata::fault::excerpt;
use std::borrow::Cow;

/// Path and query of a request, below the version. Its URL is relative with or without a leading
/// slash, with raw blanks and quotes (.NET), absolute (Python), or begins with `$id` of a request
/// before.
pub fn locate(call: &Call<'_>, item: &Item, references: &References) -> Result<String, ApiError> {
    let url = local_url(call, item)?;
    references.resolve(&url).unwrap_or(Ok(url))
}

/// The headers of a request, with ETags in the place of references to them.
pub fn headers<'i>(item: &'i Item, references: &References) -> Result<Cow<'i, HeaderMap>, ApiError> {
    let mut headers = Cow::Borrowed(&item.headers);
    for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
        if let Some(etag) = item.headers.get(&name).and_then(|value| references.etag(value)) {
            headers.to_mut().insert(name, etag?);
        }
    }
    Ok(headers)
}

fn local_url(call: &Call<'_>, item: &Item) -> Result<String, ApiError> {
    let foreign = || {
        let message = format!("{} is not a URL of this service and version", excerpt(&item.url));
        ApiError::bad_request(Area::Risk, message)
    };
    let own = call.origin.split_once("://").map_or("", |(_, authority)| authority);
    let url = item.url.replace(' ', "%20");
    let below_version = |path: &str| match split_version(path.split('?').next().unwrap_or_default()) {
        Some((version, _)) if version == call.version => Some(path[version.len() + 1..].to_owned()),
        _ => None,
    };
    let absolute = url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()));
    let Some((scheme, rest)) = absolute else {
        if let Some(host) = item.headers.get(header::HOST).filter(|_| url.starts_with('/'))
            && !host.as_bytes().eq_ignore_ascii_case(own.as_bytes())
        {
            let host = String::from_utf8_lossy(host.as_bytes());
            return Err(ApiError::bad_request(Area::Risk, format!("the host {} is not this service", excerpt(&host))));
        }
        let url = if url.starts_with('/') { url } else { format!("/{url}") };
        return match split_version(url.split('?').next().unwrap_or_default()) {
            Some(_) => below_version(&url).ok_or_else(foreign),
            None => Ok(url),
        };
    };
    let (authority, path) = rest.split_at(rest.find('/').ok_or_else(foreign)?);
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !web || !authority.eq_ignore_ascii_case(own) {
        return Err(foreign());
    }
    below_version(path).ok_or_else(foreign)
}
