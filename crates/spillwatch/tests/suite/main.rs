//! Spillwatch from outside: the real binary, its files, its sockets, its exit codes.

mod admin;
mod backup;
mod canary;
mod checks;
mod config;
mod crash;
mod database;
mod delta;
mod directory;
mod events;
#[cfg(feature = "server-tests")]
mod failover;
mod faults;
#[cfg(feature = "server-tests")]
mod fleet;
mod hardened;
mod help;
mod hostile;
mod jobs;
mod keys;
mod keys_waiting;
mod listen;
mod logs;
mod material;
mod moving;
#[cfg(feature = "server-tests")]
mod nodes;
#[cfg(feature = "server-tests")]
mod outages;
mod queue;
mod queue_killed;
mod readme;
mod reference;
mod repeats;
mod reports;
mod retention;
mod scan;
mod scan_words;
#[cfg(feature = "s3-tests")]
mod shared_scan;
mod stop;
#[cfg(feature = "ldap-tests")]
mod sync;
mod trace;
mod usage;
mod watch;
mod workers;

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::server::{Program, TestServer};

/// The program under test.
const BINARY: &str = env!("CARGO_BIN_EXE_spillwatch");

/// Where events are created.
const EVENTS: &str = "/v1.0/leakedCredentialsRiskEvents";

/// A folder for one test, deleted at its end; nobody else can look into it.
fn folder() -> tempfile::TempDir {
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir().expect("a temporary folder can be made")
}

/// The body of an event; every `number` has its own user.
fn event(number: usize) -> Value {
    json!({
        "@odata.type": "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
        "userDisplayName": format!("Person {number}"),
        "userPrincipalName": format!("person{number}@fjord.example"),
        "riskEventDateTime": "2026-03-02T23:10:04.2255665Z",
        "riskEventType": "leakedCredentials",
        "riskLevel": "high",
        "riskEventStatus": "active",
        "userId": format!("5b0a7c1e-8d53-4f39-a3d4-{number:012x}"),
    })
}

/// A command of the binary in a folder.
fn command<const N: usize>(arguments: [&str; N], data: &Path) -> Program {
    Program::new(BINARY).args(arguments).data(data)
}

/// A data folder with everything in it, of a server that has ended.
fn prepared_folder() -> tempfile::TempDir {
    let folder = folder();
    let stopped = TestServer::start(BINARY, folder.path()).stop();
    stopped.success();
    folder
}

/// Fails, with a sentence, when a program that the test needs is not there: a test that is left out
/// in silence proves nothing.
#[track_caller]
fn needs(program: &str) {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "this test needs the program `{program}`, which is not installed (on Debian: apt-get install {program})"
    );
}
