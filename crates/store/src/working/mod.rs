//! What commands touch, held in memory while a group of them is decided: for stores whose database is a round trip
//! away. A group loads what all its commands need at once, decides them one after another on what the ones before
//! have made of it, and writes what has become of it at once.
//!
//! Nothing here does I/O: a store asks what is [wanted](Wanted), loads it, [takes it in](WorkingSet::take_in), and in
//! the end writes [what has changed](Writes).

mod batch;
mod directory;
mod wanted;
mod writes;

pub use batch::{Attempt, Batch};
pub use directory::DirectoryWrites;
pub use wanted::{Loaded, Recorded, Wanted};
pub use writes::{EventRow, Info, LogEntry, UserRow, Writes};

use directory::DirectorySet;
use model::{
    Command, Effect, EntityId, Evidence, EvidenceChange, FoldedName, RiskEvent, RiskyUser, State, Step, Ticks, User,
    UserKey,
};
use std::collections::{HashMap, HashSet};

/// An entity as it was loaded and as it is now.
#[derive(Clone, Debug)]
struct Slot<T> {
    before: Option<T>,
    now: Option<T>,
}

/// An event, with what stores keep beside it.
#[derive(Clone, Debug, PartialEq)]
struct EventNow {
    event: RiskEvent,
    /// When it was last written, if that was in this group.
    written: Option<Ticks>,
    /// What became of `additionalInfo` of its detection in this group.
    info: Info,
}

/// A user, and the number of the change that made the row.
#[derive(Clone, Debug, PartialEq)]
struct UserNow {
    user: User,
    key: u64,
}

/// What the evidence of an event is.
#[derive(Clone, Debug, Default)]
struct EvidenceNow {
    items: Vec<Evidence>,
    /// Ids of those that were written in this group.
    written: HashSet<Box<str>>,
    /// Ids of those that were taken away in this group, which others may have since.
    removed: HashSet<Box<str>>,
}

/// Who has a name, if anybody.
#[derive(Clone, Debug, Default)]
struct Holder(Option<EntityId>);

/// What was there before a change, so that it can be taken back.
#[derive(Debug)]
enum Undo {
    Event(EntityId, Option<Slot<EventNow>>),
    User(EntityId, Option<Slot<UserNow>>),
    Name(FoldedName, Option<Holder>),
    RiskyUser(Box<str>, Option<Slot<RiskyUser>>),
    Evidence(u64, Option<EvidenceNow>),
}

/// Entities of one tenant, as a group of commands has made them.
#[derive(Debug, Default)]
pub struct WorkingSet {
    events: HashMap<EntityId, Slot<EventNow>>,
    users: HashMap<EntityId, Slot<UserNow>>,
    /// Who has a name now.
    names: HashMap<FoldedName, Holder>,
    risky_users: HashMap<Box<str>, Slot<RiskyUser>>,
    /// Users of whom every open event is in `events`.
    open_known: HashSet<Box<str>>,
    evidence: HashMap<u64, EvidenceNow>,
    directory: DirectorySet,
    journal: Vec<Undo>,
}

/// A place to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    entities: usize,
    directory: usize,
}

impl WorkingSet {
    /// Takes in what was loaded. What is known already stays as it is: it may have been changed since.
    pub fn take_in(&mut self, wanted: &Wanted, loaded: Loaded) {
        for event in loaded.events {
            let known = EventNow { event, written: None, info: Info::AsBefore };
            self.events.entry(known.event.id.clone()).or_insert_with(|| Slot::loaded(Some(known)));
        }
        for (user, key) in loaded.users {
            let (id, name) = (user.id(), user.folded_name());
            self.names.entry(name).or_insert_with(|| Holder(Some(id.clone())));
            self.users.entry(id).or_insert_with(|| Slot::loaded(Some(UserNow { user, key })));
        }
        for user in loaded.risky_users {
            self.risky_users.entry(user.id.clone()).or_insert_with(|| Slot::loaded(Some(user)));
        }
        let mut evidence: HashMap<u64, Vec<Evidence>> = HashMap::new();
        for (event, item) in loaded.evidence {
            evidence.entry(event).or_default().push(item);
        }
        for event in &wanted.evidence_of {
            let items = evidence.remove(event).unwrap_or_default();
            self.evidence.entry(*event).or_insert_with(|| EvidenceNow { items, ..EvidenceNow::default() });
        }
        for id in &wanted.events {
            self.events.entry(id.clone()).or_insert_with(|| Slot::loaded(None));
        }
        for id in &wanted.users {
            self.users.entry(id.clone()).or_insert_with(|| Slot::loaded(None));
        }
        for name in &wanted.names {
            self.names.entry(name.clone()).or_default();
        }
        for id in &wanted.risky_users {
            self.risky_users.entry(id.clone()).or_insert_with(|| Slot::loaded(None));
        }
        self.open_known.extend(wanted.open_events_of.iter().cloned());
        self.directory.take_in(wanted, loaded.accounts, loaded.jobs, loaded.recorded);
    }

