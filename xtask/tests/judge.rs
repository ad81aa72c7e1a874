//! The benchmark as a judge: an honest server is measured, and each kind of fault is found.
//!
//! The server here lives in memory, answers as Spillwatch does, and can be told to misbehave.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use clap::{Parser as _, ValueEnum as _};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use xtask::bench::connection::Target;
use xtask::bench::measure::{Endpoint, Pair, size};
use xtask::bench::options::{Op, Options};
use xtask::bench::report::{Report, SizeReport};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Answers 201 to a tenth of the single creates and forgets them.
    Forgets,
    /// Takes any token, and none.
    LetsIn,
    /// Gives 99 events for a page of 100.
    ShortPage,
    /// Refuses one create of each batch.
    RefusesInBatch,
    /// Answers 503 to every 25th get.
    Stumbles,
    /// Keeps something else than was sent.
    Alters,
    /// Answers and counts all events, whatever the filter.
    IgnoresFilter,
    /// Answers a filter with the right events, the oldest first.
    OldestFirst,
    /// Leaves out the last event that a filter finds.
    LeavesOut,
}

struct Memory {
    fault: Fault,
    events: Mutex<Vec<Value>>,
    asked: Mutex<u64>,
}

type Store = State<Arc<Memory>>;

const TOKEN: &str = "head.claims.signature";

fn reply(status: StatusCode, body: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body.to_string())).expect("a response")
}

impl Memory {
    fn refuses(&self, headers: &HeaderMap) -> bool {
        let right = format!("Bearer {TOKEN}");
        self.fault != Fault::LetsIn && headers.get(header::AUTHORIZATION).is_none_or(|sent| sent != right.as_str())
    }

    fn create(&self, mut event: Value, forget: bool) -> Value {
        let mut events = self.events.lock().expect("nothing panics");
        let name = if forget { "forgotten" } else { "event" };
        event["id"] = format!("{name}-{}", events.len()).into();
        event["createdDateTime"] = "2026-01-01T00:00:00Z".into();
        if self.fault == Fault::Alters {
            event["riskLevel"] = "none".into();
        }
        if !forget {
            events.push(event.clone());
        }
        event
    }

    /// Tells whether this is one of every `nth` calls.
    fn every(&self, nth: u64) -> bool {
        let mut asked = self.asked.lock().expect("nothing panics");
        *asked += 1;
        asked.is_multiple_of(nth)
    }
}

async fn batch(State(memory): Store, body: String) -> Response<Body> {
    let body: Value = serde_json::from_str(&body).expect("a batch");
    let mut responses = Vec::new();
    for request in body["requests"].as_array().expect("requests") {
        let refused = memory.fault == Fault::RefusesInBatch && request["id"] == "7";
        let status = if refused { 400 } else { 201 };
        let body = memory.create(request["body"].clone(), refused);
        responses.push(json!({"id": request["id"], "status": status, "body": body}));
    }
    reply(StatusCode::OK, &json!({"responses": responses}))
}

async fn create(State(memory): Store, body: String) -> Response<Body> {
    let forget = memory.fault == Fault::Forgets && memory.every(10);
    let event = memory.create(serde_json::from_str(&body).expect("an event"), forget);
    reply(StatusCode::CREATED, &event)
}

/// Whether a conjunction of comparisons holds, such as the benchmark asks for.
fn holds(filter: &str, event: &Value) -> bool {
    filter.split("%20and%20").all(|term| {
        let [name, operator, value] = term.split("%20").collect::<Vec<_>>()[..] else { panic!("{term}") };
        let (found, value) = (event[name].as_str().expect("text"), value.trim_matches('\''));
        match operator {
            "eq" => found == value,
            "ge" => found >= value,
            "lt" => found < value,
            _ => panic!("{operator}"),
        }
    })
}

async fn list(State(memory): Store, RawQuery(query): RawQuery, headers: HeaderMap) -> Response<Body> {
    if memory.refuses(&headers) {
        return reply(StatusCode::UNAUTHORIZED, &json!({}));
    }
    let query = query.expect("a query");
    let (options, top) = query.rsplit_once("$top=").expect("a size of page");
    let mut page: usize = top.parse().expect("a number");
    if memory.fault == Fault::ShortPage {
        page -= 1;
    }
    let mut events = memory.events.lock().expect("nothing panics").clone();
    for event in &mut events {
        // What today's API calls it.
        event["activityDateTime"] = event["riskEventDateTime"].clone();
        event["riskLastUpdatedDateTime"] = event["riskEventDateTime"].clone();
        event["riskState"] = "atRisk".into();
    }
    if let Some((filter, _)) = options.split_once("&$orderby=") {
        let filter = filter.strip_prefix("$filter=").expect("a filter");
        events.retain(|event| memory.fault == Fault::IgnoresFilter || holds(filter, event));
        events.sort_by_key(|event| event["riskEventDateTime"].to_string());
        if memory.fault != Fault::OldestFirst {
            events.reverse();
        }
        if memory.fault == Fault::LeavesOut {
            events.pop();
        }
    }
    events.truncate(page);
    reply(StatusCode::OK, &json!({"value": events}))
}

