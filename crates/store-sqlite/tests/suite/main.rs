//! What the SQLite store promises: the contract of every store, and its own ways with files.

mod contract;
mod support;
