//! Risk events: what they hold, and what a body may say of them.

use crate::edm::{self, event as at};
use crate::evidence::NewEvidence;
use crate::ids::EntityId;
use crate::risk::RiskDetail;
use odata::Ticks;
use odata::body::{EntityBody, Parts, Value};
use odata::edm::{EntityType, EnumMembers, Member};
use odata::encode::{Cell, CellError, Encoder, Metadata, Row};
use odata::fault::{Fault, FaultKind, Faults};
use std::sync::LazyLock;

/// How sure it is that an account is compromised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum RiskLevel {
    /// `low`
    Low = 0,
    /// `medium`
    Medium = 1,
    /// `high`
    High = 2,
    /// `hidden`: what lower licences of Graph see.
    Hidden = 3,
    /// `none`
    None = 4,
    /// `unknownFutureValue`: accepted on create, since the seed lists it; leaves a PATCH without
    /// effect (graph.md, section 3.4).
    UnknownFutureValue = 5,
}

impl RiskLevel {
    const ALL: [Self; 6] = [Self::Low, Self::Medium, Self::High, Self::Hidden, Self::None, Self::UnknownFutureValue];

    pub(crate) const MEMBERS: [Member; 6] = [
        Member { name: "low", value: 0 },
        Member { name: "medium", value: 1 },
        Member { name: "high", value: 2 },
        Member { name: "hidden", value: 3 },
        Member { name: "none", value: 4 },
        Member { name: "unknownFutureValue", value: 5 },
    ];

    /// The level with this value in the EDM.
    pub fn from_value(value: i64) -> Option<Self> {
        usize::try_from(value).ok().and_then(|value| Self::ALL.get(value).copied())
    }
}

/// Whether an event is open, or how it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum RiskEventStatus {
    /// `active`
    Active = 0,
    /// `remediated`
    Remediated = 1,
    /// `dismissedAsFixed`
    DismissedAsFixed = 2,
    /// `dismissedAsFalsePositive`
    DismissedAsFalsePositive = 3,
    /// `dismissedAsIgnore`
    DismissedAsIgnore = 4,
    /// `loginBlocked`: still open (graph.md, section 3.5).
    LoginBlocked = 5,
    /// `closedMfaAuto`
    ClosedMfaAuto = 6,
    /// `closedMultipleReasons`
    ClosedMultipleReasons = 7,
}

impl RiskEventStatus {
    const ALL: [Self; 8] = [
        Self::Active,
        Self::Remediated,
        Self::DismissedAsFixed,
        Self::DismissedAsFalsePositive,
        Self::DismissedAsIgnore,
        Self::LoginBlocked,
        Self::ClosedMfaAuto,
        Self::ClosedMultipleReasons,
    ];

    pub(crate) const MEMBERS: [Member; 8] = [
        Member { name: "active", value: 0 },
        Member { name: "remediated", value: 1 },
        Member { name: "dismissedAsFixed", value: 2 },
        Member { name: "dismissedAsFalsePositive", value: 3 },
        Member { name: "dismissedAsIgnore", value: 4 },
        Member { name: "loginBlocked", value: 5 },
        Member { name: "closedMfaAuto", value: 6 },
        Member { name: "closedMultipleReasons", value: 7 },
    ];

    /// The status with this value in the EDM.
    pub fn from_value(value: i64) -> Option<Self> {
        usize::try_from(value).ok().and_then(|value| Self::ALL.get(value).copied())
    }

    /// Whether the risk still stands.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::LoginBlocked)
    }
}

/// The entity type of an event, as stores keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum EventKind {
    /// identityRiskEvent itself: raised by the service, never by a client's POST.
    IdentityRisk = 0,
    /// leakedCredentialsRiskEvent
    LeakedCredentials = 1,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::IdentityRisk, Self::LeakedCredentials];

    /// The kind with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == value)
    }

    /// Its entity type.
    pub fn entity_type(self) -> &'static EntityType {
        match self {
            Self::IdentityRisk => &edm::IDENTITY_RISK_EVENT,
            Self::LeakedCredentials => &edm::LEAKED_CREDENTIALS_RISK_EVENT,
        }
    }
}

