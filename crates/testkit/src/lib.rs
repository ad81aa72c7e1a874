//! Fixtures for Spillwatch's tests.

pub mod app;
