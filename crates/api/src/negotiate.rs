//! What a client can read: `Accept`, `OData-Version` and `OData-MaxVersion`, and conditions on
//! ETags.

use crate::error::{ApiError, Area};
use axum::http::{HeaderMap, header};
use model::{Precondition, Versions};
use odata::encode::Metadata;
use odata::fault::excerpt;
use odata::query::{Format, MetadataLevel};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An OData JSON document.
    Json,
    /// Digits: `/$count`.
    Text,
    /// Answers to a batch, each a part.
    Multipart,
}

/// The form of a JSON answer (OData JSON 4.01, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaType {
    /// How much control information it carries.
    pub metadata: Metadata,
    /// Whether 64-bit numbers are strings.
    pub ieee754_compatible: bool,
}

impl MediaType {
    /// The content type, as Graph writes it.
    pub fn content_type(self) -> &'static str {
        macro_rules! json {
            ($metadata:literal, $compatible:literal) => {
                concat!(
                    "application/json;odata.metadata=",
                    $metadata,
                    ";odata.streaming=true;IEEE754Compatible=",
                    $compatible,
                    ";charset=utf-8"
                )
            };
        }
        match (self.metadata, self.ieee754_compatible) {
            (Metadata::Minimal, false) => json!("minimal", "false"),
            (Metadata::Minimal, true) => json!("minimal", "true"),
            (Metadata::Full, false) => json!("full", "false"),
            (Metadata::Full, true) => json!("full", "true"),
            (Metadata::None, false) => json!("none", "false"),
            (Metadata::None, true) => json!("none", "true"),
        }
    }
}

impl From<Format> for MediaType {
    fn from(format: Format) -> Self {
        let metadata = match format.metadata {
            None | Some(MetadataLevel::Minimal) => Metadata::Minimal,
            Some(MetadataLevel::Full) => Metadata::Full,
            Some(MetadataLevel::None) => Metadata::None,
        };
        Self { metadata, ieee754_compatible: format.ieee754_compatible }
    }
}

/// Refuses protocol versions that are not 4.0 or 4.01 (OData protocol 4.01, section 8.2.6).
pub fn check_versions(headers: &HeaderMap) -> Result<(), ApiError> {
    for name in ["odata-version", "odata-maxversion"] {
        let Some(value) = headers.get(name) else { continue };
        let text = value.to_str().unwrap_or_default().trim();
        let newer_allowed = name == "odata-maxversion";
        let version: Option<f32> = text.parse().ok().filter(|version: &f32| version.is_finite());
        let fits = matches!(text, "4.0" | "4.01") || (newer_allowed && version.is_some_and(|version| version >= 4.0));
        if !fits {
            let message = format!("the {name} header is {}; this service speaks 4.0 and 4.01", excerpt(text));
            return Err(ApiError::bad_request(Area::Risk, message));
        }
    }
    Ok(())
}

/// Chooses the form of the answer, or says that nothing fits.
pub fn accept(headers: &HeaderMap, form: Form) -> Result<MediaType, ApiError> {
    let mut accepted = None;
    let mut any = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty()) {
            any = true;
            accepted = accepted.or_else(|| fits(range, form));
        }
    }
    match (any, accepted) {
        (false, _) => Ok(MediaType::default()),
        (true, Some(media)) => Ok(media),
        (true, None) => {
            let served = match form {
                Form::Json => "application/json",
                Form::Text => "text/plain",
                Form::Multipart => "multipart/mixed",
            };
            Err(ApiError::not_acceptable("nothing that Accept names is served here", served))
        }
    }
}

/// Whether one media range fits, and in which form.
fn fits(range: &str, form: Form) -> Option<MediaType> {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let fits = match media.as_str() {
        // Clients that only ever send JSON's name read a count all the same.
        "*/*" => true,
        "application/json" | "application/*" => form != Form::Multipart,
        "text/plain" | "text/*" => form == Form::Text,
        "multipart/mixed" | "multipart/*" => form == Form::Multipart,
        _ => false,
    };
    let mut chosen = MediaType::default();
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_ascii_lowercase());
        match (name.as_str(), value.as_str()) {
            ("q", value) if value.parse::<f32>() == Ok(0.0) => return None,
            ("odata.metadata" | "metadata", "none") => chosen.metadata = Metadata::None,
            ("odata.metadata" | "metadata", "full") => chosen.metadata = Metadata::Full,
            ("ieee754compatible", "true") => chosen.ieee754_compatible = true,
            _ => {}
        }
    }
    fits.then_some(chosen)
}

/// Chooses among media types, by their place, what `Accept` likes best; `None` when it takes none of
/// them. Of those that it likes alike the first goes (RFC 9110, section 12.5.1): many an HTTP client
/// says `application/json, text/plain, */*` unasked, and then reads XML.
pub fn preferred(headers: &HeaderMap, served: &[&str]) -> Option<usize> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> =
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()).collect();
    if ranges.is_empty() {
        return Some(0);
    }
    let liked = served.iter().enumerate().filter_map(|(place, media)| {
        // The range that says the most of this media type decides.
        let (_, weight) = ranges.iter().filter_map(|range| liking(range, media)).max_by_key(|liking| liking.0)?;
        (weight > 0).then_some((weight, std::cmp::Reverse(place)))
    });
    liked.max().map(|(_, std::cmp::Reverse(place))| place)
}

