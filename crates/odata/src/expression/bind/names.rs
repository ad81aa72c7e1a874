//! Names in messages, and the name that was probably meant.

use super::super::bound::ValueType;
use crate::edm::{EntityType, EnumMembers, EnumType};

/// What a type is called in a message.
pub(super) fn of_type(ty: ValueType) -> String {
    let name = match ty {
        ValueType::Null => "null",
        ValueType::Boolean => "a boolean",
        ValueType::Text => "text",
        ValueType::Integer => "a whole number",
        ValueType::Double => "a number",
        ValueType::DateTimeOffset => "a date and time",
        ValueType::Date => "a date",
        ValueType::TimeOfDay => "a time of day",
        ValueType::Duration => "a duration",
        ValueType::Guid => "a GUID",
        ValueType::Enum(of) => return format!("a `{}`", of.name),
    };
    name.to_owned()
}

/// `one of low, medium, high`
pub(super) fn members(of: &EnumType, told: EnumMembers) -> String {
    let names: Vec<&str> = of.named(told).map(|member| member.name).collect();
    format!("{} {}", if of.is_flags { "some of" } else { "one of" }, names.join(", "))
}

/// `` `nmae` is not a property of `item`; did you mean `name`?``
pub(super) fn unknown_property(name: &str, ty: &'static EntityType) -> String {
    let found = crate::fault::excerpt(name);
    match nearest_property(name, ty, false) {
        Some(meant) => format!("{found} is not a property of `{}`; did you mean `{meant}`?", ty.name),
        None => format!("{found} is not a property of `{}`", ty.name),
    }
}

/// The property or relation of a type that was probably meant.
pub(crate) fn nearest_property(name: &str, ty: &'static EntityType, only_relations: bool) -> Option<&'static str> {
    let readable = ty.all_properties().into_iter().filter(|property| !property.write_only && !only_relations);
    let related = ty.lineage().flat_map(|ty| ty.navigation).map(|navigation| navigation.name);
    nearest(name, readable.map(|property| property.name).chain(related))
}

/// The known name that differs least from `name`, ignoring case, when it differs little.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    if length > 64 {
        return None;
    }
    let most = (length / 3).min(3);
    known
        .filter_map(|candidate| Some((distance(name, candidate), candidate)).filter(|(distance, _)| *distance <= most))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be added, left out, changed or swapped to get from one name to the other.
fn distance(left: &str, right: &str) -> usize {
    let letters = |name: &str| name.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (left, right) = (letters(left), letters(right));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut least = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        (before, above) = (above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let known = ["riskLevel", "riskEventType", "riskEventStatus", "id"];
        let nearest = |name| nearest(name, known.into_iter());
        assert_eq!(nearest("riskLevell"), Some("riskLevel"));
        assert_eq!(nearest("RISKLEVLE"), Some("riskLevel"));
        assert_eq!(nearest("riskEventStat"), Some("riskEventStatus"));
        assert_eq!(nearest("high"), None);
        assert_eq!(nearest("ud"), None);
        assert_eq!(distance("abcd", "acbd"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
