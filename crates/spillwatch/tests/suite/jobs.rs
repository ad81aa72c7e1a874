//! `spillwatch jobs`: the brake, undo, and jobs that are killed at any point.

use crate::directory::{events, has, summary, with_file, write};
use crate::{command, folder};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::server::Outcome;

/// A directory of so many users; NT hashes of `password` or of `Password`, an administrator for each tenth.
fn users(count: usize, verifier: impl Fn(usize) -> &'static str) -> String {
    let mut text = "id,upn,displayName,administrator,verifier\n".to_owned();
    for number in 0..count {
        let admin = number % 10 == 0;
        writeln!(text, "u-{number},u{number}@contoso.example,U {number},{admin},{}", verifier(number)).expect("memory");
    }
    text
}

const PASSWORD: &str = "{NT}8846F7EAEE8FB117AD06BDD830B7586C";
const OTHER: &str = "{NT}A4F49C406510BDCAB6824EE7C30FD852";

fn pairs(numbers: impl Iterator<Item = usize>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        writeln!(text, "u{number}@contoso.example:password").expect("memory");
        text
    })
}

/// The newest job.
#[track_caller]
fn newest(data: &Path) -> Value {
    let jobs = command(["jobs", "list", "--top", "1"], data).run();
    jobs.success();
    summary(&jobs)
}

fn id(job: &Value) -> &str {
    job["id"].as_str().expect("an id")
}

/// Everything that the API and the command line show of users, events and risks.
fn world(data: &Path) -> String {
    let users =
        command(["users", "list", "--orderby", "id", "--select", "id,userPrincipalName,displayName"], data).run();
    let events = command(["events", "export"], data).run();
    format!("{}\n{}", users.success(), events.success())
}

#[test]
fn the_brake_holds_a_check_before_it_raises_anything() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(100, |_| PASSWORD)), &data).success();
    let few = write(folder.path(), "few.txt", &pairs(1..5));
    with_file(["check"], &few, &data).success();
    let many = write(folder.path(), "many.txt", &pairs(1..10));
    let held = with_file(["check"], &many, &data);
    held.failure(1);
    for said in ["5 of 100 users (5.0 %)", "--release"] {
        assert!(held.stderr.contains(said), "{said}: {held}");
    }
    assert_eq!(events(&data, "id").len(), 4, "those that were known do not count, and nothing new is raised");
    let job = newest(&data);
    has(&job, &json!({"kind": "check", "state": "held"}));
    let refused = command(["jobs", "resume", id(&job)], &data).run();
    refused.failure(1);
    assert!(refused.stderr.contains("--release"), "{refused}");
    let released = command(["jobs", "resume", id(&job), "--release"], &data).run();
    released.success();
    has(&summary(&released), &json!({"eventsRaised": 5, "evidenceAdded": 4}));
    assert_eq!(events(&data, "id").len(), 9);
    has(&newest(&data), &json!({"state": "completed"}));

    let administrators = write(folder.path(), "admins.txt", &pairs((0..100).step_by(10)));
    let held = command(["check", "--brake-percent", "0"], &data).arg(&administrators).run();
    held.failure(1);
    assert!(held.stderr.contains("10 administrators"), "{held}");
    command(["check", "--brake-percent", "0", "--brake-administrators", "0"], &data)
        .arg(&administrators)
        .run()
        .success();
    assert_eq!(events(&data, "id").len(), 19);
}

#[test]
fn the_brake_holds_an_import_before_it_removes_or_closes() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(100, |_| PASSWORD)), &data).success();
    let all = write(folder.path(), "pairs.txt", &pairs(0..100));
    command(["check", "--brake-percent", "0", "--brake-administrators", "0"], &data).arg(&all).run().success();
    let before = events(&data, "id,riskEventStatus,closedDateTime");

    let changed = write(folder.path(), "changed.csv", &users(80, |_| OTHER));
    let held = with_file(["users", "import", "--full"], &changed, &data);
    held.failure(1);
    assert!(held.stderr.contains("removing 20 users"), "{held}");
    has(&summary(&held), &json!({"verifiersChanged": 80, "removed": 0, "eventsRemediated": 0}));
    assert_eq!(events(&data, "id,riskEventStatus,closedDateTime"), before);
    let told = command(["users", "import", "--full", "--dry-run"], &data).arg(&changed).run();
    assert!(told.stderr.contains("It would not be done to its end"), "{told}");

    let job = newest(&data);
    has(&job, &json!({"kind": "import", "state": "held"}));
    let released = command(["jobs", "resume", id(&job), "--release"], &data).run();
    released.success();
    has(&summary(&released), &json!({"removed": 20, "eventsRemediated": 80}));
    let undone = command(["jobs", "undo", id(&job)], &data).run();
    undone.success();
    has(&summary(&undone), &json!({"changedSince": 0, "blocked": 0}));
    assert_eq!(events(&data, "id,riskEventStatus,closedDateTime"), before, "undo gives what was before");
    has(&summary(&command(["jobs", "show", id(&job)], &data).run()), &json!({"state": "undone"}));
    let again = command(["jobs", "undo", id(&job)], &data).run();
    again.failure(1);
    assert!(again.stderr.contains("is undone"), "{again}");
}

