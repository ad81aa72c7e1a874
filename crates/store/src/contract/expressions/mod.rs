//! What every dialect keeps: random rows and random expressions come to the same in the database as
//! in the evaluator, and paging through any order meets every row once and in its place.
//!
//! A store's own tests draw tapes of random numbers, load [`rows`] into tables with [`tables`], and
//! hand the rest of the tape to [`check_value`], [`check_filter`] and [`check_pages`], which panic
//! with the statement that came out wrong, and answer whether all could be checked: what the dialect
//! has no words for is left out.

mod choices;
mod generate;
mod model;
mod sizes;

pub use choices::Choices;
pub use model::{TestRow, TestTable, tables};
pub use sizes::check_sizes;

use self::generate::Generator;
use self::model::{FROM, TestSchema};
use crate::sql::{Dialect, Nulls, Order, Place, Sql, SqlValue, can_lower, lower};
use odata::expression::bound::{Expression, Node, OrderKey, ValueType};
use odata::expression::evaluate::{Evaluator, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A database that holds the test tables.
pub trait Engine {
    /// Its words.
    fn dialect(&self) -> &dyn Dialect;

    /// The rows that a statement answers. Panics when it fails: no statement may.
    fn query(&self, text: &str, values: &[SqlValue]) -> Vec<Vec<SqlValue>>;
}

/// Random rows.
pub fn rows(count: i64, choices: &mut Choices<'_>) -> Vec<TestRow> {
    (1..=count).map(|key| TestRow::choose(key, choices)).collect()
}

/// A random expression of any type has the evaluator's value in every row.
pub fn check_value(engine: &dyn Engine, rows: &[TestRow], choices: &mut Choices<'_>) -> bool {
    let depth = 1 + choices.below(5);
    let expression = Generator::new(choices).any_value(depth);
    let has = can_lower(&expression, engine.dialect());
    if has {
        check_value_of(engine, rows, &expression);
    }
    has
}

/// An expression has the evaluator's value in every row.
pub fn check_value_of(engine: &dyn Engine, rows: &[TestRow], expression: &Expression) {
    let mut sql = Sql::new(engine.dialect());
    sql.push("SELECT i.key, ");
    lower(expression, &TestSchema, Nulls::Kept, &mut sql);
    sql.push(FROM).push(" ORDER BY i.key");
    let found = engine.query(sql.text(), sql.values());
    assert_eq!(found.len(), rows.len(), "{sql:?}");
    let evaluator = Evaluator::new(expression);
    for (row, found) in rows.iter().zip(&found) {
        let expected = evaluator.value(row);
        assert_eq!(as_value(&found[1], expression.ty), expected, "{sql:?} of {row:?}");
    }
}

/// A random condition keeps just the rows that the evaluator keeps, and so does its opposite.
pub fn check_filter(engine: &dyn Engine, rows: &[TestRow], choices: &mut Choices<'_>) -> bool {
    let depth = 1 + choices.below(5);
    let condition = Generator::new(choices).condition(depth);
    if !can_lower(&condition, engine.dialect()) {
        return false;
    }
    check_filter_of(engine, rows, &condition);
    let opposite = Expression { node: Node::Not(condition.into()), ty: ValueType::Boolean };
    check_filter_of(engine, rows, &opposite);
    true
}

/// A condition keeps just the rows that the evaluator keeps.
pub fn check_filter_of(engine: &dyn Engine, rows: &[TestRow], condition: &Expression) {
    let mut sql = Sql::new(engine.dialect());
    sql.push("SELECT i.key").push(FROM).push(" WHERE ");
    lower(condition, &TestSchema, Nulls::AsFalse, &mut sql);
    sql.push(" ORDER BY i.key");
    let found: Vec<i64> = engine.query(sql.text(), sql.values()).iter().map(|row| key(row)).collect();
    let evaluator = Evaluator::new(condition);
    let expected: Vec<i64> = rows.iter().filter(|row| evaluator.matches(*row)).map(|row| row.key).collect();
    assert_eq!(found, expected, "{sql:?}");
}

/// Pages of random sizes through a random order, filtered at random, put together are the
/// evaluator's rows in the evaluator's order.
pub fn check_pages(engine: &dyn Engine, rows: &[TestRow], choices: &mut Choices<'_>) -> bool {
    let keys = Generator::new(choices).order();
    if !keys.iter().all(|key| can_lower(&key.expression, engine.dialect())) {
        return false;
    }
    let filter = if choices.one_in(3) { Some(Generator::new(choices).condition(2)) } else { None };
    if !filter.iter().all(|filter| can_lower(filter, engine.dialect())) {
        return false;
    }
    let order = Order::new(&keys, "i.key", choices.one_in(2));
    let expected = sorted(rows, &keys, filter.as_ref(), order);
    let (mut found, mut place): (Vec<i64>, Option<Place>) = (Vec::new(), None);
    loop {
        let size = 1 + choices.below(7);
        let sql = page(engine.dialect(), order, filter.as_ref(), place.as_ref(), size);
        let page = engine.query(sql.text(), sql.values());
        found.extend(page.iter().map(|row| key(row)));
        assert!(found.len() <= expected.len(), "{found:?} instead of {expected:?} by {sql:?}");
        let Some(last) = page.last() else {
            assert_eq!(found, expected, "at the end of {sql:?}");
            return true;
        };
        place = Some(Place { values: last[1..].to_vec(), row_key: key(last) });
    }
}

fn page<'d>(
    dialect: &'d dyn Dialect,
    order: Order<'_>,
    filter: Option<&Expression>,
    place: Option<&Place>,
    size: usize,
) -> Sql<'d> {
    let mut sql = Sql::new(dialect);
    sql.push("SELECT i.key");
    order.columns(&TestSchema, &mut sql);
    sql.push(FROM).push(" WHERE ");
    match filter {
        Some(filter) => lower(filter, &TestSchema, Nulls::AsFalse, &mut sql),
        None => {
            sql.push("1 = 1");
        }
    }
    if let Some(place) = place {
        sql.push(" AND ");
        order.after(place, &TestSchema, &mut sql).expect("a place of this order");
    }
    sql.push(" ORDER BY ");
    order.order_by(&TestSchema, &mut sql);
    sql.push(" LIMIT ").bind(size as i64);
    sql
}

