//! crypt(3) `$1$` and Apache's `$apr1$`: a thousand rounds of MD5.

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::secret::{Secret, SecretText, joined, same, until_nul};
use super::{Algorithm, CheckError, Cost, ParseError, Scheme, encoding};

/// Where the bytes of the text stand in the digest.
const ORDER: [u8; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

const ROUNDS: u32 = 1000;

/// An MD5-crypt hash.
pub(super) struct Md5Crypt {
    scheme: Scheme,
    salt: SecretText,
    digest: Secret,
}

impl Md5Crypt {
    /// Reads `salt$hash`, what stands after the magic word.
    pub(super) fn parse(scheme: Scheme, payload: &str) -> Result<Self, ParseError> {
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let (salt, hash) = payload.split_once('$').ok_or(malformed("the text", "a salt, `$` and a hash"))?;
        if salt.len() > 8 {
            return Err(malformed("the salt", "at most 8 characters"));
        }
        let digest = encoding::crypt_base64(hash)
            .and_then(|bytes| encoding::unscramble(&bytes, &ORDER))
            .ok_or(malformed("the hash", "22 characters of crypt's base64"))?;
        Ok(Self { scheme, salt: Zeroizing::new(salt.to_owned()), digest })
    }

    fn magic(&self) -> &'static str {
        if self.scheme == Scheme::Apr1 { "$apr1$" } else { "$1$" }
    }

    fn derive(&self, password: &[u8]) -> Zeroizing<[u8; 16]> {
        let salt = self.salt.as_bytes();
        let mut digest = Md5::new();
        for piece in [password, salt, password] {
            digest.update(piece);
        }
        let alternate: Zeroizing<[u8; 16]> = Zeroizing::new(digest.finalize().into());
        let mut digest = Md5::new();
        for piece in [password, self.magic().as_bytes(), salt] {
            digest.update(piece);
        }
        for start in (0..password.len()).step_by(16) {
            digest.update(&alternate[..(password.len() - start).min(16)]);
        }
        let mut length = password.len();
        while length > 0 {
            let byte = if length & 1 == 1 { 0 } else { password[0] };
            digest.update([byte]);
            length >>= 1;
        }
        let mut state: Zeroizing<[u8; 16]> = Zeroizing::new(digest.finalize().into());
        for round in 0..ROUNDS {
            let mut digest = Md5::new();
            let odd = round % 2 == 1;
            digest.update(if odd { password } else { state.as_slice() });
            if round % 3 != 0 {
                digest.update(salt);
            }
            if round % 7 != 0 {
                digest.update(password);
            }
            digest.update(if odd { state.as_slice() } else { password });
            *state = digest.finalize().into();
        }
        state
    }
}

impl Algorithm for Md5Crypt {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn cost(&self) -> Cost {
        Cost::slow(u64::from(ROUNDS), 0)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        Ok(same(&*self.derive(until_nul(candidate)), &self.digest))
    }

    fn canonical(&self) -> SecretText {
        let hash = encoding::to_crypt_base64(&encoding::scramble(&self.digest, &ORDER));
        joined(&[self.magic(), &self.salt, "$", &hash])
    }
}
