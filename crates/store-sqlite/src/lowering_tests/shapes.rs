//! How filters and places look in SQL, and that indexes serve them.

use crate::dialect::SqliteDialect;
use crate::functions;
use model::edm::{IDENTITY_RISK_EVENT, event};
use odata::edm::{EntityType, Type};
use odata::expression::bound::{Comparison, Expression, Function, Literal, Node, OrderKey, PropertyPath, ValueType};
use rusqlite::Connection;
use std::borrow::Cow;
use store::sql::{Kinds, Nulls, Order, Place, Schema, Sql, SqlValue, lower};

/// Events whose status and name can be null, and level cannot.
struct Events;

impl Schema for Events {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        match (path.navigation.is_empty(), path.position) {
            (false, _) => "u.display_name",
            (_, event::RISK_LEVEL) => "e.level",
            (_, event::RISK_EVENT_STATUS) => "e.status",
            (_, event::USER_PRINCIPAL_NAME) => "e.name",
            (_, event::CLOSED_DATE_TIME) => "e.closed",
            other => panic!("no column for {other:?}"),
        }
        .into()
    }

    fn is_nullable(&self, path: &PropertyPath) -> bool {
        path.position != event::RISK_LEVEL || !path.navigation.is_empty()
    }

    fn kinds(&self, _: &'static EntityType) -> Kinds<'_> {
        Kinds::Among("e.kind".into(), vec![1, 2])
    }
}

fn boolean(node: Node) -> Expression {
    Expression { node, ty: ValueType::Boolean }
}

fn property(position: usize) -> Expression {
    let property = IDENTITY_RISK_EVENT.all_properties()[position];
    let ty = match property.ty {
        Type::Enum(of) => ValueType::Enum(of),
        Type::DateTimeOffset => ValueType::DateTimeOffset,
        _ => ValueType::Text,
    };
    Expression { node: Node::Property(PropertyPath { navigation: Vec::new(), position, property }), ty }
}

fn users_name() -> Expression {
    let navigation = IDENTITY_RISK_EVENT.navigation("impactedUser").expect("a relation");
    let (position, property) = navigation.target.property("displayName").expect("a property");
    let path = PropertyPath { navigation: vec![navigation], position, property };
    Expression { node: Node::Property(path), ty: ValueType::Text }
}

fn constant(literal: Literal) -> Expression {
    Expression { node: Node::Literal(literal), ty: ValueType::Null }
}

fn compare(comparison: Comparison, left: Expression, right: Expression) -> Expression {
    boolean(Node::Compare(comparison, left.into(), right.into()))
}

fn not(inner: Expression) -> Expression {
    boolean(Node::Not(inner.into()))
}

fn level() -> Expression {
    property(event::RISK_LEVEL)
}

fn status() -> Expression {
    property(event::RISK_EVENT_STATUS)
}

fn three() -> Expression {
    constant(Literal::Enum(3))
}

fn filter(expression: &Expression) -> String {
    let mut sql = Sql::new(&SqliteDialect);
    lower(expression, &Events, Nulls::AsFalse, &mut sql);
    sql.text().to_owned()
}

#[test]
fn a_filter_is_as_plain_as_null_allows() {
    use Comparison::{Eq, Gt, Ne};
    let null = || constant(Literal::Null);
    let list = || vec![Literal::Enum(1), Literal::Enum(2)];
    for (expression, text) in [
        (compare(Eq, level(), three()), "(e.level = ?)"),
        (compare(Eq, status(), three()), "(e.status = ?)"),
        (compare(Gt, status(), three()), "(e.status > ?)"),
        (compare(Ne, level(), three()), "(e.level <> ?)"),
        (compare(Ne, status(), three()), "(e.status IS NOT ?)"),
        (compare(Eq, status(), level()), "(e.status = e.level)"),
        (compare(Eq, status(), status()), "(e.status IS e.status)"),
        (compare(Eq, status(), null()), "(e.status IS NULL)"),
        (compare(Ne, null(), status()), "(NULL IS NOT e.status)"),
        (not(compare(Eq, level(), three())), "(NOT (e.level = ?))"),
        (not(compare(Eq, status(), three())), "(NOT (e.status IS ?))"),
        (not(compare(Ne, status(), three())), "(NOT (e.status <> ?))"),
        (not(compare(Gt, status(), three())), "(NOT ((e.status > ?) IS TRUE))"),
        (not(not(compare(Gt, status(), three()))), "(NOT (NOT (e.status > ?)))"),
        (boolean(Node::In(status().into(), list())), "(e.status IN (?, ?))"),
        (not(boolean(Node::In(status().into(), list()))), "(NOT (e.status IN (?, ?) IS TRUE))"),
        (boolean(Node::In(status().into(), vec![Literal::Null])), "(e.status IS NULL)"),
        (boolean(Node::IsOf(&IDENTITY_RISK_EVENT)), "(e.kind IN (?, ?))"),
        (compare(Eq, users_name(), constant(Literal::Text("a".into()))), "(u.display_name = ?)"),
    ] {
        assert_eq!(filter(&expression), text, "{expression:?}");
    }
}

