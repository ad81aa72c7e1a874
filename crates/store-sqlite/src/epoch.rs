//! The registry's epoch, asked for by every request. While the log's header is as it was when the
//! epoch was last read, no commit of any process has come in between, and the epoch is what it was:
//! no transaction is needed.

use crate::admin;
use crate::readers::Readers;
use crate::wal_index::Header;
use std::sync::{PoisonError, RwLock};
use store::StoreError;

/// Remembers the epoch and the header that was there before it was read.
pub(crate) struct EpochCache {
    known: RwLock<Option<(Header, u64)>>,
}

impl EpochCache {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { known: RwLock::new(None) }
    }

    /// The epoch now.
    pub(crate) fn get(&self, readers: &Readers) -> Result<u64, StoreError> {
        readers.ensure_open()?;
        let header = readers.header();
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
