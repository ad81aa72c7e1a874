//! Pages and counts: one statement each, whose filter and order SQLite works out, along the way
//! that the [plan](crate::plan) chose.

use crate::columns::{Answer, SqlRow};
use crate::dialect::SqliteDialect;
use crate::error::engine;
use crate::plan::{Path, Plan, choose, choose_risky_users};
use crate::rows::{FROM_EVENTS, FROM_WITH_USERS, end, key, sequence};
use model::TenantKey;
use model::edm::event as event_at;
use odata::expression::bound::{Expression, OrderKey, ValueType};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use store::columns::{Columns, EventSchema, RiskyUserSchema, UserSchema};
use store::kept::is_about;
use store::plan::{conjuncts, is_property, users_by, uses_navigation};
use store::sql::{Nulls, Order, Place, Schema, Sql, SqlValue, lower};
use store::{PageQuery, Source, StoreError};

/// The way to a page and whether it is a long one.
pub(crate) fn plan_of(db: &Connection, tenant: TenantKey, query: &PageQuery) -> Result<Plan, StoreError> {
    match query.source {
        Source::Events(_) => {
            let limit = query.skip.saturating_add(query.limit.into());
            let mut plan = choose(db, tenant, query.filter.as_ref(), &query.order_by, Some(limit))?;
            plan.is_long |= query.skip > 10_000;
            Ok(plan)
        }
        Source::Users => {
            let is_long = !query.order_by.is_empty() || query.filter.is_some() || query.skip > 10_000;
            let is_long = is_long && users_by(query.filter.as_ref()).is_none();
            Ok(Plan { path: Path::Keys, order_by: query.order_by.clone(), is_long })
        }
        Source::RiskyUsers => {
            let limit = query.skip.saturating_add(query.limit.into());
            choose_risky_users(db, tenant, query.filter.as_ref(), &query.order_by, Some(limit))
        }
    }
}

/// Hands the rows of a page to `visit`, and answers the place of the last one when more follow.
pub(crate) fn page(
    db: &Connection,
    tenant: TenantKey,
    query: &PageQuery,
    plan: &Plan,
    visit: &mut dyn FnMut(&SqlRow<'_, '_>) -> Result<(), StoreError>,
) -> Result<Option<Place>, StoreError> {
    let read = engine("reading a page");
    let dialect = SqliteDialect;
    let columns = match query.source {
        Source::Events(kind) => Columns::of_events(query.carried.projection, query.carried.related).all_of(kind),
        Source::Users => Columns::of_users_for(query.carried.projection),
        Source::RiskyUsers => Columns::of_risky_users(),
    };
    let mut statement = Statement::new(&dialect, tenant, query.source, query.filter.as_ref(), plan);
    statement.page(query, columns);
    let (text, values) = statement.sql.into_parts();
    let mut prepared = db.prepare_cached(&text).map_err(&read)?;
    let mut rows = prepared.query(rusqlite::params_from_iter(values.iter().map(Bound))).map_err(&read)?;
    let (mut seen, mut last) = (0, None);
    while let Some(row) = rows.next().map_err(&read)? {
        if seen == query.limit {
            return Ok(last);
        }
        seen += 1;
        if seen == query.limit {
            let values = plan.order_by.iter().enumerate().map(|(at, key)| {
                let value = row.get_ref(columns.count() + at).map_err(&read)?;
                sql_value(value, key.expression.ty)
            });
            let row_key = row.get(0).map(sequence).map_err(&read)? as i64;
            last = Some(Place { values: values.collect::<Result<_, StoreError>>()?, row_key });
        }
        columns.read(&Answer(row), &mut *visit)??;
    }
    Ok(None)
}

/// Counts the rows that a filter keeps.
pub(crate) fn count(
    db: &Connection,
    tenant: TenantKey,
    source: Source,
    filter: &Expression,
    plan: &Plan,
) -> Result<u64, StoreError> {
    let read = engine("counting");
    let dialect = SqliteDialect;
    let mut statement = Statement::new(&dialect, tenant, source, Some(filter), plan);
    statement.sql.push("SELECT count(*)");
    statement.from(uses_navigation(filter));
    statement.conditions(None);
    let (text, values) = statement.sql.into_parts();
    let mut prepared = db.prepare_cached(&text).map_err(&read)?;
    prepared.query_row(rusqlite::params_from_iter(values.iter().map(Bound)), |row| row.get(0)).map_err(read)
}

