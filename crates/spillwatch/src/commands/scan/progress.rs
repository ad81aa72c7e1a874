//! How far a scan is: for its job, and for whoever watches it.

use super::words;
use crate::commands::events::bar;
use crate::commands::raising::Raises;
use ::scan::counters::{Counters, Outcome};
use ::scan::preview::Preview;
use ::scan::source::Location;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use service::ScanTotals;
use service::jobs::Raised;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);
/// Documents whose look is told.
const TOLD: u64 = 3;

/// How far a scan is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// Everything before it was scanned: items, documents and problems of the next item, chunks of the next document.
    pub position: [u64; 4],
    /// Whether all of the material was.
    pub is_read: bool,
    /// Files and objects.
    pub items: u64,
    /// Documents in them.
    pub documents: u64,
    /// What was not read, or not to its end.
    pub problems: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// Lines: the sum of what became of them.
    pub lines: u64,
    /// What became of lines, by name.
    pub outcomes: BTreeMap<String, u64>,
    /// Places at which a current credential stands.
    pub current: u64,
    /// Places at which a user is named and no verifier can say anything, where these are asked for.
    pub address_only: u64,
    /// Users with a current credential; since the last start of the job.
    pub users: u64,
    /// Of these, those who cannot sign in.
    pub disabled_users: u64,
    /// What verifiers were asked; since the last start of the job.
    pub asked: ScanTotals,
    /// Whether the material is lists of passwords that name nobody.
    pub is_of_passwords: bool,
    /// What became of what was found.
    pub raised: Option<Raised>,
}

impl Progress {
    /// A piece of a document was scanned.
    pub fn scanned(&mut self, counters: &Counters, bytes: u64, current: u64) {
        self.bytes += bytes;
        self.lines += counters.lines();
        self.current += current;
        for (outcome, lines) in counters.iter().filter(|(_, lines)| *lines > 0) {
            *self.outcomes.entry(outcome.name().to_owned()).or_default() += lines;
        }
    }

    /// What this process has asked verifiers, and the users whom it has found.
    pub fn asked(&mut self, asked: ScanTotals, (users, disabled): (u64, u64)) {
        (self.asked, self.users, self.disabled_users) = (asked, users, disabled);
    }

    /// How many lines had an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.name()).copied().unwrap_or_default()
    }
}

impl Raises for Progress {
    fn set_raised(&mut self, raised: Raised) {
        self.raised = Some(raised);
    }
}

/// What whoever watches is shown: a bar on a terminal, else a line now and then.
pub struct Shown {
    bar: ProgressBar,
    since: Instant,
    began: Instant,
    told: u64,
    /// Bytes of items that are done.
    done: u64,
    /// Bytes of text when the item began.
    at_item: u64,
    bytes: u64,
    /// Bytes of text that processes before have read.
    before: u64,
    /// Whether the material is lists of passwords that name nobody.
    is_of_passwords: bool,
}

impl Shown {
    /// Asks how large the sources are, as far as files tell.
    pub fn new(locations: &[Location], before: u64) -> Self {
        let bar = bar("{bar:30} {bytes}/{total_bytes}  {msg}  ETA {eta}");
        if !bar.is_hidden() {
            let items = locations.iter().flat_map(Location::items).take(100_000);
            bar.set_length(items.filter_map(|item| item.ok()?.size).sum());
        }
        let now = Instant::now();
        let is_of_passwords = false;
        Self { bar, since: now, began: now, told: 0, done: 0, at_item: 0, bytes: before, before, is_of_passwords }
    }

    /// Whether the material is lists of passwords that name nobody.
    pub fn of_passwords(self, is_of_passwords: bool) -> Self {
        Self { is_of_passwords, ..self }
    }

    /// What is told of a document that begins: how it looks, with nothing of its content.
    pub fn document(&mut self, path: &str, preview: &Preview) -> Option<String> {
        self.told += 1;
        if self.told > TOLD {
            return None;
        }
        let shapes: Vec<String> =
            preview.shapes.iter().take(3).map(|(shape, share)| format!("{} {share} %", shape.name())).collect();
        let (shapes, warning) = if self.is_of_passwords {
            (vec!["a list of passwords".to_owned()], words::not_a_list(path, preview))
        } else {
            (shapes, None)
        };
        let shapes = if shapes.is_empty() { "no shape that is known".to_owned() } else { shapes.join(", ") };
        let mut text =
            format!("{path}: {shapes}; {} ({}).", preview.writing.encoding.name(), preview.confidence.name());
        for sample in preview.samples.iter().take(3) {
            text.push_str("\n    ");
            text.push_str(sample);
        }
        if let Some(warning) = warning {
            text.push('\n');
            text.push_str(&warning);
        }
        if self.told == TOLD {
            text.push_str("\nFurther documents are read without a word, unless something is wrong with one.");
        }
        Some(text)
    }

    /// An item is done.
    pub fn item_done(&mut self, size: Option<u64>) {
        self.done += size.unwrap_or(self.bytes - self.at_item);
        self.at_item = self.bytes;
    }

    /// Shows how far it is.
    pub fn progress(&mut self, progress: &Progress) {
        self.bytes = progress.bytes;
        let milliseconds = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = (progress.bytes - self.before) / 1000 / milliseconds; // MB a second, since this process began
        let told = || {
            format!(
                "{} lines  {rate} MB/s  {} candidates  {} verified  {} current",
                progress.lines, progress.asked.candidates, progress.asked.verified, progress.current
            )
        };
        if !self.bar.is_hidden() {
            self.bar.set_position(self.done + self.bytes - self.at_item);
            self.bar.set_message(told());
        } else if self.since.elapsed() >= LINE {
            self.since = Instant::now();
            anstream::eprintln!("{} MB of text  {}", progress.bytes / 1_000_000, told());
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
