//! Tests of what the fixtures themselves do.

mod fuzz;
mod material;
