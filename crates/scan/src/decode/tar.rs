//! tar archives, as a stream.

use super::limits::Budget;
use super::magic::{Format, is_tar};
use super::problem::What;
use super::stream::Stream;
use super::walk::{Go, Place, Walk};
use std::io::Read;
use std::rc::Rc;

const BLOCK: u64 = 512;

/// What earlier headers say about the next entry.
#[derive(Default)]
struct Ahead {
    /// Its name, and how long that is; longer ones than the limit are cut.
    name: Option<(Vec<u8>, u64)>,
    size: Option<u64>,
    sparse: bool,
}

/// Hands out what is in a tar archive.
pub(super) fn archive(walk: &mut Walk<'_>, stream: &mut Stream<'_>, place: Place<'_>) -> Go {
    let start = stream.taken();
    let mut ahead = Ahead::default();
    let mut ended = false;
    while !walk.budget.is_over() {
        let at = stream.taken() - start;
        let head = stream.peek(BLOCK as usize);
        if head.len() < BLOCK as usize {
            let nothing = head.iter().all(|byte| *byte == 0);
            if stream.has_failed() || !ended || !nothing {
                walk.broken(place.path, stream, What::EndsEarly { format: Format::Tar, after: at });
            }
            return Go::Continue(());
        }
        if head.iter().all(|byte| *byte == 0) {
            // Two of these end an archive; behind them another one may stand.
            ended = true;
            stream.consume_block();
            continue;
        }
        if !is_tar(head) {
            let what = if ended {
                What::TrailingData { format: Format::Tar, at }
            } else {
                let why = "no header where one must stand".to_owned();
                What::Damaged { format: Format::Tar, after: at, why }
            };
            walk.broken(place.path, stream, what);
            return Go::Continue(());
        }
        ended = false;
        let header: [u8; BLOCK as usize] = head.try_into().expect("a whole block");
        stream.consume_block();
        let Some(size) = number(&header[124..136]) else {
            let why = "the size of an entry is no number".to_owned();
            walk.report(place.path, What::Damaged { format: Format::Tar, after: at, why });
            return Go::Continue(());
        };
        match header[156] {
            b'L' => ahead.name = long_name(walk, stream, size),
            b'x' | b'X' => pax(walk, stream, size, &mut ahead),
            // Targets of links, and what holds for all entries: times and owners, and no names.
            b'K' | b'g' => skip_padded(stream, size, size),
            _ => {
                let entry = std::mem::take(&mut ahead);
                if entry_at(walk, stream, place, &header, entry, size).is_break() {
                    return Go::Break(());
                }
            }
        }
    }
    Go::Continue(())
}

impl Stream<'_> {
    fn consume_block(&mut self) {
        self.skip(BLOCK);
    }
}

/// Hands one entry out, and passes over what is left of it.
fn entry_at(
    walk: &mut Walk<'_>,
    stream: &mut Stream<'_>,
    place: Place<'_>,
    header: &[u8; BLOCK as usize],
    ahead: Ahead,
    size: u64,
) -> Go {
    let size = ahead.size.unwrap_or(size);
    let (name, length) = ahead.name.unwrap_or_else(|| {
        let name = short_name(header);
        let length = name.len() as u64;
        (name, length)
    });
    let kind = match header[156] {
        _ if ahead.sparse => Some("sparse file"),
        // The oldest archives mark a folder by its name alone.
        0 | b'0' | b'7' if name.ends_with(b"/") => None,
        0 | b'0' | b'7' => Some(""),
        b'5' | b'D' => None,
        b'1' => Some("hard link: its content stands in the archive under another name"),
        b'2' => Some("symbolic link"),
        b'3' => Some("character device"),
        b'4' => Some("block device"),
        b'6' => Some("named pipe"),
        b'S' => Some("sparse file"),
        b'M' => Some("continuation of a file from another volume"),
        b'V' => Some("label of a volume"),
        _ => Some("entry of unknown kind"),
    };
    // Links and the like have no bytes, whatever their size says. A sparse file in GNU's form has.
    let stored = if matches!(header[156], b'1'..=b'6') { 0 } else { size };
    let Some(path) = walk.entry(place.path, &name, length) else {
        skip_padded(stream, stored, stored);
        return Go::Continue(());
    };
    let Some(kind) = kind else {
        walk.folder();
        skip_padded(stream, stored, stored);
        return Go::Continue(());
    };
    if !kind.is_empty() {
        if header[156] == b'S' && header[482] != 0 {
            skip_sparse_maps(stream);
        }
        walk.report(&path, What::NotAFile { kind });
        skip_padded(stream, stored, stored);
        return Go::Continue(());
    }
    let end = stream.taken() + stored;
    let budget = Rc::clone(&walk.budget);
    let go = {
        let window = Entry { stream, left: stored, budget };
        let mut content = Stream::new(window, Some(stored));
        walk.stream(&mut content, Place { path: &path, depth: place.depth + 1, size: Some(stored) })
    };
    go?;
    skip_padded(stream, end.saturating_sub(stream.taken()), stored);
    Go::Continue(())
}

