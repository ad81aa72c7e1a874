//! What PostgreSQL has no words for that mean exactly the same: patterns of a client's, and some literal forms. The
//! parts of a filter that need them are asked here, of the rows that the other parts keep, for a bounded time.

use crate::database::Connection;
use crate::dialect::PostgresDialect;
use crate::error::MOST_SECONDS;
use crate::query::{Read, columns_of, place_of};
use crate::values::{Answer, cell};
use model::edm::event as at;
use model::{EventKind, TenantKey};
use odata::edm::EntityType;
use odata::encode::{Cell, Row as _};
use odata::expression::bound::{Expression, Node, OrderKey, PropertyPath, ValueType};
use odata::expression::evaluate::{Evaluator, Scope, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::LazyLock;
use std::time::Duration;
use store::columns::{Columns, RISK_STATE, TableRow};
use store::plan::{conjuncts, uses_navigation};
use store::sql::{Place, SqlValue, can_lower};
use store::{Carried, PageQuery, Projection, RowSink, Source, StoreError};
use tokio::time::Instant;
use tokio_postgres::Row;

/// Rows that are read at a time.
const CHUNK: u64 = 1_000;
/// The most rows that are kept to be sorted.
const MOST_SORTED: usize = 50_000;
/// What an expression may ask of an event beside its columns, in this order.
static OF_DETECTION: LazyLock<String> = LazyLock::new(|| {
    format!(
        ", {RISK_STATE}, spillwatch_detection_id(e.id), spillwatch_detection_type(e.risk_event_type), \
         spillwatch_detection_risk_type(e.risk_event_type)"
    )
});

/// A filter in two parts, and an order that may not be the database's.
pub(crate) struct Rest {
    /// What the database keeps.
    lowered: Option<Expression>,
    /// What is asked of each row here.
    asked: Option<Expression>,
    /// Whether the database can sort.
    sorts: bool,
}

impl Rest {
    /// `None` when the database can do it all.
    pub(crate) fn of(filter: Option<&Expression>, keys: &[OrderKey]) -> Option<Self> {
        let can = |expression: &Expression| can_lower(expression, &PostgresDialect);
        let (lowered, asked): (Vec<&Expression>, Vec<&Expression>) =
            filter.map(conjuncts).unwrap_or_default().into_iter().partition(|part| can(part));
        let sorts = keys.iter().all(|key| can(&key.expression));
        if asked.is_empty() && sorts {
            return None;
        }
        let all = |parts: Vec<&Expression>| match parts.as_slice() {
            [] => None,
            [part] => Some((*part).clone()),
            parts => Some(Expression {
                node: Node::And(parts.iter().map(|part| (*part).clone()).collect()),
                ty: ValueType::Boolean,
            }),
        };
        Some(Self { lowered: all(lowered), asked: all(asked), sorts })
    }

    /// As [`crate::query::page`].
    pub(crate) async fn page(
        &self,
        db: &Connection,
        tenant: TenantKey,
        query: &PageQuery,
        keys: &[OrderKey],
        sink: &mut dyn RowSink,
    ) -> Result<Option<Place>, StoreError> {
        let columns = self.columns(query, keys);
        if self.sorts {
            return self.walk(db, tenant, query, keys, columns, sink).await;
        }
        let mut sorted = self.sorted(db, tenant, query, keys, columns).await?;
        if let Some(place) = &query.after {
            let fits = place.values.len() == keys.len();
            sorted.retain(|found| fits && found.order(place, keys) == Ordering::Greater);
        }
        let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
        let rest = sorted.get(skip..).unwrap_or_default();
        let limit = query.limit as usize;
        for found in rest.iter().take(limit) {
            columns.read(&Answer(&found.row), |row| sink.row(row))??;
        }
        Ok(rest.get(limit - 1).filter(|_| rest.len() > limit).map(|last| last.place.clone()))
    }

    /// As [`crate::query::count`].
    pub(crate) async fn count(&self, db: &Connection, tenant: TenantKey, source: Source) -> Result<u64, StoreError> {
        let query = PageQuery::all(source, 1);
        let columns = self.columns(&query, &[]);
        let mut count = 0;
        self.visit(db, tenant, &query, &[], columns, |_, kept| {
            count += u64::from(kept);
            Ok(true)
        })
        .await?;
        Ok(count)
    }

    /// Everything that the parts that are asked here may want to know.
    fn columns(&self, query: &PageQuery, keys: &[OrderKey]) -> Columns {
        let by_others = self.asked.iter().chain(keys.iter().map(|key| &key.expression)).any(uses_navigation);
        let related = by_others || query.carried.related;
        let carried = Carried { projection: Projection::Risk, related };
        columns_of(&PageQuery { carried, ..query.clone() })
    }

    /// Looks at the rows that the database keeps, in their order, until `visit` says that it is enough: at each of them,
    /// and whether it is kept here.
    async fn visit(
        &self,
        db: &Connection,
        tenant: TenantKey,
        query: &PageQuery,
        keys: &[OrderKey],
        columns: Columns,
        mut visit: impl FnMut(&Row, bool) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let until = Instant::now() + Duration::from_secs(MOST_SECONDS);
        let more = if matches!(query.source, Source::Events(_)) { &**OF_DETECTION } else { "" };
        let read = Read { tenant, source: query.source, filter: self.lowered.as_ref(), keys, more };
        let evaluator = self.asked.as_ref().map(Evaluator::new);
        let mut after = if self.sorts { query.after.clone() } else { None };
        loop {
            let rows = read.page(db, columns, after.as_ref(), (CHUNK, 0)).await?;
            for row in &rows {
                let keeps = |seen: &Seen<'_>| evaluator.as_ref().is_none_or(|evaluator| evaluator.matches(seen));
                let kept = Seen::with(row, columns, keys.len(), keeps)?;
                if !visit(row, kept)? {
                    return Ok(());
                }
            }
            match rows.last() {
                Some(last) if rows.len() as u64 == CHUNK => after = Some(place_of(last, columns, keys)?),
                _ => return Ok(()),
            }
            if Instant::now() > until {
                return Err(StoreError::TooLong { seconds: MOST_SECONDS });
            }
        }
    }

    /// A page in the database's order.
    async fn walk(
        &self,
        db: &Connection,
        tenant: TenantKey,
        query: &PageQuery,
        keys: &[OrderKey],
        columns: Columns,
        sink: &mut dyn RowSink,
    ) -> Result<Option<Place>, StoreError> {
        let (mut skipped, mut seen, mut last, mut more) = (0, 0, None, false);
        self.visit(db, tenant, query, keys, columns, |row, kept| {
            if !kept {
                return Ok(true);
            }
            if skipped < query.skip {
                skipped += 1;
                return Ok(true);
            }
            if seen == query.limit {
                more = true;
                return Ok(false);
            }
            seen += 1;
            if seen == query.limit {
                last = Some(place_of(row, columns, keys)?);
            }
            columns.read(&Answer(row), |row| sink.row(row))??;
            Ok(true)
        })
        .await?;
        Ok(last.filter(|_| more))
    }

    /// All rows that are kept, sorted here.
    async fn sorted(
        &self,
        db: &Connection,
        tenant: TenantKey,
        query: &PageQuery,
        keys: &[OrderKey],
        columns: Columns,
    ) -> Result<Vec<Found>, StoreError> {
        let evaluators: Vec<Evaluator<'_>> = keys.iter().map(|key| Evaluator::new(&key.expression)).collect();
        let mut sorted = Vec::new();
        self.visit(db, tenant, query, &[], columns, |row, kept| {
            if kept {
                let values = |seen: &Seen<'_>| {
                    evaluators.iter().map(|evaluator| sql_value(evaluator.value(seen))).collect::<Vec<_>>()
                };
                let values = Seen::with(row, columns, 0, values)?;
                let row_key = crate::rows::integer(row, 0, "a row's key")?;
                sorted.push(Found { place: Place { values, row_key }, row: row.clone() });
            }
            if sorted.len() > MOST_SORTED { Err(StoreError::TooLong { seconds: MOST_SECONDS }) } else { Ok(true) }
        })
        .await?;
        sorted.sort_by(|a, b| a.order(&b.place, keys));
        Ok(sorted)
    }
}

