//! Blocks of lines with labels, as programs that steal passwords write them.

use std::ops::Range;

use super::{Candidates, Place, Shape, combo};

/// How many lines before and behind the name's a block reaches.
const MOST_LINES: usize = 16;

/// The longest label.
const LONGEST_LABEL: usize = 32;

/// What a line's label says that its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    Host,
    User,
    Secret,
    Other,
}

/// Labels as they are written, letters and digits only.
const LABELS: [(&[u8], Label); 44] = [
    (b"url", Label::Host),
    (b"host", Label::Host),
    (b"hostname", Label::Host),
    (b"ur1", Label::Host),
    (b"website", Label::Host),
    (b"site", Label::Host),
    (b"origin", Label::Host),
    (b"link", Label::Host),
    (b"h057", Label::Host),
    (b"username", Label::User),
    (b"login", Label::User),
    (b"user", Label::User),
    (b"userlogin", Label::User),
    (b"u53rn4m3", Label::User),
    (b"email", Label::User),
    (b"mail", Label::User),
    (b"emailaddress", Label::User),
    (b"account", Label::User),
    (b"loginname", Label::User),
    (b"userid", Label::User),
    (b"log", Label::User),
    (b"usr", Label::User),
    (b"password", Label::Secret),
    (b"pass", Label::Secret),
    (b"userpassword", Label::Secret),
    (b"p455w0rd", Label::Secret),
    (b"pwd", Label::Secret),
    (b"passwd", Label::Secret),
    (b"passwort", Label::Secret),
    (b"pas", Label::Secret),
    (b"pw", Label::Secret),
    (b"loginpassword", Label::Secret),
    (b"psw", Label::Secret),
    (b"soft", Label::Other),
    (b"browser", Label::Other),
    (b"application", Label::Other),
    (b"storage", Label::Other),
    (b"profile", Label::Other),
    (b"app", Label::Other),
    (b"software", Label::Other),
    (b"date", Label::Other),
    (b"created", Label::Other),
    (b"times", Label::Other),
    (b"type", Label::Other),
];

/// Reads the block around the name, if the name is the value of a label and alone in its line.
pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Option<Shape> {
    let text = place.window();
    if !place.behind().trim_ascii().is_empty() {
        return None;
    }
    let (label, value) = label(text, &place.line)?;
    if label != Label::User || value.start > place.name.start {
        return None;
    }
    // A name that is only a part of the value is another one.
    if !matches!(&text[value.start..place.name.start], [] | b"\"" | b"'" | b"<") {
        return None;
    }
    if !behind(place, found) {
        before(place, found);
    }
    if found.host.is_empty() {
        host(place, found);
    }
    Some(Shape::Block)
}

/// Looks for the password behind the name, until another block begins; tells whether there was its label.
fn behind(place: &Place<'_>, found: &mut Candidates) -> bool {
    let text = place.window();
    let mut lines = lines_behind(text, place.line.end).take(MOST_LINES);
    while let Some(line) = lines.next() {
        match label(text, &line) {
            Some((Label::Secret, value)) => {
                add(text, &value, lines.next(), found);
                return true;
            }
            Some((Label::User, value)) if value.is_empty() => {}
            // `Username:` may follow `Email:` in one block; another address never does.
            Some((Label::User, value)) if !text[value.clone()].contains(&b'@') => {}
            Some((Label::User | Label::Host, _)) => return false,
            _ if is_rule(&text[line]) => return false,
            _ => {}
        }
    }
    false
}

/// Looks for the password before the name, in its own block.
fn before(place: &Place<'_>, found: &mut Candidates) {
    let text = place.window();
    for line in lines_before(text, place.window_start(), place.line.start).take(MOST_LINES) {
        match label(text, &line) {
            Some((Label::Secret, value)) => return add(text, &value, None, found),
            Some((Label::User | Label::Host, _)) => return,
            _ if text[line.clone()].trim_ascii().is_empty() || is_rule(&text[line]) => return,
            _ => {}
        }
    }
}

/// Looks for the site, before the name first.
fn host(place: &Place<'_>, found: &mut Candidates) {
    let text = place.window();
    let before = lines_before(text, place.window_start(), place.line.start).take(MOST_LINES);
    let behind = lines_behind(text, place.line.end).take(MOST_LINES);
    let ends = |line: &Range<usize>| !text[line.clone()].trim_ascii().is_empty() && !is_rule(&text[line.clone()]);
    let lines = before.take_while(ends).chain(behind.take_while(ends));
    for line in lines {
        if let Some((Label::Host, value)) = label(text, &line) {
            found.host.extend_from_slice(combo::host_of_url(&text[value]).unwrap_or_default());
            return;
        }
    }
}

/// Adds the value of a password's label; `next` is the line behind it, which may be a part of the password.
fn add(text: &[u8], value: &Range<usize>, next: Option<Range<usize>>, found: &mut Candidates) {
    let bytes = &text[value.clone()];
    found.add(bytes);
    found.add(bytes.trim_ascii_end());
    let Some(next) = next.filter(|next| !text[next.clone()].trim_ascii().is_empty()) else { return };
    if label(text, &next).is_none() && !is_rule(&text[next.clone()]) {
        if bytes.is_empty() {
            found.add(text[next].trim_ascii());
        } else {
            found.add(&text[value.start..next.end]);
        }
    }
}

/// The label of a line and its value.
fn label(text: &[u8], line: &Range<usize>) -> Option<(Label, Range<usize>)> {
    let bytes = &text[line.clone()];
    let colon = bytes.iter().take(LONGEST_LABEL).position(|byte| matches!(byte, b':' | b'='))?;
    let mut plain = [0; LONGEST_LABEL];
    let mut length = 0;
    for byte in bytes[..colon].iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        plain[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let label = LABELS.iter().find(|(name, _)| *name == &plain[..length])?.1;
    let blank = bytes[colon + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    Some((label, line.start + colon + 1 + blank..line.end))
}

/// Whether the line is a rule between blocks.
fn is_rule(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() >= 3 && line.iter().all(|byte| matches!(byte, b'=' | b'-' | b'*' | b'_' | b'#' | b'~'))
}

/// The lines behind a place, without their ends.
fn lines_behind(text: &[u8], line_end: usize) -> impl Iterator<Item = Range<usize>> {
    let mut place = memchr::memchr(b'\n', &text[line_end..]).map(|end| line_end + end + 1);
    std::iter::from_fn(move || {
        let start = place.filter(|start| *start < text.len())?;
        let end = memchr::memchr(b'\n', &text[start..]).map(|length| start + length);
        place = end.map(|end| end + 1);
        Some(without_return(text, start..end.unwrap_or(text.len())))
    })
}

/// The lines before a place, the nearest first, without their ends.
fn lines_before(text: &[u8], first: usize, line_start: usize) -> impl Iterator<Item = Range<usize>> {
    let mut end = line_start;
    std::iter::from_fn(move || {
        let line_end = end.checked_sub(1).filter(|line_end| *line_end >= first)?;
        let start = memchr::memrchr(b'\n', &text[first..line_end]).map_or(first, |place| first + place + 1);
        end = start;
        Some(without_return(text, start..line_end))
    })
}

fn without_return(text: &[u8], mut line: Range<usize>) -> Range<usize> {
    if text[line.clone()].ends_with(b"\r") {
        line.end -= 1;
    }
    line
}

/// The value of a line whose label says that it is a user's name.
pub(crate) fn labelled_name(text: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let (label, value) = label(text, line)?;
    (label == Label::User && !value.is_empty()).then_some(value)
}
