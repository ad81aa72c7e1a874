//! The expression language of `$filter` and `$orderby` (OData URL conventions 4.01, section 5.1.1),
//! in stages that stand alone: text, tokens, syntax tree, [bound tree](bound), and then either the
//! evaluator or a store's own query language.

pub mod arithmetic;
pub mod bound;
mod case_tables;
pub mod cast;
pub mod evaluate;
pub mod forms;
pub mod pattern;
pub mod text;