/// A risk event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskEvent {
    /// Its id.
    pub id: EntityId,
    /// Its entity type.
    pub kind: EventKind,
    /// The user's name at that time.
    pub user_display_name: Box<str>,
    /// The user's sign-in name at that time.
    pub user_principal_name: Box<str>,
    /// When the risk arose.
    pub risk_event_date_time: Ticks,
    /// The kind of risk, free text.
    pub risk_event_type: Box<str>,
    /// The level.
    pub risk_level: RiskLevel,
    /// Open, or how closed.
    pub risk_event_status: RiskEventStatus,
    /// When it was closed.
    pub closed_date_time: Option<Ticks>,
    /// When it was recorded.
    pub created_date_time: Ticks,
    /// The user's id.
    pub user_id: Box<str>,
    /// The user that `impactedUser` leads to, whether or not the directory knows them.
    pub impacted_user: Option<Box<str>>,
    /// What brought the risk to where it stands: today's API shows it, the legacy one does not.
    pub risk_detail: RiskDetail,
    /// The number of the change that made it: its place in the order of creation.
    pub creation: u64,
    /// The number of its latest change; its ETag.
    pub version: u64,
}

/// Renders the properties of an event, in the order of their positions: what stores keep beside the
/// columns, so that an answer with all of them copies one text ([`Row::members`]).
pub fn event_members(event: &dyn Row) -> Result<String, CellError> {
    static ENCODER: LazyLock<Encoder> = LazyLock::new(|| {
        Encoder::new(&edm::LEAKED_CREDENTIALS_RISK_EVENT, Metadata::None, None).with_enum_members(EnumMembers::All)
    });
    let mut out = Vec::with_capacity(512);
    ENCODER.members(event, &mut out)?;
    Ok(String::from_utf8(out).expect("JSON is written of texts"))
}

impl RiskEvent {
    /// Makes it of a row of its type; a value that fits no type names its property. The relation
    /// `impactedUser`, the detail and the event's place are none of the row's cells.
    pub fn from_row(
        row: &dyn Row,
        impacted_user: Option<Box<str>>,
        risk_detail: RiskDetail,
        creation: u64,
    ) -> Result<Self, CellError> {
        let all = edm::IDENTITY_RISK_EVENT.all_properties();
        let damaged = |position: usize| CellError { property: all[position].name, expected: all[position].ty };
        let text = |position: usize| match row.cell(position) {
            Cell::Text(text) => Ok(Box::<str>::from(text)),
            _ => Err(damaged(position)),
        };
        let number = |position: usize| match row.cell(position) {
            Cell::Integer(value) => Ok(value),
            _ => Err(damaged(position)),
        };
        let ticks = |position: usize| Ticks::new(number(position)?).ok_or_else(|| damaged(position));
        let kind = EventKind::ALL.into_iter().find(|kind| std::ptr::eq(kind.entity_type(), row.entity_type()));
        Ok(Self {
            id: text(at::ID)?.parse().map_err(|_| damaged(at::ID))?,
            kind: kind.ok_or_else(|| damaged(at::ID))?,
            user_display_name: text(at::USER_DISPLAY_NAME)?,
            user_principal_name: text(at::USER_PRINCIPAL_NAME)?,
            risk_event_date_time: ticks(at::RISK_EVENT_DATE_TIME)?,
            risk_event_type: text(at::RISK_EVENT_TYPE)?,
            risk_level: RiskLevel::from_value(number(at::RISK_LEVEL)?).ok_or_else(|| damaged(at::RISK_LEVEL))?,
            risk_event_status: RiskEventStatus::from_value(number(at::RISK_EVENT_STATUS)?)
                .ok_or_else(|| damaged(at::RISK_EVENT_STATUS))?,
            closed_date_time: match row.cell(at::CLOSED_DATE_TIME) {
                Cell::Null => None,
                _ => Some(ticks(at::CLOSED_DATE_TIME)?),
            },
            created_date_time: ticks(at::CREATED_DATE_TIME)?,
            user_id: text(at::USER_ID)?,
            impacted_user,
            risk_detail,
            creation,
            version: row.version(),
        })
    }
}

