//! Candidates: passwords that wait to be checked, and those that are kept for users who come later. Claims are made beside
//! each other and wait for nobody; where something is decided, the tenant is locked.

use crate::database::Connection;
use crate::directory::{bytes, id, optional_ticks, place, read};
use crate::error::engine;
use crate::records;
use crate::rows::{damaged, integer, number, optional, optional_text, ticks};
use crate::statements::{self, Column, Statement, key_columns, names, numbers, settle, statement, unnest};
use crate::values::Parameters;
use model::{
    AccountKey, CandidateKey, Claim, JobState, Judgement, MOST_ATTEMPTS, QueuedCandidate, RetainedCandidate,
    RetainedMark, Sealed, TenantKey, Ticks,
};
use store::{
    AGAIN, AdminOutcome, CandidateCommand, CandidateOutcome, RetentionCommand, StoreError, Undecided, Waiting,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

const READING: &str = "reading candidates";
const CHANGING: &str = "changing candidates";
/// Why candidates are given up at which workers die.
const NOT_HEARD_OF: &str = "its workers were not heard of again";
const COLUMNS: &str = "c.user_id, c.fingerprint, c.sealed, c.judged, c.account_source, c.account_key, c.verifiers, \
    c.as_of, c.attempts";
/// Which candidates that wait.
const KEYED: &str = "r.tenant = $1 AND r.user_id = ANY($2) AND r.user_id = n.user_id \
    AND r.fingerprint = n.fingerprint AND r.sealed IS NOT NULL";
/// What is set where a candidate is given up: also what was decided of it when its user had other verifiers is no more.
const GIVEN_UP: &str = "sealed = NULL, claim = NULL, lease = NULL, judged = NULL, account_source = NULL, \
    account_key = NULL, verifiers = NULL";

/// Candidates that nothing waits for any more are not checked, nor are those for which only jobs wait that have ended: they
/// were given up once, and whoever has asked for them again since has left off.
pub(crate) async fn drop_unwanted(db: &Connection, tenant: TenantKey) -> Result<(), StoreError> {
    const FOR: &str = "WHERE c.tenant = $1 AND c.sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM found_credentials AS f \
        JOIN jobs AS j ON j.tenant = f.tenant AND j.number = f.job WHERE f.tenant = $1 AND f.user_id = c.user_id \
        AND f.fingerprint = c.fingerprint AND f.pending = 1";
    records::change(db, tenant, CHANGING, &format!("DELETE FROM candidates AS c {FOR})"), &[]).await?;
    let completed = JobState::Completed as i64;
    let sql = format!("UPDATE candidates AS c SET {GIVEN_UP} {FOR} AND j.state <> {completed})");
    records::change(db, tenant, CHANGING, &sql, &[]).await.map(drop)
}

/// Carries out a change of the queue.
pub(crate) async fn execute(
    db: &Connection,
    tenant: TenantKey,
    command: CandidateCommand,
) -> Result<AdminOutcome, StoreError> {
    let changed = match command {
        CandidateCommand::Claim { limit, job, is_alone, claim } => {
            give_up(db, tenant, claim.now).await?;
            let claimed = claim_next(db, tenant, (limit, job, is_alone), &claim).await?;
            return Ok(AdminOutcome::Candidates(CandidateOutcome::Claimed(claimed)));
        }
        CandidateCommand::Renew { claim, keys, lease } => {
            let columns = held_columns(&claim, &keys);
            let sql = format!(
                "UPDATE candidates AS r SET lease = {} FROM {} WHERE {KEYED} AND r.claim = n.claimed",
                lease.get(),
                rows(&columns)
            );
            Some(run(db, &statement(sql, tenant, columns)).await?)
        }
        CandidateCommand::Lapse { holder, now } => {
            let sql = "UPDATE candidates SET lease = $3 - 1 \
                       WHERE tenant = $1 AND sealed IS NOT NULL AND lease >= $3 AND holder = $2 AND attempts < $4";
            let values: Parameters<'_> = &[&number(tenant), &&*holder, &now.get(), &i64::from(MOST_ATTEMPTS)];
            Some(db.execute_again(sql, values).await.map_err(engine(CHANGING))?)
        }
        CandidateCommand::GiveBack { claim, keys, message } => {
            let mut columns = held_columns(&claim, &keys);
            columns.push(repeated("told", message.as_deref(), keys.len()));
            let sql = format!(
                "UPDATE candidates AS r SET claim = NULL, lease = NULL, message = coalesce(n.told, r.message), \
                 attempts = r.attempts - CASE WHEN n.told IS NULL THEN 1 ELSE 0 END FROM {} WHERE {KEYED} AND r.claim = n.claimed",
                rows(&columns)
            );
            let mut then = Vec::new();
            if message.is_some() {
                let columns = key_columns(&keys, |key| key);
                let sql = format!(
                    "UPDATE candidates AS r SET {GIVEN_UP} FROM {} WHERE {KEYED} AND r.lease IS NULL \
                     AND r.attempts >= {MOST_ATTEMPTS}",
                    rows(&columns)
                );
                then.push(statement(sql, tenant, columns));
            }
            locked(db, tenant, statement(sql, tenant, columns), &then).await?
        }
        CandidateCommand::Decide { claim, judged } => {
            let keys: Vec<CandidateKey> = judged.iter().map(|(key, _)| key.clone()).collect();
            let proof = |row: &(CandidateKey, Judgement)| row.1.proof.clone();
            let part = |name, of: fn(AccountKey) -> Box<str>| {
                let values: Vec<Option<String>> =
                    judged.iter().map(|row| proof(row).map(|(account, _)| of(account).into())).collect();
                Column { name, ty: "text[]", values: Box::new(values) }
            };
            let mut columns = held_columns(&claim, &keys);
            columns.extend([
                numbers("judged", &judged, |(_, judged)| Some(place(judged.verifiers))),
                part("account_source", |key| key.source),
                part("account_key", |key| key.key),
                numbers("verifiers", &judged, |row| proof(row).map(|(_, number)| place(number))),
                numbers("as_of", &judged, |(_, judged)| Some(judged.as_of.get())),
            ]);
            let sql = format!(
                "UPDATE candidates AS r SET sealed = NULL, claim = NULL, lease = NULL, judged = n.judged, \
                 account_source = n.account_source, account_key = n.account_key, verifiers = n.verifiers, \
                 as_of = n.as_of, message = NULL FROM {} WHERE {KEYED} AND r.claim = n.claimed",
                rows(&columns)
            );
            locked(db, tenant, statement(sql, tenant, columns), &settle(tenant, &keys)).await?
        }
        CandidateCommand::Drop { job } => {
            let sql = "DELETE FROM found_credentials WHERE tenant = $1 AND job = $2 AND pending = 1";
            let dropped = records::change(db, tenant, CHANGING, sql, &[&place(job)]).await?;
            drop_unwanted(db, tenant).await?;
            dropped
        }
        CandidateCommand::Reseal(sealed) => {
            let mut columns = key_columns(&sealed, |(key, _)| key);
            columns.push(statements::bytes("sealed", &sealed, |(_, sealed)| Some(&*sealed.0)));
            let sql = format!("UPDATE candidates AS r SET sealed = n.sealed FROM {} WHERE {KEYED}", rows(&columns));
            locked(db, tenant, statement(sql, tenant, columns), &[]).await?
        }
    };
    Ok(changed.map_or(AdminOutcome::NotFound, |changed| AdminOutcome::Candidates(CandidateOutcome::Changed(changed))))
}

/// The columns that find candidates of a claim.
fn held_columns(claim: &str, keys: &[CandidateKey]) -> Vec<Column> {
    let mut columns = key_columns(keys, |key| key);
    columns.push(repeated("claimed", Some(claim), keys.len()));
    columns
}

/// A column that says the same in every row.
fn repeated(name: &'static str, value: Option<&str>, rows: usize) -> Column {
    Column { name, ty: "text[]", values: Box::new(vec![value.map(str::to_owned); rows]) }
}

/// `unnest(...) AS n(...)`
fn rows(columns: &[Column]) -> String {
    format!("{} AS n({})", unnest(columns), names(columns))
}

async fn run(db: &Connection, statement: &Statement) -> Result<u64, StoreError> {
    let values: Vec<&(dyn ToSql + Sync)> = statement.values.iter().map(|value| &**value as _).collect();
    db.execute_again(&statement.sql, &values).await.map_err(engine(CHANGING))
}

/// Runs a statement with the tenant locked, and others where it changed something; `None` when there is no such tenant.
async fn locked(
    db: &Connection,
    tenant: TenantKey,
    statement: Statement,
    then: &[Statement],
) -> Result<Option<u64>, StoreError> {
    // The first value is the tenant, which is given there.
    let values: Vec<&(dyn ToSql + Sync)> = statement.values.iter().skip(1).map(|value| &**value as _).collect();
    records::change_and(db, tenant, CHANGING, (&statement.sql, &values), then).await
}

/// Takes the most urgent candidates that nobody else is just taking.
async fn claim_next(
    db: &Connection,
    tenant: TenantKey,
    (limit, job, is_alone): (u32, Option<u64>, bool),
    claim: &Claim,
) -> Result<Vec<QueuedCandidate>, StoreError> {
    let sql = format!(
        "WITH next AS MATERIALIZED (SELECT n.user_id, n.fingerprint FROM candidates AS n \
         WHERE n.tenant = $1 AND n.sealed IS NOT NULL AND (n.lease IS NULL OR n.lease < $2) \
         AND (n.attempts >= {AGAIN}) = $8 \
         AND EXISTS (SELECT 1 FROM found_credentials AS f JOIN jobs AS j ON j.tenant = f.tenant AND j.number = f.job \
         WHERE f.tenant = $1 AND f.user_id = n.user_id AND f.fingerprint = n.fingerprint AND f.pending = 1 \
         AND ($6::bigint IS NULL OR f.job = $6) AND j.state IN (1, 6)) \
         ORDER BY n.priority DESC, n.user_id, n.fingerprint LIMIT $7 FOR UPDATE OF n SKIP LOCKED), \
         c AS (UPDATE candidates AS t SET claim = $3, holder = $4, lease = $5, attempts = t.attempts + 1 FROM next \
         WHERE t.tenant = $1 AND t.user_id = next.user_id AND t.fingerprint = next.fingerprint RETURNING t.*) \
         SELECT {COLUMNS} FROM c ORDER BY c.priority DESC, c.user_id, c.fingerprint"
    );
    let job = job.map(place);
    let values: Parameters<'_> = &[
        &number(tenant),
        &claim.now.get(),
        &&*claim.id,
        &&*claim.holder,
        &claim.lease.get(),
        &job,
        &i64::from(limit),
        &is_alone,
    ];
    let claimed = db.query_again(&sql, values).await.map_err(engine("claiming candidates"))?;
    claimed.iter().map(queued_of).collect()
}

