//! What a decided command changes, and what follows from it: the change-log entry and the kept
//! totals. All of it is written in one transaction.

use crate::account::AccountChange;
use crate::decide::Moment;
use crate::edm::event as at;
use crate::event::{EventKind, RiskEvent, RiskEventStatus, RiskLevel};
use crate::evidence::EvidenceChange;
use crate::job::{FoundCredential, Job, RecordChange, Subject};
use crate::risk::RiskState;
use crate::risky_user::RiskChange;
use crate::user::User;
use odata::encode::Row as _;

/// One entry of the change log, with everything that is written with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its place and time.
    pub moment: Moment,
    /// What changes.
    pub effect: Effect,
    /// What that makes of a user at risk.
    pub risk: Option<RiskChange>,
    /// What becomes of the evidence of the event that is written.
    pub evidence: Option<EvidenceChange>,
    /// What becomes of the account of a user.
    pub account: Option<AccountChange>,
    /// What becomes of the record of the job that does this.
    pub records: Vec<RecordChange>,
}

/// A change of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A new event.
    InsertEvent(RiskEvent),
    /// An event has other values.
    ReplaceEvent {
        /// As it was.
        before: RiskEvent,
        /// As it is now.
        after: RiskEvent,
    },
    /// An event is gone.
    RemoveEvent(RiskEvent),
    /// A new user.
    InsertUser(User),
    /// A user has other values.
    ReplaceUser {
        /// As it was.
        before: User,
        /// As it is now.
        after: User,
    },
    /// A user is gone.
    RemoveUser(User),
    /// A job is new, or further on.
    PutJob {
        /// As it is now; it is new when its version is its creation.
        job: Box<Job>,
        /// What it has found since: of what it found before as well, the numbers add up.
        found: Vec<FoundCredential>,
    },
    /// Nothing changes but a user at risk, an account or a record.
    None,
}

/// What kind of entity a change-log entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ChangedSet {
    /// Risk events of every kind.
    RiskEvents = 1,
    /// Users.
    Users = 2,
    /// Users at risk, where nothing else changes.
    RiskyUsers = 3,
    /// Accounts of users in imported directories, named by the user's id, where nothing else changes; and what jobs keep
    /// of what they changed, where nothing but that changes, named by that thing's id or key.
    Accounts = 4,
    /// Jobs.
    Jobs = 5,
}

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ChangeKind {
    /// It was made.
    Created = 1,
    /// Some of its properties have other values.
    Updated = 2,
    /// It is gone.
    Deleted = 3,
}

impl ChangedSet {
    /// The set with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        [Self::RiskEvents, Self::Users, Self::RiskyUsers, Self::Accounts, Self::Jobs]
            .into_iter()
            .find(|set| *set as i64 == value)
    }
}

impl ChangeKind {
    /// The kind with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted].into_iter().find(|kind| *kind as i64 == value)
    }
}

/// An entry of the change log, without its place and actor, which the store adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeEntry {
    /// What kind of entity.
    pub set: ChangedSet,
    /// Which one: its id.
    pub id: Box<str>,
    /// What happened.
    pub kind: ChangeKind,
    /// Which properties: a bit for each position; all of them on create, none on delete.
    pub properties: u64,
}

/// A kept total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Total {
    /// Events of a kind, at a level, in a status: every count by these adds up from them.
    Events(EventKind, RiskLevel, RiskEventStatus),
    /// Users.
    Users,
    /// Users at risk at a level, in a state.
    RiskyUsers(RiskLevel, RiskState),
}

impl Step {
    /// A step that changes nothing but rows, and a user at risk with them.
    pub(crate) fn new(moment: Moment, effect: Effect, risk: Option<RiskChange>) -> Self {
        Self { moment, effect, risk, evidence: None, account: None, records: Vec::new() }
    }

    /// A step that changes nothing but a user at risk.
    pub fn of_risk(risk: RiskChange, moment: Moment) -> Self {
        Self::new(moment, Effect::None, Some(risk))
    }

