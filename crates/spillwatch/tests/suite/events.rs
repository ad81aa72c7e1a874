//! `spillwatch events`: queries, changes and files of events, on a store that a server may have open too.

use crate::{BINARY, EVENTS, command, event, folder, needs, prepared_folder};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::server::{Outcome, TestServer, wait_for, without_settings};

/// Events that are hard to write down: every status, and texts that CSV, JSON and spreadsheets trip over.
fn awkward() -> Vec<Value> {
    let names = [
        "Lind, Mara",
        "\"Mara\"",
        "=1+1",
        "'=1",
        "@x",
        "-2",
        "two\r\nlines",
        "  ",
        "",
        "Łind 字",
        "'",
        "tab\tname",
        "\\",
    ];
    let statuses = [
        "active",
        "remediated",
        "dismissedAsFixed",
        "dismissedAsFalsePositive",
        "dismissedAsIgnore",
        "loginBlocked",
        "closedMfaAuto",
        "closedMultipleReasons",
    ];
    let levels = ["low", "medium", "high", "hidden", "none", "unknownFutureValue"];
    let make = |(number, name): (usize, &&str)| {
        let mut event = event(number);
        event["userDisplayName"] = json!(name);
        event["riskEventStatus"] = json!(statuses[number % statuses.len()]);
        event["riskLevel"] = json!(levels[number % levels.len()]);
        event["riskEventDateTime"] = json!(format!("2026-03-{:02}T23:10:04.225566{number}Z", number + 1));
        if number % 3 == 0 {
            event["id"] = json!(format!("{}chosen-{number}", if number == 0 { "-" } else { "" }));
            event["createdDateTime"] = json!(format!("2026-04-{:02}T00:00:00.1Z", number + 1));
        }
        event
    };
    names.iter().enumerate().map(make).collect()
}

