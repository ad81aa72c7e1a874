//! What becomes of accounts, of their users, and of the events that a new password closes.

use super::risk::changed;
use super::users::at_risk;
use super::{Decision, Moment, Note};
use crate::account::{
    Account, AccountChange, AccountEntry, AccountKey, AccountName, AccountNote, FORMER_NAME, SealedVerifiers,
    VerifierMark, VerifierNote, Written,
};
use crate::command::{Refusal, State};
use crate::edm::user as at;
use crate::effect::{Effect, Step};
use crate::event::{EventKind, RiskEvent, RiskEventStatus};
use crate::ids::EntityId;
use crate::job::{Image, JobRecord, RecordChange, Subject};
use crate::risk::RiskDetail;
use crate::risky_user::{Activity, RiskChange};
use crate::user::{OwnedCell, User, UserDraft};
use odata::Ticks;
use odata::fault::Fault;

/// A directory tells of an account: its user is made or changed, and so is the account.
pub(super) fn told(mut entry: AccountEntry, state: &State, moment: Moment) -> Result<Decision, Refusal> {
    let known = state.meant_by(&entry).cloned();
    if let (Some(user), Some(other), Some(_)) = (&known, &state.namesake, entry.draft.folded_name())
        && other.id() != user.id()
    {
        return Err(Refusal::NameTaken(other.user_principal_name().into()));
    }
    for position in [at::ID, at::CREATED_DATE_TIME] {
        entry.draft.forget(position);
    }
    let (effect, id) = match &known {
        None => {
            let mut draft = std::mem::take(&mut entry.draft);
            if let (None, Some(name)) = (draft.folded_name(), entry.name_if_new.take()) {
                draft.put(at::USER_PRINCIPAL_NAME, OwnedCell::Text(name));
            }
            let user = newcomer(draft, &entry.new_id, moment)?;
            (Effect::InsertUser(user), entry.new_id.clone())
        }
        Some(before) => {
            let after = before.patched(&entry.draft, moment.sequence);
            let is_other = after.differences(before) != 0;
            let effect = if is_other { Effect::ReplaceUser { before: before.clone(), after } } else { Effect::None };
            (effect, before.id())
        }
    };
    let risk = at_risk(state, &id, moment, |risky| {
        risky.is_known = true;
        match &effect {
            Effect::InsertUser(user) => {
                risky.is_deleted = false;
                risky.rename(user.display_name(), user.user_principal_name());
            }
            Effect::ReplaceUser { after, .. } => risky.rename(after.display_name(), after.user_principal_name()),
            _ => {}
        }
    });
    let before = state.account.as_ref();
    let has_open_events = state.risky_user(id.as_str()).is_some_and(|risky| risky.open.all() > 0);
    let job = entry.job;
    let (account, verifiers, note) = account_of(entry, id.clone(), (before, &effect), has_open_events, moment);
    let account_changes = before != Some(&account);
    let written = match (&effect, before) {
        (Effect::InsertUser(_), _) => Written::Created,
        (_, None) => Written::Linked,
        (Effect::None, Some(_)) if !account_changes => Written::Unchanged,
        _ => Written::Updated,
    };
    let note = Note::Account(AccountNote { user: id, written, verifiers: note });
    if written == Written::Unchanged {
        return Ok(Decision::Noted(Vec::new(), note));
    }
    let mut records = Vec::new();
    let mut keep = |subject, image| {
        let record = JobRecord { job, subject, sequence: moment.sequence, is_gone: false, image };
        records.push(RecordChange::Keep(record));
    };
    match &effect {
        Effect::InsertUser(user) => keep(Subject::User(user.id()), Image::User(None)),
        Effect::ReplaceUser { before, .. } => {
            keep(Subject::User(before.id()), Image::User(Some(Box::new(before.clone()))));
        }
        _ => {}
    }
    let mut step = Step::new(moment, effect, risk);
    if account_changes {
        let mut account = account;
        account.version = moment.sequence;
        keep(Subject::Account(account.key.clone()), Image::Account(before.cloned().map(Box::new)));
        let before = before.cloned().map(Box::new);
        step.account = Some(AccountChange::Put { before, after: Box::new(account), verifiers });
    }
    step.records = records;
    Ok(Decision::Noted(vec![step], note))
}

fn newcomer(mut draft: UserDraft, id: &EntityId, moment: Moment) -> Result<User, Refusal> {
    let Some(OwnedCell::Text(name)) = draft.cell(at::USER_PRINCIPAL_NAME).cloned() else {
        return Err(Refusal::Invalid(Fault::missing("userPrincipalName").into()));
    };
    if draft.cell(at::DISPLAY_NAME).is_none() {
        draft.put(at::DISPLAY_NAME, OwnedCell::Text(name));
    }
    let user = draft.into_user(id, moment.now, moment.sequence);
    user.ok_or_else(|| Refusal::Invalid(Fault::missing("userPrincipalName").into()))
}

