//! What becomes of users of the directory, and with them of users at risk: names and `isDeleted`.

use super::{Decision, Moment, unchangeable};
use crate::command::{Refusal, State};
use crate::edm;
use crate::effect::{Effect, Step};
use crate::ids::EntityId;
use crate::risky_user::{RiskChange, RiskyUser};
use crate::user::{User, UserDraft};
use odata::encode::Row as _;
use odata::fault::{Fault, Faults};

pub(super) fn created(id: &EntityId, draft: UserDraft, state: &State, moment: Moment) -> Result<Decision, Refusal> {
    if state.user.is_some() {
        return Err(Refusal::IdTaken(id.clone()));
    }
    if let Some(other) = &state.namesake {
        return Err(Refusal::NameTaken(other.user_principal_name().into()));
    }
    let user = draft.into_user(id, moment.now, moment.sequence);
    let user = user.ok_or_else(|| Refusal::Invalid(Fault::missing("userPrincipalName").into()))?;
    let risk = at_risk(state, id, moment, |risky| {
        (risky.is_known, risky.is_deleted) = (true, false);
        risky.rename(user.display_name(), user.user_principal_name());
    });
    Ok(Decision::Change(vec![Step::new(moment, Effect::InsertUser(user), risk)]))
}

pub(super) fn updated(before: User, mut patch: UserDraft, state: &State, moment: Moment) -> Result<Decision, Refusal> {
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
    if let Some(other) = state.namesake.as_ref().filter(|other| other.id() != before.id()) {
        return Err(Refusal::NameTaken(other.user_principal_name().into()));
    }
    let after = before.patched(&patch, moment.sequence);
    if after.differences(&before) == 0 {
        return Ok(Decision::UnchangedUser(Box::new(before)));
    }
    let risk = at_risk(state, &before.id(), moment, |risky| {
        risky.is_known = true;
        risky.rename(after.display_name(), after.user_principal_name());
    });
    Ok(Decision::Change(vec![Step::new(moment, Effect::ReplaceUser { before, after }, risk)]))
}

/// The change of the user at risk who has this id, if there is one and it makes a difference.
pub(super) fn at_risk(
    state: &State,
    id: &EntityId,
    moment: Moment,
    change: impl FnOnce(&mut RiskyUser),
) -> Option<RiskChange> {
    let before = state.risky_user(id.as_str())?;
    let mut after = before.clone();
    change(&mut after);
    if after == *before {
        return None;
    }
    after.version = moment.sequence;
    Some(RiskChange { before: Some(before.clone()), after, item: None })
}
