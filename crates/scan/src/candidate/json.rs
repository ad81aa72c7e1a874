//! Objects of JSON, on one line or over several, and what programs print like them.

use std::ops::Range;

use super::fields::{closing_quote, password_name, unlikelihood};
use super::{Candidates, Nothing, Place, Shape, combo};

/// How many opening braces before the name are tried: inner objects, and those in texts.
const MOST_BRACES: usize = 6;

/// How many members of an object are looked at.
const MOST_MEMBERS: usize = 256;

struct Member {
    name: Range<usize>,
    /// With its quotes.
    value: Range<usize>,
}

/// Reads the object around the name, if there is one.
pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Option<Shape> {
    let text = place.window();
    if !is_in_object(text, place) {
        return None;
    }
    let from = place.window_start();
    let mut seen = None;
    for brace in memchr::memrchr_iter(b'{', &text[from..place.name.start]).take(MOST_BRACES) {
        let Some(members) = members(text, from + brace, &place.name) else { continue };
        seen = Some(Shape::Json);
        if add(text, &members, &place.name, found) {
            break;
        }
    }
    seen
}

/// Whether the name stands in quotes, behind the `:` of a member or before it.
fn is_in_object(text: &[u8], place: &Place<'_>) -> bool {
    let line = &text[place.line.start..place.name.start];
    let Some(quote) = line.iter().rposition(|byte| matches!(byte, b'"' | b'\'')) else { return false };
    if line.len() - quote > 256 {
        return false;
    }
    let before = line[..quote].trim_ascii_end();
    let behind = &text[place.name.end..place.line.end];
    let closing = behind.iter().position(|byte| *byte == line[quote]);
    let is_name = closing.is_some_and(|end| behind[end + 1..].trim_ascii_start().starts_with(b":"));
    match before.last() {
        Some(b':') => before[..before.len() - 1].trim_ascii_end().last() == Some(&line[quote]),
        Some(b'{' | b',' | b'[') => is_name || memchr::memchr(b'{', before).is_some(),
        _ => false,
    }
}

/// The members of the object that opens at `brace`, if the name is in it.
fn members(text: &[u8], brace: usize, name: &Range<usize>) -> Option<Vec<Member>> {
    let mut members = Vec::new();
    let mut place = brace + 1;
    loop {
        place += blanks(text, place);
        let quote = match text.get(place) {
            Some(quote @ (b'"' | b'\'')) => *quote,
            Some(b',') => {
                place += 1;
                continue;
            }
            // The object ends, or is cut off; only one around the name counts.
            _ => return (place > name.start && !members.is_empty()).then_some(members),
        };
        let Some(end) = closing_quote(text, place + 1, quote, true) else {
            return (place > name.start && !members.is_empty()).then_some(members);
        };
        let key = place + 1..end;
        place = end + 1 + blanks(text, end + 1);
        if text.get(place) != Some(&b':') {
            return None;
        }
        place += 1;
        place += blanks(text, place);
        let end = value_end(text, place).unwrap_or(text.len());
        members.push(Member { name: key, value: place..end });
        place = end;
        if members.len() == MOST_MEMBERS {
            return (place > name.start).then_some(members);
        }
    }
}

fn blanks(text: &[u8], place: usize) -> usize {
    text.get(place..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// Where the value ends that begins here; none if it is cut off.
fn value_end(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        quote @ (b'"' | b'\'') => Some(closing_quote(text, start + 1, *quote, true)? + 1),
        b'{' | b'[' => {
            let mut depth = 0;
            let mut place = start;
            loop {
                place += text.get(place..)?.iter().position(|byte| matches!(byte, b'{' | b'[' | b'}' | b']' | b'"'))?;
                match text[place] {
                    b'{' | b'[' => depth += 1,
                    b'"' => place = closing_quote(text, place + 1, b'"', true)?,
                    _ => depth -= 1,
                }
                place += 1;
                if depth == 0 {
                    return Some(place);
                }
            }
        }
        _ => {
            let rest = &text[start..];
            Some(start + rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b'\n')).unwrap_or(rest.len()))
        }
    }
}

/// Adds what the object says of passwords; tells whether it says anything.
fn add(text: &[u8], members: &[Member], name: &Range<usize>, found: &mut Candidates) -> bool {
    let holds = |range: &Range<usize>| range.start <= name.start && name.end <= range.end;
    for member in members {
        if password_name(&text[member.name.clone()]).is_none() && is_host(&text[member.name.clone()]) {
            let value = text[member.value.clone()].trim_ascii();
            let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            if let Some(host) = combo::host_of_url(value).filter(|_| found.host.is_empty()) {
                found.host.extend_from_slice(host);
            }
        }
    }
    // `{"jane@contoso.test": "password"}`
    if let Some(member) = members.iter().find(|member| holds(&member.name)) {
        add_value(text, &member.value, found);
        return true;
    }
    let mut order: Vec<(usize, &Member)> = Vec::new();
    let inner = inner_members(text, members);
    for member in members.iter().chain(&inner).filter(|member| !holds(&member.value)) {
        if let Some(rank) = password_name(&text[member.name.clone()]) {
            order.push((rank, member));
        }
    }
    let named = !order.is_empty();
    if !named {
        let own = members.iter().position(|member| holds(&member.value)).unwrap_or(0);
        for (index, member) in members.iter().enumerate().filter(|(index, _)| *index != own) {
            let distance = index as isize - own as isize;
            order.push((unlikelihood(&text[member.value.clone()], distance), member));
        }
    }
    order.sort_by_key(|(rank, _)| *rank);
    for (_, member) in order {
        if found.len() < 5 {
            add_value(text, &member.value, found);
        }
    }
    named
}

/// The members of objects that are values, and of those in them: `{"password": {"plain": ".."}}`.
fn inner_members(text: &[u8], members: &[Member]) -> Vec<Member> {
    let mut inner: Vec<Member> = Vec::new();
    let mut open: Vec<Range<usize>> = members.iter().map(|member| member.value.clone()).collect();
    while let Some(value) = open.pop() {
        if text.get(value.start) != Some(&b'{') || inner.len() >= MOST_MEMBERS {
            continue;
        }
        let Some(found) = self::members(&text[..value.end], value.start, &(value.start..value.start)) else { continue };
        open.extend(found.iter().map(|member| member.value.clone()));
        inner.extend(found);
    }
    inner
}

fn is_host(name: &[u8]) -> bool {
    [&b"url"[..], b"host", b"hostname", b"site", b"website", b"origin", b"domain", b"origin_url"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(name))
}

/// Adds a text or a number; objects and lists are none.
fn add_value(text: &[u8], value: &Range<usize>, found: &mut Candidates) {
    let bytes = text[value.clone()].trim_ascii();
    match bytes {
        [quote @ (b'"' | b'\''), inner @ .., closing] if closing == quote => {
            if inner.is_empty() {
                found.note(Nothing::Empty);
            }
            found.add_field(inner, *quote);
        }
        [] | [b'{' | b'[', ..] | b"true" | b"false" => {}
        _ => found.add(bytes),
    }
}
