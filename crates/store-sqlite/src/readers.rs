//! Connections that read: bounded to about the cores, and never waiting for the writer.
//!
//! A connection keeps its read transaction between reads for as long as nobody has committed since
//! it began, which the header of the log's index tells. A read then takes no lock and makes no system
//! call but those for pages. A kept transaction keeps the log from starting anew, so it is let go
//! before the log is copied, and soon after somebody has committed.

use crate::error::{engine, is_interrupted};
use crate::group::run;
use crate::open::{Role, connect};
use crate::wal_index::{Header, WalIndex};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::StoreError;

/// Steps of SQLite's machine between two looks at the clock: well below a millisecond.
const STEPS: i32 = 4_000;
/// How long closing waits for reads that are going on. They take less than a millisecond.
const CLOSING: Duration = Duration::from_secs(1);

/// What each reading connection takes of memory.
#[derive(Clone, Copy, Debug)]
pub struct ReaderMemory {
    /// Bytes of the file that it maps; what lies behind is read with a system call a page.
    pub mapped: u64,
    /// KiB of pages that it keeps of what it does not map.
    pub cache_kib: u32,
}

impl ReaderMemory {
    /// For many reads of all kinds, mapping up to so many bytes.
    pub const fn mapping(mapped: u64) -> Self {
        Self { mapped, cache_kib: 8_192 }
    }

    /// For who reads tables once from their beginning to their end: pages that were read are of no use.
    pub const LEAN: Self = Self { mapped: 0, cache_kib: 512 };
}

/// A pool of reading connections, opened as they are needed.
pub(crate) struct Readers {
    path: PathBuf,
    index: WalIndex,
    memory: ReaderMemory,
    most: usize,
    pool: Mutex<Pool>,
    closed: AtomicBool,
    /// How many want transactions to end with their reads.
    leaving: AtomicUsize,
    changed: Condvar,
}

/// As long as it lives, no transaction is kept.
pub(crate) struct Leaving<'a>(&'a Readers);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.leaving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection, and the header that there was before its read transaction began.
struct Reader {
    db: Connection,
    snapshot: Option<Header>,
    deadline: Arc<Deadline>,
}

/// When a connection's statements are to end, in microseconds from when it was opened; 0 for never.
struct Deadline {
    opened: Instant,
    end: AtomicU64,
}

impl Deadline {
    fn set(&self, most: Option<Duration>) {
        let end = most.map_or(0, |most| (self.opened.elapsed() + most).as_micros() as u64);
        self.end.store(end, Ordering::Relaxed);
    }

    fn has_passed(&self) -> bool {
        let end = self.end.load(Ordering::Relaxed);
        end != 0 && self.opened.elapsed().as_micros() as u64 >= end
    }
}

impl Reader {
    fn open(path: &Path, memory: ReaderMemory) -> Result<Self, StoreError> {
        let mut db = connect(path, Role::Reader)?;
        let mapped = i64::try_from(memory.mapped).unwrap_or(i64::MAX);
        db.pragma_update(None, "mmap_size", mapped).map_err(engine("mapping the file"))?;
        let cache = -i64::from(memory.cache_kib); // negative: in KiB, and not in pages
        db.pragma_update(None, "cache_size", cache).map_err(engine("setting the size of the cache"))?;
        let deadline = Arc::new(Deadline { opened: Instant::now(), end: AtomicU64::new(0) });
        let watched = deadline.clone();
        db.progress_handler(STEPS, Some(move || watched.has_passed())).map_err(engine("watching the time"))?;
        Ok(Self { db, snapshot: None, deadline })
    }

    /// Sees to it that the next statement reads what is committed now.
    fn renew(&mut self, now: Header) -> Result<(), StoreError> {
        if self.snapshot == Some(now) {
            return Ok(());
        }
        self.let_go()?;
        run(&self.db, "BEGIN").map_err(engine("beginning to read"))?;
        self.snapshot = Some(now);
        Ok(())
    }

    /// Ends the read transaction.
    fn let_go(&mut self) -> Result<(), StoreError> {
        self.snapshot = None;
        if self.db.is_autocommit() {
            return Ok(());
        }
        run(&self.db, "COMMIT").map_err(engine("ending to read"))
    }
}

struct Pool {
    free: Vec<Reader>,
    /// Free ones and those that are lent.
    open: usize,
    /// How many wait; waking nobody would still be a system call.
    waiting: usize,
}

