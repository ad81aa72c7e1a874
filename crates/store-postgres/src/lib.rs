//! The store for many nodes: PostgreSQL. Any number of Spillwatch nodes share one database and keep no state of
//! their own; replication, failover and partitioning are PostgreSQL's work (docs/adr/0007-postgresql.md).

mod actors;
mod admin;
mod archive;
mod candidates;
mod check;
mod database;
mod dialect;
mod directory;
mod epoch;
mod error;
#[cfg(test)]
mod letters;
mod load;
mod long;
mod migrate;
mod query;
mod records;
mod repeats;
mod rest;
mod rows;
mod secrets;
mod statements;
mod tasks;
mod tls;
mod values;
mod writer;

pub use archive::PostgresArchive;
pub use dialect::PostgresDialect;
pub use secrets::Secrets;

use crate::database::{Database, in_time};
use crate::epoch::Epoch;
use crate::writer::Writer;
use model::{
    Actor, Clock, Command, DetectionId, EntityId, EventKey, Evidence, Registry, Repeatability, RiskEvent, RiskyUser,
    TenantKey, Total, User, UserKey,
};
use odata::expression::bound::Expression;
use std::path::Path;
use std::sync::Arc;
use store::sql::Place;
use store::{
    AdminCommand, AdminOutcome, BoxFuture, Carried, ChangeRecord, Finding, HistoryRecord, ListError, LogPlace, Outcome,
    PageQuery, RowSink, Source, Store, StoreError, WriteError,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    database: Arc<Database>,
    epoch: Epoch,
    writer: Arc<Writer>,
    long_reads: Semaphore,
    migrations: Vec<String>,
}

impl PostgresStore {
    /// Connects to the database at `url` (`postgres://user@host/database`, as libpq takes them), and brings its schema
    /// up to date.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let database = Arc::new(Database::new(url)?);
        let db = database.writer().await?;
        must_be_utf8(&db).await?;
        let migrations = migrate::migrate(&db).await?;
        archive::must_be_finished(&db).await?;
        drop(db);
        let writer = Arc::new(Writer::new(database.clone(), clock));
        let long_reads = Semaphore::new(database.long_reads());
        Ok(Self { epoch: Epoch::new(database.clone()), database, writer, long_reads, migrations })
    }

    /// A place among long reads, for one that may be long.
    async fn long_reads(&self, is_long: bool) -> Result<Option<SemaphorePermit<'_>>, StoreError> {
        if !is_long {
            return Ok(None);
        }
        self.long_reads.acquire().await.map(Some).map_err(|_| StoreError::Stopped("it was closed".to_owned()))
    }

    /// The names of the migrations that opening it ran.
    pub fn migrations(&self) -> &[String] {
        &self.migrations
    }
}

/// Refuses a database that cannot hold every text.
async fn must_be_utf8(db: &database::Connection) -> Result<(), StoreError> {
    let encoding = check::setting(db, "server_encoding").await?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "the database's encoding is {encoding}; make one with `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`"
    )))
}

