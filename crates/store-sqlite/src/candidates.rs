//! Candidates: passwords that wait to be checked, and those that are kept for users who come later.

use crate::accounts::{bounded, id_of};
use crate::admin::raise_epoch;
use crate::error::engine;
use crate::forget::in_transaction;
use model::{
    AccountKey, Candidate, CandidateKey, FoundCredential, JobState, Judgement, MOST_ATTEMPTS, QueuedCandidate,
    RetainedCandidate, RetainedMark, Sealed, TenantKey, Ticks,
};
use rusqlite::{Connection, Row, params};
use store::{
    AGAIN, AdminOutcome, CandidateCommand, CandidateOutcome, RetentionCommand, StoreError, Undecided, Waiting,
};

const READING: &str = "reading candidates";
const CHANGING: &str = "changing candidates";
/// Why candidates are given up at which workers die.
const NOT_HEARD_OF: &str = "its workers were not heard of again";
/// What is set where a candidate is given up: also what was decided of it when its user had other verifiers is no more.
const GIVEN_UP: &str = "sealed = NULL, claim = NULL, lease = NULL, judged = NULL, account_source = NULL, \
    account_key = NULL, verifiers = NULL";
const COLUMNS: &str = "user_id, fingerprint, sealed, judged, account_source, account_key, verifiers, as_of, attempts";

/// Puts the candidate of a finding into the queue: one that newer verifiers have to judge waits again.
pub(crate) fn queue(
    db: &Connection,
    tenant: TenantKey,
    found: &FoundCredential,
    candidate: &Candidate,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO candidates (tenant, user_id, fingerprint, priority, sealed, attempts, as_of) \
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0) ON CONFLICT DO UPDATE SET \
         priority = iif(sealed IS NULL, excluded.priority, max(priority, excluded.priority)), \
         attempts = iif(sealed IS NULL, 0, attempts), \
         sealed = iif(sealed IS NULL AND judged = ?6, NULL, excluded.sealed)",
    )?
    .execute(params![
        tenant.0,
        found.user.as_str(),
        &found.fingerprint[..],
        candidate.priority,
        &*candidate.sealed.0,
        bounded(candidate.verifiers),
    ])
    .map(drop)
}

/// Once a candidate is decided, what waits for it is found or gone. What waits for one that was given up is undecided, and
/// goes on waiting for somebody who decides it.
pub(crate) fn settle(db: &Connection, tenant: TenantKey, user: &str, fingerprint: &[u8; 32]) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE found_credentials INDEXED BY found_credentials_pending SET pending = 0, \
         account_source = c.account_source, account_key = c.account_key, verifiers = c.verifiers, \
         as_of = max(found_credentials.as_of, c.as_of) FROM candidates AS c \
         WHERE found_credentials.tenant = ?1 AND found_credentials.user_id = ?2 \
         AND found_credentials.fingerprint = ?3 AND pending = 1 \
         AND c.tenant = ?1 AND c.user_id = ?2 AND c.fingerprint = ?3 AND c.sealed IS NULL AND c.verifiers IS NOT NULL",
    )?
    .execute(params![tenant.0, user, &fingerprint[..]])?;
    db.prepare_cached(
        "DELETE FROM found_credentials INDEXED BY found_credentials_pending \
         WHERE tenant = ?1 AND user_id = ?2 AND fingerprint = ?3 AND pending = 1 \
         AND EXISTS (SELECT 1 FROM candidates AS c WHERE c.tenant = ?1 AND c.user_id = ?2 AND c.fingerprint = ?3 \
         AND c.sealed IS NULL AND c.judged IS NOT NULL)",
    )?
    .execute(params![tenant.0, user, &fingerprint[..]])
    .map(drop)
}

