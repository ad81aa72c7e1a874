//! What odata promises, over a small model of its own.

mod body;
mod encode;
mod hostile;
mod path;
mod query;
mod test_model;