/// How precisely a media range names a media type, and its weight in thousandths.
fn liking(range: &str, media: &str) -> Option<(u8, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let precision = match name.as_str() {
        "*/*" => 0,
        _ if name == media => 2,
        _ => name
            .strip_suffix("/*")
            .filter(|kind| media.split_once('/').is_some_and(|(own, _)| own == *kind))
            .map(|_| 1)?,
    };
    let mut weights =
        parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    let weight = weights.next().and_then(|(_, weight)| weight.trim().parse::<f32>().ok()).unwrap_or(1.0);
    Some((precision, (weight.clamp(0.0, 1.0) * 1000.0) as u16))
}

/// Reads `If-Match` and `If-None-Match` (RFC 9110, section 13.1). ETags are compared weakly: each
/// names a version of the entity, in whatever form it was read.
pub fn precondition(headers: &HeaderMap) -> Precondition {
    Precondition {
        if_match: versions(headers, header::IF_MATCH),
        if_none_match: versions(headers, header::IF_NONE_MATCH),
    }
}

fn versions(headers: &HeaderMap, name: header::HeaderName) -> Option<Versions> {
    let mut listed = None;
    for value in headers.get_all(name) {
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return Some(Versions::Any);
            }
            let number = tag.strip_prefix("W/").unwrap_or(tag);
            let number = number.strip_prefix('"').and_then(|number| number.strip_suffix('"'));
            let list: &mut Vec<u64> = listed.get_or_insert_default();
            list.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
    }
    listed.map(Versions::Listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn accept_chooses_what_is_served() {
        let json =
            |value| accept(&with(header::ACCEPT, value), Form::Json).map(|m| m.metadata).map_err(|e| e.status.as_u16());
        assert_eq!(accept(&HeaderMap::new(), Form::Json).expect("anything goes"), MediaType::default());
        assert_eq!(json("application/json"), Ok(Metadata::Minimal));
        assert_eq!(json("text/html, */*;q=0.1"), Ok(Metadata::Minimal));
        assert_eq!(json("application/json;odata.metadata=none"), Ok(Metadata::None));
        assert_eq!(json("application/json;odata.metadata=full"), Ok(Metadata::Full));
        let compatible = accept(&with(header::ACCEPT, "application/json;IEEE754Compatible=true"), Form::Json);
        assert!(compatible.expect("it is JSON").ieee754_compatible);
        assert_eq!(json("application/xml"), Err(406));
        assert_eq!(json("application/json;q=0"), Err(406));
        let text =
            |value| accept(&with(header::ACCEPT, value), Form::Text).map(|m| m.metadata).map_err(|e| e.status.as_u16());
        assert_eq!(text("text/plain;q=0.9"), Ok(Metadata::Minimal));
        assert_eq!(text("application/xml"), Err(406));
    }

    #[test]
    fn what_accept_likes_best_is_chosen() {
        let choose = |value| preferred(&with(header::ACCEPT, value), &["application/xml", "application/json"]);
        assert_eq!(preferred(&HeaderMap::new(), &["application/xml"]), Some(0));
        assert_eq!(choose(""), Some(0));
        assert_eq!(choose("*/*"), Some(0));
        assert_eq!(choose("application/*"), Some(0));
        assert_eq!(choose("application/json"), Some(1));
        assert_eq!(choose("Application/JSON; odata.metadata=minimal; q=0.1"), Some(1));
        assert_eq!(choose("application/json, text/plain, */*"), Some(0), "alike: the first that is served");
        assert_eq!(choose("application/json, application/xml"), Some(0));
        assert_eq!(choose("application/json, */*;q=0.9"), Some(1));
        assert_eq!(choose("application/json;q=0.9, application/xml;q=0.8"), Some(1));
        assert_eq!(choose("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Some(0));
        assert_eq!(choose("*/*, application/xml;q=0"), Some(1));
        assert_eq!(choose("text/html"), None);
        assert_eq!(choose("application/json;q=0, text/*"), None);
        assert_eq!(choose("application/json;q=nan"), None);
        assert_eq!(choose("application/"), None);
    }

    #[test]
    fn etags_are_read_weak_and_strong() {
        let read = |value| precondition(&with(header::IF_MATCH, value)).if_match;
        assert_eq!(read("W/\"3\", \"4\""), Some(Versions::Listed(vec![3, 4])));
        assert_eq!(read("*"), Some(Versions::Any));
        assert_eq!(read("\"not-ours\""), Some(Versions::Listed(vec![])));
        assert_eq!(precondition(&HeaderMap::new()), Precondition::default());
    }

    #[test]
    fn versions_below_four_are_refused() {
        let check =
            |name: &'static str, value| check_versions(&with(header::HeaderName::from_static(name), value)).is_ok();
        assert!(check("odata-version", "4.01") && check("odata-maxversion", "4.0") && check("odata-maxversion", "5.0"));
        assert!(!check("odata-version", "3.0") && !check("odata-maxversion", "3.0") && !check("odata-version", "x"));
    }
}
