//! Lines of pairs, read into one buffer that is wiped.

use service::Pair;
use std::io::{self, Read};
use zeroize::{Zeroize as _, Zeroizing};

/// The longest line that may hold a pair (leaks.md, section 3.1, "size").
const LONGEST: usize = 64 << 10;

/// A line that was read.
pub enum Line {
    /// A pair.
    Pair(Pair),
    /// Something else.
    Other,
}

/// Reads lines of pairs.
pub struct Lines<R> {
    source: R,
    buffer: Zeroizing<Vec<u8>>,
    /// What of the buffer is still to be looked at.
    start: usize,
    end: usize,
    /// Bytes of the source up to the end of the last line.
    offset: u64,
    is_end: bool,
}

impl<R: Read> Lines<R> {
    /// Reads from a source whose first byte is at an offset.
    pub fn new(source: R, offset: u64) -> Self {
        Self { source, buffer: Zeroizing::new(vec![0; 4 * LONGEST]), start: 0, end: 0, offset, is_end: false }
    }

    /// The place behind the last line.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        let mut is_too_long = false;
        loop {
            let rest = &self.buffer[self.start..self.end];
            let newline = rest.iter().position(|byte| *byte == b'\n');
            if let Some(length) = newline.or((self.is_end && !rest.is_empty()).then_some(rest.len())) {
                let line = if is_too_long || length > LONGEST { Line::Other } else { read(&rest[..length]) };
                let taken = length + usize::from(newline.is_some());
                self.take(taken);
                return Ok(Some(line));
            }
            if self.is_end {
                return Ok(is_too_long.then_some(Line::Other));
            }
            if rest.len() > LONGEST {
                is_too_long = true;
                self.take(self.end - self.start);
            }
            self.fill()?;
        }
    }

    fn take(&mut self, taken: usize) {
        self.start += taken;
        self.offset += taken as u64;
    }

    /// Moves what is left to the front, and reads more.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let end = self.end;
        self.buffer[end..].zeroize();
        loop {
            match self.source.read(&mut self.buffer[end..]) {
                Ok(0) => self.is_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// A name, a colon or a tab, and a password: the rest of the line, whatever it holds, but for one carriage return.
fn read(line: &[u8]) -> Line {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(at) = line.iter().position(|byte| matches!(byte, b':' | b'\t')) else { return Line::Other };
    let (name, password) = (line[..at].trim_ascii(), &line[at + 1..]);
    match std::str::from_utf8(name) {
        Ok(name) if !name.is_empty() && !password.is_empty() => {
            Line::Pair(Pair { name: Zeroizing::new(name.to_owned()), password: Zeroizing::new(password.to_vec()) })
        }
        _ => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Line, Lines};

    fn all(text: &[u8]) -> Vec<Option<(String, Vec<u8>)>> {
        let mut lines = Lines::new(text, 0);
        let mut found = Vec::new();
        while let Some(line) = lines.next().expect("memory can be read") {
            found.push(match line {
                Line::Pair(pair) => Some((pair.name.to_string(), pair.password.to_vec())),
                Line::Other => None,
            });
        }
        assert_eq!(lines.offset(), text.len() as u64, "every byte is in a line");
        found
    }

    #[test]
    fn a_password_is_the_rest_of_the_line() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.as_bytes().to_vec()));
        let found = all(b"anna@x.test:a:b c \r\nben\tx\n\n:x\nname\nname:\nlast:one");
        let expected = [pair("anna@x.test", "a:b c "), pair("ben", "x"), None, None, None, None, pair("last", "one")];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_line_without_a_pair() {
        for length in [LONGEST + 1, 4 * LONGEST, 9 * LONGEST] {
            let mut text = b"a:1\nb:".to_vec();
            text.resize(text.len() + length, b'x');
            text.extend_from_slice(b"\nc:2");
            let found = all(&text);
            assert_eq!(found.len(), 3, "{length}");
            assert!(found[1].is_none() && found[0].is_some() && found[2].is_some(), "{length}");
        }
    }
}
