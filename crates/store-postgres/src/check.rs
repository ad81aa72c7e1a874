//! Whether a store is sound: what `spillwatch doctor` prints.

use crate::database::Connection;
use crate::error::engine;
use crate::migrate;
use crate::rows::integer;
use crate::values::cell;
use odata::encode::Cell;
use store::{Finding, StoreError};

/// A question whose answer is the number of faults.
const INVARIANTS: [(&str, &str); 8] = [
    (
        "totals",
        "SELECT count(*) FROM (SELECT tenant, kind AS subject, risk_level, risk_event_status, count(*) AS found \
         FROM risk_events GROUP BY 1, 2, 3, 4 UNION ALL SELECT tenant, 1000, 0, 0, count(*) FROM users GROUP BY 1 \
         UNION ALL SELECT tenant, 1001, risk_level, risk_state, count(*) FROM risky_users GROUP BY 1, 3, 4) AS f \
         FULL JOIN (SELECT * FROM totals WHERE count <> 0 AND tenant IN (SELECT tenant FROM tenants)) AS t \
         USING (tenant, subject, risk_level, risk_event_status) \
         WHERE f.found IS DISTINCT FROM t.count AND tenant IN (SELECT tenant FROM tenants)",
    ),
    (
        "change log",
        "SELECT count(*) FROM tenants AS t LEFT JOIN (SELECT tenant, count(*) AS found, max(sequence) AS last, \
         max(time) AS time FROM changes GROUP BY tenant) AS c USING (tenant) \
         WHERE (coalesce(c.found, 0), coalesce(c.last, 0), coalesce(c.time, 0)) \
         <> (t.last_sequence, t.last_sequence, t.last_time)",
    ),
    (
        "order of the change log",
        "SELECT count(*) FROM (SELECT time <= lag(time) OVER (PARTITION BY tenant ORDER BY sequence) AS back \
         FROM changes) AS c WHERE back",
    ),
    (
        "who made changes",
        "SELECT count(*) FROM changes AS c WHERE NOT EXISTS (SELECT 1 FROM actors AS a WHERE a.tenant = c.tenant \
         AND a.actor = c.actor) AND c.tenant IN (SELECT tenant FROM tenants)",
    ),
    (
        "users at risk",
        "SELECT count(*) FROM (SELECT tenant, user_id, count(*) AS events, \
         count(*) FILTER (WHERE risk_event_status IN (0, 5)) AS open, \
         count(*) FILTER (WHERE risk_event_status IN (0, 5) AND risk_level = 2) AS high \
         FROM risk_events WHERE tenant IN (SELECT tenant FROM tenants) GROUP BY 1, 2) AS e \
         FULL JOIN (SELECT tenant, user_id, events, open_low + open_medium + open_high + open_hidden + open_none \
         + open_unknown AS open, open_high AS high FROM risky_users WHERE tenant IN (SELECT tenant FROM tenants)) AS r \
         USING (tenant, user_id) WHERE (coalesce(e.events, 0), coalesce(e.open, 0), coalesce(e.high, 0)) \
         IS DISTINCT FROM (r.events, r.open, r.high)",
    ),
    (
        "evidence",
        "SELECT count(*) FROM (SELECT DISTINCT tenant, event FROM evidence) AS v FULL JOIN (SELECT tenant, key AS event \
         FROM risk_events WHERE additional_info IS NOT NULL) AS e USING (tenant, event) \
         WHERE (v IS NULL OR e IS NULL) AND tenant IN (SELECT tenant FROM tenants)",
    ),
    (
        "accounts",
        "SELECT count(*) FROM accounts AS a WHERE NOT EXISTS (SELECT 1 FROM users AS u WHERE u.tenant = a.tenant \
         AND u.id = a.user_id) AND a.tenant IN (SELECT tenant FROM tenants)",
    ),
    (
        "verifiers",
        "SELECT count(*) FROM accounts AS a WHERE a.verifiers IS NOT NULL AND NOT EXISTS (SELECT 1 FROM verifiers AS v \
         WHERE v.tenant = a.tenant AND v.number = a.verifiers) AND a.tenant IN (SELECT tenant FROM tenants)",
    ),
];

/// Settings of the server without which an acknowledged write may be lost.
const SETTINGS: [(&str, &[&str]); 3] = [
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
    ("synchronous_commit", &["on", "remote_write", "remote_apply"]),
];

/// Looks at everything. Damage is a finding, not an error.
pub(crate) async fn check(db: &Connection) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![Finding { subject: "schema", sound: true, detail: migrate::newest(db).await? }];
    for (name, safe) in SETTINGS {
        let value = setting(db, name).await?;
        let sound = safe.contains(&value.as_str());
        let detail = if sound { value } else { format!("{value}: what was acknowledged may be lost in a crash") };
        findings.push(Finding { subject: name, sound, detail });
    }
    let version = setting(db, "server_version").await?;
    findings.push(Finding { subject: "server", sound: true, detail: format!("PostgreSQL {version}") });
    findings.extend(invariants(db).await?);
    Ok(findings)
}

/// Looks at what it holds.
pub(crate) async fn invariants(db: &Connection) -> Result<Vec<Finding>, StoreError> {
    let doing = engine("checking the store");
    let mut findings = Vec::new();
    db.at_one_moment(async {
        db.run("SET LOCAL statement_timeout = 0").await.map_err(doing)?;
        for (subject, question) in INVARIANTS {
            let row = db.query_opt(question, &[]).await.map_err(doing)?;
            let faults = row.map_or(Ok(0), |row| integer(&row, 0, subject))?;
            let detail =
                if faults == 0 { "as it should be".to_owned() } else { format!("{faults} are not as they should be") };
            findings.push(Finding { subject, sound: faults == 0, detail });
        }
        Ok(())
    })
    .await?;
    Ok(findings)
}

/// A setting of the server, for this connection.
pub(crate) async fn setting(db: &Connection, name: &str) -> Result<String, StoreError> {
    let row = db.query_opt("SELECT current_setting($1)", &[&name]).await.map_err(engine("reading a setting"))?;
    Ok(match row.as_ref().map(|row| cell(row, 0)) {
        Some(Cell::Text(value)) => value.to_owned(),
        _ => String::new(),
    })
}