/// The way to the count of a filter.
pub(crate) fn count_plan(
    db: &Connection,
    tenant: TenantKey,
    source: Source,
    filter: &Expression,
) -> Result<Plan, StoreError> {
    match source {
        Source::Events(_) => choose(db, tenant, Some(filter), &[], None),
        Source::Users => Ok(Plan { path: Path::Keys, order_by: Vec::new(), is_long: users_by(Some(filter)).is_none() }),
        Source::RiskyUsers => choose_risky_users(db, tenant, Some(filter), &[], None),
    }
}

/// A statement in the making.
struct Statement<'a> {
    sql: Sql<'a>,
    tenant: TenantKey,
    source: Source,
    filter: Option<&'a Expression>,
    plan: &'a Plan,
    schema: &'a dyn Schema,
}

impl<'a> Statement<'a> {
    fn new(
        dialect: &'a SqliteDialect,
        tenant: TenantKey,
        source: Source,
        filter: Option<&'a Expression>,
        plan: &'a Plan,
    ) -> Self {
        let schema: &dyn Schema = match source {
            Source::Events(_) => &EventSchema,
            Source::Users => &UserSchema,
            Source::RiskyUsers => &RiskyUserSchema,
        };
        Self { sql: Sql::new(dialect), tenant, source, filter, plan, schema }
    }

