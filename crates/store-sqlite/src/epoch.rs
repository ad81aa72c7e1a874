//! The registry's epoch, asked for by every request.
//!
//! SQLite begins the file of the write-ahead log's index (`-shm`) with a header that every commit of
//! every process changes (<https://sqlite.org/walformat.html#the_wal_index_header>). While these
//! bytes are as they were when the epoch was last read, no commit has come in between, and the epoch
//! is what it was: one `pread` instead of a transaction.

use crate::admin;
use crate::readers::Readers;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{PoisonError, RwLock};
use store::StoreError;

/// Bytes of the header: two copies of 48, of which a writer changes one after the other.
const HEADER: usize = 96;

/// Remembers the epoch and the header that was there before it was read.
pub(crate) struct EpochCache {
    index: Option<File>,
    known: RwLock<Option<([u8; HEADER], u64)>>,
}

impl EpochCache {
    /// For the database at `path`, which is open: the index lives as long as a connection does.
    /// Without an index every epoch is read from its table.
    pub(crate) fn new(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push("-shm");
        let index = File::open(&name)
            .inspect_err(|error| tracing::warn!(%error, "the log's index cannot be read; requests cost a little more"))
            .ok();
        Self { index, known: RwLock::new(None) }
    }

    /// The epoch now.
    pub(crate) fn get(&self, readers: &Readers) -> Result<u64, StoreError> {
        let mut header = [0; HEADER];
        let whole = self.index.as_ref().is_some_and(|index| index.read_exact_at(&mut header, 0).is_ok());
        if !whole {
            return readers.with(admin::epoch);
        }
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, epoch)) = known
            && seen == header
        {
            return Ok(epoch);
        }
        // The header was read before: a commit from now on makes it differ, whichever epoch this sees.
        let epoch = readers.with(admin::epoch)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((header, epoch));
        Ok(epoch)
    }
}
