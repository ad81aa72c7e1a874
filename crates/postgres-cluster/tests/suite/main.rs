//! What needs no server.

mod proxy;