#[test]
fn nothing_of_a_clients_is_text() {
    let hostile = "x') OR 1=1 --";
    let arguments = vec![property(event::USER_PRINCIPAL_NAME), constant(Literal::Text(hostile.into()))];
    for function in [Function::Contains, Function::StartsWith, Function::EndsWith, Function::MatchesPattern] {
        let mut sql = Sql::new(&SqliteDialect);
        lower(&boolean(Node::Call(function, arguments.clone())), &Events, Nulls::AsFalse, &mut sql);
        assert!(!sql.text().contains("OR"), "{sql:?}");
        assert!(sql.values().contains(&SqlValue::from(hostile)), "{sql:?}");
    }
}

fn key(expression: Expression, descending: bool) -> OrderKey {
    OrderKey { expression, descending }
}

fn after(keys: &[OrderKey], values: Vec<SqlValue>) -> String {
    let mut sql = Sql::new(&SqliteDialect);
    let place = Place { values, row_key: 9 };
    Order::new(keys, "e.key", true).after(&place, &Events, &mut sql).expect("a place of this order");
    sql.text().to_owned()
}

#[test]
fn a_place_is_one_range_where_null_is_not_in_the_way() {
    let three = || SqlValue::Integer(3);
    assert_eq!(after(&[], vec![]), "(e.key < ?)");
    assert_eq!(after(&[key(level(), true)], vec![three()]), "((e.level, e.key) < (?, ? COLLATE BINARY))");
    assert_eq!(after(&[key(status(), false)], vec![three()]), "((e.status, e.key) > (?, ? COLLATE BINARY))");
    assert_eq!(
        after(&[key(status(), true)], vec![three()]),
        "(e.status < ? OR e.status IS NULL OR (e.status = ? AND (e.key < ?)))"
    );
    assert_eq!(after(&[key(status(), true)], vec![SqlValue::Null]), "(e.status IS NULL AND (e.key < ?))");
    assert_eq!(after(&[key(status(), false)], vec![SqlValue::Null]), "(e.status IS NOT NULL OR (e.key > ?))");
    assert_eq!(
        after(&[key(level(), true), key(status(), false)], vec![three(), three()]),
        "(e.level <= ? AND (e.level < ? OR ((e.status, e.key) > (?, ? COLLATE BINARY))))"
    );
}

#[test]
fn a_place_of_another_order_is_refused() {
    let keys = [key(level(), true)];
    for values in [vec![], vec![SqlValue::from("a")], vec![SqlValue::Integer(1), SqlValue::Integer(1)]] {
        let mut sql = Sql::new(&SqliteDialect);
        let place = Place { values, row_key: 9 };
        assert!(Order::new(&keys, "e.key", true).after(&place, &Events, &mut sql).is_err(), "{place:?}");
    }
}

/// How SQLite goes about a statement.
fn plan(condition: &str, order: &str) -> String {
    let db = Connection::open_in_memory().expect("a database");
    functions::register(&db).expect("functions");
    db.execute_batch(
        "CREATE TABLE events (key INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, level INTEGER NOT NULL,
             status INTEGER, name TEXT) STRICT;
         CREATE INDEX by_level ON events (tenant, level);
         CREATE INDEX by_status ON events (tenant, status);
         CREATE INDEX by_name ON events (tenant, name);",
    )
    .expect("a table");
    let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM events AS e WHERE e.tenant = ? AND {condition} {order}");
    let mut statement = db.prepare(&sql).expect(&sql);
    let count = statement.parameter_count();
    let nothing = std::iter::repeat_n(0, count);
    let steps = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).expect(&sql);
    steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("; ")
}

#[test]
fn indexes_serve_filters() {
    use Comparison::{Eq, Gt};
    let of = |expression: Expression| plan(&filter(&expression), "");
    assert!(of(compare(Eq, status(), three())).ends_with("by_status (tenant=? AND status=?)"));
    assert!(of(compare(Eq, status(), constant(Literal::Null))).ends_with("by_status (tenant=? AND status=?)"));
    assert!(of(compare(Gt, level(), three())).ends_with("by_level (tenant=? AND level>?)"));
    let or = boolean(Node::Or(vec![compare(Eq, level(), three()), compare(Eq, level(), three())]));
    assert!(of(or).ends_with("by_level (tenant=? AND level=?)"));
    let arguments = vec![property(event::USER_PRINCIPAL_NAME), constant(Literal::Text("ab".into()))];
    let prefix = boolean(Node::Call(Function::StartsWith, arguments));
    assert!(of(prefix).ends_with("by_name (tenant=? AND name>? AND name<?)"));
}

#[test]
fn an_index_leads_to_a_place_without_sorting() {
    for descending in [true, false] {
        let keys = [key(level(), descending)];
        let mut order = Sql::new(&SqliteDialect);
        order.push("ORDER BY ");
        Order::new(&keys, "e.key", true).order_by(&Events, &mut order);
        let steps = plan(&after(&keys, vec![SqlValue::Integer(3)]), order.text());
        let end = if descending { "<(?,?))" } else { ">(?,?))" };
        assert_eq!(steps, format!("SEARCH e USING INDEX by_level (tenant=? AND (level,rowid){end}"));
    }
}
