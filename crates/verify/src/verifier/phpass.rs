//! phpass, the portable hash of older WordPress, phpBB and Drupal 7 imports: many rounds of MD5.

use md5::{Digest, Md5};
use zeroize::Zeroizing;

use super::limits::at_most;
use super::secret::{Secret, SecretText, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// A phpass hash.
pub(super) struct Phpass {
    log2_rounds: u32,
    /// Eight characters, used as text.
    salt: SecretText,
    digest: Secret,
}

impl Phpass {
    /// Reads what stands after `$P$` or `$H$`: one character of rounds, eight of salt, 22 of hash.
    pub(super) fn parse(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        const SCHEME: Scheme = Scheme::Phpass;
        let malformed = |part, expected| ParseError::Malformed { scheme: SCHEME, part, expected };
        if payload.len() != 31 || !payload.is_ascii() {
            return Err(malformed("the text", "31 characters after the marker"));
        }
        let log2_rounds = encoding::crypt_digit(payload.as_bytes()[0])
            .filter(|log| (7..=30).contains(log))
            .ok_or(malformed("the rounds", "a character from 5 to S"))?;
        at_most(SCHEME, "the logarithm of the rounds", u64::from(log2_rounds), limits.phpass_log2_rounds)?;
        let (salt, hash) = payload[1..].split_at(8);
        let digest = encoding::crypt_base64(hash)
            .filter(|digest| digest.len() == 16)
            .ok_or(malformed("the hash", "22 characters of crypt's base64"))?;
        Ok(Self { log2_rounds, salt: Zeroizing::new(salt.to_owned()), digest })
    }
}

impl Algorithm for Phpass {
    fn scheme(&self) -> Scheme {
        Scheme::Phpass
    }

    fn cost(&self) -> Cost {
        Cost::slow(1 << self.log2_rounds, 0)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let round = |before: &[u8]| {
            let mut digest = Md5::new();
            digest.update(before);
            digest.update(candidate);
            digest.finalize().into()
        };
        let mut state: Zeroizing<[u8; 16]> = Zeroizing::new(round(self.salt.as_bytes()));
        for _ in 0..1u64 << self.log2_rounds {
            *state = round(&*state);
        }
        Ok(same(&*state, &self.digest))
    }

    fn canonical(&self) -> SecretText {
        let rounds = String::from(encoding::to_crypt_digit(self.log2_rounds));
        let hash = encoding::to_crypt_base64(&self.digest);
        joined(&["$P$", &rounds, &self.salt, &hash])
    }
}
