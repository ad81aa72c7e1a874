//! Links of a delta over the ends of processes: they outlive a kill, and a restored backup ends them.

use crate::{BINARY, EVENTS, event, folder};
use serde_json::Value;
use testkit::server::{Program, TestServer};

/// What a link leads to: how many items there are, and the link to the next round.
fn changes(page: &Value) -> (usize, String) {
    let link = page["@odata.deltaLink"].as_str().unwrap_or_else(|| panic!("a page that ends its round: {page}"));
    let path = format!("/v1.0{}", link.split_once("/v1.0").expect("a link of ours").1);
    (page["value"].as_array().expect("a list").len(), path)
}

#[test]
fn links_outlive_a_kill_and_end_with_a_restored_backup() {
    let (data, elsewhere) = (folder(), folder());
    let file = elsewhere.path().join("copy.db");
    let server = TestServer::start(BINARY, data.path());
    let create = |server: &TestServer, number| server.call("POST", EVENTS, Some(&event(number))).expect(201);
    let follow = |server: &TestServer, path: &str| changes(&server.call("GET", path, None).expect(200).json());
    create(&server, 0);
    let (count, early) = follow(&server, &format!("{EVENTS}/delta"));
    assert_eq!(count, 1);
    server.command(["backup"]).arg(&file).run().success();
    create(&server, 1);
    server.kill();

    let server = TestServer::start(BINARY, data.path());
    create(&server, 2);
    let (count, late) = follow(&server, &early);
    assert_eq!(count, 2);
    server.stop().success();

    let restore = Program::new(BINARY).arg("restore").arg(&file).arg("--replace").data(data.path()).run();
    restore.success();
    let server = TestServer::start(BINARY, data.path());
    // As many changes as before, but not the same ones.
    for number in 3..6 {
        create(&server, number);
    }
    let gone = server.call("GET", &late, None);
    assert_eq!(gone.header("location").map(|at| at.ends_with("/delta?$deltatoken=")), Some(true));
    assert_eq!(gone.error(410), "SyncStateNotFound");
    assert_eq!(follow(&server, &early).0, 3, "what was before the backup is still so");
}
