//! Moving the write-ahead log into the database file, off the writer's path (ADR 0001).
//!
//! A thread of its own copies the pages while the writer goes on appending. What was appended
//! meanwhile would keep the log from ever starting again at its beginning, so the writer copies
//! that small rest itself, between two groups. It waits for nobody: while a long reader needs the
//! log, the log grows, and the writer tries again only when it has grown by a good piece.
//!
//! Sizes are counted in pages that are in the log, not in the file's bytes: a log that started
//! again keeps its file.

use crate::error::is_device_failure;
use crate::open::{Role, connect, with_patience};
use crate::readers::Readers;
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the writer waits for readers to leave the log. Most are gone in a millisecond.
const PATIENCE: Duration = Duration::from_millis(10);
/// The thread leaves about this many pages to the writer, or as many as are appended during its
/// last round.
const REST: i64 = 128;
/// How long an idle reader may keep a transaction that somebody has committed since.
const LET_GO: Duration = Duration::from_secs(1);
/// Rounds of the thread for one request.
const ROUNDS: usize = 5;

/// Sizes in pages of 4 KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From this size of the log on, it is copied.
    pub(crate) copy_from: i64,
    /// From this size on, the writer does not wait for the copying thread.
    pub(crate) force_from: i64,
    /// What the log must grow by until the next attempt after one that failed.
    pub(crate) step: i64,
}

impl Limits {
    /// 64 MiB, 512 MiB, 16 MiB.
    pub(crate) const USUAL: Self = Self { copy_from: 16 << 10, force_from: 128 << 10, step: 4 << 10 };
}

/// What was done between two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// Nothing was to be done.
    Nothing,
    /// The thread was asked to copy.
    Asked,
    /// The next write begins at the log's beginning.
    Restarted,
    /// A reader still needs the log.
    Held,
}

/// Keeps the log small.
pub(crate) struct Checkpointer {
    limits: Limits,
    readers: Arc<Readers>,
    /// Asks the thread to copy; holds one request.
    ask: Option<SyncSender<()>>,
    /// The thread has a request that it has not answered.
    asked: bool,
    /// The thread says that it has copied, or that the device failed.
    copied: Receiver<rusqlite::Result<()>>,
    /// The size from which on the next attempt is made.
    next: i64,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread. `readers` are told to leave the log when it is to be copied.
    pub(crate) fn start(database: &Path, limits: Limits, readers: Arc<Readers>) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (done, copied) = sync_channel(1);
        let path = database.to_owned();
        // Never closed, as in `WalIndex`: the locks of other connections would go with it.
        let file = ManuallyDrop::new(File::open(database)?);
        let of_thread = readers.clone();
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            loop {
                let _leaving = match asked.recv_timeout(LET_GO) {
                    Ok(()) => of_thread.leave(),
                    Err(RecvTimeoutError::Timeout) => {
                        of_thread.let_go_of_old(); // another process may be filling the log
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                let copied = match connect(&path, Role::Upkeep) {
                    Ok(db) => copy(&db, || file.sync_data()),
                    Err(error) => {
                        tracing::warn!(%error, "the log could not be copied; it goes on growing");
                        Ok(())
                    }
                };
                if let Err(TrySendError::Disconnected(_)) = done.try_send(copied) {
                    break;
                }
            }
        })?;
        Ok(Self { limits, readers, ask: Some(ask), asked: false, copied, next: limits.copy_from, thread: Some(thread) })
    }

    /// Called by the writer between groups: asks for a copy when the log is large, and copies the
    /// rest once the thread is done.
    ///
    /// It is an error that the device failed. The log must not begin anew then: of what was copied nobody knows what is on
    /// the disk, and another sync may wrongly succeed.
    pub(crate) fn between_groups(&mut self, writer: &Connection) -> rusqlite::Result<Upkeep> {
        let copied = self.copied.try_recv().ok().transpose()?.is_some();
        self.asked &= !copied;
        let Some(log) = Log::run(writer, "NOOP")? else { return Ok(Upkeep::Nothing) };
        if log.pages < self.limits.copy_from {
            self.next = self.limits.copy_from; // it has started again
            return Ok(Upkeep::Nothing);
        }
        let due = log.pages >= self.next;
        // While the thread copies, nobody knows whether what it has copied is on the disk.
        if copied || (due && !self.asked && log.pages >= self.limits.force_from) {
            let _leaving = self.readers.leave();
            if restart(writer, log.pages >= self.limits.force_from / 2)? {
                self.next = self.limits.copy_from;
                return Ok(Upkeep::Restarted);
            }
            self.next = log.pages + self.limits.step;
            return Ok(Upkeep::Held);
        }
        match &self.ask {
            Some(ask) if due && !self.asked && ask.try_send(()).is_ok() => {
                self.asked = true;
                Ok(Upkeep::Asked)
            }
            _ => Ok(Upkeep::Nothing),
        }
    }

    /// Stops the thread and waits for it. It is an error that the device has failed meanwhile, as [between
    /// groups](Self::between_groups).
    pub(crate) fn stop(&mut self) -> rusqlite::Result<()> {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
        self.copied.try_recv().unwrap_or(Ok(()))
    }
}

