//! How much one item may ask for, and the account of what it has asked for.

use super::problem::What;
use std::cell::{Cell, RefCell};
use std::io;

/// What one item may ask for at most. Each limit ends in a named problem when it is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes decoded from one item, summed over all layers: a gzip file in a zip archive counts twice.
    pub total_bytes: u64,
    /// Decoded bytes for each encoded one, of one stream and of the item as a whole. Looked at after the first
    /// [`Limits::RATIO_FREE`] bytes, so that a small file of one word again and again is no bomb.
    pub ratio: u64,
    /// Entries of all archives in one item.
    pub entries: u64,
    /// Layers around a document: an archive or a compression each counts one, so a `.tar.gz` has two.
    pub depth: u32,
    /// Bytes of an entry's name, with its folders.
    pub name_bytes: usize,
    /// Bytes held in memory of an archive that must be read from its end but comes as a stream.
    pub held_bytes: usize,
    /// Bytes that a decoder may ask for as its window or dictionary.
    pub window_bytes: usize,
}

impl Limits {
    /// Decoded bytes for which no ratio is looked at.
    pub const RATIO_FREE: u64 = 4 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total_bytes: 16 << 40,
            ratio: 1000,
            entries: 1_000_000,
            depth: 4,
            name_bytes: 4096,
            held_bytes: 64 << 20,
            window_bytes: 128 << 20,
        }
    }
}

/// What an item has asked for so far, and the one failure that is not told yet.
///
/// A failure travels upwards through decoders of other people, which wrap and rename errors. So the cause is laid
/// down here where it happens, and whoever sees any error above takes it from here.
pub(super) struct Budget {
    pub limits: Limits,
    /// Size of the item, where known.
    size: Option<u64>,
    encoded: Cell<u64>,
    decoded: Cell<u64>,
    entries: Cell<u64>,
    pending: RefCell<Option<What>>,
    over: Cell<bool>,
}

impl Budget {
    pub fn new(limits: Limits, size: Option<u64>) -> Self {
        Self {
            limits,
            size,
            encoded: Cell::new(0),
            decoded: Cell::new(0),
            entries: Cell::new(0),
            pending: RefCell::new(None),
            over: Cell::new(false),
        }
    }

    /// Notes bytes that were read from the item itself.
    pub fn encoded(&self, count: usize) {
        self.encoded.set(self.encoded.get() + count as u64);
    }

    pub fn encoded_bytes(&self) -> u64 {
        self.encoded.get()
    }

    pub fn decoded_bytes(&self) -> u64 {
        self.decoded.get()
    }

    pub fn entries_seen(&self) -> u64 {
        self.entries.get()
    }

    /// Notes bytes that a layer gave out, and fails when the item has given too many.
    pub fn decoded(&self, count: usize) -> io::Result<()> {
        let decoded = self.decoded.get() + count as u64;
        self.decoded.set(decoded);
        if decoded > self.limits.total_bytes {
            self.over.set(true);
            return Err(self.fail(What::TotalBytes { limit: self.limits.total_bytes }));
        }
        // An archive may name the same bytes many times; they are there only once.
        let encoded = self.size.map_or(self.encoded.get(), |size| self.encoded.get().min(size));
        if let Some(what) = self.bomb(decoded, encoded) {
            self.over.set(true);
            return Err(self.fail(what));
        }
        Ok(())
    }

    /// Whether so many decoded bytes are too many for so few encoded ones.
    pub fn bomb(&self, decoded: u64, encoded: u64) -> Option<What> {
        let limit = self.limits.ratio;
        let over = decoded > Limits::RATIO_FREE && decoded > encoded.max(1).saturating_mul(limit);
        over.then_some(What::Ratio { decoded, encoded, limit })
    }

    /// Notes an entry, and gives the problem when there are too many.
    pub fn entry(&self) -> Option<What> {
        self.entries.set(self.entries.get() + 1);
        let limit = self.limits.entries;
        (self.entries.get() > limit).then(|| {
            self.over.set(true);
            What::Entries { limit }
        })
    }

    /// Whether nothing more of this item may be read.
    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Lays a cause down, unless an earlier one is not told yet, and gives the error that carries it upwards.
    pub fn fail(&self, what: What) -> io::Error {
        self.pending.borrow_mut().get_or_insert(what);
        io::Error::other("the stream below has failed")
    }

    pub fn has_pending(&self) -> bool {
        self.pending.borrow().is_some()
    }

    pub fn take_pending(&self) -> Option<What> {
        self.pending.borrow_mut().take()
    }
}
