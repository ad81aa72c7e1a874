//! Connections: one pool for reads, one for writes, so that neither holds the other up.

use crate::error::{MOST_SECONDS, connecting, engine};
use crate::tls::connector;
use crate::values::Parameters;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::StoreError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row, Statement};

/// How long a connection may take to be made, and how long a request waits for a free one.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a peer that is silent is taken for gone.
const SILENCE: Duration = Duration::from_secs(10);
/// Statements that a connection keeps prepared. A client's filters make new ones without end.
const PREPARED: usize = 200;
/// How long what is read may take altogether, whatever the server says of it: the last statement of a read begins
/// before its time is over ([`MOST_SECONDS`]). A server that hangs says nothing.
const READING: Duration = Duration::from_secs(2 * MOST_SECONDS);
/// How long a write may wait for the tenant's lock, and for each of its statements.
const WRITE_SECONDS: u64 = 20;

/// Ends a read that takes too long.
pub(crate) async fn in_time<T, E: From<StoreError>>(read: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    within(READING, read).await
}

/// Ends a question that has one row for an answer, when that takes as long as a connection may.
pub(crate) async fn soon<T>(question: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    within(PATIENCE, question).await
}

async fn within<T, E: From<StoreError>>(most: Duration, question: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(most, question).await.unwrap_or_else(|_| {
        let why = format!("it did not answer within {} seconds", most.as_secs());
        Err(StoreError::Unavailable(why).into())
    })
}

/// Both pools.
pub(crate) struct Database {
    readers: Pool,
    writers: Pool,
}

impl Database {
    /// Pools over a database; connections are made when they are needed.
    pub(crate) fn new(url: &str) -> Result<Self, StoreError> {
        let (mut config, tls) = connector(url)?;
        if config.get_application_name().is_none() {
            config.application_name("spillwatch");
        }
        config.connect_timeout(PATIENCE).tcp_user_timeout(SILENCE).keepalives_idle(SILENCE);
        config.keepalives_interval(Duration::from_secs(3)).keepalives_retries(3);
        // After a failover the name may lead to servers of which one takes writes.
        config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
        // One of several servers that takes connections and says nothing must not be asked first each time.
        if !url.contains("load_balance_hosts") {
            config.load_balance_hosts(tokio_postgres::config::LoadBalanceHosts::Random);
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let pool = |most: usize, seconds: u64| {
            let mut config = config.clone();
            let asked = config.get_options().unwrap_or_default().to_owned();
            // A commit that is answered is on disk, whatever the server's own setting; what the address asks for goes
            // last, so that it can ask for more (remote_apply).
            config.options(format!(
                "-c synchronous_commit=on -c statement_timeout={seconds}s -c lock_timeout={}s \
                 -c idle_in_transaction_session_timeout={}s {asked}",
                seconds / 2,
                SILENCE.as_secs()
            ));
            let manager =
                Manager::from_config(config, tls.clone(), ManagerConfig { recycling_method: RecyclingMethod::Fast });
            let timeouts = Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) };
            let built = Pool::builder(manager).max_size(most).timeouts(timeouts).runtime(Runtime::Tokio1).build();
            built.map_err(|error| StoreError::Unusable(format!("the pool cannot be made: {error}")))
        };
        // What holds a write up is a disk, not a core.
        Ok(Self { readers: pool(cores * 4, MOST_SECONDS)?, writers: pool(cores * 4, WRITE_SECONDS)? })
    }

    /// How many reads that may be long run at a time: half of the connections are for the others.
    pub(crate) fn long_reads(&self) -> usize {
        (self.readers.status().max_size / 2).max(1)
    }

    /// Fails once it was closed.
    pub(crate) fn ensure_open(&self) -> Result<(), StoreError> {
        if self.readers.is_closed() { Err(StoreError::Stopped("it was closed".to_owned())) } else { Ok(()) }
    }

    /// A connection to read with.
    pub(crate) async fn reader(&self) -> Result<Connection, StoreError> {
        self.readers.get().await.map(Connection::new).map_err(connecting)
    }

    /// A connection to write with.
    pub(crate) async fn writer(&self) -> Result<Connection, StoreError> {
        self.writers.get().await.map(Connection::new).map_err(connecting)
    }

    /// Closes both; connections that are lent end when they come back.
    pub(crate) fn close(&self) {
        self.readers.close();
        self.writers.close();
    }
}

