//! Taking events over from elsewhere, one row at a time: each is checked as a POST is and written alone, so
//! that many can be under way at once and the store writes them together. By their ids, rows can be taken
//! over again without harm.

use crate::{EventSet, Link, Plan, Service, ServiceError, user_key};
use model::edm::{self, event as at};
use model::{Caller, Command, EventKey, Precondition, Refusal, RiskEvent};
use odata::body::{Binding, EntityBody, Purpose, SyntaxError, Value};
use odata::edm::{EntityType, EnumMembers};
use odata::encode::{Cell, Row as _};
use odata::fault::{Fault, FaultKind, excerpt};
use odata::path::entity_reference;
use store::{Outcome, StoreError};

/// The set whose way of creating rows take: it holds events of every type, so a row of a type that cannot be
/// created is refused as one, and not taken for another type.
const SET: EventSet = EventSet::Identity;

/// An event as a row says it.
#[derive(Debug)]
pub struct ImportRow {
    body: EntityBody,
    said: Said,
}

/// What a row says, kept to hold it against an event that is there.
#[derive(Debug)]
struct Said {
    /// The JSON object that it is.
    text: Vec<u8>,
    ty: &'static EntityType,
    link: Option<Link>,
    /// The values of properties, by position.
    values: Vec<(usize, Value)>,
}

/// How rows are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Importing {
    /// Nothing is written: it is only told what would come of it.
    pub dry_run: bool,
    /// An event that exists with other content is changed to what the row says.
    pub update: bool,
}

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// There is a new event.
    Created,
    /// There was an event with its id that is as the row says.
    Unchanged,
    /// There was one, and it has been changed to what the row says.
    Updated,
    /// There was one, and these properties of it are not as the row says. It has been left as it is.
    Conflict(Vec<&'static str>),
    /// The row was refused: every fault. Nothing of it was written.
    Refused(Vec<String>),
}

impl ImportRow {
    /// Reads a JSON object: an event as the API answers it, or as it is created.
    pub fn read(text: Vec<u8>) -> Result<Self, SyntaxError> {
        let (mut body, link) = read(&text, false)?;
        let ty = *body.declared_type.get_or_insert(&edm::LEAKED_CREDENTIALS_RISK_EVENT);
        let mut values = Vec::with_capacity(at::IMPACTED_USER);
        for position in 0..body.expected_type.property_count() {
            if let Some(value) = body.take(position) {
                values.push((position, value.clone()));
                body.put(position, value);
            }
        }
        Ok(Self { body, said: Said { text, ty, link, values } })
    }

    /// The id that it gives to its event.
    pub fn id(&self) -> Option<&str> {
        match self.said.of(at::ID) {
            Some(Value::Text(id)) => Some(id),
            _ => None,
        }
    }
}

impl Said {
    fn of(&self, position: usize) -> Option<&Value> {
        self.values.iter().find(|(at, _)| *at == position).map(|(_, value)| value)
    }

    /// Whether closedDateTime is null and meant to be: in a row that tells when its event was created, which is
    /// a copy of one. Otherwise null counts as left out, as in a POST, and the status decides.
    fn has_no_close(&self) -> bool {
        let is_copy = self.of(at::CREATED_DATE_TIME).is_some_and(|value| *value != Value::Null);
        is_copy && self.of(at::CLOSED_DATE_TIME) == Some(&Value::Null)
    }

