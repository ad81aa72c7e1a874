//! Lines of lists of passwords, which name nobody: a password alone, or with how often it was seen beside it.

use super::{Candidates, encoding, hash};

/// How many lines are looked at to tell which columns there are.
const LOOKED_AT: usize = 400;

/// How many of a hundred lines must have a column of numbers, before it is taken for one.
const MOST_LINES: usize = 90;

/// The delimiters that may stand between a password and a number. A tab comes first, for passwords hold none; a blank last.
const DELIMITERS: [u8; 6] = [b'\t', b':', b';', b',', b'|', b' '];

/// Which columns the lines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// A password and nothing else.
    Alone,
    /// A password, and a number behind this delimiter.
    NumberBehind(u8),
    /// A number, and a password behind this delimiter.
    NumberBefore(u8),
}

impl Columns {
    /// Tells from the first lines of a text.
    pub(crate) fn sniff(text: &[u8]) -> Self {
        let lines = || lines(text).take(LOOKED_AT);
        let count = lines().count();
        let behind = DELIMITERS.map(Self::NumberBehind);
        let before = DELIMITERS.map(Self::NumberBefore);
        let fits = |columns: &Self| {
            count > 0 && lines().filter(|line| columns.divided(line).is_some()).count() * 100 >= count * MOST_LINES
        };
        // A number on both sides is a list of numbers more often than not, with how often each was seen behind it; but
        // behind a blank there is hardly a number, and before it `uniq -c` writes one.
        let (blank_behind, behind) = behind.split_last().expect("there are delimiters");
        behind.iter().chain(&before).chain([blank_behind]).find(|columns| fits(columns)).copied().unwrap_or(Self::Alone)
    }

    /// The password and the number in a line that has these columns.
    fn divided(self, line: &[u8]) -> Option<(&[u8], &[u8])> {
        let (password, number) = match self {
            Self::Alone => return None,
            Self::NumberBehind(delimiter) => {
                let place = memchr::memrchr(delimiter, line)?;
                (&line[..place], &line[place + 1..])
            }
            Self::NumberBefore(delimiter) => {
                let start = line.len() - line.trim_ascii_start().len();
                let place = start + memchr::memchr(delimiter, &line[start..])?;
                (&line[place + 1..], &line[..place])
            }
        };
        let number = number.trim_ascii();
        (number.len() <= 20 && is_number(number) && !password.trim_ascii().is_empty()).then_some((password, number))
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Collects what may be the password of a line, likeliest first.
pub(crate) fn collect(line: &[u8], columns: Columns, found: &mut Candidates) {
    found.clear();
    if let Some((password, number)) = columns.divided(line) {
        let quoted = password.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        if let Some(value) = quoted.filter(|value| !value.is_empty()) {
            found.add_field(value, b'"');
        }
        found.add_word(password);
        if is_number(password) {
            found.add_word(number); // nothing tells which is which
        }
    }
    found.add_word(line);
    let trimmed = line.trim_ascii();
    if trimmed.len() < line.len() {
        found.add_word(trimmed);
    }
    encoding::add_spellings(found);
}

/// Tells whether a line is the hash of a password, alone or with how often it was seen: `HASH:COUNT`.
pub(crate) fn is_hash_line(line: &[u8]) -> bool {
    let (hash, count) = match memchr::memchr(b':', line) {
        Some(place) => (&line[..place], &line[place + 1..]),
        None => (line, &b""[..]),
    };
    // The hashes that such lists have: NTLM, SHA-1, SHA-256.
    matches!(hash.len(), 32 | 40 | 64) && hash::is_hash(hash) && count.trim_ascii().iter().all(u8::is_ascii_digit)
}

/// The lines of a text that are not blank, without their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.trim_ascii().is_empty())
}

/// Tells whether the first lines of a text are hashes of passwords and not passwords.
pub(crate) fn is_hash_list(text: &[u8]) -> bool {
    let count = lines(text).take(LOOKED_AT).count();
    let hashes = lines(text).take(LOOKED_AT).filter(|line| is_hash_line(line)).count();
    count > 0 && hashes * 100 >= count * MOST_LINES
}

#[cfg(test)]
mod tests {
    use super::super::Secret;
    use super::*;

