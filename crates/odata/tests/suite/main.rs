//! What odata promises, over a small model of its own.

mod action;
mod body;
mod complex;
mod contained;
mod csdl;
mod encode;
mod evaluate;
mod evolvable;
mod filter;
mod hostile;
mod language_hostile;
mod meaning;
mod numbers;
mod options;
mod parts;
mod path;
mod query;
mod refused;
mod schema;
mod shop;
mod shown;
mod test_model;
mod value;
