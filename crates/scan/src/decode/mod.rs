//! From bytes to documents: archives and compressions are taken off, layer by layer, and what is innermost is
//! handed to a [`Visitor`].
//!
//! What bytes are is told by the bytes themselves, never by a name. Nothing is written anywhere: no temporary
//! files, no clear copies; entry names are data and are never opened.
//!
//! | form | how it is read |
//! | --- | --- |
//! | gzip, zstd, bzip2, xz, lz4 frames | as a stream, any number of members or frames, checksums verified |
//! | zip | from its directory where the item can seek, else entry by entry as a stream; so is one without its end |
//! | .. methods | stored, deflate, deflate64, bzip2, lzma, zstd, xz |
//! | .. encryption | AES (AE-1, AE-2) and `ZipCrypto`, with a password |
//! | tar | as a stream: ustar, GNU and pax long names, the oldest headers; several one behind the other |
//! | 7z | from its end, so inside another archive or from a pipe it is held in memory, up to a limit |
//! | .. methods | copy, LZMA, LZMA2, delta, BCJ filters, bzip2; AES with a password, names encrypted or not |
//! | anything else | as a document |
//!
//! | form | what happens |
//! | --- | --- |
//! | RAR, CAB, ARJ, ACE, LHA, ar, cpio, xar, ISO images | [`What::Refused`]: unpack it |
//! | `compress`, lzip, lzma alone, legacy lz4 | [`What::Refused`]: pack it again |
//! | PDF, Office, `OpenDocument`, RTF, PST, SQLite, Parquet, custom-form dumps | [`What::Refused`]: export its text |
//! | images, recordings, executables | [`What::Refused`] |
//! | encrypted without a fitting password | [`What::PasswordNeeded`], [`What::WrongPassword`] |
//! | other methods (`PPMd`, implode ..), archives in parts | [`What::Method`], [`What::Refused`] |
//! | links, devices, sparse files | [`What::NotAFile`] |
//! | archives without an entry | [`What::Empty`] |
//! | what ends early or is damaged | read up to there, then [`What::EndsEarly`], [`What::Damaged`] |
//! | more than [`Limits`] allow | read up to there, then a problem that names the limit |
//!
//! Never a silent zero: what is not read is given to [`Visitor::problem`], once, and counted in [`Summary`].
//!
//! Buffers of this module that carried content are wiped when they are dropped. Windows of the decoders of other
//! crates are freed without that.

mod layer;
mod limits;
mod magic;
mod members;
mod name;
mod password;
mod problem;
mod seven;
mod stream;
mod tar;
mod walk;
mod zip;

pub use limits::Limits;
pub use magic::Format;
pub(crate) use name::shown_item;
pub use password::ArchivePassword;
pub use problem::{Problem, What};
pub(crate) use stream::plain;
pub(crate) use walk::read_up_to;

use crate::source::{Content, Item};
use limits::Budget;
use std::io::Read;
use std::rc::Rc;
use stream::{Metered, Stream};

/// An innermost stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    /// Where it is: the item's name, then after `!` the entry of each archive around it, as in
    /// `dump.zip!logs/pass.txt.gz`. For people: control characters and bytes that are no UTF-8 are escaped.
    pub path: &'a str,
    /// How many layers are around it.
    pub depth: u32,
    /// Its size in bytes as its archive or source says: a hint, not to be trusted.
    pub size: Option<u64>,
}

/// What a visitor wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next document. What was left unread of this one is decoded first, so that damage in it is noticed.
    Continue,
    /// The next document, without the rest of this one: damage in that rest goes unnoticed where nothing else
    /// stands on it.
    Skip,
    /// Nothing more of this item.
    Stop,
}

/// Takes documents, and problems, in the order in which they stand in the item.
pub trait Visitor {
    /// Takes a document. Its content never fails: it ends where nothing more can be read, and why is told to
    /// [`problem`](Self::problem) right after this call.
    fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow;