    fn order(&self) -> Order<'a> {
        let row_key = match self.source {
            Source::Events(_) => "e.key",
            Source::Users => "u.key",
            Source::RiskyUsers => "r.key",
        };
        Order::new(&self.plan.order_by, row_key, true)
    }

    fn page(&mut self, query: &PageQuery, columns: Columns) {
        let order = self.order();
        let after = query.after.as_ref().map(|place| Place {
            values: place.values.clone(),
            row_key: key(self.tenant, u64::try_from(place.row_key).unwrap_or(0)),
        });
        let by_others = query.filter.as_ref().is_some_and(uses_navigation)
            || self.plan.order_by.iter().any(|key| uses_navigation(&key.expression));
        let mut select = "SELECT ".to_owned();
        columns.write(&mut select);
        let limit = (i64::from(query.limit) + 1, i64::try_from(query.skip).unwrap_or(i64::MAX));
        let arms = match (&self.plan.path, self.plan.order_by.as_slice()) {
            (Path::Levels(values), [key]) if values.len() > 1 => is_time(key).then_some(("e.risk_level", values)),
            (Path::Statuses(values), [key]) if values.len() > 1 => {
                is_time(key).then_some(("e.risk_event_status", values))
            }
            _ => None,
        };
        self.sql.push(&select);
        let Some((column, values)) = arms else {
            order.columns(self.schema, &mut self.sql);
            self.from(columns.is_related() || by_others);
            self.conditions(after.as_ref());
            self.sql.push(" ORDER BY ");
            match &self.plan.path {
                // Times grow with the numbers of the log, so its order is that of the times.
                Path::Log(log) if log.in_order => {
                    self.sql.push(if order.is_descending() { "c.key DESC" } else { "c.key" });
                }
                _ => order.order_by(self.schema, &mut self.sql),
            }
            self.limit(limit);
            return;
        };
        // Each value's rows lie in the order of time: SQLite merges them, and stops at the page's end.
        self.sql.push(", page.time FROM (");
        for (at, value) in values.iter().enumerate() {
            self.sql.push(if at == 0 { "" } else { " UNION ALL " });
            self.sql.push("SELECT e.key AS key, e.risk_event_date_time AS time");
            self.from(by_others);
            self.sql.push(" WHERE e.tenant = ").bind(i64::from(self.tenant.0));
            self.sql.push(" AND ").push(column).push(" = ").bind(*value);
            self.rest(after.as_ref());
        }
        let direction = if self.plan.order_by[0].descending { "DESC" } else { "ASC" };
        self.sql.push(&format!(" ORDER BY time {direction}, key {direction}"));
        self.limit(limit);
        self.sql.push(") AS page CROSS JOIN risk_events AS e ON e.key = page.key");
        if columns.is_related() {
            self.sql.push(" LEFT JOIN users AS u ON u.tenant = e.tenant AND u.id = e.impacted_user");
        }
    }

    fn limit(&mut self, (limit, skip): (i64, i64)) {
        self.sql.push(" LIMIT ").bind(limit);
        if skip > 0 {
            self.sql.push(" OFFSET ").bind(skip);
        }
    }

    fn from(&mut self, with_users: bool) {
        if self.source == Source::Users {
            self.sql.push(" FROM users AS u");
            return;
        }
        if self.source == Source::RiskyUsers {
            self.sql.push(match &self.plan.path {
                Path::Log(_) => {
                    " FROM changes AS c CROSS JOIN risky_users AS r ON r.key = c.risky_user \
                     AND r.newest = c.key & 1099511627775"
                }
                Path::RiskyIds(_) => " FROM risky_users AS r INDEXED BY risky_users_by_id",
                Path::RiskyNames(_) => " FROM risky_users AS r INDEXED BY risky_users_by_name",
                Path::RiskyStates(_) => " FROM risky_users AS r INDEXED BY risky_users_by_state",
                _ => " FROM risky_users AS r NOT INDEXED",
            });
            return;
        }
        if let Path::Log(_) = &self.plan.path {
            self.sql.push(
                " FROM changes AS c CROSS JOIN risk_events AS e ON e.key = coalesce(c.event, c.key) \
                 AND e.version = c.key & 1099511627775",
            );
            if with_users {
                self.sql.push(FROM_WITH_USERS.strip_prefix(FROM_EVENTS).unwrap_or_default());
            }
            return;
        }
        let index = match &self.plan.path {
            Path::RiskyIds(_) | Path::RiskyNames(_) | Path::RiskyStates(_) | Path::Log(_) => "",
            Path::Keys | Path::Ids(_) => " NOT INDEXED",
            Path::Subjects(..) => " INDEXED BY risk_events_by_subject",
            Path::Levels(_) => " INDEXED BY risk_events_by_level",
            Path::Statuses(_) => " INDEXED BY risk_events_by_status",
            Path::Creation => " INDEXED BY risk_events_by_creation",
        };
        self.sql.push(FROM_EVENTS).push(index);
        if with_users {
            self.sql.push(FROM_WITH_USERS.strip_prefix(FROM_EVENTS).unwrap_or_default());
        }
    }

    /// Writes `WHERE` and everything after it: how the index finds rows, and the rest.
    fn conditions(&mut self, after: Option<&Place>) {
        self.sql.push(" WHERE ");
        let tenant = i64::from(self.tenant.0);
        match (self.source, &self.plan.path) {
            (Source::Users, _) => {
                let (first, end) = (key(self.tenant, 0), self.end_of_keys(after));
                match users_by(self.filter) {
                    Some((column, texts)) => {
                        self.sql.push("u.tenant = ").bind(tenant).push(" AND ").push(column).push(" IN ");
                        self.list(texts.into_iter().map(SqlValue::Text));
                    }
                    None => {
                        self.sql.push("u.key >= ").bind(first).push(" AND u.key < ").bind(end);
                    }
                }
            }
            (source, Path::Keys) => {
                let (first, end) = (key(self.tenant, 0), self.end_of_keys(after));
                let row_key = if source == Source::RiskyUsers { "r.key" } else { "e.key" };
                self.sql.push(row_key).push(" >= ").bind(first).push(" AND ").push(row_key).push(" < ").bind(end);
            }
            (_, Path::Log(log)) => {
                self.sql.push("c.key >= ").bind(log.first).push(" AND c.key < ").bind(log.end);
                if self.source != Source::RiskyUsers {
                    self.sql.push(" AND c.entity_set = 1");
                }
            }
            (_, Path::RiskyIds(texts)) => self.texts("r.user_id", texts),
            (_, Path::RiskyNames(texts)) => self.texts("r.user_principal_name", texts),
            (_, Path::RiskyStates(values)) => {
                self.sql.push("r.tenant = ").bind(tenant).push(" AND r.risk_state IN ");
                self.list(values.iter().map(|value| SqlValue::Integer(*value)));
            }
            (_, Path::Ids(keys)) => {
                self.sql.push("e.tenant = ").bind(tenant).push(" AND e.key IN ");
                self.list(keys.iter().map(|key| SqlValue::Integer(*key)));
            }
            (_, Path::Subjects(users, names)) => {
                self.sql.push("e.subject IN (SELECT subject FROM subjects WHERE tenant = ").bind(tenant);
                for (column, values) in [(" AND user_id IN ", users), (" AND user_principal_name IN ", names)] {
                    if let Some(values) = values {
                        self.sql.push(column);
                        self.list(values.iter().map(|value| SqlValue::Text(value.clone())));
                    }
                }
                self.sql.push(")");
            }
            (_, Path::Levels(values)) => self.among("e.risk_level", values),
            (_, Path::Statuses(values)) => self.among("e.risk_event_status", values),
            (_, Path::Creation) => {
                self.sql.push("e.tenant = ").bind(tenant);
            }
        }
        self.rest(after);
    }

    /// The end of the keys that are looked at. Where rows come in the order of their keys, the latest first, that is the
    /// place before: of two upper bounds SQLite takes the first, and would walk from the end to the place for every page.
    fn end_of_keys(&self, after: Option<&Place>) -> i64 {
        match after {
            Some(place) if self.plan.order_by.is_empty() => place.row_key,
            _ => end(self.tenant),
        }
    }

    fn texts(&mut self, column: &str, texts: &[Box<str>]) {
        self.sql.push("r.tenant = ").bind(i64::from(self.tenant.0)).push(" AND ").push(column).push(" IN ");
        self.list(texts.iter().map(|text| SqlValue::Text(text.clone())));
    }

    fn among(&mut self, column: &str, values: &[i64]) {
        self.sql.push("e.tenant = ").bind(i64::from(self.tenant.0)).push(" AND ").push(column);
        match values {
            [value] => {
                self.sql.push(" = ").bind(*value);
            }
            values => {
                self.sql.push(" IN ");
                self.list(values.iter().map(|value| SqlValue::Integer(*value)));
            }
        }
    }

    fn list(&mut self, values: impl Iterator<Item = SqlValue>) {
        self.sql.push("(");
        for (at, value) in values.enumerate() {
            self.sql.push(if at == 0 { "" } else { ", " }).bind(value);
        }
        self.sql.push(")");
    }

    /// The kind, the filter, and what comes after a place.
    fn rest(&mut self, after: Option<&Place>) {
        if let Source::Events(Some(kind)) = self.source {
            self.sql.push(" AND e.kind = ").bind(kind as i64);
        }
        for part in self.filter.map(conjuncts).unwrap_or_default() {
            // What the way itself sees to is not asked of each row once more.
            let seen_to = match self.plan.path {
                Path::Levels(_) => is_about(part, event_at::RISK_LEVEL),
                Path::Statuses(_) => is_about(part, event_at::RISK_EVENT_STATUS),
                _ => false,
            };
            if !seen_to {
                self.sql.push(" AND ");
                lower(part, self.schema, Nulls::AsFalse, &mut self.sql);
            }
        }
        if let Some(place) = after {
            self.sql.push(" AND ");
            if self.order().after(place, self.schema, &mut self.sql).is_err() {
                self.sql.push("1 = 0"); // a place of another order: nothing comes after it
            }
        }
    }
}