/// The content of one entry. It fails where the archive ends before it does.
struct Entry<'s, 'a> {
    stream: &'s mut Stream<'a>,
    left: u64,
    budget: Rc<Budget>,
}

impl Read for Entry<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = (into.len() as u64).min(self.left) as usize;
        if most == 0 {
            return Ok(0);
        }
        let count = self.stream.read(&mut into[..most])?;
        if count == 0 {
            let after = self.stream.taken();
            return Err(self.budget.fail(What::EndsEarly { format: Format::Tar, after }));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Passes over what is left of an entry of `size` bytes, and what fills its last block.
fn skip_padded(stream: &mut Stream<'_>, left: u64, size: u64) {
    stream.skip(left.saturating_add((BLOCK - size % BLOCK) % BLOCK));
}

/// GNU's sparse files may have more blocks of their map behind the header.
fn skip_sparse_maps(stream: &mut Stream<'_>) {
    while let Some(block) = stream.take_array::<{ BLOCK as usize }>() {
        if block[504] == 0 {
            break;
        }
    }
}

/// Reads a name that stands as an entry of its own, up to the limit.
fn long_name(walk: &Walk<'_>, stream: &mut Stream<'_>, size: u64) -> Option<(Vec<u8>, u64)> {
    let kept = size.min(walk.limits().name_bytes as u64 + 1);
    let name = stream.take_vec(kept as usize);
    skip_padded(stream, size - kept, size);
    let name = name.map(|mut name| {
        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
        name
    });
    name.map(|name| {
        let length = if kept < size { size } else { name.len() as u64 };
        (name, length)
    })
}

/// Reads pax records, `LENGTH KEY=VALUE\n`, as far as they matter here.
fn pax(walk: &Walk<'_>, stream: &mut Stream<'_>, size: u64, ahead: &mut Ahead) {
    let end = stream.taken().saturating_add(size);
    while stream.taken() < end {
        let left = end - stream.taken();
        let head = stream.peek(left.min(20) as usize);
        let Some(blank) = head.iter().position(|byte| *byte == b' ') else { break };
        let digits = std::str::from_utf8(&head[..blank]).ok().and_then(|digits| digits.parse::<u64>().ok());
        let Some(length) = digits.filter(|length| (blank as u64 + 2..=left).contains(length)) else { break };
        stream.skip(blank as u64 + 1);
        let length = length - blank as u64 - 1;
        let kept = length.min(walk.limits().name_bytes as u64 + 64);
        let Some(record) = stream.take_vec(kept as usize) else { break };
        stream.skip(length - kept);
        let record = record.strip_suffix(b"\n").unwrap_or(&record);
        let Some(equals) = record.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => ahead.name = Some((value.to_vec(), if kept < length { length } else { value.len() as u64 })),
            b"size" => ahead.size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()),
            key if key.starts_with(b"GNU.sparse.") => ahead.sparse = true,
            _ => {}
        }
    }
    // Records that cannot be read are passed over: the entry's own header still names it.
    let left = end.saturating_sub(stream.taken());
    skip_padded(stream, left, size);
}

/// The name in a header, with the prefix that ustar keeps apart.
fn short_name(header: &[u8; BLOCK as usize]) -> Vec<u8> {
    let text = |field: &[u8]| field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())].to_vec();
    let name = text(&header[..100]);
    let prefix = if header[257..263] == *b"ustar\0" { text(&header[345..500]) } else { Vec::new() };
    if prefix.is_empty() { name } else { [prefix, name].join(&b'/') }
}

/// A number in octal, or in GNU's form for large ones: base 256 behind a set bit.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        let negative_or_huge = high[0] != 0x80 || high[1..].iter().any(|byte| *byte != 0);
        let value = u64::from_be_bytes(low.try_into().ok()?);
        return (!negative_or_huge && i64::try_from(value).is_ok()).then_some(value);
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}
