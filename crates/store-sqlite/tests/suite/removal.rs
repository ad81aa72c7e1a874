//! Removing tenants: every row goes, sooner or later.

use crate::support::{create, create_as, create_once, number, open, raw, tenant, with_evidence};
use model::TenantKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{AdminCommand, AdminOutcome, Store};

const TABLES: [&str; 8] =
    ["evidence", "risk_events", "users", "changes", "totals", "actors", "subjects", "repeatable_requests"];

/// A removal was interrupted after its tenant was gone; the next one takes along what it left.
#[tokio::test]
async fn the_next_removal_takes_along_what_one_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path());
    let keys = [tenant(&*store, 1).await, tenant(&*store, 2).await, tenant(&*store, 3).await];
    for key in keys {
        for number in 0..10 {
            create(&*store, key, &format!("e{number}")).await.expect("an event can be made");
            create_once(&*store, key, &format!("r{number}")).await.expect("an event can be made");
            create_as(&*store, key, with_evidence(&format!("v{number}"))).await.expect("an event can be made");
        }
    }
    let db = raw(folder.path());
    let rows = |table: &str| number(&db, &format!("SELECT count(*) FROM {table}"));
    let before = TABLES.map(rows);
    db.execute("DELETE FROM tenants WHERE tenant = ?1", [keys[0].0]).expect("a row");
    assert_eq!(TABLES.map(rows), before);
    // Even one that finds no tenant.
    let outcome = store.administer(AdminCommand::RemoveTenant(keys[0])).await.expect("nothing fails");
    assert_eq!(outcome, AdminOutcome::NotFound);
    assert_eq!(TABLES.map(rows).map(|rows| rows * 3), before.map(|rows| rows * 2));

    db.execute("DELETE FROM tenants WHERE tenant = ?1", [keys[2].0]).expect("a row");
    let outcome = store.administer(AdminCommand::RemoveTenant(keys[1])).await.expect("a tenant can be removed");
    assert_eq!(outcome, AdminOutcome::Done);
    assert_eq!(TABLES.map(rows), [0; 8]);
    store.close().await;
}

/// A large tenant is removed by a command line; the server goes on writing between its steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_write_while_a_large_tenant_is_removed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (server, command_line): (Arc<dyn Store>, _) = (open(folder.path()), open(folder.path()));
    let (large, other) = (tenant(&*server, 1).await, tenant(&*server, 2).await);
    let db = raw(folder.path());
    let sql = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000) \
               INSERT INTO risk_events SELECT ((?1 - 1) << 40) + n, ?1, 1, n, '', 'e' || n, 1, 0, 'x', 'x', 0, 'x', 0, 0, NULL, 0, \
               'x', NULL, 0, 0, NULL FROM numbers";
    db.execute(sql, [large.0]).expect("rows");
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (server, done) = (server.clone(), done.clone());
        async move {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                create(&*server, other, &format!("e{written}")).await.expect("an event can be made");
                written += 1;
            }
            written
        }
    });
    let outcome = command_line.administer(AdminCommand::RemoveTenant(large)).await.expect("a tenant can be removed");
    assert_eq!(outcome, AdminOutcome::Done);
    done.store(true, Ordering::SeqCst);
    let written: u32 = writing.await.expect("no panic");
    // Five steps of the removal, and at least one group between each two.
    assert!(written >= 5, "{written} written meanwhile");
    assert_eq!(number(&db, "SELECT count(*) FROM risk_events"), i64::from(written));
    assert_ne!(large, TenantKey(0));
    drop(db);
    command_line.close().await;
    server.close().await;
}
