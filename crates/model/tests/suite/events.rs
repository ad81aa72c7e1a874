//! Decisions over risk events (graph.md, sections 3.4 to 3.6; design.md, section 5).

use crate::samples::{
    at, changed, event, id, if_match, key, new_event, now, patch, patched, ticks, update, with_event,
};
use model::EventKind::{IdentityRisk, LeakedCredentials};
use model::RiskEventStatus::{
    self, Active, ClosedMfaAuto, ClosedMultipleReasons, DismissedAsFalsePositive, DismissedAsFixed, DismissedAsIgnore,
    LoginBlocked, Remediated,
};
use model::{
    Command, Decision, Effect, EntityId, NewId, NewRiskEvent, Precondition, Refusal, RiskEvent, RiskEventDraft,
    RiskLevel, State, Touches, Versions, decide,
};

const CLOSED: [RiskEventStatus; 6] =
    [Remediated, DismissedAsFixed, DismissedAsFalsePositive, DismissedAsIgnore, ClosedMfaAuto, ClosedMultipleReasons];

fn name(status: RiskEventStatus) -> &'static str {
    model::edm::RISK_EVENT_STATUS.member_of(status as i64).unwrap().name
}

/// The event that comes of a create, after `change` of what is sent.
fn create(status: RiskEventStatus, change: impl FnOnce(&mut NewRiskEvent)) -> RiskEvent {
    let mut new = new_event(status);
    change(&mut new);
    match changed(decide(Command::CreateEvent(Box::new(new)), State::default(), at(7))) {
        Effect::InsertEvent(event) => event,
        other => panic!("{other:?}"),
    }
}

