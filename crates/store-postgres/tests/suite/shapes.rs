//! That indexes serve what `store::sql` writes for PostgreSQL.

use crate::connection::{Connection, parameter};
use model::edm::{IDENTITY_RISK_EVENT, event};
use odata::edm::EntityType;
use odata::expression::bound::{Comparison, Expression, Function, Literal, Node, OrderKey, PropertyPath, ValueType};
use std::borrow::Cow;
use store::sql::{Kinds, Nulls, Order, Place, Schema, Sql, SqlValue, lower};
use store_postgres::PostgresDialect;

/// Events whose name and status can be null, and level cannot.
struct Events;

impl Schema for Events {
    fn column(&self, path: &PropertyPath) -> Cow<'_, str> {
        match path.position {
            event::RISK_LEVEL => "e.level",
            event::RISK_EVENT_STATUS => "e.status",
            event::USER_PRINCIPAL_NAME => "e.name",
            other => panic!("no column for {other}"),
        }
        .into()
    }

    fn is_nullable(&self, path: &PropertyPath) -> bool {
        path.position != event::RISK_LEVEL
    }

    fn kinds(&self, _: &'static EntityType) -> Kinds<'_> {
        Kinds::All
    }
}

fn property(position: usize, ty: ValueType) -> Expression {
    let property = IDENTITY_RISK_EVENT.all_properties()[position];
    Expression { node: Node::Property(PropertyPath { navigation: Vec::new(), position, property }), ty }
}

fn level() -> Expression {
    property(event::RISK_LEVEL, ValueType::Integer)
}

fn status() -> Expression {
    property(event::RISK_EVENT_STATUS, ValueType::Integer)
}

fn name() -> Expression {
    property(event::USER_PRINCIPAL_NAME, ValueType::Text)
}

fn literal(literal: Literal, ty: ValueType) -> Expression {
    Expression { node: Node::Literal(literal), ty }
}

fn equal(left: Expression, right: Expression) -> Expression {
    Expression { node: Node::Compare(Comparison::Eq, left.into(), right.into()), ty: ValueType::Boolean }
}

fn events() -> Connection {
    let database = Connection::new();
    database.execute(
        r#"CREATE TABLE events (tenant integer NOT NULL, key bigint NOT NULL, level bigint NOT NULL, status bigint,
               name text COLLATE "C", PRIMARY KEY (tenant, key));
           CREATE INDEX by_level ON events (tenant, level, key);
           CREATE INDEX by_status ON events (tenant, status, key);
           CREATE INDEX by_name ON events (tenant, name, key);
           INSERT INTO events SELECT 1, n, n % 997, nullif(n % 991, 0), 'name' || n FROM generate_series(1, 20000) AS n;
           ANALYZE events"#,
    );
    database
}

/// How PostgreSQL goes about a page of events.
fn plan(database: &Connection, end: impl FnOnce(&mut Sql<'_>)) -> String {
    let mut sql = Sql::new(&PostgresDialect);
    sql.push("EXPLAIN SELECT e.key FROM events AS e WHERE e.tenant = 1 AND ");
    end(&mut sql);
    let parameters: Vec<_> = sql.values().iter().map(parameter).collect();
    let parameters: Vec<_> = parameters.iter().map(|(cell, ty)| (&**cell, ty.clone())).collect();
    let rows = database.rows(sql.text(), &parameters);
    rows.iter().map(|row| row.get::<_, &str>(0).trim()).collect::<Vec<_>>().join("; ")
}

#[test]
fn indexes_serve_filters() {
    let database = events();
    let filter = |condition: Expression| plan(&database, |sql| lower(&condition, &Events, Nulls::AsFalse, sql));
    let three = || literal(Literal::Integer(3), ValueType::Integer);
    let null = || literal(Literal::Null, ValueType::Null);
    for (condition, index, part) in [
        (equal(level(), three()), "by_level", "(level = '3'::bigint)"),
        (equal(status(), three()), "by_status", "(status = '3'::bigint)"),
        (equal(status(), null()), "by_status", "(status IS NULL)"),
        (equal(name(), literal(Literal::Text("name7".into()), ValueType::Text)), "by_name", "(name = 'name7'::text)"),
    ] {
        let steps = filter(condition);
        assert!(steps.contains(index) && steps.contains("Index Cond") && steps.contains(part), "{steps}");
    }
    let arguments = vec![name(), literal(Literal::Text("name77".into()), ValueType::Text)];
    let steps = filter(Expression { node: Node::Call(Function::StartsWith, arguments), ty: ValueType::Boolean });
    // An index of texts by code point serves comparisons by code point only: the column says so, not the value.
    assert!(steps.contains("by_name") && steps.contains("(name < 'name78'::text)"), "{steps}");
}

#[test]
fn an_index_leads_to_a_place_without_sorting() {
    let database = events();
    for descending in [true, false] {
        let keys = [OrderKey { expression: level(), descending }];
        let order = Order::new(&keys, "e.key", true);
        let steps = plan(&database, |sql| {
            let place = Place { values: vec![SqlValue::Integer(30)], row_key: 9 };
            order.after(&place, &Events, sql).expect("a place of this order");
            sql.push(" ORDER BY ");
            order.order_by(&Events, sql);
            sql.push(" LIMIT ").bind(100);
        });
        let begin = if descending { "ROW(level, key) <" } else { "ROW(level, key) >" };
        assert!(steps.contains("by_level") && steps.contains(begin) && !steps.contains("Sort"), "{steps}");
    }
}

#[test]
fn directions_say_where_null_lies_only_where_there_can_be_null() {
    for (expression, descending, text) in [
        (level(), false, "e.level ASC, e.key ASC"),
        (level(), true, "e.level DESC, e.key DESC"),
        (status(), false, "e.status ASC NULLS FIRST, e.key ASC"),
        (status(), true, "e.status DESC NULLS LAST, e.key DESC"),
        (literal(Literal::Null, ValueType::Null), true, "e.key DESC"), // a constant is no term
    ] {
        let keys = [OrderKey { expression, descending }];
        let mut sql = Sql::new(&PostgresDialect);
        Order::new(&keys, "e.key", true).order_by(&Events, &mut sql);
        assert_eq!(sql.text(), text);
    }
}
