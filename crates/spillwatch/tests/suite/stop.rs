//! SIGTERM: what is under way is answered, then the process ends with exit code 0.

use crate::{BINARY, EVENTS, event, folder};
use rustix::process::Signal;
use std::net::TcpListener;
use testkit::server::{Program, TestServer, http, wait_for};

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

/// A database that takes a connection and says nothing keeps nobody from stopping what waits for it.
#[test]
fn sigterm_ends_the_wait_for_a_database_that_does_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("postgres://nobody@{}/nothing", silent.local_addr().expect("its address"));
    let key = Program::new(BINARY).args(["keys", "new-secret-key"]).run().success().to_owned();
    for arguments in [["serve", "--listen=127.0.0.1:0"], ["worker", "--threads=1"]] {
        let mut waiting = Program::new(BINARY).args(arguments).database(&url, &key).spawn();
        let connection = silent.accept().expect("it connects");
        waiting.terminate();
        waiting.wait();
        let outcome = waiting.outcome();
        outcome.success();
        assert!(outcome.stderr.contains("SIGTERM"), "{outcome}");
        drop(connection);
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
