//! crypt(3) `$5$` and `$6$`: rounds of SHA-256 and SHA-512.

use sha_crypt::Params;
use zeroize::Zeroizing;

use super::limits::at_most;
use super::secret::{Secret, SecretText, joined, same, until_nul};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// Where the bytes of the text stand in the digest of `$5$`.
const ORDER_256: [u8; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30,
    31,
];

/// Where the bytes of the text stand in the digest of `$6$`.
const ORDER_512: [u8; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10,
    52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40,
    41, 20, 62, 63,
];

/// A SHA-crypt hash.
pub(super) struct ShaCrypt {
    scheme: Scheme,
    /// Kept apart from the default of 5000, since the two spellings are different texts.
    rounds: Option<u32>,
    salt: SecretText,
    digest: Secret,
}

impl ShaCrypt {
    /// Reads `[rounds=N$]salt$hash`, what stands after `$5$` or `$6$`.
    pub(super) fn parse(scheme: Scheme, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let (rounds, rest) = match payload.strip_prefix("rounds=") {
            None => (None, payload),
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(malformed("the rounds", "a number and `$`"))?;
                let rounds: u32 = rounds.parse().map_err(|_| malformed("the rounds", "a number below 2^32"))?;
                (Some(rounds), rest)
            }
        };
        if let Some(rounds) = rounds {
            at_most(scheme, "rounds", u64::from(rounds), limits.sha_crypt_rounds)?;
            Params::new(rounds).map_err(|_| malformed("the rounds", "between 1000 and 999999999"))?;
        }
        let (salt, hash) = rest.split_once('$').ok_or(malformed("the text", "a salt, `$` and a hash"))?;
        if salt.len() > 16 {
            return Err(malformed("the salt", "at most 16 characters"));
        }
        let digest = encoding::crypt_base64(hash)
            .and_then(|bytes| encoding::unscramble(&bytes, order(scheme)))
            .ok_or(malformed("the hash", "43 or 86 characters of crypt's base64"))?;
        Ok(Self { scheme, rounds, salt: Zeroizing::new(salt.to_owned()), digest })
    }

    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(Params::RECOMMENDED_ROUNDS)
    }
}

fn order(scheme: Scheme) -> &'static [u8] {
    if scheme == Scheme::Sha256Crypt { &ORDER_256 } else { &ORDER_512 }
}

impl Algorithm for ShaCrypt {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn cost(&self) -> Cost {
        Cost::slow(u64::from(self.rounds()), 0)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let params = Params::new(self.rounds()).map_err(|_| CheckError::Derivation { scheme: self.scheme })?;
        let (candidate, salt) = (until_nul(candidate), self.salt.as_bytes());
        Ok(if self.scheme == Scheme::Sha256Crypt {
            same(&*Zeroizing::new(sha_crypt::sha256_crypt(candidate, salt, params)), &self.digest)
        } else {
            same(&*Zeroizing::new(sha_crypt::sha512_crypt(candidate, salt, params)), &self.digest)
        })
    }

    fn canonical(&self) -> SecretText {
        let magic = if self.scheme == Scheme::Sha256Crypt { "$5$" } else { "$6$" };
        let rounds = self.rounds.map(|rounds| format!("rounds={rounds}$")).unwrap_or_default();
        let hash = encoding::to_crypt_base64(&encoding::scramble(&self.digest, order(self.scheme)));
        joined(&[magic, &rounds, &self.salt, "$", &hash])
    }
}
