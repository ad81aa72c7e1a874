//! A scan over many machines: a PostgreSQL database, an S3 server, and workers that share nothing else.

use crate::directory::{has, write};
use crate::workers::{
    FIRST, SCAN, USERS, counted, distributed, ended, events_of, job_of, material, stop, users, wait_for_piece,
};
use crate::{BINARY, folder};
use object_store::ObjectStoreExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use postgres_cluster::{Database, shared};
use s3_server::Server;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use testkit::server::{Program, wait_for};

const MATERIAL: &str = "s3://leaks/material";

/// A database with a directory, and a bucket with material.
struct Place {
    database: Database,
    key: String,
    server: Server,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        let server = Server::start(&["leaks"]).expect("a server");
        upload(&server, &material(folder.path()));
        let key = Program::new(BINARY).args(["keys", "new-secret-key"]).run().success().to_owned();
        let place = Self { database: shared().database(), key, server };
        place.command(&["tenants", "add", "first"]).run().success();
        let file = write(folder.path(), "users.csv", &users());
        place.command(&["users", "import"]).arg(file).run().success();
        place
    }

    fn command(&self, arguments: &[&str]) -> Program {
        let program = Program::new(BINARY).args(arguments.iter().copied()).database(self.database.url(), &self.key);
        self.server.variables().into_iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    /// A worker for whose pieces others wait so many seconds when it is not heard of.
    fn worker(&self, name: &str, lease: &str) -> Program {
        self.command(&["worker", "--lease", lease, "--log", "debug", "--name", name])
    }

    fn events(&self) -> Vec<Value> {
        events_of(&self.command(&["events", "export"]).run())
    }

    fn newest_job(&self) -> String {
        let jobs = self.command(&["jobs", "list", "--top", "1"]).run().lines();
        jobs[0]["id"].as_str().expect("an id").to_owned()
    }
}

/// Puts the files of a folder below `material/`.
fn upload(server: &Server, folder: &Path) {
    let (key, secret) = server.credentials();
    let builder = AmazonS3Builder::new().with_endpoint(server.endpoint()).with_allow_http(true);
    let builder = builder.with_bucket_name("leaks").with_region("us-east-1");
    let store = builder.with_access_key_id(key).with_secret_access_key(secret).build().expect("a store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let bytes = fs::read(&path).expect("a file");
        runtime.block_on(store.put(&Key::from(format!("material/{name}")), bytes.into())).expect("it is put");
    }
}

#[test]
fn three_workers_of_which_one_is_killed_find_what_one_process_finds() {
    let place = Place::new();
    let coordinator = distributed(place.command(&SCAN)).arg(MATERIAL).spawn();
    let mut first = place.worker("first", "2").spawn();
    wait_for_piece(&mut first);
    first.kill();
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    // A piece for each, however late it begins; then both go on until none is left.
    let others = ["second", "third"].map(|name| {
        let log = place.worker(name, "60").arg("--once").run().stderr;
        assert!(log.contains("a piece is scanned"), "each has done something: {log}");
        (log, place.worker(name, "60").spawn())
    });
    let spread = ended(coordinator);
    spread.success();
    let taken = "select count(*) from tasks where attempts > 1";
    assert_eq!(place.database.sql(taken).expect("a count"), "1", "the piece of the one that was killed");
    assert_eq!(place.database.sql("select count(*) from tasks where state <> 3").expect("a count"), "0");
    let logs: String = others.into_iter().map(|(log, worker)| log + &stop(worker).stderr).collect();
    assert!(logs.contains(FIRST), "somebody took over what the first one had: {logs}");
    let found = place.events();
    assert_eq!(found.len(), USERS);
    let report = counted(&spread);
    has(&report, &json!({"items": 5, "documents": 4, "problems": 1, "users": USERS, "disabledUsers": 3}));

    // The same, taken back and found again by one process.
    place.command(&["jobs", "undo", &place.newest_job()]).run().success();
    assert_eq!(place.events(), Vec::<Value>::new());
    let one = place.command(&SCAN).arg(MATERIAL).run();
    one.success();
    assert_eq!(counted(&one), report, "{one}");
    assert_eq!(place.events(), found);
}

#[test]
fn wrong_credentials_are_named_by_a_scan_and_by_a_worker() {
    let place = Place::new();
    let wrong = |program: Program| program.env("AWS_SECRET_ACCESS_KEY", "not the one");
    let alone = wrong(place.command(&SCAN)).arg(MATERIAL).run();
    alone.failure(1);
    for said in ["s3://leaks/material", "refuses the credentials", "nothing was read"] {
        assert!(alone.to_string().contains(said), "{said}: {alone}");
    }
    let coordinator = distributed(place.command(&SCAN)).arg(format!("{MATERIAL}/d.txt")).spawn();
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    let worker = wrong(place.worker("w", "2")).spawn();
    let spread = ended(coordinator);
    spread.failure(1);
    for said in ["d.txt: not scanned: ", "refuses the credentials", "nothing was read"] {
        assert!(spread.to_string().contains(said), "{said}: {spread}");
    }
    let log = stop(worker).stderr;
    assert!(log.contains("refuses the credentials") && log.contains("\"attempt\":5"), "{log}");
    assert!(!log.contains("not the one") && !spread.to_string().contains("not the one"), "no secret is told");
}

#[test]
fn a_worker_leaves_a_job_alone_whose_settings_it_does_not_share() {
    let place = Place::new();
    let mut coordinator = distributed(place.command(&SCAN)).arg(MATERIAL).spawn();
    let job = job_of(&coordinator);
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    coordinator.kill();
    // As if another version had begun it.
    let other =
        "update jobs set progress = jsonb_set(progress::jsonb, '{settings}', '\"another\"')::text where kind = 2";
    place.database.sql(other).expect("it is changed");
    let idle = place.worker("w", "2").arg("--until-idle").run();
    idle.success();
    for said in [&job, "leaves a job to others", "use the same version"] {
        assert!(idle.stderr.contains(said), "{said}: {idle}");
    }
    let untouched = "select count(*) from tasks where state <> 1 or attempts > 0";
    assert_eq!(place.database.sql(untouched).expect("a count"), "0", "its pieces are there for others");
    let resumed = place.command(&["jobs", "resume", &job, "--take-over"]).run();
    assert!(resumed.failure(1).contains("scan it anew"), "{resumed}");
}
