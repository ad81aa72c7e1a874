//! One file per sub-command: it translates options into operations and prints the outcome.

pub mod apps;
pub mod backup;
pub mod check;
pub mod doctor;
pub mod events;
pub mod jobs;
pub mod keys;
pub mod listing;
pub mod metadata;
pub mod migrate;
pub mod openapi;
pub mod queue;
pub mod raising;
pub mod restore;
pub mod scan;
pub mod serve;
pub mod tenants;
pub mod token;
pub mod users;
pub mod worker;
