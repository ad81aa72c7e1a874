//! Other spellings of a candidate: what its bytes mean in another encoding, and what it was before a program
//! changed it on the way.

use encoding_rs::{Encoding, GB18030, WINDOWS_1251, WINDOWS_1252, WINDOWS_1254};
use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::Zeroizing;

use super::{Candidates, Secret};

/// Adds the other spellings of the first two candidates, as far as there is room.
pub(super) fn add_spellings(found: &mut Candidates) {
    for index in 0..2 {
        let Some(Secret::Password(bytes)) = found.get(index) else { continue };
        if found.is_full() {
            return;
        }
        let bytes = Zeroizing::new(bytes.to_vec());
        match str::from_utf8(&bytes) {
            Ok(text) => add_of_text(text, found),
            Err(_) => {
                // The second is as likely where columns may follow the first: they share what room there is.
                let is_shared = index == 0
                    && matches!(found.get(1), Some(Secret::Password(second)) if str::from_utf8(second).is_err());
                add_of_bytes(&bytes, if is_shared { 2 } else { super::MOST }, found);
            }
        }
    }
}

/// How many of the candidates as they were written may stand before other spellings of the first.
pub(super) fn room_for_written(first: &[u8]) -> usize {
    match str::from_utf8(first) {
        Err(_) => 2,
        Ok(text) if !text.is_ascii() => 3,
        Ok(text) if text.contains(['&', '%', '\\']) => 5,
        Ok(_) => super::MOST,
    }
}

fn add_of_bytes(bytes: &[u8], most: usize, found: &mut Candidates) {
    let most = found.len() + most;
    for encoding in likely_encodings(bytes) {
        if found.len() >= most {
            return;
        }
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            found.add_plain(Zeroizing::new(text.into_owned()).as_bytes());
        }
    }
}

/// The encodings that bytes may be written in, the likeliest first.
fn likely_encodings(bytes: &[u8]) -> [&'static Encoding; 4] {
    // Letters of Latin scripts stand alone among ASCII; Cyrillic and Chinese ones stand together.
    let mut runs = bytes.split(u8::is_ascii).filter(|run| !run.is_empty());
    if runs.clone().all(|run| run.len() == 1) {
        return [WINDOWS_1252, WINDOWS_1254, WINDOWS_1251, GB18030];
    }
    // The frequent half of Chinese characters begins with these bytes, which in Cyrillic are capitals and signs.
    let is_frequent = |pair: &[u8]| matches!(pair, [0xB0..=0xD7, 0xA1..=0xFF]);
    if runs.all(|run| run.chunks(2).all(is_frequent)) {
        [GB18030, WINDOWS_1251, WINDOWS_1252, WINDOWS_1254]
    } else {
        [WINDOWS_1251, GB18030, WINDOWS_1252, WINDOWS_1254]
    }
}

/// What UTF-8 was before it was taken for windows-1252 and written as UTF-8 again.
fn before_mojibake(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (bytes, _, lossy) = WINDOWS_1252.encode(text);
    let bytes = Zeroizing::new(bytes.into_owned());
    (!lossy && str::from_utf8(&bytes).is_ok()).then_some(bytes)
}

fn add_of_text(text: &str, found: &mut Candidates) {
    if !text.is_ascii() {
        // So seldom by chance that other forms need not be tried.
        if let Some(bytes) = before_mojibake(text) {
            return found.add_plain(&bytes);
        }
        for normalizer in [ComposingNormalizerBorrowed::new_nfc(), ComposingNormalizerBorrowed::new_nfkc()] {
            found.add_plain(Zeroizing::new(normalizer.normalize(text).into_owned()).as_bytes());
        }
    }
    if text.contains(['&', '%']) {
        let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
        unescape(text.as_bytes(), &mut decoded);
        found.add_plain(&decoded);
    }
}

/// Writes the text with one level of HTML's and URLs' escapes decoded; the result is never longer.
pub(crate) fn unescape(text: &[u8], decoded: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(first) = rest.first() {
        let escape = match first {
            b'%' => percent(rest),
            b'&' => entity(rest),
            _ => None,
        };
        if let Some((character, length)) = escape {
            match character {
                Escaped::Byte(byte) => decoded.push(byte),
                Escaped::Char(character) => decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            rest = &rest[length..];
        } else {
            decoded.push(*first);
            rest = &rest[1..];
        }
    }
}

enum Escaped {
    Byte(u8),
    Char(char),
}

/// `%40`, and the bytes that it takes.
fn percent(text: &[u8]) -> Option<(Escaped, usize)> {
    let digits = str::from_utf8(text.get(1..3)?).ok().filter(|digits| !digits.starts_with('+'))?;
    Some((Escaped::Byte(u8::from_str_radix(digits, 16).ok()?), 3))
}

/// `&amp;`, `&#64;` or `&#x40;`, and the bytes that it takes.
fn entity(text: &[u8]) -> Option<(Escaped, usize)> {
    let end = text.iter().take(10).position(|byte| *byte == b';')?;
    let name = str::from_utf8(&text[1..end]).ok()?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "commat" => '@',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    Some((Escaped::Char(character), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescaped(text: &str) -> String {
        let mut decoded = Vec::new();
        unescape(text.as_bytes(), &mut decoded);
        assert!(decoded.len() <= text.len());
        String::from_utf8(decoded).expect("UTF-8 comes out where it went in")
    }

    #[test]
    fn one_level_of_escapes_is_decoded() {
        assert_eq!(unescaped("a&amp;b%40c&#64;&#x40;d"), "a&b@c@@d");
        assert_eq!(unescaped("&amp;amp; 100% &nbsp; %4 %zz &; &#xD800;"), "&amp; 100% &nbsp; %4 %zz &; &#xD800;");
    }
}
