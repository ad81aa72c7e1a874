//! Tests of what the service does over a store.

mod undo;
