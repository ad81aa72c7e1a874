//! The writer: one thread that owns the only writing connection. It takes every command that
//! waits, decides and writes them in one transaction, syncs once, then answers all (ADR 0001).

use crate::admin;
use crate::checkpoint::{Checkpointer, checkpoint};
use crate::error::is_io_failure;
use crate::group::{Actors, Group};
use model::{Actor, Clock, Command, TenantKey};
use rusqlite::Connection;
use std::sync::Arc;
use store::{AdminCommand, AdminOutcome, Outcome, StoreError, WriteError};
use tokio::sync::{mpsc, oneshot, watch};

/// The most commands in one transaction: past this, the sync is a small part of the cost, and the
/// first would wait for the last.
const GROUP: usize = 256;
/// Commands that may wait for the writer; more wait outside.
pub(crate) const QUEUE: usize = 1024;

/// A message to the writer.
pub(crate) enum Message {
    /// A command of a tenant.
    Command(Job),
    /// A change of the registry.
    Administer(AdminCommand, oneshot::Sender<Result<AdminOutcome, WriteError>>),
    /// Stop once everything before is done.
    Stop(oneshot::Sender<()>),
}

/// A command and who waits for it.
pub(crate) struct Job {
    pub(crate) tenant: TenantKey,
    pub(crate) actor: Actor,
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<Outcome, WriteError>>,
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
        let mut next = messages.blocking_recv();
        while let Some(message) = next.take() {
            match message {
                Message::Command(job) => {
                    jobs.push(job);
                    while jobs.len() < GROUP {
                        match messages.try_recv() {
                            Ok(Message::Command(job)) => jobs.push(job),
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
                        None => admin::execute(&self.db, command),
                    };
                    actors.forget(); // a removed tenant's actors are gone
                    answer(reply, outcome.map_err(|error| self.note(error)));
                }
                Message::Stop(reply) => {
                    self.close();
                    answer(reply, ());
                    return;
                }
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
        let mut replies = Vec::with_capacity(jobs.len());
        let committed = Group::begin(&self.db, &*self.clock, actors).and_then(|mut group| {
            for job in jobs.drain(..) {
                replies.push(job.reply);
                let outcome = group.execute(job.tenant, &job.actor, job.command);
                if let Err(WriteError::Store(error)) = &outcome
                    && (group.is_lost() || is_io_failure(error))
                {
                    let error = again(error);
                    group.roll_back();
                    return Err(error);
                }
                outcomes.push(outcome);
            }
            group.commit()
        });
        replies.extend(jobs.drain(..).map(|job| job.reply)); // those that an early end left over
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
    fn note_failure(&self, error: &StoreError) {
        if is_io_failure(error) {
            let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
            tracing::error!(error = %why, "a write to the disk failed; nothing more is acknowledged");
            self.failure.send_replace(Some(format!("a write to the disk failed: {why}")));
        }
    }

    fn stopped(&self) -> Option<StoreError> {
        self.failure.borrow().clone().map(StoreError::Stopped)
    }

    /// Leaves a database file without a log behind, unless the disk has failed.
    fn close(&mut self) {
        self.checkpointer.stop();
        if self.failure.borrow().is_none() {
            checkpoint(&self.db, "TRUNCATE");
        }
    }
}

/// The same error for another one who waits: the engine's own error is told in words.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::UnknownTenant => StoreError::UnknownTenant,
        StoreError::Busy => StoreError::Busy,
        StoreError::Full => StoreError::Full,
        StoreError::Stopped(why) => StoreError::Stopped(why.clone()),
        StoreError::Unusable(why) => StoreError::Unusable(why.clone()),
        StoreError::Corrupt(why) => StoreError::Corrupt(why.clone()),
        other => {
            let why = std::error::Error::source(other).map_or_else(|| other.to_string(), ToString::to_string);
            StoreError::Stopped(why)
        }
    }
}

/// Answers one who may have gone away meanwhile, which is no fault: the command was carried out.
fn answer<T>(reply: oneshot::Sender<T>, outcome: T) {
    drop(reply.send(outcome));
}