/// The keys of the rows that a filter keeps, in an order.
fn sorted(rows: &[TestRow], keys: &[OrderKey], filter: Option<&Expression>, order: Order<'_>) -> Vec<i64> {
    let filter = filter.map(Evaluator::new);
    let evaluators: Vec<Evaluator<'_>> = keys.iter().map(|key| Evaluator::new(&key.expression)).collect();
    let mut kept: Vec<(Vec<Value<'_>>, i64)> = rows
        .iter()
        .filter(|row| filter.as_ref().is_none_or(|filter| filter.matches(*row)))
        .map(|row| (evaluators.iter().map(|evaluator| evaluator.value(row)).collect(), row.key))
        .collect();
    let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
    kept.sort_by(|(a, a_key), (b, b_key)| {
        let by_keys = keys.iter().zip(a.iter().zip(b)).fold(Ordering::Equal, |before, (key, (a, b))| {
            before.then_with(|| turned(a.order_with_null(b), key.descending))
        });
        by_keys.then_with(|| turned(a_key.cmp(b_key), order.is_descending()))
    });
    kept.into_iter().map(|(_, key)| key).collect()
}

fn key(row: &[SqlValue]) -> i64 {
    match row.first() {
        Some(SqlValue::Integer(key)) => *key,
        other => panic!("a key is {other:?}"),
    }
}

/// A value as the database answers it; a boolean may be a number there.
fn as_value(value: &SqlValue, ty: ValueType) -> Value<'_> {
    match (value, ty) {
        (SqlValue::Null, _) => Value::Null,
        (SqlValue::Integer(value), ValueType::Boolean) => Value::Boolean(*value != 0),
        (SqlValue::Boolean(value), _) => Value::Boolean(*value),
        (SqlValue::Integer(value), _) => Value::Integer(*value),
        (SqlValue::Double(value), _) => Value::Double(*value),
        (SqlValue::Text(text), _) => Value::Text(Cow::Borrowed(text)),
    }
}
