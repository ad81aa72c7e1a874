//! What whoever waits for workers is shown.

use super::progress::{Pace, Progress};
use crate::commands::events::bar;
use indicatif::ProgressBar;
use model::{Clock, Task};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(10);
/// How long nobody may be at work before that is said, and how often it is said again.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_AGAIN: Duration = Duration::from_mins(1);

/// A bar on a terminal, else a line now and then.
pub struct Waiting {
    clock: Arc<dyn Clock>,
    bar: ProgressBar,
    bytes: u64,
    since: Instant,
    began: Instant,
    /// Bytes of pieces, and of text, that were scanned when it began.
    before: Option<(u64, u64)>,
    /// Whether programs are told, and nobody is shown anything.
    is_json: bool,
    idle_since: Instant,
    idle_told: Option<Instant>,
}

impl Waiting {
    /// Waits for so many bytes.
    pub fn new(clock: Arc<dyn Clock>, bytes: u64, is_json: bool) -> Self {
        let bar = if is_json { ProgressBar::hidden() } else { bar("{bar:24} {bytes}/{total_bytes}  {msg}  ETA {eta}") };
        bar.set_length(bytes);
        let now = Instant::now();
        Self { clock, bar, bytes, since: now, began: now, before: None, is_json, idle_since: now, idle_told: None }
    }

    /// Shows how far it is: so many tasks and bytes have ended, and these are being done. Answers how fast it goes.
    pub fn show(&mut self, progress: &Progress, (ended, tasks): (u64, u64), bytes: u64, open: &[Task]) -> Pace {
        let (before, text) = *self.before.get_or_insert((bytes, progress.bytes));
        let done = (bytes - before, self.bytes.saturating_sub(before));
        let pace = Pace::of_workers(progress.bytes - text, done, self.began.elapsed());
        let now = self.clock.now();
        let alive = open.iter().filter(|task| task.lease.is_some_and(|lease| lease > now));
        let workers: BTreeSet<&str> = alive.filter_map(|task| task.holder.as_deref()).collect();
        if ended < tasks && self.is_idle_told(workers.is_empty(), Instant::now()) {
            self.bar.suspend(|| {
                anstream::eprintln!(
                    "Nobody takes a piece: start `spillwatch worker` on this store, on any machine that reaches the \
                     material. One that runs says why when it does not work for this job."
                );
            });
        }
        let told = format!(
            "{ended} of {tasks} pieces  {} workers  {} lines  {} current",
            workers.len(),
            progress.lines,
            progress.current
        );
        if !self.bar.is_hidden() {
            self.bar.set_position(bytes);
            self.bar.set_message(told);
        } else if !self.is_json && self.since.elapsed() >= LINE {
            self.since = Instant::now();
            let eta = pace.eta().map(|seconds| format!("  ETA {seconds} s")).unwrap_or_default();
            anstream::eprintln!("{} of {} MB  {told}{eta}", bytes / 1_000_000, self.bytes / 1_000_000);
        }
        pace
    }

    /// Whether it is to be said that nobody is at work: after a while, and then now and again.
    fn is_idle_told(&mut self, is_idle: bool, now: Instant) -> bool {
        if !is_idle {
            (self.idle_since, self.idle_told) = (now, None);
            return false;
        }
        let is_new = self.idle_told.is_none_or(|told| now.duration_since(told) >= IDLE_AGAIN);
        let is_told = is_new && now.duration_since(self.idle_since) >= IDLE;
        if is_told {
            self.idle_told = Some(now);
        }
        is_told
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nobody_works_is_said_after_a_while_and_again() {
        let mut waiting = Waiting::new(Arc::new(model::SystemClock), 9, true);
        let at = |seconds| waiting_since(&waiting) + Duration::from_secs(seconds);
        let (soon, later, still, again) = (at(9), at(11), at(60), at(72));
        assert!(!waiting.is_idle_told(true, soon));
        assert!(waiting.is_idle_told(true, later));
        assert!(!waiting.is_idle_told(true, still), "it was said");
        assert!(waiting.is_idle_told(true, again));
        assert!(!waiting.is_idle_told(false, again));
        assert!(!waiting.is_idle_told(true, again + Duration::from_secs(9)), "somebody was at work a moment ago");
        assert!(waiting.is_idle_told(true, again + Duration::from_secs(10)));
    }

    fn waiting_since(waiting: &Waiting) -> Instant {
        waiting.idle_since
    }
}
