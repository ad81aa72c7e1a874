//! The contract suite: what every store must do, as functions over `&dyn Store`.
