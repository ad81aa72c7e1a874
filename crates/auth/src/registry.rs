//! The tenants and apps that tokens are held against, as they were at one epoch.

use crate::AuthError;
use crate::builtin::BuiltinIssuer;
use arc_swap::ArcSwapOption;
use model::Registry;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Why the registry could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the registry of tenants and apps cannot be loaded")]
pub struct RegistryError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl RegistryError {
    /// Wraps the store's error.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// What [`RegistrySource::load`] returns.
pub type RegistryFuture<'a> = Pin<Box<dyn Future<Output = Result<Registry, RegistryError>> + Send + 'a>>;

/// Where the registry comes from: the store, in the end.
pub trait RegistrySource: Send + Sync {
    /// Reads every tenant and app, and the epoch they belong to, in one transaction.
    fn load(&self) -> RegistryFuture<'_>;
}

/// A registry, with a number of our own. Epochs could repeat when a backup is restored under a
/// running server; these numbers never do.
pub(crate) struct Snapshot {
    pub number: u64,
    pub registry: Registry,
}

/// Keeps the last registry that was read and reads it again when the epoch has moved.
pub(crate) struct Registries {
    source: Arc<dyn RegistrySource>,
    current: ArcSwapOption<Snapshot>,
    /// Held while one caller loads and the others wait for it; counts the loads.
    loading: Mutex<u64>,
}

impl Registries {
    pub(crate) fn new(source: Arc<dyn RegistrySource>) -> Self {
        Self { source, current: ArcSwapOption::empty(), loading: Mutex::new(0) }
    }

    /// The number of the snapshot that holds at `epoch`, when it is the one at hand.
    pub(crate) fn number_at(&self, epoch: u64) -> Option<u64> {
        let current = self.current.load();
        current.as_ref().filter(|snapshot| snapshot.registry.epoch == epoch).map(|snapshot| snapshot.number)
    }

    /// The registry at `epoch`, or a later one. The built-in issuer's keys are read again first,
    /// since a rotation moves the epoch too: who sees the new registry sees the new keys.
    pub(crate) async fn at(
        &self,
        epoch: u64,
        builtin: Option<&Arc<BuiltinIssuer>>,
    ) -> Result<Arc<Snapshot>, AuthError> {
        let at_hand = || self.current.load_full().filter(|snapshot| snapshot.registry.epoch == epoch);
        if let Some(snapshot) = at_hand() {
            return Ok(snapshot);
        }
        let mut loads = self.loading.lock().await; // held while waiting: that is its purpose
        if let Some(snapshot) = at_hand() {
            return Ok(snapshot);
        }
        if let Some(builtin) = builtin.cloned() {
            const WHAT: &str = "the built-in issuer's keys cannot be read";
            let reloaded = tokio::task::spawn_blocking(move || builtin.reload()).await;
            reloaded
                .map_err(|error| AuthError::unavailable(WHAT, error))?
                .map_err(|error| AuthError::unavailable(WHAT, error))?;
        }
        let registry = self.source.load().await;
        let registry = registry
            .map_err(|error| AuthError::unavailable("the registry of tenants and apps cannot be read", error))?;
        if let Some(same) = self.current.load_full().filter(|current| current.registry == registry) {
            return Ok(same); // asked for with an epoch that was read before the last change
        }
        *loads += 1;
        let snapshot = Arc::new(Snapshot { number: *loads, registry });
        self.current.store(Some(snapshot.clone()));
        Ok(snapshot)
    }
}
