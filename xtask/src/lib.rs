//! Tasks of the workspace that take more than one command: `cargo xtask test` and
//! `cargo xtask bench`.

#[cfg(feature = "bench")]
pub mod bench;
pub mod commands;
pub mod suite;
pub mod tools;
