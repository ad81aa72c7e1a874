//! Jobs: how far they are, what they have found and what they have changed.

use crate::accounts::{bounded, id_of};
use crate::candidates;
use crate::error::engine;
use model::{
    AccountKey, EntityId, Finding, FoundCredential, Job, JobKind, JobRecord, JobState, MatchClass, Place, RecordChange,
    Subject, TenantKey, Ticks,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};
use store::{StoreError, read_image, write_image};

const READING: &str = "reading jobs";
const COLUMNS: &str =
    "id, kind, state, created, ended, lease, parameters, progress, message, number, version FROM jobs";

/// The job with this id.
pub(crate) fn load(db: &Connection, tenant: TenantKey, id: &EntityId) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE tenant = ?1 AND id = ?2");
    let found = query(db, &sql, vec![tenant.0.into(), Value::Text(id.as_str().to_owned())])?;
    Ok(found.into_iter().next())
}

/// Up to `limit` jobs, the newest first, older than the one with a number.
pub(crate) fn list(
    db: &Connection,
    tenant: TenantKey,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE tenant = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3");
    query(db, &sql, vec![tenant.0.into(), before.map_or(i64::MAX, bounded).into(), limit.into()])
}

/// Up to `limit` jobs that wait for workers, the oldest first, newer than the one with a number.
pub(crate) fn waiting(db: &Connection, tenant: TenantKey, after: u64, limit: u32) -> Result<Vec<Job>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} INDEXED BY jobs_waiting WHERE tenant = ?1 AND state = 6 AND number > ?2 ORDER BY number LIMIT ?3"
    );
    query(db, &sql, vec![tenant.0.into(), bounded(after).into(), limit.into()])
}

fn query(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Job>, StoreError> {
    let read = engine(READING);
    let mut statement = db.prepare_cached(sql).map_err(&read)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(&read)?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        jobs.push(job(row)?);
    }
    Ok(jobs)
}

fn job(row: &Row<'_>) -> Result<Job, StoreError> {
    let read = engine(READING);
    let text = |at| row.get::<_, String>(at).map_err(&read);
    let optional = |at| row.get::<_, Option<i64>>(at).map_err(&read)?.map(|time| ticks(time, "jobs")).transpose();
    let damaged = |column: &str| StoreError::Corrupt(format!("jobs.{column} holds an unknown value"));
    Ok(Job {
        id: id_of(&text(0)?, "jobs.id")?,
        kind: JobKind::from_value(row.get(1).map_err(&read)?).ok_or_else(|| damaged("kind"))?,
        state: JobState::from_value(row.get(2).map_err(&read)?).ok_or_else(|| damaged("state"))?,
        created: ticks(row.get(3).map_err(&read)?, "jobs")?,
        ended: optional(4)?,
        lease: optional(5)?,
        parameters: text(6)?.into(),
        progress: text(7)?.into(),
        message: row.get::<_, Option<String>>(8).map_err(&read)?.map(String::into_boxed_str),
        creation: row.get(9).map_err(&read)?,
        version: row.get(10).map_err(&read)?,
    })
}

fn ticks(value: i64, table: &str) -> Result<Ticks, StoreError> {
    Ticks::new(value).ok_or_else(|| StoreError::Corrupt(format!("a time in {table} is out of range")))
}

/// Writes a job as it is now, and adds what it has found.
pub(crate) fn put(db: &Connection, tenant: TenantKey, job: &Job, found: &[FoundCredential]) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO jobs (tenant, number, id, kind, state, created, ended, lease, parameters, progress, message, \
         version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
         ON CONFLICT (tenant, number) DO UPDATE SET kind = excluded.kind, state = excluded.state, \
         created = excluded.created, ended = excluded.ended, lease = excluded.lease, \
         parameters = excluded.parameters, progress = excluded.progress, message = excluded.message, \
         version = excluded.version",
    )
    .and_then(|mut put| {
        put.execute(params![
            tenant.0,
            job.creation,
            job.id.as_str(),
            job.kind as i32,
            job.state as i32,
            job.created.get(),
            job.ended.map(Ticks::get),
            job.lease.map(Ticks::get),
            &*job.parameters,
            &*job.progress,
            job.message.as_deref(),
            job.version,
        ])
    })
    .map_err(engine("writing a job"))?;
    found.iter().try_for_each(|found| add_found(db, tenant, job.creation, found)).map_err(engine("writing findings"))
}