/// The account as it is told now; with the version of before, so that one can be compared with the other.
fn account_of(
    entry: AccountEntry,
    user: EntityId,
    (before, effect): (Option<&Account>, &Effect),
    has_open_events: bool,
    moment: Moment,
) -> (Account, Option<SealedVerifiers>, VerifierNote) {
    let marked = before.and_then(|account| account.verifiers);
    let (note, mark, verifiers) = match (marked, entry.verifiers) {
        (_, None) => (VerifierNote::Untold, marked, None),
        (Some(mark), Some(told)) if mark.tag == told.tag => (VerifierNote::Same, Some(mark), None),
        (marked, Some(told)) => {
            let note = if marked.is_some() { VerifierNote::Changed } else { VerifierNote::First };
            (note, Some(VerifierMark { number: moment.sequence, tag: told.tag }), Some(told))
        }
    };
    let mut names = entry.names;
    let former = |account: &Account| {
        let former = account.names.iter().filter(|name| &*name.attribute == FORMER_NAME);
        former.cloned().collect::<Vec<_>>()
    };
    let mut earlier = before.map(former).unwrap_or_default();
    if let Effect::ReplaceUser { before, after } = effect
        && before.folded_name() != after.folded_name()
    {
        earlier.push(AccountName { attribute: FORMER_NAME.into(), value: before.user_principal_name().into() });
    }
    for name in earlier {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let was_outdated = before.is_some_and(|account| account.is_outdated);
    let account = Account {
        key: entry.key,
        user,
        names,
        is_administrator: entry
            .is_administrator
            .unwrap_or_else(|| before.is_some_and(|account| account.is_administrator)),
        verifiers: mark,
        is_outdated: was_outdated || has_open_events && note == VerifierNote::Changed,
        version: before.map_or(moment.sequence, |account| account.version),
    };
    (account, verifiers, note)
}

/// A directory does not know an account any more.
pub(super) fn removed(job: u64, key: &AccountKey, state: &State, moment: Moment) -> Decision {
    let note = |user: &EntityId, written| {
        Note::Account(AccountNote { user: user.clone(), written, verifiers: VerifierNote::Untold })
    };
    let Some(account) = &state.account else {
        return Decision::Noted(Vec::new(), Note::Nothing);
    };
    let others = state.accounts.iter().any(|other| other.user == account.user && other.key != *key);
    let gone = state.account_user.as_ref().filter(|_| !others);
    let mut step = match gone {
        Some(user) => {
            let risk = at_risk(state, &account.user, moment, |risky| risky.is_deleted = true);
            Step::new(moment, Effect::RemoveUser(user.clone()), risk)
        }
        None => Step::new(moment, Effect::None, None),
    };
    let record = |subject, image| {
        RecordChange::Keep(JobRecord { job, subject, sequence: moment.sequence, is_gone: true, image })
    };
    step.records.push(record(Subject::Account(key.clone()), Image::Account(Some(Box::new(account.clone())))));
    if let Some(user) = gone {
        step.records.push(record(Subject::User(user.id()), Image::User(Some(Box::new(user.clone())))));
    }
    step.account = Some(AccountChange::Remove(Box::new(account.clone())));
    let written = if gone.is_some() { Written::Removed } else { Written::Updated };
    Decision::Noted(vec![step], note(&account.user, written))
}

/// The password of a user is another one: open events that say that the credentials leaked are remediated, and the
/// accounts are up to date again (leaks.md, section 1.1, "closing").
pub(super) fn remediated(job: u64, user: &EntityId, closed: Ticks, state: &State, moment: Moment) -> Decision {
    const DETAIL: RiskDetail = RiskDetail::UserPerformedSecuredPasswordChange;
    let record =
        |subject, sequence, image| RecordChange::Keep(JobRecord { job, subject, sequence, is_gone: false, image });
    let mut steps = Vec::new();
    let mut next = moment;
    let is_concerned =
        |event: &&RiskEvent| event.kind == EventKind::LeakedCredentials && *event.user_id == *user.as_str();
    let mut risky = state.risky_user(user.as_str()).cloned();
    for event in state.open.iter().filter(is_concerned) {
        let after = RiskEvent {
            risk_event_status: RiskEventStatus::Remediated,
            closed_date_time: Some(closed.max(event.created_date_time)),
            risk_detail: DETAIL,
            version: next.sequence,
            ..event.clone()
        };
        let risk = risky.take().map(|risky| {
            let activity = Activity { detail: Some(DETAIL), risk_event_type: None };
            changed(&risky, next, activity, true, |risky| {
                risky.take_out(event);
                risky.put_in(&after, true);
            })
        });
        risky = risk.as_ref().map(|risk: &RiskChange| risk.after.clone());
        let mut step = Step::new(next, Effect::ReplaceEvent { before: event.clone(), after }, risk);
        let image = Image::Event(Some((Box::new(event.clone()), None)));
        step.records.push(record(Subject::Event(event.id.clone()), next.sequence, image));
        steps.push(step);
        next = next.next();
    }
    let events = steps.len();
    for account in state.accounts.iter().filter(|account| account.is_outdated && account.user == *user) {
        let after = Account { is_outdated: false, version: next.sequence, ..account.clone() };
        let mut step = Step::new(next, Effect::None, None);
        let image = Image::Account(Some(Box::new(account.clone())));
        step.records.push(record(Subject::Account(account.key.clone()), next.sequence, image));
        let before = Some(Box::new(account.clone()));
        step.account = Some(AccountChange::Put { before, after: Box::new(after), verifiers: None });
        steps.push(step);
        next = next.next();
    }
    Decision::Noted(steps, Note::Remediated(events))
}
