//! One server and its yardstick in turn: A B, B A, A B ...

use crate::bench::check;
use crate::bench::connection::Target;
use crate::bench::data::DataSet;
use crate::bench::load::{self, Plan, Questions, Run};
use crate::bench::options::{Op, Options};
use crate::bench::pgbench::Inserts;
use crate::bench::preload;
use crate::bench::process::{Memory, Processes, Reading};
use crate::bench::report::{Cell, Kept, MemoryReport, Sample, SizeReport, Turn, Wanted};
use crate::bench::statements::Statements;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;

/// A pause before each run, so that the one before has ended on the server too.
const SETTLE: Duration = Duration::from_millis(150);

/// A server that answers, and its process.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it answers.
    pub target: Target,
    /// Its process, whose use of the machine is counted.
    pub pid: u32,
}

/// The server that is judged, empty at first, and what it is judged by.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The server.
    pub server: Endpoint,
    /// The yardsticks.
    pub yardstick: Endpoint,
}

/// What is done in a run.
pub(crate) enum Work {
    /// Requests to servers.
    Requests(Plan),
    /// Statements to a database.
    Statements(Statements),
    /// Inserts into a database, by `pgbench`.
    Inserts(Inserts),
}

/// One of the two that take turns.
pub(crate) struct Side {
    /// Its name in tables.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) work: Work,
    /// Who serves.
    pub(crate) processes: Processes,
}

/// What is measured on each number of connections.
pub(crate) struct Comparison {
    pub(crate) op: Op,
    pub(crate) mine: Side,
    pub(crate) beside: Side,
    pub(crate) wanted: Option<Wanted>,
    /// The server's address, to count what creates have left.
    pub(crate) store: Target,
    /// What is created beside comes into the same store.
    pub(crate) is_shared: bool,
}

/// Fills the server's store and measures every operation at every number of connections. What
/// goes wrong in an operation is reported; it does not keep the others from being measured.
pub async fn size(pair: &Pair, rows: u64, options: &Options) -> Result<SizeReport> {
    let server = &pair.server;
    let mut memory = MemoryReport { idle: Memory::of(server.pid), ..MemoryReport::default() };
    for endpoint in [server, &pair.yardstick] {
        check::tokens_are_verified(&endpoint.target).await?;
    }
    let data = DataSet::of(rows);
    let preload = preload::fill(&server.target, data, rows).await?;
    let count = check::count(&server.target).await?;
    ensure!(count == rows, "{rows} events were created in an empty store, and $count says {count}");
    memory.filled = Memory::of(server.pid);
    eprintln!("{rows} events created through $batch in {:.1} s", preload.seconds);

    let questions = Questions::of(data, preload.ids);
    let (mut cells, mut failures) = (Vec::new(), Vec::new());
    for op in options.ordered_ops() {
        if let Err(error) = check::before(op, &server.target, &questions, data).await {
            failures.push(format!("{} answers wrongly and was not measured: {error:#}", op.name()));
            continue;
        }
        let mine = side("spillwatch", Plan::of(op, &server.target, &questions), server);
        let (beside, store) = (beside(op, pair, &questions), server.target.clone());
        let comparison = Comparison { op, mine, beside, wanted: None, store, is_shared: false };
        comparison.run(&options.connections, options, &mut cells, &mut failures).await;
    }
    memory.end = Memory::of(server.pid);
    Ok(SizeReport { rows, preload_seconds: preload.seconds, memory, cells, failures })
}

fn side(name: &'static str, plan: Plan, endpoint: &Endpoint) -> Side {
    Side { name, work: Work::Requests(plan), processes: endpoint.pid.into() }
}

/// What an operation is held against.
fn beside(op: Op, pair: &Pair, questions: &Questions) -> Side {
    let Pair { server, yardstick } = pair;
    let (plan, endpoint) = match (op, questions.filters(op)) {
        (Op::Count | Op::CountOfLevel, _) => (Plan::get(&server.target, &questions.ids), server),
        (_, Some(queries)) => (Plan::constants(&yardstick.target, queries), yardstick),
        (_, None) => (Plan::of(op, &yardstick.target, questions), yardstick),
    };
    side(op.beside(), plan, endpoint)
}

impl Comparison {
    /// Measures on each number of connections; what goes wrong comes to the failures.
    pub(crate) async fn run(
        &self,
        connections: &[u16],
        options: &Options,
        cells: &mut Vec<Cell>,
        failures: &mut Vec<String>,
    ) {
        for &connections in connections {
            match self.cell(connections, options).await {
                Ok(cell) => {
                    eprintln!("{}", cell.line());
                    cells.push(cell);
                }
                Err(error) => failures.push(format!("{} on {connections} connections: {error:#}", self.op.name())),
            }
        }
    }

    async fn cell(&self, connections: u16, options: &Options) -> Result<Cell> {
        let Self { op, mine, beside, wanted, store, is_shared } = self;
        let before = if *op == Op::Create { Some(check::count(store).await?) } else { None };
        let length = Duration::from_secs_f64(options.seconds);
        let warm_up = Duration::from_secs_f64(options.warm_up);
        let mut acked = one(mine, connections, warm_up).await?.1.answered;
        let mut acked_beside = one(beside, connections, warm_up).await.context("the yardstick")?.1.answered;
        let mut turns = Vec::new();
        for turn in 0..options.reps {
            let ((server, run), (yardstick, run_beside));
            if turn % 2 == 0 {
                (server, run) = one(mine, connections, length).await?;
                (yardstick, run_beside) = one(beside, connections, length).await.context("the yardstick")?;
            } else {
                (yardstick, run_beside) = one(beside, connections, length).await.context("the yardstick")?;
                (server, run) = one(mine, connections, length).await?;
            }
            acked += run.answered;
            acked_beside += run_beside.answered;
            turns.push(Turn { server, yardstick });
            if *op == Op::Create {
                for body in run.last_bodies.iter().filter(|body| !body.is_empty()) {
                    check::reads_back(store, body).await?;
                }
            }
        }
        let mut kept = None;
        if let Some(before) = before {
            acked += if *is_shared { acked_beside } else { 0 };
            let stored = check::count(store).await?.saturating_sub(before);
            let lost = acked.saturating_sub(stored);
            ensure!(lost == 0, "{acked} creates were answered 201 and {stored} are counted: {lost} lost");
            kept = Some(Kept { acked, stored });
        }
        let (server, beside, wanted) = (mine.name, beside.name, *wanted);
        Ok(Cell { op: *op, server, beside, wanted, connections, turns, kept })
    }
}

/// One run on one side, with what it cost those who serve.
async fn one(side: &Side, connections: u16, length: Duration) -> Result<(Sample, Run)> {
    tokio::time::sleep(SETTLE).await;
    let before = Reading::of(&side.processes);
    let run = match &side.work {
        Work::Requests(plan) => load::drive(plan, connections, length).await?,
        Work::Statements(statements) => statements.drive(connections, length).await?,
        Work::Inserts(inserts) => inserts.drive(connections, length)?,
    };
    let usage = before.until(&Reading::of(&side.processes));
    Ok((Sample::of(&run, usage), run))
}
