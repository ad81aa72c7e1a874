//! JSON Lines: one object a line. Lines end in LF or CRLF, blank ones are passed over, and a byte order
//! mark may stand at the beginning.

use super::{LONGEST, Row};
use std::io::{self, BufRead, Read as _};

/// The mark that some editors put before UTF-8.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads lines, of which at most one is in memory.
pub struct Lines<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads from the beginning of a file.
    pub fn new(input: R) -> Self {
        Self { input, line: 0 }
    }

    /// The next line that is not blank.
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let mut text = Vec::new();
            let most = LONGEST as u64 + 2; // with its end
            if self.input.by_ref().take(most).read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            if text.last() == Some(&b'\n') {
                text.pop();
            } else if text.len() as u64 == most {
                self.input.skip_until(b'\n')?;
            }
            if text.last() == Some(&b'\r') {
                text.pop();
            }
            if text.len() > LONGEST {
                return Ok(Some(Row { line, content: Err(too_long("line")) }));
            }
            if line == 1 && text.starts_with(MARK) {
                text.drain(..MARK.len());
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let content = match std::str::from_utf8(&text) {
                Ok(_) => Ok(text),
                Err(error) => Err(not_utf8(error.valid_up_to())),
            };
            return Ok(Some(Row { line, content }));
        }
    }
}

pub(super) fn too_long(what: &str) -> String {
    format!("the {what} has more than {LONGEST} bytes")
}

pub(super) fn not_utf8(at: usize) -> String {
    format!("it is not UTF-8: byte {} does not belong there", at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut lines = Lines::new(text);
        let mut found = Vec::new();
        while let Some(Row { line, content }) = lines.next().expect("memory can be read") {
            found.push((line, content.map(|text| String::from_utf8(text).expect("it was checked"))));
        }
        found
    }

    #[test]
    fn marks_blank_lines_and_both_line_ends_are_taken() {
        let found = read(b"\xef\xbb\xbf{\"a\":1}\r\n\r\n  \n{\"b\":2}\n{\"c\":3}");
        let texts: Vec<_> = found.iter().map(|(line, text)| (*line, text.as_deref().expect("text"))).collect();
        assert_eq!(texts, [(1, "{\"a\":1}"), (4, "{\"b\":2}"), (5, "{\"c\":3}")]);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_next_line_goes_on() {
        let long = "x".repeat(LONGEST);
        let text = format!("{long}x\n{long}\r\n{long}{long}{long}\n{{}}");
        let found = read(text.as_bytes());
        let kept: Vec<_> = found.iter().map(|(line, text)| (*line, text.as_ref().map_or(0, String::len))).collect();
        assert_eq!(kept, [(1, 0), (2, LONGEST), (3, 0), (4, 2)]);
        assert_eq!(found[0].1, Err("the line has more than 1048576 bytes".to_owned()));
        assert_eq!(read(b"{\"a\":\"\xff\"}\n{}")[0].1, Err("it is not UTF-8: byte 7 does not belong there".to_owned()));
    }
}