    /// The properties of a stored event that are not as the row says.
    async fn differences(&self, plan: &Plan<'_>, stored: &RiskEvent) -> Result<Vec<&'static str>, ServiceError> {
        let all = SET.entity_set().entity_type.all_properties();
        let differs = |(position, said): &(usize, Value)| match (said, stored.cell(*position)) {
            (Value::Text(said), Cell::Text(stored)) => **said != *stored,
            (Value::DateTimeOffset(said), Cell::Integer(stored)) => said.get() != stored,
            (Value::Enum(said) | Value::Int32(said), Cell::Integer(stored)) => i64::from(*said) != stored,
            (Value::Boolean(said), Cell::Integer(stored)) => i64::from(*said) != stored,
            (Value::Null, Cell::Null) => false,
            (Value::Null, _) => *position == at::CLOSED_DATE_TIME && self.has_no_close(),
            _ => true,
        };
        let mut names: Vec<&'static str> =
            self.values.iter().filter(|said| differs(said)).map(|(position, _)| all[*position].name).collect();
        if !std::ptr::eq(self.ty, stored.kind.entity_type()) {
            names.push("@odata.type");
        }
        let user = match &self.link {
            None => return Ok(names),
            Some(Link::Clear) => None,
            Some(Link::To(key, _)) => plan.load_user(key).await?.map(|user| Box::<str>::from(user.id().as_str())),
        };
        if stored.impacted_user != user {
            names.push("impactedUser");
        }
        Ok(names)
    }
}

/// Reads a row's text. A link leads to a user of this service, relative to its root.
fn read(text: &[u8], updates: bool) -> Result<(EntityBody, Option<Link>), SyntaxError> {
    let purpose = Purpose { updates, enum_members: EnumMembers::All };
    let mut body = EntityBody::read_for(purpose, text, &edm::MODEL, SET.entity_set().entity_type)?;
    let mut link = None;
    for Binding { target, .. } in std::mem::take(&mut body.bindings) {
        let Some(url) = target else {
            link = Some(Link::Clear);
            continue;
        };
        let user = match entity_reference(&edm::MODEL, &[], |_| false, &url) {
            Ok((found, key)) if std::ptr::eq(found.set, &raw const edm::USERS) => user_key(&key),
            _ => None,
        };
        match user {
            Some(key) => link = Some(Link::To(key, url)),
            None => {
                let message = format!("{} is not the path of a user, such as users/{{id}}", excerpt(&url));
                body.faults.push(Fault::new(FaultKind::InvalidValue, crate::identity::BIND, message));
            }
        }
    }
    Ok((body, link))
}

impl Service {
    /// Takes a row over. It is on disk when this answers; an error is the store's and has nothing to do with
    /// the row.
    pub async fn import(&self, caller: &Caller, row: ImportRow, how: Importing) -> Result<Imported, StoreError> {
        match self.take_over(caller, row, how).await {
            Ok(imported) => Ok(imported),
            Err(ServiceError::Store(error)) => Err(error),
            Err(error) => Ok(Imported::Refused(faults(&error))),
        }
    }

    async fn take_over(&self, caller: &Caller, row: ImportRow, how: Importing) -> Result<Imported, ServiceError> {
        let mut plan = self.plan(caller);
        let key = row.id().and_then(|id| id.parse().ok()).map(|id| EventKey { id, kind: None });
        // An event that nobody can create may still be there.
        let is_creatable = row.said.ty.is(&edm::LEAKED_CREDENTIALS_RISK_EVENT);
        let ImportRow { body, said } = row;
        if (how.dry_run || !is_creatable)
            && body.faults.is_empty()
            && let Some(key) = &key
            && let Some(stored) = plan.load_event(key).await?
        {
            return self.settle(caller, &said, key, &stored, how).await;
        }
        // Whether the id is taken is seen where the event is written, so most rows need no look before.
        let mut command = plan.create_event(SET, body, said.link.clone()).await?;
        if let Command::CreateEvent(new) = &mut command
            && said.has_no_close()
        {
            new.closed_date_time = Some(None);
        }
        plan.add(command);
        let written = if how.dry_run { plan.foresee().await } else { carry_out(plan).await.map(drop) };
        match (written, &key) {
            (Ok(()), _) => Ok(Imported::Created),
            (Err(ServiceError::Refused(Refusal::IdTaken(id))), Some(key)) => {
                match self.store.load_event(caller.tenant, key).await? {
                    Some(stored) => self.settle(caller, &said, key, &stored, how).await,
                    None => Err(Refusal::IdTaken(id).into()), // it has gone since
                }
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Holds a row against the event that has its id.
    async fn settle(
        &self,
        caller: &Caller,
        said: &Said,
        key: &EventKey,
        stored: &RiskEvent,
        how: Importing,
    ) -> Result<Imported, ServiceError> {
        let mut plan = self.plan(caller);
        let differences = said.differences(&plan, stored).await?;
        if differences.is_empty() {
            return Ok(Imported::Unchanged);
        }
        if !how.update {
            return Ok(Imported::Conflict(differences));
        }
        let (mut body, link) = read(&said.text, true).expect("it was read before");
        for (position, value) in &said.values {
            let is_meant = *position == at::CLOSED_DATE_TIME && said.has_no_close();
            if *value == Value::Null && !is_meant {
                body.take(*position); // left out
            }
        }
        let command = plan.update_event(SET, key.id.as_str(), Precondition::default(), body, link).await?;
        plan.add(command);
        if how.dry_run {
            plan.foresee().await?;
            return Ok(Imported::Updated);
        }
        match carry_out(plan).await? {
            Outcome::Event(event) if event.version == stored.version => Ok(Imported::Unchanged),
            _ => Ok(Imported::Updated),
        }
    }
}

async fn carry_out(plan: Plan<'_>) -> Result<Outcome, ServiceError> {
    let outcomes = plan.carry_out().await.map_err(|failed| failed.error)?;
    Ok(outcomes.into_iter().next().expect("there is an outcome for each command"))
}

/// Every fault of a refused row.
fn faults(error: &ServiceError) -> Vec<String> {
    let ServiceError::Invalid(faults) = error else { return vec![error.to_string()] };
    let mut found: Vec<String> = faults.kept().iter().map(ToString::to_string).collect();
    if faults.more() > 0 {
        found.push(format!("and {} more faults", faults.more()));
    }
    found
}
