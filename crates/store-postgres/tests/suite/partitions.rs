//! Hash partitions by tenant over three servers, as docs/postgresql.md describes them. The contract is kept there too:
//! `contract::over_partitions`.

use crate::support::{
    PARTITION_SERVER, acknowledged, clock, create, event, open, partition_by_tenant, tenant, writers,
};
use model::{EventKey, EventKind, TenantKey, Total};
use postgres_cluster::{Cluster, Options};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::contract::{Snapshot, snapshot};
use store::{PageQuery, Source, Store, StoreError, WriteError};
use store_postgres::PostgresStore;

const DATABASE: &str = "spillwatch";

/// The first server's tables, and which of the others a tenant is on.
struct Servers([Cluster; 3]);

impl Servers {
    /// Three servers with a schema each, not yet partitioned.
    async fn start() -> Self {
        let servers = Self([(); 3].map(|()| Cluster::start(&Options::fast()).expect("a server starts")));
        for server in &servers.0 {
            server.create_database(DATABASE, None).expect("it is new");
            open(&server.url(DATABASE), clock()).await.close().await;
        }
        servers
    }

    fn partition(&self) {
        let [first, second, third] = &self.0;
        for part in [second, third] {
            part.sql(DATABASE, PARTITION_SERVER).expect("a part is prepared");
        }
        let script = partition_by_tenant(&second.url(DATABASE), &third.url(DATABASE));
        first.sql(DATABASE, &script).expect("the tables are partitioned");
    }

    fn url(&self) -> String {
        self.0[0].url(DATABASE)
    }

    /// The server that a tenant's rows are on: all of them.
    fn of(&self, tenant: TenantKey) -> usize {
        let count = |server: usize| {
            let part = if server == 0 { "_0" } else { "" };
            let tables = ["tenants", "risk_events", "changes", "totals", "risky_users", "actors"];
            let counts =
                tables.map(|table| format!("(select count(*) from {table}{part} where tenant = {})", tenant.0));
            let sql = format!("select {}", counts.join(", "));
            self.0[server].sql(DATABASE, &sql).expect("it runs")
        };
        let counts = [0, 1, 2].map(count);
        let with: Vec<usize> = (0..3).filter(|server| counts[*server] != "0|0|0|0|0|0").collect();
        assert!(with.len() == 1 && !counts[with[0]].split('|').any(|count| count == "0"), "{counts:?}");
        with[0]
    }
}

/// Tenants with an event each.
async fn tenants(store: &dyn Store, numbers: std::ops::Range<u128>) -> Vec<TenantKey> {
    let mut tenants = Vec::new();
    for number in numbers {
        let tenant = tenant(store, number).await;
        create(store, tenant, event(Some("e1"), "u1")).await.expect("it is created");
        tenants.push(tenant);
    }
    tenants
}

async fn snapshots(store: &dyn Store, tenants: &[TenantKey]) -> Vec<Snapshot> {
    let mut all = Vec::new();
    for tenant in tenants {
        all.push(snapshot(store, *tenant).await);
    }
    all
}

