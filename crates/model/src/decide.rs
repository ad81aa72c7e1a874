//! The decisions: what a command does to the state that it touches. Pure, so that every store
//! decides alike and a test needs none.

use crate::command::{Command, EventKey, Precondition, Refusal, State};
use crate::edm::{self, event as at};
use crate::effect::Effect;
use crate::event::{NewId, NewRiskEvent, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel};
use crate::ids::EntityId;
use crate::user::{User, UserDraft};
use odata::Ticks;
use odata::encode::Row as _;
use odata::fault::{Fault, FaultKind, Faults};

/// When a change happens: assigned inside the commit, so both grow with every change of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Ticks,
    /// The change's number, without gaps.
    pub sequence: u64,
}

/// What comes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Something changes.
    Change(Box<Effect>),
    /// The event is as it should be already.
    UnchangedEvent(Box<RiskEvent>),
    /// The user is as they should be already.
    UnchangedUser(Box<User>),
}

impl Decision {
    fn change(effect: Effect) -> Self {
        Self::Change(Box::new(effect))
    }

    fn event(before: RiskEvent, mut after: RiskEvent, moment: Moment) -> Self {
        if before == after {
            return Self::UnchangedEvent(Box::new(before));
        }
        after.version = moment.sequence;
        Self::change(Effect::ReplaceEvent { before, after })
    }
}

/// Decides a command. `state` holds what [`Command::touches`] named.
pub fn decide(command: Command, state: State, moment: Moment) -> Result<Decision, Refusal> {
    match command {
        Command::CreateEvent(new) => match state.event {
            Some(event) => Err(Refusal::IdTaken(event.id)),
            None => Ok(Decision::change(Effect::InsertEvent(create_event(*new, moment)))),
        },
        Command::UpdateEvent { event, precondition, patch } => {
            let before = existing_event(state, event, &precondition)?;
            let after = update_event(&before, *patch, moment.now)?;
            Ok(Decision::event(before, after, moment))
        }
        Command::DeleteEvent { event, precondition } => {
            Ok(Decision::change(Effect::RemoveEvent(existing_event(state, event, &precondition)?)))
        }
        Command::SetImpactedUser { event, precondition, user } => {
            let before = existing_event(state, event, &precondition)?;
            let user: Box<str> = user.as_str().into();
            let after = RiskEvent { impacted_user: Some(user.clone()), user_id: user, ..before.clone() };
            Ok(Decision::event(before, after, moment))
        }
        Command::ClearImpactedUser { event, precondition } => {
            let before = existing_event(state, event, &precondition)?;
            if before.impacted_user.is_none() {
                return Err(Refusal::NoImpactedUser);
            }
            let after = RiskEvent { impacted_user: None, ..before.clone() };
            Ok(Decision::event(before, after, moment))
        }
        Command::CreateUser { id, draft } => create_user(&id, *draft, state, moment),
        Command::UpdateUser { precondition, patch, .. } => {
            let before = existing_user(state.user, &precondition)?;
            update_user(before, *patch, state.namesake, moment)
        }
        Command::DeleteUser { precondition, .. } => {
            Ok(Decision::change(Effect::RemoveUser(existing_user(state.user, &precondition)?)))
        }
    }
}

fn existing_event(state: State, key: EventKey, precondition: &Precondition) -> Result<RiskEvent, Refusal> {
    let event = state.event.filter(|event| key.kind.is_none_or(|kind| kind == event.kind));
    let event = event.ok_or(Refusal::EventNotFound(key.id))?;
    admitted(precondition, event.version)?;
    Ok(event)
}

fn existing_user(user: Option<User>, precondition: &Precondition) -> Result<User, Refusal> {
    let user = user.ok_or(Refusal::UserNotFound)?;
    admitted(precondition, user.version())?;
    Ok(user)
}

fn admitted(precondition: &Precondition, current: u64) -> Result<(), Refusal> {
    if precondition.admits(current) { Ok(()) } else { Err(Refusal::PreconditionFailed { current }) }
}

fn create_event(new: NewRiskEvent, moment: Moment) -> RiskEvent {
    let created = new.created_date_time.unwrap_or(moment.now);
    let closed = match new.closed_date_time {
        Some(sent) => sent,
        None if new.risk_event_status.is_open() => None,
        None => Some(created),
    };
    RiskEvent {
        id: match new.id {
            NewId::Chosen(id) => id,
            NewId::Made { chance } => EntityId::of_change(moment.sequence, moment.now, chance),
        },
        kind: new.kind,
        user_display_name: new.user_display_name,
        user_principal_name: new.user_principal_name,
        risk_event_date_time: new.risk_event_date_time,
        risk_event_type: new.risk_event_type,
        risk_level: new.risk_level,
        risk_event_status: new.risk_event_status,
        closed_date_time: closed,
        created_date_time: created,
        user_id: new.user_id,
        impacted_user: new.impacted_user,
        creation: moment.sequence,
        version: moment.sequence,
    }
}

