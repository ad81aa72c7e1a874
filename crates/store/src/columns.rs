//! The mapping between entities and tables, the same in every store: which column holds which property, rows as they
//! are read, and where expressions find what they speak of. In statements events are `e`, users `u`, users at risk `r`.

use crate::sql::{Kinds, Schema};
use crate::{Projection, StoreError};
use model::{EventKind, OwnedCell, RiskDetail, RiskEvent, User, edm};
use odata::edm::{EntityType, NavigationProperty};
use odata::encode::{Cell, Row};
use odata::expression::bound::PropertyPath;
use std::borrow::Cow;

/// Columns of `risk_events` that hold properties.
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

/// Columns of `users`; `passwordProfile`, which comes after them, is kept nowhere.
pub const USER: [&str; 17] = [
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

/// Properties of a user that [`Projection::Names`] reads.
const NAMES: [usize; 4] = [edm::user::ID, edm::user::ACCOUNT_ENABLED, edm::user::MAIL, edm::user::USER_PRINCIPAL_NAME];

/// Columns of `risky_users`, in statements. Nothing is ever being processed.
const RISKY_USER: [&str; 9] = [
    "r.user_id",
    "r.is_deleted",
    "FALSE",
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
pub const RISK_STATE: &str = "CASE e.risk_event_status WHEN 0 THEN CASE e.risk_detail WHEN 10 THEN 5 ELSE 4 END \
                          WHEN 5 THEN CASE e.risk_detail WHEN 10 THEN 5 ELSE 4 END WHEN 3 THEN 1 WHEN 4 THEN 3 WHEN 7 THEN 3 ELSE 2 END";

/// The detection of an event, rendered from its columns by the store that keeps detections rendered.
pub const DETECTION_MEMBERS: &str = "detection_members(e.id, e.user_display_name, e.user_principal_name, \
                                     e.risk_event_date_time, e.risk_event_type, e.risk_level, e.risk_event_status, \
                                     e.closed_date_time, e.created_date_time, e.user_id, NULL, e.risk_detail, NULL, \
                                     e.last_updated_date_time)";

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
pub struct Columns {
    table: Table,
    projection: Projection,
    related: bool,
    /// The kind of all of them, when it is known before.
    kind: Option<EventKind>,
}

impl Columns {
    /// Those of events.
    pub fn of_events(projection: Projection, related: bool) -> Self {
        Self { table: Table::Events, projection, related, kind: None }
    }

    /// Those of users, who are not kept rendered.
    pub fn of_users() -> Self {
        Self { table: Table::Users, projection: Projection::Properties, related: false, kind: None }
    }

    /// Those of users with no more than a projection asks for.
    pub fn of_users_for(projection: Projection) -> Self {
        match projection {
            Projection::Names => Self { projection, ..Self::of_users() },
            _ => Self::of_users(),
        }
    }

    /// Those of users at risk.
    pub fn of_risky_users() -> Self {
        Self { table: Table::RiskyUsers, ..Self::of_users() }
    }

    /// The same, of events that are all of a kind.
    #[must_use]
    pub fn all_of(self, kind: Option<EventKind>) -> Self {
        Self { kind, ..self }
    }

    /// Whether users are among them whom events lead to.
    pub fn is_related(self) -> bool {
        self.related
    }

    /// How many there are.
    pub fn count(self) -> usize {
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
            (Table::Events, Projection::Properties | Projection::Names) => edm::event::IMPACTED_USER + 1,
            (Table::Events, Projection::Risk) => edm::event::LAST_UPDATED_DATE_TIME + 1,
            (Table::Events, Projection::Detection) => 2,
        }
    }

    /// Writes them after `SELECT `. Events are `e`, users `u`.
    pub fn write(self, sql: &mut String) {
        let list = |sql: &mut String, table: &str, names: &[&str]| {
            for name in names {
                sql.extend([", ", table, ".", name]);
            }
        };
        match self.table {
            Table::Users => {
                sql.push_str("u.key, 0, u.version");
                if self.projection != Projection::Names {
                    return list(sql, "u", &USER);
                }
                for (position, name) in USER.iter().enumerate() {
                    let is_asked = NAMES.contains(&position);
                    sql.extend(if is_asked { [", u.", name] } else { [", NULL", ""] });
                }
                return;
            }
            Table::RiskyUsers => {
                sql.push_str("r.key, 0, r.version");
                return RISKY_USER.iter().for_each(|column| sql.extend([", ", column]));
            }
            Table::Events => sql.push_str("e.key, e.kind, e.version"),
        }
        match self.projection {
            Projection::Members => list(sql, "e", &["members"]),
            // One that is not kept is made of the columns.
            Projection::Detection => {
                sql.extend([", ifnull(e.detection, ", DETECTION_MEMBERS, "), e.additional_info"]);
            }
            Projection::Properties | Projection::Risk | Projection::Names => {
                list(sql, "e", &EVENT);
                list(sql, "e", &["impacted_user"]);
            }
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
    pub fn read<V: Values, T>(self, values: &V, with: impl FnOnce(&TableRow<'_, V>) -> T) -> Result<T, StoreError> {
        let at = |first, cells| TableRow {
            values,
            first,
            cells,
            entity_type: &edm::USER,
            version: 0,
            is_rendered: false,
            related: None,
        };
        let user = |first: usize, cells| -> Result<Option<TableRow<'_, V>>, StoreError> {
            if values.cell(first) == Cell::Null {
                return Ok(None);
            }
            Ok(Some(TableRow { version: number(values, first + 2)? as u64, ..at(first + CONTROL, cells) }))
        };
        if self.table != Table::Events {
            let no_key = || StoreError::Corrupt("a row of users has no key".to_owned());
            let user = user(0, self.cells())?.ok_or_else(no_key)?;
            let of_directory = self.table == Table::Users;
            let entity_type = if of_directory { &edm::USER } else { &edm::RISKY_USER };
            return Ok(with(&TableRow { entity_type, ..user }));
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => EventKind::from_value(number(values, 1)?)
                .ok_or_else(|| StoreError::Corrupt("risk_events.kind holds an unknown kind".to_owned()))?,
        };
        let user = if self.related { user(self.own(), USER.len())? } else { None };
        let is_detection = self.projection == Projection::Detection;
        Ok(with(&TableRow {
            entity_type: if is_detection { &edm::RISK_DETECTION } else { kind.entity_type() },
            version: number(values, 2)? as u64,
            is_rendered: is_detection || self.projection == Projection::Members,
            related: user.as_ref(),
            ..at(CONTROL, self.cells())
        }))
    }
}

/// The values of a row, as a database answers a statement. Text is borrowed from it.
pub trait Values {
    /// The value in a column, from 0; [`Cell::Damaged`] where there is none, or one that no column of ours holds.
    fn cell(&self, column: usize) -> Cell<'_>;
}

fn number<V: Values>(values: &V, column: usize) -> Result<i64, StoreError> {
    match values.cell(column) {
        Cell::Integer(number) => Ok(number),
        _ => Err(StoreError::Corrupt("a row's key, kind or version is no number".to_owned())),
    }
}

/// A row of an entity table, borrowed while a statement stands on it.
pub struct TableRow<'r, V> {
    values: &'r V,
    /// The column of the first property, or of the members.
    first: usize,
    /// How many columns from there on are the row's own.
    cells: usize,
    entity_type: &'static EntityType,
    version: u64,
    is_rendered: bool,
    related: Option<&'r TableRow<'r, V>>,
}

impl<V: Values> TableRow<'_, V> {
    /// The end of the positions at which it may carry values.
    pub fn cells(&self) -> usize {
        // Evidence beside what is rendered stands where the event has it.
        if self.is_rendered { edm::event::EVIDENCE + 1 } else { self.cells }
    }

    /// Its key, as the table has it.
    pub fn key(&self) -> Result<i64, StoreError> {
        number(self.values, self.first - CONTROL)
    }
}

impl<V: Values> TableRow<'_, V> {
    /// The event in a row that carries [`Projection::Risk`], made by the change with a number.
    pub fn event(&self, creation: u64) -> Result<RiskEvent, StoreError> {
        let impacted_user = match self.cell(edm::event::IMPACTED_USER) {
            Cell::Text(id) => Some(id.into()),
            _ => None,
        };
        let risk_detail = match self.cell(edm::event::RISK_DETAIL) {
            Cell::Integer(value) => RiskDetail::from_value(value),
            _ => None,
        };
        let damaged = || StoreError::Corrupt("risk_events.risk_detail holds an unknown value".to_owned());
        Ok(RiskEvent::from_row(self, impacted_user, risk_detail.ok_or_else(damaged)?, creation)?)
    }

    /// The user in a row of users.
    pub fn user(&self) -> Result<User, StoreError> {
        let owned = |position| match self.cell(position) {
            Cell::Null => Some(OwnedCell::Null),
            Cell::Integer(value) => Some(OwnedCell::Integer(value)),
            Cell::Double(value) => Some(OwnedCell::Double(value)),
            Cell::Text(text) => Some(OwnedCell::Text(text.into())),
            Cell::Complex(_) | Cell::Damaged => None,
        };
        let cells: Option<Vec<OwnedCell>> = (0..edm::USER.property_count()).map(owned).collect();
        cells.and_then(|cells| User::from_cells(cells, self.version())).ok_or_else(|| {
            StoreError::Corrupt("a row of users lacks its id or name, or holds text that is not UTF-8".into())
        })
    }
}