/// Makes the SQL that adds a finding: the numbers add up, and all that is known of the place is that of the first one.
macro_rules! add_found_sql {
    ($($place:literal)*) => {
        concat!(
            "INSERT INTO found_credentials (tenant, job, user_id, fingerprint, source, match_class, \
             matched_attribute, matched_rule, account_source, account_key, verifiers, as_of, leaked, first_seen, \
             last_seen, occurrences, place_document, place_offset, place_line, place_shape, place_host, pending) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) \
             ON CONFLICT DO UPDATE SET account_source = excluded.account_source, account_key = excluded.account_key, \
             verifiers = excluded.verifiers, pending = excluded.pending, as_of = max(as_of, excluded.as_of), \
             leaked = coalesce(min(leaked, excluded.leaked), leaked, excluded.leaked), \
             first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen), \
             occurrences = min(occurrences + excluded.occurrences, 2147483647)",
            $(", ", $place, " = iif(excluded.place_document IS NOT NULL AND (place_document IS NULL OR \
             (excluded.place_document, excluded.place_offset) < (place_document, place_offset)), excluded.", $place,
             ", ", $place, ")",)*
        )
    };
}

const ADD_FOUND: &str = add_found_sql!("place_document" "place_offset" "place_line" "place_shape" "place_host");

/// Adds a finding to what the job has found: of the same credential in the same source, the numbers add up.
pub(crate) fn add_found(db: &Connection, tenant: TenantKey, job: u64, found: &FoundCredential) -> rusqlite::Result<()> {
    let Finding { source, match_class, matched_attribute, matched_rule } = &found.finding;
    let (account, verifiers) = found.proof.as_ref().map(|(account, number)| (account, *number)).unzip();
    let place = found.place.as_ref();
    if let Some(candidate) = &found.candidate {
        candidates::queue(db, tenant, found, candidate)?;
    }
    db.prepare_cached(ADD_FOUND)?.execute(params![
        tenant.0,
        job,
        found.user.as_str(),
        &found.fingerprint[..],
        &**source,
        *match_class as i32,
        matched_attribute.as_deref().unwrap_or_default(),
        matched_rule.as_deref().unwrap_or_default(),
        account.map(|account| &*account.source),
        account.map(|account| &*account.key),
        verifiers,
        found.as_of.get(),
        found.leaked.map(Ticks::get),
        found.first_seen.get(),
        found.last_seen.get(),
        found.occurrences,
        place.map(|place| &*place.document),
        place.map(|place| bounded(place.offset)),
        place.and_then(|place| place.line).map(bounded),
        place.map(|place| &*place.shape),
        place.and_then(|place| place.host.as_deref()),
        found.candidate.is_some(),
    ])?;
    // What is decided already waits for nothing.
    found.candidate.as_ref().map_or(Ok(()), |_| candidates::settle(db, tenant, found.user.as_str(), &found.fingerprint))
}

/// Columns of a finding, as [`found_credential`] takes them; the job stands behind them.
const FOUND: &str = "SELECT user_id, fingerprint, source, match_class, matched_attribute, matched_rule, account_source, \
    account_key, verifiers, as_of, leaked, first_seen, last_seen, occurrences, place_document, place_offset, place_line, \
    place_shape, place_host, job FROM found_credentials";

/// Up to `limit` findings of a job in the order of their keys, after one.
pub(crate) fn found(
    db: &Connection,
    tenant: TenantKey,
    job: u64,
    after: Option<&FoundCredential>,
    limit: u32,
) -> Result<Vec<FoundCredential>, StoreError> {
    let mut values: Vec<Value> = vec![tenant.0.into(), bounded(job).into(), limit.into()];
    let mut condition = "";
    if let Some(after) = after {
        condition = " AND (user_id, fingerprint, source, match_class, matched_attribute, matched_rule) \
                     > (?4, ?5, ?6, ?7, ?8, ?9)";
        values.push(Value::Text(after.user.as_str().to_owned()));
        values.extend(key_within_user(after));
    }
    let sql = format!(
        "{FOUND} WHERE tenant = ?1 AND job = ?2 AND pending = 0{condition} \
         ORDER BY user_id, fingerprint, source, match_class, matched_attribute, matched_rule LIMIT ?3"
    );
    read_found(db, &sql, values, |_, found| Ok(found))
}

