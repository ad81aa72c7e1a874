//! The store as a transfer reads and writes it: its own tables in a form that is no store's own ([`store::transfer`]).

mod sql;

use crate::check;
use crate::database::{Connection, Database};
use crate::error::engine;
use crate::rows::{damaged, integer, text};
use crate::values::cell;
use crate::{migrate, must_be_utf8};
use odata::encode::Cell;
use store::transfer::{
    Archive, Identity, Mark, Row, Scope, TABLES, Table, TenantIdentity, Type, Value, overtaken, unfinished,
};
use store::{BoxFuture, Finding, StoreError};
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::types::ToSql;

/// A store in a database, with one connection whose statements may take as long as they do.
pub struct PostgresArchive {
    db: Mutex<Connection>,
}

impl PostgresArchive {
    /// Connects to the database at `url`, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let db = Database::new(url)?.writer().await?;
        must_be_utf8(&db).await?;
        migrate::migrate(&db).await?;
        db.run("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            .await
            .map_err(engine("setting the connection up"))?;
        Ok(Self { db: Mutex::new(db) })
    }

    async fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().await
    }

    /// Writes in one transaction.
    async fn write<T>(
        db: &Connection,
        doing: &'static str,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        db.begin("BEGIN").await.map_err(engine(doing))?;
        let outcome = write.await;
        match &outcome {
            Ok(_) => db.commit().await.map_err(engine(doing))?,
            Err(_) => db.roll_back().await,
        }
        outcome
    }
}

/// Refuses the target of a transfer that has not come to its end.
pub(crate) async fn must_be_finished(db: &Connection) -> Result<(), StoreError> {
    if is_unfinished(db).await? { Err(unfinished()) } else { Ok(()) }
}

async fn is_unfinished(db: &Connection) -> Result<bool, StoreError> {
    let found = db.query_opt("SELECT to_regclass('transfer')::text", &[]).await;
    Ok(found.map_err(engine("looking for a transfer"))?.is_some_and(|row| cell(&row, 0) != Cell::Null))
}

