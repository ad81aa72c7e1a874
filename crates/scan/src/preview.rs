//! What a document seems to be, told before it is scanned.

use crate::candidate::{self, Candidates, Place, Shape};
use crate::layout::Layout;
use crate::suspicion::{Suspicion, suspicion};
use crate::text::{Confidence, LOOKED_AT, Writing};

/// How many lines are shown.
const SAMPLES: usize = 3;

/// How many characters of a line are shown.
const LONGEST_SAMPLE: usize = 100;

/// How many lines are looked at.
const MOST_LINES: usize = 400;

/// What a document seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The shapes of its lines, the most frequent first, each with its share of the lines with a name, in
    /// percent.
    pub shapes: Vec<(Shape, u8)>,
    /// How it is written.
    pub writing: Writing,
    /// How sure the first shape is.
    pub confidence: Confidence,
    /// The first lines, every run of letters and digits replaced by a sign, so that no secret shows.
    pub samples: Vec<String>,
    /// What it seems to be instead of breach material.
    pub suspicion: Option<Suspicion>,
}

/// Looks at the first bytes of a document, at most [`LOOKED_AT`], after [`crate::text::Text`] made text of them.
pub fn preview(start: &[u8], writing: Writing) -> Preview {
    let text = &start[..start.len().min(LOOKED_AT)];
    let layout = Layout::of(text);
    let (mut lines, mut named) = (0usize, 0usize);
    let mut counts: Vec<(Shape, usize)> = Vec::new();
    let mut samples = Vec::new();
    let mut candidates = Candidates::default();
    let mut place = 0;
    while place < text.len() && lines < MOST_LINES {
        let end = memchr::memchr(b'\n', &text[place..]).map_or(text.len(), |length| place + length);
        let line = place..end - usize::from(text[place..end].ends_with(b"\r"));
        place = end + 1;
        if text[line.clone()].trim_ascii().is_empty() {
            continue;
        }
        lines += 1;
        if samples.len() < SAMPLES {
            samples.push(redacted(&text[line.clone()]));
        }
        let Some(name) = any_name(text, &line) else { continue };
        named += 1;
        let shape = candidate::collect(&Place { text, line, name, alone: false, layout: &layout }, &mut candidates);
        if candidates.is_empty() && candidates.nothing().is_none() {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, count)) => *count += 1,
            None => counts.push((shape, 1)),
        }
    }
    candidates.clear();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shapes: Vec<_> = counts.iter().map(|(shape, count)| (*shape, (count * 100 / named.max(1)) as u8)).collect();
    let confidence = match shapes.first() {
        Some((_, 90..)) if named >= 3 => Confidence::Sure,
        Some((_, 50..)) => Confidence::Likely,
        _ => Confidence::Low,
    };
    Preview { shapes, writing, confidence, samples, suspicion: suspicion(text) }
}

/// The first thing in a line that looks like an address; in a line with the label of a user, its value.
fn any_name(text: &[u8], line: &std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
    let bytes = &text[line.clone()];
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    for at in memchr::memchr_iter(b'@', bytes) {
        let before = bytes[..at].iter().rev().take_while(is_part).count();
        let behind = bytes[at + 1..].iter().take_while(is_part).count();
        let domain = &bytes[at + 1..at + 1 + behind];
        if before > 0 && memchr::memchr(b'.', domain).is_some_and(|dot| dot > 0 && dot + 1 < domain.len()) {
            return Some(line.start + at - before..line.start + at + 1 + behind);
        }
    }
    candidate::labelled_name(text, line)
}

/// The line with a sign for each run of letters, of digits and of what else is no separator.
fn redacted(line: &[u8]) -> String {
    let mut shown = String::new();
    let mut last = ' ';
    for character in String::from_utf8_lossy(line).chars().take(4 * LONGEST_SAMPLE) {
        let sign = match character {
            ':' | ';' | '|' | ',' | '\t' | ' ' | '@' | '.' | '/' | '"' | '\'' | '(' | ')' | '{' | '}' | '[' | ']'
            | '=' | '<' | '>' => character,
            _ => '\u{2026}',
        };
        if sign != '\u{2026}' || last != sign {
            shown.push(if sign == '\t' { '\u{21E5}' } else { sign });
        }
        last = sign;
        if shown.chars().count() >= LONGEST_SAMPLE {
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Preview {
        preview(text.as_bytes(), Writing::sniff(text.as_bytes()))
    }

    #[test]
    fn the_shape_is_told() {
        for (text, shape) in [
            ("a@b.test:hunter2\n".repeat(5), Shape::Combo),
            ("hunter2:a@b.test\n".repeat(5), Shape::Reversed),
            ("https://c.test/:a@b.test:hunter2\n".repeat(5), Shape::UrlNamePassword),
            ("URL: c.test\nUsername: jane\nPassword: hunter2\n\n".repeat(5), Shape::Block),
            ("\"a@b.test\",\"hunter2\"\n".repeat(5), Shape::Row),
            ("INSERT INTO u VALUES (1,'a@b.test','hunter2');\n".repeat(5), Shape::Sql),
            ("{\"email\":\"a@b.test\",\"password\":\"hunter2\"}\n".repeat(5), Shape::Json),
        ] {
            let preview = of(&text);
            assert_eq!(preview.shapes, [(shape, 100)], "{text}");
            assert_eq!(preview.confidence, Confidence::Sure);
        }
    }

    #[test]
    fn a_list_without_passwords_and_other_text_have_no_shape() {
        for text in ["a@b.test\nc@d.test\n", "hunter2\nsecret\n", "", "\u{FFFD}PNG\n\0\0"] {
            let preview = of(text);
            assert_eq!((preview.shapes, preview.confidence), (Vec::new(), Confidence::Low), "{text:?}");
        }
    }

    #[test]
    fn samples_show_separators_and_nothing_else() {
        let preview = of("jane@contoso.test:Hunt3r$!\r\n\n\u{E4}b\tc d\nx\ny\n");
        assert_eq!(
            preview.samples,
            ["\u{2026}@\u{2026}.\u{2026}:\u{2026}", "\u{2026}\u{21E5}\u{2026} \u{2026}", "\u{2026}"]
        );
        assert_eq!(of(&"ab:".repeat(1000)).samples[0].chars().count(), LONGEST_SAMPLE);
    }
}
