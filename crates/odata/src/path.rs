//! Resource paths (OData URL conventions 4.01, section 4): `/users('a@b')/...` to what they name.

mod resource;

pub use resource::{ContainedPart, Entities, Key, PathError, PropertyPart, Resource};

use crate::edm::{EntitySet, EntityType, Model, NavigationProperty, Operand, Operation, OperationKind, Property, Type};
use crate::expression::bound::PropertyPath;
use crate::fault::excerpt;
use percent_encoding::percent_decode_str;

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
    let Some(singleton) = model.singleton(first) else { return of_set(model, model.root_sets(), first, segments) };
    match segments.next() {
        Some(segment) => of_set(model, model.sets_of(singleton), segment, segments),
        None => {
            let sets = model.sets_of(singleton).map(|set| set.name).collect::<Vec<_>>().join(", ");
            Err(PathError::HoldsSets { name: singleton.name, sets })
        }
    }
}

/// The one of some sets that `segment` names, with or without a key, and what follows it.
fn of_set<'p>(
    model: &Model,
    mut sets: impl Iterator<Item = &'static EntitySet>,
    segment: &str,
    segments: impl Iterator<Item = &'p str>,
) -> Result<Resource, PathError> {
    let (name, predicate) = split_predicate(segment)?;
    let set = sets.find(|set| set.name.eq_ignore_ascii_case(name));
    let set = set.ok_or_else(|| PathError::UnknownSegment(excerpt(segment)))?;
    let entities = Entities::of(set);
    match predicate {
        Some(predicate) => one_entity(model, entities, key_predicate(set.alternate_key, predicate, segment)?, segments),
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
        if let Some(action) = action(model, entities, segment) {
            return end(segments, Resource::Action(entities, action));
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
        let key = key_predicate(entities.set.alternate_key, predicate.unwrap_or_default(), segment)?;
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
        } else if let Some(navigation) = entities.ty.navigation(before_predicate(segment)).filter(|nav| nav.collection)
        {
            return contained_entities(model, entities, key, navigation, segment, segments);
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
        if segment.eq_ignore_ascii_case("$ref") && navigation.is_settable() {
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

/// What follows a relation to any number of entities, which `segment` names with or without a key.
fn contained_entities<'p>(
    model: &Model,
    entities: Entities,
    key: Key,
    navigation: &'static NavigationProperty,
    segment: &str,
    mut segments: impl Iterator<Item = &'p str>,
) -> Result<Resource, PathError> {
    if !navigation.contained {
        return Err(PathError::NotImplemented(excerpt(segment)));
    }
    let target = navigation.target;
    let mut id = match split_predicate(segment)? {
        (_, Some(predicate)) => Some(key_predicate(None, predicate, segment)?.text().to_owned()),
        (_, None) => None,
    };
    loop {
        let Some(segment) = segments.next() else {
            let part = id.map_or(ContainedPart::Collection, ContainedPart::Entity);
            return Ok(Resource::Contained(entities, key, navigation, part));
        };
        if id.is_none() && segment.eq_ignore_ascii_case("$count") {
            return end(segments, Resource::Contained(entities, key, navigation, ContainedPart::Count));
        }
        let shows =
            || target.navigation(segment).is_some() || target.property(segment).is_some_and(|(_, it)| !it.write_only);
        match model.entity_type(segment) {
            Some(ty) if target.is(ty) => {}
            Some(ty) if !ty.is(target) => {
                return Err(PathError::WrongType { found: excerpt(segment), expected: target.name });
            }
            None if id.is_none() && !segment.starts_with('$') => id = Some(segment.to_owned()),
            None if !segment.starts_with('$') && !shows() => return Err(PathError::UnknownSegment(excerpt(segment))),
            Some(_) | None => return Err(PathError::NotImplemented(excerpt(segment))),
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
    let holds_several = matches!(property.ty, Type::Collection { .. });
    let is_structured = matches!(property.ty, Type::Complex(_));
    let path = PropertyPath { navigation, position, property };
    match rest.next() {
        None => Ok((path, PropertyPart::Value)),
        Some(last) if last.eq_ignore_ascii_case("$value") && holds_several => Err(PathError::NoValue(property.name)),
        Some(last) if last.eq_ignore_ascii_case("$value") && is_structured => Err(PathError::Structured(property.name)),
        Some(last) if last.eq_ignore_ascii_case("$value") => end(rest, (path, PropertyPart::Text)),
        Some(last) if last.eq_ignore_ascii_case("$count") && holds_several => end(rest, (path, PropertyPart::Count)),
        Some(last) => match property.ty {
            Type::Complex(of) if of.shows(last) => Err(PathError::NotImplemented(excerpt(last))),
            _ => Err(PathError::UnknownSegment(excerpt(last))),
        },
    }
}

/// The name of the operation that a segment after a set may be: alone or in a namespace of the model, with
/// or without parentheses. A key that looks like one stands in parentheses of the set.
fn operation_name<'s>(model: &Model, segment: &'s str) -> Option<&'s str> {
    let operation = segment.strip_suffix("()").unwrap_or(segment);
    match operation.rsplit_once('.') {
        None => Some(operation),
        Some((namespace, name)) => model.has_namespace(namespace).then_some(name),
    }
}

fn is_delta(model: &Model, segment: &str) -> bool {
    operation_name(model, segment).is_some_and(|name| name.eq_ignore_ascii_case("delta"))
}

/// The action on these entities that a segment names.
fn action(model: &Model, entities: Entities, segment: &str) -> Option<&'static Operation> {
    let name = operation_name(model, segment)?;
    let fits = |operation: &&Operation| {
        operation.kind == OperationKind::Action
            && operation.name.eq_ignore_ascii_case(name)
            && matches!(operation.binding, Operand::Collection(ty) if entities.ty.is(ty))
    };
    model.operations.iter().find(fits)
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

/// The name in `users('x')` or `users`.
fn before_predicate(segment: &str) -> &str {
    segment.split_once('(').map_or(segment, |(name, _)| name)
}

/// Reads `'x'`, `x`, `id='x'` or `alternate='x'`, where there is an alternate key.
fn key_predicate(alternate: Option<&str>, predicate: &str, segment: &str) -> Result<Key, PathError> {
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
        Some(name) if alternate.is_some_and(|key| key.eq_ignore_ascii_case(name)) => Ok(Key::Alternate(text)),
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
