//! Functions of texts. A text is a sequence of Unicode code points: it is counted, cut, compared and
//! ordered by them, on every store alike, whatever collation or Unicode version the store has.

use super::case_tables::{Range, TO_LOWER, TO_UPPER};

/// The Unicode version that the frozen tables here are from.
pub const UNICODE_VERSION: (u8, u8, u8) = (17, 0, 0);

/// The number of code points.
pub fn length(text: &str) -> i64 {
    text.chars().count() as i64
}

/// Where a text first contains another, in code points from 0; -1 when it does not.
pub fn index_of(text: &str, part: &str) -> i64 {
    text.find(part).map_or(-1, |at| length(&text[..at]))
}

/// The code points from a place on, at most `count` of them. A negative place counts from the end;
/// one before the beginning is the beginning. Past the end, and for a negative count, it is empty
/// (URL conventions 4.01, `substring`).
pub fn substring(text: &str, from: i64, count: Option<i64>) -> &str {
    let from = if from < 0 { from.saturating_add(length(text)).max(0) } else { from };
    let rest = &text[byte_offset(text, from)..];
    count.map_or(rest, |count| &rest[..byte_offset(rest, count)])
}

/// The byte at which the code point with this number begins; the end when there are fewer.
fn byte_offset(text: &str, number: i64) -> usize {
    let Ok(number) = usize::try_from(number) else { return 0 };
    text.char_indices().nth(number).map_or(text.len(), |(at, _)| at)
}

/// Every character in lower case, one for one, by the frozen table.
pub fn to_lower(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c.to_ascii_lowercase() } else { map(c, &TO_LOWER) }).collect()
}

/// Every character in upper case, one for one, by the frozen table: `ß` stays.
pub fn to_upper(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c.to_ascii_uppercase() } else { map(c, &TO_UPPER) }).collect()
}

fn map(c: char, table: &[Range]) -> char {
    let code = u32::from(c);
    let at = table.partition_point(|range| range.last < code);
    match table.get(at) {
        Some(range) if range.first <= code && (code - range.first).is_multiple_of(range.step) => {
            char::from_u32(code.wrapping_add_signed(range.offset)).unwrap_or(c)
        }
        _ => c,
    }
}

/// White space off both ends.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_white_space)
}

/// Unicode's `White_Space`, frozen.
pub fn is_white_space(c: char) -> bool {
    matches!(
        c,
        '\u{9}'..='\u{d}'
            | ' '
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// The least text above every text that begins with `prefix`; `None` when none is. So `x` begins
/// with `prefix` just when it is neither below `prefix` nor at or above this.
pub fn after_prefix(prefix: &str) -> Option<String> {
    let mut kept = prefix;
    loop {
        let last = kept.chars().next_back()?;
        kept = &kept[..kept.len() - last.len_utf8()];
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'), // surrogates are no characters
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            return Some(format!("{kept}{next}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FNV-1a over every mapping of a table, from and to.
    fn checksum(table: &[Range]) -> (usize, u64) {
        let mapped = ('\0'..=char::MAX).map(|c| (c, map(c, table))).filter(|(from, to)| from != to);
        mapped.fold((0, 0xcbf2_9ce4_8422_2325), |(count, sum), (from, to)| {
            let bytes = [u32::from(from).to_be_bytes(), u32::from(to).to_be_bytes()];
            let sum = bytes
                .concat()
                .into_iter()
                .fold(sum, |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
            (count + 1, sum)
        })
    }

    #[test]
    fn the_tables_are_those_that_were_frozen() {
        assert_eq!(checksum(&TO_LOWER), (1487, 0xe106_6fcf_20f7_c5ce));
        assert_eq!(checksum(&TO_UPPER), (1478, 0xa985_936f_5f59_5868));
    }

    #[test]
    fn the_tables_are_those_of_their_unicode_version() {
        if char::UNICODE_VERSION != UNICODE_VERSION {
            return; // Rust has moved on; the tables have not
        }
        let one = |mut all: Box<dyn Iterator<Item = char>>, c: char| match (all.next(), all.next()) {
            (Some(to), None) => to,
            _ => c,
        };
        for c in '\0'..=char::MAX {
            assert_eq!(map(c, &TO_LOWER), one(Box::new(c.to_lowercase()), c), "{c:?}");
            assert_eq!(map(c, &TO_UPPER), one(Box::new(c.to_uppercase()), c), "{c:?}");
            assert_eq!(is_white_space(c), c.is_whitespace(), "{c:?}");
        }
    }

    #[test]
    fn case_goes_by_unicode_one_for_one() {
        assert_eq!(to_lower("ÄÖ ΑΣ Ж 𐐀 İ ẞ"), "äö ας ж 𐐨 İ ß".replace('ς', "σ"));
        assert_eq!(to_upper("äß ﬁ ǆ ı 𐐨"), "Äß ﬁ Ǆ I 𐐀");
    }

    #[test]
    fn places_are_counted_in_code_points() {
        assert_eq!(length("a𐐀e\u{301}"), 4);
        assert_eq!(index_of("a𐐀bc", "bc"), 2);
        assert_eq!((index_of("abc", ""), index_of("abc", "d"), index_of("", "")), (0, -1, 0));
        assert_eq!(substring("a𐐀bc", 1, Some(2)), "𐐀b");
        assert_eq!(substring("abc", 2, None), "c");
    }

    #[test]
    fn substring_stays_within_the_text() {
        assert_eq!((substring("abc", 3, None), substring("abc", 9, None), substring("", 0, None)), ("", "", ""));
        assert_eq!((substring("abc", -2, None), substring("abc", -2, Some(1))), ("bc", "b"));
        assert_eq!((substring("abc", -9, None), substring("abc", i64::MIN, Some(2))), ("abc", "ab"));
        assert_eq!((substring("abc", 1, Some(0)), substring("abc", 1, Some(-1))), ("", ""));
        assert_eq!(substring("abc", 1, Some(i64::MAX)), "bc");
        assert_eq!(substring("abc", i64::MAX, Some(i64::MAX)), "");
    }

    #[test]
    fn trim_takes_all_of_unicodes_white_space() {
        assert_eq!(trim("\u{3000}\t a b\u{a0}\u{2028}"), "a b");
        assert_eq!(trim("\u{200b}a"), "\u{200b}a"); // no width, but no white space
    }

    proptest! {
        #[test]
        fn a_prefix_is_a_range(text in "[ab\u{d7ff}\u{e000}\u{10ffff}]{0,4}", prefix in "[ab\u{d7ff}\u{10ffff}]{0,3}") {
            let below = after_prefix(&prefix).is_none_or(|end| text < end);
            prop_assert_eq!(text.starts_with(&prefix), text >= prefix && below);
        }
    }
}
