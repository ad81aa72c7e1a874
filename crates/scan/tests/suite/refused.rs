//! What is not read ends in words that say what to do.

use super::*;
use pack::Entry;

#[test]
fn forms_that_are_not_read_are_named() {
    let mut iso = vec![0; 40_000];
    iso[0x8001..0x8006].copy_from_slice(b"CD001");
    let mut windows = b"MZ\x90\0\x03\0".to_vec();
    windows.resize(512, 0);
    let cases: &[(&[u8], &str)] = &[
        (b"Rar!\x1a\x07\x01\0..", "RAR archive"),
        (b"Rar!\x1a\x07\0..", "RAR archive"),
        (b"MSCF\0\0\0\0..", "CAB archive"),
        (b"\x60\xea\x2c\0\x22\x0b\x01..", "ARJ archive"),
        (&iso, "ISO image of a disk"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "JPEG image"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"%PDF-1.7\n", "PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..", "Microsoft Office document in its old form"),
        (&pack::zip(&[Entry::deflated(b"[Content_Types].xml", b"<x/>")]), "Microsoft Office document"),
        (b"\x7fELF\x02", "executable (ELF)"),
        (&windows, "executable (Windows or DOS)"),
        (b"SQLite format 3\0", "SQLite database"),
        (b"PGDMP\x01", "PostgreSQL dump in its custom form"),
        (&fixture("legacy.lz4"), "lz4 stream in its legacy form"),
        (b"PK\x07\x08....", "zip archive in several parts"),
    ];
    for (bytes, expected) in cases {
        for outcome in [from_file(&plain(), bytes), from_pipe(&plain(), bytes)] {
            assert!(outcome.documents.is_empty(), "{expected}");
            match outcome.problem() {
                What::Refused { kind, advice } => assert_eq!((*kind, advice.is_empty()), (*expected, false)),
                other => panic!("{expected}: {other}"),
            }
        }
    }
    let outcome = from_file(&plain(), &pack::zip(&[Entry::stored(b"a.rar", b"Rar!\x1a\x07\x01\0")]));
    let expected = "x!a.rar: RAR archive: not read; unpack it with its own tool and give the folder";
    assert_eq!(outcome.problems(), [expected]);
}

#[test]
fn encrypted_archives_say_which_password_they_lack() {
    for name in ["zipcrypto.zip", "piped-zipcrypto.zip", "aes128.zip", "aes256.zip", "content.7z", "names.7z"] {
        for read in [from_file, from_pipe] {
            let none = read(&plain(), &fixture(name));
            assert!(matches!(none.problem(), What::PasswordNeeded { .. }), "{name}: {:?}", none.problems());
            let wrong = read(&with_passwords(&["wrong", "again"]), &fixture(name));
            assert!(matches!(wrong.problem(), What::WrongPassword { tried: 2, .. }), "{name}: {:?}", wrong.problems());
            assert!(none.documents.is_empty() && wrong.documents.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_changed_byte_of_an_aes_entry_is_noticed() {
    let mut archive = fixture("aes256.zip");
    // The last byte of its authentication code, before the directory.
    let at = archive.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    archive[at - 1] ^= 1;
    let outcome = from_file(&with_passwords(&["example"]), &archive);
    assert_eq!(outcome.documents[0].1, list());
    assert!(outcome.problem().to_string().contains("authentication code"), "{:?}", outcome.problems());
}

#[test]
fn unknown_methods_are_named() {
    let zip = from_file(&plain(), &fixture("ppmd.zip"));
    assert_eq!(zip.problems(), ["x!list.txt: zip with PPMd, which is not read; pack it again with deflate"]);
    let seven = from_file(&plain(), &fixture("ppmd.7z"));
    assert!(matches!(seven.problem(), What::Method { .. }), "{:?}", seven.problems());
    let strange = Entry { name: b"a", method: 77, packed: b"x".to_vec(), content: b"x" };
    let outcome = from_pipe(&plain(), &pack::zip(&[strange, Entry::stored(b"b", b"b")]));
    assert_eq!(outcome.problems(), ["x!a: zip with method 77, which is not read; pack it again with deflate"]);
    assert_eq!(outcome.paths(), ["x!b"], "what stands behind is read");
}

#[test]
fn links_devices_and_sparse_files_are_told() {
    let outcome = from_file(&plain(), &fixture("links.tar.gz"));
    assert_eq!(outcome.paths(), ["x!list.txt"]);
    let told = outcome.problems().join("\n");
    for name in ["x!link: symbolic link", "x!hard: hard link", "x!pipe: named pipe"] {
        assert!(told.contains(name), "{told}");
    }
    for name in ["gnu-sparse.tar.gz", "pax-sparse.tar.gz"] {
        let outcome = from_file(&plain(), &fixture(name));
        assert!(matches!(outcome.problem(), What::NotAFile { kind: "sparse file" }), "{:?}", outcome.problems());
        assert_eq!(outcome.only_behind(), list(), "{name}");
    }
}

impl Outcome {
    fn only_behind(&self) -> &[u8] {
        assert_eq!(self.paths(), ["x!list.txt"]);
        &self.documents[0].1
    }
}

#[test]
fn names_do_nothing() {
    let names: &[(&[u8], &str)] = &[
        (b"../../etc/passwd", r"x!\x2e\x2e/\x2e\x2e/etc/passwd"),
        (b"/etc/shadow", r"x!\x2fetc/shadow"),
        (b"C:\\windows\\a", r"x!C\x3a\windows\a"),
        (b"a\x1b]0;b\x07\n", r"x!a\u{1b}]0;b\u{7}\u{a}"),
        (b"\xff\xfe", r"x!\xff\xfe"),
    ];
    for (name, shown) in names {
        let zip = pack::zip(&[Entry::stored(name, b"text\n")]);
        let tar = pack::tar(&[(name, b'0', b"text\n")]);
        for archive in [zip, tar] {
            assert_eq!(from_file(&plain(), &archive).paths(), [*shown]);
        }
    }
}
