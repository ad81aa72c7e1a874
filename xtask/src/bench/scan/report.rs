//! Figures of scans, the tables people read, and the JSON that is kept.

use crate::bench::report::{Wanted, median, table};
use crate::bench::scan::material::{Directory, Written};
use crate::bench::scan::options::ScanOptions;
use serde::Serialize;
use std::fmt::Write as _;

/// The most memory that a scan may have, in MiB.
pub const MEMORY: f64 = 256.0;

/// Seconds of one run on so many cores.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scan {
    /// How many cores, and threads.
    pub cores: usize,
    /// The whole run, from the start of the process to its end.
    pub seconds: f64,
    /// The same for a file of one line: what it takes to begin.
    pub start: f64,
    /// The most memory, in MiB.
    pub peak: f64,
}

/// Everything once.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    /// Seconds of `wc -l` on one core.
    pub wc: f64,
    /// Seconds of ripgrep on one core for the whole material, reckoned from a part of it.
    pub rg: f64,
    /// Our scans, on one core and more.
    pub scans: Vec<Scan>,
}

/// What was measured at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Size {
    /// What the material holds.
    pub written: Written,
    /// How much of it ripgrep was given.
    pub rg_bytes: u64,
    /// Every turn.
    pub turns: Vec<Turn>,
}

/// A whole benchmark of scans, as it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began.
    pub at: String,
    /// The commit of the working tree, and whether it was changed.
    pub commit: String,
    /// Processor, cores, kernel.
    pub machine: String,
    /// What was asked for.
    pub options: ScanOptions,
    /// One for each size.
    pub sizes: Vec<Size>,
}

/// What a ratio should be, on so many cores.
fn wanted(directory: Directory, cores: usize, beside: &str) -> Option<Wanted> {
    let (least, goal) = match (beside, cores, directory.is_public) {
        ("wc -l", 1, false) => (0.15, Some(0.25)),
        ("wc -l", 2, false) => (0.30, Some(0.5)),
        ("rg", 1, false) => (20.0, Some(40.0)),
        ("rg", 1, true) => (7.0, None),
        _ => return None,
    };
    Some(Wanted { least, goal })
}

/// The median of values with the least and the most.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let values: Vec<f64> = values.collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.digits$} ({least:.digits$}..{most:.digits$})", median(&values))
}

impl Report {
    /// The tables that people read, in Markdown.
    pub fn tables(&self, directory: Directory) -> String {
        let ScanOptions { reps, users, .. } = &self.options;
        let kind = match (directory.is_public, directory.has_bare_names) {
            (true, _) => "all on one public mail domain",
            (false, true) => "with names without a domain",
            (false, false) => "in domains of their own",
        };
        let mut text = format!(
            "Commit {} on {}, {}; {users} users {kind}, {reps} turns.\nMedians over turns (least..most). Lines counted \
             and current pairs found are those that were written.\n",
            self.commit, self.machine, self.at
        );
        self.sizes.iter().for_each(|size| text.push_str(&size.table(directory)));
        text + &self.growth()
    }

    /// How the time of a byte grows with the size; empty when there is one size only.
    fn growth(&self) -> String {
        let bytes = |size: &&Size| size.written.bytes;
        let (Some(small), Some(large)) = (self.sizes.iter().min_by_key(bytes), self.sizes.iter().max_by_key(bytes))
        else {
            return String::new();
        };
        if small.written.bytes == large.written.bytes {
            return String::new();
        }
        let mut text = "\n".to_owned();
        for (at, cores) in large.cores().into_iter().enumerate() {
            let (few, many) = (small.time_of_a_gigabyte(at), large.time_of_a_gigabyte(at));
            let (from, to) = (small.written.bytes, large.written.bytes);
            let line = format!("{cores}: {few:.3} s a GB at {from} bytes, {many:.3} at {to}: {:.2}", many / few);
            writeln!(text, "time of a byte without the start, {line}").expect("a string takes it");
        }
        text
    }
}

impl Size {
    fn cores(&self) -> Vec<String> {
        let scans = self.turns.first().map(|turn| turn.scans.as_slice()).unwrap_or_default();
        scans
            .iter()
            .map(|scan| if scan.cores == 1 { "1 core".into() } else { format!("{} cores", scan.cores) })
            .collect()
    }

