//! What bytes are, by their first ones. Names say nothing: `pass.txt` may be a zip archive.

/// A compression or an archive that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard frames, RFC 8878.
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// LZ4 frames.
    Lz4,
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A 7z archive.
    SevenZip,
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::SevenZip => "7z",
        })
    }
}

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A layer that is taken off.
    Layer(Format),
    /// A form that is recognised and not read.
    Refused { kind: &'static str, advice: &'static str },
    /// Anything else: text, as far as this module is concerned.
    Document,
}

/// How many bytes tell everything but a disk image.
pub(super) const HEAD: usize = 512;
/// How many bytes tell a disk image, which starts with nothing.
pub(super) const IMAGE_HEAD: usize = 0x8001 + 5;

const UNPACK: &str = "unpack it with its own tool and give the folder";
const TEXT: &str = "export its text, as CSV for example, and give that";
const NO_TEXT: &str = "it holds no text";
const REPACK: &str = "unpack it, or pack it again as gzip, zstd, xz or zip";

/// Forms that are told by their first bytes alone.
const REFUSED: &[(&[u8], &str, &str)] = &[
    (b"Rar!\x1a\x07", "RAR archive", UNPACK),
    (b"MSCF\0\0\0\0", "CAB archive", UNPACK),
    (b"ISc(", "InstallShield CAB archive", UNPACK),
    (b"!<arch>\n", "ar archive or Debian package", UNPACK),
    (b"070701", "cpio archive", UNPACK),
    (b"xar!", "xar archive", UNPACK),
    (b"**ACE**", "ACE archive", UNPACK),
    (b"LZIP\x01", "lzip stream", REPACK),
    (b"\x1f\x9d", "compress (.Z) stream", REPACK),
    (b"\x02\x21\x4c\x18", "lz4 stream in its legacy form", REPACK),
    (b"%PDF-", "PDF document", TEXT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Microsoft Office document in its old form", TEXT),
    (b"{\\rtf1", "RTF document", TEXT),
    (b"!BDN", "Outlook mailbox (PST)", TEXT),
    (b"SQLite format 3\0", "SQLite database", "write it as text with `sqlite3 FILE .dump` and give that"),
    (b"PAR1", "Parquet file", TEXT),
    (b"ORC", "ORC file", TEXT),
    (b"Obj\x01", "Avro file", TEXT),
    (b"PGDMP", "PostgreSQL dump in its custom form", "write it as text with `pg_restore -f -` and give that"),
    (b"bplist00", "binary property list", TEXT),
    (b"\xff\xd8\xff", "JPEG image", NO_TEXT),
    (b"\x89PNG\r\n\x1a\n", "PNG image", NO_TEXT),
    (b"GIF87a", "GIF image", NO_TEXT),
    (b"GIF89a", "GIF image", NO_TEXT),
    (b"II*\0", "TIFF image", NO_TEXT),
    (b"MM\0*", "TIFF image", NO_TEXT),
    (b"OggS\0", "Ogg recording", NO_TEXT),
    (b"\x1a\x45\xdf\xa3", "Matroska recording", NO_TEXT),
    (b"\x7fELF", "executable (ELF)", NO_TEXT),
    (b"\xcf\xfa\xed\xfe", "executable (Mach-O)", NO_TEXT),
    (b"\xce\xfa\xed\xfe", "executable (Mach-O)", NO_TEXT),
    (b"\xca\xfe\xba\xbe", "executable (Java class or Mach-O)", NO_TEXT),
    (b"\0asm", "executable (WebAssembly)", NO_TEXT),
];

/// Tells what a stream is from its first bytes: [`HEAD`] of them, or all where it is shorter.
pub(super) fn kind(head: &[u8]) -> Kind {
    if let Some(format) = compression(head) {
        return Kind::Layer(format);
    }
    if head.starts_with(b"7z\xbc\xaf\x27\x1c") {
        return Kind::Layer(Format::SevenZip);
    }
    if is_zip(head) {
        return office(head).unwrap_or(Kind::Layer(Format::Zip));
    }
    if is_tar(head) {
        return Kind::Layer(Format::Tar);
    }
    for (magic, kind, advice) in REFUSED {
        // Letters could start a line of text; with a zero byte behind them they do not.
        let letters = magic.len() < 5 && magic.iter().all(u8::is_ascii_graphic);
        if head.starts_with(magic) && (!letters || head.contains(&0)) {
            return Kind::Refused { kind, advice };
        }
    }
    loose(head)
}

/// Tells a disk image, given [`IMAGE_HEAD`] bytes.
pub(super) fn image(head: &[u8]) -> Option<Kind> {
    let found = head.get(0x8001..0x8006) == Some(b"CD001");
    found.then_some(Kind::Refused { kind: "ISO image of a disk", advice: UNPACK })
}

/// Whether a stream could be a disk image: those start with 32 KiB for a boot loader, empty in most.
pub(super) fn could_be_image(head: &[u8]) -> bool {
    head.len() == HEAD && head[..16].iter().all(|byte| *byte == 0)
}

/// Tells a compression.
pub(super) fn compression(head: &[u8]) -> Option<Format> {
    match head {
        [0x1f, 0x8b, 8, ..] => Some(Format::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Format::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Format::Lz4),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
        // Behind the letters stands the first digits of pi for a block, of its root for an empty stream.
        [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..] => {
            let block = rest.starts_with(&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59]);
            let end = rest.starts_with(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]);
            (block || end).then_some(Format::Bzip2)
        }
        _ => None,
    }
}