/// Runs `events import -` in a folder with this on standard input.
fn import<const N: usize>(more: [&str; N], data: &Path, input: &[u8]) -> Outcome {
    let mut child = Command::new(BINARY);
    child.args(["events", "import", "-"]).args(more).arg("--data").arg(data);
    without_settings(&mut child).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("it is piped");
    pipe.write_all(input).expect("the program reads");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The summary of an import: read, created, unchanged, updated, conflicts, refused.
#[track_caller]
fn counts(outcome: &Outcome) -> [u64; 6] {
    let line: Value = serde_json::from_str(outcome.stdout.trim()).unwrap_or_else(|_| panic!("no summary: {outcome}"));
    let names = ["read", "created", "unchanged", "updated", "conflicts", "refused"];
    let counts = names.map(|name| line[name].as_u64().unwrap_or_else(|| panic!("no {name}: {outcome}")));
    assert_eq!(counts[0], counts[1..].iter().sum::<u64>(), "every row is counted once: {outcome}");
    counts
}

fn jsonl(events: &[Value]) -> String {
    events.iter().fold(String::new(), |mut text, event| {
        writeln!(text, "{event}").expect("a string takes every write");
        text
    })
}

#[track_caller]
fn list<const N: usize>(more: [&str; N], data: &Path) -> Vec<Value> {
    command(["events", "list"], data).args(more).run().lines()
}

/// An answer of the API without control information.
fn bare(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(bare).collect(),
        Value::Object(members) => {
            let own = members.iter().filter(|(name, _)| !name.contains("@odata."));
            own.map(|(name, value)| (name.clone(), bare(value))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn a_list_is_what_the_api_answers() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    for number in 0..4 {
        let mut event = event(number);
        event["riskLevel"] = json!(["low", "high"][number % 2]);
        server.call("POST", EVENTS, Some(&event)).expect(201);
    }
    let user = json!({"id": event(1)["userId"], "accountEnabled": true, "displayName": "Mara Lind", "mailNickname": "mara",
        "userPrincipalName": "person1@fjord.example", "department": "Sales", "passwordProfile": {"password": "x"}});
    server.call("POST", "/v1.0/users", Some(&user)).expect(201);

    let api = |query: &str| {
        let answer = server.call("GET", &format!("{EVENTS}?{query}"), None).expect(200).json();
        bare(&answer["value"])
    };
    let cli = |options: &[&str]| Value::from(server.command(["events", "list"]).args(options).run().lines());
    assert_eq!(cli(&[]), api(""));
    assert_eq!(cli(&["--json", "--top", "2"]), api("$top=2"));
    assert_eq!(cli(&["--filter", "riskLevel eq 'high'"]), api("$filter=riskLevel%20eq%20'high'"));
    let ordered = api("$orderby=userPrincipalName%20desc&$select=id,riskLevel");
    assert_eq!(cli(&["--orderby", "userPrincipalName desc", "--select", "id,riskLevel"]), ordered);
    assert_eq!(ordered[0].as_object().expect("an event").len(), 2);
    assert_eq!(cli(&["--search", "person2"]), api("$search=person2"));
    let expanded = api("$expand=impactedUser&$filter=impactedUser/department%20eq%20'Sales'");
    assert_eq!(expanded[0]["impactedUser"]["displayName"], "Mara Lind");
    assert_eq!(cli(&["--expand", "impactedUser", "--filter", "impactedUser/department eq 'Sales'"]), expanded);
    assert_eq!(cli(&["--set", "identityriskevents", "--top", "1"]), api("$top=1"));
    server.stop().success();
}

#[test]
fn a_query_that_is_not_understood_is_told_as_the_api_tells_it() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let answer = server.call("GET", &format!("{EVENTS}?$filter=riskLevell%20eq%20'high'"), None).expect(400).json();
    let words = answer["error"]["message"].as_str().expect("a message");
    for action in ["list", "watch", "export"] {
        let refused = server.command(["events", action, "--filter", "riskLevell eq 'high'"]).run();
        assert!(refused.failure(2).contains(words), "{refused}\n{words}");
        assert_eq!(refused.stdout, "");
    }
    let both = server.command(["events", "list", "--filter", "x eq 1", "--select", "y"]).run();
    let told = both.failure(2);
    assert!(told.contains("2 things are wrong") && told.contains("`x`") && told.contains("`y`"), "every fault: {both}");
    let behind = server.command(["events", "watch", "--filter", "impactedUser/mail eq 'a'"]).run();
    assert!(behind.failure(2).contains("behind a relation"), "{behind}");
    server.stop().success();
}

#[test]
fn what_is_exported_comes_back_in_as_it_was() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    for event in awkward() {
        server.call("POST", EVENTS, Some(&event)).expect(201);
    }
    // A closed event of which nobody knows when it was closed.
    let closed = list(["--filter", "riskEventStatus eq 'remediated'", "--top", "1"], data.path()).remove(0);
    let path = format!("{EVENTS}/{}", closed["id"].as_str().expect("an id"));
    server.call("PATCH", &path, Some(&json!({"closedDateTime": null}))).expect(200);
    let all = list([], data.path());
    assert_eq!(all.len(), awkward().len());

    let place = folder();
    for (format, set) in [
        ("jsonl", "leakedCredentialsRiskEvents"),
        ("csv", "leakedCredentialsRiskEvents"),
        ("jsonl", "identityRiskEvents"),
        ("csv", "identityRiskEvents"),
    ] {
        let file = place.path().join(format!("{set}.{format}"));
        let path = file.to_str().expect("a plain name");
        let options = ["events", "export", "--format", format, "--set", set, "--output", path];
        let exported = server.command(options).run();
        exported.success();
        assert!(exported.stderr.contains(&format!("Exported {} events", all.len())), "{exported}");
        let other = prepared_folder();
        let rows = all.len() as u64;
        let first = command(["events", "import", path], other.path()).run();
        assert!(first.stderr.contains("by its name"), "{first}");
        assert_eq!(counts(&first), [rows, rows, 0, 0, 0, 0], "{first}");
        let by_id = |events: Vec<Value>| {
            let mut events: Vec<String> = events.iter().map(ToString::to_string).collect();
            events.sort();
            events
        };
        assert_eq!(by_id(list([], other.path())), by_id(all.clone()), "{format} {set}");
        // Once more, from a pipe, of which the beginning tells the format.
        let text = fs::read(&file).expect("the file is there");
        let again = import([], other.path(), &text);
        assert!(again.stderr.contains("by how it begins"), "{again}");
        assert_eq!(counts(&again), [rows, 0, rows, 0, 0, 0], "{again}");
        let exported = command(["events", "export", "--format", format, "--set", set], other.path()).run();
        assert_eq!(exported.stdout.as_bytes(), text, "an export of what was imported is the same, byte by byte");
    }
    // Into the store that it comes from, while the server runs.
    let back = command(["events", "export"], data.path()).run();
    let back = import([], data.path(), back.stdout.as_bytes());
    assert_eq!(counts(&back)[2], all.len() as u64, "{back}");
    server.stop().success();
}

#[test]
fn more_events_than_a_page_are_listed_exported_and_imported() {
    let data = prepared_folder();
    let events: Vec<Value> = (0..1_203)
        .map(|number| {
            let mut event = event(number);
            event["id"] = json!(format!("event-{number}"));
            event
        })
        .collect();
    let taken = import([], data.path(), jsonl(&events).as_bytes());
    assert_eq!(counts(&taken), [1_203, 1_203, 0, 0, 0, 0], "{taken}");
    assert_eq!(list([], data.path()).len(), 1_203);
    assert_eq!(list(["--top", "777"], data.path()).len(), 777);
    let exported = command(["events", "export"], data.path()).run().lines();
    let ids: Vec<&str> = exported.iter().filter_map(|event| event["id"].as_str()).collect();
    let expected: Vec<String> = (0..1_203).map(|number| format!("event-{number}")).collect();
    assert_eq!(ids, expected, "the oldest first, each once, in the order of the file");
    command(["doctor"], data.path()).run().success();
}

#[test]
fn a_faulty_row_is_refused_with_all_its_faults_and_the_others_go_on() {
    let data = prepared_folder();
    let good = |number: usize, id: &str| {
        let mut event = event(number);
        event["id"] = json!(id);
        event.to_string()
    };
    let mut file = b"\xef\xbb\xbf".to_vec();
    let mut line = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        file.extend_from_slice(b"\r\n");
    };
    line(good(1, "one").as_bytes());
    line(b"");
    line(br#"{"riskLevel":"severe","unknown":1}"#);
    line(b"{\"userDisplayName\":\"\xff\"}");
    line(b"{\"id\":");
    line(b"[]");
    line(&[b" ".repeat((1 << 20) + 1), b"{}".to_vec()].concat());
    line(good(2, "two").as_bytes());
    line(br##"{"@odata.type":"#microsoft.graph.identityRiskEvent","id":"three"}"##);
    let outcome = import([], data.path(), &file);
    assert_eq!(counts(&outcome), [8, 2, 0, 0, 0, 6], "{outcome}");
    let told = outcome.failure(1);
    assert!(told.contains("6 rows were refused"), "{outcome}");
    let of = |number: u32| -> Vec<&str> {
        let prefix = format!("standard input:{number}: ");
        told.lines().filter_map(|line| line.strip_prefix(prefix.as_str())).collect()
    };
    let third = of(3).join("\n");
    for part in ["riskLevel", "unknown", "`userDisplayName` is required", "`userId` is required", "riskEventDateTime"] {
        assert!(third.contains(part), "{part} in {third}");
    }
    assert_eq!(of(4), ["it is not UTF-8: byte 21 does not belong there"]);
    assert!(of(5)[0].starts_with("column 6: it is not a JSON object"), "{outcome}");
    assert!(of(6)[0].contains("not a JSON object"), "{outcome}");
    assert_eq!(of(7), ["the line has more than 1048576 bytes"]);
    assert!(of(9).join("\n").contains("can be created"), "{outcome}");
    let ids: Vec<Value> = list(["--select", "id", "--orderby", "id"], data.path());
    assert_eq!(ids, [json!({"id": "one"}), json!({"id": "two"})]);

    let csv = "riskLevel,userId\nhigh,u\nhigh\n\"high\"x,u\n";
    let outcome = import(["--format", "csv"], data.path(), csv.as_bytes());
    assert_eq!(counts(&outcome), [3, 0, 0, 0, 0, 3], "{outcome}");
    let told = outcome.failure(1);
    assert!(told.contains("input:2: `userDisplayName` is required"), "{outcome}");
    assert!(told.contains("input:3: the record has 1 cells") && told.contains("input:4: a cell goes on"), "{outcome}");

    for (text, words) in [("level,userId\nhigh,u\n", "`level` is not a property"), ("\u{1f}\u{8b}", "cannot be used")] {
        let outcome = import([], data.path(), text.as_bytes());
        assert!(outcome.failure(1).contains(words), "{outcome}");
        assert_eq!(outcome.stdout, "", "nothing was read");
    }
    let gone = command(["events", "import", "/nowhere/events.csv"], data.path()).run();
    assert!(gone.failure(1).contains("/nowhere/events.csv: "), "{gone}");
}

#[test]
fn an_event_that_is_there_is_left_as_it_is_unless_told_otherwise() {
    let data = prepared_folder();
    let mut first = event(1);
    first["id"] = json!("one");
    let mut second = first.clone();
    second["riskEventStatus"] = json!("remediated");
    second["riskLevel"] = json!("low");
    let (first, second) = (jsonl(&[first]), jsonl(&[second]));
    // The earlier row of a file wins, and the later one is told from it.
    let both = import([], data.path(), format!("{first}{second}{first}").as_bytes());
    assert_eq!(counts(&both), [3, 1, 1, 0, 1, 0], "{both}");
    both.success();
    assert!(both.stderr.contains("input:2: ") && both.stderr.contains("riskLevel, riskEventStatus"), "{both}");
    assert_eq!(list([], data.path())[0]["riskLevel"], "high");

    let dry = import(["--update", "--dry-run"], data.path(), format!("{second}{}", event(2)).as_bytes());
    assert_eq!(counts(&dry), [2, 1, 0, 1, 0, 0], "{dry}");
    assert!(dry.stderr.contains("Nothing was written"), "{dry}");
    assert_eq!(list([], data.path()).len(), 1);
    assert_eq!(list([], data.path())[0]["riskLevel"], "high");

    let updated = import(["--update"], data.path(), second.as_bytes());
    assert_eq!(counts(&updated), [1, 0, 0, 1, 0, 0], "{updated}");
    let now = list([], data.path()).remove(0);
    assert_eq!((&now["riskLevel"], &now["riskEventStatus"]), (&json!("low"), &json!("remediated")));
    assert!(now["closedDateTime"].is_string(), "a status that closes sets the time, as a PATCH does: {now}");
    assert_eq!(counts(&import(["--update"], data.path(), second.as_bytes())), [1, 0, 1, 0, 0, 0]);

    // What never changes is refused, and said.
    let mut created = now.clone();
    created["createdDateTime"] = json!("2020-01-01T00:00:00Z");
    let refused = import(["--update"], data.path(), created.to_string().as_bytes());
    assert_eq!(counts(&refused), [1, 0, 0, 0, 0, 1], "{refused}");
    assert!(refused.failure(1).contains("`createdDateTime` never changes"), "{refused}");
    let closed = list([], data.path()).remove(0);
    assert_eq!(closed, now);
}

#[test]
fn rows_without_ids_are_created_each_time_and_completed_from_the_directory() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let user = json!({"id": "u1", "accountEnabled": true, "displayName": "Mara Lind", "mailNickname": "mara",
        "userPrincipalName": "mara@fjord.example", "passwordProfile": {"password": "x"}});
    server.call("POST", "/v1.0/users", Some(&user)).expect(201);
    let feed = "userPrincipalName,riskEventDateTime,riskEventType,riskLevel,riskEventStatus\n\
                MARA@fjord.example,2026-03-02T23:10:04Z,leakedCredentials,high,active\n\
                nobody@fjord.example,2026-03-02T23:10:04Z,leakedCredentials,high,active\n";
    for round in 1..=2 {
        let outcome = import([], data.path(), feed.as_bytes());
        assert_eq!(counts(&outcome), [2, 1, 0, 0, 0, 1], "{outcome}");
        assert!(outcome.stderr.contains("input:3: `userId` is required"), "{outcome}");
        let events = bare(&server.call("GET", EVENTS, None).expect(200).json()["value"]);
        assert_eq!(events.as_array().map(Vec::len), Some(round));
        assert_eq!((&events[0]["userId"], &events[0]["userDisplayName"]), (&json!("u1"), &json!("Mara Lind")));
    }
    let bound = json!({"impactedUser@odata.bind": "users/u1", "riskEventDateTime": "2026-03-02T23:10:04Z",
        "riskEventType": "leakedCredentials", "riskLevel": "low", "riskEventStatus": "active"});
    let outcome = import([], data.path(), bound.to_string().as_bytes());
    assert_eq!(counts(&outcome), [1, 1, 0, 0, 0, 0], "{outcome}");
    server.stop().success();
}

/// Rows of a pipe that goes on are taken as they come, and a signal ends the waiting for more.
#[test]
fn an_import_from_a_pipe_can_be_broken_off() {
    let data = prepared_folder();
    let mut import = Command::new(BINARY);
    import.args(["events", "import", "-", "--format", "jsonl", "--data"]).arg(data.path());
    without_settings(&mut import).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut import = import.spawn().expect("the program starts");
    let mut pipe = import.stdin.take().expect("it is piped");
    writeln!(pipe, "{}", event(1)).expect("the program reads");
    wait_for("the first row to be taken", || (list([], data.path()).len() == 1).then_some(()));
    rustix::process::kill_process(rustix::process::Pid::from_child(&import), Signal::INT).expect("it runs");
    let output = import.wait_with_output().expect("it ends");
    drop(pipe); // it was open to the end
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    let outcome = Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert_eq!(counts(&outcome), [1, 1, 0, 0, 0, 0], "{outcome}");
    assert!(outcome.failure(1).contains("SIGINT: the rest of standard input was not read"), "{outcome}");
}

#[test]
fn a_watch_tells_what_happens() {
    let data = folder();
    let server = TestServer::start(BINARY, data.path());
    let before = server.call("POST", EVENTS, Some(&event(1))).expect(201).json();
    let options = ["events", "watch", "--filter", "riskLevel eq 'high'", "--select", "riskEventStatus", "--count", "5"];
    let mut watch = server.command(options).spawn();
    wait_for("the watch to begin", || watch.stderr().contains("Watching leakedCredentials").then_some(()));

    let path = |event: &Value| format!("{EVENTS}/{}", event["id"].as_str().expect("an id"));
    // Each change is told before the next one happens: together they would be one.
    let told =
        |count: usize| wait_for("a change to be told", || (watch.stdout().lines().count() == count).then_some(()));
    let made = server.call("POST", EVENTS, Some(&event(2))).expect(201).json();
    told(1);
    server.call("PATCH", &path(&before), Some(&json!({"riskEventStatus": "loginBlocked"}))).expect(200);
    told(2);
    // Nothing that was selected, then something that the filter looks at.
    server.call("PATCH", &path(&before), Some(&json!({"userDisplayName": "Another"}))).expect(200);
    server.call("PATCH", &path(&before), Some(&json!({"riskLevel": "low"}))).expect(200);
    told(3);
    server.call("DELETE", &path(&made), None).expect(204);
    told(4);
    let last = server.call("POST", EVENTS, Some(&event(3))).expect(201).json();
    watch.wait();
    let event = |event: &Value, status: &str| json!({"id": event["id"], "riskEventStatus": status});
    assert_eq!(
        watch.outcome().lines(),
        [
            json!({"change": "created", "event": event(&made, "active")}),
            json!({"change": "updated", "event": event(&before, "loginBlocked")}),
            json!({"change": "removed", "id": before["id"], "reason": "changed"}),
            json!({"change": "removed", "id": made["id"], "reason": "deleted"}),
            json!({"change": "created", "event": event(&last, "active")}),
        ]
    );
    let since = server.command(["events", "watch", "--since", "beginning", "--count", "2"]).run().lines();
    let ids: Vec<&Value> = since.iter().map(|change| &change["event"]["id"]).collect();
    assert_eq!(ids, [&before["id"], &last["id"]], "those that are gone are not told");
    assert!(since.iter().all(|change| change["change"] == "created"), "{since:?}");

    for signal in [Signal::INT, Signal::TERM] {
        let mut watch = server.command(["events", "watch"]).spawn();
        wait_for("the watch to begin", || watch.stderr().contains("Watching").then_some(()));
        watch.signal(signal);
        watch.wait();
        assert_eq!(watch.outcome().success(), "");
    }
    server.stop().success();
}

#[test]
fn a_file_appears_whole_and_is_for_nobody_else() {
    let data = prepared_folder();
    assert_eq!(counts(&import([], data.path(), jsonl(&awkward()).as_bytes()))[1], awkward().len() as u64);
    let place = folder();
    let file = place.path().join("events.csv");
    fs::write(&file, "what was there").expect("it can be written");
    let path = file.to_str().expect("a plain name");
    let wrong = command(["events", "export", "--output", path, "--filter", "nonsense"], data.path()).run();
    wrong.failure(2);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "what was there");
    command(["events", "export", "--format", "csv", "--output", path], data.path()).run().success();
    let text = fs::read_to_string(&file).expect("it is there");
    let header = "id,userDisplayName,userPrincipalName,riskEventDateTime,riskEventType,riskLevel,riskEventStatus,\
                  closedDateTime,createdDateTime,userId\r\n";
    assert!(text.starts_with(header), "{text}");
    assert!(text.contains(",'=1+1,") && text.contains("\"Lind, Mara\"") && text.contains("'-chosen-0,"), "{text}");
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1, "nothing else is left");
    command(["events", "export", "--output", "/dev/null"], data.path()).run().success();
    let nowhere = command(["events", "export", "--output", "/nowhere/x"], data.path()).run();
    assert!(nowhere.failure(1).contains("/nowhere/x cannot be written"), "{nowhere}");

    // A reader who has enough is no failure.
    let script = format!("{{ '{BINARY}' events list --data \"$0\"; echo $? >&2; }} | head -n 1");
    let mut shell = Command::new("sh");
    let output = without_settings(shell.arg("-c").arg(script).arg(data.path())).output().expect("a shell runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "0");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}

/// Held against the schema itself by the client `ocsf` of `cargo xtask clients`.
#[test]
fn ocsf_findings_say_what_the_events_say() {
    let data = prepared_folder();
    let mut closed = event(7);
    closed["id"] = json!("seven");
    closed["riskEventStatus"] = json!("dismissedAsFalsePositive");
    closed["riskLevel"] = json!("medium");
    closed["createdDateTime"] = json!("2026-03-03T06:00:00.1239999Z");
    closed["closedDateTime"] = json!("2026-03-04T06:00:00Z");
    let feed = jsonl(&[closed, event(8)]);
    assert_eq!(counts(&import([], data.path(), feed.as_bytes()))[1], 2);
    let findings = command(["events", "export", "--format", "ocsf"], data.path()).run().lines();
    let tenant = command(["tenants", "list"], data.path()).run().lines().remove(0);
    assert_eq!(
        findings[0],
        json!({
            "category_uid": 2, "category_name": "Findings", "class_uid": 2004, "class_name": "Detection Finding",
            "activity_id": 3, "activity_name": "Close", "type_uid": 200_403, "type_name": "Detection Finding: Close",
            "time": 1_772_604_000_000_u64,
            "severity_id": 3, "severity": "Medium", "risk_level_id": 2, "risk_level": "Medium",
            "status_id": 3, "status": "Suppressed", "status_detail": "dismissedAsFalsePositive", "is_alert": false,
            "message": "leakedCredentials of person7@fjord.example",
            "metadata": {
                "version": "1.5.0",
                "product": {"name": "Spillwatch", "vendor_name": "Spillwatch", "version": env!("CARGO_PKG_VERSION")},
                "tenant_uid": tenant["id"],
            },
            "finding_info": {
                "uid": "seven", "title": "leakedCredentials", "types": ["leakedCredentials"],
                "created_time": 1_772_517_600_123_u64, "first_seen_time": 1_772_493_004_225_u64,
            },
            "evidences": [{"user": {
                "uid": "5b0a7c1e-8d53-4f39-a3d4-000000000007", "name": "person7@fjord.example",
                "full_name": "Person 7", "type_id": 1, "type": "User",
            }}],
            "unmapped": {
                "riskLevel": "medium", "riskEventDateTime": "2026-03-02T23:10:04.2255665Z",
                "createdDateTime": "2026-03-03T06:00:00.1239999Z", "closedDateTime": "2026-03-04T06:00:00Z",
            },
        })
    );
    assert_eq!(findings[1]["type_name"], "Detection Finding: Create");
    assert_eq!((&findings[1]["severity"], &findings[1]["status"]), (&json!("High"), &json!("New")));
}

#[test]
fn a_terminal_gets_a_table_and_another_tenant_its_own_events() {
    needs("script");
    let data = prepared_folder();
    command(["tenants", "add", "Fjord", "--id", "9f3cbb0e-27a6-4a6c-9a57-0a4b7f2f6d11"], data.path()).run().success();
    let fjord = ["--tenant", "9f3cbb0e-27a6-4a6c-9a57-0a4b7f2f6d11"];
    assert_eq!(counts(&import(fjord, data.path(), event(1).to_string().as_bytes()))[1], 1);
    assert_eq!(list([], data.path()).len(), 0);
    assert_eq!(list(fjord, data.path()).len(), 1);

    let on_terminal = |options: &str| {
        let line = format!("stty cols 70; '{BINARY}' events list {options} --data '{}'", data.path().display());
        let mut script = Command::new("script");
        let output = without_settings(script.args(["-qec", &line, "/dev/null"])).stdin(Stdio::null()).output();
        String::from_utf8(output.expect("script runs").stdout).expect("UTF-8").replace('\r', "")
    };
    assert_eq!(on_terminal("").trim(), "No event fits.");
    let table = on_terminal(&fjord.join(" "));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[0].starts_with("riskEvent"), "{table}");
    assert!(lines[2].starts_with("2026-03-") && lines[2].contains('…'), "{table}");
    assert!(lines.iter().all(|line| line.chars().count() <= 70), "{table}");
    let narrow = on_terminal(&format!("{} --select userDisplayName,riskLevel", fjord.join(" ")));
    assert_eq!(narrow.lines().nth(2), Some("Person 1         high"), "{narrow}");
    let json = on_terminal(&format!("{} --json", fjord.join(" ")));
    assert!(serde_json::from_str::<Value>(json.trim()).is_ok(), "{json}");
}
