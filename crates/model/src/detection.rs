//! Risk detections: risk events as today's API shows them. Nothing of them is kept but the event
//! (graph.md, section 6; docs/adr/0006-one-domain-three-views.md).

use crate::detection_id::{DetectionId, DetectionText, detection_type};
use crate::detection_template::{COPIED, Template, Values};
use crate::edm::{self, event, risk_detection as at};
use crate::event::RiskEventStatus;
use crate::members::Members;
use crate::risk::{RiskDetail, RiskState};
use odata::Ticks;
use odata::edm::{EntityType, Property};
use odata::encode::{Cell, CellError, Row};
use odata::expression::bound::{Expression, Literal, Node, PropertyPath, ValueType, View};

/// `source` of every detection.
const SOURCE: &str = "IdentityProtection";
/// `activity`: user.
const ACTIVITY: i64 = 1;
/// `detectionTimingType`: offline.
const OFFLINE: i64 = 3;
/// `tokenIssuerType`: `AzureAD`.
const TOKEN_ISSUER: i64 = 0;
/// `additionalInfo` where there is no evidence.
pub(crate) const NO_INFO: &str = "[]";
/// `riskEventType` of nearly every detection, and the same as JSON.
pub(crate) const LEAKED: &str = "leakedCredentials";
const LEAKED_JSON: &str = "\"leakedCredentials\"";

/// A row of an event, with what [`event::RISK_DETAIL`], [`event::EVIDENCE`] and
/// [`event::LAST_UPDATED_DATE_TIME`] hold, seen as the detection that it is. Of a row that is rendered, what the two
/// views have in common is copied from there; it must hold its
/// [`event::RISK_EVENT_TYPE`] and [`event::RISK_EVENT_STATUS`] too.
pub struct DetectionRow<'r> {
    event: &'r dyn Row,
    members: Option<Members<'r>>,
    id: DetectionText,
}

impl<'r> DetectionRow<'r> {
    /// Looks at an event's row.
    pub fn of(event: &'r dyn Row) -> Result<Self, CellError> {
        let members = event.members().and_then(Members::of);
        let id = match &members {
            Some(members) => members.plain_text(event::ID),
            None => match event.cell(event::ID) {
                Cell::Text(id) => Some(id),
                _ => None,
            },
        };
        let Some(id) = id else {
            let Property { name, ty, .. } = edm::ENTITY.properties[0];
            return Err(CellError { property: name, expected: ty });
        };
        Ok(Self { event, members, id: DetectionId::of(id).text() })
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

    /// What is to be written into which template, where all of it is at hand rendered and nothing is unusual.
    fn usual(&self) -> Option<(&'static Template, Values<'_>)> {
        let members = self.members.as_ref()?;
        let is_leaked = detection_type(members.plain_text(event::RISK_EVENT_TYPE)?) == LEAKED;
        if !is_leaked || self.event.cell(event::EVIDENCE) != Cell::Null {
            return None;
        }
        let detail = self.detail()?;
        let template = Template::of(self.state(detail)?, detail)?;
        let last_updated = self.number(event::LAST_UPDATED_DATE_TIME).and_then(Ticks::new)?;
        let mut copied = [""; COPIED.len()];
        for (json, (_, below)) in copied.iter_mut().zip(COPIED) {
            *json = members.json(below)?;
        }
        Some((template, Values { id: self.id.as_str(), last_updated, copied }))
    }
}

impl Row for DetectionRow<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        if let Some(below) = below(position) {
            return self.event.cell(below);
        }
        match position {
            at::ID => Cell::Text(self.id.as_str()),
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

    fn json(&self, position: usize) -> Option<&str> {
        let members = self.members.as_ref()?;
        match position {
            at::RISK_EVENT_TYPE => match self.event.cell(event::RISK_EVENT_TYPE) {
                Cell::Text(of) if detection_type(of) == LEAKED => Some(LEAKED_JSON),
                _ => members.json(event::RISK_EVENT_TYPE),
            },
            // It has no place among the members.
            at::RISK_DETAIL | at::LAST_UPDATED_DATE_TIME => None,
            _ => members.json(below(position)?),
        }
    }

    fn write_members(&self, positions: &[usize], out: &mut Vec<u8>) -> bool {
        if positions != at::DEFAULT {
            return false;
        }
        let usual = self.usual();
        if let Some((template, values)) = &usual {
            template.write(values, out);
        }
        usual.is_some()
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
        _ => COPIED.iter().find(|(copied, _)| *copied == position).map(|(_, below)| *below),
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
