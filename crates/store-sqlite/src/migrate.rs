//! Forward-only numbered migrations with checksums, run under the write lock.

use crate::error::engine;
use crate::rows;
use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::{Connection, params};
use store::StoreError;

/// A step of the schema.
struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> String {
        hex(digest(&SHA256, self.sql.as_bytes()).as_ref())
    }
}

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "foundation", sql: include_str!("../../../migrations/sqlite/0001_foundation.sql") },
    Migration { number: 2, name: "queries", sql: include_str!("../../../migrations/sqlite/0002_queries.sql") },
    Migration {
        number: 3,
        name: "repeatability",
        sql: include_str!("../../../migrations/sqlite/0003_repeatability.sql"),
    },
    Migration {
        number: 4,
        name: "identity_protection",
        sql: include_str!("../../../migrations/sqlite/0004_identity_protection.sql"),
    },
    Migration { number: 5, name: "evidence", sql: include_str!("../../../migrations/sqlite/0005_evidence.sql") },
    Migration { number: 6, name: "directory", sql: include_str!("../../../migrations/sqlite/0006_directory.sql") },
    Migration { number: 7, name: "places", sql: include_str!("../../../migrations/sqlite/0007_places.sql") },
    Migration { number: 8, name: "tasks", sql: include_str!("../../../migrations/sqlite/0008_tasks.sql") },
    Migration { number: 9, name: "candidates", sql: include_str!("../../../migrations/sqlite/0009_candidates.sql") },
    Migration { number: 10, name: "detections", sql: include_str!("../../../migrations/sqlite/0010_detections.sql") },
];

/// The newest schema that this version knows.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Brings the schema up to date; answers the names of the steps that ran.
pub(crate) fn migrate(db: &Connection) -> Result<Vec<String>, StoreError> {
    let doing = engine("migrating the schema");
    db.execute_batch("BEGIN IMMEDIATE").map_err(&doing)?;
    let outcome = migrate_locked(db);
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    if !db.is_autocommit() {
        db.execute_batch(end).map_err(doing)?;
    }
    outcome
}

fn migrate_locked(db: &Connection) -> Result<Vec<String>, StoreError> {
    let doing = engine("migrating the schema");
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) \
         STRICT",
    )
    .map_err(&doing)?;
    let applied = known(db)?;
    let mut ran = Vec::new();
    rows::register_for_migrations(db).map_err(&doing)?;
    for migration in MIGRATIONS {
        if !applied.contains(&migration.number) {
            db.execute_batch(migration.sql).map_err(&doing)?;
            db.execute(
                "INSERT INTO migrations (number, name, sha256) VALUES (?1, ?2, ?3)",
                params![migration.number, migration.name, migration.checksum()],
            )
            .map_err(&doing)?;
            ran.push(format!("{:04}_{}", migration.number, migration.name));
        }
    }
    Ok(ran)
}

/// The numbers of the steps that were run; fails when one is not as this version knows it.
pub(crate) fn known(db: &Connection) -> Result<Vec<i64>, StoreError> {
    let applied = applied(db)?;
    if let Some((number, name, _)) = applied.iter().find(|(number, ..)| *number > newest()) {
        return Err(StoreError::Unusable(format!(
            "the store was written by a newer version of Spillwatch (schema {number:04}_{name}; this version knows \
             {:04}); use that version or a newer one",
            newest()
        )));
    }
    for migration in MIGRATIONS {
        let found = applied.iter().find(|(number, ..)| *number == migration.number);
        if found.is_some_and(|(.., found)| *found != migration.checksum()) {
            return Err(StoreError::Unusable(format!(
                "the store's schema {:04}_{} is not the one that this version made: its checksum differs",
                migration.number, migration.name
            )));
        }
    }
    Ok(applied.into_iter().map(|(number, ..)| number).collect())
}

fn applied(db: &Connection) -> Result<Vec<(i64, String, String)>, StoreError> {
    let read = || -> rusqlite::Result<Vec<_>> {
        let mut statement = db.prepare("SELECT number, name, sha256 FROM migrations ORDER BY number")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    read().map_err(engine("reading the schema's version"))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes every write");
        out
    })
}
