//! A store in a folder of its own.

use model::FixedClock;
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::contract::Harness;
use store::{BoxFuture, Store};
use store_sqlite::SqliteStore;

/// A clock that stands still.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2024-03-03T06:00:00Z".parse().expect("a time")))
}

/// Opens the store in a folder.
pub(crate) fn open(folder: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder, clock()).expect("the store can be opened"))
}

/// A store in a temporary folder, with everything that a contract case may do to it.
pub(crate) struct Folder {
    clock: Arc<FixedClock>,
    store: Mutex<Arc<SqliteStore>>,
    folder: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = clock();
        let store = SqliteStore::open(folder.path(), clock.clone()).expect("the store can be opened");
        Self { clock, store: Mutex::new(Arc::new(store)), folder }
    }
}

impl Harness for Folder {
    fn store(&self) -> Arc<dyn Store> {
        self.store.lock().expect("no test goes on after a panic").clone()
    }

    fn reopen(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store().close().await;
            let store = SqliteStore::open(self.folder.path(), self.clock.clone()).expect("the store can be reopened");
            *self.store.lock().expect("no test goes on after a panic") = Arc::new(store);
        })
    }

    fn clock(&self) -> &FixedClock {
        &self.clock
    }
}
