//! What a repeatable request came to, as stores remember it: cells by position, as the change log
//! knows properties.

use crate::{Outcome, StoreError, WriteError};
use model::{EventKind, Evidence, OwnedCell, Repeatability, RiskDetail, RiskEvent, Ticks, User, edm};
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use serde::{Deserialize, Serialize};

/// An outcome, and what a job's record tells of an event or a user.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Remembered {
    #[serde(rename_all = "camelCase")]
    Event {
        kind: i64,
        creation: u64,
        version: u64,
        cells: Vec<OwnedCell>,
        impacted_user: Option<Box<str>>,
        #[serde(default)]
        risk_detail: i64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<RememberedEvidence>,
    },
    User {
        version: u64,
        cells: Vec<OwnedCell>,
    },
    Evidence(RememberedEvidence),
    Deleted,
    Done,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RememberedEvidence {
    creation: u64,
    version: u64,
    cells: Vec<OwnedCell>,
}

impl From<&Evidence> for RememberedEvidence {
    fn from(item: &Evidence) -> Self {
        Self { creation: item.creation, version: item.version, cells: cells(item) }
    }
}

impl RememberedEvidence {
    fn into_item(self) -> Result<Evidence, StoreError> {
        let mut cells = self.cells;
        cells.resize(edm::EVIDENCE.property_count(), OwnedCell::Null);
        let row = RememberedRow { entity_type: &edm::EVIDENCE, version: self.version, cells };
        Ok(Evidence::from_row(&row, self.creation)?)
    }
}

/// Writes the outcomes of a list as JSON. No password is in it: no user has one.
pub fn write_outcomes(outcomes: &[Outcome]) -> String {
    let remembered: Vec<Remembered> = outcomes.iter().map(Remembered::from).collect();
    serde_json::to_string(&remembered).expect("texts and numbers become JSON")
}

/// Reads what [`write_outcomes`] wrote, also before a type had all the properties that it has now.
pub fn read_outcomes(json: &str) -> Result<Vec<Outcome>, StoreError> {
    let remembered: Vec<Remembered> = serde_json::from_str(json).map_err(|_| damaged())?;
    remembered.into_iter().map(Remembered::into_outcome).collect()
}

/// What is known of a sender and a request of theirs.
#[derive(Clone, Debug, Default)]
pub struct KnownRequest {
    /// Digest and outcomes, as [`write_outcomes`] wrote them, of the request that has its id.
    pub earlier: Option<(Vec<u8>, String)>,
    /// The latest time of those requests of the sender that are no longer remembered.
    pub forgotten: Option<Ticks>,
}

impl KnownRequest {
    /// What the request came to, when it was carried out before; refuses another one with its id.
    pub fn outcomes(&self, repeatability: &Repeatability) -> Result<Option<Vec<Outcome>>, WriteError> {
        let Some((digest, outcomes)) = &self.earlier else { return Ok(None) };
        repeatability.must_equal(digest)?;
        Ok(Some(read_outcomes(outcomes)?))
    }
}

fn damaged() -> StoreError {
    StoreError::Corrupt("the outcome of a repeatable request cannot be read".to_owned())
}

impl From<&Outcome> for Remembered {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Event(event) => Self::of_event(event, &[]),
            Outcome::EventWithEvidence(event, evidence) => Self::of_event(event, evidence),
            Outcome::User(user) => Self::of_user(user),
            Outcome::Evidence(item) => Self::Evidence((&**item).into()),
            Outcome::Deleted => Self::Deleted,
            // Commands of jobs come from no client, so they are in no repeatable request.
            Outcome::Done | Outcome::Noted(_) => Self::Done,
        }
    }
}

impl Remembered {
    pub(crate) fn of_event(event: &RiskEvent, evidence: &[Evidence]) -> Self {
        Self::Event {
            kind: event.kind as i64,
            creation: event.creation,
            version: event.version,
            cells: cells(event),
            impacted_user: event.impacted_user.clone(),
            risk_detail: event.risk_detail as i64,
            evidence: evidence.iter().map(RememberedEvidence::from).collect(),
        }
    }

    pub(crate) fn of_user(user: &User) -> Self {
        Self::User { version: user.version(), cells: cells(user) }
    }

