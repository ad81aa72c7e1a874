//! Putting a copy back.

use crate::support::{create, fill, filled, number, open, raw};
use model::{EventKey, TenantKey};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use store::{Store as _, StoreError};
use store_sqlite::{BackupInfo, add_keys, database_file, keys_of, restore};

/// A backup with ten events, in a folder of its own.
async fn backup() -> (tempfile::TempDir, PathBuf) {
    let folder = filled(10).await;
    let store = open(folder.path());
    let to = folder.path().join("copy");
    store.backup(&to, &mut |_| {}).await.expect("the store can be copied");
    store.close().await;
    (folder, to)
}

async fn has_event(folder: &Path, id: &str) -> bool {
    let store = open(folder);
    let key = EventKey { id: id.parse().expect("an id"), kind: None };
    let event = store.load_event(TenantKey(1), &key).await.expect("reads go on");
    store.close().await;
    event.is_some()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("a file").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_copy_comes_back_whole() {
    let (origin, copy) = backup().await;
    let epoch = number(&raw(origin.path()), "SELECT epoch FROM registry");
    let outer = tempfile::tempdir().expect("a temporary folder");
    let folder = outer.path().join("new");
    let (info, aside) = restore(&copy, &folder, false).expect("a backup can be restored");
    assert_eq!((info, aside), (BackupInfo { events: 10, users: 0 }, None));
    assert_eq!(fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    assert_eq!(files(&folder), ["spillwatch.db"]);
    let store = open(&folder);
    let findings = store.check().await.expect("the store can be checked");
    assert!(findings.iter().all(|finding| finding.sound), "{findings:?}");
    assert_eq!(store.changes(TenantKey(1), 0, 100).await.expect("the change log").len(), 10);
    assert!(store.registry_epoch().await.expect("the epoch") > epoch as u64, "remembered tokens are looked at again");
    create(&*store, TenantKey(1), "e10").await.expect("an event can be made");
    store.close().await;
}

#[tokio::test]
async fn a_copy_that_others_can_read_makes_no_such_store() {
    let (_origin, copy) = backup().await;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).expect("one's own file");
    let folder = tempfile::tempdir().expect("a temporary folder");
    restore(&copy, folder.path(), false).expect("a backup can be restored");
    let mode = fs::metadata(database_file(folder.path())).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[tokio::test]
async fn a_store_is_replaced_only_on_demand_and_kept() {
    let (_origin, copy) = backup().await;
    let folder = filled(3).await;
    let store = open(folder.path());
    create(&*store, TenantKey(1), "old").await.expect("an event can be made");
    let refused = restore(&copy, folder.path(), false);
    assert!(matches!(&refused, Err(StoreError::Unusable(why)) if why.contains("--replace")), "{refused:?}");
    let refused = restore(&copy, folder.path(), true);
    assert!(matches!(&refused, Err(StoreError::Unusable(why)) if why.contains("in use")), "{refused:?}");
    create(&*store, TenantKey(1), "older").await.expect("the store goes on");
    store.close().await;

    for round in 1..=2 {
        let (_, aside) = restore(&copy, folder.path(), true).expect("a backup can be restored");
        let aside = aside.expect("the old one is kept");
        assert!(!has_event(folder.path(), "old").await);
        assert!(has_event(folder.path(), "e9").await);
        let kept = rusqlite::Connection::open(&aside).expect("a database");
        let old = number(&kept, "SELECT count(*) FROM risk_events WHERE id IN ('old', 'older')");
        assert_eq!(old, if round == 1 { 2 } else { 0 });
    }
}

#[tokio::test]
async fn what_is_no_sound_copy_is_refused_and_changes_nothing() {
    let (_origin, copy) = backup().await;
    let place = tempfile::tempdir().expect("a temporary folder");
    let tampered = |name: &str, sql: &str| {
        let path = place.path().join(name);
        fs::copy(&copy, &path).expect("a copy");
        rusqlite::Connection::open(&path).and_then(|db| db.execute_batch(sql)).expect(sql);
        path
    };
    let text = place.path().join("text");
    fs::write(&text, "not a database at all ".repeat(500)).expect("a file");
    let empty = place.path().join("empty");
    fs::write(&empty, "").expect("a file");
    let cut = place.path().join("cut");
    let bytes = fs::read(&copy).expect("a file");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("a file");
    let damaged = place.path().join("damaged");
    let mut bytes = bytes;
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&damaged, &bytes).expect("a file");
    let refused = [
        (place.path().join("missing"), "no such file"),
        (place.path().to_owned(), "no such file"),
        (text, "not a backup"),
        (empty, "another program"),
        (tampered("foreign", "PRAGMA application_id = 7"), "another program"),
        (tampered("newer", "INSERT INTO migrations VALUES (9000, 'future', '00')"), "newer version"),
        (tampered("changed", "UPDATE migrations SET sha256 = 'other'"), "checksum"),
        (tampered("bare", "DELETE FROM migrations"), "not a backup"),
        (cut, ""),
        (damaged, ""),
    ];
    let folder = filled(3).await;
    let before = fs::read(database_file(folder.path())).expect("a file");
    let fresh = tempfile::tempdir().expect("a temporary folder");
    for (file, told) in refused {
        for folder in [folder.path(), fresh.path()] {
            match restore(&file, folder, true) {
                Err(error @ (StoreError::Unusable(_) | StoreError::Corrupt(_))) => {
                    assert!(error.to_string().contains(told), "{}: {error}", file.display());
                }
                other => panic!("{} came to {other:?}", file.display()),
            }
        }
    }
    assert_eq!(files(folder.path()), ["spillwatch.db"]);
    assert_eq!(fs::read(database_file(folder.path())).expect("a file"), before);
    assert_eq!(files(fresh.path()), [""; 0]);
}

/// A store that is in use is no backup: what its log holds would be missing in the copy.
#[tokio::test]
async fn a_store_in_use_is_no_backup() {
    let origin = tempfile::tempdir().expect("a temporary folder");
    let store = open(origin.path());
    fill(&*store, 10).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = restore(&database_file(origin.path()), folder.path(), false);
    assert!(matches!(&refused, Err(StoreError::Unusable(why)) if why.contains("spillwatch backup")), "{refused:?}");
    assert_eq!(files(folder.path()), [""; 0]);
    store.close().await;
    let (info, _) = restore(&database_file(origin.path()), folder.path(), false).expect("a closed store is whole");
    assert_eq!(info.events, 10);
}

/// A log that lies in the folder without its database must not be taken for the restored one's.
#[tokio::test]
async fn a_stray_log_does_not_get_into_the_restored_store() {
    let (_origin, copy) = backup().await;
    let crashed = tempfile::tempdir().expect("a temporary folder");
    let store = open(crashed.path());
    fill(&*store, 200).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::copy(crashed.path().join("spillwatch.db-wal"), folder.path().join("spillwatch.db-wal")).expect("a copy");
    store.close().await;
    let (_, aside) = restore(&copy, folder.path(), true).expect("a backup can be restored");
    assert!(aside.is_some(), "the log is put aside, not thrown away");
    let store = open(folder.path());
    let findings = store.check().await.expect("the store can be checked");
    assert!(findings.iter().all(|finding| finding.sound), "{findings:?}");
    assert_eq!(store.changes(TenantKey(1), 0, 1000).await.expect("the change log").len(), 10);
    store.close().await;
}

/// The restored store holds no keys, not even in pages that it does not use: a later backup
/// without keys would carry them on.
#[tokio::test]
async fn keys_do_not_stay_in_the_restored_store() {
    let (_origin, copy) = backup().await;
    let secret = b"-----BEGIN PRIVATE KEY----- of this test".repeat(300);
    add_keys(&copy, &[("issuer/a.pem".to_owned(), secret.clone())]).expect("keys can be added");
    let folder = tempfile::tempdir().expect("a temporary folder");
    restore(&copy, folder.path(), false).expect("a backup can be restored");
    assert_eq!(keys_of(&copy).expect("a backup"), [("issuer/a.pem".to_owned(), secret)], "the backup keeps its keys");
    assert_eq!(keys_of(&database_file(folder.path())).expect("a database"), []);
    let bytes = fs::read(database_file(folder.path())).expect("a file");
    let found = bytes.windows(11).any(|window| window == b"PRIVATE KEY");
    assert!(!found, "the key is in the restored file");
}
