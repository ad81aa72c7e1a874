//! Connections that read: bounded to about the cores, and never waiting for the writer.

use crate::open::{Role, connect};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use store::StoreError;

/// A pool of reading connections, opened as they are needed.
pub(crate) struct Readers {
    path: PathBuf,
    most: usize,
    pool: Mutex<Pool>,
    returned: Condvar,
}

struct Pool {
    free: Vec<Connection>,
    open: usize,
    /// How many wait; waking nobody would still be a system call.
    waiting: usize,
}

impl Readers {
    /// At most `most` connections to the file.
    pub(crate) fn new(path: PathBuf, most: usize) -> Self {
        Self { path, most, pool: Mutex::new(Pool { free: Vec::new(), open: 0, waiting: 0 }), returned: Condvar::new() }
    }

    /// Runs `read` on a connection. Reads are short: microseconds for one entity, some hundred for
    /// a page, so they run where they are asked for.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let db = self.take()?;
        let result = read(&db);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.free.push(db);
        let wake = pool.waiting > 0;
        drop(pool);
        if wake {
            self.returned.notify_one();
        }
        result
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(db) = pool.free.pop() {
                return Ok(db);
            }
            if pool.open < self.most {
                pool.open += 1;
                drop(pool);
                return connect(&self.path, Role::Reader).inspect_err(|_| {
                    self.pool.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
                    self.returned.notify_one();
                });
            }
            pool.waiting += 1;
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
            pool.waiting -= 1;
        }
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close(&self) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = pool.free.drain(..).count();
        pool.open -= closed;
    }
}
