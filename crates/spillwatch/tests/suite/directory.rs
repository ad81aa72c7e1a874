//! `spillwatch users` and `spillwatch check`: a directory is imported, and pairs become events.

use crate::{BINARY, command, folder};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program, TestServer};

/// A directory of four: SHA-1 of `helloworld`, NT of `password`, a password in clear, a scheme that nobody knows.
pub const USERS: &str = "\
id,upn,mail,aliases,sam,enabled,displayName,department,verifier,shoe size
u-1,anna@contoso.example,anna@contoso.example,a.n@contoso.example;nan,anna,1,Anna,Sales,{SHA}at+xg6SiyUovktq1redipHiJpaE=,1
u-2,ben@contoso.example,,,ben,0,Ben,IT,{NT}8846F7EAEE8FB117AD06BDD830B7586C,2
u-3,cleo@contoso.example,,,cleo,true,Cleo,IT,{CLEAR}swordfish,3
u-4,dan@contoso.example,,,dan,true,Dan,IT,{FOO}swordfish,4
";

/// Writes a file that nobody else can read.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("a file can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    path
}

/// Runs a command with a file in a folder's store.
pub fn with_file<const N: usize>(arguments: [&str; N], file: &Path, data: &Path) -> Outcome {
    command(arguments, data).arg(file).run()
}

/// The one line of JSON that a command prints, whether it succeeds or not.
#[track_caller]
pub fn summary(outcome: &Outcome) -> Value {
    serde_json::from_str(outcome.stdout.trim()).unwrap_or_else(|_| panic!("no summary: {outcome}"))
}

/// Asserts on some members of a summary.
#[track_caller]
pub fn has(summary: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(summary[name], *value, "{name} in {summary}");
    }
}

/// The events of a store, with what is shown of them.
pub fn events(data: &Path, select: &str) -> Vec<Value> {
    let outcome = command(["events", "list", "--orderby", "userId", "--select", select], data).run();
    outcome.success();
    outcome.lines()
}

fn exports(folder: &Path) -> PathBuf {
    write(folder, "users.csv", USERS)
}

