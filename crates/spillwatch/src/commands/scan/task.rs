//! What a scan over many machines keeps in its tasks: the piece to be scanned, and what came of it.

use super::progress::Progress;
use super::voice::Voice;
use ::scan::preview::Preview;
use ::scan::range::Piece;
use serde::{Deserialize, Serialize};
use service::ScanTotals;

/// Problems of a task that are told in words; of further ones the number.
const MOST_PROBLEMS: usize = 100;
/// Documents of a task that are told to be hardly breach material.
pub const MOST_WARNINGS: usize = 20;
/// Documents whose look is told.
pub const MOST_LOOKS: usize = 3;

/// A piece of an object, as its task keeps it. It holds nothing of the content and no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    address: String,
    name: String,
    size: u64,
    version: String,
    start: u64,
    end: u64,
}

impl From<Piece> for Payload {
    fn from(Piece { address, name, size, version, start, end }: Piece) -> Self {
        Self { address, name, size, version, start, end }
    }
}

impl From<Payload> for Piece {
    fn from(Payload { address, name, size, version, start, end }: Payload) -> Self {
        Self { address, name, size, version, start, end }
    }
}

impl Payload {
    /// As a task keeps it.
    pub fn text(&self) -> Box<str> {
        serde_json::to_string(self).expect("texts and numbers are written").into()
    }

    /// Which part of what it is, for people.
    pub fn shown(&self) -> String {
        if self.start == 0 && self.end == self.size {
            self.name.clone()
        } else {
            format!("{}, bytes {} to {}", self.name, self.start, self.end)
        }
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// What came of a task. It holds no secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scanned {
    /// What was counted in it.
    pub counts: Progress,
    /// What was not read, or not to its end: the first of these, in words.
    pub problems: Vec<String>,
    /// Documents that are hardly breach material: the first of these, in words.
    pub warnings: Vec<String>,
    /// How its first documents look, with nothing of their content.
    pub looks: Vec<String>,
}

impl Scanned {
    /// Something was not read.
    pub fn problem(&mut self, what: String) {
        self.counts.problems += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(what);
        }
    }

    /// How many problems are not told in words.
    pub fn untold(&self) -> u64 {
        self.counts.problems.saturating_sub(self.problems.len() as u64)
    }

    /// A document begins.
    pub fn document(&mut self, path: &str, preview: &Preview) {
        if let Some(suspicion) = preview.suspicion.filter(|_| self.warnings.len() < MOST_WARNINGS) {
            self.warnings.push(format!("{path}: {suspicion}."));
        }
        if self.looks.len() >= MOST_LOOKS {
            return;
        }
        self.looks.push(Voice::new(false, false).look(path, preview));
    }
}

/// Adds what was counted in a task to what was counted in others.
pub fn add(sum: &mut Progress, counts: &Progress) {
    sum.items += counts.items;
    sum.documents += counts.documents;
    sum.problems += counts.problems;
    sum.bytes += counts.bytes;
    sum.lines += counts.lines;
    sum.current += counts.current;
    sum.address_only += counts.address_only;
    for (outcome, lines) in &counts.outcomes {
        *sum.outcomes.entry(outcome.clone()).or_default() += lines;
    }
    let ScanTotals { candidates, verified, repeated, no_verifier, left_out, queued } = counts.asked;
    sum.asked.candidates += candidates;
    sum.asked.verified += verified;
    sum.asked.repeated += repeated;
    sum.asked.no_verifier += no_verifier;
    sum.asked.left_out += left_out;
    sum.asked.queued += queued;
    sum.retained += counts.retained;
}

/// What was asked between two moments.
pub fn asked_since(before: ScanTotals, now: ScanTotals) -> ScanTotals {
    ScanTotals {
        candidates: now.candidates - before.candidates,
        verified: now.verified - before.verified,
        repeated: now.repeated - before.repeated,
        no_verifier: now.no_verifier - before.no_verifier,
        left_out: now.left_out - before.left_out,
        queued: now.queued - before.queued,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_kept_as_it_is_and_shown_in_words() {
        let piece = Piece {
            address: "s3://bucket/a b".into(),
            name: "a b".into(),
            size: 9,
            version: "tag \"1\"".into(),
            start: 0,
            end: 9,
        };
        let payload = Payload::from(piece.clone());
        let kept: Payload = serde_json::from_str(&payload.text()).expect("it can be read");
        assert_eq!(Piece::from(kept), piece);
        assert_eq!(payload.shown(), "a b");
        assert_eq!(Payload { end: 4, ..payload }.shown(), "a b, bytes 0 to 4");
    }

    #[test]
    fn what_tasks_counted_adds_up() {
        let mut one = Progress { items: 1, lines: 5, current: 2, ..Progress::default() };
        one.outcomes.insert("password".into(), 3);
        one.asked.no_verifier = 4;
        let mut sum = Progress::default();
        add(&mut sum, &one);
        add(&mut sum, &one);
        assert_eq!((sum.items, sum.lines, sum.current, sum.asked.no_verifier), (2, 10, 4, 8));
        assert_eq!(sum.outcomes["password"], 6);
    }

    #[test]
    fn of_many_problems_the_first_are_told() {
        let mut scanned = Scanned::default();
        for number in 0..=MOST_PROBLEMS {
            scanned.problem(format!("problem {number}"));
        }
        assert_eq!((scanned.problems.len(), scanned.untold()), (MOST_PROBLEMS, 1));
    }
}
