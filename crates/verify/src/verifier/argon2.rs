//! argon2 in its three variants and two versions.

use argon2::{Algorithm as Variant, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::phc::{Parameters, decimal};
use super::secret::{Secret, SecretText, buffer, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// An argon2 hash.
pub(super) struct Argon {
    variant: Variant,
    version: Version,
    params: Params,
    salt: Secret,
    digest: Secret,
}

/// The numbers of an argon2 hash, before they are trusted.
pub(super) struct Numbers {
    pub(super) version: u32,
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

const fn scheme_of(variant: Variant) -> Scheme {
    match variant {
        Variant::Argon2i => Scheme::Argon2i,
        Variant::Argon2d => Scheme::Argon2d,
        Variant::Argon2id => Scheme::Argon2id,
    }
}

impl Argon {
    /// Reads `[v=N$]m=..,t=..,p=..$salt$hash`, what stands after `$argon2id$`.
    pub(super) fn phc(variant: Variant, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = scheme_of(variant);
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let (version, rest) = match payload.strip_prefix("v=") {
            // A text without version is of 1.0: the field came with 1.3.
            None => (0x10, payload),
            Some(rest) => {
                let (version, rest) = rest.split_once('$').ok_or(malformed("the version", "a number and `$`"))?;
                (decimal(version).ok_or(malformed("the version", "a decimal number"))?, rest)
            }
        };
        let mut fields = rest.split('$');
        let (Some(parameters), Some(salt), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "parameters, salt and hash with `$` between them"));
        };
        let parameters = Parameters::new(scheme, parameters, &["m", "t", "p"])?;
        let numbers = Numbers {
            version,
            memory_kib: parameters.number("m")?,
            passes: parameters.number("t")?,
            lanes: parameters.number("p")?,
        };
        let salt = encoding::base64(salt).ok_or(malformed("the salt", "base64"))?;
        let digest = encoding::base64(hash).ok_or(malformed("the hash", "base64"))?;
        Self::new(variant, &numbers, salt, digest, limits)
    }

    /// Checks the numbers against the limits and the algorithm's own bounds.
    pub(super) fn new(
        variant: Variant,
        numbers: &Numbers,
        salt: Secret,
        digest: Secret,
        limits: &Limits,
    ) -> Result<Self, ParseError> {
        let scheme = scheme_of(variant);
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let version = match numbers.version {
            0x10 => Version::V0x10,
            0x13 => Version::V0x13,
            _ => return Err(malformed("the version", "16 or 19")),
        };
        limits.memory(scheme, u128::from(numbers.memory_kib) << 10, u128::from(numbers.passes))?;
        limits.part(scheme, "the salt's length", &salt)?;
        limits.part(scheme, "the hash's length", &digest)?;
        if salt.len() < argon2::MIN_SALT_LEN {
            return Err(malformed("the salt", "at least 8 bytes"));
        }
        let params = Params::new(numbers.memory_kib, numbers.passes, numbers.lanes, Some(digest.len()))
            .map_err(|_| malformed("the parameters", "within argon2's bounds"))?;
        Ok(Self { variant, version, params, salt, digest })
    }

    /// Derives a new verifier from a password.
    pub(super) fn derive(password: &[u8], salt: [u8; 16]) -> Result<Self, CheckError> {
        let failed = CheckError::Derivation { scheme: Scheme::Argon2id };
        let salt = Zeroizing::new(salt.to_vec());
        let (variant, version) = (Variant::Argon2id, Version::V0x13);
        // OWASP's first choice for argon2id: 19 MiB, two passes, one lane; about 30 a second (leaks.md 4.4).
        let params = Params::new(19 << 10, 2, 1, Some(32)).map_err(|_| failed)?;
        let mut verifier = Self { variant, version, params, salt, digest: buffer(32) };
        verifier.digest = verifier.run(password)?;
        Ok(verifier)
    }

    fn run(&self, password: &[u8]) -> Result<Secret, CheckError> {
        let mut digest = buffer(self.digest.len());
        Argon2::new(self.variant, self.version, self.params.clone())
            .hash_password_into(password, &self.salt, &mut digest)
            .map_err(|_| CheckError::Derivation { scheme: self.scheme() })?;
        Ok(digest)
    }
}

impl Algorithm for Argon {
    fn scheme(&self) -> Scheme {
        scheme_of(self.variant)
    }

    fn cost(&self) -> Cost {
        let kib = u64::from(self.params.m_cost());
        Cost::slow(kib * u64::from(self.params.t_cost()), kib << 10)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        Ok(same(&self.run(candidate)?, &self.digest))
    }

    fn canonical(&self) -> SecretText {
        let (salt, hash) = (encoding::to_base64(&self.salt), encoding::to_base64(&self.digest));
        let numbers = format!(
            "${}$v={}$m={},t={},p={}$",
            self.scheme().name(),
            u32::from(self.version),
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
        );
        joined(&[&numbers, &salt, "$", &hash])
    }
}
