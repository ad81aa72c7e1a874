//! Pairs that are handed in.
