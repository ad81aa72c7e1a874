//! The evidence of events.

use super::Harness;
use super::samples::{
    actor, begin, create_event, delete_event, event_key, event_of, execute, id, new_event, snapshot, ticks,
};
use crate::{Carried, Outcome, Projection, Store, WriteError};
use model::{
    ChangeKind, Clock as _, Command, EventKey, EventKind, Evidence, Finding, MatchClass, NewEvidence, NewRiskEvent,
    Refusal, Repeatability, TenantKey, Tracking, additional_info, edm,
};
use odata::encode::{Cell, Row};
use std::time::Duration;

/// Something that was found in a source.
pub(super) fn found(source: &str, match_class: MatchClass) -> NewEvidence {
    let finding =
        Finding { source: source.into(), match_class, matched_attribute: Some("mail".into()), matched_rule: None };
    NewEvidence { finding, first_seen: None, last_seen: None, occurrences: 1, account_enabled: None }
}

pub(super) fn add(event: &str, evidence: NewEvidence) -> Command {
    Command::AddEvidence { event: event_key(event), evidence: Box::new(evidence) }
}

async fn added(store: &dyn Store, tenant: TenantKey, event: &str, evidence: NewEvidence) -> Evidence {
    match execute(store, tenant, add(event, evidence)).await {
        Ok(Outcome::Evidence(item)) => *item,
        other => panic!("came to {other:?} instead of evidence"),
    }
}

async fn evidence(store: &dyn Store, tenant: TenantKey, event: &str) -> Option<Vec<Evidence>> {
    store.evidence(tenant, &event_key(event)).await.expect("evidence can be read")
}

/// What is told of an event's evidence where detections are read.
async fn told(store: &dyn Store, tenant: TenantKey, event: &str) -> Option<String> {
    let mut told = None;
    let mut sink = |row: &dyn Row| {
        told = match row.cell(edm::event::EVIDENCE) {
            Cell::Text(text) => Some(text.to_owned()),
            _ => None,
        };
        Ok(())
    };
    let carried = Carried { projection: Projection::Risk, related: false };
    assert!(store.event(tenant, &event_key(event), carried, &mut sink).await.expect("an event can be read"));
    told
}

pub(super) async fn evidence_comes_and_goes_with_its_event(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("bare"))).await;
    assert_eq!(evidence(&*store, tenant, "bare").await, Some(vec![]));
    assert_eq!(told(&*store, tenant, "bare").await, None);
    assert_eq!(evidence(&*store, tenant, "nobody").await, None);

    let full = NewEvidence {
        finding: Finding {
            source: "Łeak \u{1f6a2} 2024".into(),
            match_class: MatchClass::Similar,
            matched_attribute: None,
            matched_rule: Some("case".into()),
        },
        first_seen: Some(ticks("0001-01-01T00:00:00Z")),
        last_seen: Some(ticks("9999-12-31T23:59:59.9999999Z")),
        occurrences: i32::MAX,
        account_enabled: Some(true),
    };
    let brought = vec![full.clone(), found("a", MatchClass::Pair), found("a", MatchClass::Pair)];
    let event = event_of(&*store, tenant, create_event(NewRiskEvent { evidence: brought, ..new_event("e1") })).await;
    let kept = evidence(&*store, tenant, "e1").await.expect("an event");
    assert_eq!(kept.iter().map(Evidence::id).collect::<Vec<_>>(), ["1", "2"], "the same finding is one item");
    assert_eq!((&kept[0].finding, kept[0].occurrences), (&full.finding, i32::MAX));
    assert_eq!((Some(kept[0].first_seen), Some(kept[0].last_seen)), (full.first_seen, full.last_seen));
    assert_eq!((kept[1].occurrences, kept[1].version), (2, event.version));
    assert_eq!((kept[0].account_enabled, kept[1].account_enabled), (Some(true), None));
    assert_eq!(told(&*store, tenant, "e1").await, Some(additional_info(&kept)));

    let more = added(&*store, tenant, "e1", full).await;
    assert_eq!((more.id(), more.occurrences), ("1", i32::MAX), "the count ends there");
    let other = added(&*store, tenant, "e1", found("b", MatchClass::Pair)).await;
    assert_eq!(other.id(), "3");
    let kept = evidence(&*store, tenant, "e1").await.expect("an event");
    assert_eq!((&kept[0], &kept[2]), (&more, &other), "what is read is what was answered");

    execute(&*store, tenant, delete_event("e1")).await.expect("an event can be deleted");
    assert_eq!(evidence(&*store, tenant, "e1").await, None);
    event_of(&*store, tenant, create_event(new_event("e1"))).await;
    assert_eq!(evidence(&*store, tenant, "e1").await, Some(vec![]), "it is another event");
    snapshot(&*store, tenant).await;
}

