//! What `store::sql` writes, run by SQLite and held against the evaluator.

mod shapes;

use crate::dialect::SqliteDialect;
use crate::functions;
use odata::edm::Type;
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use store::contract::expressions::{
    Choices, Engine, TestRow, TestTable, check_filter, check_pages, check_sizes, check_value, rows, tables,
};
use store::sql::{Dialect, SqlValue};

/// An SQLite in memory.
struct Memory(Connection);

impl Memory {
    fn with(rows: &[TestRow]) -> Self {
        let db = Connection::open_in_memory().expect("a database");
        functions::register(&db).expect("functions");
        let memory = Self(db);
        for table in tables(rows) {
            memory.load(&table);
        }
        memory
    }

    fn load(&self, table: &TestTable) {
        let columns: Vec<String> =
            table.columns.iter().map(|(name, ty)| format!("{name} {}", column_type(ty))).collect();
        let create = format!("CREATE TABLE {} ({}, PRIMARY KEY (key)) STRICT", table.name, columns.join(", "));
        self.0.execute_batch(&create).expect(&create);
        let places = vec!["?"; columns.len()].join(", ");
        for row in &table.rows {
            let insert = format!("INSERT INTO {} VALUES ({places})", table.name);
            self.0
                .prepare_cached(&insert)
                .expect(&insert)
                .execute(params_from_iter(row.iter().map(bound)))
                .expect(&insert);
        }
    }
}

fn column_type(ty: &Type) -> &'static str {
    match ty {
        Type::String { .. } | Type::Collection { .. } | Type::Complex(_) => "TEXT",
        Type::Boolean | Type::Int32 | Type::DateTimeOffset | Type::Enum(_) => "INTEGER",
        Type::Double => "REAL",
    }
}

fn bound(value: &SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Boolean(value) => Value::Integer((*value).into()),
        SqlValue::Integer(value) => Value::Integer(*value),
        SqlValue::Double(value) => Value::Real(*value),
        SqlValue::Text(text) => Value::Text(text.to_string()),
    }
}

impl Engine for Memory {
    fn dialect(&self) -> &dyn Dialect {
        &SqliteDialect
    }

    fn query(&self, text: &str, values: &[SqlValue]) -> Vec<Vec<SqlValue>> {
        let mut statement = self.0.prepare(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let columns = statement.column_count();
        let read = |row: &rusqlite::Row<'_>| {
            (0..columns)
                .map(|at| {
                    Ok(match row.get_ref(at)? {
                        ValueRef::Null => SqlValue::Null,
                        ValueRef::Integer(value) => SqlValue::Integer(value),
                        ValueRef::Real(value) => SqlValue::Double(value),
                        ValueRef::Text(bytes) => SqlValue::from(std::str::from_utf8(bytes).expect("UTF-8")),
                        ValueRef::Blob(_) => panic!("a blob from {text}"),
                    })
                })
                .collect()
        };
        let found = statement.query_map(params_from_iter(values.iter().map(bound)), read).expect(text);
        found.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// Numbers to choose rows with, and for each check some to choose its expression with.
fn tapes(checks: usize) -> impl Strategy<Value = (Vec<u32>, Vec<Vec<u32>>)> {
    (vec(any::<u32>(), 0..800), vec(vec(any::<u32>(), 0..100), checks))
}

/// Draws rows and carries out the checks.
fn run((rows_tape, tapes): &(Vec<u32>, Vec<Vec<u32>>), check: fn(&dyn Engine, &[TestRow], &mut Choices<'_>) -> bool) {
    let rows = rows(12, &mut Choices::new(rows_tape));
    let memory = Memory::with(&rows);
    for tape in tapes {
        assert!(check(&memory, &rows, &mut Choices::new(tape)), "SQLite has words for everything");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_expressions_have_the_evaluators_value(tapes in tapes(20)) {
        run(&tapes, check_value);
    }

    #[test]
    fn random_filters_keep_the_evaluators_rows(tapes in tapes(20)) {
        run(&tapes, check_filter);
    }

    #[test]
    fn pages_through_random_orders_meet_every_row_once(tapes in tapes(10)) {
        run(&tapes, check_pages);
    }
}

#[test]
fn the_largest_expressions_are_taken() {
    let rows = rows(12, &mut Choices::new(&(0..800).map(|at| at * 7919).collect::<Vec<_>>()));
    check_sizes(&Memory::with(&rows), &rows);
}
