//! What stands where a password should and is none.

use super::Nothing;

/// Words that say that there is no password.
const PLACEHOLDERS: [&[u8]; 12] = [
    b"[NOT_SAVED]",
    b"[NOT SAVED]",
    b"NOT_SAVED",
    b"UNKNOWN",
    b"[UNKNOWN]",
    b"null",
    b"(null)",
    b"NULL",
    b"\\N",
    b"[EMPTY]",
    b"<empty>",
    b"undefined",
];

/// Tells why the text is no candidate for a password; none if it is one.
pub(super) fn reason(text: &[u8]) -> Option<Nothing> {
    if text.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
        return Some(Nothing::Empty);
    }
    if PLACEHOLDERS.iter().any(|word| word == &text.trim_ascii()) {
        return Some(Nothing::Placeholder);
    }
    if is_advert(text) {
        return Some(Nothing::Advert);
    }
    (text.len() > super::LONGEST_PASSWORD).then_some(Nothing::TooLong)
}

/// A pointer to a channel; a password that merely holds the word is one still.
fn is_advert(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let bare =
        [&b"https://"[..], b"http://", b"@"].iter().find_map(|scheme| text.strip_prefix(*scheme)).unwrap_or(text);
    [&b"t.me/"[..], b"telegram.me/", b"telegram: "]
        .iter()
        .any(|start| bare.len() >= start.len() && bare[..start.len()].eq_ignore_ascii_case(start))
}
