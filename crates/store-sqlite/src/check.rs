//! Whether a store is sound: what `spillwatch doctor` prints.

use crate::error::engine;
use crate::migrate;
use crate::rows::{OF_USERS, end, key};
use model::TenantKey;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use store::{Finding, StoreError};

/// Looks at everything. Damage is a finding, not an error.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<Vec<Finding>, StoreError> {
    let mut findings = Vec::new();
    match look(db, path, &mut findings) {
        Err(StoreError::Corrupt(detail)) => findings.push(Finding { subject: "integrity", sound: false, detail }),
        outcome => outcome?,
    }
    Ok(findings)
}

fn look(db: &Connection, path: &Path, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
    let doing = engine("checking the store");
    let mut note = |subject, sound, detail: String| findings.push(Finding { subject, sound, detail });

    let mode = std::fs::metadata(path).map(|about| about.permissions().mode() & 0o777);
    match mode {
        Ok(mode) => {
            note("file permissions", mode.trailing_zeros() >= 6, format!("{mode:03o}; others must have no access"));
        }
        Err(error) => note("file permissions", false, error.to_string()),
    }
    let version: i64 = db.query_row("SELECT max(number) FROM migrations", [], |row| row.get(0)).map_err(&doing)?;
    note("schema", version == migrate::newest(), format!("version {version:04} of {:04}", migrate::newest()));
    let journal: String = db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(&doing)?;
    note("journal mode", journal == "wal", journal);
    let integrity: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(&doing)?;
    if integrity != "ok" {
        note("integrity", false, integrity);
        return Ok(()); // counting damaged tables would say nothing
    }
    note("integrity", true, integrity);

    let mut statement = db.prepare("SELECT tenant FROM tenants ORDER BY tenant").map_err(&doing)?;
    let tenants = statement.query_map([], |row| Ok(TenantKey(row.get(0)?)));
    let tenants: Vec<_> = tenants.and_then(Iterator::collect).map_err(&doing)?;
    note("tenants", !tenants.is_empty(), format!("{}", tenants.len()));
    let (mut rows, mut totals, mut changes) = (0, None, None);
    for tenant in tenants {
        // One moment for all that is compared: others may be writing.
        db.execute_batch("BEGIN").map_err(&doing)?;
        let looked = compare_totals(db, tenant).and_then(|(counted, fault)| {
            rows += counted;
            totals = totals.take().or(fault);
            changes = changes.take().or(compare_changes(db, tenant)?);
            Ok(())
        });
        db.execute_batch("COMMIT").map_err(&doing)?;
        looked.map_err(&doing)?;
    }
    let compared = format!("{rows} rows counted, compared with the totals that are kept");
    note("kept totals", totals.is_none(), totals.unwrap_or(compared));
    let dense = "every number up to the newest is there";
    note("change log", changes.is_none(), changes.unwrap_or_else(|| dense.to_owned()));
    Ok(())
}

/// Counts a tenant's rows, and tells the first total that does not agree.
fn compare_totals(db: &Connection, tenant: TenantKey) -> rusqlite::Result<(i64, Option<String>)> {
    type Counts = BTreeSet<(i64, i64, i64, i64)>;
    let counts = |sql: &str, range: &[i64]| -> rusqlite::Result<Counts> {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map(rusqlite::params_from_iter(range), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let range = [key(tenant, 0), end(tenant)];
    let events = "SELECT kind, risk_level, risk_event_status, count(*) FROM risk_events WHERE key >= ?1 AND key < ?2 \
                  GROUP BY 1, 2, 3";
    let mut counted = counts(events, &range)?;
    let users = format!("SELECT {OF_USERS}, 0, 0, count(*) FROM users WHERE key >= ?1 AND key < ?2");
    counted.extend(counts(&users, &range)?.into_iter().filter(|(.., count)| *count > 0));
    let rows = counted.iter().map(|(.., count)| count).sum();
    let kept = "SELECT subject, risk_level, risk_event_status, count FROM totals WHERE tenant = ?1 AND count <> 0";
    let kept = counts(kept, &[tenant.0.into()])?;
    let differing = counted.symmetric_difference(&kept).next();
    let fault = differing.map(|(subject, level, status, _)| {
        format!("tenant {}: the total of subject {subject} at level {level} in status {status} is wrong", tenant.0)
    });
    Ok((rows, fault))
}

/// Tells what is wrong with a tenant's change log.
fn compare_changes(db: &Connection, tenant: TenantKey) -> rusqlite::Result<Option<String>> {
    let head = "SELECT last_sequence, last_time FROM tenants WHERE tenant = ?1";
    let (sequence, time): (i64, i64) = db.query_row(head, [tenant.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let log = "SELECT count(*), coalesce(max(key), ?1) - ?1, coalesce(max(time), 0), coalesce(sum(late), 0), \
               coalesce(sum(nobody), 0) FROM (SELECT key, time, time <= lag(time) OVER (ORDER BY key) AS late, \
               actor NOT IN (SELECT actor FROM actors) AS nobody FROM changes WHERE key > ?1 AND key < ?2)";
    let (count, last, newest, late, nobody): (i64, i64, i64, i64, i64) =
        db.query_row(log, params![key(tenant, 0), end(tenant)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
    let fault = if count != sequence || last != sequence {
        format!("{count} changes up to number {last}, where {sequence} are acknowledged")
    } else if late > 0 {
        format!("{late} changes are not later than the one before")
    } else if newest != time && count > 0 {
        "the time of the newest change is not the one that is kept".to_owned()
    } else if nobody > 0 {
        format!("who made {nobody} changes is not known")
    } else {
        return Ok(None);
    };
    Ok(Some(format!("tenant {}: {fault}", tenant.0)))
}
