//! Where findings stand, reports of scans, and what scans tell programs.

use crate::directory::{events, has, with_file, write};
use crate::scan::{scan, summary, told};
use crate::{command, folder};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// NT hash of `password`.
const PASSWORD: &str = "{NT}8846F7EAEE8FB117AD06BDD830B7586C";

/// A folder with a directory of users who all have the same password: two departments, and one administrator.
fn directory(count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let mut text = "id,upn,displayName,department,verifier,administrator\n".to_owned();
    for number in 0..count {
        let department = ["Sales", "Care & Repair"][number % 2];
        let administrator = number == 3;
        writeln!(text, "u-{number},u{number}@contoso.example,User {number},{department},{PASSWORD},{administrator}")
            .expect("memory");
    }
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", &text), &data).success();
    (folder, data)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The line of a file in a tar archive or beside it, as one finds it by hand.
fn line_of(content: &str, number: &Value) -> String {
    let number = number.as_u64().expect("a line") as usize;
    content.lines().nth(number - 1).expect("there is such a line").to_owned()
}

#[test]
fn from_an_event_one_step_leads_to_the_line() {
    let (folder, data) = directory(6);
    let material = folder.path().join("material");
    fs::create_dir(&material).expect("a folder");
    let first = "nobody\nsomebody@gmail.com:x\nhttps://shop.example/login:u1@contoso.example:password\n\
                 u2@contoso.example:stale\nu2@contoso.example:password\nu1@contoso.example:password\n";
    let second = "\u{fc}\nu2@contoso.example:password\n";
    write(&material, "a.txt", first);
    write(&material, "b.txt", second);
    let tar = folder.path().join("all.tar");
    let packed = Command::new("tar").arg("-C").arg(folder.path()).arg("-cf").arg(&tar).arg("material").status();
    assert!(packed.expect("tar").success());
    let found = scan(&data, &["--source", "a leak"], &[&tar]);
    has(&summary(&found), &json!({"eventsRaised": 2, "current": 4}));

    for event in events(&data, "id,userId,userPrincipalName") {
        let id = text(&event["id"]);
        let places = command(["events", "places", id], &data).run().lines();
        assert_eq!(places.len(), 1, "one source, and of that the first place: {places:?}");
        let place = &places[0];
        let path = text(&place["document"]);
        assert!(path == format!("{}!material/a.txt", tar.display()), "{place}");
        let name = text(&event["userPrincipalName"]);
        let expected = if name.starts_with("u1") { 3 } else { 5 };
        assert_eq!(place["line"], expected);
        let line = line_of(first, &place["line"]);
        assert!(line.contains(name) && line.ends_with(":password"), "{place}");
        let offset = place["offset"].as_u64().expect("an offset") as usize;
        assert!(first[offset..].starts_with(name), "{place}");
        let host = if expected == 3 { json!("shop.example") } else { Value::Null };
        has(place, &json!({"host": host, "source": "a leak", "matchClass": "pair", "occurrences": 2}));
        assert_eq!(place["job"], summary(&found)["job"]);
    }
    let missing = command(["events", "places", "none"], &data).run();
    assert!(missing.failure(1).contains("there is no event `none`"), "{missing}");
}

#[test]
fn findings_of_a_job_are_listed_with_their_events() {
    let (folder, data) = directory(6);
    let file = write(folder.path(), "a.txt", "\nu4@contoso.example:password\nu3@contoso.example;password\n");
    let found = scan(&data, &[], &[&file]);
    let job = summary(&found)["job"].clone();
    let findings = command(["jobs", "findings", text(&job)], &data).run().lines();
    let seen: Vec<_> = findings.iter().map(|row| (text(&row["userId"]), row["line"].as_u64())).collect();
    assert_eq!(seen, [("u-3", Some(3)), ("u-4", Some(2))]);
    has(
        &findings[0],
        &json!({"userPrincipalName": "u3@contoso.example", "userDisplayName": "User 3", "shape": "combo"}),
    );
    let ids: Vec<Value> = events(&data, "id,userId").into_iter().map(|event| event["id"].clone()).collect();
    assert!(findings.iter().all(|row| ids.contains(&row["eventId"])), "{findings:?} {ids:?}");
    // The event's user is what the finding's is.
    for row in &findings {
        assert_eq!(row["document"], json!(file), "the whole path");
        let places = command(["events", "places", text(&row["eventId"])], &data).run().lines();
        assert_eq!(places[0]["offset"], row["offset"]);
    }
}

/// What is said of places is in no answer of the API and in no export: they are for the command line alone.
#[test]
fn places_are_no_part_of_events() {
    let (folder, data) = directory(6);
    let file = write(folder.path(), "where-it-stands.txt", "https://shop.example/:u4@contoso.example:password\n");
    scan(&data, &["--source", "a leak"], &[&file]).success();
    for arguments in [["events", "export"], ["events", "list"]] {
        let told = command(arguments, &data).arg("--json").run();
        assert!(told.success().contains("u4@contoso.example"), "{told}");
        assert!(!told.stdout.contains("where-it-stands") && !told.stdout.contains("shop.example"), "{told}");
    }
}

/// The files of a report in every form.
fn forms(folder: &Path) -> [PathBuf; 3] {
    ["report.html", "report.json", "report.txt"].map(|name| folder.join(name))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn reports_are_made_with_the_scan_and_of_its_job() {
    let (folder, data) = directory(40);
    let mut material = "somebody@gmail.com:x\n".repeat(9);
    for number in 0..6 {
        writeln!(material, "u{number}@contoso.example:password").expect("memory");
    }
    let file = write(folder.path(), "combo.txt", &material);
    let [html, json, plain] = forms(folder.path());
    let arguments = |files: [&Path; 3]| files.map(|file| ["--report".to_owned(), file.display().to_string()]).concat();
    let with_reports = arguments([&html, &json, &plain]);
    let with_reports: Vec<&str> = with_reports.iter().map(String::as_str).collect();

    let dry = scan(&data, &[&["--dry-run"], &with_reports[..]].concat(), &[&file]);
    has(&summary(&dry), &json!({"state": "dryRun", "job": null, "current": 6}));
    let report: Value = serde_json::from_str(&read(&json)).expect("JSON");
    assert_eq!(report["job"], Value::Null);
    let expected =
        json!({"users": 6, "administrators": 1, "disabled": 0, "credentials": 6, "findings": 6, "occurrences": 6});
    assert_eq!(report["totals"], expected);
    assert!(read(&html).contains("Dry run") && read(&plain).contains("dry run"));
    assert_eq!(events(&data, "id"), [] as [Value; 0]);

    let program = command(["scan", "--leaked", "2024-03-01"], &data).args(with_reports.iter().copied()).arg(&file);
    let held = program.run();
    assert!(held.failure(1).contains("6 of 40 users"), "{held}");
    let report: Value = serde_json::from_str(&read(&json)).expect("JSON");
    assert_eq!((&report["job"]["state"], &report["raised"]), (&json!("held"), &Value::Null));
    for page in [read(&html), read(&plain)] {
        assert!(page.to_lowercase().contains("held") && page.contains("6 of 40 users"), "{page}");
    }
    let id = text(&report["job"]["id"]).to_owned();
    command(["jobs", "resume", &id, "--release"], &data).run().success();

    let again =
        arguments([&html, &json, &plain]).iter().map(|word| word.replace("--report", "--output")).collect::<Vec<_>>();
    command(["jobs", "report", &id], &data).args(again).run().success();
    let report: Value = serde_json::from_str(&read(&json)).expect("JSON");
    has(&report["job"], &json!({"state": "completed"}));
    has(&report["raised"], &json!({"raised": 6}));
    assert_eq!(report["totals"], expected);
    assert_eq!(
        report["charts"]["byDepartment"],
        json!([{"name": "Care & Repair", "count": 3}, {"name": "Sales", "count": 3}])
    );
    assert_eq!(report["charts"]["overTime"], json!([{"name": "2024-03", "count": 6}]));
    assert_eq!(report["findings"][0]["userPrincipalName"], "u3@contoso.example", "administrators come first");
    let sum: u64 =
        report["outcomes"].as_array().expect("a list").iter().filter_map(|line| line["count"].as_u64()).sum();
    assert_eq!(json!(sum), report["material"]["lines"]);
    let raised = events(&data, "id");
    for finding in report["findings"].as_array().expect("a list") {
        assert!(raised.iter().any(|event| event["id"] == finding["eventId"]), "{finding}");
    }
    let page = read(&html);
    for said in ["Completed", "Care &#38; Repair", "u3@contoso.example", "combo.txt:13", "2024-03"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(page.contains("default-src 'none'") && !page.contains("<script"), "{page}");
    for file in [&html, &json, &plain] {
        let mode = fs::metadata(file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "it is about people: {}", file.display());
    }
    let printed = command(["jobs", "report", &id], &data).run();
    assert!(printed.success().contains("u3@contoso.example"), "{printed}");
    let printed = command(["jobs", "report", &id, "--json"], &data).run();
    let report: Value = serde_json::from_str(printed.success()).expect("JSON");
    assert_eq!(report["totals"], expected);
}

#[test]
fn a_report_that_cannot_be_is_refused_before_anything_is_read() {
    let (folder, data) = directory(6);
    let file = write(folder.path(), "combo.txt", "u1@contoso.example:password\n");
    let nowhere = folder.path().join("none").join("r.html");
    for (report, code, said) in [(Path::new("r.pdf"), 2, ".html, .json or .txt"), (&nowhere, 1, "cannot be written")] {
        let refused = scan(&data, &["--report", &report.display().to_string()], &[&file]);
        assert!(refused.failure(code).contains(said), "{refused}");
    }
    assert_eq!(events(&data, "id"), [] as [Value; 0]);
    let import = command(["jobs", "list"], &data).run().lines();
    assert_eq!(import.len(), 1, "no scan was begun: {import:?}");
    let refused = command(["jobs", "report", text(&import[0]["id"])], &data).run();
    assert!(refused.failure(1).contains("no scan"), "{refused}");
}

#[test]
fn programs_are_told_events_and_people_lines() {
    let (folder, data) = directory(6);
    let material = "u1@contoso.example:password\nsomebody@gmail.com:x\n";
    let files: Vec<PathBuf> = (0..5).map(|n| write(folder.path(), &format!("m{n}.txt"), material)).collect();
    let jpeg = folder.path().join("c.jpg");
    fs::write(&jpeg, b"\xff\xd8\xff\xe0\x00\x10JFIF\x00").expect("a file");
    let mut sources: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    sources.push(&jpeg);
    let outcome = scan(&data, &[], &sources);
    let first: Value = serde_json::from_str(outcome.success().lines().next().expect("a line")).expect("JSON");
    let job = summary(&outcome)["job"].clone();
    has(&first, &json!({"event": "started", "job": job, "users": 6, "usersWithVerifiers": 6, "domains": 1}));
    assert_eq!(first["sources"].as_array().map(Vec::len), Some(6));
    let documents = told(&outcome, "document");
    assert_eq!(documents.len(), 5, "each is told: {outcome}");
    assert_eq!(documents[0]["shapes"][0]["shape"], "combo");
    assert_eq!(told(&outcome, "problem").len(), 1);
    let progress = told(&outcome, "progress");
    let last = progress.last().expect("at the end at least");
    has(last, &json!({"lines": 10, "documents": 5, "problems": 1, "findings": 5, "etaSeconds": 0}));
    has(&summary(&outcome), &json!({"event": "summary", "state": "completed", "eventsRaised": 1, "candidates": 5}));

    let program = command(["scan", "--dry-run"], &data).args(sources.iter().map(|source| source.as_os_str()));
    let plain = program.run();
    plain.success();
    let row = |name: &str| {
        let line = plain.stdout.lines().find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {plain}"));
        line.trim_start()[name.len()..].split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_eq!([row("files"), row("lines"), row("password"), row("current")], ["6", "10", "5", "5"]);
    assert!(plain.stdout.lines().all(|line| line.len() <= 100), "{plain}");
    assert!(!plain.stdout.contains('{') && !plain.stdout.contains("blank"), "{plain}");
    assert!(plain.stderr.contains("m0.txt: combo") && plain.stderr.contains("c.jpg"), "{plain}");
    assert!(!plain.stderr.contains("m3.txt"), "people are told of the first three: {plain}");
}
