//! Several nodes over one database: whatever one of them hands out is good on the others.

use crate::{BINARY, EVENTS, event, folder};
use postgres_cluster::{Database, shared};
use serde_json::Value;
use std::path::Path;
use testkit::server::{Home, Program, TestServer, wait_for};

fn new_key() -> String {
    Program::new(BINARY).args(["keys", "new-secret-key"]).run().success().to_owned()
}

fn home(database: &Database, key: &str) -> Home {
    Home::Database { url: database.url().to_owned(), key: key.to_owned() }
}

fn node(home: &Home) -> TestServer {
    TestServer::start_at(BINARY, home.clone(), |program| program)
}

fn command<const N: usize>(home: &Home, arguments: [&str; N]) -> Program {
    home.given_to(Program::new(BINARY).args(arguments))
}

/// The rows of a list and the path of what its answer leads on to.
fn page(server: &TestServer, path: &str, link: &str) -> (Vec<String>, Option<String>) {
    let body = server.call("GET", path, None).expect(200).json();
    let rows = body["value"].as_array().expect("rows").iter();
    let next = body[link].as_str().map(|url| url[url.find("/v1.0").expect("our address")..].to_owned());
    (rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect(), next)
}

#[test]
fn nodes_that_start_at_once_are_one() {
    let (database, key) = (shared().database(), new_key());
    let home = home(&database, &key);
    let nodes: Vec<_> = (0..3)
        .map(|_| {
            let home = home.clone();
            std::thread::spawn(move || node(&home))
        })
        .collect();
    let nodes: Vec<_> = nodes.into_iter().map(|thread| thread.join().expect("it starts")).collect();
    assert_eq!(command(&home, ["tenants", "list"]).run().lines().len(), 1, "one made the first tenant");
    assert_eq!(
        database.sql("select count(*) from secrets").expect("a count"),
        "5",
        "issuer, key, page token, tenant, fingerprints"
    );
    let (one, two) = (&nodes[0], &nodes[1]);
    assert!(!Path::new("spillwatch-data").exists(), "nothing is written into a folder");
    let log = one.stderr();
    let shown = format!("postgres://{}", database.url().trim_start_matches("postgres://"));
    assert!(log.contains(&format!("\"database\":\"{shown}\"")), "{log}");

    // A token, a link to the next page and a delta link are good wherever they come back.
    for number in 1..=5 {
        one.call("POST", EVENTS, Some(&event(number))).expect(201);
    }
    let token = one.token();
    for node in &nodes {
        node.connect().call("GET", EVENTS, token, None).expect("an answer").expect(200);
    }
    let (mut rows, next) = page(one, &format!("{EVENTS}?$top=2"), "@odata.nextLink");
    let (more, next) = page(two, &next.expect("more rows"), "@odata.nextLink");
    rows.extend(more);
    let (more, next) = page(&nodes[2], &next.expect("more rows"), "@odata.nextLink");
    rows.extend(more);
    rows.sort();
    rows.dedup();
    assert_eq!((rows.len(), next), (5, None));
    let (_, link) = page(one, &format!("{EVENTS}/delta?$deltatoken=latest"), "@odata.deltaLink");
    let created = two.call("POST", EVENTS, Some(&event(6))).expect(201).json();
    let (changed, _) = page(two, &link.expect("a delta link"), "@odata.deltaLink");
    assert_eq!(changed, [created["id"].as_str().expect("an id")]);

    // A rotation on one counts on the others at once.
    let old = one.token().to_owned();
    one.command(["keys", "rotate", "--remove-old"]).run().success();
    for node in &nodes {
        assert_eq!(node.connect().call("GET", EVENTS, &old, None).expect("an answer").status, 401);
    }
    let new = two.command(["token"]).run().success().to_owned();
    for node in &nodes {
        node.connect().call("GET", EVENTS, &new, None).expect("an answer").expect(200);
    }
    for node in nodes {
        node.stop().success();
    }
}

