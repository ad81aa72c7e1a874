//! Removing tenants: every row goes, sooner or later.

use crate::support::{create, create_as, create_once, number, open, raw, tenant, with_evidence};
use model::TenantKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{AdminCommand, AdminOutcome, Store};

const TABLES: [&str; 16] = [
    "evidence",
    "risk_events",
    "users",
    "changes",
    "totals",
    "actors",
    "subjects",
    "repeatable_requests",
    "accounts",
    "verifiers",
    "jobs",
    "job_records",
    "found_credentials",
    "tasks",
    "candidates",
    "retained_candidates",
];

/// Rows of directories and jobs of each tenant, as nobody would write them.
const DIRECTORY: &str = "INSERT INTO accounts SELECT tenant, 's', 'k', 'u', '[]', 0, NULL, NULL, 0, 1 FROM tenants;
    INSERT INTO verifiers SELECT tenant, 1, 's', 'k', 'u', x'00' FROM tenants;
    INSERT INTO jobs SELECT tenant, 1, 'j', 1, 1, 0, NULL, NULL, '{}', '{}', NULL, 1 FROM tenants;
    INSERT INTO job_records SELECT tenant, 1, 1, '', 'e', 1, 0, NULL, '\"noEvent\"' FROM tenants;
    INSERT INTO found_credentials SELECT tenant, 1, 'u', x'00', 's', 0, '', '', NULL, NULL, NULL, 0, NULL, 0, 0, 1,
        'd', 0, 1, 'combo', NULL, 0 FROM tenants;
    INSERT INTO candidates SELECT tenant, 'u', x'00', 1, x'00', NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0, NULL
        FROM tenants;
    INSERT INTO retained_candidates SELECT tenant, x'00', x'00', 0, x'00' FROM tenants;
    INSERT INTO tasks SELECT tenant, 1, 0, 1, 0, 1, '{}', NULL, NULL, NULL, 0, NULL, NULL FROM tenants;";

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
    db.execute_batch(DIRECTORY).expect("rows");
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
    assert_eq!(TABLES.map(rows), [0; 16]);
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
               'x', NULL, 0, 0, NULL, NULL FROM numbers";
    db.execute(sql, [large.0]).expect("rows");
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (server, done) = (server.clone(), done.clone());
        async move {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                create(&*server, other, &format!("e{written}")).await.expect("an event can be made");
                written += 1;
                tokio::task::yield_now().await; // a create that is alone waits for nobody; a test that fails is to end
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

/// What a large job did is forgotten by a command line; the server goes on writing between its steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_write_while_a_large_record_is_forgotten() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (server, command_line): (Arc<dyn Store>, _) = (open(folder.path()), open(folder.path()));
    let tenant = tenant(&*server, 1).await;
    let db = raw(folder.path());
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ";
    db.execute_batch(&format!(
        "INSERT INTO jobs VALUES (1, 7, 'j7', 1, 3, 0, NULL, NULL, '{{}}', '{{}}', NULL, 7);
         {numbers} 5000) INSERT INTO job_records SELECT 1, 7, 1 + n % 2, '', 'e' || n, 1, 0, NULL,
             CASE n % 2 WHEN 0 THEN '\"noEvent\"' ELSE '\"noAccount\"' END FROM numbers;
         {numbers} 30000) INSERT INTO found_credentials SELECT 1, 7 + n % 2, 'u' || n, x'00', 's', 0, '', '', NULL, NULL,
             NULL, 0, NULL, 0, 0, 1, NULL, NULL, NULL, NULL, NULL, 0 FROM numbers;"
    ))
    .expect("rows");
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (server, done) = (server.clone(), done.clone());
        async move {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                create(&*server, tenant, &format!("e{written}")).await.expect("an event can be made");
                written += 1;
                tokio::task::yield_now().await; // a create that is alone waits for nobody; a test that fails is to end
            }
            written
        }
    });
    let outcome = command_line.administer(AdminCommand::ForgetRecords { tenant, job: 7 }).await;
    assert_eq!(outcome.expect("a record can be forgotten"), AdminOutcome::Done);
    done.store(true, Ordering::SeqCst);
    let written: u32 = writing.await.expect("no panic");
    // Three steps, and at least one group between each two.
    assert!(written >= 2, "{written} written meanwhile");
    assert_eq!(number(&db, "SELECT count(*) FROM job_records"), 0);
    assert_eq!(number(&db, "SELECT count(*) FROM found_credentials"), 15_000, "those of another job stay");
    drop(db);
    command_line.close().await;
    server.close().await;
}