/// What workers have died at time and again is given up.
async fn give_up(db: &Connection, tenant: TenantKey, now: Ticks) -> Result<(), StoreError> {
    let lapsed = format!("lease < {} AND attempts >= {MOST_ATTEMPTS} AND sealed IS NOT NULL", now.get());
    let sql = format!("SELECT user_id, fingerprint FROM candidates WHERE tenant = $1 AND {lapsed}");
    let keys = read(db, READING, &sql, &[&number(tenant)], key_of).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let columns = held_columns(NOT_HEARD_OF, &keys);
    let sql = format!(
        "UPDATE candidates AS r SET {GIVEN_UP}, message = coalesce(r.message, n.claimed) FROM {} \
         WHERE {KEYED} AND {lapsed}",
        rows(&columns)
    );
    locked(db, tenant, statement(sql, tenant, columns), &[]).await.map(drop)
}

/// Carries out a change of what is kept for users who come later.
pub(crate) async fn retain(
    db: &Connection,
    tenant: TenantKey,
    command: RetentionCommand,
) -> Result<AdminOutcome, StoreError> {
    let changed = match command {
        RetentionCommand::Keep(mut candidates) => {
            candidates.sort_by(|a, b| (a.name, a.credential, b.expires).cmp(&(b.name, b.credential, a.expires)));
            candidates.dedup_by_key(|one| (one.name, one.credential));
            let columns = retained_columns(&candidates);
            let sql = format!(
                "WITH n AS (SELECT * FROM {}), \
                 known AS (UPDATE retained_candidates AS r SET expires = greatest(r.expires, n.expires), \
                 sealed = CASE WHEN n.expires > r.expires THEN n.sealed ELSE r.sealed END FROM n \
                 WHERE r.tenant = $1 AND r.name = ANY($2) AND r.name = n.name AND r.credential = n.credential \
                 RETURNING r.name, r.credential) \
                 INSERT INTO retained_candidates (tenant, name, credential, expires, sealed) \
                 SELECT $1::bigint, n.* FROM n WHERE NOT EXISTS \
                 (SELECT 1 FROM known AS k WHERE k.name = n.name AND k.credential = n.credential)",
                rows(&columns)
            );
            locked(db, tenant, statement(sql, tenant, columns), &[]).await?
        }
        RetentionCommand::Reseal(candidates) => {
            let columns = retained_columns(&candidates);
            let sql = format!(
                "UPDATE retained_candidates AS r SET sealed = n.sealed FROM {} WHERE r.tenant = $1 \
                 AND r.name = ANY($2) AND r.name = n.name AND r.credential = n.credential",
                rows(&columns)
            );
            locked(db, tenant, statement(sql, tenant, columns), &[]).await?
        }
        RetentionCommand::Expire { now } => {
            let over = "SELECT 1::bigint FROM retained_candidates WHERE tenant = $1 AND expires <= $2 LIMIT 1";
            if db.query_opt(over, &[&number(tenant), &now.get()]).await.map_err(engine(READING))?.is_none() {
                return Ok(AdminOutcome::Candidates(CandidateOutcome::Changed(0)));
            }
            let sql = "DELETE FROM retained_candidates WHERE tenant = $1 AND expires <= $2";
            records::change(db, tenant, CHANGING, sql, &[&now.get()]).await?
        }
    };
    Ok(changed.map_or(AdminOutcome::NotFound, |changed| AdminOutcome::Candidates(CandidateOutcome::Changed(changed))))
}

