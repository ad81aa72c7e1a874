//! Carries over what is not in the tables: the issuer's signing keys, the key of page tokens and that of fingerprints.
//! They are files in a data folder, and in a database secrets that the operator's key seals. Verifiers are in the tables,
//! and so are passwords that wait to be checked, but sealed: they are sealed anew with the key of the store that they are
//! moved to.

use crate::cli::{Global, StoreAddress};
use crate::commands::restore::write_key;
use crate::error::Failure;
use crate::instance::{ISSUER, ISSUER_BELOW, Instance, PAGE_TOKEN_KEY, blocking, keys_folder};
use crate::operator_key::{is_given, operator_keys};
use crate::vault::DatabaseKeys;
use crate::verifier_keys::{self, FINGERPRINT_KEY, VAULT_BELOW, VaultFolder};
use auth::{FolderKeys, KeyStorage, KeyStorageError, KeysBelow, OperatorKeys, SealedKeys, SecretBytes};
use model::{SystemClock, SystemEntropy};
use service::{Resealed, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};
use store_postgres::PostgresStore;
use zeroize::Zeroizing;

/// Where the keys of a store are.
enum Keys {
    Folder(PathBuf),
    Database(Arc<SealedKeys>),
}

/// What opens the secrets of the database that a store is moved from or to: asked for before anything is copied.
pub struct Carrier {
    operator: Option<OperatorKeys>,
}

/// Whether the tables were moved just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// They were.
    First,
    /// They were moved before: signing keys that are there may be newer ones, and stay.
    Again,
}

/// What was carried.
pub struct Carried {
    /// Whether anything of it was not there yet.
    pub is_new: bool,
    /// What is sealed in the tables.
    pub sealed: Resealed,
}

impl Carrier {
    /// Reads the operator's key, if one of the two is a database or if it is given.
    pub async fn new(global: &Global, from: &StoreAddress, to: &StoreAddress) -> Result<Self, Failure> {
        let is_needed = [from, to].iter().any(|address| matches!(address, StoreAddress::Database(_)));
        let operator = if is_needed || is_given(&global.operator_key) {
            Some(operator_keys(&global.operator_key).await?)
        } else {
            None
        };
        Ok(Self { operator })
    }

    /// Gives the store that was moved to the keys of the one that it was moved from, takes away others, and seals
    /// verifiers and what waits with the key of the place where they are now. Doing it again does what an interruption has left.
    pub async fn carry(
        self,
        global: &Global,
        from: &StoreAddress,
        to: &StoreAddress,
        round: Round,
    ) -> Result<Carried, Failure> {
        let keys = (open(from, self.operator.clone()).await?, open(to, self.operator.clone()).await?);
        let is_new = tokio::task::spawn_blocking(move || copy(&keys.0, &keys.1, round)).await??;
        let sealed = self.reseal(global, from, to).await?;
        Ok(Carried { is_new: is_new || sealed.anew() > 0, sealed })
    }

    async fn reseal(self, global: &Global, from: &StoreAddress, to: &StoreAddress) -> Result<Resealed, Failure> {
        let mut target = global.clone();
        match to {
            StoreAddress::Folder(folder) => (target.data, target.database) = (folder.clone(), None),
            StoreAddress::Database(url) => target.database = Some(url.clone()),
        }
        let instance = Instance::create(&target, Settings::default(), store_sqlite::ReaderMemory::mapping(0)).await?;
        let mut known = self.operator;
        if let StoreAddress::Folder(folder) = from {
            let folder = VaultFolder::of(folder)?;
            if let Some(own) = blocking(move || folder.own_key()).await? {
                known = Some(match known {
                    Some(known) => known.opened_by(own),
                    None => OperatorKeys::new(own, None),
                });
            }
        }
        let vault = match (from, to, known) {
            (StoreAddress::Database(_), StoreAddress::Folder(folder), Some(known)) => {
                let folder = VaultFolder::of(folder)?;
                let own = blocking(move || folder.made_own_key(&SystemEntropy)).await?;
                Some(verifier_keys::superseded(&instance, known, own).await?)
            }
            // From folder to folder the keys go along, and so does what they have sealed.
            (StoreAddress::Folder(_), StoreAddress::Folder(_), _) | (_, _, None) => None,
            (_, StoreAddress::Database(_), Some(known)) => Some(verifier_keys::current(&instance, known).await?),
        };
        let sealed = match vault {
            Some(vault) => instance.service.reseal(&vault).await?,
            None => Resealed::default(),
        };
        instance.service.store().close().await;
        Ok(sealed)
    }
}