/// What is in the database opens nothing without the operator's key.
#[test]
fn the_operators_key_is_needed_and_can_be_replaced() {
    let (database, old, new) = (shared().database(), new_key(), new_key());
    let (with_old, with_new) = (home(&database, &old), home(&database, &new));
    command(&with_old, ["migrate"]).run().success();
    let server = node(&with_old);
    let token = server.token().to_owned();
    let told = command(&with_new, ["token"]).run();
    assert!(told.failure(1).contains("is sealed with another key"), "{told}");
    let plain = "select count(*) from secrets where position('issuer'::bytea in sealed) > 0 \
                 or position('signing'::bytea in sealed) > 0";
    assert_eq!(database.sql(plain).expect("a count"), "0", "nothing of it can be read");

    // A node that knows both keys goes on before and after; one that knows only the old one stops at its next look.
    let place = folder();
    let file = |name: &str, key: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = place.path().join(name);
        std::fs::write(&path, key).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        path
    };
    let (old_file, new_file) = (file("old", &old), file("new", &new));
    let both = TestServer::start_at(BINARY, with_new.clone(), |program| {
        program.arg("--previous-secret-key-file").arg(&old_file)
    });
    let reseal = command(&with_old, ["keys", "reseal"]).arg("--new-secret-key-file").arg(&new_file).run();
    reseal.success();
    assert!(reseal.stderr.contains("Sealed 5 secrets and 0 verifiers with the key "), "{reseal}");
    let status = |server: &TestServer| server.connect().call("GET", EVENTS, &token, None).expect("an answer").status;
    assert_eq!(status(&both), 200);
    assert_eq!(status(&server), 503);
    assert!(command(&with_old, ["token"]).run().failure(1).contains("is sealed with another key"));
    command(&with_new, ["token"]).run().success();
    assert_eq!(status(&node(&with_new)), 200, "the keys are the same ones");
}

#[test]
fn commands_work_on_a_database() {
    let database = shared().database();
    let home = home(&database, &new_key());
    let migrate = command(&home, ["migrate"]).run();
    assert!(migrate.success().starts_with("ran 0001_foundation"), "{migrate}");
    assert_eq!(command(&home, ["migrate"]).run().success(), "The schema is up to date.");
    let added = command(&home, ["tenants", "add", "Fjord"]).run();
    let app = ["apps", "add", "feed", "--permission", "IdentityRiskEvent.Read.All"];
    assert_eq!(command(&home, app).run().lines()[0]["tenant"], added.success());
    command(&home, ["token"]).run().success();
    assert_eq!(command(&home, ["events", "list"]).run().lines().len(), 0);

    // A test's server does not sync, which doctor tells; the rest is sound.
    let doctor = command(&home, ["doctor"]).run();
    let findings: Vec<Value> =
        doctor.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let found = |subject: &str| findings.iter().find(|finding| finding["subject"] == subject);
    assert_eq!(found("operator's key").expect("it is told")["sound"], true, "{doctor}");
    assert!(found("signing key").is_some() && found("schema").is_some(), "{doctor}");
    assert!(found("data folder").is_none() && found("free room").is_none(), "{doctor}");
    let unsound = findings.iter().filter(|finding| finding["sound"] == false);
    assert!(
        unsound
            .clone()
            .all(|finding| ["fsync", "full_page_writes"].contains(&finding["subject"].as_str().expect("text"))),
        "{doctor}"
    );
}

/// A certificate of one's own making is the one thing that a folder is needed for.
#[test]
fn a_self_signed_certificate_is_kept_in_the_folder_that_is_named() {
    let (database, place) = (shared().database(), folder());
    let home = home(&database, &new_key());
    let data = place.path().join("data");
    let serve = home.given_to(Program::new(BINARY).args(["serve", "--listen", "127.0.0.1:0", "--tls-self-signed"]));
    let mut server = serve.data(&data).spawn();
    wait_for("the server to listen", || {
        assert!(server.ended().is_none(), "it has ended: {}", server.stderr());
        server.stderr().contains("listening").then_some(())
    });
    server.terminate();
    assert!(server.wait().success());
    let mut kept: Vec<_> = std::fs::read_dir(data.join("keys"))
        .expect("it was made")
        .map(|entry| entry.expect("it is ours").file_name().into_string().expect("UTF-8"))
        .collect();
    kept.sort();
    assert_eq!(kept, ["self-signed.crt", "self-signed.key"]);
    assert_eq!(std::fs::read_dir(&data).expect("it was made").count(), 1, "no store");
}