/// Everything that a client asks of a tenant, once.
async fn use_everything(store: &dyn Store, tenant: TenantKey, id: &str) -> Result<(), StoreError> {
    let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
    store.load_event(tenant, &key).await?;
    store.evidence(tenant, &key).await?;
    store.load_risky_user(tenant, "u1").await?;
    store.history(tenant, "u1", None, 10).await?;
    store.totals(tenant).await?;
    store.changes(tenant, 0, 10).await?;
    store.log_end(tenant).await?;
    store.registry_epoch().await?;
    for source in [Source::Events(None), Source::Events(Some(EventKind::LeakedCredentials)), Source::RiskyUsers] {
        store.page(tenant, PageQuery::all(source, 10), &mut |_: &dyn odata::encode::Row| Ok(())).await?;
    }
    match create(store, tenant, event(Some(id), "u2")).await {
        Ok(_) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_with_data_is_partitioned_and_a_tenant_needs_its_own_server_only() {
    let mut servers = Servers::start().await;
    let store = open(&servers.url(), clock()).await;
    let mut all = tenants(&*store, 1..7).await;
    let before = snapshots(&*store, &all).await;
    let registry = store.registry().await.expect("the registry can be read");
    store.close().await;

    let why = servers.0[0].sql(DATABASE, PARTITION_SERVER).expect_err("it has tenants");
    assert!(why.to_string().contains("tenants of its own"), "{why}");
    servers.partition();
    let store = open(&servers.url(), clock()).await;
    assert!(store.migrations().is_empty());
    assert_eq!(snapshots(&*store, &all).await, before);
    assert_eq!(store.registry().await.expect("the registry can be read"), registry);
    all.extend(tenants(&*store, 7..10).await);
    assert_eq!(all.last(), Some(&TenantKey(9)), "numbers go on");
    let parts: Vec<usize> = all.iter().map(|tenant| servers.of(*tenant)).collect();
    for server in 0..3 {
        assert!(parts.contains(&server), "{parts:?}");
    }
    for finding in store.check().await.expect("it can be checked") {
        assert!(finding.sound || ["fsync", "full_page_writes"].contains(&finding.subject), "{finding:?}");
    }

    // Whoever is on the first two servers does not notice that the third is gone.
    servers.0[2].kill().expect("it runs");
    for (tenant, part) in all.iter().zip(&parts) {
        for number in 0..8 {
            let outcome = use_everything(&*store, *tenant, &format!("n{number}")).await;
            match part {
                2 => assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}"),
                _ => outcome.expect("its server is there"),
            }
        }
    }
    let refused = store.registry().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "the list of tenants needs all servers: {refused:?}");
    servers.0[2].start_again().expect("it starts");
    for (tenant, part) in all.iter().zip(&parts) {
        use_everything(&*store, *tenant, "later").await.expect("all servers are there");
        assert_eq!(snapshot(&*store, *tenant).await.events(), if *part == 2 { 2 } else { 10 });
    }

    // What a client filters by is asked of the tenant's server, and of no other.
    let tenant = all[parts.iter().position(|part| *part == 1).expect("one is on the second server")];
    let plan = |condition: &str| {
        let sql = format!(
            "prepare q (bigint, text) as select e.key from risk_events as e where e.tenant = $1 and {condition} \
             order by e.key desc limit 10; explain (verbose, costs off) execute q ({}, 'u1')",
            tenant.0
        );
        servers.0[0].sql(DATABASE, &sql).expect("it can be planned")
    };
    for condition in ["e.user_id = $2::text", "e.user_id = any(array[$2])", "e.risk_level in (2, 3) and $2 <> ''"] {
        let plan = plan(condition);
        assert_eq!(plan.matches("Remote SQL").count(), 1, "{plan}");
        assert!(!plan.contains("Filter:") && !plan.contains("Seq Scan"), "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whichever_server_is_killed() {
    let mut servers = Servers::start().await;
    servers.partition();
    let nodes = [open(&servers.url(), clock()).await, open(&servers.url(), clock()).await];
    let all = tenants(&*nodes[0], 1..7).await;
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers = writers(&nodes, &all, 2, &is_over, &count);
    for server in [0, 1, 2, 0] {
        let before = count.load(Ordering::SeqCst);
        acknowledged(&count, before + 300).await;
        servers.0[server].kill().expect("it runs");
        servers.0[server].start_again().expect("it starts");
    }
    let before = count.load(Ordering::SeqCst);
    acknowledged(&count, before + 300).await;
    is_over.store(true, Ordering::SeqCst);
    let written = writers.join_all().await.concat();
    for tenant in &all {
        let found = snapshot(&*nodes[0], *tenant).await;
        let ids: std::collections::HashSet<&str> = found.changes().iter().map(|change| &*change.entry.id).collect();
        for (_, id) in written.iter().filter(|(of, _)| of == tenant) {
            assert!(ids.contains(&**id), "{id} is lost");
        }
        assert_eq!(found, snapshot(&*nodes[1], *tenant).await);
    }
    for finding in nodes[0].check().await.expect("it can be checked") {
        assert!(finding.sound || ["fsync", "full_page_writes"].contains(&finding.subject), "{finding:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_many_nodes_take_turns_at_a_tenant_on_another_server() {
    let servers = Servers::start().await;
    servers.partition();
    let mut nodes: Vec<Arc<PostgresStore>> = Vec::new();
    for _ in 0..3 {
        nodes.push(open(&servers.url(), clock()).await);
    }
    let all = tenants(&*nodes[0], 1..7).await;
    let tenant = *all.iter().find(|tenant| servers.of(**tenant) != 0).expect("one is elsewhere");
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers = writers(&nodes, &[tenant], 4, &is_over, &count);
    acknowledged(&count, 400).await;
    is_over.store(true, Ordering::SeqCst);
    let written = writers.join_all().await.concat();
    let found = snapshot(&*nodes[0], tenant).await;
    assert_eq!(found.events(), written.len() + 1, "nobody was turned away, and nothing was written twice");
    let totals = nodes[1].totals(tenant).await.expect("totals can be read");
    let events = totals.iter().filter(|(total, _)| matches!(total, Total::Events(..))).map(|(_, count)| count);
    assert_eq!(events.sum::<u64>(), found.events() as u64);
}