#[test]
fn a_first_import_makes_the_store_and_says_what_it_read() {
    let folder = folder();
    let data = folder.path().join("data");
    let outcome = with_file(["users", "import"], &exports(folder.path()), &data);
    outcome.success();
    let counts = json!({"entries": 4, "created": 4, "refused": 0, "verifiersFirst": 3});
    has(&summary(&outcome), &counts);
    for said in [
        "There was no store in",
        "as csv: ",
        "Job ",
        "argon2id 1, nt 1, sha1 1",
        "unknown schemes, which were left out: foo 1",
        "1 passwords stood in clear",
        "columns and attributes that mean nothing here: shoe size",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    assert!(!outcome.to_string().contains("swordfish"), "{outcome}");

    let again = with_file(["users", "import"], &exports(folder.path()), &data);
    again.success();
    has(&summary(&again), &json!({"created": 0, "unchanged": 4, "verifiersChanged": 0}));

    let listed = command(["users", "list", "--filter", "accountEnabled eq false"], &data).run();
    listed.success();
    assert_eq!(listed.lines().len(), 1, "{listed}");
    assert_eq!(listed.lines()[0]["userPrincipalName"], "ben@contoso.example");
}

#[test]
fn a_dry_run_says_what_would_come_of_it_and_writes_nothing() {
    let folder = folder();
    let data = folder.path().join("data");
    let outcome = with_file(["users", "import", "--dry-run"], &exports(folder.path()), &data);
    outcome.success();
    has(&summary(&outcome), &json!({"created": 4, "verifiersFirst": 3}));
    assert!(outcome.stderr.contains("Nothing was written"), "{outcome}");
    assert!(command(["users", "list"], &data).run().lines().is_empty());
    assert!(command(["jobs", "list"], &data).run().lines().is_empty());
}

#[test]
fn what_is_wrong_with_an_entry_is_said_with_its_line_and_the_others_are_taken() {
    let folder = folder();
    let data = folder.path().join("data");
    let text = "id,upn,sam,enabled,verifier\n\
                a,anna@contoso.example,,1,{SHA}at+xg6SiyUovktq1redipHiJpaE=\n\
                b,no name,,1,\n\
                c,,,maybe,\n\
                d,,dora,1,\n\
                a,anna2@contoso.example,,1,\n\
                e,eva@contoso.example,,1,{SHA}secretsecret\n";
    let outcome = with_file(["users", "import"], &write(folder.path(), "users.csv", text), &data);
    outcome.failure(1);
    has(&summary(&outcome), &json!({"entries": 6, "created": 2, "refused": 4}));
    for said in [
        "users.csv:3 (entry 2): `userPrincipalName` is not of the form name@domain",
        "users.csv:4 (entry 3): enabled: found 5 characters, expected",
        "users.csv:5 (entry 4): the user is new and no name can be the userPrincipalName",
        "users.csv:6 (entry 5): an entry before has the same id or name",
        "users.csv:7 (entry 6): a verifier is left out: sha1: the digest is not",
        "4 entries were refused",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    assert!(!outcome.to_string().contains("secretsecret"), "{outcome}");

    let named = command(["users", "import", "--upn-domain", "contoso.example"], &data)
        .arg(write(folder.path(), "more.csv", "id,sam,verifier\nd,dora,\n"))
        .run();
    named.success();
    has(&summary(&named), &json!({"created": 1}));
}

#[test]
fn a_file_that_is_no_export_is_an_error_and_no_job() {
    let folder = folder();
    let data = folder.path().join("data");
    for (name, text, said) in [
        ("a.txt", "", "an empty file"),
        ("b.html", "<!doctype html><html><body>no</body></html>", "a web page"),
        ("c.csv", "id,upn,verifier\n", "no user was found"),
    ] {
        let outcome = with_file(["users", "import"], &write(folder.path(), name, text), &data);
        outcome.failure(1);
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    let missing = with_file(["users", "import"], &folder.path().join("missing"), &data);
    missing.failure(1);
    let jobs = command(["jobs", "list"], &data).run();
    assert_eq!(jobs.lines().len(), 1, "only the one that could be opened: {jobs}");
    assert_eq!(jobs.lines()[0]["state"], "completed", "{jobs}");
}

/// The fixtures of the readers, of real tools where these can be installed; see their README.
#[test]
fn every_form_of_export_is_imported() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../directory/tests/fixtures");
    let mut forms = std::collections::BTreeSet::new();
    for folder in ["csv", "django", "hashes", "keycloak", "ldif", "scim"] {
        for entry in fs::read_dir(fixtures.join(folder)).expect("the fixtures are there") {
            let file = entry.expect("a file").path();
            let home = crate::folder();
            let data = home.path().join("data");
            let outcome = with_file(["users", "import", "--upn-domain", "contoso.example"], &file, &data);
            let name = file.display().to_string();
            if name.ends_with("-limited.ldif") {
                outcome.failure(1); // the server has given a part only, and the file says so
                assert!(outcome.stderr.contains("the file is not complete"), "{outcome}");
                continue;
            }
            let Some(form) = outcome.stderr.split(" as ").nth(1).and_then(|rest| rest.split(": ").next()) else {
                panic!("{name}: {outcome}")
            };
            forms.insert(form.to_owned());
            let counts = summary(&outcome);
            let [entries, created, refused] =
                ["entries", "created", "refused"].map(|name| counts[name].as_u64().expect("a number"));
            assert!(created > 0, "{name}: {outcome}");
            let linked = counts["linked"].as_u64().expect("a number");
            assert_eq!(entries, created + refused + linked, "{name}: every entry is counted once: {outcome}");
            let again = summary(&with_file(["users", "import", "--upn-domain", "contoso.example"], &file, &data));
            assert_eq!(again["created"], 0, "{name}: {again}");
            assert_eq!(again["verifiersChanged"], 0, "{name}: {again}");
        }
    }
    let all: Vec<&str> = forms.iter().map(String::as_str).collect();
    let expected = ["csv", "django-csv", "django-json", "hashcat-nt", "john-nt", "keycloak", "ldif", "pwdump", "scim"];
    assert_eq!(all, expected, "each form is among the fixtures");
}

#[test]
fn a_current_pair_raises_one_event_whatever_the_name_and_the_source() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &exports(folder.path()), &data).success();
    let pairs = write(
        folder.path(),
        "pairs.txt",
        "anna@contoso.example:helloworld\nNAN\thelloworld\nA.N+x@contoso.example:helloworld\nben@contoso.example:password\n\
         ben@contoso.example:Password\ncleo@contoso.example:swordfish\ndan@contoso.example:swordfish\n\
         nobody@contoso.example:x\nno pair\n",
    );
    let told = command(["check", "--dry-run"], &data).arg(&pairs).run();
    told.success();
    let counts = json!({"lines": 9, "current": 5, "notCurrent": 1, "noVerifier": 1, "unknownName": 1, "noPair": 1,
                        "disabledUsers": 1});
    has(&summary(&told), &counts);
    assert!(events(&data, "id").is_empty());

    let check =
        |source: &str| command(["check", "--leaked", "2024-03-01", "--source", source], &data).arg(&pairs).run();
    let first = check("forum");
    first.success();
    has(&summary(&first), &counts);
    has(&summary(&first), &json!({"eventsRaised": 3, "evidenceAdded": 2}));
    assert!(!first.to_string().contains("swordfish") && !first.to_string().contains("helloworld"), "{first}");

    let all = "id,userId,riskEventDateTime,riskLevel,riskEventStatus,createdDateTime";
    let raised = events(&data, all);
    let users: Vec<&str> = raised.iter().filter_map(|event| event["userId"].as_str()).collect();
    assert_eq!(users, ["u-1", "u-2", "u-3"]);
    for event in &raised {
        has(
            event,
            &json!({"riskEventDateTime": "2024-03-01T00:00:00Z", "riskLevel": "high", "riskEventStatus": "active"}),
        );
    }
    let again = check("forum");
    has(&summary(&again), &json!({"eventsRaised": 0, "evidenceAdded": 0, "known": 5}));
    assert_eq!(events(&data, all), raised, "the same material again changes nothing");
    has(&summary(&check("paste")), &json!({"eventsRaised": 0, "evidenceAdded": 5}));
    assert_eq!(events(&data, all), raised, "another source is evidence of the same event");
}

