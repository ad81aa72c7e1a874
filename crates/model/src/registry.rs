//! Tenants and apps: what a token is held against.

use crate::{PermissionSet, TenantId, TenantKey, Ticks};

/// A tenant: an organisation whose rows nobody else sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its key in the store.
    pub key: TenantKey,
    /// Its id in tokens and URLs.
    pub id: TenantId,
    /// What people call it.
    pub name: Box<str>,
    /// When it was added.
    pub created: Ticks,
}

/// A client-credential app's id (`client_id`, and `appid` in its tokens): a GUID.
pub type AppId = uuid::Uuid;

/// An app that may ask the built-in issuer for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its client id.
    pub id: AppId,
    /// The tenant it belongs to.
    pub tenant: TenantKey,
    /// What people call it.
    pub name: Box<str>,
    /// What its tokens grant.
    pub permissions: PermissionSet,
    /// When it was added.
    pub created: Ticks,
    /// Its live secrets: one, or two while one is being replaced.
    pub secrets: Vec<AppSecret>,
}

/// A secret of an app. Only a hash is kept: the secret has 256 random bits, so an unsalted
/// hash gives nothing away.
#[derive(Clone, PartialEq, Eq)]
pub struct AppSecret {
    /// Names the secret in lists; not secret itself.
    pub id: uuid::Uuid,
    /// SHA-256 of the secret's text.
    pub sha256: [u8; 32],
    /// When it was made.
    pub created: Ticks,
    /// From when on it is refused.
    pub expires: Ticks,
}

impl std::fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSecret").field("id", &self.id).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Every tenant and app at one moment. `epoch` grows with each change to them and with each
/// rotation of the built-in issuer's key, so a cache that remembers the epoch it was filled at
/// knows whether it still holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// The moment: grows with every change.
    pub epoch: u64,
    /// Tenants, by key.
    pub tenants: Vec<Tenant>,
    /// Apps, by id.
    pub apps: Vec<App>,
}

impl Registry {
    /// Finds a tenant by the id that tokens use.
    pub fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == id)
    }

    /// Finds an app by its client id.
    pub fn app(&self, id: AppId) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }
}