fn retained_columns(rows: &[RetainedCandidate]) -> Vec<Column> {
    vec![
        statements::bytes("name", rows, |row| Some(&row.name[..])),
        statements::bytes("credential", rows, |row| Some(&row.credential[..])),
        numbers("expires", rows, |row| Some(row.expires.get())),
        statements::bytes("sealed", rows, |row| Some(&*row.sealed.0)),
    ]
}

/// How much waits, of a job or of all.
pub(crate) async fn waiting(db: &Connection, tenant: TenantKey, job: Option<u64>) -> Result<Waiting, StoreError> {
    const WHAT: &str = "a count of candidates";
    let sql = "SELECT count(*), count(c.claim) FROM candidates AS c WHERE c.tenant = $1 AND c.sealed IS NOT NULL \
               AND ($2::bigint IS NULL OR (c.user_id, c.fingerprint) IN (SELECT f.user_id, f.fingerprint \
               FROM found_credentials AS f WHERE f.tenant = $1 AND f.job = $2 AND f.pending = 1))";
    let row = db.query_opt(sql, &[&number(tenant), &job.map(place)]).await.map_err(engine(READING))?;
    let row = row.ok_or_else(|| damaged(WHAT))?;
    Ok(Waiting { candidates: integer(&row, 0, WHAT)? as u64, claimed: integer(&row, 1, WHAT)? as u64 })
}

