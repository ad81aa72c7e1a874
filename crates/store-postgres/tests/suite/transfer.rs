//! Stores that are moved into a database and back.

use crate::directory::{directory_of, live_with_jobs};
use crate::support::{clock, open};
use model::{
    Actor, App, AppSecret, Clock as _, Command, FixedClock, NewRiskEvent, PermissionSet, TaskKind, TenantId, TenantKey,
    Ticks,
};
use postgres_cluster::shared;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::contract::life::{Request, live, seen_of};
use store::transfer::{Archive, Beginning, Progress, TransferError, Verdict, transfer, transfer_in_portions};
use store::{AdminCommand, AdminOutcome, Store, StoreError, TaskCommand};
use store_postgres::{PostgresArchive, PostgresStore};
use store_sqlite::{SqliteArchive, SqliteStore};
use uuid::Uuid;

/// A store in a folder that has lived.
struct Lived {
    folder: tempfile::TempDir,
    clock: Arc<FixedClock>,
    tenants: [TenantKey; 2],
    requests: Vec<Request>,
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn sqlite(folder: &Path, clock: &Arc<FixedClock>) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(folder, clock.clone()).expect("the store can be opened"))
}

async fn add_tenant(store: &dyn Store, number: u128) -> TenantKey {
    let id = TenantId::new(Uuid::from_u128(number));
    let command = AdminCommand::AddTenant { id, name: format!("tenant {number} ł").into(), created: Ticks::default() };
    match store.administer(command).await.expect("a tenant can be added") {
        AdminOutcome::Tenant(key) => key,
        other => panic!("adding a tenant came to {other:?}"),
    }
}

