//! `spillwatch keys`: the built-in issuer's signing keys.

use crate::cli::{Global, Keys};
use crate::error::Failure;
use crate::instance::Instance;
use crate::output::line;
use auth::OldKeys;
use store::AdminCommand;

/// Makes a new signing key and prints its name. A running server notices with the next request.
pub async fn run(global: &Global, action: Keys) -> Result<(), Failure> {
    let instance = Instance::open(&global.data)?;
    let Keys::Rotate { remove_old } = action;
    let issuer = instance.issuer(None)?;
    let key = issuer.rotate(if remove_old { OldKeys::Remove } else { OldKeys::Keep })?;
    // Only now: who sees the new epoch reads the new keys.
    instance.service.administer(AdminCommand::RaiseEpoch).await?;
    line(&key)?;
    instance.service.store().close().await;
    Ok(())
}
