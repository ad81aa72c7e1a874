//! Exit codes and the sentences that go with them: 0 done, 1 failed, 2 wrong usage.

use crate::{BINARY, command, folder, prepared_folder};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use testkit::server::{Program, TestServer};

#[test]
fn wrong_usage_is_2() {
    let empty = folder();
    let cases: [(&[&str], &str); 12] = [
        (&[], "Usage: spillwatch"),
        (&["flood"], "unrecognized subcommand 'flood'"),
        (&["serve", "--lisen", "127.0.0.1:0"], "a similar argument exists: '--listen'"),
        (&["serve", "--listen", "localhost:8080"], "such as 127.0.0.1:8080"),
        (&["serve", "--head-timeout", "soon"], "`soon` is not a time such as 90s, 30m, 8h or 7d"),
        (&["serve", "--tls-cert", "chain.pem"], "--tls-key"),
        (&["serve", "--log", "a=b=c"], "--log a=b=c"),
        (&["token", "--permission", "Everything"], "`Everything` is not a permission; known are"),
        (&["tenants"], "Usage: spillwatch tenants"),
        (&["metadata", "--format", "yaml"], "possible values: xml, json"),
        (&["openapi", "--public-url", "risk.example"], "--public-url"),
        (&["apps", "add", "feed"], "--permission <NAME>"),
    ];
    for (arguments, expected) in cases {
        let outcome = Program::new(BINARY).args(arguments.iter().copied()).env("SPILLWATCH_DATA", empty.path()).run();
        assert!(outcome.failure(2).contains(expected), "{arguments:?}: {outcome}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
    assert_eq!(fs::read_dir(empty.path()).expect("it can be read").count(), 0, "nothing was made");
}

/// Most often a forgotten `--data`: nothing is made, and the sentence says what to do.
#[test]
fn commands_on_a_folder_without_a_store_fail() {
    let empty = folder();
    for arguments in [
        &["token"][..],
        &["tenants", "list"],
        &["tenants", "add", "x"],
        &["apps", "list"],
        &["keys", "rotate"],
        &["migrate"],
        &["backup", "/nowhere/x.db"],
        &["doctor"],
    ] {
        let outcome = Program::new(BINARY).args(arguments.iter().copied()).data(empty.path()).run();
        let told = outcome.failure(1);
        assert!(
            told.starts_with("error: there is no store in /") && told.contains("--data DIR"),
            "{arguments:?}: {outcome}"
        );
    }
    assert_eq!(fs::read_dir(empty.path()).expect("it can be read").count(), 0, "nothing was made");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let place = folder();
    let file = place.path().join("file");
    fs::write(&file, "not a folder").expect("it can be written");
    let serve = |data: &std::path::Path| command(["serve", "--listen", "127.0.0.1:0"], data).run();
    assert!(serve(&file).failure(1).contains("file is not a folder"));
    assert!(serve(&file.join("below")).failure(1).contains("cannot be made"));

    let foreign = place.path().join("foreign");
    fs::create_dir(&foreign).expect("it can be made");
    fs::write(foreign.join("spillwatch.db"), "this is no database at all, whatever its name says".repeat(20))
        .expect("written");
    assert!(serve(&foreign).failure(1).contains("is not an SQLite database"));
}

#[test]
fn a_store_of_another_version_or_program_is_refused() {
    let data = prepared_folder();
    let file = data.path().join("spillwatch.db");
    let whole = fs::read(&file).expect("the store can be read");
    // The application id stands at byte 68 of an SQLite file.
    let mut other = whole.clone();
    other[68..72].copy_from_slice(b"ELSE");
    fs::write(&file, other).expect("written");
    let outcome = command(["token"], data.path()).run();
    assert!(outcome.failure(1).contains("of another program"), "{outcome}");
    // The first page ends in the middle of nowhere: damaged.
    let mut damaged = whole;
    damaged[100..4000].fill(0x5a);
    fs::write(&file, damaged).expect("written");
    let outcome = command(["token"], data.path()).run();
    let told = outcome.failure(1);
    assert!(told.contains("damaged") || told.contains("malformed"), "{told}");
}

#[test]
fn a_port_in_use_is_named() {
    let (data, other) = (folder(), folder());
    let server = TestServer::start(BINARY, data.path());
    let address = server.address().to_string();
    let outcome = command(["serve", "--listen", &address], other.path()).run();
    let told = outcome.failure(1);
    assert!(told.contains(&format!("error: cannot listen on {address}")) && told.contains("in use"), "{told}");
}

/// A reader that goes away, as `head` does, is no failure.
#[test]
fn a_closed_standard_output_is_no_failure() {
    let data = prepared_folder();
    let script = format!("'{BINARY}' token --data '{}' | true; exit ${{PIPESTATUS[0]}}", data.path().display());
    let status = std::process::Command::new("bash").args(["-c", &script]).status().expect("bash runs");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn migrate_says_that_nothing_is_left_to_do() {
    let data = prepared_folder();
    assert_eq!(command(["migrate"], data.path()).run().success(), "The schema is up to date.");
}

#[test]
fn doctor_finds_what_is_open_to_others() {
    let data = prepared_folder();
    let sound = command(["doctor"], data.path()).run().lines();
    assert!(sound.len() >= 8 && sound.iter().all(|finding| finding["sound"] == true), "{sound:?}");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).expect("our own folder");
    let outcome = command(["doctor", "--json"], data.path()).run();
    assert_eq!(outcome.failure(1), "error: not sound: data folder");
    assert!(outcome.stdout.contains(r#""detail":"755; others must have no access","sound":false"#), "{outcome}");
}