    /// Its entry in the change log.
    pub fn entry(&self) -> ChangeEntry {
        let (set, id, kind, properties) = match &self.effect {
            Effect::InsertEvent(event) => (ChangedSet::RiskEvents, event.id.as_str(), ChangeKind::Created, ALL),
            Effect::ReplaceEvent { before, after } => {
                let evidence = u64::from(self.evidence.is_some()) << at::EVIDENCE;
                let properties = event_differences(before, after) | evidence;
                (ChangedSet::RiskEvents, after.id.as_str(), ChangeKind::Updated, properties)
            }
            Effect::RemoveEvent(event) => (ChangedSet::RiskEvents, event.id.as_str(), ChangeKind::Deleted, 0),
            Effect::InsertUser(user) => (ChangedSet::Users, user.id_text(), ChangeKind::Created, ALL),
            Effect::ReplaceUser { before, after } => {
                (ChangedSet::Users, after.id_text(), ChangeKind::Updated, after.differences(before))
            }
            Effect::RemoveUser(user) => (ChangedSet::Users, user.id_text(), ChangeKind::Deleted, 0),
            Effect::PutJob { job, .. } => {
                let is_new = job.version == job.creation;
                let kind = if is_new { ChangeKind::Created } else { ChangeKind::Updated };
                (ChangedSet::Jobs, job.id.as_str(), kind, ALL)
            }
            Effect::None if let Some(account) = &self.account => {
                let (user, kind) = match account {
                    AccountChange::Put { before: None, after, .. } => (&after.user, ChangeKind::Created),
                    AccountChange::Put { after, .. } => (&after.user, ChangeKind::Updated),
                    AccountChange::Remove(account) => (&account.user, ChangeKind::Deleted),
                    AccountChange::Erase(user) => (user, ChangeKind::Deleted),
                };
                (ChangedSet::Accounts, user.as_str(), kind, ALL)
            }
            Effect::None if let (None, Some(subject)) = (&self.risk, self.record_subject()) => {
                let id = match subject {
                    Subject::Event(id) | Subject::User(id) => id.as_str(),
                    Subject::Account(account) => &*account.key,
                };
                (ChangedSet::Accounts, id, ChangeKind::Updated, 0)
            }
            Effect::None => {
                let risk = self.risk.as_ref();
                let is_new = risk.is_some_and(|risk| risk.before.is_none());
                let kind = if is_new { ChangeKind::Created } else { ChangeKind::Updated };
                (ChangedSet::RiskyUsers, risk.map_or("", |risk| &risk.after.id), kind, ALL)
            }
        };
        ChangeEntry { set, id: id.into(), kind, properties }
    }

    /// What a record of a job is about that changes with it.
    fn record_subject(&self) -> Option<&Subject> {
        self.records.first().map(|change| match change {
            RecordChange::Keep(record) => &record.subject,
            RecordChange::Forget { subject, .. }
            | RecordChange::Follow { subject, .. }
            | RecordChange::Erase(subject) => subject,
        })
    }

    /// What it adds to and takes from the kept totals.
    pub fn totals(&self) -> Vec<(Total, i64)> {
        let mut totals = self.effect.totals();
        if let Some(RiskChange { before, after, .. }) = &self.risk
            && before.as_ref().is_none_or(|before| before.risk != after.risk)
        {
            let of = |user: &crate::RiskyUser, by| (Total::RiskyUsers(user.risk.level, user.risk.state), by);
            totals.extend(before.as_ref().map(|before| of(before, -1)));
            totals.push(of(after, 1));
        }
        totals
    }
}

impl Effect {
    fn totals(&self) -> Vec<(Total, i64)> {
        let of =
            |event: &RiskEvent, by: i64| (Total::Events(event.kind, event.risk_level, event.risk_event_status), by);
        match self {
            Self::InsertEvent(event) => vec![of(event, 1)],
            Self::RemoveEvent(event) => vec![of(event, -1)],
            Self::ReplaceEvent { before, after } => vec![of(before, -1), of(after, 1)],
            Self::InsertUser(_) => vec![(Total::Users, 1)],
            Self::RemoveUser(_) => vec![(Total::Users, -1)],
            Self::ReplaceUser { .. } | Self::PutJob { .. } | Self::None => Vec::new(),
        }
    }
}

/// Every property: the sign bit stays free, since stores keep signed numbers.
const ALL: u64 = u64::MAX >> 1;

fn event_differences(before: &RiskEvent, after: &RiskEvent) -> u64 {
    let cells = (0..at::IMPACTED_USER).filter(|position| before.cell(*position) != after.cell(*position));
    let bits = cells.fold(0, |bits, position| bits | 1 << position);
    let beside = [
        (at::IMPACTED_USER, before.impacted_user != after.impacted_user),
        (at::RISK_DETAIL, before.risk_detail != after.risk_detail),
    ];
    beside.into_iter().filter(|(_, differs)| *differs).fold(bits, |bits, (position, _)| bits | 1 << position)
}
