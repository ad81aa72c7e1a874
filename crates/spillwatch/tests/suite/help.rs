//! What `--help` says, word by word: scripts and people rely on it.

use crate::BINARY;
use testkit::server::Program;

fn help<const N: usize>(arguments: [&str; N]) -> String {
    // Its width is that of the terminal, and 100 columns without one.
    let program = Program::new(BINARY).args(arguments).env("SPILLWATCH_DATA", "/somewhere/else");
    program.run().success().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(help(["--help"]));
    assert!(help(["-h"]).contains("serve"), "the short form lists the commands too");
}

#[test]
fn help_of_serve() {
    insta::assert_snapshot!(help(["serve", "--help"]));
}

/// Each command has a help text of its own, with an explanation of each of its options.
#[test]
fn help_of_every_command() {
    let all = [
        "token", "tenants", "apps", "events", "users", "scan", "worker", "check", "jobs", "keys", "migrate", "backup",
        "restore", "doctor", "metadata", "openapi",
    ];
    for name in all {
        let text = help([name, "--help"]);
        assert!(text.contains(&format!("Usage: spillwatch {name}")), "{text}");
        assert!(text.contains("--data <DIR>"), "{text}");
    }
    insta::assert_snapshot!(
        ["add", "list", "add-secret", "remove-secret", "remove"]
            .map(|name| help(["apps", name, "--help"])
                .lines()
                .take_while(|line| !line.contains("every command"))
                .collect::<Vec<_>>()
                .join("\n"))
            .join("\n---\n")
    );
}

/// The help of a command without the options that every command has.
fn own_help<const N: usize>(arguments: [&str; N]) -> String {
    let text = help(arguments);
    let (before, after) = text.split_once("\nOptions of every command").expect("a heading");
    let (_, examples) = after.split_once("SPILLWATCH_JSON]").expect("the last option");
    format!("{before}\n{}", examples.trim_start_matches('\n'))
}

#[test]
fn help_of_events() {
    let of = |name| own_help(["events", name, "--help"]);
    insta::assert_snapshot!(["list", "watch", "export", "import"].map(of).join("\n---\n"));
}

#[test]
fn help_of_users_check_and_jobs() {
    let users = ["import", "sync", "watch", "list"].map(|name| own_help(["users", name, "--help"]));
    let jobs = ["list", "show", "resume", "undo"].map(|name| own_help(["jobs", name, "--help"]));
    let work = ["scan", "worker", "check"].map(|name| own_help([name, "--help"]));
    let all = [&users[..], &work, &jobs[..]].concat();
    insta::assert_snapshot!(all.join("\n---\n"));
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("spillwatch {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(help(["--version"]), version);
    assert_eq!(help(["-V"]), version);
}
