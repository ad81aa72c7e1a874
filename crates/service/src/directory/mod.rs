//! Directories: what an export says of users becomes users, accounts and sealed verifiers.

mod import;
mod names;
mod prepare;
mod snapshot;
mod users;

pub(crate) use import::sources_of;
pub use import::{Import, ImportCounts, ImportOutcome, Importer, Refused};
pub use prepare::{Prepared, Preparer, VerifierCounts};
pub use snapshot::Snapshot;
pub use users::{KnownAccount, KnownUser, Users};