#[test]
fn a_store_that_moves_takes_its_keys_along() {
    let (database, key, (from, back)) = (shared().database(), new_key(), (folder(), folder()));
    let path = |folder: &Path| folder.to_str().expect("UTF-8").to_owned();
    let migrate = |from: &str, to: &str| {
        Program::new(BINARY).args(["migrate", "--from", from, "--to", to]).env("SPILLWATCH_SECRET_KEY", &key).run()
    };
    let server = TestServer::start(BINARY, from.path());
    for number in 1..=5 {
        server.call("POST", EVENTS, Some(&event(number))).expect(201);
    }
    let token = server.token().to_owned();
    let (mut rows, next) = page(&server, &format!("{EVENTS}?$top=2"), "@odata.nextLink");
    let (_, delta) = page(&server, &format!("{EVENTS}/delta?$deltatoken=latest"), "@odata.deltaLink");
    server.stop().success();

    let refused = Program::new(BINARY).args(["migrate", "--from", &path(from.path()), "--to", database.url()]).run();
    assert!(refused.failure(2).contains("new-secret-key"), "{}", refused.stderr);
    migrate(&path(from.path()), database.url()).success();
    let moved = node(&home(&database, &key));
    moved.connect().call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    let (more, next) = page(&moved, &next.expect("more rows"), "@odata.nextLink");
    rows.extend(more);
    let created = moved.call("POST", EVENTS, Some(&event(6))).expect(201).json();
    let (changed, delta) = page(&moved, &delta.expect("a delta link"), "@odata.deltaLink");
    assert_eq!(changed, [created["id"].as_str().expect("an id")]);
    moved.stop().success();

    migrate(database.url(), &path(back.path())).success();
    let server = TestServer::start(BINARY, back.path());
    server.connect().call("GET", EVENTS, &token, None).expect("an answer").expect(200);
    let (more, next) = page(&server, &next.expect("more rows"), "@odata.nextLink");
    rows.extend(more);
    rows.sort();
    rows.dedup();
    assert_eq!((rows.len(), next), (5, None));
    assert_eq!(page(&server, &delta.expect("a delta link"), "@odata.deltaLink").0, Vec::<String>::new());
    server.command(["doctor"]).run().success();
}

/// Verifiers are sealed with the key of the place where they are, and come along to the next one.
#[test]
fn verifiers_move_and_change_keys() {
    use crate::keys::{Place, all_told};
    let (database, place, (from, back)) = (shared().database(), Place::new(), (folder(), folder()));
    let (old, new) = (place.key("old"), place.key("new"));
    let read = |path: &Path| std::fs::read_to_string(path).expect("it can be read").trim().to_owned();
    let (with_old, with_new) = (home(&database, &read(&old)), home(&database, &read(&new)));
    let path = |folder: &Path| folder.to_str().expect("UTF-8").to_owned();
    let migrate = |from: &str, to: &str, key: &Path| {
        Program::new(BINARY).args(["migrate", "--from", from, "--to", to]).arg("--secret-key-file").arg(key).run()
    };
    place.import(|program| program.data(from.path())).success();
    let moved = migrate(&path(from.path()), database.url(), &old);
    moved.success();
    assert!(moved.stderr.contains("Its 3 password verifiers are sealed with the operator's key"), "{moved}");
    all_told(&place.check(|program| with_old.given_to(program)));
    let again = migrate(&path(from.path()), database.url(), &old);
    assert!(again.failure(1).contains("the target holds tenants already"), "{again}");
    // As after an interruption: what the folder's own key has sealed is there, and the key of fingerprints is not.
    database.sql("delete from secrets where name like 'vault/%'").expect("it is deleted");
    migrate(&path(from.path()), database.url(), &old).success();
    let same = place.import(|program| with_old.given_to(program));
    assert_eq!(same.lines()[0]["unchanged"], 3, "the tags are of the same key: {same}");

    let reseal = |home: &Home| command(home, ["keys", "reseal"]).arg("--new-secret-key-file").arg(&new);
    let sealed = reseal(&with_old).run();
    sealed.success();
    assert!(sealed.stderr.contains(" secrets and 3 verifiers with the key "), "{sealed}");
    assert!(command(&with_old, ["doctor"]).run().failure(1).contains("is sealed with another key"));
    all_told(&place.check(|program| with_new.given_to(program)));
    let again = reseal(&with_new).arg("--previous-secret-key-file").arg(&old).run();
    again.success();
    assert!(again.stderr.contains("3 verifiers") && again.stderr.contains("0 were sealed anew"), "{again}");
    let other = place.key("other");
    let with_other = home(&database, &read(&other));
    command(&with_new, ["keys", "reseal"]).arg("--new-secret-key-file").arg(&other).run().success();
    all_told(&place.check(|program| with_other.given_to(program)));

    let moved = migrate(database.url(), &path(back.path()), &other);
    moved.success();
    assert!(moved.stderr.contains("are sealed with a key of the folder's own"), "{moved}");
    all_told(&place.check(|program| program.data(back.path())));
}

