//! The closed-loop load generator: each connection asks again when it is answered.

use crate::bench::connection::{Connection, Target};
use crate::bench::data::{DataSet, FRESH, SET};
use crate::bench::options::Op;
use crate::bench::queries::{PAGE, Queries, Query};
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long after the end of a run the last answers may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Different bodies that are created, in turn.
const BODIES: u64 = 4_000;
/// An event is never shorter on the wire.
const LEAST_EVENT: usize = 300;
/// The same for an entity of a list, which may be a user at risk.
const LEAST_ROW: usize = 200;

/// What there is to ask for in a store.
#[derive(Clone, Debug)]
pub struct Questions {
    /// Ids of stored events.
    pub ids: Vec<String>,
    /// Bodies of events that are not there yet.
    pub bodies: Vec<String>,
    /// Filters, and what they must answer.
    pub queries: Queries,
}

impl Questions {
    /// The questions to a store of these events, of which some have these ids.
    pub fn of(data: DataSet, ids: Vec<String>) -> Self {
        let bodies = (FRESH..FRESH + BODIES).map(|i| data.body(i).to_string()).collect();
        Self { ids, bodies, queries: Queries::of(data) }
    }

    /// The filters of an operation, if it has some.
    pub fn filters(&self, op: Op) -> Option<&[Query]> {
        match op {
            Op::OfUser => Some(&self.queries.user),
            Op::OfRange => Some(&self.queries.range),
            Op::OfLevel => Some(&self.queries.level),
            Op::DetectionsOfLevel => Some(&self.queries.detections),
            Op::RiskyUsers => Some(&self.queries.risky_users),
            Op::Get | Op::List | Op::Count | Op::CountOfLevel | Op::Create => None,
        }
    }
}

/// The requests of one operation: a head, one of many middles in turn, and a tail.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they go.
    pub target: Target,
    /// Servers beside it, each of which gets as many connections as it.
    others: Vec<SocketAddr>,
    head: Vec<u8>,
    middles: Vec<Vec<u8>>,
    tail: Vec<u8>,
    status: u16,
    /// An answer that is shorter cannot be right.
    least_body: usize,
    next: Arc<AtomicUsize>,
}

impl Plan {
    fn new(target: &Target, head: String, middles: Vec<String>, tail: &str, status: u16, least_body: usize) -> Self {
        let middles = middles.into_iter().map(String::into_bytes).collect();
        let tail = tail.as_bytes().to_vec();
        Self {
            target: target.clone(),
            others: Vec::new(),
            head: head.into_bytes(),
            middles,
            tail,
            status,
            least_body,
            next: Arc::default(),
        }
    }

    /// Gets by id, in turn.
    pub fn get(target: &Target, ids: &[String]) -> Self {
        let end = target.line_and_headers() + &Target::tail(None);
        Self::new(target, format!("GET {SET}/"), ids.to_vec(), &end, 200, LEAST_EVENT)
    }

    /// The path of an event.
    pub fn path_of(id: &str) -> String {
        format!("{SET}/{id}")
    }

    /// The path of a page of 100.
    pub fn list_path() -> String {
        format!("{SET}?$top={PAGE}")
    }

    /// Pages of 100.
    pub fn list(target: &Target) -> Self {
        let head = target.head("GET", &Self::list_path());
        Self::new(target, head, vec![String::new()], &Target::tail(None), 200, PAGE * LEAST_EVENT)
    }

    /// First pages of these filters, in turn.
    pub fn filters(target: &Target, queries: &[Query]) -> Self {
        Self::pages(target, queries, Query::path)
    }

    /// The same questions to a yardstick, which looks only at how many rows to answer: as many
    /// as the filter finds.
    pub fn constants(target: &Target, queries: &[Query]) -> Self {
        Self::pages(target, queries, |query| format!("{SET}?$top={}", query.rows))
    }

    fn pages(target: &Target, queries: &[Query], path: impl Fn(&Query) -> String) -> Self {
        let end = target.line_and_headers() + &Target::tail(None);
        let paths = queries.iter().map(path).collect();
        let fewest = queries.iter().map(|query| query.rows).min().unwrap_or(0);
        Self::new(target, "GET ".into(), paths, &end, 200, fewest * LEAST_ROW)
    }

    /// A `$count`: its path.
    fn count(target: &Target, path: &str) -> Self {
        let head = target.head("GET", path);
        Self::new(target, head, vec![String::new()], &Target::tail(None), 200, 1)
    }

