//! The decisions: what a command does to the state that it touches. Pure, so that every store
//! decides alike and a test needs none.

mod accounts;
mod events;
mod findings;
mod jobs;
mod risk;
mod users;
mod verdicts;

use crate::account::{AccountChange, AccountNote};
use crate::command::{Command, EventKey, Precondition, Refusal, State};
use crate::effect::{Effect, Step};
use crate::event::RiskEvent;
use crate::job::{FindingNote, Job, RecordChange, RevertNote, Subject};
use crate::user::User;
use odata::Ticks;
use odata::encode::Row as _;
use odata::fault::{Fault, FaultKind};

/// When a change happens: assigned inside the commit, so both grow with every change of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Ticks,
    /// The change's number, without gaps.
    pub sequence: u64,
}

impl Moment {
    /// The moment of the next change of the same command.
    #[must_use]
    pub fn next(self) -> Self {
        Self { now: self.now.successor(), sequence: self.sequence + 1 }
    }
}

/// What comes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Something changes: one step for each entry of the change log, in their order.
    Change(Vec<Step>),
    /// The event is as it should be already.
    UnchangedEvent(Box<RiskEvent>),
    /// The user is as they should be already.
    UnchangedUser(Box<User>),
    /// All users are as they should be already.
    Unchanged,
    /// What a command of a job came to, and what changes with that, which may be nothing.
    Noted(Vec<Step>, Note),
}

/// What a command of a job came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// There was nothing to do.
    Nothing,
    /// An account was told, or removed.
    Account(AccountNote),
    /// So many events were remediated.
    Remediated(usize),
    /// A finding was told.
    Finding(FindingNote),
    /// The job as it is now.
    Job(Box<Job>),
    /// Something was to be taken back.
    Reverted(RevertNote),
}

/// Decides a command, whose first change happens at a moment. `state` holds what
/// [`Command::touches`] and [`Command::concerns`] named.
pub fn decide(command: Command, state: State, moment: Moment) -> Result<Decision, Refusal> {
    match command {
        Command::CreateEvent(new) => match state.event {
            Some(event) => Err(Refusal::IdTaken(event.id)),
            None => Ok(events::created(*new, &state, moment)),
        },
        Command::UpdateEvent { event, precondition, patch } => {
            let before = existing_event(&state, event, &precondition)?;
            let after = events::updated(&before, *patch, moment.now)?;
            Ok(events::replaced(before, after, &state, moment))
        }
        Command::DeleteEvent { event, precondition } => {
            let before = existing_event(&state, event, &precondition)?;
            Ok(events::removed(before, &state, moment))
        }
        Command::SetImpactedUser { event, precondition, user } => {
            let before = existing_event(&state, event, &precondition)?;
            let user: Box<str> = user.as_str().into();
            let after = RiskEvent { impacted_user: Some(user.clone()), user_id: user, ..before.clone() };
            Ok(events::replaced(before, after, &state, moment))
        }
        Command::ClearImpactedUser { event, precondition } => {
            let before = existing_event(&state, event, &precondition)?;
            if before.impacted_user.is_none() {
                return Err(Refusal::NoImpactedUser);
            }
            let after = RiskEvent { impacted_user: None, ..before.clone() };
            Ok(events::replaced(before, after, &state, moment))
        }
        Command::AddEvidence { event, evidence } => {
            let before = existing_event(&state, event, &Precondition::default())?;
            events::with_evidence(before, *evidence, &state, moment)
        }
        Command::CreateUser { id, draft } => users::created(&id, *draft, &state, moment),
        Command::UpdateUser { precondition, patch, .. } => {
            let before = existing_user(&state, &precondition)?;
            users::updated(before, *patch, &state, moment)
        }
        Command::DeleteUser { precondition, .. } => {
            let before = existing_user(&state, &precondition)?;
            let risk = users::at_risk(&state, &before.id(), moment, |user| user.is_deleted = true);
            let accounts = state.accounts.iter().map(|account| &account.key).chain(&state.recorded);
            let mut records = vec![RecordChange::Erase(Subject::User(before.id()))];
            records.extend(accounts.map(|key| RecordChange::Erase(Subject::Account(key.clone()))));
            let account = Some(AccountChange::Erase(before.id()));
            let step = Step::new(moment, Effect::RemoveUser(before), risk);
            Ok(Decision::Change(vec![Step { account, records, ..step }]))
        }
        Command::PutAccount(entry) => accounts::told(*entry, &state, moment),
        Command::RemoveAccount { job, account } => Ok(accounts::removed(job, &account, &state, moment)),
        Command::Remediate { job, user, closed } => Ok(accounts::remediated(job, &user, closed, &state, moment)),
        Command::RaiseFinding { job, id, created, found } => {
            Ok(findings::raise(job, id, created, *found, &state, moment))
        }
        Command::PutJob { job, expected, found } => jobs::put(*job, expected, found, &state, moment),
        Command::Revert { job, record, force } => Ok(jobs::revert(job, *record, force, &state, moment)),
        Command::Judge { verdict, users, chance } => verdicts::given(verdict, &users, chance, &state, moment),
    }
}

fn existing_event(state: &State, key: EventKey, precondition: &Precondition) -> Result<RiskEvent, Refusal> {
    let event = state.event.as_ref().filter(|event| key.kind.is_none_or(|kind| kind == event.kind));
    let event = event.ok_or(Refusal::EventNotFound(key.id))?;
    admitted(precondition, event.version)?;
    Ok(event.clone())
}

fn existing_user(state: &State, precondition: &Precondition) -> Result<User, Refusal> {
    let user = state.user.as_ref().ok_or(Refusal::UserNotFound)?;
    admitted(precondition, user.version())?;
    Ok(user.clone())
}

fn admitted(precondition: &Precondition, current: u64) -> Result<(), Refusal> {
    if precondition.admits(current) { Ok(()) } else { Err(Refusal::PreconditionFailed { current }) }
}

fn unchangeable(name: &str) -> Fault {
    let message = format!("`{name}` never changes; leave it out, or send the value that the entity has");
    Fault::new(FaultKind::InvalidValue, name, message)
}
