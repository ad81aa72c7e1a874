//! Faults that only a test inside the crate can prepare: a full disk in the middle of a group, a
//! failed sync, a log that is held.

use crate::checkpoint::{Checkpointer, Limits, Upkeep};
use crate::error::engine;
use crate::open::{Role, connect, create_file};
use crate::readers::Readers;
use crate::wal_index::WalIndex;
use crate::writer::{Job, Message, Request, Writer};
use crate::{MAPPED, ReaderMemory, SqliteStore};
use model::{
    Actor, Clock as _, Command, EventKind, FixedClock, NewId, NewRiskEvent, Repeatability, RiskEventStatus, RiskLevel,
    RiskState, TenantId, TenantKey, Total, Tracking,
};
use rusqlite::{Connection, ffi};
use std::sync::Arc;
use std::time::Duration;
use store::{AdminCommand, AdminOutcome, Store as _, StoreError, WriteError};

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2024-03-03T06:00:00Z".parse().expect("a time")))
}

async fn store_with_tenant() -> (tempfile::TempDir, Arc<SqliteStore>, TenantKey) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(SqliteStore::open(folder.path(), clock()).expect("the store can be opened"));
    let id = TenantId::new(uuid::Uuid::from_u128(1));
    let command = AdminCommand::AddTenant { id, name: "a tenant".into(), created: clock().now() };
    let Ok(AdminOutcome::Tenant(key)) = store.administer(command).await else { panic!("a tenant can be added") };
    (folder, store, key)
}

/// The total of the events that [`creation`] makes.
const MADE: Total = Total::Events(EventKind::LeakedCredentials, RiskLevel::High, RiskEventStatus::Active);
/// All of them are about one user.
const AT_RISK: Total = Total::RiskyUsers(RiskLevel::High, RiskState::AtRisk);

/// A command that creates an event with a text of some length, and who does it.
fn creation(id: &str, length: usize) -> (Actor, Command) {
    let new = NewRiskEvent {
        id: NewId::Chosen(id.parse().expect(id)),
        kind: EventKind::LeakedCredentials,
        user_display_name: "x".repeat(length).into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: clock().now(),
        risk_event_type: "leakedCredentials".into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: None,
        user_id: "u1".into(),
        impacted_user: None,
        evidence: Vec::new(),
    };
    let actor = Actor { app: format!("who made {id}").into(), user: None };
    (actor, Command::CreateEvent(Box::new(new)))
}

/// Creates an event.
async fn create(store: &SqliteStore, tenant: TenantKey, id: &str, length: usize) -> Result<(), WriteError> {
    let (actor, command) = creation(id, length);
    store.execute(tenant, actor, command).await.map(drop)
}

/// Runs something on the writer's thread.
async fn on_writer(store: &SqliteStore, work: impl FnOnce(&mut Writer) + Send + 'static) {
    let (done, finished) = tokio::sync::oneshot::channel();
    let work = |writer: &mut Writer| {
        work(writer);
        assert!(done.send(()).is_ok(), "the test waits");
    };
    assert!(store.writer.send(Message::With(Box::new(work))).await.is_ok(), "the writer is there");
    finished.await.expect("the work does not panic");
}

/// Lets the database grow by so many pages and no more: SQLite then says that the disk is full.
async fn room_for(store: &SqliteStore, pages: i64) {
    on_writer(store, move |writer| {
        let now: i64 = writer.db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a number");
        writer.db.query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |_| Ok(())).expect("a limit");
    })
    .await;
}

/// Creates events in one group: all of them wait before the writer takes the first.
async fn in_one_group(
    store: &SqliteStore,
    tenant: TenantKey,
    ids: impl Iterator<Item = (String, usize)>,
) -> Vec<Result<(), WriteError>> {
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let wait = Message::With(Box::new(move |_| assert!(gone.recv().is_err(), "nothing is sent")));
    assert!(store.writer.try_send(wait).is_ok(), "the writer is there");
    let mut answers = Vec::new();
    for (id, length) in ids {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let (actor, command) = creation(&id, length);
        let job = Message::Write(Job {
            request: Request { tenant, actor, commands: vec![command], repeatability: None },
            reply,
        });
        assert!(store.writer.try_send(job).is_ok(), "there is room in the queue");
        answers.push(answer);
    }
    drop(go);
    let mut outcomes = Vec::new();
    for answer in answers {
        outcomes.push(answer.await.expect("everybody is answered").map(drop).map_err(|failed| failed.error));
    }
    outcomes
}

