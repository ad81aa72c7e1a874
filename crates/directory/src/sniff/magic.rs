//! Files that are known by their first bytes, and none of ours.

const ARCHIVE: &str = "unpack it first; its name is not looked at";

/// First bytes, what they are, and what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (b"\xFF\xD8\xFF", "a JPEG picture", "it begins with the mark of JPEG"),
    (b"\x89PNG", "a PNG picture", "it begins with the mark of PNG"),
    (b"GIF8", "a GIF picture", "it begins with the mark of GIF"),
    (b"%PDF-", "a PDF document", "it begins with the mark of PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document", "unpack it, or save the table as CSV"),
    (b"PK\x05\x06", "an empty ZIP archive", "it begins with the mark of ZIP"),
    (b"\x1F\x8B", "a gzip archive", ARCHIVE),
    (b"BZh", "a bzip2 archive", ARCHIVE),
    (b"\xFD7zXZ\0", "an xz archive", ARCHIVE),
    (b"\x28\xB5\x2F\xFD", "a Zstandard archive", ARCHIVE),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", ARCHIVE),
    (b"Rar!\x1A\x07", "a RAR archive", ARCHIVE),
    (b"SQLite format 3\0", "an SQLite database", "write the table of users as CSV with its header"),
    (b"regf", "a hive of the Windows registry", "secretsdump makes a readable dump of it"),
    (b"\x7FELF", "a program", "it begins with the mark of ELF"),
    (b"MZ", "a Windows program", "it begins with the mark of one"),
    (b"\xD0\xCF\x11\xE0", "an old Office document", "save the table as CSV"),
    (b"PGDMP", "a dump of PostgreSQL in its own form", "write the table of users with `\\copy .. csv header`"),
    (b"-----BEGIN PGP", "a PGP message", "decrypt it first"),
    (b"\x03\xD9\xA2\x9A", "a KeePass database", "it holds one person's passwords, no directory"),
];

pub(super) fn look(prefix: &[u8]) -> Option<(&'static str, &'static str)> {
    if let Some((_, looks_like, why)) = KNOWN.iter().find(|(mark, ..)| prefix.starts_with(mark)) {
        // `MZ` are two letters that a text may begin with.
        let text = prefix.starts_with(b"MZ") && !prefix[..prefix.len().min(64)].contains(&0);
        return (!text).then_some((*looks_like, *why));
    }
    if prefix.get(4..8) == Some(b"\xEF\xCD\xAB\x89") {
        return Some((
            "an Active Directory database (ntds.dit)",
            "secretsdump or DSInternals make a readable dump of it",
        ));
    }
    (prefix.get(257..262) == Some(b"ustar")).then_some(("a tar archive", ARCHIVE))
}