impl<V: Values> Row for TableRow<'_, V> {
    fn cell(&self, position: usize) -> Cell<'_> {
        if self.is_rendered {
            // What was not read is an error, never a null.
            let is_told = self.cells > 1 && position == edm::event::EVIDENCE;
            return if is_told { self.values.cell(self.first + 1) } else { Cell::Damaged };
        }
        if position >= self.cells {
            return Cell::Null; // such as `passwordProfile`, which is kept nowhere
        }
        self.values.cell(self.first + position)
    }

    fn entity_type(&self) -> &'static EntityType {
        self.entity_type
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn members(&self) -> Option<&str> {
        match self.values.cell(self.first) {
            Cell::Text(text) if self.is_rendered => Some(text),
            _ => None,
        }
    }

    fn related(&self, navigation: &NavigationProperty) -> Option<&dyn Row> {
        let user = self.related.filter(|_| std::ptr::eq(navigation.target, &raw const edm::USER))?;
        Some(user)
    }
}

/// Where expressions over events find columns: events are `e`, the users they lead to `u`.
pub struct EventSchema;

/// Where expressions over users find columns: users are `u`.
pub struct UserSchema;

/// Where expressions over users at risk find columns: they are `r`.
pub struct RiskyUserSchema;

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
        let at_risk = names(&edm::RISKY_USER);
        for (column, name) in RISKY_USER.iter().zip(&at_risk).filter(|(column, _)| **column != "FALSE") {
            let name = if name == "id" { "user_id" } else { name };
            assert_eq!(column.strip_prefix("r."), Some(name));
        }
        assert_eq!(at_risk.len(), RISKY_USER.len());
    }
}
