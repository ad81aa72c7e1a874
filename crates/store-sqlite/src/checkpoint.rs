//! Moving the write-ahead log into the database file, off the writer's path (ADR 0001).
//!
//! A thread of its own copies the pages while the writer goes on appending. What was appended
//! meanwhile would keep the log from ever starting again at its beginning, so the writer copies
//! that small rest itself, between two groups.

use crate::open::{Role, connect};
use crate::wal_index::WalIndex;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// From this many pages in the log on, it is copied: 32 MiB.
const COPY_FROM: u32 = 8 << 10;
/// From this many on, the writer does not wait for the copying thread: 512 MiB.
const FORCE_FROM: u32 = 128 << 10;

/// Keeps the log small.
pub(crate) struct Checkpointer {
    index: WalIndex,
    /// Asks the thread to copy; holds one request.
    ask: Option<SyncSender<()>>,
    /// The thread says that it has copied.
    copied: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread.
    pub(crate) fn start(database: &Path) -> std::io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (done, copied) = sync_channel(1);
        let path = database.to_owned();
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || {
            while asked.recv().is_ok() {
                match connect(&path, Role::Upkeep) {
                    Ok(db) => checkpoint(&db, "PASSIVE"),
                    Err(error) => tracing::warn!(%error, "the log could not be copied; it goes on growing"),
                }
                if let Err(TrySendError::Disconnected(())) = done.try_send(()) {
                    break;
                }
            }
        })?;
        Ok(Self { index: WalIndex::open(database)?, ask: Some(ask), copied, thread: Some(thread) })
    }

    /// Called by the writer between groups: asks for a copy when the log is large, and copies the
    /// rest once the thread is done.
    pub(crate) fn between_groups(&self, writer: &Connection) {
        let copied = self.copied.try_recv().is_ok();
        let pages = self.index.header().map_or(0, |header| header.frames());
        if pages < COPY_FROM {
            return;
        }
        if copied || pages >= FORCE_FROM {
            // Without a rest the next write starts at the log's beginning, over space that is
            // written already, which syncs faster; TRUNCATE gives it back when the log has grown far.
            checkpoint(writer, if pages >= FORCE_FROM / 2 { "TRUNCATE" } else { "RESTART" });
            return;
        }
        if let Some(ask) = &self.ask {
            // A full channel means that a request waits already.
            let _already_asked = ask.try_send(());
        }
    }

    /// Stops the thread and waits for it.
    pub(crate) fn stop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

/// Runs a checkpoint. Readers that still need old pages make it partial, which is no fault: the
/// next one goes on from there.
pub(crate) fn checkpoint(db: &Connection, mode: &str) {
    let outcome = db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    match outcome {
        Ok((busy, pages, copied)) => tracing::debug!(mode, busy, pages, copied, "copied the log"),
        Err(error) => tracing::warn!(%error, mode, "the log could not be copied; it goes on growing"),
    }
}
