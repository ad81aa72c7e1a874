//! Breach material of every shape, encoding and packing: whoever is planted is found, and nobody else.

use scan::chunk::{Chunk, Chunker, Pool};
use scan::counters::Counters;
use scan::decode::{Decoder, Document, Flow, Limits, Problem, Visitor};
use scan::engine::{DocumentName, Event, Judge, Position, scan};
use scan::layout::Layout;
use scan::matcher::{Found, Matcher, Scratch};
use scan::source::{Content, Location};
use scan::text::Text;
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use testkit::material::{Expected, Judges, Listed, MadeUp, Material, Passwords};

/// What came of the scan of one file.
#[derive(Default)]
struct Scanned {
    found: Vec<Expected>,
    counters: Counters,
    problems: Vec<String>,
}

/// Scans the files of some material, each for itself.
fn scanned(material: &Material, judges: &Judges) -> Vec<Scanned> {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, files) = material.write(folder.path()).expect("it can be written");
    let matcher = Matcher::new(&judges.index, &judges.normaliser, &[]);
    let decoder = Decoder::new(Limits::default(), Vec::new());
    let one = |name: &str| {
        let location = Location::parse(files.join(name).as_os_str()).expect("a file");
        let mut scanned = Scanned::default();
        let take = |portion: scan::engine::Portion<(String, Expected)>| {
            match portion.event {
                Event::Scanned { counters, findings, .. } => {
                    scanned.counters.add(&counters);
                    scanned.found.extend(findings.into_iter().map(|(_, who)| who));
                }
                Event::Problem(problem) => scanned.problems.push(problem.to_string()),
                Event::Source(error) => scanned.problems.push(error.to_string()),
                _ => {}
            }
            ControlFlow::Continue(())
        };
        scan(location.items(), (&decoder, &matcher, judges), (1, Position::default()), take).expect("verifiers answer");
        scanned.found.sort_unstable();
        scanned.found.dedup();
        scanned
    };
    material.documents.iter().map(|document| one(&document.name)).collect()
}

/// How many were planted and how many were found, by shape; and what is wrong, with names and without passwords.
#[derive(Default)]
struct Tally {
    by_shape: BTreeMap<String, (usize, usize)>,
    missing: Vec<String>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, seed: u64, material: &Material, scans: &[Scanned]) {
        for (document, scanned) in material.documents.iter().zip(scans) {
            let place = format!("seed {seed}, {}", document.name);
            let (planted, found) = self.by_shape.entry(document.shape.clone()).or_default();
            *planted += document.expected.len();
            for who in &document.expected {
                if scanned.found.contains(who) {
                    *found += 1;
                } else {
                    let person = &material.people[who.0];
                    let kind = if std::env::var_os("SHOW").is_some() { person.password.as_str() } else { "" };
                    self.missing.push(format!("{place}: {} {:?} is missing {kind}", person.upn, who.1));
                }
            }
            for who in scanned.found.iter().filter(|who| !document.expected.contains(who)) {
                self.wrong.push(format!("{place}: {} {:?} is not there", material.people[who.0].upn, who.1));
            }
            if scanned.counters.lines() != document.lines {
                self.wrong.push(format!("{place}: {} lines of {}", scanned.counters.lines(), document.lines));
            }
            self.wrong.extend(scanned.problems.iter().map(|problem| format!("{place}: {problem}")));
        }
    }

    fn totals(&self) -> (usize, usize) {
        self.by_shape.values().fold((0, 0), |(planted, found), more| (planted + more.0, found + more.1))
    }
}

#[test]
fn whoever_is_planted_is_found_and_nobody_else() {
    let mut tally = Tally::default();
    for seed in 1..=20 {
        let material = Material::new(seed, &mut MadeUp::default());
        let judges = Judges::new(&material.people);
        tally.add(seed, &material, &scanned(&material, &judges));
    }
    let (planted, found) = tally.totals();
    eprintln!("{found} of {planted}: {:#?}", tally.by_shape);
    tally.wrong.append(&mut tally.missing);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    assert!(planted > 8000, "only {planted} planted");
    // Of hashes only those of the verifier's own kind are found, and of one with a salt of its own none.
    let planted_in = |(shape, (planted, _)): (&String, &(usize, usize))| match shape.strip_prefix("hash, ") {
        Some("MD5 and salt") => *planted == 0,
        Some(_) => *planted >= 5,
        None => *planted >= 100,
    };
    assert!(tally.by_shape.iter().all(planted_in), "{:#?}", tally.by_shape);
}