/// Up to `limit` findings of a user with the numbers of their jobs, in the order of these, after one.
pub(crate) fn found_of(
    db: &Connection,
    tenant: TenantKey,
    user: &EntityId,
    after: Option<&(u64, FoundCredential)>,
    limit: u32,
) -> Result<Vec<(u64, FoundCredential)>, StoreError> {
    let mut values: Vec<Value> = vec![tenant.0.into(), Value::Text(user.as_str().to_owned()), limit.into()];
    let mut condition = "";
    if let Some((job, after)) = after {
        condition =
            " AND (job, fingerprint, source, match_class, matched_attribute, matched_rule) > (?4, ?5, ?6, ?7, ?8, ?9)";
        values.push(bounded(*job).into());
        values.extend(key_within_user(after));
    }
    let sql = format!(
        "{FOUND} INDEXED BY found_credentials_by_user WHERE tenant = ?1 AND user_id = ?2 AND pending = 0{condition} \
         ORDER BY job, fingerprint, source, match_class, matched_attribute, matched_rule LIMIT ?3"
    );
    read_found(db, &sql, values, |row, found| Ok((row.get(19).map_err(engine("reading findings"))?, found)))
}

/// The part of a finding's key behind the user.
fn key_within_user(found: &FoundCredential) -> [Value; 5] {
    let text = |text: Option<&str>| Value::Text(text.unwrap_or_default().to_owned());
    [
        Value::Blob(found.fingerprint.to_vec()),
        text(Some(&found.finding.source)),
        (found.finding.match_class as i64).into(),
        text(found.finding.matched_attribute.as_deref()),
        text(found.finding.matched_rule.as_deref()),
    ]
}

fn read_found<T>(
    db: &Connection,
    sql: &str,
    values: Vec<Value>,
    of: impl Fn(&Row<'_>, FoundCredential) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let read = engine("reading findings");
    let mut statement = db.prepare_cached(sql).map_err(&read)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(&read)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        all.push(of(row, found_credential(row)?)?);
    }
    Ok(all)
}

fn found_credential(row: &Row<'_>) -> Result<FoundCredential, StoreError> {
    let read = engine("reading findings");
    let text = |at| row.get::<_, String>(at).map_err(&read);
    let name = |at| text(at).map(|name| (!name.is_empty()).then(|| name.into_boxed_str()));
    let time = |at| ticks(row.get(at).map_err(&read)?, "found_credentials");
    let damaged = |column: &str| StoreError::Corrupt(format!("found_credentials.{column} holds an unknown value"));
    let proof: (Option<String>, Option<String>, Option<u64>) =
        (row.get(6).map_err(&read)?, row.get(7).map_err(&read)?, row.get(8).map_err(&read)?);
    let match_class = MatchClass::from_value(row.get(3).map_err(&read)?);
    Ok(FoundCredential {
        user: id_of(&text(0)?, "found_credentials.user_id")?,
        fingerprint: row.get(1).map_err(&read)?,
        finding: Finding {
            source: text(2)?.into(),
            match_class: match_class.ok_or_else(|| damaged("match_class"))?,
            matched_attribute: name(4)?,
            matched_rule: name(5)?,
        },
        proof: match proof {
            (Some(source), Some(key), Some(number)) => {
                Some((AccountKey { source: source.into(), key: key.into() }, number))
            }
            (None, None, None) => None,
            _ => return Err(damaged("verifiers")),
        },
        as_of: time(9)?,
        leaked: row
            .get::<_, Option<i64>>(10)
            .map_err(&read)?
            .map(|time| ticks(time, "found_credentials"))
            .transpose()?,
        first_seen: time(11)?,
        last_seen: time(12)?,
        occurrences: row.get(13).map_err(&read)?,
        place: place(row)?,
        candidate: None,
    })
}

/// The place in a row, whose columns stand behind the others.
fn place(row: &Row<'_>) -> Result<Option<Place>, StoreError> {
    let read = engine("reading findings");
    let number = |at| row.get::<_, Option<u64>>(at).map_err(&read);
    let text = |at| row.get::<_, Option<String>>(at).map(|text| text.map(String::into_boxed_str)).map_err(&read);
    match (text(14)?, number(15)?, text(17)?) {
        (Some(document), Some(offset), Some(shape)) => {
            Ok(Some(Place { document, offset, line: number(16)?, shape, host: text(18)? }))
        }
        (None, None, None) => Ok(None),
        _ => Err(StoreError::Corrupt("found_credentials.place_document holds half a place".to_owned())),
    }
}

/// A subject as the key of a record has it: kind, source and id.
pub(crate) fn subject_key(subject: &Subject) -> (i64, &str, &str) {
    match subject {
        Subject::Event(id) => (1, "", id.as_str()),
        Subject::Account(key) => (2, &key.source, &key.key),
        Subject::User(id) => (3, "", id.as_str()),
    }
}