    pub(crate) fn into_outcome(self) -> Result<Outcome, StoreError> {
        match self {
            Self::Event { kind, creation, version, cells, impacted_user, risk_detail, evidence } => {
                let entity_type = EventKind::from_value(kind).ok_or_else(damaged)?.entity_type();
                let row = RememberedRow { entity_type, version, cells };
                let risk_detail = RiskDetail::from_value(risk_detail).ok_or_else(damaged)?;
                let event = Box::new(RiskEvent::from_row(&row, impacted_user, risk_detail, creation)?);
                if evidence.is_empty() {
                    return Ok(Outcome::Event(event));
                }
                let evidence = evidence.into_iter().map(RememberedEvidence::into_item);
                Ok(Outcome::EventWithEvidence(event, evidence.collect::<Result<_, _>>()?))
            }
            Self::User { version, mut cells } => {
                cells.resize(edm::USER.property_count(), OwnedCell::Null);
                Ok(Outcome::User(Box::new(User::from_cells(cells, version).ok_or_else(damaged)?)))
            }
            Self::Evidence(item) => Ok(Outcome::Evidence(Box::new(item.into_item()?))),
            Self::Deleted => Ok(Outcome::Deleted),
            Self::Done => Ok(Outcome::Done),
        }
    }
}

fn cells(row: &dyn Row) -> Vec<OwnedCell> {
    let owned = |position| match row.cell(position) {
        Cell::Null | Cell::Complex(_) | Cell::Damaged => OwnedCell::Null,
        Cell::Integer(value) => OwnedCell::Integer(value),
        Cell::Double(value) => OwnedCell::Double(value),
        Cell::Text(text) => OwnedCell::Text(text.into()),
    };
    (0..row.entity_type().property_count()).map(owned).collect()
}

struct RememberedRow {
    entity_type: &'static EntityType,
    version: u64,
    cells: Vec<OwnedCell>,
}

impl Row for RememberedRow {
    fn cell(&self, position: usize) -> Cell<'_> {
        self.cells.get(position).map_or(Cell::Null, OwnedCell::as_cell)
    }

    fn entity_type(&self) -> &'static EntityType {
        self.entity_type
    }

    fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odata::body::EntityBody;

    fn user() -> User {
        let json = r#"{"accountEnabled":true,"displayName":"Mara \u0141ind","mailNickname":"mara","businessPhones":["1","2"],
                       "userPrincipalName":"mara@fjord.example","passwordProfile":{"password":"secret"}}"#;
        let mut body = EntityBody::read(json.as_bytes(), &edm::MODEL, &edm::USER).expect("a body");
        body.take(edm::user::PASSWORD_PROFILE);
        let draft = model::UserDraft::from_body(&mut body);
        draft.into_user(&"u1".parse().expect("an id"), model::Ticks::default(), 7).expect("a user")
    }

    #[test]
    fn outcomes_are_read_as_they_were_written() {
        let outcomes = vec![Outcome::User(Box::new(user())), Outcome::Deleted, Outcome::Done];
        let json = write_outcomes(&outcomes);
        assert_eq!(read_outcomes(&json).expect(&json), outcomes);
        assert!(!json.contains("secret"), "{json}");
    }

    #[test]
    fn properties_that_came_later_are_null() {
        let outcome = Outcome::User(Box::new(user()));
        let Remembered::User { version, mut cells } = Remembered::from(&outcome) else { panic!("a user") };
        while cells.last() == Some(&OwnedCell::Null) {
            cells.pop();
        }
        let older = serde_json::to_string(&[Remembered::User { version, cells }]).expect("JSON");
        assert_eq!(read_outcomes(&older).expect(&older), [outcome]);
    }

    #[test]
    fn what_is_no_outcome_is_damage() {
        for json in [
            "",
            "{}",
            "[{}]",
            r#"[{"user":{"version":1,"cells":[]}}]"#,
            r#"[{"event":{"kind":9,"creation":1,"version":1,"cells":[],"impactedUser":null}}]"#,
        ] {
            assert!(matches!(read_outcomes(json), Err(StoreError::Corrupt(_))), "{json}");
        }
        let json = r#"[{"event":{"kind":1,"creation":1,"version":1,"cells":["e1"],"impactedUser":null}}]"#;
        assert!(matches!(read_outcomes(json), Err(StoreError::Cell(_))));
    }
}
