//! A store in a database of its own.

use model::{
    Actor, Clock as _, Command, EventKind, FixedClock, NewId, NewRiskEvent, RiskEventStatus, RiskLevel, TenantId,
    TenantKey,
};
use postgres_cluster::{Database, shared};
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{AdminCommand, AdminOutcome, BoxFuture, Outcome, Store, StoreError, WriteError};
use store_postgres::PostgresStore;
use tokio::task::JoinSet;

/// The pause between two looks at something that is about to happen.
pub(crate) const LOOK: Duration = Duration::from_millis(5);

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
    /// Where other parts of its tables are.
    _parts: Vec<Database>,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::over(shared().database(), Vec::new()).await
    }

    /// One whose tables have hash partitions by tenant, in three databases.
    pub(crate) async fn over_partitions() -> Self {
        let template = with_schema();
        let [first, second, third] = [(); 3].map(|()| shared().database_from(&template));
        for part in [&second, &third] {
            part.sql(PARTITION_SERVER).expect("a part is prepared");
        }
        first.sql(&partition_by_tenant(second.url(), third.url())).expect("the tables are partitioned");
        Self::over(first, vec![second, third]).await
    }

    async fn over(database: Database, parts: Vec<Database>) -> Self {
        let clock = clock();
        let store = open(database.url(), clock.clone()).await;
        Self { clock, store: Mutex::new(store), database, _parts: parts }
    }
}

/// The script that makes a server ready for a part of another one's tables.
pub(crate) const PARTITION_SERVER: &str = include_str!("../../../../migrations/postgres/layouts/partition_server.sql");

/// The script that partitions the tables of a database over itself and two others.
pub(crate) fn partition_by_tenant(second: &str, third: &str) -> String {
    let mut script = format!("\\set remote_user '{}'\n", postgres_cluster::USER);
    for (name, url) in [("second", second), ("third", third)] {
        let (_, rest) = url.split_once('@').expect("a user");
        let (address, database) = rest.split_once('/').expect("a database");
        let (host, port) = address.split_once(':').expect("a port");
        let set =
            format!("\\set {name}_host '{host}'\n\\set {name}_port '{port}'\n\\set {name}_database '{database}'\n");
        script.push_str(&set);
    }
    script + include_str!("../../../../migrations/postgres/layouts/partition_by_tenant.sql")
}

/// The name of a database with the schema and nothing else, to be copied.
fn with_schema() -> String {
    let migrations = (
        include_str!("../../../../migrations/postgres/0001_foundation.sql"),
        include_str!("../../../../migrations/postgres/0002_functions.sql"),
        include_str!("../../../../migrations/postgres/0003_directory.sql"),
        include_str!("../../../../migrations/postgres/0004_places.sql"),
    );
    let mut hasher = std::hash::DefaultHasher::new();
    migrations.hash(&mut hasher);
    let name = format!("schema_{:016x}", hasher.finish());
    let fill = |url: &str| {
        let fill = async { open(url, clock()).await.close().await };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(fill));
    };
    shared().template(&name, fill).expect("a database can be copied");
    name
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

/// Writers that create events, `each` for a node and a tenant, until it is over. When the database is away they go on
/// with the next; anything else is a fault. They answer what was acknowledged.
pub(crate) fn writers(
    nodes: &[Arc<PostgresStore>],
    tenants: &[TenantKey],
    each: usize,
    is_over: &Arc<AtomicBool>,
    count: &Arc<AtomicUsize>,
) -> JoinSet<Vec<(TenantKey, String)>> {
    let mut writers = JoinSet::new();
    for (place, node) in nodes.iter().enumerate() {
        for (tenant, task) in tenants.iter().flat_map(|tenant| (0..each).map(|task| (*tenant, task))) {
            let (node, is_over, count) = (node.clone(), is_over.clone(), count.clone());
            writers.spawn(async move {
                let (mut written, mut number) = (Vec::new(), 0);
                while !is_over.load(Ordering::SeqCst) {
                    let id = format!("n{place}-{task}-{number}");
                    number += 1;
                    match create(&*node, tenant, event(Some(&id), &format!("u{}", number % 7))).await {
                        Ok(_) => {
                            written.push((tenant, id));
                            count.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(WriteError::Store(StoreError::Unavailable(_))) => tokio::time::sleep(LOOK).await,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                written
            });
        }
    }
    writers
}

/// Waits until so many writes were acknowledged.
pub(crate) async fn acknowledged(count: &AtomicUsize, wanted: usize) {
    let start = tokio::time::Instant::now();
    while count.load(Ordering::SeqCst) < wanted {
        assert!(start.elapsed() < Duration::from_mins(2), "writers do not go on: {count:?} of {wanted}");
        tokio::time::sleep(LOOK).await;
    }
}