    /// What a command is decided on, or what must be loaded first: as much as can be told so far.
    pub fn state(&self, command: &Command) -> Result<State, Box<Wanted>> {
        let mut wanted = Wanted::default();
        let touches = command.touches();
        let event = touches.event.and_then(|id| match self.events.get(&id) {
            Some(slot) => slot.now.as_ref().map(|now| now.event.clone()),
            None => {
                wanted.events.insert(id);
                None
            }
        });
        let user = touches.user.and_then(|key| self.user(key, &mut wanted));
        let user = user.or_else(|| self.user(UserKey::Id(touches.else_user?), &mut wanted));
        let namesake = touches.name.and_then(|name| self.user(UserKey::PrincipalName(name), &mut wanted));
        let account = touches.account.and_then(|key| self.directory.account(key, &mut wanted));
        let account_user =
            account.as_ref().and_then(|account| self.user(UserKey::Id(account.user.clone()), &mut wanted));
        if let Command::PutAccount(entry) = command {
            // Nobody else may have the id that a new user gets; mostly this is the user whom it touches.
            self.user(UserKey::Id(entry.new_id.clone()), &mut wanted);
        }
        let job = touches.job.and_then(|id| self.directory.job(id, &mut wanted));
        let record = touches.record;
        let is_recorded = record.is_some_and(|(job, subject)| self.directory.is_recorded(job, subject, &mut wanted));
        let mut state = State { event, user, namesake, account, account_user, job, is_recorded, ..State::default() };
        let (mut risky_users, mut directory, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let concerned: Vec<Box<str>> = command.concerns(&state).into_iter().map(Into::into).collect();
        for id in &concerned {
            match self.risky_users.get(id) {
                Some(Slot { now: Some(user), .. }) => risky_users.push(user.clone()),
                found => {
                    if found.is_none() {
                        wanted.risky_users.insert(id.clone());
                    }
                    // Asked for at the same time: most of those who are not at risk are in the directory.
                    if let Ok(id) = id.parse() {
                        directory.extend(self.user(UserKey::Id(id), &mut wanted));
                    }
                }
            }
            if command.needs_open_events() && !self.open_known.contains(id) {
                wanted.open_events_of.insert(id.clone());
            }
        }
        if command.needs_open_events() {
            open.extend(self.open_events_of(&concerned));
        }
        if command.needs_accounts() {
            state.accounts = self.directory.accounts_of(&concerned, &mut wanted);
        }
        if command.needs_recorded() {
            state.recorded = self.directory.recorded_of(&concerned, &mut wanted);
        }
        if command.needs_evidence()
            && let Some(event) = &state.event
        {
            match self.evidence.get(&event.creation) {
                Some(known) => state.evidence.clone_from(&known.items),
                None => {
                    wanted.evidence_of.insert(event.creation);
                }
            }
        }
        (state.risky_users, state.directory, state.open) = (risky_users, directory, open);
        if wanted.is_empty() { Ok(state) } else { Err(Box::new(wanted)) }
    }

    /// Whether there is a user with this id, as far as is known.
    fn has_user(&self, id: &EntityId) -> bool {
        self.users.get(id).is_some_and(|slot| slot.now.is_some())
    }

    fn user(&self, key: UserKey, wanted: &mut Wanted) -> Option<User> {
        let id = match key {
            UserKey::Id(id) => id,
            UserKey::PrincipalName(name) => match self.names.get(&name) {
                Some(holder) => holder.0.clone()?,
                None => {
                    wanted.names.insert(name);
                    return None;
                }
            },
        };
        match self.users.get(&id) {
            Some(slot) => slot.now.as_ref().map(|now| now.user.clone()),
            None => {
                wanted.users.insert(id);
                None
            }
        }
    }

    /// The open events of users, in the order in which they were made.
    fn open_events_of(&self, users: &[Box<str>]) -> Vec<RiskEvent> {
        let users: HashSet<&str> = users.iter().map(|id| &**id).collect();
        let now = self.events.values().filter_map(|slot| slot.now.as_ref().map(|now| &now.event));
        let mut open: Vec<&RiskEvent> =
            now.filter(|event| event.risk_event_status.is_open() && users.contains(&*event.user_id)).collect();
        open.sort_unstable_by_key(|event| event.creation);
        open.into_iter().cloned().collect()
    }

    /// A place to go back to.
    pub fn mark(&self) -> Mark {
        Mark { entities: self.journal.len(), directory: self.directory.mark() }
    }

    /// Takes back what was applied since a place.
    pub fn roll_back(&mut self, mark: Mark) {
        self.directory.roll_back(mark.directory);
        for undo in self.journal.drain(mark.entities..).rev() {
            match undo {
                Undo::Event(id, was) => restore(&mut self.events, id, was),
                Undo::User(id, was) => restore(&mut self.users, id, was),
                Undo::Name(name, was) => restore(&mut self.names, name, was),
                Undo::RiskyUser(id, was) => restore(&mut self.risky_users, id, was),
                Undo::Evidence(event, was) => restore(&mut self.evidence, event, was),
            }
        }
    }

    /// Does what a decided step does.
    pub fn apply(&mut self, step: &Step) {
        let now = step.moment.now;
        let told = step.evidence.as_ref();
        match &step.effect {
            Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. } => {
                let known = self.events.get(&event.id).and_then(|slot| slot.now.as_ref());
                let info = match told {
                    Some(told) => Info::Now(told.additional_info.as_deref().map(Into::into)),
                    None => known.map_or(Info::AsBefore, |known| known.info.clone()),
                };
                self.put_event(&event.id, Some(EventNow { event: event.clone(), written: Some(now), info }));
                if let Some(told) = told {
                    self.put_evidence(event.creation, told);
                }
            }
            Effect::RemoveEvent(event) => {
                self.put_event(&event.id, None);
                let was = self.evidence.remove(&event.creation);
                self.journal.push(Undo::Evidence(event.creation, was));
            }
            Effect::InsertUser(user) => {
                self.put_user(Some(UserNow { user: user.clone(), key: step.moment.sequence }), &user.id());
            }
            Effect::ReplaceUser { after: user, .. } => {
                let key = self.users.get(&user.id()).and_then(|slot| slot.now.as_ref()).map_or(0, |now| now.key);
                self.put_user(Some(UserNow { user: user.clone(), key }), &user.id());
            }
            Effect::RemoveUser(user) => self.put_user(None, &user.id()),
            Effect::PutJob { .. } | Effect::None => {}
        }
        self.directory.apply(step);
        if let Some(risk) = &step.risk {
            let id = risk.after.id.clone();
            let was = put(&mut self.risky_users, id.clone(), Some(risk.after.clone()));
            self.journal.push(Undo::RiskyUser(id, was));
        }
    }

