//! Risk events: create, read, update, delete, and the reference to their user.

use crate::identity::Link;
use crate::{Plan, Service, ServiceError};
use model::{
    Caller, Command, EntityId, EventKey, EventKind, NewId, Nulls, Precondition, Refusal, RiskEvent, RiskEventDraft,
    User, UserKey, edm,
};
use odata::body::EntityBody;
use odata::edm::EntitySet;
use odata::fault::{Fault, FaultKind, Faults};
use store::{Carried, RowSink};

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
    pub(crate) fn parse_key(self, id: &str) -> Result<EventKey, ServiceError> {
        match id.parse() {
            Ok(id) => Ok(self.key(id)),
            Err(_) => Err(ServiceError::NoSuchEvent(id.to_owned())),
        }
    }
}

impl Service {
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

    async fn existing_event(&self, caller: &Caller, key: EventKey) -> Result<RiskEvent, ServiceError> {
        let event = self.store.load_event(caller.tenant, &key).await?;
        Ok(event.ok_or(Refusal::EventNotFound(key.id))?)
    }
}

impl Plan<'_> {
    /// Creates an event.
    pub async fn create_event(
        &self,
        set: EventSet,
        mut body: EntityBody,
        link: Option<Link>,
    ) -> Result<Command, ServiceError> {
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
        let known = self.link(link, &mut draft, &mut body.faults).await?;
        self.fill(known, &mut draft).await?;
        let id = NewId::Made { chance: self.service.entropy.number() };
        let new = draft.into_new(EventKind::LeakedCredentials, id, &mut body).map_err(ServiceError::Invalid)?;
        Ok(Command::CreateEvent(Box::new(new)))
    }

    /// Changes an event's properties.
    pub async fn update_event(
        &self,
        set: EventSet,
        id: &str,
        precondition: Precondition,
        mut body: EntityBody,
        link: Option<Link>,
    ) -> Result<Command, ServiceError> {
        let event = set.parse_key(id);
        let stored = match &event {
            Ok(key) => self.load_event(key).await?,
            Err(_) => None,
        };
        if let (Some(declared), Some(stored)) = (body.declared_type, &stored)
            && !stored.kind.entity_type().is(declared)
        {
            let message = format!("the event is of the type `#{}`", stored.kind.entity_type().qualified_name());
            body.faults.push(Fault::new(FaultKind::InvalidType, "@odata.type", message));
        }
        let mut patch = RiskEventDraft::from_body(&mut body, Nulls::Refused);
        self.link(link, &mut patch, &mut body.faults).await?;
        body.faults.or(()).map_err(ServiceError::Invalid)?; // a faulty body is said before a missing entity
        Ok(Command::UpdateEvent { event: event?, precondition, patch: Box::new(patch) })
    }

    /// Deletes an event.
    pub fn delete_event(&self, set: EventSet, id: &str, precondition: Precondition) -> Result<Command, ServiceError> {
        Ok(Command::DeleteEvent { event: set.parse_key(id)?, precondition })
    }

    /// Sets an event's `impactedUser`, and with it userId.
    pub async fn set_impacted_user(
        &self,
        set: EventSet,
        id: &str,
        precondition: Precondition,
        user: (UserKey, String),
    ) -> Result<Command, ServiceError> {
        let event = set.parse_key(id)?;
        if self.load_event(&event).await?.is_none() {
            return Err(Refusal::EventNotFound(event.id).into()); // said before a missing user
        }
        let found = self.load_user(&user.0).await?;
        let user = found.ok_or(ServiceError::UnknownReference(user.1))?.id();
        Ok(Command::SetImpactedUser { event, precondition, user })
    }

    /// Clears an event's `impactedUser`; userId stays.
    pub fn clear_impacted_user(
        &self,
        set: EventSet,
        id: &str,
        precondition: Precondition,
    ) -> Result<Command, ServiceError> {
        Ok(Command::ClearImpactedUser { event: set.parse_key(id)?, precondition })
    }
}

fn has_type_fault(faults: &Faults) -> bool {
    faults.kept().iter().any(|fault| fault.kind == FaultKind::InvalidType)
}
