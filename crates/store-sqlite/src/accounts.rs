//! Accounts of imported directories, and their sealed verifiers.

use crate::error::engine;
use model::{Account, AccountChange, AccountKey, EntityId, SealedVerifiers, TenantKey, VerifierMark, VerifierTag};
use rusqlite::types::{FromSqlError, Type, Value};
use rusqlite::{Connection, Row, params, params_from_iter};
use std::collections::BTreeSet;
use store::{
    AccountRow, AccountSink, Accounts, KeptVerifiers, StoreError, VerifierRow, VerifierSink, read_names, write_names,
};

const READING: &str = "reading accounts";
const READING_VERIFIERS: &str = "reading verifiers";
const COLUMNS: &str =
    "source, key, user_id, names, is_administrator, verifiers, verifier_tag, is_outdated, version FROM accounts";
/// Without statistics SQLite takes the first column of the key for as good as any index.
const BY_USER: &str = "INDEXED BY accounts_by_user";

/// A number as SQLite holds it: one that is larger than any of ours is as good as the largest.
pub(crate) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An id out of a column, which is named for the error.
pub(crate) fn id_of(text: &str, column: &str) -> Result<EntityId, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt(format!("{column} is no id")))
}

/// The account with this key.
pub(crate) fn load(db: &Connection, tenant: TenantKey, key: &AccountKey) -> Result<Option<Account>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE tenant = ?1 AND source = ?2 AND key = ?3");
    let found = query(db, &sql, vec![tenant.0.into(), text(&key.source), text(&key.key)])?;
    Ok(found.into_iter().next())
}

/// The accounts of a user, in the order of their keys.
pub(crate) fn of_user(db: &Connection, tenant: TenantKey, user: &str) -> Result<Vec<Account>, StoreError> {
    let sql = format!("SELECT {COLUMNS} {BY_USER} WHERE tenant = ?1 AND user_id = ?2 ORDER BY source, key");
    query(db, &sql, vec![tenant.0.into(), text(user)])
}

/// Up to `limit` accounts of users in the order of their keys, after one.
pub(crate) fn of_users(
    db: &Connection,
    tenant: TenantKey,
    users: &[EntityId],
    after: Option<&AccountKey>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let users: BTreeSet<&str> = users.iter().map(EntityId::as_str).collect();
    let mut accounts = Vec::new();
    for user in users {
        accounts.extend(of_user(db, tenant, user)?);
    }
    accounts.retain(|account| after.is_none_or(|after| account.key > *after));
    accounts.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    accounts.truncate(limit as usize);
    Ok(accounts)
}

/// Up to `limit` accounts in the order of their keys, after one.
pub(crate) fn list(
    db: &Connection,
    tenant: TenantKey,
    which: Accounts<'_>,
    after: Option<&AccountKey>,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let mut values: Vec<Value> = vec![tenant.0.into(), limit.into()];
    let index = if which == Accounts::Outdated { "INDEXED BY accounts_outdated" } else { "" };
    let mut conditions = "tenant = ?1".to_owned();
    match (which, after) {
        (Accounts::OfSource(source), after) => {
            let after = after.map(|after| (after.source.as_bytes().cmp(source.as_bytes()), &after.key));
            match after {
                Some((std::cmp::Ordering::Greater, _)) => return Ok(Vec::new()),
                Some((std::cmp::Ordering::Equal, key)) => {
                    conditions.push_str(" AND source = ?3 AND key > ?4");
                    values.extend([text(source), text(key)]);
                }
                _ => {
                    conditions.push_str(" AND source = ?3");
                    values.push(text(source));
                }
            }
        }
        (which, after) => {
            if which == Accounts::Outdated {
                conditions.push_str(" AND is_outdated = 1"); // as the index says it
            }
            if let Some(after) = after {
                conditions.push_str(" AND (source, key) > (?3, ?4)");
                values.extend([text(&after.source), text(&after.key)]);
            }
        }
    }
    query(db, &format!("SELECT {COLUMNS} {index} WHERE {conditions} ORDER BY source, key LIMIT ?2"), values)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn query(db: &Connection, sql: &str, values: Vec<Value>) -> Result<Vec<Account>, StoreError> {
    let read = engine(READING);
    let mut statement = db.prepare_cached(sql).map_err(&read)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(&read)?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        accounts.push(account(row)?);
    }
    Ok(accounts)
}

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    let read = engine(READING);
    let text = |at| text_at(row, at).map_err(&read);
    let mark: (Option<u64>, Option<VerifierTag>) = (row.get(5).map_err(&read)?, row.get(6).map_err(&read)?);
    Ok(Account {
        key: AccountKey { source: text(0)?.into(), key: text(1)?.into() },
        user: id_of(text(2)?, "accounts.user_id")?,
        names: read_names(text(3)?)?,
        is_administrator: row.get(4).map_err(&read)?,
        verifiers: match mark {
            (Some(number), Some(tag)) => Some(VerifierMark { number, tag }),
            (None, None) => None,
            _ => return Err(StoreError::Corrupt("accounts.verifiers without accounts.verifier_tag".to_owned())),
        },
        is_outdated: row.get(7).map_err(&read)?,
        version: row.get(8).map_err(&read)?,
    })
}

