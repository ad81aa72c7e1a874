//! Directories: what an export says of users becomes users, accounts and sealed verifiers.

mod counts;
mod import;
mod names;
mod prepare;
mod provision;
mod snapshot;
mod sync;
mod users;

pub use counts::ImportCounts;
pub(crate) use counts::sources_of;
pub use import::{Import, ImportOutcome, Importer, Refused};
pub use prepare::{Prepared, Preparer, VerifierCounts};
pub use provision::{
    Known, ProvisionError, Provisioned, Provisioner, Provisioning, Told, UserGuard, alias_of, external_key,
};
pub use snapshot::Snapshot;
pub use sync::Synced;
pub use users::{KnownAccount, KnownUser, Users};
