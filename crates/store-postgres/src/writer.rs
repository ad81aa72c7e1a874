//! Writes. Whoever comes with commands for a tenant while a transaction for it is under way waits for the next one,
//! which takes all that wait: two round trips, one commit (docs/adr/0007-postgresql.md).
//!
//! The first round trip begins the transaction, locks the tenant's row, and loads what the commands touch. They are
//! decided in memory, one after another. The second one writes what has become of it, and commits. The lock orders
//! the groups of all nodes: numbers of changes have no gaps, and whoever sees one sees all before it.

use crate::actors::Actors;
use crate::database::{Connection, Database};
use crate::error::engine;
use crate::load::load;
use crate::repeats::Repeats;
use crate::rows::{log_end_of, number};
use crate::statements;
use crate::values::cell;
use futures_util::future::{join, join4, try_join_all};
use model::{Actor, Clock, Command, Repeatability, TenantKey};
use odata::encode::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::working::{Attempt, Batch};
use store::{ListError, LogPlace, Outcome, StoreError};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

/// The most lists of commands in one transaction: past this, the commit is a small part of the cost, and the first
/// would wait for the last.
const GROUP: usize = 256;
/// Lists that may wait; more wait outside.
const WAITING: usize = 1024;
/// The longest that a transaction waits for more to come.
const GATHERING: Duration = Duration::from_millis(3);
/// How long a group may take altogether. It is then given up, and its outcome is not known.
const PATIENCE: Duration = Duration::from_secs(30);

/// Commands that stand or fall together, mostly one, and who waits for them.
struct Job {
    actor: Actor,
    commands: Vec<Command>,
    repeatability: Option<Repeatability>,
    reply: oneshot::Sender<Result<Vec<Outcome>, ListError>>,
}

/// Those who wait for the transaction of a tenant that is under way.
struct Lane {
    waiting: Vec<Job>,
    /// How many are waited for before the next transaction begins; more than can come while none are.
    wanted: usize,
    /// Told when they are there.
    gathered: Arc<Notify>,
}

/// Everybody who waits, by tenant. A tenant is here while somebody works for it.
pub(crate) struct Writer {
    database: Arc<Database>,
    clock: Arc<dyn Clock>,
    lanes: Mutex<HashMap<TenantKey, Lane>>,
    room: Semaphore,
    actors: Actors,
    is_closed: AtomicBool,
    idle: Notify,
}