async fn assert_holds(store: &SqliteStore, tenant: TenantKey, events: usize) {
    let total = store.totals(tenant).await.expect("reads go on");
    let risky = (events > 0).then_some((AT_RISK, 1));
    assert_eq!(
        total,
        [(MADE, events as u64)].into_iter().filter(|(_, count)| *count > 0).chain(risky).collect::<Vec<_>>()
    );
    let changes = store.changes(tenant, 0, u32::MAX).await.expect("reads go on");
    assert_eq!(changes.len(), events);
    for change in changes {
        assert_eq!(*change.actor.app, *format!("who made {}", change.entry.id), "number {}", change.sequence);
    }
    let findings = store.check().await.expect("the store can be checked");
    assert!(findings.iter().all(|finding| finding.sound), "{findings:?}");
}

/// Otherwise the client's next try would do it once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_remembered_is_not_carried_out() {
    let (_folder, store, tenant) = store_with_tenant().await;
    create(&store, tenant, "e0", 10).await.expect("an event can be made");
    let once = async |id: &str| {
        let repeatability = Repeatability {
            request_id: "r1".parse().expect("an id"),
            first_sent: clock().now(),
            digest: [7; 32],
            tracking: Tracking { window: Duration::from_hours(24), most: 10 },
        };
        let (actor, command) = creation(id, 10);
        store.execute_all(tenant, actor, vec![command], Some(repeatability)).await.map_err(|failed| failed.error)
    };
    let on_insert =
        |sql: &'static str| on_writer(&store, move |writer| writer.db.execute_batch(sql).expect("a trigger"));
    on_insert(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON repeatable_requests BEGIN SELECT RAISE(FAIL, 'a fault'); END",
    )
    .await;
    let failed = once("e1").await;
    assert!(matches!(failed, Err(WriteError::Store(StoreError::Corrupt(_)))), "{failed:?}");
    assert_holds(&store, tenant, 1).await;
    on_insert("DROP TRIGGER refuse").await;
    once("e1").await.expect("now it can be done");
    assert_holds(&store, tenant, 2).await;
}

