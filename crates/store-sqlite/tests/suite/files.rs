//! The folder and the file: who may read them, and which are refused.

use crate::support::{clock, create, filled, open, raw, refusal, tenant};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use store::{Store as _, StoreError};
use store_sqlite::{SqliteStore, database_file};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("one's own file");
}

/// Runs `work` in a thread that permissions count for, even when the tests run as root.
fn without_privileges<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut held = capabilities(None).expect("a thread can ask for its capabilities");
            let overriding = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            held.effective.remove(overriding);
            held.permitted.remove(overriding);
            held.inheritable.remove(overriding);
            set_capabilities(None, held).expect("a thread can give its capabilities up");
            work()
        });
        thread.join().expect("no panic")
    })
}

#[tokio::test]
async fn only_the_owner_can_look_into_a_new_store() {
    let outer = tempfile::tempdir().expect("a temporary folder");
    let folder = outer.path().join("some").join("where");
    let store = open(&folder);
    let key = tenant(&*store, 1).await;
    create(&*store, key, "e1").await.expect("an event can be made");
    assert_eq!(mode(&folder), 0o700);
    for name in ["spillwatch.db", "spillwatch.db-wal", "spillwatch.db-shm"] {
        assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = filled(1).await;
    let newer = "INSERT INTO migrations (number, name, sha256) VALUES (9000, 'future', '00')";
    raw(folder.path()).execute_batch(newer).expect("a row");
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("newer version of Spillwatch") && told.contains("9000_future"), "{told}");
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let folder = filled(1).await;
    raw(folder.path()).execute_batch("UPDATE migrations SET sha256 = 'other' WHERE number = 1").expect("a row");
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn another_programs_database_is_refused_and_left_as_it_is() {
    for set_up in
        ["CREATE TABLE other (x)", "PRAGMA application_id = 7", "PRAGMA application_id = 7; CREATE TABLE t (x)"]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        rusqlite::Connection::open(database_file(folder.path())).and_then(|db| db.execute_batch(set_up)).expect(set_up);
        let before = fs::read(database_file(folder.path())).expect("a file");
        let error = refusal(folder.path());
        assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
        assert!(error.to_string().contains("another program"), "{error}");
        assert_eq!(fs::read(database_file(folder.path())).expect("a file"), before, "{set_up}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(database_file(folder.path()), b"this is a text, and it is not short: ".repeat(100)).expect("a file");
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("not an SQLite database"), "{error}");
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let outer = tempfile::tempdir().expect("a temporary folder");
    let path = outer.path().join("file");
    fs::write(&path, "").expect("a file");
    let error = refusal(&path);
    assert!(error.to_string().contains("is not a folder"), "{error}");
}

#[tokio::test]
async fn read_only_places_are_named() {
    let folder = filled(3).await;
    let refused = |told: &str| {
        let error = without_privileges(|| refusal(folder.path()));
        assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    };
    let file = database_file(folder.path());
    set_mode(&file, 0o400);
    refused("read-only");
    set_mode(&file, 0o000);
    refused("cannot be opened");
    set_mode(&file, 0o600);
    set_mode(folder.path(), 0o500); // no log can be made in it
    let error = without_privileges(|| refusal(folder.path()));
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    set_mode(folder.path(), 0o700);

    let empty = tempfile::tempdir().expect("a temporary folder");
    set_mode(empty.path(), 0o500);
    let error = without_privileges(|| refusal(empty.path()));
    assert!(matches!(error, StoreError::Unusable(_)), "{error:?}");
    assert!(error.to_string().contains("cannot be made"), "{error}");
    let error = without_privileges(|| refusal(&empty.path().join("below")));
    assert!(error.to_string().contains("cannot be made"), "{error}");

    let store = open(folder.path());
    let findings = store.check().await.expect("the store can be checked");
    assert!(findings.iter().all(|finding| finding.sound), "nothing was harmed: {findings:?}");
    store.close().await;
}

/// Bytes in the middle of the file are overwritten: whatever is asked is answered or refused, and
/// `check` finds it.
#[tokio::test]
async fn damage_is_told_and_nothing_panics() {
    let folder = filled(2000).await;
    let file = database_file(folder.path());
    let sound = fs::read(&file).expect("the file");
    let pages = sound.len() / 4096;
    assert!(pages > 50, "{pages} pages");
    let mut told = 0;
    for page in (1..pages).step_by(pages / 25) {
        let mut bytes = sound.clone();
        bytes[page * 4096..page * 4096 + 2048].fill(0xa5);
        fs::write(&file, &bytes).expect("the file");
        for leftover in ["-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{leftover}", file.display())));
        }
        let store = match SqliteStore::open(folder.path(), clock()) {
            Ok(store) => store,
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt(_)), "page {page}: {error:?}");
                told += 1;
                continue;
            }
        };
        let found = match store.check().await {
            Ok(findings) => findings.iter().any(|finding| !finding.sound),
            Err(error) => panic!("page {page}: a check answers findings, not {error:?}"),
        };
        told += usize::from(found);
        assert!(found, "page {page}: the damage is not found");
        let key = model::TenantKey(1);
        for number in (0..2000).step_by(50) {
            let name = format!("e{number}");
            let event = model::EventKey { id: name.parse().expect("an id"), kind: None };
            match store.load_event(key, &event).await {
                Ok(_) | Err(StoreError::Corrupt(_) | StoreError::Cell(_)) => {}
                Err(error) => panic!("page {page}: {error:?}"),
            }
        }
        match create(&store, key, "new").await {
            Ok(_) | Err(store::WriteError::Store(StoreError::Corrupt(_) | StoreError::UnknownTenant)) => {}
            Err(error) => panic!("page {page}: {error:?}"),
        }
        store.close().await;
    }
    assert!(told >= 25, "{told}");
}

/// Whoever comes second waits for whoever is first, and finds a finished store.
#[test]
fn many_can_open_a_new_store_at_once() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("new");
        std::thread::scope(|scope| {
            let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| SqliteStore::open(&path, clock()).map(drop))).collect();
            for opener in openers {
                opener.join().expect("no panic").expect("each opens the store");
            }
        });
    }
}
