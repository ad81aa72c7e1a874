//! `spillwatch users watch`: files that are put into a folder are imported and moved.

use crate::directory::{USERS, events, has, write};
use crate::{command, folder};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, wait_for};

/// A folder of exports and the data folder beside it.
fn places(root: &Path) -> (PathBuf, PathBuf) {
    let inbox = root.join("inbox");
    fs::create_dir(&inbox).expect("a folder can be made");
    (inbox, root.join("data"))
}

fn once(inbox: &Path, data: &Path) -> Outcome {
    command(["users", "watch", "--once"], data).arg(inbox).run()
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn report(folder: &Path, name: &str) -> Value {
    let file = folder.join(format!("{name}.report.json"));
    let mode = fs::metadata(&file).expect("there is a report").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "only its owner reads it");
    serde_json::from_str(&fs::read_to_string(file).expect("it is text")).expect("it is JSON")
}

#[test]
fn files_are_imported_in_order_and_moved_with_a_report() {
    let folder = folder();
    let (inbox, data) = places(folder.path());
    once(&inbox, &data).success();
    write(&inbox, "1.csv", USERS);
    write(&inbox, "2.csv", &USERS.replace(",Anna,", ",Anna the second,"));
    write(&inbox, "3.csv", "<!doctype html><html><body>no</body></html>");
    write(&inbox, "4.csv", "id,upn,verifier\nx,no name,{SHA}secretsecret\ny,eva@contoso.example,{SHA}secretsecret\n");
    write(&inbox, ".hidden.csv", USERS);
    write(&inbox, "5.csv.part", USERS);
    fs::create_dir(inbox.join("6.csv")).expect("a folder can be made");
    let outcome = once(&inbox, &data);
    outcome.failure(1);
    assert!(outcome.stderr.contains("2 files failed"), "{outcome}");
    assert_eq!(names(&inbox), [".hidden.csv", "5.csv.part", "6.csv", "done", "failed"]);
    assert_eq!(names(&inbox.join("done")), ["1.csv", "1.csv.report.json", "2.csv", "2.csv.report.json"]);
    assert_eq!(names(&inbox.join("failed")), ["3.csv", "3.csv.report.json", "4.csv", "4.csv.report.json"]);

    let first = report(&inbox.join("done"), "1.csv");
    has(&first, &json!({"file": "1.csv", "outcome": "imported", "jobState": "completed", "error": null}));
    has(&first["summary"], &json!({"entries": 4, "created": 4, "verifiersFirst": 3}));
    has(&report(&inbox.join("done"), "2.csv")["summary"], &json!({"updated": 1, "unchanged": 3}));
    let page = report(&inbox.join("failed"), "3.csv");
    has(&page, &json!({"outcome": "failed", "jobId": null, "summary": null}));
    assert!(page["error"].as_str().expect("a text").contains("a web page"), "{page}");
    let partly = report(&inbox.join("failed"), "4.csv");
    has(&partly, &json!({"outcome": "failed", "jobState": "completed", "error": "an entry was refused"}));
    assert!(partly["messages"].to_string().contains("4.csv:2 (entry 1)"), "{partly}");
    assert!(!partly.to_string().contains("secretsecret") && !outcome.to_string().contains("secretsecret"));

    // Neither is tried again, until it is put there again.
    once(&inbox, &data).success();
    fs::rename(inbox.join("failed/3.csv"), inbox.join("3.csv")).expect("it is ours");
    once(&inbox, &data).failure(1);
}

#[test]
fn what_others_may_read_or_write_is_refused() {
    let folder = folder();
    let (inbox, data) = places(folder.path());
    let file = write(&inbox, "users.csv", USERS);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let outcome = once(&inbox, &data);
    outcome.failure(1);
    let why = report(&inbox.join("failed"), "users.csv");
    assert!(why["error"].as_str().expect("a text").contains("chmod 600"), "{why}");
    assert!(command(["users", "list"], &data).run().lines().is_empty());

    fs::set_permissions(&inbox, fs::Permissions::from_mode(0o777)).expect("it is ours");
    let outcome = once(&inbox, &data);
    outcome.failure(1);
    assert!(outcome.stderr.contains("chmod o-w"), "{outcome}");
    let outcome = once(&file, &data);
    outcome.failure(1);
    assert!(outcome.stderr.contains("users.csv"), "{outcome}");
}

#[test]
fn a_file_that_the_brake_holds_is_released_where_it_lies() {
    let folder = folder();
    let (inbox, data) = places(folder.path());
    write(&inbox, "users.csv", USERS);
    let full = ["users", "watch", "--once", "--full", "--brake-administrators", "0", "--brake-percent", "1"];
    command(full, &data).arg(&inbox).run().success();
    let many =
        (0..8).fold("id,upn\n".to_owned(), |text, number| format!("{text}n{number},n{number}@contoso.example\n"));
    write(&inbox, "users.csv", &many);
    // Four who are gone are too few for the brake, which holds nothing under five.
    command(full, &data).arg(&inbox).run().success();
    write(&inbox, "users.csv", USERS);
    let held = command(full, &data).arg(&inbox).run();
    held.failure(1);
    let why = report(&inbox.join("failed"), "users.csv");
    has(&why, &json!({"outcome": "failed", "jobState": "held"}));
    assert!(why["error"].as_str().expect("a text").contains("--release"), "{why}");
    let id = why["jobId"].as_str().expect("a job").to_owned();
    let released = command(["jobs", "resume", "--release"], &data).arg(&id).run();
    released.success();
    assert_eq!(released.lines()[0]["removed"], 8, "{released}");
}

#[test]
fn a_watch_that_is_killed_loses_nothing_and_one_that_is_stopped_ends_well() {
    let folder = folder();
    let (inbox, data) = places(folder.path());
    let mut text = "id,upn,verifier\n".to_owned();
    for number in 0..20_000 {
        writeln!(text, "n-{number},u{number}@contoso.example,{{NT}}8846F7EAEE8FB117AD06BDD830B7586C").expect("memory");
    }
    write(&inbox, "users.csv", &text);
    let mut killed = command(["users", "watch", "--every", "1s"], &data).arg(&inbox).spawn();
    wait_for("the job", || killed.stderr().contains("Job ").then_some(()));
    killed.kill();
    assert!(inbox.join("users.csv").is_file(), "it is moved when it was imported");

    let mut watch = command(["users", "watch", "--every", "1s"], &data).arg(&inbox).spawn();
    wait_for("the file", || inbox.join("done/users.csv").is_file().then_some(()));
    has(&report(&inbox.join("done"), "users.csv")["summary"], &json!({"entries": 20_000, "refused": 0}));
    write(&inbox, "more.csv.part", USERS);
    fs::rename(inbox.join("more.csv.part"), inbox.join("more.csv")).expect("it is ours");
    wait_for("the other file", || inbox.join("done/more.csv").is_file().then_some(()));
    watch.terminate();
    watch.wait();
    let outcome = watch.outcome();
    outcome.success();
    assert!(outcome.stderr.contains("SIGTERM: stopped."), "{outcome}");
    let users = command(["users", "list", "--select", "id"], &data).run();
    assert_eq!(users.lines().len(), 20_004);
    assert!(events(&data, "id").is_empty());
}
