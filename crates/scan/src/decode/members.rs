//! Compressed streams: any number of members, one behind the other.

use super::limits::Budget;
use super::magic::{Format, compression};
use super::problem::What;
use super::stream::Stream;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

/// The decoder of one member.
pub(super) enum Member<R: BufRead> {
    Gzip(flate2::bufread::GzDecoder<R>),
    Zstd(Box<zstd::stream::read::Decoder<'static, R>>),
    Bzip2(bzip2::bufread::BzDecoder<R>),
    Xz(liblzma::bufread::XzDecoder<R>),
    Lz4(Box<lz4_flex::frame::FrameDecoder<Watched<R>>>),
}

impl<R: BufRead> Member<R> {
    /// Starts to decode a member. `window` bounds the memory that the stream may ask for, in bytes.
    pub fn new(format: Format, inner: R, window: usize) -> io::Result<Self> {
        Ok(match format {
            Format::Gzip => Self::Gzip(flate2::bufread::GzDecoder::new(inner)),
            Format::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(inner)?.single_frame();
                decoder.window_log_max(window.max(1 << 10).ilog2())?;
                Self::Zstd(Box::new(decoder))
            }
            Format::Bzip2 => Self::Bzip2(bzip2::bufread::BzDecoder::new(inner)),
            Format::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(window as u64, 0)?;
                Self::Xz(liblzma::bufread::XzDecoder::new_stream(inner, stream))
            }
            Format::Lz4 => Self::Lz4(Box::new(lz4_flex::frame::FrameDecoder::new(Watched { inner, ended: false }))),
            Format::Zip | Format::Tar | Format::SevenZip => unreachable!("archives have their own readers"),
        })
    }

    /// Gives the stream back, which stands behind the member when that was read to its end.
    fn into_inner(self) -> R {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.finish(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Lz4(decoder) => decoder.into_inner().inner,
        }
    }
}

impl<R: BufRead> Read for Member<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
            Self::Bzip2(decoder) => decoder.read(into),
            Self::Xz(decoder) => decoder.read(into),
            Self::Lz4(decoder) => match decoder.read(into)? {
                // The decoder takes a missing block for the end.
                0 if decoder.get_ref().ended && !into.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            },
        }
    }
}

/// Notes when a reader wanted more than there was.
pub(super) struct Watched<R> {
    inner: R,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.ended |= count == 0 && !into.is_empty();
        Ok(count)
    }
}

/// The decoded bytes of all members of a stream.
pub(super) struct Members<'s, 'a> {
    format: Format,
    budget: Rc<Budget>,
    state: State<'s, 'a>,
    /// Where the stream stood at the start.
    start: u64,
}

enum State<'s, 'a> {
    /// Between two members.
    Between(&'s mut Stream<'a>),
    Within(Box<Member<&'s mut Stream<'a>>>),
    /// All members were read, or one has failed.
    Done,
}

impl<'s, 'a> Members<'s, 'a> {
    pub fn new(format: Format, stream: &'s mut Stream<'a>, budget: &Rc<Budget>) -> Self {
        let start = stream.taken();
        Self { format, budget: Rc::clone(budget), state: State::Between(stream), start }
    }

    /// Passes over what stands between members, and starts the next one, if there is one.
    fn next<'t>(&self, stream: &'t mut Stream<'a>) -> io::Result<Option<Member<&'t mut Stream<'a>>>> {
        loop {
            let head = stream.peek(16);
            let zeros = head.iter().take_while(|byte| **byte == 0).count();
            if head.is_empty() {
                // A source that failed is no end.
                stream.fill_buf()?;
                return Ok(None);
            }
            if compression(head) == Some(self.format) {
                return Member::new(self.format, stream, self.budget.limits.window_bytes).map(Some);
            }
            // Tapes and xz fill up with zeros.
            if zeros == 0 {
                let at = stream.taken() - self.start;
                return Err(self.budget.fail(What::TrailingData { format: self.format, at }));
            }
            stream.consume(zeros);
        }
    }
}

impl Read for Members<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Ok(0),
                State::Between(stream) => match self.next(stream)? {
                    Some(member) => self.state = State::Within(Box::new(member)),
                    None => return Ok(0),
                },
                State::Within(mut member) => match member.read(into) {
                    Ok(0) => self.state = State::Between(member.into_inner()),
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                    done => {
                        self.state = State::Within(member);
                        return done;
                    }
                },
            }
        }
    }
}
