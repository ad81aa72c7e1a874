//! Copies while the store is in use.

use crate::support::{create, fill, filled, number, open};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Store, StoreError};
use store_sqlite::{add_keys, keys_of};

async fn backup(store: &dyn Store, to: &Path) -> Result<(), StoreError> {
    store.backup(to, &mut |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_is_one_moment_while_others_write() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = open(folder.path());
    let key = fill(&*store, 3000).await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|task| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !done.load(Ordering::SeqCst) {
                    create(&*store, key, &format!("w{task}-{number}")).await.expect("an event can be made");
                    number += 1;
                    tokio::task::yield_now().await; // a test that fails is to end
                }
            })
        })
        .collect();
    for round in 0..5 {
        let to = folder.path().join(format!("copy-{round}"));
        let mut shares = Vec::new();
        store.backup(&to, &mut |share| shares.push(share)).await.expect("the store can be copied");
        assert_eq!(shares.last(), Some(&1.0));
        assert!(shares.is_sorted() && shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
        assert_eq!(fs::metadata(&to).expect("a file").permissions().mode() & 0o777, 0o600);
        let copy = rusqlite::Connection::open(&to).expect("a database");
        let sound: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a row");
        assert_eq!(sound, "ok");
        let rows = number(&copy, "SELECT count(*) FROM risk_events");
        assert!(rows >= 3000);
        for sql in [
            "SELECT sum(count) FROM totals WHERE subject = 1",
            "SELECT count(*) FROM changes",
            "SELECT last_sequence FROM tenants",
        ] {
            assert_eq!(number(&copy, sql), rows, "{sql}");
        }
        drop(copy);
    }
    done.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("no panic");
    }
    store.close().await;
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name()).collect();
    left.sort();
    assert_eq!(left, ["copy-0", "copy-1", "copy-2", "copy-3", "copy-4", "spillwatch.db"], "no other files");
}

#[tokio::test]
async fn a_copy_overwrites_nothing_and_leaves_nothing_half() {
    let folder = filled(10).await;
    let store = open(folder.path());
    let to = folder.path().join("taken");
    fs::write(&to, "mine").expect("a file");
    let refused = backup(&*store, &to).await;
    assert!(matches!(&refused, Err(StoreError::Unusable(why)) if why.contains("exists already")), "{refused:?}");
    assert_eq!(fs::read(&to).expect("a file"), b"mine");

    let nowhere = folder.path().join("no").join("such").join("folder");
    let refused = backup(&*store, &nowhere).await;
    assert!(matches!(refused, Err(StoreError::Unusable(_))), "{refused:?}");

    // What an interrupted one left is taken away by the next.
    let to = folder.path().join("copy");
    fs::write(folder.path().join("copy.part"), "half").expect("a file");
    backup(&*store, &to).await.expect("the store can be copied");
    assert!(to.exists() && !folder.path().join("copy.part").exists());
    store.close().await;
}

/// Two at once with the same name: the file is one of them, whole.
#[test]
fn two_copies_with_one_name_do_not_mix() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = open(folder.path());
    runtime.block_on(fill(&*store, 3000));
    for round in 0..10 {
        let to = folder.path().join(format!("copy-{round}"));
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let one = || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let outcome = runtime.block_on(backup(&*store, &to));
                if outcome.is_ok() {
                    let copy = rusqlite::Connection::open(&to).expect("a database");
                    assert_eq!(number(&copy, "SELECT count(*) FROM risk_events"), 3000);
                }
                outcome
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(done, 1, "{outcomes:?}");
        for outcome in outcomes {
            assert!(matches!(outcome, Ok(()) | Err(StoreError::Unusable(_))), "{outcome:?}");
        }
    }
    runtime.block_on(store.close());
}

#[tokio::test]
async fn keys_are_in_it_only_when_they_were_added() {
    let folder = filled(10).await;
    let store = open(folder.path());
    let to = folder.path().join("copy");
    backup(&*store, &to).await.expect("the store can be copied");
    assert_eq!(keys_of(&to).expect("a backup"), []);
    let keys = vec![("issuer/a.pem".to_owned(), b"one \0 two".to_vec()), ("page-token.key".to_owned(), vec![7; 32])];
    add_keys(&to, &keys).expect("keys can be added");
    assert_eq!(keys_of(&to).expect("a backup"), keys);
    assert!(!folder.path().join("copy-journal").exists());
    store.close().await;
}
