//! What becomes of jobs, and of what they did when it is taken back.

use super::risk::{gone, raised, replaced_in};
use super::users::at_risk;
use super::{Decision, Moment, Note};
use crate::account::{Account, AccountChange};
use crate::command::{Refusal, State};
use crate::effect::{Effect, Step};
use crate::event::RiskEvent;
use crate::evidence::{Evidence, EvidenceChange};
use crate::job::{FoundCredential, Image, Job, JobRecord, RecordChange, RevertNote, Subject};
use crate::user::User;
use odata::encode::Row as _;

pub(super) fn put(
    mut job: Job,
    expected: Option<u64>,
    found: Vec<FoundCredential>,
    state: &State,
    moment: Moment,
) -> Result<Decision, Refusal> {
    match (&state.job, expected) {
        (None, None) => job.creation = moment.sequence,
        (Some(_), None) => return Err(Refusal::IdTaken(job.id)),
        (Some(known), Some(expected)) if known.version == expected => job.creation = known.creation,
        (_, Some(_)) => return Err(Refusal::JobMoved(job.id)),
    }
    job.version = moment.sequence;
    let note = Note::Job(Box::new(job.clone()));
    let step = Step::new(moment, Effect::PutJob { job: Box::new(job), found }, None);
    Ok(Decision::Noted(vec![step], note))
}

/// Makes something again what it was before a job changed it, unless somebody else has changed it since. The record
/// of it is forgotten, and the job that takes it back has one of its own. Records of the jobs that had made it what it is
/// again follow: jobs are undone one after another, the newest first.
pub(super) fn revert(job: u64, record: JobRecord, force: bool, state: &State, moment: Moment) -> Decision {
    if !state.is_recorded {
        return Decision::Noted(Vec::new(), Note::Nothing); // it was erased, or taken back already
    }
    let JobRecord { job: of, subject, sequence, is_gone, image } = record;
    let noted = |note| Decision::Noted(Vec::new(), Note::Reverted(note));
    let found = match &subject {
        Subject::Event(_) => state.event.as_ref().map(|event| event.version),
        Subject::Account(_) => state.account.as_ref().map(|account| account.version),
        Subject::User(_) => state.user.as_ref().map(User::version),
    };
    let before = image.version();
    let is_others = match found {
        Some(version) => version != sequence && !force,
        // Somebody else took it away. That was an erasure, maybe, after which nothing is left of an account's verifiers.
        None => before.is_some() && !is_gone && (!force || matches!(subject, Subject::Account(_))),
    };
    if is_others {
        return noted(RevertNote::Changed);
    }
    let forget = RecordChange::Forget { job: of, subject: subject.clone() };
    let reverted = match image {
        Image::Event(before) => event(before, state, moment),
        Image::Account(before) => Ok(account(before.map(|account| *account), state, moment)),
        Image::User(before) => user(&subject, before.map(|user| *user), state, moment),
    };
    let (mut step, now) = match reverted {
        Ok(Some(reverted)) => reverted,
        Ok(None) => {
            let mut step = Step::new(moment, Effect::None, None);
            step.records.push(forget);
            return Decision::Noted(vec![step], Note::Reverted(RevertNote::Reverted));
        }
        Err(note) => return noted(note),
    };
    let to = moment.sequence;
    let follow = before.map(|from| RecordChange::Follow { subject: subject.clone(), from, to });
    let kept = JobRecord { job, subject, sequence: to, is_gone: before.is_none(), image: now };
    step.records.extend([forget].into_iter().chain(follow).chain([RecordChange::Keep(kept)]));
    Decision::Noted(vec![step], Note::Reverted(RevertNote::Reverted))
}

/// What a revert writes, and how the thing was before that; `None` where it is as it should be.
type Reverted = Option<(Step, Image)>;

fn event(
    before: Option<(Box<RiskEvent>, Option<Vec<Evidence>>)>,
    state: &State,
    moment: Moment,
) -> Result<Reverted, RevertNote> {
    let image = |event: &RiskEvent| Image::Event(Some((Box::new(event.clone()), Some(state.evidence.clone()))));
    Ok(match (&state.event, before) {
        (None, None) => None,
        (Some(now), None) => {
            let risk = gone(now, state, moment);
            Some((Step::new(moment, Effect::RemoveEvent(now.clone()), risk), image(now)))
        }
        (None, Some((before, evidence))) => {
            let event = RiskEvent { creation: moment.sequence, version: moment.sequence, ..*before };
            let risk = raised(&event, state, moment);
            let evidence = evidence.filter(|all| !all.is_empty());
            let evidence = evidence.map(|all| EvidenceChange::instead_of(&[], all, moment));
            let step = Step { evidence, ..Step::new(moment, Effect::InsertEvent(event), Some(risk)) };
            Some((step, Image::Event(None)))
        }
        (Some(now), Some((before, evidence))) => {
            if before.user_id != now.user_id {
                return Err(RevertNote::Blocked); // it is about somebody else now: forced, but not to be guessed
            }
            let after = RiskEvent { creation: now.creation, version: moment.sequence, ..*before };
            let risk = replaced_in(now, &after, state, moment);
            let evidence = evidence.map(|all| EvidenceChange::instead_of(&state.evidence, all, moment));
            let step =
                Step { evidence, ..Step::new(moment, Effect::ReplaceEvent { before: now.clone(), after }, risk) };
            Some((step, image(now)))
        }
    })
}

fn account(before: Option<Account>, state: &State, moment: Moment) -> Reverted {
    let now = state.account.as_ref();
    let image = Image::Account(now.cloned().map(Box::new));
    let change = match (now, before) {
        (None, None) => return None,
        (Some(now), None) => AccountChange::Remove(Box::new(now.clone())),
        (now, Some(before)) => AccountChange::Put {
            before: now.cloned().map(Box::new),
            after: Box::new(Account { version: moment.sequence, ..before }),
            verifiers: None, // those of before are still there
        },
    };
    let mut step = Step::new(moment, Effect::None, None);
    step.account = Some(change);
    Some((step, image))
}

fn user(subject: &Subject, before: Option<User>, state: &State, moment: Moment) -> Result<Reverted, RevertNote> {
    let Subject::User(id) = subject else { return Ok(None) };
    let name_is_taken = state.namesake.as_ref().is_some_and(|other| other.id() != *id);
    if before.is_some() && name_is_taken {
        return Err(RevertNote::Blocked);
    }
    let image = Image::User(state.user.clone().map(Box::new));
    Ok(match (&state.user, before) {
        (None, None) => None,
        (Some(_), None) if state.accounts.iter().any(|account| account.user == *id) => {
            return Err(RevertNote::Blocked); // another directory knows the user
        }
        (Some(now), None) => {
            let risk = at_risk(state, id, moment, |risky| risky.is_deleted = true);
            Some((Step::new(moment, Effect::RemoveUser(now.clone()), risk), image))
        }
        (now, Some(before)) => {
            let after = before.at_version(moment.sequence);
            let risk = at_risk(state, id, moment, |risky| {
                (risky.is_known, risky.is_deleted) = (true, false);
                risky.rename(after.display_name(), after.user_principal_name());
            });
            let effect = match now {
                Some(now) => Effect::ReplaceUser { before: now.clone(), after },
                None => Effect::InsertUser(after),
            };
            Some((Step::new(moment, effect, risk), image))
        }
    })
}
