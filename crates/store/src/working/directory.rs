//! Accounts, verifiers, jobs and what these keep, as a group of commands has made them.

mod records;

use super::{Recorded, Slot, Wanted, put, restore};
use crate::KeptVerifiers;
use model::{
    Account, AccountChange, AccountKey, Effect, EntityId, Finding, FoundCredential, Job, JobRecord, Place, Step,
    Subject,
};
use std::collections::{HashMap, HashSet};

/// What tells what a job found from the rest of that: the job, the user, the fingerprint, and where and how it was found.
type FoundKey = (u64, EntityId, [u8; 32], Finding);

/// What has become of a job's record of something.
#[derive(Clone, Debug, Default)]
struct RecordNow {
    /// Whether the one that was kept before this group, if any, is gone.
    is_forgotten: bool,
    /// The one that the job has now, as far as this group told it; where there is one from before, only the number of
    /// the job's latest change, and what that made of the thing, are new.
    kept: Option<JobRecord>,
}

/// What was there before a change, so that it can be taken back.
#[derive(Debug)]
enum Undo {
    Account(AccountKey, Option<Slot<Account>>),
    Job(EntityId, Option<Slot<Job>>),
    Verifiers(u64, Option<KeptVerifiers>),
    Found(Box<FoundKey>, Option<Box<FoundCredential>>),
    Record((u64, Subject), Option<RecordNow>),
    Followed((Subject, u64), Option<u64>),
    ErasedRecords(Subject),
    Erased(EntityId),
}

/// The part of a working set that is no entity of the API.
#[derive(Debug, Default)]
pub(super) struct DirectorySet {
    accounts: HashMap<AccountKey, Slot<Account>>,
    /// Users of whom every account is in `accounts`.
    accounts_known: HashSet<Box<str>>,
    jobs: HashMap<EntityId, Slot<Job>>,
    /// Verifiers that this group writes.
    verifiers: HashMap<u64, KeptVerifiers>,
    /// What this group adds to what jobs have found.
    found: HashMap<FoundKey, FoundCredential>,
    records: HashMap<(u64, Subject), RecordNow>,
    /// What the sequence of records from before this group becomes, by what they are about and what it was.
    followed: HashMap<(Subject, u64), u64>,
    /// What no record from before this group is left of.
    erased_records: HashSet<Subject>,
    /// Records from before this group, as far as they were asked for, `None` where the job has none.
    recorded: HashMap<(u64, Subject), Option<Recorded>>,
    /// Users of whom every record of an account is in `recorded`.
    recorded_known: HashSet<Box<str>>,
    /// Users of whom nothing from before this group stays.
    erased: HashSet<EntityId>,
    journal: Vec<Undo>,
}

impl DirectorySet {
    /// Takes in what was loaded. What is known already stays as it is.
    pub(super) fn take_in(&mut self, wanted: &Wanted, accounts: Vec<Account>, jobs: Vec<Job>, recorded: Vec<Recorded>) {
        for account in accounts {
            // It may be one of a user about whom everything is gone since, which nobody knew of then.
            let now = (!self.erased.contains(&account.user)).then(|| account.clone());
            self.accounts.entry(account.key.clone()).or_insert(Slot { before: Some(account), now });
        }
        for job in jobs {
            self.jobs.entry(job.id.clone()).or_insert_with(|| Slot::loaded(Some(job)));
        }
        for key in &wanted.accounts {
            self.accounts.entry(key.clone()).or_insert_with(|| Slot::loaded(None));
        }
        for id in &wanted.jobs {
            self.jobs.entry(id.clone()).or_insert_with(|| Slot::loaded(None));
        }
        self.accounts_known.extend(wanted.accounts_of.iter().cloned());
        for found in recorded {
            self.recorded.insert((found.job, found.subject.clone()), Some(found));
        }
        for key in &wanted.recorded {
            self.recorded.entry(key.clone()).or_insert(None);
        }
        self.recorded_known.extend(wanted.recorded_of.iter().cloned());
    }

    /// An account, if it is there.
    pub(super) fn account(&self, key: AccountKey, wanted: &mut Wanted) -> Option<Account> {
        match self.accounts.get(&key) {
            Some(slot) => slot.now.clone(),
            None => {
                wanted.accounts.insert(key);
                None
            }
        }
    }

