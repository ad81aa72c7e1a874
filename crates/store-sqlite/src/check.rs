//! Whether a store is sound: what `spillwatch doctor` prints.

use crate::accounts;
use crate::error::engine;
use crate::evidence;
use crate::migrate;
use crate::rows::{end, key};
use model::TenantKey;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use store::columns::DETECTION_MEMBERS;
use store::kept::{OF_RISKY_USERS, OF_USERS};
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
    let (mut rows, mut totals, mut changes, mut sums, mut told) = (0, None, None, None, None);
    let (mut of_accounts, mut rendered) = (None, None);
    for tenant in tenants {
        // One moment for all that is compared: others may be writing.
        db.execute_batch("BEGIN").map_err(&doing)?;
        let looked = compare_totals(db, tenant).and_then(|(counted, fault)| {
            rows += counted;
            totals = totals.take().or(fault);
            changes = changes.take().or(compare_changes(db, tenant)?);
            sums = sums.take().or(compare_sums(db, tenant)?);
            let untold = evidence::compare(db, key(tenant, 0), end(tenant))?;
            told = told.take().or(untold.map(|fault| format!("tenant {}: {fault}", tenant.0)));
            rendered = rendered.take().or(compare_detections(db, tenant)?);
            let lost = accounts::compare(db, tenant)?;
            of_accounts = of_accounts.take().or(lost.map(|fault| format!("tenant {}: {fault}", tenant.0)));
            Ok(())
        });
        db.execute_batch("COMMIT").map_err(&doing)?;
        looked.map_err(&doing)?;
    }
    let compared = format!("{rows} rows counted, compared with the totals that are kept");
    note("kept totals", totals.is_none(), totals.unwrap_or(compared));
    let dense = "every number up to the newest is there";
    let added_up = "users at risk are what their events add up to, and their histories end there";
    note("users at risk", sums.is_none(), sums.unwrap_or_else(|| added_up.to_owned()));
    let agrees = "every item belongs to an event that tells of it";
    note("evidence", told.is_none(), told.unwrap_or_else(|| agrees.to_owned()));
    let same = "each that is kept rendered is what its event says";
    note("detections", rendered.is_none(), rendered.unwrap_or_else(|| same.to_owned()));
    let whole = "every account has its user and the verifiers that it names";
    note("accounts", of_accounts.is_none(), of_accounts.unwrap_or_else(|| whole.to_owned()));
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
    let risky = format!(
        "SELECT {OF_RISKY_USERS}, risk_level, risk_state, count(*) FROM risky_users WHERE key >= ?1 AND key < ?2 \
         GROUP BY 2, 3"
    );
    counted.extend(counts(&risky, &range)?);
    let rows = counted.iter().map(|(.., count)| count).sum();
    let kept = "SELECT subject, risk_level, risk_event_status, count FROM totals WHERE tenant = ?1 AND count <> 0";
    let kept = counts(kept, &[tenant.0.into()])?;
    let differing = counted.symmetric_difference(&kept).next();
    let fault = differing.map(|(subject, level, status, _)| {
        format!("tenant {}: the total of subject {subject} at level {level} in status {status} is wrong", tenant.0)
    });
    Ok((rows, fault))
}

/// Adds up the events of each user, and tells of the first user at risk who is kept otherwise. No full join: SQLite makes
/// no index for one.
fn compare_sums(db: &Connection, tenant: TenantKey) -> rusqlite::Result<Option<String>> {
    const OPEN: &str = "risk_event_status IN (0, 5)";
    let sums = format!(
        "WITH sums AS (SELECT user_id, count(*) AS events, sum({OPEN} AND risk_level = 0) AS low, \
         sum({OPEN} AND risk_level = 1) AS medium, sum({OPEN} AND risk_level = 2) AS high, \
         sum({OPEN} AND risk_level = 3) AS hidden, sum({OPEN} AND risk_level = 4) AS no_level, \
         sum({OPEN} AND risk_level = 5) AS unknown, sum({OPEN} AND risk_detail = 10) AS confirmed \
         FROM risk_events WHERE key >= ?1 AND key < ?2 GROUP BY user_id), \
         who AS (SELECT k.user_id FROM risky_users AS k LEFT JOIN sums AS s ON s.user_id = k.user_id \
         LEFT JOIN changes AS c ON c.key = ?1 + k.newest WHERE k.key >= ?1 AND k.key < ?2 AND \
         ((k.events, k.open_low, k.open_medium, k.open_high, k.open_hidden, k.open_none, \
         k.open_unknown, k.open_confirmed) IS NOT (coalesce(s.events, 0), coalesce(s.low, 0), coalesce(s.medium, 0), \
         coalesce(s.high, 0), coalesce(s.hidden, 0), coalesce(s.no_level, 0), coalesce(s.unknown, 0), \
         coalesce(s.confirmed, 0)) OR k.newest IS NOT NULL AND (c.risky_user, c.risk_level, c.risk_state, \
         c.risk_detail, c.time) IS NOT (k.key, k.risk_level, k.risk_state, k.risk_detail, \
         k.risk_last_updated_date_time)) \
         UNION ALL SELECT s.user_id FROM sums AS s WHERE NOT EXISTS \
         (SELECT 1 FROM risky_users AS k WHERE k.tenant = ?3 AND k.user_id = s.user_id)) \
         SELECT user_id FROM who LIMIT 1"
    );
    let mut statement = db.prepare(&sums)?;
    let mut rows = statement.query([key(tenant, 0), end(tenant), tenant.0.into()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let id: String = row.get(0)?;
    Ok(Some(format!("tenant {}: the user at risk `{id}` is not what the events add up to", tenant.0)))
}

/// Renders each detection of a tenant, and tells of the first that is kept otherwise.
fn compare_detections(db: &Connection, tenant: TenantKey) -> rusqlite::Result<Option<String>> {
    let differing = format!(
        "SELECT e.id FROM risk_events AS e WHERE e.key >= ?1 AND e.key < ?2 AND e.detection <> {DETECTION_MEMBERS} LIMIT 1"
    );
    let mut statement = db.prepare(&differing)?;
    let mut rows = statement.query([key(tenant, 0), end(tenant)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let id: String = row.get(0)?;
    Ok(Some(format!("tenant {}: the detection of the event `{id}` is kept otherwise than the event says", tenant.0)))
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
