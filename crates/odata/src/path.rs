//! Resource paths (OData URL conventions 4.01, section 4): `/users('a@b')/...` to what they name.

use crate::edm::{EntitySet, EntityType, Model, NavigationProperty, Property, Type};
use crate::expression::bound::PropertyPath;
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

/// The entities of a set, or those of one type among them: `/set`, `/set/Namespace.Type`.
#[derive(Clone, Copy, Debug)]
pub struct Entities {
    /// The set.
    pub set: &'static EntitySet,
    /// The type that all of them have: the set's, or one derived from it that a segment casts to.
    pub ty: &'static EntityType,
    /// The namespace by which the cast named the type.
    namespace: Option<&'static str>,
}

impl Entities {
    /// All entities of a set.
    pub const fn of(set: &'static EntitySet) -> Self {
        Self { set, ty: set.entity_type, namespace: None }
    }

    /// Those of them that are of a type, which the URL calls `name`. To be of the type that all have
    /// in any case, or of a base of it, says nothing new.
    fn cast(self, model: &Model, ty: &'static EntityType, name: &str) -> Result<Self, PathError> {
        if self.ty.is(ty) {
            return Ok(self);
        }
        if !ty.is(self.ty) {
            return Err(PathError::WrongType { found: excerpt(name), expected: self.ty.name });
        }
        let used = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        // As the client wrote it where a schema has that name, so that what comes back matches; not by an alias.
        let schema = ty.synonyms.iter().copied().find(|known| {
            known.eq_ignore_ascii_case(used) && model.entity_types.iter().any(|ty| ty.namespace == *known)
        });
        Ok(Self { ty, namespace: Some(schema.unwrap_or(ty.namespace)), ..self })
    }

    /// How context URLs and links name them: `set` or `set/Namespace.Type` (OData protocol 4.01, section 10.5).
    pub fn fragment(&self) -> String {
        match self.namespace {
            None => self.set.name.to_owned(),
            Some(namespace) => format!("{}/{namespace}.{}", self.set.name, self.ty.name),
        }
    }
}

/// What is asked of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyPart {
    /// Its value, in an object: `/property`
    Value,
    /// Its value as text: `/property/$value`
    Text,
    /// The number of its values: `/property/$count`
    Count,
}

/// What a path names.
#[derive(Clone, Debug)]
pub enum Resource {
    /// `/`: the service document.
    Service,
    /// `/$metadata`
    Metadata,
    /// `/set`
    Collection(Entities),
    /// `/set/$count`
    Count(Entities),
    /// `/set/$ref`
    References(Entities),
    /// `/set/delta()`: what has changed in it.
    Delta(Entities),
    /// `/set/key`
    Entity(Entities, Key),
    /// `/set/key/$ref`
    EntityReference(Entities, Key),
    /// `/set/key/navigation`
    Navigation(Entities, Key, &'static NavigationProperty),
    /// `/set/key/navigation/$ref`
    Reference(Entities, Key, &'static NavigationProperty),
    /// `/set/key/property` and `/set/key/navigation/property`, with `/$value` or `/$count` after it
    Property(Entities, Key, PropertyPath, PropertyPart),
    /// `/$batch`
    Batch,
}

impl Resource {
    /// The entities that the path begins with.
    pub fn entities(&self) -> Option<Entities> {
        match self {
            Self::Collection(entities)
            | Self::Count(entities)
            | Self::References(entities)
            | Self::Delta(entities)
            | Self::Entity(entities, _)
            | Self::EntityReference(entities, _)
            | Self::Navigation(entities, ..)
            | Self::Reference(entities, ..)
            | Self::Property(entities, ..) => Some(*entities),
            Self::Service | Self::Metadata | Self::Batch => None,
        }
    }

    /// The key after them.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Entity(_, key)
            | Self::EntityReference(_, key)
            | Self::Navigation(_, key, _)
            | Self::Reference(_, key, _)
            | Self::Property(_, key, ..) => Some(key),
            Self::Service
            | Self::Metadata
            | Self::Batch
            | Self::Collection(_)
            | Self::Count(_)
            | Self::References(_)
            | Self::Delta(_) => None,
        }
    }
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
    /// A cast to a type that none of the entities can have.
    #[error("the type {found} is not `{expected}`, nor derived from it, nor a base of it")]
    WrongType {
        /// The segment.
        found: String,
        /// The type that the entities before it have.
        expected: &'static str,
    },
    /// `/$value` of something that is not one value.
    #[error("`{0}` holds several values, which have no $value")]
    NoValue(&'static str),
    /// OData or Graph define it, this service does not serve it yet.
    #[error("the path segment {0} is not served yet")]
    NotImplemented(String),
}

/// Resolves the part of a path after the service root, such as `/users/a@b/$ref`, against a model.
pub fn resolve(model: &Model, path: &str) -> Result<Resource, PathError> {
    let segments = split(path)?;
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
    let entities = Entities::of(set);
    match predicate {
        Some(predicate) => one_entity(model, entities, key_predicate(set, predicate, first)?, segments),
        None => many_entities(model, entities, segments),
    }
}

/// Resolves what follows an entity that is found already, such as `Namespace.Type/name`.
pub fn resolve_at(model: &Model, entities: Entities, key: Key, rest: &str) -> Result<Resource, PathError> {
    one_entity(model, entities, key, split(rest)?.iter().map(String::as_str))
}

/// The decoded segments of a path; empty ones are passed over.
fn split(path: &str) -> Result<Vec<String>, PathError> {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        segments.push(decode(segment)?);
        if segments.len() > 8 {
            return Err(PathError::UnknownSegment(excerpt(&segments[8])));
        }
    }
    Ok(segments)
}

