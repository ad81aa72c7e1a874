//! Repeatable requests: carried out once, whatever happens in between.

use super::Harness;
use super::samples::{
    MADE, actor, begin, changes, create_event, create_user, delete_event, delete_user, execute, id, new_event,
    snapshot, tenant, update_event, update_user,
};
use crate::{AdminCommand, Outcome, Store, StoreError, WriteError};
use model::{
    Actor, Clock as _, Command, EventKey, NewRiskEvent, Precondition, Refusal, Repeatability, RiskEventDraft,
    RiskLevel, TenantKey, Ticks, Tracking,
};
use std::time::Duration;
use tokio::task::JoinSet;

const HOUR: i64 = 3600;

/// A request that is sent now for the first time.
fn sent(harness: &dyn Harness, request_id: &str) -> Repeatability {
    Repeatability {
        request_id: request_id.parse().expect(request_id),
        first_sent: harness.clock().now(),
        digest: [7; 32],
        tracking: Tracking { window: Duration::from_hours(24), most: 1000 },
    }
}

async fn once_as(
    store: &dyn Store,
    tenant: TenantKey,
    sender: &Actor,
    command: Command,
    repeatability: &Repeatability,
) -> Result<Outcome, WriteError> {
    let outcomes = store.execute_all(tenant, sender.clone(), vec![command], Some(repeatability.clone())).await;
    let mut outcomes = outcomes.map_err(|failed| failed.error)?;
    assert_eq!(outcomes.len(), 1, "an outcome for each command");
    Ok(outcomes.remove(0))
}

async fn once(
    store: &dyn Store,
    tenant: TenantKey,
    command: Command,
    repeatability: &Repeatability,
) -> Result<Outcome, WriteError> {
    once_as(store, tenant, &actor(), command, repeatability).await
}

async fn executed(store: &dyn Store, tenant: TenantKey, repeatability: &Repeatability) -> Option<Outcome> {
    let executed = store.executed(tenant, &actor(), repeatability).await.expect("requests can be looked up");
    executed.map(|mut outcomes| outcomes.remove(0))
}

/// An event whose id the server makes: sent twice, it would be there twice.
fn creation() -> Command {
    create_event(NewRiskEvent { id: MADE, ..new_event("unused") })
}

#[track_caller]
fn is_untracked(outcome: &Result<Outcome, WriteError>) {
    assert!(matches!(outcome, Err(WriteError::Refused(Refusal::NotTracked { .. }))), "{outcome:?}");
}

pub(super) async fn a_repeated_request_is_carried_out_once(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    assert_eq!(executed(&*store, tenant, &request).await, None);
    let first = once(&*store, tenant, creation(), &request).await.expect("an event can be made");
    let after = snapshot(&*store, tenant).await;
    harness.clock().advance_seconds(60);
    for _ in 0..2 {
        assert_eq!(once(&*store, tenant, creation(), &request).await.expect("it is known"), first);
        assert_eq!(executed(&*store, tenant, &request).await, Some(first.clone()));
    }
    assert_eq!(snapshot(&*store, tenant).await, after, "nothing was done a second time");

    let user = sent(harness, "r2");
    let created = once(&*store, tenant, create_user("u1", "mara@fjord.example"), &user).await.expect("a user");
    assert_eq!(once(&*store, tenant, create_user("u2", "mara@fjord.example"), &user).await.expect("known"), created);

    let reference = sent(harness, "r3");
    let Outcome::Event(event) = &first else { panic!("{first:?} is an event") };
    let key = EventKey { id: event.id.clone(), kind: None };
    for user in ["u1", "u1", "u2"] {
        // The first changes nothing, and is remembered all the same.
        let command =
            Command::SetImpactedUser { event: key.clone(), precondition: Precondition::default(), user: id(user) };
        assert_eq!(once(&*store, tenant, command, &reference).await.expect("known"), first);
    }
    let delete = sent(harness, "r4");
    for _ in 0..2 {
        let command = Command::DeleteEvent { event: key.clone(), precondition: Precondition::default() };
        assert_eq!(once(&*store, tenant, command, &delete).await.expect("known"), Outcome::Deleted);
    }
    assert_eq!(changes(&*store, tenant).await.len(), 3);
}

