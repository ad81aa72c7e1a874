//! The way down from an item to its documents.

use super::layer::Layer;
use super::limits::Budget;
use super::magic::{self, Format, Kind};
use super::members::Members;
use super::problem::{Problem, What};
use super::stream::{Metered, Stream};
use super::{ArchivePassword, Decoder, Document, Flow, Limits, Summary, Visitor, name, seven, tar, zip};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::rc::Rc;
use zeroize::Zeroizing;

/// Where the way down stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    pub path: &'p str,
    pub depth: u32,
    pub size: Option<u64>,
}

/// Whether to go on with the item: it breaks when the visitor says stop.
pub(super) type Go = ControlFlow<()>;

/// The way through one item.
pub(super) struct Walk<'w> {
    decoder: &'w Decoder,
    pub budget: Rc<Budget>,
    visitor: &'w mut dyn Visitor,
    summary: Summary,
}

impl<'w> Walk<'w> {
    pub fn new(decoder: &'w Decoder, budget: Rc<Budget>, visitor: &'w mut dyn Visitor) -> Self {
        Self { decoder, budget, visitor, summary: Summary::default() }
    }

    pub fn limits(&self) -> &Limits {
        &self.decoder.limits
    }

    pub fn passwords(&self) -> &'w [ArchivePassword] {
        &self.decoder.passwords
    }

    /// Tells what nobody has told yet, and gives the counts.
    pub fn finish(mut self, path: &str, stopped: bool) -> Summary {
        self.settle(path);
        Summary {
            entries: self.budget.entries_seen(),
            encoded_bytes: self.budget.encoded_bytes(),
            decoded_bytes: self.budget.decoded_bytes(),
            stopped,
            ..self.summary
        }
    }

    /// Tells of a problem.
    pub fn report(&mut self, path: &str, what: What) {
        self.summary.problems += 1;
        self.visitor.problem(&Problem { path: path.to_owned(), what });
    }

    /// Tells of the failure that was laid down below, if there is one, and gives whether there was.
    pub fn settle(&mut self, path: &str) -> bool {
        let pending = self.budget.take_pending();
        let found = pending.is_some();
        if let Some(what) = pending {
            self.report(path, what);
        }
        found
    }

    /// Tells of an error: of its cause below, or else as the given one.
    pub fn settle_or(&mut self, path: &str, what: What) {
        if !self.settle(path) {
            self.report(path, what);
        }
    }

    /// Tells why an archive is not read further. When its stream has failed, whoever met that has told it already,
    /// or its cause lies ready.
    pub fn broken(&mut self, path: &str, stream: &Stream<'_>, what: What) {
        if stream.has_failed() {
            self.settle(path);
        } else {
            self.settle_or(path, what);
        }
    }

    /// Reads an archive, and tells when there was nothing in it, which otherwise nobody would.
    fn archive(&mut self, format: Format, place: Place<'_>, read: impl FnOnce(&mut Self) -> Go) -> Go {
        let before = (self.budget.entries_seen(), self.summary.problems);
        let go = read(self);
        if before == (self.budget.entries_seen(), self.summary.problems) {
            self.report(place.path, What::Empty { format });
        }
        go
    }

    /// Notes an entry of an archive; gives its path, or tells why it is not read.
    pub fn entry(&mut self, archive: &str, name: &[u8], length: u64) -> Option<String> {
        let limit = self.limits().name_bytes;
        let long = length > limit as u64;
        let shown = if long { name::shortened(name) } else { name::shown(name) };
        let path = format!("{archive}!{shown}");
        if let Some(what) = self.budget.entry() {
            self.report(archive, what);
            return None;
        }
        if long {
            self.report(&path, What::NameBytes { found: length, limit });
            return None;
        }
        Some(path)
    }

    /// Counts the problems told so far.
    pub fn problems(&self) -> u64 {
        self.summary.problems
    }

    pub fn folder(&mut self) {
        self.summary.folders += 1;
    }

    /// Whether another layer may be taken off here; tells when not.
    fn may_open(&mut self, format: Format, place: Place<'_>) -> bool {
        let (found, limit) = (place.depth + 1, self.limits().depth);
        if found > limit {
            self.report(place.path, What::Depth { format, found, limit });
        }
        found <= limit
    }

    /// Goes down from an item that can seek.
    pub fn seekable<R: Read + Seek>(&mut self, file: &mut Metered<R>, place: Place<'_>) -> Go {
        let mut head = [0; magic::HEAD];
        let read = read_up_to(file, &mut head).and_then(|count| file.seek(SeekFrom::Start(0)).map(|_| count));
        let Ok(count) = read else {
            self.settle(place.path);
            return Go::Continue(());
        };
        match magic::kind(&head[..count]) {
            Kind::Layer(format @ (Format::Zip | Format::SevenZip)) if !self.may_open(format, place) => Go::Continue(()),
            Kind::Layer(format @ Format::Zip) => self.archive(format, place, |walk| zip::seekable(walk, file, place)),
            Kind::Layer(format @ Format::SevenZip) => {
                self.archive(format, place, |walk| seven::archive(walk, file, place))
            }
            _ => self.stream(&mut Stream::new(file, place.size), place),
        }
    }

    /// Goes down from a stream.
    pub fn stream(&mut self, stream: &mut Stream<'_>, place: Place<'_>) -> Go {
        let head = stream.peek(magic::HEAD);
        let mut kind = magic::kind(head);
        if kind == Kind::Document && magic::could_be_image(head) {
            kind = magic::image(stream.peek(magic::IMAGE_HEAD)).unwrap_or(kind);
        }
        match kind {
            Kind::Document => self.document(stream, place),
            Kind::Refused { kind, advice } => {
                self.report(place.path, What::Refused { kind, advice });
                Go::Continue(())
            }
            Kind::Layer(format) if !self.may_open(format, place) => Go::Continue(()),
            Kind::Layer(format @ Format::Zip) => self.archive(format, place, |walk| zip::stream(walk, stream, place)),
            Kind::Layer(format @ Format::Tar) => self.archive(format, place, |walk| tar::archive(walk, stream, place)),
            Kind::Layer(format @ Format::SevenZip) => {
                self.archive(format, place, |walk| walk.held(stream, format, place))
            }
            Kind::Layer(format) => {
                let (meter, start) = (stream.meter(), stream.taken());
                let members = Members::new(format, stream, &self.budget);
                let layer = Layer::new(members, format, &self.budget, meter, start);
                self.stream(&mut Stream::new(layer, None), Place { depth: place.depth + 1, size: None, ..place })
            }
        }
    }

    /// Hands a document out.
    fn document(&mut self, stream: &mut Stream<'_>, place: Place<'_>) -> Go {
        self.summary.documents += 1;
        let document = Document { path: place.path, depth: place.depth, size: place.size };
        let flow = self.visitor.document(&document, &mut Content { stream });
        if flow == Flow::Continue {
            stream.drain();
        }
        // The cause is laid down below wherever a read failed.
        self.settle(place.path);
        if flow == Flow::Stop { Go::Break(()) } else { Go::Continue(()) }
    }

    /// Reads an archive into memory, within the limit, because it is read from its end.
    fn held(&mut self, stream: &mut Stream<'_>, format: Format, place: Place<'_>) -> Go {
        let limit = self.limits().held_bytes;
        let mut held = Zeroizing::new(Vec::new());
        loop {
            let room = 1 << 16;
            if held.len() + room > held.capacity() {
                // Grown by hand: a vector that moves itself leaves its bytes behind.
                let capacity = (2 * held.capacity()).max(4 * room).min(limit + 2 * room);
                let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
                larger.extend_from_slice(&held);
                held = larger;
            }
            let start = held.len();
            held.resize(start + room, 0);
            let count = stream.read(&mut held[start..]).unwrap_or(0);
            held.truncate(start + count);
            if held.len() > limit {
                self.report(place.path, What::HeldBytes { format, limit });
                return Go::Continue(());
            }
            if count == 0 {
                break;
            }
        }
        if self.settle(place.path) {
            return Go::Continue(());
        }
        seven::archive(self, &mut io::Cursor::new(held.as_slice()), place)
    }
}

/// A document's content for its visitor: it ends where it fails.
struct Content<'s, 'a> {
    stream: &'s mut Stream<'a>,
}

impl Read for Content<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // The cause is laid down in the budget, and told after the visitor returns.
        Ok(self.stream.read(into).unwrap_or(0))
    }
}

/// Fills a buffer, or as much of it as there is.
pub(crate) fn read_up_to(reader: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < into.len() {
        match reader.read(&mut into[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}
