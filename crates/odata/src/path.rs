//! Resource paths (OData URL conventions 4.01, section 4): `/users('a@b')/...` to what they name.

use crate::edm::{EntitySet, EntityType, Model, NavigationProperty, Property};
use crate::fault::excerpt;
use percent_encoding::percent_decode_str;

/// What finds one entity of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Its id, or the set's alternate key: `/users/a@b` may be either.
    Id(String),
    /// Named: `users(userPrincipalName='a@b')`.
    Alternate(String),
}

impl Key {
    /// The text of the key, whichever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Id(text) | Self::Alternate(text) => text,
        }
    }
}

/// What a path names.
#[derive(Clone, Debug)]
pub enum Resource {
    /// `/`: the service document.
    Service,
    /// `/$metadata`
    Metadata,
    /// `/set`
    Collection(&'static EntitySet),
    /// `/set/$count`
    Count(&'static EntitySet),
    /// `/set/key`
    Entity(&'static EntitySet, Key),
    /// `/set/key/navigation`
    Navigation(&'static EntitySet, Key, &'static NavigationProperty),
    /// `/set/key/navigation/$ref`
    Reference(&'static EntitySet, Key, &'static NavigationProperty),
    /// `/$batch`
    Batch,
}

/// A path that names nothing here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PathError {
    /// A percent sign that starts no byte, or bytes that are not UTF-8.
    #[error("the path segment {0} is not percent-encoded UTF-8")]
    Encoding(String),
    /// `('...` without its end, and the like.
    #[error("the key in {0} is not of the form ('...') with quotes inside doubled")]
    Key(String),
    /// There is no such thing.
    #[error("Resource not found for the segment {0}.")]
    UnknownSegment(String),
    /// OData or Graph define it, this service does not serve it yet.
    #[error("the path segment {0} is not served yet")]
    NotImplemented(String),
}

/// Resolves the part of a path after the service root, such as `/users/a@b/$ref`, against a model.
pub fn resolve(model: &Model, path: &str) -> Result<Resource, PathError> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        segments.push(decode(segment)?);
        if segments.len() > 8 {
            return Err(PathError::UnknownSegment(excerpt(&segments[8])));
        }
    }
    let mut segments = segments.iter().map(String::as_str);
    let Some(first) = segments.next() else { return Ok(Resource::Service) };
    if first.eq_ignore_ascii_case("$batch") {
        return end(segments, Resource::Batch);
    }
    if first.eq_ignore_ascii_case("$metadata") {
        return end(segments, Resource::Metadata);
    }
    let (name, predicate) = split_predicate(first)?;
    let set = model.entity_set(name).ok_or_else(|| PathError::UnknownSegment(excerpt(first)))?;
    let key = match (predicate, segments.next()) {
        (Some(predicate), rest) => Some((key_predicate(set, predicate, first)?, rest)),
        (None, Some(segment)) if segment.eq_ignore_ascii_case("$count") => {
            return end(segments, Resource::Count(set));
        }
        (None, Some(segment)) if is_reserved(model, segment) => {
            return Err(PathError::NotImplemented(excerpt(segment)));
        }
        (None, Some(segment)) => Some((Key::Id(segment.to_owned()), segments.next())),
        (None, None) => None,
    };
    let Some((key, next)) = key else { return Ok(Resource::Collection(set)) };
    let Some(next) = next else { return Ok(Resource::Entity(set, key)) };
    match set.entity_type.navigation(next) {
        Some(navigation) => match segments.next() {
            None => Ok(Resource::Navigation(set, key, navigation)),
            Some(last) if last.eq_ignore_ascii_case("$ref") => end(segments, Resource::Reference(set, key, navigation)),
            Some(last) if last.starts_with('$') || navigation.target.property(last).is_some() => {
                Err(PathError::NotImplemented(excerpt(last)))
            }
            Some(last) => Err(PathError::UnknownSegment(excerpt(last))),
        },
        None if next.starts_with('$')
            || set.entity_type.property(next).is_some()
            || model.entity_type(next).is_some() =>
        {
            Err(PathError::NotImplemented(excerpt(next)))
        }
        None => Err(PathError::UnknownSegment(excerpt(next))),
    }
}

