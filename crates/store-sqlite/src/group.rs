//! One transaction: the commands of everybody who waits, decided one after another on what the
//! ones before have written, and kept together by one sync.

mod steps;

use crate::accounts;
use crate::error::{engine, is_io_failure};
use crate::evidence;
use crate::jobs;
use crate::log;
use crate::repeats;
use crate::risky_users;
use crate::rows;
use model::{Actor, Clock, Command, Decision, Moment, Repeatability, State, TenantKey, Ticks, Total, UserKey, decide};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use store::kept::total_key;
use store::{ListError, LogPlace, Outcome, Question, StoreError, WriteError};

/// Numbers of actors that were looked up before; good as long as no transaction is rolled back.
#[derive(Default)]
pub(crate) struct Actors(HashMap<(TenantKey, Actor), i64>);

impl Actors {
    /// More distinct actors than this are looked up again.
    const MOST: usize = 4096;

    /// Forgets everything: a transaction that may have added actors was rolled back.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    fn number(&mut self, db: &Connection, tenant: TenantKey, actor: &Actor) -> Result<i64, StoreError> {
        let known = (tenant, actor.clone());
        if let Some(number) = self.0.get(&known) {
            return Ok(*number);
        }
        let user = actor.user.as_deref().unwrap_or_default();
        let find = || -> rusqlite::Result<i64> {
            db.prepare_cached("INSERT INTO actors (tenant, app, user) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                .execute(params![tenant.0, &*actor.app, user])?;
            db.prepare_cached("SELECT actor FROM actors WHERE tenant = ?1 AND app = ?2 AND user = ?3")?
                .query_row(params![tenant.0, &*actor.app, user], |row| row.get(0))
        };
        let number = find().map_err(engine("naming the actor"))?;
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        self.0.insert(known, number);
        Ok(number)
    }
}

/// Where a tenant's change log stands.
struct Head {
    tenant: TenantKey,
    sequence: u64,
    time: Ticks,
    /// Whether the group has changed anything of the tenant.
    moved: bool,
    /// What the group adds to the tenant's totals.
    totals: Vec<(Total, i64)>,
}

/// The transaction of a group.
pub(crate) struct Group<'a> {
    db: &'a Connection,
    clock: &'a dyn Clock,
    actors: &'a mut Actors,
    heads: Vec<Head>,
    keeps: Keeps,
    /// A list could not be undone, so the whole transaction must be.
    spoilt: bool,
}

/// How a group keeps what one list has written apart from what the others have.
///
/// A savepoint has SQLite copy each page that is changed after it, for a failure that hardly ever comes: what a command can be
/// refused for is known before it writes. So a group is first carried out without savepoints for lists of one
/// command, and when such a list fails after its first write, all of the group is, once more, with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// A savepoint before the first write of a list of several commands.
    SavepointsOfSeveral,
    /// A savepoint before the first write of each list.
    Savepoints,
}

/// What is to become of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It can be gone on with, and committed.
    GoesOn,
    /// It is to be rolled back and carried out once more, [with savepoints](Keeps::Savepoints): a list has failed that has none.
    Again,
    /// Nothing of it can be kept.
    Lost,
}

/// Where a list of commands stands; the head follows once all of it is written.
struct List {
    sequence: u64,
    time: Ticks,
    /// Whether it is of several commands.
    several: bool,
    /// Whether anything was written.
    begun: bool,
    totals: Vec<(Total, i64)>,
}

impl<'a> Group<'a> {
    /// Begins it, and with it takes the store's only write lock.
    pub(crate) fn begin(
        db: &'a Connection,
        clock: &'a dyn Clock,
        actors: &'a mut Actors,
        keeps: Keeps,
    ) -> Result<Self, StoreError> {
        run(db, "BEGIN IMMEDIATE").map_err(engine("beginning a transaction"))?;
        Ok(Self { db, clock, actors, heads: Vec::new(), keeps, spoilt: false })
    }

