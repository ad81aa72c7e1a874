//! Connections that read: bounded to about the cores, and never waiting for the writer.

use crate::open::{Role, connect};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::StoreError;

/// How long closing waits for reads that are going on. They take less than a millisecond.
const CLOSING: Duration = Duration::from_secs(1);

/// A pool of reading connections, opened as they are needed.
pub(crate) struct Readers {
    path: PathBuf,
    most: usize,
    pool: Mutex<Pool>,
    changed: Condvar,
}

struct Pool {
    free: Vec<Connection>,
    /// Free ones and those that are lent.
    open: usize,
    /// How many wait; waking nobody would still be a system call.
    waiting: usize,
    closed: bool,
}

/// A connection that goes back into the pool whatever happens to the read, a panic included.
struct Lent<'a> {
    readers: &'a Readers,
    db: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        match self.db.take() {
            // One that is stuck in a transaction would hold the log and show an old state.
            Some(db) if db.is_autocommit() && !pool.closed => pool.free.push(db),
            db => {
                drop(db);
                pool.open -= 1;
            }
        }
        let (waiting, closed) = (pool.waiting, pool.closed);
        drop(pool);
        if closed {
            self.readers.changed.notify_all(); // the one who closes waits for all
        } else if waiting > 0 {
            self.readers.changed.notify_one();
        }
    }
}

impl Readers {
    /// At most `most` connections to the file.
    pub(crate) fn new(path: PathBuf, most: usize) -> Self {
        let pool = Pool { free: Vec::new(), open: 0, waiting: 0, closed: false };
        Self { path, most, pool: Mutex::new(pool), changed: Condvar::new() }
    }

    /// Runs `read` on a connection. Reads are short: microseconds for one entity, some hundred for
    /// a page, so they run where they are asked for.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut lent = self.take()?;
        let db = match &mut lent.db {
            Some(db) => db,
            none => none.insert(connect(&self.path, Role::Reader)?),
        };
        read(db)
    }

    /// Takes a free connection, or the right to open one.
    fn take(&self) -> Result<Lent<'_>, StoreError> {
        let mut pool = self.lock();
        loop {
            if pool.closed {
                return Err(StoreError::Stopped("it was closed".to_owned()));
            }
            if let Some(db) = pool.free.pop() {
                return Ok(Lent { readers: self, db: Some(db) });
            }
            if pool.open < self.most {
                pool.open += 1;
                return Ok(Lent { readers: self, db: None });
            }
            pool.waiting += 1;
            pool = self.changed.wait(pool).unwrap_or_else(PoisonError::into_inner);
            pool.waiting -= 1;
        }
    }

    /// Closes every connection; reads are refused from then on. Waits for those that are going on,
    /// so that the writer's connection is the last one and takes the log away.
    pub(crate) fn close(&self) {
        let mut pool = self.lock();
        pool.closed = true;
        let closed = pool.free.drain(..).count();
        pool.open -= closed;
        self.changed.notify_all();
        let busy = |pool: &mut Pool| pool.open > 0;
        let (pool, waited) =
            self.changed.wait_timeout_while(pool, CLOSING, busy).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            tracing::warn!(open = pool.open, "closed while reads are going on; the log stays for the next start");
        }
    }

    /// Nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