    fn put_event(&mut self, id: &EntityId, now: Option<EventNow>) {
        let was = put(&mut self.events, id.clone(), now);
        self.journal.push(Undo::Event(id.clone(), was));
    }

    fn put_user(&mut self, now: Option<UserNow>, id: &EntityId) {
        let name = now.as_ref().map(|now| now.user.folded_name());
        let was = put(&mut self.users, id.clone(), now);
        let before = was.as_ref().and_then(|slot| slot.now.as_ref()).map(|now| now.user.folded_name());
        self.journal.push(Undo::User(id.clone(), was));
        if before != name {
            let free = before.map(|name| (name, Holder(None)));
            for (name, who) in free.into_iter().chain(name.map(|name| (name, Holder(Some(id.clone()))))) {
                let was = self.names.insert(name.clone(), who);
                self.journal.push(Undo::Name(name, was));
            }
        }
    }

    fn put_evidence(&mut self, event: u64, change: &EvidenceChange) {
        let was = self.evidence.get(&event).cloned();
        self.journal.push(Undo::Evidence(event, was));
        let known = self.evidence.entry(event).or_default();
        known.items.retain(|item| !change.removed.iter().any(|id| **id == *item.id()));
        known.removed.extend(change.removed.iter().cloned());
        for item in &change.written {
            known.written.insert(item.id().into());
            match known.items.iter_mut().find(|known| known.id() == item.id()) {
                Some(known) => known.clone_from(item),
                None => known.items.push(item.clone()),
            }
        }
    }
}

impl<T: Clone> Slot<T> {
    fn loaded(found: Option<T>) -> Self {
        Self { before: found.clone(), now: found }
    }
}

/// Puts what an entity is now; answers the slot as it was.
fn put<K: std::hash::Hash + Eq, T: Clone>(slots: &mut HashMap<K, Slot<T>>, key: K, now: Option<T>) -> Option<Slot<T>> {
    let was = slots.get(&key).cloned();
    slots.entry(key).or_insert(Slot { before: None, now: None }).now = now;
    was
}

fn restore<K: std::hash::Hash + Eq, T>(slots: &mut HashMap<K, T>, key: K, was: Option<T>) {
    match was {
        Some(was) => _ = slots.insert(key, was),
        None => _ = slots.remove(&key),
    }
}
