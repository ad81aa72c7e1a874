//! What must hold for any input whatever: the checks of the fuzz targets in `fuzz/`, which the tests of
//! this crate replay over the kept corpus and its neighbours.
//!
//! A check takes bytes, and panics when something does not hold. It takes time in proportion to the
//! input and no more: libFuzzer ends one that runs for longer than two seconds.

mod archives;
mod bearer;
mod body;
mod exports;
mod identity;
mod language;
mod lines;
mod mutate;
mod page_token;
mod path;
mod requests;
mod verifier;
mod world;

pub use mutate::Mutator;

use std::io::Read;

/// A fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its corpus too.
    pub name: &'static str,
    /// Panics when something does not hold for an input.
    pub check: fn(&[u8]),
    /// How many changed inputs the test tries: fewer where one is dear.
    pub rounds: usize,
}

/// Every target.
pub const TARGETS: [Target; 16] = [
    Target { name: "filter", check: language::filter, rounds: 4000 },
    Target { name: "query", check: language::query, rounds: 2000 },
    Target { name: "path", check: path::path, rounds: 20_000 },
    Target { name: "body", check: body::body, rounds: 10_000 },
    Target { name: "page_token", check: page_token::page_token, rounds: 10_000 },
    Target { name: "bearer", check: bearer::bearer, rounds: 1000 },
    Target { name: "headers", check: requests::headers, rounds: 2000 },
    Target { name: "request", check: requests::request, rounds: 1000 },
    Target { name: "batch_json", check: requests::batch_json, rounds: 500 },
    Target { name: "batch_multipart", check: requests::batch_multipart, rounds: 500 },
    Target { name: "export", check: exports::export, rounds: 4000 },
    Target { name: "sniff", check: exports::sniffed, rounds: 4000 },
    Target { name: "verifier", check: verifier::verifier, rounds: 20_000 },
    Target { name: "identity", check: identity::identity, rounds: 10_000 },
    Target { name: "archives", check: archives::archives, rounds: 1000 },
    Target { name: "lines", check: lines::lines, rounds: 4000 },
];

/// Finds a target.
pub fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|target| target.name == name).expect("a target of this name")
}

/// The most characters of a message: it says what is wrong, and does not give back what was sent.
const LONGEST_MESSAGE: usize = 2000;

/// Checks that a message can be shown to a person, on a terminal or in a log.
#[track_caller]
fn check_message(message: &str) {
    assert!(!message.is_empty(), "an empty message");
    assert!(message.chars().count() <= LONGEST_MESSAGE, "{} characters: {message}", message.chars().count());
    assert!(!message.chars().any(char::is_control), "control characters in {message:?}");
}

/// Gives its bytes in pieces of one to `most`, with an interruption now and then.
struct Drops<'i> {
    left: &'i [u8],
    most: usize,
    reads: usize,
}

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(5) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let count = (1 + self.reads % self.most).min(self.left.len()).min(into.len());
        into[..count].copy_from_slice(&self.left[..count]);
        self.left = &self.left[count..];
        Ok(count)
    }
}
