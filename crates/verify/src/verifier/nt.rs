//! NTLM: MD4 over the password in UTF-16LE, without salt.

use md4::{Digest, Md4};
use zeroize::{Zeroize, Zeroizing};

use super::secret::{SecretText, joined, same};
use super::{Algorithm, CheckError, Cost, ParseError, Scheme, encoding};

/// The NT hash of an account.
pub(super) struct Nt([u8; 16]);

impl Nt {
    pub(super) fn parse(payload: &str) -> Result<Self, ParseError> {
        let bytes = encoding::hex(payload).and_then(|bytes| bytes.as_slice().try_into().ok());
        bytes.map(Self).ok_or(ParseError::Malformed {
            scheme: Scheme::Nt,
            part: "the hash",
            expected: "32 hexadecimal digits",
        })
    }
}

/// The NT hash of a candidate. What is not UTF-8 has no UTF-16 spelling, and so none: the caller re-encodes and asks again
/// (leaks.md 3.1).
pub(super) fn digest(candidate: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(candidate).ok()?;
    let mut wide = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    for unit in text.encode_utf16() {
        wide.extend_from_slice(&unit.to_le_bytes());
    }
    Some(Md4::digest(&*wide).into())
}

impl Drop for Nt {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Algorithm for Nt {
    fn scheme(&self) -> Scheme {
        Scheme::Nt
    }

    fn cost(&self) -> Cost {
        Cost::FAST
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let Some(mut hash) = digest(candidate) else { return Ok(false) };
        let matches = same(&hash, &self.0);
        hash.zeroize();
        Ok(matches)
    }

    fn unsalted(&self) -> Option<(Scheme, &[u8])> {
        Some((Scheme::Nt, &self.0))
    }

    fn canonical(&self) -> SecretText {
        joined(&["{NT}", &Zeroizing::new(encoding::to_hex(&self.0).to_ascii_uppercase())])
    }
}
