//! `spillwatch scan --distributed` and `spillwatch worker`: several processes on one data folder.

use crate::directory::{has, with_file, write};
use crate::jobs::copy;
use crate::scan::summary;
use crate::{command, folder};
use base64::alphabet;
use base64::engine::general_purpose::NO_PAD;
use base64::engine::{Engine as _, GeneralPurpose};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::server::{Outcome, Process, Program, wait_for};

/// NT hash of `password`.
const PASSWORD: &str = "{NT}8846F7EAEE8FB117AD06BDD830B7586C";
/// How many users a directory has here.
pub const USERS: usize = 200;

/// A directory, as a file. The last user's verifier is slow; three cannot sign in.
pub fn users() -> String {
    let slow = slow_verifier();
    let mut text = "id,upn,mail,enabled,verifier\n".to_owned();
    for number in 0..USERS {
        let verifier = if number + 1 == USERS { &*slow } else { PASSWORD };
        let enabled = number % 70 != 1;
        writeln!(text, "u-{number:04},u{number}@contoso.example,u{number}@contoso.example,{enabled},{verifier}")
            .expect("memory");
    }
    text
}

/// A bcrypt hash of `password`, of which each check takes some hundredths of a second.
fn slow_verifier() -> String {
    let (salt, text) = (*b"sixteen bytes ..", GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD));
    let hash = bcrypt::bcrypt(9, salt, b"password\0");
    format!("$2b$09${}{}", text.encode(salt), text.encode(&hash[..23]))
}

/// Guesses at the last user's password, which wait in the queue.
fn slow_guesses() -> String {
    (0..60).fold(String::new(), |mut text, number| {
        writeln!(text, "u{}@contoso.example:guess {number}", USERS - 1).expect("memory");
        text
    })
}

/// Some MiB of lists, blocks, records in long lines and lines that are too long, in no order that fits pieces.
pub fn mixed() -> String {
    let mut text = slow_guesses();
    for number in 0..60_000_usize {
        let user = number / 300 % USERS;
        match number % 300 {
            0 => writeln!(text, "u{user}@contoso.example:password"),
            77 => {
                writeln!(text, "\nURL: https://site.example/a\nUsername: u{user}@contoso.example\nPassword: password\n")
            }
            150 if number % 7 == 0 => {
                let row = |n: usize| format!("({n},'someone{n}@gmail.com','x')");
                let rows: Vec<String> = (number..number + 2_500).map(row).collect();
                writeln!(text, "INSERT INTO t VALUES {},(1,'u{user}@contoso.example','password');", rows.join(","))
            }
            200 if number % 11 == 0 => writeln!(text, "{}u{user}@contoso.example:password", "x".repeat(70_000)),
            250 => writeln!(text, "gone{number}@contoso.example:password"),
            _ => writeln!(text, "somebody{number}@gmail.com:some password {number}"),
        }
        .expect("memory");
    }
    text
}

/// What is scanned first, and longest: UTF-16 is not cut into pieces, and this takes more than a second in a build for tests.
/// Whoever is to be met in the midst of a piece is met in this one.
pub const FIRST: &str = "0 first.txt";

/// A folder of material: one in UTF-16, a long text, one that is packed, a short one, and something that is none.
pub fn material(folder: &Path) -> PathBuf {
    let place = folder.join("material");
    fs::create_dir(&place).expect("a folder");
    write(&place, "a long.txt", &mixed());
    let packed = write(&place, "b.txt", "u1@contoso.example:password\nu2@contoso.example:other\n");
    assert!(Command::new("gzip").arg(&packed).status().expect("gzip").success());
    let wide: Vec<u8> = format!("\u{feff}{}", "u3@contoso.example:password\n".repeat(100_000))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(place.join(FIRST), wide).expect("a file");
    write(&place, "d.txt", "u4@contoso.example:password\n");
    fs::write(place.join("e.jpg"), b"\xff\xd8\xff\xe0\x00\x10JFIF\x00").expect("a file");
    place
}

struct Place {
    folder: tempfile::TempDir,
    /// A store with the directory.
    data: PathBuf,
    material: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        with_file(["users", "import"], &write(folder.path(), "users.csv", &users()), &data).success();
        let material = material(folder.path());
        Self { folder, data, material }
    }

    /// A store like the first one.
    fn like(&self, name: &str) -> PathBuf {
        let copied = self.folder.path().join(name);
        copy(&self.data, &copied);
        copied
    }
}

/// The options of every scan here; the brake is released.
pub const SCAN: [&str; 6] = ["scan", "--json", "--brake-percent", "0", "--leaked", "2024-03-01"];

/// A scan over workers, in pieces of a MiB.
pub fn distributed(program: Program) -> Program {
    program.args(["--distributed", "--piece-size", "1"])
}

/// A worker that others wait for only so long as a test can.
fn worker(data: &Path, name: &str) -> Program {
    command(["worker", "--lease", "2", "--log", "debug", "--name", name], data)
}

