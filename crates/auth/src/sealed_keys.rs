//! Secrets in a storage whose keeper must not know them: sealed on the way in, opened on the way out.

use crate::builtin::{KEY_CHANGE_ATTEMPTS, KeyStorage, KeyStorageError, SecretBytes, Secrets};
use crate::seal::{KeyId, OperatorKey, SealError, key_id};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The operator's keys: one that seals and opens, and while it takes the place of others, those, which open.
#[derive(Clone)]
pub struct OperatorKeys {
    current: OperatorKey,
    older: Vec<OperatorKey>,
}

impl OperatorKeys {
    /// The key in use, and the one before it that secrets may still be sealed with.
    pub fn new(current: OperatorKey, previous: Option<OperatorKey>) -> Self {
        Self { current, older: previous.into_iter().collect() }
    }

    /// The same, with a further key that opens.
    #[must_use]
    pub fn opened_by(mut self, older: OperatorKey) -> Self {
        self.older.push(older);
        self
    }

    /// These keys once a new one has taken their place: it seals, and they open.
    #[must_use]
    pub fn superseded_by(self, new: OperatorKey) -> Self {
        let mut older = self.older;
        older.push(self.current);
        Self { current: new, older }
    }

    /// The id of the key that seals.
    pub fn id(&self) -> KeyId {
        self.current.id()
    }

    /// Opens a secret that any of the keys has sealed under a name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let found = key_id(name, sealed)?;
        let key = self.older.iter().find(|older| older.id() == found).unwrap_or(&self.current);
        key.open(name, sealed)
    }

    /// Seals a secret under a name, with the key in use.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        self.current.seal(name, secret)
    }

    /// Whether a secret is sealed with the key in use.
    pub fn is_current(&self, name: &str, sealed: &[u8]) -> Result<bool, SealError> {
        Ok(key_id(name, sealed)? == self.current.id())
    }

    fn seal_all(&self, secrets: &[(String, SecretBytes)]) -> Result<Vec<(String, SecretBytes)>, KeyStorageError> {
        let sealed = |(name, secret): &(String, SecretBytes)| {
            let sealed = self.current.seal(name, secret).map_err(KeyStorageError::other)?;
            Ok((name.clone(), Zeroizing::new(sealed)))
        };
        secrets.iter().map(sealed).collect()
    }
}

/// A storage of secrets that holds them sealed.
pub struct SealedKeys {
    storage: Arc<dyn KeyStorage>,
    keys: Arc<OperatorKeys>,
}

impl SealedKeys {
    /// The secrets in `storage`, sealed with these keys.
    pub fn new(storage: Arc<dyn KeyStorage>, keys: Arc<OperatorKeys>) -> Self {
        Self { storage, keys }
    }

    /// The id of the key that seals.
    pub fn key_id(&self) -> KeyId {
        self.keys.id()
    }

    /// Seals every secret with another key. Answers how many there are.
    pub fn reseal(&self, new: &OperatorKey) -> Result<usize, KeyStorageError> {
        for _ in 0..KEY_CHANGE_ATTEMPTS {
            let found = self.read()?;
            let mut sealed = Vec::new();
            for (name, secret) in &found.by_name {
                let secret = new.seal(name, secret).map_err(KeyStorageError::other)?;
                sealed.push((name.clone(), Zeroizing::new(secret)));
            }
            if self.storage.replace(found.generation, &sealed, &[])? {
                return Ok(sealed.len());
            }
        }
        Err(KeyStorageError::Contended)
    }
}

impl KeyStorage for SealedKeys {
    fn read(&self) -> Result<Secrets, KeyStorageError> {
        let mut found = self.storage.read()?;
        for (name, secret) in &mut found.by_name {
            *secret = self.keys.open(name, secret).map_err(KeyStorageError::other)?;
        }
        Ok(found)
    }

    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError> {
        self.storage.replace(seen, &self.keys.seal_all(put)?, remove)
    }

    fn place(&self, name: &str) -> String {
        self.storage.place(name)
    }
}
