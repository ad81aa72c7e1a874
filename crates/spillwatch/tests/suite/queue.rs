//! Slow verifiers: what jobs hand to the queue is checked once, by whoever is free, and raised as if it had been fast.

use crate::directory::{events, has, with_file, write};
use crate::scan::{every_line_is_counted, scan, summary};
use crate::{BINARY, command, folder};
use aws_lc_rs::{digest, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program, TestServer, wait_for};

/// A hash of Django's with few rounds: slow by its kind, and quick to check.
pub fn slow(password: &str) -> String {
    slow_with(password, 1000)
}

/// The same with so many rounds, a million of which take some tenths of a second.
pub fn slow_with(password: &str, rounds: u32) -> String {
    let (mut derived, count) = ([0; 32], NonZeroU32::new(rounds).expect("it is not 0"));
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, count, b"salt", password.as_bytes(), &mut derived);
    format!("pbkdf2_sha256${rounds}$salt${}", STANDARD.encode(derived))
}

/// A hash without a salt.
pub fn fast(password: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    format!("{{SHA}}{}", STANDARD.encode(digest))
}

/// The file of a store, as others see it.
pub fn database(data: &Path) -> Connection {
    let file = store_sqlite::database_file(data);
    let database = Connection::open(file).expect("a database");
    database.busy_timeout(testkit::server::PATIENCE).expect("it waits for others");
    database
}

/// The one number that a query answers.
#[track_caller]
pub fn number(data: &Path, sql: &str) -> u64 {
    database(data).query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// How many passwords wait in a store.
#[track_caller]
pub fn sealed(data: &Path) -> u64 {
    number(data, "SELECT count(*) FROM candidates WHERE sealed IS NOT NULL")
}

/// A worker that ends when there is nothing left to do.
pub fn worker(data: &Path) -> Program {
    command(["worker", "--until-idle", "--threads", "2", "--log", "info"], data)
}

/// The sum of what workers say in their logs of what they did for the queue.
#[track_caller]
pub fn told(logs: &[Outcome], what: &str) -> u64 {
    let lines = logs.iter().flat_map(|log| log.stderr.lines());
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let asked = lines.filter(|line| line["message"] == "slow verifiers were asked");
    asked.map(|line| line[what].as_u64().expect("a number")).sum()
}

/// Users with an event.
pub fn raised(data: &Path) -> Vec<String> {
    let text = |event: &Value| event["userId"].as_str().expect("a text").to_owned();
    events(data, "userId").iter().map(text).collect()
}

/// Events with all that is shown of them, but when they were made.
pub fn exported(data: &Path) -> Vec<Value> {
    crate::workers::events_of(&command(["events", "export"], data).run())
}

/// The newest job.
#[track_caller]
pub fn newest(data: &Path) -> Value {
    let jobs = command(["jobs", "list", "--top", "1"], data).run();
    jobs.success();
    summary(&jobs)
}

/// How many users there are.
const USERS: usize = 24;

/// Users, of whom two thirds have a slow verifier; two have a fast account and a slow one, of different passwords.
fn users(folder: &Path, data: &Path) {
    let mut text = "id,upn,verifier\n".to_owned();
    for user in 0..USERS {
        let password = format!("current-{user}");
        let verifier = if user % 3 == 2 { fast(&password) } else { slow(&password) };
        writeln!(text, "u-{user:02},u{user}@corp.test,{verifier}").expect("memory");
    }
    with_file(["users", "import"], &write(folder, "users.csv", &text), data).success();
    let mut text = "id,upn,verifier\n".to_owned();
    for user in 0..2 {
        writeln!(text, "b-{user},u{user}@corp.test,{}", fast(&format!("second-{user}"))).expect("memory");
    }
    let second = write(folder, "second.csv", &text);
    let linked = with_file(["users", "import", "--source", "second"], &second, data);
    linked.success();
    has(&summary(&linked), &json!({"linked": 2}));
}

/// Every user's current password of each second, twice, and three that are not; the second password of one with two.
fn material(folder: &Path) -> PathBuf {
    let mut text = String::new();
    for user in 0..USERS {
        for guess in 0..3 {
            writeln!(text, "u{user}@corp.test:stale-{guess}").expect("memory");
        }
        if user % 2 == 0 {
            for _ in 0..2 {
                writeln!(text, "u{user}@corp.test:current-{user}").expect("memory");
            }
        }
    }
    text += "u0@corp.test:second-0\nu1@corp.test:current-2\nu0@corp.test:second-1\n";
    write(folder, "leak.txt", &text)
}

/// What the users of the material are whose current password is in it.
fn expected() -> Vec<String> {
    let mut expected: Vec<String> = (0..USERS).step_by(2).map(|user| format!("u-{user:02}")).collect();
    expected.insert(0, "u-00".to_owned()); // the passwords of both accounts
    expected
}

/// A store with users, and material about them.
fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = folder();
    let data = folder.path().join("data");
    users(folder.path(), &data);
    let material = material(folder.path());
    (folder, data, material)
}

