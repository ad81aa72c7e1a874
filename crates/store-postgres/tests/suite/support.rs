//! A store in a database of its own.

use model::FixedClock;
use postgres_cluster::{Database, shared};
use std::sync::{Arc, Mutex};
use store::{BoxFuture, Store};
use store_postgres::PostgresStore;

/// A clock that stands still.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2024-03-03T06:00:00Z".parse().expect("a time")))
}

/// Opens the store in a database.
pub(crate) async fn open(url: &str, clock: Arc<FixedClock>) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(url, clock).await.expect("the store can be opened"))
}

/// A store in a database of its own, with everything that a contract case may do to it.
pub(crate) struct Harness {
    clock: Arc<FixedClock>,
    store: Mutex<Arc<PostgresStore>>,
    database: Database,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let database = shared().database();
        let clock = clock();
        let store = open(database.url(), clock.clone()).await;
        Self { clock, store: Mutex::new(store), database }
    }
}

impl store::contract::Harness for Harness {
    fn store(&self) -> Arc<dyn Store> {
        self.store.lock().expect("no test goes on after a panic").clone()
    }

    fn reopen(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store().close().await;
            let store = open(self.database.url(), self.clock.clone()).await;
            *self.store.lock().expect("no test goes on after a panic") = store;
        })
    }

    fn clock(&self) -> &FixedClock {
        &self.clock
    }

    fn unsound(&self) -> &[&'static str] {
        &["fsync", "full_page_writes"]
    }
}
