//! Repeatable requests: what is remembered of them, and for how long.

use crate::error::engine;
use crate::rows::{end, key, sequence};
use model::{Actor, Repeatability, TenantKey, Ticks};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use store::{KnownRequest, Outcome, StoreError, write_outcomes};

/// The most that one group forgets of a tenant's expired requests: a part of its work that nobody feels.
const PORTION: u32 = 64;

/// Looks a request up.
pub(crate) fn find(
    db: &Connection,
    tenant: TenantKey,
    actor: &Actor,
    repeatability: &Repeatability,
) -> Result<KnownRequest, StoreError> {
    let user = actor.user.as_deref().unwrap_or_default();
    let found = db
        .prepare_cached(
            "SELECT a.forgotten, r.digest, r.outcomes FROM actors AS a LEFT JOIN repeatable_requests AS r \
             ON r.tenant = a.tenant AND r.actor = a.actor AND r.request_id = ?4 \
             WHERE a.tenant = ?1 AND a.app = ?2 AND a.user = ?3",
        )
        .and_then(|mut statement| {
            let sought = params![tenant.0, &*actor.app, user, repeatability.request_id.as_str()];
            let known = |row: &Row<'_>| {
                let (digest, outcomes): (Option<Vec<u8>>, Option<String>) = (row.get(1)?, row.get(2)?);
                let forgotten: Option<i64> = row.get(0)?;
                Ok(KnownRequest { earlier: digest.zip(outcomes), forgotten: forgotten.and_then(Ticks::new) })
            };
            statement.query_row(sought, known).optional()
        });
    Ok(found.map_err(engine("looking a repeatable request up"))?.unwrap_or_default())
}

/// Remembers what a request came to. When the tenant's are too many, the oldest are forgotten.
pub(crate) fn remember(
    db: &Connection,
    tenant: TenantKey,
    actor: i64,
    repeatability: &Repeatability,
    now: Ticks,
    outcomes: &[Outcome],
) -> Result<(), StoreError> {
    let write = engine("remembering a repeatable request");
    let Repeatability { request_id, first_sent, digest, tracking } = repeatability;
    let (first, end) = (key(tenant, 0), end(tenant));
    let (oldest, newest): (Option<i64>, Option<i64>) = db
        .prepare_cached(
            "SELECT (SELECT key FROM repeatable_requests WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT 1), \
             (SELECT key FROM repeatable_requests WHERE key > ?1 AND key < ?2 ORDER BY key DESC LIMIT 1)",
        )
        .and_then(|mut statement| statement.query_row([first, end], |row| Ok((row.get(0)?, row.get(1)?))))
        .map_err(&write)?;
    let number = sequence(newest.unwrap_or(first)) + 1;
    db.prepare_cached(
        "INSERT INTO repeatable_requests (key, tenant, actor, request_id, first_sent, expires, digest, outcomes) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        let expires = tracking.expiry(*first_sent, now);
        statement.execute(params![
            key(tenant, number),
            tenant.0,
            actor,
            request_id.as_str(),
            first_sent.get(),
            expires.get(),
            &digest[..],
            write_outcomes(outcomes)
        ])
    })
    .map_err(&write)?;
    // They are forgotten from the oldest on, so there is no gap between the numbers.
    let oldest = oldest.map_or(number, sequence);
    if number - oldest >= tracking.most {
        let kept = key(tenant, number + 1 - tracking.most.max(1));
        forget(db, first, kept.min(key(tenant, oldest + u64::from(PORTION))), Ticks::MAX).map_err(write)?;
    }
    Ok(())
}

/// Forgets some of a tenant's requests that have expired.
pub(crate) fn forget_expired(db: &Connection, tenant: TenantKey, now: Ticks) -> Result<(), StoreError> {
    let doing = engine("forgetting repeatable requests");
    let (first, end) = (key(tenant, 0), end(tenant));
    let oldest: Option<(i64, i64)> = db
        .prepare_cached("SELECT key, expires FROM repeatable_requests WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT 1")
        .and_then(|mut statement| statement.query_row([first, end], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(&doing)?;
    match oldest {
        Some((key, expires)) if expires <= now.get() => {
            forget(db, first, end.min(key + i64::from(PORTION)), now).map_err(doing)
        }
        _ => Ok(()),
    }
}

/// Deletes the requests below a key up to the first that expires later than a moment, and notes with
/// their senders what is no longer known.
fn forget(db: &Connection, first: i64, below: i64, expired: Ticks) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached(
        "DELETE FROM repeatable_requests WHERE key > ?1 AND key < min(?2, coalesce((SELECT min(key) \
         FROM repeatable_requests WHERE key > ?1 AND key < ?2 AND expires > ?3), ?2)) RETURNING actor, first_sent",
    )?;
    let forgotten = delete.query_map(params![first, below, expired.get()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let forgotten: Vec<(i64, i64)> = forgotten.collect::<Result<_, _>>()?;
    let mut note =
        db.prepare_cached("UPDATE actors SET forgotten = max(coalesce(forgotten, ?2), ?2) WHERE actor = ?1")?;
    for (actor, first_sent) in forgotten {
        note.execute([actor, first_sent])?;
    }
    Ok(())
}