impl Lived {
    async fn new(seed: u64, steps: u32) -> Self {
        let (folder, clock) = (folder(), clock());
        let store = sqlite(folder.path(), &clock);
        let gone = add_tenant(&*store, 7).await;
        let tenants = [add_tenant(&*store, 1).await, add_tenant(&*store, 2).await];
        let last = add_tenant(&*store, 8).await;
        let secret = AppSecret { id: Uuid::from_u128(5), sha256: [9; 32], created: clock.now(), expires: clock.now() };
        let app = App {
            id: Uuid::from_u128(4),
            tenant: tenants[1],
            name: "an app".into(),
            permissions: PermissionSet::all(),
            created: clock.now(),
            secrets: vec![secret],
        };
        store.administer(AdminCommand::AddApp(app)).await.expect("an app can be added");
        let requests = live(&*store, &clock, &[gone, tenants[0], last, tenants[1]], (seed, steps)).await;
        for tenant in [gone, tenants[0]] {
            live_with_jobs(&*store, tenant, (seed, steps / 4), true).await;
            let payloads = ["{}", r#"{"at":"ł"}"#].map(Into::into).to_vec();
            let command = TaskCommand::Add { job: seed, kind: TaskKind::Scan, priority: -1, first: 0, payloads };
            store.administer(AdminCommand::Tasks { tenant, command }).await.expect("tasks can be added");
        }
        for tenant in [gone, last] {
            store.administer(AdminCommand::RemoveTenant(tenant)).await.expect("a tenant can be removed");
        }
        store.close().await;
        let requests = requests.into_iter().filter(|request| tenants.contains(&request.tenant)).collect();
        Self { folder, clock, tenants, requests }
    }

    fn archive(&self) -> SqliteArchive {
        SqliteArchive::open(self.folder.path()).expect("an archive")
    }

    fn open(&self) -> Arc<dyn Store> {
        sqlite(self.folder.path(), &self.clock)
    }

    /// Everything that can be seen of a store that should be this one.
    async fn seen(&self, store: &dyn Store) -> Vec<String> {
        let mut seen = vec![format!("{:?}", store.registry().await.expect("the registry"))];
        for tenant in self.tenants {
            seen.extend(seen_of(store, tenant).await);
            seen.extend(directory_of(store, tenant).await);
        }
        for Request { tenant, actor, repeatability, outcomes } in &self.requests {
            match store.executed(*tenant, actor, repeatability).await {
                Ok(Some(known)) => assert_eq!(&known, outcomes),
                other => seen.push(format!("{other:?}")),
            }
        }
        seen
    }
}

/// Goes through without a word.
async fn moved(from: &dyn Archive, to: &dyn Archive) -> Vec<Verdict> {
    transfer(from, to, &mut |_| true).await.expect("the store can be moved")
}

async fn database(url: &str) -> PostgresArchive {
    PostgresArchive::open(url).await.expect("an archive")
}

/// How a transfer begins; nothing of it is done.
async fn beginning(from: &dyn Archive, to: &dyn Archive) -> Result<Beginning, TransferError> {
    let mut begun = None;
    let outcome = transfer(from, to, &mut |progress| {
        if let Progress::Begun(beginning) = progress {
            begun = Some(beginning);
        }
        false
    })
    .await;
    match outcome {
        Err(TransferError::Interrupted) => Ok(begun.expect("it was told")),
        Err(error) => Err(error),
        Ok(verdicts) => panic!("nobody wanted it to go on: {verdicts:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_the_same_in_a_database_and_back() {
    for seed in 1..=3 {
        let lived = Lived::new(seed, 300).await;
        let (database_, back) = (shared().database(), folder());
        let there = moved(&lived.archive(), &database(database_.url()).await).await;
        let and_back = moved(&database(database_.url()).await, &SqliteArchive::open(back.path()).expect("one")).await;
        assert_eq!(there, and_back);
        assert!(there.iter().all(|verdict| verdict.is_equal() && verdict.source.rows > 0), "{there:?}");

        let stores: [Arc<dyn Store>; 3] =
            [lived.open(), open(database_.url(), lived.clock.clone()).await, sqlite(back.path(), &lived.clock)];
        let before = lived.seen(&*stores[0]).await;
        for store in &stores[1..] {
            assert_eq!(lived.seen(&**store).await, before);
        }
        // Life goes on alike.
        let now = lived.clock.now();
        let mut further = Vec::new();
        for store in &stores {
            lived.clock.advance_seconds((now.get() - lived.clock.now().get()) / 10_000_000);
            let requests = live(&**store, &lived.clock, &lived.tenants, (seed + 100, 150)).await;
            further.push((format!("{requests:?}"), lived.seen(&**store).await, add_tenant(&**store, 9).await));
        }
        assert!(further[0].0.len() > 100 && further[0].1 != before, "something has happened");
        assert_eq!(further[0], further[1]);
        assert_eq!(further[0], further[2]);
        for store in &stores {
            let findings = store.check().await.expect("a check");
            let unsound = |finding: &&store::Finding| {
                !finding.sound && !["fsync", "full_page_writes", "file permissions"].contains(&finding.subject)
            };
            assert_eq!(findings.iter().find(unsound), None);
            store.close().await;
        }
    }
}

/// Moves a store with an interruption after each transaction.
async fn moved_in_pieces<A: Archive, B: Archive>(from: impl AsyncFn() -> A, to: impl AsyncFn() -> B) -> usize {
    for run in 0.. {
        let mut told = 0;
        let outcome = transfer_in_portions(&from().await, &to().await, 5, &mut |progress| {
            let expected = if run == 0 { Beginning::Fresh } else { Beginning::Resumed };
            match progress {
                Progress::Begun(beginning) => assert_eq!(beginning, expected),
                _ => told += 1,
            }
            // A read-back begins anew each time.
            matches!(progress, Progress::Begun(_) | Progress::Verified { .. } | Progress::Checking)
        })
        .await;
        match outcome {
            Ok(verdicts) => {
                assert!(verdicts.iter().all(Verdict::is_equal));
                return run;
            }
            Err(error) => assert!(matches!(error, TransferError::Interrupted), "{error}"),
        }
        assert_eq!(told, 1, "each run goes on by one transaction");
    }
    unreachable!("it ends")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_goes_on_wherever_it_is_interrupted() {
    let lived = Lived::new(11, 600).await;
    let (database_, back) = (shared().database(), folder());
    let runs = moved_in_pieces(async || lived.archive(), async || database(database_.url()).await);
    assert!(runs.await > 60, "each table takes some runs");
    moved_in_pieces(async || database(database_.url()).await, async || SqliteArchive::open(back.path()).expect("one"))
        .await;
    let expected = lived.seen(&*lived.open()).await;
    assert_eq!(lived.seen(&*open(database_.url(), lived.clock.clone()).await).await, expected);
    assert_eq!(lived.seen(&*sqlite(back.path(), &lived.clock)).await, expected);
}

#[track_caller]
fn is_unfinished<T>(opened: Result<T, StoreError>) {
    match opened {
        Err(StoreError::Unusable(why)) => assert!(why.contains("spillwatch migrate"), "{why}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("half a store is opened"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_store_is_opened_by_nobody() {
    let lived = Lived::new(21, 40).await;
    let (database_, back, third) = (shared().database(), folder(), folder());
    let halfway = database(database_.url()).await;
    beginning(&lived.archive(), &halfway).await.expect("it begins");
    is_unfinished(PostgresStore::open(database_.url(), lived.clock.clone()).await);
    let onwards = SqliteArchive::open(third.path()).expect("one");
    let half = beginning(&halfway, &onwards).await;
    assert!(matches!(half, Err(TransferError::SourceIsUnfinished)), "{half:?}");

    moved(&lived.archive(), &halfway).await;
    beginning(&halfway, &SqliteArchive::open(back.path()).expect("one")).await.expect("it begins");
    is_unfinished(SqliteStore::open(back.path(), lived.clock.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_moved_into_an_empty_one_only() {
    let (lived, other) = (Lived::new(31, 20).await, Lived::new(32, 20).await);
    let database_ = shared().database();
    let target = database(database_.url()).await;
    let empty = folder();
    let nothing = beginning(&SqliteArchive::open(empty.path()).expect("one"), &target).await;
    assert!(matches!(nothing, Err(TransferError::NothingToMove)), "{nothing:?}");

    moved(&lived.archive(), &target).await;
    for (from, to) in [(&other.archive() as &dyn Archive, &target as &dyn Archive), (&target, &other.archive())] {
        let full = beginning(from, to).await;
        assert!(matches!(full, Err(TransferError::NotEmpty)), "{full:?}");
    }
    let expected = lived.seen(&*lived.open()).await;
    assert_eq!(lived.seen(&*open(database_.url(), lived.clock.clone()).await).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_another_store_is_left_alone() {
    let lived = Lived::new(41, 20).await;
    let strange = folder();
    let store = sqlite(strange.path(), &lived.clock);
    add_tenant(&*store, 77).await;
    store.close().await;
    let database_ = shared().database();
    let target = database(database_.url()).await;
    beginning(&lived.archive(), &target).await.expect("it begins");
    let other = beginning(&SqliteArchive::open(strange.path()).expect("one"), &target).await;
    assert!(matches!(other, Err(TransferError::OtherSource)), "{other:?}");
    assert_eq!(beginning(&lived.archive(), &target).await.expect("it goes on"), Beginning::Resumed);
}

/// Writes something, each time something else, that shows in the source or not.
async fn write(store: &dyn Store, lived: &Lived, number: u32) {
    let steps = if number == 0 { 1 } else { 12 };
    live(store, &lived.clock, &lived.tenants, (u64::from(number) + 500, steps)).await;
    store.administer(AdminCommand::RaiseEpoch).await.expect("an epoch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_written_to_is_noticed_and_begun_anew() {
    let lived = Lived::new(51, 60).await;
    let (database_, back) = (shared().database(), folder());
    let (source, target) = (lived.archive(), database(database_.url()).await);

    // Between two runs.
    beginning(&source, &target).await.expect("it begins");
    let store = lived.open();
    write(&*store, &lived, 0).await;
    assert_eq!(beginning(&source, &target).await.expect("it begins"), Beginning::SourceHasChanged);
    assert_eq!(beginning(&source, &target).await.expect("it begins"), Beginning::Resumed);

    // During one, at its beginning and at its very end.
    for at_the_end in [false, true] {
        let mut number = 0;
        let outcome = transfer(&source, &target, &mut |progress| {
            let now = matches!((progress, at_the_end), (Progress::Copied { .. }, false) | (Progress::Checking, true));
            if now && number == 0 {
                number += 1;
                tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(write(&*store, &lived, 3 + u32::from(at_the_end)));
                });
            }
            true
        })
        .await;
        match outcome {
            Err(TransferError::SourceHasChanged) => {}
            other => panic!("{at_the_end}: {other:?}"),
        }
        is_unfinished(PostgresStore::open(database_.url(), lived.clock.clone()).await);
    }
    store.close().await;
    moved(&source, &target).await;
    let expected = lived.seen(&*lived.open()).await;
    assert_eq!(lived.seen(&*open(database_.url(), lived.clock.clone()).await).await, expected);

    // The other way.
    let to = SqliteArchive::open(back.path()).expect("one");
    transfer(&target, &to, &mut |progress| !matches!(progress, Progress::Copied { table: "changes", .. }))
        .await
        .expect_err("it is interrupted");
    let store = open(database_.url(), lived.clock.clone()).await;
    write(&*store, &lived, 9).await;
    let mut begun = None;
    transfer(&target, &to, &mut |progress| {
        if let Progress::Begun(beginning) = progress {
            begun = Some(beginning);
        }
        true
    })
    .await
    .expect("the store can be moved");
    assert_eq!(begun, Some(Beginning::SourceHasChanged));
    assert_eq!(lived.seen(&*sqlite(back.path(), &lived.clock)).await, lived.seen(&*store).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_differs_is_not_taken_for_the_source() {
    let lived = Lived::new(61, 60).await;
    let database_ = shared().database();
    let (source, target) = (lived.archive(), database(database_.url()).await);
    let spoil = [
        ("UPDATE app_secrets SET sha256 = 'x'", "app_secrets"),
        ("UPDATE changes SET time = time + 1 WHERE sequence = 1", "changes"),
        (
            "UPDATE risk_events SET user_display_name = 'Mallory' WHERE key = (SELECT min(key) FROM risk_events)",
            "risk_events",
        ),
        ("DELETE FROM risky_users WHERE key = (SELECT max(key) FROM risky_users)", "risky_users"),
    ];
    for (round, (sql, table)) in spoil.into_iter().enumerate() {
        let mut is_spoilt = false;
        let mut begun = None;
        let outcome = transfer(&source, &target, &mut |progress| {
            match progress {
                Progress::Begun(beginning) => begun = Some(beginning),
                // Tenants are read back first.
                Progress::Verified { .. } if !is_spoilt => {
                    is_spoilt = true;
                    database_.sql(sql).expect(sql);
                }
                _ => {}
            }
            true
        })
        .await;
        match outcome {
            Err(error @ TransferError::Differs(_)) => {
                assert!(error.to_string().contains(&format!("in {table};")), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let expected = if round == 0 { Beginning::Fresh } else { Beginning::TargetDiffered };
        assert_eq!(begun, Some(expected));
        is_unfinished(PostgresStore::open(database_.url(), lived.clock.clone()).await);
    }
    assert!(moved(&source, &target).await.iter().all(Verdict::is_equal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsound_source_is_told_of() {
    let lived = Lived::new(71, 60).await;
    let database_ = shared().database();
    let (target, back) = (database(database_.url()).await, folder());
    moved(&lived.archive(), &target).await;
    database_.sql("UPDATE totals SET count = count + 1").expect("it is spoilt");
    let outcome = transfer(&target, &SqliteArchive::open(back.path()).expect("one"), &mut |_| true).await;
    match outcome {
        Err(error @ TransferError::Unsound(_)) => assert!(error.to_string().contains("kept totals"), "{error}"),
        other => panic!("{other:?}"),
    }
    is_unfinished(SqliteStore::open(back.path(), lived.clock.clone()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transfers_at_once_one_gives_way() {
    let lived = Lived::new(81, 60).await;
    let database_ = shared().database();
    let (first, second) = (database(database_.url()).await, database(database_.url()).await);
    let source = lived.archive();
    let mut is_told = false;
    let outcome = transfer(&source, &first, &mut |_| {
        if !is_told {
            is_told = true;
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(moved(&lived.archive(), &second));
            });
        }
        true
    })
    .await;
    match outcome {
        Err(TransferError::Store { error, .. }) => drop(error),
        other => panic!("{other:?}"),
    }
    let expected = lived.seen(&*lived.open()).await;
    assert_eq!(lived.seen(&*open(database_.url(), lived.clock.clone()).await).await, expected);
}

/// How long it takes: `cargo nextest run ... --run-ignored only many_events --no-capture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn many_events_are_moved_in_a_while() {
    let count: usize = std::env::var("SPILLWATCH_TEST_EVENTS").map_or(100_000, |text| text.parse().expect("a number"));
    let (from, back, clock) = (folder(), folder(), clock());
    let store = sqlite(from.path(), &clock);
    let tenant = add_tenant(&*store, 1).await;
    let actor = Actor { app: "measure".into(), user: None };
    let began = Instant::now();
    for portion in 0..count / 500 {
        let event = |number: usize| {
            let user = (portion * 500 + number) % (count / 3).max(1);
            Command::CreateEvent(Box::new(NewRiskEvent {
                id: model::NewId::Made { chance: number as u64 },
                kind: model::EventKind::LeakedCredentials,
                user_display_name: format!("Person {user}").into(),
                user_principal_name: format!("person{user}@fjord.example").into(),
                risk_event_date_time: clock.now(),
                risk_event_type: "leakedCredentials".into(),
                risk_level: model::RiskLevel::High,
                risk_event_status: model::RiskEventStatus::Active,
                closed_date_time: None,
                created_date_time: None,
                user_id: Uuid::from_u128(user as u128).to_string().into(),
                impacted_user: None,
                evidence: Vec::new(),
            }))
        };
        let commands = (0..500).map(event).collect();
        store.execute_all(tenant, actor.clone(), commands, None).await.expect("events can be made");
    }
    store.close().await;
    eprintln!("{count} events made in {:?}", began.elapsed());
    let database_ = shared().database();
    for up in [true, false] {
        let folder = if up { &from } else { &back };
        let (folder, database) =
            (SqliteArchive::open(folder.path()).expect("an archive"), database(database_.url()).await);
        let (source, target): (&dyn Archive, &dyn Archive) =
            if up { (&folder, &database) } else { (&database, &folder) };
        let (began, mut phases) = (Instant::now(), Vec::new());
        let verdicts = transfer(source, target, &mut |progress| {
            let phase = match progress {
                Progress::Copied { table, .. } => format!("copied {table}"),
                Progress::Verified { .. } => "verified".to_owned(),
                Progress::Begun(_) | Progress::Checking => format!("{progress:?}"),
            };
            phases.retain(|(known, _)| *known != phase);
            phases.push((phase, began.elapsed().as_millis()));
            true
        })
        .await;
        verdicts.expect("it can be moved");
        eprintln!("moved {} in {:?}: {phases:?}", if up { "up" } else { "back" }, began.elapsed());
    }
}
