//! Whether a store is sound: what `spillwatch doctor` prints.

use crate::error::engine;
use crate::migrate;
use crate::rows::{end, key, total_key};
use model::{EventKind, TenantKey, Total};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use store::{Finding, StoreError};

/// Looks at everything.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<Vec<Finding>, StoreError> {
    let doing = engine("checking the store");
    let mut findings = Vec::new();
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
    note("integrity", integrity == "ok", integrity);

    let mut statement = db.prepare("SELECT tenant, last_sequence FROM tenants ORDER BY tenant").map_err(&doing)?;
    let tenants = statement.query_map([], |row| Ok((TenantKey(row.get(0)?), row.get::<_, i64>(1)?)));
    let tenants: Vec<_> = tenants.and_then(Iterator::collect).map_err(&doing)?;
    note("tenants", !tenants.is_empty(), format!("{}", tenants.len()));
    let (mut counts_agree, mut changes_dense, mut rows) = (true, true, 0);
    for (tenant, last) in tenants {
        let (counted, kept) = counts(db, tenant).map_err(&doing)?;
        counts_agree &= counted == kept;
        rows += counted.iter().sum::<i64>();
        let range = params![key(tenant, 0), end(tenant)];
        let changes: i64 = db
            .query_row("SELECT count(*) FROM changes WHERE key >= ?1 AND key < ?2", range, |row| row.get(0))
            .map_err(&doing)?;
        changes_dense &= changes == last;
    }
    note("kept totals", counts_agree, format!("{rows} rows counted, compared with the totals that are kept"));
    note("change log", changes_dense, "every number up to the newest is there".to_owned());
    Ok(findings)
}

/// Rows as they are, and as the totals say.
fn counts(db: &Connection, tenant: TenantKey) -> rusqlite::Result<(Vec<i64>, Vec<i64>)> {
    let kept = |total: Total| -> rusqlite::Result<i64> {
        let (subject, dimension, value) = total_key(total);
        let sql = "SELECT count FROM totals WHERE tenant = ?1 AND subject = ?2 AND dimension = ?3 AND value = ?4";
        let found = db.query_row(sql, params![tenant.0, subject, dimension, value], |row| row.get(0)).optional()?;
        Ok(found.unwrap_or(0))
    };
    let range = (key(tenant, 0), end(tenant));
    let (mut counted, mut expected) = (Vec::new(), Vec::new());
    for kind in EventKind::ALL {
        let sql = "SELECT count(*) FROM risk_events WHERE key >= ?1 AND key < ?2 AND kind = ?3";
        counted.push(db.query_row(sql, params![range.0, range.1, kind as i64], |row| row.get(0))?);
        expected.push(kept(Total::Events(kind))?);
    }
    let sql = "SELECT count(*) FROM users WHERE key >= ?1 AND key < ?2";
    counted.push(db.query_row(sql, params![range.0, range.1], |row| row.get(0))?);
    expected.push(kept(Total::Users)?);
    Ok((counted, expected))
}
