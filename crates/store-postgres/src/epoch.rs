//! The registry's epoch, asked for by every request, on every node. One question to the database answers everybody who
//! came before it was sent: nobody sees an old epoch, and a busy server asks no more often than the database answers.

use crate::admin;
use crate::database::{Database, soon};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::StoreError;
use tokio::sync::Mutex;

/// Those who ask.
pub(crate) struct Epoch {
    database: Arc<Database>,
    /// How many questions were sent.
    sent: AtomicU64,
    /// The number of the latest question that was answered, and its answer; held while one is under way.
    answered: Mutex<(u64, Result<u64, StoreError>)>,
}

impl Epoch {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database, sent: AtomicU64::new(0), answered: Mutex::new((0, Ok(0))) }
    }

    /// The epoch now.
    pub(crate) async fn get(&self) -> Result<u64, StoreError> {
        // A question that is under way may have been sent before something that this caller has heard of; any later one
        // was not.
        let before = self.sent.load(Ordering::SeqCst);
        let mut answered = match self.answered.try_lock() {
            Ok(answered) => answered,
            Err(_) => {
                let answered = self.answered.lock().await;
                // A failure needs no second look: while the database is away nobody waits twice as long to hear of it.
                if answered.0 >= before
                    && let Err(error) = &answered.1
                {
                    return Err(error.again());
                }
                answered
            }
        };
        if answered.0 <= before {
            let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
            // Every request waits for this first, so it is here that a database which keeps its connections but does not
            // answer is taken for one that is away.
            let outcome = soon(async { admin::epoch(&self.database.reader().await?).await }).await;
            *answered = (number, outcome);
        }
        answered.1.as_ref().map(|epoch| *epoch).map_err(StoreError::again)
    }
}
