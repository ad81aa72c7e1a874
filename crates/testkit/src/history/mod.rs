//! Clients that load several nodes and remember what was acknowledged, readers who follow what happens meanwhile, and
//! what must hold between the two afterwards.
//!
//! | what | does |
//! |---|---|
//! | [`Nodes`] | says where the nodes are, and collects faults |
//! | [`Clients`] | create, change and dismiss; go to another node when one fails |
//! | [`Readers`] | follow deltas and pages, each link on another node than the one that gave it |
//! | [`check()`] | holds what was acknowledged, what was read and what is there against each other |
//!
//! Each client has events and users of its own, so what may have become of them is known exactly: a sequence of steps,
//! of which some have an unknown outcome.

mod check;
mod clients;
mod nodes;
mod readers;
mod steps;

pub use check::{Checked, check};
pub use clients::{Clients, History, Load};
pub use nodes::Nodes;
pub use readers::{Followed, Readers};
pub use steps::{Event, State, Step, What};

/// Where events are.
pub const EVENTS: &str = "/v1.0/leakedCredentialsRiskEvents";
/// Where users at risk are.
pub const RISKY_USERS: &str = "/v1.0/identityProtection/riskyUsers";

/// The path of a link of ours.
fn path_of(link: &str) -> Option<&str> {
    link.find("/v1.0").map(|at| &link[at..])
}