/// Passwords that wait are sealed with the key of the place where they are, and come along to a database.
#[test]
fn what_waits_moves_and_changes_keys() {
    let (database, waiting) = (shared().database(), crate::keys_waiting::Waiting::new());
    let (old, new) = (waiting.keys.key("old"), waiting.keys.key("new"));
    waiting.scan();
    let read = |path: &Path| std::fs::read_to_string(path).expect("it can be read").trim().to_owned();
    let (with_old, with_new) = (home(&database, &read(&old)), home(&database, &read(&new)));
    let data = waiting.data();
    let from = data.to_str().expect("UTF-8");
    let migrate = ["migrate", "--from", from, "--to", database.url()];
    Program::new(BINARY).args(migrate).arg("--secret-key-file").arg(&old).run().success();
    let opened = |home: &Home| command(home, ["doctor", "--json"]).run().stdout.contains("opens 5 of 5: 2 passwords");
    assert!(opened(&with_old));
    let sealed = command(&with_old, ["keys", "reseal"]).arg("--new-secret-key-file").arg(&new).run();
    sealed.success();
    assert!(sealed.stderr.contains("Of what waits to be checked, 5 were sealed anew now"), "{sealed}");
    assert!(opened(&with_new));
    command(&with_new, ["worker", "--until-idle"]).run().success();
    let events = command(&with_new, ["events", "list", "--json", "--select", "userId"]).run();
    assert_eq!(events.lines(), [serde_json::json!({"userId": "u-001"})], "{events}");
}

#[test]
fn pairs_that_one_node_takes_in_are_checked_by_others() {
    let (database, key) = (shared().database(), new_key());
    let home = home(&database, &key);
    let folder = folder();
    let takes = TestServer::start_at(BINARY, home.clone(), |program| program.args(["--work-threads", "0"]));
    let users = "id,upn,displayName,verifier\nu-1,u1@corp.test,U,{NT}8846F7EAEE8FB117AD06BDD830B7586C\n";
    let file = crate::directory::write(folder.path(), "users.csv", users);
    command(&home, ["users", "import"]).arg(file).run().success();
    let pair = |number: usize, password: &str| serde_json::json!({"name": format!("u{number}@corp.test"), "password": password});
    let pairs: Vec<Value> = (1..150).map(|number| pair(number, "password")).collect();
    let jobs: Vec<String> = (0..4).map(|_| crate::checks::hand_in(&takes, &pairs)).collect();
    let texts = database.sql("select string_agg(payload, ' ') from tasks").expect("payloads");
    assert!(!texts.contains("corp.test") && texts.contains("sealed"), "{texts}");
    // A node and workers over the same database.
    let works = TestServer::start_at(BINARY, home.clone(), |program| program.args(["--work-threads", "1"]));
    let workers = [1, 2].map(|_| command(&home, ["worker", "--threads", "1"]).spawn());
    for job in &jobs {
        let shown = crate::checks::ended(&takes, job);
        assert_eq!(shown["status"], "completed", "{shown}");
        assert_eq!(shown["counters"], serde_json::json!({"pairs": 149, "done": 149}));
    }
    let events = takes.call("GET", EVENTS, None).expect(200).json();
    assert_eq!(events["value"].as_array().map(Vec::len), Some(1), "{events}");
    assert_eq!(database.sql("select count(*) from tasks where payload <> '{}'").expect("a count"), "0");
    for worker in workers {
        crate::workers::stop(worker);
    }
    works.stop().success();
    takes.stop().success();
}

