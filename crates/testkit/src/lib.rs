//! Fixtures for Spillwatch's tests.

pub mod issuer;
pub mod server;
