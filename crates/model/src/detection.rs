//! Risk detections: risk events as today's API shows them. What is kept of them is the event, and at most a text that is
//! made of it (graph.md, section 6; docs/adr/0006-one-domain-three-views.md).

use crate::detection_id::{DetectionId, DetectionText, detection_type};
use crate::edm::{self, event, risk_detection as at};
use crate::event::{RiskEvent, RiskEventStatus};
use crate::risk::{RiskDetail, RiskState};
use odata::Ticks;
use odata::edm::{EntityType, EnumMembers, Property};
use odata::encode::{Cell, CellError, Encoder, Metadata, Row, write_string};
use odata::expression::bound::{Expression, Literal, Node, PropertyPath, ValueType, View};
use std::sync::LazyLock;

/// `source` of every detection.
const SOURCE: &str = "IdentityProtection";
/// `activity`: user.
const ACTIVITY: i64 = 1;
/// `detectionTimingType`: offline.
const OFFLINE: i64 = 3;
/// `tokenIssuerType`: `AzureAD`.
const TOKEN_ISSUER: i64 = 0;
/// `additionalInfo` where there is no evidence.
const NO_INFO: &str = "[]";

/// What a rendered detection says of its evidence while there is none.
const NO_INFO_MEMBER: &str = "\"additionalInfo\":\"[]\"";

/// Renders what v1.0 shows of the detection that an event is, for clients that know no later members of enumerations, and as if
/// there were no evidence: what stores keep, so that a list of detections copies texts. The event has what
/// [`event::RISK_DETAIL`] and [`event::LAST_UPDATED_DATE_TIME`] hold.
pub fn detection_members(of: &dyn Row) -> Result<String, CellError> {
    static ENCODER: LazyLock<Encoder> =
        LazyLock::new(|| Encoder::with_properties(at::DEFAULT, &edm::RISK_DETECTION, Metadata::None, None));
    let mut out = Vec::with_capacity(1024);
    ENCODER.members(&DetectionRow::of(of)?, &mut out)?;
    Ok(String::from_utf8(out).expect("JSON is written of texts"))
}

/// An event as it is written at a time.
pub struct WrittenEvent<'e>(pub &'e RiskEvent, pub Ticks);

impl Row for WrittenEvent<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        match position {
            event::RISK_DETAIL => Cell::Integer(self.0.risk_detail as i64),
            event::LAST_UPDATED_DATE_TIME => Cell::Integer(self.1.get()),
            position => self.0.cell(position),
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.0.entity_type()
    }

    fn version(&self) -> u64 {
        self.0.version
    }
}

/// A row of an event, with what [`event::RISK_DETAIL`], [`event::EVIDENCE`] and
/// [`event::LAST_UPDATED_DATE_TIME`] hold, seen as the detection that it is. Or a row of a detection that a store keeps
/// [rendered](detection_members), with what [`event::EVIDENCE`] holds: it can be written in that form only.
pub struct DetectionRow<'r> {
    event: &'r dyn Row,
    shown: Shown<'r>,
}

/// What of a detection is at hand, beside what the event's row has.
enum Shown<'r> {
    /// Its id.
    Id(DetectionText),
    /// All of it, as a store keeps it.
    Members(&'r str),
}

impl<'r> DetectionRow<'r> {
    /// Looks at a row.
    pub fn of(event: &'r dyn Row) -> Result<Self, CellError> {
        if std::ptr::eq(event.entity_type(), &raw const edm::RISK_DETECTION)
            && let Some(members) = event.members()
        {
            return Ok(Self { event, shown: Shown::Members(members) });
        }
        let Cell::Text(id) = event.cell(event::ID) else {
            let Property { name, ty, .. } = edm::ENTITY.properties[0];
            return Err(CellError { property: name, expected: ty });
        };
        Ok(Self { event, shown: Shown::Id(DetectionId::of(id).text()) })
    }

    fn number(&self, position: usize) -> Option<i64> {
        match self.event.cell(position) {
            Cell::Integer(value) => Some(value),
            _ => None,
        }
    }

    fn detail(&self) -> Option<RiskDetail> {
        self.number(event::RISK_DETAIL).and_then(RiskDetail::from_value)
    }

    fn state(&self, detail: RiskDetail) -> Option<RiskState> {
        let status = self.number(event::RISK_EVENT_STATUS).and_then(RiskEventStatus::from_value)?;
        Some(status.state(detail))
    }
}

impl Row for DetectionRow<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        if let Some(below) = below(position) {
            return self.event.cell(below);
        }
        match position {
            at::ID => match &self.shown {
                Shown::Id(id) => Cell::Text(id.as_str()),
                Shown::Members(_) => Cell::Damaged, // it is asked for by nobody who wants them in that form
            },
            at::RISK_STATE => {
                let state = self.detail().and_then(|detail| self.state(detail));
                state.map_or(Cell::Damaged, |state| Cell::Integer(state as i64))
            }
            at::RISK_EVENT_TYPE => match self.event.cell(event::RISK_EVENT_TYPE) {
                Cell::Text(of) => Cell::Text(detection_type(of)),
                other => other,
            },
            at::RISK_TYPE => match self.event.cell(event::RISK_EVENT_TYPE) {
                Cell::Text(of) => Cell::Integer(detection_risk_type(of)),
                other => other,
            },
            at::ADDITIONAL_INFO => match self.event.cell(event::EVIDENCE) {
                Cell::Null => Cell::Text(NO_INFO),
                told => told,
            },
            _ => constant(position),
        }
    }

    fn write_members(&self, positions: &[usize], told: EnumMembers, out: &mut Vec<u8>) -> bool {
        let Shown::Members(members) = self.shown else { return false };
        if positions != at::DEFAULT || told != EnumMembers::Known {
            return false;
        }
        match self.event.cell(event::EVIDENCE) {
            Cell::Null => out.extend_from_slice(members.as_bytes()),
            // Before it stand an id and a time, in which nobody else has a say.
            Cell::Text(info) if let Some((before, behind)) = members.split_once(NO_INFO_MEMBER) => {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(b"\"additionalInfo\":");
                write_string(info, out);
                out.extend_from_slice(behind.as_bytes());
            }
            _ => return false,
        }
        true
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::RISK_DETECTION
    }

    fn version(&self) -> u64 {
        self.event.version()
    }
}

