//! Tenants and apps.

use crate::candidates;
use crate::database::Connection;
use crate::error::engine;
use crate::records;
use crate::rows::{damaged, integer, number, text, ticks};
use crate::tasks;
use model::{App, AppId, AppSecret, PermissionSet, Registry, Tenant, TenantKey};
use store::{AdminCommand, AdminOutcome, StoreError};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Secrets that an app may have at once: one, and its successor.
const MOST_SECRETS: i64 = 2;
/// Rows that one transaction of a tenant's removal deletes.
const CHUNK: i64 = 20_000;
/// Tables of a tenant's rows, and what tells them apart within the tenant.
const TABLES: [(&str, &str); 17] = [
    ("risk_events", "key"),
    ("evidence", "event"),
    ("detections", "key"),
    ("users", "key"),
    ("risky_users", "key"),
    ("changes", "sequence"),
    ("repeatable_requests", "number"),
    ("actors", "actor"),
    ("totals", "subject"),
    ("accounts", "source, key"),
    ("verifiers", "number"),
    ("jobs", "number"),
    ("job_records", "job, kind, source, id"),
    ("found_credentials", "job, user_id, fingerprint, source, match_class, matched_attribute, matched_rule"),
    ("tasks", "job, number"),
    ("candidates", "user_id, fingerprint"),
    ("retained_candidates", "name, credential"),
];

/// Carries out a change and raises the registry's epoch; a change of the registry in one transaction.
pub(crate) async fn execute(db: &Connection, command: AdminCommand) -> Result<AdminOutcome, StoreError> {
    let command = match command {
        AdminCommand::Reseal { tenant, verifiers } => return records::reseal(db, tenant, &verifiers).await,
        AdminCommand::ForgetRecords { tenant, job } => return records::forget(db, tenant, job).await,
        AdminCommand::Tasks { tenant, command } => return tasks::execute(db, tenant, command).await,
        AdminCommand::Candidates { tenant, command } => return candidates::execute(db, tenant, command).await,
        AdminCommand::Retain { tenant, command } => return candidates::retain(db, tenant, command).await,
        command => command,
    };
    let doing = engine("changing tenants and apps");
    let removes = matches!(command, AdminCommand::RemoveTenant(_));
    let outcome = loop {
        db.begin("BEGIN").await.map_err(doing)?;
        // One change at a time, on whichever node.
        db.run("SELECT epoch FROM registry FOR UPDATE").await.map_err(doing)?;
        match change(db, &command).await {
            Ok(outcome) => break outcome,
            Err(error) => {
                db.roll_back().await;
                match error.code() {
                    Some(&SqlState::UNIQUE_VIOLATION) => return Ok(AdminOutcome::Exists),
                    // Somebody wrote while this waited for a tenant on another server.
                    Some(&SqlState::T_R_SERIALIZATION_FAILURE) => {}
                    _ => return Err(doing(error)),
                }
            }
        }
    };
    if matches!(outcome, AdminOutcome::Done | AdminOutcome::Tenant(_)) {
        db.run("UPDATE registry SET epoch = epoch + 1").await.map_err(doing)?;
        db.commit().await.map_err(doing)?;
    } else {
        db.roll_back().await;
    }
    if removes {
        delete_leftovers(db).await?;
    }
    Ok(outcome)
}