/// How many candidates of a job could not be checked, by reasons.
pub(crate) async fn undecided(db: &Connection, tenant: TenantKey, job: u64) -> Result<Vec<Undecided>, StoreError> {
    const WHAT: &str = "a count of candidates";
    let sql = "SELECT coalesce(c.message, $3), count(*) AS many, sum(f.places)::bigint FROM (SELECT user_id, fingerprint, \
               sum(occurrences) AS places FROM found_credentials WHERE tenant = $1 AND job = $2 AND pending = 1 \
               GROUP BY user_id, fingerprint) AS f \
               JOIN candidates AS c ON c.tenant = $1 AND c.user_id = f.user_id AND c.fingerprint = f.fingerprint \
               AND c.sealed IS NULL AND c.judged IS NULL GROUP BY 1 ORDER BY many DESC, 1";
    let values: Parameters<'_> = &[&number(tenant), &place(job), &NOT_HEARD_OF];
    let reasons = read(db, READING, sql, values, |row| {
        let why = optional_text(row, 0, WHAT)?.ok_or_else(|| damaged(WHAT))?;
        let (candidates, places) = (integer(row, 1, WHAT)? as u64, integer(row, 2, WHAT)? as u64);
        Ok(Undecided { why: why.into(), candidates, places })
    });
    Undecided::most_frequent(reasons.await?.into_iter().map(Ok))
}

