//! Zip archives: by their directory where the file can seek, else entry by entry.
//!
//! Of an archive only one header is held at a time, so that one of a million entries takes no memory, and one
//! that lost its end is still read.

mod cipher;
mod content;
mod header;

use super::layer::Layer;
use super::magic::Format;
use super::problem::What;
use super::stream::{Metered, Stream};
use super::walk::{Go, Place, Walk, read_up_to};
use cipher::{Locked, Packed};
use content::{Checked, Outcome};
use header::{Bad, Entry};
use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Hands out what is in an archive that can seek.
pub(super) fn seekable<R: Read + Seek>(walk: &mut Walk<'_>, file: &mut Metered<R>, place: Place<'_>) -> Go {
    let directory = match header::directory(file) {
        Ok(Some(directory)) => directory,
        Ok(None) => {
            // Lost with the end, like all names in it; the entries themselves are still there.
            if file.seek(SeekFrom::Start(0)).is_err() {
                walk.settle(place.path);
                return Go::Continue(());
            }
            return stream(walk, &mut Stream::new(file, place.size), place);
        }
        Err(error) => {
            let why = super::stream::plain(&error);
            walk.settle_or(place.path, What::Damaged { format: Format::Zip, after: 0, why });
            return Go::Continue(());
        }
    };
    if directory.split {
        walk.report(place.path, SPLIT);
        return Go::Continue(());
    }
    let file = RefCell::new(file);
    let mut entries =
        Stream::new(Part { file: &file, start: directory.at, left: directory.bytes }, Some(directory.bytes));
    let mut seen = 0;
    while !walk.budget.is_over() {
        let entry = match header::central(&mut entries, walk.limits().name_bytes) {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(bad) => {
                let at = directory.at + entries.taken();
                walk.broken(place.path, &entries, bad.named(at));
                return Go::Continue(());
            }
        };
        seen += 1;
        let at = entry.offset.saturating_add(directory.shift);
        let mut data = Stream::new(
            Part { file: &file, start: at, left: u64::MAX - at },
            entry.packed.map(|size| size.saturating_add(64)),
        );
        let go = match header::local(&mut data, walk.limits().name_bytes) {
            Ok(_) => one(walk, &mut data, &entry, place).0,
            Err(bad) => {
                if let Some(path) = walk.entry(place.path, &entry.name, entry.name_length) {
                    walk.broken(&path, &data, bad.named(at));
                }
                Go::Continue(())
            }
        };
        go?;
    }
    // The count is kept in 16 bits where it stands in the short record.
    if !walk.budget.is_over() && seen % 65_536 != directory.entries % 65_536 {
        let why = format!("its directory has {seen} entries and says {}", directory.entries);
        walk.settle_or(place.path, What::Damaged { format: Format::Zip, after: directory.at, why });
    }
    Go::Continue(())
}

/// Hands out what is in an archive that comes as a stream.
pub(super) fn stream(walk: &mut Walk<'_>, stream: &mut Stream<'_>, place: Place<'_>) -> Go {
    let start = stream.taken();
    if stream.peek(4) == header::DESCRIPTOR {
        // The mark of an archive in parts; one that came to a single part has it too.
        stream.skip(4);
        if stream.peek(4) != header::LOCAL {
            walk.report(place.path, SPLIT);
            return Go::Continue(());
        }
    }
    while !walk.budget.is_over() {
        let at = stream.taken() - start;
        let head: Option<[u8; 4]> = stream.peek(4).try_into().ok();
        let go = match head {
            Some(header::LOCAL) => match header::local(stream, walk.limits().name_bytes) {
                Ok(entry) => match one(walk, stream, &entry, place) {
                    (go, After::Next) => go,
                    (go, After::Lost) => {
                        go?;
                        walk.settle(place.path);
                        return Go::Continue(());
                    }
                },
                Err(bad) => {
                    walk.broken(place.path, stream, bad.named(at));
                    return Go::Continue(());
                }
            },
            // The directory of what was read already, and then the end.
            Some(header::CENTRAL | header::END | header::END64) => {
                end(walk, stream, place, at);
                return Go::Continue(());
            }
            None => {
                walk.broken(place.path, stream, What::EndsEarly { format: Format::Zip, after: at });
                return Go::Continue(());
            }
            Some(_) => {
                let why = "no header of an entry where one must stand".to_owned();
                walk.settle_or(place.path, What::Damaged { format: Format::Zip, after: at, why });
                return Go::Continue(());
            }
        };
        go?;
    }
    Go::Continue(())
}

