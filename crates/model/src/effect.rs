//! What a decided command changes, and what follows from it: the change-log entry and the kept
//! totals. All of it is written in one transaction.

use crate::edm::event as at;
use crate::event::{EventKind, RiskEvent, RiskEventStatus, RiskLevel};
use crate::ids::EntityId;
use crate::user::User;
use odata::encode::Row as _;

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
}

/// What kind of entity a change-log entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ChangedSet {
    /// Risk events of every kind.
    RiskEvents = 1,
    /// Users.
    Users = 2,
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
        [Self::RiskEvents, Self::Users].into_iter().find(|set| *set as i64 == value)
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
    /// Which one.
    pub id: EntityId,
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
}

impl Effect {
    /// Its entry in the change log.
    pub fn entry(&self) -> ChangeEntry {
        let (set, id, kind, properties) = match self {
            Self::InsertEvent(event) => (ChangedSet::RiskEvents, event.id.clone(), ChangeKind::Created, ALL),
            Self::ReplaceEvent { before, after } => {
                (ChangedSet::RiskEvents, after.id.clone(), ChangeKind::Updated, event_differences(before, after))
            }
            Self::RemoveEvent(event) => (ChangedSet::RiskEvents, event.id.clone(), ChangeKind::Deleted, 0),
            Self::InsertUser(user) => (ChangedSet::Users, user.id(), ChangeKind::Created, ALL),
            Self::ReplaceUser { before, after } => {
                (ChangedSet::Users, after.id(), ChangeKind::Updated, after.differences(before))
            }
            Self::RemoveUser(user) => (ChangedSet::Users, user.id(), ChangeKind::Deleted, 0),
        };
        ChangeEntry { set, id, kind, properties }
    }

    /// What it adds to and takes from the kept totals.
    pub fn totals(&self) -> Vec<(Total, i64)> {
        let of =
            |event: &RiskEvent, by: i64| (Total::Events(event.kind, event.risk_level, event.risk_event_status), by);
        match self {
            Self::InsertEvent(event) => vec![of(event, 1)],
            Self::RemoveEvent(event) => vec![of(event, -1)],
            Self::ReplaceEvent { before, after } => vec![of(before, -1), of(after, 1)],
            Self::InsertUser(_) => vec![(Total::Users, 1)],
            Self::RemoveUser(_) => vec![(Total::Users, -1)],
            Self::ReplaceUser { .. } => Vec::new(),
        }
    }
}

/// Every property: the sign bit stays free, since stores keep signed numbers.
const ALL: u64 = u64::MAX >> 1;

fn event_differences(before: &RiskEvent, after: &RiskEvent) -> u64 {
    let cells = (0..at::IMPACTED_USER).filter(|position| before.cell(*position) != after.cell(*position));
    let bits = cells.fold(0, |bits, position| bits | 1 << position);
    if before.impacted_user == after.impacted_user { bits } else { bits | 1 << at::IMPACTED_USER }
}
