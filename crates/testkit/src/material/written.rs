//! From lines to bytes: encodings and ends of lines, and damage.

use super::chance::Chance;
use super::sheet::{Item, Sheet};
use encoding_rs::{GB18030, WINDOWS_1251, WINDOWS_1252, WINDOWS_1254};

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 behind its mark.
    Utf8Marked,
    /// UTF-16, low bytes first.
    Utf16Le,
    /// The same behind its mark.
    Utf16LeMarked,
    /// UTF-16, high bytes first.
    Utf16Be,
    /// The same behind its mark.
    Utf16BeMarked,
    /// Western Europe's.
    Windows1252,
    /// Cyrillic.
    Windows1251,
    /// Turkish.
    Windows1254,
    /// Chinese.
    Gb18030,
    /// UTF-8 that was taken for windows-1252 and written as UTF-8 again.
    Mojibake,
}

impl Encoding {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Utf8,
        Self::Utf16LeMarked,
        Self::Windows1252,
        Self::Utf8Marked,
        Self::Windows1251,
        Self::Utf16Be,
        Self::Gb18030,
        Self::Utf16Le,
        Self::Windows1254,
        Self::Utf16BeMarked,
        Self::Mojibake,
    ];

    fn table(self) -> Option<&'static encoding_rs::Encoding> {
        match self {
            Self::Windows1252 => Some(WINDOWS_1252),
            Self::Windows1251 => Some(WINDOWS_1251),
            Self::Windows1254 => Some(WINDOWS_1254),
            Self::Gb18030 => Some(GB18030),
            _ => None,
        }
    }

    /// Whether a text can be written so.
    pub fn can_write(self, text: &str) -> bool {
        match (self, self.table()) {
            (Self::Mojibake, _) => text.is_ascii() || mojibake(text).is_some(),
            // What GB18030 writes in four bytes nobody's program writes.
            (Self::Gb18030, _) => {
                text.is_ascii() || text.chars().all(|c| c.is_ascii() || ('\u{4E00}'..'\u{9FA6}').contains(&c))
            }
            (_, Some(table)) => !table.encode(text).2,
            (_, None) => true,
        }
    }

    /// Whether a name can be: those beyond ASCII are told by Unicode and by Western Europe's encoding.
    pub fn can_name(self, name: &str) -> bool {
        name.is_ascii() || matches!(self, Self::Windows1252) || self.table().is_none() && self != Self::Mojibake
    }

    /// Writes a text.
    pub fn write(self, text: &str) -> Vec<u8> {
        let marked = |mark: &str| format!("{mark}{text}");
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Marked => marked("\u{FEFF}").into_bytes(),
            Self::Utf16Le => wide(text, u16::to_le_bytes),
            Self::Utf16LeMarked => wide(&marked("\u{FEFF}"), u16::to_le_bytes),
            Self::Utf16Be => wide(text, u16::to_be_bytes),
            Self::Utf16BeMarked => wide(&marked("\u{FEFF}"), u16::to_be_bytes),
            Self::Mojibake => mojibake(text).unwrap_or_else(|| text.to_owned()).into_bytes(),
            _ => self.table().map(|table| table.encode(text).0.into_owned()).unwrap_or_default(),
        }
    }

    /// Whether each byte of ASCII is itself, so that damage to bytes is damage to characters.
    pub fn is_narrow(self) -> bool {
        !matches!(self, Self::Utf16Be | Self::Utf16BeMarked | Self::Utf16Le | Self::Utf16LeMarked)
    }
}

fn mojibake(text: &str) -> Option<String> {
    let (read, malformed) = WINDOWS_1252.decode_without_bom_handling(text.as_bytes());
    // Bytes that windows-1252 leaves out come back as control characters, which no program keeps.
    (!malformed && !read.contains(|c: char| ('\u{80}'..='\u{9F}').contains(&c))).then(|| read.into_owned())
}

/// What ends lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
    /// `\r`
    Cr,
}

impl LineEnd {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Lf, Self::CrLf, Self::Cr];

    fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

/// A document's bytes and how many lines it has.
pub(super) fn written(sheet: &Sheet, encoding: Encoding, end: LineEnd, has_long_values: bool) -> (Vec<u8>, u64) {
    let mut text = String::new();
    let mut lines = 0;
    for Item { text: item, .. } in &sheet.items {
        lines += 1 + item.matches('\n').count() as u64;
        if has_long_values || end == LineEnd::Lf {
            text.push_str(item);
        } else {
            text.push_str(&item.replace('\n', end.text()));
        }
        text.push_str(end.text());
    }
    (encoding.write(&text), lines)
}

/// A document's bytes with damage to every line but those that something planted rests on, and junk between them; and
/// how many lines it has.
pub(super) fn damaged(sheet: &Sheet, encoding: Encoding, end: LineEnd, chance: &Chance) -> (Vec<u8>, u64) {
    let mut bytes = encoding.write("");
    let plain = if encoding == Encoding::Utf8Marked { Encoding::Utf8 } else { encoding };
    for Item { text, is_planted } in &sheet.items {
        let mut line = plain.write(&text.replace('\n', end.text()));
        if !is_planted {
            damage(&mut line, chance);
        }
        bytes.extend(line);
        bytes.extend_from_slice(end.text().as_bytes());
        if chance.once_in(3) {
            let junk = chance.bytes::<24>().map(|byte| if matches!(byte, b'\n' | b'\r') { 0 } else { byte });
            bytes.extend_from_slice(&junk[..chance.below(24)]);
            bytes.extend_from_slice(end.text().as_bytes());
        }
    }
    let lines = count_of(if end == LineEnd::Cr { b'\r' } else { b'\n' }, &bytes);
    (bytes, lines)
}

/// How often a byte stands there.
fn count_of(wanted: u8, bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == wanted).count() as u64 - 1
}

/// Flips bytes, cuts, and puts in what is no text; never the end of a line.
fn damage(line: &mut Vec<u8>, chance: &Chance) {
    for _ in 0..chance.below(4) {
        let place = chance.below(line.len() + 1);
        match chance.below(5) {
            0 if place < line.len() => {
                let flipped = line[place] ^ 1 << chance.below(8);
                if !matches!(flipped, b'\n' | b'\r') && !matches!(line[place], b'\n' | b'\r') {
                    line[place] = flipped;
                }
            }
            1 => line.truncate(place),
            2 => drop(line.splice(place..place, [0; 3])),
            3 => drop(line.splice(place..place, *b"\xFF\xFE\xC3")),
            _ => line.insert(place, *chance.pick(b"\"'\\({[<:;,|\t\x7F\x1B")),
        }
    }
}
