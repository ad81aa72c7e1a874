//! Entities, drafts and short ways to decide.

use model::edm::{LEAKED_CREDENTIALS_RISK_EVENT, MODEL, USER};
use model::{
    Command, Decision, Effect, EntityId, EventKey, EventKind, Moment, NewId, NewRiskEvent, Nulls, Precondition,
    Refusal, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, State, Ticks, User, UserDraft, UserKey, Versions,
    decide,
};
use odata::body::EntityBody;

pub(crate) const EVENT: &str = r##"{"@odata.type":"#microsoft.graph.leakedCredentialsRiskEvent","userId":"u1",
    "userDisplayName":"Mara Lind","userPrincipalName":"mara@fjord.example",
    "riskEventDateTime":"2024-03-02T23:10:04.2255665Z","riskEventType":"leakedCredentials","riskLevel":"high",
    "riskEventStatus":"active"}"##;

pub(crate) const USER_BODY: &str = r#"{"accountEnabled":true,"displayName":"Mara Lind","mailNickname":"mara",
    "userPrincipalName":"Mara@fjord.example","passwordProfile":{"password":"hunter2"}}"#;

pub(crate) fn ticks(text: &str) -> Ticks {
    text.parse().expect(text)
}

pub(crate) fn now() -> Ticks {
    ticks("2024-03-03T06:00:00Z")
}

pub(crate) fn at(sequence: u64) -> Moment {
    Moment { now: now().plus_seconds(sequence as i64), sequence }
}

pub(crate) fn id(text: &str) -> EntityId {
    text.parse().expect(text)
}

pub(crate) fn event_body(json: &str) -> EntityBody {
    EntityBody::read(json.as_bytes(), &MODEL, &LEAKED_CREDENTIALS_RISK_EVENT).expect(json)
}

pub(crate) fn user_body(json: &str) -> EntityBody {
    EntityBody::read(json.as_bytes(), &MODEL, &USER).expect(json)
}

/// A patch of an event, whose body must be in order.
pub(crate) fn patch(json: &str) -> RiskEventDraft {
    let mut body = event_body(json);
    let draft = RiskEventDraft::from_body(&mut body, Nulls::Refused);
    assert!(body.faults.is_empty(), "{json}: {}", body.faults);
    draft
}

pub(crate) fn user_draft(json: &str) -> UserDraft {
    let mut body = user_body(json);
    let draft = UserDraft::from_body(&mut body);
    assert!(body.faults.is_empty(), "{json}: {}", body.faults);
    draft
}

/// An event to be created that says nothing of closedDateTime.
pub(crate) fn new_event(status: RiskEventStatus) -> NewRiskEvent {
    NewRiskEvent {
        id: NewId::Chosen(id("e1")),
        kind: EventKind::LeakedCredentials,
        user_display_name: "Mara Lind".into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: ticks("2024-03-02T23:10:04.2255665Z"),
        risk_event_type: "leakedCredentials".into(),
        risk_level: RiskLevel::High,
        risk_event_status: status,
        closed_date_time: None,
        created_date_time: None,
        user_id: "u1".into(),
        impacted_user: Some("u1".into()),
        evidence: Vec::new(),
    }
}

/// The event with the id `e1`, created at sequence 1.
pub(crate) fn event(status: RiskEventStatus, closed: Option<Ticks>) -> RiskEvent {
    let new = NewRiskEvent { closed_date_time: Some(closed), ..new_event(status) };
    let command = Command::CreateEvent(Box::new(new));
    match changed(decide(command, State::default(), at(1))) {
        Effect::InsertEvent(event) => event,
        other => panic!("{other:?}"),
    }
}

/// The user with the id `u1`, created at sequence 1.
pub(crate) fn user() -> User {
    let command = Command::CreateUser { id: id("u1"), draft: Box::new(user_draft(USER_BODY)) };
    match changed(decide(command, State::default(), at(1))) {
        Effect::InsertUser(user) => user,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn changed(decision: Result<Decision, Refusal>) -> Effect {
    match decision {
        Ok(Decision::Change(steps)) => steps.into_iter().next().expect("a step").effect,
        other => panic!("no change: {other:?}"),
    }
}

pub(crate) fn key(kind: Option<EventKind>) -> EventKey {
    EventKey { id: id("e1"), kind }
}

pub(crate) fn update(patch: RiskEventDraft, precondition: Precondition) -> Command {
    Command::UpdateEvent { event: key(None), precondition, patch: Box::new(patch) }
}

pub(crate) fn with_event(event: &RiskEvent) -> State {
    State { event: Some(event.clone()), ..State::default() }
}

/// The event after a patch at sequence 9; the same version when nothing changed.
pub(crate) fn patched(before: &RiskEvent, json: &str) -> RiskEvent {
    match decide(update(patch(json), Precondition::default()), with_event(before), at(9)).expect(json) {
        Decision::UnchangedEvent(event) => {
            assert_eq!(*event, *before);
            *event
        }
        decision @ Decision::Change(_) => match changed(Ok(decision)) {
            Effect::ReplaceEvent { before: told, after } => {
                assert_eq!((&told, after.version), (before, 9));
                after
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

pub(crate) fn with_user(user: &User, namesake: Option<&User>) -> State {
    State { user: Some(user.clone()), namesake: namesake.cloned(), ..State::default() }
}

pub(crate) fn update_user(json: &str, precondition: Precondition) -> Command {
    Command::UpdateUser { user: UserKey::Id(id("u1")), precondition, patch: Box::new(user_draft(json)) }
}

pub(crate) fn if_match(versions: &[u64]) -> Precondition {
    Precondition { if_match: Some(Versions::Listed(versions.to_vec())), ..Precondition::default() }
}
