//! Upkeep of what is kept of verifiers and jobs: verifiers are sealed with another key, what a job did is forgotten.

use crate::candidates;
use crate::database::Connection;
use crate::error::engine;
use crate::rows::{integer, number};
use crate::statements::Statement;
use model::TenantKey;
use store::{AdminOutcome, StoreError};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

/// Rows that one transaction deletes.
const CHUNK: i64 = 20_000;

/// What becomes of a job's records and of what it has found: the first rows go.
const FORGET: [&str; 3] = [
    "DELETE FROM job_records WHERE tenant = $1 AND job = $2 AND (kind, source, id) IN (SELECT kind, source, id \
     FROM job_records WHERE tenant = $1 AND job = $2 ORDER BY kind, source, id LIMIT $3)",
    "DELETE FROM found_credentials WHERE tenant = $1 AND job = $2 AND (user_id, fingerprint, source, match_class, \
     matched_attribute, matched_rule) IN (SELECT user_id, fingerprint, source, match_class, matched_attribute, \
     matched_rule FROM found_credentials WHERE tenant = $1 AND job = $2 ORDER BY user_id, fingerprint, source, \
     match_class, matched_attribute, matched_rule LIMIT $3)",
    "DELETE FROM tasks WHERE tenant = $1 AND job = $2 AND number IN \
     (SELECT number FROM tasks WHERE tenant = $1 AND job = $2 ORDER BY number LIMIT $3)",
];

/// Verifiers that neither their account nor a record of it names.
const UNNAMED: &str = "SELECT v.number FROM verifiers AS v WHERE v.tenant = $1 \
    AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.tenant = $1 AND a.source = v.source AND a.key = v.key \
    AND a.verifiers = v.number) AND NOT EXISTS (SELECT 1 FROM job_records AS r WHERE r.tenant = $1 AND r.kind = 2 \
    AND r.source = v.source AND r.id = v.key \
    AND (r.image::json #>> '{account,verifiers,0}')::bigint = v.number) ORDER BY v.number LIMIT $2";

/// Puts verifiers that are sealed with another key in the place of what they were.
pub(crate) async fn reseal(
    db: &Connection,
    tenant: TenantKey,
    verifiers: &[(u64, Box<[u8]>)],
) -> Result<AdminOutcome, StoreError> {
    let sql = "UPDATE verifiers AS r SET sealed = t.sealed FROM unnest($2::bigint[], $3::bytea[]) AS t(number, sealed) \
               WHERE r.tenant = $1 AND r.number = ANY($2) AND r.number = t.number";
    let numbers: Vec<i64> = verifiers.iter().map(|(number, _)| *number as i64).collect();
    let sealed: Vec<&[u8]> = verifiers.iter().map(|(_, sealed)| &**sealed).collect();
    let changed = change(db, tenant, "sealing verifiers anew", sql, &[&numbers, &sealed]).await?;
    Ok(if changed.is_some() { AdminOutcome::Done } else { AdminOutcome::NotFound })
}

/// Forgets what a job has found and what it changed, and then the verifiers that nothing names any more; in transactions
/// that are short enough for others to write between them. An interruption leaves rows, which the next call takes along.
pub(crate) async fn forget(db: &Connection, tenant: TenantKey, job: u64) -> Result<AdminOutcome, StoreError> {
    let doing = "forgetting what a job did";
    let job = i64::try_from(job).unwrap_or(i64::MAX);
    let known = "SELECT 1::bigint FROM jobs WHERE tenant = $1 AND number = $2";
    if db.query_opt(known, &[&number(tenant), &job]).await.map_err(engine(doing))?.is_none() {
        return Ok(AdminOutcome::NotFound);
    }
    for sql in FORGET {
        while change(db, tenant, doing, sql, &[&job, &CHUNK]).await?.is_some_and(|gone| gone > 0) {}
    }
    candidates::drop_unwanted(db, tenant).await?;
    let doing = "forgetting verifiers";
    // Looked for without the tenant's lock, since that reads all of them. None is ever named again: an account takes
    // verifiers of before only from a record.
    loop {
        let unnamed = db.at_one_moment(async {
            db.run("SET LOCAL statement_timeout = 0").await.map_err(engine(doing))?;
            db.query(UNNAMED, &[&number(tenant), &CHUNK]).await.map_err(engine(doing))
        });
        let unnamed = unnamed.await?;
        let numbers = unnamed.iter().map(|row| integer(row, 0, "verifiers.number")).collect::<Result<Vec<i64>, _>>()?;
        if numbers.is_empty() {
            return Ok(AdminOutcome::Done);
        }
        let sql = "DELETE FROM verifiers WHERE tenant = $1 AND number = ANY($2)";
        change(db, tenant, doing, sql, &[&numbers]).await?;
    }
}

/// Runs a statement, whose first value is the tenant, in a transaction of its own; answers how many rows it changed,
/// `None` when there is no such tenant. It writes nothing to the change log, so the registry's epoch tells a transfer
/// that the store is another one now.
pub(crate) async fn change(
    db: &Connection,
    tenant: TenantKey,
    doing: &'static str,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Option<u64>, StoreError> {
    change_and(db, tenant, doing, (sql, values), &[]).await
}

/// The same, with further statements in the transaction where the first one changed something.
pub(crate) async fn change_and(
    db: &Connection,
    tenant: TenantKey,
    doing: &'static str,
    (sql, values): (&str, &[&(dyn ToSql + Sync)]),
    then: &[Statement],
) -> Result<Option<u64>, StoreError> {
    let tenant = number(tenant);
    let mut all: Vec<&(dyn ToSql + Sync)> = vec![&tenant];
    all.extend_from_slice(values);
    let run = async || -> Result<Option<u64>, Error> {
        db.begin("BEGIN").await?;
        // In the order in which a tenant's removal locks them.
        db.run("UPDATE registry SET epoch = epoch + 1").await?;
        let lock = "SELECT tenant FROM tenants WHERE tenant = $1 FOR UPDATE";
        if db.query_opt(lock, &[&tenant]).await?.is_none() {
            return Ok(None);
        }
        let changed = db.execute(sql, &all).await?;
        for statement in then.iter().filter(|_| changed > 0) {
            let values: Vec<&(dyn ToSql + Sync)> = statement.values.iter().map(|value| &**value as _).collect();
            db.execute(&statement.sql, &values).await?;
        }
        db.commit().await?;
        Ok(Some(changed))
    };
    loop {
        let outcome = run().await;
        if !matches!(outcome, Ok(Some(_))) {
            db.roll_back().await;
        }
        match outcome {
            // Somebody wrote while this waited for a tenant on another server.
            Err(error) if error.code() == Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {}
            outcome => return outcome.map_err(engine(doing)),
        }
    }
}
