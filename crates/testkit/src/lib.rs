//! Fixtures for Spillwatch's tests.

pub mod app;
pub mod fuzz;
pub mod history;
pub mod issuer;
pub mod material;
pub mod server;
