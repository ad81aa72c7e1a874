//! `--database` and the operator's key, as far as they go without a server.

use crate::{BINARY, command, folder, prepared_folder};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use testkit::server::{Outcome, Program};

/// A key that is one.
const KEY: &str = "cG9zdGdyZXMgb3BlcmF0b3IncyBrZXkgMzIgYnl0ZXM=";

/// An address at which nobody listens, with a password that must never be seen.
fn nobody() -> String {
    let port = postgres_cluster::free_port().expect("a free port");
    format!("postgres://risk:hunter2@127.0.0.1:{port}/risk?connect_timeout=5")
}

fn program<const N: usize>(arguments: [&str; N]) -> Program {
    Program::new(BINARY).args(arguments)
}

fn key_file(folder: &tempfile::TempDir, text: &str, mode: u32) -> PathBuf {
    let path = folder.path().join("operator.key");
    fs::write(&path, text).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    path
}

#[track_caller]
fn shows_no_password(outcome: &Outcome) {
    assert!(!format!("{outcome}").contains("hunter"), "{outcome}");
}

#[test]
fn a_new_operators_key_is_printed_with_what_to_do() {
    let one = program(["keys", "new-secret-key"]).run();
    let two = program(["keys", "new-secret-key"]).run();
    assert_eq!(one.success().len(), 44);
    assert_ne!(one.success(), two.success());
    assert!(one.stderr.contains("keep a copy, and never beside the database"), "{one}");
    // It is one that is understood: what fails is only the connection.
    let token = program(["token", "--database", &nobody()]).env("SPILLWATCH_SECRET_KEY", one.success()).run();
    assert!(token.failure(1).contains("the database cannot be reached"), "{token}");
    shows_no_password(&token);
    assert!(!token.stderr.contains("not a setting"), "{token}");
}

#[test]
fn without_an_operators_key_the_ways_to_give_one_are_named() {
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["token"], &["doctor"], &["keys", "rotate"]] {
        let outcome = Program::new(BINARY).args(arguments.iter().copied()).env("SPILLWATCH_DATABASE", nobody()).run();
        let told = outcome.failure(2);
        for part in [
            "spillwatch keys new-secret-key",
            "--secret-key-file FILE",
            "--secret-key-command COMMAND",
            "the variable SPILLWATCH_SECRET_KEY",
        ] {
            assert!(told.contains(part), "{arguments:?}: {part}: {outcome}");
        }
        shows_no_password(&outcome);
    }
    // The schema can be brought up to date without it.
    let outcome = program(["migrate", "--database", &nobody()]).run();
    assert!(outcome.failure(1).contains("the database cannot be reached"), "{outcome}");
    shows_no_password(&outcome);
}

#[test]
fn a_key_that_cannot_be_used_is_refused() {
    let place = folder();
    let run = |program: Program| program.args(["token", "--database", &nobody()]).run();
    let with_file = |path: &Path| run(Program::new(BINARY).arg("--secret-key-file").arg(path));
    let with_command = |command: &str| run(program(["--secret-key-command", command]));

    let open = with_file(&key_file(&place, KEY, 0o640));
    assert!(open.failure(1).contains("(mode 640); run `chmod 600` on it"), "{open}");
    let missing = with_file(&place.path().join("missing"));
    assert!(missing.failure(1).contains("missing cannot be read"), "{missing}");
    for text in ["", "hunter2", &KEY[4..]] {
        let wrong = with_file(&key_file(&place, text, 0o600));
        assert!(wrong.failure(1).contains("is no operator's key: it is not 32 bytes in base64"), "{wrong}");
        shows_no_password(&wrong);
    }
    for (command, expected) in [
        ("exit 3", "--secret-key-command failed: it ended with exit status: 3"),
        ("true", "what --secret-key-command printed is no operator's key"),
        ("yes", "--secret-key-command failed"),
    ] {
        let outcome = with_command(command);
        assert!(outcome.failure(1).contains(expected), "{command}: {outcome}");
    }
    let variable = run(Program::new(BINARY).env("SPILLWATCH_SECRET_KEY", "hunter2"));
    assert!(variable.failure(1).contains("the variable SPILLWATCH_SECRET_KEY is no operator's key"), "{variable}");
    shows_no_password(&variable);
    let twice = program(["--secret-key-command", "true"]).env("SPILLWATCH_SECRET_KEY", KEY);
    assert!(run(twice).failure(2).contains("given more than once; choose one of"), "given twice");
}