    /// A job, if it is there.
    pub(super) fn job(&self, id: EntityId, wanted: &mut Wanted) -> Option<Job> {
        match self.jobs.get(&id) {
            Some(slot) => slot.now.clone(),
            None => {
                wanted.jobs.insert(id);
                None
            }
        }
    }

    /// The accounts of users, in the order of their keys.
    pub(super) fn accounts_of(&self, users: &[Box<str>], wanted: &mut Wanted) -> Vec<Account> {
        let unknown = users.iter().filter(|id| !self.accounts_known.contains(*id));
        wanted.accounts_of.extend(unknown.cloned());
        let users: HashSet<&str> = users.iter().map(|id| &**id).collect();
        let now = self.accounts.values().filter_map(|slot| slot.now.as_ref());
        let mut accounts: Vec<&Account> = now.filter(|account| users.contains(account.user.as_str())).collect();
        accounts.sort_unstable_by_key(|account| &account.key);
        accounts.into_iter().cloned().collect()
    }

    /// A place to go back to.
    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back what was applied since a place.
    pub(super) fn roll_back(&mut self, mark: usize) {
        for undo in self.journal.drain(mark..).rev() {
            match undo {
                Undo::Account(key, was) => restore(&mut self.accounts, key, was),
                Undo::Job(id, was) => restore(&mut self.jobs, id, was),
                Undo::Verifiers(number, was) => restore(&mut self.verifiers, number, was),
                Undo::Found(key, was) => restore(&mut self.found, *key, was.map(|was| *was)),
                Undo::Record(key, was) => restore(&mut self.records, key, was),
                Undo::Followed(key, was) => restore(&mut self.followed, key, was),
                Undo::ErasedRecords(subject) => _ = self.erased_records.remove(&subject),
                Undo::Erased(user) => _ = self.erased.remove(&user),
            }
        }
    }

    /// Does what a decided step does here.
    pub(super) fn apply(&mut self, step: &Step) {
        match &step.account {
            Some(AccountChange::Put { after, verifiers, .. }) => {
                self.put_account(&after.key, Some((**after).clone()));
                if let Some((mark, told)) = after.verifiers.zip(verifiers.as_ref()) {
                    let kept = KeptVerifiers {
                        number: mark.number,
                        account: after.key.clone(),
                        user: after.user.clone(),
                        sealed: told.sealed.clone(),
                    };
                    let was = self.verifiers.insert(mark.number, kept);
                    self.journal.push(Undo::Verifiers(mark.number, was));
                }
            }
            Some(AccountChange::Remove(account)) => self.put_account(&account.key, None),
            Some(AccountChange::Erase(user)) => self.erase(user),
            None => {}
        }
        for record in &step.records {
            self.record(record);
        }
        if let Effect::PutJob { job, found } = &step.effect {
            let was = put(&mut self.jobs, job.id.clone(), Some((**job).clone()));
            self.journal.push(Undo::Job(job.id.clone(), was));
            for found in found {
                self.add_found(job.creation, found);
            }
        }
    }

    fn put_account(&mut self, key: &AccountKey, now: Option<Account>) {
        let was = put(&mut self.accounts, key.clone(), now);
        self.journal.push(Undo::Account(key.clone(), was));
    }

    /// What came before in this group goes along.
    fn erase(&mut self, user: &EntityId) {
        let is_theirs = |slot: &Slot<Account>| slot.now.as_ref().is_some_and(|account| account.user == *user);
        let accounts = self.accounts.iter().filter(|(_, slot)| is_theirs(slot));
        for key in accounts.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.put_account(&key, None);
        }
        let gone = self.verifiers.extract_if(|_, kept| kept.user == *user);
        self.journal.extend(gone.map(|(number, was)| Undo::Verifiers(number, Some(was))));
        let gone = self.found.extract_if(|_, found| found.user == *user);
        self.journal.extend(gone.map(|(key, was)| Undo::Found(Box::new(key), Some(Box::new(was)))));
        if self.erased.insert(user.clone()) {
            self.journal.push(Undo::Erased(user.clone()));
        }
    }

    /// Of what a job has found before as well, the numbers add up.
    fn add_found(&mut self, job: u64, found: &FoundCredential) {
        let key = (job, found.user.clone(), found.fingerprint, found.finding.clone());
        let was = self.found.get(&key).cloned();
        let now = match &was {
            Some(before) => FoundCredential {
                as_of: before.as_of.max(found.as_of),
                leaked: before.leaked.into_iter().chain(found.leaked).min(),
                first_seen: before.first_seen.min(found.first_seen),
                last_seen: before.last_seen.max(found.last_seen),
                occurrences: before.occurrences.saturating_add(found.occurrences),
                place: Place::first(before.place.clone(), found.place.clone()),
                ..found.clone()
            },
            None => found.clone(),
        };
        self.found.insert(key.clone(), now);
        self.journal.push(Undo::Found(Box::new(key), was.map(Box::new)));
    }
}