fn set_status(before: &RiskEvent, status: RiskEventStatus) -> RiskEvent {
    patched(before, &format!(r#"{{"riskEventStatus":"{}"}}"#, name(status)))
}

#[test]
fn create_assigns_times_and_version_inside_the_commit() {
    let new = create(Active, |_| ());
    assert_eq!((new.created_date_time, new.version), (at(7).now, 7));
    let sent = ticks("2001-01-01T00:00:00.0000001Z");
    let new = create(Active, |new| new.created_date_time = Some(sent));
    assert_eq!(new.created_date_time, sent, "kept if sent");
}

#[test]
fn create_closes_what_is_not_open_unless_told() {
    let (created, sent) = (ticks("2001-01-01T00:00:00Z"), ticks("1999-01-01T00:00:00Z"));
    let closed = |status, change: &dyn Fn(&mut NewRiskEvent)| create(status, change).closed_date_time;
    for status in CLOSED {
        assert_eq!(closed(status, &|_| ()), Some(at(7).now), "{status:?}");
        assert_eq!(closed(status, &|new| new.created_date_time = Some(created)), Some(created), "{status:?}");
        assert_eq!(closed(status, &|new| new.closed_date_time = Some(Some(sent))), Some(sent), "{status:?}");
        assert_eq!(closed(status, &|new| new.closed_date_time = Some(None)), None, "as sent: {status:?}");
    }
    for status in [Active, LoginBlocked] {
        assert_eq!(closed(status, &|_| ()), None, "{status:?}");
        assert_eq!(closed(status, &|new| new.closed_date_time = Some(Some(sent))), Some(sent), "as sent: {status:?}");
    }
}

#[test]
fn create_refuses_an_id_that_exists_and_keeps_every_level() {
    let command = Command::CreateEvent(Box::new(new_event(Active)));
    assert_eq!(command.touches(), Touches { event: Some(id("e1")), ..Touches::default() });
    let there = with_event(&event(Active, None));
    assert_eq!(decide(command, there, at(2)), Err(Refusal::IdTaken(id("e1"))));
    let mut new = new_event(Active);
    (new.id, new.risk_level) = (NewId::Made { chance: 7 }, RiskLevel::UnknownFutureValue);
    let command = Command::CreateEvent(Box::new(new));
    assert_eq!(command.touches(), Touches::default(), "an id that the server made is new");
    let Effect::InsertEvent(event) = changed(decide(command, State::default(), at(2))) else { panic!() };
    assert_eq!(event.risk_level, RiskLevel::UnknownFutureValue);
    assert_eq!(event.id, EntityId::of_change(2, at(2).now, 7));
    assert_eq!(event.id.change_number(), Some(event.creation), "the id leads to the row");
}

#[test]
fn closing_sets_the_time_and_opening_clears_it() {
    let (now, sent) = (at(9).now, ticks("1999-01-01T00:00:00Z"));
    for closed in CLOSED {
        assert_eq!(set_status(&event(Active, None), closed).closed_date_time, Some(now), "{closed:?}");
        assert_eq!(set_status(&event(Active, Some(sent)), closed).closed_date_time, Some(now), "{closed:?}");
        assert_eq!(set_status(&event(LoginBlocked, None), closed).closed_date_time, Some(now), "{closed:?}");
        assert_eq!(set_status(&event(closed, Some(sent)), Active).closed_date_time, None, "{closed:?}");
        assert_eq!(set_status(&event(closed, Some(sent)), LoginBlocked).closed_date_time, Some(sent), "{closed:?}");
        for other in CLOSED {
            let expected = if closed == other { sent } else { now };
            assert_eq!(set_status(&event(closed, Some(sent)), other).closed_date_time, Some(expected));
            let expected = (closed != other).then_some(now);
            assert_eq!(set_status(&event(closed, None), other).closed_date_time, expected, "{closed:?} {other:?}");
        }
    }
    assert_eq!(set_status(&event(Active, None), LoginBlocked).closed_date_time, None);
    assert_eq!(set_status(&event(LoginBlocked, Some(sent)), Active).closed_date_time, None);
    assert_eq!(set_status(&event(Active, Some(sent)), Active).closed_date_time, Some(sent), "no change of status");
}

#[test]
fn a_closed_date_time_that_is_sent_stands() {
    let (old, sent) = (ticks("1999-01-01T00:00:00Z"), ticks("2000-01-01T00:00:00Z"));
    for from in [Active, LoginBlocked, Remediated] {
        for to in [Active, LoginBlocked, Remediated, DismissedAsFixed] {
            for (json, expected) in [("\"2000-01-01T00:00:00Z\"", Some(sent)), ("null", None)] {
                let body = format!(r#"{{"closedDateTime":{json},"riskEventStatus":"{}"}}"#, name(to));
                let after = patched(&event(from, Some(old)), &body);
                assert_eq!((after.closed_date_time, after.risk_event_status), (expected, to), "{from:?} {body}");
            }
        }
    }
    let after = patched(&event(Active, None), r#"{"closedDateTime":"2000-01-01T00:00:00Z"}"#);
    assert_eq!((after.closed_date_time, after.risk_event_status), (Some(sent), Active));
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let before = event(Active, None);
    let date = ticks("2000-01-01T00:00:00Z");
    for (json, after) in [
        (r#"{"userDisplayName":""}"#, RiskEvent { user_display_name: "".into(), ..before.clone() }),
        (r#"{"userPrincipalName":"x"}"#, RiskEvent { user_principal_name: "x".into(), ..before.clone() }),
        (r#"{"riskEventDateTime":"2000-01-01T00:00:00Z"}"#, RiskEvent { risk_event_date_time: date, ..before.clone() }),
        (r#"{"riskEventType":"x"}"#, RiskEvent { risk_event_type: "x".into(), ..before.clone() }),
        (r#"{"riskLevel":"none"}"#, RiskEvent { risk_level: RiskLevel::None, ..before.clone() }),
        (r#"{"userId":"x"}"#, RiskEvent { user_id: "x".into(), ..before.clone() }),
    ] {
        assert_eq!(patched(&before, json), RiskEvent { version: 9, ..after }, "{json}");
    }
}

#[test]
fn a_patch_without_effect_leaves_the_version() {
    let before = event(Active, None);
    for json in [
        "{}",
        r#"{"riskLevel":"HIGH","riskEventStatus":"active","closedDateTime":null}"#,
        r#"{"riskLevel":"unknownFutureValue"}"#,
        r#"{"id":"e1","createdDateTime":"2024-03-03T06:00:01Z","userId":"u1"}"#,
        r#"{"createdDateTime":"2024-03-03T07:00:01.0+01:00"}"#,
    ] {
        assert_eq!(patched(&before, json).version, 1, "{json}");
    }
    let after = patched(&before, r#"{"riskLevel":"unknownFutureValue","riskEventType":"x"}"#);
    assert_eq!((after.risk_level, &*after.risk_event_type), (RiskLevel::High, "x"));
}

#[test]
fn what_never_changes_is_refused_with_another_value() {
    let refused = |json: &str| {
        let command = update(patch(json), Precondition::default());
        let Err(Refusal::Invalid(faults)) = decide(command, with_event(&event(Active, None)), at(9)) else {
            panic!("{json}")
        };
        faults.kept().iter().map(|fault| fault.target.clone()).collect::<Vec<_>>()
    };
    assert_eq!(refused(r#"{"id":"E1"}"#), ["id"], "ids compare exactly");
    assert_eq!(refused(r#"{"createdDateTime":"2024-03-03T06:00:01.0000001Z"}"#), ["createdDateTime"]);
    let both = r#"{"createdDateTime":"2024-03-03T06:00:00Z","id":"e2","riskLevel":"low"}"#;
    assert_eq!(refused(both), ["id", "createdDateTime"]);
}

fn commands(kind: Option<model::EventKind>, precondition: &Precondition) -> [Command; 4] {
    let precondition = precondition.clone();
    [
        Command::UpdateEvent {
            event: key(kind),
            precondition: precondition.clone(),
            patch: Box::new(RiskEventDraft::default()),
        },
        Command::DeleteEvent { event: key(kind), precondition: precondition.clone() },
        Command::SetImpactedUser { event: key(kind), precondition: precondition.clone(), user: id("u2") },
        Command::ClearImpactedUser { event: key(kind), precondition },
    ]
}

#[test]
fn an_event_that_a_set_does_not_show_is_not_found() {
    let leaked = event(Active, None);
    let base = RiskEvent { kind: IdentityRisk, ..leaked.clone() };
    for (kind, state, found) in [
        (None, Some(&leaked), true),
        (Some(LeakedCredentials), Some(&leaked), true),
        (Some(IdentityRisk), Some(&leaked), false),
        (None, Some(&base), true),
        (Some(LeakedCredentials), Some(&base), false),
        (None, None, false),
    ] {
        for command in commands(kind, &Precondition::default()) {
            assert_eq!(command.touches(), Touches { event: Some(id("e1")), ..Touches::default() });
            let state = State { event: state.cloned(), ..State::default() };
            let decision = decide(command, state, at(9));
            assert_eq!(decision.is_ok(), found, "{decision:?}");
            if !found {
                assert_eq!(decision, Err(Refusal::EventNotFound(id("e1"))));
            }
        }
    }
}

#[test]
fn preconditions_are_held_against_the_version() {
    let listed = |versions: &[u64]| Some(Versions::Listed(versions.to_vec()));
    let before = event(Active, None); // version 1
    for (if_match, if_none_match, admitted) in [
        (None, None, true),
        (Some(Versions::Any), None, true),
        (listed(&[1]), None, true),
        (listed(&[5, 1]), None, true),
        (listed(&[2]), None, false),
        (listed(&[]), None, false),
        (None, Some(Versions::Any), false),
        (None, listed(&[1]), false),
        (None, listed(&[2]), true),
        (None, listed(&[]), true),
        (listed(&[1]), listed(&[1]), false),
    ] {
        let precondition = Precondition { if_match, if_none_match };
        for command in commands(None, &precondition) {
            let decision = decide(command, with_event(&before), at(9));
            assert_eq!(decision.is_ok(), admitted, "{precondition:?} {decision:?}");
            if !admitted {
                assert_eq!(decision, Err(Refusal::PreconditionFailed { current: 1 }));
            }
        }
    }
}

#[test]
fn refusals_come_in_the_documented_order() {
    let wrong = || patch(r#"{"id":"other"}"#);
    let missing = decide(update(wrong(), if_match(&[2])), State::default(), at(9));
    assert_eq!(missing, Err(Refusal::EventNotFound(id("e1"))));
    let stale = decide(update(wrong(), if_match(&[2])), with_event(&event(Active, None)), at(9));
    assert_eq!(stale, Err(Refusal::PreconditionFailed { current: 1 }));
    let unbound = RiskEvent { impacted_user: None, ..event(Active, None) };
    let clear = Command::ClearImpactedUser { event: key(None), precondition: if_match(&[2]) };
    assert_eq!(decide(clear, with_event(&unbound), at(9)), Err(Refusal::PreconditionFailed { current: 1 }));
}

#[test]
fn the_reference_is_set_cleared_and_then_gone() {
    let before = event(Active, None);
    let set = |state: &RiskEvent, user: &str| {
        let command =
            Command::SetImpactedUser { event: key(None), precondition: Precondition::default(), user: id(user) };
        decide(command, with_event(state), at(9))
    };
    let Effect::ReplaceEvent { after, .. } = changed(set(&before, "u2")) else { panic!() };
    let expected = RiskEvent { impacted_user: Some("u2".into()), user_id: "u2".into(), version: 9, ..before.clone() };
    assert_eq!(after, expected, "userId follows the reference");
    assert_eq!(set(&before, "u1"), Ok(Decision::UnchangedEvent(Box::new(before.clone()))));

    let clear = || Command::ClearImpactedUser { event: key(None), precondition: Precondition::default() };
    let Effect::ReplaceEvent { after: cleared, .. } = changed(decide(clear(), with_event(&after), at(10))) else {
        panic!()
    };
    assert_eq!(cleared, RiskEvent { impacted_user: None, version: 10, ..after }, "userId stays");
    assert_eq!(decide(clear(), with_event(&cleared), at(11)), Err(Refusal::NoImpactedUser));
}

#[test]
fn a_binding_in_a_patch_sets_both_as_the_reference_does() {
    let before = event(Active, None);
    let bind = |json: &str, user: Option<&str>| {
        let draft = RiskEventDraft { impacted_user: Some(user.map(Into::into)), ..patch(json) };
        let decision = decide(update(draft, Precondition::default()), with_event(&before), at(9));
        let Effect::ReplaceEvent { after, .. } = changed(decision) else { panic!() };
        (String::from(after.user_id), after.impacted_user.map(String::from))
    };
    assert_eq!(bind("{}", Some("u2")), ("u2".into(), Some("u2".into())));
    assert_eq!(bind(r#"{"userId":"u3"}"#, Some("u2")), ("u3".into(), Some("u2".into())), "what is sent stands");
    assert_eq!(bind("{}", None), ("u1".into(), None));
}

#[test]
fn delete_takes_the_event_as_it_was() {
    let before = event(Remediated, Some(now()));
    let command = Command::DeleteEvent { event: key(None), precondition: if_match(&[1]) };
    assert_eq!(changed(decide(command, with_event(&before), at(9))), Effect::RemoveEvent(before));
}
