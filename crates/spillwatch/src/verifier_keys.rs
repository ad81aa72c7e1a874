//! The keys that protect an imported directory, and where they are: `keys/vault` of a data folder, secrets of a database.
//!
//! ```text
//! seal.key          seals verifiers, where the operator gives no key
//! sealed-by         the id of the operator's key that seals them instead: then none is made here
//! fingerprint.key   the key of fingerprints, ids and tags
//! ```

use crate::cli::Global;
use crate::error::Failure;
use crate::instance::{Instance, blocking, keys_folder};
use crate::operator_key::{is_given, operator_keys};
use auth::{FolderKeys, KeyStorage, KeyStorageError, KeysBelow, OperatorKey, OperatorKeys, Secrets, shared_secret};
use model::Entropy;
use service::Vault;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, process};
use zeroize::Zeroizing;

/// The folder of these keys, below that of keys.
const VAULT: &str = "vault";
/// What their names begin with in a database.
pub const VAULT_BELOW: &str = "vault/";
/// The key that seals verifiers, where no operator's key is given.
const SEAL_KEY: &str = "seal.key";
/// The file that says which operator's key seals them.
const SEALED_BY: &str = "sealed-by";
/// The key of fingerprints.
pub const FINGERPRINT_KEY: &str = "fingerprint.key";

/// What the keys are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To open what is there.
    Open,
    /// To seal as well.
    Seal,
    /// To foretell what sealing would come to: what is sealed is not kept.
    Foretell,
}

/// The keys of a data folder.
#[derive(Clone)]
pub struct VaultFolder(PathBuf);

impl VaultFolder {
    /// Those of this data folder, which need not be there yet.
    pub fn of(data: &Path) -> Result<Self, Failure> {
        Ok(Self::below(&keys_folder(data)?))
    }

    /// Those below a folder of keys.
    pub fn below(keys: &Path) -> Self {
        Self(keys.join(VAULT))
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The keys as they are kept.
    pub fn storage(&self) -> FolderKeys {
        FolderKeys::new(&self.0)
    }

    /// The id of the operator's key that seals the verifiers of this folder; `None` where its own key does.
    pub fn sealed_by(&self) -> Result<Option<String>, Failure> {
        match fs::read_to_string(self.0.join(SEALED_BY)) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(SEALED_BY, "read", &error)),
        }
    }

    /// Notes which operator's key seals the verifiers from now on. The note appears whole or not at all.
    pub fn set_sealed_by(&self, id: &str) -> Result<(), Failure> {
        if self.sealed_by()?.as_deref() == Some(id) {
            return Ok(());
        }
        let write = || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
            let part = self.0.join(format!("{SEALED_BY}.{}.part", process::id()));
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            fs::rename(&part, self.0.join(SEALED_BY))?;
            fs::File::open(&self.0)?.sync_all()
        };
        write().map_err(|error: io::Error| self.failed(SEALED_BY, "written", &error))
    }

    /// Takes that note away: the folder's own key seals from now on.
    pub fn forget_sealed_by(&self) -> Result<(), Failure> {
        match fs::remove_file(self.0.join(SEALED_BY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(SEALED_BY, "removed", &error)),
            _ => Ok(()),
        }
    }

    /// The folder's own key, if there is one. Waits for a disk.
    pub fn own_key(&self) -> Result<Option<OperatorKey>, KeyStorageError> {
        let storage = self.storage();
        if !storage.read()?.by_name.contains_key(SEAL_KEY) {
            return Ok(None);
        }
        self.made_own_key(&model::SystemEntropy).map(Some)
    }

    /// The folder's own key, made where there is none. Waits for a disk.
    pub fn made_own_key(&self, entropy: &dyn Entropy) -> Result<OperatorKey, KeyStorageError> {
        let key = shared_secret(&self.storage(), SEAL_KEY, entropy)?;
        OperatorKey::from_bytes(&key).map_err(KeyStorageError::other)
    }

    /// Takes the folder's own key away, which seals nothing any more. Waits for a disk.
    pub fn remove_own_key(&self) -> Result<(), KeyStorageError> {
        let storage = self.storage();
        let found = storage.read()?;
        if !found.by_name.contains_key(SEAL_KEY) || storage.replace(found.generation, &[], &[SEAL_KEY.to_owned()])? {
            return Ok(());
        }
        Err(KeyStorageError::Contended)
    }

    fn failed(&self, name: &str, what: &str, error: &io::Error) -> Failure {
        Failure::message(format!("{} cannot be {what}: {error}", self.0.join(name).display()))
    }

    /// Why the verifiers of this folder are not opened without the operator's key, and what to do.
    fn operator_key_needed(&self, id: &str) -> Failure {
        Failure::Refused(format!(
            "the password verifiers in this data folder are sealed with the operator's key {id}, as {} says, and no \
             operator's key is given; give it by --secret-key-file FILE, by --secret-key-command COMMAND or in the \
             variable SPILLWATCH_SECRET_KEY. If it is lost, give a new one, made by `spillwatch keys new-secret-key`, and \
             import the directory again",
            self.0.join(SEALED_BY).display()
        ))
    }
}

