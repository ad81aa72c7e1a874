//! Rows of tables: fields with a delimiter, in quotes or not, whose columns nobody names.

use super::fields::{self, Field, unlikelihood};
use super::{Candidates, Place, Secret, Shape, combo, encoding};

/// Reads the name's row, if it is one: a field of it is in quotes, or there are many.
pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Option<Shape> {
    let (before, behind) = (place.before(), place.behind());
    let quoted = before.last() == Some(&b'"') && behind.first() == Some(&b'"');
    let (outer_before, outer_behind) =
        if quoted { (&before[..before.len() - 1], &behind[1..]) } else { (before, behind) };
    let is_delimiter = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'|' | b':');
    let delimiter = *outer_behind.first().or(outer_before.last()).filter(|byte| is_delimiter(byte))?;
    // The other side must agree, or be the end of the line.
    if outer_before.last().is_some_and(|byte| *byte != delimiter && !quoted) {
        return None;
    }
    let own_start = place.name.start - usize::from(quoted);
    let following = fields::row(place.window(), own_start, place.line.end, delimiter);
    let leading = leading(place, own_start, delimiter);
    let quoted_value = following.iter().chain(&leading).any(|field| field.quote != 0);
    // Tables with colons have quotes around every field or none.
    let in_quotes = quoted || quoted_value && delimiter != b':';
    let many =
        following.len() > 3 || !leading.is_empty() && following.len() > 1 && delimiter != b':' || leading.len() > 2;
    if !in_quotes && !many || combo::host_of_url(outer_before).is_some() {
        return None;
    }
    let mut shape = Shape::Row;
    let rest = outer_behind.get(1..).unwrap_or_default();
    if !in_quotes && (leading.is_empty() || following.len() == 1) {
        // A password of a combo list may hold the delimiter, and as often as not does.
        shape = combo::read(place, found);
    }
    let mut order: Vec<(usize, &Field)> = Vec::with_capacity(leading.len() + following.len());
    let value = |field: &Field| &place.text[field.value.clone()];
    for (distance, field) in (0..).zip(&following).skip(1) {
        order.push((unlikelihood(value(field), distance), field));
    }
    for (distance, field) in (1..).zip(leading.iter().rev()) {
        order.push((unlikelihood(value(field), -distance), field));
    }
    order.sort_by_key(|(unlikelihood, _)| *unlikelihood);
    for (index, (_, field)) in order.iter().enumerate() {
        let room = match found.get(0) {
            Some(Secret::Password(first)) if !first.is_ascii() => encoding::room_for_written(first),
            _ if shape == Shape::Row => 5,
            _ => super::MOST,
        };
        if found.len() >= room {
            break;
        }
        found.add_field(value(field), field.quote);
        if field.quote != 0 && !quoted {
            // Where the name has no quotes, those of another field may be a part of it.
            found.add(&place.text[field.value.start - 1..=field.value.end]);
        }
        if index == 0 && !quoted && shape == Shape::Row && !rest.is_empty() {
            found.add(rest);
        }
    }
    Some(shape)
}

/// The fields of the row before the name.
fn leading(place: &Place<'_>, own_start: usize, delimiter: u8) -> Vec<Field> {
    let mut fields = fields::row(place.window(), place.line.start, place.line.end, delimiter);
    // A quote that a line before opened makes nonsense of the fields: then those behind the name have to do.
    let own = fields.iter().position(|field| field.value.start - usize::from(field.quote != 0) == own_start);
    fields.truncate(own.unwrap_or(0));
    fields
}
