//! Figures out of runs, the tables people read, and the JSON that is kept.

use crate::bench::growth;
use crate::bench::load::Run;
use crate::bench::options::{Op, Options};
use crate::bench::process::{Memory, Usage};
use serde::Serialize;
use std::fmt::Write as _;

/// More than this many cores used by others make a turn doubtful.
const CALM: f64 = 0.25;

/// One run's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Right answers within the run.
    pub requests: u64,
    /// Right answers a second.
    pub rate: f64,
    /// Half were answered within this many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were answered within this many milliseconds.
    pub p99_ms: f64,
    /// The slowest answer, in milliseconds.
    pub max_ms: f64,
    /// CPU microseconds of the server a request.
    pub cpu_us: f64,
    /// Cores that the load generator kept busy.
    pub client_cores: f64,
    /// Cores that neither of the two kept busy.
    pub other_cores: f64,
}

impl Sample {
    /// Draws the figures from a run.
    pub fn of(run: &Run, usage: Usage) -> Self {
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        Self {
            requests: run.latencies.len() as u64,
            rate: run.latencies.len() as f64 / run.seconds,
            p50_ms: milliseconds(percentile(&run.latencies, 50)),
            p99_ms: milliseconds(percentile(&run.latencies, 99)),
            max_ms: milliseconds(run.latencies.last().copied().unwrap_or(0)),
            cpu_us: usage.server_seconds * 1e6 / run.answered.max(1) as f64,
            client_cores: usage.client_cores,
            other_cores: usage.other_cores,
        }
    }
}

/// A run of the server and one of its yardstick, one right after the other.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Turn {
    /// The server's run.
    pub server: Sample,
    /// The yardstick's run.
    pub yardstick: Sample,
}

/// Creates that were answered, and events that came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Answered 201.
    pub acked: u64,
    /// Growth of `$count`.
    pub stored: u64,
}

/// One operation on one number of connections.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// What was asked.
    pub op: Op,
    /// Who was asked.
    pub server: &'static str,
    /// What it is held against.
    pub beside: &'static str,
    /// What the ratio should be.
    pub wanted: Option<Wanted>,
    /// On how many connections.
    pub connections: u16,
    /// Every turn.
    pub turns: Vec<Turn>,
    /// For creates.
    pub kept: Option<Kept>,
}

/// What a ratio should be; nothing fails that is slower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wanted {
    /// Not less than this.
    pub least: f64,
    /// Better this, where there is more to be had.
    pub goal: Option<f64>,
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}", self.least)?;
        self.goal.map_or(Ok(()), |goal| write!(f, ", goal {goal:.2}"))
    }
}

/// A ratio over turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The median.
    pub median: f64,
    /// The least that one turn gave.
    pub least: f64,
    /// The most that one turn gave.
    pub most: f64,
}