/// What a group writes of accounts, verifiers and jobs. What is gone goes first, what is new comes after; each in the
/// order of its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectoryWrites {
    /// Users of whom all accounts, verifiers and found credentials that are kept are deleted.
    pub erased: Vec<EntityId>,
    /// Accounts that are gone besides.
    pub removed_accounts: Vec<AccountKey>,
    /// New accounts.
    pub inserted_accounts: Vec<Account>,
    /// Accounts with other values.
    pub updated_accounts: Vec<Account>,
    /// New verifiers.
    pub verifiers: Vec<KeptVerifiers>,
    /// New jobs.
    pub inserted_jobs: Vec<Job>,
    /// Jobs with other values.
    pub updated_jobs: Vec<Job>,
    /// What jobs, by their numbers, have found: it is added to what is kept of the same.
    pub found: Vec<(u64, FoundCredential)>,
    /// What no record is left of, whatever the job.
    pub erased_records: Vec<Subject>,
    /// Records that are gone: the numbers of their jobs, and what was changed.
    pub forgotten_records: Vec<(u64, Subject)>,
    /// What the sequences of records become that are kept already: of what they are about, what the sequence was, and
    /// what it is. They are written before what this group keeps itself.
    pub followed_records: Vec<(Subject, u64, u64)>,
    /// Records of what jobs changed; of one that is kept already, only the sequence and whether the thing is gone become
    /// others.
    pub records: Vec<JobRecord>,
}

impl DirectoryWrites {
    pub(super) fn of(set: DirectorySet) -> Self {
        let mut writes = Self::default();
        for (key, Slot { before, now }) in set.accounts {
            let before = before.filter(|account| !set.erased.contains(&account.user));
            match (before, now) {
                (None, None) => {}
                (Some(_), None) => writes.removed_accounts.push(key),
                (None, Some(account)) => writes.inserted_accounts.push(account),
                (Some(before), Some(account)) if before == account => {}
                (Some(_), Some(account)) => writes.updated_accounts.push(account),
            }
        }
        for Slot { before, now } in set.jobs.into_values() {
            match (before, now) {
                (None, Some(job)) => writes.inserted_jobs.push(job),
                (Some(before), Some(job)) if before != job => writes.updated_jobs.push(job),
                _ => {}
            }
        }
        for (key, RecordNow { is_forgotten, kept }) in set.records {
            writes.records.extend(kept);
            if is_forgotten {
                writes.forgotten_records.push(key);
            }
        }
        writes.erased_records = set.erased_records.into_iter().collect();
        let followed = set.followed.into_iter().map(|((subject, from), to)| (subject, from, to));
        writes.followed_records = followed.collect();
        writes.erased = set.erased.into_iter().collect();
        writes.verifiers = set.verifiers.into_values().collect();
        writes.found = set.found.into_iter().map(|((job, ..), found)| (job, found)).collect();
        writes.in_order()
    }

    fn in_order(mut self) -> Self {
        self.erased.sort_unstable();
        self.removed_accounts.sort_unstable();
        self.inserted_accounts.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.updated_accounts.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.verifiers.sort_unstable_by_key(|verifiers| verifiers.number);
        self.inserted_jobs.sort_unstable_by_key(|job| job.creation);
        self.updated_jobs.sort_unstable_by_key(|job| job.creation);
        let place = |(job, found): &(u64, FoundCredential)| {
            let finding = &found.finding;
            let names = (finding.matched_attribute.clone(), finding.matched_rule.clone());
            (*job, found.user.clone(), found.fingerprint, finding.source.clone(), finding.match_class, names)
        };
        self.found.sort_by_cached_key(place);
        self.erased_records.sort_unstable();
        self.forgotten_records.sort_unstable();
        self.followed_records.sort_unstable();
        self.records.sort_unstable_by(|a, b| (a.job, &a.subject).cmp(&(b.job, &b.subject)));
        self
    }
}
