//! A name and a password on one line: combo lists, those with a URL in front, and reversed ones.

use super::{Candidates, Nothing, Place, Secret, Shape, encoding, hash, junk};

/// What divides columns.
pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b':' | b';' | b'|' | b',' | b'\t' | b' ')
}

pub(super) fn read(place: &Place<'_>, found: &mut Candidates) -> Shape {
    let (mut before, mut behind) = (place.before(), place.behind());
    before = before.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(before);
    if let (Some(quote @ (b'"' | b'\'' | b'<' | b'`')), Some(closing)) = (before.last(), behind.first())
        && (closing == quote || (*quote, *closing) == (b'<', b'>'))
    {
        (before, behind) = (&before[..before.len() - 1], &behind[1..]);
    }
    let head = head(before);
    let mut shape = Shape::Combo;
    if let Some(host) = host_of_url(head) {
        found.host.extend_from_slice(host);
        shape = Shape::UrlNamePassword;
    }
    let starts = starts(behind);
    let behind_is_url = starts.first().is_some_and(|(text, _)| is_url(text));
    // A password may be nothing but separators.
    let only_separators = behind.is_empty() && before.trim_ascii().len() > 1;
    let reversed = shape == Shape::Combo && (!head.is_empty() || only_separators);
    if reversed && (starts.is_empty() || behind_is_url) {
        if behind_is_url {
            found.host.extend_from_slice(host_of_url(starts[0].0).unwrap_or_default());
        }
        add_reversed(before, head, found);
        return Shape::Reversed;
    }
    if starts.is_empty() && !behind.is_empty() {
        found.note(Nothing::Empty);
    }
    for (text, separator) in starts.iter().copied() {
        let (labelled, is_likely) = labelled(text).unzip();
        if let Some(labelled) = labelled.filter(|_| is_likely == Some(true)) {
            add_whole(labelled, separator, found);
            add_columns(labelled, separator, found);
        }
        if let Some(host) = add_whole(text, separator, found) {
            found.host.extend_from_slice(if found.host.is_empty() { host } else { b"" });
            shape = Shape::UrlNamePassword;
        }
        if let Some(labelled) = labelled {
            found.add(labelled);
        }
    }
    for (text, separator) in starts.iter().copied() {
        add_columns(text, separator, found);
    }
    if reversed && !found.is_full() {
        add_reversed(before, head, found);
    }
    shape
}

/// Separators of two bytes.
const DOUBLE: [&[u8]; 5] = [b"::", b"=>", b"->", b"||", b";;"];

/// Where the password may start behind a name, each with the byte that divides it from the name; the likeliest
/// first. None if nothing follows but a separator.
fn starts(behind: &[u8]) -> Starts<'_> {
    let mut starts = Starts::default();
    let Some((&separator, plain)) = behind.split_first() else { return starts };
    let blanks = behind.iter().take_while(|byte| **byte == b' ').count();
    let rest = &behind[blanks..];
    let double = DOUBLE.iter().find(|mark| rest.starts_with(mark));
    let single = rest.first().filter(|byte| matches!(byte, b':' | b';' | b'|' | b',' | b'=' | b'-'));
    let mark = match (double, single) {
        (Some(mark), _) => mark.len(),
        (None, Some(_)) => 1,
        (None, None) => 0,
    };
    let wide = rest[mark..].trim_ascii_start();
    let column = rest.first().copied().filter(|_| mark > 0).unwrap_or(separator);
    if !wide.is_empty() && !separator.is_ascii_alphanumeric() {
        starts.push(wide, column);
    }
    if plain.len() != wide.len() && !plain.is_empty() && !separator.is_ascii_alphanumeric() {
        starts.push(plain, separator);
    }
    starts
}

