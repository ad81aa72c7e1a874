//! A group of lists comes to the same as each of its lists alone: rows, log, totals and outcomes.

use super::samples::{Dice, ticks};
use super::totals::by_chance;
use crate::working::{Attempt, Batch, EventRow, Loaded, LogEntry, UserRow, Wanted, Writes};
use crate::{LogPlace, Outcome};
use model::{Actor, Command, Evidence, FixedClock, RiskyUser, Total};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Tables as a database would have them, which refuse what a database would refuse.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tables {
    events: BTreeMap<u64, EventRow>,
    users: BTreeMap<u64, UserRow>,
    risky_users: BTreeMap<u64, RiskyUser>,
    evidence: BTreeMap<(u64, String), Evidence>,
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
            let info = row.info.clone().or(known.info.take());
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
        for (event, item) in writes.evidence {
            assert!(self.events.contains_key(&event), "evidence has an event");
            self.evidence.insert((event, item.id().to_owned()), item);
        }
        for (total, by) in writes.totals {
            *self.totals.entry(total).or_default() += by;
        }
        self.totals.retain(|_, count| *count != 0);
        self.log.extend(writes.log);
        self.end = writes.end.unwrap_or(self.end);
        self.assert_unique();
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

#[test]
fn a_group_comes_to_what_its_lists_come_to_alone() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let lists: Vec<(Actor, Vec<Command>)> = (0..120)
            .map(|_| {
                let actor = Actor { app: dice.one_of(&["a", "b"]).into(), user: None };
                let length = 1 + dice.below(4) / 3 * dice.below(5);
                (actor, (0..length).map(|_| by_chance(&mut dice)).collect())
            })
            .collect();
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
