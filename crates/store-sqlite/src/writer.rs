//! The writer: one thread that owns the only writing connection. It takes every command that
//! waits, decides and writes them in one transaction, syncs once, then answers all (ADR 0001).

use crate::admin;
use crate::checkpoint::Checkpointer;
use crate::error::is_io_failure;
use crate::group::{Actors, Group};
use model::{Actor, Clock, Command, Repeatability, TenantKey};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::sync::Arc;
use store::{AdminCommand, AdminOutcome, ListError, Outcome, StoreError, WriteError};
use tokio::sync::{mpsc, oneshot, watch};

/// The most jobs in one transaction: past this, the sync is a small part of the cost, and the
/// first would wait for the last.
const GROUP: usize = 256;
/// Jobs that may wait for the writer; more wait outside.
pub(crate) const QUEUE: usize = 1024;

/// A message to the writer.
pub(crate) enum Message {
    /// Commands of a tenant.
    Write(Job),
    /// A change of the registry.
    Administer(AdminCommand, oneshot::Sender<Result<AdminOutcome, WriteError>>),
    /// Stop once everything before is done.
    Stop(oneshot::Sender<()>),
    /// Lets a test prepare a fault.
    #[cfg(test)]
    With(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// Commands that stand or fall together, mostly one, and who waits for them.
pub(crate) struct Job {
    pub(crate) tenant: TenantKey,
    pub(crate) actor: Actor,
    pub(crate) commands: Vec<Command>,
    /// How to tell that they were carried out before, when they may be sent again.
    pub(crate) repeatability: Option<Box<Repeatability>>,
    pub(crate) reply: oneshot::Sender<Result<Vec<Outcome>, ListError>>,
}

/// The state of the thread.
pub(crate) struct Writer {
    pub(crate) db: Connection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) checkpointer: Checkpointer,
    /// Says why, once the store has failed for good.
    pub(crate) failure: watch::Sender<Option<String>>,
}

impl Writer {
    /// Serves messages until told to stop, or until every sender is gone.
    pub(crate) fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut actors = Actors::default();
        let mut jobs = Vec::with_capacity(GROUP);
        // The last to be made and the first to be dropped: the failure is known before anybody hears
        // that the writer is gone.
        let _told = ToldOfPanic(self.failure.clone());
        let mut next = messages.blocking_recv();
        while let Some(message) = next.take() {
            match message {
                Message::Write(job) => {
                    jobs.push(job);
                    while jobs.len() < GROUP {
                        match messages.try_recv() {
                            Ok(Message::Write(job)) => jobs.push(job),
                            Ok(other) => {
                                next = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(&mut jobs, &mut actors);
                    if self.failure.borrow().is_none() {
                        self.checkpointer.between_groups(&self.db);
                    }
                }
                Message::Administer(command, reply) => {
                    let outcome = match self.stopped() {
                        Some(error) => Err(error.into()),
                        None => {
                            let upkeep = &mut || _ = self.checkpointer.between_groups(&self.db);
                            admin::execute(&self.db, command, upkeep)
                        }
                    };
                    actors.forget(); // a removed tenant's actors are gone
                    answer(reply, outcome.map_err(|error| self.note(error)));
                }
                Message::Stop(reply) => {
                    self.close();
                    answer(reply, ());
                    return;
                }
                #[cfg(test)]
                Message::With(prepare) => prepare(&mut self),
            }
            if next.is_none() {
                next = messages.blocking_recv();
            }
        }
        self.close();
    }

    /// One transaction for all `jobs`, then an answer to each.
    fn commit(&mut self, jobs: &mut Vec<Job>, actors: &mut Actors) {
        if let Some(error) = self.stopped() {
            for job in jobs.drain(..) {
                answer(job.reply, Err(again(&error).into()));
            }
            return;
        }
        let mut outcomes = Vec::with_capacity(jobs.len());
        let (replies, commands): (Vec<_>, Vec<_>) =
            jobs.drain(..).map(|job| (job.reply, (job.tenant, job.actor, job.commands, job.repeatability))).unzip();
        let committed = Group::begin(&self.db, &*self.clock, actors).and_then(|mut group| {
            for (tenant, actor, commands, repeatability) in commands {
                match group.execute(tenant, &actor, commands, repeatability.as_deref()) {
                    // The engine's own error goes on, so that a failed disk is noted as one.
                    Err(ListError { error: WriteError::Store(error), .. })
                        if group.is_lost() || is_io_failure(&error) =>
                    {
                        group.roll_back();
                        return Err(error);
                    }
                    outcome => outcomes.push(outcome),
                }
            }
            group.commit()
        });
        match committed {
            Ok(()) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    answer(reply, outcome);
                }
            }
            Err(error) => {
                actors.forget();
                if !self.db.is_autocommit()
                    && let Err(error) = self.db.execute_batch("ROLLBACK")
                {
                    tracing::warn!(%error, "a failed transaction could not be rolled back");
                }
                self.note_failure(&error);
                for reply in replies {
                    answer(reply, Err(again(&error).into()));
                }
            }
        }
    }

    fn note(&self, error: WriteError) -> WriteError {
        if let WriteError::Store(error) = &error {
            self.note_failure(error);
        }
        error
    }

    /// After an I/O failure nobody knows what is on the disk, and a repeated sync may wrongly
    /// succeed: nothing is acknowledged any more, and the process is told to end.
    pub(crate) fn note_failure(&self, error: &StoreError) {
        if is_io_failure(error) {
            let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
            tracing::error!(error = %why, "a write to the disk failed; nothing more is acknowledged");
            self.failure.send_replace(Some(format!("a write to the disk failed: {why}")));
            // Closing would copy the log and sync once more.
            if let Err(error) = self.db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
                tracing::warn!(%error, "the log may be copied when the store is closed");
            }
        }
    }

    fn stopped(&self) -> Option<StoreError> {
        self.failure.borrow().clone().map(StoreError::Stopped)
    }

    /// Closes the file. SQLite copies the log and takes it away when no other process has the
    /// store open, and waits for nobody; after a failure it leaves it as it is.
    fn close(mut self) {
        self.checkpointer.stop();
        drop(self.db);
    }
}

/// Makes a panic of the writer, which is a fault of ours, a failure of the store.
struct ToldOfPanic(watch::Sender<Option<String>>);

impl Drop for ToldOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the writer panicked; nothing more is acknowledged");
            self.0.send_replace(Some("the writer panicked".to_owned()));
        }
    }
}

/// The same error for another one who waits.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Engine { source, .. } if is_io_failure(error) => StoreError::Stopped(source.to_string()),
        error => error.again(),
    }
}

/// Answers one who may have gone away meanwhile, which is no fault: the command was carried out.
fn answer<T>(reply: oneshot::Sender<T>, outcome: T) {
    drop(reply.send(outcome));
}