/// Reads the directory behind the entries, only to see that it is whole.
fn end(walk: &mut Walk<'_>, stream: &mut Stream<'_>, place: Place<'_>, mut at: u64) {
    let limit = walk.limits().name_bytes;
    let bad = loop {
        let before = stream.taken();
        match header::central(stream, limit) {
            Ok(Some(_)) => at += stream.taken() - before,
            Ok(None) => break None,
            Err(bad) => break Some(bad),
        }
    };
    match bad {
        Some(bad) => walk.broken(place.path, stream, bad.named(at)),
        None if !header::end(stream) => {
            walk.broken(place.path, stream, What::EndsEarly { format: Format::Zip, after: at });
        }
        None => {
            stream.drain();
            walk.settle(place.path);
        }
    }
}

const SPLIT: What = What::Refused {
    kind: "zip archive in several parts",
    advice: "put the parts together with `zip -s 0 FIRST --out WHOLE` and give that",
};

impl Bad {
    fn named(self, after: u64) -> What {
        match self {
            Self::Short => What::EndsEarly { format: Format::Zip, after },
            Self::Wrong(why) => What::Damaged { format: Format::Zip, after, why: why.to_owned() },
        }
    }
}

/// Where a stream stands behind an entry.
enum After {
    /// At the next header.
    Next,
    /// Anywhere: the entry's end was not found.
    Lost,
}

/// Hands one entry out; `stream` stands behind its local header.
fn one(walk: &mut Walk<'_>, stream: &mut Stream<'_>, entry: &Entry, place: Place<'_>) -> (Go, After) {
    let on = |after| (Go::Continue(()), after);
    let path = walk.entry(place.path, &entry.name, entry.name_length);
    let unread = match &path {
        None => true,
        Some(_) if entry.is_folder() && entry.packed.is_none_or(|size| size == 0) => {
            walk.folder();
            true
        }
        Some(path) if entry.is_link() => {
            walk.report(path, What::NotAFile { kind: "symbolic link" });
            true
        }
        Some(_) => false,
    };
    let path = path.unwrap_or_default();
    if unread {
        return on(pass_over(stream, entry));
    }
    let method = if entry.method == content::DEFLATE64 { "deflate64" } else { "stored with encryption" };
    let blind = entry.packed.is_none();
    if blind && (entry.method == content::DEFLATE64 || entry.method == content::STORED && entry.is_encrypted()) {
        walk.report(&path, What::NoSize { method });
        return on(After::Lost);
    }
    let start = stream.taken();
    let mut packed = match Packed::new(stream, entry, walk.passwords()) {
        Ok(packed) => packed,
        Err(locked) => {
            let what = locked.named(walk.passwords().len());
            walk.broken(&path, stream, what);
            let taken = stream.taken() - start;
            return on(match entry.packed {
                Some(size) => {
                    stream.skip(size.saturating_sub(taken));
                    if entry.has_descriptor() {
                        descriptor(stream, entry, &Outcome::default(), false);
                    }
                    After::Next
                }
                None => After::Lost,
            });
        }
    };
    let outcome = Rc::new(Outcome::default());
    let (mut go, mut readable, mut failed) = (Go::Continue(()), true, false);
    let (meter, start) = (packed.meter(), packed.meter().get());
    match content::decoder(&mut packed, entry, walk.limits().window_bytes) {
        Ok(Some(decoder)) => {
            let checked = Checked::new(decoder, entry, &outcome, &walk.budget);
            let layer = Layer::new(checked, Format::Zip, &walk.budget, meter, start);
            let mut content = Stream::new(layer, entry.size);
            go = walk.stream(&mut content, Place { path: &path, depth: place.depth + 1, size: entry.size });
            failed = content.has_failed();
            if blind && go.is_continue() {
                // Only the end of its content tells where the next entry starts.
                content.drain();
                walk.settle(&path);
            }
        }
        Ok(None) => {
            readable = false;
            walk.report(&path, What::Method { format: Format::Zip, method: content::method_name(entry.method) });
        }
        Err(error) => {
            readable = false;
            let failing = Layer::new(Failing(Some(error)), Format::Zip, &walk.budget, meter, start);
            let mut content = Stream::new(failing, Some(0));
            content.drain();
            walk.settle(&path);
        }
    }
    let whole = readable && outcome.ended.get();
    match packed.finish(whole) {
        Some(true) => {}
        Some(false) => {
            let why = "its authentication code does not match".to_owned();
            walk.report(&path, What::Damaged { format: Format::Zip, after: outcome.size.get(), why });
        }
        None => {
            // The end was told already where the content ran into it.
            if !failed && go.is_continue() {
                walk.broken(&path, stream, What::EndsEarly { format: Format::Zip, after: outcome.size.get() });
            }
            return (go, After::Lost);
        }
    }
    if go.is_break() || blind && !whole {
        return (go, After::Lost);
    }
    if entry.has_descriptor() && !descriptor(stream, entry, &outcome, whole) {
        let why = "what stands behind it says another size or checksum".to_owned();
        walk.broken(&path, stream, What::Damaged { format: Format::Zip, after: outcome.size.get(), why });
        return (go, After::Lost);
    }
    (go, After::Next)
}

