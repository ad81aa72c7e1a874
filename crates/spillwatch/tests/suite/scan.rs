//! `spillwatch scan`: breach material in, events out.

use crate::directory::{events, has, with_file, write};
use crate::{command, folder};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::server::Outcome;

/// NT hash of `password`.
const PASSWORD: &str = "{NT}8846F7EAEE8FB117AD06BDD830B7586C";

/// A folder with the directory of so many users, all with the same password.
fn directory(count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let mut text = "id,upn,mail,sam,verifier\n".to_owned();
    for number in 0..count {
        writeln!(text, "u-{number:04},u{number}@contoso.example,u{number}@contoso.example,sam{number},{PASSWORD}")
            .expect("memory");
    }
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &text), &data).success();
    (folder, data)
}

/// Scans without a brake, and is told events.
pub fn scan(data: &Path, arguments: &[&str], sources: &[&Path]) -> Outcome {
    let program = command(["scan", "--json", "--brake-percent", "0"], data).args(arguments.iter().copied());
    program.args(sources.iter().map(|source| source.as_os_str())).run()
}

/// The last line of JSON that a command prints, whether it succeeds or not.
#[track_caller]
pub fn summary(outcome: &Outcome) -> Value {
    let last = outcome.stdout.lines().next_back().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("no summary: {outcome}"))
}

/// The events of a kind.
pub fn told(outcome: &Outcome, event: &str) -> Vec<Value> {
    let lines = outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines"));
    lines.filter(|line: &Value| line["event"] == event).collect()
}

/// Every line has exactly one outcome.
#[track_caller]
pub fn every_line_is_counted(summary: &Value) {
    const OTHERS: [&str; 25] = [
        "event",
        "job",
        "state",
        "candidates",
        "verified",
        "repeated",
        "withoutVerifier",
        "leftOut",
        "queued",
        "retained",
        "addressOnly",
        "items",
        "documents",
        "problems",
        "lines",
        "bytes",
        "current",
        "users",
        "disabledUsers",
        "eventsRaised",
        "eventsReopened",
        "evidenceAdded",
        "known",
        "outdated",
        "userGone",
    ];
    let all = summary.as_object().expect("an object");
    let outcomes = all.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str()));
    let sum: u64 = outcomes.map(|(_, count)| count.as_u64().expect("a number")).sum();
    assert_eq!(json!(sum), summary["lines"], "{summary}");
}

#[test]
fn every_shape_is_found_in_one_file_and_nothing_else() {
    let (folder, data) = directory(20);
    let text = "u0@contoso.example:password\n\
                https://mail.contoso.example/login:u1@contoso.example:password\n\
                password:u2@contoso.example\n\
                \n\
                URL: https://site.example\nUsername: u3@contoso.example\nPassword: password\n\
                \n\
                7,\"u4@contoso.example\",\"Last, First\",\"password\"\n\
                INSERT INTO t (a,b) VALUES (1,'u5@contoso.example','password'),(2,'x@gmail.com','password');\n\
                {\"id\":1,\"email\":\"u6@contoso.example\",\"password\":\"password\"}\n\
                u7@contoso.example:$HEX[70617373776f7264]\n\
                CONTOSO\\sam8:password\n\
                u9@contoso.example:8846f7eaee8fb117ad06bdd830b7586c\n\
                U10+tag@CONTOSO.example;password\n\
                u11@contoso.example:not the one\n\
                u12@contoso.example:Password\n\
                nobody@contoso.example:password\n\
                someone@gmail.com:password\n";
    let file = write(folder.path(), "mixed.txt", text);
    let outcome = scan(&data, &["--leaked", "2024-03-01"], &[&file]);
    outcome.success();
    let found = summary(&outcome);
    every_line_is_counted(&found);
    let users: Vec<Value> = events(&data, "userId").into_iter().map(|event| event["userId"].clone()).collect();
    let expected: Vec<Value> = (0..11).filter(|number| *number != 8).map(|n| json!(format!("u-{n:04}"))).collect();
    let known: Vec<Value> = users.iter().filter(|user| **user != json!("u-0008")).cloned().collect();
    assert_eq!(known, expected, "{outcome}");
    has(&found, &json!({"items": 1, "documents": 1, "problems": 0, "unknownAccount": 1, "foreignAddress": 1}));
    let document = &told(&outcome, "document")[0];
    assert!(document["path"].as_str().is_some_and(|path| path.ends_with("mixed.txt")), "{document}");
    for said in ["Looking for", "in contoso.example"] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    assert!(!outcome.to_string().contains("password:"), "samples are redacted: {outcome}");

    let again = scan(&data, &[], &[&file]);
    has(&summary(&again), &json!({"eventsRaised": 0, "evidenceAdded": 0, "eventsReopened": 0}));
}

