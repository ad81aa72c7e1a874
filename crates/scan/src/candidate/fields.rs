//! Fields of rows, as tables and databases write them, and how likely each is a password.

use std::ops::Range;

use super::hash;

/// One field: where its value stands, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub value: Range<usize>,
    /// The quote around it, or 0.
    pub quote: u8,
}

/// How many fields of a row are looked at.
const MOST_FIELDS: usize = 256;

/// Reads the fields of a row that begins at `start`, until a line ends outside quotes or the text does.
///
/// A value in quotes may hold its quote doubled or behind a backslash, and line feeds.
pub(super) fn row(text: &[u8], start: usize, line_end: usize, delimiter: u8) -> Vec<Field> {
    let mut fields = Vec::new();
    let (mut place, mut line_end) = (start, line_end);
    while fields.len() < MOST_FIELDS {
        let quote = text.get(place).copied().filter(|byte| *byte == b'"' && place < line_end);
        let ends = |closing: &usize| {
            matches!(text.get(closing + 1), None | Some(b'\r' | b'\n' | b' '))
                || text.get(closing + 1) == Some(&delimiter)
        };
        // Some writers escape with a backslash, for others it is a character as any.
        let closing = quote.and_then(|quote| {
            let plain = closing_quote(text, place + 1, quote, false).filter(ends);
            plain.or_else(|| closing_quote(text, place + 1, quote, true).filter(ends))
        });
        if let Some(closing) = closing {
            fields.push(Field { value: place + 1..closing, quote: b'"' });
            place = closing + 1;
            if place > line_end {
                line_end = memchr::memchr(b'\n', &text[place..]).map_or(text.len(), |end| place + end);
            }
        }
        let rest = &text[place..line_end.max(place)];
        let length = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
        if closing.is_none() {
            let end = if length == rest.len() { place + rest.trim_ascii_end().len() } else { place + length };
            fields.push(Field { value: place..end, quote: 0 });
        }
        if length == rest.len() {
            break;
        }
        place += length + 1;
    }
    fields
}

/// Where the value ends that begins here; `escapes` says whether a backslash takes the next byte's meaning.
pub(super) fn closing_quote(text: &[u8], start: usize, quote: u8, escapes: bool) -> Option<usize> {
    let mut place = start;
    loop {
        let rest = text.get(place..)?;
        place += if escapes { memchr::memchr2(quote, b'\\', rest)? } else { memchr::memchr(quote, rest)? };
        if text[place] == quote && text.get(place + 1) != Some(&quote) {
            return Some(place);
        }
        place += 2;
    }
}

/// The value of a quoted field in clear: doubled quotes are one, and backslashes escape as in C.
pub(super) fn unescape(value: &[u8], quote: u8, clear: &mut Vec<u8>) {
    let mut rest = value;
    while let Some((&first, mut behind)) = rest.split_first() {
        match (first, behind.first()) {
            (b'\\', Some(&escaped)) => {
                behind = &behind[1..];
                match escaped {
                    b'n' => clear.push(b'\n'),
                    b'r' => clear.push(b'\r'),
                    b't' => clear.push(b'\t'),
                    b'0' => clear.push(0),
                    b'u' => behind = unicode(behind, clear),
                    _ => clear.push(escaped),
                }
            }
            (byte, Some(second)) if quote != 0 && byte == quote && *second == quote => {
                behind = &behind[1..];
                clear.push(byte);
            }
            _ => clear.push(first),
        }
        rest = behind;
    }
}

/// The value of a quoted field in clear where nothing but the quote is escaped, by being doubled.
pub(super) fn undouble(value: &[u8], quote: u8, clear: &mut Vec<u8>) {
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        clear.push(first);
        rest = if first == quote { behind.strip_prefix(&[quote]).unwrap_or(behind) } else { behind };
    }
}

/// Writes the character of `XXXX` or, for the second half of the characters, `XXXX\uXXXX`; gives what follows.
fn unicode<'t>(text: &'t [u8], clear: &mut Vec<u8>) -> &'t [u8] {
    let unit = |text: &[u8]| {
        let digits = text.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = unit(text) else {
        clear.push(b'u');
        return text;
    };
    let second = text.get(4..6).filter(|mark| *mark == b"\\u").and_then(|_| unit(&text[6..]));
    let pair = [first, second.unwrap_or(0)];
    let (character, taken) = match char::decode_utf16(pair).next() {
        Some(Ok(character)) => (character, if character.len_utf16() == 2 { 10 } else { 4 }),
        _ => (char::REPLACEMENT_CHARACTER, 4),
    };
    clear.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    &text[taken..]
}

