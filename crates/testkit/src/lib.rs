//! Fixtures for Spillwatch's tests.

pub mod app;
pub mod issuer;
pub mod server;