fn is_time(key: &OrderKey) -> bool {
    is_property(&key.expression, model::edm::event::RISK_EVENT_DATE_TIME)
}

/// A bound value.
struct Bound<'v>(&'v SqlValue);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Boolean(value) => ValueRef::Integer((*value).into()),
            SqlValue::Integer(value) => ValueRef::Integer(*value),
            SqlValue::Double(value) => ValueRef::Real(*value),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The value of an order's key.
fn sql_value(value: ValueRef<'_>, ty: ValueType) -> Result<SqlValue, StoreError> {
    Ok(match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(value) if matches!(ty, ValueType::Boolean) => SqlValue::Boolean(value != 0),
        ValueRef::Integer(value) => SqlValue::Integer(value),
        ValueRef::Real(value) => SqlValue::Double(value),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => SqlValue::Text(text.into()),
            Err(_) => return Err(StoreError::Corrupt("a text that is sorted by is not UTF-8".to_owned())),
        },
        ValueRef::Blob(_) => return Err(StoreError::Corrupt("a value that is sorted by is a blob".to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that a page of users is asked with.
    fn values(after: Option<i64>) -> Vec<SqlValue> {
        let after = after.map(|row_key| Place { values: Vec::new(), row_key });
        let query = PageQuery { after, ..PageQuery::all(Source::Users, 10) };
        let plan = Plan { path: Path::Keys, order_by: Vec::new(), is_long: false };
        let mut statement = Statement::new(&SqliteDialect, TenantKey(2), Source::Users, None, &plan);
        statement.page(&query, Columns::of_users());
        statement.sql.into_parts().1
    }

    #[test]
    fn a_page_of_keys_ends_at_the_place_before_and_looks_at_none_behind_it() {
        let key = |sequence| SqlValue::Integer(key(TenantKey(2), sequence));
        assert_eq!(values(Some(700))[..2], [key(0), key(700)]);
        assert_eq!(values(None)[..2], [key(0), SqlValue::Integer(end(TenantKey(2)))]);
    }
}
