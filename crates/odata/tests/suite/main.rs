//! What odata promises, over a small model of its own.

mod body;
mod csdl;
mod encode;
mod evaluate;
mod filter;
mod hostile;
mod path;
mod query;
mod schema;
mod shown;
mod test_model;
