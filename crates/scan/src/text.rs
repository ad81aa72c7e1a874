//! From the bytes of a document to the text that is scanned.
//!
//! Most documents are scanned as they are, whatever their encoding: names are ASCII, and a password's bytes are
//! decoded later, in several ways. Two kinds cannot be read so and are changed on the way: UTF-16 becomes UTF-8,
//! and where nothing but carriage returns ends lines, line feeds take their place. Places in the text are then
//! places in what came out.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};
use zeroize::Zeroizing;

/// How many bytes of a document are looked at before it is read.
pub const LOOKED_AT: usize = 64 * 1024;

/// The least room that the decoder gets, more than it may want for one character.
const LEAST: usize = 16;

/// How a document writes characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// ASCII and nothing else, as far as was looked.
    Ascii,
    /// UTF-8.
    Utf8,
    /// An encoding of one byte a character, or several mixed: the bytes are kept.
    Bytes,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// Returns the name under which a report shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF-8",
            Self::Bytes => "8-bit, no UTF-8",
            Self::Utf16Le => "UTF-16 little-endian",
            Self::Utf16Be => "UTF-16 big-endian",
        }
    }
}

/// How sure a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Little speaks for it.
    Low,
    /// Most speaks for it.
    Likely,
    /// The document says so, or nothing speaks against it.
    Sure,
}

impl Confidence {
    /// Returns the word under which a report shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "a guess",
            Self::Likely => "likely",
            Self::Sure => "sure",
        }
    }
}

/// What the start of a document tells of how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// How characters are written.
    pub encoding: Encoding,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether carriage returns alone end lines.
    pub lone_returns: bool,
}

impl Writing {
    /// Tells from the first bytes of a document how it is written.
    pub fn sniff(start: &[u8]) -> Self {
        let (encoding, confidence) = encoding(start);
        let lone_returns = match encoding {
            Encoding::Utf16Le => has_lone_returns(start.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair))),
            Encoding::Utf16Be => has_lone_returns(start.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))),
            _ => has_lone_returns(start.iter().map(|byte| u16::from(*byte))),
        };
        Self { encoding, confidence, lone_returns }
    }

    /// Whether characters take two bytes each, so that the text is not where the bytes are.
    pub fn is_wide(self) -> bool {
        matches!(self.encoding, Encoding::Utf16Le | Encoding::Utf16Be)
    }
}

/// Whether carriage returns alone end lines: there are many more of them than of line feeds, for a stray feed makes no
/// other file. One at the very end may have its feed behind what was looked at.
fn has_lone_returns(units: impl Iterator<Item = u16>) -> bool {
    let (mut returns, mut feeds, mut last) = (0usize, 0usize, 0);
    for unit in units {
        feeds += usize::from(unit == u16::from(b'\n'));
        returns += usize::from(last == u16::from(b'\r') && unit != u16::from(b'\n'));
        last = unit;
    }
    returns > 8 * feeds
}

/// Whether bytes behind a mark of UTF-16 may be it: separators and ends of lines have a zero beside them.
fn is_wide(start: &[u8]) -> bool {
    let zeros = memchr::memchr_iter(0, start).count();
    let ascii = start.iter().filter(|byte| (b' '..=b'~').contains(byte)).count();
    zeros * 20 >= start.len() || ascii * 2 < start.len()
}

