//! Tenants and apps.

use crate::accounts;
use crate::candidates;
use crate::error::{engine, is_duplicate, is_known};
use crate::forget;
use crate::group::run;
use crate::rows::{TENANTS_END, end, tenant_of};
use crate::tasks;
use model::{App, AppSecret, PermissionSet, Registry, Tenant, TenantKey, Ticks};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::time::Duration;
use store::{AdminCommand, AdminOutcome, StoreError, WriteError};

/// Secrets that an app may have at once: one, and its successor.
const MOST_SECRETS: usize = 2;
/// Tables of rows whose tenant their key says, and where it stands.
const KEYED: [(&str, &str); 7] = [
    ("risk_events", "key"),
    ("evidence", "event"),
    ("detections", "key"),
    ("users", "key"),
    ("risky_users", "key"),
    ("changes", "key"),
    ("repeatable_requests", "key"),
];
/// Tables of rows whose tenant stands in a column of its own, with the rest of their keys.
const BY_TENANT: [(&str, &str); 8] = [
    ("accounts", "source, key"),
    ("verifiers", "number"),
    ("jobs", "number"),
    ("job_records", "job, kind, source, id"),
    ("found_credentials", "job, user_id, fingerprint, source, match_class, matched_attribute, matched_rule"),
    ("tasks", "job, number"),
    ("candidates", "user_id, fingerprint"),
    ("retained_candidates", "name, credential"),
];
/// Rows that one transaction of a tenant's removal deletes.
pub(crate) const CHUNK: usize = 20_000;
/// Between two of them: longer than SQLite lets another process sleep while it waits for the lock,
/// so that every process that waits comes to write.
pub(crate) const PAUSE: Duration = Duration::from_millis(120);

/// Carries out a change, in a transaction in which the registry's epoch is raised. `upkeep` is called between the steps
/// of a long one, each of which is a transaction of its own.
pub(crate) fn execute(
    db: &Connection,
    command: AdminCommand,
    upkeep: &mut dyn FnMut() -> rusqlite::Result<()>,
) -> Result<AdminOutcome, WriteError> {
    if let AdminCommand::ForgetRecords { tenant, job } = command {
        let is_known = forget::records(db, tenant, job, upkeep)?;
        return Ok(if is_known { AdminOutcome::Done } else { AdminOutcome::NotFound });
    }
    if let AdminCommand::Tasks { tenant, command } = command {
        return Ok(tasks::execute(db, tenant, command)?);
    }
    if let AdminCommand::Candidates { tenant, command } = command {
        return Ok(candidates::execute(db, tenant, command)?);
    }
    if let AdminCommand::Retain { tenant, command } = command {
        return Ok(candidates::retain(db, tenant, command)?);
    }
    let removes = matches!(command, AdminCommand::RemoveTenant(_));
    let doing = engine("changing tenants and apps");
    run(db, "BEGIN IMMEDIATE").map_err(&doing)?;
    let outcome = change(db, command).and_then(|outcome| {
        let changed = matches!(outcome, AdminOutcome::Done | AdminOutcome::Tenant(_));
        if changed {
            raise_epoch(db)?;
        }
        run(db, if changed { "COMMIT" } else { "ROLLBACK" })?;
        Ok(outcome)
    });
    if outcome.is_err() && !db.is_autocommit() {
        run(db, "ROLLBACK").map_err(&doing)?;
    }
    let outcome = match outcome {
        Err(error) if is_duplicate(&error) || is_known(&error) => return Ok(AdminOutcome::Exists),
        outcome => outcome.map_err(doing)?,
    };
    if removes {
        delete_leftovers(db, upkeep)?;
    }
    Ok(outcome)
}

/// Raises the registry's epoch: what is remembered of it is looked at again, and a transfer learns that the store is
/// another one now.
pub(crate) fn raise_epoch(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE registry SET epoch = epoch + 1", []).map(drop)
}