/// How unlikely a field of a row is the password; `distance` is how many fields behind the name it stands,
/// below 0 before it.
pub(super) fn unlikelihood(value: &[u8], distance: isize) -> usize {
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    let digits = value.iter().any(u8::is_ascii_digit);
    let kind = if is_other(value) {
        6
    } else if value.len() < 3 {
        5
    } else if hash::is_hash(value) || hash::hex_notation(value).is_some() {
        0
    } else if !letters && digits && value.len() < 4 || value.contains(&b' ') {
        4
    } else if letters && digits || value.iter().any(u8::is_ascii_punctuation) || !value.is_ascii() {
        1
    } else {
        3
    };
    let beside = usize::from(distance != 1) * 2;
    let before = usize::from(distance < 0);
    (kind + beside) * 2 + before
}

/// Whether the text is an address, a URL, a date or a number of the network: hardly a password.
fn is_other(value: &[u8]) -> bool {
    let address = memchr::memchr(b'@', value).is_some_and(|at| at > 0 && value[at..].contains(&b'.'));
    let numeric =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b':' | b'/' | b' ' | b'T' | b'Z' | b'+');
    let date = value.len() >= 7
        && value.iter().all(numeric)
        && value.iter().filter(|byte| !byte.is_ascii_digit()).count() >= 2;
    let uuid = value.len() == 36 && [8, 13, 18, 23].iter().all(|place| value[*place] == b'-');
    address || date || uuid || memchr::memmem::find(value, b"://").is_some()
}

/// Words that name a column or field of passwords, likeliest first; how good the match is, 0 is best.
pub(crate) fn password_name(name: &[u8]) -> Option<usize> {
    const WORDS: [&[u8]; 17] = [
        b"password",
        b"pass",
        b"pwd",
        b"passwd",
        b"passwort",
        b"plaintext",
        b"plainpassword",
        b"plain",
        b"secret",
        b"userpassword",
        b"hash",
        b"passwordhash",
        b"pwhash",
        b"passhash",
        b"encryptedpassword",
        b"hashedpassword",
        b"nthash",
    ];
    let mut plain = [0; 32];
    let mut length = 0;
    for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *plain.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &plain[..length];
    if let Some(exact) = WORDS.iter().position(|word| *word == plain) {
        return Some(exact);
    }
    let holds = |word: &[u8]| memchr::memmem::find(plain, word).is_some();
    let other = [&b"date"[..], b"time", b"changed", b"expire", b"hint", b"reset", b"salt", b"question", b"update"];
    let passes = holds(b"pass") || holds(b"pwd") || holds(b"secret") || holds(b"hash");
    (passes && !other.iter().any(|word| holds(word))).then_some(WORDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, delimiter: u8) -> Vec<&str> {
        let line_end = text.find('\n').unwrap_or(text.len());
        row(text.as_bytes(), 0, line_end, delimiter).into_iter().map(|field| &text[field.value]).collect()
    }

    #[test]
    fn rows_are_divided() {
        assert_eq!(values("a,b,,c", b','), ["a", "b", "", "c"]);
        assert_eq!(values("\"a,1\",\"b\"\"2\",c\nd", b','), ["a,1", "b\"\"2", "c"]);
        assert_eq!(values("\"a\nb\",c\nd", b','), ["a\nb", "c"]);
        assert_eq!(values("\"a", b','), ["\"a"]);
        assert_eq!(values("", b','), [""]);
    }

    #[test]
    fn escapes_are_undone() {
        for (value, quote, clear) in [
            ("a''b", b'\'', "a'b"),
            ("a\\'b\\\\c", b'\'', "a'b\\c"),
            ("a\"\"b", b'"', "a\"b"),
            ("\\u0040\\ud83d\\ude00\\ud83dx\\uzz\\", b'"', "@\u{1F600}\u{FFFD}xuzz\\"),
        ] {
            let mut found = Vec::new();
            unescape(value.as_bytes(), quote, &mut found);
            assert_eq!(String::from_utf8(found).expect("UTF-8"), clear);
        }
    }

    #[test]
    fn names_of_columns_are_known() {
        assert_eq!(password_name(b"Password"), Some(0));
        assert!(password_name(b"user_pass") > password_name(b"pwd"));
        assert_eq!(password_name(b"password_changed_at"), None);
        assert_eq!(password_name(b"email"), None);
    }
}