#[test]
fn a_scan_raises_what_slow_verifiers_say_as_a_dry_run_finds_it() {
    let (_folder, data, material) = place();
    let dry = scan(&data, &["--dry-run"], &[&material]);
    dry.success();
    let dry = summary(&dry);
    has(&dry, &json!({"queued": 0, "users": 12, "current": 25}));
    let outcome = scan(&data, &[], &[&material]);
    outcome.success();
    let found = summary(&outcome);
    every_line_is_counted(&found);
    has(&found, &json!({"state": "completed", "users": dry["users"], "current": dry["current"], "eventsRaised": 13}));
    assert!(outcome.stderr.contains("passwords wait for verifiers that are slow"), "{outcome}");
    assert_eq!(raised(&data), expected());
    assert_eq!(sealed(&data), 0);
    // Of a user with two accounts the evidence is of the account that it is the password of.
    let accounts =
        "SELECT count(DISTINCT account_source) FROM found_credentials WHERE user_id = 'u-00' AND pending = 0";
    assert_eq!(number(&data, accounts), 2);
    command(["doctor"], &data).run().success();
}

/// Leaves what is slow to others, and finds the job waiting.
#[track_caller]
fn left(data: &Path, material: &Path) -> String {
    let outcome = scan(data, &["--queue"], &[material]);
    outcome.success();
    has(&summary(&outcome), &json!({"state": "waiting"}));
    assert!(outcome.stderr.contains("they were left to others"), "{outcome}");
    let job = newest(data);
    has(&job, &json!({"kind": "scan", "state": "waiting"}));
    assert!(raised(data).is_empty(), "nothing is raised before all of it is known");
    assert!(sealed(data) > 0);
    job["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_is_left_to_others_is_raised_by_whoever_checks_the_last_one() {
    let (folder, data, material) = place();
    left(&data, &material);
    for name in ["served", "resumed", "undone"] {
        crate::jobs::copy(&data, &folder.path().join(name));
    }
    let log = worker(&data).run();
    log.success();
    assert_eq!(told(&[log], "current"), 8, "two thirds of every second user");
    has(&newest(&data), &json!({"state": "completed"}));
    let events = exported(&data);
    assert_eq!((raised(&data), sealed(&data)), (expected(), 0));

    let by_server = folder.path().join("served");
    let server = TestServer::start_with(BINARY, &by_server, |program| program.args(["--work-threads", "1"]));
    wait_for("the job to end", || (newest(&by_server)["state"] == "completed").then_some(()));
    server.stop().success();
    assert_eq!((exported(&by_server), sealed(&by_server)), (events.clone(), 0));

    let resumed = folder.path().join("resumed");
    let job = newest(&resumed);
    let outcome = command(["jobs", "resume", "--json", job["id"].as_str().expect("an id")], &resumed).run();
    outcome.success();
    has(&summary(&outcome), &json!({"state": "completed", "users": 12, "current": 25, "eventsRaised": 13}));
    assert_eq!((exported(&resumed), sealed(&resumed)), (events, 0));
}

#[test]
fn a_job_that_waits_is_taken_back_with_all_that_waits_for_it() {
    let (_folder, data, material) = place();
    let job = left(&data, &material);
    command(["jobs", "undo", &job], &data).run().success();
    assert_eq!(sealed(&data), 0, "no password is left");
    assert_eq!(number(&data, "SELECT count(*) FROM found_credentials WHERE pending = 1"), 0);
    let log = worker(&data).run();
    log.success();
    assert_eq!(told(&[log], "checked"), 0);
    assert!(raised(&data).is_empty());
    has(&summary(&command(["jobs", "show", &job], &data).run()), &json!({"state": "undone"}));

    // Of two jobs that wait for the same, the other one gets all of it.
    let (first, second) = (left(&data, &material), left(&data, &material));
    command(["jobs", "undo", &first], &data).run().success();
    assert!(sealed(&data) > 0);
    worker(&data).run().success();
    has(&summary(&command(["jobs", "show", &second], &data).run()), &json!({"state": "completed"}));
    assert_eq!((raised(&data), sealed(&data)), (expected(), 0));
}

#[test]
fn a_candidate_is_checked_once_for_each_verifier() {
    let (folder, data, material) = place();
    left(&data, &material);
    left(&data, &material);
    // Of each user with a slow verifier three that are stale, each second one's current one, and what stands beside the
    // wrong user; of those with a fast account besides what its verifier has not proved.
    let waiting = sealed(&data);
    let log = worker(&data).run();
    log.success();
    let checked = told(&[log], "checked");
    assert_eq!(checked, waiting, "two jobs wait for each of them");
    assert_eq!((raised(&data), sealed(&data)), (expected(), 0));
    let jobs = command(["jobs", "list", "--top", "2"], &data).run().lines();
    assert!(jobs.iter().all(|job| job["state"] == "completed"), "{jobs:?}");
    let events = exported(&data);

    // The same again: all of it is decided.
    let again = scan(&data, &["--queue"], &[&material]);
    again.success();
    has(&summary(&again), &json!({"state": "completed", "eventsRaised": 0, "evidenceAdded": 0, "users": 12}));
    assert_eq!(sealed(&data), 0);
    let log = worker(&data).run();
    assert_eq!((told(std::slice::from_ref(&log), "checked"), told(&[log], "known")), (0, 0));
    assert_eq!(exported(&data), events);

    // Who has another verifier is checked anew, and nobody else.
    let text = format!("id,upn,verifier\nu-03,u3@corp.test,{}\nu-04,u4@corp.test,{}\n", slow("stale-1"), slow("new"));
    with_file(["users", "import"], &write(folder.path(), "changed.csv", &text), &data).success();
    let changed = scan(&data, &["--queue"], &[&material]);
    has(&summary(&changed), &json!({"state": "waiting"}));
    assert_eq!(number(&data, "SELECT count(DISTINCT user_id) FROM candidates WHERE sealed IS NOT NULL"), 2);
    let log = worker(&data).run();
    assert_eq!((told(std::slice::from_ref(&log), "checked"), told(&[log], "current")), (3 + 4, 1));
    let mut expected = expected();
    expected.push("u-03".to_owned());
    expected.sort();
    assert_eq!((raised(&data), sealed(&data)), (expected, 0));
}

/// Who waits, in the order in which they are taken.
fn claimed(data: &Path) -> Vec<String> {
    use model::{Claim, SystemClock, TenantKey, Ticks};
    use store::{AdminCommand, AdminOutcome, CandidateCommand, CandidateOutcome, Store as _};
    let tenant = TenantKey(number(data, "SELECT tenant FROM candidates LIMIT 1") as u32);
    let store = store_sqlite::SqliteStore::open(data, std::sync::Arc::new(SystemClock)).expect("a store");
    let at = |ticks| Ticks::new(ticks).expect("a time");
    let claim = Claim { id: "a".into(), holder: "a test".into(), now: at(1), lease: at(2) };
    let command = CandidateCommand::Claim { limit: 100, job: None, is_alone: false, claim };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outcome = runtime.block_on(async {
        let outcome = store.administer(AdminCommand::Candidates { tenant, command }).await;
        store.close().await;
        outcome.expect("it is carried out")
    });
    let AdminOutcome::Candidates(CandidateOutcome::Claimed(claimed)) = outcome else { panic!("no candidates") };
    claimed.iter().map(|queued| format!("{} {:x?}", queued.key.user, &queued.key.fingerprint[..4])).collect()
}

#[test]
fn administrators_come_first_then_what_leaked_last_then_what_is_likeliest() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut text = "id,upn,administrator,enabled,verifier\n".to_owned();
    for (id, is_administrator, is_enabled) in
        [("a", true, true), ("b", false, true), ("c", true, false), ("d", false, false), ("e", false, true)]
    {
        let verifier = slow("first of all:second of all:third of all");
        writeln!(text, "{id},{id}@corp.test,{is_administrator},{is_enabled},{verifier}").expect("memory");
    }
    with_file(["users", "import"], &write(folder.path(), "users.csv", &text), &data).success();
    let material = |name: &str, users: &[&str]| {
        let line = |user: &&str| format!("{user}@corp.test:first of all:second of all:third of all\n");
        write(folder.path(), name, &users.iter().map(line).collect::<String>())
    };
    let old = material("old.txt", &["b", "d", "a", "c"]);
    let new = material("new.txt", &["e"]);
    for (file, leaked) in [(&new, "2025-05-06"), (&old, "2021-02-03")] {
        scan(&data, &["--queue", "--leaked", leaked], &[file]).success();
    }
    let order = claimed(&data);
    let users: Vec<&str> = order.iter().filter_map(|one| one.split(' ').next()).collect();
    let each = order.len() / 5;
    assert!(each > 1, "{order:?}");
    let expected: Vec<&str> = ["a", "c", "e", "b", "d"].iter().flat_map(|user| vec![*user; each]).collect();
    assert_eq!(users, expected);
    // Of each the likeliest is the first, which is all that stands behind the name, and the current one.
    let firsts: Vec<&String> = order.iter().step_by(each).collect();
    worker(&data).run().success();
    let database = database(&data);
    let current = "SELECT user_id, substr(fingerprint, 1, 4) FROM candidates WHERE account_key IS NOT NULL";
    let mut statement = database.prepare(current).expect("a query");
    let rows = statement.query_map([], |row| {
        let (user, fingerprint): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        Ok(format!("{user} {fingerprint:x?}"))
    });
    let current: Vec<String> = rows.and_then(Iterator::collect).expect("rows");
    assert_eq!(current.len(), 5);
    assert!(firsts.iter().all(|first| current.contains(first)), "{firsts:?} {current:?}");
}