/// A real list, where the environment names one as `cargo xtask test` does; else passwords that are made up.
fn passwords() -> Box<dyn Passwords> {
    match std::env::var_os("SPILLWATCH_WORD_LIST") {
        Some(path) => {
            let text = std::fs::read_to_string(&path).expect("the list can be read");
            let list = Listed::new(&text);
            assert!(list.len() > 900_000, "{} passwords: is it the whole list?", list.len());
            Box::new(list)
        }
        None => Box::new(MadeUp::default()),
    }
}

#[test]
fn passwords_that_people_use_are_found_too() {
    let mut tally = Tally::default();
    let mut passwords = passwords();
    for seed in 201..=204 {
        let material = Material::new(seed, &mut *passwords);
        let judges = Judges::new(&material.people);
        tally.add(seed, &material, &scanned(&material, &judges));
    }
    tally.wrong.append(&mut tally.missing);
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
}

#[test]
fn however_documents_are_cut_the_same_is_found() {
    let material = Material::new(301, &mut MadeUp::default());
    let judges = Judges::new(&material.people);
    let matcher = Matcher::new(&judges.index, &judges.normaliser, &[]);
    let decoder = Decoder::new(Limits::default(), Vec::new());
    for document in &material.documents {
        let mut cut = InPieces { matcher: &matcher, judges: &judges, found: Vec::new(), counters: Counters::default() };
        decoder.content(&document.name, Content::stream(&*document.bytes), None, &mut cut);
        cut.found.sort_unstable();
        cut.found.dedup();
        assert!(cut.found == document.expected, "{}", document.name);
        assert_eq!(cut.counters.lines(), document.lines, "{}", document.name);
    }
}

/// Scans documents in small chunks, the last first: each by itself, with what the document's beginning tells.
struct InPieces<'a> {
    matcher: &'a Matcher<'a>,
    judges: &'a Judges,
    found: Vec<Expected>,
    counters: Counters,
}

impl Visitor for InPieces<'_> {
    fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow {
        let text = Text::new(content).expect("content never fails");
        let layout = Layout::of(&text.start());
        let mut chunker = Chunker::new(text, 3000, Arc::new(Pool::default())).with_layout(layout);
        let mut chunks: Vec<Chunk> = std::iter::from_fn(|| chunker.next_chunk().expect("memory")).collect();
        while let Some(chunk) = chunks.pop() {
            let mut findings = Vec::new();
            let mut sink = |found: Found<'_>| {
                let name = DocumentName { path: document.path.into(), place: document.path.into() };
                self.judges.judge(&name, &found, &mut findings).expect("verifiers answer");
            };
            self.matcher.chunk(&chunk, &mut Scratch::default(), &mut self.counters, &mut sink);
            self.found.extend(findings.into_iter().map(|(_, who)| who));
        }
        Flow::Continue
    }

    fn problem(&mut self, problem: &Problem) {
        panic!("{problem}");
    }
}

#[test]
fn material_is_the_same_for_the_same_seed() {
    let make = || Material::new(7, &mut MadeUp::default());
    let (one, other) = (make(), make());
    assert!(one.documents.iter().zip(&other.documents).all(|(one, other)| one.bytes == other.bytes));
    assert!(one.secrets().eq(other.secrets()));
}

#[test]
fn damage_around_does_not_hide_what_is_planted() {
    let mut tally = Tally::default();
    for seed in 101..=120 {
        let material = Material::damaged(seed, &mut MadeUp::default());
        let judges = Judges::new(&material.people);
        tally.add(seed, &material, &scanned(&material, &judges));
    }
    let (planted, found) = tally.totals();
    eprintln!("{found} of {planted}");
    assert!(tally.wrong.is_empty(), "{:#?}", tally.wrong);
    assert!((planted - found) * 1000 <= planted, "{found} of {planted} found: {:#?}", tally.missing);
}