/// A connection that goes back into the pool whatever happens to the read, a panic included.
struct Lent<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
    /// The read came to its end without an error.
    sound: bool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        // Under the lock, so that whoever wants none to be kept finds it in the pool, or is seen here.
        let keeps = self.sound && self.readers.leaving.load(Ordering::SeqCst) == 0;
        // One that is stuck in a transaction would hold the log and show an old state.
        let reader = self.reader.take().and_then(|mut reader| (keeps || reader.let_go().is_ok()).then_some(reader));
        let closed = self.readers.closed.load(Ordering::SeqCst);
        match reader {
            Some(reader) if !closed => pool.free.push(reader),
            reader => {
                drop(reader);
                pool.open -= 1;
            }
        }
        let waiting = pool.waiting;
        drop(pool);
        if closed {
            self.readers.changed.notify_all(); // the one who closes waits for all
        } else if waiting > 0 {
            self.readers.changed.notify_one();
        }
    }
}

impl Readers {
    /// At most `most` connections to the file, whose log has this index.
    pub(crate) fn new(path: PathBuf, index: WalIndex, most: usize, memory: ReaderMemory) -> Self {
        let pool = Pool { free: Vec::new(), open: 0, waiting: 0 };
        Self {
            path,
            index,
            memory,
            most,
            pool: Mutex::new(pool),
            closed: AtomicBool::new(false),
            leaving: AtomicUsize::new(0),
            changed: Condvar::new(),
        }
    }

    /// The header of the log's index: as long as it stays the same, nobody commits.
    pub(crate) fn header(&self) -> Header {
        self.index.header()
    }

    /// Runs `read` on a connection, in a transaction that sees what is committed now. Reads are short:
    /// microseconds for one entity, some hundred for a page, so they run where they are asked for.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.read(None, read)
    }

    /// The same for a read that may be long: a statement that is still running after `most` fails.
    pub(crate) fn within<T>(
        &self,
        most: Duration,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.read(Some(most), read) {
            Err(error) if is_interrupted(&error) => Err(StoreError::TooLong { seconds: most.as_secs() }),
            outcome => outcome,
        }
    }

    fn read<T>(
        &self,
        most: Option<Duration>,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut lent = self.take()?;
        let reader = match &mut lent.reader {
            Some(reader) => reader,
            none => none.insert(Reader::open(&self.path, self.memory)?),
        };
        // The header is read before the transaction begins: a commit from now on makes it differ.
        reader.renew(self.header())?;
        reader.deadline.set(most);
        let outcome = read(&reader.db);
        reader.deadline.set(None); // before the connection goes back, whose transaction must end
        lent.sound = outcome.is_ok();
        outcome
    }

    /// Ends the transactions of connections that nobody uses, and lets none be kept as long as the
    /// answer lives, so that the log can start anew.
    pub(crate) fn leave(&self) -> Leaving<'_> {
        self.leaving.fetch_add(1, Ordering::SeqCst);
        self.let_go_of(|_| true);
        Leaving(self)
    }

    /// Ends those that somebody has committed since: they are of no use, and hold the log.
    pub(crate) fn let_go_of_old(&self) {
        let now = self.header();
        self.let_go_of(|snapshot| snapshot != now);
    }

    fn let_go_of(&self, which: impl Fn(Header) -> bool) {
        let mut pool = self.lock();
        let before = pool.free.len();
        pool.free.retain_mut(|reader| !reader.snapshot.is_some_and(&which) || reader.let_go().is_ok());
        pool.open -= before - pool.free.len();
    }

    /// Takes a free connection, or the right to open one.
    fn take(&self) -> Result<Lent<'_>, StoreError> {
        let mut pool = self.lock();
        loop {
            self.ensure_open()?;
            if let Some(reader) = pool.free.pop() {
                return Ok(Lent { readers: self, reader: Some(reader), sound: false });
            }
            if pool.open < self.most {
                pool.open += 1;
                return Ok(Lent { readers: self, reader: None, sound: false });
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
        self.closed.store(true, Ordering::SeqCst); // under the pool's lock, as it is looked at
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

    /// Fails once it was closed.
    pub(crate) fn ensure_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(StoreError::Stopped("it was closed".to_owned()));
        }
        Ok(())
    }

    /// Nothing that panics runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
