//! A primary that is killed or hangs, and its replica that takes over, as docs/postgresql.md describes it.

use crate::support::{LOOK, acknowledged, clock, create, event, open, tenant, writers};
use model::{Actor, Command, EventKey, FixedClock, TenantKey};
use postgres_cluster::{Cluster, Options, Proxy, USER};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::contract::snapshot;
use store::{LogPlace, Store, StoreError, WriteError};
use store_postgres::PostgresStore;
use tokio::time::Instant;

const DATABASE: &str = "spillwatch";

/// A primary with an empty database, and its replica.
fn servers(is_synchronous: bool) -> (Cluster, Cluster) {
    let primary = Cluster::start(&Options::fast()).expect("a server starts");
    primary.create_database(DATABASE, None).expect("it is new");
    let replica = primary.replica("standby", &Options::fast()).expect("it streams");
    if is_synchronous {
        primary.set("synchronous_standby_names", "standby").expect("it is a setting");
        wait_for(&primary, "select sync_state from pg_stat_replication", "sync");
    }
    (primary, replica)
}

/// The address of a database on one of two servers.
fn url(first: u16, second: u16) -> String {
    format!("postgres://{USER}@127.0.0.1:{first},127.0.0.1:{second}/{DATABASE}")
}

fn wait_for(server: &Cluster, sql: &str, wanted: &str) {
    let start = Instant::now();
    while server.sql("postgres", sql).expect("it runs") != wanted {
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain for {wanted} of {sql}");
        std::thread::sleep(LOOK);
    }
}

