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
        // What is not UTF-8 has no UTF-16 spelling: the caller re-encodes and asks again (leaks.md 3.1).
        let Ok(text) = std::str::from_utf8(candidate) else { return Ok(false) };
        let mut wide = Zeroizing::new(Vec::with_capacity(text.len() * 2));
        for unit in text.encode_utf16() {
            wide.extend_from_slice(&unit.to_le_bytes());
        }
        let mut hash: [u8; 16] = Md4::digest(&*wide).into();
        let matches = same(&hash, &self.0);
        hash.zeroize();
        Ok(matches)
    }

    fn canonical(&self) -> SecretText {
        joined(&["{NT}", &Zeroizing::new(encoding::to_hex(&self.0).to_ascii_uppercase())])
    }
}
