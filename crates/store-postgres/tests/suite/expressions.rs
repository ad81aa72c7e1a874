//! What `store::sql` writes, run by PostgreSQL and held against the evaluator.

use crate::connection::{Connection, parameter, value};
use odata::edm::Type;
use odata::expression::bound::{Expression, Function, Literal, Node, ValueType};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::{Cell, RefCell};
use store::contract::expressions::{
    Choices, Engine, TestRow, TestTable, check_filter, check_pages, check_sizes, check_value, rows, tables,
};
use store::sql::{Dialect, Operation, SqlValue, can_lower};
use store_postgres::PostgresDialect;

/// A PostgreSQL with the test tables.
struct Server {
    database: Connection,
    /// Operations that no statement has had yet.
    unseen: RefCell<Vec<Operation>>,
}

impl Server {
    fn new() -> Self {
        let database = Connection::new();
        for TestTable { name, columns, .. } in tables(&[]) {
            let columns: Vec<_> = columns.iter().map(|(name, ty)| format!("{name} {}", column_type(ty))).collect();
            database.execute(&format!("CREATE TEMPORARY TABLE {name} ({}, PRIMARY KEY (key))", columns.join(", ")));
        }
        let unseen = Operation::all().filter(|operation| PostgresDialect.has(*operation)).collect();
        Self { database, unseen: RefCell::new(unseen) }
    }

    fn load(&self, rows: &[TestRow]) {
        self.database.execute("DELETE FROM items; DELETE FROM people");
        for table in tables(rows).iter().filter(|table| !table.rows.is_empty()) {
            let (mut places, mut parameters) = (Vec::new(), Vec::new());
            for row in &table.rows {
                let first = parameters.len() + 1;
                let numbers = (first..).zip(&table.columns);
                let row_places: Vec<_> = numbers.map(|(at, (_, ty))| format!("${at}::{}", cast_type(ty))).collect();
                places.push(format!("({})", row_places.join(", ")));
                for (cell, (_, ty)) in row.iter().zip(&table.columns) {
                    let (cell, _) = parameter(cell);
                    parameters.push((cell, parameter_type(ty)));
                }
            }
            let parameters: Vec<_> = parameters.iter().map(|(cell, ty)| (&**cell, ty.clone())).collect();
            let insert = format!("INSERT INTO {} VALUES {}", table.name, places.join(", "));
            self.database.rows(&insert, &parameters);
        }
    }

    fn note_operations(&self, text: &str) {
        self.unseen.borrow_mut().retain(|operation| {
            let form = PostgresDialect.form(*operation).expect("it has it");
            !(text.contains(&*form.open) && text.contains(form.close))
        });
    }
}

fn cast_type(ty: &Type) -> &'static str {
    match ty {
        Type::String { .. } | Type::Collection { .. } | Type::Complex(_) => "text",
        Type::Boolean => "boolean",
        Type::Int32 | Type::DateTimeOffset | Type::Enum(_) => "bigint",
        Type::Double => "float8",
    }
}

fn column_type(ty: &Type) -> String {
    let of = cast_type(ty);
    if of == "text" { r#"text COLLATE "C""#.to_owned() } else { of.to_owned() }
}

fn parameter_type(ty: &Type) -> tokio_postgres::types::Type {
    use tokio_postgres::types::Type as P;
    match cast_type(ty) {
        "text" => P::TEXT,
        "boolean" => P::BOOL,
        "bigint" => P::INT8,
        _ => P::FLOAT8,
    }
}

impl Engine for Server {
    fn dialect(&self) -> &dyn Dialect {
        &PostgresDialect
    }

    fn query(&self, text: &str, values: &[SqlValue]) -> Vec<Vec<SqlValue>> {
        self.note_operations(text);
        let parameters: Vec<_> = values.iter().map(parameter).collect();
        let parameters: Vec<_> = parameters.iter().map(|(cell, ty)| (&**cell, ty.clone())).collect();
        let rows = self.database.rows(text, &parameters);
        rows.iter().map(|row| (0..row.len()).map(|at| value(row, at)).collect()).collect()
    }
}

type Check = fn(&dyn Engine, &[TestRow], &mut Choices<'_>) -> bool;

/// Draws rows, and expressions of which to carry a check out; answers the share of those that could be.
fn run(server: &Server, cases: u32, checks: usize, check: Check) -> f64 {
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2000, ..Default::default() };
    let tapes = (vec(any::<u32>(), 0..800), vec(vec(any::<u32>(), 0..100), checks));
    let (all, checked) = (Cell::new(0.0), Cell::new(0.0));
    let outcome = TestRunner::new(config).run(&tapes, |(rows_tape, tapes)| {
        let rows = rows(12, &mut Choices::new(&rows_tape));
        server.load(&rows);
        for tape in &tapes {
            all.set(all.get() + 1.0);
            if check(server, &rows, &mut Choices::new(tape)) {
                checked.set(checked.get() + 1.0);
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    checked.get() / all.get()
}

#[test]
fn random_expressions_have_the_evaluators_value() {
    let server = Server::new();
    let share = run(&server, 300, 20, check_value);
    assert!(share > 0.7, "only {share:.2} of the expressions are lowered");
    let unseen = server.unseen.borrow();
    assert!(unseen.is_empty(), "no expression had {unseen:?}");
}

#[test]
fn random_filters_keep_the_evaluators_rows() {
    let share = run(&Server::new(), 300, 20, check_filter);
    assert!(share > 0.7, "only {share:.2} of the conditions are lowered");
}

#[test]
fn pages_through_random_orders_meet_every_row_once() {
    let share = run(&Server::new(), 300, 10, check_pages);
    assert!(share > 0.7, "only {share:.2} of the orders are lowered");
}

#[test]
fn the_largest_expressions_are_taken() {
    let server = Server::new();
    let rows = rows(12, &mut Choices::new(&(0..800).map(|at| at * 7919).collect::<Vec<_>>()));
    server.load(&rows);
    check_sizes(&server, &rows);
}

#[test]
fn what_is_not_exact_here_is_left_to_the_evaluator() {
    let lacking: Vec<_> = Operation::all().filter(|operation| !PostgresDialect.has(*operation)).collect();
    assert_eq!(lacking.len(), 7, "{lacking:?}");

    let text = |text: &str| Expression { node: Node::Literal(Literal::Text(text.into())), ty: ValueType::Text };
    let call = |function| {
        let node = Node::Call(function, vec![text("a"), text("b")]);
        Expression { node, ty: ValueType::Boolean }
    };
    let both = |other: Expression| {
        let node = Node::And(vec![call(Function::Contains), other]);
        Expression { node, ty: ValueType::Boolean }
    };
    assert!(can_lower(&both(call(Function::EndsWith)), &PostgresDialect));
    assert!(!can_lower(&both(call(Function::MatchesPattern)), &PostgresDialect));
}
