//! `spillwatch migrate --from ... --to ...`. How stores of both kinds take it is tested with them (store-postgres); a folder
//! takes what a folder holds as well.

use crate::{BINARY, EVENTS, command, event, folder, prepared_folder};
use testkit::server::{Program, TestServer};

/// A path as an argument.
fn path(folder: &std::path::Path) -> &str {
    folder.to_str().expect("UTF-8")
}

#[test]
fn a_store_is_copied_table_by_table() {
    let (from, to) = (folder(), folder());
    let server = TestServer::start(BINARY, from.path());
    for number in 0..5 {
        server.call("POST", EVENTS, Some(&event(number))).expect(201);
    }
    server.stop().success();
    let migrate = || command(["migrate", "--from", path(from.path()), "--to", path(to.path())], from.path()).run();
    let moved = migrate();
    moved.success();
    let tables = moved.lines();
    assert_eq!(tables.len(), 20, "{}", moved.stdout);
    assert!(tables.iter().all(|table| table["verdict"] == "equal"), "{}", moved.stdout);
    let events = tables.iter().find(|table| table["table"] == "risk_events").expect("events are told of");
    assert_eq!(events["rows"], 5);
    assert_eq!(events["sha256"].as_str().map(str::len), Some(16));
    assert!(moved.stderr.contains("reading back"), "progress is told: {}", moved.stderr);

    let listed = |data: &std::path::Path| command(["events", "list"], data).run().success().to_owned();
    assert_eq!(listed(to.path()), listed(from.path()));
    command(["doctor"], to.path()).run().success();
    let again = migrate();
    assert!(again.failure(1).contains("the target holds tenants already"), "{}", again.stderr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (data, nowhere) = (prepared_folder(), folder());
    let one = path(data.path());
    let migrate = |arguments: &[&str]| Program::new(BINARY).arg("migrate").args(arguments).data(data.path()).run();
    assert!(migrate(&["--from", one]).failure(2).contains("--to"));
    assert!(migrate(&["--to", one]).failure(2).contains("--from"));
    assert!(migrate(&["--from", one, "--to", one]).failure(2).contains("the same store"));
    let none = migrate(&["--from", path(nowhere.path()), "--to", one]);
    assert!(none.failure(1).contains("there is no store"), "{}", none.stderr);
    let key = Program::new(BINARY).args(["keys", "new-secret-key"]).run().success().to_owned();
    let unreachable = ["migrate", "--from", one, "--to", "postgres://risk:hunter2@127.0.0.1:1/risk"];
    let secret = Program::new(BINARY).args(unreachable).env("SPILLWATCH_SECRET_KEY", key).run();
    assert!(!secret.failure(1).contains("hunter2"), "{}", secret.stderr);
}