pub(super) async fn evidence_changes_its_event_and_no_risk(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = event_of(&*store, tenant, create_event(new_event("e1"))).await;
    let before = snapshot(&*store, tenant).await;
    harness.clock().advance_seconds(60);
    let first = added(&*store, tenant, "e1", found("a", MatchClass::Pair)).await;
    assert!(first.is_new());
    harness.clock().advance_seconds(60);
    let again = added(&*store, tenant, "e1", NewEvidence { occurrences: 4, ..found("a", MatchClass::Pair) }).await;
    assert!(!again.is_new());
    assert_eq!((again.occurrences, again.first_seen, again.version), (5, first.first_seen, 3));
    assert!(again.last_seen > first.last_seen);

    let after = snapshot(&*store, tenant).await;
    assert_eq!((&after.risky_users, &after.histories), (&before.risky_users, &before.histories));
    assert_eq!(after.totals, before.totals);
    for change in &after.changes[1..] {
        let entry = &change.entry;
        assert_eq!((&*entry.id, entry.kind, entry.properties), ("e1", ChangeKind::Updated, 1 << edm::event::EVIDENCE));
        assert_eq!(change.risky_user, None);
    }
    assert_eq!(after.changes.len(), 3);
    let event = store.load_event(tenant, &event_key("e1")).await.expect("an event can be read").expect("e1");
    assert_eq!(event, model::RiskEvent { version: 3, ..created });
}

pub(super) async fn evidence_is_refused_where_there_is_no_room_and_no_event(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(NewRiskEvent { kind: EventKind::IdentityRisk, ..new_event("e1") })).await;
    let all = (0..edm::MOST_EVIDENCE).map(|number| add("e1", found(&format!("s{number}"), MatchClass::Pair))).collect();
    store.execute_all(tenant, actor(), all, None).await.expect("there is room for them");
    let before = snapshot(&*store, tenant).await;
    let refused = execute(&*store, tenant, add("e1", found("more", MatchClass::Pair))).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::TooMuchEvidence))), "{refused:?}");
    let other = EventKey { id: id("e1"), kind: Some(EventKind::LeakedCredentials) };
    let evidence = Box::new(found("more", MatchClass::Pair));
    for event in [other.clone(), event_key("nobody")] {
        let refused = execute(&*store, tenant, Command::AddEvidence { event, evidence: evidence.clone() }).await;
        assert!(matches!(refused, Err(WriteError::Refused(Refusal::EventNotFound(_)))), "{refused:?}");
    }
    assert_eq!(store.evidence(tenant, &other).await.expect("evidence can be read"), None);
    assert_eq!(snapshot(&*store, tenant).await, before);
    let again = added(&*store, tenant, "e1", found("s999", MatchClass::Pair)).await;
    assert_eq!((again.id(), again.occurrences), ("1000", 2), "what is there can still be added to");
}

pub(super) async fn evidence_that_is_sent_again_is_added_once(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("e1"))).await;
    let request = Repeatability {
        request_id: "r1".parse().expect("an id"),
        first_sent: harness.clock().now(),
        digest: [7; 32],
        tracking: Tracking { window: Duration::from_hours(24), most: 1000 },
    };
    let send = async || {
        let command = vec![add("e1", found("a", MatchClass::PairByHash))];
        store.execute_all(tenant, actor(), command, Some(request.clone())).await.expect("it is carried out")
    };
    let first = send().await;
    added(&*store, tenant, "e1", found("a", MatchClass::PairByHash)).await;
    assert_eq!(send().await, first, "as it was then");
    let kept = evidence(&*store, tenant, "e1").await.expect("an event");
    assert_eq!(kept.iter().map(|item| item.occurrences).collect::<Vec<_>>(), [2]);
}
