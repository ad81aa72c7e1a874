//! `spillwatch migrate`

mod keys;
mod moving;

use crate::cli::{Global, Migrate};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::line;
use model::SystemClock;
use std::sync::Arc;
use store::Store as _;
use store_postgres::PostgresStore;

/// Moves a store, or brings the schema up to date, which opening the store does, and says what ran.
pub async fn run(global: &Global, options: Migrate) -> Result<(), Failure> {
    if let (Some(from), Some(to)) = (&options.from, &options.to) {
        return moving::run(global, from, to).await;
    }
    let ran = if let Some(url) = &global.database {
        // Whoever may change a database's schema need not have the operator's key.
        let store = PostgresStore::open(url.expose(), Arc::new(SystemClock)).await?;
        store.close().await;
        store.migrations().to_vec()
    } else {
        let instance = Instance::open(global).await?;
        instance.service.store().close().await;
        instance.migrations
    };
    match ran.as_slice() {
        [] => line("The schema is up to date."),
        ran => ran.iter().try_for_each(|name| line(&format!("ran {name}"))),
    }
}
