//! What becomes of events, and with each of them of the user whom it is about.

use super::risk::{gone, raised, replaced_in};
use super::{Decision, Moment, unchangeable};
use crate::command::{Refusal, State};
use crate::edm::{self, event as at};
use crate::effect::{Effect, Step};
use crate::event::{NewId, NewRiskEvent, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel};
use crate::evidence::{EvidenceChange, NewEvidence};
use crate::ids::EntityId;
use odata::Ticks;
use odata::fault::Faults;

pub(super) fn created(mut new: NewRiskEvent, state: &State, moment: Moment) -> Decision {
    let evidence = std::mem::take(&mut new.evidence);
    let evidence = (!evidence.is_empty()).then(|| EvidenceChange::of(&[], evidence, moment));
    let event = event_of(new, moment);
    let risk = raised(&event, state, moment);
    Decision::Change(vec![Step { evidence, ..Step::new(moment, Effect::InsertEvent(event), Some(risk)) }])
}

pub(super) fn replaced(before: RiskEvent, mut after: RiskEvent, state: &State, moment: Moment) -> Decision {
    if before == after {
        return Decision::UnchangedEvent(Box::new(before));
    }
    after.version = moment.sequence;
    if before.user_id == after.user_id {
        let risk = replaced_in(&before, &after, state, moment);
        return Decision::Change(vec![Step::new(moment, Effect::ReplaceEvent { before, after }, risk)]);
    }
    let risk = Some(raised(&after, state, moment));
    let later = moment.next();
    let left = gone(&before, state, later);
    let mut steps = vec![Step::new(moment, Effect::ReplaceEvent { before, after }, risk)];
    steps.extend(left.map(|risk| Step::of_risk(risk, later)));
    Decision::Change(steps)
}

pub(super) fn removed(before: RiskEvent, state: &State, moment: Moment) -> Decision {
    let risk = gone(&before, state, moment);
    Decision::Change(vec![Step::new(moment, Effect::RemoveEvent(before), risk)])
}

/// Evidence changes the event, whose detection tells of it, but no risk.
pub(super) fn with_evidence(
    before: RiskEvent,
    added: NewEvidence,
    state: &State,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let is_known = state.evidence.iter().any(|item| item.finding == added.finding);
    if !is_known && state.evidence.len() >= edm::MOST_EVIDENCE as usize {
        return Err(Refusal::TooMuchEvidence);
    }
    let evidence = Some(EvidenceChange::of(&state.evidence, vec![added], moment));
    let after = RiskEvent { version: moment.sequence, ..before.clone() };
    let effect = Effect::ReplaceEvent { before, after };
    Ok(Decision::Change(vec![Step { evidence, ..Step::new(moment, effect, None) }]))
}

fn event_of(new: NewRiskEvent, moment: Moment) -> RiskEvent {
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
        risk_detail: new.risk_event_status.detail(),
        creation: moment.sequence,
        version: moment.sequence,
    }
}

pub(super) fn updated(before: &RiskEvent, patch: RiskEventDraft, now: Ticks) -> Result<RiskEvent, Refusal> {
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
    // What an administrator confirmed stays so while the event is open.
    let stays = status == before.risk_event_status || status.is_open() && before.risk_event_status.is_open();
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
        risk_detail: if stays { before.risk_detail } else { status.detail() },
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