/// Tries again while the database is away, and not for ever.
async fn until_there<T, E: std::fmt::Debug>(
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    is_away: fn(&E) -> bool,
) -> T {
    let start = Instant::now();
    loop {
        match attempt().await {
            Ok(found) => return found,
            Err(error) => assert!(is_away(&error) && start.elapsed() < Duration::from_mins(1), "{error:?}"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn read_is_away(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
}

fn write_is_away(error: &WriteError) -> bool {
    matches!(error, WriteError::Store(error) if read_is_away(error))
}

/// Follows the log, as delta readers do, asking one node after another; answers what it was told.
async fn follow(nodes: [Arc<PostgresStore>; 2], tenant: TenantKey, is_over: Arc<AtomicBool>) -> Vec<LogPlace> {
    let mut seen: Vec<LogPlace> = Vec::new();
    for turn in 0.. {
        let over = is_over.load(Ordering::SeqCst); // looked at before: what is written until then is read once more
        let after = seen.last().copied().unwrap_or_default();
        let node = &nodes[turn % 2];
        let found = match node.changes(tenant, after.sequence, 100).await {
            Ok(found) => found,
            Err(error) => {
                assert!(read_is_away(&error), "{error:?}");
                tokio::time::sleep(LOOK).await;
                continue;
            }
        };
        for change in &found {
            let before = seen.last().copied().unwrap_or_default();
            assert_eq!(change.sequence, before.sequence + 1, "nothing slips behind a place that was already passed");
            seen.push(change.into());
        }
        if found.is_empty() {
            if over {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_a_synchronous_replica_takes_over() {
    let (mut primary, replica) = servers(true);
    let url = url(primary.port(), replica.port());
    let nodes = [open(&url, clock()).await, open(&url, clock()).await];
    let tenants = [tenant(&*nodes[0], 1).await, tenant(&*nodes[1], 2).await];
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let is_written = Arc::new(AtomicBool::new(false));
    let followers = tenants.map(|tenant| tokio::spawn(follow(nodes.clone(), tenant, is_written.clone())));
    let writers = writers(&nodes, &tenants, 4, &is_over, &count);
    acknowledged(&count, 400).await;
    primary.kill().expect("it runs");
    replica.promote().expect("it follows nobody any more");
    let before = count.load(Ordering::SeqCst);
    acknowledged(&count, before + 400).await;
    is_over.store(true, Ordering::SeqCst);
    let written = writers.join_all().await.concat();
    is_written.store(true, Ordering::SeqCst);
    for (follower, tenant) in followers.into_iter().zip(tenants) {
        let told = follower.await.expect("the follower came to its end");
        let found = snapshot(&*nodes[0], tenant).await;
        assert_eq!(found, snapshot(&*nodes[1], tenant).await, "both nodes show the same");
        let log: Vec<LogPlace> = found.changes().iter().map(LogPlace::from).collect();
        assert!(
            told == log,
            "the follower was told of everything that is there, and of nothing else: {:?}",
            told.last()
        );
        let mut times: HashMap<&str, usize> = HashMap::new();
        for change in found.changes() {
            *times.entry(&change.entry.id).or_default() += 1;
        }
        for (_, id) in written.iter().filter(|(of, _)| *of == tenant) {
            assert_eq!(times.get(&**id), Some(&1), "{id} was acknowledged and is there once");
        }
        assert!(found.events() >= written.iter().filter(|(of, _)| *of == tenant).count());
    }
}

/// Creates an event for an app.
async fn create_by(node: &PostgresStore, tenant: TenantKey, app: &str, id: &str) {
    let actor = Actor { app: app.into(), user: None };
    let write = async || {
        let command = Command::CreateEvent(Box::new(event(Some(id), "u1")));
        node.execute(tenant, actor.clone(), command).await
    };
    until_there(write, write_is_away).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_asynchronous_replica_lacks_is_lost_and_a_reader_can_tell() {
    let (mut primary, replica) = servers(false);
    let url = url(primary.port(), replica.port());
    let clock: Arc<FixedClock> = clock();
    let nodes = [open(&url, clock.clone()).await, open(&url, clock.clone()).await];
    let tenant = tenant(&*nodes[0], 1).await;
    for number in 0..20 {
        create_by(&nodes[number % 2], tenant, "early", &format!("kept{number}")).await;
    }
    let kept = nodes[0].log_end(tenant).await.expect("the log's end can be read");
    let end = primary.sql("postgres", "select pg_current_wal_flush_lsn()").expect("it runs");
    wait_for(&replica, &format!("select pg_last_wal_replay_lsn() >= '{end}'"), "t");
    // From here on it gets nothing: the window.
    replica.set("primary_conninfo", "").expect("it is a setting");
    wait_for(&primary, "select count(*) from pg_stat_replication", "0");
    for number in 0..10 {
        create_by(&nodes[0], tenant, "late", &format!("lost{number}")).await;
    }
    let lost = nodes[1].log_end(tenant).await.expect("the log's end can be read");
    let at = |place: LogPlace| {
        let node = nodes[1].clone();
        async move {
            let read = async || node.changes(tenant, place.sequence - 1, 1).await;
            until_there(read, read_is_away).await.first().map(LogPlace::from)
        }
    };
    assert_eq!(at(lost).await, Some(lost));

    primary.kill().expect("it runs");
    replica.promote().expect("it follows nobody any more");
    clock.advance_seconds(60);
    assert_eq!((at(kept).await, at(lost).await), (Some(kept), None), "the log ends before what was lost");
    // Another app gets the number that "late" had, which the first node has heard of.
    create_by(&nodes[1], tenant, "other", "new0").await;
    for number in 1..20 {
        create_by(&nodes[0], tenant, "late", &format!("new{number}")).await;
    }
    let there = at(lost).await.expect("the log has grown beyond it");
    assert!(there.sequence == lost.sequence && there.time != lost.time, "a reader who was told of {lost:?} can tell");
    assert_eq!(at(kept).await, Some(kept), "whoever was not told of what was lost goes on");

    let found = snapshot(&*nodes[0], tenant).await;
    assert_eq!(found, snapshot(&*nodes[1], tenant).await);
    let told: Vec<(String, String)> =
        found.changes().iter().map(|change| (change.entry.id.to_string(), change.actor.app.to_string())).collect();
    let kept = (0..20).map(|number| (format!("kept{number}"), "early".to_owned()));
    let new = (0..20).map(|number| (format!("new{number}"), if number == 0 { "other" } else { "late" }.to_owned()));
    assert_eq!(told, kept.chain(new).collect::<Vec<_>>());
    let key = EventKey { id: "lost3".parse().expect("an id"), kind: None };
    assert_eq!(nodes[0].load_event(tenant, &key).await.expect("reads go on"), None);
    create_by(&nodes[0], tenant, "late", "lost3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_holds_nobody_for_ever() {
    let (mut primary, replica) = servers(true);
    let mut proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, primary.port()))).expect("a proxy");
    let store = open(&url(proxy.port(), replica.port()), clock()).await;
    let tenant = tenant(&*store, 1).await;
    create(&*store, tenant, event(Some("e1"), "u1")).await.expect("it is created");
    let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
    proxy.freeze();
    let start = Instant::now();
    let reads = async { (store.load_event(tenant, &key).await, store.registry_epoch().await, start.elapsed()) };
    let writes = async { (create(&*store, tenant, event(Some("e2"), "u1")).await, start.elapsed()) };
    let ((read, epoch, reading), (write, writing)) = tokio::join!(reads, writes);
    assert!(read.as_ref().is_err_and(read_is_away), "{read:?}");
    assert!(epoch.as_ref().is_err_and(read_is_away), "{epoch:?}");
    assert!(write.as_ref().is_err_and(write_is_away), "{write:?}");
    assert!(reading < Duration::from_secs(45) && writing < Duration::from_secs(35), "{reading:?} {writing:?}");
    // It is put out of the way for good before another one takes over; the proxy goes on saying nothing.
    primary.kill().expect("it runs");
    replica.promote().expect("it follows nobody any more");
    create_by(&store, tenant, "tests", "e3").await;
    let read = until_there(async || store.load_event(tenant, &key).await, read_is_away).await;
    assert!(read.is_some());
    let found = until_there(async || store.changes(tenant, 0, 10).await, read_is_away).await;
    let ids: Vec<&str> = found.iter().map(|change| &*change.entry.id).collect();
    assert_eq!(ids, ["e1", "e3"], "what never reached the primary is not there");
}
