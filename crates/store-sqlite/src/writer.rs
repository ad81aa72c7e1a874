//! The writer: the only connection that writes. Its thread takes every command that waits, decides
//! and writes them in one transaction, syncs once, then answers all (ADR 0001). A caller that finds
//! it idle has its own commands written on its own thread: nobody is woken, twice, for one create.

use crate::admin;
use crate::checkpoint::Checkpointer;
use crate::epoch::EpochCache;
use crate::error::{engine, is_io_failure};
use crate::group::{Actors, Fate, Group, Keeps};
use crate::readers::Readers;
use model::{Actor, Clock, Command, Repeatability, TenantKey};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use store::{AdminCommand, AdminOutcome, ListError, Outcome, StoreError, WriteError};
use tokio::sync::{mpsc, oneshot, watch};

/// The most jobs in one transaction: past this, the sync is a small part of the cost, and the
/// first would wait for the last.
const GROUP: usize = 256;
/// Jobs that may wait for the writer; more wait outside.
pub(crate) const QUEUE: usize = 1024;

/// After so many groups of one, in a row, callers write by themselves. Before, more are on their way, and one sync is for
/// all: a single one between groups of many, as there is where all were answered at once, says nothing.
const CALM: u32 = 4;

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

/// Commands that stand or fall together, mostly one.
pub(crate) struct Request {
    pub(crate) tenant: TenantKey,
    pub(crate) actor: Actor,
    pub(crate) commands: Vec<Command>,
    /// How to tell that they were carried out before, when they may be sent again.
    pub(crate) repeatability: Option<Box<Repeatability>>,
}

/// What became of a request.
type Answer = Result<Vec<Outcome>, ListError>;

/// A request, and who waits for it.
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// The writer as its thread and its callers share it.
pub(crate) struct Desk {
    /// Gone once it was closed; poisoned once it panicked.
    writer: Mutex<Option<Writer>>,
    /// The thread has something to do, and waits for a caller to be done.
    called: AtomicBool,
    /// How many in a row of those that the thread has committed were of one, up to [`CALM`].
    calm: AtomicU32,
}

impl Desk {
    /// Begins to share it.
    pub(crate) fn new(writer: Writer) -> Self {
        Self { writer: Mutex::new(Some(writer)), called: AtomicBool::new(false), calm: AtomicU32::new(CALM) }
    }

    /// Has a request carried out on this thread, where that is allowed to block and the writer is idle; else gives it
    /// back. To be asked only while nobody else waits.
    pub(crate) fn serve(&self, request: Request) -> Result<Answer, Request> {
        use tokio::runtime::{Handle, RuntimeFlavor};
        let may_block = Handle::try_current().is_ok_and(|of| of.runtime_flavor() == RuntimeFlavor::MultiThread);
        if !may_block || self.called.load(Ordering::SeqCst) || self.calm.load(Ordering::Relaxed) < CALM {
            return Err(request);
        }
        let Ok(mut shared) = self.writer.try_lock() else { return Err(request) };
        let Some(writer) = &mut *shared else { return Err(request) };
        let served = tokio::task::block_in_place(|| catch_unwind(AssertUnwindSafe(|| writer.serve(request))));
        Ok(served.unwrap_or_else(|_| {
            *shared = None; // nobody knows what it holds
            Err(StoreError::Stopped(PANICKED.to_owned()).into())
        }))
    }

    /// The writer, when those who have it are done; `None` when one of them panicked.
    fn take(&self) -> Option<MutexGuard<'_, Option<Writer>>> {
        self.called.store(true, Ordering::SeqCst);
        let writer = self.writer.lock();
        self.called.store(false, Ordering::SeqCst);
        writer.ok()
    }

    /// Serves messages until told to stop, or until every sender is gone.
    pub(crate) fn run(&self, mut messages: mpsc::Receiver<Message>) {
        let mut jobs = Vec::with_capacity(GROUP);
        let mut next = messages.blocking_recv();
        while let Some(message) = next.take() {
            let Some(mut shared) = self.take() else { return };
            let Some(writer) = &mut *shared else { return };
            // Made last and dropped first: the failure is known before anybody hears that the writer is gone.
            let _told = ToldOfPanic(writer.failure.clone());
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
                    let calm = if jobs.len() > 1 { 0 } else { (self.calm.load(Ordering::Relaxed) + 1).min(CALM) };
                    self.calm.store(calm, Ordering::Relaxed);
                    writer.commit(&mut jobs);
                    writer.keep_up();
                }
                Message::Administer(command, reply) => {
                    let outcome = writer.administer(command);
                    answer(reply, outcome);
                }
                Message::Stop(reply) => {
                    if let Some(writer) = shared.take() {
                        writer.close();
                    }
                    answer(reply, ());
                    return;
                }
                #[cfg(test)]
                Message::With(prepare) => prepare(writer),
            }
            drop(shared);
            if next.is_none() {
                next = messages.blocking_recv();
            }
        }
        if let Some(writer) = self.take().and_then(|mut shared| shared.take()) {
            writer.close();
        }
    }
}

