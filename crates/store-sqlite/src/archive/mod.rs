//! The store as a transfer reads and writes it: its own tables in a form that is no store's own ([`store::transfer`]).

mod shapes;

use crate::check;
use crate::error::engine;
use crate::open::open_writer;
use crate::rows::{SEQUENCE_BITS, TENANTS_END, end, key};
use model::TenantKey;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Statement, ToSql, params, params_from_iter};
use shapes::shape_of;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::transfer::{Archive, Identity, Mark, Row, Scope, TABLES, Table, TenantIdentity, Value, overtaken};
use store::{BoxFuture, Finding, StoreError};

/// Pages of the log after which a commit moves it into the file: nobody else does that here.
const LOG_PAGES: u32 = 4000;

/// A store in a folder, with one connection that nobody else needs to wait for.
pub struct SqliteArchive {
    db: Mutex<Connection>,
    path: PathBuf,
}

impl SqliteArchive {
    /// Opens the store in `folder`, made when it is not there, and brings its schema up to date.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let (path, db, _) = open_writer(folder)?;
        db.execute_batch(&format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}"))
            .map_err(engine("opening the database file"))?;
        Ok(Self { db: Mutex::new(db), path })
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes in one transaction.
    fn write<T>(
        &self,
        doing: &'static str,
        write: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let db = self.db();
        db.execute_batch("BEGIN IMMEDIATE").map_err(engine(doing))?;
        let outcome = write(&db);
        if outcome.is_ok() {
            db.execute_batch("COMMIT").map_err(engine(doing))?;
        }
        if !db.is_autocommit() {
            db.execute_batch("ROLLBACK").map_err(engine(doing))?;
        }
        outcome
    }
}

/// Whether the store is the target of a transfer that has not come to its end.
pub(crate) fn is_unfinished(db: &Connection) -> Result<bool, StoreError> {
    db.query_row("SELECT 1 FROM sqlite_schema WHERE name = 'transfer'", [], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
        .map_err(engine("looking for a transfer"))
}

impl Archive for SqliteArchive {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, StoreError>> {
        Box::pin(ready(identity(&self.db()).map_err(engine("reading how far the store is"))))
    }

    fn count(&self, table: &'static Table) -> BoxFuture<'_, Result<u64, StoreError>> {
        let count = self.db().query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| row.get(0));
        Box::pin(ready(count.map_err(engine("counting rows"))))
    }

    fn rows<'a>(
        &'a self,
        table: &'static Table,
        scope: Scope<'a>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(ready(rows(&self.db(), table, scope, limit)))
    }

    fn mark(&self) -> BoxFuture<'_, Result<Option<Mark>, StoreError>> {
        let db = self.db();
        let mark = match is_unfinished(&db) {
            Ok(true) => db
                .query_row("SELECT source, step, state FROM transfer", [], |row| {
                    Ok(Mark { source: row.get(0)?, step: row.get(1)?, state: row.get(2)? })
                })
                .map(Some)
                .map_err(engine("reading how far a transfer is")),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        };
        Box::pin(ready(mark))
    }

    fn begin<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<bool, StoreError>> {
        let doing = "beginning a transfer";
        let begun = self.write(doing, |db| {
            let tenants: i64 =
                db.query_row("SELECT count(*) FROM tenants", [], |row| row.get(0)).map_err(engine(doing))?;
            if tenants > 0 || is_unfinished(db)? {
                return Ok(false);
            }
            delete_all(db).map_err(engine(doing))?; // what removed tenants left
            db.execute_batch(
                "CREATE TABLE transfer (source TEXT NOT NULL, step INTEGER NOT NULL, state TEXT NOT NULL) STRICT",
            )
            .map_err(engine(doing))?;
            db.execute(
                "INSERT INTO transfer (source, step, state) VALUES (?1, ?2, ?3)",
                params![mark.source, mark.step, mark.state],
            )
            .map_err(engine(doing))?;
            Ok(true)
        });
        Box::pin(ready(begun))
    }

    fn clear<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<(), StoreError>> {
        let doing = "beginning a transfer anew";
        let cleared = self.write(doing, |db| {
            delete_all(db).map_err(engine(doing))?;
            move_mark(db, mark)?;
            db.execute("UPDATE transfer SET source = ?1", [&mark.source]).map(drop).map_err(engine(doing))
        });
        Box::pin(ready(cleared))
    }

    fn put<'a>(
        &'a self,
        table: &'static Table,
        rows: &'a [Row],
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let put = self.write("adding rows", |db| {
            move_mark(db, mark)?;
            put(db, table, rows)
        });
        Box::pin(ready(put))
    }

    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(ready(check::check(&self.db(), &self.path)))
    }

    fn finish<'a>(&'a self, source: &'a Identity) -> BoxFuture<'a, Result<(), StoreError>> {
        let doing = "ending a transfer";
        let finished = self.write(doing, |db| {
            db.execute("UPDATE registry SET epoch = ?1", [source.epoch]).map_err(engine(doing))?;
            db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'tenants'", [source.last_tenant])
                .map_err(engine(doing))?;
            db.execute_batch("DROP TABLE transfer").map_err(engine(doing))
        });
        Box::pin(ready(finished))
    }
}

fn identity(db: &Connection) -> rusqlite::Result<Identity> {
    db.execute_batch("BEGIN")?; // one moment
    let identity = identity_now(db);
    db.execute_batch("COMMIT")?;
    identity
}