/// A file header, the end of an empty archive, or the mark of one in parts.
fn is_zip(head: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| head.starts_with(*magic))
}

/// Office documents are zip archives of XML: as text they would be a silent zero. Their first entry tells.
fn office(head: &[u8]) -> Option<Kind> {
    let name = head.get(30..)?;
    if name.starts_with(b"[Content_Types].xml") {
        return Some(Kind::Refused { kind: "Microsoft Office document", advice: TEXT });
    }
    if name.starts_with(b"mimetypeapplication/vnd.oasis.opendocument") {
        return Some(Kind::Refused { kind: "OpenDocument document", advice: TEXT });
    }
    if name.starts_with(b"mimetypeapplication/epub") {
        return Some(Kind::Refused { kind: "EPUB document", advice: TEXT });
    }
    None
}

/// A tar header is known by its checksum, which the oldest ones have too.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.get(..512) else { return false };
    if header[0] == 0 {
        // Only a `ustar` header may keep all of its name elsewhere.
        return header[257..262] == *b"ustar" && tar_checksum_holds(header);
    }
    tar_checksum_holds(header)
}

fn tar_checksum_holds(header: &[u8]) -> bool {
    let mut stored: u32 = 0;
    let mut digits = 0;
    for byte in header[148..156].iter().skip_while(|byte| **byte == b' ') {
        match byte {
            b'0'..=b'7' => (stored, digits) = ((stored << 3) + u32::from(byte - b'0'), digits + 1),
            0 | b' ' => break,
            _ => return false,
        }
    }
    let (unsigned, signed) = header.iter().enumerate().fold((0_u32, 0_i32), |(unsigned, signed), (at, byte)| {
        let byte = if (148..156).contains(&at) { b' ' } else { *byte };
        (unsigned + u32::from(byte), signed + i32::from(byte.cast_signed()))
    });
    // Some writers summed the bytes as signed ones.
    digits > 0 && (stored == unsigned || i64::from(stored) == i64::from(signed))
}

/// Forms whose first bytes could be text: more than those must fit.
fn loose(head: &[u8]) -> Kind {
    let word =
        |at: usize| head.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let refused = |kind, advice| Kind::Refused { kind, advice };
    let arj_size = head.get(2..4).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let arj_first = head.get(4).copied().map_or(0, u16::from);
    match head {
        [0x60, 0xea, ..] if (arj_first..=2600).contains(&arj_size) && (30..128).contains(&arj_first) => {
            refused("ARJ archive", UNPACK)
        }
        [b'B', b'M', ..] if word(6) == Some(0) && matches!(word(14), Some(12 | 40 | 52 | 56 | 64 | 108 | 124)) => {
            refused("BMP image", NO_TEXT)
        }
        [b'M', b'Z', ..] if head.len() >= 64 && head[..64].contains(&0) => {
            refused("executable (Windows or DOS)", "if it unpacks itself, unpack it and give the folder")
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] if form.starts_with(b"WEBP") => refused("WebP image", NO_TEXT),
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] if form.starts_with(b"WAVE") || form.starts_with(b"AVI ") => {
            refused("recording", NO_TEXT)
        }
        [0, 0, 0, _, b'f', b't', b'y', b'p', ..] => refused("MP4 or HEIC recording", NO_TEXT),
        [b'I', b'D', b'3', 2..=4, 0, ..] => refused("MP3 recording", NO_TEXT),
        [0x5d, 0, 0, ..] if head.len() > 13 && (head[5..13] == [0xff; 8] || head[10..13] == [0; 3]) => {
            refused("lzma stream in its old form", REPACK)
        }
        [_, _, b'-', b'l', b'h', b'0'..=b'7', b'-', ..] => refused("LHA archive", UNPACK),
        _ => Kind::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_text_are_no_binaries() {
        let texts: &[&[u8]] = &[
            b"BMW@mail.test:x\nsecond line of a list that is longer than a header",
            b"MZ@mail.test:secret1\nand so on for more than sixty-four characters, without any zero",
            b"BZh9@mail.test:1",
            b"ORC@mail.test:elf",
            b"PK@mail.test:x",
            b"ID3@mail.test:x",
            b"RIFFRAFF@mail.test:x",
            b"7z@mail.test:x",
            b"PAR1@mail.test:x",
            b"",
            b"\n",
        ];
        for text in texts {
            assert_eq!(kind(text), Kind::Document, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
