//! Breach material: however a text is cut into chunks, the same is found in it, every line is counted once, and
//! no candidate breaks its limits.

use std::sync::Arc;

use scan::candidate::{LONGEST_PASSWORD, MOST, Secret};
use scan::chunk::{Chunker, Pool};
use scan::counters::Counters;
use scan::layout::Layout;
use scan::matcher::{Found, Matcher, Scratch};
use scan::preview::preview;
use scan::text::Text;
use verify::identity::{Attribute, IndexBuilder, Normaliser, directory_keys};

/// Checks a document.
pub(super) fn lines(input: &[u8]) {
    let normaliser = Normaliser::default();
    let mut builder = IndexBuilder::new(1);
    let names = [
        (Attribute::Mail, "jane@contoso.test"),
        (Attribute::OtherMail, "o'brien@b\u{FC}cher.test"),
        (Attribute::SamAccountName, "jdoe"),
    ];
    for (key, attribute) in directory_keys(&normaliser, names, &["CONTOSO"]) {
        builder.add(&key, 1, attribute).expect("short names");
    }
    let index = builder.finish();
    let matcher = Matcher::new(&index, &normaliser, &[]);

    let text = Text::new(input).expect("memory can be read");
    let shown = preview(&text.start(), text.writing());
    assert!(shown.samples.iter().all(|sample| !sample.contains(|sign: char| sign.is_ascii_alphanumeric())));

    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut Text::new(input).expect("memory can be read"), &mut text)
        .expect("it can be decoded");
    let (whole, counters) = outcome(&matcher, input, usize::MAX / 2);
    let ends = text.split(|byte| *byte == b'\n').count() as u64 - 1;
    assert_eq!(counters.lines(), ends + u64::from(text.last().is_some_and(|byte| *byte != b'\n')), "{counters:?}");
    for size in [1, 100] {
        assert!(outcome(&matcher, input, size) == (whole.clone(), counters), "chunks of {size} give something else");
    }
}

/// Scans a document, and writes down what was found.
fn outcome(matcher: &Matcher<'_>, input: &[u8], size: usize) -> (Vec<u8>, Counters) {
    let text = Text::new(input).expect("memory can be read");
    let layout = Layout::of(&text.start());
    let mut chunker = Chunker::new(text, size.min(1 << 20), Arc::new(Pool::default())).with_layout(layout);
    let (mut scratch, mut counters, mut told) = (Scratch::default(), Counters::default(), Vec::new());
    while let Some(chunk) = chunker.next_chunk().expect("memory can be read") {
        let lines_before = counters.lines();
        let mut sink = |found: Found<'_>| {
            let one = found.occurrence;
            assert!(one.candidates.len() <= MOST);
            told.extend(format!("{} {} {}", lines_before + one.line, one.offset, one.shape.name()).bytes());
            told.extend_from_slice(one.context.unwrap_or_default());
            for secret in one.candidates.iter() {
                let (Secret::Password(bytes) | Secret::Hash(bytes)) = secret;
                assert!((1..=LONGEST_PASSWORD).contains(&bytes.len()), "a candidate of {} bytes", bytes.len());
                told.extend_from_slice(bytes);
            }
        };
        matcher.chunk(&chunk, &mut scratch, &mut counters, &mut sink);
    }
    (told, counters)
}
