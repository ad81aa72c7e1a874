//! One server and its yardstick in turn: A B, B A, A B ...

use crate::bench::check;
use crate::bench::connection::Target;
use crate::bench::data::DataSet;
use crate::bench::load::{self, Plan, Questions, Run};
use crate::bench::options::{Op, Options};
use crate::bench::preload;
use crate::bench::process::{Memory, Reading};
use crate::bench::report::{Cell, Kept, MemoryReport, Sample, SizeReport, Turn};
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

struct Side<'a> {
    plan: Plan,
    endpoint: &'a Endpoint,
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
        let mine = Side { plan: Plan::of(op, &server.target, &questions), endpoint: server };
        let beside = beside(op, pair, &questions);
        for &connections in &options.connections {
            match cell(op, &mine, &beside, connections, options).await {
                Ok(cell) => {
                    eprintln!("{}", cell.line());
                    cells.push(cell);
                }
                Err(error) => failures.push(format!("{} on {connections} connections: {error:#}", op.name())),
            }
        }
    }
    memory.end = Memory::of(server.pid);
    Ok(SizeReport { rows, preload_seconds: preload.seconds, memory, cells, failures })
}

/// What an operation is held against.
fn beside<'a>(op: Op, pair: &'a Pair, questions: &Questions) -> Side<'a> {
    let Pair { server, yardstick } = pair;
    match (op, questions.filters(op)) {
        (Op::Count | Op::CountOfLevel, _) => Side { plan: Plan::get(&server.target, &questions.ids), endpoint: server },
        (_, Some(queries)) => Side { plan: Plan::constants(&yardstick.target, queries), endpoint: yardstick },
        (_, None) => Side { plan: Plan::of(op, &yardstick.target, questions), endpoint: yardstick },
    }
}

async fn cell(op: Op, mine: &Side<'_>, beside: &Side<'_>, connections: u16, options: &Options) -> Result<Cell> {
    let target = &mine.endpoint.target;
    let before = if op == Op::Create { Some(check::count(target).await?) } else { None };
    let length = Duration::from_secs_f64(options.seconds);
    let warm_up = Duration::from_secs_f64(options.warm_up);
    let mut acked = one(mine, connections, warm_up).await?.1.answered;
    one(beside, connections, warm_up).await.context("the yardstick")?;
    let mut turns = Vec::new();
    for turn in 0..options.reps {
        let (server, yardstick, run);
        if turn % 2 == 0 {
            (server, run) = one(mine, connections, length).await?;
            yardstick = one(beside, connections, length).await.context("the yardstick")?.0;
        } else {
            yardstick = one(beside, connections, length).await.context("the yardstick")?.0;
            (server, run) = one(mine, connections, length).await?;
        }
        acked += run.answered;
        turns.push(Turn { server, yardstick });
        if op == Op::Create {
            for body in run.last_bodies.iter().filter(|body| !body.is_empty()) {
                check::reads_back(target, body).await?;
            }
        }
    }
    let mut kept = None;
    if let Some(before) = before {
        let stored = check::count(target).await?.saturating_sub(before);
        ensure!(stored >= acked, "{acked} creates were answered 201 and {stored} are counted: {} lost", acked - stored);
        kept = Some(Kept { acked, stored });
    }
    Ok(Cell { op, connections, turns, kept })
}

/// One run on one side, with what it cost the server.
async fn one(side: &Side<'_>, connections: u16, length: Duration) -> Result<(Sample, Run)> {
    tokio::time::sleep(SETTLE).await;
    let before = Reading::of(side.endpoint.pid);
    let run = load::drive(&side.plan, connections, length).await?;
    let usage = before.until(&Reading::of(side.endpoint.pid));
    Ok((Sample::of(&run, usage), run))
}