#[test]
fn archives_are_taken_off_and_what_is_not_read_is_named() {
    let (folder, data) = directory(20);
    let inner = folder.path().join("material");
    fs::create_dir(&inner).expect("a folder");
    let a = write(&inner, "a.txt", "u0@contoso.example:password\n");
    write(&inner, "b.txt", "u1@contoso.example:password\n");
    assert!(Command::new("gzip").arg(&a).status().expect("gzip").success());
    let tar = folder.path().join("all.tar.gz");
    let packed = Command::new("tar").arg("-C").arg(folder.path()).arg("-czf").arg(&tar).arg("material").status();
    assert!(packed.expect("tar").success());
    let jpeg = folder.path().join("c.jpg");
    fs::write(&jpeg, b"\xff\xd8\xff\xe0\x00\x10JFIF\x00").expect("a file");
    let outcome = scan(&data, &[], &[&tar, &jpeg]);
    outcome.success();
    let counts =
        json!({"items": 2, "documents": 2, "problems": 1, "current": 2, "eventsRaised": 2, "evidenceAdded": 0});
    has(&summary(&outcome), &counts); // each once, though the name stands in two attributes
    let problems = told(&outcome, "problem");
    assert!(problems[0]["message"].as_str().is_some_and(|said| said.contains("c.jpg")), "{outcome}");

    let whole = fs::read(&tar).expect("it is there");
    let cut = folder.path().join("cut.tar.gz");
    fs::write(&cut, &whole[..whole.len() - 20]).expect("a file");
    let outcome = scan(&data, &["--dry-run"], &[&cut]);
    let found = summary(&outcome);
    assert!(found["problems"].as_u64() >= Some(1), "{outcome}");
    let problems = told(&outcome, "problem");
    assert!(problems[0]["message"].as_str().is_some_and(|said| said.contains("cut.tar.gz")), "{outcome}");

    let nothing = scan(&data, &["--dry-run"], &[&jpeg]);
    nothing.failure(1);
    assert!(nothing.stderr.contains("nothing was read"), "{nothing}");
    let missing = scan(&data, &["--dry-run"], &[&folder.path().join("missing")]);
    missing.failure(1);
    let scheme = command(["scan", "ftp://host/file"], &data).run();
    assert_ne!(scheme.code, Some(0), "{scheme}");
}

#[test]
fn zero_findings_come_with_the_reason() {
    let (folder, data) = directory(20);
    for (text, said) in [
        ("a@gmail.com:x\nb@gmail.com:y\n", "believable for material about others"),
        ("one\ntwo\n", "Is this breach material?"),
        ("gone@contoso.example:x\n", "Is the directory complete?"),
        ("u1@contoso.example\nu2@contoso.example\n", "A list of addresses only?"),
        ("u1@contoso.example:x\n", "none of what stands beside their names is current"),
    ] {
        let outcome = scan(&data, &["--dry-run"], &[&write(folder.path(), "material.txt", text)]);
        outcome.success();
        has(&summary(&outcome), &json!({"current": 0}));
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
}

#[test]
fn a_scan_is_held_by_the_brake_and_undone_like_every_job() {
    let (folder, data) = directory(40);
    let text = (0..6).fold(String::new(), |mut text, number| {
        writeln!(text, "u{number}@contoso.example:password").expect("memory");
        text
    });
    let file = write(folder.path(), "combo.txt", &text);
    let held = with_file(["scan"], &file, &data);
    held.failure(1);
    assert!(held.stderr.contains("6 of 40 users"), "{held}");
    assert!(events(&data, "id").is_empty());
    let job = summary(&command(["jobs", "list", "--top", "1"], &data).run());
    has(&job, &json!({"kind": "scan", "state": "held"}));
    let id = job["id"].as_str().expect("an id");
    let released = command(["jobs", "resume", id, "--release", "--json"], &data).run();
    released.success();
    has(&summary(&released), &json!({"eventsRaised": 6}));
    command(["jobs", "undo", id], &data).run().success();
    assert!(events(&data, "id").is_empty());
}

#[test]
fn a_scan_that_waits_for_its_input_stops_when_it_is_told_to() {
    let (folder, data) = directory(20);
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let mut waiting = command(["scan"], &data).arg(&pipe).spawn();
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).expect("the other end is read");
    std::io::Write::write_all(&mut writer, b"u1@contoso.example:password\n").expect("it is read");
    testkit::server::wait_for("the job", || waiting.stderr().contains("Job ").then_some(()));
    waiting.terminate();
    waiting.wait();
    let outcome = waiting.outcome();
    outcome.failure(1);
    assert!(outcome.stderr.contains("SIGTERM") && outcome.stderr.contains("jobs resume"), "{outcome}");
    drop(writer);
    has(&summary(&command(["jobs", "list", "--top", "1"], &data).run()), &json!({"kind": "scan", "state": "failed"}));
}

#[test]
fn a_scan_that_is_killed_anywhere_and_resumed_raises_the_same_events() {
    let (folder, data) = directory(200);
    // Several chunks, in several documents: so that there are places in between.
    let mut text = String::new();
    for number in 0..120_000_usize {
        if number % 600 == 0 {
            writeln!(text, "u{}@contoso.example:password", number / 600).expect("memory");
        }
        writeln!(text, "somebody{number}@gmail.com:some password {number}").expect("memory");
    }
    let material = folder.path().join("material");
    fs::create_dir(&material).expect("a folder");
    for name in ["a.txt", "b.txt", "c.txt"] {
        let file = write(&material, name, &text);
        assert!(Command::new("gzip").arg("-1").arg(&file).status().expect("gzip").success());
    }
    crate::jobs::copy(&data, &folder.path().join("untouched"));
    crate::jobs::killed_anywhere(&data, folder.path(), &["scan", "--leaked", "2024-03-01"], &material, 20);
}
