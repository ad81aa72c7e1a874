//! The expression language of `$filter` and `$orderby` (OData URL conventions 4.01, section 5.1.1),
//! in stages that stand alone: text, tokens, [syntax tree](syntax), [bound tree](bound), and then
//! either the evaluator or a store's own query language.

pub mod arithmetic;
mod bind;
pub mod bound;
mod case_tables;
pub mod cast;

mod ecmascript;
mod error;
pub mod evaluate;
pub mod forms;
mod literal;
mod parse;
pub mod pattern;
mod print;
mod range;
pub mod syntax;
pub mod text;
mod token;

pub(crate) use bind::nearest_property;
pub use bind::{Scope, function_names};
pub use error::{ErrorKind, ExpressionError, ExpressionErrors, Span};
pub use parse::{Limits, parse};
