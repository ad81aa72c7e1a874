//! What `scan` promises, shown through its public functions.

mod damage;
mod formats;
mod limits;
mod numbers;
#[cfg(feature = "object-store")]
mod objects;
mod pack;
mod pieces;
mod properties;
mod refused;
mod shapes;
mod sources;
mod words;
mod world;

use scan::decode::{ArchivePassword, Decoder, Document, Flow, Limits, Problem, Summary, Visitor, What};
use scan::source::Content;
use std::io::{Cursor, Read};

/// Keeps everything that a decoder hands out.
#[derive(Default, Debug, PartialEq, Eq)]
struct Outcome {
    /// Path and content.
    documents: Vec<(String, Vec<u8>)>,
    problems: Vec<Problem>,
    summary: Summary,
}

impl Visitor for Outcome {
    fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).expect("content never fails");
        self.documents.push((document.path.to_owned(), bytes));
        Flow::Continue
    }

    fn problem(&mut self, problem: &Problem) {
        self.problems.push(problem.clone());
    }
}

impl Outcome {
    fn paths(&self) -> Vec<&str> {
        self.documents.iter().map(|(path, _)| path.as_str()).collect()
    }

    fn problems(&self) -> Vec<String> {
        self.problems.iter().map(ToString::to_string).collect()
    }

    /// The one document that there must be, without a problem.
    #[track_caller]
    fn only(&self) -> &[u8] {
        assert_eq!(self.problems(), Vec::<String>::new());
        assert_eq!(self.documents.len(), 1, "{:?}", self.paths());
        &self.documents[0].1
    }

    /// The one problem that there must be.
    #[track_caller]
    fn problem(&self) -> &What {
        assert_eq!(self.problems.len(), 1, "{:?} {:?}", self.problems(), self.paths());
        &self.problems[0].what
    }
}

/// Decodes from what can seek, as from a file.
fn from_file(decoder: &Decoder, bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let size = Some(bytes.len() as u64);
    outcome.summary = decoder.content("x", Content::seekable(Cursor::new(bytes.to_vec())), size, &mut outcome);
    check(&outcome);
    outcome
}

/// Decodes from a pipe, which gives bytes as it likes.
fn from_pipe(decoder: &Decoder, bytes: &[u8]) -> Outcome {
    struct Pipe(Cursor<Vec<u8>>, usize);
    impl Read for Pipe {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.1 += 1;
            if self.1.is_multiple_of(7) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            let most = into.len().min(1 + self.1 * 97 % 1500);
            self.0.read(&mut into[..most])
        }
    }
    let mut outcome = Outcome::default();
    outcome.summary = decoder.content("x", Content::stream(Pipe(Cursor::new(bytes.to_vec()), 0)), None, &mut outcome);
    check(&outcome);
    outcome
}

/// What holds for every outcome.
#[track_caller]
fn check(outcome: &Outcome) {
    assert_eq!(outcome.summary.documents, outcome.documents.len() as u64);
    assert_eq!(outcome.summary.problems, outcome.problems.len() as u64);
    for problem in &outcome.problems {
        let message = problem.to_string();
        assert!(!message.chars().any(char::is_control), "{message:?}");
        assert!(message.len() < 5000, "{message}");
    }
    assert!(outcome.documents.len() + outcome.problems.len() > 0 || outcome.summary.folders > 0, "a silent zero");
}

fn plain() -> Decoder {
    Decoder::new(Limits::default(), Vec::new())
}

fn with_passwords(passwords: &[&str]) -> Decoder {
    let passwords = passwords.iter().map(|password| ArchivePassword::new(*password)).collect();
    Decoder::new(Limits::default(), passwords)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn list() -> Vec<u8> {
    fixture("list.txt")
}
