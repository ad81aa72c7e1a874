//! The scanning thread's side of a scan: what comes of it is collected, counted, and handed over each second.

use super::progress::{Pace, Progress, Shown};
use super::voice::{Told, Voice};
use ::scan::engine::{Event, Portion, Position};
use ::scan::suspicion::Suspicion;
use model::{FoundCredential, RetainedCandidate};
use service::{Findings, ScanJudge, Seen, Sighted};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long is scanned before what was found is kept.
const PORTION: Duration = Duration::from_secs(1);
/// How many documents are told that are hardly breach material.
const SUSPICIONS: u32 = 20;
/// How much of what was found is held before it is kept.
pub(super) const MOST_HELD: usize = 20_000;

/// What the scanning thread hands over: what was found since the last time, and how far it is.
pub(super) struct Step {
    pub(super) found: Vec<FoundCredential>,
    pub(super) retained: Vec<RetainedCandidate>,
    pub(super) progress: Progress,
    pub(super) pace: Pace,
    pub(super) told: Vec<(u64, Told)>,
}

/// Collects what comes of the scan, and hands it over each second.
pub(super) struct Keeper {
    progress: Progress,
    findings: Findings,
    retained: Vec<RetainedCandidate>,
    /// What is to be told, with the number of the document.
    told: Vec<(u64, Told)>,
    documents: u64,
    suspicions: u32,
    sender: mpsc::Sender<Step>,
    since: Instant,
    shown: Shown,
}

impl Keeper {
    /// Goes on from where a scan was.
    pub(super) fn new(progress: Progress, sender: mpsc::Sender<Step>, shown: Shown) -> Self {
        let (findings, retained, told) = (Findings::default(), Vec::new(), Vec::new());
        Self { progress, findings, retained, told, documents: 0, suspicions: 0, sender, since: Instant::now(), shown }
    }

    /// Where the scan goes on.
    pub(super) fn position(&self) -> Position {
        self.progress.position()
    }

    /// Takes what has come, and hands it over when it is time.
    pub(super) fn take(&mut self, portion: Portion<Seen>, judge: &ScanJudge) -> ControlFlow<()> {
        let Portion { event, position } = portion;
        self.progress.set_position(position);
        match event {
            Event::Document { path, size, preview } => {
                let suspicion = preview.suspicion;
                if Voice::tells_of_documents(self.shown.is_json(), self.documents) {
                    let document = Told::Document { path: (&*path).into(), size, preview: Box::new(preview) };
                    self.told.push((self.documents + 1, document));
                }
                self.documents += 1;
                if let Some(suspicion) = suspicion.filter(|_| !self.progress.is_of_passwords) {
                    self.suspect(&path, suspicion);
                }
            }
            Event::Scanned { lines_before, counters, bytes, findings } => {
                let (credentials, retained) = apart(findings, Some(lines_before));
                self.progress.count(&counters, bytes, &credentials);
                self.progress.retained += retained.len() as u64;
                self.retained.extend(retained);
                for sighted in credentials {
                    self.findings.add(sighted);
                }
            }
            Event::DocumentDone => self.progress.documents += 1,
            Event::Problem(problem) => self.problem(problem.to_string()),
            Event::Source(error) => self.problem(error.to_string()),
            Event::ItemDone(size) => {
                self.progress.items += 1;
                self.shown.item_done(size);
            }
        }
        self.shown.progress(&self.progress);
        let is_much = self.retained.len() + self.findings.count() >= MOST_HELD;
        if self.since.elapsed() < PORTION && !is_much {
            return ControlFlow::Continue(());
        }
        self.since = Instant::now();
        self.hand_over(judge)
    }

    /// Warns of a document that is hardly breach material; after some, others are not told.
    fn suspect(&mut self, path: &str, suspicion: Suspicion) {
        self.suspicions += 1;
        if self.suspicions <= SUSPICIONS {
            self.told.push((self.documents, Told::Warning(format!("{path}: {suspicion}."))));
        }
        if self.suspicions == SUSPICIONS {
            let further = "Further documents like these are not told.".to_owned();
            self.told.push((self.documents, Told::Warning(further)));
        }
    }

    fn problem(&mut self, what: String) {
        self.progress.problems += 1;
        self.told.push((self.documents, Told::Problem(what)));
    }

    fn hand_over(&mut self, judge: &ScanJudge) -> ControlFlow<()> {
        self.progress.asked(judge.totals(), self.findings.users());
        let (found, told) = (self.findings.take(), std::mem::take(&mut self.told));
        let retained = std::mem::take(&mut self.retained);
        let step = Step { found, retained, progress: self.progress.clone(), pace: self.shown.pace(), told };
        if self.sender.blocking_send(step).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Hands over what is left.
    pub(super) fn end(mut self, judge: &ScanJudge) {
        self.shown.finish();
        // Where nobody takes it any more, the scan was told to stop, and goes on there when it is resumed.
        _ = self.hand_over(judge);
    }
}

/// What was found in a piece of a document, of which it is known or not how many lines are before it, and what is kept for
/// users who come later.
pub(super) fn apart(seen: Vec<Seen>, lines_before: Option<u64>) -> (Vec<Sighted>, Vec<RetainedCandidate>) {
    let (mut credentials, mut retained) = (Vec::new(), Vec::new());
    for one in seen {
        match one {
            Seen::Credential(mut sighted) => {
                if let Some(place) = &mut sighted.found.place {
                    place.line = place.line.zip(lines_before).map(|(line, before)| before + line);
                }
                credentials.push(*sighted);
            }
            Seen::Retained(candidate) => retained.push(candidate),
        }
    }
    (credentials, retained)
}
