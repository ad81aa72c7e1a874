//! How far a scan is: for its job, and for whoever watches it.

use crate::commands::events::bar;
use crate::commands::raising::Raises;
use ::scan::counters::{Counters, Outcome};
use ::scan::engine::Position;
use ::scan::source::Location;
use indicatif::ProgressBar;
use model::MatchClass;
use serde::{Deserialize, Serialize};
use service::jobs::{FoundCounts, Raised};
use service::{ScanTotals, Sighted};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

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
    /// Passwords of users that slow verifiers could not be asked about.
    pub undecided: u64,
    /// What verifiers were asked; since the last start of the job.
    pub asked: ScanTotals,
    /// Candidates that were kept for users who come later.
    pub retained: u64,
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

    /// Counts a piece of a document in which this was found.
    pub fn count(&mut self, counters: &Counters, bytes: u64, found: &[Sighted]) {
        let is_address = |one: &&Sighted| one.found.finding.match_class == MatchClass::AddressOnly;
        let addresses = found.iter().filter(is_address).count() as u64;
        let waiting = found.iter().filter(|one| one.found.candidate.is_some()).count() as u64;
        self.address_only += addresses;
        self.scanned(counters, bytes, found.len() as u64 - addresses - waiting);
    }

    /// Where the scan goes on.
    pub fn position(&self) -> Position {
        let [items, documents, problems, chunks] = self.position;
        Position { items, documents, problems, chunks }
    }

    /// Everything before it was scanned.
    pub fn set_position(&mut self, Position { items, documents, problems, chunks }: Position) {
        self.position = [items, documents, problems, chunks];
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
    const TELLS_FOUND: bool = true;

    fn set_raised(&mut self, raised: Raised) {
        self.raised = Some(raised);
    }

    fn set_found(&mut self, FoundCounts { places, users, disabled, undecided, .. }: FoundCounts) {
        (self.current, self.users, self.disabled_users) = (places, users, disabled);
        self.undecided = undecided;
    }
}

/// How fast it goes, and how much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Bytes of text a second, since this process began.
    pub rate: u64,
    /// Bytes of the sources that are read; of what is packed, as far as whole items are.
    pub done: u64,
    /// Bytes of all sources, as far as they tell.
    pub total: Option<u64>,
    /// Milliseconds since this process began.
    elapsed: u64,
}

impl Pace {
    /// That of a scan over many machines: so many bytes of text were scanned in a time, so many bytes of all are done.
    pub fn of_workers(text: u64, (done, total): (u64, u64), elapsed: Duration) -> Self {
        let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = u128::from(text) * 1000 / u128::from(elapsed);
        Self { rate: u64::try_from(rate).unwrap_or(u64::MAX), done, total: Some(total), elapsed }
    }

    /// How many seconds it goes on at this rate, as far as that can be told.
    pub fn eta(&self) -> Option<u64> {
        let left = self.total?.checked_sub(self.done)?;
        let done = u128::from(self.done);
        u64::try_from((u128::from(left) * u128::from(self.elapsed)).checked_div(done)? / 1000).ok()
    }
}

/// What whoever watches is shown: a bar on a terminal, else a line now and then.
pub struct Shown {
    bar: ProgressBar,
    is_json: bool,
    since: Instant,
    began: Instant,
    total: Option<u64>,
    /// Bytes of items that are done.
    done: u64,
    /// Bytes of text when the item began.
    at_item: u64,
    bytes: u64,
    /// Bytes of text that processes before have read.
    before: u64,
}

impl Shown {
    /// Asks how large the sources are, as far as files tell.
    pub fn new(locations: &[Location], before: u64, is_json: bool) -> Self {
        let bar = if is_json { ProgressBar::hidden() } else { bar("{bar:24} {bytes}/{total_bytes}  {msg}  ETA {eta}") };
        let is_asked = is_json || !bar.is_hidden();
        let total = is_asked.then(|| sizes(locations)).filter(|total| *total > 0);
        if let Some(total) = total {
            bar.set_length(total);
        }
        let now = Instant::now();
        Self { bar, is_json, since: now, began: now, total, done: 0, at_item: before, bytes: before, before }
    }

    /// Whether programs are told, and nobody is shown anything.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// An item is done.
    pub fn item_done(&mut self, size: Option<u64>) {
        self.done += size.unwrap_or(self.bytes - self.at_item);
        self.at_item = self.bytes;
    }

    /// How fast it goes.
    pub fn pace(&self) -> Pace {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = u128::from(self.bytes - self.before) * 1000 / u128::from(elapsed);
        let done = self.done + self.bytes - self.at_item;
        let done = self.total.map_or(done, |total| done.min(total)); // text is longer than what it was packed into
        Pace { rate: u64::try_from(rate).unwrap_or(u64::MAX), done, total: self.total, elapsed }
    }

    /// Shows how far it is.
    pub fn progress(&mut self, progress: &Progress) {
        self.bytes = progress.bytes;
        let told = |rate: u64| {
            format!(
                "{}.{:02} GB/s  {} lines  {} candidates  {} verified  {} findings",
                rate / 1_000_000_000,
                rate / 10_000_000 % 100,
                progress.lines,
                progress.asked.candidates,
                progress.asked.verified,
                progress.current
            )
        };
        if !self.bar.is_hidden() {
            let pace = self.pace();
            self.bar.set_position(pace.done);
            self.bar.set_message(told(pace.rate));
        } else if !self.is_json && self.since.elapsed() >= LINE {
            self.since = Instant::now();
            anstream::eprintln!("{} MB of text  {}", progress.bytes / 1_000_000, told(self.pace().rate));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How many bytes the first items have.
fn sizes(locations: &[Location]) -> u64 {
    let items = locations.iter().flat_map(Location::items).take(100_000);
    items.filter_map(|item| item.ok()?.size).sum()
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn the_time_that_is_left_is_told_where_it_can_be() {
        let pace = Pace { rate: 0, done: 250, total: Some(1000), elapsed: 10_000 };
        assert_eq!(pace.eta(), Some(30));
        assert_eq!(Pace { done: 1000, ..pace }.eta(), Some(0));
        for unknown in [Pace { total: None, ..pace }, Pace { done: 0, ..pace }, Pace { done: 2000, ..pace }] {
            assert_eq!(unknown.eta(), None);
        }
    }
}
