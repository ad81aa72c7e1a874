//! `spillwatch keys`: the built-in issuer's signing keys, and the operator's key that seals them in a database.

use crate::cli::{Global, Keys};
use crate::error::Failure;
use crate::instance::{Instance, blocking};
use crate::operator_key::from_file;
use crate::output::line;
use auth::{OldKeys, OperatorKey};
use model::SystemEntropy;
use secrecy::ExposeSecret as _;
use std::path::Path;
use store::AdminCommand;

/// Changes keys. A running server notices with the next request.
pub async fn run(global: &Global, action: Keys) -> Result<(), Failure> {
    match action {
        Keys::Rotate { remove_old } => rotate(global, if remove_old { OldKeys::Remove } else { OldKeys::Keep }).await,
        Keys::NewSecretKey => new_secret_key(),
        Keys::Reseal { new_secret_key_file } => reseal(global, &new_secret_key_file).await,
    }
}

/// Makes a new signing key and prints its name.
async fn rotate(global: &Global, old: OldKeys) -> Result<(), Failure> {
    let instance = Instance::open(global).await?;
    let issuer = instance.issuer(None).await?;
    let key = blocking(move || issuer.rotate(old)).await?;
    // Only now: who sees the new epoch reads the new keys.
    instance.service.administer(AdminCommand::RaiseEpoch).await?;
    line(&key)?;
    instance.service.store().close().await;
    Ok(())
}

/// Prints a new operator's key.
fn new_secret_key() -> Result<(), Failure> {
    line(OperatorKey::generate(&SystemEntropy).expose_secret())?;
    anstream::eprintln!(
        "This key seals the secrets in a database. Give the same one to every node, by --secret-key-file, \
         --secret-key-command or the variable SPILLWATCH_SECRET_KEY; keep a copy, and never beside the database or its \
         backups. Without it every token ends and a backup has no keys."
    );
    Ok(())
}

/// Seals the secrets in the database with a new operator's key.
async fn reseal(global: &Global, new: &Path) -> Result<(), Failure> {
    let refused = "keys in a data folder are not sealed, so there is nothing to reseal; this is for --database URL";
    if global.database.is_none() {
        return Err(Failure::Refused(refused.to_owned()));
    }
    let new = from_file(new)?;
    let id = new.id();
    let instance = Instance::open(global).await?;
    let keys = instance.sealed_keys().cloned().ok_or_else(|| Failure::Refused(refused.to_owned()))?;
    let before = keys.key_id();
    let secrets = blocking(move || keys.reseal(&new)).await?;
    anstream::eprintln!(
        "Sealed {secrets} secrets with the key {id}. Nodes that know only another one ({before}) answer 503 until they \
         are started with the new one."
    );
    instance.service.store().close().await;
    Ok(())
}
