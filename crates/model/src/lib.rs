//! Spillwatch's entities, its entity data model, and the pure decisions over them.
//!
//! Nothing here does I/O or waits.

mod caller;
mod clock;
mod ids;
mod permission;
mod registry;

pub use caller::{Actor, Caller};
pub use clock::{Clock, Entropy, FixedClock, SeededEntropy, SystemClock, SystemEntropy};
pub use ids::{IdError, TenantId, TenantKey};
pub use odata::Ticks;
pub use permission::{Permission, PermissionSet, UnknownPermission};
pub use registry::{App, AppId, AppSecret, Registry, Tenant};
