//! The registry's epoch, asked for by every request, on every node. An answer counts for a while; whoever changes the
//! registry is answered only after that while, when no node holds an older epoch any more. So from that answer on nobody
//! sees an old one, and yet requests do not wait for a question of their own.

use crate::admin;
use crate::database::{Database, soon};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::StoreError;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For how long an answer counts, from when it was asked for.
const HELD: Duration = Duration::from_millis(100);
/// How long after its commit a change of the registry is answered: longer, since clocks may run at slightly different
/// speeds.
const PASSED: Duration = Duration::from_millis(110);

/// What is known of the epoch.
pub(crate) struct Epoch {
    database: Arc<Database>,
    /// The latest answer, and when it was asked for.
    known: RwLock<Option<(Instant, u64)>>,
    /// Held by the one who asks; the latest failure, and when it was told of.
    asking: Mutex<Option<(Instant, StoreError)>>,
}

impl Epoch {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database, known: RwLock::new(None), asking: Mutex::new(None) }
    }

    /// The epoch now.
    pub(crate) async fn get(&self) -> Result<u64, StoreError> {
        self.database.ensure_open()?;
        if let Some(epoch) = self.held() {
            return Ok(epoch);
        }
        let arrived = Instant::now();
        let mut failure = self.asking.lock().await;
        if let Some(epoch) = self.held() {
            return Ok(epoch); // another one has asked meanwhile
        }
        if let Some((told, error)) = &*failure
            && *told >= arrived
        {
            return Err(error.again()); // or has failed: nobody waits for a second failure
        }
        let asked = Instant::now();
        // Every request waits for this first, so it is here that a database which keeps its connections but does not
        // answer is taken for one that is away.
        match soon(async { admin::epoch(&self.database.reader().await?).await }).await {
            Ok(epoch) => {
                *failure = None;
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((asked, epoch));
                Ok(epoch)
            }
            Err(error) => {
                let again = error.again();
                *failure = Some((Instant::now(), error));
                Err(again)
            }
        }
    }

    fn held(&self) -> Option<u64> {
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.filter(|(asked, _)| asked.elapsed() < HELD).map(|(_, epoch)| epoch)
    }

    /// Waits until no node holds an epoch of before now any more.
    pub(crate) async fn passed() {
        tokio::time::sleep(PASSED).await;
    }
}