/// A row that is kept, with its place in an order that the database does not know.
struct Found {
    place: Place,
    row: Row,
}

impl Found {
    fn order(&self, other: &Place, keys: &[OrderKey]) -> Ordering {
        let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
        let by_keys = keys.iter().zip(self.place.values.iter().zip(&other.values));
        let by_keys = by_keys.fold(Ordering::Equal, |before, (key, (a, b))| {
            before.then_with(|| turned(value_of(a).order_with_null(&value_of(b)), key.descending))
        });
        let descending = keys.last().is_none_or(|key| key.descending);
        by_keys.then_with(|| turned(self.place.row_key.cmp(&other.row_key), descending))
    }
}

fn sql_value(value: Value<'_>) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Boolean(value) => SqlValue::Boolean(value),
        Value::Integer(value) => SqlValue::Integer(value),
        Value::Double(value) => SqlValue::Double(value),
        Value::Text(text) => SqlValue::Text(text.into()),
    }
}

fn value_of(value: &SqlValue) -> Value<'_> {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Boolean(value) => Value::Boolean(*value),
        SqlValue::Integer(value) => Value::Integer(*value),
        SqlValue::Double(value) => Value::Double(*value),
        SqlValue::Text(text) => Value::Text(Cow::Borrowed(text)),
    }
}

/// A row as expressions see it.
struct Seen<'r> {
    own: &'r TableRow<'r, Answer<'r>>,
    row: &'r Row,
    /// The first column of what expressions may ask of an event beside its columns.
    more: usize,
}

impl Seen<'_> {
    fn with<T>(row: &Row, columns: Columns, keys: usize, read: impl FnOnce(&Seen<'_>) -> T) -> Result<T, StoreError> {
        let answer = Answer(row);
        columns.read(&answer, |own| read(&Seen { own, row, more: columns.count() + keys }))
    }
}

impl Scope for Seen<'_> {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        if let Some(navigation) = path.navigation.first() {
            return self.own.related(navigation).map_or(Cell::Null, |user| user.cell(path.position));
        }
        let is_event = EventKind::ALL.iter().any(|kind| std::ptr::eq(kind.entity_type(), self.own.entity_type()));
        match path.position {
            position if !is_event => self.own.cell(position),
            at::EVIDENCE => match self.own.cell(at::EVIDENCE) {
                Cell::Null => Cell::Text("[]"),
                told => told,
            },
            at::RISK_STATE..=at::DETECTION_RISK_TYPE => cell(self.row, self.more + path.position - at::RISK_STATE),
            position => self.own.cell(position),
        }
    }

    fn entity_type(&self) -> &'static EntityType {
        self.own.entity_type()
    }
}

const _: () = assert!(at::DETECTION_ID == at::RISK_STATE + 1 && at::DETECTION_RISK_TYPE == at::RISK_STATE + 3);