fn encoding(start: &[u8]) -> (Encoding, Confidence) {
    match start {
        // What has line feeds of one byte and no zeros is no UTF-16, whatever its first bytes are.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] if !is_wide(start) => {}
        [0xFF, 0xFE, ..] => return (Encoding::Utf16Le, Confidence::Sure),
        [0xFE, 0xFF, ..] => return (Encoding::Utf16Be, Confidence::Sure),
        [0xEF, 0xBB, 0xBF, ..] => return (Encoding::Utf8, Confidence::Sure),
        _ => {}
    }
    // Text of ASCII in UTF-16 has a zero in every other byte, always on the same side.
    let (pairs, _) = start.as_chunks::<2>();
    let high = pairs.iter().filter(|pair| pair[0] == 0 && pair[1] != 0).count();
    let low = pairs.iter().filter(|pair| pair[1] == 0 && pair[0] != 0).count();
    if pairs.len() >= 4 && high.max(low) * 10 >= pairs.len() * 7 && high.min(low) * 20 <= pairs.len() {
        let encoding = if low > high { Encoding::Utf16Le } else { Encoding::Utf16Be };
        return (encoding, Confidence::Likely);
    }
    if start.is_ascii() {
        return (Encoding::Ascii, Confidence::Sure);
    }
    match str::from_utf8(start) {
        Ok(_) => (Encoding::Utf8, Confidence::Sure),
        // The last character may be cut off.
        Err(error) if error.error_len().is_none() => (Encoding::Utf8, Confidence::Sure),
        Err(_) => (Encoding::Bytes, Confidence::Likely),
    }
}

/// Reads a document as text.
pub struct Text<R> {
    source: R,
    writing: Writing,
    decoder: Option<Decoder>,
    /// Bytes as they were read, from `place` on not yet given out.
    raw: Zeroizing<Vec<u8>>,
    place: usize,
    at_end: bool,
    /// Whether the decoder has been told that nothing follows.
    finished: bool,
    /// Decoded bytes that a reader had no room for, and how many of them it took.
    pending: ([u8; LEAST], usize, usize),
}

