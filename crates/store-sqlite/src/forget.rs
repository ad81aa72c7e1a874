//! Forgets what a job has done: from then on it cannot be undone.

use crate::accounts::bounded;
use crate::admin::{CHUNK, PAUSE, raise_epoch};
use crate::candidates;
use crate::error::engine;
use crate::group::run;
use crate::jobs::{self, subject_key};
use model::{Account, AccountKey, Image, JobRecord, Subject, TenantKey};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;
use store::{StoreError, read_image};

/// Records of one transaction: for each of an account some lookups.
const RECORDS: u32 = 2_000;

/// Forgets the records and the findings of a job, and the verifiers that were kept for that alone: in transactions that are
/// short enough for other processes to write between them. `false` when there is no such job. An interruption leaves
/// records, which the next call takes along.
pub(crate) fn records(
    db: &Connection,
    tenant: TenantKey,
    job: u64,
    upkeep: &mut dyn FnMut() -> rusqlite::Result<()>,
) -> Result<bool, StoreError> {
    let doing = "forgetting the record of a job";
    let is_known = db
        .query_row("SELECT 1 FROM jobs WHERE tenant = ?1 AND number = ?2", params![tenant.0, bounded(job)], |_| Ok(()))
        .optional()
        .map_err(engine(doing))?;
    if is_known.is_none() {
        return Ok(false);
    }
    let mut between = || {
        upkeep().map_err(engine(doing))?;
        std::thread::sleep(PAUSE);
        Ok::<_, StoreError>(())
    };
    let records = || {
        raise_epoch(db).map_err(engine(doing))?;
        chunk(db, tenant, job)
    };
    while in_transaction(db, doing, records)? == RECORDS as usize {
        between()?;
    }
    let found = format!(
        "DELETE FROM found_credentials WHERE tenant = ?1 AND job = ?2 AND (user_id, fingerprint, source, match_class, \
         matched_attribute, matched_rule) IN (SELECT user_id, fingerprint, source, match_class, matched_attribute, \
         matched_rule FROM found_credentials WHERE tenant = ?1 AND job = ?2 LIMIT {CHUNK})"
    );
    let doing = "forgetting findings";
    let chunk = || {
        let gone = db.execute(&found, params![tenant.0, bounded(job)]).map_err(engine(doing))?;
        if gone > 0 {
            raise_epoch(db).map_err(engine(doing))?;
        }
        Ok(gone)
    };
    while in_transaction(db, doing, chunk)? == CHUNK {
        between()?;
    }
    let tasks = format!(
        "DELETE FROM tasks WHERE tenant = ?1 AND job = ?2 AND number IN \
         (SELECT number FROM tasks WHERE tenant = ?1 AND job = ?2 LIMIT {CHUNK})"
    );
    let doing = "forgetting tasks";
    let chunk = || db.execute(&tasks, params![tenant.0, bounded(job)]).map_err(engine(doing));
    while in_transaction(db, doing, chunk)? == CHUNK {
        between()?;
    }
    let doing = "forgetting candidates";
    in_transaction(db, doing, || candidates::drop_unwanted(db, tenant).map_err(engine(doing)))?;
    Ok(true)
}

pub(crate) fn in_transaction<T>(
    db: &Connection,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    run(db, "BEGIN IMMEDIATE").map_err(engine(doing))?;
    let outcome = work().and_then(|done| run(db, "COMMIT").map(|()| done).map_err(engine(doing)));
    if outcome.is_err() && !db.is_autocommit() {
        run(db, "ROLLBACK").map_err(engine(doing))?;
    }
    outcome
}

/// Forgets the first records of a job; answers how many.
fn chunk(db: &Connection, tenant: TenantKey, job: u64) -> Result<usize, StoreError> {
    let doing = engine("forgetting the record of a job");
    let records = jobs::records(db, tenant, job, None, RECORDS)?;
    for JobRecord { subject, .. } in &records {
        let (kind, source, id) = subject_key(subject);
        db.prepare_cached(
            "DELETE FROM job_records WHERE tenant = ?1 AND job = ?2 AND kind = ?3 AND source = ?4 AND id = ?5",
        )
        .and_then(|mut delete| delete.execute(params![tenant.0, bounded(job), kind, source, id]))
        .map_err(&doing)?;
    }
    for record in &records {
        if let (Subject::Account(key), Image::Account(before)) = (&record.subject, &record.image) {
            forget_verifiers(db, tenant, key, before.as_deref())?;
        }
    }
    Ok(records.len())
}

/// Forgets verifiers that were written for an account and that neither it nor a record of it names any more. A record of
/// another account cannot name them.
fn forget_verifiers(
    db: &Connection,
    tenant: TenantKey,
    key: &AccountKey,
    before: Option<&Account>,
) -> Result<(), StoreError> {
    let doing = engine("forgetting verifiers");
    let now = crate::accounts::load(db, tenant, key)?;
    let mut named: BTreeSet<u64> = now.iter().filter_map(|account| account.verifiers).map(|mark| mark.number).collect();
    let mut find = db
        .prepare_cached(
            "SELECT image FROM job_records INDEXED BY job_records_by_subject \
             WHERE tenant = ?1 AND kind = 2 AND source = ?2 AND id = ?3",
        )
        .map_err(&doing)?;
    let mut images = find.query(params![tenant.0, &*key.source, &*key.key]).map_err(&doing)?;
    while let Some(row) = images.next().map_err(&doing)? {
        let image: String = row.get(0).map_err(&doing)?;
        if let Image::Account(Some(account)) = read_image(&image)? {
            named.extend(account.verifiers.map(|mark| mark.number));
        }
    }
    let mut candidates = db
        .prepare_cached(
            "SELECT number FROM verifiers INDEXED BY verifiers_by_user \
             WHERE tenant = ?1 AND user_id = ?2 AND source = ?3 AND key = ?4",
        )
        .map_err(&doing)?;
    let mut delete = db.prepare_cached("DELETE FROM verifiers WHERE tenant = ?1 AND number = ?2").map_err(&doing)?;
    let users: BTreeSet<&str> = before.into_iter().chain(&now).map(|account| account.user.as_str()).collect();
    for user in users {
        let numbers: Vec<u64> = candidates
            .query_map(params![tenant.0, user, &*key.source, &*key.key], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(&doing)?;
        for number in numbers.into_iter().filter(|number| !named.contains(number)) {
            delete.execute(params![tenant.0, number]).map_err(&doing)?;
        }
    }
    Ok(())
}