/// Passes over an entry that is not read.
fn pass_over(stream: &mut Stream<'_>, entry: &Entry) -> After {
    match entry.packed {
        Some(size) => {
            stream.skip(size);
            if entry.has_descriptor() {
                descriptor(stream, entry, &Outcome::default(), false);
            }
            After::Next
        }
        // A folder has no bytes, whatever its descriptor says.
        None if entry.is_folder() => {
            descriptor(stream, entry, &Outcome::default(), false);
            After::Next
        }
        None => After::Lost,
    }
}

/// Takes the record behind an entry, where there is one, and compares it with what came out.
fn descriptor(stream: &mut Stream<'_>, entry: &Entry, outcome: &Outcome, whole: bool) -> bool {
    let marked = stream.peek(4) == header::DESCRIPTOR;
    let before = if marked { 4 } else { 0 };
    let head: Vec<u8> = stream.peek(before + 24)[..].to_vec();
    let number = |at: usize| {
        head.get(before + at..before + at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    // Sizes have eight bytes where the entry says so, or where only that leads to a next header.
    let next = |at: usize| head.get(before + at..before + at + 2) == Some(b"PK");
    let wide = entry.zip64 && !next(12) || next(20) && !next(12);
    let (length, size_at) = if wide { (20, 12) } else { (12, 8) };
    let Some((crc, size)) = number(0).zip(number(size_at)) else { return false };
    if !marked && entry.packed.is_some() && !next(length) {
        // Known sizes, and nothing behind: some writers set the flag and leave the record out.
        return true;
    }
    stream.skip((before + length) as u64);
    let keeps_crc = entry.aes.is_none_or(|aes| aes.version == 1);
    !whole || size == outcome.size.get() as u32 && (!keeps_crc || crc == outcome.crc.get())
}

impl Locked {
    fn named(self, tried: usize) -> What {
        match self {
            Self::NoPassword(method) => What::PasswordNeeded { method },
            Self::WrongPassword(method) => What::WrongPassword { method, tried },
            Self::Unknown(method) => What::Method { format: Format::Zip, method: method.to_owned() },
            Self::Short => What::EndsEarly { format: Format::Zip, after: 0 },
        }
    }
}

/// Gives one error, so that it gets its name on the usual way.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A part of a file that others read too.
struct Part<'f, 'r, R> {
    file: &'f RefCell<&'r mut Metered<R>>,
    /// Where the next byte is.
    start: u64,
    left: u64,
}

impl<R: Read + Seek> Read for Part<'_, '_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = (into.len() as u64).min(self.left) as usize;
        let mut file = self.file.borrow_mut();
        match file.seek(SeekFrom::Start(self.start)) {
            // No file is so long: there is nothing at this place.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(0),
            sought => sought?,
        };
        let count = read_up_to(&mut **file, &mut into[..most])?;
        self.start += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