#[test]
fn undo_takes_back_exactly_what_a_job_did_and_can_be_undone() {
    let folder = folder();
    let data = folder.path().join("data");
    let first = write(folder.path(), "first.csv", &users(20, |_| PASSWORD));
    with_file(["users", "import"], &first, &data).success();
    let some = write(folder.path(), "some.txt", &pairs(0..3));
    with_file(["check"], &some, &data).success();
    let before = world(&data);

    let second = write(folder.path(), "second.csv", &users(25, |number| if number < 2 { OTHER } else { PASSWORD }));
    with_file(["users", "import"], &second, &data).success();
    let job = newest(&data);
    let after = world(&data);
    assert_ne!(after, before);
    command(["jobs", "undo", id(&job)], &data).run().success();
    assert_eq!(world(&data), before);
    // The old verifiers are there again: the pairs are current.
    has(&summary(&with_file(["check", "--dry-run"], &some, &data)), &json!({"current": 3}));

    let undo = newest(&data);
    has(&undo, &json!({"kind": "undo", "state": "completed"}));
    command(["jobs", "undo", id(&undo)], &data).run().success();
    assert_eq!(world(&data), after, "an undo can be undone");
    has(&summary(&with_file(["check", "--dry-run"], &some, &data)), &json!({"current": 1, "notCurrent": 2}));
}

#[test]
fn what_somebody_else_changed_since_is_left_unless_it_is_forced() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(20, |_| PASSWORD)), &data).success();
    with_file(["check"], &write(folder.path(), "pairs.txt", &pairs(0..3)), &data).success();
    let job = newest(&data);
    let rows = command(["events", "list", "--filter", "userId eq 'u-1'", "--json"], &data).run();
    let mut event = summary(&rows);
    event["riskLevel"] = json!("low");
    let file = write(folder.path(), "event.jsonl", &event.to_string());
    with_file(["events", "import", "--update"], &file, &data).success();

    let undone = command(["jobs", "undo", id(&job)], &data).run();
    undone.failure(1);
    has(&summary(&undone), &json!({"takenBack": 2, "changedSince": 1}));
    let left = events(&data, "userId,riskLevel");
    assert_eq!(left, [json!({"userId": "u-1", "riskLevel": "low"})]);
    let forced = command(["jobs", "undo", id(&job), "--force"], &data).run();
    forced.success();
    assert!(events(&data, "id").is_empty());
}

#[test]
fn a_job_that_is_worked_at_is_left_alone_and_one_that_is_not_there_is_named() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(3, |_| PASSWORD)), &data).success();
    for action in ["show", "resume", "undo"] {
        let missing = command(["jobs", action, "no-such-job"], &data).run();
        missing.failure(1);
        assert!(missing.stderr.contains("there is no job `no-such-job`"), "{missing}");
    }
    let done = newest(&data);
    let completed = command(["jobs", "resume", id(&done)], &data).run();
    completed.failure(1);
    assert!(completed.stderr.contains("is completed, so there is nothing to resume"), "{completed}");

    // One that waits for its input lives, and says so.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut waiting = command(["users", "import", "--format", "csv"], &data).arg(&pipe).spawn();
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).expect("the other end is read");
    std::io::Write::write_all(&mut writer, users(5_000, |_| OTHER).as_bytes()).expect("it is read");
    let job = newest(&data);
    has(&job, &json!({"state": "running", "kind": "import"}));
    for action in ["resume", "undo"] {
        let refused = command(["jobs", action, id(&job)], &data).run();
        refused.failure(1);
        assert!(refused.stderr.contains("is being worked at"), "{refused}");
    }
    waiting.terminate();
    waiting.wait();
    drop(writer);
    has(&newest(&data), &json!({"state": "failed"}));
}

/// How often a job is killed in each of the two tests below.
const KILLS: usize = 50;

/// Starts a job, kills it at once, and gives the folder to be continued in copies.
fn begun(data: &Path, start: &[&str], file: &Path) -> String {
    let mut process = command([], data).args(start).arg(file).spawn();
    let job = testkit::server::wait_for("the job", || {
        let stderr = process.stderr();
        let (_, rest) = stderr.split_once("Job ")?;
        rest.split_once('.').map(|(id, _)| id.to_owned())
    });
    process.kill();
    job
}

pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(copied.success());
}

