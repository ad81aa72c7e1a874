//! Lists of commands of one tenant, decided one after another in one transaction.

use super::{LogEntry, Wanted, WorkingSet, Writes};
use crate::{ListError, LogPlace, Outcome, Question};
use model::{Actor, Clock, Command, Decision, Effect, Moment, Refusal, Ticks, Total, decide};
use std::collections::HashMap;

/// A group of lists: what they have come to, and what is to be written for them.
pub struct Batch<'c> {
    clock: &'c dyn Clock,
    /// Where the log stood when the tenant was locked.
    began: LogPlace,
    sequence: u64,
    time: Ticks,
    working: WorkingSet,
    log: Vec<LogEntry>,
    totals: HashMap<Total, i64>,
}

/// What came of the attempt to carry a list out.
pub enum Attempt {
    /// It is decided.
    Done(Result<Vec<Outcome>, ListError>),
    /// Something must be loaded first; nothing of the list remains until then.
    Needs(Box<Wanted>),
}

/// Why a command went no further.
enum Stopped {
    Needs(Box<Wanted>),
    Refused(Refusal),
}

impl<'c> Batch<'c> {
    /// An empty group of a tenant whose log ends at a place.
    pub fn new(end: LogPlace, clock: &'c dyn Clock) -> Self {
        Self {
            clock,
            began: end,
            sequence: end.sequence,
            time: end.time,
            working: WorkingSet::default(),
            log: Vec::new(),
            totals: HashMap::new(),
        }
    }

    /// What was loaded for it.
    pub fn working(&mut self) -> &mut WorkingSet {
        &mut self.working
    }

    /// The time now, never before the latest time of the log.
    pub fn now(&self) -> Ticks {
        self.clock.now().max(self.time)
    }

    /// Where the log ends once this is written.
    pub fn end(&self) -> LogPlace {
        LogPlace { sequence: self.sequence, time: self.time }
    }

    /// What must be loaded before these commands can be decided, as much as can be told so far.
    pub fn wants<'a>(&self, commands: impl IntoIterator<Item = &'a Command>) -> Wanted {
        let mut all = Wanted::default();
        for command in commands {
            if let Err(wanted) = self.working.state(command) {
                all.extend(*wanted);
            }
        }
        all
    }

    /// Carries out a list of commands, one after another: all of them or none.
    pub fn execute(&mut self, actor: &Actor, commands: &[Command]) -> Attempt {
        let (mark, end, logged) = (self.working.mark(), self.end(), self.log.len());
        let mut totals = Vec::new();
        let mut outcomes = Vec::with_capacity(commands.len());
        for (at, command) in commands.iter().enumerate() {
            match self.step(actor, command, &mut totals) {
                Ok(outcome) => outcomes.push(outcome),
                Err(stopped) => {
                    self.working.roll_back(mark);
                    self.log.truncate(logged);
                    (self.sequence, self.time) = (end.sequence, end.time);
                    return match stopped {
                        Stopped::Needs(wanted) => Attempt::Needs(wanted),
                        Stopped::Refused(refusal) => Attempt::Done(Err(ListError { at, error: refusal.into() })),
                    };
                }
            }
        }
        for (total, by) in totals {
            *self.totals.entry(total).or_default() += by;
        }
        Attempt::Done(Ok(outcomes))
    }

    /// Carries out one command.
    fn step(&mut self, actor: &Actor, command: &Command, totals: &mut Vec<(Total, i64)>) -> Result<Outcome, Stopped> {
        let state = self.working.state(command).map_err(Stopped::Needs)?;
        let moment = Moment { now: self.clock.now().max(self.time.successor()), sequence: self.sequence + 1 };
        let mut note = None;
        let steps = match decide(command.clone(), state, moment).map_err(Stopped::Refused)? {
            Decision::UnchangedEvent(event) => return Ok(Outcome::Event(event)),
            Decision::UnchangedUser(user) => return Ok(Outcome::User(user)),
            Decision::Unchanged => return Ok(Outcome::Done),
            Decision::Change(steps) => steps,
            Decision::Noted(steps, told) => {
                note = Some(told);
                steps
            }
        };
        for step in &steps {
            if let Effect::InsertUser(user) = &step.effect
                && self.working.has_user(&user.id())
            {
                return Err(Stopped::Refused(Refusal::IdTaken(user.id())));
            }
            self.working.apply(step);
            (self.sequence, self.time) = (step.moment.sequence, step.moment.now);
            totals.extend(step.totals());
            self.log.push(LogEntry::of(step, actor));
        }
        Ok(note.map_or_else(|| Outcome::of(steps, Question::of(command)), Outcome::Noted))
    }

    /// What is to be written.
    pub fn into_writes(self) -> Writes {
        let end = self.end();
        let mut totals: Vec<(Total, i64)> = self.totals.into_iter().filter(|(_, by)| *by != 0).collect();
        totals.sort_unstable_by_key(|(total, _)| crate::kept::total_key(*total));
        Writes { log: self.log, totals, end: (end != self.began).then_some(end), ..Writes::of(self.working) }
    }
}
