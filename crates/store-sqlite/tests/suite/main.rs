//! What the SQLite store promises: the contract of every store, and its own ways with files.

mod backup;
mod check;
mod closing;
mod contract;
mod files;
mod log;
mod migration;
mod panics;
mod removal;
mod restore;
mod support;
mod two_processes;