#[test]
fn a_verifier_that_takes_more_memory_than_there_is_is_given_up_and_said() {
    let folder = folder();
    let data = folder.path().join("data");
    // Passwords in clear are derived with argon2id, which takes 19 MiB.
    let text = format!("id,upn,verifier\na,a@corp.test,{{CLEAR}}swordfish\nb,b@corp.test,{}\n", slow("swordfish"));
    with_file(["users", "import"], &write(folder.path(), "users.csv", &text), &data).success();
    // One of the two accounts of another can be asked, and that is enough.
    let second = "id,upn,verifier\nc,c@corp.test,{CLEAR}another\n".to_owned();
    let third = format!("id,upn,verifier\nc2,c@corp.test,{}\n", slow("swordfish"));
    for (source, text) in [("second", &second), ("third", &third)] {
        let arguments = ["users", "import", "--source", source];
        with_file(arguments, &write(folder.path(), &format!("{source}.csv"), text), &data).success();
    }
    let file =
        write(folder.path(), "leak.txt", "a@corp.test:swordfish\nb@corp.test:swordfish\nc@corp.test:swordfish\n");
    let little = scan(&data, &["--verify-memory", "18"], &[&file]);
    little.success();
    has(&summary(&little), &json!({"state": "completed", "current": 2, "eventsRaised": 2, "undecided": 1}));
    let warning = "Warning: 1 password could not be checked, so nobody knows whether they are current: a verifier \
                   (argon2id) takes 19 MiB to be asked";
    assert!(little.stderr.contains(warning), "{little}");
    assert_eq!((raised(&data), sealed(&data)), (vec!["b".to_owned(), "c".to_owned()], 0));
    // Whoever looks at the job later is told as well, on the command line, over HTTP and in the report.
    let job = newest(&data)["id"].as_str().expect("an id").to_owned();
    let shown = command(["jobs", "show", "--json", &job], &data).run();
    let undecided = summary(&shown)["undecided"].clone();
    let (why, count) = undecided.as_object().and_then(|all| all.iter().next()).expect("a reason");
    assert!(why.contains("19 MiB") && *count == 1, "{shown}");
    let server = TestServer::start(BINARY, &data);
    let shown = server.call("GET", &format!("/v1.0/spillwatch/jobs/{job}"), None).expect(200).json();
    assert!(shown["warnings"][0].as_str().is_some_and(|warning| warning.contains("19 MiB")), "{shown}");
    server.stop().success();
    let report = command(["jobs", "report", &job], &data).run();
    assert!(report.success().contains("1 password could not be checked"), "{report}");
    let enough = scan(&data, &["--verify-memory", "19"], &[&file]);
    enough.success();
    has(&summary(&enough), &json!({"current": 3, "eventsRaised": 1, "undecided": 0}));
    let shown = summary(&command(["jobs", "show", "--json", &job], &data).run());
    assert_eq!(shown["undecided"], json!({}), "it is decided now");
    assert_eq!((raised(&data), sealed(&data)), (vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], 0));
}

#[test]
fn a_job_that_is_taken_over_does_not_wait_for_what_its_dead_process_was_at() {
    let folder = folder();
    let data = folder.path().join("data");
    // It takes long enough that the process is killed while it asks.
    let text = format!("id,upn,verifier\na,a@corp.test,{}\n", slow_with("swordfish", 6_000_000));
    with_file(["users", "import"], &write(folder.path(), "users.csv", &text), &data).success();
    let file = write(folder.path(), "leak.txt", "a@corp.test:swordfish\n");
    let mut process = command(["scan"], &data).arg(&file).spawn();
    wait_for("a candidate that is being checked", || {
        let claimed = "SELECT count(*) FROM candidates WHERE claim IS NOT NULL";
        assert!(process.ended().is_none(), "it has ended: {}", process.stderr());
        let is_there = process.stderr().contains("wait for verifiers that are slow");
        (is_there && number(&data, claimed) == 1).then_some(())
    });
    process.kill();
    let job = newest(&data)["id"].as_str().expect("an id").to_owned();
    command(["jobs", "resume", &job, "--take-over", "--release"], &data).run().success();
    assert_eq!((raised(&data), sealed(&data)), (vec!["a".to_owned()], 0));
}