    /// Carries out the commands of one who waits, one after another, unless that was done before. When
    /// one fails, nothing of them remains, and the group has a [fate](Self::fate).
    pub(crate) fn execute(
        &mut self,
        tenant: TenantKey,
        actor: &Actor,
        commands: &[Command],
        repeatability: Option<&Repeatability>,
    ) -> Result<Vec<Outcome>, ListError> {
        let head = self.head(tenant)?;
        let Head { sequence, time, .. } = self.heads[head];
        if let Some(repeatability) = repeatability
            && let Some(outcomes) =
                self.executed(tenant, actor, repeatability, time).map_err(|error| ListError { at: 0, error })?
        {
            return Ok(outcomes);
        }
        let mut list = List { sequence, time, several: commands.len() > 1, begun: false, totals: Vec::new() };
        let mut outcomes = Vec::with_capacity(commands.len());
        for (at, command) in commands.iter().enumerate() {
            match self.step(tenant, actor, command.clone(), &mut list) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    let undone = self.undo(&list);
                    return Err(ListError { at, error: undone.err().map_or(error, WriteError::from) });
                }
            }
        }
        if let Some(repeatability) = repeatability
            && let Err(error) = self.remember(tenant, actor, repeatability, &outcomes, &mut list)
        {
            self.undo(&list)?; // what is not remembered would be done once more
            return Err(error.into());
        }
        if list.begun {
            if self.has_savepoint(&list) {
                self.end_savepoint("RELEASE commands")?;
            }
            let head = &mut self.heads[head];
            (head.sequence, head.time, head.moved) = (list.sequence, list.time, true);
            for (total, by) in list.totals {
                match head.totals.iter_mut().find(|(known, _)| *known == total) {
                    Some((_, sum)) => *sum += by,
                    None => head.totals.push((total, by)),
                }
            }
        }
        Ok(outcomes)
    }

    /// Carries out one command of a list. When it fails, the list is to be undone.
    fn step(
        &mut self,
        tenant: TenantKey,
        actor: &Actor,
        command: Command,
        list: &mut List,
    ) -> Result<Outcome, WriteError> {
        let state = self.load(tenant, &command)?;
        let moment = Moment { now: self.clock.now().max(list.time.successor()), sequence: list.sequence + 1 };
        let question = Question::of(&command);
        let mut note = None;
        let steps = match decide(command, state, moment)? {
            Decision::UnchangedEvent(event) => return Ok(Outcome::Event(event)),
            Decision::UnchangedUser(user) => return Ok(Outcome::User(user)),
            Decision::Unchanged => return Ok(Outcome::Done),
            Decision::Change(steps) => steps,
            Decision::Noted(steps, told) => {
                note = Some(told);
                steps
            }
        };
        if steps.is_empty() {
            return Ok(note.map_or(Outcome::Done, Outcome::Noted)); // nothing to write, so nothing to undo
        }
        self.begin_list(list)?;
        let actor = self.actors.number(self.db, tenant, actor)?;
        for step in &steps {
            self.write(tenant, actor, step)?;
            (list.sequence, list.time) = (step.moment.sequence, step.moment.now);
            list.totals.extend(step.totals());
        }
        Ok(note.map_or_else(|| Outcome::of(steps, question), Outcome::Noted))
    }

    /// What a list came to that was carried out before; refuses one of which that is not known.
    fn executed(
        &self,
        tenant: TenantKey,
        actor: &Actor,
        repeatability: &Repeatability,
        last: Ticks,
    ) -> Result<Option<Vec<Outcome>>, WriteError> {
        let known = repeats::find(self.db, tenant, actor, repeatability)?;
        let outcomes = known.outcomes(repeatability)?;
        if outcomes.is_none() {
            // Not the clock's time alone, which can be set back: what was forgotten must stay refused.
            let now = self.clock.now().max(last);
            repeatability.tracking.admit(repeatability.first_sent, now, known.forgotten)?;
        }
        Ok(outcomes)
    }

    /// Remembers what a list came to. One that is refused is not remembered: it has done nothing, so it
    /// may be tried again.
    fn remember(
        &mut self,
        tenant: TenantKey,
        actor: &Actor,
        repeatability: &Repeatability,
        outcomes: &[Outcome],
        list: &mut List,
    ) -> Result<(), StoreError> {
        self.begin_list(list)?;
        let actor = self.actors.number(self.db, tenant, actor)?;
        repeats::remember(self.db, tenant, actor, repeatability, self.clock.now().max(list.time), outcomes)
    }

    /// Whether a list has a savepoint to go back to, once it has begun.
    fn has_savepoint(&self, list: &List) -> bool {
        list.several || self.keeps == Keeps::Savepoints
    }

    /// To be called before each write of a list: the first may need a savepoint.
    fn begin_list(&self, list: &mut List) -> Result<(), StoreError> {
        if !list.begun {
            if self.has_savepoint(list) {
                run(self.db, "SAVEPOINT commands").map_err(engine("setting a savepoint"))?;
            }
            list.begun = true;
        }
        Ok(())
    }

    /// Takes back what a list has written, unless the whole transaction is lost.
    fn undo(&mut self, list: &List) -> Result<(), StoreError> {
        if !list.begun || self.is_lost() {
            return Ok(());
        }
        self.actors.forget();
        if !self.has_savepoint(list) {
            self.spoilt = true;
            return Ok(());
        }
        self.end_savepoint("ROLLBACK TO commands")?;
        self.end_savepoint("RELEASE commands")
    }

    /// Undoes or keeps what a list wrote. When that fails, nobody knows what the transaction
    /// holds.
    fn end_savepoint(&mut self, sql: &str) -> Result<(), StoreError> {
        let ended = run(self.db, sql).map_err(engine("ending a savepoint"));
        self.spoilt |= ended.is_err();
        ended
    }

    /// What is to become of it now that a list came to this.
    pub(crate) fn fate(&self, outcome: &Result<Vec<Outcome>, ListError>) -> Fate {
        match outcome {
            Err(ListError { error: WriteError::Store(error), .. }) if is_io_failure(error) => Fate::Lost,
            _ if !self.is_lost() => Fate::GoesOn,
            _ if self.keeps == Keeps::SavepointsOfSeveral && !self.db.is_autocommit() => Fate::Again,
            _ => Fate::Lost,
        }
    }

    /// Whether the transaction cannot be committed: SQLite has rolled it back by itself, as it does
    /// on a full disk, or a list could not be undone.
    fn is_lost(&self) -> bool {
        self.spoilt || self.db.is_autocommit()
    }

    /// Writes heads and totals, and commits. When it answers `Ok`, everything is on disk; it says whether anything of a
    /// tenant was changed.
    pub(crate) fn commit(self) -> Result<bool, StoreError> {
        let moved = self.heads.iter().any(|head| head.moved);
        let write = engine("writing totals");
        let now = self.clock.now();
        for head in self.heads {
            repeats::forget_expired(self.db, head.tenant, now.max(head.time))?;
            if !head.moved {
                continue;
            }
            let mut update = self
                .db
                .prepare_cached("UPDATE tenants SET last_sequence = ?2, last_time = ?3 WHERE tenant = ?1")
                .map_err(&write)?;
            update.execute(params![head.tenant.0, head.sequence, head.time.get()]).map_err(&write)?;
            let mut add = self
                .db
                .prepare_cached(
                    "INSERT INTO totals (tenant, subject, risk_level, risk_event_status, count) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT DO UPDATE SET count = count + excluded.count",
                )
                .map_err(&write)?;
            for (total, by) in head.totals.into_iter().filter(|(_, by)| *by != 0) {
                let (subject, level, status) = total_key(total);
                add.execute(params![head.tenant.0, subject, level, status, by]).map_err(&write)?;
            }
        }
        run(self.db, "COMMIT").map_err(engine("committing"))?;
        Ok(moved)
    }

    /// Gives everything up.
    pub(crate) fn roll_back(self) {
        self.actors.forget();
        if !self.db.is_autocommit()
            && let Err(error) = run(self.db, "ROLLBACK")
        {
            tracing::warn!(%error, "a transaction could not be rolled back; SQLite does it when the next one begins");
        }
    }

    fn load(&self, tenant: TenantKey, command: &Command) -> Result<State, StoreError> {
        let touches = command.touches();
        let event = touches.event.as_ref().map(|id| rows::load_event(self.db, tenant, id)).transpose()?;
        let user = touches.user.as_ref().map(|key| rows::load_user(self.db, tenant, key)).transpose()?;
        let mut user = user.flatten();
        if let (None, Some(id)) = (&user, touches.else_user) {
            user = rows::load_user(self.db, tenant, &UserKey::Id(id))?;
        }
        let namesake = touches.name.map(model::UserKey::PrincipalName);
        let namesake = namesake.map(|key| rows::load_user(self.db, tenant, &key)).transpose()?;
        let mut state = State { event: event.flatten(), user, namesake: namesake.flatten(), ..State::default() };
        if let Some(key) = &touches.account {
            state.account = accounts::load(self.db, tenant, key)?;
            let user = state.account.as_ref().map(|account| UserKey::Id(account.user.clone()));
            state.account_user = user.map(|key| rows::load_user(self.db, tenant, &key)).transpose()?.flatten();
        }
        if let Some(id) = &touches.job {
            state.job = jobs::load(self.db, tenant, id)?;
        }
        if let Some((job, subject)) = &touches.record {
            state.is_recorded = jobs::is_recorded(self.db, tenant, *job, subject)?;
        }
        let (mut risky_users, mut directory, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let (mut of_users, mut recorded) = (Vec::new(), Vec::new());
        for id in command.concerns(&state) {
            match risky_users::load(self.db, tenant, id)? {
                Some(user) => risky_users.push(user),
                None => {
                    let key = id.parse().map(UserKey::Id).ok();
                    let user = key.map(|key| rows::load_user(self.db, tenant, &key)).transpose()?;
                    directory.extend(user.flatten());
                }
            }
            if command.needs_open_events() {
                open.extend(risky_users::open_events(self.db, tenant, id)?);
            }
            if command.needs_accounts() {
                of_users.extend(accounts::of_user(self.db, tenant, id)?);
            }
            if command.needs_recorded() {
                recorded.extend(jobs::recorded_of(self.db, tenant, id)?);
            }
        }
        if command.needs_evidence()
            && let Some(event) = &state.event
        {
            state.evidence = evidence::load(self.db, tenant, event)?;
        }
        (state.risky_users, state.directory, state.open) = (risky_users, directory, open);
        (state.accounts, state.recorded) = (of_users, recorded);
        Ok(state)
    }

    /// Finds a tenant's head, reading it when the group has not met the tenant yet: another
    /// process may have written since the last group.
    fn head(&mut self, tenant: TenantKey) -> Result<usize, StoreError> {
        if let Some(at) = self.heads.iter().position(|head| head.tenant == tenant) {
            return Ok(at);
        }
        let LogPlace { sequence, time } = log::end(self.db, tenant)?.ok_or(StoreError::UnknownTenant)?;
        self.heads.push(Head { tenant, sequence, time, moved: false, totals: Vec::with_capacity(15) });
        Ok(self.heads.len() - 1)
    }
}

/// Runs a statement without parameters or rows.
pub(crate) fn run(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([]).map(drop)
}
