//! Pages and counts: one statement each, whose filter and order PostgreSQL works out. What it has no words for, the
//! [rest](crate::rest) of a filter, is asked of each row here.

use crate::database::Connection;
use crate::dialect::PostgresDialect;
use crate::error::engine;
use crate::rest::Rest;
use crate::rows::{FROM_EVENTS, WITH_USERS, columns_of_events, damaged, integer, number};
use crate::values::{Answer, bound, cell};
use model::edm::event as at;
use model::{EntityId, TenantKey};
use odata::encode::Cell;
use odata::expression::bound::{Expression, OrderKey, ValueType};
use store::columns::{Columns, EventSchema, RiskyUserSchema, UserSchema};
use store::plan::{conjuncts, equals, events_order, risky_users_order, texts, users_by, uses_navigation};
use store::sql::{Nulls, Order, Place, Schema, Sql, SqlValue, lower};
use store::{PageQuery, RowSink, Source, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// The order of a page: the client's, or what goes with the filter.
pub(crate) fn order_of(query: &PageQuery) -> Vec<OrderKey> {
    match query.source {
        Source::Events(_) => events_order(query.filter.as_ref(), &query.order_by),
        Source::Users => query.order_by.clone(),
        Source::RiskyUsers => risky_users_order(query.filter.as_ref(), &query.order_by),
    }
}

/// Columns of a source.
pub(crate) fn columns_of(query: &PageQuery) -> Columns {
    match query.source {
        Source::Events(kind) => columns_of_events(query.carried).all_of(kind),
        Source::Users => Columns::of_users_for(query.carried.projection),
        Source::RiskyUsers => Columns::of_risky_users(),
    }
}

/// Hands the rows of a page, in the [order](order_of) of its keys, to the sink, and answers the place of the last one when more follow.
pub(crate) async fn page(
    db: &Connection,
    tenant: TenantKey,
    query: &PageQuery,
    keys: &[OrderKey],
    sink: &mut dyn RowSink,
) -> Result<Option<Place>, StoreError> {
    let columns = columns_of(query);
    if let Some(rest) = Rest::of(query.filter.as_ref(), keys) {
        return rest.page(db, tenant, query, keys, sink).await;
    }
    let read = Read { tenant, source: query.source, filter: query.filter.as_ref(), keys, more: "" };
    let limit = (u64::from(query.limit) + 1, query.skip);
    let rows = read.page(db, columns, query.after.as_ref(), limit).await?;
    let most = query.limit as usize;
    for row in rows.iter().take(most) {
        columns.read(&Answer(row), |row| sink.row(row))??;
    }
    if rows.len() <= most {
        return Ok(None);
    }
    rows.get(most - 1).map(|last| place_of(last, columns, keys)).transpose()
}

/// A row's place in an order.
pub(crate) fn place_of(row: &Row, columns: Columns, keys: &[OrderKey]) -> Result<Place, StoreError> {
    let values = keys.iter().enumerate().map(|(at, key)| sql_value(cell(row, columns.count() + at), key.expression.ty));
    let row_key = integer(row, 0, "a row's key")?;
    Ok(Place { values: values.collect::<Result<_, StoreError>>()?, row_key })
}

/// The value of an order's key.
fn sql_value(value: Cell<'_>, ty: ValueType) -> Result<SqlValue, StoreError> {
    Ok(match value {
        Cell::Null => SqlValue::Null,
        Cell::Integer(value) if matches!(ty, ValueType::Boolean) => SqlValue::Boolean(value != 0),
        Cell::Integer(value) => SqlValue::Integer(value),
        Cell::Double(value) => SqlValue::Double(value),
        Cell::Text(text) => SqlValue::from(text),
        Cell::Complex(_) | Cell::Damaged => return Err(damaged("a column that is sorted by")),
    })
}

/// Counts the rows that a filter keeps.
pub(crate) async fn count(
    db: &Connection,
    tenant: TenantKey,
    source: Source,
    filter: &Expression,
) -> Result<u64, StoreError> {
    if let Some(rest) = Rest::of(Some(filter), &[]) {
        return rest.count(db, tenant, source).await;
    }
    let read = Read { tenant, source, filter: Some(filter), keys: &[], more: "" };
    let dialect = PostgresDialect;
    let mut sql = Sql::new(&dialect);
    sql.push("SELECT count(*)");
    read.from(uses_navigation(filter), &mut sql);
    read.conditions(None, &mut sql);
    let rows = run(db, sql, "counting").await?;
    let row = rows.first().ok_or_else(|| damaged("a count"))?;
    Ok(integer(row, 0, "a count")? as u64)
}

/// What is read: rows of a source that a filter keeps, in an order.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) tenant: TenantKey,
    pub(crate) source: Source,
    pub(crate) filter: Option<&'a Expression>,
    pub(crate) keys: &'a [OrderKey],
    /// Further columns, each after a comma: they come last.
    pub(crate) more: &'a str,
}

