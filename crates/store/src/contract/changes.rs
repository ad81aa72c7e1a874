//! The change log.

use super::Harness;
use super::samples::{
    actor, begin, changes, create_event, create_user, delete_event, delete_user, event_key, event_of, execute, id,
    new_event, tenant, ticks, update_event, update_user,
};
use crate::{LogPlace, Outcome};
use model::{
    Actor, ChangeEntry, ChangeKind, ChangedSet, Clock as _, Command, Precondition, RiskEventDraft, RiskEventStatus,
    RiskLevel, edm,
};

/// Every property, whatever there will be.
const ALL: u64 = u64::MAX >> 1;

pub(super) async fn the_change_log_tells_what_happened(harness: &dyn Harness) {
    use edm::event as at;
    let (store, tenant) = begin(harness).await;
    let closing = RiskEventDraft {
        risk_event_status: Some(RiskEventStatus::DismissedAsFixed),
        risk_level: Some(RiskLevel::High), // as it is
        ..RiskEventDraft::default()
    };
    let commands = [
        create_event(new_event("e1")),
        update_event("e1", closing),
        Command::SetImpactedUser { event: event_key("e1"), precondition: Precondition::default(), user: id("u2") },
        Command::ClearImpactedUser { event: event_key("e1"), precondition: Precondition::default() },
        delete_event("e1"),
        create_user("u1", "mara@fjord.example"),
        update_user("mara@fjord.example", r#"{"displayName":"Mara","accountEnabled":true}"#),
        delete_user("u1"),
    ];
    for command in commands {
        execute(&*store, tenant, command).await.expect("the command is carried out");
    }
    let (events, users) = (ChangedSet::RiskEvents, ChangedSet::Users);
    let bits = |positions: &[usize]| positions.iter().fold(0, |bits, position| bits | 1 << position);
    let expected = [
        (events, "e1", ChangeKind::Created, ALL),
        (events, "e1", ChangeKind::Updated, bits(&[at::RISK_EVENT_STATUS, at::CLOSED_DATE_TIME, at::RISK_DETAIL])),
        (events, "e1", ChangeKind::Updated, bits(&[at::USER_ID, at::IMPACTED_USER])),
        (ChangedSet::RiskyUsers, "u1", ChangeKind::Updated, ALL), // who is at risk no more
        (events, "e1", ChangeKind::Updated, bits(&[at::IMPACTED_USER])),
        (events, "e1", ChangeKind::Deleted, 0),
        (users, "u1", ChangeKind::Created, ALL),
        (users, "u1", ChangeKind::Updated, bits(&[edm::user::DISPLAY_NAME])),
        (users, "u1", ChangeKind::Deleted, 0),
    ];
    let found = changes(&*store, tenant).await;
    let expected: Vec<_> =
        expected.map(|(set, text, kind, properties)| ChangeEntry { set, id: text.into(), kind, properties }).into();
    assert_eq!(found.iter().map(|change| change.entry.clone()).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|change| change.actor == actor()));
}

pub(super) async fn the_change_log_is_read_in_pieces(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    for number in 0..10 {
        event_of(&*store, first, create_event(new_event(&format!("e{number}")))).await;
        event_of(&*store, second, create_event(new_event(&format!("e{number}")))).await;
    }
    let whole = changes(&*store, first).await;
    assert_eq!(whole.len(), 10, "each tenant has a log of its own");
    let mut pieces = Vec::new();
    loop {
        let after = pieces.len() as u64;
        let piece = store.changes(first, after, 3).await.expect("the change log can be read");
        assert!(piece.len() <= 3);
        if piece.is_empty() {
            break;
        }
        pieces.extend(piece);
    }
    assert_eq!(pieces, whole);
    assert_eq!(store.changes(first, 0, 0).await.expect("the change log can be read"), []);
}

