//! A disk that fails and a disk that is full, by errors that `strace` puts in place of system
//! calls.

use crate::{BINARY, EVENTS, command, event, folder, needs, prepared_folder};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use testkit::server::http::{self, Connection, Response};
use testkit::server::{TestServer, wait_for};

/// Starts the server with errors put in for some calls of each thread.
fn start_with_fault(data: &Path, fault: &str) -> TestServer {
    needs("strace");
    TestServer::start_with(BINARY, data, |program| {
        let calls = "trace=fsync,fdatasync,pwrite64";
        program.under(["strace", "-f", "-D", "-e", calls, "-e", fault, "-o", "/dev/null"])
    })
}

/// Creates events one after another over one connection until one is not acknowledged; answers
/// the bodies of those that were, and the answer that was not.
fn create_until_refused(address: SocketAddr, token: &str) -> (Vec<Value>, Option<Response>) {
    let mut connection = Connection::open(address).expect("the server accepts connections");
    let mut created = Vec::new();
    for number in 0..200 {
        match connection.call("POST", EVENTS, token, Some(&event(number))) {
            Ok(answer) if answer.status == 201 => created.push(answer.json()),
            Ok(answer) => return (created, Some(answer)),
            Err(_) => return (created, None),
        }
    }
    panic!("200 creates were acknowledged and no fault was seen");
}

/// Every acknowledged event is there, and the store is sound.
fn assert_all_there(server: &TestServer, created: &[Value]) {
    for body in created {
        let id = body["id"].as_str().expect("an id");
        let found = server.call("GET", &format!("{EVENTS}/{id}"), None).expect(200).json();
        assert_eq!(&found, body);
    }
    let findings = server.command(["doctor", "--json"]).run().lines();
    assert!(findings.iter().all(|finding| finding["sound"] == true), "{findings:?}");
}

/// The sync of a commit fails: the create is not acknowledged, nothing is from then on, and the
/// process ends with a sentence.
#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    let data = prepared_folder();
    // Only one sync fails: the next would seem to succeed, with what was lost still lost.
    let mut server = start_with_fault(data.path(), "inject=fsync,fdatasync:error=EIO:when=12");
    let address = server.address();
    let token = server.token().to_owned();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(|| create_until_refused(address, &token))).collect();
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
    });
    let mut created = Vec::new();
    for (bodies, refused) in outcomes {
        created.extend(bodies);
        if let Some(answer) = refused {
            assert_eq!(answer.error(503), "serviceNotAvailable");
        }
    }
    assert!(created.len() >= 5, "the fault came too early: {} creates", created.len());
    // Until the process is gone, no door says that all is well.
    wait_for("the end of the server", || {
        if let Ok(answer) = http::get(address, "/readyz") {
            assert_eq!(answer.status, 503, "ready after a failed sync");
        }
        server.process().ended()
    });
    let outcome = server.outcome();
    let told = outcome.failure(1);
    assert!(told.contains("a write to the disk failed"), "{told}");

    let server = TestServer::start(BINARY, data.path());
    assert_all_there(&server, &created);
    server.stop().success();
}

/// The write itself fails, as on a broken disk: the same.
#[test]
fn after_a_failed_write_nothing_is_acknowledged() {
    let data = prepared_folder();
    let server = start_with_fault(data.path(), "inject=pwrite64:error=EIO:when=20");
    let (created, refused) = create_until_refused(server.address(), server.token());
    if let Some(answer) = refused {
        assert_eq!(answer.error(503), "serviceNotAvailable");
    }
    let outcome = server.outcome();
    outcome.failure(1);
    let server = TestServer::start(BINARY, data.path());
    assert_all_there(&server, &created);
    server.stop().success();
}

/// The disk is full for a while: 507, and creates succeed again once there is room.
#[test]
fn a_full_disk_is_507_and_passes() {
    let data = prepared_folder();
    let server = start_with_fault(data.path(), "inject=pwrite64:error=ENOSPC:when=20..30");
    let (mut created, refused) = create_until_refused(server.address(), server.token());
    assert!(!created.is_empty(), "the fault came too early");
    let refused = refused.expect("a full disk is answered");
    assert_eq!(refused.error(507), "insufficientStorage");
    assert_all_there(&server, &created);
    let body = event(1000);
    let later = wait_for("room on the disk", || {
        let answer = server.call("POST", EVENTS, Some(&body));
        assert!(matches!(answer.status, 201 | 507), "{}", answer.text());
        (answer.status == 201).then(|| answer.json())
    });
    created.push(later);
    assert_all_there(&server, &created);
    let count = server.call("GET", &format!("{EVENTS}/$count"), None).expect(200).text();
    assert_eq!(count, created.len().to_string(), "what was refused is not there");
    server.stop().success();

    let server = TestServer::start(BINARY, data.path());
    assert_all_there(&server, &created);
}

/// A disk that is full from the start is named in a sentence.
#[test]
fn a_start_on_a_full_disk_fails_with_a_sentence() {
    needs("strace");
    for data in [folder(), prepared_folder()] {
        let program = command(["serve", "--listen", "127.0.0.1:0"], data.path());
        let fault = "inject=pwrite64:error=ENOSPC:when=1+";
        let calls = "trace=pwrite64";
        let outcome = program.under(["strace", "-f", "-D", "-e", calls, "-e", fault, "-o", "/dev/null"]).run();
        let told = outcome.failure(1);
        assert!(told.starts_with("error: ") && told.contains("disk"), "{told}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome}");
    }
}