impl Archive for PostgresArchive {
    fn identity(&self) -> BoxFuture<'_, Result<Identity, StoreError>> {
        Box::pin(async {
            let db = self.db().await;
            db.at_one_moment(identity(&db)).await
        })
    }

    fn count(&self, table: &'static Table) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async {
            let sql = format!("SELECT count(*) FROM {}", table.name);
            let row = self.db().await.query_opt(&sql, &[]).await.map_err(engine("counting rows"))?;
            row.map_or(Ok(0), |row| Ok(integer(&row, 0, table.name)? as u64))
        })
    }

    fn rows<'a>(
        &'a self,
        table: &'static Table,
        scope: Scope<'a>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let (sql, values) = sql::select(table, scope, limit);
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
            let rows = self.db().await.query(&sql, &values).await.map_err(engine("reading rows"))?;
            rows.iter().map(|row| row_of(table, row)).collect()
        })
    }

    fn mark(&self) -> BoxFuture<'_, Result<Option<Mark>, StoreError>> {
        Box::pin(async {
            let db = self.db().await;
            if !is_unfinished(&db).await? {
                return Ok(None);
            }
            let row = db.query_opt("SELECT source, step, state FROM transfer", &[]).await;
            let row = row.map_err(engine("reading how far a transfer is"))?.ok_or_else(|| damaged("transfer"))?;
            Ok(Some(Mark {
                source: text(&row, 0, "transfer.source")?.into(),
                step: integer(&row, 1, "transfer.step")?,
                state: text(&row, 2, "transfer.state")?.into(),
            }))
        })
    }

    fn begin<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<bool, StoreError>> {
        let doing = "beginning a transfer";
        Box::pin(async move {
            let db = self.db().await;
            let begin = async {
                // Nobody else adds a tenant, or begins a transfer.
                db.run("SELECT epoch FROM registry FOR UPDATE").await.map_err(engine(doing))?;
                let tenant = db.query_opt("SELECT tenant FROM tenants LIMIT 1", &[]).await.map_err(engine(doing))?;
                if tenant.is_some() || is_unfinished(&db).await? {
                    return Ok(false);
                }
                // What removed tenants left.
                db.run(&delete_all()).await.map_err(engine(doing))?;
                db.run("CREATE TABLE transfer (source TEXT NOT NULL, step BIGINT NOT NULL, state TEXT NOT NULL)")
                    .await
                    .map_err(engine(doing))?;
                let insert = "INSERT INTO transfer (source, step, state) VALUES ($1, $2, $3)";
                let inserted = db.execute(insert, &[&&*mark.source, &mark.step, &&*mark.state]).await;
                inserted.map_err(engine(doing))?;
                Ok(true)
            };
            Self::write(&db, doing, begin).await
        })
    }

    fn clear<'a>(&'a self, mark: &'a Mark) -> BoxFuture<'a, Result<(), StoreError>> {
        let doing = "beginning a transfer anew";
        Box::pin(async move {
            let db = self.db().await;
            let clear = async {
                db.run(&delete_all()).await.map_err(engine(doing))?;
                move_mark(&db, mark).await?;
                let moved = db.execute("UPDATE transfer SET source = $1", &[&&*mark.source]).await;
                moved.map(drop).map_err(engine(doing))
            };
            Self::write(&db, doing, clear).await
        })
    }

    fn put<'a>(
        &'a self,
        table: &'static Table,
        rows: &'a [Row],
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let doing = "adding rows";
        Box::pin(async move {
            let db = self.db().await;
            let put = async {
                move_mark(&db, mark).await?;
                if rows.is_empty() {
                    return Ok(());
                }
                let (sql, values) = sql::insert(table, rows);
                let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
                let added = db.execute(&sql, &values).await.map_err(engine(doing))?;
                if added == rows.len() as u64 {
                    return Ok(());
                }
                Err(StoreError::Corrupt(format!("who made some rows of {} is not known", table.name)))
            };
            Self::write(&db, doing, put).await
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Vec<Finding>, StoreError>> {
        Box::pin(async {
            let db = self.db().await;
            db.run("ANALYZE").await.map_err(engine("counting values"))?;
            check::invariants(&db).await
        })
    }

    fn finish<'a>(&'a self, source: &'a Identity) -> BoxFuture<'a, Result<(), StoreError>> {
        let doing = "ending a transfer";
        Box::pin(async move {
            let db = self.db().await;
            let finish = async {
                db.execute("UPDATE registry SET epoch = $1", &[&source.epoch]).await.map_err(engine(doing))?;
                let sequence = "SELECT setval('tenants_tenant_seq', greatest($1::bigint, max(tenant))) FROM tenants";
                db.query(sequence, &[&source.last_tenant]).await.map_err(engine(doing))?;
                db.run("DROP TABLE transfer").await.map_err(engine(doing))
            };
            Self::write(&db, doing, finish).await
        })
    }
}

async fn identity(db: &Connection) -> Result<Identity, StoreError> {
    let doing = engine("reading how far the store is");
    let row = db.query_opt("SELECT epoch FROM registry", &[]).await.map_err(doing)?;
    let epoch = integer(&row.ok_or_else(|| damaged("registry"))?, 0, "registry.epoch")?;
    let last = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tenants_tenant_seq";
    let row = db.query_opt(last, &[]).await.map_err(doing)?;
    let last_tenant = integer(&row.ok_or_else(|| damaged("tenants_tenant_seq"))?, 0, "tenants_tenant_seq")?;
    let tenants = "SELECT tenant, id, last_sequence, last_time, \
                   (SELECT min(number) FROM repeatable_requests AS r WHERE r.tenant = t.tenant), \
                   (SELECT max(number) FROM repeatable_requests AS r WHERE r.tenant = t.tenant) \
                   FROM tenants AS t ORDER BY tenant";
    let tenants = db.query(tenants, &[]).await.map_err(doing)?;
    let tenant = |row| {
        Ok(TenantIdentity {
            number: integer(row, 0, "tenants.tenant")?,
            id: text(row, 1, "tenants.id")?.into(),
            sequence: integer(row, 2, "tenants.last_sequence")?,
            time: integer(row, 3, "tenants.last_time")?,
            requests: match (cell(row, 4), cell(row, 5)) {
                (Cell::Integer(oldest), Cell::Integer(newest)) => Some((oldest, newest)),
                _ => None,
            },
        })
    };
    let tenants = tenants.iter().map(tenant).collect::<Result<_, StoreError>>()?;
    Ok(Identity { epoch, last_tenant, tenants })
}

fn delete_all() -> String {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    format!("TRUNCATE {}, removed_tenants", names.join(", "))
}

/// Fails when somebody else has moved the mark.
async fn move_mark(db: &Connection, mark: &Mark) -> Result<(), StoreError> {
    let sql = "UPDATE transfer SET step = $1::bigint, state = $2 WHERE step = $1::bigint - 1";
    let moved = db.execute(sql, &[&mark.step, &&*mark.state]).await;
    if moved.map_err(engine("keeping how far a transfer is"))? == 1 { Ok(()) } else { Err(overtaken()) }
}

fn row_of(table: &'static Table, row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let value = |place: usize| {
        let column = table.columns[place];
        if column.ty == Type::Bytes {
            let bytes: Option<&[u8]> = row.try_get(place).map_err(engine("reading rows"))?;
            return Ok(bytes.map_or(Value::Null, |bytes| Value::Bytes(bytes.into())));
        }
        match cell(row, place) {
            Cell::Null => Ok(Value::Null),
            Cell::Integer(value) => Ok(Value::Integer(value)),
            Cell::Text(text) => Ok(Value::Text(text.into())),
            _ => Err(damaged(&format!("{}.{}", table.name, column.name))),
        }
    };
    (0..table.columns.len()).map(value).collect()
}