impl Row for RiskEvent {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            at::ID => Cell::Text(self.id.as_str()),
            at::USER_DISPLAY_NAME => Cell::Text(&self.user_display_name),
            at::USER_PRINCIPAL_NAME => Cell::Text(&self.user_principal_name),
            at::RISK_EVENT_DATE_TIME => Cell::Integer(self.risk_event_date_time.get()),
            at::RISK_EVENT_TYPE => Cell::Text(&self.risk_event_type),
            at::RISK_LEVEL => Cell::Integer(self.risk_level as i64),
            at::RISK_EVENT_STATUS => Cell::Integer(self.risk_event_status as i64),
            at::CLOSED_DATE_TIME => self.closed_date_time.map_or(Cell::Null, |ticks| Cell::Integer(ticks.get())),
            at::CREATED_DATE_TIME => Cell::Integer(self.created_date_time.get()),
            at::USER_ID => Cell::Text(&self.user_id),
            _ => Cell::Null,
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.kind.entity_type()
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// What a body says of a risk event: each property as sent, `None` where it was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RiskEventDraft {
    /// `id`
    pub id: Option<EntityId>,
    /// `userDisplayName`
    pub user_display_name: Option<Box<str>>,
    /// `userPrincipalName`
    pub user_principal_name: Option<Box<str>>,
    /// `riskEventDateTime`
    pub risk_event_date_time: Option<Ticks>,
    /// `riskEventType`
    pub risk_event_type: Option<Box<str>>,
    /// `riskLevel`
    pub risk_level: Option<RiskLevel>,
    /// `riskEventStatus`
    pub risk_event_status: Option<RiskEventStatus>,
    /// `closedDateTime`; the inner `None` is null.
    pub closed_date_time: Option<Option<Ticks>>,
    /// `createdDateTime`
    pub created_date_time: Option<Ticks>,
    /// `userId`
    pub user_id: Option<Box<str>>,
    /// `impactedUser`, once resolved; the inner `None` is null.
    pub impacted_user: Option<Option<Box<str>>>,
}

/// What nulls in a body mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// As if left out: on create.
    LeftOut,
    /// A fault where the property needs a value: on update.
    Refused,
}

impl RiskEventDraft {
    /// Takes the properties out of a body and adds what is wrong with them to its faults.
    pub fn from_body(body: &mut EntityBody, nulls: Nulls) -> Self {
        let closed_date_time = match body.take(at::CLOSED_DATE_TIME) {
            Some(Value::DateTimeOffset(ticks)) => Some(Some(ticks)),
            Some(_) if nulls == Nulls::Refused => Some(None), // it has null among its values
            _ => None,
        };
        let values = body.expected_type.all_properties().into_iter().enumerate();
        for (position, property) in values.filter(|_| nulls == Nulls::Refused) {
            if let Some(value) = body.take(position) {
                if value == Value::Null {
                    let message = format!("`{}` is null; expected {}", property.name, property.ty);
                    body.refuse(position, Fault::new(FaultKind::NullValue, property.name, message));
                } else {
                    body.put(position, value);
                }
            }
        }
        let id = match body.take_text(at::ID).map(|id| id.parse::<EntityId>()) {
            Some(Ok(id)) => Some(id),
            Some(Err(error)) => {
                body.refuse(at::ID, Fault::new(FaultKind::InvalidValue, "id", error.to_string()));
                None
            }
            None => None,
        };
        let ticks = |value| match value {
            Some(Value::DateTimeOffset(ticks)) => Some(ticks),
            _ => None,
        };
        let number = |value| match value {
            Some(Value::Enum(value)) => Some(i64::from(value)),
            _ => None,
        };
        Self {
            id,
            user_display_name: body.take_text(at::USER_DISPLAY_NAME),
            user_principal_name: body.take_text(at::USER_PRINCIPAL_NAME),
            risk_event_date_time: ticks(body.take(at::RISK_EVENT_DATE_TIME)),
            risk_event_type: body.take_text(at::RISK_EVENT_TYPE),
            risk_level: number(body.take(at::RISK_LEVEL)).and_then(RiskLevel::from_value),
            risk_event_status: number(body.take(at::RISK_EVENT_STATUS)).and_then(RiskEventStatus::from_value),
            closed_date_time,
            created_date_time: ticks(body.take(at::CREATED_DATE_TIME)),
            user_id: body.take_text(at::USER_ID),
            impacted_user: None,
        }
    }

    /// Whether who is at risk is not fully said, so that the directory may fill it in.
    pub fn lacks_identity(&self) -> bool {
        self.user_display_name.is_none() || self.user_principal_name.is_none() || self.user_id.is_none()
    }

