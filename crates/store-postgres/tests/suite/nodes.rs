//! Several nodes over one database: one truth.

use crate::support::{clock, create, event, open, tenant};
use model::{Actor, Command, EventKey, NewId, Precondition, RiskEventDraft, TenantKey};
use postgres_cluster::shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::contract::snapshot;
use store::{AdminCommand, AdminOutcome, Outcome, Source, Store, StoreError, WriteError};
use store_postgres::PostgresStore;
use tokio::task::JoinSet;

async fn two(url: &str) -> [Arc<PostgresStore>; 2] {
    [open(url, clock()).await, open(url, clock()).await]
}

/// Follows the log, asking one node after another, and fails where it misses something.
async fn follow(nodes: [Arc<PostgresStore>; 2], tenant: TenantKey, is_over: Arc<AtomicBool>) -> Vec<u64> {
    let (mut seen, mut last, mut turn) = (Vec::new(), None, 0);
    loop {
        let over = is_over.load(Ordering::SeqCst); // looked at before: what is written until then is read once more
        let after = seen.last().copied().unwrap_or(0);
        let node = &nodes[turn % 2];
        let found = node.changes(tenant, after, 100).await.expect("the log can be read");
        for change in &found {
            let expected = seen.last().map_or(1, |last| last + 1);
            assert_eq!(change.sequence, expected, "nothing slips behind a place that was already passed");
            assert!(last < Some(change.time), "times grow with numbers");
            last = Some(change.time);
            seen.push(change.sequence);
        }
        let end = node.log_end(tenant).await.expect("the log's end can be read");
        assert!(end.sequence >= seen.last().copied().unwrap_or(0), "what was read is before the end");
        if found.is_empty() && over {
            return seen;
        }
        turn += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_two_nodes_make_one_log_without_gaps() {
    let database = shared().database();
    let nodes = two(database.url()).await;
    let tenants = [tenant(&*nodes[0], 1).await, tenant(&*nodes[1], 2).await];
    let is_over = Arc::new(AtomicBool::new(false));
    let followers = tenants.map(|tenant| tokio::spawn(follow(nodes.clone(), tenant, is_over.clone())));
    let mut writers = JoinSet::new();
    for task in 0..24 {
        let (node, tenant) = (nodes[task % 2].clone(), tenants[task / 2 % 2]);
        writers.spawn(async move {
            for number in 0..20 {
                let user = format!("u{}", (task + number) % 7);
                let new = event(None, &user);
                let Ok(Outcome::Event(made)) = create(&*node, tenant, new).await else { panic!("it is created") };
                let key = EventKey { id: made.id.clone(), kind: None };
                let patch = RiskEventDraft { user_display_name: Some("another".into()), ..RiskEventDraft::default() };
                let change =
                    Command::UpdateEvent { event: key, precondition: Precondition::default(), patch: Box::new(patch) };
                let actor = Actor { app: format!("task {task}").into(), user: None };
                node.execute(tenant, actor, change).await.expect("it is changed");
            }
        });
    }
    writers.join_all().await;
    is_over.store(true, Ordering::SeqCst);
    for (follower, tenant) in followers.into_iter().zip(tenants) {
        let seen = follower.await.expect("the follower came to its end");
        assert_eq!(seen.len(), 12 * 20 * 2);
        let found = snapshot(&*nodes[0], tenant).await;
        assert_eq!(found.events(), 12 * 20);
        assert_eq!(found, snapshot(&*nodes[1], tenant).await, "both nodes show the same");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_nodes_gets_a_contested_id() {
    let database = shared().database();
    let nodes = two(database.url()).await;
    let tenant = tenant(&*nodes[0], 1).await;
    let mut contest = JoinSet::new();
    for task in 0..16 {
        let node = nodes[task % 2].clone();
        contest.spawn(async move {
            let mut won = 0;
            for number in 0..20 {
                match create(&*node, tenant, event(Some(&format!("prize{number}")), "u1")).await {
                    Ok(_) => won += 1,
                    Err(WriteError::Refused(model::Refusal::IdTaken(_))) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
            won
        });
    }
    assert_eq!(contest.join_all().await.into_iter().sum::<i32>(), 20, "each was won once");
    assert_eq!(snapshot(&*nodes[1], tenant).await.changes().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_is_told_the_other_knows_at_once() {
    let database = shared().database();
    let [a, b] = two(database.url()).await;
    let tenant = tenant(&*a, 1).await;
    for number in 0..8 {
        let made = create(&*a, tenant, event(Some(&format!("e{number}")), "u1")).await;
        let Ok(Outcome::Event(made)) = made else { panic!("{made:?}") };
        let key = EventKey { id: made.id.clone(), kind: None };
        assert_eq!(b.load_event(tenant, &key).await.expect("reads go on").as_ref(), Some(&*made));
        assert_eq!(a.administer(AdminCommand::RaiseEpoch).await.expect("the epoch can be raised"), AdminOutcome::Done);
        let [here, there] = [a.registry_epoch().await, b.registry_epoch().await].map(|epoch| epoch.expect("an epoch"));
        assert_eq!(here, there);
    }
    // A removed tenant is unknown to the other node, which has written for it before.
    create(&*b, tenant, event(None, "u1")).await.expect("it is created");
    a.administer(AdminCommand::RemoveTenant(tenant)).await.expect("a tenant can be removed");
    let refused = create(&*b, tenant, event(None, "u1")).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::UnknownTenant))), "{refused:?}");
    let left = "select sum(n) from (select count(*) as n from risk_events union all select count(*) from changes \
                union all select count(*) from risky_users union all select count(*) from totals \
                union all select count(*) from actors union all select count(*) from removed_tenants) as rest";
    assert_eq!(database.sql(left).expect("psql answers"), "0", "nothing of it is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ask_for_the_epoch_while_it_grows() {
    let database = shared().database();
    let [a, b] = two(database.url()).await;
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let (a, b) = (a.clone(), b.clone());
        tasks.spawn(async move {
            for _ in 0..20 {
                let known = a.registry_epoch().await.expect("an epoch");
                if task % 8 == 0 {
                    a.administer(AdminCommand::RaiseEpoch).await.expect("the epoch can be raised");
                    let raised = b.registry_epoch().await.expect("an epoch");
                    assert!(raised > known, "a change that was answered is seen: {raised} after {known}");
                }
                assert!(b.registry_epoch().await.expect("an epoch") >= known, "it never falls");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_one_node_began_goes_on_at_the_other() {
    let database = shared().database();
    let [a, b] = two(database.url()).await;
    let tenant = tenant(&*a, 1).await;
    for number in 0..25 {
        create(&*a, tenant, event(Some(&format!("e{number}")), "u1")).await.expect("it is created");
    }
    let (mut found, mut after, mut turn) = (Vec::new(), None, 0);
    loop {
        let mut query = store::PageQuery::all(Source::Events(None), 4);
        query.after = after;
        let mut ids = Vec::new();
        let mut sink = |row: &dyn odata::encode::Row| {
            if let odata::encode::Cell::Text(id) = row.cell(model::edm::event::ID) {
                ids.push(id.to_owned());
            }
            Ok(())
        };
        let node = [&a, &b][turn % 2];
        after = node.page(tenant, query, &mut sink).await.expect("a page can be read");
        found.extend(ids);
        turn += 1;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).rev().map(|number| format!("e{number}")).collect();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_takes_exception_to_harms_nobody_else() {
    let database = shared().database();
    let [node, _] = two(database.url()).await;
    let tenant = tenant(&*node, 1).await;
    // No client can send U+0000; the server refuses it, which ends the transaction.
    let broken = |number: usize| {
        let mut new = event(Some(&format!("broken{number}")), "u1");
        new.user_display_name = "a\0b".into();
        new
    };
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let node = node.clone();
        tasks.spawn(async move {
            let is_broken = number % 10 == 3;
            let new = if is_broken { broken(number) } else { event(Some(&format!("e{number}")), "u1") };
            (is_broken, create(&*node, tenant, new).await)
        });
    }
    for (is_broken, outcome) in tasks.join_all().await {
        assert_eq!(outcome.is_err(), is_broken, "{outcome:?}");
    }
    assert_eq!(snapshot(&*node, tenant).await.events(), 36);
    let id = NewId::Chosen("later".parse().expect("an id"));
    create(&*node, tenant, model::NewRiskEvent { id, ..event(None, "u1") }).await.expect("it goes on");
}
