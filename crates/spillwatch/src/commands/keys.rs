//! `spillwatch keys`: the built-in issuer's signing keys, and the operator's key that seals them in a database.

use crate::cli::{Global, Keys};
use crate::error::Failure;
use crate::instance::{Instance, blocking};
use crate::operator_key::{from_file, is_given, operator_keys};
use crate::output::line;
use crate::verifier_keys::{self, VaultFolder};
use auth::{OldKeys, OperatorKey, OperatorKeys};
use model::SystemEntropy;
use secrecy::ExposeSecret as _;
use service::{Resealed, Tally, WaitingTally};
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
        "This key seals the secrets in a database, and password verifiers wherever they are. Give the same one to every \
         node, by --secret-key-file, --secret-key-command or the variable SPILLWATCH_SECRET_KEY; keep a copy, and never \
         beside the database or its backups. Without it every token ends, a backup has no keys, and no verifier can be \
         opened."
    );
    Ok(())
}

/// Seals with a new operator's key what the one of before has sealed: the verifiers, the passwords that wait to be checked,
/// and in a database its secrets.
async fn reseal(global: &Global, new: &Path) -> Result<(), Failure> {
    let new = from_file(new)?;
    let instance = Instance::open(global).await?;
    let done = match instance.folder() {
        Some(data) => in_folder(global, &instance, &VaultFolder::of(data)?, new).await,
        None => in_database(global, &instance, new).await,
    };
    instance.service.store().close().await;
    done
}

/// Verifiers first: while they are of both keys, whoever is given both opens everything, and the same command goes on
/// where it was interrupted. What waits to be checked follows, then the secrets in one transaction, and then once more what
/// was added under the old key meanwhile.
async fn in_database(global: &Global, instance: &Instance, new: OperatorKey) -> Result<(), Failure> {
    let keys = instance.sealed_keys().cloned().ok_or_else(|| Failure::message("the store has no sealed secrets"))?;
    let (id, before) = (new.id(), keys.key_id());
    let vault = verifier_keys::superseded(instance, operator_keys(&global.operator_key).await?, new.clone()).await?;
    let first = instance.service.reseal(&vault).await?;
    let secrets = blocking(move || keys.reseal(&new)).await?;
    let again = instance.service.reseal(&vault).await?;
    anstream::eprintln!(
        "Sealed {secrets} secrets and {} verifiers with the key {id}. Nodes that know only another one ({before}) answer 503 \
         until they are started with the new one.",
        again.verifiers.all - again.verifiers.unopenable
    );
    tell([first, again]);
    Ok(())
}

/// The folder is marked first, so that from then on nobody seals with its own key, and that key is removed last.
async fn in_folder(
    global: &Global,
    instance: &Instance,
    folder: &VaultFolder,
    new: OperatorKey,
) -> Result<(), Failure> {
    let id = new.id();
    let own = folder.clone();
    let own = blocking(move || own.own_key()).await?;
    let before = folder.sealed_by()?;
    let known = match (is_given(&global.operator_key), own) {
        (true, own) => verifier_keys::given(global, own).await?,
        (false, Some(own)) => OperatorKeys::new(own, None),
        // Nothing opens what another key has sealed; this is told below.
        (false, None) => OperatorKeys::new(new.clone(), None),
    };
    let vault = verifier_keys::superseded(instance, known, new).await?;
    folder.set_sealed_by(&id.to_string())?;
    if let Err(error) = instance.service.no_job_is_worked_at().await {
        match before {
            Some(before) => folder.set_sealed_by(&before)?,
            None => folder.forget_sealed_by()?,
        }
        return Err(error.into());
    }
    let done = instance.service.reseal(&vault).await?;
    let own = folder.clone();
    blocking(move || own.remove_own_key()).await?;
    anstream::eprintln!(
        "Sealed {} verifiers with the key {id}. From now on give this key to every command on this folder that checks \
         passwords or imports a directory, by --secret-key-file, --secret-key-command or the variable \
         SPILLWATCH_SECRET_KEY, and keep a copy of it, never beside the folder or its backups.",
        done.verifiers.all - done.verifiers.unopenable
    );
    tell([Resealed::default(), done]);
    Ok(())
}

/// Tells what came of it, in two rounds.
fn tell([first, last]: [Resealed; 2]) {
    let resealed = first.verifiers.resealed + last.verifiers.resealed;
    anstream::eprintln!("Of the verifiers, {resealed} were sealed anew now.");
    if last.verifiers.unopenable > 0 {
        anstream::eprintln!(
            "Warning: {} verifiers are sealed with yet another key and stay as they are. Give that key by \
             --previous-secret-key-file and run this again, or import the directory again.",
            last.verifiers.unopenable
        );
    }
    let waiting = last.waiting.sum();
    if waiting.all > 0 {
        let resealed = first.waiting.sum().resealed + waiting.resealed;
        anstream::eprintln!(
            "Of what waits to be checked, {resealed} were sealed anew now: there are {}.",
            waiting_in_words(&last.waiting, |tally| tally.all)
        );
    }
    if waiting.unopenable > 0 {
        anstream::eprintln!(
            "Warning: of what waits to be checked, {} are sealed with yet another key and stay as they are. Give that key \
             by --previous-secret-key-file and run this again. {LOST_WORK}.",
            waiting_in_words(&last.waiting, |tally| tally.unopenable)
        );
    }
}

/// What to do where what waits cannot be opened.
pub const LOST_WORK: &str = "Without that key they are never checked: scan again, or hand the pairs in again. The \
    directory is not concerned";

/// Numbers of what waits, by what it waits for.
pub fn waiting_in_words(waiting: &WaitingTally, number: fn(&Tally) -> u64) -> String {
    let kinds = [
        (&waiting.candidates, "passwords that wait for slow verifiers"),
        (&waiting.retained, "that are kept for users who come later"),
        (&waiting.pairs, "pairs that were handed in"),
    ];
    let told = kinds.into_iter().filter(|(tally, _)| number(tally) > 0);
    let told: Vec<String> = told.map(|(tally, what)| format!("{} {what}", number(tally))).collect();
    told.join(", ")
}