    fn candidates(line: &[u8], columns: Columns) -> Vec<Vec<u8>> {
        let mut found = Candidates::default();
        collect(line, columns, &mut found);
        let bytes = found.iter().map(|secret| match secret {
            Secret::Password(bytes) => bytes.to_vec(),
            Secret::Hash(_) => panic!("a list of passwords has no hashes"),
        });
        bytes.collect()
    }

    #[test]
    fn columns_are_told_from_most_lines() {
        for (text, columns) in [
            ("hunter2\npass word\nx:1\n", Columns::Alone),
            ("hunter2:12\npass:word:3\n", Columns::NumberBehind(b':')),
            ("hunter2\t12\r\npass word\t3\r\n", Columns::NumberBehind(b'\t')),
            ("   12 hunter2\n    3 pass word\n", Columns::NumberBefore(b' ')),
            ("12 1234\n3 4321\n", Columns::NumberBefore(b' ')),
            ("1\thunter2\n2\tpass\n", Columns::NumberBefore(b'\t')),
            ("\"a,b\",12\nc,3\n", Columns::NumberBehind(b',')),
            ("hunter2 12\npass 3\n", Columns::NumberBehind(b' ')),
            ("", Columns::Alone),
        ] {
            assert_eq!(Columns::sniff(text.as_bytes()), columns, "{text:?}");
        }
        let mostly = format!("{}summer:2024\n", "hunter\n".repeat(20));
        assert_eq!(Columns::sniff(mostly.as_bytes()), Columns::Alone);
    }

    #[test]
    fn a_line_gives_its_column_and_itself() {
        for (line, columns, expected) in [
            (&b"hunter2"[..], Columns::Alone, &[&b"hunter2"[..]][..]),
            (b"summer:2024", Columns::Alone, &[b"summer:2024"]),
            (b"summer:2024", Columns::NumberBehind(b':'), &[b"summer", b"summer:2024"]),
            (b"pass:word", Columns::NumberBehind(b':'), &[b"pass:word"]),
            (b"123456:99", Columns::NumberBehind(b':'), &[b"123456", b"99", b"123456:99"]),
            (b"   12 pass word", Columns::NumberBefore(b' '), &[b"pass word", b"   12 pass word", b"12 pass word"]),
            (b"\"a\"\"b\",12", Columns::NumberBehind(b','), &[b"a\"b", b"\"a\"\"b\"", b"\"a\"\"b\",12"]),
            (b"$HEX[70e473]", Columns::Alone, &[b"p\xE4s", b"$HEX[70e473]", "p\u{E4}s".as_bytes()]),
            (b"null", Columns::Alone, &[b"null"]),
            (b" x ", Columns::Alone, &[b" x ", b"x"]),
        ] {
            let found = candidates(line, columns);
            assert!(
                expected.iter().all(|wanted| found.iter().any(|one| one == wanted)) && found[0] == expected[0],
                "{}: {:?}",
                String::from_utf8_lossy(line),
                found.iter().map(|one| String::from_utf8_lossy(one)).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn hashes_are_told_from_passwords() {
        let hash = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert!(is_hash_line(hash.as_bytes()) && is_hash_line(format!("{hash}:12").as_bytes()));
        assert!(!is_hash_line(format!("{hash}:x").as_bytes()) && !is_hash_line(b"hunter2:12"));
        assert!(is_hash_list(format!("{hash}:12\r\n").repeat(3).as_bytes()));
        assert!(!is_hash_list(format!("hunter2\n{hash}\n").as_bytes()) && !is_hash_list(b""));
    }
}
