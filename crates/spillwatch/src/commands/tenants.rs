//! `spillwatch tenants`

use crate::cli::{Global, Tenants};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::{line, rows};
use serde_json::json;
use store::AdminCommand;

/// Adds, lists and removes tenants. A running server notices with the next request.
pub async fn run(global: &Global, action: Tenants) -> Result<(), Failure> {
    let instance = Instance::open(global).await?;
    let service = &instance.service;
    match action {
        Tenants::Add { name, id } => match service.add_tenant(id, &name).await? {
            Some(id) => line(&id.to_string())?,
            None => return Err(Failure::message("a tenant with this id exists already")),
        },
        Tenants::List => {
            let registry = service.registry().await?;
            let found: Vec<_> = registry
                .tenants
                .iter()
                .map(|tenant| vec![json!(tenant.id.to_string()), json!(tenant.name), json!(tenant.created.to_string())])
                .collect();
            rows(global, &["id", "name", "created"], &found, "There is no tenant.")?;
        }
        Tenants::Remove { id, yes } => {
            let registry = service.registry().await?;
            let tenant = Instance::tenant(&registry, Some(id))?;
            if !yes {
                return Err(Failure::Refused(format!(
                    "this deletes the tenant `{}` with all its events, users and apps for good; add --yes to do it",
                    tenant.name
                )));
            }
            service.administer(AdminCommand::RemoveTenant(tenant.key)).await?;
            anstream::eprintln!("Removed the tenant `{}` with everything in it.", tenant.name);
        }
    }
    service.store().close().await;
    Ok(())
}
