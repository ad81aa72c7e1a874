//! Users of the directory: cells by position, since nothing but the name and the id decides.

use crate::edm::{self, user as at};
use crate::ids::{EntityId, FoldedName};
use odata::Ticks;
use odata::body::{EntityBody, Value};
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::fault::{Fault, FaultKind, Faults};
use serde::{Deserialize, Serialize};

/// The value of one property, owned; see [`Cell`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OwnedCell {
    /// Null.
    #[default]
    Null,
    /// A boolean, a whole number or ticks.
    Integer(i64),
    /// A number with a fraction; finite.
    Double(f64),
    /// A text, or a JSON array of texts.
    Text(Box<str>),
}

/// Doubles are finite, so each equals itself.
impl Eq for OwnedCell {}

impl OwnedCell {
    /// Borrows the value.
    pub fn as_cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(value) => Cell::Integer(*value),
            Self::Double(value) => Cell::Double(*value),
            Self::Text(text) => Cell::Text(text),
        }
    }
}

impl From<Value> for OwnedCell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null | Value::Checked => Self::Null,
            Value::Text(text) => Self::Text(text),
            Value::Boolean(value) => Self::Integer(value.into()),
            Value::Double(value) => Self::Double(value),
            Value::DateTimeOffset(ticks) => Self::Integer(ticks.get()),
            Value::Int32(value) | Value::Enum(value) => Self::Integer(value.into()),
            Value::Collection(values) => {
                let mut json = vec![b'['];
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        json.push(b',');
                    }
                    match value {
                        Value::Text(text) => odata::encode::write_string(text, &mut json),
                        _ => json.extend_from_slice(b"null"),
                    }
                }
                json.push(b']');
                Self::Text(String::from_utf8(json).expect("JSON of texts is UTF-8").into())
            }
        }
    }
}

/// A user of the directory. It always has an id, a userPrincipalName and a displayName.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    cells: Box<[OwnedCell]>,
    version: u64,
}

impl User {
    /// Makes it of cells by position; `None` when the id, the name or the display name is missing,
    /// or the id is none.
    pub fn from_cells(cells: Vec<OwnedCell>, version: u64) -> Option<Self> {
        let text = |at: usize| cells.get(at).is_some_and(|cell| matches!(cell, OwnedCell::Text(_)));
        let complete = cells.len() == edm::USER.property_count()
            && [at::ID, at::USER_PRINCIPAL_NAME, at::DISPLAY_NAME].into_iter().all(text);
        let user = Self { cells: cells.into(), version };
        (complete && user.text(at::ID).parse::<EntityId>().is_ok()).then_some(user)
    }

    fn text(&self, position: usize) -> &str {
        match self.cells[position].as_cell() {
            Cell::Text(text) => text,
            _ => "",
        }
    }

    /// The id.
    pub fn id(&self) -> EntityId {
        self.text(at::ID).parse().expect("checked when the user was made")
    }

    /// The id's text.
    pub fn id_text(&self) -> &str {
        self.text(at::ID)
    }

    /// The sign-in name as it was given.
    pub fn user_principal_name(&self) -> &str {
        self.text(at::USER_PRINCIPAL_NAME)
    }

    /// The sign-in name as it is compared.
    pub fn folded_name(&self) -> FoldedName {
        FoldedName::new(self.user_principal_name())
    }

    /// The name shown to people.
    pub fn display_name(&self) -> &str {
        self.text(at::DISPLAY_NAME)
    }

    /// The same user after a patch; only differing cells count.
    #[must_use]
    pub fn patched(&self, patch: &UserDraft, version: u64) -> Self {
        let mut cells = self.cells.clone();
        for (position, cell) in &patch.cells {
            cells[*position] = cell.clone();
        }
        Self { cells, version }
    }

    /// The same user at another version.
    #[must_use]
    pub fn at_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// The positions at which two users differ, as bits.
    pub fn differences(&self, other: &Self) -> u64 {
        let pairs = self.cells.iter().zip(&other.cells).enumerate();
        pairs.filter(|(_, (a, b))| a != b).fold(0, |bits, (position, _)| bits | 1 << position)
    }
}

impl Row for User {
    fn cell(&self, position: usize) -> Cell<'_> {
        self.cells.get(position).map_or(Cell::Null, OwnedCell::as_cell)
    }

    fn entity_type(&self) -> &'static EntityType {
        &edm::USER
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// What a body says of a user: the cells that were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserDraft {
    cells: Vec<(usize, OwnedCell)>,
}

