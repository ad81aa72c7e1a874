//! Commands on risk events.

use super::Harness;
use super::samples::{
    MADE, SeenRow, at_version, begin, create_event, delete_event, event_key, event_of, execute, id, new_event, page,
    rows, seen_event, snapshot, ticks, update_event,
};
use crate::{Carried, Outcome, PageQuery, Source, StoreError, WriteError};
use model::{
    Clock as _, Command, EntityId, EventKey, EventKind, NewId, NewRiskEvent, Precondition, Refusal, RiskDetail,
    RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, Versions, edm,
};
use odata::encode::{CellError, Row};

pub(super) async fn a_created_event_is_read_back_equal(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let plain = new_event("plain");
    let full = NewRiskEvent {
        kind: EventKind::IdentityRisk,
        user_display_name: "".into(),
        risk_event_date_time: ticks("0001-01-01T00:00:00Z"),
        risk_level: RiskLevel::UnknownFutureValue,
        risk_event_status: RiskEventStatus::ClosedMultipleReasons,
        closed_date_time: Some(Some(ticks("9999-12-31T23:59:59.9999999Z"))),
        created_date_time: Some(ticks("2020-02-29T12:00:00.0000001Z")),
        impacted_user: None,
        user_id: "x".repeat(255).into(),
        ..new_event(&"i".repeat(255))
    };
    for new in [plain, full] {
        let event = event_of(&*store, tenant, create_event(new.clone())).await;
        assert_eq!(NewId::Chosen(event.id.clone()), new.id);
        assert_eq!(event.kind, new.kind);
        assert_eq!(event.user_display_name, new.user_display_name);
        assert_eq!(event.user_id, new.user_id);
        assert_eq!(event.impacted_user, new.impacted_user);
        assert_eq!(event.risk_level, new.risk_level);
        let key = EventKey { id: event.id.clone(), kind: None };
        let loaded = store.load_event(tenant, &key).await.expect("an event can be read");
        assert_eq!(loaded.as_ref(), Some(&event), "load_event");
        let row = SeenRow::of(&event);
        assert_eq!(seen_event(&*store, tenant, &key).await.as_ref(), Some(&row), "event");
        let (newest, _) = page(&*store, tenant, Source::Events(None), None, 1).await;
        assert_eq!(newest, [row], "page");
    }
}

pub(super) async fn every_command_on_events_does_its_work(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = event_of(&*store, tenant, create_event(new_event("e1"))).await;
    assert_eq!(created.version, 1);
    assert_eq!(created.closed_date_time, None);

    harness.clock().advance_seconds(60);
    let patch = RiskEventDraft {
        risk_event_status: Some(RiskEventStatus::Remediated),
        risk_level: Some(RiskLevel::Low),
        user_display_name: Some("Mara".into()),
        ..RiskEventDraft::default()
    };
    let updated = event_of(&*store, tenant, update_event("e1", patch)).await;
    let closed = updated.closed_date_time.expect("closing sets closedDateTime");
    assert!(closed > created.created_date_time);
    let expected = RiskEvent {
        risk_event_status: RiskEventStatus::Remediated,
        risk_level: RiskLevel::Low,
        user_display_name: "Mara".into(),
        closed_date_time: Some(closed),
        risk_detail: RiskDetail::UserPerformedSecuredPasswordReset,
        version: 2,
        ..created
    };
    assert_eq!(updated, expected);

    let precondition = at_version(2);
    let set = Command::SetImpactedUser { event: event_key("e1"), precondition, user: id("u2") };
    let referred = event_of(&*store, tenant, set).await;
    let expected = RiskEvent { impacted_user: Some("u2".into()), user_id: "u2".into(), version: 3, ..updated };
    assert_eq!(referred, expected);

    let clear = Command::ClearImpactedUser { event: event_key("e1"), precondition: Precondition::default() };
    let cleared = event_of(&*store, tenant, clear).await;
    assert_eq!(cleared, RiskEvent { impacted_user: None, version: 5, ..referred });
    let loaded = store.load_event(tenant, &event_key("e1")).await.expect("an event can be read");
    assert_eq!(loaded, Some(cleared), "what is read is what was answered");

    let outcome = execute(&*store, tenant, delete_event("e1")).await.expect("an event can be deleted");
    assert_eq!(outcome, Outcome::Deleted);
    assert_eq!(store.load_event(tenant, &event_key("e1")).await.expect("reads go on"), None);
    assert_eq!(seen_event(&*store, tenant, &event_key("e1")).await, None);

    let again = event_of(&*store, tenant, create_event(new_event("e1"))).await;
    assert_eq!(again.version, 7, "a deleted id is free again, and versions go on");
    snapshot(&*store, tenant).await;
}

