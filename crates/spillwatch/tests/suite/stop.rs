//! SIGTERM: what is under way is answered, then the process ends with exit code 0.

use crate::{BINARY, EVENTS, event, folder};
use rustix::process::Signal;
use testkit::server::{TestServer, http, wait_for};

/// As soon as the server says that it listens, it can be stopped in order: no moment is left in
/// which the signal just kills it.
#[test]
fn sigterm_right_after_the_start_is_graceful() {
    let data = folder();
    for _ in 0..10 {
        let server = TestServer::listening(BINARY, data.path(), |program| program);
        let outcome = server.stop();
        outcome.success();
        assert!(outcome.stderr.contains("SIGTERM"), "{outcome}");
    }
}

/// A request whose head has arrived when the signal comes is answered, although its body comes
/// later; idle connections are closed, and new ones are refused.
#[test]
fn a_request_under_way_is_answered() {
    let data = folder();
    let mut server = TestServer::start(BINARY, data.path());
    let token = server.token().to_owned();
    let address = server.address();
    let mut idle = server.connect();
    idle.call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    let mut silent = server.connect();
    let mut busy = server.connect();
    let request = http::request("POST", EVENTS, &token, Some(&event(1)));
    let (first, last) = request.split_at(request.len() - 10);
    // "Expect" makes the server say when it has begun to read the body.
    let first =
        String::from_utf8(first.to_vec()).expect("text").replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    busy.send(first).expect("the server reads");
    assert_eq!(busy.response().expect("an interim answer").status, 100);

    server.process().terminate();
    wait_for("the listener to be closed", || http::Connection::open(address).is_err().then_some(()));
    assert_eq!(idle.until_closed().expect("an idle connection is closed"), b"");
    assert_eq!(silent.until_closed().expect("a silent connection is closed"), b"");
    assert!(server.process().ended().is_none(), "it ended before the request was answered");

    busy.send(last).expect("the server still reads");
    let answer = busy.response().expect("the request is answered").expect(201);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    server.outcome().success();

    let server = TestServer::start(BINARY, data.path());
    server.call("GET", &format!("{EVENTS}/{id}"), None).expect(200);
    server.stop().success();
}

/// Ctrl-C does the same; pressed a second time, it does not wait for anybody.
#[test]
fn a_second_signal_ends_the_waiting() {
    let data = folder();
    let mut server = TestServer::start(BINARY, data.path());
    let token = server.token().to_owned();
    let mut busy = server.connect();
    let mut head = String::from_utf8(http::request("POST", EVENTS, &token, Some(&event(1)))).expect("text");
    head = head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    busy.send(&head[..head.len() - 10]).expect("the server reads");
    assert_eq!(busy.response().expect("an interim answer").status, 100);
    server.process().signal(Signal::INT);
    wait_for("the server to stop", || server.stderr().contains("SIGINT").then_some(()));
    server.process().signal(Signal::INT);
    let started = std::time::Instant::now();
    let outcome = server.outcome();
    outcome.failure(1);
    assert!(outcome.stderr.contains("at once"), "{outcome}");
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "it went on waiting");
}
