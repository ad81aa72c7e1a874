//! The records of jobs, as a group of commands has made them.

use super::super::Wanted;
use super::{DirectorySet, RecordNow, Undo};
use model::{AccountKey, EntityId, RecordChange, Subject};
use std::collections::BTreeSet;

impl DirectorySet {
    /// The accounts that records of jobs say users had, in the order of their keys.
    pub(in crate::working) fn recorded_of(&self, users: &[Box<str>], wanted: &mut Wanted) -> Vec<AccountKey> {
        let unknown = users.iter().filter(|user| !self.recorded_known.contains(*user));
        wanted.recorded_of.extend(unknown.cloned());
        let is_theirs =
            |user: Option<&EntityId>| user.is_some_and(|user| users.iter().any(|id| **id == *user.as_str()));
        let mut accounts = BTreeSet::new();
        for (key, found) in &self.recorded {
            if is_theirs(found.as_ref().and_then(|found| found.user.as_ref())) && !self.is_replaced(key) {
                accounts.extend(account_of(&key.1));
            }
        }
        for (key, now) in &self.records {
            if !now.kept.as_ref().is_some_and(|kept| is_theirs(kept.image.account_user())) {
                continue;
            }
            // One from before this group stays as it was.
            match self.recorded.get(key) {
                _ if self.is_replaced(key) => accounts.extend(account_of(&key.1)),
                Some(None) => accounts.extend(account_of(&key.1)),
                Some(Some(_)) => {}
                None => _ = wanted.recorded.insert(key.clone()),
            }
        }
        accounts.into_iter().collect()
    }

    /// Whether a job has a record of something.
    pub(in crate::working) fn is_recorded(&self, job: u64, subject: Subject, wanted: &mut Wanted) -> bool {
        let key = (job, subject);
        let is_kept = self.records.get(&key).is_some_and(|now| now.kept.is_some());
        if is_kept || self.is_replaced(&key) {
            return is_kept;
        }
        match self.recorded.get(&key) {
            Some(found) => found.is_some(),
            None => {
                wanted.recorded.insert(key);
                false
            }
        }
    }

    /// Whether the record that a job had of something before this group, if any, is gone.
    fn is_replaced(&self, key: &(u64, Subject)) -> bool {
        self.erased_records.contains(&key.1) || self.records.get(key).is_some_and(|now| now.is_forgotten)
    }

    /// Does what a step does to the records of jobs.
    pub(super) fn record(&mut self, change: &RecordChange) {
        match change {
            RecordChange::Keep(record) => {
                self.change_record((record.job, record.subject.clone()), |now| match &mut now.kept {
                    Some(kept) => (kept.sequence, kept.is_gone) = (record.sequence, record.is_gone),
                    None => now.kept = Some(record.clone()),
                });
            }
            RecordChange::Forget { job, subject } => {
                let forgotten = RecordNow { is_forgotten: true, kept: None };
                self.change_record((*job, subject.clone()), |now| *now = forgotten);
            }
            RecordChange::Follow { subject, from, to } => self.follow(subject, *from, *to),
            RecordChange::Erase(subject) => {
                for key in self.records_of(subject, |_| true) {
                    let forgotten = RecordNow { is_forgotten: true, kept: None };
                    self.change_record(key, |now| *now = forgotten);
                }
                if self.erased_records.insert(subject.clone()) {
                    self.journal.push(Undo::ErasedRecords(subject.clone()));
                }
            }
        }
    }

    fn change_record(&mut self, key: (u64, Subject), change: impl FnOnce(&mut RecordNow)) {
        let was = self.records.get(&key).cloned();
        change(self.records.entry(key.clone()).or_default());
        self.journal.push(Undo::Record(key, was));
    }

    /// What finds the records of something that this group tells of.
    fn records_of(&self, subject: &Subject, is_meant: impl Fn(&RecordNow) -> bool) -> Vec<(u64, Subject)> {
        let found = self.records.iter().filter(|((_, of), now)| of == subject && is_meant(now));
        found.map(|(key, _)| key.clone()).collect()
    }

    fn follow(&mut self, subject: &Subject, from: u64, to: u64) {
        for key in self.records_of(subject, |now| now.kept.as_ref().is_some_and(|kept| kept.sequence == from)) {
            self.change_record(key, |now| {
                if let Some(kept) = &mut now.kept {
                    kept.sequence = to;
                }
            });
        }
        // Those that have followed in this group follow on. After the first time, none from before has the number any more.
        let followed = self.followed.iter().filter(|((of, _), now)| of == subject && **now == from);
        let mut keys: Vec<(Subject, u64)> = followed.map(|(key, _)| key.clone()).collect();
        let key = (subject.clone(), from);
        if !self.followed.contains_key(&key) {
            keys.push(key);
        }
        for key in keys {
            let was = self.followed.insert(key.clone(), to);
            self.journal.push(Undo::Followed(key, was));
        }
    }
}

fn account_of(subject: &Subject) -> Option<AccountKey> {
    match subject {
        Subject::Account(account) => Some(account.clone()),
        Subject::Event(_) | Subject::User(_) => None,
    }
}
