//! Verifiers.

pub mod verifier;