async fn change(db: &Connection, command: &AdminCommand) -> Result<AdminOutcome, Error> {
    let found = |rows: u64| if rows == 0 { AdminOutcome::NotFound } else { AdminOutcome::Done };
    match command {
        AdminCommand::AddTenant { id, name, created } => {
            // Only one tenant is added at a time; where tenants are on several servers, no index looks after their ids.
            let sql = "INSERT INTO tenants (id, name, created) SELECT $1::text, $2::text, $3::bigint \
                       WHERE NOT EXISTS (SELECT 1 FROM tenants WHERE id = $1) RETURNING tenant";
            let Some(added) = db.query_opt(sql, &[&id.to_string(), &&**name, &created.get()]).await? else {
                return Ok(AdminOutcome::Exists);
            };
            let tenant = added.try_get::<_, i64>(0).ok().and_then(|tenant| u32::try_from(tenant).ok());
            Ok(tenant.map_or(AdminOutcome::NotFound, |tenant| AdminOutcome::Tenant(TenantKey(tenant))))
        }
        AdminCommand::RemoveTenant(tenant) => {
            let tenant = number(*tenant);
            db.execute("DELETE FROM app_secrets WHERE app IN (SELECT id FROM apps WHERE tenant = $1)", &[&tenant])
                .await?;
            db.execute("DELETE FROM apps WHERE tenant = $1", &[&tenant]).await?;
            let gone = "WITH gone AS (DELETE FROM tenants WHERE tenant = $1 RETURNING tenant) \
                        INSERT INTO removed_tenants SELECT tenant FROM gone";
            Ok(found(db.execute(gone, &[&tenant]).await?))
        }
        AdminCommand::AddApp(app) => add_app(db, app).await,
        AdminCommand::AddSecret { app, secret } => {
            let sql = "SELECT (SELECT count(*) FROM apps WHERE id = $1), \
                       (SELECT count(*) FROM app_secrets WHERE app = $1)";
            let counts = db.query_opt(sql, &[&app.to_string()]).await?;
            let count = |column| counts.as_ref().and_then(|row| row.try_get::<_, i64>(column).ok()).unwrap_or(0);
            match (count(0), count(1)) {
                (0, _) => Ok(AdminOutcome::NotFound),
                (_, MOST_SECRETS..) => Ok(AdminOutcome::TooManySecrets),
                _ => insert_secret(db, *app, secret).await.map(|()| AdminOutcome::Done),
            }
        }
        AdminCommand::RemoveSecret { app, secret } => {
            let sql = "DELETE FROM app_secrets WHERE app = $1 AND id = $2";
            Ok(found(db.execute(sql, &[&app.to_string(), &secret.to_string()]).await?))
        }
        AdminCommand::RemoveApp(app) => {
            db.execute("DELETE FROM app_secrets WHERE app = $1", &[&app.to_string()]).await?;
            Ok(found(db.execute("DELETE FROM apps WHERE id = $1", &[&app.to_string()]).await?))
        }
        AdminCommand::RaiseEpoch => Ok(AdminOutcome::Done),
        AdminCommand::Reseal { .. }
        | AdminCommand::ForgetRecords { .. }
        | AdminCommand::Tasks { .. }
        | AdminCommand::Candidates { .. }
        | AdminCommand::Retain { .. } => {
            unreachable!("they are carried out in transactions of their own")
        }
    }
}

async fn add_app(db: &Connection, app: &App) -> Result<AdminOutcome, Error> {
    let tenant = number(app.tenant);
    if db.query_opt("SELECT tenant FROM tenants WHERE tenant = $1", &[&tenant]).await?.is_none() {
        return Ok(AdminOutcome::NotFound);
    }
    if app.secrets.len() as i64 > MOST_SECRETS {
        return Ok(AdminOutcome::TooManySecrets);
    }
    let names: Vec<&str> = app.permissions.iter().map(model::Permission::name).collect();
    let sql = "INSERT INTO apps (id, tenant, name, permissions, created) VALUES ($1, $2, $3, $4, $5)";
    db.execute(sql, &[&app.id.to_string(), &tenant, &&*app.name, &names.join(" "), &app.created.get()]).await?;
    for secret in &app.secrets {
        insert_secret(db, app.id, secret).await?;
    }
    Ok(AdminOutcome::Done)
}

async fn insert_secret(db: &Connection, app: AppId, secret: &AppSecret) -> Result<(), Error> {
    let sql = "INSERT INTO app_secrets (app, id, sha256, created, expires) VALUES ($1, $2, $3, $4, $5)";
    let (app, id) = (app.to_string(), secret.id.to_string());
    db.execute(sql, &[&app, &id, &&secret.sha256[..], &secret.created.get(), &secret.expires.get()]).await.map(drop)
}

