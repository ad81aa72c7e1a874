//! What a scan tells while it goes on: lines for people on standard error, or events for programs on standard output
//! (`--json`), an object a line.

use super::Parameters;
use super::progress::{Pace, Progress};
use super::words;
use crate::error::Failure;
use crate::output::line;
use ::scan::preview::Preview;
use serde_json::{Value, json};
use service::Snapshot;

/// Documents whose look people are told.
const SHOWN: u64 = 3;

/// Something that is told as it comes.
pub enum Told {
    /// A document begins.
    Document {
        /// Its path.
        path: Box<str>,
        /// Its size in bytes, as far as that is known.
        size: Option<u64>,
        /// How it looks, with nothing of its content.
        preview: Box<Preview>,
    },
    /// Something was not read, or not to its end.
    Problem(String),
    /// Something was read and is hardly breach material.
    Warning(String),
}

/// Tells it.
pub struct Voice {
    /// Whether it speaks to programs.
    pub is_json: bool,
    /// Whether the material is lists of passwords that name nobody.
    is_of_passwords: bool,
}

impl Voice {
    /// For programs or for people, of material of this kind.
    pub fn new(is_json: bool, is_of_passwords: bool) -> Self {
        Self { is_json, is_of_passwords }
    }

    /// Whether documents are told of when so many have been before.
    pub fn tells_of_documents(is_json: bool, before: u64) -> bool {
        is_json || before < SHOWN
    }

    /// The scan begins.
    pub fn started(&self, job: Option<&str>, parameters: &Parameters, snapshot: &Snapshot) -> Result<(), Failure> {
        self.event(|| {
            json!({
                "event": "started",
                "job": job,
                "sources": parameters.sources,
                "source": parameters.source,
                "names": snapshot.index().len(),
                "users": snapshot.users.len(),
                "usersWithVerifiers": snapshot.with_verifiers(),
                "domains": snapshot.domains().len(),
            })
        })
    }

    /// Something came. `number` is that of the document, from 1.
    pub fn told(&self, told: &Told, number: u64) -> Result<(), Failure> {
        match told {
            Told::Document { path, size, preview } if self.is_json => {
                self.event(|| self.document(path, *size, preview))
            }
            Told::Problem(message) if self.is_json => self.event(|| json!({"event": "problem", "message": message})),
            Told::Warning(message) if self.is_json => self.event(|| json!({"event": "warning", "message": message})),
            Told::Document { path, preview, .. } => {
                anstream::eprintln!("{}", self.look(path, preview));
                if number == SHOWN {
                    anstream::eprintln!(
                        "Further documents are read without a word, unless something is wrong with one."
                    );
                }
                Ok(())
            }
            Told::Warning(message) => {
                anstream::eprintln!("Warning: {message}");
                Ok(())
            }
            Told::Problem(message) => {
                anstream::eprintln!("{message}");
                Ok(())
            }
        }
    }

    /// How far it is.
    pub fn progress(&self, progress: &Progress, pace: &Pace) -> Result<(), Failure> {
        self.event(|| {
            json!({
                "event": "progress",
                "items": progress.items,
                "documents": progress.documents,
                "problems": progress.problems,
                "bytes": progress.bytes,
                "lines": progress.lines,
                "bytesPerSecond": pace.rate,
                "candidates": progress.asked.candidates,
                "verified": progress.asked.verified,
                "findings": progress.current,
                "readBytes": pace.done,
                "totalBytes": pace.total,
                "etaSeconds": pace.eta(),
            })
        })
    }

    fn event(&self, event: impl FnOnce() -> Value) -> Result<(), Failure> {
        if self.is_json { line(&event().to_string()) } else { Ok(()) }
    }

    /// A document that looks like something else than what it is read as.
    fn warning(&self, path: &str, preview: &Preview) -> Option<String> {
        if self.is_of_passwords { words::not_a_list(path, preview) } else { None }
    }

    fn document(&self, path: &str, size: Option<u64>, preview: &Preview) -> Value {
        let shapes: Vec<Value> =
            preview.shapes.iter().map(|(shape, percent)| json!({"shape": shape.name(), "percent": percent})).collect();
        json!({
            "event": "document",
            "path": path,
            "size": size,
            "shapes": shapes,
            "encoding": preview.writing.encoding.name(),
            "confidence": preview.confidence.name(),
            "samples": preview.samples,
            "warning": self.warning(path, preview),
        })
    }

    /// How a document looks, for people.
    pub fn look(&self, path: &str, preview: &Preview) -> String {
        let shapes: Vec<String> =
            preview.shapes.iter().take(3).map(|(shape, share)| format!("{} {share} %", shape.name())).collect();
        let shapes = match shapes.is_empty() {
            _ if self.is_of_passwords => "a list of passwords".to_owned(),
            true => "no shape that is known".to_owned(),
            false => shapes.join(", "),
        };
        let mut text =
            format!("{path}: {shapes}; {} ({}).", preview.writing.encoding.name(), preview.confidence.name());
        for sample in preview.samples.iter().take(3) {
            text.push_str("\n    ");
            text.push_str(sample);
        }
        if let Some(warning) = self.warning(path, preview) {
            text.push('\n');
            text.push_str(&warning);
        }
        text
    }
}