/// The event has its row, and its user is at risk, when the log cannot be written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_in_the_middle_leaves_nothing_of_it_and_all_of_the_others() {
    let (_folder, store, tenant) = store_with_tenant().await;
    on_writer(&store, |writer| {
        let trigger = "CREATE TEMP TRIGGER refuse BEFORE INSERT ON changes WHEN new.id IN ('e2', 'e4') \
                       BEGIN SELECT RAISE(FAIL, 'a fault'); END";
        writer.db.execute_batch(trigger).expect("a trigger");
    })
    .await;
    let outcomes = in_one_group(&store, tenant, (0..6).map(|at| (format!("e{at}"), 10))).await;
    for (at, outcome) in outcomes.iter().enumerate() {
        match at {
            2 | 4 => assert!(matches!(outcome, Err(WriteError::Store(StoreError::Corrupt(_)))), "{at}: {outcome:?}"),
            _ => assert!(outcome.is_ok(), "{at}: {outcome:?}"),
        }
    }
    assert_holds(&store, tenant, 4).await;
    let alone = create(&store, tenant, "e4", 10).await;
    assert!(matches!(alone, Err(WriteError::Store(StoreError::Corrupt(_)))), "{alone:?}");
    create(&store, tenant, "e6", 10).await.expect("an event can be made");
    assert_holds(&store, tenant, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_the_group_and_nothing_else() {
    let (_folder, store, tenant) = store_with_tenant().await;
    for number in 0..20 {
        create(&store, tenant, &format!("e{number}"), 10).await.expect("there is room");
    }
    // At the first command, and somewhere in the middle, where some have been written.
    for (round, pages) in [0, 1, 20, 60].into_iter().enumerate() {
        room_for(&store, pages).await;
        let ids = (0..64).map(|number| (format!("full-{round}-{number}"), 20_000));
        for outcome in in_one_group(&store, tenant, ids).await {
            assert!(matches!(outcome, Err(WriteError::Store(StoreError::Full))), "{pages} pages: {outcome:?}");
        }
        assert_eq!(store.failure(), None, "a full disk is no failure for good");
        assert_holds(&store, tenant, 20 + round * 64).await;
        room_for(&store, 1 << 20).await;
        let ids = (0..64).map(|number| (format!("full-{round}-{number}"), 20_000));
        for outcome in in_one_group(&store, tenant, ids).await {
            assert!(outcome.is_ok(), "there is room again: {outcome:?}");
        }
        assert_holds(&store, tenant, 20 + (round + 1) * 64).await;
    }
    store.close().await;
}

/// A list that the disk has no room for is not there, nor is anything else of its transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_in_the_middle_of_a_list_leaves_nothing_of_it() {
    let (_folder, store, tenant) = store_with_tenant().await;
    create(&store, tenant, "e0", 10).await.expect("there is room");
    room_for(&store, 30).await;
    let list = |round: usize| {
        let commands = (0..20).map(|number| creation(&format!("l{round}-{number}"), 20_000).1).collect();
        store.execute_all(tenant, Actor { app: "a list".into(), user: None }, commands, None)
    };
    let failed = list(0).await.expect_err("there is no room");
    assert!(matches!(failed.error, WriteError::Store(StoreError::Full)), "{failed:?}");
    assert_holds(&store, tenant, 1).await;
    room_for(&store, 1 << 20).await;
    assert_eq!(list(1).await.expect("there is room again").len(), 20);
    let changes = store.changes(tenant, 1, u32::MAX).await.expect("reads go on");
    assert!(changes.iter().all(|change| &*change.actor.app == "a list"), "the actor's number is a new one");
    assert_eq!(changes.len(), 20);
    store.close().await;
}

/// One at a time until the disk is full: each is whole or not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_before_the_disk_was_full_is_there() {
    let (folder, store, tenant) = store_with_tenant().await;
    room_for(&store, 30).await;
    let mut made = 0;
    loop {
        match create(&store, tenant, &format!("e{made}"), 2000).await {
            Ok(()) => made += 1,
            Err(WriteError::Store(StoreError::Full)) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(made > 10, "{made} fit");
    let full = store.administer(AdminCommand::AddTenant {
        id: TenantId::new(uuid::Uuid::from_u128(2)),
        name: "x".repeat(100_000).into(),
        created: clock().now(),
    });
    assert!(matches!(full.await, Err(WriteError::Store(StoreError::Full))));
    assert_holds(&store, tenant, made).await;
    store.close().await;
    let store = SqliteStore::open(folder.path(), clock()).expect("a full store can be opened");
    assert_holds(&store, tenant, made).await;
    store.close().await;
}

/// After a failed sync nothing is acknowledged any more, and closing leaves the files as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_is_a_failure_for_good() {
    let (folder, store, tenant) = store_with_tenant().await;
    create(&store, tenant, "e1", 10).await.expect("an event can be made");
    on_writer(&store, |writer| {
        let failed = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
        writer.note_failure(&engine("committing")(failed));
    })
    .await;
    assert!(store.failure().is_some_and(|why| why.contains("disk")), "{:?}", store.failure());
    assert_eq!(store.failed().await, store.failure().expect("it has failed"));
    for outcome in in_one_group(&store, tenant, (0..8).map(|number| (format!("f{number}"), 10))).await {
        assert!(matches!(outcome, Err(WriteError::Store(StoreError::Stopped(_)))), "{outcome:?}");
    }
    let refused = store.administer(AdminCommand::RaiseEpoch).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Stopped(_)))), "{refused:?}");
    assert_eq!(store.totals(tenant).await.expect("reads go on"), [(MADE, 1), (AT_RISK, 1)]);
    let log = folder.path().join("spillwatch.db-wal");
    let before = std::fs::read(&log).expect("the log");
    store.close().await;
    assert!(std::fs::read(&log).expect("the log is left") == before, "and left as it is");
}