/// Carries out a change of the queue. One that a transfer must learn of raises the registry's epoch; claims are none of
/// these.
pub(crate) fn execute(
    db: &Connection,
    tenant: TenantKey,
    command: CandidateCommand,
) -> Result<AdminOutcome, StoreError> {
    let outcome = in_transaction(db, CHANGING, || match command {
        CandidateCommand::Claim { limit, job, is_alone, claim } => {
            give_up(db, tenant, claim.now).map_err(engine(CHANGING))?;
            let mut claimed = Vec::new();
            let sql = format!(
                "UPDATE candidates SET claim = ?3, holder = ?4, lease = ?5, attempts = attempts + 1 \
                 WHERE tenant = ?1 AND (user_id, fingerprint) IN (SELECT c.user_id, c.fingerprint FROM candidates AS c \
                 INDEXED BY candidates_waiting WHERE c.tenant = ?1 AND c.sealed IS NOT NULL \
                 AND (c.lease IS NULL OR c.lease < ?2) AND (c.attempts >= {AGAIN}) = ?8 AND EXISTS (SELECT 1 FROM found_credentials AS f \
                 INDEXED BY found_credentials_pending CROSS JOIN jobs AS j \
                 WHERE f.tenant = ?1 AND f.user_id = c.user_id AND f.fingerprint = c.fingerprint AND f.pending = 1 \
                 AND (?6 IS NULL OR f.job = ?6) AND j.tenant = ?1 AND j.number = f.job AND j.state IN (1, 6)) \
                 ORDER BY c.priority DESC, c.user_id, c.fingerprint LIMIT ?7) \
                 RETURNING {COLUMNS}, priority"
            );
            let mut statement = db.prepare_cached(&sql).map_err(engine(CHANGING))?;
            let (now, lease) = (claim.now.get(), claim.lease.get());
            let values = params![tenant.0, now, claim.id, claim.holder, lease, job.map(bounded), limit, is_alone];
            let mut rows = statement.query(values).map_err(engine(CHANGING))?;
            while let Some(row) = rows.next().map_err(engine(CHANGING))? {
                let priority: i64 = row.get(9).map_err(engine(READING))?;
                claimed.push((priority, queued(row)?));
            }
            claimed.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.key.cmp(&other.key)));
            Ok(CandidateOutcome::Claimed(claimed.into_iter().map(|(_, candidate)| candidate).collect()))
        }
        other => change(db, tenant, other).map(CandidateOutcome::Changed).map_err(engine(CHANGING)),
    })?;
    Ok(AdminOutcome::Candidates(outcome))
}

fn change(db: &Connection, tenant: TenantKey, command: CandidateCommand) -> rusqlite::Result<u64> {
    let mut changed = 0;
    match command {
        CandidateCommand::Claim { .. } => unreachable!("claims are answered with candidates"),
        CandidateCommand::Renew { claim, keys, lease } => {
            let mut renew = db.prepare_cached(&format!("UPDATE candidates SET lease = ?5 {HELD}"))?;
            for key in keys {
                changed +=
                    renew.execute(params![tenant.0, key.user.as_str(), &key.fingerprint[..], claim, lease.get()])?;
            }
        }
        CandidateCommand::Lapse { holder, now } => {
            changed += db
                .prepare_cached(
                    "UPDATE candidates INDEXED BY candidates_claimed SET lease = ?3 - 1 \
                     WHERE tenant = ?1 AND sealed IS NOT NULL AND lease >= ?3 AND holder = ?2 AND attempts < ?4",
                )?
                .execute(params![tenant.0, holder, now.get(), MOST_ATTEMPTS])?;
        }
        CandidateCommand::GiveBack { claim, keys, message } => {
            let mut give_back = db.prepare_cached(&format!(
                "UPDATE candidates SET claim = NULL, lease = NULL, message = coalesce(?5, message), \
                 attempts = attempts - (?5 IS NULL) {HELD}"
            ))?;
            let mut give_up = db.prepare_cached(&format!(
                "UPDATE candidates SET {GIVEN_UP} WHERE tenant = ?1 AND user_id = ?2 AND fingerprint = ?3 \
                 AND sealed IS NOT NULL AND lease IS NULL AND attempts >= ?4"
            ))?;
            for key in keys {
                let (user, fingerprint) = (key.user.as_str(), &key.fingerprint);
                let own = give_back.execute(params![tenant.0, user, &fingerprint[..], claim, message])?;
                if own > 0 && message.is_some() {
                    give_up.execute(params![tenant.0, user, &fingerprint[..], MOST_ATTEMPTS])?;
                }
                changed += own;
            }
            raise_epoch(db)?;
        }
        CandidateCommand::Decide { claim, judged } => {
            raise_epoch(db)?;
            let mut decide = db.prepare_cached(&format!(
                "UPDATE candidates SET sealed = NULL, claim = NULL, lease = NULL, judged = ?5, account_source = ?6, \
                 account_key = ?7, verifiers = ?8, as_of = ?9, message = NULL {HELD}"
            ))?;
            for (key, Judgement { verifiers, proof, as_of }) in judged {
                let (user, fingerprint) = (key.user.as_str(), &key.fingerprint);
                let (account, number) = proof.as_ref().map(|(account, number)| (account, *number)).unzip();
                let decided = decide.execute(params![
                    tenant.0,
                    user,
                    &fingerprint[..],
                    claim,
                    bounded(verifiers),
                    account.map(|account| &*account.source),
                    account.map(|account| &*account.key),
                    number.map(bounded),
                    as_of.get(),
                ])?;
                if decided > 0 {
                    settle(db, tenant, user, fingerprint)?;
                    changed += decided;
                }
            }
        }
        CandidateCommand::Drop { job } => {
            raise_epoch(db)?;
            changed += db
                .prepare_cached(
                    "DELETE FROM found_credentials INDEXED BY found_credentials_pending_of_job \
                     WHERE tenant = ?1 AND job = ?2 AND pending = 1",
                )?
                .execute(params![tenant.0, bounded(job)])?;
            drop_unwanted(db, tenant)?;
        }
        CandidateCommand::Reseal(sealed) => {
            raise_epoch(db)?;
            let mut reseal = db.prepare_cached(
                "UPDATE candidates SET sealed = ?4 \
                 WHERE tenant = ?1 AND user_id = ?2 AND fingerprint = ?3 AND sealed IS NOT NULL",
            )?;
            for (key, sealed) in sealed {
                changed += reseal.execute(params![tenant.0, key.user.as_str(), &key.fingerprint[..], &*sealed.0])?;
            }
        }
    }
    Ok(changed as u64)
}