async fn by_id(State(memory): Store, Path(id): Path<String>) -> Response<Body> {
    if memory.fault == Fault::Stumbles && memory.every(25) {
        return reply(StatusCode::SERVICE_UNAVAILABLE, &json!({"error": {"code": "serviceNotAvailable"}}));
    }
    let number: Option<usize> = id.strip_prefix("event-").and_then(|number| number.parse().ok());
    let events = memory.events.lock().expect("nothing panics");
    match number.and_then(|number| events.get(number)) {
        Some(event) => reply(StatusCode::OK, event),
        None => reply(StatusCode::NOT_FOUND, &json!({"error": {"code": "itemNotFound"}})),
    }
}

async fn count(State(memory): Store, RawQuery(query): RawQuery) -> String {
    let filter = query.as_deref().and_then(|query| query.strip_prefix("$filter="));
    let filter = filter.filter(|_| memory.fault != Fault::IgnoresFilter);
    let events = memory.events.lock().expect("nothing panics");
    events.iter().filter(|event| filter.is_none_or(|filter| holds(filter, event))).count().to_string()
}

async fn start(fault: Fault) -> Endpoint {
    let memory = Memory { fault, events: Mutex::default(), asked: Mutex::default() };
    let set = "/v1.0/leakedCredentialsRiskEvents";
    let app = Router::new()
        .route("/v1.0/$batch", post(batch))
        .route(set, get(list).post(create))
        .route("/v1.0/identityProtection/riskDetections", get(list))
        .route("/v1.0/identityProtection/riskyUsers", get(list))
        .route(&format!("{set}/$count"), get(count))
        .route(&format!("{set}/{{id}}"), get(by_id))
        .with_state(Arc::new(memory));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    Endpoint { target: Target { address, token: Some(TOKEN.into()) }, pid: std::process::id() }
}

/// Measures a server with this fault beside an honest one, which stands in for the yardsticks.
async fn judge(fault: Fault, ops: &str) -> anyhow::Result<SizeReport> {
    let yardstick = start(Fault::None).await;
    let filled = xtask::bench::preload::fill(&yardstick.target, xtask::bench::data::DataSet::of(200), 200).await;
    filled.expect("the yardstick takes its events");
    let pair = Pair { server: start(fault).await, yardstick };
    let options = ["bench", "--seconds=0.1", "--warm-up=0.1", "--reps=2", "--connections=4", "--ops", ops];
    size(&pair, 200, &Options::parse_from(options)).await
}

#[tokio::test]
async fn an_honest_server_is_measured() {
    let report = judge(Fault::None, "get,list,count,create,f_upn,f_range,f_level,d_level,risky,count_f")
        .await
        .expect("nothing is wrong");
    assert_eq!(report.failures, [""; 0]);
    let ops: Vec<Op> = report.cells.iter().map(|cell| cell.op).collect();
    assert_eq!(ops, Op::value_variants());
    let creates = report.cells[9].kept.expect("creates are counted");
    assert!(creates.stored >= creates.acked && creates.acked > 0);
    let options = Options::parse_from(["bench"]);
    let report =
        Report { at: String::new(), commit: String::new(), machine: String::new(), options, sizes: vec![report] };
    let tables = report.tables();
    assert!(tables.contains("| create  | 4     | spillwatch"), "{tables}");
    assert!(!tables.contains("FAILED"), "{tables}");
}

#[tokio::test]
async fn forgotten_creates_are_found() {
    let report = judge(Fault::Forgets, "create").await.expect("the rest is right");
    assert!(report.cells.is_empty());
    let told = report.failures.join("\n");
    assert!(told.contains("lost") || told.contains("read again"), "{told}");
}

#[tokio::test]
async fn an_open_door_is_found() {
    let failed = judge(Fault::LetsIn, "get").await.expect_err("it takes no token").to_string();
    assert_eq!(failed, "a request with no token");
}

#[tokio::test]
async fn a_refused_create_ends_the_filling() {
    let failed = format!("{:#}", judge(Fault::RefusesInBatch, "get").await.expect_err("one of each batch is refused"));
    assert!(failed.contains("an item of a $batch answered"), "{failed}");
}

#[tokio::test]
async fn wrong_answers_are_failures() {
    for (fault, ops, words) in [
        (Fault::ShortPage, "list", "99 events, not 100"),
        (Fault::Stumbles, "get", "status 503, not 200"),
        (Fault::Alters, "create", "riskLevel was sent as"),
        (Fault::IgnoresFilter, "f_upn", "events, not"),
        (Fault::IgnoresFilter, "f_level", "events, not"),
        (Fault::IgnoresFilter, "count_f", "$count of a filter says 200, not"),
        (Fault::OldestFirst, "f_range", "event 0 is of"),
        (Fault::OldestFirst, "f_upn", "event 0 is of"),
        (Fault::LeavesOut, "f_level", "events, not"),
        (Fault::Alters, "f_level", "0 events, not"),
    ] {
        let report = judge(fault, ops).await.expect("the rest is right");
        assert!(report.cells.is_empty() && report.failures.len() == 1, "{fault:?}: {:?}", report.failures);
        assert!(report.failures[0].contains(words), "{fault:?}: {:?}", report.failures);
    }
}
