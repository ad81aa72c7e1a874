//! Cuts a stream into chunks that can be scanned apart from each other.
//!
//! A chunk holds whole lines, and up to [`CONTEXT`] bytes before and behind them, which belong to its
//! neighbours: a name is looked for in the lines of its own chunk only, and what stands around it is read in
//! the context. So a block of lines that a cut divides is found once.
//!
//! A line longer than [`LONGEST_LINE`] that is a series of records, `(..),(..)` of a database or `{..},{..}`, is
//! cut between two of them. Any other is skipped to its end.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroize;

use crate::layout::Layout;

/// The longest line in bytes that is read as a whole, and the longest record of a longer one.
pub const LONGEST_LINE: usize = 64 * 1024;

/// How many bytes before and behind its line a name's surroundings reach.
pub const CONTEXT: usize = 4096;

/// The usual size of a chunk in bytes.
pub const USUAL_SIZE: usize = 1024 * 1024;

/// Buffers that are used again. What was read into one is there until the next chunk is read into it, and all are wiped when
/// the pool goes: a scan would spend a twentieth of its time on wiping what is overwritten a millisecond later.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Buffer>>);

impl Pool {
    fn take(&self) -> Buffer {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffer: Buffer) {
        buffer.filled = 0;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// Bytes that were read. Those behind the filled ones are zeros or were filled before.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Makes room for so many bytes in all.
    fn grow(&mut self, bytes: usize) {
        if self.bytes.len() < bytes {
            // Growing in place would leave a copy behind.
            let mut larger = vec![0; bytes];
            larger[..self.filled].copy_from_slice(self.filled());
            std::mem::replace(&mut self.bytes, larger).zeroize();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.grow(self.filled + bytes.len());
        self.bytes[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Reads until so many bytes are filled, or the stream ends; tells whether it did.
    fn fill(&mut self, source: &mut impl Read, wanted: usize) -> io::Result<bool> {
        self.grow(wanted);
        while self.filled < wanted {
            match source.read(&mut self.bytes[self.filled..wanted]) {
                Ok(0) => return Ok(true),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Drops the first bytes.
    fn drop_front(&mut self, bytes: usize) {
        self.bytes.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Where a chunk's first byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the start of a line.
    Line,
    /// At the start of a record in a long line.
    Record,
    /// In a record of a long line that is too long itself.
    Skipped,
}

/// Where a chunk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At the end of a line or of the text.
    Line,
    /// In a long line, whose records go on in the next chunk.
    Records,
    /// In a long line that is skipped.
    Skipped,
}

/// A piece of a text.
pub struct Chunk {
    pool: Arc<Pool>,
    layout: Arc<Layout>,
    buffer: Buffer,
    /// The chunk's own bytes; the rest is its neighbours'.
    own: Range<usize>,
    number: u64,
    offset: u64,
    pub(crate) start: Start,
    pub(crate) end: End,
}

impl Chunk {
    /// Returns the chunk's own bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.filled()[self.own.clone()]
    }

    /// Returns which chunk of the text it is, from 0.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns where in the text its own bytes begin, in bytes of the text as it was read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns how many lines begin in it, if more of its text follows.
    pub(crate) fn lines(&self) -> u64 {
        let feeds = memchr::memchr_iter(b'\n', self.bytes()).count() as u64;
        (feeds + u64::from(self.end != End::Line)).saturating_sub(u64::from(self.start != Start::Line))
    }

    /// Returns the number of the line that it begins in, if those that begin in it are numbered from 1: 1, or 0 where it
    /// goes on with a line of the chunk before.
    pub(crate) fn first_line(&self) -> u64 {
        u64::from(self.start == Start::Line)
    }

    /// What the beginning of the document tells of columns.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The own bytes with their context, and where in it they are.
    pub(crate) fn with_context(&self) -> (&[u8], Range<usize>) {
        (self.buffer.filled(), self.own.clone())
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffer));
    }
}

/// Cuts a stream into chunks, in order.
pub struct Chunker<R> {
    source: R,
    pool: Arc<Pool>,
    layout: Arc<Layout>,
    size: usize,
    /// What the next chunk begins with: the context before it, then bytes that were read and not given out.
    carried: Buffer,
    /// How many bytes of it are context.
    before: usize,
    number: u64,
    offset: u64,
    /// Where in the text the last chunk ends, at the start of a line; what the stream has behind it is context.
    until: u64,
    start: Start,
    /// Whether the stream stands in a line that is skipped.
    skipping: bool,
    at_end: bool,
}

impl<R: Read> Chunker<R> {
    /// Cuts the stream into chunks of about `size` bytes, at least one line each, in buffers of the pool.
    pub fn new(source: R, size: usize, pool: Arc<Pool>) -> Self {
        let carried = pool.take();
        Self {
            source,
            pool,
            layout: Arc::default(),
            size: size.max(1),
            carried,
            before: 0,
            number: 0,
            offset: 0,
            until: u64::MAX,
            start: Start::Line,
            skipping: false,
            at_end: false,
        }
    }

    /// Gives every chunk what the beginning of the document tells of columns.
    #[must_use]
    pub fn with_layout(mut self, layout: Layout) -> Self {
        self.layout = Arc::new(layout);
        self
    }

    /// Cuts a range of a text, which begins and ends at the starts of lines. The stream begins with the last `before`
    /// bytes in front of the range, [`CONTEXT`] of them or all that there are, and goes on for [`CONTEXT`] bytes behind
    /// it, or to the text's end: so what is found in the range is what would be found in the whole.
    pub fn of_range(source: R, size: usize, pool: Arc<Pool>, (range, before): (Range<u64>, usize)) -> io::Result<Self> {
        let mut chunker = Self::new(source, size, pool);
        chunker.fill(before)?;
        (chunker.offset, chunker.until) = (range.start, range.end);
        chunker.before = chunker.carried.filled;
        Ok(chunker)
    }

    /// Returns the next chunk; none at the end of the stream, or of the range.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        if self.skipping {
            self.skip_line()?;
        }
        let begin = self.before;
        let left = usize::try_from(self.until.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let mut wanted = self.size;
        let (place, end, next) = loop {
            self.fill(begin + wanted.min(left) + CONTEXT)?;
            if self.at_end || self.carried.filled - CONTEXT - begin >= left {
                break (self.carried.filled.min(begin.saturating_add(left)), End::Line, Start::Line);
            }
            let own = &self.carried.filled()[begin..self.carried.filled - CONTEXT];
            if let Some(cut) = memchr::memrchr(b'\n', own) {
                break (begin + cut + 1, End::Line, Start::Line);
            }
            if own.len() > LONGEST_LINE {
                let (length, end, next) = self.cut_long_line(own);
                break (begin + length, end, next);
            }
            wanted = LONGEST_LINE + 1;
        };
        if place == begin {
            return Ok(None);
        }
        Ok(Some(self.give_out(begin..place, end, next)))
    }

    /// Where to cut a long line that has no end in sight, and what the next chunk starts with.
    fn cut_long_line(&self, own: &[u8]) -> (usize, End, Start) {
        if self.start == Start::Line && !is_records(own) {
            return (own.len(), End::Skipped, Start::Line);
        }
        match last_boundary(own) {
            Some(cut) => (cut, End::Records, Start::Record),
            // Two bytes stay, for they may begin the boundary.
            None => (own.len() - 2, End::Records, Start::Skipped),
        }
    }

    fn give_out(&mut self, own: Range<usize>, end: End, next: Start) -> Chunk {
        let mut carried = self.pool.take();
        let context = own.end.saturating_sub(CONTEXT);
        carried.push(&self.carried.filled()[context..]);
        let buffer = std::mem::replace(&mut self.carried, carried);
        self.before = own.end - context;
        let chunk = Chunk {
            pool: Arc::clone(&self.pool),
            layout: Arc::clone(&self.layout),
            number: self.number,
            offset: self.offset,
            start: self.start,
            end,
            own: own.clone(),
            buffer,
        };
        self.number += 1;
        self.offset += own.len() as u64;
        self.skipping = end == End::Skipped;
        self.start = next;
        chunk
    }

    /// Goes to the end of the line, keeping what the next one needs as context.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.carried.filled()[self.before..]) {
                self.advance(end + 1);
                self.skipping = false;
                return Ok(());
            }
            self.advance(self.carried.filled - self.before);
            if self.at_end {
                return Ok(());
            }
            self.fill(self.carried.filled + LONGEST_LINE)?;
        }
    }

