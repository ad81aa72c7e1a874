//! Two stores on one folder, as a server and a command line are.

use crate::support::{create, open, tenant};
use std::sync::Arc;
use store::{AdminCommand, AdminOutcome, Store};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_write_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stores: [Arc<dyn Store>; 2] = [open(folder.path()), open(folder.path())];
    let keys = [tenant(&*stores[0], 1).await, tenant(&*stores[1], 2).await];
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = stores[task % 2].clone();
        tasks.spawn(async move {
            for number in 0..50 {
                let id = format!("e{task}-{number}");
                create(&*store, keys[number % 2], &id).await.expect("an event can be made");
            }
        });
    }
    tasks.join_all().await;
    for store in &stores {
        for key in keys {
            let changes = store.changes(key, 0, u32::MAX).await.expect("the change log can be read");
            assert_eq!(changes.len(), 16 * 25);
            assert!(changes.iter().zip(1..).all(|(change, number)| change.sequence == number), "numbers have no gaps");
            assert!(changes.windows(2).all(|pair| pair[0].time < pair[1].time), "times grow");
        }
        let findings = store.check().await.expect("the store can be checked");
        assert!(findings.iter().all(|finding| finding.sound), "{findings:?}");
    }
    for store in stores {
        store.close().await;
    }
}

/// The system forgets a process's locks on a file as soon as the process closes the file, however
/// it was opened: then other processes would write over us.
#[tokio::test]
async fn a_store_that_goes_takes_no_lock_of_another_along() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stays = open(folder.path());
    let key = tenant(&*stays, 1).await;
    let locks = || {
        let about = std::fs::metadata(folder.path().join("spillwatch.db-shm")).expect("the log's index");
        let inode = format!(":{} ", about.ino());
        std::fs::read_to_string("/proc/locks").expect("the locks").lines().filter(|line| line.contains(&inode)).count()
    };
    assert!(locks() > 0, "an open store holds a lock");
    let goes = open(folder.path());
    create(&*goes, key, "e1").await.expect("an event can be made");
    goes.registry_epoch().await.expect("the epoch can be read");
    goes.close().await;
    drop(goes);
    assert!(locks() > 0, "the lock of the other one is gone");
    stays.close().await;
}

#[tokio::test]
async fn a_change_by_one_is_seen_by_the_other_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (server, command_line) = (open(folder.path()), open(folder.path()));
    let mut epoch = server.registry_epoch().await.expect("the epoch can be read");
    for _ in 0..20 {
        assert_eq!(
            command_line.administer(AdminCommand::RaiseEpoch).await.expect("it can be raised"),
            AdminOutcome::Done
        );
        let now = server.registry_epoch().await.expect("the epoch can be read");
        assert!(now > epoch);
        epoch = now;
    }
    let key = tenant(&*command_line, 1).await;
    assert_eq!(server.registry().await.expect("the registry can be read").tenants[0].key, key);
    create(&*server, key, "e1").await.expect("the server knows the tenant");
    let removed = command_line.administer(AdminCommand::RemoveTenant(key)).await.expect("a tenant can be removed");
    assert_eq!(removed, AdminOutcome::Done);
    let refused = create(&*server, key, "e2").await;
    assert!(matches!(refused, Err(store::WriteError::Store(store::StoreError::UnknownTenant))), "{refused:?}");
    server.close().await;
    command_line.close().await;
}