/// What writing needs.
pub(crate) struct Writer {
    pub(crate) db: Connection,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) actors: Actors,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) readers: Arc<Readers>,
    pub(crate) epoch: Arc<EpochCache>,
    /// Says why, once the store has failed for good.
    pub(crate) failure: watch::Sender<Option<String>>,
}

impl Writer {
    /// One transaction for one request.
    fn serve(&mut self, request: Request) -> Answer {
        let _told = ToldOfPanic(self.failure.clone());
        let carried_out = self.carry_out(&[request]);
        self.keep_up();
        match carried_out {
            Ok(mut answers) => answers.pop().expect("there is an answer to each request"),
            Err(error) => Err(again(&error).into()),
        }
    }

    /// One transaction for all `jobs`, then an answer to each.
    fn commit(&mut self, jobs: &mut Vec<Job>) {
        let (replies, requests): (Vec<_>, Vec<_>) = jobs.drain(..).map(|job| (job.reply, job.request)).unzip();
        match self.carry_out(&requests) {
            Ok(answers) => {
                for (reply, outcome) in replies.into_iter().zip(answers) {
                    answer(reply, outcome);
                }
            }
            Err(error) => {
                for reply in replies {
                    answer(reply, Err(again(&error).into()));
                }
            }
        }
    }

    /// One transaction for all requests, and what became of each; an error when nothing of any of them was kept.
    fn carry_out(&mut self, requests: &[Request]) -> Result<Vec<Answer>, StoreError> {
        if let Some(error) = self.stopped() {
            return Err(error);
        }
        let mut keeps = Keeps::SavepointsOfSeveral;
        loop {
            match self.attempt(requests, keeps)? {
                Some(answers) => return Ok(answers),
                None => keeps = Keeps::Savepoints, // with which none fails that could not be undone
            }
        }
    }

    /// Carries requests out in one transaction, unless one fails that could only be undone with all the others: `None`.
    fn attempt(&mut self, requests: &[Request], keeps: Keeps) -> Result<Option<Vec<Answer>>, StoreError> {
        let mut answers = Vec::with_capacity(requests.len());
        let committed = Group::begin(&self.db, &*self.clock, &mut self.actors, keeps).and_then(|mut group| {
            let before = self.readers.header(); // under the lock: nobody else commits until we have
            for Request { tenant, actor, commands, repeatability } in requests {
                let outcome = group.execute(*tenant, actor, commands, repeatability.as_deref());
                match (group.fate(&outcome), outcome) {
                    (Fate::Again, _) => {
                        group.roll_back();
                        return Ok(None);
                    }
                    // The engine's own error goes on, so that a failed disk is noted as one.
                    (Fate::Lost, Err(ListError { error: WriteError::Store(error), .. })) => {
                        group.roll_back();
                        return Err(error);
                    }
                    (_, outcome) => answers.push(outcome), // of one that is lost, the commit fails
                }
            }
            Ok(Some((group.commit()?, before)))
        });
        match committed {
            Ok(Some((moved, before))) => {
                let after = self.readers.header();
                // Another process may have committed since: then there were two.
                if moved && after.follows(&before) {
                    self.epoch.carry(before, after);
                }
                Ok(Some(answers))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.actors.forget();
                if !self.db.is_autocommit()
                    && let Err(error) = self.db.execute_batch("ROLLBACK")
                {
                    tracing::warn!(%error, "a failed transaction could not be rolled back");
                }
                self.note_failure(&error);
                Err(error)
            }
        }
    }

    /// Keeps the log small.
    fn keep_up(&mut self) {
        if self.failure.borrow().is_some() {
            return;
        }
        if let Err(error) = self.checkpointer.between_groups(&self.db) {
            self.note_failure(&engine("copying the log")(error));
        }
    }

    fn administer(&mut self, command: AdminCommand) -> Result<AdminOutcome, WriteError> {
        let outcome = match self.stopped() {
            Some(error) => Err(error.into()),
            None => {
                let upkeep = &mut || self.checkpointer.between_groups(&self.db).map(drop);
                admin::execute(&self.db, command, upkeep)
            }
        };
        self.actors.forget(); // a removed tenant's actors are gone
        outcome.map_err(|error| self.note(error))
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
        if let Err(error) = self.checkpointer.stop() {
            self.note_failure(&engine("copying the log")(error)); // then the log stays
        }
        drop(self.db);
    }
}

/// Why a store failed whose writer panicked.
const PANICKED: &str = "the writer panicked";

/// Makes a panic of the writer, which is a fault of ours, a failure of the store.
struct ToldOfPanic(watch::Sender<Option<String>>);

impl Drop for ToldOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the writer panicked; nothing more is acknowledged");
            self.0.send_replace(Some(PANICKED.to_owned()));
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