/// What a store shows of its events, without the times of when they were made and changed.
#[track_caller]
pub fn events_of(exported: &Outcome) -> Vec<Value> {
    let mut events = exported.lines();
    for event in &mut events {
        let event = event.as_object_mut().expect("an object");
        event.retain(|name, _| !["createdDateTime", "lastUpdatedDateTime", "@odata.etag"].contains(&name.as_str()));
    }
    events.sort_by_key(|event| event["id"].as_str().map(str::to_owned));
    events
}

#[track_caller]
fn world(data: &Path) -> Vec<Value> {
    let events = events_of(&command(["events", "export"], data).run());
    assert!(events.len() > 100, "there are events: {}", events.len());
    events
}

/// What a scan has counted. Which job it was, and which process was asked about a candidate again, differs.
#[track_caller]
pub fn counted(outcome: &Outcome) -> Value {
    outcome.success();
    let mut counted = summary(outcome);
    let members = counted.as_object_mut().expect("an object");
    members.retain(|name, _| !["job", "verified", "repeated"].contains(&name.as_str()));
    counted
}

/// The job that a process says it is at.
pub fn job_of(process: &Process) -> String {
    wait_for("the job", || {
        let stderr = process.stderr();
        stderr.lines().find_map(|line| line.strip_prefix("Job ")?.strip_suffix('.').map(str::to_owned))
    })
}

/// Waits until a worker is in the midst of the first piece.
#[track_caller]
pub fn wait_for_piece(worker: &mut Process) {
    wait_for("a piece to be begun", || {
        assert!(worker.ended().is_none(), "it has ended: {}", worker.stderr());
        worker.stderr().contains("a piece is begun").then_some(())
    });
    assert!(worker.stderr().contains(FIRST), "it comes first: {}", worker.stderr());
}

/// Ends a worker as an operator does, once it has begun to wait for work: before it listens, a signal just kills it.
#[track_caller]
pub fn stop(mut worker: Process) -> Outcome {
    wait_for("the worker to begin", || {
        assert!(worker.ended().is_none(), "it has ended: {}", worker.stderr());
        worker.stderr().contains("waiting for pieces").then_some(())
    });
    worker.terminate();
    worker.wait();
    let outcome = worker.outcome();
    outcome.success();
    outcome
}

#[test]
fn workers_find_exactly_what_one_process_finds_though_one_is_killed() {
    let place = Place::new();
    let (alone, shared) = (place.like("alone"), place.like("shared"));
    let one = command(SCAN, &alone).arg(&place.material).run();
    one.success();
    has(&summary(&one), &json!({"items": 5, "documents": 4, "problems": 1, "users": USERS, "disabledUsers": 3}));

    let coordinator = distributed(command(SCAN, &shared)).arg(&place.material).spawn();
    let mut first = worker(&shared, "first").spawn();
    wait_for_piece(&mut first);
    first.kill();
    let others = [worker(&shared, "second").spawn(), worker(&shared, "third").spawn()];
    let spread = ended(coordinator);
    spread.success();
    assert_eq!(counted(&spread), counted(&one), "{spread}");
    assert_eq!(world(&shared), world(&alone));
    for said in ["Looking for", "pieces for workers", "e.jpg: JPEG image", "\"event\":\"progress\""] {
        assert!(spread.to_string().contains(said), "{said}: {spread}");
    }
    assert!(!spread.to_string().contains("password:"), "samples are redacted: {spread}");
    let logs: String = others.into_iter().map(|worker| stop(worker).stderr).collect();
    assert!(logs.contains(FIRST), "somebody took over what the first one had: {logs}");
    command(["doctor"], &shared).run().success();

    // It is a job like any other: it is undone, and scanning again changes nothing.
    let again = command(SCAN, &shared).arg(&place.material).run();
    has(&summary(&again), &json!({"eventsRaised": 0, "evidenceAdded": 0, "eventsReopened": 0}));
    let jobs = command(["jobs", "list"], &shared).run().lines();
    let id = jobs[1]["id"].as_str().expect("an id");
    has(&summary(&command(["jobs", "show", id], &shared).run()), &json!({"state": "completed", "kind": "scan"}));
}