/// The position at which an event holds the same value as its detection.
fn below(position: usize) -> Option<usize> {
    match position {
        at::LAST_UPDATED_DATE_TIME => Some(event::LAST_UPDATED_DATE_TIME),
        at::RISK_DETAIL => Some(event::RISK_DETAIL),
        at::ACTIVITY_DATE_TIME => Some(event::RISK_EVENT_DATE_TIME),
        at::DETECTED_DATE_TIME => Some(event::CREATED_DATE_TIME),
        at::RISK_LEVEL => Some(event::RISK_LEVEL),
        at::USER_DISPLAY_NAME => Some(event::USER_DISPLAY_NAME),
        at::USER_ID => Some(event::USER_ID),
        at::USER_PRINCIPAL_NAME => Some(event::USER_PRINCIPAL_NAME),
        _ => None,
    }
}

/// What is the same for every detection.
fn constant(position: usize) -> Cell<'static> {
    match position {
        at::ACTIVITY => Cell::Integer(ACTIVITY),
        at::DETECTION_TIMING_TYPE => Cell::Integer(OFFLINE),
        at::SOURCE => Cell::Text(SOURCE),
        at::TOKEN_ISSUER_TYPE => Cell::Integer(TOKEN_ISSUER),
        _ => Cell::Null,
    }
}

/// `riskType` of an event's detection: the member of the old enumeration that its kind of risk was, and
/// `generic` for others.
pub fn detection_risk_type(risk_event_type: &str) -> i64 {
    let of = detection_type(risk_event_type);
    let member = |name: &str| edm::RISK_EVENT_TYPE.members.iter().find(|member| member.name.eq_ignore_ascii_case(name));
    member(of).or_else(|| member("generic")).map_or(0, |member| member.value.into())
}

/// Events seen as detections: what an expression over detections is over events.
pub struct DetectionView;

impl View for DetectionView {
    fn property(&self, path: &PropertyPath) -> Expression {
        let ty = value_type(path.property);
        let position = match path.position {
            at::ID => event::DETECTION_ID,
            at::ADDITIONAL_INFO => event::EVIDENCE,
            at::RISK_STATE => event::RISK_STATE,
            at::RISK_EVENT_TYPE => event::DETECTION_TYPE,
            at::RISK_TYPE => event::DETECTION_RISK_TYPE,
            position => match below(position) {
                Some(below) => below,
                None => return Expression { node: Node::Literal(literal(constant(position), ty)), ty },
            },
        };
        let path = PropertyPath { navigation: Vec::new(), position, property: path.property };
        Expression { node: Node::Property(path), ty }
    }

    fn is_of(&self, ty: &EntityType) -> bool {
        edm::RISK_DETECTION.is(ty)
    }
}

fn value_type(property: &Property) -> ValueType {
    use odata::edm::Type;
    match property.ty {
        Type::Enum(of) => ValueType::Enum(of),
        Type::DateTimeOffset => ValueType::DateTimeOffset,
        Type::Boolean => ValueType::Boolean,
        Type::Int32 => ValueType::Integer,
        Type::Double => ValueType::Double,
        Type::String { .. } | Type::Complex(_) | Type::Collection { .. } => ValueType::Text,
    }
}

fn literal(cell: Cell<'static>, ty: ValueType) -> Literal {
    match (cell, ty) {
        (Cell::Text(text), _) => Literal::Text(text.into()),
        (Cell::Integer(value), ValueType::Enum(_)) => Literal::Enum(value),
        (Cell::Integer(value), _) => Literal::Integer(value),
        _ => Literal::Null,
    }
}

/// The properties of an event, as bits of the change log, whose changes a property of its detection shows.
pub fn detection_bits(position: usize) -> u64 {
    let bits = |positions: &[usize]| positions.iter().fold(0, |bits, position| bits | 1 << position);
    match position {
        at::LAST_UPDATED_DATE_TIME => u64::MAX,
        at::ADDITIONAL_INFO => bits(&[event::EVIDENCE]),
        at::RISK_STATE => bits(&[event::RISK_EVENT_STATUS, event::RISK_DETAIL]),
        at::RISK_EVENT_TYPE | at::RISK_TYPE => bits(&[event::RISK_EVENT_TYPE]),
        position => below(position).map_or(0, |below| bits(&[below])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odata::edm::EnumMembers;
    use odata::encode::{Metadata, write_property};

    #[test]
    fn what_is_declared_to_be_fixed_is_what_every_detection_has() {
        let mut fixed = Vec::new();
        for (position, property) in edm::RISK_DETECTION.all_properties().into_iter().enumerate() {
            let Some(json) = property.fixed else { continue };
            for told in [EnumMembers::All, EnumMembers::Known] {
                let mut out = Vec::new();
                write_property(constant(position), property, told, Metadata::None, "", &mut out).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"value\":{json}}}"), "{}", property.name);
            }
            assert_eq!(below(position), None, "{}", property.name);
            fixed.push(property.name);
        }
        assert_eq!(fixed.len(), 8, "{fixed:?}");
    }
}
