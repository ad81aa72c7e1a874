//! Tasks of the workspace that take more than one command: `cargo xtask test`,
//! `cargo xtask clients`, `cargo xtask reference`, `cargo xtask fuzz`, `cargo xtask postgres` and
//! `cargo xtask bench`.

#[cfg(feature = "bench")]
pub mod bench;
pub mod clients;
pub mod commands;
pub mod fuzz;
pub mod postgres;
pub mod reference;
pub mod suite;
pub mod tools;
