//! Around each decoder: its bytes are counted, its errors get names.

use super::limits::Budget;
use super::magic::Format;
use super::problem::What;
use super::stream::plain;
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// The output of a decoder.
pub(super) struct Layer<R> {
    inner: R,
    format: Format,
    budget: Rc<Budget>,
    /// Counts what the decoder takes in; shared with the stream below.
    meter: Rc<Cell<u64>>,
    /// Where that count stood at the start.
    start: u64,
    decoded: u64,
}

impl<R: Read> Layer<R> {
    pub fn new(inner: R, format: Format, budget: &Rc<Budget>, meter: Rc<Cell<u64>>, start: u64) -> Self {
        Self { inner, format, budget: Rc::clone(budget), start, meter, decoded: 0 }
    }
}

impl<R: Read> Read for Layer<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Ok(count) => {
                self.decoded += count as u64;
                self.budget.decoded(count)?;
                match self.budget.bomb(self.decoded, self.meter.get() - self.start) {
                    Some(what) => Err(self.budget.fail(what)),
                    None => Ok(count),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) if self.budget.has_pending() => Err(error),
            Err(error) => {
                Err(self.budget.fail(named(&error, self.format, self.decoded, self.budget.limits.window_bytes)))
            }
        }
    }
}

/// Gives a decoder's error its name.
fn named(error: &io::Error, format: Format, after: u64, window: usize) -> What {
    let why = plain(error);
    // zstd and liblzma tell this apart only in words.
    let memory = ["requires too much memory", "Memory usage limit", "memory limit", "Mem limit"];
    if memory.iter().any(|words| why.contains(words)) {
        return What::WindowBytes { format, limit: window };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => What::EndsEarly { format, after },
        _ => What::Damaged { format, after, why },
    }
}
