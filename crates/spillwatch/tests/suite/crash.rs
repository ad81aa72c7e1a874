//! SIGKILL at random moments under concurrent creates: everything acknowledged is there afterwards.
//! What a killed process cannot prove, that a commit was synced, is in `trace`.

use crate::{BINARY, EVENTS, event, folder};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::server::{TestServer, http::Connection, wait_for};

const CONNECTIONS: usize = 8;
/// Every so many rounds the whole store is looked at, not only what the last round has added.
const WHOLE: usize = 10;

/// What the clients of all rounds know.
#[derive(Default)]
struct Known {
    /// Bodies of answers with 201, by id.
    acknowledged: BTreeMap<String, Value>,
    /// Names of users in requests that were sent and not answered.
    unanswered: BTreeSet<String>,
}

#[test]
fn whatever_was_acknowledged_survives_sigkill() {
    let rounds: usize = std::env::var("SPILLWATCH_CRASH_ROUNDS")
        .map_or(50, |text| text.parse().expect("SPILLWATCH_CRASH_ROUNDS is a number"));
    let folder = folder();
    let next = AtomicUsize::new(0);
    let mut known = Known::default();
    let mut token = None;
    for round in 0..rounds {
        let mut server = TestServer::start(BINARY, folder.path());
        let token: &str = token.get_or_insert_with(|| server.token().to_owned());
        let before = known.acknowledged.len();
        let enough = AtomicUsize::new(0);
        let address = server.address();
        let (next, enough) = (&next, &enough);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CONNECTIONS)
                .map(|_| scope.spawn(move || create_until_killed(address, token, next, enough)))
                .collect();
            wait_for("a few creates", || (enough.load(Ordering::Relaxed) > CONNECTIONS).then_some(()));
            let moment = RandomState::new().hash_one(round) % 250_000;
            std::thread::sleep(Duration::from_micros(moment));
            server.process().kill();
            clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
        });
        let mut new = Vec::new();
        for (created, unanswered) in outcomes {
            known.unanswered.extend(unanswered);
            for body in created {
                let id = body["id"].as_str().expect("an event has an id").to_owned();
                new.push(id.clone());
                assert!(known.acknowledged.insert(id, body).is_none(), "two events with one id");
            }
        }
        assert!(known.acknowledged.len() > before, "round {round} has created nothing");

        let server = TestServer::start(BINARY, folder.path());
        let mut connection = server.connect();
        for id in new {
            let found = connection.call("GET", &format!("{EVENTS}/{id}"), token, None).expect("an answer");
            assert_eq!(found.status, 200, "round {round}: the acknowledged event {id} is gone: {}", found.text());
            assert_eq!(found.json(), known.acknowledged[&id], "round {round}");
        }
        if round % WHOLE == WHOLE - 1 || round == rounds - 1 {
            look_at_everything(&server, token, &known);
            println!("{} rounds, {} acknowledged events", round + 1, known.acknowledged.len());
        }
        server.kill();
    }
}

/// Creates events one after another until the connection breaks; answers what was acknowledged,
/// and the user of the event whose answer never came.
fn create_until_killed(
    address: SocketAddr,
    token: &str,
    next: &AtomicUsize,
    enough: &AtomicUsize,
) -> (Vec<Value>, Option<String>) {
    let mut created = Vec::new();
    let Ok(mut connection) = Connection::open(address) else { return (created, None) };
    loop {
        let body = event(next.fetch_add(1, Ordering::Relaxed));
        match connection.call("POST", EVENTS, token, Some(&body)) {
            Ok(answer) => created.push(answer.expect(201).json()),
            Err(_) => return (created, Some(body["userPrincipalName"].as_str().expect("text").to_owned())),
        }
        enough.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lists everything and holds it against what the clients know, `$count` and `doctor`.
fn look_at_everything(server: &TestServer, token: &str, known: &Known) {
    let mut connection = server.connect();
    let mut listed = BTreeMap::new();
    let mut path = format!("{EVENTS}?$top=500");
    loop {
        let page = connection.call("GET", &path, token, None).expect("an answer").expect(200).json();
        for row in page["value"].as_array().expect("a list has a value") {
            let id = row["id"].as_str().expect("an event has an id").to_owned();
            assert!(listed.insert(id, row.clone()).is_none(), "listed twice: {row}");
        }
        match page["@odata.nextLink"].as_str() {
            Some(link) => link.split_once("/v1.0").expect("a link of ours").1.clone_into(&mut path),
            None => break,
        }
        path = format!("/v1.0{path}");
    }
    for (id, row) in &listed {
        match known.acknowledged.get(id) {
            Some(body) => assert_eq!(&without_annotations(body), &without_annotations(row)),
            None => {
                let name = row["userPrincipalName"].as_str().expect("a name");
                assert!(known.unanswered.contains(name), "nobody has sent {row}");
                let sent: Vec<_> = event(0).as_object().expect("an object").keys().cloned().collect();
                assert!(sent.iter().all(|name| !row[name].is_null()), "half an event: {row}");
            }
        }
    }
    let gone: Vec<_> = known.acknowledged.keys().filter(|id| !listed.contains_key(*id)).collect();
    assert!(gone.is_empty(), "acknowledged, but not listed: {gone:?}");

    let count = connection.call("GET", &format!("{EVENTS}/$count"), token, None).expect("an answer").expect(200);
    assert_eq!(count.text(), listed.len().to_string(), "the kept total differs from the rows");

    let findings = server.command(["doctor", "--json"]).run().lines();
    let log = findings.iter().find(|finding| finding["subject"] == "change log").expect("the log is looked at");
    assert_eq!(log["sound"], true, "{log}");
    assert!(findings.iter().all(|finding| finding["sound"] == true), "{findings:?}");
}

fn without_annotations(body: &Value) -> Value {
    let fields = body.as_object().expect("an event is an object");
    fields.iter().filter(|(name, _)| !name.starts_with("@odata.")).map(|(n, v)| (n.clone(), v.clone())).collect()
}
