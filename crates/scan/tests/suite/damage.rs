//! Damaged and truncated archives: what came before is given, and then a problem.

use super::*;
use pack::Entry;
use proptest::prelude::*;

/// Forms whose end or damage cannot hide, with the content of their documents.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let list = list();
    let names =
        ["list.txt.gz", "list.txt.zst", "list.txt.bz2", "list.txt.xz", "list.txt.lz4", "stored.zip", "bzip2.zip"];
    let more = ["aes256.zip", "zipcrypto.zip", "lzma.zip", "xz.zip", "piped.zip", "piped-stored.zip", "content.7z"];
    let mut samples: Vec<(&str, Vec<u8>)> = names.into_iter().chain(more).map(|name| (name, fixture(name))).collect();
    samples.push(("tar", pack::tar(&[(b"list.txt", b'0', &list)])));
    samples.push(("tar.gz", pack::gzip(&pack::tar(&[(b"list.txt", b'0', &list)]))));
    samples.push(("zip of gzip", pack::zip(&[Entry::deflated(b"list.txt", &pack::gzip(&list))])));
    samples
}

#[test]
fn wherever_an_archive_ends_early_its_start_is_given_and_a_problem_told() {
    let (decoder, list) = (with_passwords(&["example"]), list());
    for (name, whole) in samples() {
        // Recognisable at all: a tar needs its first header, bzip2 ten bytes.
        let first = if name == "tar" { 512 } else { 14 };
        let step = (whole.len() / 150).max(1);
        for length in (first..whole.len()).step_by(step) {
            for (way, read) in [("file", from_file as fn(&Decoder, &[u8]) -> Outcome), ("pipe", from_pipe)] {
                let outcome = read(&decoder, &whole[..length]);
                for (_, content) in &outcome.documents {
                    // Less than one header of a tar is not known for one.
                    if name == "tar.gz" && content.len() < 512 {
                        continue;
                    }
                    assert!(list.starts_with(content), "{name} {way}: {length} bytes give something else");
                }
                // Only zeros at the end of a tar can be missing without a trace.
                let unseen = name == "tar" && length >= (512 + list.len()).next_multiple_of(512) + 512;
                assert!(unseen || !outcome.problems.is_empty(), "{name} {way}: {length} of {} bytes", whole.len());
            }
        }
    }
}

#[test]
fn a_truncated_stream_gives_what_it_can() {
    let content: Vec<u8> =
        (0..200_000_u32).flat_map(|number| format!("{}\n", number.wrapping_mul(2_654_435_761)).into_bytes()).collect();
    let packers: [pack::Packer; 4] = [pack::gzip, pack::zstd, pack::bzip2, pack::lz4];
    for (index, pack) in packers.into_iter().enumerate() {
        let packed = pack(&content);
        let outcome = from_pipe(&plain(), &packed[..packed.len() / 2]);
        assert!(matches!(outcome.problem(), What::EndsEarly { .. }), "packer {index}: {:?}", outcome.problems());
        let given = outcome.documents[0].1.len();
        assert!(given > content.len() / 4, "packer {index}: {given} of {} bytes", content.len());
    }
    let zip = pack::zip(&[Entry::deflated(b"a", &content), Entry::deflated(b"b", &content)]);
    let outcome = from_file(&plain(), &zip[..zip.len() * 3 / 4]);
    assert_eq!(outcome.documents[0].1, content, "without its directory the first entry is read as from a pipe");
    assert!(outcome.documents[1].1.len() > content.len() / 4);
    assert!(outcome.problem().to_string().contains("ends early"), "{:?}", outcome.problems());
}

#[test]
fn a_damaged_entry_does_not_hide_those_behind_it() {
    let list = list();
    let mut damaged = Entry::deflated(b"a", &list);
    let middle = damaged.packed.len() / 2;
    damaged.packed[middle] ^= 0x55;
    let archive = pack::zip(&[damaged, Entry::deflated(b"b", &list)]);
    for outcome in [from_file(&plain(), &archive), from_pipe(&plain(), &archive)] {
        assert!(matches!(outcome.problem(), What::Damaged { .. }), "{:?}", outcome.problems());
        assert_eq!(outcome.problems[0].path, "x!a");
        assert_eq!(outcome.documents.last(), Some(&("x!b".to_owned(), list.clone())));
    }
}

#[test]
fn a_source_that_fails_is_told_once() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::Error::other("the disk is gone")),
                count => Ok(count),
            }
        }
    }
    let list = list();
    for bytes in [
        b"a:b\n".to_vec(),
        pack::gzip(&list),
        pack::tar(&[(b"a", b'0', &list)]),
        fixture("deflate.zip"),
        fixture("plain.7z"),
    ] {
        let half = bytes[..bytes.len() * 2 / 3].to_vec();
        let mut outcome = Outcome::default();
        plain().content("x", Content::stream(Failing(Cursor::new(half))), None, &mut outcome);
        let what = outcome.problem();
        assert!(matches!(what, What::Read { error, .. } if error == "the disk is gone"), "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_are_noticed_or_change_nothing(
        sample in 0..samples().len(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let decoder = Decoder::new(Limits { total_bytes: 1 << 24, ..Limits::default() }, vec![ArchivePassword::new("example")]);
        let (name, mut bytes) = samples().swap_remove(sample);
        for (index, flip) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= flip;
        }
        let (file, pipe) = (from_file(&decoder, &bytes), from_pipe(&decoder, &bytes));
        // Streams with a checksum over everything give the content or a problem. Of archives, names and the kinds
        // of entries have none, and the first bytes of any form may come to be those of a text.
        let guarded = name.starts_with("list.txt") && name != "list.txt.gz";
        for outcome in [file, pipe] {
            let same = outcome.documents.iter().all(|(_, content)| *content == list());
            let text = outcome.documents.iter().any(|(_, content)| *content == bytes);
            prop_assert!(!guarded || same || text || !outcome.problems.is_empty(), "{}", name);
        }
    }

    #[test]
    fn any_bytes_behind_any_magic_end(
        magic in 0..9_usize,
        tail in proptest::collection::vec(any::<u8>(), 0..2000),
    ) {
        let magics: [&[u8]; 9] = [
            b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x04\x22\x4d\x18",
            b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf\x27\x1c\0\x04", b"",
        ];
        let bytes = [magics[magic], &tail].concat();
        from_file(&plain(), &bytes);
        from_pipe(&plain(), &bytes);
    }
}