pub(super) async fn the_first_outcome_outlives_its_entity(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let (event, user) = (sent(harness, "r1"), sent(harness, "r2"));
    let new = NewRiskEvent { closed_date_time: Some(Some(Ticks::MAX)), impacted_user: None, ..new_event("e1") };
    let first = once(&*store, tenant, create_event(new.clone()), &event).await.expect("an event");
    let second = once(&*store, tenant, create_user("u1", "mara@fjord.example"), &user).await.expect("a user");
    let low = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    let steps = [
        [update_event("e1", low), update_user("u1", r#"{"jobTitle":"boss","userPrincipalName":"m@fjord.example"}"#)],
        [delete_event("e1"), delete_user("u1")],
        [create_event(NewRiskEvent { user_id: "u9".into(), ..new_event("e1") }), create_user("u1", "x@fjord.example")],
    ];
    for step in steps {
        for command in step {
            execute(&*store, tenant, command).await.expect("it can be done");
        }
        assert_eq!(once(&*store, tenant, create_event(new.clone()), &event).await.expect("known"), first);
        let again = once(&*store, tenant, create_user("u1", "mara@fjord.example"), &user).await.expect("known");
        assert_eq!(again, second);
    }
    harness.reopen().await;
    let store = harness.store();
    assert_eq!(once(&*store, tenant, create_event(new), &event).await.expect("known"), first);
    assert_eq!(executed(&*store, tenant, &user).await, Some(second));
}

pub(super) async fn another_request_under_the_same_id_is_refused(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    once(&*store, tenant, creation(), &request).await.expect("an event");
    let before = snapshot(&*store, tenant).await;
    let other = Repeatability { digest: [8; 32], ..request.clone() };
    let refused = once(&*store, tenant, creation(), &other).await;
    assert!(
        matches!(&refused, Err(WriteError::Refused(Refusal::RepeatedDifferently(id))) if *id == request.request_id)
    );
    let refused = store.executed(tenant, &actor(), &other).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::RepeatedDifferently(_)))), "{refused:?}");
    assert_eq!(snapshot(&*store, tenant).await, before);
}

pub(super) async fn a_refused_request_is_not_remembered(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    execute(&*store, tenant, create_event(new_event("e1"))).await.expect("an event");
    for _ in 0..2 {
        let refused = once(&*store, tenant, create_event(new_event("e1")), &request).await;
        assert!(matches!(refused, Err(WriteError::Refused(Refusal::IdTaken(_)))), "{refused:?}");
        assert_eq!(executed(&*store, tenant, &request).await, None);
    }
    execute(&*store, tenant, delete_event("e1")).await.expect("it is there");
    once(&*store, tenant, create_event(new_event("e1")), &request).await.expect("now it can be done");
}

pub(super) async fn requests_are_known_to_their_sender_only(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    let sender = |app: &str, user: Option<&str>| Actor { app: app.into(), user: user.map(Into::into) };
    let senders = [sender("a", None), sender("b", None), sender("a", Some("u1")), sender("a", Some("u2"))];
    let request = sent(harness, "r1");
    let mut made = Vec::new();
    for tenant in [first, second] {
        for sender in &senders {
            assert_eq!(store.executed(tenant, sender, &request).await.expect("reads go on"), None);
            let command = creation();
            let outcome = once_as(&*store, tenant, sender, command, &request).await;
            made.push((tenant, sender, outcome.expect("an event")));
        }
    }
    for (tenant, sender, outcome) in made {
        assert_eq!(store.executed(tenant, sender, &request).await.expect("reads go on"), Some(vec![outcome.clone()]));
        let again = once_as(&*store, tenant, sender, creation(), &request).await;
        assert_eq!(again.expect("it is known"), outcome);
    }
    for tenant in [first, second] {
        assert_eq!(snapshot(&*store, tenant).await.events.len(), senders.len());
    }
    // Nobody is a sender of a tenant that is gone.
    store.administer(AdminCommand::RemoveTenant(second)).await.expect("a tenant can be removed");
    let refused = once(&*store, second, creation(), &request).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::UnknownTenant))), "{refused:?}");
    assert_eq!(store.executed(second, &senders[0], &request).await.expect("reads go on"), None);
}

pub(super) async fn repeats_at_the_same_moment_make_one(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let (store, request) = (store.clone(), sent(harness, &format!("r{}", task % 4)));
        tasks.spawn(async move { (task % 4, once(&*store, tenant, creation(), &request).await) });
    }
    let mut outcomes: [Vec<Outcome>; 4] = Default::default();
    for (request, outcome) in tasks.join_all().await {
        outcomes[request].push(outcome.expect("an event"));
    }
    for outcomes in outcomes {
        assert!(outcomes.len() == 16 && outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
    }
    assert_eq!(snapshot(&*store, tenant).await.events.len(), 4);
}

