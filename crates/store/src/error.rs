//! Why a store did not do something.

use model::Refusal;
use odata::encode::CellError;

/// The store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such tenant, or no longer.
    #[error("the tenant does not exist")]
    UnknownTenant,
    /// Somebody else holds the store for longer than we wait.
    #[error("the store is busy: another process has been writing to it for too long")]
    Busy,
    /// The database cannot be reached, or broke off. What was acknowledged is safe; a write that was under way
    /// when it broke off may or may not have been carried out.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// A read was given up.
    #[error("the query looked through the store for {seconds} seconds without an end; narrow it down")]
    TooLong {
        /// How long it ran.
        seconds: u64,
    },
    /// No room on the disk. Nothing of the command was kept; what was acknowledged before is safe.
    #[error("the disk is full: nothing was stored")]
    Full,
    /// The store has stopped for good in this process.
    #[error("the store has stopped: {0}")]
    Stopped(String),
    /// The file is of another kind, or made by a newer version, or cannot be opened.
    #[error("{0}")]
    Unusable(String),
    /// The file is damaged.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A value does not fit its property.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The engine failed otherwise.
    #[error("{doing} failed")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// The same error for another one who waited for the same: the engine's own error is told in words.
    #[must_use]
    pub fn again(&self) -> Self {
        match self {
            Self::UnknownTenant => Self::UnknownTenant,
            Self::Busy => Self::Busy,
            Self::Unavailable(why) => Self::Unavailable(why.clone()),
            Self::TooLong { seconds } => Self::TooLong { seconds: *seconds },
            Self::Full => Self::Full,
            Self::Stopped(why) => Self::Stopped(why.clone()),
            Self::Unusable(why) => Self::Unusable(why.clone()),
            Self::Corrupt(why) => Self::Corrupt(why.clone()),
            Self::Cell(error) => Self::Corrupt(error.to_string()),
            Self::Engine { doing, source } => Self::Engine { doing, source: source.to_string().into() },
        }
    }
}

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The decision was no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A list of commands was not carried out: nothing of it remains.
#[derive(Debug, thiserror::Error)]
#[error("command {at} of a list was not carried out")]
pub struct ListError {
    /// The place of the command that failed, from 0; 0 too when the store failed as a whole.
    pub at: usize,
    /// Why it failed.
    #[source]
    pub error: WriteError,
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self { at: 0, error: error.into() }
    }
}
