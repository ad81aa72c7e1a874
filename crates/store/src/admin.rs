//! Changes of tenants and apps. Each raises the registry's epoch, so that remembered tokens are
//! looked at again.

use model::{App, AppId, AppSecret, TenantId, TenantKey, Ticks};

/// A change of the registry.
#[derive(Clone, Debug)]
pub enum AdminCommand {
    /// Adds a tenant.
    AddTenant {
        /// Its id.
        id: TenantId,
        /// Its name.
        name: Box<str>,
        /// Now.
        created: Ticks,
    },
    /// Removes a tenant with everything in it.
    RemoveTenant(TenantKey),
    /// Adds an app with its first secret.
    AddApp(App),
    /// Gives an app a further secret; refused when it has two.
    AddSecret {
        /// The app.
        app: AppId,
        /// The secret.
        secret: AppSecret,
    },
    /// Takes one secret from an app.
    RemoveSecret {
        /// The app.
        app: AppId,
        /// The secret's id.
        secret: uuid::Uuid,
    },
    /// Removes an app; its tokens are refused from now on.
    RemoveApp(AppId),
    /// Only raises the epoch: a key of the built-in issuer was rotated.
    RaiseEpoch,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminOutcome {
    /// Done.
    Done,
    /// The tenant that was added.
    Tenant(TenantKey),
    /// What was named does not exist.
    NotFound,
    /// What was to be added exists already.
    Exists,
    /// The app has two secrets already.
    TooManySecrets,
}