#[test]
fn each_way_to_give_a_key_works() {
    let place = folder();
    let file = key_file(&place, &format!("{KEY}\n"), 0o600);
    let print = format!("cat '{}'", file.display());
    let text = format!("secret-key-command = \"cat '{}'\"\n", file.display());
    let config = place.path().join("spillwatch.toml");
    fs::write(&config, text).expect("it can be written");
    for program in [
        Program::new(BINARY).arg("--secret-key-file").arg(&file),
        Program::new(BINARY).env("SPILLWATCH_SECRET_KEY_FILE", &file),
        Program::new(BINARY).args(["--secret-key-command", &print]),
        Program::new(BINARY).env("SPILLWATCH_SECRET_KEY", KEY),
        Program::new(BINARY).arg("--config").arg(&config),
        Program::new(BINARY).arg("--secret-key-file").arg(&file).arg("--previous-secret-key-file").arg(&file),
    ] {
        let outcome = program.args(["token", "--database", &nobody()]).run();
        assert!(outcome.failure(1).contains("the database cannot be reached"), "{outcome}");
    }
}

#[test]
fn a_folder_and_a_database_are_not_both_the_store() {
    let data = prepared_folder();
    let config = data.path().join("spillwatch.toml");
    fs::write(&config, format!("database = \"{}\"\n", nobody())).expect("it can be written");
    for program in [
        command(["token", "--database", &nobody()], data.path()),
        command(["token"], data.path()).env("SPILLWATCH_DATABASE", nobody()),
        command(["token"], data.path()).arg("--config").arg(&config),
        program(["token", "--database", &nobody()]).env("SPILLWATCH_DATA", data.path()),
    ] {
        let outcome = program.env("SPILLWATCH_SECRET_KEY", KEY).run();
        assert!(outcome.failure(2).contains("--data and --database each name a store; leave one out"), "{outcome}");
        shows_no_password(&outcome);
    }
    // A variable that was emptied names nothing.
    command(["token"], data.path()).env("SPILLWATCH_DATABASE", "").run().success();
    // A certificate of one's own making needs a folder, and says so.
    let serve = ["serve", "--tls-self-signed", "--database", &nobody()];
    let without = program(serve).env("SPILLWATCH_SECRET_KEY", KEY).run();
    assert!(without.failure(2).contains("name one with --data DIR"), "{without}");
    let with = command(serve, data.path()).env("SPILLWATCH_SECRET_KEY", KEY).run();
    assert!(with.failure(1).contains("the database cannot be reached"), "{with}");
}

#[test]
fn a_database_is_backed_up_by_its_own_tools() {
    let place = folder();
    let file = place.path().join("backup.db").display().to_string();
    for name in ["backup", "restore"] {
        let outcome = program([name, &file, "--database", &nobody()]).run();
        let told = outcome.failure(2);
        assert!(["pg_dump", "pg_basebackup", "the operator's key"].iter().all(|part| told.contains(part)), "{outcome}");
    }
    assert_eq!(fs::read_dir(place.path()).expect("it can be read").count(), 0, "nothing was made");
}

#[test]
fn an_address_that_cannot_be_used_is_told_without_repeating_it() {
    for (url, code, expected) in [
        ("mysql://risk:hunter2@db.example/risk", 2, "does not begin with postgres://"),
        ("postgres://risk:hunter@2@db.example/risk", 2, "more than one `@`"),
        (
            "postgres://risk:hunter2@db.example/risk?sslmode=prefer",
            1,
            "sslmode=disable where the network between is trusted",
        ),
        ("postgres://risk:hunter2@db.example/risk?sslcert=x", 1, "unknown option `sslcert`"),
    ] {
        let outcome = program(["token", "--database", url]).env("SPILLWATCH_SECRET_KEY", KEY).run();
        assert!(outcome.failure(code).contains(expected), "{url}: {outcome}");
        shows_no_password(&outcome);
    }
}

/// Values of the configuration are the defaults of options, and help shows defaults: not these.
#[test]
fn help_shows_neither_password_nor_command() {
    let place = folder();
    let config = place.path().join("spillwatch.toml");
    let text = format!("database = \"{}\"\nsecret-key-command = \"vault --token=hunter2\"\n", nobody());
    fs::write(&config, text).expect("it can be written");
    let outcome = program(["serve", "--help"])
        .arg("--config")
        .arg(&config)
        .env("SPILLWATCH_DATABASE", nobody())
        .env("SPILLWATCH_SECRET_KEY_COMMAND", "vault --token=hunter2")
        .run();
    assert!(outcome.success().contains("--database <URL>"), "{outcome}");
    shows_no_password(&outcome);
}
