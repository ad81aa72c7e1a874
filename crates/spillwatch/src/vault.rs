//! The secrets of a database, as everything that keeps keys sees them.

use auth::{KeyStorage, KeyStorageError, SecretBytes, Secrets};
use std::sync::Arc;
use store_postgres::PostgresStore;
use tokio::runtime::Handle;
use zeroize::Zeroizing;

/// Sealed secrets in a database. Its calls wait for the database: never made on an asynchronous thread.
pub struct DatabaseKeys {
    store: Arc<PostgresStore>,
    runtime: Handle,
}

impl DatabaseKeys {
    /// The secrets of this store; call it on the runtime that the store was opened on.
    pub fn new(store: Arc<PostgresStore>) -> Self {
        Self { store, runtime: Handle::current() }
    }
}

impl KeyStorage for DatabaseKeys {
    fn read(&self) -> Result<Secrets, KeyStorageError> {
        let found = self.runtime.block_on(self.store.secrets()).map_err(KeyStorageError::other)?;
        let by_name = found.sealed.into_iter().map(|(name, sealed)| (name, Zeroizing::new(sealed)));
        Ok(Secrets { generation: found.generation, by_name: by_name.collect() })
    }

    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError> {
        let put: Vec<_> = put.iter().map(|(name, sealed)| (name.clone(), sealed.to_vec())).collect();
        self.runtime.block_on(self.store.replace_secrets(seen, &put, remove)).map_err(KeyStorageError::other)
    }

    fn place(&self, name: &str) -> String {
        format!("the secret `{name}` in the database")
    }
}