    /// Creates, of these bodies in turn.
    pub fn create(target: &Target, bodies: &[String]) -> Self {
        let middles = bodies.iter().map(|body| Target::tail(Some(body))).collect();
        Self::new(target, target.head("POST", SET), middles, "", 201, LEAST_EVENT)
    }

    /// The plan of an operation.
    pub fn of(op: Op, target: &Target, questions: &Questions) -> Self {
        match op {
            Op::Get => Self::get(target, &questions.ids),
            Op::List => Self::list(target),
            Op::OfUser => Self::filters(target, &questions.queries.user),
            Op::OfRange => Self::filters(target, &questions.queries.range),
            Op::OfLevel => Self::filters(target, &questions.queries.level),
            Op::DetectionsOfLevel => Self::filters(target, &questions.queries.detections),
            Op::RiskyUsers => Self::filters(target, &questions.queries.risky_users),
            Op::Count => Self::count(target, &format!("{SET}/$count")),
            Op::CountOfLevel => Self::count(target, &Queries::count_path()),
            Op::Create => Self::create(target, &questions.bodies),
        }
    }

    /// The same, with every other connection to another server.
    #[must_use]
    pub fn shared_with(mut self, other: SocketAddr) -> Self {
        self.others.push(other);
        self
    }

    fn write_next(&self, request: &mut Vec<u8>) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        request.clear();
        request.extend_from_slice(&self.head);
        request.extend_from_slice(&self.middles[turn % self.middles.len()]);
        request.extend_from_slice(&self.tail);
    }
}

/// What one run saw.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// How long it lasted.
    pub seconds: f64,
    /// Latencies of the answers that came within that time, in nanoseconds, sorted.
    pub latencies: Vec<u64>,
    /// All right answers, with those that came in after the end.
    pub answered: u64,
    /// The last body that each connection got.
    pub last_bodies: Vec<Vec<u8>>,
}

/// Asks on so many connections for so long. Any wrong answer fails the run.
pub async fn drive(plan: &Plan, connections: u16, length: Duration) -> Result<Run> {
    ensure!(!plan.middles.is_empty(), "there is nothing to ask for");
    let plan = Arc::new(plan.clone());
    let mut open = Vec::new();
    let addresses: Vec<SocketAddr> = std::iter::once(plan.target.address).chain(plan.others.iter().copied()).collect();
    for address in addresses.iter().cycle().take(connections.into()) {
        open.push(Connection::open(*address).await?);
    }
    let begin = Instant::now();
    let end = begin + length;
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(one(plan.clone(), connection, end));
    }
    collect(tasks, length).await
}

/// What the connections of a run of this length saw.
pub(crate) async fn collect(mut tasks: JoinSet<Result<Lane>>, length: Duration) -> Result<Run> {
    let mut run = Run { seconds: length.as_secs_f64(), ..Run::default() };
    let all = async {
        while let Some(done) = tasks.join_next().await {
            let lane = done.context("a connection's task broke down")??;
            run.answered += lane.answered;
            run.latencies.extend(lane.latencies);
            run.last_bodies.push(lane.last_body);
        }
        anyhow::Ok(())
    };
    let limit = length + PATIENCE;
    tokio::time::timeout(limit, all).await.context("an answer did not come within 30 s of the run's end")??;
    ensure!(run.answered > 0, "nothing was asked within {} s", run.seconds);
    run.latencies.sort_unstable();
    Ok(run)
}

/// What one connection saw.
pub(crate) struct Lane {
    latencies: Vec<u64>,
    answered: u64,
    last_body: Vec<u8>,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self { latencies: Vec::with_capacity(1 << 16), answered: 0, last_body: Vec::new() }
    }

    /// Takes note of a right answer to what was sent at a moment.
    pub(crate) fn answered(&mut self, sent: Instant, got: Instant, end: Instant) {
        self.answered += 1;
        if got <= end {
            self.latencies.push((got - sent).as_nanos() as u64);
        }
    }
}

async fn one(plan: Arc<Plan>, mut connection: Connection, end: Instant) -> Result<Lane> {
    let mut lane = Lane::new();
    let mut request = Vec::with_capacity(4096);
    let mut sent = Instant::now();
    while sent < end {
        plan.write_next(&mut request);
        let answer = connection.ask(&request).await?;
        let got = Instant::now();
        answer.expect(plan.status)?;
        ensure!(answer.body.len() >= plan.least_body, "too short an answer: {}", answer.excerpt());
        lane.answered(sent, got, end);
        if got >= end {
            lane.last_body = answer.body.into_owned();
        }
        sent = got;
    }
    Ok(lane)
}