/// A connection, lent until it is dropped. One that is in the middle of a transaction is then closed: nobody else may
/// go on with that. So is one that owes an answer, which may never come.
pub(crate) struct Connection {
    object: Option<Object>,
    in_transaction: AtomicBool,
    /// Answers that are waited for.
    owed: AtomicUsize,
}

impl Connection {
    fn new(object: Object) -> Self {
        Self { object: Some(object), in_transaction: AtomicBool::new(false), owed: AtomicUsize::new(0) }
    }

    fn object(&self) -> &Object {
        self.object.as_ref().expect("it is taken when it is dropped")
    }

    /// Waits for an answer.
    async fn answer<T>(&self, question: impl Future<Output = T>) -> T {
        self.owed.fetch_add(1, Ordering::Relaxed);
        let answer = question.await;
        self.owed.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// Prepares a statement, once for each connection.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        let cache = &self.object().statement_cache;
        if cache.size() >= PREPARED {
            cache.clear();
        }
        self.answer(self.object().prepare_cached(sql)).await
    }

    /// The rows of a statement.
    pub(crate) async fn query(&self, sql: &str, values: Parameters<'_>) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql).await?;
        self.answer(self.object().query(&statement, values)).await
    }

    /// The same of one that is prepared: it is sent when this is first looked at.
    pub(crate) async fn query_prepared(&self, sql: &Statement, values: Parameters<'_>) -> Result<Vec<Row>, Error> {
        self.answer(self.object().query(sql, values)).await
    }

    /// The row of a statement that has one at most.
    pub(crate) async fn query_opt(&self, sql: &str, values: Parameters<'_>) -> Result<Option<Row>, Error> {
        let statement = self.prepare(sql).await?;
        self.answer(self.object().query_opt(&statement, values)).await
    }

    /// Runs a statement; answers how many rows it changed.
    pub(crate) async fn execute(&self, sql: &str, values: Parameters<'_>) -> Result<u64, Error> {
        let statement = self.prepare(sql).await?;
        self.answer(self.object().execute(&statement, values)).await
    }

    /// Runs a statement that is a transaction of its own; again where somebody else was faster with the same rows on
    /// another server, whose view of them is fixed by then.
    pub(crate) async fn execute_again(&self, sql: &str, values: Parameters<'_>) -> Result<u64, Error> {
        loop {
            match self.execute(sql, values).await {
                Err(error) if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {}
                outcome => return outcome,
            }
        }
    }

    /// The same of one with rows.
    pub(crate) async fn query_again(&self, sql: &str, values: Parameters<'_>) -> Result<Vec<Row>, Error> {
        loop {
            match self.query(sql, values).await {
                Err(error) if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {}
                outcome => return outcome,
            }
        }
    }

    /// The same of one that is prepared: it is sent when this is first looked at.
    pub(crate) async fn execute_prepared(&self, sql: &Statement, values: Parameters<'_>) -> Result<u64, Error> {
        self.answer(self.object().execute(sql, values)).await
    }

    /// Runs statements without values.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Error> {
        self.answer(self.object().batch_execute(sql)).await
    }

    /// Begins a transaction. What is asked for at the same time after it is in it.
    pub(crate) async fn begin(&self, sql: &str) -> Result<(), Error> {
        self.in_transaction.store(true, Ordering::Relaxed);
        self.run(sql).await
    }

    /// Commits it. After a statement that failed, that rolls it back, and does not fail itself.
    pub(crate) async fn commit(&self) -> Result<(), Error> {
        self.run("COMMIT").await?;
        self.in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Gives it up.
    pub(crate) async fn roll_back(&self) {
        if self.run("ROLLBACK").await.is_ok() {
            self.in_transaction.store(false, Ordering::Relaxed);
        }
    }

    /// Runs some reads in one transaction, so that they see one moment.
    pub(crate) async fn at_one_moment<T>(
        &self,
        reads: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(engine("beginning to read"))?;
        let outcome = reads.await;
        self.commit().await.map_err(engine("ending to read"))?;
        outcome
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(object) = self.object.take()
            && (self.in_transaction.load(Ordering::Relaxed) || self.owed.load(Ordering::Relaxed) > 0)
        {
            drop(Object::take(object));
        }
    }
}
