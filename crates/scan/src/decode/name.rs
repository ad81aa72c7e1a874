//! Names of entries as they are shown. They are data: nothing is ever opened by them.

use std::fmt::Write as _;

/// The most characters of a name in a problem about the name itself.
const LONGEST_SHOWN: usize = 120;

/// Writes a name so that it can be shown on a terminal and cannot be taken for a path outside its archive.
///
/// Control and invisible characters and bytes that are no UTF-8 are escaped, and so are `..`, a leading `/` and
/// the colon of a drive.
pub(super) fn shown(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for (index, part) in name.split_inclusive(|byte| matches!(byte, b'/' | b'\\')).enumerate() {
        let bare = part.strip_suffix(b"/").or_else(|| part.strip_suffix(b"\\")).unwrap_or(part);
        let leading = index == 0 && bare.is_empty() && !part.is_empty();
        let drive = index == 0 && bare.len() == 2 && bare[0].is_ascii_alphabetic() && bare[1] == b':';
        if leading || drive || bare == b".." {
            for byte in part {
                match byte {
                    b'/' | b'\\' if !leading => text.push(char::from(*byte)),
                    byte if byte.is_ascii_alphabetic() => text.push(char::from(*byte)),
                    byte => write!(text, "\\x{byte:02x}").expect("a string takes it"),
                }
            }
        } else {
            write_part(&mut text, part);
        }
    }
    text
}

/// Writes the name of an item, which its user gave: only what a terminal would act on is escaped.
pub(crate) fn shown_item(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    write_part(&mut text, name);
    text
}

/// The start of a name that is too long to be shown.
pub(super) fn shortened(name: &[u8]) -> String {
    let text = shown(&name[..name.len().min(4 * LONGEST_SHOWN)]);
    text.chars().take(LONGEST_SHOWN).chain(['…']).collect()
}

fn write_part(text: &mut String, part: &[u8]) {
    for chunk in part.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_invisible(character) {
                write!(text, "\\u{{{:x}}}", u32::from(character)).expect("a string takes it");
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a string takes it");
        }
    }
}

/// Whether a character changes how others are shown, or is not seen itself.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{61C}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_so_that_they_can_do_nothing() {
        let cases: &[(&[u8], &str)] = &[
            (b"logs/pass.txt", "logs/pass.txt"),
            (b"../../etc/passwd", r"\x2e\x2e/\x2e\x2e/etc/passwd"),
            (b"/etc/passwd", r"\x2fetc/passwd"),
            (b"a\\..\\b", r"a\\x2e\x2e\b"),
            (b"C:\\x", r"C\x3a\x"),
            (b"a\x1b[2Jb\n", r"a\u{1b}[2Jb\u{a}"),
            (b"\xff.txt", r"\xff.txt"),
            ("gr\u{fc}n\u{202e}txt".as_bytes(), "grün\\u{202e}txt"),
            (b"a..b/...", "a..b/..."),
        ];
        for (name, expected) in cases {
            assert_eq!(shown(name), *expected);
        }
    }
}