pub(super) async fn requests_outside_of_the_window_are_refused(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    let at = |seconds: i64| Repeatability { first_sent: request.first_sent.plus_seconds(seconds), ..request.clone() };
    for unfit in [-24 * HOUR, -48 * HOUR, HOUR] {
        is_untracked(&once(&*store, tenant, creation(), &at(unfit)).await);
    }
    assert_eq!(snapshot(&*store, tenant).await.changes.len(), 0);
    once(&*store, tenant, creation(), &at(1 - 24 * HOUR)).await.expect("just in time");

    // A request from a clock that is ahead is remembered until nobody could repeat it.
    let ahead = Repeatability { request_id: "r2".parse().expect("an id"), ..at(600) };
    let first = once(&*store, tenant, creation(), &ahead).await.expect("an event");
    harness.clock().advance_seconds(24 * HOUR + 599);
    execute(&*store, tenant, create_event(new_event("other"))).await.expect("an event");
    assert_eq!(once(&*store, tenant, creation(), &ahead).await.expect("known"), first);
    harness.clock().advance_seconds(1);
    execute(&*store, tenant, create_event(new_event("another"))).await.expect("an event");
    assert_eq!(executed(&*store, tenant, &ahead).await, None, "forgotten with the next write");
    is_untracked(&once(&*store, tenant, creation(), &ahead).await);
    assert_eq!(snapshot(&*store, tenant).await.events.len(), 4);
}

pub(super) async fn what_is_forgotten_stays_refused(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    once(&*store, tenant, creation(), &request).await.expect("an event");
    harness.clock().advance_seconds(25 * HOUR);
    execute(&*store, tenant, create_event(new_event("other"))).await.expect("an event");
    assert_eq!(executed(&*store, tenant, &request).await, None);
    // A longer window, a clock that was set back, a new start: none brings back what is forgotten.
    let longer = Tracking { window: Duration::from_hours(1000), ..request.tracking };
    let longer = Repeatability { tracking: longer, ..request.clone() };
    harness.reopen().await;
    let store = harness.store();
    harness.clock().advance_seconds(-25 * HOUR);
    is_untracked(&once(&*store, tenant, creation(), &request).await);
    is_untracked(&once(&*store, tenant, creation(), &longer).await);
    let later = Repeatability { first_sent: longer.first_sent.plus_seconds(1), ..longer };
    once(&*store, tenant, creation(), &later).await.expect("that was never there");
}

pub(super) async fn the_oldest_give_way_when_there_are_too_many(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let few = Tracking { window: Duration::from_hours(24), most: 3 };
    let mut requests = Vec::new();
    for number in 0..10 {
        let request = Repeatability { tracking: few, ..sent(harness, &format!("r{number}")) };
        let outcome = once(&*store, tenant, creation(), &request).await.expect("an event");
        requests.push((request, outcome));
        harness.clock().advance_seconds(1);
    }
    for (number, (request, first)) in requests.iter().enumerate() {
        let outcome = once(&*store, tenant, creation(), request).await;
        match number {
            ..7 => is_untracked(&outcome),
            _ => assert_eq!(&outcome.expect("it is known"), first, "{number}"),
        }
    }
    assert_eq!(snapshot(&*store, tenant).await.events.len(), 10);
    // Whoever has lost nothing is not told that something is forgotten.
    let other = Actor { app: "other".into(), user: None };
    let request = Repeatability { request_id: "mine".parse().expect("an id"), ..requests[0].0.clone() };
    once_as(&*store, tenant, &other, creation(), &request).await.expect("an event");
}

pub(super) async fn a_repeated_list_is_carried_out_once_or_not_at_all(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let request = sent(harness, "r1");
    let all = async |commands: Vec<Command>| store.execute_all(tenant, actor(), commands, Some(request.clone())).await;
    let list = || vec![create_user("u1", "mara@fjord.example"), creation(), delete_user("u1")];
    execute(&*store, tenant, create_user("u1", "ole@fjord.example")).await.expect("a user");
    let failed = all(list()).await.expect_err("the id is taken");
    assert!(matches!(failed.error, WriteError::Refused(Refusal::IdTaken(_))), "{failed:?}");
    assert_eq!(store.executed(tenant, &actor(), &request).await.expect("reads go on"), None);
    execute(&*store, tenant, delete_user("u1")).await.expect("it is there");
    let first = all(list()).await.expect("now it can be done");
    let after = snapshot(&*store, tenant).await;
    assert_eq!((first.len(), after.changes.len()), (3, 5));
    assert_eq!(all(list()).await.expect("it is known"), first);
    assert_eq!(store.executed(tenant, &actor(), &request).await.expect("reads go on"), Some(first));
    assert_eq!(snapshot(&*store, tenant).await, after);
}
