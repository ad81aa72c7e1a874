//! Headers of zip archives.

use super::super::stream::Stream;
use super::super::walk::read_up_to;
use std::io::{self, Read, Seek, SeekFrom};

pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(super) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";
pub(super) const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
pub(super) const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

const ENCRYPTED: u16 = 1;
const SIZE_BEHIND: u16 = 1 << 3;
const STRONG: u16 = 1 << 6;

/// What a header says of an entry.
pub(super) struct Entry {
    /// Up to one byte over the limit of names.
    pub name: Vec<u8>,
    pub name_length: u64,
    pub flags: u16,
    /// The way of compression; of an AES entry, that behind the encryption.
    pub method: u16,
    pub time: u16,
    pub crc: u32,
    /// Sizes in bytes; unknown where they stand behind the entry.
    pub packed: Option<u64>,
    pub size: Option<u64>,
    pub aes: Option<Aes>,
    /// Sizes behind the entry have eight bytes each.
    pub zip64: bool,
    /// The upper half is the Unix mode. Only a directory of entries has it.
    pub attributes: u32,
    /// Where the local header is, as the directory of entries says.
    pub offset: u64,
}

/// How an AES entry is encrypted.
#[derive(Clone, Copy)]
pub(super) struct Aes {
    /// 1 keeps the checksum of the content, 2 does not.
    pub version: u16,
    /// 1, 2 or 3: 128, 192 or 256 bits.
    pub strength: u8,
}

impl Entry {
    pub fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// PKWARE's own way, with certificates.
    pub fn is_strong(&self) -> bool {
        self.flags & STRONG != 0
    }

    pub fn has_descriptor(&self) -> bool {
        self.flags & SIZE_BEHIND != 0
    }

    pub fn is_folder(&self) -> bool {
        self.name.ends_with(b"/") || self.name.ends_with(b"\\") && self.size == Some(0)
    }

    pub fn is_link(&self) -> bool {
        self.attributes >> 16 & 0o170_000 == 0o120_000
    }
}

