//! Risk events: create, read, update, delete, and the reference to their user.

use crate::identity::Link;
use crate::{Service, ServiceError};
use model::{
    Caller, Command, EntityId, EventKey, EventKind, NewId, Nulls, Precondition, Refusal, RiskEvent, RiskEventDraft,
    User, UserKey, edm,
};
use odata::body::EntityBody;
use odata::edm::EntitySet;
use odata::fault::{Fault, FaultKind, Faults};
use store::{Carried, Outcome, RowSink};

/// A set through which events are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSet {
    /// `leakedCredentialsRiskEvents`
    LeakedCredentials,
    /// `identityRiskEvents`: every event.
    Identity,
}

impl EventSet {
    /// Its declaration.
    pub fn entity_set(self) -> &'static EntitySet {
        match self {
            Self::LeakedCredentials => &edm::LEAKED_CREDENTIALS_RISK_EVENTS,
            Self::Identity => &edm::IDENTITY_RISK_EVENTS,
        }
    }

    /// The kind that it holds; `None` for every kind.
    pub(crate) fn kind(self) -> Option<EventKind> {
        match self {
            Self::LeakedCredentials => Some(EventKind::LeakedCredentials),
            Self::Identity => None,
        }
    }

    fn key(self, id: EntityId) -> EventKey {
        EventKey { id, kind: self.kind() }
    }

    /// The key in a URL; what cannot be an id names no event.
    fn parse_key(self, id: &str) -> Result<EventKey, ServiceError> {
        match id.parse() {
            Ok(id) => Ok(self.key(id)),
            Err(_) => Err(ServiceError::NoSuchEvent(id.chars().take(60).collect())),
        }
    }
}

impl Service {
    /// Creates an event. It is on disk when this answers.
    pub async fn create_event(
        &self,
        caller: &Caller,
        set: EventSet,
        mut body: EntityBody,
        link: Option<Link>,
    ) -> Result<RiskEvent, ServiceError> {
        if body.declared_type.is_none() && set == EventSet::Identity && !has_type_fault(&body.faults) {
            body.faults.push(Fault::missing("@odata.type"));
        }
        if body.declared_type.is_some_and(|ty| !ty.is(&edm::LEAKED_CREDENTIALS_RISK_EVENT)) {
            let message = format!(
                "only events of the type `#{}` can be created",
                edm::LEAKED_CREDENTIALS_RISK_EVENT.qualified_name()
            );
            body.faults.push(Fault::new(FaultKind::InvalidType, "@odata.type", message));
        }
        let mut draft = RiskEventDraft::from_body(&mut body, Nulls::LeftOut);
        let known = self.link(caller.tenant, link, &mut draft, &mut body.faults).await?;
        self.fill(caller.tenant, known, &mut draft).await?;
        let id = NewId::Made { chance: self.entropy.number() };
        let new = draft.into_new(EventKind::LeakedCredentials, id, &mut body).map_err(ServiceError::Invalid)?;
        self.event_command(caller, Command::CreateEvent(Box::new(new))).await
    }

    /// Hands an event to the sink; `false` when the set has none with this id.
    pub async fn event(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        carried: Carried,
        sink: &mut dyn RowSink,
    ) -> Result<bool, ServiceError> {
        let Ok(id) = id.parse() else { return Ok(false) };
        Ok(self.store.event(caller.tenant, &set.key(id), carried, sink).await?)
    }

    /// Changes an event's properties.
    pub async fn update_event(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        precondition: Precondition,
        mut body: EntityBody,
        link: Option<Link>,
    ) -> Result<RiskEvent, ServiceError> {
        let event = set.parse_key(id);
        let stored = match &event {
            Ok(key) => self.store.load_event(caller.tenant, key).await?,
            Err(_) => None,
        };
        if let (Some(declared), Some(stored)) = (body.declared_type, &stored)
            && !stored.kind.entity_type().is(declared)
        {
            let message = format!("the event is of the type `#{}`", stored.kind.entity_type().qualified_name());
            body.faults.push(Fault::new(FaultKind::InvalidType, "@odata.type", message));
        }
        let mut patch = RiskEventDraft::from_body(&mut body, Nulls::Refused);
        self.link(caller.tenant, link, &mut patch, &mut body.faults).await?;
        body.faults.or(()).map_err(ServiceError::Invalid)?; // a faulty body is said before a missing entity
        let event = event?;
        self.event_command(caller, Command::UpdateEvent { event, precondition, patch: Box::new(patch) }).await
    }

    /// Deletes an event.
    pub async fn delete_event(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        precondition: Precondition,
    ) -> Result<(), ServiceError> {
        let command = Command::DeleteEvent { event: set.parse_key(id)?, precondition };
        self.store.execute(caller.tenant, caller.actor.clone(), command).await?;
        Ok(())
    }

    /// The id of the user that an event's `impactedUser` leads to.
    pub async fn impacted_user_id(&self, caller: &Caller, set: EventSet, id: &str) -> Result<String, ServiceError> {
        let event = self.existing_event(caller, set.parse_key(id)?).await?;
        Ok(event.impacted_user.ok_or(Refusal::NoImpactedUser)?.into())
    }

    /// The user that an event's `impactedUser` leads to, as the directory knows them now.
    pub async fn impacted_user(&self, caller: &Caller, set: EventSet, id: &str) -> Result<User, ServiceError> {
        let user = self.impacted_user_id(caller, set, id).await?;
        let key = user.parse().map(UserKey::Id).map_err(|_| ServiceError::UnknownReference(user.clone()))?;
        let found = self.store.load_user(caller.tenant, &key).await?;
        found.ok_or(ServiceError::UnknownReference(user))
    }

    /// Sets an event's `impactedUser`, and with it userId.
    pub async fn set_impacted_user(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        precondition: Precondition,
        user: (UserKey, String),
    ) -> Result<(), ServiceError> {
        let event = set.parse_key(id)?;
        self.existing_event(caller, event.clone()).await?; // a missing event is said before a missing user
        let found = self.store.load_user(caller.tenant, &user.0).await?;
        let user = found.ok_or(ServiceError::UnknownReference(user.1))?.id();
        self.event_command(caller, Command::SetImpactedUser { event, precondition, user }).await?;
        Ok(())
    }

    /// Clears an event's `impactedUser`; userId stays.
    pub async fn clear_impacted_user(
        &self,
        caller: &Caller,
        set: EventSet,
        id: &str,
        precondition: Precondition,
    ) -> Result<(), ServiceError> {
        let command = Command::ClearImpactedUser { event: set.parse_key(id)?, precondition };
        self.event_command(caller, command).await?;
        Ok(())
    }

    async fn existing_event(&self, caller: &Caller, key: EventKey) -> Result<RiskEvent, ServiceError> {
        let event = self.store.load_event(caller.tenant, &key).await?;
        Ok(event.ok_or(Refusal::EventNotFound(key.id))?)
    }

    async fn event_command(&self, caller: &Caller, command: Command) -> Result<RiskEvent, ServiceError> {
        match self.store.execute(caller.tenant, caller.actor.clone(), command).await? {
            Outcome::Event(event) => Ok(*event),
            Outcome::User(_) | Outcome::Deleted => unreachable!("a command on an event comes to an event"),
        }
    }
}

fn has_type_fault(faults: &Faults) -> bool {
    faults.kept().iter().any(|fault| fault.kind == FaultKind::InvalidType)
}