    /// Makes the next bytes context.
    fn advance(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.before += bytes;
        let superfluous = self.before.saturating_sub(CONTEXT);
        self.carried.drop_front(superfluous);
        self.before -= superfluous;
    }

    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.at_end = self.at_end || self.carried.fill(&mut self.source, wanted)?;
        Ok(())
    }
}

impl<R> Drop for Chunker<R> {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.carried));
    }
}

/// Tells from the first [`LONGEST_LINE`] bytes of a longer line whether it is a series of records.
pub(crate) fn is_records(line: &[u8]) -> bool {
    boundaries(&line[..LONGEST_LINE.min(line.len())]).next().is_some()
}

/// The places behind the comma between two records.
pub(crate) fn boundaries(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b',', text).filter_map(|comma| is_boundary(text, comma).then_some(comma + 1))
}

/// The last of them.
fn last_boundary(text: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b',', text).find_map(|comma| is_boundary(text, comma).then_some(comma + 1))
}

/// Whether the comma stands between `)` and `(` or `}` and `{`, a blank behind it at most.
fn is_boundary(text: &[u8], comma: usize) -> bool {
    let open = match text[..comma].last() {
        Some(b')') => b'(',
        Some(b'}') => b'{',
        _ => return false,
    };
    match text[comma + 1..] {
        [byte, ..] if byte == open => true,
        [b' ', byte, ..] => byte == open,
        _ => false,
    }
}