pub(super) async fn an_unchanged_event_keeps_its_version(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let created = event_of(&*store, tenant, create_event(new_event("e1"))).await;
    let before = snapshot(&*store, tenant).await;
    harness.clock().advance_seconds(60);
    let same = RiskEventDraft {
        id: Some(id("e1")),
        risk_level: Some(RiskLevel::High),
        risk_event_status: Some(RiskEventStatus::Active),
        ..RiskEventDraft::default()
    };
    let unknown = RiskEventDraft { risk_level: Some(RiskLevel::UnknownFutureValue), ..RiskEventDraft::default() };
    for patch in [same, unknown, RiskEventDraft::default()] {
        assert_eq!(event_of(&*store, tenant, update_event("e1", patch)).await, created);
    }
    let set =
        Command::SetImpactedUser { event: event_key("e1"), precondition: Precondition::default(), user: id("u1") };
    assert_eq!(event_of(&*store, tenant, set).await, created);
    assert_eq!(snapshot(&*store, tenant).await, before, "neither the change log nor anything else has moved");
}

pub(super) async fn an_event_is_seen_through_its_own_kind(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let new = NewRiskEvent { kind: EventKind::IdentityRisk, ..new_event("e1") };
    let event = event_of(&*store, tenant, create_event(new)).await;
    for kind in [None, Some(EventKind::IdentityRisk)] {
        let key = EventKey { id: id("e1"), kind };
        assert_eq!(seen_event(&*store, tenant, &key).await, Some(SeenRow::of(&event)));
        assert_eq!(store.load_event(tenant, &key).await.expect("reads go on").as_ref(), Some(&event));
    }
    let other = EventKey { id: id("e1"), kind: Some(EventKind::LeakedCredentials) };
    assert_eq!(seen_event(&*store, tenant, &other).await, None);
    assert_eq!(store.load_event(tenant, &other).await.expect("reads go on"), None);
    let delete = Command::DeleteEvent { event: other, precondition: Precondition::default() };
    let refused = execute(&*store, tenant, delete).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::EventNotFound(_)))), "{refused:?}");
}

pub(super) async fn refusals_on_events_leave_nothing_behind(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(NewRiskEvent { impacted_user: None, ..new_event("e1") })).await;
    let before = snapshot(&*store, tenant).await;
    let patch = || RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    let known = Precondition { if_match: None, if_none_match: Some(Versions::Any) };
    let conditional =
        |precondition| Command::UpdateEvent { event: event_key("e1"), precondition, patch: Box::new(patch()) };
    let none = Precondition::default;
    let missing = || event_key("nobody");
    let commands = [
        create_event(new_event("e1")),
        update_event("nobody", patch()),
        update_event("e1", RiskEventDraft { id: Some(id("other")), ..patch() }),
        update_event("E1", patch()), // ids are compared exactly
        delete_event("nobody"),
        conditional(at_version(7)),
        conditional(known),
        Command::DeleteEvent { event: event_key("e1"), precondition: at_version(0) },
        Command::SetImpactedUser { event: missing(), precondition: none(), user: id("u2") },
        Command::ClearImpactedUser { event: missing(), precondition: none() },
        Command::ClearImpactedUser { event: event_key("e1"), precondition: none() },
    ];
    for command in commands {
        let refused = execute(&*store, tenant, command.clone()).await;
        assert!(matches!(refused, Err(WriteError::Refused(_))), "{command:?} came to {refused:?}");
        assert_eq!(snapshot(&*store, tenant).await, before, "after {command:?}");
    }
}