    /// Makes an event of it, with `id` unless the client chose one; `body` tells which missing
    /// properties were sent but faulty, so that they are not reported twice.
    pub fn into_new(mut self, kind: EventKind, id: NewId, body: &mut EntityBody) -> Result<NewRiskEvent, Faults> {
        let evidence = evidence_of(body);
        if self.user_id.is_none() && !body.is_faulty(at::USER_ID) {
            self.user_id = self.impacted_user.clone().flatten(); // setting the reference sets userId too
        }
        let required: [(usize, &str, bool); 7] = [
            (at::USER_DISPLAY_NAME, "userDisplayName", self.user_display_name.is_some()),
            (at::USER_PRINCIPAL_NAME, "userPrincipalName", self.user_principal_name.is_some()),
            (at::RISK_EVENT_DATE_TIME, "riskEventDateTime", self.risk_event_date_time.is_some()),
            (at::RISK_EVENT_TYPE, "riskEventType", self.risk_event_type.is_some()),
            (at::RISK_LEVEL, "riskLevel", self.risk_level.is_some()),
            (at::RISK_EVENT_STATUS, "riskEventStatus", self.risk_event_status.is_some()),
            (at::USER_ID, "userId", self.user_id.is_some()),
        ];
        for (position, name, _) in required.into_iter().filter(|(_, _, present)| !present) {
            if !body.is_faulty(position) {
                body.faults.push(Fault::missing(name));
            }
        }
        let complete = || {
            let user_id = self.user_id?;
            Some(NewRiskEvent {
                id: self.id.map_or(id, NewId::Chosen),
                kind,
                user_display_name: self.user_display_name?,
                user_principal_name: self.user_principal_name?,
                risk_event_date_time: self.risk_event_date_time?,
                risk_event_type: self.risk_event_type?,
                risk_level: self.risk_level?,
                risk_event_status: self.risk_event_status?,
                closed_date_time: self.closed_date_time,
                created_date_time: self.created_date_time,
                impacted_user: self.impacted_user.unwrap_or_else(|| Some(user_id.clone())),
                evidence,
                user_id,
            })
        };
        let faults = std::mem::take(&mut body.faults);
        faults.or(complete()).map(|event| event.expect("what is missing is a fault"))
    }
}

/// The evidence that a body brings along; what is wrong with it goes to the body's faults.
fn evidence_of(body: &mut EntityBody) -> Vec<NewEvidence> {
    let mut evidence = Vec::new();
    for Parts { relation, items } in std::mem::take(&mut body.parts) {
        for (at, mut item) in items.into_iter().enumerate() {
            evidence.extend(NewEvidence::from_body(&mut item));
            body.faults.absorb(&format!("{}/{at}", relation.name), item.faults);
        }
    }
    evidence
}

/// Where the id of a new event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewId {
    /// The client chose it; it may be taken.
    Chosen(EntityId),
    /// It is made when the event is, of the number and time of that change and of these random
    /// bits: see [`EntityId::of_change`].
    Made {
        /// Random bits, of which 34 are used.
        chance: u64,
    },
}

/// A risk event that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRiskEvent {
    /// Its id.
    pub id: NewId,
    /// Its entity type.
    pub kind: EventKind,
    /// `userDisplayName`
    pub user_display_name: Box<str>,
    /// `userPrincipalName`
    pub user_principal_name: Box<str>,
    /// `riskEventDateTime`
    pub risk_event_date_time: Ticks,
    /// `riskEventType`
    pub risk_event_type: Box<str>,
    /// `riskLevel`
    pub risk_level: RiskLevel,
    /// `riskEventStatus`
    pub risk_event_status: RiskEventStatus,
    /// `closedDateTime` as sent; the outer `None` is left out.
    pub closed_date_time: Option<Option<Ticks>>,
    /// `createdDateTime` as sent.
    pub created_date_time: Option<Ticks>,
    /// `userId`
    pub user_id: Box<str>,
    /// `impactedUser`
    pub impacted_user: Option<Box<str>>,
    /// `evidence`
    pub evidence: Vec<NewEvidence>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enum_values_are_those_of_the_edm() {
        for (level, member) in RiskLevel::ALL.into_iter().zip(RiskLevel::MEMBERS) {
            assert_eq!(level as i32, member.value, "{}", member.name);
            assert_eq!(RiskLevel::from_value(member.value.into()), Some(level));
        }
        for (status, member) in RiskEventStatus::ALL.into_iter().zip(RiskEventStatus::MEMBERS) {
            assert_eq!(status as i32, member.value, "{}", member.name);
            assert_eq!(RiskEventStatus::from_value(member.value.into()), Some(status));
        }
        assert_eq!(RiskLevel::from_value(6), None);
        assert_eq!(RiskEventStatus::from_value(-1), None);
    }
}
