//! `spillwatch token`: a bearer token on standard output.

use crate::cli::{Global, Token};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::line;
use auth::{BuiltinIssuer, NewToken, TokenApp};
use model::{PermissionSet, Tenant};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// Prints a token of the built-in issuer.
pub async fn run(global: &Global, options: Token) -> Result<(), Failure> {
    let instance = Instance::open(global).await?;
    let registry = instance.service.registry().await?;
    let tenant = Instance::tenant(&registry, options.tenant)?;
    let permissions: PermissionSet = match options.permission.as_slice() {
        [] => PermissionSet::all(),
        some => some.iter().copied().collect(),
    };
    let issuer = instance.issuer(None).await?;
    let token = issue(&issuer, tenant, &options.app, permissions, options.ttl)?;
    line(token.expose_secret())?;
    instance.service.store().close().await;
    Ok(())
}

/// Issues a token for whoever runs commands on the data folder.
pub fn issue(
    issuer: &BuiltinIssuer,
    tenant: &Tenant,
    app: &str,
    permissions: PermissionSet,
    lifetime: Duration,
) -> Result<SecretString, Failure> {
    Ok(issuer.issue(&NewToken { tenant: tenant.id, app: TokenApp::Command(app), permissions, lifetime })?)
}
