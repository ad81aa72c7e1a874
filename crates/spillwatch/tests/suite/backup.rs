//! Copies of the store while it is written to, and what comes back from them.

use crate::{BINARY, EVENTS, event, folder};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use testkit::server::http::Connection;
use testkit::server::{Outcome, Program, TestServer, wait_for};

fn restore(file: &Path, data: &Path, more: &[&str]) -> Outcome {
    Program::new(BINARY).arg("restore").arg(file).args(more.iter().copied()).data(data).run()
}

#[test]
fn a_backup_under_load_is_one_moment() {
    let (data, elsewhere, place) = (folder(), folder(), folder());
    let server = TestServer::start(BINARY, data.path());
    let (token, address) = (server.token().to_owned(), server.address());
    let file = place.path().join("copy.db");
    let (stop, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    let at_least = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = Connection::open(address).expect("a connection");
            for number in 0.. {
                if stop.load(Relaxed) {
                    return;
                }
                connection.call("POST", EVENTS, &token, Some(&event(number))).expect("an answer").expect(201);
                created.fetch_add(1, Relaxed);
            }
        });
        wait_for("some events", || (created.load(Relaxed) > 50).then_some(()));
        let at_least = created.load(Relaxed);
        let outcome = server.command(["backup"]).arg(&file).run();
        stop.store(true, Relaxed);
        outcome.success();
        assert!(outcome.stderr.contains("without its keys") && outcome.stderr.contains("--with-keys"), "{outcome}");
        at_least
    });
    let created = created.load(Relaxed);
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let again = server.command(["backup"]).arg(&file).run();
    assert!(again.failure(1).contains("exists already; a backup overwrites nothing"), "{again}");

    let data = elsewhere.path().join("new");
    let outcome = restore(&file, &data, &[]);
    outcome.success();
    assert!(outcome.stderr.contains("The backup holds no keys"), "{outcome}");
    let restored = TestServer::start(BINARY, &data);
    let count: usize =
        restored.call("GET", &format!("{EVENTS}/$count"), None).expect(200).text().parse().expect("a number");
    assert!((at_least..=created).contains(&count), "{at_least} <= {count} <= {created}");
    restored.command(["doctor"]).run().success();
    // Keys are new here: a token of before is a stranger's.
    let stranger = restored.connect().call("GET", EVENTS, &token, None).expect("an answer");
    assert_eq!(stranger.error(401), "InvalidAuthenticationToken");
    restored.call("POST", EVENTS, Some(&event(0))).expect(201);
}

#[test]
fn a_backup_with_keys_goes_on_where_it_was() {
    let (data, elsewhere) = (folder(), folder());
    let server = TestServer::start(BINARY, data.path());
    let token = server.token().to_owned();
    for number in 0..5 {
        server.call("POST", EVENTS, Some(&event(number))).expect(201);
    }
    let page = server.call("GET", &format!("{EVENTS}?$top=2"), None).expect(200).json();
    let next = page["@odata.nextLink"]
        .as_str()
        .expect("a next page")
        .split_once("spillwatch.test")
        .expect("our host")
        .1
        .to_owned();
    let file = elsewhere.path().join("copy.db");
    let outcome = server.command(["backup", "--with-keys"]).arg(&file).run();
    outcome.success();
    assert!(outcome.stderr.contains("Guard it like a password"), "{outcome}");
    server.stop().success();

    let data = elsewhere.path().join("new");
    let outcome = restore(&file, &data, &[]);
    outcome.success();
    assert!(
        outcome.stderr.contains("Restored. Risk events: 5. Users: 0.") && outcome.stderr.contains("key files"),
        "{outcome}"
    );
    for entry in ["keys", "keys/page-token.key"] {
        let mode = fs::metadata(data.join(entry)).expect("it is there").permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{entry} is open to others");
    }
    let restored = TestServer::start(BINARY, &data);
    let mut connection = restored.connect();
    connection.call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    let second = connection.call("GET", &next, &token, None).expect("an answer").expect(200).json();
    assert_eq!(second["value"].as_array().map(Vec::len), Some(2), "a page link of before goes on");
}

#[test]
fn restore_overwrites_nothing_unasked() {
    let (data, place) = (folder(), folder());
    let server = TestServer::start(BINARY, data.path());
    server.call("POST", EVENTS, Some(&event(1))).expect(201);
    let file = place.path().join("copy.db");
    server.command(["backup"]).arg(&file).run().success();
    server.call("POST", EVENTS, Some(&event(2))).expect(201);

    let refused = restore(&file, data.path(), &[]);
    assert!(refused.failure(1).contains("holds a store already") && refused.stderr.contains("--replace"), "{refused}");
    let running = restore(&file, data.path(), &["--replace"]);
    assert!(running.failure(1).contains("stop the server first"), "{running}");
    server.call("POST", EVENTS, Some(&event(3))).expect(201);
    server.stop().success();

    let outcome = restore(&file, data.path(), &["--replace"]);
    outcome.success();
    assert!(outcome.stderr.contains("The store of before is kept as"), "{outcome}");
    let server = TestServer::start(BINARY, data.path());
    assert_eq!(server.call("GET", &format!("{EVENTS}/$count"), None).expect(200).text(), "1");
    server.command(["doctor"]).run().success();
}

#[test]
fn what_is_no_backup_is_refused() {
    let (data, place) = (folder(), folder());
    let file = place.path().join("notes.txt");
    fs::write(
        &file,
        "these are my notes, and there are enough of them to fill a header of a database file\n".repeat(9),
    )
    .expect("written");
    let data = data.path().join("new");
    for (file, why) in
        [(&file, "notes.txt is not a backup of Spillwatch"), (&place.path().join("none"), "there is no such file")]
    {
        let outcome = restore(file, &data, &[]);
        assert!(outcome.failure(1).contains(why), "{outcome}");
        assert!(!data.join("spillwatch.db").exists());
    }
    let server = TestServer::start(BINARY, &data);
    let outcome = server.command(["backup", "/nowhere/at/all.db"]).run();
    assert!(outcome.failure(1).contains("/nowhere/at/all.db"), "{outcome}");
}