/// Hands up to `limit` accounts to a sink in the order of their keys, after one, and answers the key of the last when
/// more may follow.
pub(crate) fn look(
    db: &Connection,
    tenant: TenantKey,
    after: Option<&AccountKey>,
    limit: u32,
    sink: &mut dyn AccountSink,
) -> Result<Option<AccountKey>, StoreError> {
    let read = engine(READING);
    // No source is without a name, so nothing stands before the first place.
    let (source, key) = after.map_or(("", ""), |after| (&*after.source, &*after.key));
    let mut statement = db
        .prepare_cached(
            "SELECT source, key, user_id, names, is_administrator, verifiers FROM accounts \
             WHERE tenant = ?1 AND (source, key) > (?2, ?3) ORDER BY source, key LIMIT ?4",
        )
        .map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, source, key, limit]).map_err(&read)?;
    let mut seen = 0;
    while let Some(row) = rows.next().map_err(&read)? {
        let text = |at| text_at(row, at).map_err(&read);
        let account = AccountRow {
            source: text(0)?,
            key: text(1)?,
            user: text(2)?,
            names: text(3)?,
            is_administrator: row.get(4).map_err(&read)?,
            verifiers: row.get(5).map_err(&read)?,
        };
        sink.account(&account)?;
        seen += 1;
        if seen == limit {
            return Ok(Some(AccountKey { source: account.source.into(), key: account.key.into() }));
        }
    }
    Ok(None)
}

/// The same of sealed verifiers, in the order of their numbers.
pub(crate) fn look_at_verifiers(
    db: &Connection,
    tenant: TenantKey,
    after: u64,
    limit: u32,
    sink: &mut dyn VerifierSink,
) -> Result<Option<u64>, StoreError> {
    let read = engine(READING_VERIFIERS);
    let mut statement = db
        .prepare_cached(
            "SELECT number, source, key, sealed FROM verifiers WHERE tenant = ?1 AND number > ?2 \
             ORDER BY number LIMIT ?3",
        )
        .map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, bounded(after), limit]).map_err(&read)?;
    let mut seen = 0;
    while let Some(row) = rows.next().map_err(&read)? {
        let number = row.get(0).map_err(&read)?;
        let text = |at| text_at(row, at).map_err(&read);
        let sealed = blob_at(row, 3).map_err(&read)?;
        sink.verifiers(&VerifierRow { number, source: text(1)?, key: text(2)?, sealed })?;
        seen += 1;
        if seen == limit {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// A text as SQLite holds it, for as long as the row is looked at.
fn text_at<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<&'r str> {
    let value = row.get_ref(at)?;
    value.as_str().map_err(|error| of_other_type(at, value.data_type(), error))
}

/// The same of bytes.
fn blob_at<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<&'r [u8]> {
    let value = row.get_ref(at)?;
    value.as_blob().map_err(|error| of_other_type(at, value.data_type(), error))
}

fn of_other_type(at: usize, found: Type, error: FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, found, Box::new(error))
}

/// Up to `limit` sealed verifiers in the order of their numbers, after one.
pub(crate) fn verifiers(
    db: &Connection,
    tenant: TenantKey,
    after: u64,
    limit: u32,
) -> Result<Vec<KeptVerifiers>, StoreError> {
    let read = engine(READING_VERIFIERS);
    let mut statement = db
        .prepare_cached(
            "SELECT number, source, key, user_id, sealed FROM verifiers WHERE tenant = ?1 AND number > ?2 \
             ORDER BY number LIMIT ?3",
        )
        .map_err(&read)?;
    let mut rows = statement.query(params![tenant.0, bounded(after), limit]).map_err(&read)?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next().map_err(&read)? {
        let text = |at| text_at(row, at).map_err(&read);
        kept.push(KeptVerifiers {
            number: row.get(0).map_err(&read)?,
            account: AccountKey { source: text(1)?.into(), key: text(2)?.into() },
            user: id_of(text(3)?, "verifiers.user_id")?,
            sealed: blob_at(row, 4).map_err(&read)?.into(),
        });
    }
    Ok(kept)
}