pub(super) async fn a_taken_id_is_refused_whoever_chose_it(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("e1"))).await;
    let before = snapshot(&*store, tenant).await;
    let refused = async |taken: &str| {
        let new = NewRiskEvent { kind: EventKind::IdentityRisk, ..new_event(taken) };
        match execute(&*store, tenant, create_event(new)).await {
            Err(WriteError::Refused(Refusal::IdTaken(found))) => assert_eq!(found, id(taken)),
            other => panic!("came to {other:?}"),
        }
    };
    refused("e1").await;
    assert_eq!(snapshot(&*store, tenant).await, before);
    let next = event_of(&*store, tenant, create_event(NewRiskEvent { id: MADE, ..new_event("e2") })).await;
    assert_eq!(next.version, 2, "a refusal uses no number up");
    refused(next.id.as_str()).await;
}

/// Ids that the server makes carry the number of their change; clients may choose ids of that form.
pub(super) async fn ids_lead_to_their_rows_whatever_they_carry(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let made = event_of(&*store, tenant, create_event(NewRiskEvent { id: MADE, ..new_event("e1") })).await;
    assert_eq!(made.id.change_number(), Some(1));
    // Chosen: the number of the event above, of its own change by chance, and of none at all.
    let alike = [1, 3, 77].map(|number| EntityId::of_change(number, harness.clock().now(), 5));
    for (id, version) in alike.iter().zip(2..) {
        let new = NewRiskEvent { id: NewId::Chosen(id.clone()), ..new_event("e1") };
        assert_eq!(event_of(&*store, tenant, create_event(new)).await.version, version);
    }
    let mut all: Vec<_> = alike.iter().map(EntityId::as_str).chain([made.id.as_str()]).collect();
    all.sort_unstable();
    let mut listed: Vec<_> =
        rows(&*store, tenant, Source::Events(None)).await.iter().map(|row| row.id().to_owned()).collect();
    listed.sort_unstable();
    assert_eq!(listed, all);
    for id in &all {
        let seen = seen_event(&*store, tenant, &event_key(id)).await;
        assert_eq!(seen.as_ref().map(SeenRow::id), Some(&**id), "each is found");
    }
    // A deleted one's id can be chosen again, and is found where it is now.
    for id in all {
        execute(&*store, tenant, delete_event(id)).await.expect("an event can be deleted");
        assert_eq!(seen_event(&*store, tenant, &event_key(id)).await, None);
        let again = event_of(&*store, tenant, create_event(new_event(id))).await;
        let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
        let changed = event_of(&*store, tenant, update_event(id, patch)).await;
        assert_eq!((changed.creation, &changed.id), (again.creation, &again.id));
        assert_eq!(seen_event(&*store, tenant, &event_key(id)).await, Some(SeenRow::of(&changed)));
    }
    snapshot(&*store, tenant).await;
}

pub(super) async fn an_error_of_the_sink_ends_the_reading(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    for number in 0..5 {
        event_of(&*store, tenant, create_event(new_event(&format!("e{number}")))).await;
    }
    let property = edm::IDENTITY_RISK_EVENT.all_properties()[0];
    let mut met = 0;
    let mut sink = |_: &dyn Row| {
        met += 1;
        let error = CellError { property: property.name, expected: property.ty };
        if met < 3 { Ok(()) } else { Err(error) }
    };
    let query = PageQuery::all(Source::Events(None), 5);
    let outcome = store.page(tenant, query, &mut sink).await;
    assert!(matches!(outcome, Err(StoreError::Cell(_))), "{outcome:?}");
    assert_eq!(met, 3);
    let mut refuse = |_: &dyn Row| Err(CellError { property: property.name, expected: property.ty });
    let outcome = store.event(tenant, &event_key("e1"), Carried::PROPERTIES, &mut refuse).await;
    assert!(matches!(outcome, Err(StoreError::Cell(_))), "{outcome:?}");
    assert_eq!(rows(&*store, tenant, Source::Events(None)).await.len(), 5, "later reads are whole");
}