fn update_event(before: &RiskEvent, patch: RiskEventDraft, now: Ticks) -> Result<RiskEvent, Refusal> {
    let all = edm::LEAKED_CREDENTIALS_RISK_EVENT.all_properties();
    let changed = [
        (at::ID, patch.id.is_some_and(|id| id != before.id)),
        (at::CREATED_DATE_TIME, patch.created_date_time.is_some_and(|created| created != before.created_date_time)),
    ];
    let faults: Faults =
        changed.into_iter().filter(|(_, changed)| *changed).map(|(at, _)| unchangeable(all[at].name)).collect();
    faults.or(()).map_err(Refusal::Invalid)?;

    let status = patch.risk_event_status.unwrap_or(before.risk_event_status);
    let closed_date_time = patch.closed_date_time.unwrap_or_else(|| closed_after(before, status, now));
    let bound = patch.impacted_user.clone().flatten(); // setting the reference sets userId too
    let level = patch.risk_level.filter(|level| *level != RiskLevel::UnknownFutureValue);
    Ok(RiskEvent {
        user_display_name: patch.user_display_name.unwrap_or_else(|| before.user_display_name.clone()),
        user_principal_name: patch.user_principal_name.unwrap_or_else(|| before.user_principal_name.clone()),
        risk_event_date_time: patch.risk_event_date_time.unwrap_or(before.risk_event_date_time),
        risk_event_type: patch.risk_event_type.unwrap_or_else(|| before.risk_event_type.clone()),
        risk_level: level.unwrap_or(before.risk_level),
        risk_event_status: status,
        closed_date_time,
        user_id: patch.user_id.or(bound).unwrap_or_else(|| before.user_id.clone()),
        impacted_user: patch.impacted_user.unwrap_or_else(|| before.impacted_user.clone()),
        ..before.clone()
    })
}

/// closedDateTime after a change of status that leaves it out (graph.md, section 3.5; design.md,
/// section 5): a status that closes the event closes it now, making it active again clears it, and
/// loginBlocked sets nothing.
fn closed_after(before: &RiskEvent, status: RiskEventStatus, now: Ticks) -> Option<Ticks> {
    if status == before.risk_event_status || status == RiskEventStatus::LoginBlocked {
        before.closed_date_time
    } else if status == RiskEventStatus::Active {
        None
    } else {
        Some(now)
    }
}

fn unchangeable(name: &str) -> Fault {
    let message = format!("`{name}` never changes; leave it out, or send the value that the entity has");
    Fault::new(FaultKind::InvalidValue, name, message)
}

fn create_user(id: &EntityId, draft: UserDraft, state: State, moment: Moment) -> Result<Decision, Refusal> {
    if state.user.is_some() {
        return Err(Refusal::IdTaken(id.clone()));
    }
    if let Some(other) = state.namesake {
        return Err(Refusal::NameTaken(other.user_principal_name().into()));
    }
    let user = draft.into_user(id, moment.now, moment.sequence);
    let user = user.ok_or_else(|| Refusal::Invalid(Fault::missing("userPrincipalName").into()))?;
    Ok(Decision::change(Effect::InsertUser(user)))
}

fn update_user(
    before: User,
    mut patch: UserDraft,
    namesake: Option<User>,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let all = edm::USER.all_properties();
    let mut faults = Faults::default();
    for position in [edm::user::ID, edm::user::CREATED_DATE_TIME] {
        if patch.cell(position).is_some_and(|sent| sent.as_cell() != before.cell(position)) {
            faults.push(unchangeable(all[position].name));
        }
        patch.forget(position);
    }
    patch.refuse_nulls(&mut faults);
    faults.or(()).map_err(Refusal::Invalid)?;
    if let Some(other) = namesake.filter(|other| other.id() != before.id()) {
        return Err(Refusal::NameTaken(other.user_principal_name().into()));
    }
    let after = before.patched(&patch, moment.sequence);
    if after.differences(&before) == 0 {
        return Ok(Decision::UnchangedUser(Box::new(before)));
    }
    Ok(Decision::change(Effect::ReplaceUser { before, after }))
}
