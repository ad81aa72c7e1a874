//! The change log, as it is read.

use crate::error::engine;
use crate::rows::{end as end_of, key, sequence};
use model::{Actor, ChangeEntry, ChangeKind, ChangedSet, TenantKey, Ticks};
use rusqlite::{Connection, OptionalExtension as _, params};
use store::{ChangeRecord, LogPlace, StoreError};

/// So many entries are read where they are asked for: some hundred microseconds. More are a long read.
pub(crate) const SHORT: u32 = 256;

const READING: &str = "reading the change log";

/// Where a tenant's log ends; `None` when there is no such tenant.
pub(crate) fn end(db: &Connection, tenant: TenantKey) -> Result<Option<LogPlace>, StoreError> {
    let read = engine(READING);
    let mut statement =
        db.prepare_cached("SELECT last_sequence, last_time FROM tenants WHERE tenant = ?1").map_err(&read)?;
    let found = statement.query_row([tenant.0], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(&read)?;
    let Some((sequence, time)) = found else { return Ok(None) };
    let time = Ticks::new(time).ok_or_else(|| StoreError::Corrupt("tenants.last_time is no time".to_owned()))?;
    Ok(Some(LogPlace { sequence, time }))
}

/// The key of the first entry after a time, or from it on; that after the last one when there is none. A
/// dozen or two looks: numbers have no gaps, and times grow with them.
pub(crate) fn first_key(db: &Connection, tenant: TenantKey, time: i64, after: bool) -> Result<i64, StoreError> {
    let read = engine(READING);
    let mut statement = db.prepare_cached("SELECT time FROM changes WHERE key = ?1").map_err(&read)?;
    let (mut low, mut high) = (1, end(db, tenant)?.map_or(0, |end| end.sequence) + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: i64 = statement.query_row([key(tenant, middle)], |row| row.get(0)).map_err(&read)?;
        if found > time || (found == time && !after) { high = middle } else { low = middle + 1 }
    }
    Ok(key(tenant, low))
}

/// Up to `limit` entries after a number, in order.
pub(crate) fn changes(
    db: &Connection,
    tenant: TenantKey,
    after: u64,
    limit: u32,
) -> Result<Vec<ChangeRecord>, StoreError> {
    let read = engine(READING);
    let damaged = |column: &str| StoreError::Corrupt(format!("changes.{column} cannot be read"));
    let mut statement = db
        .prepare_cached(
            "SELECT c.key, c.entity_set, c.id, c.kind, c.properties, c.time, a.app, a.user, r.user_id \
             FROM changes AS c LEFT JOIN actors AS a ON a.actor = c.actor \
             LEFT JOIN risky_users AS r ON r.key = c.risky_user WHERE c.key > ?1 AND c.key < ?2 ORDER BY c.key LIMIT ?3",
        )
        .map_err(&read)?;
    let range = params![key(tenant, after), end_of(tenant), limit];
    let mut found = statement.query(range).map_err(&read)?;
    let mut changes = Vec::new();
    while let Some(row) = found.next().map_err(&read)? {
        let id: String = row.get(2).map_err(&read)?;
        let (app, user): (String, String) = (row.get(6).map_err(&read)?, row.get(7).map_err(&read)?);
        changes.push(ChangeRecord {
            sequence: sequence(row.get(0).map_err(&read)?),
            time: Ticks::new(row.get(5).map_err(&read)?).ok_or_else(|| damaged("time"))?,
            actor: Actor { app: app.into(), user: (!user.is_empty()).then(|| user.into()) },
            entry: ChangeEntry {
                set: ChangedSet::from_value(row.get(1).map_err(&read)?).ok_or_else(|| damaged("entity_set"))?,
                id: id.into(),
                kind: ChangeKind::from_value(row.get(3).map_err(&read)?).ok_or_else(|| damaged("kind"))?,
                properties: row.get(4).map_err(&read)?,
            },
            risky_user: row.get::<_, Option<String>>(8).map_err(&read)?.map(String::into_boxed_str),
        });
    }
    Ok(changes)
}
