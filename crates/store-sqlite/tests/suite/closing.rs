//! What closing leaves behind, and whom it waits for.

use crate::support::{clock, create, fill, open, raw};
use model::TenantKey;
use std::time::{Duration, Instant};
use store::Store as _;
use store_sqlite::{SqliteStore, database_file};

#[tokio::test]
async fn closing_leaves_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path());
    fill(&*store, 50).await;
    assert!(folder.path().join("spillwatch.db-wal").exists());
    store.close().await;
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    assert_eq!(left, ["spillwatch.db"]);
}

/// A command line closes its store while the server goes on, and while a backup reads for long: it
/// must not hold the write lock until the reader is done.
#[tokio::test]
async fn closing_waits_for_no_other_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = open(folder.path());
    fill(&*server, 50).await;
    let reader = raw(folder.path());
    reader.execute_batch("BEGIN; SELECT count(*) FROM risk_events;").expect("a read transaction");
    create(&*server, TenantKey(1), "later").await.expect("an event can be made");
    let began = Instant::now();
    let command_line = SqliteStore::open(folder.path(), clock()).expect("the store can be opened");
    create(&command_line, TenantKey(1), "by-the-command-line").await.expect("an event can be made");
    command_line.close().await;
    create(&*server, TenantKey(1), "last").await.expect("an event can be made");
    // It would be ten seconds if somebody waited for the reader.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(reader);
    server.close().await;
    assert!(!folder.path().join("spillwatch.db-wal").exists());
    assert!(database_file(folder.path()).exists());
}
