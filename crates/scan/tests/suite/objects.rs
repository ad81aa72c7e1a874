//! Objects of a store, here one in memory.

use super::*;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use scan::source::{Item, Location};
use std::sync::Arc;

fn put(store: &Arc<InMemory>, name: &str, bytes: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(store.put(&Path::from(name), bytes.into())).expect("put");
}

fn items(store: &Arc<InMemory>, prefix: &str) -> Vec<Item> {
    let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(store);
    let location = Location::objects(store, prefix).expect("a location");
    location.items().collect::<Result<_, _>>().expect("items")
}

/// Larger than a chunk, and of no pattern that a wrong offset would not show.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn objects_below_a_prefix_are_listed_and_read() {
    let store = Arc::new(InMemory::new());
    put(&store, "dumps/b/2.txt", b"two".to_vec());
    put(&store, "dumps/a.txt", b"one".to_vec());
    put(&store, "dumpster.txt", b"no".to_vec());
    let found = items(&store, "dumps");
    assert_eq!(found.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a.txt", "b/2.txt"]);
    assert_eq!(found[0].size, Some(3));
    assert_eq!(items(&store, "dumps/b/2.txt")[0].name, "2.txt");
    let nothing = Location::objects(store, "nothing").expect("a location").items().next().expect("an error");
    assert_eq!(nothing.err().expect("an error").to_string(), "nothing: nothing to read in it");
}

#[test]
fn objects_larger_than_a_chunk_are_read_whole_and_by_ranges() {
    let store = Arc::new(InMemory::new());
    put(&store, "large", large());
    let item = items(&store, "large").remove(0);
    let mut bytes = Vec::new();
    item.open().expect("opens").read_to_end(&mut bytes).expect("reads");
    assert!(bytes == large());
    for (start, length) in [(5_000_001, 6_000_000), (11_999_999, 100), (12_000_000, 1), (0, 1)] {
        bytes.clear();
        item.open_range(start, length).expect("a range").read_to_end(&mut bytes).expect("reads");
        let end = (start + length).min(12_000_000) as usize;
        assert!(bytes == large()[start as usize..end], "{start} {length}");
    }
}

#[test]
fn archives_in_a_store_can_seek() {
    let store = Arc::new(InMemory::new());
    let content = large();
    let zip = pack::zip(&[pack::Entry::stored(b"a", &content), pack::Entry::stored(b"b", b"text\n")]);
    put(&store, "dump.zip", zip);
    put(&store, "dump.7z", fixture("plain.7z"));
    for item in items(&store, "") {
        let mut outcome = Outcome::default();
        outcome.summary = plain().item(&item, &mut outcome);
        check(&outcome);
        assert_eq!(outcome.problems(), Vec::<String>::new(), "{}", item.name);
        assert_eq!(outcome.documents.len(), if item.name == "dump.zip" { 2 } else { 3 });
    }
}

#[test]
fn an_object_that_changes_meanwhile_is_a_problem() {
    let store = Arc::new(InMemory::new());
    put(&store, "a", large());
    let item = items(&store, "a").remove(0);
    put(&store, "a", large());
    let mut outcome = Outcome::default();
    outcome.summary = plain().item(&item, &mut outcome);
    let expected = "a: cannot be read at 0: the object was changed after it was listed";
    assert_eq!(outcome.problems(), [expected]);
}

#[test]
fn pieces_of_an_object_are_found_again_and_a_changed_one_is_named() {
    let store = Arc::new(InMemory::new());
    put(&store, "dumps/a b%.txt", b"a@b.test:c\n".repeat(1000));
    let item = items(&store, "dumps").remove(0);
    let pieces = scan::range::cut(&item, 4000).expect("it is cut");
    assert_eq!(pieces.iter().map(|piece| piece.start).collect::<Vec<_>>(), [0, 4004, 8008]);
    let again = |piece: &scan::range::Piece| {
        let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
        piece.find_by(|address| Location::objects(store, address))
    };
    let found = again(&pieces[1]).expect("it is there");
    assert_eq!((found.name.as_str(), found.size), (item.name.as_str(), Some(11_000)));
    put(&store, "dumps/a b%.txt", b"a@b.test:d\n".repeat(1000));
    let error = again(&pieces[1]).err().expect("it was changed").to_string();
    assert!(error.contains("was changed after it was listed: it had 11000 bytes"), "{error}");
    let other = scan::range::Piece { address: "dumps/a".to_owned(), ..pieces[1].clone() };
    let error = again(&other).err().expect("it is gone").to_string();
    assert_eq!(error, "dumps/a: there is no such file or object any more; it was there when it was listed");
}