/// Writes what becomes of the record of a job.
pub(crate) fn record(db: &Connection, tenant: TenantKey, change: &RecordChange) -> Result<(), StoreError> {
    let written = match change {
        RecordChange::Keep(JobRecord { job, subject, sequence, is_gone, image }) => {
            let (kind, source, id) = subject_key(subject);
            let user = image.account_user().map(EntityId::as_str);
            db.prepare_cached(
                "INSERT INTO job_records (tenant, job, kind, source, id, sequence, is_gone, user_id, image) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
                 ON CONFLICT DO UPDATE SET sequence = excluded.sequence, is_gone = excluded.is_gone",
            )
            .and_then(|mut put| {
                put.execute(params![tenant.0, job, kind, source, id, sequence, is_gone, user, write_image(image)])
            })
        }
        RecordChange::Forget { job, subject } => {
            let (kind, source, id) = subject_key(subject);
            db.prepare_cached(
                "DELETE FROM job_records WHERE tenant = ?1 AND job = ?2 AND kind = ?3 AND source = ?4 AND id = ?5",
            )
            .and_then(|mut delete| delete.execute(params![tenant.0, job, kind, source, id]))
        }
        RecordChange::Follow { subject, from, to } => {
            let (kind, source, id) = subject_key(subject);
            db.prepare_cached(
                "UPDATE job_records INDEXED BY job_records_by_subject SET sequence = ?6 \
                 WHERE tenant = ?1 AND kind = ?2 AND source = ?3 AND id = ?4 AND sequence = ?5",
            )
            .and_then(|mut update| update.execute(params![tenant.0, kind, source, id, bounded(*from), to]))
        }
        RecordChange::Erase(subject) => {
            let (kind, source, id) = subject_key(subject);
            db.prepare_cached(
                "DELETE FROM job_records INDEXED BY job_records_by_subject \
                 WHERE tenant = ?1 AND kind = ?2 AND source = ?3 AND id = ?4",
            )
            .and_then(|mut delete| delete.execute(params![tenant.0, kind, source, id]))
        }
    };
    written.map(drop).map_err(engine("writing the record of a job"))
}

/// Whether a job has a record of something.
pub(crate) fn is_recorded(db: &Connection, tenant: TenantKey, job: u64, subject: &Subject) -> Result<bool, StoreError> {
    let (kind, source, id) = subject_key(subject);
    db.prepare_cached(
        "SELECT 1 FROM job_records WHERE tenant = ?1 AND job = ?2 AND kind = ?3 AND source = ?4 AND id = ?5",
    )
    .and_then(|mut find| find.exists(params![tenant.0, bounded(job), kind, source, id]))
    .map_err(engine("looking for the record of a job"))
}

/// The accounts that records of jobs say a user had, in the order of their keys.
pub(crate) fn recorded_of(db: &Connection, tenant: TenantKey, user: &str) -> Result<Vec<AccountKey>, StoreError> {
    let find = || -> rusqlite::Result<Vec<AccountKey>> {
        db.prepare_cached(
            "SELECT DISTINCT source, id FROM job_records INDEXED BY job_records_by_user \
             WHERE tenant = ?1 AND user_id = ?2 ORDER BY source, id",
        )?
        .query_map(params![tenant.0, user], |row| {
            let (source, key): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(AccountKey { source: source.into(), key: key.into() })
        })?
        .collect()
    };
    find().map_err(engine("finding what jobs keep of a user"))
}

/// Up to `limit` records of a job in the order in which they are taken back, after one.
pub(crate) fn records(
    db: &Connection,
    tenant: TenantKey,
    job: u64,
    after: Option<&Subject>,
    limit: u32,
) -> Result<Vec<JobRecord>, StoreError> {
    let read = engine("reading the record of a job");
    let (kind, source, id) = after.map_or((0, "", ""), subject_key); // 0 is before every kind
    let mut statement = db
        .prepare_cached(
            "SELECT kind, source, id, sequence, is_gone, image FROM job_records WHERE tenant = ?1 AND job = ?2 \
             AND (kind, source, id) > (?3, ?4, ?5) ORDER BY kind, source, id LIMIT ?6",
        )
        .map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, bounded(job), kind, source, id, limit]).map_err(&read)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let text = |at| row.get::<_, String>(at).map_err(&read);
        let (source, id) = (text(1)?, text(2)?);
        let subject = match row.get::<_, i64>(0).map_err(&read)? {
            1 => Subject::Event(id_of(&id, "job_records.id")?),
            2 => Subject::Account(AccountKey { source: source.into(), key: id.into() }),
            3 => Subject::User(id_of(&id, "job_records.id")?),
            kind => return Err(StoreError::Corrupt(format!("job_records.kind holds {kind}, which is none"))),
        };
        let (sequence, is_gone) = (row.get(3).map_err(&read)?, row.get(4).map_err(&read)?);
        records.push(JobRecord { job, subject, sequence, is_gone, image: read_image(&text(5)?)? });
    }
    Ok(records)
}
