//! The database is away, or slow, or comes back.

use crate::support::{clock, create, event, open, tenant};
use model::{EventKey, TenantKey, Total};
use postgres_cluster::{Database, Proxy, shared};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::contract::snapshot;
use store::{Outcome, Store, StoreError, WriteError};
use store_postgres::PostgresStore;
use tokio::task::JoinSet;

/// A store that reaches its database through a proxy.
async fn behind_a_proxy(database: &Database) -> (Arc<PostgresStore>, Proxy) {
    let (user, rest) = database.url().trim_start_matches("postgres://").split_once('@').expect("a user");
    let (address, name) = rest.split_once('/').expect("a database");
    let address: SocketAddr = address.parse().expect("an address");
    let proxy = Proxy::start(address).expect("a proxy");
    let store = open(&format!("postgres://{user}@{}/{name}", proxy.address()), clock()).await;
    (store, proxy)
}

fn is_away<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
}

async fn events(store: &dyn Store, tenant: TenantKey) -> u64 {
    let totals = store.totals(tenant).await.expect("totals can be read");
    totals.iter().filter(|(total, _)| matches!(total, Total::Events(..))).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_is_away_everything_says_so_and_afterwards_goes_on() {
    let database = shared().database();
    let (store, mut proxy) = behind_a_proxy(&database).await;
    let tenant = tenant(&*store, 1).await;
    let made = create(&*store, tenant, event(Some("e1"), "u1")).await;
    let Ok(Outcome::Event(made)) = made else { panic!("{made:?}") };
    let key = EventKey { id: made.id.clone(), kind: None };
    for _ in 0..3 {
        proxy.cut();
        is_away(&store.load_event(tenant, &key).await);
        // What was asked for just before counts for a moment.
        while store.registry_epoch().await.is_ok() {
            tokio::task::yield_now().await;
        }
        is_away(&store.registry_epoch().await);
        is_away(&store.totals(tenant).await);
        let refused = create(&*store, tenant, event(None, "u1")).await;
        assert!(matches!(refused, Err(WriteError::Store(StoreError::Unavailable(_)))), "{refused:?}");
        assert_eq!(store.failure(), None, "it may come back");
        proxy.heal().expect("the proxy can be healed");
        assert_eq!(store.load_event(tenant, &key).await.expect("reads go on").as_ref(), Some(&*made));
        store.registry_epoch().await.expect("the epoch can be read");
        create(&*store, tenant, event(None, "u1")).await.expect("writes go on");
    }
    assert_eq!(snapshot(&*store, tenant).await.events(), 4);
}

/// Connections stay and nothing comes: whoever asks is told at about the same time, not one after another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_is_away() {
    let database = shared().database();
    let (store, mut proxy) = behind_a_proxy(&database).await;
    store.registry_epoch().await.expect("the epoch can be read");
    proxy.freeze();
    let start = tokio::time::Instant::now();
    let mut askers = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        askers.spawn(async move {
            loop {
                // What was asked for just before counts for a moment.
                match store.registry_epoch().await {
                    Ok(_) => tokio::task::yield_now().await,
                    outcome => return outcome,
                }
            }
        });
    }
    for outcome in askers.join_all().await {
        is_away(&outcome);
    }
    assert!(start.elapsed() < Duration::from_secs(30), "they have waited for each other: {:?}", start.elapsed());
    proxy.heal().expect("the proxy can be healed");
    store.registry_epoch().await.expect("the epoch can be read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_connections_break() {
    let database = shared().database();
    let (store, mut proxy) = behind_a_proxy(&database).await;
    let tenant = tenant(&*store, 1).await;
    let mut writers = JoinSet::new();
    let is_over = Arc::new(AtomicBool::new(false));
    for task in 0..16 {
        let (store, is_over) = (store.clone(), is_over.clone());
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                let id = format!("e{task}-{number}");
                match create(&*store, tenant, event(Some(&id), &format!("u{task}"))).await {
                    Ok(_) => acknowledged.push(id),
                    Err(WriteError::Store(StoreError::Unavailable(_))) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error:?}"),
                }
            }
            acknowledged
        });
    }
    let direct = open(database.url(), clock()).await;
    for cuts in 1..=8 {
        // With another hundred written, some are under way.
        while events(&*direct, tenant).await < cuts * 100 {
            tokio::task::yield_now().await;
        }
        proxy.cut();
        proxy.heal().expect("the proxy can be healed");
    }
    is_over.store(true, Ordering::SeqCst);
    proxy.delay(Duration::from_millis(2));
    let acknowledged = writers.join_all().await.concat();
    proxy.delay(Duration::ZERO);
    assert!(!acknowledged.is_empty());
    for id in &acknowledged {
        let key = EventKey { id: id.parse().expect("an id"), kind: None };
        assert!(store.load_event(tenant, &key).await.expect("reads go on").is_some(), "{id} is lost");
    }
    let found = snapshot(&*store, tenant).await;
    assert!(found.events() >= acknowledged.len(), "those that nobody heard of may be there too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_given_up_leaves_nothing_behind() {
    let database = shared().database();
    let (store, mut proxy) = behind_a_proxy(&database).await;
    let tenant = tenant(&*store, 1).await;
    create(&*store, tenant, event(Some("e1"), "u1")).await.expect("it is created");
    let key = EventKey { id: "e1".parse().expect("an id"), kind: None };
    for number in 0..20 {
        proxy.delay(Duration::from_millis(5));
        for _ in 0..4 {
            // Evidence and the registry are read in transactions, which end with whoever asks.
            let reads = async { (store.evidence(tenant, &key).await, store.registry().await) };
            assert!(tokio::time::timeout(Duration::from_millis(8), reads).await.is_err(), "it takes longer");
        }
        proxy.delay(Duration::ZERO);
        let id = format!("n{number}");
        create(&*store, tenant, event(Some(&id), "u1")).await.expect("it is created");
        let new = EventKey { id: id.parse().expect("an id"), kind: None };
        for _ in 0..12 {
            assert!(
                store.load_event(tenant, &new).await.expect("reads go on").is_some(),
                "no connection is stuck in the past"
            );
        }
    }
}