impl Cell {
    /// The server's figure over its yardstick's, turn by turn.
    fn ratio(&self, figure: impl Fn(&Sample) -> f64) -> Ratio {
        let ratios: Vec<f64> = self.turns.iter().map(|turn| figure(&turn.server) / figure(&turn.yardstick)).collect();
        Ratio {
            median: median(&ratios),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            most: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// The median of one side's figure over the turns.
    pub fn middle(&self, side: fn(&Turn) -> Sample, figure: fn(&Sample) -> f64) -> f64 {
        median(&self.turns.iter().map(|turn| figure(&side(turn))).collect::<Vec<_>>())
    }

    /// A line that tells how it went, while the rest is being measured.
    pub fn line(&self) -> String {
        let Ratio { median, least, most } = self.ratio(|sample| sample.rate);
        let (op, connections, beside) = (self.op.name(), self.connections, self.beside);
        format!("{op} on {connections} connections: {median:.2} ({least:.2}..{most:.2}) of {beside}")
    }

    fn disturbed(&self) -> usize {
        let calm = |sample: &Sample| sample.other_cores <= CALM;
        self.turns.iter().filter(|turn| !(calm(&turn.server) && calm(&turn.yardstick))).count()
    }

    fn rows(&self) -> [Vec<String>; 2] {
        let row = |name: &str, pick: fn(&Turn) -> Sample| {
            vec![
                self.op.name().to_owned(),
                self.connections.to_string(),
                name.to_owned(),
                format!("{:.0}", self.middle(pick, |s| s.rate)),
                format!("{:.2}", self.middle(pick, |s| s.p50_ms)),
                format!("{:.2}", self.middle(pick, |s| s.p99_ms)),
                format!("{:.1}", self.middle(pick, |s| s.cpu_us)),
            ]
        };
        let (rate, cpu) = (self.ratio(|s| s.rate), self.ratio(|s| s.cpu_us));
        let mut server = row(self.server, |turn| turn.server);
        server.push(format!("{:.2} ({:.2}..{:.2})", rate.median, rate.least, rate.most));
        server.push(format!("{:.2}", cpu.median));
        server.push(self.wanted.map_or(String::new(), |wanted| wanted.to_string()));
        let mut yardstick = row(self.beside, |turn| turn.yardstick);
        yardstick.extend(["1".to_owned(), "1".to_owned(), String::new()]);
        [server, yardstick]
    }
}

/// Memory at three moments.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct MemoryReport {
    /// Ready, the store empty.
    pub idle: Memory,
    /// After the store was filled.
    pub filled: Memory,
    /// After everything.
    pub end: Memory,
}

/// Everything that was measured at one size.
#[derive(Clone, Debug, Serialize)]
pub struct SizeReport {
    /// Events in the store before creates were measured.
    pub rows: u64,
    /// How long filling the store took.
    pub preload_seconds: f64,
    /// The server's memory, in MiB.
    pub memory: MemoryReport,
    /// What was measured.
    pub cells: Vec<Cell>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// A whole benchmark, as it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it began.
    pub at: String,
    /// The commit of the working tree, and whether it was changed.
    pub commit: String,
    /// Processor, cores, kernel.
    pub machine: String,
    /// What was asked for.
    pub options: Options,
    /// One for each size.
    pub sizes: Vec<SizeReport>,
}

impl Report {
    /// Everything that went wrong.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        let told = |size: &SizeReport| {
            let rows = size.rows;
            size.failures.iter().map(move |failure| format!("at {rows} events: {failure}")).collect::<Vec<_>>()
        };
        self.sizes.iter().flat_map(told)
    }

    /// The tables that people read, in Markdown.
    pub fn tables(&self) -> String {
        let Options { seconds, reps, .. } = self.options;
        let mut text = format!(
            "Commit {} on {}, {}; runs of {seconds} s in {reps} turns.\nRS256 tokens, full validation, every create \
             synced before its answer. Ratio: median over turns (least..most).\n",
            self.commit, self.machine, self.at
        );
        for size in &self.sizes {
            text.push_str(&size.table());
        }
        text + &growth::table_of(&self.sizes)
    }
}

impl SizeReport {
    fn table(&self) -> String {
        let mut text = format!("\n{} events\n\n", self.rows);
        let head =
            ["op", "conns", "server", "req/s", "p50 ms", "p99 ms", "CPU us/req", "ratio", "CPU ratio", "wanted ratio"];
        let rows: Vec<Vec<String>> = self.cells.iter().flat_map(Cell::rows).collect();
        let is_wanted = self.cells.iter().any(|cell| cell.wanted.is_some());
        text.push_str(&table(if is_wanted { &head } else { &head[..head.len() - 1] }, &rows));
        let MemoryReport { idle, filled, end } = self.memory;
        let acked: u64 = self.cells.iter().filter_map(|cell| cell.kept).map(|kept| kept.acked).sum();
        let rate = self.rows as f64 / self.preload_seconds;
        let mut note = |line: String| writeln!(text, "{line}").expect("a string takes it");
        note(format!(
            "\nresident memory, MiB: {:.0} idle, {:.0} filled, {:.0} at the end ({:.0} of it mirrors files), peak {:.0}",
            idle.resident, filled.resident, end.resident, end.of_files, end.peak
        ));
        note(format!(
            "filled through $batch at {rate:.0} events/s; {acked} single creates acknowledged and counted, 0 lost"
        ));
        let turns: usize = self.cells.iter().map(|cell| cell.turns.len()).sum();
        let disturbed: usize = self.cells.iter().map(Cell::disturbed).sum();
        if disturbed > 0 {
            note(format!(
                "{disturbed} of {turns} turns were disturbed by other work on the machine: trust the CPU ratio more, \
                 or run again"
            ));
        }
        for failure in &self.failures {
            note(format!("FAILED: {failure}"));
        }
        text
    }
}