/// Up to `limit` candidates that wait, in the order of their keys, after one.
pub(crate) async fn list(
    db: &Connection,
    tenant: TenantKey,
    after: Option<&CandidateKey>,
    limit: u32,
) -> Result<Vec<QueuedCandidate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM candidates AS c WHERE c.tenant = $1 AND c.sealed IS NOT NULL \
         AND (c.user_id, c.fingerprint) > ($2, $3) ORDER BY c.user_id, c.fingerprint LIMIT $4"
    );
    let (user, fingerprint) = after.map_or(("", &[][..]), |key| (key.user.as_str(), &key.fingerprint[..]));
    read(db, READING, &sql, &[&number(tenant), &user, &fingerprint, &i64::from(limit)], queued_of).await
}

fn key_of(row: &Row) -> Result<CandidateKey, StoreError> {
    const WHAT: &str = "candidates.fingerprint";
    Ok(CandidateKey {
        user: id(row, 0, "candidates.user_id")?,
        fingerprint: bytes(row, 1, WHAT)?.try_into().map_err(|_| damaged(WHAT))?,
    })
}

fn queued_of(row: &Row) -> Result<QueuedCandidate, StoreError> {
    const WHAT: &str = "a row of candidates";
    let account = optional_text(row, 4, WHAT)?.zip(optional_text(row, 5, WHAT)?);
    let account = account.map(|(source, key)| AccountKey { source: source.into(), key: key.into() });
    let proof = account.zip(optional(row, 6, WHAT)?.map(|number| number as u64));
    let as_of = ticks(row, 7, WHAT)?;
    Ok(QueuedCandidate {
        key: key_of(row)?,
        sealed: Sealed(bytes(row, 2, WHAT)?.into()),
        judged: optional(row, 3, WHAT)?.map(|verifiers| Judgement { verifiers: verifiers as u64, proof, as_of }),
        attempts: u32::try_from(integer(row, 8, WHAT)?).map_err(|_| damaged("candidates.attempts"))?,
    })
}

/// What is kept beside names, in the order of name and credential, unless its time is over.
pub(crate) async fn retained(
    db: &Connection,
    tenant: TenantKey,
    names: &[RetainedMark],
    now: Ticks,
) -> Result<Vec<RetainedCandidate>, StoreError> {
    let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
    let sql = "SELECT r.name, r.credential, r.expires, r.sealed FROM unnest($2::bytea[]) WITH ORDINALITY AS n(name, at) \
               JOIN retained_candidates AS r ON r.name = n.name WHERE r.tenant = $1 AND r.name = ANY($2) \
               AND r.expires > $3 ORDER BY n.at, r.credential";
    read(db, READING, sql, &[&number(tenant), &names, &now.get()], retained_of).await
}

/// Up to `limit` of all that is kept, in the order of name and credential, after one.
pub(crate) async fn list_retained(
    db: &Connection,
    tenant: TenantKey,
    after: Option<(RetainedMark, RetainedMark)>,
    limit: u32,
) -> Result<Vec<RetainedCandidate>, StoreError> {
    let (name, credential) = after.as_ref().map_or((&[][..], &[][..]), |(name, credential)| (name, credential));
    let sql = "SELECT name, credential, expires, sealed FROM retained_candidates WHERE tenant = $1 \
               AND (name, credential) > ($2, $3) ORDER BY name, credential LIMIT $4";
    read(db, READING, sql, &[&number(tenant), &name, &credential, &i64::from(limit)], retained_of).await
}

fn retained_of(row: &Row) -> Result<RetainedCandidate, StoreError> {
    const WHAT: &str = "a row of retained_candidates";
    let mark = |column| bytes(row, column, WHAT)?.try_into().map_err(|_| damaged(WHAT));
    let expires = optional_ticks(row, 2, WHAT)?.ok_or_else(|| damaged(WHAT))?;
    Ok(RetainedCandidate { name: mark(0)?, credential: mark(1)?, expires, sealed: Sealed(bytes(row, 3, WHAT)?.into()) })
}
