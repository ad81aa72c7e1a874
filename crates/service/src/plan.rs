//! A plan: a write, or several that stand or fall together, before anything is carried out.

use crate::{Service, ServiceError};
use model::{
    Caller, Command, Decision, Effect, EntityId, EventKey, Moment, NewId, Repeatability, RiskEvent, State, User,
    UserKey, decide,
};
use std::collections::HashMap;
use store::{ListError, Outcome};

/// Commands that are to be carried out in one transaction, in their order.
///
/// Each operation that writes is a method that checks what was sent and makes a [`Command`]; it
/// changes nothing. What an operation looks up to do so (the user of a link, say) is what the store
/// holds and, over it, what the commands that were [foreseen](Plan::foresee) will leave. The store
/// decides every command again inside its transaction, so what was foreseen wrongly, because
/// somebody else wrote meanwhile, is refused there as it is for a lone write.
pub struct Plan<'s> {
    pub(crate) service: &'s Service,
    caller: &'s Caller,
    commands: Vec<Command>,
    /// How to tell that it was carried out before, when the request may be sent again.
    repeatability: Option<Repeatability>,
    /// Events as the foreseen commands leave them; `None` for one that is gone.
    events: HashMap<EntityId, Option<RiskEvent>>,
    /// Users likewise.
    users: HashMap<EntityId, Option<User>>,
}

/// A plan was not carried out; nothing of it remains.
#[derive(Debug, thiserror::Error)]
#[error("write {at} of a plan failed")]
pub struct PlanError {
    /// The place of the write that failed, from 0; 0 too when the store failed as a whole.
    pub at: usize,
    /// Why it failed.
    #[source]
    pub error: ServiceError,
}

impl From<ListError> for PlanError {
    fn from(failed: ListError) -> Self {
        Self { at: failed.at, error: failed.error.into() }
    }
}

impl Service {
    /// Begins a plan.
    pub fn plan<'s>(&'s self, caller: &'s Caller) -> Plan<'s> {
        Plan {
            service: self,
            caller,
            commands: Vec::new(),
            repeatability: None,
            events: HashMap::new(),
            users: HashMap::new(),
        }
    }
}

impl Plan<'_> {
    /// Has the plan carried out once, however often it is asked for.
    pub fn once(&mut self, repeatability: Option<Repeatability>) {
        self.repeatability = repeatability;
    }

    /// What the plan came to that was carried out before, when its commands can no longer be made: what
    /// they refer to may be gone since. `None` when it was not carried out.
    pub async fn earlier(&self) -> Result<Option<Vec<Outcome>>, ServiceError> {
        let Some(repeatability) = &self.repeatability else { return Ok(None) };
        Ok(self.service.store.executed(self.caller.tenant, &self.caller.actor, repeatability).await?)
    }

    /// Adds a command.
    pub fn add(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Gives the event that the last command creates its id now, for later writes of the plan to name
    /// it. Otherwise the store makes it of the number of the change, so that it finds the event by it.
    pub fn settle_id(&mut self) {
        if let Some(Command::CreateEvent(new)) = self.commands.last_mut()
            && let NewId::Made { .. } = new.id
        {
            let Service { clock, entropy, .. } = self.service;
            new.id = NewId::Chosen(entropy.uuid_v7(clock.now()).into());
        }
    }

    /// The id of the entity that the last command creates, as far as it is known by now.
    pub fn created(&self) -> Option<&EntityId> {
        self.commands.last().and_then(Command::created)
    }

    /// Decides the command that was added last on what is known by now, so that the operations after
    /// it see what it will do. A refusal is as good as one from the store. Versions are not known
    /// before the commit, so conditions on them are left to the store.
    pub async fn foresee(&mut self) -> Result<(), ServiceError> {
        let Some(command) = self.commands.last() else { return Ok(()) };
        if let Command::Judge { .. } = command {
            return Ok(()); // no later operation looks up what a verdict leaves
        }
        let command = command.clone().unconditional();
        let touches = command.touches();
        let mut state = State::default();
        if let Some(id) = touches.event {
            state.event = self.load_event(&EventKey { id, kind: None }).await?;
        }
        if let Some(key) = touches.user {
            state.user = self.load_user(&key).await?;
        }
        if let Some(name) = touches.name {
            state.namesake = self.load_user(&UserKey::PrincipalName(name)).await?;
        }
        let moment = Moment { now: self.service.clock.now(), sequence: 0 };
        let Decision::Change(steps) = decide(command, state, moment)? else { return Ok(()) };
        let Some(step) = steps.into_iter().next() else { return Ok(()) };
        match step.effect {
            Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. } => {
                self.events.insert(event.id.clone(), Some(event));
            }
            Effect::RemoveEvent(event) => {
                self.events.insert(event.id, None);
            }
            Effect::InsertUser(user) | Effect::ReplaceUser { after: user, .. } => {
                self.users.insert(user.id(), Some(user));
            }
            Effect::RemoveUser(user) => {
                self.users.insert(user.id(), None);
            }
            Effect::PutJob { .. } | Effect::None => {}
        }
        Ok(())
    }

    /// Carries everything out in one transaction. When it answers `Ok`, with an outcome for each
    /// command, all of it is on disk.
    pub async fn carry_out(self) -> Result<Vec<Outcome>, PlanError> {
        let Self { service, caller, commands, repeatability, .. } = self;
        Ok(service.store.execute_all(caller.tenant, caller.actor.clone(), commands, repeatability).await?)
    }

    /// The event, as the set of the key shows it.
    pub(crate) async fn load_event(&self, key: &EventKey) -> Result<Option<RiskEvent>, ServiceError> {
        match self.events.get(&key.id) {
            Some(foreseen) => Ok(foreseen.clone().filter(|event| key.kind.is_none_or(|kind| kind == event.kind))),
            None => Ok(self.service.store.load_event(self.caller.tenant, key).await?),
        }
    }

    /// The user with this id or name.
    pub(crate) async fn load_user(&self, key: &UserKey) -> Result<Option<User>, ServiceError> {
        let foreseen = match key {
            UserKey::Id(id) => match self.users.get(id) {
                Some(foreseen) => return Ok(foreseen.clone()),
                None => None,
            },
            UserKey::PrincipalName(name) => self.users.values().flatten().find(|user| user.folded_name() == *name),
        };
        if let Some(user) = foreseen {
            return Ok(Some(user.clone()));
        }
        let stored = self.service.store.load_user(self.caller.tenant, key).await?;
        // One who was found by name, and who will have another one, or be gone, is not found any more.
        Ok(stored.filter(|user| !self.users.contains_key(&user.id())))
    }
}