fn change(db: &Connection, command: AdminCommand) -> rusqlite::Result<AdminOutcome> {
    let found = |rows: usize| if rows == 0 { AdminOutcome::NotFound } else { AdminOutcome::Done };
    match command {
        AdminCommand::AddTenant { id, name, created } => {
            db.execute(
                "INSERT INTO tenants (id, name, created) VALUES (?1, ?2, ?3)",
                params![id.to_string(), name, created.get()],
            )?;
            // The last number's end would be the end of all keys.
            match u32::try_from(db.last_insert_rowid()) {
                Ok(number) if number < TENANTS_END - 1 => Ok(AdminOutcome::Tenant(TenantKey(number))),
                _ => Err(rusqlite::Error::IntegralValueOutOfRange(0, db.last_insert_rowid())),
            }
        }
        AdminCommand::RemoveTenant(tenant) => {
            db.execute(
                "DELETE FROM app_secrets WHERE app IN (SELECT id FROM apps WHERE tenant = ?1)",
                params![tenant.0],
            )?;
            db.execute("DELETE FROM apps WHERE tenant = ?1", params![tenant.0])?;
            Ok(found(db.execute("DELETE FROM tenants WHERE tenant = ?1", params![tenant.0])?))
        }
        AdminCommand::AddApp(app) => {
            if !is_tenant(db, app.tenant)? {
                return Ok(AdminOutcome::NotFound);
            }
            if app.secrets.len() > MOST_SECRETS {
                return Ok(AdminOutcome::TooManySecrets);
            }
            let names: Vec<&str> = app.permissions.iter().map(model::Permission::name).collect();
            db.execute(
                "INSERT INTO apps (id, tenant, name, permissions, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![app.id.to_string(), app.tenant.0, app.name, names.join(" "), app.created.get()],
            )?;
            for secret in &app.secrets {
                insert_secret(db, app.id, secret)?;
            }
            Ok(AdminOutcome::Done)
        }
        AdminCommand::AddSecret { app, secret } => {
            let known: i64 =
                db.query_row("SELECT count(*) FROM apps WHERE id = ?1", [app.to_string()], |row| row.get(0))?;
            let secrets: usize =
                db.query_row("SELECT count(*) FROM app_secrets WHERE app = ?1", [app.to_string()], |row| row.get(0))?;
            match (known, secrets) {
                (0, _) => Ok(AdminOutcome::NotFound),
                (_, MOST_SECRETS..) => Ok(AdminOutcome::TooManySecrets),
                _ => insert_secret(db, app, &secret).map(|()| AdminOutcome::Done),
            }
        }
        AdminCommand::RemoveSecret { app, secret } => db
            .execute("DELETE FROM app_secrets WHERE app = ?1 AND id = ?2", params![app.to_string(), secret.to_string()])
            .map(found),
        AdminCommand::RemoveApp(app) => {
            db.execute("DELETE FROM app_secrets WHERE app = ?1", [app.to_string()])?;
            db.execute("DELETE FROM apps WHERE id = ?1", [app.to_string()]).map(found)
        }
        AdminCommand::RaiseEpoch => Ok(AdminOutcome::Done),
        AdminCommand::Reseal { tenant, verifiers } => {
            if !is_tenant(db, tenant)? {
                return Ok(AdminOutcome::NotFound);
            }
            accounts::reseal(db, tenant, &verifiers).map(|()| AdminOutcome::Done)
        }
        AdminCommand::ForgetRecords { .. }
        | AdminCommand::Tasks { .. }
        | AdminCommand::Candidates { .. }
        | AdminCommand::Retain { .. } => {
            unreachable!("they are carried out in transactions of their own")
        }
    }
}

fn insert_secret(db: &Connection, app: model::AppId, secret: &AppSecret) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO app_secrets (app, id, sha256, created, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app.to_string(), secret.id.to_string(), &secret.sha256[..], secret.created.get(), secret.expires.get()],
    )
    .map(drop)
}

