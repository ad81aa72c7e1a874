//! The schema: made once, by whoever comes first, and known again.

use crate::support::{clock, create, event, open, tenant};
use postgres_cluster::shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Store as _, StoreError};
use store_postgres::PostgresStore;
use tokio::task::JoinSet;

/// Why the store in a database cannot be opened.
async fn refusal(url: &str) -> StoreError {
    match PostgresStore::open(url, clock()).await {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_make_the_schema_once() {
    let database = shared().database();
    let mut starts = JoinSet::new();
    for _ in 0..6 {
        let url = database.url().to_owned();
        starts.spawn(async move { open(&url, clock()).await.migrations().len() });
    }
    let mut ran = starts.join_all().await;
    ran.sort_unstable();
    let (last, others) = ran.split_last().expect("six nodes");
    assert!(*last >= 2 && others.iter().all(|ran| *ran == 0), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_of_a_newer_version_that_only_expand_are_no_hindrance() {
    let database = shared().database();
    let store = open(database.url(), clock()).await;
    let tenant = tenant(&*store, 1).await;
    // What a newer version might do while this one serves.
    let expand = "alter table risk_events add column seen_by text; create table of_a_newer_version (n bigint); \
                  insert into migrations values (9001, 'expanding', 'unknown here', false)";
    database.sql(expand).expect("psql answers");
    create(&*store, tenant, event(Some("e1"), "u1")).await.expect("the running node goes on");
    store.close().await;
    let store = open(database.url(), clock()).await;
    assert!(store.migrations().is_empty());
    create(&*store, tenant, event(Some("e2"), "u1")).await.expect("so does one that starts then");
    database.sql("insert into migrations values (9002, 'contracting', 'unknown here', true)").expect("psql answers");
    store.close().await;
    let why = refusal(database.url()).await;
    assert!(matches!(&why, StoreError::Unusable(why) if why.contains("9002_contracting")), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_run_while_another_node_writes() {
    let database = shared().database();
    let store = open(database.url(), clock()).await;
    let tenant = tenant(&*store, 1).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (store, is_over) = (store.clone(), is_over.clone());
        async move {
            let mut written = 0;
            while !is_over.load(Ordering::SeqCst) {
                create(&*store, tenant, event(None, "u1")).await.expect("it waits for a step, and goes on");
                written += 1;
            }
            written
        }
    });
    // The second step, undone: writes do not need it.
    let undo = "begin; do $$ declare names text; begin select string_agg(oid::regprocedure::text, ', ') into names \
                from pg_proc where proname like 'spillwatch\\_%'; execute 'drop function ' || names || ' cascade'; end $$; \
                delete from migrations where number = 2; commit";
    for _ in 0..3 {
        database.sql(undo).expect("it is SQL");
        let newer = open(database.url(), clock()).await;
        assert_eq!(newer.migrations(), ["0002_functions"]);
        newer.close().await;
    }
    is_over.store(true, Ordering::SeqCst);
    assert!(writer.await.expect("it came to its end") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_was_changed_is_noticed() {
    let database = shared().database();
    open(database.url(), clock()).await.close().await;
    database.sql("update migrations set sha256 = 'another' where number = 1").expect("psql answers");
    let why = refusal(database.url()).await;
    assert!(matches!(&why, StoreError::Unusable(why) if why.contains("0001_foundation")), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_used_is_told_from_what_is_away() {
    let database = shared().database();
    let ascii = format!("{}_ascii", database.name());
    let make = format!("create database \"{ascii}\" encoding 'SQL_ASCII' locale 'C' template template0");
    shared().sql("postgres", &make).expect("psql answers");
    let why = refusal(&shared().url(&ascii)).await;
    shared().sql("postgres", &format!("drop database \"{ascii}\" with (force)")).expect("psql answers");
    assert!(matches!(&why, StoreError::Unusable(why) if why.contains("SQL_ASCII")), "{why}");
    let why = refusal(&shared().url("there_is_no_such_database")).await;
    assert!(matches!(&why, StoreError::Unusable(why) if why.contains("there_is_no_such_database")), "{why}");
    let why = refusal("not a url").await;
    assert!(matches!(&why, StoreError::Unusable(_)), "{why}");
    let why = refusal("postgres://spillwatch@127.0.0.1:1/none").await;
    assert!(matches!(&why, StoreError::Unavailable(_)), "{why}");
}