async fn open(address: &StoreAddress, operator: Option<OperatorKeys>) -> Result<Keys, Failure> {
    match (address, operator) {
        (StoreAddress::Database(url), Some(operator)) => {
            let store = Arc::new(PostgresStore::open(url.expose(), Arc::new(SystemClock)).await?);
            Ok(Keys::Database(Arc::new(SealedKeys::new(Arc::new(DatabaseKeys::new(store)), Arc::new(operator)))))
        }
        (StoreAddress::Folder(folder), _) => Ok(Keys::Folder(keys_folder(folder)?)),
        (StoreAddress::Database(url), None) => Err(Failure::message(format!("no operator's key was read for {url}"))),
    }
}

/// Answers whether anything was another one before.
fn copy(from: &Keys, to: &Keys, round: Round) -> Result<bool, Failure> {
    let mut is_new = false;
    if round == Round::First || to.issuer().read()?.by_name.is_empty() {
        is_new |= copy_all(&*from.issuer(), &*to.issuer(), |_| true)?;
    }
    let own_keys_go_along = matches!((from, to), (Keys::Folder(_), Keys::Folder(_)));
    is_new |= copy_all(&*from.vault(), &*to.vault(), |name| own_keys_go_along || name == FINGERPRINT_KEY)?;
    if let (Keys::Folder(from), Keys::Folder(to)) = (from, to) {
        let (from, to) = (VaultFolder::below(from), VaultFolder::below(to));
        match from.sealed_by()? {
            Some(id) => to.set_sealed_by(&id)?,
            None => to.forget_sealed_by()?,
        }
    }
    match from.page_token_key()? {
        Some(secret) if to.page_token_key()?.as_ref() != Some(&secret) => {
            to.set_page_token_key(secret)?;
            Ok(true)
        }
        _ => Ok(is_new), // where none was ever made, there are no links that it could keep
    }
}

/// Copies those secrets that are meant, and takes away others that are meant.
fn copy_all(from: &dyn KeyStorage, to: &dyn KeyStorage, is_meant: impl Fn(&str) -> bool) -> Result<bool, Failure> {
    let (source, known) = (from.read()?, to.read()?);
    let meant = |secrets: std::collections::BTreeMap<String, SecretBytes>| {
        secrets.into_iter().filter(|(name, _)| is_meant(name)).collect::<Vec<_>>()
    };
    let (put, there) = (meant(source.by_name), meant(known.by_name));
    if put == there {
        return Ok(false);
    }
    let others = there.into_iter().map(|(name, _)| name).filter(|name| !put.iter().any(|(new, _)| new == name));
    if to.replace(known.generation, &put, &others.collect::<Vec<_>>())? {
        Ok(true)
    } else {
        Err(KeyStorageError::Contended.into())
    }
}

impl Keys {
    fn issuer(&self) -> Arc<dyn KeyStorage> {
        match self {
            Self::Folder(keys) => Arc::new(FolderKeys::new(&keys.join(ISSUER))),
            Self::Database(keys) => Arc::new(KeysBelow::new(keys.clone(), ISSUER_BELOW)),
        }
    }

    fn vault(&self) -> Arc<dyn KeyStorage> {
        match self {
            Self::Folder(keys) => Arc::new(VaultFolder::below(keys).storage()),
            Self::Database(keys) => Arc::new(KeysBelow::new(keys.clone(), VAULT_BELOW)),
        }
    }

    fn page_token_key(&self) -> Result<Option<SecretBytes>, Failure> {
        match self {
            Self::Folder(keys) => match fs::read(keys.join(PAGE_TOKEN_KEY)) {
                Ok(secret) => Ok(Some(Zeroizing::new(secret))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Database(keys) => Ok(keys.read()?.by_name.remove(PAGE_TOKEN_KEY)),
        }
    }

    fn set_page_token_key(&self, secret: SecretBytes) -> Result<(), Failure> {
        match self {
            Self::Folder(keys) => write_key(keys, Path::new(PAGE_TOKEN_KEY), &secret),
            Self::Database(keys) => {
                let known = keys.read()?;
                let is_set = keys.replace(known.generation, &[(PAGE_TOKEN_KEY.to_owned(), secret)], &[])?;
                if is_set { Ok(()) } else { Err(KeyStorageError::Contended.into()) }
            }
        }
    }
}