/// Waits longer than for other processes: builds for tests are slow.
pub fn ended(mut process: Process) -> Outcome {
    for _ in 0..5 {
        if process.ended().is_some() {
            break;
        }
        let patience = std::time::Instant::now();
        while process.ended().is_none() && patience.elapsed() < testkit::server::PATIENCE {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    process.wait();
    process.outcome()
}

#[test]
fn a_scan_over_workers_goes_on_where_its_coordinator_was_killed() {
    let place = Place::new();
    let (alone, shared) = (place.like("alone"), place.like("shared"));
    let one = command(SCAN, &alone).arg(&place.material).run();
    let mut coordinator = distributed(command(SCAN, &shared)).arg(&place.material).spawn();
    let job = job_of(&coordinator);
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    coordinator.kill();
    // Workers need nobody to wait for them.
    worker(&shared, "w").arg("--until-idle").run().success();
    let resume = command(["jobs", "resume", &job, "--take-over", "--release", "--json"], &shared);
    let resumed = resume.run();
    resumed.success();
    assert_eq!(counted(&resumed), counted(&one), "{resumed}");
    assert_eq!(world(&shared), world(&alone));
    assert!(resume.run().failure(1).contains("is completed"));

    // One that is told to stop says how to go on, and workers leave its pieces alone until it does.
    let stopped = place.like("stopped");
    let mut coordinator = distributed(command(SCAN, &stopped)).arg(&place.material).spawn();
    let job = job_of(&coordinator);
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    coordinator.terminate();
    coordinator.wait();
    let outcome = coordinator.outcome();
    assert!(outcome.failure(1).contains(&format!("jobs resume {job}")), "{outcome}");
    let idle = worker(&stopped, "w").arg("--until-idle").run();
    idle.success();
    assert!(!idle.stderr.contains("a piece is begun"), "{idle}");
    let resumed = command(["jobs", "resume", &job, "--release", "--json"], &stopped).spawn();
    let worker = worker(&stopped, "w").spawn();
    let resumed = ended(resumed);
    assert_eq!(counted(&resumed), counted(&one), "{resumed}");
    stop(worker);
}

#[test]
fn a_worker_that_is_told_to_stop_gives_its_piece_back_at_once() {
    let place = Place::new();
    let mut coordinator = distributed(command(SCAN, &place.data)).arg(&place.material).spawn();
    // Others would wait an hour for it.
    let patient = command(["worker", "--lease", "3600", "--log", "debug"], &place.data);
    let mut first = patient.spawn();
    wait_for_piece(&mut first);
    let log = stop(first).stderr;
    assert!(log.contains("the piece was given back"), "{log}");
    let once = worker(&place.data, "second").arg("--once").run();
    once.success();
    assert!(once.stderr.contains(FIRST) && once.stderr.contains("a piece is scanned"), "{once}");
    assert_eq!(once.stderr.matches("a piece is begun").count(), 1, "{once}");
    coordinator.kill();
}

#[test]
fn what_cannot_be_shared_is_refused_and_a_worker_without_work_ends_when_asked() {
    let place = Place::new();
    for (arguments, said) in [
        (&["-"][..], "standard input is here only"),
        (&["a.txt", "--dry-run"][..], "--dry-run keeps nothing"),
        (&["a.txt", "--threads", "3"][..], "give it to `spillwatch worker`"),
        (&["a.txt", "--passwords"][..], "read by one process"),
    ] {
        let refused = command(["scan", "--distributed"], &place.data).args(arguments.iter().copied()).run();
        assert!(refused.failure(2).contains(said), "{refused}");
    }
    for way in ["--once", "--until-idle"] {
        worker(&place.data, "w").arg(way).run().success();
    }
    assert_eq!(command(["jobs", "list"], &place.data).run().lines().len(), 1, "nothing was begun but the import");

    // A pipe that is found among the sources ends the job in words.
    let pipe = place.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let refused = distributed(command(SCAN, &place.data)).arg(&pipe).run();
    assert!(refused.failure(1).contains("a named pipe is here only"), "{refused}");
}

#[test]
fn a_worker_needs_the_passwords_of_archives_that_the_scan_has() {
    let place = Place::new();
    let people = ["scan", "--brake-percent", "0"];
    let coordinator = distributed(command(people, &place.data))
        .env("SPILLWATCH_ARCHIVE_PASSWORD", "infected")
        .arg(place.material.join("d.txt"))
        .spawn();
    let job = job_of(&coordinator);
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    let without = worker(&place.data, "w").arg("--until-idle").run();
    without.success();
    for said in [&job, "SPILLWATCH_ARCHIVE_PASSWORD", "leaves a job to others"] {
        assert!(without.stderr.contains(said), "{said}: {without}");
    }
    let with = worker(&place.data, "w").arg("--until-idle").env("SPILLWATCH_ARCHIVE_PASSWORD", "infected").run();
    with.success();
    let outcome = ended(coordinator);
    outcome.success();
    assert!(outcome.stderr.contains("d.txt: combo 100 %; ASCII"), "{outcome}");
    assert!(!outcome.to_string().contains(":password"), "samples are redacted: {outcome}");
    let jobs = command(["jobs", "list", "--top", "1"], &place.data).run();
    has(&summary(&jobs), &json!({"id": job, "state": "completed"}));
    assert!(!with.to_string().contains("infected"), "{with}");
}

#[test]
fn what_changed_since_it_was_listed_or_is_gone_is_named() {
    let place = Place::new();
    let coordinator = distributed(command(SCAN, &place.data)).arg(&place.material).spawn();
    wait_for("the pieces", || coordinator.stderr().contains("pieces for workers").then_some(()));
    write(&place.material, "d.txt", "u5@contoso.example:password\nu6@contoso.example:password\n");
    fs::remove_file(place.material.join(FIRST)).expect("it is ours");
    let worker = worker(&place.data, "w").spawn();
    let outcome = ended(coordinator);
    outcome.success();
    stop(worker);
    has(&summary(&outcome), &json!({"problems": 3, "items": 3}));
    for said in ["d.txt: was changed after it was listed", "0 first.txt: not scanned: ", "there is no such file"] {
        assert!(outcome.to_string().contains(said), "{said}: {outcome}");
    }
}
