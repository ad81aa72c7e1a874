#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! - [`calendar`]: days, times of day and their parts
//! - [`edm`]: the entity data model as data, declared once by a service
//! - [`body`]: entities in request bodies, checked against the model
//! - [`encode`]: entities as JSON, written from borrowed cells
//! - [`expression`]: the language of `$filter` and `$orderby`
//! - [`path`]: resource paths; [`query`]: query options; [`prefer`]: the `Prefer` header
//! - [`reference`](mod@reference): bodies of `$ref` requests
//! - [`fault`]: what is wrong with what a client sent
//! - [`Ticks`]: `Edm.DateTimeOffset` to 100 nanoseconds

pub mod body;
pub mod calendar;
mod digits;
pub mod edm;
pub mod encode;
pub mod expression;
pub mod fault;
pub mod path;
pub mod prefer;
pub mod query;
pub mod reference;
mod ticks;

pub use ticks::{Ticks, TicksError};
