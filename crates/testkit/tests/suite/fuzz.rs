//! The fuzz targets without a fuzzer: every kept input, and the same changed ones in every run.

use std::fs;
use std::path::PathBuf;
use testkit::fuzz::{Mutator, TARGETS, target};

/// Where the fuzzers' corpora and dictionary lie.
fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"))
}

/// The kept inputs of a target, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = folder().join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a readable file")).collect()
}

fn replay(name: &str) {
    let target = target(name);
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let dictionary = fs::read_to_string(folder().join("dictionary.txt")).expect("a dictionary");
    let mutator = Mutator::new(1, &dictionary);
    let changed = (0..target.rounds).map(|_| mutator.change(&corpus));
    for input in corpus.iter().cloned().chain(changed) {
        let last = Last(&input);
        (target.check)(&input);
        std::mem::forget(last);
    }
}

/// Shows the input of a check that panics.
struct Last<'i>(&'i [u8]);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        eprintln!("the input was {:?}", String::from_utf8_lossy(self.0));
    }
}

/// Makes a test of each target, and a list of all of them.
macro_rules! targets {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*
    };
}

targets! { filter query path body page_token bearer headers request batch_json batch_multipart export sniff verifier identity archives lines }

#[test]
fn every_target_is_replayed_and_has_a_fuzzer() {
    assert_eq!(TARGETS.map(|target| target.name), NAMES);
    for name in NAMES {
        assert!(folder().join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
    }
}
