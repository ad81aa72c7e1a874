//! The mapping between entities and tables: which column holds which property, rows as they are
//! read, and where expressions find what they speak of.

use crate::error::engine;
use model::{EventKind, edm};
use odata::edm::{EntityType, NavigationProperty};
use odata::encode::{Cell, Row};
use odata::expression::bound::PropertyPath;
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use store::sql::{Kinds, Schema};
use store::{Projection, StoreError};

/// Columns of `risk_events` that hold properties, in the order of their positions.
const EVENT: [&str; 10] = [
    "id",
    "user_display_name",
    "user_principal_name",
    "risk_event_date_time",
    "risk_event_type",
    "risk_level",
    "risk_event_status",
    "closed_date_time",
    "created_date_time",
    "user_id",
];

/// Columns of `users`, the same way; `passwordProfile`, which comes after them, is kept nowhere.
const USER: [&str; 17] = [
    "id",
    "account_enabled",
    "business_phones",
    "created_date_time",
    "department",
    "display_name",
    "given_name",
    "job_title",
    "mail",
    "mail_nickname",
    "mobile_phone",
    "office_location",
    "preferred_language",
    "surname",
    "usage_location",
    "user_principal_name",
    "user_type",
];

/// Columns before the first property: the key, the kind and the version.
const CONTROL: usize = 3;

/// Which columns a statement reads of each row, in this order: control columns, members or
/// properties (an event's then with its reference), and the same of the user it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    of_users: bool,
    projection: Projection,
    related: bool,
    /// The kind of all of them, when it is known before.
    kind: Option<EventKind>,
}

impl Columns {
    /// Those of events.
    pub(crate) fn of_events(projection: Projection, related: bool) -> Self {
        Self { of_users: false, projection, related, kind: None }
    }

    /// Those of users, who are not kept rendered.
    pub(crate) fn of_users() -> Self {
        Self { of_users: true, projection: Projection::Properties, related: false, kind: None }
    }

    /// The same, of events that are all of a kind.
    pub(crate) fn all_of(self, kind: Option<EventKind>) -> Self {
        Self { kind, ..self }
    }

    /// Whether users are among them whom events lead to.
    pub(crate) fn is_related(self) -> bool {
        self.related
    }

    /// How many there are.
    pub(crate) fn count(self) -> usize {
        self.own() + if self.related { CONTROL + USER.len() } else { 0 }
    }

    fn own(self) -> usize {
        CONTROL
            + match (self.of_users, self.projection) {
                (true, _) => USER.len(),
                (false, Projection::Members) => 1,
                (false, Projection::Properties) => EVENT.len() + 1,
            }
    }

    /// Writes them after `SELECT `. Events are `e`, users `u`.
    pub(crate) fn write(self, sql: &mut String) {
        let list = |sql: &mut String, table: &str, names: &[&str]| {
            for name in names {
                sql.extend([", ", table, ".", name]);
            }
        };
        if self.of_users {
            sql.push_str("u.key, 0, u.version");
            list(sql, "u", &USER);
            return;
        }
        sql.push_str("e.key, e.kind, e.version");
        match self.projection {
            Projection::Members => list(sql, "e", &["members"]),
            Projection::Properties => {
                list(sql, "e", &EVENT);
                list(sql, "e", &["impacted_user"]);
            }
        }
        if self.related {
            sql.push_str(", u.key, 0, u.version");
            list(sql, "u", &USER);
        }
    }

    /// Hands on the row that a statement stands on.
    pub(crate) fn read<T>(self, row: &rusqlite::Row<'_>, with: impl FnOnce(&SqlRow<'_>) -> T) -> Result<T, StoreError> {
        let read = engine("reading a row");
        let at = |first| SqlRow { row, first, entity_type: &edm::USER, version: 0, is_rendered: false, related: None };
        let user = |first: usize| -> Result<Option<SqlRow<'_>>, StoreError> {
            match row.get(first).map_err(&read)? {
                None::<i64> => Ok(None),
                Some(_) => Ok(Some(SqlRow { version: row.get(first + 2).map_err(&read)?, ..at(first + CONTROL) })),
            }
        };
        if self.of_users {
            let user = user(0)?.ok_or_else(|| StoreError::Corrupt("a row of users has no key".to_owned()))?;
            return Ok(with(&user));
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => EventKind::from_value(row.get(1).map_err(&read)?)
                .ok_or_else(|| StoreError::Corrupt("risk_events.kind holds an unknown kind".to_owned()))?,
        };
        let user = if self.related { user(self.own())? } else { None };
        Ok(with(&SqlRow {
            entity_type: kind.entity_type(),
            version: row.get(2).map_err(&read)?,
            is_rendered: self.projection == Projection::Members,
            related: user.as_ref(),
            ..at(CONTROL)
        }))
    }
}

