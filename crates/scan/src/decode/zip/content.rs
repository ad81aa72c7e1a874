//! From the packed bytes of a zip entry to its content.

use super::super::limits::Budget;
use super::super::magic::Format;
use super::super::problem::What;
use super::cipher::Packed;
use super::header::{DESCRIPTOR, Entry};
use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

pub(super) const STORED: u16 = 0;
pub(super) const DEFLATE64: u16 = 9;

/// Names a way of compression, for a message.
pub(super) fn method_name(method: u16) -> String {
    let name = match method {
        0 => "stored",
        1 => "shrink",
        2..=5 => "reduce",
        6 => "implode",
        8 => "deflate",
        9 => "deflate64",
        12 => "bzip2",
        14 => "lzma",
        20 | 93 => "zstd",
        94 => "MP3",
        95 => "xz",
        96 => "JPEG",
        97 => "WavPack",
        98 => "PPMd",
        99 => "AES without its details",
        _ => return format!("method {method}"),
    };
    name.to_owned()
}

/// Decodes an entry; `None` for a way of compression that is not read.
pub(super) fn decoder<'p>(
    packed: &'p mut Packed<'_, '_>,
    entry: &Entry,
    window: usize,
) -> io::Result<Option<Box<dyn Read + 'p>>> {
    Ok(Some(match entry.method {
        STORED if entry.packed.is_none() => Box::new(Stored::new(packed)),
        STORED => Box::new(packed),
        8 => Box::new(Inflate::new(packed)),
        DEFLATE64 => Box::new(deflate64::Deflate64Decoder::with_buffer(packed)),
        12 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
        14 => return lzma(packed, entry, window).map(Some),
        20 | 93 => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?.single_frame();
            decoder.window_log_max(window.max(1 << 10).ilog2())?;
            Box::new(decoder)
        }
        95 => {
            let stream = liblzma::stream::Stream::new_stream_decoder(window as u64, 0)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(packed, stream))
        }
        _ => return Ok(None),
    }))
}

/// LZMA as zip has it: its version, its properties, then the stream, with or without a mark at its end.
fn lzma<'p>(packed: &'p mut Packed<'_, '_>, entry: &Entry, window: usize) -> io::Result<Box<dyn Read + 'p>> {
    let mut head = [0; 9];
    packed.read_exact(&mut head)?;
    let dictionary = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
    if head[2..4] != [5, 0] {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "lzma properties of an unknown length"));
    }
    if dictionary as usize > window {
        return Err(io::Error::other("the dictionary is over the memory limit"));
    }
    let mut filters = liblzma::stream::Filters::new();
    filters.lzma1_properties(&head[4..])?;
    let stream = liblzma::stream::Stream::new_raw_decoder(&filters)?;
    let decoder = liblzma::bufread::XzDecoder::new_stream(packed, stream);
    // Without a mark the size alone says where it ends.
    let marked = entry.flags & 1 << 1 != 0;
    Ok(match entry.size {
        Some(size) if !marked => Box::new(decoder.take(size)),
        _ => Box::new(decoder),
    })
}

/// Raw deflate, which knows its end.
struct Inflate<R> {
    inner: R,
    state: flate2::Decompress,
    ended: bool,
}

impl<R: BufRead> Inflate<R> {
    fn new(inner: R) -> Self {
        Self { inner, state: flate2::Decompress::new(false), ended: false }
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !into.is_empty() {
            let input = self.inner.fill_buf()?;
            let at_end = input.is_empty();
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, into, flate2::FlushDecompress::None);
            let taken = (self.state.total_in() - before_in) as usize;
            let given = (self.state.total_out() - before_out) as usize;
            self.inner.consume(taken);
            let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.ended = status == flate2::Status::StreamEnd;
            if given > 0 {
                return Ok(given);
            }
            if !self.ended && taken == 0 {
                let why = "deflate stream without progress";
                let damaged = io::Error::new(io::ErrorKind::InvalidData, why);
                return Err(if at_end { io::ErrorKind::UnexpectedEof.into() } else { damaged });
            }
        }
        Ok(0)
    }
}

/// A stored entry whose size stands behind it: it ends where checksum and size of what came before stand.
struct Stored<'p, 's, 'a> {
    packed: &'p mut Packed<'s, 'a>,
    crc: flate2::Crc,
    ended: bool,
}

impl<'p, 's, 'a> Stored<'p, 's, 'a> {
    fn new(packed: &'p mut Packed<'s, 'a>) -> Self {
        Self { packed, crc: flate2::Crc::new(), ended: false }
    }
}

impl Read for Stored<'_, '_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let head = self.packed.peek_stored(4096);
        if head.len() < 16 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // A descriptor may start in the last bytes, which cannot be told yet.
        let sure = head.len() - 15;
        let mark =
            (0..sure.min(into.len())).find(|at| head[*at] == DESCRIPTOR[0] && head[*at..].starts_with(&DESCRIPTOR));
        let count = match mark {
            None => sure.min(into.len()),
            // Content may have the mark too; then it goes on with one byte.
            Some(0) => {
                let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
                // The low half of the size is enough beside the checksum.
                self.ended = number(4) == self.crc.sum() && number(8) == self.crc.amount();
                usize::from(!self.ended)
            }
            Some(at) => at,
        };
        into[..count].copy_from_slice(&head[..count]);
        self.crc.update(&into[..count]);
        self.packed.consume(count);
        Ok(count)
    }
}

/// What the content came to, for comparison with what a header says.
#[derive(Default)]
pub(super) struct Outcome {
    pub ended: Cell<bool>,
    pub crc: Cell<u32>,
    pub size: Cell<u64>,
}

/// The content, with its checksum and size looked at where it ends.
pub(super) struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
    outcome: Rc<Outcome>,
    /// Size and checksum that a header names; none where they stand behind the entry.
    expected: Option<(u64, Option<u32>)>,
    budget: Rc<Budget>,
}

impl<R: Read> Checked<R> {
    pub fn new(inner: R, entry: &Entry, outcome: &Rc<Outcome>, budget: &Rc<Budget>) -> Self {
        let keeps_crc = entry.aes.is_none_or(|aes| aes.version == 1);
        let expected = entry.size.filter(|_| entry.packed.is_some()).map(|size| (size, keeps_crc.then_some(entry.crc)));
        Self { inner, crc: flate2::Crc::new(), outcome: Rc::clone(outcome), expected, budget: Rc::clone(budget) }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.crc.update(&into[..count]);
        self.outcome.size.set(self.outcome.size.get() + count as u64);
        if count == 0 && !into.is_empty() && !self.outcome.ended.replace(true) {
            self.outcome.crc.set(self.crc.sum());
            if let Some((size, crc)) = self.expected {
                let found = self.outcome.size.get();
                let damaged = |why: String| What::Damaged { format: Format::Zip, after: found, why };
                if found < size {
                    return Err(self.budget.fail(What::EndsEarly { format: Format::Zip, after: found }));
                }
                if found > size {
                    return Err(self.budget.fail(damaged(format!("the entry's header says {size} bytes"))));
                }
                if crc.is_some_and(|crc| crc != self.crc.sum()) {
                    return Err(self.budget.fail(damaged("its checksum does not match".to_owned())));
                }
            }
        }
        Ok(count)
    }
}
