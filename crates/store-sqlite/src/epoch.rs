//! The registry's epoch, asked for by every request. While the log's header is as it was when the
//! epoch was last read, no commit of any process has come in between, and the epoch is what it was:
//! no transaction is needed. The own writer says which commits are its own: those of events and users
//! leave the registry as it is.

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

    /// Says that between these headers there was one commit, which left the registry as it was.
    pub(crate) fn carry(&self, before: Header, after: Header) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, _)) = &mut *known
            && *seen == before
        {
            *seen = after;
        }
    }

    /// Whether it need not be read as long as the header is this one.
    #[cfg(test)]
    pub(crate) fn is_known_at(&self, header: Header) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_some_and(|(seen, _)| seen == header)
    }
}
