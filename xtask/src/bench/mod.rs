//! `cargo xtask bench`: the release server beside small yardsticks of our own.
//!
//! An absolute figure says much about the machine and little about the server, so every figure
//! is a ratio to a yardstick that runs in turn with it: an axum server that does the least that
//! the hardware and the HTTP stack demand for the same answer.
//!
//! | operation | beside |
//! |---|---|
//! | create | the same body parsed, appended to a file, one fdatasync for all that wait (no token) |
//! | get | 600 constant bytes, for a remembered RS256 token |
//! | list | 100 constant rows, about 50 kB, for a remembered RS256 token |
//! | `f_upn`, `f_range`, `f_level`, `d_level`, `risky` | as many constant rows as the filter finds, for a remembered RS256 token |
//! | count, `count_f` | the server's own get |
//!
//! With `--postgres`, the server has its store in PostgreSQL, and the yardsticks are PostgreSQL itself:
//!
//! | operation | beside |
//! |---|---|
//! | create | `pgbench` with an insert of the same row into a copy of the database |
//! | create on two nodes | one node |
//! | any other but the counts | the server's own statement, sent by `tokio-postgres` from the load generator |
//!
//! `bench scan` and `bench queue` measure something else: see [`scan`] and [`queue`].
//!
//! The load is a closed loop on one thread: each connection asks again when it is answered. A
//! wrong answer is a failure, never a slow number. With several sizes of store, the growth of the
//! CPU that a read takes is told: a store that serves a question by an index stays flat.

#![expect(clippy::cast_precision_loss, reason = "figures are rounded to three digits before anyone reads them")]

pub mod check;
pub mod connection;
pub mod data;
pub mod growth;
pub mod keys;
pub mod load;
pub mod measure;
pub mod options;
pub mod pgbench;
pub mod postgres;
pub mod preload;
pub mod process;
pub mod queries;
pub mod queue;
pub mod report;
pub mod response;
pub mod scan;
pub mod session;
pub mod statements;
pub mod yardstick;
