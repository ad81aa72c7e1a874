//! Spillwatch over HTTP: Microsoft Graph's routes, bodies and errors over the service's operations.
//!
//! What describes the service is made of the same tables: [`documents`].
//!
//! A request goes through [`router`](router::router) (ids, time-out), [`dispatch`] (the checks in
//! their order) and one file of [`operations`], which translates it for the service and the outcome
//! back. The route table in [`routes`] says what each operation demands.

mod app;
mod body;
mod by_id;
mod call;
mod context;
pub mod dispatch;
mod docs;
pub mod documents;
mod entity;
mod error;
mod negotiate;
mod oauth;
mod openapi;
pub mod operations;
mod projection;
mod references;
mod repeatability;
mod reply;
mod router;
pub mod routes;
pub mod scim;
pub mod server;
pub mod spillwatch;
mod throttle;
mod tls;

pub use app::{App, ClientCredentials, Limits};
pub use context::{Connection, Origins};
pub use router::{PUBLIC, router};
pub use throttle::{RequestRate, Throttle};
pub use tls::{TlsConfig, TlsError, TlsFiles, self_signed, tls_config};
