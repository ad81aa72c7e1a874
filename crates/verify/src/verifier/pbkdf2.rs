//! PBKDF2 in the spellings of passlib, PHC, LDAP servers, Django and Werkzeug.

use zeroize::Zeroizing;

use super::digest::Hash;
use super::limits::at_most;
use super::phc::{Parameters, decimal};
use super::secret::{Secret, SecretText, buffer, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// The hash function under the HMAC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

impl Prf {
    pub(super) const fn scheme(self) -> Scheme {
        match self {
            Self::Sha1 => Scheme::Pbkdf2Sha1,
            Self::Sha256 => Scheme::Pbkdf2Sha256,
            Self::Sha512 => Scheme::Pbkdf2Sha512,
        }
    }

    const fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha256 => Hash::Sha256,
            Self::Sha512 => Hash::Sha512,
        }
    }

    /// Derives as many bytes as `key` holds.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], iterations: u32, key: &mut [u8]) {
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, iterations, key),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, iterations, key),
            Self::Sha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, iterations, key),
        }
    }
}

/// A PBKDF2 key.
pub(super) struct Pbkdf2 {
    prf: Prf,
    iterations: u32,
    salt: Secret,
    key: Secret,
}

/// Shortest key that is taken for one: below it a check would match by chance.
const SHORTEST_KEY: usize = 16;

impl Pbkdf2 {
    /// Checks the numbers against the limits.
    pub(super) fn new(
        prf: Prf,
        iterations: u32,
        salt: Secret,
        key: Secret,
        limits: &Limits,
    ) -> Result<Self, ParseError> {
        let scheme = prf.scheme();
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        limits.part(scheme, "the salt's length", &salt)?;
        limits.part(scheme, "the key's length", &key)?;
        if iterations == 0 {
            return Err(malformed("the iterations", "at least one"));
        }
        if key.len() < SHORTEST_KEY {
            return Err(malformed("the key", "at least 16 bytes"));
        }
        let verifier = Self { prf, iterations, salt, key };
        at_most(scheme, "iterations times blocks", verifier.cost().iterations, limits.pbkdf2_iterations)?;
        Ok(verifier)
    }

