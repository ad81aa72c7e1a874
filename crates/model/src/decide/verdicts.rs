//! What an administrator's verdict does to users and to their open events (graph.md, sections 5.4 and 6).

use super::risk::changed;
use super::{Decision, Moment};
use crate::command::{Refusal, State};
use crate::effect::{Effect, Step};
use crate::event::{EventKind, RiskEvent, RiskEventStatus, RiskLevel};
use crate::ids::EntityId;
use crate::risk::Verdict;
use crate::risky_user::{Activity, RiskChange, RiskyUser};

/// `riskEventType` of the event that stands for a verdict on a user of whom nothing is open.
const CONFIRMED: &str = "adminConfirmedUserCompromised";

/// All users or none: one whom neither the directory nor the risk store knows refuses the whole.
pub(super) fn given(
    verdict: Verdict,
    users: &[Box<str>],
    chance: u64,
    state: &State,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let is_known = |id: &str| state.risky_user(id).is_some() || state.directory_user(id).is_some();
    let unknown: Vec<Box<str>> = users.iter().filter(|id| !is_known(id)).cloned().collect();
    if !unknown.is_empty() {
        return Err(Refusal::UnknownUsers(unknown));
    }
    let mut steps = Vec::new();
    let mut next = moment;
    for id in users {
        let known = state.risky_user(id);
        let before = steps.len();
        steps.extend(judged(verdict, id, known, chance, state, next));
        for _ in before..steps.len() {
            next = next.next();
        }
    }
    Ok(if steps.is_empty() { Decision::Unchanged } else { Decision::Change(steps) })
}

/// The steps for one user; none where all is as it should be.
fn judged(
    verdict: Verdict,
    id: &str,
    known: Option<&RiskyUser>,
    chance: u64,
    state: &State,
    moment: Moment,
) -> Vec<Step> {
    let (risk_state, detail) = verdict.outcome();
    let activity = Activity { detail: Some(detail), risk_event_type: None };
    let open = || state.open.iter().filter(|event| &*event.user_id == id);
    let is_concerned = |event: &&RiskEvent| verdict.closes_as().is_some() || event.risk_detail != detail;
    let mut steps = Vec::new();
    let mut next = moment;
    let Some(user) = known.filter(|user| user.events > 0) else {
        return if verdict == Verdict::ConfirmCompromised {
            vec![confirmed(id, known, chance, state, moment)]
        } else {
            steps
        };
    };
    if verdict == Verdict::ConfirmCompromised && user.open.all() == 0 {
        return vec![confirmed(id, known, chance, state, moment)];
    }
    let mut after = user.clone();
    for event in open().filter(is_concerned) {
        let closed = verdict.closes_as();
        let judged = RiskEvent {
            risk_event_status: closed.unwrap_or(event.risk_event_status),
            closed_date_time: if closed.is_some() { Some(next.now) } else { event.closed_date_time },
            risk_detail: detail,
            version: next.sequence,
            ..event.clone()
        };
        after.take_out(event);
        after.put_in(&judged, true);
        let effect = Effect::ReplaceEvent { before: event.clone(), after: judged };
        steps.push(Step::new(next, effect, None));
        next = next.next();
    }
    if steps.is_empty() && (user.risk.state, user.risk.detail) == (risk_state, detail) {
        return steps;
    }
    let (open, events) = (after.open, after.events);
    let risk = changed(user, next, activity, true, |user| {
        (user.open, user.events) = (open, events);
        if verdict.closes_as().is_some() {
            user.closed = (risk_state, detail);
        }
    });
    steps.push(Step::of_risk(risk, next));
    steps
}

/// An event of its own, for a user of whom nothing is open (design.md, section 5).
fn confirmed(id: &str, known: Option<&RiskyUser>, chance: u64, state: &State, moment: Moment) -> Step {
    let directory = state.directory_user(id);
    let names = match (known, directory) {
        (Some(user), _) => (user.user_display_name.clone(), user.user_principal_name.clone()),
        (None, Some(user)) => (user.display_name().into(), user.user_principal_name().into()),
        (None, None) => (id.into(), id.into()),
    };
    let event = RiskEvent {
        id: EntityId::of_change(moment.sequence, moment.now, chance),
        kind: EventKind::IdentityRisk,
        user_display_name: names.0.clone(),
        user_principal_name: names.1.clone(),
        risk_event_date_time: moment.now,
        risk_event_type: CONFIRMED.into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: moment.now,
        user_id: id.into(),
        impacted_user: Some(id.into()),
        risk_detail: Verdict::ConfirmCompromised.outcome().1,
        creation: moment.sequence,
        version: moment.sequence,
    };
    let new = || RiskyUser::new(id, (&names.0, &names.1), directory.is_some(), moment);
    let mut after = known.cloned().unwrap_or_else(new);
    after.put_in(&event, true);
    let activity = Activity { detail: Some(event.risk_detail), risk_event_type: Some(CONFIRMED.into()) };
    let item = after.note(activity, moment);
    after.version = moment.sequence;
    let risk = RiskChange { before: known.cloned(), after, item: Some(item) };
    Step::new(moment, Effect::InsertEvent(event), Some(risk))
}