/// Of the candidate that a claim is to.
const HELD: &str = "WHERE tenant = ?1 AND user_id = ?2 AND fingerprint = ?3 AND sealed IS NOT NULL AND claim = ?4";

/// Candidates that nothing waits for any more are not checked, nor are those for which only jobs wait that have ended: they
/// were given up once, and whoever has asked for them again since has left off.
pub(crate) fn drop_unwanted(db: &Connection, tenant: TenantKey) -> rusqlite::Result<()> {
    const WAITING: &str = "INDEXED BY candidates_waiting";
    const FOR: &str = "WHERE tenant = ?1 AND sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM found_credentials AS f \
        INDEXED BY found_credentials_pending CROSS JOIN jobs AS j WHERE f.tenant = ?1 AND f.user_id = candidates.user_id \
        AND f.fingerprint = candidates.fingerprint AND f.pending = 1 AND j.tenant = ?1 AND j.number = f.job";
    db.prepare_cached(&format!("DELETE FROM candidates {WAITING} {FOR})"))?.execute([tenant.0])?;
    let completed = JobState::Completed as i64;
    db.prepare_cached(&format!("UPDATE candidates {WAITING} SET {GIVEN_UP} {FOR} AND j.state <> {completed})"))?
        .execute([tenant.0])
        .map(drop)
}

/// What workers have died at time and again is given up.
fn give_up(db: &Connection, tenant: TenantKey, now: Ticks) -> rusqlite::Result<()> {
    let given_up = db
        .prepare_cached(&format!(
            "UPDATE candidates INDEXED BY candidates_claimed SET {GIVEN_UP}, message = coalesce(message, ?4) \
             WHERE tenant = ?1 AND sealed IS NOT NULL AND lease < ?2 AND attempts >= ?3"
        ))?
        .execute(params![tenant.0, now.get(), MOST_ATTEMPTS, NOT_HEARD_OF])?;
    if given_up > 0 { raise_epoch(db) } else { Ok(()) }
}

/// Carries out a change of what is kept for users who come later.
pub(crate) fn retain(
    db: &Connection,
    tenant: TenantKey,
    command: RetentionCommand,
) -> Result<AdminOutcome, StoreError> {
    let changed = in_transaction(db, CHANGING, || retain_in(db, tenant, command).map_err(engine(CHANGING)))?;
    Ok(AdminOutcome::Candidates(CandidateOutcome::Changed(changed)))
}

