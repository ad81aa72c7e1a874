//! Forward-only numbered migrations with checksums, run by one node at a time.
//!
//! Nodes of the version before go on serving while a newer one brings the schema up to date. So a step either expands
//! the schema, which an older version can work with, or contracts it, which it cannot; the first comes a version
//! before the second. A program that finds steps it does not know goes on when all of them expand.

use crate::database::Connection;
use crate::error::engine;
use crate::rows::{integer, text};
use crate::values::cell;
use aws_lc_rs::digest::{SHA256, digest};
use odata::encode::Cell;
use std::fmt::Write as _;
use store::StoreError;

/// A step of the schema.
struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
    /// Whether versions that do not know it cannot work with it.
    contracts: bool,
}

const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "foundation",
        sql: include_str!("../../../migrations/postgres/0001_foundation.sql"),
        contracts: false,
    },
    Migration {
        number: 2,
        name: "functions",
        sql: include_str!("../../../migrations/postgres/0002_functions.sql"),
        contracts: false,
    },
    Migration {
        number: 3,
        name: "directory",
        sql: include_str!("../../../migrations/postgres/0003_directory.sql"),
        contracts: false,
    },
    Migration {
        number: 4,
        name: "places",
        sql: include_str!("../../../migrations/postgres/0004_places.sql"),
        contracts: false,
    },
    Migration {
        number: 5,
        name: "tasks",
        sql: include_str!("../../../migrations/postgres/0005_tasks.sql"),
        contracts: false,
    },
    Migration {
        number: 6,
        name: "candidates",
        sql: include_str!("../../../migrations/postgres/0006_candidates.sql"),
        contracts: false,
    },
];

/// Names the lock of migrations among the database's: "SPLW".
const LOCK: i64 = i32::from_be_bytes(*b"SPLW") as i64;
/// How often it is tried when nodes that read meanwhile get in its way (a deadlock, which the server ends).
const TRIES: usize = 10;

impl Migration {
    fn title(&self) -> String {
        format!("{:04}_{}", self.number, self.name)
    }

    fn checksum(&self) -> String {
        digest(&SHA256, self.sql.as_bytes()).as_ref().iter().fold(String::new(), |mut out, byte| {
            write!(out, "{byte:02x}").expect("a string takes every write");
            out
        })
    }
}

/// A step that was run.
struct Applied {
    number: i64,
    name: String,
    checksum: String,
    contracts: bool,
}

/// Brings the schema up to date; answers the names of the steps that ran.
pub(crate) async fn migrate(db: &Connection) -> Result<Vec<String>, StoreError> {
    if missing(db).await?.is_empty() {
        return Ok(Vec::new()); // no lock is taken where there is nothing to do
    }
    let mut tries = 1..TRIES;
    loop {
        match run(db).await {
            Err(StoreError::Busy) if tries.next().is_some() => db.roll_back().await,
            done => return done,
        }
    }
}

/// One attempt: all steps or none.
async fn run(db: &Connection) -> Result<Vec<String>, StoreError> {
    let doing = engine("migrating the schema");
    db.begin("BEGIN").await.map_err(doing)?;
    // Another node may be at it: that may take longer than any other lock.
    db.run(&format!(
        "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})"
    ))
    .await
    .map_err(doing)?;
    db.run(
        "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, \
         contracts BOOLEAN NOT NULL)",
    )
    .await
    .map_err(doing)?;
    // Every write begins with a row of this table (docs/adr/0007-postgresql.md). Whoever writes comes to an end, and the
    // next ones wait here, where they hold nothing that a step could wait for.
    if exists(db, "tenants").await? {
        db.run("LOCK TABLE tenants IN EXCLUSIVE MODE").await.map_err(doing)?;
    }
    let mut ran = Vec::new();
    for migration in missing(db).await? {
        db.run(migration.sql).await.map_err(doing)?;
        let note = "INSERT INTO migrations (number, name, sha256, contracts) VALUES ($1, $2, $3, $4)";
        db.execute(note, &[&migration.number, &migration.name, &migration.checksum(), &migration.contracts])
            .await
            .map_err(doing)?;
        ran.push(migration.title());
    }
    db.commit().await.map_err(doing)?;
    Ok(ran)
}

/// The steps that are not there yet; fails when one that is there is not as this version knows it.
async fn missing(db: &Connection) -> Result<Vec<&'static Migration>, StoreError> {
    let applied = applied(db).await?;
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.number);
    if let Some(unknown) = applied.iter().find(|applied| applied.number > newest && applied.contracts) {
        return Err(StoreError::Unusable(format!(
            "the database was taken over by a newer version of Spillwatch (schema {:04}_{}; this version knows {newest:04}); \
             use that version or a newer one",
            unknown.number, unknown.name
        )));
    }
    for migration in MIGRATIONS {
        let found = applied.iter().find(|applied| applied.number == migration.number);
        if found.is_some_and(|found| found.checksum != migration.checksum()) {
            return Err(StoreError::Unusable(format!(
                "the database's schema {} is not the one that this version made: its checksum differs",
                migration.title()
            )));
        }
    }
    let is_there = |migration: &&Migration| applied.iter().any(|applied| applied.number == migration.number);
    Ok(MIGRATIONS.iter().filter(|migration| !is_there(migration)).collect())
}

async fn applied(db: &Connection) -> Result<Vec<Applied>, StoreError> {
    const WHAT: &str = "a row of migrations";
    let doing = engine("reading the schema's version");
    if !exists(db, "migrations").await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT number, name, sha256, contracts FROM migrations ORDER BY number";
    let found = db.query(sql, &[]).await.map_err(doing)?;
    let step = |row| {
        Ok(Applied {
            number: integer(row, 0, WHAT)?,
            name: text(row, 1, WHAT)?.to_owned(),
            checksum: text(row, 2, WHAT)?.to_owned(),
            contracts: integer(row, 3, WHAT)? != 0,
        })
    };
    found.iter().map(step).collect()
}

/// Whether there is such a table.
async fn exists(db: &Connection, table: &str) -> Result<bool, StoreError> {
    let there = db.query_opt("SELECT to_regclass($1)::text", &[&table]).await;
    let there = there.map_err(engine("looking for a table"))?;
    Ok(there.is_some_and(|row| cell(&row, 0) != Cell::Null))
}

/// The newest step that was run, for people.
pub(crate) async fn newest(db: &Connection) -> Result<String, StoreError> {
    let last = applied(db).await?.pop();
    Ok(last.map_or_else(|| "none".to_owned(), |step| format!("{:04}_{}", step.number, step.name)))
}