/// Deletes what removed tenants leave, in transactions that are short enough for others to write between them. A
/// tenant's number is never given out again, so an interruption leaves only rows that nobody reaches, which the next
/// removal takes along.
async fn delete_leftovers(db: &Connection) -> Result<(), StoreError> {
    let doing = engine("deleting a tenant's rows");
    for row in db.query("SELECT tenant FROM removed_tenants ORDER BY tenant", &[]).await.map_err(doing)? {
        let tenant = integer(&row, 0, "removed_tenants.tenant")?;
        for (table, key) in TABLES {
            let sql = format!(
                "DELETE FROM {table} WHERE tenant = $1 AND ({key}) IN \
                 (SELECT {key} FROM {table} WHERE tenant = $1 ORDER BY {key} LIMIT $2)"
            );
            while db.execute(&sql, &[&tenant, &CHUNK]).await.map_err(doing)? > 0 {}
        }
        db.execute("DELETE FROM removed_tenants WHERE tenant = $1", &[&tenant]).await.map_err(doing)?;
    }
    Ok(())
}

/// The registry's epoch.
pub(crate) async fn epoch(db: &Connection) -> Result<u64, StoreError> {
    let row = db.query_opt("SELECT epoch FROM registry", &[]).await.map_err(engine("reading the registry's epoch"))?;
    let row = row.ok_or_else(|| StoreError::Corrupt("registry has no row".to_owned()))?;
    Ok(integer(&row, 0, "registry.epoch")? as u64)
}

/// Tenants and apps as they are now, at one moment.
pub(crate) async fn registry(db: &Connection) -> Result<Registry, StoreError> {
    let doing = engine("reading tenants and apps");
    db.at_one_moment(async {
        let mut registry = Registry { epoch: epoch(db).await?, ..Registry::default() };
        let tenants = db.query("SELECT tenant, id, name, created FROM tenants ORDER BY tenant", &[]).await;
        for row in &tenants.map_err(doing)? {
            registry.tenants.push(Tenant {
                key: TenantKey(
                    u32::try_from(integer(row, 0, "tenants.tenant")?).map_err(|_| damaged("tenants.tenant"))?,
                ),
                id: text(row, 1, "tenants.id")?.parse().map_err(|_| damaged("tenants.id"))?,
                name: text(row, 2, "tenants.name")?.into(),
                created: ticks(row, 3, "tenants.created")?,
            });
        }
        let apps = "SELECT id, tenant, name, permissions, created FROM apps ORDER BY created, id";
        for row in &db.query(apps, &[]).await.map_err(doing)? {
            registry.apps.push(App {
                id: text(row, 0, "apps.id")?.parse().map_err(|_| damaged("apps.id"))?,
                tenant: TenantKey(u32::try_from(integer(row, 1, "apps.tenant")?).map_err(|_| damaged("apps.tenant"))?),
                name: text(row, 2, "apps.name")?.into(),
                permissions: PermissionSet::from_names(text(row, 3, "apps.permissions")?.split(' ')),
                created: ticks(row, 4, "apps.created")?,
                secrets: Vec::new(),
            });
        }
        let secrets = "SELECT app, id, sha256, created, expires FROM app_secrets ORDER BY created, id";
        for row in &db.query(secrets, &[]).await.map_err(doing)? {
            let app: AppId = text(row, 0, "app_secrets.app")?.parse().map_err(|_| damaged("app_secrets.app"))?;
            let sha256: &[u8] = row.try_get(2).map_err(doing)?;
            let secret = AppSecret {
                id: text(row, 1, "app_secrets.id")?.parse().map_err(|_| damaged("app_secrets.id"))?,
                sha256: sha256.try_into().map_err(|_| damaged("app_secrets.sha256"))?,
                created: ticks(row, 3, "app_secrets.created")?,
                expires: ticks(row, 4, "app_secrets.expires")?,
            };
            if let Some(app) = registry.apps.iter_mut().find(|known| known.id == app) {
                app.secrets.push(secret);
            }
        }
        Ok(registry)
    })
    .await
}