fn retain_in(db: &Connection, tenant: TenantKey, command: RetentionCommand) -> rusqlite::Result<u64> {
    let each = |sql: &str, candidates: &[RetainedCandidate]| -> rusqlite::Result<usize> {
        let mut statement = db.prepare_cached(sql)?;
        candidates.iter().try_fold(0, |changed, one| {
            let RetainedCandidate { name, credential, expires, sealed } = one;
            let values = params![tenant.0, &name[..], &credential[..], expires.get(), &*sealed.0];
            Ok(changed + statement.execute(values)?)
        })
    };
    // As in a database: only where there is nothing to forget, there is nothing for others to learn of.
    let may_be_idle = matches!(command, RetentionCommand::Expire { .. });
    let changed = match command {
        RetentionCommand::Keep(candidates) => each(
            "INSERT INTO retained_candidates (tenant, name, credential, expires, sealed) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET expires = excluded.expires, sealed = excluded.sealed \
             WHERE expires < excluded.expires",
            &candidates,
        )?,
        RetentionCommand::Reseal(candidates) => each(
            "UPDATE retained_candidates SET sealed = ?5 WHERE tenant = ?1 AND name = ?2 AND credential = ?3 AND ?4 = ?4",
            &candidates,
        )?,
        RetentionCommand::Expire { now } => db
            .prepare_cached("DELETE FROM retained_candidates WHERE tenant = ?1 AND expires <= ?2")?
            .execute(params![tenant.0, now.get()])?,
    };
    if changed > 0 || !may_be_idle {
        raise_epoch(db)?;
    }
    Ok(changed as u64)
}

/// How much waits, of a job or of all.
pub(crate) fn waiting(db: &Connection, tenant: TenantKey, job: Option<u64>) -> Result<Waiting, StoreError> {
    let sql = if job.is_some() {
        "SELECT count(*), count(c.claim) FROM (SELECT DISTINCT user_id, fingerprint FROM found_credentials \
         INDEXED BY found_credentials_pending_of_job WHERE tenant = ?1 AND job = ?2 AND pending = 1) AS f \
         CROSS JOIN candidates AS c WHERE c.tenant = ?1 AND c.user_id = f.user_id AND c.fingerprint = f.fingerprint \
         AND c.sealed IS NOT NULL"
    } else {
        "SELECT count(*), count(claim) FROM candidates INDEXED BY candidates_waiting \
         WHERE tenant = ?1 AND ?2 IS NULL AND sealed IS NOT NULL"
    };
    db.prepare_cached(sql)
        .and_then(|mut count| {
            count.query_row(params![tenant.0, job.map(bounded)], |row| {
                Ok(Waiting { candidates: row.get(0)?, claimed: row.get(1)? })
            })
        })
        .map_err(engine(READING))
}

/// How many candidates of a job could not be checked, by reasons.
pub(crate) fn undecided(db: &Connection, tenant: TenantKey, job: u64) -> Result<Vec<Undecided>, StoreError> {
    let sql = "SELECT coalesce(c.message, ?3), count(*) AS many, sum(f.places) FROM (SELECT user_id, fingerprint, \
               sum(occurrences) AS places FROM found_credentials INDEXED BY found_credentials_pending_of_job \
               WHERE tenant = ?1 AND job = ?2 AND pending = 1 GROUP BY user_id, fingerprint) AS f \
               CROSS JOIN candidates AS c WHERE c.tenant = ?1 AND c.user_id = f.user_id \
               AND c.fingerprint = f.fingerprint AND c.sealed IS NULL AND c.judged IS NULL \
               GROUP BY 1 ORDER BY many DESC, 1";
    db.prepare_cached(sql)
        .and_then(|mut count| {
            let values = params![tenant.0, bounded(job), NOT_HEARD_OF];
            let of = |row: &Row<'_>| Ok(Undecided { why: row.get(0)?, candidates: row.get(1)?, places: row.get(2)? });
            Undecided::most_frequent(count.query_map(values, of)?)
        })
        .map_err(engine(READING))
}

