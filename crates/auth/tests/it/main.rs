//! The crate from outside: tokens in, callers or refusals out.

mod algorithms;
mod attacks;
mod builtin;
mod claims;
mod discovery;
mod gate;
mod key_storage;
mod mutation;
mod remembered;
mod support;