impl Store for PostgresStore {
    fn execute_all(
        &self,
        tenant: TenantKey,
        actor: Actor,
        commands: Vec<Command>,
        repeatability: Option<Repeatability>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, ListError>> {
        Box::pin(self.writer.execute(tenant, actor, commands, repeatability))
    }

    fn executed<'a>(
        &'a self,
        tenant: TenantKey,
        actor: &'a Actor,
        repeatability: &'a Repeatability,
    ) -> BoxFuture<'a, Result<Option<Vec<Outcome>>, WriteError>> {
        Box::pin(in_time(async move {
            let db = self.database.reader().await?;
            repeats::find(&db, tenant, actor, repeatability).await?.outcomes(repeatability)
        }))
    }

    fn event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
        carried: Carried,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let columns = rows::columns_of_events(carried);
        Box::pin(in_time(async move { rows::event(&self.database.reader().await?, tenant, key, columns, sink).await }))
    }

    fn load_event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<RiskEvent>, StoreError>> {
        Box::pin(in_time(async move { rows::load_event(&self.database.reader().await?, tenant, key).await }))
    }

    fn evidence<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<Vec<Evidence>>, StoreError>> {
        Box::pin(in_time(async move { rows::evidence(&self.database.reader().await?, tenant, key).await }))
    }

    fn load_user<'a>(&'a self, tenant: TenantKey, key: &'a UserKey) -> BoxFuture<'a, Result<Option<User>, StoreError>> {
        Box::pin(in_time(async move { rows::load_user(&self.database.reader().await?, tenant, key).await }))
    }

    fn load_risky_user<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RiskyUser>, StoreError>> {
        Box::pin(in_time(async move { rows::load_risky_user(&self.database.reader().await?, tenant, id).await }))
    }

    fn history<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
        from: Option<u64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<HistoryRecord>, StoreError>> {
        Box::pin(in_time(async move { rows::history(&self.database.reader().await?, tenant, id, from, limit).await }))
    }

    fn detected_event(
        &self,
        tenant: TenantKey,
        detection: DetectionId,
    ) -> BoxFuture<'_, Result<Option<EntityId>, StoreError>> {
        Box::pin(in_time(async move { rows::detected_event(&self.database.reader().await?, tenant, detection).await }))
    }

    fn page<'a>(
        &'a self,
        tenant: TenantKey,
        query: PageQuery,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Option<Place>, StoreError>> {
        Box::pin(async move {
            let keys = query::order_of(&query);
            let _place =
                self.long_reads(long::is_long_page(query.source, query.filter.as_ref(), &keys, query.skip)).await?;
            in_time(async { query::page(&self.database.reader().await?, tenant, &query, &keys, sink).await }).await
        })
    }

    fn count(&self, tenant: TenantKey, source: Source, filter: Expression) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let _place = self.long_reads(long::is_long_count(source, &filter)).await?;
            in_time(async { query::count(&self.database.reader().await?, tenant, source, &filter).await }).await
        })
    }

    fn totals(&self, tenant: TenantKey) -> BoxFuture<'_, Result<Vec<(Total, u64)>, StoreError>> {
        Box::pin(in_time(async move { rows::totals(&self.database.reader().await?, tenant).await }))
    }

    fn changes(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<ChangeRecord>, StoreError>> {
        Box::pin(in_time(async move { rows::changes(&self.database.reader().await?, tenant, after, limit).await }))
    }

    fn log_end(&self, tenant: TenantKey) -> BoxFuture<'_, Result<LogPlace, StoreError>> {
        Box::pin(in_time(async move {
            Ok(rows::log_end(&self.database.reader().await?, tenant).await?.unwrap_or_default())
        }))
    }

    fn registry_epoch(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.epoch.get())
    }

    fn registry(&self) -> BoxFuture<'_, Result<Registry, StoreError>> {
        Box::pin(in_time(async move { admin::registry(&self.database.reader().await?).await }))
    }

    fn administer(&self, command: AdminCommand) -> BoxFuture<'_, Result<AdminOutcome, WriteError>> {
        Box::pin(async move {
            if let AdminCommand::RemoveTenant(tenant) = &command {
                self.writer.forget(*tenant);
            }
            let is_of_registry = !matches!(
                command,
                AdminCommand::Reseal { .. }
                    | AdminCommand::ForgetRecords { .. }
                    | AdminCommand::Tasks { .. }
                    | AdminCommand::Candidates { .. }
                    | AdminCommand::Retain { .. }
            );
            let outcome = admin::execute(&self.database.writer().await?, command).await?;
            if is_of_registry && matches!(outcome, AdminOutcome::Done | AdminOutcome::Tenant(_)) {
                Epoch::passed().await;
            }
            Ok(outcome)
        })
    }

    fn backup<'a>(
        &'a self,
        _to: &'a Path,
        _progress: &'a mut (dyn FnMut(f64) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            Err(StoreError::Unusable(
                "a PostgreSQL database is backed up with its own tools: pg_dump, or pg_basebackup with archived logs; keep \
                 the operator's key that its secrets are sealed with apart from it"
                    .to_owned(),
            ))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async move { check::check(&self.database.reader().await?).await })
    }

    /// A database that is away may come back: this store never fails for good.
    fn failure(&self) -> Option<String> {
        None
    }

    fn failed(&self) -> BoxFuture<'_, String> {
        Box::pin(std::future::pending())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.long_reads.close();
            self.writer.close().await;
            self.database.close();
        })
    }
}