/// Another process holds the write lock for longer than we wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_not_given_up_is_told() {
    let (folder, store, tenant) = store_with_tenant().await;
    on_writer(&store, |writer| writer.db.busy_timeout(std::time::Duration::from_millis(20)).expect("a time-out")).await;
    let other = rusqlite::Connection::open(crate::database_file(folder.path())).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    for outcome in in_one_group(&store, tenant, (0..8).map(|number| (format!("e{number}"), 10))).await {
        assert!(matches!(outcome, Err(WriteError::Store(StoreError::Busy))), "{outcome:?}");
    }
    assert_eq!(store.failure(), None);
    other.execute_batch("COMMIT").expect("it is given up");
    for outcome in in_one_group(&store, tenant, (0..8).map(|number| (format!("e{number}"), 10))).await {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    assert_holds(&store, tenant, 8).await;
    store.close().await;
}

/// The number that the next change would take is taken: that is damage, not a taken id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_taken_is_damage() {
    let (folder, store, tenant) = store_with_tenant().await;
    create(&store, tenant, "e1", 10).await.expect("an event can be made");
    let other = rusqlite::Connection::open(crate::database_file(folder.path())).expect("a database");
    other.execute_batch("UPDATE tenants SET last_sequence = 0").expect("a row");
    let refused = create(&store, tenant, "e2", 10).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Corrupt(_)))), "{refused:?}");
    other.execute_batch("UPDATE tenants SET last_sequence = 1").expect("a row");
    create(&store, tenant, "e2", 10).await.expect("nothing was left behind");
    assert_holds(&store, tenant, 2).await;
    store.close().await;
}

#[test]
fn the_log_is_copied_when_large_and_a_reader_only_delays_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.db");
    create_file(&path).expect("a file");
    let writer = connect(&path, Role::Writer).expect("a connection");
    writer.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x);").expect("a table");
    let append = |pages: usize| {
        for _ in 0..pages {
            writer.execute("INSERT INTO t VALUES (zeroblob(4000))", []).expect("a row");
        }
    };
    let limits = Limits { copy_from: 100, force_from: 100_000, step: 50 };
    let readers = Arc::new(Readers::new(
        path.clone(),
        WalIndex::open(&path).expect("an index"),
        2,
        ReaderMemory::mapping(MAPPED),
    ));
    let mut checkpointer = Checkpointer::start(&path, limits, readers.clone()).expect("a thread");
    let upkeep = |checkpointer: &mut Checkpointer| checkpointer.between_groups(&writer).expect("a sound disk");
    // Asks until the thread has answered.
    let until_answered = |checkpointer: &mut Checkpointer| loop {
        match upkeep(checkpointer) {
            Upkeep::Nothing => std::thread::yield_now(),
            done => return done,
        }
    };
    append(10);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Nothing);
    let rows = || {
        let count = |db: &Connection| {
            db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).map_err(engine("counting"))
        };
        readers.with(count).expect("reads go on")
    };
    for round in 1..=3 {
        append(100);
        assert_eq!(rows(), round * 110, "the pool's own readers see what is committed");
        assert_eq!(upkeep(&mut checkpointer), Upkeep::Asked);
        assert_eq!(until_answered(&mut checkpointer), Upkeep::Restarted);
        append(10);
        assert_eq!(upkeep(&mut checkpointer), Upkeep::Nothing, "the file is large, the log is small");
    }

    let reader = connect(&path, Role::Reader).expect("a connection");
    reader.execute_batch("BEGIN; SELECT count(*) FROM t;").expect("a read transaction");
    append(100);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Asked);
    assert_eq!(until_answered(&mut checkpointer), Upkeep::Held);
    append(5);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Nothing, "not at every group");
    append(50);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Asked, "once it has grown by a piece");
    assert_eq!(until_answered(&mut checkpointer), Upkeep::Held);
    drop(reader);
    append(60);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Asked);
    assert_eq!(until_answered(&mut checkpointer), Upkeep::Restarted);
    checkpointer.stop().expect("a sound disk");

    // Past the limit the writer does not wait for the thread, and gives the space back.
    let limits = Limits { copy_from: 100, force_from: 200, step: 50 };
    let mut checkpointer = Checkpointer::start(&path, limits, readers).expect("a thread");
    append(250);
    assert_eq!(upkeep(&mut checkpointer), Upkeep::Restarted);
    let log = std::fs::metadata(folder.path().join("a.db-wal")).expect("the log");
    assert_eq!(log.len(), 0);
    checkpointer.stop().expect("a sound disk");
}