    /// Reads `iterations$salt$key` (passlib, OpenLDAP) or `i=..[,l=..]$salt$key` (PHC).
    ///
    /// Both kinds of base64 are read in either. A key shorter than the hash is refused unless the text
    /// says its length.
    pub(super) fn modular(prf: Prf, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = prf.scheme();
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let mut fields = payload.split('$');
        let (Some(numbers), Some(salt), Some(key), None) = (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "iterations, salt and key with `$` between them"));
        };
        let salt = encoding::adapted_base64(salt).ok_or(malformed("the salt", "base64"))?;
        let key = encoding::adapted_base64(key).ok_or(malformed("the key", "base64"))?;
        let iterations = if numbers.contains('=') {
            let parameters = Parameters::new(scheme, numbers, &["i", "l"])?;
            match parameters.optional("l")? {
                Some(length) if length as usize != key.len() => {
                    return Err(malformed("the key", "as long as `l` says"));
                }
                Some(_) => {}
                None => prf.whole(&key)?,
            }
            parameters.number("i")?
        } else {
            prf.whole(&key)?;
            decimal(numbers).ok_or(malformed("the iterations", "a decimal number below 2^32"))?
        };
        Self::new(prf, iterations, salt, key, limits)
    }

    /// Reads `iterations$salt$base64`, what stands after Django's `pbkdf2_sha256$`; the salt is text.
    pub(super) fn django(prf: Prf, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = prf.scheme();
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let mut fields = payload.split('$');
        let (Some(iterations), Some(salt), Some(key), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "iterations, salt and key with `$` between them"));
        };
        let iterations = decimal(iterations).ok_or(malformed("the iterations", "a decimal number below 2^32"))?;
        let key = encoding::base64(key).ok_or(malformed("the key", "base64"))?;
        prf.whole(&key)?;
        Self::new(prf, iterations, Zeroizing::new(salt.as_bytes().to_vec()), key, limits)
    }

    /// Reads `sha256[:iterations]$salt$hex`, what stands after Werkzeug's `pbkdf2:`; the salt is text.
    pub(super) fn werkzeug(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let mut fields = payload.split('$');
        let (method, salt, key) = (fields.next().unwrap_or_default(), fields.next(), fields.next());
        let (name, iterations) = method.split_once(':').unwrap_or((method, ""));
        let prf = match name {
            "sha1" => Prf::Sha1,
            "sha256" => Prf::Sha256,
            "sha512" => Prf::Sha512,
            _ => return Err(ParseError::unknown(&format!("pbkdf2-{name}"))),
        };
        let malformed = |part, expected| ParseError::Malformed { scheme: prf.scheme(), part, expected };
        let (Some(salt), Some(key), None) = (salt, key, fields.next()) else {
            return Err(malformed("the text", "method, salt and key with `$` between them"));
        };
        let iterations = decimal(iterations).ok_or(malformed("the iterations", "a decimal number below 2^32"))?;
        let key = encoding::hex(key).ok_or(malformed("the key", "hexadecimal digits"))?;
        prf.whole(&key)?;
        Self::new(prf, iterations, Zeroizing::new(salt.as_bytes().to_vec()), key, limits)
    }

    /// Reads 389 Directory Server's `{PBKDF2_SHA256}`: base64 of iterations, a 64-byte salt and a 256-byte key.
    pub(super) fn directory_server(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let malformed = ParseError::Malformed {
            scheme: Scheme::Pbkdf2Sha256,
            part: "the text",
            expected: "base64 of 4 bytes iterations, 64 bytes salt and 256 bytes key",
        };
        let bytes = encoding::base64(payload).filter(|bytes| bytes.len() == 4 + 64 + 256).ok_or(malformed.clone())?;
        let (&iterations, rest) = bytes.split_first_chunk::<4>().ok_or(malformed)?;
        let (salt, key) = rest.split_at(64);
        let (salt, key) = (Zeroizing::new(salt.to_vec()), Zeroizing::new(key.to_vec()));
        Self::new(Prf::Sha256, u32::from_be_bytes(iterations), salt, key, limits)
    }

    /// Reads Atlassian's `{PKCS5S2}`: base64 of a 16-byte salt and a 32-byte key, 10,000 iterations.
    pub(super) fn atlassian(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let malformed = ParseError::Malformed {
            scheme: Scheme::Pbkdf2Sha1,
            part: "the text",
            expected: "base64 of 16 bytes salt and 32 bytes key",
        };
        let bytes = encoding::base64(payload).filter(|bytes| bytes.len() == 48).ok_or(malformed)?;
        let (salt, key) = bytes.split_at(16);
        Self::new(Prf::Sha1, 10_000, Zeroizing::new(salt.to_vec()), Zeroizing::new(key.to_vec()), limits)
    }
}

impl Prf {
    /// Refuses a key that was cut: these spellings store the hash's length.
    fn whole(self, key: &[u8]) -> Result<(), ParseError> {
        if key.len() == self.hash().length() {
            return Ok(());
        }
        Err(ParseError::Malformed { scheme: self.scheme(), part: "the key", expected: "as long as the hash" })
    }
}

impl Algorithm for Pbkdf2 {
    fn scheme(&self) -> Scheme {
        self.prf.scheme()
    }

    fn cost(&self) -> Cost {
        let blocks = self.key.len().div_ceil(self.prf.hash().length()) as u64;
        Cost::slow(u64::from(self.iterations) * blocks, 0)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let mut key = buffer(self.key.len());
        self.prf.derive(candidate, &self.salt, self.iterations, &mut key);
        Ok(same(&key, &self.key))
    }

    fn canonical(&self) -> SecretText {
        let (salt, key) = (encoding::to_base64(&self.salt), encoding::to_base64(&self.key));
        let (name, iterations, length) = (self.scheme().name(), self.iterations, self.key.len());
        joined(&[&format!("${name}$i={iterations},l={length}$"), &salt, "$", &key])
    }
}
