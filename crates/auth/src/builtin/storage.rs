//! Where keys are kept: a set of named secrets, read as a whole and replaced as a whole.

use model::Entropy;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A secret, wiped from memory when it is no longer needed.
pub type SecretBytes = Zeroizing<Vec<u8>>;

/// How often a change is tried again that somebody else's change came before.
pub const KEY_CHANGE_ATTEMPTS: usize = 64;

/// Why secrets could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum KeyStorageError {
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {what}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was to be done with it.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Another kind of storage failed, or a secret in it cannot be opened.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
    /// Others changed the secrets again and again between reading and writing.
    #[error("others have changed the keys {KEY_CHANGE_ATTEMPTS} times while this change was tried")]
    Contended,
}

impl KeyStorageError {
    /// Wraps the error of a storage.
    pub fn other(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(cause.into())
    }
}

/// Secrets by their names, as they were at one moment.
#[derive(Clone, Default)]
pub struct Secrets {
    /// What tells this state from those before and after it.
    pub generation: u64,
    /// The secrets.
    pub by_name: BTreeMap<String, SecretBytes>,
}

impl Secrets {
    /// Carries a change out on this copy.
    pub fn apply(&mut self, put: &[(String, SecretBytes)], remove: &[String]) {
        self.by_name.extend(put.iter().cloned());
        self.by_name.retain(|name, _| !remove.contains(name));
    }
}

/// A set of named secrets, read as a whole, and replaced as a whole if nobody has changed it meanwhile.
///
/// Both may wait for a disk or a database: not for an asynchronous thread.
pub trait KeyStorage: Send + Sync {
    /// Reads every secret at one moment; none where none was ever stored.
    fn read(&self) -> Result<Secrets, KeyStorageError>;

    /// Writes `put` in its order, then removes `remove`, unless the generation is no longer `seen`: then it
    /// changes nothing and answers `false`. A crash in between may leave the beginning of that work.
    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError>;

    /// Where a secret is, for people.
    fn place(&self, name: &str) -> String;
}

/// The secret of 32 bytes with this name, made at the first time: whoever asks gets the same one.
pub fn shared_secret(
    storage: &dyn KeyStorage,
    name: &str,
    entropy: &dyn Entropy,
) -> Result<Zeroizing<[u8; 32]>, KeyStorageError> {
    let mut new = Zeroizing::new([0; 32]);
    entropy.fill(&mut *new);
    for _ in 0..KEY_CHANGE_ATTEMPTS {
        let found = storage.read()?;
        if let Some(secret) = found.by_name.get(name) {
            let wrong = || format!("{} holds {} bytes instead of 32", storage.place(name), secret.len());
            let secret = secret.as_slice().try_into().map_err(|_| KeyStorageError::other(wrong()))?;
            return Ok(Zeroizing::new(secret));
        }
        if storage.replace(found.generation, &[(name.to_owned(), Zeroizing::new(new.to_vec()))], &[])? {
            return Ok(new);
        }
    }
    Err(KeyStorageError::Contended)
}

/// Those secrets of a storage whose names begin alike, by the rest of their names.
pub struct KeysBelow {
    storage: Arc<dyn KeyStorage>,
    prefix: &'static str,
}

impl KeysBelow {
    /// The secrets whose names begin with `prefix`.
    pub fn new(storage: Arc<dyn KeyStorage>, prefix: &'static str) -> Self {
        Self { storage, prefix }
    }

    fn whole(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl KeyStorage for KeysBelow {
    fn read(&self) -> Result<Secrets, KeyStorageError> {
        let all = self.storage.read()?;
        let ours = |(name, secret): (String, SecretBytes)| Some((name.strip_prefix(self.prefix)?.to_owned(), secret));
        Ok(Secrets { generation: all.generation, by_name: all.by_name.into_iter().filter_map(ours).collect() })
    }

    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError> {
        let put: Vec<_> = put.iter().map(|(name, secret)| (self.whole(name), secret.clone())).collect();
        let remove: Vec<_> = remove.iter().map(|name| self.whole(name)).collect();
        self.storage.replace(seen, &put, &remove)
    }

    fn place(&self, name: &str) -> String {
        self.storage.place(&self.whole(name))
    }
}
