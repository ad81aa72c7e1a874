//! Fills a store through `$batch`, 20 creates at a time.

use crate::bench::connection::{Connection, Target};
use crate::bench::data::DataSet;
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BATCH: u64 = 20;
const CONNECTIONS: u64 = 8;
/// How many ids are kept for the gets, spread over the store.
const SAMPLE: u64 = 20_000;

/// What filling the store gave.
#[derive(Debug)]
pub struct Preload {
    /// Ids of events, spread over the store, in no order.
    pub ids: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Creates rows 0 to `rows`; fails at the first create that is refused.
pub async fn fill(target: &Target, data: DataSet, rows: u64) -> Result<Preload> {
    let begin = Instant::now();
    let (next, done) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        tasks.spawn(worker(target.clone(), data, rows, next.clone(), done.clone()));
    }
    let progress = tokio::spawn(progress(done, rows, begin));
    let mut ids = Vec::new();
    let result = async {
        while let Some(worker) = tasks.join_next().await {
            ids.extend(worker.context("a worker broke down")??);
        }
        anyhow::Ok(())
    };
    let result = result.await;
    progress.abort();
    clear_progress();
    result.context("filling the store through $batch")?;
    // The workers' ids come in runs of neighbours: scatter them.
    ids.sort_unstable_by_key(|(row, _)| crate::bench::data::mix(*row));
    Ok(Preload { ids: ids.into_iter().map(|(_, id)| id).collect(), seconds: begin.elapsed().as_secs_f64() })
}

async fn worker(
    target: Target,
    data: DataSet,
    rows: u64,
    next: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
) -> Result<Vec<(u64, String)>> {
    let mut connection = Connection::open(target.address).await?;
    let keep_each = (rows / SAMPLE).max(1);
    let mut ids = Vec::new();
    loop {
        let first = next.fetch_add(BATCH, Ordering::Relaxed);
        if first >= rows {
            return Ok(ids);
        }
        let last = (first + BATCH).min(rows);
        let body = batch(data, first, last).to_string();
        let answer = connection.ask(&target.request("POST", "/v1.0/$batch", Some(&body))).await?;
        answer.expect(200)?;
        let created = created(&answer.json()?, last - first)?;
        ids.extend((first..last).zip(created).filter(|(row, _)| row % keep_each == 0));
        done.fetch_add(last - first, Ordering::Relaxed);
    }
}

/// A batch that creates rows `first` to `last`.
fn batch(data: DataSet, first: u64, last: u64) -> Value {
    let create = |row: u64| {
        json!({
            "id": (row - first + 1).to_string(),
            "method": "POST",
            "url": "/leakedCredentialsRiskEvents",
            "headers": {"Content-Type": "application/json"},
            "body": data.body(row),
        })
    };
    json!({"requests": (first..last).map(create).collect::<Vec<_>>()})
}

/// The ids of the created events in the order of the requests; fails unless all were created.
fn created(answer: &Value, requests: u64) -> Result<Vec<String>> {
    let responses = answer["responses"].as_array().context("$batch answers without `responses`")?;
    ensure!(responses.len() as u64 == requests, "{} responses to {requests} requests", responses.len());
    let mut ids = vec![None; responses.len()];
    for response in responses {
        ensure!(response["status"] == 201, "an item of a $batch answered {response}");
        let number: usize =
            response["id"].as_str().and_then(|id| id.parse().ok()).context("a response without its id")?;
        let place = number.checked_sub(1).and_then(|n| ids.get_mut(n)).context("a response to no request")?;
        *place = Some(response["body"]["id"].as_str().context("a created event without an id")?.to_owned());
    }
    ids.into_iter().collect::<Option<_>>().context("a request of a $batch was not answered")
}

/// Tells how far the filling is, on a terminal only.
async fn progress(done: Arc<AtomicU64>, rows: u64, begin: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let done = done.load(Ordering::Relaxed);
        let rate = done as f64 / begin.elapsed().as_secs_f64();
        eprint!("\r\x1b[Kfilling the store: {done} of {rows} events, {rate:.0}/s");
        std::io::stderr().flush().ok();
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_numbers_its_creates() {
        let batch = batch(DataSet::of(1_000), 40, 60);
        let requests = batch["requests"].as_array().expect("an array");
        assert_eq!(requests.len(), 20);
        assert_eq!((&requests[0]["id"], &requests[19]["id"]), (&json!("1"), &json!("20")));
        assert_eq!(requests[3]["body"], DataSet::of(1_000).body(43));
    }

    #[test]
    fn ids_are_put_into_the_order_of_the_requests() {
        let answer = json!({"responses": [
            {"id": "2", "status": 201, "body": {"id": "b"}},
            {"id": "1", "status": 201, "body": {"id": "a"}},
        ]});
        assert_eq!(created(&answer, 2).expect("both were created"), ["a", "b"]);
        assert!(created(&answer, 3).is_err());
        let refused = json!({"responses": [{"id": "1", "status": 400, "body": {"error": {"code": "BadRequest"}}}]});
        assert!(created(&refused, 1).expect_err("one was refused").to_string().contains("BadRequest"));
        let twice = json!({"responses": [
            {"id": "1", "status": 201, "body": {"id": "a"}},
            {"id": "1", "status": 201, "body": {"id": "a"}},
        ]});
        assert!(created(&twice, 2).is_err());
    }
}
