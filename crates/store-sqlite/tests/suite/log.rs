//! The write-ahead log: it stays small under sustained writes, and is left alone in between.

use crate::support::{create_as, event, open, raw, tenant};
use model::{NewRiskEvent, TenantKey};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{PageQuery, Source, Store};
use tokio::task::JoinSet;

/// Writes about `megabytes` into the log by large events, from many tasks.
async fn write(store: &Arc<dyn Store>, tenant: TenantKey, round: &'static str, megabytes: usize) {
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..megabytes {
                let text = "x".repeat(32_000).into();
                let new = NewRiskEvent { user_display_name: text, ..event(&format!("{round}-{task}-{number}")) };
                create_as(&*store, tenant, new).await.expect("an event can be made");
            }
        });
    }
    tasks.join_all().await;
}

fn size(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("spillwatch.db-wal")).map_or(0, |about| about.len())
}

/// Pages in the log, and how many of them are in the database file already.
fn pages(folder: &Path) -> (i64, i64) {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
    raw(folder).query_row("PRAGMA wal_checkpoint(NOOP)", [], row).expect("the log's state")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stays_small_while_others_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = open(folder.path());
    let key = tenant(&*store, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (store, done) = (store.clone(), done.clone());
        readers.push(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let mut read = 0;
            while !done.load(Ordering::SeqCst) {
                let mut sink = |_: &dyn odata::encode::Row| Ok(());
                let query = PageQuery::all(Source::Events(None), 100);
                runtime.block_on(store.page(key, query, &mut sink)).expect("a page can be read");
                read += 1;
                std::thread::sleep(std::time::Duration::from_millis(1)); // a point at which neither reads
            }
            read
        }));
    }
    let mut largest = 0;
    for round in ["a", "b", "c", "d", "e", "f"] {
        write(&store, key, round, 40).await;
        largest = largest.max(size(folder.path()));
    }
    done.store(true, Ordering::SeqCst);
    let read: u64 = readers.into_iter().map(|reader| reader.join().expect("no panic")).sum();
    assert!(read > 10, "{read} pages read meanwhile");
    assert!(largest > 32 << 20, "the log is large before it is copied: {largest}");
    assert!(largest < 160 << 20, "240 MiB went through it; it grew to {} MiB", largest >> 20);
    store.close().await;
    assert_eq!(size(folder.path()), 0);
}

/// Makes small events until the log has started again at its beginning.
async fn until_it_starts_again(store: &dyn Store, tenant: TenantKey, folder: &Path) {
    let mut small = 0;
    while pages(folder).0 > 1000 {
        create_as(store, tenant, event(&format!("until-{small}"))).await.expect("an event can be made");
        small += 1;
        assert!(small < 5000, "the log does not start again: {:?}", pages(folder));
    }
}

/// Once copied, the log starts again at its beginning, and is then left alone until it is large
/// again: its file stays large, which must not be taken for a large log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_started_again_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = open(folder.path());
    let key = tenant(&*store, 1).await;
    write(&store, key, "a", 40).await; // past the size from which it is copied
    until_it_starts_again(&*store, key, folder.path()).await;
    assert!(size(folder.path()) > 32 << 20, "its file keeps its size");
    let mut before = pages(folder.path()).0;
    for number in 0..200 {
        create_as(&*store, key, event(&format!("after-{number}"))).await.expect("an event can be made");
        let (log, copied) = pages(folder.path());
        assert!(log > before, "the log started again at {before} pages");
        assert!(copied <= 1, "{copied} of {log} pages were copied although the log is small");
        before = log;
    }
    store.close().await;
}

/// A reader that holds on to an old state keeps the log from starting again, but nobody waits for
/// it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reader_stops_no_writer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = open(folder.path());
    let key = tenant(&*store, 1).await;
    let reader = raw(folder.path());
    reader.execute_batch("BEGIN; SELECT count(*) FROM risk_events;").expect("a read transaction");
    let mut slowest = std::time::Duration::ZERO;
    for round in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        write(&store, key, round, 10).await;
        for number in 0..10 {
            let began = std::time::Instant::now();
            create_as(&*store, key, event(&format!("{round}{number}"))).await.expect("an event can be made");
            slowest = slowest.max(began.elapsed());
        }
    }
    assert!(size(folder.path()) > 48 << 20, "the reader holds the log: {}", size(folder.path()));
    // It would be ten seconds if the writer waited for the reader.
    assert!(slowest < std::time::Duration::from_secs(5), "{slowest:?}");
    drop(reader);
    write(&store, key, "i", 10).await;
    until_it_starts_again(&*store, key, folder.path()).await;
    store.close().await;
}