    /// Takes what was not read, or not to its end.
    fn problem(&mut self, problem: &Problem);
}

/// Whether bytes that begin so are a document, which is read as it stands: neither packed nor refused. Given
/// [`LOOKED_AT`](crate::text::LOOKED_AT) of them, or all where there are fewer.
pub(crate) fn is_document(start: &[u8]) -> bool {
    let head = &start[..start.len().min(magic::HEAD)];
    let image = || start.get(..magic::IMAGE_HEAD).and_then(magic::image).filter(|_| magic::could_be_image(head));
    magic::kind(head) == magic::Kind::Document && image().is_none()
}

/// What came of one item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Documents that were handed out.
    pub documents: u64,
    /// Problems that were told.
    pub problems: u64,
    /// Entries of archives that were seen, folders included.
    pub entries: u64,
    /// Of these, folders.
    pub folders: u64,
    /// Bytes read from the item; some twice, where an archive names them twice.
    pub encoded_bytes: u64,
    /// Bytes that layers gave out, summed over all of them.
    pub decoded_bytes: u64,
    /// Whether the visitor stopped it.
    pub stopped: bool,
}

/// Takes items apart.
///
/// ```
/// use scan::decode::{Decoder, Document, Flow, Limits, Problem, Visitor};
/// use scan::source::Content;
/// use std::io::Read;
///
/// #[derive(Default)]
/// struct Names(Vec<String>);
///
/// impl Visitor for Names {
///     fn document(&mut self, document: &Document<'_>, _content: &mut dyn Read) -> Flow {
///         self.0.push(document.path.to_owned());
///         Flow::Continue
///     }
///     fn problem(&mut self, problem: &Problem) {
///         self.0.push(problem.to_string());
///     }
/// }
///
/// let decoder = Decoder::new(Limits::default(), Vec::new());
/// let mut names = Names::default();
/// decoder.content("a.txt", Content::stream(&b"anna@example.org:x\n"[..]), None, &mut names);
/// decoder.content("b.txt", Content::stream(&b"Rar!\x1a\x07\x01\x00"[..]), None, &mut names);
/// assert_eq!(names.0, ["a.txt", "b.txt: RAR archive: not read; unpack it with its own tool and give the folder"]);
/// ```
#[derive(Clone, Default)]
pub struct Decoder {
    limits: Limits,
    passwords: Vec<ArchivePassword>,
}

impl Decoder {
    /// Takes the limits for each item, and the passwords to try on encrypted archives.
    pub fn new(limits: Limits, passwords: Vec<ArchivePassword>) -> Self {
        Self { limits, passwords }
    }

    /// Hands every document of an item to a visitor. An item that cannot be opened is a problem too.
    pub fn item(&self, item: &Item, visitor: &mut dyn Visitor) -> Summary {
        match item.content() {
            Ok(content) => self.content(&item.name, content, item.size, visitor),
            Err(error) => {
                let what = What::Read { at: 0, error: stream::plain(&error) };
                visitor.problem(&Problem { path: name::shown_item(item.name.as_bytes()), what });
                Summary { problems: 1, ..Summary::default() }
            }
        }
    }

    /// Hands every document of some content to a visitor. `size` is that of the content in bytes, where known.
    pub fn content(&self, name: &str, content: Content<'_>, size: Option<u64>, visitor: &mut dyn Visitor) -> Summary {
        let budget = Rc::new(Budget::new(self.limits, size));
        let path = name::shown_item(name.as_bytes());
        let mut walk = walk::Walk::new(self, Rc::clone(&budget), visitor);
        let place = walk::Place { path: &path, depth: 0, size };
        let flow = match content {
            Content::Stream(inner) => walk.stream(&mut Stream::new(Metered::new(inner, &budget), size), place),
            Content::Seekable(inner) => walk.seekable(&mut Metered::new(inner, &budget), place),
        };
        walk.finish(&path, flow.is_break())
    }
}