impl<R: Read> Text<R> {
    /// Looks at the first [`LOOKED_AT`] bytes of a document and prepares to read it.
    pub fn new(source: R) -> io::Result<Self> {
        let writing = Writing { encoding: Encoding::Ascii, confidence: Confidence::Low, lone_returns: false };
        let mut text = Self::unread(source, writing);
        text.refill(0)?;
        text.writing = Writing::sniff(&text.raw);
        text.decoder = match text.writing.encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_with_bom_removal()),
            _ => None,
        };
        Ok(text)
    }

    /// Reads from the middle of a document whose start has told how it is written; none that has to be decoded.
    pub fn middle(source: R, writing: Writing) -> Option<Self> {
        (!writing.is_wide()).then(|| Self::unread(source, writing))
    }

    fn unread(source: R, writing: Writing) -> Self {
        Self {
            source,
            writing,
            decoder: None,
            raw: Zeroizing::default(),
            place: 0,
            at_end: false,
            finished: false,
            pending: ([0; LEAST], 0, 0),
        }
    }

    /// Returns how the document is written.
    pub fn writing(&self) -> Writing {
        self.writing
    }

    /// Returns the document's first bytes as text, before any was read.
    pub fn start(&self) -> Zeroizing<Vec<u8>> {
        let mut text = match &self.decoder {
            Some(decoder) => Zeroizing::new(decoder.encoding().decode(&self.raw).0.into_owned().into_bytes()),
            None => self.raw.clone(),
        };
        self.replace_returns(&mut text);
        text
    }

    /// Fills the buffer behind the bytes that it keeps.
    fn refill(&mut self, keep: usize) -> io::Result<()> {
        self.raw.resize(LOOKED_AT, 0);
        let mut filled = keep;
        let mut outcome = Ok(());
        while filled < LOOKED_AT && !self.at_end {
            match self.source.read(&mut self.raw[filled..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        self.raw.truncate(filled);
        self.place = 0;
        outcome
    }

    fn replace_returns(&self, text: &mut [u8]) {
        if self.writing.lone_returns {
            for byte in text.iter_mut().filter(|byte| **byte == b'\r') {
                *byte = b'\n';
            }
        }
    }

    /// Gives out what was decoded before; decodes a little into the pending bytes for a reader with little room.
    fn read_pending(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.pending.1 == self.pending.2 && into.len() < LEAST {
            let mut decoded = [0; LEAST];
            let length = self.read_decoded(&mut decoded)?;
            self.pending = (decoded, 0, length);
        }
        let (bytes, taken, end) = &mut self.pending;
        let length = into.len().min(*end - *taken);
        into[..length].copy_from_slice(&bytes[*taken..*taken + length]);
        *taken += length;
        Ok(length)
    }

    fn read_decoded(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.place == self.raw.len() && !self.at_end {
                self.refill(0)?;
            }
            if self.finished {
                return Ok(0);
            }
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let last = self.at_end;
            let (result, read, written, _) = decoder.decode_to_utf8(&self.raw[self.place..], into, last);
            self.place += read;
            self.finished = last && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
            if result == CoderResult::OutputFull {
                return Err(io::Error::other("the decoder wants more room than a character takes"));
            }
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let length = if self.decoder.is_some() {
            let pending = self.read_pending(into)?;
            if pending > 0 || into.len() < LEAST { pending } else { self.read_decoded(into)? }
        } else if self.place < self.raw.len() {
            let length = into.len().min(self.raw.len() - self.place);
            into[..length].copy_from_slice(&self.raw[self.place..self.place + length]);
            self.place += length;
            length
        } else if self.at_end {
            0
        } else {
            self.source.read(into)?
        };
        self.replace_returns(&mut into[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (Writing, Vec<u8>) {
        let mut text = Text::new(bytes).expect("memory can be read");
        let mut read = Vec::new();
        let mut piece = [0; 7];
        loop {
            match text.read(&mut piece).expect("memory can be read") {
                0 => return (text.writing(), read),
                length => read.extend_from_slice(&piece[..length]),
            }
        }
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf_16_becomes_utf_8() {
        let text = "jane@contoso.test:p\u{E4}ss\u{1F600}\r\nx";
        let marked = format!("\u{FEFF}{text}");
        for (bytes, encoding, confidence) in [
            (utf16(&marked, u16::to_le_bytes), Encoding::Utf16Le, Confidence::Sure),
            (utf16(&marked, u16::to_be_bytes), Encoding::Utf16Be, Confidence::Sure),
            (utf16(text, u16::to_le_bytes), Encoding::Utf16Le, Confidence::Likely),
            (utf16(text, u16::to_be_bytes), Encoding::Utf16Be, Confidence::Likely),
        ] {
            let (writing, read) = read(&bytes);
            assert_eq!((writing.encoding, writing.confidence), (encoding, confidence));
            assert_eq!(String::from_utf8(read).expect("UTF-8"), text);
        }
    }

    #[test]
    fn a_long_document_is_decoded_across_reads() {
        let text = "\u{1F600}\u{E4}x\n".repeat(LOOKED_AT);
        let marked = format!("\u{FEFF}{text}");
        assert_eq!(String::from_utf8(read(&utf16(&marked, u16::to_le_bytes)).1).expect("UTF-8"), text);
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for (text, encoding) in [
            (&b"a@b:c\r\nd\0e\x0B\x0C\xE2\x80\xA8f\n"[..], Encoding::Utf8),
            (b"a@b:c\n", Encoding::Ascii),
            (b"", Encoding::Ascii),
            (b"p\xE4ss\n", Encoding::Bytes),
            (b"\xEF\xBB\xBFa\n", Encoding::Utf8),
            (b"a\0b\n\0\0c", Encoding::Ascii),
            (b"\xFF\xFEa@b.test:secret\n", Encoding::Bytes),
        ] {
            let (writing, read) = read(text);
            assert_eq!((read.as_slice(), writing.encoding), (text, encoding));
        }
    }

    #[test]
    fn lone_returns_end_lines_where_no_line_feed_does() {
        assert_eq!(read(b"a\rb\rc").1, b"a\nb\nc");
        assert_eq!(read(b"a\rb\r").1, b"a\nb\n");
        assert_eq!(read(b"a\r\nb\rc").1, b"a\r\nb\rc");
        assert_eq!(
            read("a\r".repeat(20).replacen('a', "\n", 1).as_bytes()).1,
            "a\n".repeat(20).replacen('a', "\n", 1).as_bytes()
        );
        let text = Text::new(&b"a\rb\rc"[..]).expect("memory can be read");
        assert_eq!(*text.start(), b"a\nb\nc", "what is looked at first is divided as well");
        assert_eq!(read(b"a\r").1, b"a\r");
        assert_eq!(read(&utf16("\u{FEFF}ab\rcd\ref", u16::to_be_bytes)).1, b"ab\ncd\nef");
    }
}