#[tokio::test]
async fn own_commits_leave_the_epoch_known_and_those_of_others_do_not() {
    let (folder, store, tenant) = store_with_tenant().await;
    let other = connect(&folder.path().join(crate::FILE_NAME), Role::Upkeep).expect("another connection");
    let change = |times| {
        for _ in 0..times {
            other.execute("UPDATE registry SET epoch = epoch + 1", []).expect("the registry can be changed");
        }
    };
    let epoch = store.registry_epoch().await.expect("an epoch");
    let before = store.readers.header();
    create(&store, tenant, "e1", 10).await.expect("there is room");
    let after = store.readers.header();
    assert!(after.follows(&before) && !before.follows(&after) && !after.follows(&after));
    assert!(store.epoch.is_known_at(after), "nothing needs to be read");
    assert_eq!(store.registry_epoch().await.expect("an epoch"), epoch);
    change(1);
    assert!(!store.epoch.is_known_at(store.readers.header()));
    create(&store, tenant, "e2", 10).await.expect("there is room");
    assert!(!store.epoch.is_known_at(store.readers.header()), "what was not known before is not known after");
    assert_eq!(store.registry_epoch().await.expect("an epoch"), epoch + 1);
    let before = store.readers.header();
    change(2);
    assert!(!store.readers.header().follows(&before), "two commits are not one");
    assert_eq!(store.registry_epoch().await.expect("an epoch"), epoch + 3);
}

/// Tells the time, and remembers on which threads it was asked.
struct Watched(Arc<FixedClock>, std::sync::Mutex<Vec<String>>);

impl model::Clock for Watched {
    fn now(&self) -> model::Ticks {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        self.1.lock().expect("nothing panics under it").push(name);
        self.0.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_the_writer_idle_is_served_on_their_own_thread() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let watched = Arc::new(Watched(clock(), std::sync::Mutex::default()));
    let store = Arc::new(SqliteStore::open(folder.path(), watched.clone()).expect("the store can be opened"));
    let id = TenantId::new(uuid::Uuid::from_u128(1));
    let command = AdminCommand::AddTenant { id, name: "a tenant".into(), created: clock().now() };
    let Ok(AdminOutcome::Tenant(tenant)) = store.administer(command).await else { panic!("a tenant can be added") };
    let asked = || std::mem::take(&mut *watched.1.lock().expect("nothing panics under it"));
    let is_writer = |name: &String| name == "writer";
    asked();

    // The writer's thread may still be giving the desk back after it has answered.
    for at in 0.. {
        create(&store, tenant, &format!("alone{at}"), 10).await.expect("there is room");
        if !asked().iter().any(is_writer) {
            break;
        }
    }
    assert!(in_one_group(&store, tenant, (0..5).map(|at| (format!("g{at}"), 10))).await.iter().all(Result::is_ok));
    let on = asked();
    assert!(!on.is_empty() && on.iter().all(is_writer), "{on:?}");

    let many = (0..40).map(|at| {
        let store = store.clone();
        tokio::spawn(async move { create(&store, tenant, &format!("many{at}"), 10).await })
    });
    for created in many.collect::<Vec<_>>() {
        created.await.expect("no task panics").expect("there is room");
    }
    for at in 0..40 {
        let key = model::EventKey { id: format!("many{at}").parse().expect("an id"), kind: None };
        assert!(store.load_event(tenant, &key).await.expect("reads go on").is_some(), "{at}");
    }
    store.close().await;
    let closed = create(&store, tenant, "late", 10).await;
    assert!(matches!(closed, Err(WriteError::Store(StoreError::Stopped(_)))), "{closed:?}");
}