/// Segments after a set that are not keys but are not served yet: `delta`, `$ref`, casts.
fn is_reserved(model: &Model, segment: &str) -> bool {
    let function = segment.strip_suffix("()").unwrap_or(segment);
    segment.starts_with('$')
        || function.eq_ignore_ascii_case("delta")
        || function.rsplit_once('.').is_some_and(|(namespace, name)| {
            name.eq_ignore_ascii_case("delta") && model.entity_types.iter().any(|ty| ty.is_in(namespace))
        })
        || model.entity_type(segment).is_some()
}

fn end<'a>(mut rest: impl Iterator<Item = &'a str>, resource: Resource) -> Result<Resource, PathError> {
    match rest.next() {
        None => Ok(resource),
        Some(segment) => Err(PathError::UnknownSegment(excerpt(segment))),
    }
}

/// Decodes one segment. Splitting comes first, so an encoded slash stays inside its segment.
fn decode(segment: &str) -> Result<String, PathError> {
    let bytes = segment.as_bytes();
    let whole = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| PathError::Encoding(excerpt(segment)))?;
    if whole && !decoded.contains('\0') { Ok(decoded.into_owned()) } else { Err(PathError::Encoding(excerpt(segment))) }
}

/// Splits `users('x')` into `users` and `'x'`.
fn split_predicate(segment: &str) -> Result<(&str, Option<&str>), PathError> {
    match segment.split_once('(') {
        None => Ok((segment, None)),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(inner) => Ok((name, Some(inner))),
            None => Err(PathError::Key(excerpt(segment))),
        },
    }
}

/// Reads `'x'`, `x`, `id='x'` or `alternate='x'`.
fn key_predicate(set: &EntitySet, predicate: &str, segment: &str) -> Result<Key, PathError> {
    let bad = || PathError::Key(excerpt(segment));
    let (name, value) = match predicate.split_once('=') {
        Some((name, value)) if !name.contains('\'') => (Some(name.trim()), value.trim()),
        _ => (None, predicate.trim()),
    };
    let text = match value.strip_prefix('\'') {
        Some(rest) => unquote(rest).ok_or_else(bad)?,
        None if value.is_empty() || value.contains('\'') => return Err(bad()),
        None => value.to_owned(),
    };
    match name {
        None => Ok(Key::Id(text)),
        Some(name) if name.eq_ignore_ascii_case("id") => Ok(Key::Id(text)),
        Some(name) if set.alternate_key.is_some_and(|key| key.eq_ignore_ascii_case(name)) => Ok(Key::Alternate(text)),
        Some(_) => Err(bad()),
    }
}

/// Undoubles the quotes of a string literal whose opening quote is taken off already.
fn unquote(rest: &str) -> Option<String> {
    let inner = rest.strip_suffix('\'')?;
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        if c == '\'' && characters.next() != Some('\'') {
            return None;
        }
        out.push(c);
    }
    Some(out)
}

/// Reads the entity that an `@odata.id` or a binding names: an absolute URL, or a path relative
/// to the service root. `versions` are the path prefixes of the service (`v1.0`, `beta`); `is_own`
/// tells whether an authority (`host:port`) is this service.
pub fn entity_reference(
    model: &Model,
    versions: &[&str],
    is_own: impl Fn(&str) -> bool,
    url: &str,
) -> Result<(&'static EntitySet, Key), PathError> {
    let unknown = || PathError::UnknownSegment(excerpt(url));
    let path = match url.split_once("://") {
        None => url,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
            let (authority, path) = rest.split_once('/').ok_or_else(unknown)?;
            if !is_own(authority) {
                return Err(unknown());
            }
            path
        }
        Some(_) => return Err(unknown()),
    };
    let path = path.trim_start_matches('/');
    let path = match path.split_once('/') {
        Some((version, rest)) if versions.iter().any(|known| known.eq_ignore_ascii_case(version)) => rest,
        _ => path,
    };
    match resolve(model, path)? {
        Resource::Entity(set, key) => Ok((set, key)),
        _ => Err(unknown()),
    }
}

/// Encodes a key as one path segment.
pub fn encode_segment(text: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');
    percent_encoding::utf8_percent_encode(text, KEPT).to_string()
}

/// The property that a set's alternate key names.
pub fn alternate_property(set: &EntitySet) -> Option<(usize, &'static Property)> {
    let ty: &EntityType = set.entity_type;
    set.alternate_key.and_then(|name| ty.property(name))
}
