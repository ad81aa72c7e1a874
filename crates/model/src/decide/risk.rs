//! What a change of an event makes of the user whom it is about.

use super::Moment;
use crate::command::State;
use crate::event::RiskEvent;
use crate::risky_user::{Activity, RiskChange, RiskyUser};

/// An event came to its user.
pub(super) fn raised(event: &RiskEvent, state: &State, moment: Moment) -> RiskChange {
    let before = state.risky_user(&event.user_id).cloned();
    let mut after = before.clone().unwrap_or_else(|| newcomer(event, state, moment));
    if !after.is_known {
        after.rename(&event.user_display_name, &event.user_principal_name);
    }
    after.put_in(event, true);
    let is_open = event.risk_event_status.is_open();
    let detail = (!is_open).then_some(event.risk_detail);
    let item = after.note(Activity { detail, risk_event_type: Some(event.risk_event_type.clone()) }, moment);
    after.version = moment.sequence;
    RiskChange { before, after, item: Some(item) }
}

/// A user whom no event was about before.
fn newcomer(event: &RiskEvent, state: &State, moment: Moment) -> RiskyUser {
    match state.directory_user(&event.user_id) {
        Some(user) => RiskyUser::new(&event.user_id, (user.display_name(), user.user_principal_name()), true, moment),
        None => {
            let names = (&*event.user_display_name, &*event.user_principal_name);
            RiskyUser::new(&event.user_id, names, false, moment)
        }
    }
}

/// An event of the user's has other values. What says nothing of the risk changes nothing of the user.
pub(super) fn replaced_in(before: &RiskEvent, after: &RiskEvent, state: &State, moment: Moment) -> Option<RiskChange> {
    let of_risk = |event: &RiskEvent| (event.risk_level, event.risk_event_status, event.risk_detail);
    let user = state.risky_user(&before.user_id)?;
    if of_risk(before) == of_risk(after) {
        return None;
    }
    let is_transition = before.risk_event_status != after.risk_event_status;
    let reopened = !before.risk_event_status.is_open() && after.risk_event_status.is_open();
    let activity = Activity {
        detail: (is_transition && !reopened).then_some(after.risk_detail),
        risk_event_type: reopened.then(|| after.risk_event_type.clone()),
    };
    Some(changed(user, moment, activity, true, |user| {
        user.take_out(before);
        user.put_in(after, is_transition);
    }))
}

/// An event of the user's is gone, or is about somebody else from now on. Without a closed one the risk
/// mostly stays as it was.
pub(super) fn gone(event: &RiskEvent, state: &State, moment: Moment) -> Option<RiskChange> {
    let user = state.risky_user(&event.user_id)?;
    let was_open = event.risk_event_status.is_open();
    Some(changed(user, moment, Activity::default(), was_open, |user| user.take_out(event)))
}

/// The user after a change, with an item of the history where it `is_told` or the risk is another one.
pub(super) fn changed(
    before: &RiskyUser,
    moment: Moment,
    activity: Activity,
    is_told: bool,
    change: impl FnOnce(&mut RiskyUser),
) -> RiskChange {
    let mut after = before.clone();
    change(&mut after);
    let is_told = is_told || after.sum() != before.risk;
    let item = is_told.then(|| after.note(activity, moment));
    after.version = moment.sequence;
    RiskChange { before: Some(before.clone()), after, item }
}
