//! `$expand` (URL conventions 4.01, section 5.1.3).

use super::SystemOption;
use super::bind::{OptionText, Reading};
use super::select::{Inner, Selected, Selection};
use crate::edm::{EntityType, NavigationProperty};
use crate::expression::ErrorKind;
use crate::fault::excerpt;

/// A relation whose entity is answered in place, and what of it.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// The relation.
    pub navigation: &'static NavigationProperty,
    /// The properties of the related entity.
    pub select: Selection,
    /// What is expanded of the related entity in turn.
    pub expand: Vec<Expansion>,
    /// Whether it is the first of several levels of the same relation (`$levels`).
    pub repeats: bool,
}

impl Expansion {
    /// A relation with everything of its entity, and nothing beyond.
    pub fn whole(navigation: &'static NavigationProperty) -> Self {
        Self { navigation, select: Selection::everything(navigation.target), expand: Vec::new(), repeats: false }
    }
}

/// Binds the value of a `$expand`.
pub(super) fn read<'t>(
    option: &OptionText<'t>,
    text: &'t str,
    ty: &'static EntityType,
    depth: usize,
    reading: &mut Reading<'_>,
) -> Vec<Expansion> {
    let mut named: Vec<Expansion> = Vec::new();
    let mut star = false;
    for item in option.split(text, ',') {
        let item = item.trim();
        let (path, nested) = match option.parenthesised(item) {
            Ok(parts) => parts,
            Err(message) => {
                reading.error(option, item, ErrorKind::Syntax, message);
                continue;
            }
        };
        if depth >= reading.limits.expand {
            let message = format!("$expand is nested deeper than {} levels", reading.limits.expand);
            reading.error(option, item, ErrorKind::TooComplex, message);
            continue;
        }
        if path == "*" {
            if std::mem::replace(&mut star, true) {
                reading.error(option, item, ErrorKind::Syntax, "`*` occurs more than once in $expand");
            }
            if nested.is_some_and(|nested| !nested.trim().is_empty()) {
                let message = "options of `*` are not served; name the relations";
                reading.error(option, item, ErrorKind::NotServed, message);
            }
            continue;
        }
        let Some(navigation) = relation(option, path, ty, reading) else { continue };
        if named.iter().any(|known| std::ptr::eq(known.navigation, navigation)) {
            let message = format!("`{}` occurs more than once in $expand", navigation.name);
            reading.error(option, path, ErrorKind::Syntax, message);
            continue;
        }
        named.push(expansion(option, navigation, nested, ty, depth, reading));
    }
    if star {
        // What is named has precedence over the star.
        let rest = ty.lineage().flat_map(|ty| ty.navigation).filter(|navigation| !navigation.collection);
        let rest: Vec<_> =
            rest.filter(|navigation| !named.iter().any(|known| std::ptr::eq(known.navigation, *navigation))).collect();
        named.extend(rest.into_iter().map(Expansion::whole));
    }
    named
}

/// Finds the relation that a path of `$expand` names.
fn relation<'t>(
    option: &OptionText<'t>,
    path: &'t str,
    ty: &'static EntityType,
    reading: &mut Reading<'_>,
) -> Option<&'static NavigationProperty> {
    let (mut at, mut found) = (ty, None);
    for segment in path.split('/') {
        let segment = segment.trim();
        let (kind, message) = match found {
            _ if segment.is_empty() => (ErrorKind::Syntax, "the name of a relation is missing".to_owned()),
            _ if matches!(segment, "$ref" | "$count" | "$value") => {
                (ErrorKind::NotServed, format!("{} in $expand is not served", excerpt(segment)))
            }
            _ if segment.contains('.') => {
                let target = found.map_or(at, |navigation: &NavigationProperty| navigation.target);
                match reading.model.entity_type(segment) {
                    Some(cast) if target.is(cast) => continue,
                    Some(cast) if cast.is(target) && found.is_none() => {
                        at = cast;
                        continue;
                    }
                    Some(cast) if cast.is(target) => {
                        (ErrorKind::NotServed, format!("expanding only {} is not served", excerpt(segment)))
                    }
                    _ => {
                        let message = format!("{} is not a type of the entities that are expanded", excerpt(segment));
                        (ErrorKind::UnknownName, message)
                    }
                }
            }
            Some(navigation) => {
                let message = format!("write `{}($expand=...)` to expand what is related in turn", navigation.name);
                (ErrorKind::NotServed, message)
            }
            None => match at.navigation(segment) {
                Some(navigation) if navigation.collection => {
                    let message =
                        format!("expanding `{}`, which leads to many entities, is not served", navigation.name);
                    (ErrorKind::NotServed, message)
                }
                Some(navigation) => {
                    found = Some(navigation);
                    continue;
                }
                None => {
                    reading.unknown_property(option, segment, at, ErrorKind::NotExpandable);
                    return None;
                }
            },
        };
        reading.error(option, segment, kind, message);
        return None;
    }
    if found.is_none() {
        reading.error(option, path, ErrorKind::Syntax, "the name of a relation is missing");
    }
    found
}

