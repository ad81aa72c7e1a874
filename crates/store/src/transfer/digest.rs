//! The checksum of a table's rows.

use super::{Row, Value};
use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A chain of SHA-256 over rows in the order of their keys: each link is of the one before and a row. So it is 32 bytes at
/// every row, from which a transfer goes on after an interruption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The link of the next row. Each value is written with its kind and its length, so that different rows are different
    /// bytes.
    #[must_use]
    pub fn then(self, row: &Row) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&self.0);
        for value in row {
            match value {
                Value::Null => context.update(&[0]),
                Value::Integer(value) => {
                    context.update(&[1]);
                    context.update(&value.to_be_bytes());
                }
                Value::Text(text) => with_length(&mut context, 2, text.as_bytes()),
                Value::Bytes(bytes) => with_length(&mut context, 3, bytes),
            }
        }
        let link = context.finish();
        Self(*link.as_ref().first_chunk().expect("SHA-256 has 32 bytes"))
    }
}

fn with_length(context: &mut Context, kind: u8, bytes: &[u8]) {
    context.update(&[kind]);
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

/// The first 16 hexadecimal digits, for people.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[Row]) -> Digest {
        rows.iter().fold(Digest::default(), Digest::then)
    }

    #[test]
    fn different_rows_have_different_digests() {
        let text = |text: &str| Value::Text(text.into());
        let all = [
            vec![],
            vec![vec![text("ab"), text("c")]],
            vec![vec![text("a"), text("bc")]],
            vec![vec![text("abc")]],
            vec![vec![Value::Bytes(b"abc"[..].into())]],
            vec![vec![text("")]],
            vec![vec![Value::Null]],
            vec![vec![Value::Integer(0)]],
            vec![vec![Value::Null], vec![Value::Integer(0)]],
            vec![vec![Value::Integer(0)], vec![Value::Null]],
        ];
        for (at, rows) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| of(other) != of(rows)), "{rows:?}");
        }
    }
}
