//! The embedded store: one SQLite file, one writer thread with group commit, readers that never
//! wait for it (docs/adr/0001-embedded-store-and-group-commit.md).

mod accounts;
mod admin;
mod archive;
mod backup;
mod candidates;
mod check;
mod checkpoint;
mod columns;
mod dialect;
mod directory;
mod epoch;
mod error;
mod evidence;
mod forget;
mod functions;
mod group;
mod jobs;
mod joined_log;
mod log;
#[cfg(test)]
mod lowering_tests;
mod migrate;
mod open;
mod owned;
mod page_cache;
mod plan;
mod query;
mod readers;
mod repeats;
mod risky_users;
mod rows;
mod slow;
mod tasks;
#[cfg(test)]
mod tests;
mod wal_index;
mod writer;

pub use archive::SqliteArchive;
pub use backup::{BackupInfo, add_keys, database_file, keys_of, restore};
pub use dialect::SqliteDialect;
pub use open::FILE_NAME;
pub use readers::ReaderMemory;

use crate::checkpoint::{Checkpointer, Limits};
use crate::epoch::EpochCache;
use crate::group::Actors;
use crate::open::{Role, connect};
use crate::owned::OwnedRow;
use crate::readers::Readers;
use crate::slow::SlowLane;
use crate::wal_index::WalIndex;
use crate::writer::{Desk, Job, Message, QUEUE, Request, Writer};
use model::{
    Actor, Clock, Command, DetectionId, EntityId, EventKey, Evidence, Registry, Repeatability, RiskEvent, RiskyUser,
    TenantKey, Total, User, UserKey,
};
use odata::expression::bound::Expression;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::columns::Columns;
use store::sql::Place;
use store::{
    AdminCommand, AdminOutcome, BoxFuture, Carried, ChangeRecord, Finding, HistoryRecord, ListError, LogPlace, Outcome,
    PageQuery, RowSink, Source, Store, StoreError, WriteError,
};
use tokio::sync::{mpsc, oneshot, watch};

/// How much of the file each reader maps into memory, unless it is told otherwise: 2 GiB, which is also
/// the most that SQLite maps. What is mapped is the system's cache, which it takes back when memory is
/// short.
pub const MAPPED: u64 = 2 << 30;

/// A store in a folder.
pub struct SqliteStore {
    path: PathBuf,
    readers: Arc<Readers>,
    slow: SlowLane,
    epoch: Arc<EpochCache>,
    desk: Arc<Desk>,
    writer: mpsc::Sender<Message>,
    failure: watch::Receiver<Option<String>>,
    migrations: Vec<String>,
}

impl SqliteStore {
    /// Opens the store in `folder`, made when it is not there, and brings its schema up to date.
    /// Blocks for as long as that takes.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Self::open_with(folder, clock, ReaderMemory::mapping(MAPPED))
    }

    /// The same with readers that take so much memory.
    pub fn open_with(folder: &Path, clock: Arc<dyn Clock>, memory: ReaderMemory) -> Result<Self, StoreError> {
        let (path, db, migrations) = open::open_writer(folder)?;
        if archive::is_unfinished(&db)? {
            return Err(store::transfer::unfinished());
        }
        // The schema was read, so the log has its index by now.
        let index = WalIndex::open(&path)
            .map_err(|error| StoreError::Unusable(format!("the log's index cannot be read: {error}")))?;
        let cannot_start =
            |error: std::io::Error| StoreError::Unusable(format!("the writer's threads cannot be started: {error}"));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let readers = Arc::new(Readers::new(path.clone(), index, cores + 2, memory));
        let checkpointer = Checkpointer::start(&path, Limits::USUAL, readers.clone()).map_err(cannot_start)?;
        let (failure, failed) = watch::channel(None);
        let (sender, messages) = mpsc::channel(QUEUE);
        let epoch = Arc::new(EpochCache::new());
        let writer = Writer {
            db,
            clock,
            actors: Actors::default(),
            checkpointer,
            readers: readers.clone(),
            epoch: epoch.clone(),
            failure,
        };
        let desk = Arc::new(Desk::new(writer));
        let of_thread = desk.clone();
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || of_thread.run(messages))
            .map_err(cannot_start)?;
        Ok(Self { readers, slow: SlowLane::new(cores), epoch, path, desk, writer: sender, failure: failed, migrations })
    }

    /// The names of the migrations that opening it ran.
    pub fn migrations(&self) -> &[String] {
        &self.migrations
    }

    /// Sends the writer a message and waits for its answer.
    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let stopped = || StoreError::Stopped(self.failure().unwrap_or_else(|| "it was closed".to_owned()));
        self.writer.send(message(reply)).await.map_err(|_| stopped())?;
        match answer.await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.writer.closed().await; // then it is known why
                Err(stopped())
            }
        }
    }
}

