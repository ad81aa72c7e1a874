//! A group of lists comes to the same as each of its lists alone: rows, log, totals and outcomes.

use super::people::{account_key, new_job, put_job};
use super::samples::{Dice, delete_user, id, ticks};
use super::totals::by_chance;
use super::undo::job_by_chance;
use crate::working::{
    Attempt, Batch, DirectoryWrites, EventRow, Info, Loaded, LogEntry, Recorded, UserRow, Wanted, Writes,
};
use crate::{KeptVerifiers, LogPlace, Outcome};
use model::{
    Account, AccountKey, Actor, Command, Evidence, FixedClock, FoundCredential, Image, Job, JobKind, JobRecord, Place,
    RiskyUser, Subject, Total,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Tables as a database would have them, which refuse what a database would refuse.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tables {
    events: BTreeMap<u64, EventRow>,
    users: BTreeMap<u64, UserRow>,
    risky_users: BTreeMap<u64, RiskyUser>,
    evidence: BTreeMap<(u64, String), Evidence>,
    accounts: BTreeMap<AccountKey, Account>,
    verifiers: BTreeMap<u64, KeptVerifiers>,
    jobs: BTreeMap<u64, Job>,
    found: Vec<(u64, FoundCredential)>,
    records: BTreeMap<(u64, Subject), JobRecord>,
    log: Vec<LogEntry>,
    totals: HashMap<Total, i64>,
    end: LogPlace,
}

impl Tables {
    fn load(&self, wanted: &Wanted) -> Loaded {
        let events = self.events.values().map(|row| &row.event);
        let events = events.filter(|event| {
            let is_open = event.risk_event_status.is_open();
            wanted.events.contains(&event.id) || (is_open && wanted.open_events_of.contains(&event.user_id))
        });
        let users = self
            .users
            .values()
            .filter(|row| wanted.users.contains(&row.user.id()) || wanted.names.contains(&row.user.folded_name()));
        let evidence = self.evidence.iter().filter(|((event, _), _)| wanted.evidence_of.contains(event));
        Loaded {
            events: events.cloned().collect(),
            users: users.map(|row| (row.user.clone(), row.key)).collect(),
            risky_users: self
                .risky_users
                .values()
                .filter(|user| wanted.risky_users.contains(&user.id))
                .cloned()
                .collect(),
            evidence: evidence.map(|((event, _), item)| (*event, item.clone())).collect(),
            accounts: self
                .accounts
                .values()
                .filter(|account| {
                    wanted.accounts.contains(&account.key) || wanted.accounts_of.contains(account.user.as_str())
                })
                .cloned()
                .collect(),
            recorded: self.records.values().filter_map(|record| recorded(record, wanted)).collect(),
            jobs: self.jobs.values().filter(|job| wanted.jobs.contains(&job.id)).cloned().collect(),
        }
    }

    fn write(&mut self, writes: Writes) {
        for event in writes.deleted_events {
            assert!(self.events.remove(&event.creation).is_some(), "what is deleted is there");
            self.evidence.retain(|(of, _), _| *of != event.creation);
        }
        for key in writes.deleted_users {
            assert!(self.users.remove(&key).is_some(), "who is deleted is there");
        }
        for row in writes.inserted_events {
            assert!(self.events.insert(row.event.creation, row).is_none(), "a new event has a new key");
        }
        for row in writes.updated_events {
            let known = self.events.get_mut(&row.event.creation).expect("what changes is there");
            let info = if row.info == Info::AsBefore { known.info.clone() } else { row.info.clone() };
            *known = EventRow { info, ..row };
        }
        for row in writes.inserted_users {
            assert!(self.users.insert(row.key, row).is_none(), "a new user has a new key");
        }
        for row in writes.updated_users {
            assert!(self.users.insert(row.key, row).is_some(), "who changes is there");
        }
        for user in writes.inserted_risky_users {
            assert!(self.risky_users.insert(user.creation, user).is_none());
        }
        for user in writes.updated_risky_users {
            assert!(self.risky_users.insert(user.creation, user).is_some(), "who changes is there");
        }
        for (event, id) in writes.removed_evidence {
            assert!(self.evidence.remove(&(event, id.into())).is_some(), "what is taken away is there");
        }
        for (event, item) in writes.evidence {
            assert!(self.events.contains_key(&event), "evidence has an event");
            self.evidence.insert((event, item.id().to_owned()), item);
        }
        self.write_directory(writes.directory);
        for (total, by) in writes.totals {
            *self.totals.entry(total).or_default() += by;
        }
        self.totals.retain(|_, count| *count != 0);
        self.log.extend(writes.log);
        self.end = writes.end.unwrap_or(self.end);
        self.assert_unique();
    }

    fn write_directory(&mut self, writes: DirectoryWrites) {
        self.accounts.retain(|_, account| !writes.erased.contains(&account.user));
        self.verifiers.retain(|_, verifiers| !writes.erased.contains(&verifiers.user));
        self.found.retain(|(_, found)| !writes.erased.contains(&found.user));
        for key in writes.removed_accounts {
            assert!(self.accounts.remove(&key).is_some(), "what is removed is there");
        }
        self.records.retain(|(_, subject), _| !writes.erased_records.contains(subject));
        for key in writes.forgotten_records {
            self.records.remove(&key);
        }
        let before: Vec<_> = self.records.iter().map(|(key, record)| (key.clone(), record.sequence)).collect();
        for (key, sequence) in before {
            let followed = writes.followed_records.iter().find(|(of, from, _)| *of == key.1 && *from == sequence);
            if let (Some((.., to)), Some(record)) = (followed, self.records.get_mut(&key)) {
                record.sequence = *to;
            }
        }
        for account in writes.inserted_accounts {
            assert!(self.accounts.insert(account.key.clone(), account).is_none(), "a new account has a new key");
        }
        for account in writes.updated_accounts {
            assert!(self.accounts.insert(account.key.clone(), account).is_some(), "what changes is there");
        }
        for verifiers in writes.verifiers {
            assert!(self.verifiers.insert(verifiers.number, verifiers).is_none(), "they have a number of their own");
        }
        for job in writes.inserted_jobs {
            assert!(self.jobs.insert(job.creation, job).is_none(), "a new job has a new number");
        }
        for job in writes.updated_jobs {
            assert!(self.jobs.insert(job.creation, job).is_some(), "what changes is there");
        }
        for (job, found) in writes.found {
            let place = |found: &FoundCredential| (found.user.clone(), found.fingerprint, found.finding.clone());
            match self.found.iter_mut().find(|(of, known)| *of == job && place(known) == place(&found)) {
                Some((_, known)) => {
                    *known = FoundCredential {
                        as_of: known.as_of.max(found.as_of),
                        leaked: [known.leaked, found.leaked].into_iter().flatten().min(),
                        first_seen: known.first_seen.min(found.first_seen),
                        last_seen: known.last_seen.max(found.last_seen),
                        occurrences: known.occurrences.saturating_add(found.occurrences),
                        place: Place::first(known.place.clone(), found.place.clone()),
                        ..found
                    }
                }
                None => self.found.push((job, found)),
            }
        }
        self.found.sort_by_cached_key(|(job, found)| (*job, format!("{:?}", (&found.user, &found.finding))));
        for record in writes.records {
            let (sequence, is_gone) = (record.sequence, record.is_gone);
            let kept = self.records.entry((record.job, record.subject.clone())).or_insert(record);
            (kept.sequence, kept.is_gone) = (sequence, is_gone);
        }
    }

    fn assert_unique(&self) {
        let ids: HashSet<_> = self.events.values().map(|row| row.event.id.clone()).collect();
        assert_eq!(ids.len(), self.events.len(), "ids of events");
        let ids: HashSet<_> = self.users.values().map(|row| row.user.id()).collect();
        assert_eq!(ids.len(), self.users.len(), "ids of users");
        let names: HashSet<_> = self.users.values().map(|row| row.user.folded_name()).collect();
        assert_eq!(names.len(), self.users.len(), "names of users");
        let ids: HashSet<_> = self.risky_users.values().map(|user| user.id.clone()).collect();
        assert_eq!(ids.len(), self.risky_users.len(), "ids of users at risk");
    }
}

/// What a record comes to, if that is wanted.
fn recorded(record: &JobRecord, wanted: &Wanted) -> Option<Recorded> {
    let (subject, user) = (record.subject.clone(), record.image.account_user().cloned());
    let is_wanted = user.as_ref().is_some_and(|user| wanted.recorded_of.contains(user.as_str()))
        || wanted.recorded.contains(&(record.job, subject.clone()));
    is_wanted.then_some(Recorded { job: record.job, subject, user })
}

/// Carries lists out in groups of a size.
fn carry_out(lists: &[(Actor, Vec<Command>)], size: usize) -> (Tables, Vec<Result<Vec<Outcome>, String>>) {
    let clock = FixedClock::at(ticks("2024-03-03T06:00:00Z"));
    let (mut tables, mut outcomes) = (Tables::default(), Vec::new());
    for group in lists.chunks(size) {
        let mut batch = Batch::new(tables.end, &clock);
        let wanted = batch.wants(group.iter().flat_map(|(_, commands)| commands));
        batch.working().take_in(&wanted, tables.load(&wanted));
        for (actor, commands) in group {
            let outcome = loop {
                match batch.execute(actor, commands) {
                    Attempt::Done(outcome) => break outcome,
                    Attempt::Needs(wanted) => batch.working().take_in(&wanted, tables.load(&wanted)),
                }
            };
            outcomes.push(outcome.map_err(|error| format!("{}: {}", error.at, error.error)));
        }
        tables.write(batch.into_writes());
    }
    (tables, outcomes)
}

/// Takes something back that is not there before, or just forgets that it was changed.
fn taken_back(dice: &mut Dice, job: &Job) -> Command {
    let user = format!("n{}", dice.below(5));
    let (subject, image) = match dice.below(3) {
        0 => (Subject::Event(id(&format!("{user}-0"))), Image::Event(None)),
        1 => (Subject::Account(account_key("ad", &user[1..])), Image::Account(None)),
        _ => (Subject::User(id(&user)), Image::User(None)),
    };
    let record = Box::new(JobRecord { job: job.creation, subject, sequence: 0, is_gone: false, image });
    Command::Revert { job: job.creation, record, force: dice.below(4) > 0 }
}

#[test]
fn a_group_comes_to_what_its_lists_come_to_alone() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let job = Job { creation: 1, version: 1, ..new_job("job", JobKind::Scan) };
        let mut lists = vec![(Actor { app: "a".into(), user: None }, vec![put_job(&job, None, Vec::new())])];
        lists.extend((1..120).map(|_| {
            let actor = Actor { app: dice.one_of(&["a", "b"]).into(), user: None };
            let length = 1 + dice.below(4) / 3 * dice.below(5);
            let command = |dice: &mut Dice| match dice.below(8) {
                0..=2 => job_by_chance(dice, &job),
                3 if dice.below(3) == 0 => delete_user(&format!("m{}@fjord.example", dice.below(5))),
                3 => taken_back(dice, &job),
                _ => by_chance(dice),
            };
            (actor, (0..length).map(|_| command(&mut dice)).collect())
        }));
        let alone = carry_out(&lists, 1);
        done += alone.1.iter().filter(|outcome| outcome.is_ok()).count();
        refused += alone.1.iter().filter(|outcome| outcome.is_err()).count();
        for size in [2, 7, 60, 120] {
            let grouped = carry_out(&lists, size);
            assert_eq!(grouped.1, alone.1, "seed {seed}, groups of {size}");
            assert_eq!(grouped.0, alone.0, "seed {seed}, groups of {size}");
        }
    }
    assert!(done > 2_000 && refused > 1_000, "{done} done, {refused} refused: the dice favour one side");
}
