//! Every form that is read, as its own tools write it.

use super::*;
use pack::Entry;
use scan::decode::Format;

#[test]
fn a_file_without_any_layer_is_one_document() {
    for text in [&b"anna@example.test:x\n"[..], b"", b"\0\0\0", &vec![0; 40_000]] {
        assert_eq!(from_file(&plain(), text).only(), text);
        assert_eq!(from_pipe(&plain(), text).only(), text);
    }
}

#[test]
fn compressions_are_told_by_their_bytes() {
    for name in ["list.txt.gz", "list.txt.zst", "list.txt.bz2", "list.txt.xz", "list.txt.lz4"] {
        for outcome in [from_file(&plain(), &fixture(name)), from_pipe(&plain(), &fixture(name))] {
            assert_eq!(outcome.only(), list(), "{name}");
            assert_eq!(outcome.paths(), ["x"], "a compression adds nothing to the path");
        }
    }
}

#[test]
fn members_behind_each_other_are_one_document() {
    let packers: [pack::Packer; 5] = [pack::gzip, pack::zstd, pack::bzip2, pack::xz, pack::lz4];
    for (index, pack) in packers.into_iter().enumerate() {
        let mut packed = [pack(b"one\n"), pack(b""), pack(b"two\n")].concat();
        assert_eq!(from_pipe(&plain(), &packed).only(), b"one\ntwo\n", "packer {index}");
        packed.extend([0; 512]);
        assert_eq!(from_pipe(&plain(), &packed).only(), b"one\ntwo\n", "packer {index}, filled up with zeros");
        packed.extend(b"something else");
        let outcome = from_pipe(&plain(), &packed);
        assert_eq!(outcome.documents[0].1, b"one\ntwo\n", "packer {index}");
        assert!(matches!(outcome.problem(), What::TrailingData { .. }), "packer {index}: {:?}", outcome.problems());
        assert_eq!(from_pipe(&plain(), &pack(b"")).only(), b"", "packer {index}");
    }
}

#[test]
fn zstd_frames_to_skip_are_skipped() {
    let skip = b"\x53\x2a\x4d\x18\x03\0\0\0abc";
    let packed = [&skip[..], &pack::zstd(b"one\n"), skip, &pack::zstd(b"two\n"), skip].concat();
    assert_eq!(from_pipe(&plain(), &packed).only(), b"one\ntwo\n");
}

#[test]
fn archives_of_every_tool_are_read() {
    for name in ["stored.zip", "zipcrypto.zip", "deflate64.zip", "bzip2.zip", "lzma.zip", "xz.zip"]
        .into_iter()
        .chain(["aes128.zip", "aes192.zip", "aes256.zip", "piped.zip", "piped-stored.zip", "piped-zipcrypto.zip"])
        .chain(["copy.7z", "bzip2.7z", "content.7z", "names.7z", "gnu-long.tar.gz", "pax-long.tar.gz"])
    {
        let decoder = with_passwords(&["wrong", "example"]);
        for (way, outcome) in
            [from_file(&decoder, &fixture(name)), from_pipe(&decoder, &fixture(name))].iter().enumerate()
        {
            assert_eq!(outcome.only(), list(), "{name}, way {way}");
            let long = "folder-with-a-long-name/".repeat(7);
            let expected = match name {
                name if name.contains("long") => format!("x!{long}/list.txt"),
                name if name.contains("piped") => "x!-".to_owned(),
                _ => "x!list.txt".to_owned(),
            };
            assert_eq!(outcome.paths(), [expected], "{name}");
        }
    }
}

#[test]
fn trees_are_read_in_their_order_with_empty_files_and_folders() {
    for name in ["deflate.zip", "gnu.tar.gz", "plain.7z", "separate.7z"] {
        for outcome in [from_file(&plain(), &fixture(name)), from_pipe(&plain(), &fixture(name))] {
            assert_eq!(outcome.problems(), Vec::<String>::new(), "{name}");
            let mut paths = outcome.paths();
            paths.sort_unstable();
            assert_eq!(paths, ["x!list.txt", "x!logs/none.txt", "x!logs/one/pass.txt"], "{name}");
            for (path, content) in &outcome.documents {
                match path.as_str() {
                    "x!list.txt" => assert_eq!(*content, list(), "{name}"),
                    "x!logs/none.txt" => assert_eq!(content, b"", "{name}"),
                    _ => assert!(content.ends_with(b"Password: Example-1\n"), "{name}"),
                }
            }
            assert_eq!((outcome.summary.entries, outcome.summary.folders), (6, 3), "{name}");
        }
    }
}

