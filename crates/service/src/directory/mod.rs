//! Directories: what an export says of users becomes users, accounts and sealed verifiers.

mod ahead;
mod counts;
mod day;
mod import;
mod known;
mod names;
mod prepare;
mod provision;
mod provisioner;
mod snapshot;
mod sync;
mod users;

pub use counts::ImportCounts;
pub(crate) use counts::sources_of;
pub use import::{Import, ImportOutcome, Importer, Refused};
pub use known::{Known, alias_of, external_key};
pub use prepare::{Prepared, Preparer, VerifierCounts};
pub use provision::{ProvisionError, Provisioned, Provisioning, Told};
pub use provisioner::{Provisioner, UserGuard};
pub use snapshot::Snapshot;
pub use sync::Synced;
pub use users::{KnownAccount, KnownUser, Users};
