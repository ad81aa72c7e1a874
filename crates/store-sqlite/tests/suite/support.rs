//! A store in a folder of its own.

use model::{
    Actor, Clock as _, Command, EventKind, Finding, FixedClock, MatchClass, NewEvidence, NewId, NewRiskEvent,
    Repeatability, RiskEventStatus, RiskLevel, TenantId, TenantKey, Tracking,
};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::contract::Harness;
use store::{AdminCommand, AdminOutcome, BoxFuture, ListError, Outcome, Store, StoreError, WriteError};
use store_sqlite::SqliteStore;

/// A clock that stands still.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2024-03-03T06:00:00Z".parse().expect("a time")))
}

/// Opens the store in a folder.
pub(crate) fn open(folder: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder, clock()).expect("the store can be opened"))
}

/// A store in a temporary folder, with everything that a contract case may do to it.
pub(crate) struct Folder {
    clock: Arc<FixedClock>,
    store: Mutex<Arc<SqliteStore>>,
    place: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let clock = clock();
        let store = SqliteStore::open(place.path(), clock.clone()).expect("the store can be opened");
        Self { clock, store: Mutex::new(Arc::new(store)), place }
    }
}

impl Harness for Folder {
    fn store(&self) -> Arc<dyn Store> {
        self.store.lock().expect("no test goes on after a panic").clone()
    }

    fn reopen(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store().close().await;
            let store = SqliteStore::open(self.place.path(), self.clock.clone()).expect("the store can be reopened");
            *self.store.lock().expect("no test goes on after a panic") = Arc::new(store);
        })
    }

    fn clock(&self) -> &FixedClock {
        &self.clock
    }
}

/// Adds a tenant.
pub(crate) async fn tenant(store: &dyn Store, number: u128) -> TenantKey {
    let id = TenantId::new(uuid::Uuid::from_u128(number));
    let command = AdminCommand::AddTenant { id, name: "a tenant".into(), created: clock().now() };
    match store.administer(command).await {
        Ok(AdminOutcome::Tenant(key)) => key,
        other => panic!("adding a tenant came to {other:?}"),
    }
}

/// An event with an id that its client chose.
pub(crate) fn event(id: &str) -> NewRiskEvent {
    NewRiskEvent {
        id: NewId::Chosen(id.parse().expect(id)),
        kind: EventKind::LeakedCredentials,
        user_display_name: "Mara Lind".into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: "2024-03-02T23:10:04.2255665Z".parse().expect("a time"),
        risk_event_type: "leakedCredentials".into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: None,
        user_id: "u1".into(),
        impacted_user: None,
        evidence: Vec::new(),
    }
}

/// The same with two items of evidence.
pub(crate) fn with_evidence(id: &str) -> NewRiskEvent {
    let evidence = ["a", "b"].map(|source| NewEvidence {
        finding: Finding {
            source: source.into(),
            match_class: MatchClass::Pair,
            matched_attribute: None,
            matched_rule: None,
        },
        first_seen: None,
        last_seen: None,
        occurrences: 1,
        account_enabled: None,
    });
    NewRiskEvent { evidence: evidence.into(), ..event(id) }
}

/// Creates an event.
pub(crate) async fn create(store: &dyn Store, tenant: TenantKey, id: &str) -> Result<Outcome, WriteError> {
    create_as(store, tenant, event(id)).await
}

/// Creates an event that may differ from the usual one.
pub(crate) async fn create_as(store: &dyn Store, tenant: TenantKey, new: NewRiskEvent) -> Result<Outcome, WriteError> {
    let actor = Actor { app: "tests".into(), user: None };
    store.execute(tenant, actor, Command::CreateEvent(Box::new(new))).await
}

/// Creates an event by a repeatable request, whose id is the event's.
pub(crate) async fn create_once(store: &dyn Store, tenant: TenantKey, id: &str) -> Result<(), ListError> {
    let repeatability = Repeatability {
        request_id: id.parse().expect(id),
        first_sent: clock().now(),
        digest: [7; 32],
        tracking: Tracking { window: Duration::from_hours(24), most: 1000 },
    };
    let actor = Actor { app: "tests".into(), user: None };
    let command = Command::CreateEvent(Box::new(event(id)));
    store.execute_all(tenant, actor, vec![command], Some(repeatability)).await.map(drop)
}

/// A folder whose store has one tenant with some events, and is closed.
pub(crate) async fn filled(events: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = open(folder.path());
    fill(&*store, events).await;
    store.close().await;
    folder
}

/// Adds a tenant with some events.
pub(crate) async fn fill(store: &dyn Store, events: usize) -> TenantKey {
    let tenant = tenant(store, 1).await;
    for number in 0..events {
        create(store, tenant, &format!("e{number}")).await.expect("an event can be made");
    }
    tenant
}

/// Another program's connection to a store's file.
pub(crate) fn raw(folder: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(store_sqlite::database_file(folder)).expect("the file can be opened");
    db.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("a pragma");
    db
}

/// A number from a store's file.
pub(crate) fn number(db: &rusqlite::Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// Why the store in a folder cannot be opened.
pub(crate) fn refusal(folder: &Path) -> StoreError {
    match SqliteStore::open(folder, clock()) {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}