pub(super) async fn the_end_of_the_change_log_moves_with_it(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    let end = async |tenant| store.log_end(tenant).await.expect("the end can be read");
    assert_eq!(end(first).await, LogPlace::default());
    for number in 0..300 {
        let made = event_of(&*store, first, create_event(new_event(&format!("e{number}")))).await;
        assert_eq!(end(first).await, LogPlace { sequence: number + 1, time: made.created_date_time });
    }
    assert!(execute(&*store, first, create_event(new_event("e0"))).await.is_err());
    event_of(&*store, first, update_event("e0", RiskEventDraft::default())).await;
    let last = changes(&*store, first).await.last().map(LogPlace::from).expect("there are changes");
    assert_eq!((last.sequence, end(first).await), (300, last), "refusals and what changes nothing are no entries");
    assert_eq!(end(second).await, LogPlace::default(), "each tenant has a log of its own");
    drop(store);
    harness.reopen().await;
    assert_eq!(harness.store().log_end(first).await.expect("the end can be read"), last);
}

pub(super) async fn times_grow_whatever_the_clock_does(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    let start = harness.clock().now();
    // It stands still, goes back, and comes on again; `changes` looks at the times.
    for (number, seconds) in [0, 0, 0, -3600, 0, 10, -1, 7200, 0].into_iter().enumerate() {
        harness.clock().advance_seconds(seconds);
        if seconds < 0 {
            harness.reopen().await; // what was committed holds, not what a process remembers
        }
        for each in 0..3 {
            let name = format!("e{number}-{each}");
            event_of(&*harness.store(), first, create_event(new_event(&name))).await;
        }
    }
    drop(store);
    let store = harness.store();
    let log = changes(&*store, first).await;
    assert_eq!(log.len(), 27);
    assert_eq!(log[0].time, start, "the clock's own time, where it can be");
    for change in &log {
        let event = store.load_event(first, &event_key(&change.entry.id)).await.expect("reads go on");
        assert_eq!(event.expect("the event is there").created_date_time, change.time, "one time for both");
    }
    harness.clock().advance_seconds(-86_400);
    let other = event_of(&*store, second, create_event(new_event("e1"))).await;
    assert_eq!(other.created_date_time, harness.clock().now(), "tenants do not push each other's times");

    // closedDateTime by the server is such a time too.
    let patch = RiskEventDraft { risk_event_status: Some(RiskEventStatus::Remediated), ..RiskEventDraft::default() };
    let closed = event_of(&*store, first, update_event("e0-0", patch)).await;
    assert_eq!(closed.closed_date_time, changes(&*store, first).await.last().map(|change| change.time));

    let sent = model::NewRiskEvent { created_date_time: Some(ticks("2001-01-01T00:00:00Z")), ..new_event("sent") };
    event_of(&*store, first, create_event(sent)).await;
    changes(&*store, first).await;
}

pub(super) async fn the_change_log_keeps_who_acted(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let second = tenant(harness, 2).await;
    let actors = [
        Actor { app: "app".into(), user: None },
        Actor { app: "app".into(), user: Some("mara".into()) },
        Actor { app: "app".into(), user: Some("Mara".into()) },
        Actor { app: "App".into(), user: None },
        Actor { app: "".into(), user: Some("åse \u{1f6a2}".into()) },
        Actor::command("scan"),
    ];
    for (number, actor) in actors.iter().enumerate() {
        for tenant in [first, second] {
            let command = create_event(new_event(&format!("e0-{number}")));
            let outcome = store.execute(tenant, actor.clone(), command).await;
            assert!(matches!(outcome, Ok(Outcome::Event(_))), "{outcome:?}");
        }
    }
    for tenant in [first, second] {
        let found: Vec<_> = changes(&*store, tenant).await.into_iter().map(|change| change.actor).collect();
        assert_eq!(found, actors);
    }
    drop(store);
    harness.reopen().await;
    second_round(harness, first, &actors).await;
}

/// The same actors after reopening, and after a command of theirs was refused.
async fn second_round(harness: &dyn Harness, tenant: model::TenantKey, actors: &[Actor]) {
    let store = harness.store();
    for (number, actor) in actors.iter().enumerate() {
        let taken = new_event("e0-0");
        assert!(store.execute(tenant, actor.clone(), create_event(taken)).await.is_err());
        let command = create_event(new_event(&format!("e1-{number}")));
        store.execute(tenant, actor.clone(), command).await.expect("an event can be made");
    }
    let log = changes(&*store, tenant).await;
    let found: Vec<_> = log.into_iter().map(|change| change.actor).skip(actors.len()).collect();
    assert_eq!(found, actors);
}
