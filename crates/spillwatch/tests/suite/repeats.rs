//! SIGKILL between a request and its answer: the client sends it again, and nothing is there twice.

use crate::{BINARY, EVENTS, event, folder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::server::http::{self, Connection, Response};
use testkit::server::{TestServer, wait_for};

const ROUNDS: usize = 10;
const CONNECTIONS: usize = 8;

/// Sends the creation of an event as a repeatable request: the same bytes for the same number.
fn create(connection: &mut Connection, token: &str, first_sent: &str, number: usize) -> io::Result<Response> {
    let request = String::from_utf8(http::request("POST", EVENTS, token, Some(&event(number)))).expect("text");
    let headers = format!(
        "\r\nRepeatability-Request-ID: 5b0a7c1e-8d53-4f39-a3d4-{number:012x}\r\nRepeatability-First-Sent: {first_sent}\r\n"
    );
    connection.send(request.replacen("\r\n", &headers, 1))?;
    connection.response()
}

/// What a client has seen of an answer: where the event is, its ETag, and the event.
fn seen(answer: &Response) -> (String, String, Value) {
    let header = |name: &str| answer.header(name).expect(name).to_owned();
    assert_eq!((answer.status, header("repeatability-result").as_str()), (201, "accepted"), "{}", answer.text());
    (header("location"), header("etag"), answer.json())
}

#[test]
fn a_request_that_is_sent_again_after_a_kill_creates_nothing_twice() {
    let folder = folder();
    let next = AtomicUsize::new(0);
    let mut known = BTreeMap::new();
    let mut server = TestServer::start(BINARY, folder.path());
    let token = server.token().to_owned();
    let date = http::get(server.address(), "/healthz").expect("an answer");
    let date = date.header("date").expect("a date").to_owned();
    let mut unanswered = 0;
    for round in 0..ROUNDS {
        let (answers, address) = (AtomicUsize::new(0), server.address());
        let sent: Vec<_> = std::thread::scope(|scope| {
            let client = || create_until_killed(address, &token, &date, &next, &answers);
            let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(client)).collect();
            wait_for("a few creates", || (answers.load(Ordering::Relaxed) > CONNECTIONS).then_some(()));
            std::thread::sleep(Duration::from_micros(RandomState::new().hash_one(round) % 50_000));
            server.process().kill();
            clients.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
        });
        server = TestServer::start(BINARY, folder.path());
        let mut connection = server.connect();
        let mut again = |number| create(&mut connection, &token, &date, number).expect("an answer");
        for (number, answer) in sent {
            let repeated = seen(&again(number));
            match answer {
                Some(answer) => assert_eq!(repeated, answer, "round {round}"),
                None => unanswered += 1,
            }
            assert_eq!(seen(&again(number)), repeated);
            known.insert(number, repeated);
        }
    }
    assert!(unanswered > 0, "the kill has cut no request off: the test shows nothing");
    let mut connection = server.connect();
    let count = connection.call("GET", &format!("{EVENTS}/$count"), &token, None).expect("an answer").expect(200);
    assert_eq!(count.text(), known.len().to_string(), "every request made one event");
    for (number, first) in &known {
        let repeated = create(&mut connection, &token, &date, *number).expect("an answer");
        assert_eq!(&seen(&repeated), first, "also after {ROUNDS} kills");
    }
    println!("{} requests, {unanswered} of them not answered before the kill", known.len());
    server.kill();
}

type Sent = (usize, Option<(String, String, Value)>);

/// Creates events one after another until the connection breaks; answers what was sent, and what came
/// back.
fn create_until_killed(
    address: SocketAddr,
    token: &str,
    first_sent: &str,
    next: &AtomicUsize,
    answers: &AtomicUsize,
) -> Vec<Sent> {
    let mut sent = Vec::new();
    let Ok(mut connection) = Connection::open(address) else { return sent };
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        match create(&mut connection, token, first_sent, number) {
            Ok(answer) => sent.push((number, Some(seen(&answer)))),
            Err(_) => {
                sent.push((number, None));
                return sent;
            }
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}
