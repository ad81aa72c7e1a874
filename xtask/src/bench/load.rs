//! The closed-loop load generator: each connection asks again when it is answered.

use crate::bench::connection::{Connection, Target};
use crate::bench::data::SET;
use crate::bench::options::Op;
use anyhow::{Context as _, Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long after the end of a run the last answers may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests of one operation: a head, one of many middles in turn, and a tail.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they go.
    pub target: Target,
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
        Self::new(target, format!("GET {SET}/"), ids.to_vec(), &end, 200, 300)
    }

    /// Pages of 100.
    pub fn list(target: &Target) -> Self {
        let head = target.head("GET", &format!("{SET}?$top=100"));
        Self::new(target, head, vec![String::new()], &Target::tail(None), 200, 30_000)
    }

    /// The unfiltered `$count`.
    pub fn count(target: &Target) -> Self {
        let head = target.head("GET", &format!("{SET}/$count"));
        Self::new(target, head, vec![String::new()], &Target::tail(None), 200, 1)
    }

    /// Creates, of these bodies in turn.
    pub fn create(target: &Target, bodies: &[String]) -> Self {
        let middles = bodies.iter().map(|body| Target::tail(Some(body))).collect();
        Self::new(target, target.head("POST", SET), middles, "", 201, 300)
    }

    /// The plan of an operation.
    pub fn of(op: Op, target: &Target, ids: &[String], bodies: &[String]) -> Self {
        match op {
            Op::Get => Self::get(target, ids),
            Op::List => Self::list(target),
            Op::Count => Self::count(target),
            Op::Create => Self::create(target, bodies),
        }
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
    for _ in 0..connections {
        open.push(Connection::open(plan.target.address).await?);
    }
    let begin = Instant::now();
    let end = begin + length;
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(one(plan.clone(), connection, end));
    }
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

struct Lane {
    latencies: Vec<u64>,
    answered: u64,
    last_body: Vec<u8>,
}

async fn one(plan: Arc<Plan>, mut connection: Connection, end: Instant) -> Result<Lane> {
    let mut lane = Lane { latencies: Vec::with_capacity(1 << 16), answered: 0, last_body: Vec::new() };
    let mut request = Vec::with_capacity(4096);
    let mut sent = Instant::now();
    while sent < end {
        plan.write_next(&mut request);
        let answer = connection.ask(&request).await?;
        let got = Instant::now();
        answer.expect(plan.status)?;
        ensure!(answer.body.len() >= plan.least_body, "too short an answer: {}", answer.excerpt());
        lane.answered += 1;
        if got <= end {
            lane.latencies.push((got - sent).as_nanos() as u64);
        }
        if got >= end {
            lane.last_body = answer.body.into_owned();
        }
        sent = got;
    }
    Ok(lane)
}
