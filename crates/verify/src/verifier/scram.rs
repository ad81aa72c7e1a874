//! PostgreSQL's stored SCRAM-SHA-256 (RFC 5802, RFC 7677).

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use icu_normalizer::ComposingNormalizerBorrowed;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::limits::at_most;
use super::pbkdf2::Prf;
use super::phc::decimal;
use super::secret::{Secret, SecretText, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

const SCHEME: Scheme = Scheme::ScramSha256;

/// A SCRAM-SHA-256 verifier.
pub(super) struct Scram {
    iterations: u32,
    salt: Secret,
    stored_key: Secret,
    server_key: Secret,
}

impl Scram {
    /// Reads `iterations:salt$StoredKey:ServerKey`, what stands after `SCRAM-SHA-256$`.
    pub(super) fn parse(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let malformed = |part, expected| ParseError::Malformed { scheme: SCHEME, part, expected };
        let halves = payload.split_once('$');
        let halves = halves.and_then(|(first, second)| Some((first.split_once(':')?, second.split_once(':')?)));
        let Some(((iterations, salt), (stored_key, server_key))) = halves else {
            return Err(malformed("the text", "iterations, `:`, salt, `$`, stored key, `:`, server key"));
        };
        let iterations = decimal(iterations).filter(|iterations| *iterations > 0);
        let iterations = iterations.ok_or(malformed("the iterations", "a decimal number from 1 to 2^32"))?;
        at_most(SCHEME, "iterations", u64::from(iterations), limits.pbkdf2_iterations)?;
        let salt = encoding::base64(salt).ok_or(malformed("the salt", "base64"))?;
        limits.part(SCHEME, "the salt's length", &salt)?;
        let key = |text| encoding::base64(text).filter(|key| key.len() == 32);
        let stored_key = key(stored_key).ok_or(malformed("the stored key", "base64 of 32 bytes"))?;
        let server_key = key(server_key).ok_or(malformed("the server key", "base64 of 32 bytes"))?;
        Ok(Self { iterations, salt, stored_key, server_key })
    }

    fn matches(&self, password: &[u8]) -> bool {
        let mut salted = Zeroizing::new([0; 32]);
        Prf::Sha256.derive(password, &self.salt, self.iterations, &mut *salted);
        let mut mac = Hmac::<Sha256>::new_from_slice(&*salted).expect("HMAC takes a key of any length");
        mac.update(b"Client Key");
        let client_key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        same(&Sha256::digest(*client_key), &self.stored_key)
    }
}

/// Prepares a password as PostgreSQL does (SASLprep, RFC 4013): other spaces become spaces, characters
/// that stand for nothing go, and the rest is NFKC. Text that is not UTF-8 has no other form.
fn prepared(candidate: &[u8]) -> Option<SecretText> {
    let text = std::str::from_utf8(candidate).ok().filter(|text| !text.is_ascii())?;
    let mut mapped = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars() {
        match character {
            '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => mapped.push(' '),
            '\u{ad}'
            | '\u{34f}'
            | '\u{1806}'
            | '\u{180b}'..='\u{180d}'
            | '\u{200c}'
            | '\u{200d}'
            | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' => {}
            other => mapped.push(other),
        }
    }
    let composed = match ComposingNormalizerBorrowed::new_nfkc().normalize(&mapped) {
        Cow::Owned(composed) => Some(Zeroizing::new(composed)),
        Cow::Borrowed(_) => None,
    };
    Some(composed.unwrap_or(mapped))
}

impl Algorithm for Scram {
    fn scheme(&self) -> Scheme {
        SCHEME
    }

    fn cost(&self) -> Cost {
        Cost::slow(u64::from(self.iterations), 0)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        // The server falls back to the bytes as they are when SASLprep refuses a password, so both count.
        if self.matches(candidate) {
            return Ok(true);
        }
        Ok(prepared(candidate).is_some_and(|text| text.as_bytes() != candidate && self.matches(text.as_bytes())))
    }

    fn canonical(&self) -> SecretText {
        let [salt, stored, server] =
            [&self.salt, &self.stored_key, &self.server_key].map(|bytes| encoding::to_padded_base64(bytes));
        joined(&["SCRAM-SHA-256$", &self.iterations.to_string(), ":", &salt, "$", &stored, ":", &server])
    }
}
