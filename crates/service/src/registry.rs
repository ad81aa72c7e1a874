//! Tenants and apps, as the command line changes them.

use crate::{Service, ServiceError};
use model::{App, AppId, AppSecret, PermissionSet, Registry, TenantId, TenantKey};
use store::{AdminCommand, AdminOutcome};

/// An app that is to be added.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// The tenant it belongs to.
    pub tenant: TenantKey,
    /// Its name.
    pub name: String,
    /// What its tokens grant.
    pub permissions: PermissionSet,
    /// Its first secret.
    pub secret: AppSecret,
}

impl Service {
    /// Every tenant and app.
    pub async fn registry(&self) -> Result<Registry, ServiceError> {
        Ok(self.store.registry().await?)
    }

    /// Adds a tenant, with a new id when none is given; `None` when the id is taken.
    pub async fn add_tenant(&self, id: Option<TenantId>, name: &str) -> Result<Option<TenantId>, ServiceError> {
        let id = id.unwrap_or_else(|| TenantId::new(self.entropy.uuid_v4()));
        let command = AdminCommand::AddTenant { id, name: name.into(), created: self.clock.now() };
        Ok(match self.store.administer(command).await? {
            AdminOutcome::Exists => None,
            _ => Some(id),
        })
    }

    /// Adds an app and answers its client id.
    pub async fn add_app(&self, app: NewApp) -> Result<AppId, ServiceError> {
        let id = self.entropy.uuid_v4();
        let app = App {
            id,
            tenant: app.tenant,
            name: app.name.into(),
            permissions: app.permissions,
            created: self.clock.now(),
            secrets: vec![app.secret],
        };
        self.store.administer(AdminCommand::AddApp(app)).await?;
        Ok(id)
    }

    /// Carries out any other change of the registry.
    pub async fn administer(&self, command: AdminCommand) -> Result<AdminOutcome, ServiceError> {
        Ok(self.store.administer(command).await?)
    }
}