impl Store for SqliteStore {
    fn execute_all(
        &self,
        tenant: TenantKey,
        actor: Actor,
        commands: Vec<Command>,
        repeatability: Option<Repeatability>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, ListError>> {
        let mut request = Request { tenant, actor, commands, repeatability: repeatability.map(Box::new) };
        Box::pin(async move {
            if self.writer.capacity() == self.writer.max_capacity() {
                match self.desk.serve(request) {
                    Ok(answer) => return answer,
                    Err(back) => request = back,
                }
            }
            self.ask(|reply| Message::Write(Job { request, reply })).await?
        })
    }

    fn executed<'a>(
        &'a self,
        tenant: TenantKey,
        actor: &'a Actor,
        repeatability: &'a Repeatability,
    ) -> BoxFuture<'a, Result<Option<Vec<Outcome>>, WriteError>> {
        let known = self.readers.with(|db| repeats::find(db, tenant, actor, repeatability));
        Box::pin(ready(known.map_err(WriteError::from).and_then(|known| known.outcomes(repeatability))))
    }

    fn event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
        carried: Carried,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let columns = Columns::of_events(carried.projection, carried.related);
        Box::pin(ready(self.readers.with(|db| rows::event(db, tenant, key, columns, sink))))
    }

    fn load_event<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<RiskEvent>, StoreError>> {
        let event = self.readers.with(|db| rows::load_event(db, tenant, &key.id));
        let of_kind = |event: &RiskEvent| key.kind.is_none_or(|kind| kind == event.kind);
        Box::pin(ready(event.map(|event| event.filter(of_kind))))
    }

    fn evidence<'a>(
        &'a self,
        tenant: TenantKey,
        key: &'a EventKey,
    ) -> BoxFuture<'a, Result<Option<Vec<Evidence>>, StoreError>> {
        let of_kind = |event: &RiskEvent| key.kind.is_none_or(|kind| kind == event.kind);
        let found = self.readers.with(|db| {
            let event = rows::load_event(db, tenant, &key.id)?.filter(of_kind);
            event.map(|event| evidence::load(db, tenant, &event)).transpose()
        });
        Box::pin(ready(found))
    }

    fn load_user<'a>(&'a self, tenant: TenantKey, key: &'a UserKey) -> BoxFuture<'a, Result<Option<User>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| rows::load_user(db, tenant, key))))
    }

    fn load_risky_user<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RiskyUser>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| risky_users::load(db, tenant, id))))
    }

    fn history<'a>(
        &'a self,
        tenant: TenantKey,
        id: &'a str,
        from: Option<u64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<HistoryRecord>, StoreError>> {
        Box::pin(async move {
            if limit <= log::SHORT {
                return self.readers.with(|db| risky_users::history(db, tenant, id, from, limit));
            }
            let id = id.to_owned();
            self.slow.run(self.readers.clone(), move |db| risky_users::history(db, tenant, &id, from, limit)).await
        })
    }

    fn detected_event(
        &self,
        tenant: TenantKey,
        detection: DetectionId,
    ) -> BoxFuture<'_, Result<Option<EntityId>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| risky_users::detected_event(db, tenant, detection))))
    }

    fn page<'a>(
        &'a self,
        tenant: TenantKey,
        query: PageQuery,
        sink: &'a mut dyn RowSink,
    ) -> BoxFuture<'a, Result<Option<Place>, StoreError>> {
        Box::pin(async move {
            let read = self.readers.with(|db| {
                let plan = query::plan_of(db, tenant, &query)?;
                if plan.is_long {
                    return Ok(Err(plan));
                }
                query::page(db, tenant, &query, &plan, &mut |row| Ok(sink.row(row)?)).map(Ok)
            });
            let plan = match read? {
                Ok(place) => return Ok(place),
                Err(plan) => plan,
            };
            let read = move |db: &rusqlite::Connection| {
                let mut rows = Vec::new();
                let place = query::page(db, tenant, &query, &plan, &mut |row| {
                    rows.push(OwnedRow::of(row));
                    Ok(())
                })?;
                Ok((rows, place))
            };
            let (rows, place) = self.slow.run(self.readers.clone(), read).await?;
            rows.iter().try_for_each(|row| sink.row(row))?;
            Ok(place)
        })
    }

    fn count(&self, tenant: TenantKey, source: Source, filter: Expression) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move {
            let read = self.readers.with(|db| {
                let plan = query::count_plan(db, tenant, source, &filter)?;
                if plan.is_long { Ok(Err(plan)) } else { query::count(db, tenant, source, &filter, &plan).map(Ok) }
            });
            match read? {
                Ok(count) => Ok(count),
                Err(plan) => {
                    let read = move |db: &rusqlite::Connection| query::count(db, tenant, source, &filter, &plan);
                    self.slow.run(self.readers.clone(), read).await
                }
            }
        })
    }

    fn totals(&self, tenant: TenantKey) -> BoxFuture<'_, Result<Vec<(Total, u64)>, StoreError>> {
        Box::pin(ready(self.readers.with(|db| rows::totals(db, tenant))))
    }

    fn changes(
        &self,
        tenant: TenantKey,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<ChangeRecord>, StoreError>> {
        Box::pin(async move {
            if limit <= log::SHORT {
                return self.readers.with(|db| log::changes(db, tenant, after, limit));
            }
            self.slow.run(self.readers.clone(), move |db| log::changes(db, tenant, after, limit)).await
        })
    }

    fn log_end(&self, tenant: TenantKey) -> BoxFuture<'_, Result<LogPlace, StoreError>> {
        let end = self.readers.with(|db| log::end(db, tenant));
        Box::pin(ready(end.map(Option::unwrap_or_default)))
    }

    fn registry_epoch(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(ready(self.epoch.get(&self.readers)))
    }

    fn registry(&self) -> BoxFuture<'_, Result<Registry, StoreError>> {
        Box::pin(ready(self.readers.with(admin::registry)))
    }

    fn administer(&self, command: AdminCommand) -> BoxFuture<'_, Result<AdminOutcome, WriteError>> {
        Box::pin(async move { self.ask(|reply| Message::Administer(command, reply)).await? })
    }

    fn backup<'a>(
        &'a self,
        to: &'a Path,
        progress: &'a mut (dyn FnMut(f64) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { backup::copy(&self.path, to, progress) })
    }

    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async move { check::check(&connect(&self.path, Role::Upkeep)?, &self.path) })
    }

    fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    fn failed(&self) -> BoxFuture<'_, String> {
        let mut failure = self.failure.clone();
        Box::pin(async move {
            let why = failure.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
            match why {
                Some(why) => why,
                None => std::future::pending().await, // closed without a failure
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.readers.close();
            if self.ask(Message::Stop).await.is_err() {
                tracing::debug!("the store was closed before");
            }
        })
    }
}