/// Binds one relation with its options in parentheses.
fn expansion<'t>(
    option: &OptionText<'t>,
    navigation: &'static NavigationProperty,
    nested: Option<&'t str>,
    source: &'static EntityType,
    depth: usize,
    reading: &mut Reading<'_>,
) -> Expansion {
    let mut select = Selection::everything(navigation.target);
    let (mut expand, mut inner, mut levels, mut seen) = (Vec::new(), Vec::new(), 1, Vec::new());
    let parts = nested.map(|nested| option.split(nested, ';')).unwrap_or_default();
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (name.trim(), value.trim());
        if name.starts_with('@') {
            continue; // an alias for expressions; none are asked of one entity
        }
        let Some(known) = SystemOption::from_name(name) else {
            let message = format!("{} is not an option of $expand", excerpt(name));
            reading.error(option, part, ErrorKind::Syntax, message);
            continue;
        };
        if seen.contains(&known) {
            let message = format!("{} occurs more than once for `{}`", known.name(), navigation.name);
            reading.error(option, name, ErrorKind::Syntax, message);
            continue;
        }
        seen.push(known);
        match known {
            SystemOption::Select => inner = select.read(option, value, reading),
            SystemOption::Expand => expand = read(option, value, navigation.target, depth + 1, reading),
            SystemOption::Levels => levels = read_levels(option, value, navigation, source, depth, reading),
            SystemOption::Filter
            | SystemOption::OrderBy
            | SystemOption::Top
            | SystemOption::Skip
            | SystemOption::Count
            | SystemOption::Search => {
                let (name, relation) = (known.name(), navigation.name);
                let message = format!("{name} applies to collections; `{relation}` leads to one entity");
                reading.error(option, part, ErrorKind::NotApplicable, message);
            }
            _ => {
                let message = format!("{} is not served within $expand", known.name());
                reading.error(option, part, ErrorKind::NotServed, message);
            }
        }
    }
    select_within(option, inner, &mut expand, reading);
    let last = Expansion { navigation, select, expand, repeats: false };
    (1..levels).fold(last.clone(), |inner, _| {
        let mut outer = Expansion { repeats: true, ..last.clone() };
        outer.expand.push(inner);
        outer
    })
}

/// Reads `$levels`: how often a relation that leads back to its own type is followed.
fn read_levels<'t>(
    option: &OptionText<'t>,
    value: &'t str,
    navigation: &'static NavigationProperty,
    source: &'static EntityType,
    depth: usize,
    reading: &mut Reading<'_>,
) -> usize {
    let is_cyclic = navigation.target.is(source) || source.is(navigation.target);
    let left = reading.limits.expand - depth;
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let levels = if value.eq_ignore_ascii_case("max") { Some(left) } else { value.parse().ok().filter(|_| digits) };
    match levels {
        Some(1) => return 1,
        Some(levels) if levels > 0 && !is_cyclic => {
            let message = format!("`{}` leads to another type, so $levels does not apply", navigation.name);
            reading.error(option, value, ErrorKind::NotApplicable, message);
        }
        Some(levels) if levels > left => {
            let message = format!("$levels is {levels}; at most {left} levels are served here");
            reading.error(option, value, ErrorKind::TooComplex, message);
        }
        Some(levels) if levels > 0 => return levels,
        _ => {
            let message = format!("$levels is {}; expected a whole number of at least 1, or max", excerpt(value));
            reading.error(option, value, ErrorKind::InvalidValue, message);
        }
    }
    1
}

/// Hands paths of a `$select` on to the expansions that they lead into.
pub(super) fn select_within<'t>(
    option: &OptionText<'t>,
    mut inner: Vec<Inner<'t>>,
    expand: &mut [Expansion],
    reading: &mut Reading<'_>,
) {
    for expansion in expand.iter_mut() {
        let mut deeper = Vec::new();
        inner.retain(|path| {
            let leads_here = std::ptr::eq(path.navigation, expansion.navigation);
            if leads_here {
                expansion.select.read_item(option, path.rest.trim(), reading, &mut deeper);
            }
            !leads_here
        });
        if !deeper.is_empty() {
            select_within(option, deeper, &mut expansion.expand, reading);
        }
    }
    for path in inner {
        let (name, rest) = (path.navigation.name, excerpt(path.rest));
        let message = format!("`{name}` is not expanded; write $expand={name} as well to select {rest} of it");
        reading.error(option, path.whole, ErrorKind::NotServed, message);
    }
}

/// Writes `(id,riskLevel,impactedUser(id))`: which part of an entity an answer shows, as its
/// context URL names it (OData protocol 4.01, sections 10.7 to 10.9); nothing where it shows all.
pub(super) fn projection(select: &Selection, expand: &[Expansion], out: &mut String) {
    let start = out.len();
    out.push('(');
    write_parts(select, expand, out);
    if out.len() == start + 1 {
        out.truncate(start);
    } else {
        out.push(')');
    }
}

fn write_parts(select: &Selection, expand: &[Expansion], out: &mut String) {
    let all = select.entity_type().all_properties();
    let mut between = "";
    for item in select.items() {
        let name = match item {
            Selected::All => "*",
            Selected::Property(position) => all[*position].name,
            Selected::Navigation(navigation)
                if expand.iter().any(|expansion| std::ptr::eq(expansion.navigation, *navigation)) =>
            {
                continue;
            }
            Selected::Navigation(navigation) => navigation.name,
        };
        out.push_str(between);
        out.push_str(name);
        between = ",";
    }
    for expansion in expand {
        out.push_str(between);
        out.push_str(expansion.navigation.name);
        out.push_str(if expansion.repeats { "+(" } else { "(" });
        let deeper: Vec<Expansion> = if expansion.repeats {
            let same = |inner: &&Expansion| !std::ptr::eq(inner.navigation, expansion.navigation);
            expansion.expand.iter().filter(same).cloned().collect()
        } else {
            expansion.expand.clone()
        };
        write_parts(&expansion.select, &deeper, out);
        out.push(')');
        between = ",";
    }
}
