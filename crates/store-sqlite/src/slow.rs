//! Long reads: those that may look at many rows run on threads of their own, few at a time and
//! for a bounded time, so that they hold up neither the threads that serve nor each other.

use crate::readers::Readers;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio::sync::Semaphore;

/// How long one may take.
const MOST: Duration = Duration::from_secs(10);
/// Where long reads wait for their turn.
pub(crate) struct SlowLane {
    places: Arc<Semaphore>,
    most: Duration,
}

impl SlowLane {
    /// Half as many at a time as there are cores.
    pub(crate) fn new(cores: usize) -> Self {
        Self { places: Arc::new(Semaphore::new((cores / 2).max(1))), most: MOST }
    }

    /// Runs `read` on a thread of its own, with a connection whose statements end when they take too
    /// long.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        readers: Arc<Readers>,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || StoreError::Stopped("it was closed".to_owned());
        let place = self.places.clone().acquire_owned().await.map_err(|_| stopped())?;
        let most = self.most;
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            readers.within(most, read)
        });
        match task.await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(stopped()),
        }
    }
}
