//! Bytes of a file as UTF-8, and lines of it, through buffers of a fixed size.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

use crate::buffer::Buffer;
use crate::error::Reason;

/// Size of the buffer of text.
const TEXT_BYTES: usize = 64 << 10;
/// How much UTF-16 is taken at once; a unit of two bytes becomes at most three.
const RAW_BYTES: usize = 16 << 10;
/// Room that the buffer must have before more is taken.
const ROOM: usize = RAW_BYTES / 2 * 3 + 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// UTF-8, or anything else that is passed on as it is: each value is checked where it is taken.
    Bytes,
    Utf16Le,
    Utf16Be,
}

/// A source as UTF-8 without its byte order mark.
pub(crate) struct Input<R> {
    source: R,
    encoding: Option<Encoding>,
    text: Zeroizing<Vec<u8>>,
    from: usize,
    to: usize,
    /// UTF-16 that is not decoded yet: half a unit, or the first half of a pair.
    raw: Zeroizing<Vec<u8>>,
    raw_len: usize,
    /// Whether what follows the buffer is no UTF-16: said when the buffer was read, for what is before it is good.
    broken: bool,
    at_end: bool,
}

impl<R: Read> Input<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            encoding: None,
            text: Zeroizing::new(vec![0; TEXT_BYTES]),
            from: 0,
            to: 0,
            raw: Zeroizing::new(Vec::new()),
            raw_len: 0,
            broken: false,
            at_end: false,
        }
    }

    /// Returns what is in the buffer, filled if it was empty; empty at the end of the file.
    pub(crate) fn fill(&mut self) -> Result<&[u8], Reason> {
        while self.from == self.to {
            if self.broken {
                return Err(Reason::BrokenUtf16);
            }
            if self.at_end {
                break;
            }
            self.more()?;
        }
        Ok(&self.text[self.from..self.to])
    }

    /// Returns the first bytes: up to the end of the first line that is not blank, the end of the file, or what fits.
    pub(crate) fn first_line(&mut self) -> Result<&[u8], Reason> {
        loop {
            let text = &self.text[self.from..self.to];
            let line = text.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
            let whole = line.is_some_and(|start| memchr::memchr(b'\n', &text[start..]).is_some());
            if whole || self.at_end || self.broken || TEXT_BYTES - (self.to - self.from) < ROOM {
                return Ok(&self.text[self.from..self.to]);
            }
            self.more()?;
        }
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.from += count;
    }

    /// Appends to the buffer, which must have room.
    fn more(&mut self) -> Result<(), Reason> {
        if self.from > 0 {
            self.text.copy_within(self.from..self.to, 0);
            self.to -= self.from;
            self.from = 0;
        }
        match self.encoding {
            None => self.begin(),
            Some(Encoding::Bytes) => {
                let count = read(&mut self.source, &mut self.text[self.to..])?;
                self.to += count;
                self.at_end = count == 0;
                Ok(())
            }
            Some(encoding) => self.decode(encoding),
        }
    }

    /// Looks for a byte order mark.
    fn begin(&mut self) -> Result<(), Reason> {
        while self.to < 3 && !self.at_end {
            let count = read(&mut self.source, &mut self.text[self.to..RAW_BYTES])?;
            self.to += count;
            self.at_end = count == 0;
        }
        let start = &self.text[..self.to];
        let encoding = match start {
            [0xEF, 0xBB, 0xBF, ..] => {
                self.from = 3;
                Encoding::Bytes
            }
            [0xFF, 0xFE, ..] => Encoding::Utf16Le,
            [0xFE, 0xFF, ..] => Encoding::Utf16Be,
            _ => Encoding::Bytes,
        };
        self.encoding = Some(encoding);
        if encoding != Encoding::Bytes {
            let mut raw = Zeroizing::new(vec![0; RAW_BYTES]);
            self.raw_len = self.to - 2;
            raw[..self.raw_len].copy_from_slice(&start[2..]);
            self.raw = raw;
            self.to = 0;
            self.units(encoding);
        }
        Ok(())
    }

    fn decode(&mut self, encoding: Encoding) -> Result<(), Reason> {
        let count = read(&mut self.source, &mut self.raw[self.raw_len..])?;
        self.raw_len += count;
        self.at_end = count == 0;
        self.units(encoding);
        Ok(())
    }

    /// Turns the whole characters of `raw` into text and keeps the rest for later.
    fn units(&mut self, encoding: Encoding) {
        let mut at = 0;
        let unit = |raw: &[u8], at: usize| match encoding {
            Encoding::Utf16Be => u16::from_be_bytes([raw[at], raw[at + 1]]),
            _ => u16::from_le_bytes([raw[at], raw[at + 1]]),
        };
        while at + 2 <= self.raw_len {
            let first = unit(&self.raw, at);
            let paired = (0xD800..0xDC00).contains(&first);
            if paired && at + 4 > self.raw_len {
                break;
            }
            let second = if paired { Some(unit(&self.raw, at + 2)) } else { None };
            let mut characters = char::decode_utf16(std::iter::once(first).chain(second));
            let Some(Ok(character)) = characters.next() else {
                self.broken = true;
                break;
            };
            self.to += character.encode_utf8(&mut self.text[self.to..]).len();
            at += if paired { 4 } else { 2 };
        }
        self.raw.copy_within(at..self.raw_len, 0);
        self.raw_len -= at;
        self.broken |= self.at_end && self.raw_len > 0;
    }
}

fn read(source: &mut impl Read, into: &mut [u8]) -> Result<usize, Reason> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map_err(|error: io::Error| Reason::Unreadable(error.kind())),
        }
    }
}

/// Lines of a file, each held up to a limit.
///
/// A line ends with LF; one CR before it is not part of it.
pub(crate) struct Lines<R> {
    input: Input<R>,
    line: Buffer,
    number: u64,
    peeked: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: Input<R>, limit: usize) -> Self {
        Self { input, line: Buffer::new(limit), number: 0, peeked: false }
    }

    /// The number of the line that was read last.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What was read of that line.
    pub(crate) fn bytes(&self) -> &[u8] {
        let line = self.line.bytes();
        if self.line.is_cut() { line } else { line.strip_suffix(b"\r").unwrap_or(line) }
    }

    /// Whether the line is longer than what was kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.line.is_cut()
    }

    /// Reads the next line; `false` at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<bool, Reason> {
        if std::mem::take(&mut self.peeked) {
            return Ok(true);
        }
        self.line.clear();
        let mut any = false;
        loop {
            if let Err(reason) = self.input.fill() {
                // It is one of the line that would follow.
                self.number += u64::from(!any);
                return Err(reason);
            }
            let text = self.input.fill()?;
            if text.is_empty() {
                break;
            }
            if !any {
                any = true;
                self.number += 1;
            }
            let end = memchr::memchr(b'\n', text);
            self.line.push(&text[..end.unwrap_or(text.len())]);
            let count = end.map_or(text.len(), |end| end + 1);
            self.input.consume(count);
            if end.is_some() {
                break;
            }
        }
        Ok(any)
    }

    /// Gives the line that was read last to the next [`advance`](Self::advance) again.
    pub(crate) fn put_back(&mut self) {
        self.peeked = true;
    }
}
