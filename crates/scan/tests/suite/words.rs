//! Lists of passwords, which name nobody.

use crate::plain;
use scan::candidate::Secret;
use scan::counters::{Counters, Outcome};
use scan::engine::{DocumentName, Event, Judge, Position, scan};
use scan::matcher::{Found, Matcher};
use scan::source::Location;
use scan::words::{Word, WordJudge};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use verify::identity::{IndexBuilder, Normaliser};

/// A password of the list: its line, where that begins, and its candidates.
type Listed = (u64, u64, Vec<Vec<u8>>);

/// Keeps every word.
struct Keep;

impl Judge for Keep {
    type Finding = Listed;
    type Error = String;

    fn judge(&self, _: &DocumentName, _: &Found<'_>, _: &mut Vec<Listed>) -> Result<(), String> {
        Err("no name is looked for".to_owned())
    }

    fn of_words(&self) -> Option<&dyn WordJudge<Finding = Listed, Error = String>> {
        Some(self)
    }
}

impl WordJudge for Keep {
    type Finding = Listed;
    type Error = String;

    fn word(&self, _: &DocumentName, word: &Word<'_>, findings: &mut Vec<Listed>) -> Result<(), String> {
        let bytes = |secret| match secret {
            Secret::Password(bytes) => bytes,
            Secret::Hash(_) => unreachable!("a list has no hashes"),
        };
        let candidates = word.candidates.iter().map(|secret| Vec::from(bytes(secret))).collect();
        findings.push((word.line, word.offset, candidates));
        Ok(())
    }

    fn hashes(&self, path: &str) -> Result<(), String> {
        Err(format!("{path} has hashes"))
    }
}

fn read(text: &[u8], threads: usize) -> Result<(Counters, Vec<Listed>), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("list.txt");
    std::fs::write(&file, text).expect("a file");
    let (index, normaliser) = (IndexBuilder::new(7).finish(), Normaliser::default());
    let matcher = Matcher::new(&index, &normaliser, &[]);
    let (mut counters, mut words) = (Counters::default(), Vec::new());
    let location = Location::parse(file.as_os_str()).expect("a file");
    scan(location.items(), (&plain(), &matcher, &Keep), (threads, Position::default()), |portion| {
        if let Event::Scanned { lines_before, counters: more, findings, .. } = portion.event {
            counters.add(&more);
            words.extend(findings.into_iter().map(|(line, offset, word)| (lines_before + line, offset, word)));
        }
        ControlFlow::Continue(())
    })?;
    Ok((counters, words))
}

#[test]
fn every_line_is_a_candidate_and_is_counted_once() {
    let long = "x".repeat(2_000);
    let longer = "y".repeat(70_000);
    // A line like a dump's, which chunks are cut within.
    let records = format!("{}(1,'z')", "(1,'z'),".repeat(200_000));
    let text = format!("\u{FEFF}hunter2\r\n\n  \nnull\n{long}\n{longer}\n{records}\nanna@contoso.example:Winter\nlast");
    let (counters, words) = read(text.as_bytes(), 2).expect("it is read");
    let of = |outcome| counters.of(outcome);
    assert_eq!(counters.lines(), 9);
    assert_eq!(of(Outcome::ListedPassword), 4);
    assert_eq!((of(Outcome::Blank), of(Outcome::PasswordTooLong), of(Outcome::LineTooLong)), (2, 1, 2));
    let first: Vec<(u64, &[u8])> = words.iter().map(|(line, _, all)| (*line, &*all[0])).collect();
    assert_eq!(
        first,
        [(1, &b"hunter2"[..]), (4, b"null"), (8, b"anna@contoso.example:Winter"), (9, b"last")],
        "without the mark of the encoding, and with words that say elsewhere that there is no password"
    );
    for (_, offset, candidates) in &words[1..] {
        assert!(text.as_bytes()[*offset as usize..].starts_with(&candidates[0]));
    }
}

#[test]
fn a_long_list_is_the_same_however_many_threads_read_it() {
    let text = (0..200_000).fold(String::new(), |mut text, number| {
        writeln!(text, "word{number}:{}", number * 7).expect("memory");
        text
    });
    let one = read(text.as_bytes(), 1).expect("it is read");
    let three = read(text.as_bytes(), 3).expect("it is read");
    assert!(one == three, "the same words in the same order");
    assert_eq!(one.0.of(Outcome::ListedPassword), 200_000);
    for (place, (line, _, candidates)) in one.1.iter().enumerate() {
        assert_eq!(*line, place as u64 + 1);
        assert_eq!(candidates[0], format!("word{place}").into_bytes());
    }
}

#[test]
fn a_list_in_utf_16_is_read() {
    let wide: Vec<u8> = "\u{FEFF}p\u{E4}ss\nword\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_, words) = read(&wide, 1).expect("it is read");
    let first: Vec<&[u8]> = words.iter().map(|(.., all)| &*all[0]).collect();
    assert_eq!(first, ["p\u{E4}ss".as_bytes(), b"word"]);
}

#[test]
fn a_list_of_hashes_is_none_of_passwords() {
    let hash = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
    let error = read(format!("{hash}:12\r\n{hash}:3\r\n").as_bytes(), 1).expect_err("it is refused");
    assert!(error.ends_with("list.txt has hashes"), "{error}");
    let (counters, words) = read(format!("a\nb\nc\n{hash}\n").as_bytes(), 1).expect("it is read");
    assert_eq!((counters.of(Outcome::ListedPassword), counters.of(Outcome::ListedHash), words.len()), (3, 1, 4));
}
