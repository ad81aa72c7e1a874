//! The store over a real PostgreSQL server: `cargo xtask postgres -- cargo nextest run -p store-postgres --features
//! server-tests`.

mod away;
mod contract;
mod nodes;
mod schema;
mod support;