/// What the API shows of it.
#[test]
fn what_was_found_is_seen_in_every_view() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &exports(folder.path()), &data).success();
    let pairs = write(folder.path(), "pairs.txt", "Ben+shop@contoso.example:password\n");
    command(["check", "--source", "forum"], &data).arg(&pairs).run().success();
    let server = TestServer::start(BINARY, &data);
    let events = server.call("GET", "/v1.0/leakedCredentialsRiskEvents", None).expect(200).json();
    let event = &events["value"][0];
    has(
        event,
        &json!({"userId": "u-2", "userPrincipalName": "ben@contoso.example", "riskEventType": "leakedCredentials"}),
    );
    let id = event["id"].as_str().expect("an id");
    let evidence = server.call("GET", &format!("/v1.0/leakedCredentialsRiskEvents/{id}/evidence"), None).expect(200);
    let evidence = &evidence.json()["value"][0];
    let expected = json!({"source": "forum", "matchClass": "pair", "matchedAttribute": "userPrincipalName",
                          "matchedRule": "caseFold.plusTag", "occurrences": 1, "accountEnabled": false});
    has(evidence, &expected);
    let detections = server.call("GET", "/v1.0/identityProtection/riskDetections", None).expect(200).json();
    let info = detections["value"][0]["additionalInfo"].as_str().expect("a text").to_owned();
    assert!(info.contains(r#"{"Key":"accountEnabled","Value":"false"}"#), "{info}");
    let risky = server.call("GET", "/v1.0/identityProtection/riskyUsers/u-2", None).expect(200).json();
    has(&risky, &json!({"riskLevel": "high", "riskState": "atRisk"}));
    server.stop().success();
}

/// leaks.md, section 1.1, "closing", and 7.1.
#[test]
fn a_new_password_closes_events_and_an_old_one_opens_them_again() {
    let folder = folder();
    let data = folder.path().join("data");
    let of = |verifier: &str| format!("id,upn,verifier\nu-1,anna@contoso.example,{verifier}\n");
    let (one, two) = ("{SHA}at+xg6SiyUovktq1redipHiJpaE=", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=");
    let import = |verifier: &str| {
        let outcome = with_file(["users", "import"], &write(folder.path(), "users.csv", &of(verifier)), &data);
        outcome.success();
        summary(&outcome)
    };
    let pairs = write(folder.path(), "pairs.txt", "anna@contoso.example:helloworld\n");
    let check = || summary(&with_file(["check"], &pairs, &data));
    let status = || events(&data, "riskEventStatus,closedDateTime")[0].clone();

    has(&import(one), &json!({"verifiersFirst": 1}));
    has(&check(), &json!({"eventsRaised": 1}));
    has(&import(one), &json!({"unchanged": 1, "eventsRemediated": 0}));
    has(&import(two), &json!({"verifiersChanged": 1, "eventsRemediated": 1}));
    let closed = status();
    assert_eq!(closed["riskEventStatus"], "remediated");
    assert!(closed["closedDateTime"].is_string(), "{closed}");
    has(&check(), &json!({"current": 0, "notCurrent": 1, "eventsReopened": 0}));
    has(&import(one), &json!({"verifiersChanged": 1, "eventsRemediated": 0}));
    has(&check(), &json!({"eventsReopened": 1, "eventsRaised": 0}));
    has(&status(), &json!({"riskEventStatus": "active", "closedDateTime": null}));

    let server = TestServer::start(BINARY, &data);
    let body = json!({"userIds": ["u-1"]});
    server.call("POST", "/v1.0/identityProtection/riskyUsers/dismiss", Some(&body)).expect(204);
    server.stop().success();
    import(one);
    has(&check(), &json!({"known": 1, "eventsReopened": 0}));
    assert_eq!(status()["riskEventStatus"], "dismissedAsIgnore", "what was dismissed stays so");
}

#[test]
fn a_full_export_removes_whom_it_does_not_name_unless_another_directory_does() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &exports(folder.path()), &data).success();
    let nt =
        write(folder.path(), "nt.txt", "ben:8846F7EAEE8FB117AD06BDD830B7586C\nanna:8846F7EAEE8FB117AD06BDD830B7586C\n");
    let linked = with_file(["users", "import"], &nt, &data);
    linked.success();
    has(&summary(&linked), &json!({"linked": 2, "created": 0, "verifiersFirst": 2}));
    let pairs = write(folder.path(), "pairs.txt", "anna@contoso.example:password\nanna@contoso.example:helloworld\n");
    has(&summary(&with_file(["check"], &pairs, &data)), &json!({"current": 2, "eventsRaised": 2}));

    let few = write(folder.path(), "few.csv", "id,upn\nu-3,cleo@contoso.example\n");
    let full = with_file(["users", "import", "--full"], &few, &data);
    full.success();
    has(&summary(&full), &json!({"updated": 1, "removed": 3}));
    let left: Vec<Value> = command(["users", "list", "--orderby", "id", "--select", "id"], &data).run().lines();
    assert_eq!(left, [json!({"id": "u-1"}), json!({"id": "u-2"}), json!({"id": "u-3"})], "two are in the other one");

    let broken = write(
        folder.path(),
        "broken.csv",
        "id,upn,enabled\nu-3,cleo@contoso.example,perhaps\nu-9,x@contoso.example,1\n",
    );
    let refused = with_file(["users", "import", "--full"], &broken, &data);
    refused.failure(1);
    has(&summary(&refused), &json!({"refused": 1, "created": 1, "removed": 0}));
    assert!(refused.stderr.contains("nobody was taken to be gone"), "{refused}");
}

