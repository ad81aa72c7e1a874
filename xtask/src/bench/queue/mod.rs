//! `cargo xtask bench queue`: how many passwords the queue of slow verifications checks in a second, beside the verifiers
//! alone.
//!
//! | beside | what it does |
//! |---|---|
//! | verifiers | as many threads as there are processors, each of which asks the same verifier in a loop |
//!
//! The queue is that of `spillwatch worker`, in this process, on a store in a folder: it claims candidates, opens them and
//! the verifiers of their users, checks them on as many threads, and keeps what comes of each. Its time is the whole of
//! [`QueueWorker::work`](service::QueueWorker::work), from the first claim to when the last decision is on disk. In each turn
//! the verifiers work alone before and after it. A queue that decides otherwise than was planted is a failure and no figure.

pub mod options;
mod world;

use crate::bench::process::Memory;
use crate::bench::report::{Wanted, median, table};
use crate::bench::session::{commit, machine};
use crate::commands::Workspace;
use anyhow::{Context as _, Result, ensure};
use model::{Clock as _, SystemClock};
use options::{Kind, QueueOptions};
use serde::Serialize;
use service::jobs::JobError;
use service::{QueueEnd, QueueLimits, QueueProgress, QueueScope, QueueWatch};
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::thread;
use std::time::{Duration, Instant};
use store::BoxFuture;
use verify::verifier::{Limits, Verifier};
use world::{World, guess, verifier};

/// What the ratio of rates should be.
const WANTED: Wanted = Wanted { least: 0.95, goal: None };
/// For how long the queue's claims are its own.
const LEASE: Duration = Duration::from_mins(2);

/// Everything once.
#[derive(Clone, Copy, Debug, Serialize)]
struct Turn {
    /// Checks a second of the verifiers alone, before and after the queue.
    alone: [f64; 2],
    /// Decisions a second of the queue.
    queue: f64,
    /// How long the queue worked, in seconds.
    seconds: f64,
    /// How many candidates it decided.
    candidates: u64,
    /// The most that its checks held together, in MiB.
    held: f64,
    /// The most memory that the process had meanwhile, in MiB.
    peak: f64,
}

impl Turn {
    fn verifiers(&self) -> f64 {
        self.alone.iter().sum::<f64>() / 2.0
    }
}

/// What was measured of a scheme.
#[derive(Clone, Debug, Serialize)]
struct Scheme {
    kind: Kind,
    turns: Vec<Turn>,
}

/// A whole benchmark of the queue, as it is kept.
#[derive(Clone, Debug, Serialize)]
struct Report {
    at: String,
    commit: String,
    machine: String,
    threads: usize,
    options: QueueOptions,
    schemes: Vec<Scheme>,
}

/// Nobody is told how far it is.
struct Silent;

impl QueueWatch for Silent {
    fn told(&mut self, _now: QueueProgress) -> BoxFuture<'_, Result<(), JobError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Runs the benchmark, prints its table on standard output, and writes every turn as JSON.
pub async fn run(workspace: &Workspace, options: &QueueOptions) -> Result<()> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let kept = workspace.target.join("bench");
    fs::create_dir_all(&kept).with_context(|| format!("{} cannot be made", kept.display()))?;
    let at = SystemClock.now().to_seconds_string();
    let mut report = Report {
        at: format!("{at}Z"),
        commit: commit(workspace),
        machine: machine(),
        threads: threads.get(),
        options: options.clone(),
        schemes: Vec::new(),
    };
    for &kind in &options.schemes {
        // Not in the system's temporary folder, which may be memory: syncs must reach a disk.
        let folder = tempfile::Builder::new().prefix("queue-").tempdir_in(&kept)?;
        let world = World::new(folder.path(), kind, options.users).await?;
        let mut turns = Vec::new();
        for number in 0..options.reps {
            let turn = turn(&world, (kind, number), threads, options).await?;
            let (alone, ratio) = (turn.verifiers(), turn.queue / turn.verifiers());
            eprintln!("{} turn {}: {:.1} a second, alone {alone:.1}: {ratio:.3}", kind.shown(), number + 1, turn.queue);
            turns.push(turn);
        }
        world.service.store().close().await;
        report.schemes.push(Scheme { kind, turns });
    }
    println!("{}", report.tables());
    let file = kept.join(format!("queue-{}.json", at.replace(['-', ':'], "")));
    fs::write(&file, serde_json::to_vec_pretty(&report)?).with_context(|| format!("{}", file.display()))?;
    eprintln!("every turn: {}", file.display());
    Ok(())
}

