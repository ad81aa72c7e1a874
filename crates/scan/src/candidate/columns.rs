//! Rows whose columns the document names: in the header of a table, or in the COPY that they belong to.

use std::ops::Range;

use super::fields::{self, Field};
use super::{Candidates, Nothing, Place, Shape, encoding, row};
use crate::layout::{Columns, statement_before};

/// How many lines before the name's its row may begin: values in quotes may hold ends of lines.
const MOST_LINES: usize = 8;

/// What divides the columns of tables.
const DELIMITERS: [u8; 5] = *b",;\t|:";

/// Reads the name's row, if the document says which of its columns holds passwords.
pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Option<Shape> {
    let headed = DELIMITERS.into_iter().filter(|delimiter| place.layout.has_delimiter(*delimiter));
    let known = headed.into_iter().find_map(|delimiter| table(place, delimiter));
    let (fields, own, passwords) = known.or_else(|| copy(place))?;
    let mut is_told = false;
    for column in passwords.into_iter().filter(|column| *column != own) {
        let field = &fields[column];
        is_told = true;
        if field.value.is_empty() {
            found.note(Nothing::Empty);
        }
        found.add_field(&place.text[field.value.clone()], field.quote);
    }
    if !is_told {
        return None;
    }
    if !found.is_empty() {
        // The document may be wrong: what else could be the password follows, behind all spellings of what it names.
        encoding::add_spellings(found);
        row::read(place, found);
    }
    Some(Shape::Row)
}

type Row = (Vec<Field>, usize, Vec<usize>);

/// The row of a table with a header.
fn table(place: &Place<'_>, delimiter: u8) -> Option<Row> {
    let text = place.window();
    let line_end = |start: usize| memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
    let of = |start: usize, end: usize| {
        let fields = fields::row(text, start, end, delimiter);
        let Columns { passwords, .. } = place.layout.of_row(delimiter, fields.len())?;
        let own = own(&fields, &place.name)?;
        Some((fields, own, passwords.clone()))
    };
    let skipped = usize::from(text[place.line.clone()].starts_with(b"\xEF\xBB\xBF")) * 3;
    if let Some(row) = of(place.line.start + skipped, place.line.end) {
        return Some(row);
    }
    let first = place.window_start();
    let mut end = place.line.start;
    for _ in 0..MOST_LINES {
        let last = end.checked_sub(1).filter(|last| *last > first)?;
        let start = memchr::memrchr(b'\n', &text[first..last]).map_or(first, |place| first + place + 1);
        if memchr::memchr(b'"', &text[start..last]).is_some()
            && let Some(row) = of(start, line_end(start))
        {
            return Some(row);
        }
        end = start;
    }
    None
}

/// The row of a COPY.
fn copy(place: &Place<'_>) -> Option<Row> {
    let line = &place.text[place.line.clone()];
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| *byte == b'\t');
    if memchr::memchr(b'\t', line).is_none() || !is_edge(place.before().last()) || !is_edge(place.behind().first()) {
        return None;
    }
    let mut start = place.line.start;
    let mut fields = Vec::new();
    for value in line.split(|byte| *byte == b'\t') {
        fields.push(Field { value: start..start + value.len(), quote: 0 });
        start += value.len() + 1;
    }
    let named = statement_before(place.text, place.line.start).filter(|statement| statement.is_copy);
    let passwords = match named.and_then(|statement| statement.columns) {
        Some(columns) if columns.count == fields.len() => columns.passwords,
        Some(_) => return None,
        None => place.layout.of_count(fields.len(), true),
    };
    let own = own(&fields, &place.name)?;
    Some((fields, own, passwords))
}

/// The field that the name stands in.
fn own(fields: &[Field], name: &Range<usize>) -> Option<usize> {
    fields.iter().position(|field| field.value.start <= name.start && name.end <= field.value.end)
}
