//! A store in a database of its own.

use model::{
    Actor, Clock as _, Command, EventKind, FixedClock, NewId, NewRiskEvent, RiskEventStatus, RiskLevel, TenantId,
    TenantKey,
};
use postgres_cluster::{Database, shared};
use std::sync::{Arc, Mutex};
use store::{AdminCommand, AdminOutcome, BoxFuture, Outcome, Store, WriteError};
use store_postgres::PostgresStore;

/// A clock that stands still.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2024-03-03T06:00:00Z".parse().expect("a time")))
}

/// Opens the store in a database.
pub(crate) async fn open(url: &str, clock: Arc<FixedClock>) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(url, clock).await.expect("the store can be opened"))
}

/// A store in a database of its own, with everything that a contract case may do to it.
pub(crate) struct Harness {
    clock: Arc<FixedClock>,
    store: Mutex<Arc<PostgresStore>>,
    database: Database,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let database = shared().database();
        let clock = clock();
        let store = open(database.url(), clock.clone()).await;
        Self { clock, store: Mutex::new(store), database }
    }
}

impl store::contract::Harness for Harness {
    fn store(&self) -> Arc<dyn Store> {
        self.store.lock().expect("no test goes on after a panic").clone()
    }

    fn reopen(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.store().close().await;
            let store = open(self.database.url(), self.clock.clone()).await;
            *self.store.lock().expect("no test goes on after a panic") = store;
        })
    }

    fn clock(&self) -> &FixedClock {
        &self.clock
    }

    fn unsound(&self) -> &[&'static str] {
        &["fsync", "full_page_writes"]
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

/// An event about a user, with an id that its client chose, or one that the store makes.
pub(crate) fn event(id: Option<&str>, user: &str) -> NewRiskEvent {
    NewRiskEvent {
        id: id.map_or(NewId::Made { chance: 42 }, |id| NewId::Chosen(id.parse().expect(id))),
        kind: EventKind::LeakedCredentials,
        user_display_name: "Mara Lind".into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: "2024-03-02T23:10:04.2255665Z".parse().expect("a time"),
        risk_event_type: "leakedCredentials".into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: None,
        user_id: user.into(),
        impacted_user: None,
        evidence: Vec::new(),
    }
}

/// Creates an event.
pub(crate) async fn create(store: &dyn Store, tenant: TenantKey, new: NewRiskEvent) -> Result<Outcome, WriteError> {
    let actor = Actor { app: "tests".into(), user: None };
    store.execute(tenant, actor, Command::CreateEvent(Box::new(new))).await
}