/// Why a header cannot be taken.
pub(super) enum Bad {
    Short,
    Wrong(&'static str),
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Takes the local header of an entry.
pub(super) fn local(stream: &mut Stream<'_>, name_limit: usize) -> Result<Entry, Bad> {
    let head: [u8; 30] = stream.take_array().ok_or(Bad::Short)?;
    if head[..4] != LOCAL {
        return Err(Bad::Wrong("no header of an entry where one must stand"));
    }
    let sizes = (u32_at(&head, 18), u32_at(&head, 22));
    let mut entry = entry(&head[6..], sizes, 0, 0);
    let lengths = (u16_at(&head, 26), u16_at(&head, 28));
    names(stream, &mut entry, lengths, sizes, name_limit)?;
    if entry.has_descriptor() && entry.packed == Some(0) {
        (entry.packed, entry.size) = (None, None);
    }
    Ok(entry)
}

/// Takes an entry of the directory; `None` where that ends.
pub(super) fn central(stream: &mut Stream<'_>, name_limit: usize) -> Result<Option<Entry>, Bad> {
    let head = stream.peek(46);
    if head.len() >= 4 && (head[..4] == END || head[..4] == END64) || head.is_empty() {
        return Ok(None);
    }
    let head: [u8; 46] = stream.take_array().ok_or(Bad::Short)?;
    if head[..4] != CENTRAL {
        return Err(Bad::Wrong("the directory of entries has something else in it"));
    }
    let sizes = (u32_at(&head, 20), u32_at(&head, 24));
    let mut entry = entry(&head[8..], sizes, u32_at(&head, 38), u32_at(&head, 42));
    let lengths = (u16_at(&head, 28), u16_at(&head, 30));
    names(stream, &mut entry, lengths, sizes, name_limit)?;
    let comment = u64::from(u16_at(&head, 32));
    if stream.skip(comment) < comment {
        return Err(Bad::Short);
    }
    Ok(Some(entry))
}

/// Reads what both headers have from the flags on.
fn entry(from_flags: &[u8], sizes: (u32, u32), attributes: u32, offset: u32) -> Entry {
    Entry {
        name: Vec::new(),
        name_length: 0,
        flags: u16_at(from_flags, 0),
        method: u16_at(from_flags, 2),
        time: u16_at(from_flags, 4),
        crc: u32_at(from_flags, 8),
        packed: Some(u64::from(sizes.0)),
        size: Some(u64::from(sizes.1)),
        aes: None,
        zip64: false,
        attributes,
        offset: u64::from(offset),
    }
}

/// Takes the name and the extra fields, which widen sizes and tell how an entry is encrypted.
fn names(
    stream: &mut Stream<'_>,
    entry: &mut Entry,
    lengths: (u16, u16),
    sizes: (u32, u32),
    limit: usize,
) -> Result<(), Bad> {
    entry.name_length = u64::from(lengths.0);
    let kept = usize::from(lengths.0).min(limit.saturating_add(1));
    entry.name = stream.take_vec(kept).ok_or(Bad::Short)?;
    stream.skip(entry.name_length - kept as u64);
    let extra = stream.take_vec(usize::from(lengths.1)).ok_or(Bad::Short)?;
    let mut rest = extra.as_slice();
    while rest.len() >= 4 {
        let (id, length) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        let Some(field) = rest.get(4..4 + length) else { break };
        rest = &rest[4 + length..];
        match id {
            1 => {
                entry.zip64 = true;
                let mut wide = field.chunks_exact(8).map(|bytes| u64_at(bytes, 0));
                // Only what did not fit stands here, in this order.
                if sizes.1 == u32::MAX {
                    entry.size = wide.next();
                }
                if sizes.0 == u32::MAX {
                    entry.packed = wide.next();
                }
                if entry.offset == u64::from(u32::MAX) {
                    entry.offset = wide.next().unwrap_or(entry.offset);
                }
            }
            0x9901 if length >= 7 && entry.method == 99 => {
                entry.aes = Some(Aes { version: u16_at(field, 0), strength: field[4] });
                entry.method = u16_at(field, 5);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes the records behind the directory; gives whether the last one is there and whole.
pub(super) fn end(stream: &mut Stream<'_>) -> bool {
    loop {
        let Ok(mark) = <[u8; 4]>::try_from(stream.peek(4)) else { return false };
        match mark {
            END64 => {
                let Some(head) = stream.take_array::<12>() else { return false };
                stream.skip(u64_at(&head, 4));
            }
            LOCATOR64 => {
                stream.skip(20);
            }
            END => {
                let Some(head) = stream.take_array::<22>() else { return false };
                let comment = u64::from(u16_at(&head, 20));
                return stream.skip(comment) == comment;
            }
            _ => return false,
        }
    }
}

/// Where the directory of entries is.
pub(super) struct Directory {
    pub at: u64,
    pub bytes: u64,
    pub entries: u64,
    /// What to add to the offsets in it: bytes that were put before the archive.
    pub shift: u64,
    /// Whether the archive is one part of several.
    pub split: bool,
}

/// Finds the directory from the end of a file. `None`: there is none, so the archive ends early.
pub(super) fn directory<R: Read + Seek>(file: &mut R) -> io::Result<Option<Directory>> {
    let length = file.seek(SeekFrom::End(0))?;
    // The last record ends with a comment of up to 64 KiB.
    let tail_at = length.saturating_sub(22 + 0xffff);
    file.seek(SeekFrom::Start(tail_at))?;
    let mut tail = vec![0; (length - tail_at) as usize];
    let count = read_up_to(file, &mut tail)?;
    tail.truncate(count);
    let fits = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(&END) && record.len() == 22 + usize::from(u16_at(record, 20))
    };
    let Some(at) = (0..=tail.len().saturating_sub(22)).rev().filter(|at| tail.len() >= at + 22).find(fits) else {
        return Ok(None);
    };
    let (record, end_at) = (&tail[at..], tail_at + at as u64);
    let mut found = Directory {
        entries: u64::from(u16_at(record, 10)),
        bytes: u64::from(u32_at(record, 12)),
        at: u64::from(u32_at(record, 16)),
        shift: 0,
        split: u16_at(record, 4) != u16_at(record, 6) || !matches!(u16_at(record, 4), 0 | 0xffff),
    };
    let mut directory_end = end_at;
    if let Some(locator_at) = at.checked_sub(20)
        && tail[locator_at..].starts_with(&LOCATOR64)
    {
        let wide_at = u64_at(&tail[locator_at..], 8);
        let mut wide = [0; 56];
        file.seek(SeekFrom::Start(wide_at.min(length)))?;
        if read_up_to(file, &mut wide)? == wide.len() && wide[..4] == END64 {
            found.entries = u64_at(&wide, 32);
            found.bytes = u64_at(&wide, 40);
            found.at = u64_at(&wide, 48);
            directory_end = wide_at;
        }
    }
    // The directory ends where the records about it begin; what it says of its place may be off by a prefix.
    let Some(real) = directory_end.checked_sub(found.bytes).filter(|real| *real >= found.at) else {
        return Ok(None);
    };
    found.shift = real - found.at;
    found.at = real;
    Ok(Some(found))
}
