//! A stream with a look ahead.

use super::limits::Budget;
use super::problem::What;
use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::rc::Rc;
use zeroize::Zeroizing;

/// The largest look ahead that is kept between reads, in bytes.
const BUFFER: usize = 64 << 10;

/// Bytes that can be looked at before they are taken. A failure stays: after it every read fails.
pub(super) struct Stream<'a> {
    inner: Box<dyn Read + 'a>,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    taken: Rc<Cell<u64>>,
    ended: bool,
    failed: bool,
}

impl<'a> Stream<'a> {
    /// `size` is how many bytes are expected, and only makes the buffer of a small stream small.
    pub fn new(inner: impl Read + 'a, size: Option<u64>) -> Self {
        let capacity = size.map_or(BUFFER, |size| size.clamp(1024, BUFFER as u64) as usize);
        Self {
            inner: Box::new(inner),
            buffer: Zeroizing::new(vec![0; capacity]),
            start: 0,
            end: 0,
            taken: Rc::default(),
            ended: false,
            failed: false,
        }
    }

    /// Counts the bytes that were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// The same count, for one who watches from outside.
    pub fn meter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.taken)
    }

    /// Whether a read has failed: nothing more will come.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Looks at the next bytes: fewer than asked for only where the stream ends or fails.
    pub fn peek(&mut self, count: usize) -> &[u8] {
        if self.buffer.len() < count {
            let mut larger = Zeroizing::new(vec![0; count]);
            larger[..self.end - self.start].copy_from_slice(&self.buffer[self.start..self.end]);
            (self.end, self.start) = (self.end - self.start, 0);
            self.buffer = larger;
        }
        while self.end - self.start < count && !self.ended && !self.failed {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.end, self.start) = (self.end - self.start, 0);
            }
            // The error stays, and comes when what was read before it has been taken.
            let _ = self.fill();
        }
        &self.buffer[self.start..self.end.min(self.start + count)]
    }

    /// Takes exactly so many bytes, or none when there are fewer.
    pub fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes: [u8; N] = self.peek(N).try_into().ok()?;
        self.consume(N);
        Some(bytes)
    }

    /// Takes so many bytes into memory; `None` when there are fewer. The caller bounds the count.
    pub fn take_vec(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = Read::take(&mut *self, count as u64).read_to_end(&mut bytes).ok()?;
        (read == count).then_some(bytes)
    }

    /// Passes over bytes; gives how many there were.
    pub fn skip(&mut self, count: u64) -> u64 {
        let mut left = count;
        while left > 0 {
            let Ok(available) = self.fill_buf() else { break };
            let step = (available.len() as u64).min(left) as usize;
            if step == 0 {
                break;
            }
            self.consume(step);
            left -= step as u64;
        }
        count - left
    }

    /// Reads what is left, for its checksums.
    pub fn drain(&mut self) {
        self.skip(u64::MAX);
    }

    /// Reads once into the free end of the buffer.
    fn fill(&mut self) -> io::Result<()> {
        let count = self.read_inner(None)?;
        self.ended = count == 0;
        self.end += count;
        Ok(())
    }

    /// Reads once, into the buffer when no place is given.
    fn read_inner(&mut self, into: Option<&mut [u8]>) -> io::Result<usize> {
        if self.failed {
            return Err(io::Error::other("the stream has failed before"));
        }
        let into = into.unwrap_or(&mut self.buffer[self.end..]);
        loop {
            match self.inner.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
                done => return done,
            }
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            if self.ended || into.is_empty() {
                return Ok(0);
            }
            // A large read needs no second copy.
            if into.len() >= self.buffer.len() {
                let count = self.read_inner(Some(into))?;
                self.ended = count == 0;
                self.taken.set(self.taken.get() + count as u64);
                return Ok(count);
            }
        }
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Stream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end && !self.ended {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        self.taken.set(self.taken.get() + count as u64);
    }
}

/// The item's own bytes: counted, and with errors that say where.
pub(super) struct Metered<R> {
    inner: R,
    budget: Rc<Budget>,
}

impl<R> Metered<R> {
    pub fn new(inner: R, budget: &Rc<Budget>) -> Self {
        Self { inner, budget: Rc::clone(budget) }
    }

    fn named(&self, error: &io::Error) -> io::Error {
        self.budget.fail(What::Read { at: self.budget.encoded_bytes(), error: plain(error) })
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Ok(count) => {
                self.budget.encoded(count);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.named(&error)),
        }
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to).map_err(|error| match error.kind() {
            // A place before the start comes from the archive, not from the disk.
            io::ErrorKind::InvalidInput => error,
            _ => self.named(&error),
        })
    }
}

/// An error's words without anything that a terminal would act on.
pub(crate) fn plain(error: &dyn std::fmt::Display) -> String {
    error.to_string().chars().map(|character| if character.is_control() { ' ' } else { character }).take(200).collect()
}
