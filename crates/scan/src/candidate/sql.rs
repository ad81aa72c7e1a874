//! Rows of a database's dump: `INSERT INTO t (columns) VALUES (..),(..);`.

use std::ops::Range;

use super::fields::{closing_quote, unlikelihood};
use super::{Candidates, Nothing, Place, Shape, encoding, hash};
use crate::layout::{self, Columns};

/// How many opening brackets before the name are tried: those in values are none of a row.
const MOST_BRACKETS: usize = 8;

/// How many values of a row are looked at.
const MOST_VALUES: usize = 256;

/// A value of a row.
struct Value {
    place: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quoted(u8),
    /// Digits of `0x..` or `X'..'`.
    Hex,
    Null,
    Plain,
}

/// Reads the name's row, if it is one of a dump.
pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Option<Shape> {
    let quote = *place.before().last().filter(|byte| matches!(byte, b'\'' | b'"'))?;
    // Other text may stand in the same value, before the name and behind it; it is not looked at then.
    if place.behind().first() != Some(&quote) {
        return None;
    }
    let line = &place.text[place.line.clone()];
    let name = place.name.start - place.line.start;
    let mut brackets = memchr::memrchr_iter(b'(', &line[..name]).take(MOST_BRACKETS);
    // PostgreSQL takes a backslash in a text for a character as any, MySQL does not.
    let either = |bracket| values_with(line, bracket, name, true).or_else(|| values_with(line, bracket, name, false));
    let (values, own) = brackets.find_map(either)?;
    let (passwords, is_sure) = columns(place, &line[..values[0].place.start], values.len());
    let named = passwords.first().copied().filter(|_| is_sure);
    let mut order: Vec<(usize, usize)> = (0..values.len())
        .filter(|index| *index != own)
        .map(|index| {
            let distance = index as isize - own as isize;
            let likely = match passwords.iter().position(|column| *column == index) {
                Some(rank) => rank,
                None => passwords.len() + unlikelihood(&line[values[index].place.clone()], distance),
            };
            (likely, index)
        })
        .collect();
    order.sort_unstable();
    for (place, (_, index)) in order.into_iter().enumerate() {
        if place == passwords.len() && place > 0 {
            // All spellings of what the dump names go before what it does not.
            encoding::add_spellings(found);
        }
        if found.len() >= 5 {
            break;
        }
        let value = &values[index];
        let bytes = &line[value.place.clone()];
        match value.kind {
            Kind::Quoted(quote) => found.add_field(bytes, quote),
            Kind::Hex => {
                let clear: zeroize::Zeroizing<Vec<u8>> = hash::bytes_of_hex(bytes).collect::<Vec<_>>().into();
                found.add(&clear);
            }
            Kind::Null if passwords.contains(&index) => found.note(Nothing::Placeholder),
            Kind::Null => {}
            Kind::Plain => found.add(bytes),
        }
        if named == Some(index) && found.is_empty() {
            // The dump says which column it is, and nothing is in it.
            break;
        }
    }
    Some(Shape::Sql)
}

/// The values of the row that opens at `bracket`, if the name is one of them; and which.
fn values_with(line: &[u8], bracket: usize, name: usize, escapes: bool) -> Option<(Vec<Value>, usize)> {
    let mut values = Vec::new();
    let mut own = None;
    let mut place = bracket + 1;
    while values.len() < MOST_VALUES {
        place += line[place..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (value, end) = value(line, place, escapes)?;
        if value.place.start == name {
            own = Some(values.len());
        }
        values.push(value);
        if own.is_none() && end > name {
            return None;
        }
        place = end + line[end..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match line.get(place) {
            Some(b',') => place += 1,
            // A row that is cut off counts as far as it goes.
            Some(b')') | None => break,
            Some(_) => return None,
        }
    }
    own.filter(|_| values.len() > 1).map(|own| (values, own))
}

/// The value that begins here and where it ends.
fn value(line: &[u8], start: usize, escapes: bool) -> Option<(Value, usize)> {
    let rest = line.get(start..)?;
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    let blanks = rest[word..].iter().take_while(|byte| **byte == b' ').count();
    let opening = start + word + blanks;
    if let Some(quote @ (b'\'' | b'"')) = line.get(opening) {
        // `_binary '..'`, `N'..'` and `E'..'` are texts, `X'..'` is digits.
        let end = closing_quote(line, opening + 1, *quote, escapes)?;
        let place = opening + 1..end;
        let digits = rest[..word].eq_ignore_ascii_case(b"x") && is_digits(&line[place.clone()]);
        let kind = if digits { Kind::Hex } else { Kind::Quoted(*quote) };
        return Some((Value { place, kind }, end + 1));
    }
    let length = rest.iter().position(|byte| matches!(byte, b',' | b')')).unwrap_or(rest.len());
    let bytes = rest[..length].trim_ascii_end();
    let end = start + length;
    // The bracket stood in a text.
    if bytes.is_empty() || bytes.iter().any(|byte| matches!(byte, b'\'' | b'"')) {
        return None;
    }
    let value = if bytes.eq_ignore_ascii_case(b"null") {
        Value { place: start..start + bytes.len(), kind: Kind::Null }
    } else if bytes.starts_with(b"0x") && is_digits(&bytes[2..]) {
        Value { place: start + 2..start + bytes.len(), kind: Kind::Hex }
    } else {
        Value { place: start..start + bytes.len(), kind: Kind::Plain }
    };
    Some((value, end))
}

fn is_digits(text: &[u8]) -> bool {
    text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit)
}

/// Which columns of a row with so many values hold passwords, the likeliest first, and whether that is sure: the row's own
/// statement says so, or its table's definition. `head` is what stands before the row's first value in its line.
fn columns(place: &Place<'_>, head: &[u8], count: usize) -> (Vec<usize>, bool) {
    let own = layout::statement(head).or_else(|| layout::statement_before(place.text, place.line.start));
    let fits = |columns: &&Columns| columns.count == count;
    if let Some(own) = own {
        let named = own.columns.as_ref().or_else(|| place.layout.of_table(&own.table)).filter(fits);
        if let Some(columns) = named {
            return (columns.passwords.clone(), true);
        }
    }
    (place.layout.of_count(count, false), false)
}