#[test]
fn slow_passwords_are_shared_by_workers_and_each_is_decided_once() {
    use crate::queue::{slow_with, told};
    use crate::workers::events_of;
    use std::fmt::Write as _;
    const USERS: usize = 192;
    const ROUNDS: u32 = 20_000;
    let (database, folder) = (shared().database(), folder());
    let home = home(&database, &new_key());
    let (mut users, mut material) = ("id,upn,verifier\n".to_owned(), String::new());
    for user in 0..USERS {
        writeln!(users, "u-{user:03},u{user}@corp.test,{}", slow_with(&format!("guess-{}", user % 6), ROUNDS))
            .expect("memory");
        for guess in 0..3 {
            writeln!(material, "u{user}@corp.test:guess-{guess}").expect("memory");
        }
    }
    let file = crate::directory::write(folder.path(), "users.csv", &users);
    let material = crate::directory::write(folder.path(), "leak.txt", &material);
    command(&home, ["tenants", "add", "first"]).run().success();
    command(&home, ["users", "import"]).arg(file).run().success();
    let scan = |more: &[&str]| {
        command(&home, ["scan", "--json", "--brake-percent", "0"]).args(more.iter().copied()).arg(&material).run()
    };
    assert!(scan(&["--queue"]).success().contains("\"state\":\"waiting\""));
    let waiting = "select count(*) from candidates where sealed is not null";
    assert_eq!(database.sql(waiting).expect("a count"), "576");
    database
        .sql(
            "create table decided (user_id text, fingerprint bytea, primary key (user_id, fingerprint)); \
             create function decide() returns trigger language plpgsql as $$ begin \
             insert into decided values (new.user_id, new.fingerprint); return new; end $$; \
             create trigger decide after update of judged on candidates for each row \
             when (new.judged is not null) execute function decide()",
        )
        .expect("a trigger that fails where one is decided twice");
    // Both begin at once, however late one is started: what they ask for is held until both have asked.
    let workers = std::thread::scope(|scope| {
        let hold = "begin; lock table candidates in access exclusive mode; select pg_sleep(120)";
        scope.spawn(|| database.sql(hold).expect_err("it is ended"));
        let sessions = |which| format!("from pg_stat_activity where datname = current_database() and {which}");
        let (holds, waits) = (sessions("wait_event = 'PgSleep'"), sessions("wait_event_type = 'Lock'"));
        let count = |sessions: &str| database.sql(&format!("select count(*) {sessions}")).expect("a count");
        wait_for("the table to be held", || (count(&holds) == "1").then_some(()));
        let workers = [1, 2].map(|number| {
            let worker = command(&home, ["worker", "--threads", "1", "--log", "info"]);
            worker.args(["--name", &format!("w{number}")]).spawn()
        });
        wait_for("both to ask", || (count(&waits) == "2").then_some(()));
        database.sql(&format!("select pg_terminate_backend(pid) {holds}")).expect("it is ended");
        workers
    });
    wait_for("the job to end", || {
        let jobs = command(&home, ["jobs", "list", "--top", "1"]).run().lines();
        (jobs[0]["state"] == "completed").then_some(())
    });
    let logs = workers.map(crate::workers::stop);
    for log in &logs {
        assert!(told(std::slice::from_ref(log), "checked") > 0, "both have a part in it: {log}");
        assert!(!log.stderr.contains("\"ERROR\""), "{log}");
    }
    assert_eq!((told(&logs, "checked"), told(&logs, "current"), told(&logs, "known")), (576, 96, 0));
    assert_eq!(database.sql("select count(*) from decided").expect("a count"), "576");
    assert_eq!(database.sql(waiting).expect("a count"), "0");
    let events = events_of(&command(&home, ["events", "export"]).run());
    assert_eq!(events.len(), USERS / 2);

    // The same, taken back and found again by one process.
    let job = command(&home, ["jobs", "list", "--top", "1"]).run().lines()[0]["id"].as_str().expect("an id").to_owned();
    command(&home, ["jobs", "undo", &job]).run().success();
    database.sql("drop trigger decide on candidates; delete from candidates").expect("nothing is known");
    scan(&[]).success();
    let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&events_of(&command(&home, ["events", "export"]).run())), ids(&events));
}