/// A row of an entity table, borrowed from SQLite while the statement stands on it.
pub(crate) struct SqlRow<'r> {
    row: &'r rusqlite::Row<'r>,
    /// The column of the first property, or of the members.
    first: usize,
    entity_type: &'static EntityType,
    version: u64,
    is_rendered: bool,
    related: Option<&'r SqlRow<'r>>,
}

impl SqlRow<'_> {
    /// The number of the change that made it.
    pub(crate) fn creation(&self) -> Result<u64, StoreError> {
        self.row.get(self.first - CONTROL).map(crate::rows::sequence).map_err(engine("reading a row's key"))
    }
}

/// What SQLite holds as a cell; a text that is not UTF-8 is damage.
pub(crate) fn cell_of(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_or(Cell::Damaged, Cell::Text),
        ValueRef::Real(_) | ValueRef::Blob(_) => Cell::Damaged,
    }
}

impl Row for SqlRow<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        if self.is_rendered {
            return Cell::Damaged; // asked for what was not read: an error, never a null
        }
        if std::ptr::eq(self.entity_type, &raw const edm::USER) && position >= USER.len() {
            return Cell::Null;
        }
        self.row.get_ref(self.first + position).map_or(Cell::Damaged, cell_of)
    }

    fn entity_type(&self) -> &'static EntityType {
        self.entity_type
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn members(&self) -> Option<&str> {
        match self.row.get_ref(self.first) {
            Ok(ValueRef::Text(bytes)) if self.is_rendered => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn related(&self, navigation: &NavigationProperty) -> Option<&dyn Row> {
        let user = self.related.filter(|_| std::ptr::eq(navigation.target, &raw const edm::USER))?;
        Some(user)
    }
}

/// Where expressions over events find columns: events are `e`, the users they lead to `u`.
pub(crate) struct EventSchema;

/// Where expressions over users find columns: users are `u`.
pub(crate) struct UserSchema;

impl Schema for EventSchema {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        match path.navigation.as_slice() {
            [] => Cow::Owned(format!("e.{}", EVENT[path.position])),
            _ => user_column(path.position),
        }
    }

    fn is_nullable(&self, path: &PropertyPath) -> bool {
        !path.navigation.is_empty() || path.position == edm::event::CLOSED_DATE_TIME
    }

    fn kinds(&self, ty: &'static EntityType) -> Kinds<'_> {
        let of = |kind: &EventKind| kind.entity_type().is(ty);
        let kinds: Vec<i64> = EventKind::ALL.iter().filter(|kind| of(kind)).map(|kind| *kind as i64).collect();
        match kinds.len() {
            0 => Kinds::None,
            all if all == EventKind::ALL.len() => Kinds::All,
            _ => Kinds::Among("e.kind".into(), kinds),
        }
    }
}

impl Schema for UserSchema {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        user_column(path.position)
    }

    fn is_nullable(&self, path: &PropertyPath) -> bool {
        use edm::user as at;
        ![at::ID, at::BUSINESS_PHONES, at::DISPLAY_NAME, at::USER_PRINCIPAL_NAME].contains(&path.position)
    }

    fn kinds(&self, ty: &'static EntityType) -> Kinds<'_> {
        if edm::USER.is(ty) { Kinds::All } else { Kinds::None }
    }
}

fn user_column(position: usize) -> Cow<'static, str> {
    match USER.get(position) {
        Some(name) => Cow::Owned(format!("u.{name}")),
        None => Cow::Borrowed("NULL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `userPrincipalName` as a column's name.
    fn column_name(property: &str) -> String {
        property.chars().fold(String::new(), |mut name, c| {
            if c.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
            name
        })
    }

    #[test]
    fn columns_stand_at_the_positions_of_their_properties() {
        let names = |ty: &EntityType| -> Vec<String> {
            ty.all_properties().iter().map(|property| column_name(property.name)).collect()
        };
        assert_eq!(names(&edm::LEAKED_CREDENTIALS_RISK_EVENT), EVENT);
        let users = names(&edm::USER);
        assert_eq!(users[..edm::user::PASSWORD_PROFILE], USER);
        assert_eq!(users.len(), edm::user::PASSWORD_PROFILE + 1);
    }
}