/// What follows a set.
fn many_entities<'p>(
    model: &Model,
    mut entities: Entities,
    mut segments: impl Iterator<Item = &'p str>,
) -> Result<Resource, PathError> {
    loop {
        let Some(segment) = segments.next() else { return Ok(Resource::Collection(entities)) };
        if segment.eq_ignore_ascii_case("$count") {
            return end(segments, Resource::Count(entities));
        }
        if segment.eq_ignore_ascii_case("$ref") {
            return end(segments, Resource::References(entities));
        }
        if let Some(ty) = model.entity_type(segment) {
            entities = entities.cast(model, ty, segment)?;
            continue;
        }
        if is_delta(model, segment) {
            return end(segments, Resource::Delta(entities));
        }
        if segment.starts_with('$') {
            return Err(PathError::NotImplemented(excerpt(segment)));
        }
        // `Namespace.Type('key')`; any other segment with parentheses is a key that has them.
        let cast_and_key = segment.split_once('(').and_then(|(name, _)| Some((name, model.entity_type(name)?)));
        let Some((name, ty)) = cast_and_key else {
            return one_entity(model, entities, Key::Id(segment.to_owned()), segments);
        };
        let (_, predicate) = split_predicate(segment)?;
        let key = key_predicate(entities.set, predicate.unwrap_or_default(), segment)?;
        return one_entity(model, entities.cast(model, ty, name)?, key, segments);
    }
}

/// What follows a key.
fn one_entity<'p>(
    model: &Model,
    mut entities: Entities,
    key: Key,
    mut segments: impl Iterator<Item = &'p str>,
) -> Result<Resource, PathError> {
    loop {
        let Some(segment) = segments.next() else { return Ok(Resource::Entity(entities, key)) };
        if let Some(ty) = model.entity_type(segment) {
            entities = entities.cast(model, ty, segment)?;
        } else if segment.eq_ignore_ascii_case("$ref") {
            return end(segments, Resource::EntityReference(entities, key));
        } else if let Some(navigation) = entities.ty.navigation(segment) {
            return related_entity(model, entities, key, navigation, segments);
        } else {
            let (path, part) = property(entities.ty, Vec::new(), segment, segments)?;
            return Ok(Resource::Property(entities, key, path, part));
        }
    }
}

/// What follows a relation.
fn related_entity<'p>(
    model: &Model,
    entities: Entities,
    key: Key,
    navigation: &'static NavigationProperty,
    mut segments: impl Iterator<Item = &'p str>,
) -> Result<Resource, PathError> {
    loop {
        let Some(segment) = segments.next() else { return Ok(Resource::Navigation(entities, key, navigation)) };
        if segment.eq_ignore_ascii_case("$ref") {
            return end(segments, Resource::Reference(entities, key, navigation));
        }
        match model.entity_type(segment) {
            Some(ty) if navigation.target.is(ty) => {}
            Some(ty) if ty.is(navigation.target) => return Err(PathError::NotImplemented(excerpt(segment))),
            Some(_) => {
                return Err(PathError::WrongType { found: excerpt(segment), expected: navigation.target.name });
            }
            None => {
                let (path, part) = property(navigation.target, vec![navigation], segment, segments)?;
                return Ok(Resource::Property(entities, key, path, part));
            }
        }
    }
}

/// A property of a type that `navigation` leads to, and what is asked of it.
fn property<'p>(
    ty: &'static EntityType,
    navigation: Vec<&'static NavigationProperty>,
    segment: &str,
    mut rest: impl Iterator<Item = &'p str>,
) -> Result<(PropertyPath, PropertyPart), PathError> {
    if segment.starts_with('$') {
        return Err(PathError::NotImplemented(excerpt(segment)));
    }
    let found = ty.property(segment).filter(|(_, property)| !property.write_only);
    let (position, property) = found.ok_or_else(|| PathError::UnknownSegment(excerpt(segment)))?;
    if matches!(property.ty, Type::Complex(_)) {
        return Err(PathError::NotImplemented(excerpt(segment)));
    }
    let holds_several = matches!(property.ty, Type::Collection { .. });
    let path = PropertyPath { navigation, position, property };
    match rest.next() {
        None => Ok((path, PropertyPart::Value)),
        Some(last) if last.eq_ignore_ascii_case("$value") && holds_several => Err(PathError::NoValue(property.name)),
        Some(last) if last.eq_ignore_ascii_case("$value") => end(rest, (path, PropertyPart::Text)),
        Some(last) if last.eq_ignore_ascii_case("$count") && holds_several => end(rest, (path, PropertyPart::Count)),
        Some(last) => Err(PathError::UnknownSegment(excerpt(last))),
    }
}

/// Whether a segment after a set is the function `delta`, by its name or in a namespace of the model, with
/// or without parentheses.
fn is_delta(model: &Model, segment: &str) -> bool {
    let function = segment.strip_suffix("()").unwrap_or(segment);
    let (namespace, name) = function.rsplit_once('.').map_or((None, function), |(space, name)| (Some(space), name));
    let is_ours = |namespace| model.entity_types.iter().any(|ty| ty.is_in(namespace));
    name.eq_ignore_ascii_case("delta") && namespace.is_none_or(is_ours)
}

/// What was found, when nothing follows it.
fn end<'p, T>(mut rest: impl Iterator<Item = &'p str>, found: T) -> Result<T, PathError> {
    match rest.next() {
        None => Ok(found),
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
) -> Result<(Entities, Key), PathError> {
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
        Resource::Entity(entities, key) => Ok((entities, key)),
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
