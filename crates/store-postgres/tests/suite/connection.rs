//! A connection for tests of what is written in SQL.

use postgres_cluster::{Database, shared};
use std::error::Error;
use store::sql::SqlValue;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Row};

/// The functions that expressions are made of.
const FUNCTIONS: &str = include_str!("../../../../migrations/postgres/0002_functions.sql");

/// A value and its type, as a statement takes them.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection to a database of its own, with a runtime of its own: expressions are checked one after the other.
pub(crate) struct Connection {
    runtime: Runtime,
    client: Client,
    _database: Database,
}

impl Connection {
    /// Makes a database with the functions in it, and connects to it.
    pub(crate) fn new() -> Self {
        let database = shared().database();
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, connection) =
            runtime.block_on(tokio_postgres::connect(database.url(), NoTls)).expect("a connection");
        runtime.spawn(async { drop(connection.await) });
        let connection = Self { runtime, client, _database: database };
        connection.execute(FUNCTIONS);
        connection
    }

    /// Runs statements.
    pub(crate) fn execute(&self, text: &str) {
        self.runtime.block_on(self.client.batch_execute(text)).unwrap_or_else(|error| panic!("{error:?}: {text}"));
    }

    /// The rows of a statement, in one round trip.
    pub(crate) fn rows(&self, text: &str, parameters: &[Parameter<'_>]) -> Vec<Row> {
        let rows = self.runtime.block_on(self.client.query_typed(text, parameters));
        rows.unwrap_or_else(|error| panic!("{error:?}: {text}"))
    }
}

/// Null of any type.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as a parameter.
pub(crate) fn parameter(value: &SqlValue) -> (Box<dyn ToSql + Sync>, Type) {
    match value {
        SqlValue::Null => (Box::new(Null), Type::UNKNOWN),
        SqlValue::Boolean(value) => (Box::new(*value), Type::BOOL),
        SqlValue::Integer(value) => (Box::new(*value), Type::INT8),
        SqlValue::Double(value) => (Box::new(*value), Type::FLOAT8),
        SqlValue::Text(text) => (Box::new(text.to_string()), Type::TEXT),
    }
}

/// A value in a row.
pub(crate) fn value(row: &Row, at: usize) -> SqlValue {
    let found = match *row.columns()[at].type_() {
        Type::BOOL => row.get::<_, Option<bool>>(at).map(SqlValue::Boolean),
        Type::INT8 => row.get::<_, Option<i64>>(at).map(SqlValue::Integer),
        Type::FLOAT8 => row.get::<_, Option<f64>>(at).map(SqlValue::Double),
        Type::TEXT => row.get::<_, Option<&str>>(at).map(SqlValue::from),
        ref other => panic!("a column of type {other}"),
    };
    found.unwrap_or(SqlValue::Null)
}