/// The value below which `percent` of the sorted values lie (nearest rank).
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A Markdown table that also reads well as plain text; columns after the third are figures.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let mut text = String::from("|");
        for (column, (cell, width)) in cells.into_iter().zip(&widths).enumerate() {
            let padded = if column < 3 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") };
            text.push_str(&padded);
        }
        text + "\n"
    };
    let rule = |(column, width): (usize, &usize)| {
        if column < 3 { format!(":{}|", "-".repeat(width + 1)) } else { format!("{}:|", "-".repeat(width + 1)) }
    };
    let mut text = line(head.to_vec());
    text.push('|');
    text.extend(widths.iter().enumerate().map(rule));
    text.push('\n');
    text.extend(rows.iter().map(|row| line(row.iter().take(head.len()).map(String::as_str).collect())));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99), percentile(&values, 100)), (100, 198, 200));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (7, 7));
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn a_median_of_an_even_number_lies_between() {
        assert!((median(&[4.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_taken_turn_by_turn() {
        let sample = |rate| Sample { rate, ..Sample::default() };
        let turn = |server, yardstick| Turn { server: sample(server), yardstick: sample(yardstick) };
        let turns = vec![turn(50.0, 100.0), turn(30.0, 100.0), turn(80.0, 100.0)];
        let (server, beside) = ("spillwatch", Op::Create.beside());
        let cell = Cell { op: Op::Create, server, beside, wanted: None, connections: 64, turns, kept: None };
        assert_eq!(cell.ratio(|s| s.rate), Ratio { median: 0.5, least: 0.3, most: 0.8 });
        assert_eq!(cell.line(), "create on 64 connections: 0.50 (0.30..0.80) of append and fdatasync");
    }

    #[test]
    fn what_is_wanted_has_a_column_where_something_is() {
        let turns = vec![Turn { server: Sample::default(), yardstick: Sample::default() }];
        let wanted = Some(Wanted { least: 0.6, goal: Some(1.0) });
        let cell = Cell { op: Op::Create, server: "a", beside: "b", wanted, connections: 64, turns, kept: None };
        let table = |wanted| {
            let memory = MemoryReport::default();
            let cells = vec![Cell { wanted, ..cell.clone() }];
            SizeReport { rows: 100, preload_seconds: 1.0, memory, cells, failures: Vec::new() }.table()
        };
        assert!(table(wanted).contains("| 0.60, goal 1.00 |"));
        assert!(table(wanted).contains(" wanted ratio |"));
        assert!(!table(None).contains("wanted"));
    }

    #[test]
    fn a_sample_counts_the_cpu_of_late_answers_too() {
        let run = Run { seconds: 2.0, latencies: vec![1_000_000; 100], answered: 200, last_bodies: Vec::new() };
        let usage = Usage { server_seconds: 0.002, client_cores: 0.5, other_cores: 0.0 };
        let sample = Sample::of(&run, usage);
        assert_eq!((sample.requests, sample.rate, sample.p99_ms), (100, 50.0, 1.0));
        assert!((sample.cpu_us - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_table_is_aligned_markdown() {
        let rows = vec![
            vec!["get".into(), "1".into(), "spillwatch".into(), "12000".into()],
            vec!["get".into(), "64".into(), "x".into(), "9".into()],
        ];
        assert_eq!(
            table(&["op", "conns", "server", "req/s"], &rows),
            "| op  | conns | server     | req/s |\n\
             |:----|:------|:-----------|------:|\n\
             | get | 1     | spillwatch | 12000 |\n\
             | get | 64    | x          |     9 |\n"
        );
    }
}
