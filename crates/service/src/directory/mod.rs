//! Directories: what an export says of users becomes users, accounts and sealed verifiers.

mod import;
mod names;
mod prepare;
mod snapshot;
mod sync;

pub(crate) use import::sources_of;
pub use import::{Import, ImportCounts, ImportOutcome, Importer, Refused};
pub use prepare::{Prepared, Preparer, VerifierCounts};
pub use snapshot::{KnownAccount, KnownUser, Snapshot};
pub use sync::Synced;