impl<'a> Read<'a> {
    /// Its rows after a place, so many but for those that are passed over first. After the columns come the values of
    /// the order's keys.
    pub(crate) async fn page(
        &self,
        db: &Connection,
        columns: Columns,
        after: Option<&Place>,
        (limit, skip): (u64, u64),
    ) -> Result<Vec<Row>, StoreError> {
        let dialect = PostgresDialect;
        let mut sql = Sql::new(&dialect);
        let mut select = "SELECT ".to_owned();
        columns.write(&mut select);
        sql.push(&select);
        let order = self.order();
        order.columns(self.schema(), &mut sql);
        sql.push(self.more);
        let by_others =
            self.filter.is_some_and(uses_navigation) || self.keys.iter().any(|key| uses_navigation(&key.expression));
        self.from(columns.is_related() || by_others, &mut sql);
        self.conditions(after, &mut sql);
        sql.push(" ORDER BY ");
        order.order_by(self.schema(), &mut sql);
        sql.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        if skip > 0 {
            sql.push(" OFFSET ").bind(i64::try_from(skip).unwrap_or(i64::MAX));
        }
        run(db, sql, "reading a page").await
    }

    fn order(&self) -> Order<'a> {
        let row_key = match self.source {
            Source::Events(_) => "e.key",
            Source::Users => "u.key",
            Source::RiskyUsers => "r.key",
        };
        Order::new(self.keys, row_key, true)
    }

    fn schema(&self) -> &'static dyn Schema {
        match self.source {
            Source::Events(_) => &EventSchema,
            Source::Users => &UserSchema,
            Source::RiskyUsers => &RiskyUserSchema,
        }
    }

    fn from(&self, with_users: bool, sql: &mut Sql<'_>) {
        match self.source {
            Source::Events(_) => {
                sql.push(FROM_EVENTS);
                if with_users {
                    sql.push(WITH_USERS);
                }
            }
            Source::Users => _ = sql.push(" FROM users AS u"),
            Source::RiskyUsers => _ = sql.push(" FROM risky_users AS r"),
        }
    }

    /// Writes `WHERE` and everything after it.
    fn conditions(&self, after: Option<&Place>, sql: &mut Sql<'_>) {
        let alias = match self.source {
            Source::Events(_) => "e",
            Source::Users => "u",
            Source::RiskyUsers => "r",
        };
        sql.push(" WHERE ").push(alias).push(".tenant = ").bind(number(self.tenant));
        match self.source {
            Source::Events(kind) => {
                if let Some(kind) = kind {
                    sql.push(" AND e.kind = ").bind(kind as i64);
                }
                if let Some(ids) = texts(equals(self.filter, at::ID)) {
                    among_ids(&ids, sql);
                }
            }
            Source::Users => {
                // A name that is equal is found by its folded form, which has the index.
                if let Some((column, values)) = users_by(self.filter) {
                    sql.push(" AND ").push(column);
                    among(values.into_iter().map(SqlValue::Text), sql);
                }
            }
            Source::RiskyUsers => {}
        }
        for part in self.filter.map(conjuncts).unwrap_or_default() {
            sql.push(" AND ");
            lower(part, self.schema(), Nulls::AsFalse, sql);
        }
        if let Some(place) = after {
            sql.push(" AND ");
            if self.order().after(place, self.schema(), sql).is_err() {
                sql.push("1 = 0"); // a place of another order: nothing comes after it
            }
        }
    }
}

/// Narrows events down to ids, by the numbers that these carry or by the index over those that carry none.
fn among_ids(ids: &[Box<str>], sql: &mut Sql<'_>) {
    let keys: Vec<i64> =
        ids.iter().filter_map(|id| id.parse::<EntityId>().ok()?.change_number()).map(|number| number as i64).collect();
    sql.push(" AND (e.named AND e.id");
    among(ids.iter().map(|id| SqlValue::Text(id.clone())), sql);
    if !keys.is_empty() {
        sql.push(" OR e.key");
        among(keys.into_iter().map(SqlValue::Integer), sql);
    }
    sql.push(")");
}

/// Writes ` IN (...)`; of nothing, false.
fn among(values: impl Iterator<Item = SqlValue>, sql: &mut Sql<'_>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        sql.push(" IS NULL"); // no column that is asked for this is ever null
        return;
    }
    sql.push(" IN (");
    for (at, value) in values.enumerate() {
        sql.push(if at == 0 { "" } else { ", " }).bind_beside_column(value);
    }
    sql.push(")");
}

async fn run(db: &Connection, sql: Sql<'_>, doing: &'static str) -> Result<Vec<Row>, StoreError> {
    let (text, values) = sql.into_parts();
    let values = bound(&values);
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    db.query(&text, &values).await.map_err(engine(doing))
}