impl UserDraft {
    /// Takes the properties out of a body and adds what is wrong with them to its faults.
    pub fn from_body(body: &mut EntityBody) -> Self {
        let mut cells = Vec::new();
        for (position, property) in edm::USER.all_properties().into_iter().enumerate() {
            let Some(value) = body.take(position) else { continue };
            let refusal = match (position, &value) {
                (at::ID, Value::Text(id)) => id.parse::<EntityId>().err().map(|error| error.to_string()),
                (at::USER_PRINCIPAL_NAME, Value::Text(name)) if !is_principal_name(name) => {
                    Some("`userPrincipalName` is not of the form name@domain, without blanks".to_owned())
                }
                _ => None,
            };
            match refusal {
                Some(message) => {
                    body.refuse(position, Fault::new(FaultKind::InvalidValue, property.name, message));
                }
                None if property.write_only => {}
                None => cells.push((position, value.into())),
            }
        }
        Self { cells }
    }

    /// The value sent for a position.
    pub fn cell(&self, position: usize) -> Option<&OwnedCell> {
        self.cells.iter().find(|(at, _)| *at == position).map(|(_, cell)| cell)
    }

    /// Says what a position holds: for what comes from elsewhere than a body. Texts have been checked.
    pub fn put(&mut self, position: usize, cell: OwnedCell) {
        self.forget(position);
        self.cells.push((position, cell));
    }

    /// Drops what was sent for a position.
    pub fn forget(&mut self, position: usize) {
        self.cells.retain(|(at, _)| *at != position);
    }

    /// The id that the client chose.
    pub fn id(&self) -> Option<EntityId> {
        match self.cell(at::ID) {
            Some(OwnedCell::Text(id)) => id.parse().ok(),
            _ => None,
        }
    }

    /// The sign-in name that was sent, as it is compared.
    pub fn folded_name(&self) -> Option<FoldedName> {
        match self.cell(at::USER_PRINCIPAL_NAME) {
            Some(OwnedCell::Text(name)) => Some(FoldedName::new(name)),
            _ => None,
        }
    }

    /// Notes as faults the properties that Graph needs on create and that were left out.
    pub fn require(&self, body: &EntityBody, faults: &mut Faults) {
        let required = [at::ACCOUNT_ENABLED, at::DISPLAY_NAME, at::MAIL_NICKNAME, at::USER_PRINCIPAL_NAME];
        let all = edm::USER.all_properties();
        for position in required {
            let sent = !matches!(self.cell(position), None | Some(OwnedCell::Null));
            if !sent && !body.is_faulty(position) {
                faults.push(Fault::missing(all[position].name));
            }
        }
    }

    /// Notes as faults the nulls that would leave a user without a needed property.
    pub fn refuse_nulls(&self, faults: &mut Faults) {
        let all = edm::USER.all_properties();
        for position in [at::ACCOUNT_ENABLED, at::DISPLAY_NAME, at::MAIL_NICKNAME, at::USER_PRINCIPAL_NAME] {
            if self.cell(position) == Some(&OwnedCell::Null) {
                let property = all[position];
                let message = format!("`{}` is null; expected {}", property.name, property.ty);
                faults.push(Fault::new(FaultKind::NullValue, property.name, message));
            }
        }
    }

    /// Makes a user of it; what is needed was required before. The id is the one that was looked
    /// up, whatever the draft says.
    pub fn into_user(self, id: &EntityId, created: Ticks, version: u64) -> Option<User> {
        let mut cells = vec![OwnedCell::Null; edm::USER.property_count()];
        cells[at::BUSINESS_PHONES] = OwnedCell::Text("[]".into());
        for (position, cell) in self.cells {
            cells[position] = cell;
        }
        cells[at::ID] = OwnedCell::Text(id.as_str().into());
        if cells[at::CREATED_DATE_TIME] == OwnedCell::Null {
            cells[at::CREATED_DATE_TIME] = OwnedCell::Integer(created.get());
        }
        User::from_cells(cells, version)
    }
}

/// `name@domain`: text on both sides of the last `@`, no blanks or control characters.
pub fn is_principal_name(name: &str) -> bool {
    let sides = name.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    sides && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/')
}