async fn turn(
    world: &World,
    (kind, number): (Kind, u16),
    threads: NonZeroUsize,
    options: &QueueOptions,
) -> Result<Turn> {
    let text = verifier(kind)?;
    let half = Duration::from_secs(u64::from(options.seconds)) / 2;
    let before = alone(&text, threads, half)?;
    let candidates = (before * f64::from(options.seconds)).ceil() as u64;
    let current = world.queue(number, candidates).await?;
    let limits = QueueLimits { threads, memory_bytes: u64::from(options.memory) << 20 };
    let worker = world.service.queue_worker(&world.vault, limits, "bench", LEASE);
    forget_peak();
    let begin = Instant::now();
    let (end, counts) = worker.work(&world.caller, QueueScope::Any, std::future::pending(), &mut Silent).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let peak = Memory::of(std::process::id()).peak;
    ensure!(end == QueueEnd::Empty && counts.failed == 0, "the queue ended as {end:?}: {counts:?}");
    ensure!(
        (counts.checked, counts.current) == (candidates, current),
        "{candidates} candidates waited, {current} of them current; the queue tells {counts:?}"
    );
    let after = alone(&text, threads, half)?;
    let held = counts.most_memory as f64 / f64::from(1 << 20);
    Ok(Turn { alone: [before, after], queue: candidates as f64 / seconds, seconds, candidates, held, peak })
}

/// Checks a second of a verifier on so many threads. Each thread counts what it did in the time that it took, so that none
/// is charged for one that ends later.
fn alone(text: &str, threads: NonZeroUsize, time: Duration) -> Result<f64> {
    let one = || -> Result<f64> {
        let verifier = Verifier::parse(text, &Limits::default())?;
        let (begin, mut checks) = (Instant::now(), 0_u64);
        while begin.elapsed() < time {
            verifier.check(&guess(u16::MAX, 1 + checks % 90))?;
            checks += 1;
        }
        Ok(checks as f64 / begin.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads.get()).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?).sum()
    })
}

/// Has the kernel forget the most memory that this process had, where it can.
fn forget_peak() {
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// The median of values with the least and the most.
fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let values: Vec<f64> = values.collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.digits$} ({least:.digits$}..{most:.digits$})", median(&values))
}

impl Report {
    /// The table that people read, in Markdown.
    fn tables(&self) -> String {
        let QueueOptions { users, memory, reps, .. } = &self.options;
        let mut text = format!(
            "Commit {} on {}, {}; {} threads, {users} users, {reps} turns.\nMedians over turns (least..most). Every decision \
             is the one that was planted.\n\n",
            self.commit, self.machine, self.at, self.threads
        );
        let head = [
            "scheme",
            "candidates",
            "seconds",
            "queue a second",
            "verifiers alone",
            "ratio",
            "wanted",
            "held MiB",
            "resident MiB",
        ];
        let rows: Vec<Vec<String>> = self.schemes.iter().map(Scheme::row).collect();
        text.push_str(&table(&head, &rows));
        writeln!(text, "\nchecks may hold {memory} MiB together").expect("a string takes it");
        text
    }
}

impl Scheme {
    fn row(&self) -> Vec<String> {
        let turns = || self.turns.iter();
        let most = |of: fn(&Turn) -> f64| turns().map(of).fold(0.0, f64::max);
        vec![
            self.kind.shown().to_owned(),
            spread(turns().map(|turn| turn.candidates as f64), 0),
            spread(turns().map(|turn| turn.seconds), 1),
            spread(turns().map(|turn| turn.queue), 1),
            spread(turns().map(Turn::verifiers), 1),
            spread(turns().map(|turn| turn.queue / turn.verifiers()), 3),
            WANTED.to_string(),
            format!("{:.0}", most(|turn| turn.held)),
            format!("{:.0}", most(|turn| turn.peak)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn the_ratio_is_that_of_a_turn() {
        let turn =
            |queue| Turn { alone: [90.0, 110.0], queue, seconds: 20.0, candidates: 2_000, held: 38.0, peak: 90.0 };
        let options = QueueOptions::try_parse_from(["queue"]).expect("the defaults parse");
        assert_eq!(options.schemes, [Kind::Argon2id, Kind::Bcrypt]);
        let scheme = Scheme { kind: Kind::Argon2id, turns: vec![turn(96.0), turn(98.0), turn(90.0)] };
        let (at, commit, machine) = ("now".into(), "c0ffee".into(), "a machine".into());
        let text = Report { at, commit, machine, threads: 2, options, schemes: vec![scheme] }.tables();
        let cells = text.split('|').map(str::trim).collect::<Vec<_>>().join("|");
        assert!(cells.contains("|96.0 (90.0..98.0)|100.0 (100.0..100.0)|0.960 (0.900..0.980)|0.95|38|90|"), "{text}");
        assert!(text.contains("checks may hold 1024 MiB"), "{text}");
    }

    #[tokio::test]
    async fn a_turn_decides_what_was_planted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = QueueOptions::try_parse_from(["queue", "--seconds", "1", "--users", "3"]).expect("they parse");
        let world = World::new(folder.path(), Kind::Argon2id, options.users).await.expect("a store");
        for number in 0..2 {
            let turn = turn(&world, (Kind::Argon2id, number), NonZeroUsize::MIN, &options).await.expect("a turn");
            assert!(turn.candidates > 0 && turn.held > 18.0 && turn.held < 20.0, "{turn:?}");
        }
    }
}