fn identity_now(db: &Connection) -> rusqlite::Result<Identity> {
    let epoch = db.query_row("SELECT epoch FROM registry", [], |row| row.get(0))?;
    let last_tenant = db
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'tenants'", [], |row| row.get(0))
        .optional()?
        .unwrap_or_default();
    let mut statement = db.prepare("SELECT tenant, id, last_sequence, last_time FROM tenants ORDER BY tenant")?;
    let tenants = statement.query_map([], |row| {
        let number: u32 = row.get(0)?;
        let place = |order: &str| {
            let sql = format!(
                "SELECT key FROM repeatable_requests WHERE key >= ?1 AND key < ?2 ORDER BY key {order} LIMIT 1"
            );
            let range = [key(TenantKey(number), 0), end(TenantKey(number))];
            db.prepare_cached(&sql)?.query_row(range, |row| row.get::<_, i64>(0)).optional()
        };
        Ok(TenantIdentity {
            number: number.into(),
            id: row.get(1)?,
            sequence: row.get(2)?,
            time: row.get(3)?,
            requests: place("ASC")?.zip(place("DESC")?).map(|(oldest, newest)| (number_in(oldest), number_in(newest))),
        })
    })?;
    Ok(Identity { epoch, last_tenant, tenants: tenants.collect::<Result<_, _>>()? })
}

/// A key without its tenant.
fn number_in(key: i64) -> i64 {
    key & ((1 << SEQUENCE_BITS) - 1)
}

fn delete_all(db: &Connection) -> rusqlite::Result<()> {
    for table in TABLES {
        db.execute(&format!("DELETE FROM {}", table.name), [])?;
    }
    db.execute("DELETE FROM subjects", []).map(drop)
}

/// Fails when somebody else has moved the mark.
fn move_mark(db: &Connection, mark: &Mark) -> Result<(), StoreError> {
    let moved = db
        .prepare_cached("UPDATE transfer SET step = ?1, state = ?2 WHERE step = ?1 - 1")
        .and_then(|mut statement| statement.execute(params![mark.step, mark.state]));
    if moved.map_err(engine("keeping how far a transfer is"))? == 1 { Ok(()) } else { Err(overtaken()) }
}

fn rows(db: &Connection, table: &'static Table, scope: Scope<'_>, limit: u32) -> Result<Vec<Row>, StoreError> {
    let read = engine("reading rows");
    let (sql, values) = shapes::select(table, shape_of(table), scope, limit)?;
    let mut statement = db.prepare_cached(&sql).map_err(&read)?;
    let mut found = statement.query(params_from_iter(values.iter().map(Bound))).map_err(&read)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(&read)? {
        let value = |at: usize| {
            Ok(match row.get_ref(at).map_err(&read)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Integer(value),
                ValueRef::Blob(bytes) => Value::Bytes(bytes.into()),
                ValueRef::Text(bytes) => Value::Text(
                    std::str::from_utf8(bytes).map_err(|_| damaged(table, at, "a text that is not UTF-8"))?.into(),
                ),
                ValueRef::Real(_) => return Err(damaged(table, at, "a number with a fraction")),
            })
        };
        rows.push((0..table.columns.len()).map(value).collect::<Result<Row, StoreError>>()?);
    }
    Ok(rows)
}

fn damaged(table: &Table, at: usize, what: &str) -> StoreError {
    StoreError::Corrupt(format!("{}.{} holds {what}", table.name, table.columns[at].name))
}

/// A value as a parameter.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Owned::Null),
            Value::Integer(value) => ToSqlOutput::Owned(Owned::Integer(*value)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn put(db: &Connection, table: &'static Table, rows: &[Row]) -> Result<(), StoreError> {
    let write = engine("adding rows");
    let shape = shape_of(table);
    for row in rows {
        must_fit(table, row)?;
    }
    let insert = shapes::insert(table, shape);
    let steps = shape.before.iter().copied().chain([insert.as_str()]).chain(shape.after.iter().copied());
    let mut statements = Vec::new();
    for sql in steps {
        statements.push(Step::new(db.prepare_cached(sql).map_err(&write)?, table).map_err(&write)?);
    }
    for row in rows {
        for step in &mut statements {
            step.run(row).map_err(&write)?;
        }
    }
    Ok(())
}

/// Keys hold the tenant and the number.
fn must_fit(table: &Table, row: &Row) -> Result<(), StoreError> {
    let Some(Value::Integer(tenant)) = row.first() else { return Ok(()) };
    let has_room = |number: &Value| match number {
        Value::Integer(number) => (0..1 << SEQUENCE_BITS).contains(number),
        _ => true,
    };
    let is_keyed = shape_of(table).key.is_some();
    if (1..i64::from(TENANTS_END) - 1).contains(tenant) && (!is_keyed || row.get(1).is_none_or(has_room)) {
        return Ok(());
    }
    Err(StoreError::Unusable(format!(
        "a row of {} has a tenant or a number that is too large for this kind of store",
        table.name
    )))
}

/// A statement that is run for each row, and which of its parameters has the value of which column.
struct Step<S> {
    statement: S,
    values: Vec<(usize, usize)>,
}

impl<'db, S: std::ops::DerefMut<Target = Statement<'db>>> Step<S> {
    fn new(statement: S, table: &Table) -> rusqlite::Result<Self> {
        let mut values = Vec::new();
        for (place, column) in table.columns.iter().enumerate() {
            if let Some(parameter) = statement.parameter_index(&format!(":{}", column.name))? {
                values.push((parameter, place));
            }
        }
        Ok(Self { statement, values })
    }

    fn run(&mut self, row: &Row) -> rusqlite::Result<()> {
        for (parameter, place) in &self.values {
            self.statement.raw_bind_parameter(*parameter, Bound(&row[*place]))?;
        }
        self.statement.raw_execute().map(drop)
    }
}
