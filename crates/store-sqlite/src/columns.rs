//! The mapping between entities and tables: which column holds which property, rows as they are
//! read, and where expressions find what they speak of.

use crate::error::engine;
use model::{EventKind, edm};
use odata::edm::{EntityType, NavigationProperty};
use odata::encode::{Cell, Row};
use odata::expression::bound::PropertyPath;
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use store::columns::{EVENT, USER};
use store::sql::{Kinds, Schema};
use store::{Projection, StoreError};

/// Columns of `risky_users`, in the order of the positions of properties. Nothing is ever being processed.
const RISKY_USER: [&str; 9] = [
    "r.user_id",
    "r.is_deleted",
    "0",
    "r.risk_detail",
    "r.risk_last_updated_date_time",
    "r.risk_level",
    "r.risk_state",
    "r.user_display_name",
    "r.user_principal_name",
];

/// When an event was last written: the time of its latest change.
const LAST_UPDATED: &str = "e.last_updated_date_time";

/// The state of an event's detection, as [`model::RiskEventStatus::state`] has it.
const RISK_STATE: &str = "CASE e.risk_event_status WHEN 0 THEN iif(e.risk_detail = 10, 5, 4) \
                          WHEN 5 THEN iif(e.risk_detail = 10, 5, 4) WHEN 3 THEN 1 WHEN 4 THEN 3 WHEN 7 THEN 3 ELSE 2 END";

/// Columns before the first property: the key, the kind and the version.
const CONTROL: usize = 3;

/// What rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Events,
    Users,
    RiskyUsers,
}

/// Which columns a statement reads of each row, in this order: control columns, members or
/// properties (an event's then with its reference), and the same of the user it leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns {
    table: Table,
    projection: Projection,
    related: bool,
    /// The kind of all of them, when it is known before.
    kind: Option<EventKind>,
}

impl Columns {
    /// Those of events.
    pub(crate) fn of_events(projection: Projection, related: bool) -> Self {
        Self { table: Table::Events, projection, related, kind: None }
    }

    /// Those of users, who are not kept rendered.
    pub(crate) fn of_users() -> Self {
        Self { table: Table::Users, projection: Projection::Properties, related: false, kind: None }
    }

    /// Those of users at risk.
    pub(crate) fn of_risky_users() -> Self {
        Self { table: Table::RiskyUsers, ..Self::of_users() }
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
        CONTROL + self.cells()
    }

    /// How many of them are values of the row itself.
    fn cells(self) -> usize {
        match (self.table, self.projection) {
            (Table::Users, _) => USER.len(),
            (Table::RiskyUsers, _) => RISKY_USER.len(),
            (Table::Events, Projection::Members) => 1,
            (Table::Events, Projection::Properties) => edm::event::IMPACTED_USER + 1,
            (Table::Events, Projection::Risk) => edm::event::LAST_UPDATED_DATE_TIME + 1,
        }
    }

    /// Writes them after `SELECT `. Events are `e`, users `u`.
    pub(crate) fn write(self, sql: &mut String) {
        let list = |sql: &mut String, table: &str, names: &[&str]| {
            for name in names {
                sql.extend([", ", table, ".", name]);
            }
        };
        match self.table {
            Table::Users => {
                sql.push_str("u.key, 0, u.version");
                return list(sql, "u", &USER);
            }
            Table::RiskyUsers => {
                sql.push_str("r.key, 0, r.version");
                return RISKY_USER.iter().for_each(|column| sql.extend([", ", column]));
            }
            Table::Events => sql.push_str("e.key, e.kind, e.version"),
        }
        if self.projection == Projection::Members {
            list(sql, "e", &["members"]);
        } else {
            list(sql, "e", &EVENT);
            list(sql, "e", &["impacted_user"]);
        }
        if self.projection == Projection::Risk {
            sql.extend([", e.risk_detail, e.additional_info, ", LAST_UPDATED]);
        }
        if self.related {
            sql.push_str(", u.key, 0, u.version");
            list(sql, "u", &USER);
        }
    }