/// Resumes a job until it is done; kills it on the way at points by chance, up to a number of times. Answers how often.
fn resumed(data: &Path, job: &str, kills: usize, span: Duration, random: &mut rand::rngs::StdRng) -> usize {
    let mut killed = 0;
    loop {
        let program = command(["jobs", "resume", job, "--take-over", "--release"], data);
        // One that was killed behind its last step has nothing left to do.
        let is_done = |outcome: &Outcome| outcome.code == Some(0) || outcome.stderr.contains("is completed");
        if killed == kills {
            let outcome = program.run();
            assert!(is_done(&outcome), "{outcome}");
            return killed;
        }
        let wait = span.mul_f64(random.random::<f64>());
        let mut process = program.spawn();
        let since = Instant::now();
        while since.elapsed() < wait && process.ended().is_none() {
            std::thread::yield_now();
        }
        match process.ended() {
            Some(_) => {
                let outcome: Outcome = process.outcome();
                assert!(is_done(&outcome), "{outcome}");
                return killed;
            }
            None => {
                process.kill();
                killed += 1;
            }
        }
    }
}

/// Kills a job at many points; every copy of the store comes to the same events, byte for byte.
pub fn killed_anywhere(prepared: &Path, home: &Path, start: &[&str], file: &Path, kills: usize) {
    let job = begun(prepared, start, file);
    let whole = home.join("whole");
    copy(prepared, &whole);
    let since = Instant::now();
    command(["jobs", "resume", &job, "--take-over", "--release"], &whole).run().success();
    let span = since.elapsed();
    let expected = world(&whole);
    assert!(expected.contains("riskEventStatus"), "there are events");

    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let (mut killed, mut copies) = (0, 0);
    while killed < kills {
        let data = home.join(format!("copy-{copies}"));
        copy(prepared, &data);
        // What a process died at five times is given up, which is not what is looked at here.
        killed += resumed(&data, &job, 4.min(kills - killed), span, &mut random);
        copies += 1;
        assert_eq!(world(&data), expected, "after {killed} kills");
        command(["doctor"], &data).run().success();
        fs::remove_dir_all(&data).expect("it is ours");
        assert!(copies < 20 * kills, "only {killed} of {kills} kills hit a job that ran");
    }
    // And what it did can be taken back.
    let before = home.join("before");
    copy(&home.join("untouched"), &before);
    command(["jobs", "undo", &job], &whole).run().success();
    assert_eq!(world(&whole), world(&before), "undo gives what was before");
}

#[test]
fn a_check_that_is_killed_anywhere_and_resumed_raises_the_same_events() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(400, |_| PASSWORD)), &data).success();
    let pairs = pairs((0..400).chain(0..400)) + &"u1@contoso.example:wrong\n".repeat(2_000);
    let file = write(folder.path(), "pairs.txt", &pairs);
    copy(&data, &folder.path().join("untouched"));
    killed_anywhere(&data, folder.path(), &["check", "--leaked", "2024-03-01"], &file, KILLS);
}

#[test]
fn an_import_that_is_killed_anywhere_and_resumed_closes_the_same_events() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &users(400, |_| PASSWORD)), &data).success();
    let all = write(folder.path(), "pairs.txt", &pairs(0..400));
    command(["check", "--brake-percent", "0", "--brake-administrators", "0"], &data).arg(&all).run().success();
    copy(&data, &folder.path().join("untouched"));
    let changed = users(800, |number| if number % 2 == 0 { OTHER } else { PASSWORD });
    let file = write(folder.path(), "changed.csv", &changed);
    killed_anywhere(&data, folder.path(), &["users", "import", "--full"], &file, KILLS);
}

/// What a provisioning client changes is answered for when it is written. What the day's job counts of it follows when it can.
#[test]
fn a_count_that_cannot_be_written_fails_nobody_and_is_not_lost() {
    let folder = folder();
    let data = folder.path().join("data");
    let server = testkit::server::TestServer::start(crate::BINARY, &data);
    let add = |number: usize| {
        let schema = "urn:ietf:params:scim:schemas:core:2.0:User";
        let user =
            json!({"schemas": [schema], "userName": format!("u{number}@corp.test"), "externalId": number.to_string()});
        server.call("POST", "/scim/v2/Users", Some(&user)).expect(201);
    };
    add(1);
    let database = crate::queue::database(&data);
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'not now'); END";
    database.execute_batch(refuse).expect("a trigger");
    (2..5).for_each(add);
    let counted = || {
        let job = newest(&data);
        let id = job["id"].as_str().expect("an id");
        summary(&command(["jobs", "show", "--json", id], &data).run())["progress"]["created"].clone()
    };
    assert_eq!(counted(), 1);
    database.execute_batch("DROP TRIGGER refuse").expect("it is there");
    add(5);
    assert_eq!(counted(), 5);
    assert!(server.stderr().contains("written with the day's next"), "{}", server.stderr());
    server.stop().success();
}
