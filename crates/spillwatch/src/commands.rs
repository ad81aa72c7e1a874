//! One file per sub-command: it translates options into operations and prints the outcome.

pub mod apps;
pub mod backup;
pub mod doctor;
pub mod events;
pub mod keys;
pub mod metadata;
pub mod migrate;
pub mod openapi;
pub mod restore;
pub mod serve;
pub mod tenants;
pub mod token;