/// Writes what becomes of an account.
pub(crate) fn write(db: &Connection, tenant: TenantKey, change: &AccountChange) -> Result<(), StoreError> {
    match change {
        AccountChange::Put { after, verifiers, .. } => {
            put(db, tenant, after).map_err(engine("writing an account"))?;
            match (verifiers, after.verifiers) {
                (Some(sealed), Some(mark)) => {
                    put_verifiers(db, tenant, after, mark, sealed).map_err(engine("writing verifiers"))
                }
                _ => Ok(()),
            }
        }
        AccountChange::Remove(account) => db
            .prepare_cached("DELETE FROM accounts WHERE tenant = ?1 AND source = ?2 AND key = ?3")
            .and_then(|mut delete| delete.execute(params![tenant.0, &*account.key.source, &*account.key.key]))
            .map(drop)
            .map_err(engine("deleting an account")),
        AccountChange::Erase(user) => {
            for sql in [
                "DELETE FROM accounts INDEXED BY accounts_by_user WHERE tenant = ?1 AND user_id = ?2",
                "DELETE FROM verifiers INDEXED BY verifiers_by_user WHERE tenant = ?1 AND user_id = ?2",
                "DELETE FROM found_credentials INDEXED BY found_credentials_by_user WHERE tenant = ?1 AND user_id = ?2",
                "DELETE FROM candidates WHERE tenant = ?1 AND user_id = ?2",
            ] {
                db.prepare_cached(sql)
                    .and_then(|mut delete| delete.execute(params![tenant.0, user.as_str()]))
                    .map_err(engine("deleting what is kept of a user"))?;
            }
            Ok(())
        }
    }
}

fn put(db: &Connection, tenant: TenantKey, account: &Account) -> rusqlite::Result<()> {
    let mark = account.verifiers;
    db.prepare_cached(
        "INSERT INTO accounts (tenant, source, key, user_id, names, is_administrator, verifiers, verifier_tag, \
         is_outdated, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
         ON CONFLICT DO UPDATE SET user_id = excluded.user_id, names = excluded.names, \
         is_administrator = excluded.is_administrator, verifiers = excluded.verifiers, \
         verifier_tag = excluded.verifier_tag, is_outdated = excluded.is_outdated, version = excluded.version",
    )?
    .execute(params![
        tenant.0,
        &*account.key.source,
        &*account.key.key,
        account.user.as_str(),
        write_names(&account.names),
        account.is_administrator,
        mark.map(|mark| mark.number),
        mark.as_ref().map(|mark| &mark.tag[..]),
        account.is_outdated,
        account.version,
    ])
    .map(drop)
}

fn put_verifiers(
    db: &Connection,
    tenant: TenantKey,
    account: &Account,
    mark: VerifierMark,
    verifiers: &SealedVerifiers,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO verifiers (tenant, number, source, key, user_id, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        tenant.0,
        mark.number,
        &*account.key.source,
        &*account.key.key,
        account.user.as_str(),
        &*verifiers.sealed,
    ])
    .map(drop)
}

/// Puts verifiers that are sealed anew in the place of what they were.
pub(crate) fn reseal(db: &Connection, tenant: TenantKey, verifiers: &[(u64, Box<[u8]>)]) -> rusqlite::Result<()> {
    let mut update = db.prepare_cached("UPDATE verifiers SET sealed = ?3 WHERE tenant = ?1 AND number = ?2")?;
    for (number, sealed) in verifiers {
        update.execute(params![tenant.0, bounded(*number), &**sealed])?;
    }
    Ok(())
}

/// Tells what is wrong with a tenant's accounts.
pub(crate) fn compare(db: &Connection, tenant: TenantKey) -> rusqlite::Result<Option<String>> {
    let nobody = "SELECT a.source, a.key FROM accounts AS a WHERE a.tenant = ?1 AND NOT EXISTS \
                  (SELECT 1 FROM users AS u WHERE u.tenant = a.tenant AND u.id = a.user_id) LIMIT 1";
    let unproven = "SELECT a.source, a.key FROM accounts AS a WHERE a.tenant = ?1 AND a.verifiers IS NOT NULL \
                    AND NOT EXISTS (SELECT 1 FROM verifiers AS v WHERE v.tenant = a.tenant \
                    AND v.number = a.verifiers) LIMIT 1";
    for (sql, fault) in [(nobody, "has a user who is not there"), (unproven, "has verifiers that are not there")] {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([tenant.0])?;
        if let Some(row) = rows.next()? {
            let (source, key): (String, String) = (row.get(0)?, row.get(1)?);
            return Ok(Some(format!("the account `{key}` of `{source}` {fault}")));
        }
    }
    Ok(None)
}