/// What seals the verifiers of an imported directory and fingerprints what is found: the operator's key, or in a data
/// folder, where none is given, one of its own, beside the database and never in it.
pub async fn open(instance: &Instance, global: &Global, purpose: Purpose) -> Result<Vault, Failure> {
    let (operator, storage) = match instance.folder() {
        Some(data) => {
            let folder = VaultFolder::of(data)?;
            (of_folder(instance, global, &folder, purpose).await?, Arc::new(folder.storage()) as Arc<dyn KeyStorage>)
        }
        None => (operator_keys(&global.operator_key).await?, in_database(instance)?),
    };
    let entropy = instance.entropy.clone();
    let has_sealed = instance.service.has_sealed().await?;
    let (fingerprint, is_new) = blocking(move || {
        let is_new = !storage.read()?.by_name.contains_key(FINGERPRINT_KEY);
        Ok::<_, KeyStorageError>((shared_secret(&*storage, FINGERPRINT_KEY, &*entropy)?, is_new))
    })
    .await?;
    if is_new && has_sealed {
        anstream::eprintln!(
            "Warning: the key of fingerprints that the store was written with is not here, and a new one was made. \
             Credentials that were found before are raised anew when they are found again, and an import takes every \
             password to be another one."
        );
    }
    Ok(Vault::new(Arc::new(operator), &fingerprint))
}

/// The same keys, where all that is needed is there; `None` where one would have to be made.
pub async fn existing(instance: &Instance, global: &Global) -> Result<Option<Vault>, Failure> {
    let (operator, storage) = match instance.folder() {
        Some(data) => {
            let folder = VaultFolder::of(data)?;
            let own = own_key(&folder).await?;
            let operator = match (is_given(&global.operator_key), own) {
                (true, own) => Some(given(global, own).await?),
                (false, _) if folder.sealed_by()?.is_some() => None,
                (false, own) => own.map(|own| OperatorKeys::new(own, None)),
            };
            (operator, Arc::new(folder.storage()) as Arc<dyn KeyStorage>)
        }
        None => (Some(operator_keys(&global.operator_key).await?), in_database(instance)?),
    };
    let Some(operator) = operator else { return Ok(None) };
    let found = blocking(move || storage.read()).await?;
    Ok(Some(with_fingerprints(operator, &found)))
}

/// Keys as they are, to seal verifiers anew with the one in use.
pub async fn current(instance: &Instance, known: OperatorKeys) -> Result<Vault, Failure> {
    let storage = place(instance)?;
    let found = blocking(move || storage.read()).await?;
    Ok(with_fingerprints(known, &found))
}

/// The keys of before once a new one has taken their place, to seal verifiers anew.
pub async fn superseded(instance: &Instance, known: OperatorKeys, new: OperatorKey) -> Result<Vault, Failure> {
    current(instance, known.superseded_by(new)).await
}

/// A vault over keys as they are: none is made. Whether verifiers can be opened does not depend on the key of
/// fingerprints, so a vault without it opens and seals anew, and is not used for anything else.
fn with_fingerprints(operator: OperatorKeys, found: &Secrets) -> Vault {
    let key = found.by_name.get(FINGERPRINT_KEY).and_then(|key| key.as_slice().try_into().ok());
    Vault::new(Arc::new(operator), &Zeroizing::new(key.unwrap_or_default()))
}

fn place(instance: &Instance) -> Result<Arc<dyn KeyStorage>, Failure> {
    match instance.folder() {
        Some(data) => Ok(Arc::new(VaultFolder::of(data)?.storage())),
        None => in_database(instance),
    }
}

fn in_database(instance: &Instance) -> Result<Arc<dyn KeyStorage>, Failure> {
    let keys = instance.sealed_keys().ok_or_else(|| Failure::message("the store has no place for keys"))?;
    Ok(Arc::new(KeysBelow::new(keys.clone(), VAULT_BELOW)))
}

async fn own_key(folder: &VaultFolder) -> Result<Option<OperatorKey>, Failure> {
    let folder = folder.clone();
    blocking(move || folder.own_key()).await
}

/// The operator's keys that are given; the folder's own opens what it has sealed before.
pub async fn given(global: &Global, own: Option<OperatorKey>) -> Result<OperatorKeys, Failure> {
    let operator = operator_keys(&global.operator_key).await?;
    Ok(match own {
        Some(own) => operator.opened_by(own),
        None => operator,
    })
}

async fn of_folder(
    instance: &Instance,
    global: &Global,
    folder: &VaultFolder,
    purpose: Purpose,
) -> Result<OperatorKeys, Failure> {
    let own = own_key(folder).await?;
    if is_given(&global.operator_key) {
        let keys = given(global, own).await?;
        if purpose == Purpose::Seal {
            folder.set_sealed_by(&keys.id().to_string())?;
        }
        return Ok(keys);
    }
    if let Some(id) = folder.sealed_by()? {
        return Err(folder.operator_key_needed(&id));
    }
    if let Some(own) = own {
        return Ok(OperatorKeys::new(own, None));
    }
    if instance.service.has_sealed().await? {
        let lost = format!(
            "the key that sealed the password verifiers in this data folder is not here: there is no {}, as after a \
             restore of a backup without keys",
            folder.path().join(SEAL_KEY).display()
        );
        if purpose == Purpose::Open {
            return Err(Failure::message(format!(
                "{lost}. Import the directory again with `spillwatch users import`, which makes a new key, or put the key \
                 file there; where an operator's key sealed them, give it by --secret-key-file FILE"
            )));
        }
        anstream::eprintln!(
            "Warning: {lost}. A new key is made; the verifiers of those who are imported are sealed with it."
        );
    }
    let (folder, entropy) = (folder.clone(), instance.entropy.clone());
    let own = blocking(move || folder.made_own_key(&*entropy)).await?;
    Ok(OperatorKeys::new(own, None))
}
