//! Buffers that are wiped, and comparison that takes the same time wherever the difference is.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes that are wiped when they are dropped.
pub(super) type Secret = Zeroizing<Vec<u8>>;

/// Text that is wiped when it is dropped.
pub(super) type SecretText = Zeroizing<String>;

/// Compares in a time that depends on the lengths only.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// A buffer of zeros for a derivation to write into.
pub(super) fn buffer(bytes: usize) -> Secret {
    Zeroizing::new(vec![0; bytes])
}

/// Puts pieces together in a buffer that never grows, since growing would leave a copy behind.
pub(super) fn joined(pieces: &[&str]) -> SecretText {
    let mut text = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
    for piece in pieces {
        text.push_str(piece);
    }
    text
}

/// Cuts a candidate at its first NUL, as the C interface of crypt(3) does.
pub(super) fn until_nul(candidate: &[u8]) -> &[u8] {
    candidate.split(|&byte| byte == 0).next().unwrap_or(candidate)
}
