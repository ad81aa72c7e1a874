//! `spillwatch apps`: clients of the built-in issuer.

use crate::cli::{Apps, Global};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::rows;
use auth::NewSecret;
use model::{AppId, AppSecret};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use service::NewApp;
use std::time::Duration;
use store::{AdminCommand, AdminOutcome};

/// Adds, lists and removes apps and their secrets. A running server notices with the next request.
pub async fn run(global: &Global, action: Apps) -> Result<(), Failure> {
    let instance = Instance::open(global).await?;
    let service = &instance.service;
    match action {
        Apps::Add { name, tenant, permission, expires } => {
            let registry = service.registry().await?;
            let tenant = Instance::tenant(&registry, tenant)?;
            let (text, secret) = new_secret(&instance, expires);
            let permissions = permission.into_iter().collect();
            let app = service.add_app(NewApp { tenant: tenant.key, name, permissions, secret }).await?;
            show_secret(global, app, &text, &tenant.id.to_string())?;
        }
        Apps::List => {
            let registry = service.registry().await?;
            let found: Vec<_> = registry
                .apps
                .iter()
                .map(|app| {
                    let tenant = registry.tenants.iter().find(|tenant| tenant.key == app.tenant);
                    let secrets: Vec<String> =
                        app.secrets.iter().map(|secret| format!("{} until {}", secret.id, secret.expires)).collect();
                    let permissions: Vec<&str> = app.permissions.iter().map(model::Permission::name).collect();
                    vec![
                        json!(app.id.to_string()),
                        json!(app.name),
                        tenant.map_or(Value::Null, |tenant| json!(tenant.id.to_string())),
                        json!(permissions),
                        json!(secrets),
                    ]
                })
                .collect();
            let columns = ["clientId", "name", "tenant", "permissions", "secrets"];
            rows(
                global,
                &columns,
                &found,
                "There is no app. Add one with `spillwatch apps add NAME --permission ...`.",
            )?;
        }
        Apps::AddSecret { app, expires } => {
            let registry = service.registry().await?;
            let (text, secret) = new_secret(&instance, expires);
            match service.administer(AdminCommand::AddSecret { app, secret }).await? {
                AdminOutcome::NotFound => return Err(no_such_app(app)),
                AdminOutcome::TooManySecrets => {
                    return Err(Failure::message(
                        "the app has two secrets already; remove one first (`spillwatch apps list` shows their ids)",
                    ));
                }
                _ => {}
            }
            let tenant = registry.app(app).map(|app| app.tenant);
            let tenant = registry.tenants.iter().find(|known| Some(known.key) == tenant);
            show_secret(global, app, &text, &tenant.map(|tenant| tenant.id.to_string()).unwrap_or_default())?;
        }
        Apps::RemoveSecret { app, secret } => {
            if service.administer(AdminCommand::RemoveSecret { app, secret }).await? == AdminOutcome::NotFound {
                return Err(Failure::message(format!("the app {app} has no secret {secret}")));
            }
            anstream::eprintln!("Removed the secret.");
        }
        Apps::Remove { app } => {
            if service.administer(AdminCommand::RemoveApp(app)).await? == AdminOutcome::NotFound {
                return Err(no_such_app(app));
            }
            anstream::eprintln!("Removed the app; its tokens are refused from the next request on.");
        }
    }
    service.store().close().await;
    Ok(())
}

fn no_such_app(app: AppId) -> Failure {
    Failure::message(format!("there is no app {app}; `spillwatch apps list` shows those that there are"))
}

fn new_secret(instance: &Instance, expires: Duration) -> (NewSecret, AppSecret) {
    let new = NewSecret::generate(&*instance.entropy);
    let now = instance.clock.now();
    let seconds = i64::try_from(expires.as_secs()).unwrap_or(i64::MAX);
    let secret = AppSecret {
        id: instance.entropy.uuid_v4(),
        sha256: new.sha256,
        created: now,
        expires: now.plus_seconds(seconds),
    };
    (new, secret)
}

/// The only time that a secret is shown.
fn show_secret(global: &Global, app: AppId, secret: &NewSecret, tenant: &str) -> Result<(), Failure> {
    let values = vec![json!(app.to_string()), json!(secret.text.expose_secret()), json!(tenant)];
    rows(global, &["clientId", "clientSecret", "tenant"], &[values], "")?;
    anstream::eprintln!(
        "The secret is not shown again. A token for it, from a server at its default address:\n\
         curl http://127.0.0.1:8080/{tenant}/oauth2/v2.0/token -d grant_type=client_credentials -d client_id={app} \
         -d client_secret=SECRET -d scope=https://graph.microsoft.com/.default"
    );
    Ok(())
}
