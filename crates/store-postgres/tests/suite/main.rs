//! The store over a real PostgreSQL server: `cargo xtask postgres -- cargo nextest run -p store-postgres --features
//! server-tests`.

mod away;
mod connection;
mod contract;
mod directory;
mod expressions;
mod failover;
mod functions;
mod nodes;
mod partitions;
mod schema;
mod secrets;
mod shapes;
mod support;
mod tls;
mod transfer;