/// At most two starts.
#[derive(Default)]
struct Starts<'a> {
    items: [(&'a [u8], u8); 2],
    count: usize,
}

impl<'a> Starts<'a> {
    fn push(&mut self, text: &'a [u8], separator: u8) {
        self.items[self.count] = (text, separator);
        self.count += 1;
    }
}

impl<'a> std::ops::Deref for Starts<'a> {
    type Target = [(&'a [u8], u8)];

    fn deref(&self) -> &Self::Target {
        &self.items[..self.count]
    }
}

/// Adds all that stands behind a name, without the URL that may end it first; returns the URL's host.
fn add_whole<'a>(text: &'a [u8], separator: u8, found: &mut Candidates) -> Option<&'a [u8]> {
    if let Some(nothing) = junk(text) {
        found.note(nothing);
        return None;
    }
    let first = first_column(text, separator);
    let url = trailing_url(text, separator);
    if let Some(start) = url {
        found.add(&text[..start - 1]);
    }
    if first.len() < text.len() && hash::is_hash(first) {
        // `hash:salt`, or what somebody found out: `hash:password`.
        found.add_hash(first);
        found.add_hash(text);
        found.add(&text[first.len() + 1..]);
    }
    found.add(text);
    url.map(|start| host_of_url(&text[start..]).unwrap_or_default())
}

/// Adds what the password is if further columns follow it.
fn add_columns(text: &[u8], separator: u8, found: &mut Candidates) {
    if junk(text).is_some() {
        return;
    }
    let room = match found.get(0) {
        Some(Secret::Password(first)) => encoding::room_for_written(first),
        _ => super::MOST,
    };
    let first = first_column(text, separator);
    let until = |place: Option<usize>| place.map(|end| &text[..end]);
    let shorter = [
        Some(first),
        Some(text.trim_ascii_end()),
        Some(first.trim_ascii_end()),
        until(memchr::memrchr(separator, text)),
        until(text.iter().position(|byte| matches!(byte, b' ' | b'\t'))),
        until(text.iter().position(|byte| matches!(byte, b'|' | b';' | b','))),
    ];
    for text in shorter.into_iter().flatten().filter(|text| !text.is_empty()) {
        if found.len() < room {
            found.add(text);
        }
    }
}

/// Why all that stands behind a name is no password. A text that is too long may have columns that are not.
fn junk(text: &[u8]) -> Option<Nothing> {
    junk::reason(text).filter(|nothing| *nothing != Nothing::TooLong)
}

fn first_column(text: &[u8], separator: u8) -> &[u8] {
    text.split(|byte| *byte == separator).next().unwrap_or(text)
}

/// Where a URL behind the password begins.
fn trailing_url(text: &[u8], separator: u8) -> Option<usize> {
    let begins = |start: usize| is_url(&text[start..]);
    memchr::memchr_iter(separator, text).map(|place| place + 1).find(|start| *start > 1 && begins(*start))
}

/// Adds what stands before a name.
fn add_reversed(before: &[u8], head: &[u8], found: &mut Candidates) {
    // The separator is one byte, or as much as `head` left out.
    found.add(head);
    found.add(before.split_last().map_or(&[][..], |(_, rest)| rest));
    let last = head.rsplit(|byte| is_separator(*byte)).next().unwrap_or(head);
    found.add(last);
    found.add(head.split(|byte| is_separator(*byte)).next().unwrap_or(head));
    found.add(head.trim_ascii_start());
}

/// What stands before a name and its separator.
fn head(before: &[u8]) -> &[u8] {
    let mut head = before.trim_ascii_end();
    for mark in [&b"::"[..], b"=>", b"->", b":", b";", b"|", b",", b"="] {
        if let Some(rest) = head.strip_suffix(mark) {
            head = rest.trim_ascii_end();
            break;
        }
    }
    if head.iter().all(u8::is_ascii_whitespace) { &[] } else { head }
}

/// The password behind a label in the same line, `Password: ..`, and whether that is likelier than a password which
/// begins so: `pass:word` is one.
fn labelled(text: &[u8]) -> Option<(&[u8], bool)> {
    let labels = [&b"password"[..], b"passwort", b"pass", b"pwd"];
    let starts = memchr::memchr2_iter(b'p', b'P', text).filter(|start| *start < 64);
    for start in starts {
        if start > 0 && text[start - 1].is_ascii_alphanumeric() {
            continue;
        }
        let rest = &text[start..];
        let label =
            labels.iter().find(|label| rest.len() > label.len() && rest[..label.len()].eq_ignore_ascii_case(label));
        let Some(label) = label else { continue };
        let value = rest[label.len()..].trim_ascii_start();
        if let [b':' | b'=', value @ ..] = value {
            let end = value.windows(3).position(|mark| mark == b" | ").unwrap_or(value.len());
            return Some((value[..end].trim_ascii_start(), start > 0 || value.starts_with(b" ")));
        }
    }
    None
}

fn is_url(text: &[u8]) -> bool {
    let scheme =
        text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    scheme > 0 && text[scheme..].starts_with(b"://") || starts_like(text, b"www.")
}

fn starts_like(text: &[u8], start: &[u8]) -> bool {
    text.len() >= start.len() && text[..start.len()].eq_ignore_ascii_case(start)
}

/// The host of a text that is a URL, with or without its scheme; none for other texts.
pub(super) fn host_of_url(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii();
    let text = match memchr::memmem::find(text, b"://") {
        Some(scheme) => &text[scheme + 3..],
        None => text,
    };
    let authority = text.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b' ' | b'\t' | b'|')).next()?;
    let authority = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    let host = authority.split(|byte| matches!(byte, b':' | b';' | b',')).next()?;
    let last = memchr::memrchr(b'.', host)?;
    let letters = host[last + 1..].len() >= 2 && host[last + 1..].iter().all(u8::is_ascii_alphabetic);
    let address = host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') && host.len() >= 7;
    let plain = host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (last > 0 && plain && (letters || address)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_urls_are_found() {
        for (url, host) in [
            ("https://vpn.contoso.test/login?x=1", "vpn.contoso.test"),
            ("http://jane@vpn.contoso.test:8443/", "vpn.contoso.test"),
            ("vpn.contoso.test/path:with:colons", "vpn.contoso.test"),
            ("android://c29tZWhhc2g==@com.contoso.app/", "com.contoso.app"),
            ("https://192.0.2.1:8080/a", "192.0.2.1"),
        ] {
            assert_eq!(host_of_url(url.as_bytes()), Some(host.as_bytes()), "{url}");
        }
        for text in ["hunter2", "12", "", "a b", "v1.2", "://", "https://"] {
            assert_eq!(host_of_url(text.as_bytes()), None, "{text}");
        }
    }
}