/// Copies what is in the log, and what came meanwhile as long as that is much.
///
/// SQLite syncs the database file itself when nothing was appended while it copied. Under load that is only so when the writer
/// copies the rest, which would then sync all that was copied before: 45 ms for 64 MiB, four times a second.
fn copy(db: &Connection, sync: impl Fn() -> io::Result<()>) -> rusqlite::Result<()> {
    for _ in 0..ROUNDS {
        match Log::run(db, "PASSIVE")? {
            Some(log) if !log.busy && log.pages == log.copied => {}
            _ => return Ok(()), // a reader needs the rest
        }
        sync().map_err(|error| {
            let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
        })?;
        if Log::run(db, "NOOP")?.is_none_or(|log| log.pages - log.copied <= REST) {
            return Ok(());
        }
    }
    Ok(())
}

/// Copies the rest and lets the next write begin at the log's beginning, over space that is written
/// already, which syncs faster; with `truncate` the file gives it back.
fn restart(writer: &Connection, truncate: bool) -> rusqlite::Result<bool> {
    let log = with_patience(PATIENCE, || Log::run(writer, if truncate { "TRUNCATE" } else { "RESTART" }))?;
    Ok(log.is_some_and(|log| !log.busy))
}

/// The log's state.
struct Log {
    /// Somebody stood in the way.
    busy: bool,
    pages: i64,
    /// Pages that are in the database file.
    copied: i64,
}

impl Log {
    /// Runs a checkpoint; `NOOP` only looks. One that is partial or cannot be made is no fault: the next goes on from there.
    /// A device that fails is one.
    fn run(db: &Connection, mode: &'static str) -> rusqlite::Result<Option<Self>> {
        let run = || {
            db.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], |row| {
                Ok(Self { busy: row.get::<_, i64>(0)? != 0, pages: row.get(1)?, copied: row.get(2)? })
            })
        };
        match run() {
            Ok(log) => {
                if mode != "NOOP" {
                    tracing::debug!(mode, log.busy, log.pages, log.copied, "copied the log");
                }
                Ok(Some(log))
            }
            Err(error) if is_device_failure(&error) => Err(error),
            Err(error) => {
                tracing::warn!(%error, mode, "the log could not be copied; it goes on growing");
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next sync may wrongly succeed, so the log, which has everything, must not begin anew.
    #[test]
    fn a_file_that_cannot_be_synced_is_a_failure_of_the_device() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.db");
        crate::open::create_file(&path).expect("a file");
        let writer = connect(&path, Role::Writer).expect("a connection");
        writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").expect("a table");
        let upkeep = connect(&path, Role::Upkeep).expect("a connection");
        copy(&upkeep, || Ok(())).expect("it can be synced");
        let failed = copy(&upkeep, || Err(io::Error::other("a broken disk"))).expect_err("it cannot");
        assert!(is_device_failure(&failed), "{failed}");
        assert!(failed.to_string().contains("a broken disk"), "{failed}");
    }
}
