//! PostgreSQL servers for tests and benchmarks: temporary, unprivileged, on a free port, gone with
//! their owner.
//!
//! | what | for |
//! |---|---|
//! | [`Binaries`] | where `initdb`, `postgres` and the rest are |
//! | [`Cluster`] | a server of one's own: stopped, killed, started again, replicated, promoted |
//! | [`shared`] | the server that all tests of a run share, with a [`Database`] for each test |
//! | [`Proxy`] | a network that fails when told to |
//!
//! A cluster trusts every connection that comes from this machine, as `initdb --auth=trust` sets
//! it up: it holds nothing but test data and lives for minutes. Knows nothing of Spillwatch but the
//! names of its environment variables and of the superuser.

mod binaries;
mod chance;
mod cluster;
mod keeper;
mod options;
mod proxy;
mod psql;
mod shared;

pub use binaries::Binaries;
pub use chance::free_port;
pub use cluster::{Cluster, Mode};
pub use options::Options;
pub use proxy::Proxy;
pub use shared::{Database, SERVER_VARIABLE, Shared, shared};

/// The superuser of every cluster.
pub const USER: &str = "spillwatch";

/// How long a server may take to start, to stop or to follow: far more than it needs on a busy
/// machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(2);

/// The pause between two looks at something that is about to happen.
const LOOK: std::time::Duration = std::time::Duration::from_millis(5);
