//! Why an operation was not carried out.

use model::Refusal;
use odata::fault::{Faults, excerpt};
use store::{StoreError, WriteError};

/// An operation's failure.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// What was sent does not fit: every fault.
    #[error("{0}")]
    Invalid(Faults),
    /// The decision was no.
    #[error(transparent)]
    Refused(Refusal),
    /// No event can have this id.
    #[error("no risk event has the id {}", excerpt(.0))]
    NoSuchEvent(String),
    /// Nobody at risk can have this id.
    #[error("no user at risk has the id {}", excerpt(.0))]
    NoSuchRiskyUser(String),
    /// No detection can have this id.
    #[error("no risk detection has the id {}", excerpt(.0))]
    NoSuchDetection(String),
    /// A `$ref` names a user that the directory does not know.
    #[error("the directory has no user {}", excerpt(.0))]
    UnknownReference(String),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(faults) => Self::Invalid(faults),
            refusal => Self::Refused(refusal),
        }
    }
}

impl From<WriteError> for ServiceError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Store(error) => Self::Store(error),
        }
    }
}