    /// Hands on the row that a statement stands on.
    pub(crate) fn read<T>(self, row: &rusqlite::Row<'_>, with: impl FnOnce(&SqlRow<'_>) -> T) -> Result<T, StoreError> {
        let read = engine("reading a row");
        let at = |first, cells| SqlRow {
            row,
            first,
            cells,
            entity_type: &edm::USER,
            version: 0,
            is_rendered: false,
            related: None,
        };
        let user = |first: usize, cells| -> Result<Option<SqlRow<'_>>, StoreError> {
            match row.get(first).map_err(&read)? {
                None::<i64> => Ok(None),
                Some(_) => {
                    Ok(Some(SqlRow { version: row.get(first + 2).map_err(&read)?, ..at(first + CONTROL, cells) }))
                }
            }
        };
        if self.table != Table::Events {
            let no_key = || StoreError::Corrupt("a row of users has no key".to_owned());
            let user = user(0, self.cells())?.ok_or_else(no_key)?;
            let of_directory = self.table == Table::Users;
            let entity_type = if of_directory { &edm::USER } else { &edm::RISKY_USER };
            return Ok(with(&SqlRow { entity_type, ..user }));
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => EventKind::from_value(row.get(1).map_err(&read)?)
                .ok_or_else(|| StoreError::Corrupt("risk_events.kind holds an unknown kind".to_owned()))?,
        };
        let user = if self.related { user(self.own(), USER.len())? } else { None };
        Ok(with(&SqlRow {
            entity_type: kind.entity_type(),
            version: row.get(2).map_err(&read)?,
            is_rendered: self.projection == Projection::Members,
            related: user.as_ref(),
            ..at(CONTROL, self.cells())
        }))
    }
}

/// A row of an entity table, borrowed from SQLite while the statement stands on it.
pub(crate) struct SqlRow<'r> {
    row: &'r rusqlite::Row<'r>,
    /// The column of the first property, or of the members.
    first: usize,
    /// How many columns from there on are the row's own.
    cells: usize,
    entity_type: &'static EntityType,
    version: u64,
    is_rendered: bool,
    related: Option<&'r SqlRow<'r>>,
}

impl SqlRow<'_> {
    /// How many values it carries, by position.
    pub(crate) fn cells(&self) -> usize {
        self.cells
    }

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
        ValueRef::Real(value) => Cell::Double(value),
        ValueRef::Blob(_) => Cell::Damaged,
    }
}

impl Row for SqlRow<'_> {
    fn cell(&self, position: usize) -> Cell<'_> {
        if self.is_rendered {
            return Cell::Damaged; // asked for what was not read: an error, never a null
        }
        if position >= self.cells {
            return Cell::Null; // such as `passwordProfile`, which is kept nowhere
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

/// Where expressions over users at risk find columns: they are `r`.
pub(crate) struct RiskyUserSchema;

impl Schema for RiskyUserSchema {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        RISKY_USER.get(path.position).map_or(Cow::Borrowed("NULL"), |column| Cow::Borrowed(*column))
    }

    fn is_nullable(&self, _: &PropertyPath) -> bool {
        false
    }

    fn kinds(&self, ty: &'static EntityType) -> Kinds<'_> {
        if edm::RISKY_USER.is(ty) { Kinds::All } else { Kinds::None }
    }
}

impl Schema for EventSchema {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        match path.navigation.as_slice() {
            [] => event_column(path.position),
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

fn event_column(position: usize) -> Cow<'static, str> {
    use edm::event as at;
    match position {
        at::RISK_DETAIL => Cow::Borrowed("e.risk_detail"),
        at::EVIDENCE => Cow::Borrowed("coalesce(e.additional_info, '[]')"),
        at::LAST_UPDATED_DATE_TIME => Cow::Borrowed(LAST_UPDATED),
        at::RISK_STATE => Cow::Borrowed(RISK_STATE),
        at::DETECTION_ID => Cow::Borrowed("spillwatch_detection_id(e.id)"),
        at::DETECTION_TYPE => Cow::Borrowed("spillwatch_detection_type(e.risk_event_type)"),
        at::DETECTION_RISK_TYPE => Cow::Borrowed("spillwatch_detection_risk_type(e.risk_event_type)"),
        _ => EVENT.get(position).map_or(Cow::Borrowed("NULL"), |name| Cow::Owned(format!("e.{name}"))),
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

    #[test]
    fn users_at_risk_are_read_in_the_order_of_their_properties() {
        let prefixed = |name: &&str| format!("r.{name}");
        for (column, name) in RISKY_USER.iter().zip(&store::columns::RISKY_USER).filter(|(column, _)| **column != "0") {
            assert_eq!(*column, prefixed(name));
        }
        assert_eq!(RISKY_USER.len(), store::columns::RISKY_USER.len());
    }
}