fn is_tenant(db: &Connection, tenant: TenantKey) -> rusqlite::Result<bool> {
    let found = db.query_row("SELECT 1 FROM tenants WHERE tenant = ?1", [tenant.0], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Deletes what removed tenants leave, in transactions that are short enough for other processes to
/// write between them. A tenant's key is never given out again, so an interruption leaves only
/// unreachable rows, which the next removal takes along.
fn delete_leftovers(db: &Connection, upkeep: &mut dyn FnMut() -> rusqlite::Result<()>) -> Result<(), StoreError> {
    let mut delete = || -> rusqlite::Result<()> {
        for (table, key) in KEYED {
            let next = format!("SELECT {key} FROM {table} WHERE {key} >= ?1 ORDER BY {key} LIMIT 1");
            let chunk = format!(
                "DELETE FROM {table} WHERE {key} IN \
                 (SELECT {key} FROM {table} WHERE {key} >= ?1 AND {key} < ?2 ORDER BY {key} LIMIT {CHUNK})"
            );
            let mut from = 0;
            while let Some(key) = db.query_row(&next, [from], |row| row.get::<_, i64>(0)).optional()? {
                let tenant = tenant_of(key);
                if is_tenant(db, tenant)? {
                    from = end(tenant);
                } else if db.execute(&chunk, [key, end(tenant)])? >= CHUNK {
                    upkeep()?;
                    std::thread::sleep(PAUSE);
                }
            }
        }
        for (table, key) in BY_TENANT {
            let next = format!("SELECT tenant FROM {table} WHERE tenant >= ?1 ORDER BY tenant LIMIT 1");
            let chunk = format!(
                "DELETE FROM {table} WHERE tenant = ?1 AND ({key}) IN \
                 (SELECT {key} FROM {table} WHERE tenant = ?1 ORDER BY {key} LIMIT {CHUNK})"
            );
            let mut from = 0;
            while let Some(number) = db.query_row(&next, [from], |row| row.get::<_, u32>(0)).optional()? {
                if is_tenant(db, TenantKey(number))? {
                    from = number + 1;
                } else if db.execute(&chunk, [number])? >= CHUNK {
                    upkeep()?;
                    std::thread::sleep(PAUSE);
                }
            }
        }
        for table in ["totals", "actors"] {
            db.execute(&format!("DELETE FROM {table} WHERE tenant NOT IN (SELECT tenant FROM tenants)"), [])?;
        }
        let subjects = format!(
            "DELETE FROM subjects WHERE subject IN \
             (SELECT subject FROM subjects WHERE tenant NOT IN (SELECT tenant FROM tenants) LIMIT {CHUNK})"
        );
        while db.execute(&subjects, [])? == CHUNK {
            upkeep()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    };
    delete().map_err(engine("deleting a tenant's rows"))
}

/// The registry's epoch.
pub(crate) fn epoch(db: &Connection) -> Result<u64, StoreError> {
    let read = || -> rusqlite::Result<u64> {
        db.prepare_cached("SELECT epoch FROM registry")?.query_row([], |row| row.get(0))
    };
    read().map_err(engine("reading the registry's epoch"))
}

/// Tenants and apps as they are now, in one read transaction.
pub(crate) fn registry(db: &Connection) -> Result<Registry, StoreError> {
    let doing = engine("reading tenants and apps");
    let damaged = |what: &str| StoreError::Corrupt(format!("{what} cannot be read"));
    let moment = |ticks: i64| Ticks::new(ticks).ok_or_else(|| damaged("a time in tenants, apps or app_secrets"));
    let mut registry = Registry { epoch: epoch(db)?, ..Registry::default() };

    let mut statement = db.prepare("SELECT tenant, id, name, created FROM tenants ORDER BY tenant").map_err(&doing)?;
    let mut rows = statement.query([]).map_err(&doing)?;
    while let Some(row) = rows.next().map_err(&doing)? {
        let id: String = row.get(1).map_err(&doing)?;
        registry.tenants.push(Tenant {
            key: TenantKey(row.get(0).map_err(&doing)?),
            id: id.parse().map_err(|_| damaged("tenants.id"))?,
            name: row.get(2).map_err(&doing)?,
            created: moment(row.get(3).map_err(&doing)?)?,
        });
    }

    let mut statement =
        db.prepare("SELECT id, tenant, name, permissions, created FROM apps ORDER BY created, id").map_err(&doing)?;
    let mut secrets = db
        .prepare("SELECT id, sha256, created, expires FROM app_secrets WHERE app = ?1 ORDER BY created, id")
        .map_err(&doing)?;
    let mut rows = statement.query([]).map_err(&doing)?;
    while let Some(row) = rows.next().map_err(&doing)? {
        let id: String = row.get(0).map_err(&doing)?;
        let permissions: String = row.get(3).map_err(&doing)?;
        let mut app = App {
            id: id.parse().map_err(|_| damaged("apps.id"))?,
            tenant: TenantKey(row.get(1).map_err(&doing)?),
            name: row.get(2).map_err(&doing)?,
            permissions: PermissionSet::from_names(permissions.split(' ')),
            created: moment(row.get(4).map_err(&doing)?)?,
            secrets: Vec::new(),
        };
        let mut of_app = secrets.query([&id]).map_err(&doing)?;
        while let Some(row) = of_app.next().map_err(&doing)? {
            let secret: String = row.get(0).map_err(&doing)?;
            app.secrets.push(AppSecret {
                id: secret.parse().map_err(|_| damaged("app_secrets.id"))?,
                sha256: row.get(1).map_err(&doing)?,
                created: moment(row.get(2).map_err(&doing)?)?,
                expires: moment(row.get(3).map_err(&doing)?)?,
            });
        }
        registry.apps.push(app);
    }
    Ok(registry)
}
