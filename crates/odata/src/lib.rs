#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! - [`calendar`]: days, times of day and their parts
//! - [`edm`]: the entity data model as data, declared once by a service; written out by [`csdl`] as
//!   the metadata document, and by [`schema`] as JSON Schema
//! - [`body`]: entities and the parameters of actions in request bodies, checked against the model
//! - [`encode`]: entities as JSON, written from borrowed cells
//! - [`expression`]: the language of `$filter` and `$orderby`
//! - [`path`]: resource paths; [`query`]: query options; [`prefer`]: the `Prefer` header
//! - [`reference`](mod@reference): bodies of `$ref` requests
//! - [`fault`]: what is wrong with what a client sent
//! - [`json`]: JSON documents whose members keep their order
//! - [`Ticks`]: `Edm.DateTimeOffset` to 100 nanoseconds

pub mod body;
pub mod calendar;
pub mod csdl;
mod digits;
pub mod edm;
pub mod encode;
pub mod expression;
pub mod fault;
pub mod json;
pub mod path;
pub mod prefer;
pub mod query;
pub mod reference;
pub mod schema;
mod ticks;

pub use ticks::{Ticks, TicksError};