/// Up to `limit` candidates that wait, in the order of their keys, after one.
pub(crate) fn list(
    db: &Connection,
    tenant: TenantKey,
    after: Option<&CandidateKey>,
    limit: u32,
) -> Result<Vec<QueuedCandidate>, StoreError> {
    let read = engine(READING);
    let sql = format!(
        "SELECT {COLUMNS} FROM candidates WHERE tenant = ?1 AND sealed IS NOT NULL \
         AND (user_id, fingerprint) > (?2, ?3) ORDER BY user_id, fingerprint LIMIT ?4"
    );
    let (user, fingerprint) = after.map_or(("", &[][..]), |key| (key.user.as_str(), &key.fingerprint[..]));
    let mut statement = db.prepare_cached(&sql).map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, user, fingerprint, limit]).map_err(&read)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        all.push(queued(row)?);
    }
    Ok(all)
}

fn queued(row: &Row<'_>) -> Result<QueuedCandidate, StoreError> {
    let read = engine(READING);
    let damaged = |column: &str| StoreError::Corrupt(format!("candidates.{column} holds an unknown value"));
    let text = |at| row.get::<_, Option<String>>(at).map(|text| text.map(String::into_boxed_str)).map_err(&read);
    let number = |at| row.get::<_, Option<u64>>(at).map_err(&read);
    let proof = match (text(4)?, text(5)?, number(6)?) {
        (Some(source), Some(key), Some(number)) => Some((AccountKey { source, key }, number)),
        (None, None, None) => None,
        _ => return Err(damaged("verifiers")),
    };
    let as_of = Ticks::new(row.get(7).map_err(&read)?).ok_or_else(|| damaged("as_of"))?;
    Ok(QueuedCandidate {
        key: CandidateKey {
            user: id_of(&row.get::<_, String>(0).map_err(&read)?, "candidates.user_id")?,
            fingerprint: row.get(1).map_err(&read)?,
        },
        sealed: Sealed(row.get::<_, Vec<u8>>(2).map_err(&read)?.into()),
        judged: number(3)?.map(|verifiers| Judgement { verifiers, proof, as_of }),
        attempts: row.get(8).map_err(&read)?,
    })
}

/// What is kept beside names, in the order of name and credential, unless its time is over.
pub(crate) fn retained(
    db: &Connection,
    tenant: TenantKey,
    names: &[RetainedMark],
    now: Ticks,
) -> Result<Vec<RetainedCandidate>, StoreError> {
    let sql = "SELECT name, credential, expires, sealed FROM retained_candidates \
               WHERE tenant = ?1 AND name = ?2 AND expires > ?3 ORDER BY credential";
    let mut all = Vec::new();
    let mut read = db.prepare_cached(sql).map_err(engine(READING))?;
    for name in names {
        collect_retained(read.query(params![tenant.0, &name[..], now.get()]), &mut all)?;
    }
    Ok(all)
}

/// Up to `limit` of all that is kept, in the order of name and credential, after one.
pub(crate) fn list_retained(
    db: &Connection,
    tenant: TenantKey,
    after: Option<(RetainedMark, RetainedMark)>,
    limit: u32,
) -> Result<Vec<RetainedCandidate>, StoreError> {
    let sql = "SELECT name, credential, expires, sealed FROM retained_candidates \
               WHERE tenant = ?1 AND (name, credential) > (?2, ?3) ORDER BY name, credential LIMIT ?4";
    let (name, credential) = after.as_ref().map_or((&[][..], &[][..]), |(name, credential)| (name, credential));
    let mut all = Vec::new();
    let mut read = db.prepare_cached(sql).map_err(engine(READING))?;
    collect_retained(read.query(params![tenant.0, name, credential, limit]), &mut all)?;
    Ok(all)
}

fn collect_retained(
    rows: rusqlite::Result<rusqlite::Rows<'_>>,
    all: &mut Vec<RetainedCandidate>,
) -> Result<(), StoreError> {
    let read = engine(READING);
    let mut rows = rows.map_err(&read)?;
    while let Some(row) = rows.next().map_err(&read)? {
        let expires = Ticks::new(row.get(2).map_err(&read)?);
        all.push(RetainedCandidate {
            name: row.get(0).map_err(&read)?,
            credential: row.get(1).map_err(&read)?,
            expires: expires
                .ok_or_else(|| StoreError::Corrupt("retained_candidates.expires is out of range".to_owned()))?,
            sealed: Sealed(row.get::<_, Vec<u8>>(3).map_err(&read)?.into()),
        });
    }
    Ok(())
}
