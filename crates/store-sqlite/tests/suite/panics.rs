//! A fault of ours must not hang whoever comes next.

use crate::support::{create, filled, open, tenant};
use model::{Clock, EventKey, SystemClock, TenantKey, Ticks};
use odata::encode::Row;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Carried, Store as _, StoreError, WriteError};
use store_sqlite::SqliteStore;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_panics_costs_no_connection() {
    let folder = filled(3).await;
    let store = open(folder.path());
    for _ in 0..100 {
        let store = store.clone();
        let task = tokio::spawn(async move {
            let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
            let mut sink = |_: &dyn Row| panic!("the sink panics, as this test wants");
            store.event(TenantKey(1), &key, Carried::PROPERTIES, &mut sink).await
        });
        assert!(task.await.is_err_and(|error| error.is_panic()));
    }
    let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
    let event = store.load_event(TenantKey(1), &key).await.expect("reads go on");
    assert!(event.is_some());
    create(&*store, TenantKey(1), "new").await.expect("writes go on");
    store.close().await;
}

/// Panics when it is told to.
struct Mine(AtomicBool);

impl Clock for Mine {
    fn now(&self) -> Ticks {
        assert!(!self.0.load(Ordering::SeqCst), "the clock panics, as this test wants");
        SystemClock.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_panics_is_a_failure_for_good() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Arc::new(Mine(AtomicBool::new(false)));
    let store = Arc::new(SqliteStore::open(folder.path(), clock.clone()).expect("the store can be opened"));
    let key = tenant(&*store, 1).await;
    create(&*store, key, "e1").await.expect("an event can be made");
    assert_eq!(store.failure(), None);
    clock.0.store(true, Ordering::SeqCst);
    let tasks = (0..20).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { create(&*store, key, &format!("f{number}")).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        match task.await.expect("the caller does not panic") {
            Err(WriteError::Store(StoreError::Stopped(why))) => assert!(why.contains("panicked"), "{why}"),
            other => panic!("came to {other:?}"),
        }
    }
    assert!(store.failure().is_some_and(|why| why.contains("panicked")), "{:?}", store.failure());
    assert!(store.failed().await.contains("panicked"));
    store.close().await;
    drop(store);
    let store = open(folder.path());
    let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
    assert!(store.load_event(TenantKey(1), &key).await.expect("reads go on").is_some());
    let key = EventKey { id: "f0".parse().expect("an id"), kind: None };
    assert_eq!(store.load_event(TenantKey(1), &key).await.expect("reads go on"), None);
    store.close().await;
}