    /// Seconds of a gigabyte after the start, on the cores at a place.
    fn time_of_a_gigabyte(&self, at: usize) -> f64 {
        let times: Vec<f64> = self.turns.iter().map(|turn| turn.scans[at].seconds - turn.scans[at].start).collect();
        median(&times) * 1e9 / self.written.bytes as f64
    }

    fn table(&self, directory: Directory) -> String {
        let Written { bytes, lines, of_users, planted } = self.written;
        let mut text = format!("\n{bytes} bytes, {lines} lines, {of_users} of users, {planted} of them current\n\n");
        let mut rows = Vec::new();
        for (at, cores) in self.cores().into_iter().enumerate() {
            let scan = |turn: &Turn| turn.scans[at];
            let count = self.turns.first().map_or(1, |turn| scan(turn).cores);
            for (beside, pick) in [("wc -l", (|turn| turn.wc) as fn(&Turn) -> f64), ("rg", |turn| turn.rg)] {
                rows.push(vec![
                    cores.clone(),
                    beside.to_owned(),
                    spread(self.turns.iter().map(|turn| scan(turn).seconds), 2),
                    spread(self.turns.iter().map(|turn| scan(turn).start), 2),
                    spread(self.turns.iter().map(pick), 2),
                    spread(self.turns.iter().map(|turn| pick(turn) / scan(turn).seconds), 2),
                    spread(self.turns.iter().map(|turn| pick(turn) / (scan(turn).seconds - scan(turn).start)), 2),
                    wanted(directory, count, beside).map_or(String::new(), |wanted| wanted.to_string()),
                ]);
            }
        }
        let head =
            ["scan on", "beside", "seconds", "of it start", "its seconds", "ratio", "without start", "wanted ratio"];
        text.push_str(&table(&head, &rows));
        let peak = self.turns.iter().flat_map(|turn| &turn.scans).map(|scan| scan.peak).fold(0.0, f64::max);
        writeln!(text, "\nmost resident memory: {peak:.0} MiB (wanted: below {MEMORY:.0})").expect("a string takes it");
        if self.rg_bytes < bytes {
            let part = self.rg_bytes;
            writeln!(text, "ripgrep was given {part} bytes; its time without its start was multiplied")
                .expect("a string takes it");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn size(bytes: u64, seconds: f64) -> Size {
        let scan = |cores, seconds| Scan { cores, seconds, start: 0.5, peak: 100.0 + seconds };
        let turn = |wc| Turn { wc, rg: 20.0, scans: vec![scan(1, seconds), scan(2, 0.5 + (seconds - 0.5) / 2.0)] };
        let written = Written { bytes, lines: 10, of_users: 2, planted: 1 };
        Size { written, rg_bytes: 100, turns: vec![turn(0.25), turn(0.3), turn(0.2)] }
    }

    fn report(sizes: Vec<Size>) -> String {
        let options = ScanOptions::try_parse_from(["scan"]).expect("the defaults parse");
        let (at, commit, machine) = ("now".into(), "c0ffee".into(), "a machine".into());
        let directory = Directory { users: 100, is_public: false, has_bare_names: false };
        Report { at, commit, machine, options, sizes }.tables(directory)
    }

    #[test]
    fn ratios_are_told_with_and_without_the_start() {
        let text = report(vec![size(1_000_000_000, 1.5)]);
        let cells = text.split('|').map(str::trim).collect::<Vec<_>>().join("|");
        assert!(cells.contains("|0.17 (0.13..0.20)|0.25 (0.20..0.30)|0.15, goal 0.25|"), "{text}");
        assert!(cells.contains("|13.33 (13.33..13.33)|20.00 (20.00..20.00)|20.00, goal 40.00|"), "{text}");
        assert!(text.contains("most resident memory: 102 MiB"), "{text}");
        assert!(!text.contains("time of a byte"), "{text}");
    }

    #[test]
    fn growth_is_that_of_a_byte_after_the_start() {
        let text = report(vec![size(100_000_000, 0.6), size(1_000_000_000, 1.6)]);
        assert!(text.contains("1 core: 1.000 s a GB at 100000000 bytes, 1.100 at 1000000000: 1.10"), "{text}");
    }
}
