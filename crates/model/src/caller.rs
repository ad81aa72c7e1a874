//! Who asks: proved by a token, or a command line on the store itself.

use crate::{PermissionSet, TenantId, TenantKey};
use std::sync::Arc;

/// Who did something, as the change log keeps it: the app, and the user when a person acted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The application (`appid` or `azp` of the token), or the name of the command.
    pub app: Arc<str>,
    /// The user (`oid` or `sub` of a delegated token).
    pub user: Option<Arc<str>>,
}

impl Actor {
    /// The actor for a command that runs on the store itself, such as `spillwatch apps add`.
    pub fn command(name: &str) -> Self {
        Self { app: format!("spillwatch {name}").into(), user: None }
    }
}

/// The proof that a request may act: a tenant, an actor, and what the actor may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant's key in the store.
    pub tenant: TenantKey,
    /// The tenant as its token named it.
    pub tenant_id: TenantId,
    /// Who acts.
    pub actor: Actor,
    /// What the token grants.
    pub permissions: PermissionSet,
}
