//! What has become of a working set, as rows to write: each row once, however often it was changed.

use super::{DirectoryWrites, EventNow, Slot, UserNow, WorkingSet};
use crate::LogPlace;
use model::{Actor, ChangeEntry, Evidence, HistoryItem, Moment, RiskEvent, RiskyUser, Step, Ticks, Total, User};

/// What becomes of `additionalInfo` of an event's detection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Info {
    /// Nothing: it is as it was, and of a new event, there is none.
    #[default]
    AsBefore,
    /// It is this; none without evidence.
    Now(Option<Box<str>>),
}

impl Info {
    /// The text that there is now, as far as it was told.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::AsBefore => None,
            Self::Now(text) => text.as_deref(),
        }
    }
}

/// An event's row.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// The event.
    pub event: RiskEvent,
    /// When it was last written.
    pub written: Ticks,
    /// `additionalInfo` of its detection.
    pub info: Info,
}

/// A user's row.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// The number of the change that made the row.
    pub key: u64,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Its place and time.
    pub moment: Moment,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub entry: ChangeEntry,
    /// The number of the change that made the user at risk of whom it changes something.
    pub risky_user: Option<u64>,
    /// What the history says of it.
    pub item: Option<HistoryItem>,
}

impl LogEntry {
    /// That of a step.
    pub(super) fn of(step: &Step, actor: &Actor) -> Self {
        Self {
            moment: step.moment,
            actor: actor.clone(),
            entry: step.entry(),
            risky_user: step.risk.as_ref().map(|risk| risk.after.creation),
            item: step.risk.as_ref().and_then(|risk| risk.item.clone()),
        }
    }
}

/// Everything that a group writes. Rows are to be deleted before others are inserted, which may take their ids and
/// names; all of it in the order of the numbers of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Writes {
    /// Events that are gone, by the numbers of the changes that made them; their evidence and detections go along.
    pub deleted_events: Vec<RiskEvent>,
    /// New events.
    pub inserted_events: Vec<EventRow>,
    /// Events with other values.
    pub updated_events: Vec<EventRow>,
    /// Items of evidence that are gone from events that stay, by their ids, with the numbers of the changes that made
    /// their events.
    pub removed_evidence: Vec<(u64, Box<str>)>,
    /// Items of evidence, new or with other values, with the numbers of the changes that made their events.
    pub evidence: Vec<(u64, Evidence)>,
    /// Users who are gone, or whose rows are written anew, by the numbers of the changes that made the rows.
    pub deleted_users: Vec<u64>,
    /// New users, and those with another name: two may have changed names.
    pub inserted_users: Vec<UserRow>,
    /// Users with other values.
    pub updated_users: Vec<UserRow>,
    /// New users at risk.
    pub inserted_risky_users: Vec<RiskyUser>,
    /// Users at risk with other values.
    pub updated_risky_users: Vec<RiskyUser>,
    /// Accounts, verifiers and jobs.
    pub directory: DirectoryWrites,
    /// Entries of the change log, in order.
    pub log: Vec<LogEntry>,
    /// What is added to kept totals.
    pub totals: Vec<(Total, i64)>,
    /// Where the change log ends then; `None` when nothing changes.
    pub end: Option<LogPlace>,
}

impl Writes {
    pub(super) fn of(set: WorkingSet) -> Self {
        let mut writes = Self { directory: DirectoryWrites::of(set.directory), ..Self::default() };
        let mut alive = Vec::new();
        for slot in set.events.into_values() {
            alive.extend(slot.now.as_ref().map(|now| now.event.creation));
            writes.event(slot);
        }
        for slot in set.users.into_values() {
            writes.user(slot);
        }
        for slot in set.risky_users.into_values() {
            match (slot.before, slot.now) {
                (None, Some(user)) => writes.inserted_risky_users.push(user),
                (Some(before), Some(user)) if before != user => writes.updated_risky_users.push(user),
                _ => {}
            }
        }
        alive.sort_unstable();
        for (event, known) in set.evidence {
            if alive.binary_search(&event).is_ok() {
                let is_there = |id: &str| known.items.iter().any(|item| item.id() == id);
                let removed = known.removed.iter().filter(|id| !is_there(id));
                writes.removed_evidence.extend(removed.map(|id| (event, id.clone())));
                let written = known.items.into_iter().filter(|item| known.written.contains(item.id()));
                writes.evidence.extend(written.map(|item| (event, item)));
            }
        }
        writes.in_order()
    }

    fn event(&mut self, Slot { before, now }: Slot<EventNow>) {
        let row = |now: EventNow| {
            let written = now.written?;
            Some(EventRow { event: now.event, written, info: now.info })
        };
        match (before, now) {
            (None, None) => {}
            (Some(before), None) => self.deleted_events.push(before.event),
            (None, Some(now)) => self.inserted_events.extend(row(now)),
            (Some(before), Some(now)) if before.event.creation != now.event.creation => {
                self.deleted_events.push(before.event);
                self.inserted_events.extend(row(now));
            }
            (Some(_), Some(now)) => self.updated_events.extend(row(now)),
        }
    }

    fn user(&mut self, Slot { before, now }: Slot<UserNow>) {
        let row = |now: UserNow| UserRow { user: now.user, key: now.key };
        match (before, now) {
            (None, None) => {}
            (Some(before), None) => self.deleted_users.push(before.key),
            (None, Some(now)) => self.inserted_users.push(row(now)),
            (Some(before), Some(now)) if before == now => {}
            (Some(before), Some(now))
                if before.key != now.key || before.user.folded_name() != now.user.folded_name() =>
            {
                self.deleted_users.push(before.key);
                self.inserted_users.push(row(now));
            }
            (Some(_), Some(now)) => self.updated_users.push(row(now)),
        }
    }

    /// A table's pages are then met one after another, and a test sees the same statements each time.
    fn in_order(mut self) -> Self {
        self.deleted_events.sort_unstable_by_key(|event| event.creation);
        self.inserted_events.sort_unstable_by_key(|row| row.event.creation);
        self.updated_events.sort_unstable_by_key(|row| row.event.creation);
        self.evidence.sort_by(|(a, left), (b, right)| a.cmp(b).then_with(|| left.id().cmp(right.id())));
        self.removed_evidence.sort_unstable();
        self.deleted_users.sort_unstable();
        self.inserted_users.sort_unstable_by_key(|row| row.key);
        self.updated_users.sort_unstable_by_key(|row| row.key);
        self.inserted_risky_users.sort_unstable_by_key(|user| user.creation);
        self.updated_risky_users.sort_unstable_by_key(|user| user.creation);
        self
    }
}