#[test]
fn a_file_that_others_can_read_is_warned_about_and_standard_input_is_read() {
    let folder = folder();
    let data = folder.path().join("data");
    let file = exports(folder.path());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let outcome = with_file(["users", "import"], &file, &data);
    outcome.success();
    assert!(outcome.stderr.contains("everybody on this machine can read"), "{outcome}");

    let mut piped = std::process::Command::new("/bin/sh");
    let script = format!("\"{BINARY}\" users import - --data \"{}\" < \"{}\"", data.display(), file.display());
    testkit::server::without_settings(&mut piped).arg("-c").arg(script);
    let output = piped.output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: Value = serde_json::from_slice(&output.stdout).expect("a summary");
    has(&counts, &json!({"unchanged": 4}));
}

#[test]
fn a_check_without_verifiers_is_an_error_not_a_zero() {
    let folder = folder();
    let data = folder.path().join("data");
    with_file(["users", "import"], &write(folder.path(), "users.csv", "id,upn\nu,u@contoso.example\n"), &data)
        .success();
    let outcome = with_file(["check"], &write(folder.path(), "pairs.txt", "u@contoso.example:x\n"), &data);
    outcome.failure(1);
    assert!(outcome.stderr.contains("no verifier of a password"), "{outcome}");
    let missing: Outcome = Program::new(BINARY).args(["check", "/nowhere/pairs"]).data(&data).run();
    missing.failure(1);
    assert_eq!(command(["jobs", "list"], &data).run().lines().len(), 2, "the one that could not be opened made none");
}
