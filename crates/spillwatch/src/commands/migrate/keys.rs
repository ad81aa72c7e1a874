//! Carries over what is not in the tables: the issuer's signing keys and the key of page tokens. They are files in a data
//! folder, and in a database secrets that the operator's key seals.

use crate::cli::{Global, StoreAddress};
use crate::commands::restore::write_key;
use crate::error::Failure;
use crate::instance::{ISSUER, ISSUER_BELOW, PAGE_TOKEN_KEY, keys_folder};
use crate::operator_key::operator_keys;
use crate::vault::DatabaseKeys;
use auth::{FolderKeys, KeyStorage, KeyStorageError, KeysBelow, OperatorKeys, SealedKeys, SecretBytes};
use model::SystemClock;
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
    operator: [Option<OperatorKeys>; 2],
}

impl Carrier {
    /// Reads the operator's key, if one of the two is a database.
    pub async fn new(global: &Global, from: &StoreAddress, to: &StoreAddress) -> Result<Self, Failure> {
        let mut operator = [None, None];
        for (key, address) in operator.iter_mut().zip([from, to]) {
            if matches!(address, StoreAddress::Database(_)) {
                *key = Some(operator_keys(&global.operator_key).await?);
            }
        }
        Ok(Self { operator })
    }

    /// Gives the store that was moved to the keys of the one that it was moved from, and takes away others.
    pub async fn carry(self, from: &StoreAddress, to: &StoreAddress) -> Result<(), Failure> {
        let [from_key, to_key] = self.operator;
        let (from, to) = (open(from, from_key).await?, open(to, to_key).await?);
        tokio::task::spawn_blocking(move || copy(&from, &to)).await?
    }
}

async fn open(address: &StoreAddress, operator: Option<OperatorKeys>) -> Result<Keys, Failure> {
    match (address, operator) {
        (StoreAddress::Database(url), Some(operator)) => {
            let store = Arc::new(PostgresStore::open(url.expose(), Arc::new(SystemClock)).await?);
            Ok(Keys::Database(Arc::new(SealedKeys::new(Arc::new(DatabaseKeys::new(store)), operator))))
        }
        (StoreAddress::Folder(folder), _) => Ok(Keys::Folder(keys_folder(folder)?)),
        (StoreAddress::Database(url), None) => Err(Failure::message(format!("no operator's key was read for {url}"))),
    }
}

fn copy(from: &Keys, to: &Keys) -> Result<(), Failure> {
    let issuer = from.issuer().read()?;
    let target = to.issuer();
    let known = target.read()?;
    let put: Vec<(String, SecretBytes)> = issuer.by_name.into_iter().collect();
    let others = known.by_name.into_keys().filter(|name| !put.iter().any(|(new, _)| new == name)).collect::<Vec<_>>();
    if !target.replace(known.generation, &put, &others)? {
        return Err(KeyStorageError::Contended.into());
    }
    match from.page_token_key()? {
        Some(secret) => to.set_page_token_key(secret),
        None => Ok(()), // none was ever made, so there are no links that it could keep
    }
}

impl Keys {
    fn issuer(&self) -> Arc<dyn KeyStorage> {
        match self {
            Self::Folder(keys) => Arc::new(FolderKeys::new(&keys.join(ISSUER))),
            Self::Database(keys) => Arc::new(KeysBelow::new(keys.clone(), ISSUER_BELOW)),
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
