//! Pieces of items, to be scanned apart from each other, on other machines too.
//!
//! [`cut`] says which pieces an item has, [`Piece::find`] opens the item again wherever that is, and
//! [`scan_piece`](crate::engine::scan_piece) scans it. All pieces together give what the item as a whole would give: the
//! same findings with the same offsets in the document, the same counters and problems, one event
//! [`Document`](crate::engine::Event::Document) and one [`ItemDone`](crate::engine::Event::ItemDone).
//!
//! Only their lines are counted anew: the first line of each piece is 1. How many lines a piece has is what scanning it
//! answers; who has those of all pieces adds to a finding's line the sum of those before its piece, in the order of
//! [`Piece::start`].
//!
//! | item | pieces |
//! | --- | --- |
//! | text whose characters are where its bytes are: ASCII, UTF-8, one byte each | ranges that begin and end at the start of a line |
//! | packed, UTF-16, refused forms | one |
//! | not longer than a piece | one, without a look at it |
//! | standard input, a named pipe | [`PieceError::HereOnly`] |

mod lines;

pub use lines::cut;
pub(crate) use lines::{head, plain_text};

use crate::source::{Item, Location, SourceError};
use std::ffi::OsStr;
use std::io;

/// How long a piece usually is, in bytes.
pub const USUAL_SIZE: u64 = 64 << 20;

/// A range of an item, and what is needed to find the item again. It is plain data, without anything of the content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Piece {
    /// Where the item is, as [`Location::parse`] takes it: `file:///..` or `s3://BUCKET/KEY`. Of a store that was given
    /// to [`Location::objects`], the key. Without credentials: each machine has its own.
    pub address: String,
    /// The item's name, as [`Item::name`].
    pub name: String,
    /// The item's size in bytes.
    pub size: u64,
    /// Tells the item's content from another under the same address: a store's tag, or when the file was changed.
    pub version: String,
    /// Where in the item the piece begins, in bytes.
    pub start: u64,
    /// Where it ends, in bytes.
    pub end: u64,
}

/// Why an item is not cut, or a piece's item not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PieceError {
    /// Nobody else can read it.
    #[error("{name}: {why}, and cannot be read from another machine; give a file, a folder or an object store")]
    HereOnly {
        /// Which item.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// The item cannot be read.
    #[error("{name}: cannot be read to be cut: {error}")]
    Unreadable {
        /// Which item.
        name: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// Nothing is under the address any more.
    #[error("{address}: there is no such file or object any more; it was there when it was listed")]
    Gone {
        /// Where it was.
        address: String,
    },
    /// Something else is under the address.
    #[error(
        "{address}: was changed after it was listed: it had {listed} bytes ({version}) and has {found} ({found_version}); \
         scan it anew"
    )]
    Changed {
        /// Where it is.
        address: String,
        /// Its size in bytes when it was listed.
        listed: u64,
        /// Its version then.
        version: String,
        /// Its size in bytes now.
        found: u64,
        /// Its version now.
        found_version: String,
    },
    /// A piece that nobody has cut.
    #[error("{address}: a piece from {start} to {end} of {size} bytes; expected a range within the item")]
    Range {
        /// Where it is.
        address: String,
        /// Where the piece begins.
        start: u64,
        /// Where it ends.
        end: u64,
        /// How many bytes the item has.
        size: u64,
    },
    /// The source says no.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Piece {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it is all of its item.
    pub fn is_whole(&self) -> bool {
        self.start == 0 && self.end == self.size
    }

    /// Finds its item, of the version that was cut.
    pub fn find(&self) -> Result<Item, PieceError> {
        self.find_by(|address| Location::parse(OsStr::new(address)))
    }

    /// The same, where `locate` says what stands under an address: a store that is held open, say.
    pub fn find_by(&self, locate: impl FnOnce(&str) -> Result<Location, SourceError>) -> Result<Item, PieceError> {
        if self.start > self.end || self.end > self.size {
            let Self { address, start, end, size, .. } = self.clone();
            return Err(PieceError::Range { address, start, end, size });
        }
        let gone = || PieceError::Gone { address: self.address.clone() };
        let mut item = match locate(&self.address)?.items().next() {
            Some(Ok(item)) => item,
            Some(Err(SourceError::Unreadable { error, .. })) if error.kind() == io::ErrorKind::NotFound => {
                return Err(gone());
            }
            Some(Err(SourceError::Nothing { .. })) | None => return Err(gone()),
            Some(Err(error)) => return Err(error.into()),
        };
        // A folder, or a prefix, gives what is below it.
        if item.address().ok().as_ref() != Some(&self.address) {
            return Err(gone());
        }
        let (found, found_version) = (item.size.unwrap_or(0), item.version());
        if found != self.size || found_version != self.version {
            let Self { address, size: listed, version, .. } = self.clone();
            return Err(PieceError::Changed { address, listed, version, found, found_version });
        }
        item.name.clone_from(&self.name);
        Ok(item)
    }
}