#[test]
fn zip_entries_whose_sizes_stand_behind_them_are_read_from_a_pipe() {
    for name in ["unseekable-stored", "unseekable-deflate", "unseekable-bzip2", "unseekable-lzma"] {
        let archive = fixture(&format!("{name}.zip"));
        for outcome in [from_file(&plain(), &archive), from_pipe(&plain(), &archive)] {
            assert_eq!(outcome.problems(), Vec::<String>::new(), "{name}");
            assert_eq!(outcome.paths(), ["x!one.txt", "x!two.txt"], "{name}");
            assert!(outcome.documents.iter().all(|(_, content)| *content == list()), "{name}");
        }
    }
}

#[test]
fn zip_entries_of_zstd_and_with_bytes_before_the_archive_are_read() {
    let list = list();
    let entry = Entry { name: b"a", method: 93, packed: pack::zstd(&list), content: &list };
    assert_eq!(from_file(&plain(), &pack::zip(&[entry])).only(), list);
    let archive = [pack::zip(&[Entry::stored(b"old", b"old")]), pack::zip(&[Entry::stored(b"new", b"new")])].concat();
    assert_eq!(from_file(&plain(), &archive).only(), b"new", "its directory says what an archive holds");
}

#[test]
fn layers_are_taken_off_three_deep() {
    let list = list();
    let inner = pack::gzip(&list);
    let tar = pack::tar(&[(b"logs/pass.txt.gz", b'0', &inner), (b"b.7z", b'0', &fixture("plain.7z"))]);
    let outcome = from_pipe(&plain(), &pack::zip(&[Entry::deflated(b"dump.tar", &tar)]));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!(outcome.paths()[..2], ["x!dump.tar!logs/pass.txt.gz", "x!dump.tar!b.7z!list.txt"]);
    assert!(outcome.documents[..2].iter().all(|(_, content)| *content == list));
}

#[test]
fn tars_behind_each_other_and_of_the_oldest_kind_are_read() {
    let mut old = pack::tar(&[(b"old.txt", 0, b"old\n")]);
    old[257..265].fill(0);
    old[148..156].fill(b' ');
    let sum: u32 = old[..512].iter().map(|byte| u32::from(*byte)).sum();
    old[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let both = [old, pack::tar(&[(b"new.txt", b'0', b"new\n")])].concat();
    let outcome = from_pipe(&plain(), &both);
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!(outcome.paths(), ["x!old.txt", "x!new.txt"]);
}

#[test]
fn a_visitor_may_skip_and_stop() {
    struct Some(Vec<String>, Flow);
    impl Visitor for Some {
        fn document(&mut self, document: &Document<'_>, content: &mut dyn Read) -> Flow {
            let mut first = [0; 3];
            content.read_exact(&mut first).expect("three bytes");
            self.0.push(document.path.to_owned());
            self.1
        }
        fn problem(&mut self, problem: &Problem) {
            panic!("{problem}");
        }
    }
    let content = "x".repeat(100_000);
    let entries = || [(b"a"), (b"b")].map(|name| Entry::deflated(name, content.as_bytes()));
    let tar = pack::tar(&[(b"a", b'0', content.as_bytes()), (b"b", b'0', content.as_bytes())]);
    for archive in [pack::zip(&entries()), tar] {
        for (flow, expected) in [(Flow::Continue, 2), (Flow::Skip, 2), (Flow::Stop, 1)] {
            let mut some = Some(Vec::new(), flow);
            let summary = plain().content("x", Content::stream(Cursor::new(&archive)), None, &mut some);
            assert_eq!((some.0.len(), summary.stopped), (expected, flow == Flow::Stop));
        }
    }
}

#[test]
fn formats_have_names() {
    assert_eq!([Format::Gzip, Format::SevenZip].map(|format| format.to_string()), ["gzip", "7z"]);
}
