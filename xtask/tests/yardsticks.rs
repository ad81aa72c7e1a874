//! The load generator against the yardsticks, end to end.

use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use xtask::bench::check;
use xtask::bench::connection::Target;
use xtask::bench::data::{DataSet, FRESH};
use xtask::bench::keys::Issuer;
use xtask::bench::load::{Plan, Questions, drive};
use xtask::bench::options::Op;
use xtask::bench::process::{Reading, Server, free_address};
use xtask::bench::queries::Queries;
use xtask::bench::session::yardstick_command;

struct Yard {
    server: Server,
    target: Target,
    folder: TempDir,
}

async fn yard() -> Yard {
    let folder = tempfile::tempdir().expect("a folder");
    let issuer = Issuer::generate().expect("a key");
    let key = folder.path().join("issuer.pem");
    fs::write(&key, &issuer.public_pem).expect("the key is written");
    let address = free_address().expect("a port");
    let program = Path::new(env!("CARGO_BIN_EXE_yardstick"));
    let mut command = yardstick_command(program, address, folder.path(), &key);
    let log = folder.path().join("log");
    let server = Server::start("the yardstick", &mut command, address, &log).await.expect("it starts");
    let target = Target { address, token: Some(issuer.token().expect("a token")) };
    Yard { server, target, folder }
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn reads_are_answered_on_every_connection() {
    let yard = yard().await;
    let questions = Questions::of(DataSet::of(1_000), vec!["a".to_owned(), "b".to_owned()]);
    for op in [Op::Get, Op::List, Op::OfUser, Op::OfRange, Op::OfLevel] {
        let before = Reading::of(&yard.server.pid().into());
        let run = drive(&Plan::of(op, &yard.target, &questions), 4, SHORT).await.expect("right answers");
        assert!(run.latencies.is_sorted());
        assert!(run.answered >= 4 && run.answered >= run.latencies.len() as u64);
        assert_eq!(run.last_bodies.len(), 4);
        assert!(before.until(&Reading::of(&yard.server.pid().into())).server_seconds > 0.0, "{op:?} took no CPU");
    }
}

#[tokio::test]
async fn a_filters_yardstick_answers_as_many_rows_as_the_filter_finds() {
    let yard = yard().await;
    let queries = Queries::of(DataSet::of(1_000));
    for query in &queries.user[..3] {
        let plan = Plan::constants(&yard.target, std::slice::from_ref(query));
        let run = drive(&plan, 1, SHORT).await.expect("right answers");
        let list: serde_json::Value = serde_json::from_slice(&run.last_bodies[0]).expect("a list");
        assert_eq!(list["value"].as_array().map(Vec::len), Some(query.times.len()));
    }
}

#[tokio::test]
async fn every_acknowledged_create_is_in_the_file() {
    let yard = yard().await;
    let data = DataSet::of(1_000);
    let bodies: Vec<String> = (FRESH..FRESH + 50).map(|i| data.body(i).to_string()).collect();
    let run = drive(&Plan::create(&yard.target, &bodies), 16, SHORT).await.expect("right answers");
    let file = fs::read_to_string(yard.folder.path().join("events.log")).expect("the file reads");
    let events: Vec<serde_json::Value> =
        file.lines().map(|line| serde_json::from_str(line).expect("a line is an event")).collect();
    assert_eq!(events.len() as u64, run.answered);
}

#[tokio::test]
async fn a_token_that_does_not_verify_fails_the_run() {
    let yard = yard().await;
    check::tokens_are_verified(&yard.target).await.expect("strangers are refused");
    let stranger = Issuer::generate().and_then(|issuer| issuer.token()).expect("a token of another key");
    let target = Target { token: Some(stranger), ..yard.target };
    let failed = drive(&Plan::list(&target), 2, SHORT).await.expect_err("it is refused");
    assert!(failed.to_string().contains("status 401, not 200"), "{failed:#}");
}

#[tokio::test]
async fn a_server_that_ends_at_once_is_told_with_its_last_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = free_address().expect("a port");
    let missing = folder.path().join("no-key.pem");
    let program = Path::new(env!("CARGO_BIN_EXE_yardstick"));
    let mut command = yardstick_command(program, address, folder.path(), &missing);
    let failed = Server::start("the yardstick", &mut command, address, &folder.path().join("log")).await;
    let failed = failed.err().expect("it has no key").to_string();
    assert!(failed.contains("ended before it was ready") && failed.contains("no-key.pem"), "{failed}");
}
