//! Each limit ends in a problem that names it.

use super::*;
use pack::Entry;

fn limited(change: impl FnOnce(&mut Limits)) -> Decoder {
    let mut limits = Limits::default();
    change(&mut limits);
    Decoder::new(limits, Vec::new())
}

#[test]
fn bombs_are_stopped_by_their_ratio() {
    let zeros = vec![0; 64 << 20];
    let strict = limited(|limits| limits.ratio = 100);
    for bomb in [pack::gzip(&zeros), pack::zstd(&zeros), pack::zip(&[Entry::deflated(b"a", &zeros)])] {
        let outcome = from_pipe(&strict, &bomb);
        assert!(matches!(outcome.problem(), What::Ratio { limit: 100, .. }), "{:?}", outcome.problems());
        assert!(outcome.summary.decoded_bytes < 32 << 20, "{}", outcome.summary.decoded_bytes);
        assert!(from_pipe(&limited(|limits| limits.ratio = u64::MAX), &bomb).problems.is_empty());
    }
}

#[test]
fn bombs_in_bombs_count_together() {
    let zeros = vec![0; 8 << 20];
    let inner = pack::gzip(&zeros);
    let outer = pack::gzip(&inner);
    let outcome = from_pipe(&plain(), &outer);
    assert!(matches!(outcome.problem(), What::Ratio { .. }), "{:?}", outcome.problems());
}

/// Many entries of a directory name the same bytes, so that a small file decodes to much.
#[test]
fn overlapping_entries_count_each_time() {
    let content = vec![b'x'; 1 << 20];
    let entry = Entry::deflated(b"a", &content);
    let archive = pack::zip_of(entry.local(), &vec![(&entry, 0); 2000]);
    let outcome = from_file(&limited(|limits| limits.ratio = 2000), &archive);
    assert!(matches!(outcome.problem(), What::Ratio { .. }), "{:?}", outcome.problems());
    assert!(outcome.documents.len() < 1000, "{}", outcome.documents.len());
}

#[test]
fn entries_are_counted_over_all_archives() {
    let names: Vec<String> = (0..10_000).map(|number| format!("log/{number}.txt")).collect();
    let entries: Vec<Entry<'_>> = names.iter().map(|name| Entry::stored(name.as_bytes(), name.as_bytes())).collect();
    let archive = pack::zip(&entries);
    for read in [from_file, from_pipe] {
        let all = read(&plain(), &archive);
        assert_eq!((all.documents.len(), all.problems.len()), (10_000, 0));
        assert!(all.documents.iter().zip(&names).all(|((_, content), name)| content == name.as_bytes()));
        let some = read(&limited(|limits| limits.entries = 77), &archive);
        assert_eq!((some.documents.len(), some.problem()), (77, &What::Entries { limit: 77 }));
    }
}

#[test]
fn layers_are_counted() {
    let mut packed = b"text\n".to_vec();
    for depth in 1..=5 {
        packed = pack::gzip(&packed);
        let outcome = from_pipe(&plain(), &packed);
        if depth <= 4 {
            assert_eq!(outcome.only(), b"text\n");
        } else {
            let expected = What::Depth { format: scan::decode::Format::Gzip, found: 5, limit: 4 };
            assert_eq!((outcome.problem(), outcome.documents.len()), (&expected, 0));
        }
    }
    let flat = limited(|limits| limits.depth = 0);
    for archive in ["stored.zip", "plain.7z", "list.txt.xz"] {
        assert!(matches!(from_file(&flat, &fixture(archive)).problem(), What::Depth { limit: 0, .. }), "{archive}");
    }
}

#[test]
fn the_total_names_and_held_archives_are_limited() {
    let total = from_pipe(&limited(|limits| limits.total_bytes = 1000), &fixture("list.txt.gz"));
    assert_eq!(total.problem(), &What::TotalBytes { limit: 1000 });
    let long = [b'n'; 99];
    for archive in [
        pack::zip(&[Entry::stored(&long, b"x"), Entry::stored(b"b", b"y")]),
        pack::tar(&[(&long, b'0', b"x"), (b"b", b'0', b"y")]),
        pack::tar(&[(b"././@LongLink", b'L', &[b'n'; 99]), (b"a", b'0', b"x"), (b"b", b'0', b"y")]),
    ] {
        let outcome = from_pipe(&limited(|limits| limits.name_bytes = 50), &archive);
        assert_eq!(outcome.problem(), &What::NameBytes { found: 99, limit: 50 });
        assert_eq!(outcome.paths(), ["x!b"]);
    }
    let small = limited(|limits| limits.held_bytes = 100);
    assert!(matches!(from_pipe(&small, &fixture("plain.7z")).problem(), What::HeldBytes { limit: 100, .. }));
    assert!(from_file(&small, &fixture("plain.7z")).problems.is_empty(), "a file is not held");
    let narrow = limited(|limits| limits.window_bytes = 1 << 12);
    for name in ["list.txt.xz", "lzma.zip", "xz.zip", "plain.7z"] {
        let outcome = from_file(&narrow, &fixture(name));
        let fits = outcome.problems.iter().all(|problem| matches!(problem.what, What::WindowBytes { .. }));
        assert!(fits && !outcome.problems.is_empty(), "{name}: {:?}", outcome.problems());
    }
}