impl Writer {
    pub(crate) fn new(database: Arc<Database>, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            lanes: Mutex::default(),
            room: Semaphore::new(WAITING),
            actors: Actors::default(),
            is_closed: AtomicBool::new(false),
            idle: Notify::new(),
        }
    }

    /// Carries out a list of commands with whatever else waits for the tenant. It goes on when nobody waits any more.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        tenant: TenantKey,
        actor: Actor,
        commands: Vec<Command>,
        repeatability: Option<Repeatability>,
    ) -> Result<Vec<Outcome>, ListError> {
        let stopped = || StoreError::Stopped("it was closed".to_owned());
        let _place = self.room.acquire().await.map_err(|_| stopped())?;
        let (reply, answer) = oneshot::channel();
        {
            let mut lanes = self.lanes();
            if self.is_closed.load(Ordering::SeqCst) {
                return Err(stopped().into());
            }
            let job = Job { actor, commands, repeatability, reply };
            if let Some(lane) = lanes.get_mut(&tenant) {
                lane.waiting.push(job);
                if lane.waiting.len() >= lane.wanted {
                    lane.gathered.notify_one();
                }
            } else {
                lanes.insert(tenant, Lane { waiting: vec![job], wanted: usize::MAX, gathered: Arc::default() });
                tokio::spawn(self.clone().serve(tenant));
            }
        }
        let lost = || StoreError::Engine { doing: "writing", source: "the task that writes has ended".into() };
        answer.await.map_err(|_| lost())?
    }

    /// Refuses what comes from now on, and waits for what is under way.
    pub(crate) async fn close(&self) {
        {
            let _lanes = self.lanes();
            self.is_closed.store(true, Ordering::SeqCst);
        }
        loop {
            let idle = self.idle.notified();
            if self.lanes().is_empty() {
                return;
            }
            idle.await;
        }
    }

    /// Nothing that panics runs under the lock.
    fn lanes(&self) -> MutexGuard<'_, HashMap<TenantKey, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works for a tenant until nobody waits.
    async fn serve(self: Arc<Self>, tenant: TenantKey) {
        loop {
            let jobs = {
                let mut lanes = self.lanes();
                let Some(lane) = lanes.get_mut(&tenant) else { return };
                if lane.waiting.is_empty() {
                    lanes.remove(&tenant);
                    if lanes.is_empty() {
                        self.idle.notify_waiters();
                    }
                    return;
                }
                let most = lane.waiting.len().min(GROUP);
                lane.waiting.drain(..most).collect::<Vec<_>>()
            };
            let answered = jobs.len();
            let began = Instant::now();
            self.group(tenant, jobs).await;
            self.gather(tenant, answered, began.elapsed() / 4).await;
        }
    }

    /// Waits a little for those who were just answered, when others wait already or they were several: most of them come
    /// back at once, and one transaction for all costs little more than one for half of them, or for the first to come.
    async fn gather(&self, tenant: TenantKey, answered: usize, most: Duration) {
        let gathered = {
            let mut lanes = self.lanes();
            let Some(lane) = lanes.get_mut(&tenant).filter(|lane| lane.waiting.len() + answered > 1) else { return };
            let wanted = (lane.waiting.len() + answered).min(GROUP);
            if lane.waiting.len() >= wanted {
                return;
            }
            lane.wanted = wanted;
            // A new one, to which nobody has called before.
            lane.gathered = Arc::default();
            lane.gathered.clone()
        };
        // Whether they came or not, it goes on.
        tokio::time::timeout(most.min(GATHERING), gathered.notified()).await.ok();
        if let Some(lane) = self.lanes().get_mut(&tenant) {
            lane.wanted = usize::MAX;
        }
    }

    /// One transaction for all `jobs`, then an answer to each. When the server takes exception to something, each is
    /// tried by itself, so that nobody suffers for others.
    async fn group(&self, tenant: TenantKey, jobs: Vec<Job>) {
        match self.transact(tenant, &jobs).await {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    answer(job.reply, outcome);
                }
            }
            Err(StoreError::Engine { .. } | StoreError::Corrupt(_) | StoreError::Cell(_)) if jobs.len() > 1 => {
                for job in jobs {
                    let alone = std::slice::from_ref(&job);
                    let outcome = self.transact(tenant, alone).await.map(|mut outcomes| outcomes.swap_remove(0));
                    answer(job.reply, outcome.unwrap_or_else(|error| Err(error.into())));
                }
            }
            Err(error) => {
                for job in jobs {
                    answer(job.reply, Err(error.again().into()));
                }
            }
        }
    }

    async fn transact(
        &self,
        tenant: TenantKey,
        jobs: &[Job],
    ) -> Result<Vec<Result<Vec<Outcome>, ListError>>, StoreError> {
        let connection = self.database.writer().await?;
        let transacting = async {
            loop {
                let outcome = self.transact_on(&connection, tenant, jobs).await.transpose();
                if !matches!(outcome, Some(Ok(_))) {
                    connection.roll_back().await;
                }
                if let Some(outcome) = outcome {
                    return outcome;
                }
            }
        };
        let Ok(outcome) = tokio::time::timeout(PATIENCE, transacting).await else {
            let why = format!("it did not answer within {} seconds", PATIENCE.as_secs());
            return Err(StoreError::Unavailable(why));
        };
        outcome
    }

    /// One attempt. `None` when another node wrote while this one waited for the lock, and the server showed the tables
    /// as they were before: that is so where the tenant is on another server (docs/postgresql.md).
    async fn transact_on(
        &self,
        db: &Connection,
        tenant: TenantKey,
        jobs: &[Job],
    ) -> Result<Option<Vec<Result<Vec<Outcome>, ListError>>>, StoreError> {
        let commands = || jobs.iter().flat_map(|job| &job.commands);
        let requests = || jobs.iter().filter_map(|job| Some((&job.actor, job.repeatability.as_ref()?)));
        // Nothing of the tenant is known before the lock, so any batch tells what is wanted at first.
        let wanted = Batch::new(LogPlace::default(), &*self.clock).wants(commands());
        let kept = self.actors.kept(tenant);
        let lock = "SELECT last_sequence, last_time, (SELECT time FROM changes WHERE tenant = $1 AND sequence = $2) \
                    FROM tenants WHERE tenant = $1 FOR UPDATE";
        let lock = db.prepare(lock).await.map_err(engine("locking the tenant"))?;
        // Each is sent when it is first looked at, so they go out one after another without a wait.
        let (begun, locked, loaded, repeats) = join4(
            db.begin("BEGIN"),
            db.query_prepared(&lock, &[&number(tenant), &(kept.sequence as i64)]),
            load(db, tenant, &wanted),
            Repeats::load(db, tenant, requests()),
        )
        .await;
        begun.map_err(engine("beginning a transaction"))?;
        if locked.as_ref().is_err_and(|error| error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE)) {
            return Ok(None);
        }
        let locked = locked.map_err(engine("locking the tenant"))?;
        let locked = locked.first().ok_or(StoreError::UnknownTenant)?;
        let end = log_end_of(locked)?;
        if kept.sequence > 0 && cell(locked, 2) != Cell::Integer(kept.time.get()) {
            // A server has taken over that lacks what this node wrote last (docs/postgresql.md).
            self.actors.forget(tenant);
        }
        let (loaded, mut repeats) = (loaded?, repeats?);
        let mut batch = Batch::new(end, &*self.clock);
        batch.working().take_in(&wanted, loaded);
        // What was found may lead to more.
        loop {
            let wanted = batch.wants(commands());
            if wanted.is_empty() {
                break;
            }
            let loaded = load(db, tenant, &wanted).await?;
            batch.working().take_in(&wanted, loaded);
        }
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(self.carry_out(db, tenant, job, &mut batch, &mut repeats).await?);
        }
        self.write(db, tenant, batch, repeats).await?;
        Ok(Some(outcomes))
    }

    /// Decides a list, unless that was done before.
    async fn carry_out(
        &self,
        db: &Connection,
        tenant: TenantKey,
        job: &Job,
        batch: &mut Batch<'_>,
        repeats: &mut Repeats,
    ) -> Result<Result<Vec<Outcome>, ListError>, StoreError> {
        if let Some(repeatability) = &job.repeatability {
            match repeats.executed(&job.actor, repeatability, batch.now()) {
                Ok(None) => {}
                Ok(Some(outcomes)) => return Ok(Ok(outcomes)),
                Err(error) => return Ok(Err(ListError { at: 0, error })),
            }
        }
        loop {
            match batch.execute(&job.actor, &job.commands) {
                Attempt::Done(outcome) => {
                    if let (Ok(outcomes), Some(repeatability)) = (&outcome, &job.repeatability) {
                        repeats.remember(&job.actor, repeatability, batch.now(), outcomes);
                    }
                    return Ok(outcome);
                }
                Attempt::Needs(wanted) => {
                    let loaded = load(db, tenant, &wanted).await?;
                    batch.working().take_in(&wanted, loaded);
                }
            }
        }
    }

    /// Writes everything, and commits. When it answers `Ok`, everything is on disk.
    async fn write(
        &self,
        db: &Connection,
        tenant: TenantKey,
        batch: Batch<'_>,
        repeats: Repeats,
    ) -> Result<(), StoreError> {
        let now = batch.now();
        let writes = batch.into_writes();
        if writes.end.is_none() && repeats.is_empty() {
            // Nothing was written. What was read to decide it was committed before, and the lock is given back.
            return db.commit().await.map_err(engine("ending a transaction"));
        }
        let actors = writes.log.iter().map(|entry| &entry.actor).chain(repeats.actors());
        let actors = self.actors.numbers(db, tenant, actors).await?;
        let mut statements = statements::of(tenant, &writes, |entry| actors.number(&entry.actor))?;
        statements.extend(repeats.statements(tenant, now, |actor| actors.number(actor)));
        let write = engine("writing a group");
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in &statements {
            prepared.push(db.prepare(&statement.sql).await.map_err(write)?);
        }
        let end = writes.end;
        let writes = prepared.iter().zip(&statements).map(|(prepared, statement)| async move {
            let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
                statement.values.iter().map(|value| &**value as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
            db.execute_prepared(prepared, &values).await
        });
        // Sent one after another without a wait; after one that fails, the commit rolls back.
        let (written, committed) = join(try_join_all(writes), db.commit()).await;
        written.map_err(write)?;
        committed.map_err(engine("committing"))?;
        if let Some(end) = end {
            self.actors.keep(tenant, actors, end);
        }
        Ok(())
    }

    /// Forgets what is known of a tenant that is gone.
    pub(crate) fn forget(&self, tenant: TenantKey) {
        self.actors.forget(tenant);
    }
}

/// Answers one who may have gone away meanwhile, which is no fault: the command was carried out.
fn answer<T>(reply: oneshot::Sender<T>, outcome: T) {
    drop(reply.send(outcome));
}
