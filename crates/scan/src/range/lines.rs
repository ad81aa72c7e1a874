//! Where an item may be cut.

use super::{Piece, PieceError};
use crate::decode;
use crate::source::Item;
use crate::text::{LOOKED_AT, Writing};
use std::io;
use zeroize::Zeroizing;

/// How many bytes are read first for the end of a line, and how many at most at once.
const FIRST_READ: usize = 16 << 10;
const LARGEST_READ: usize = 4 << 20;

/// Cuts an item into pieces of about `size` bytes, usually [`USUAL_SIZE`](super::USUAL_SIZE): each goes on to the end
/// of the line that is longer. Of a large item the first bytes are read, and a few at each cut.
pub fn cut(item: &Item, size: u64) -> Result<Vec<Piece>, PieceError> {
    let here_only = |why| PieceError::HereOnly { name: item.name.clone(), why };
    let address = item.address().map_err(here_only)?;
    let total = item.size.ok_or_else(|| here_only("its size is not known"))?;
    let whole = Piece { address, name: item.name.clone(), size: total, version: item.version(), start: 0, end: total };
    if total <= size {
        return Ok(vec![whole]);
    }
    let unreadable = |error| PieceError::Unreadable { name: item.name.clone(), error };
    let Some(writing) = plain_text(&head(item).map_err(unreadable)?) else { return Ok(vec![whole]) };
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < total {
        let end = line_start(item, start.saturating_add(size.max(1)), total, writing).map_err(unreadable)?;
        pieces.push(Piece { start, end, ..whole.clone() });
        start = end;
    }
    Ok(pieces)
}

/// The first bytes of an item, by which it is known what it is.
pub(crate) fn head(item: &Item) -> io::Result<Zeroizing<Vec<u8>>> {
    read(item, 0, LOOKED_AT)
}

/// How a document that begins so is written, if it is read as it stands and its text is where its bytes are.
pub(crate) fn plain_text(head: &[u8]) -> Option<Writing> {
    let writing = Writing::sniff(head);
    (decode::is_document(head) && !writing.is_wide()).then_some(writing)
}

fn read(item: &Item, start: u64, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    let count = decode::read_up_to(&mut item.open_range(start, length as u64)?, &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// The first start of a line that is not before a place; the item's end where there is none.
fn line_start(item: &Item, place: u64, total: u64, writing: Writing) -> io::Result<u64> {
    // A line that ends right before the place begins at it.
    let mut at = place - 1;
    let mut length = FIRST_READ;
    while at < total {
        let bytes = read(item, at, length)?;
        let end =
            if writing.lone_returns { memchr::memchr2(b'\n', b'\r', &bytes) } else { memchr::memchr(b'\n', &bytes) };
        if let Some(end) = end {
            return Ok(at + end as u64 + 1);
        }
        if bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before the size that was listed"));
        }
        at += bytes.len() as u64;
        length = (2 * length).min(LARGEST_READ);
    }
    Ok(total)
}
