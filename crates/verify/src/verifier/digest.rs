//! One call of a hash function, with or without a salt: the LDAP schemes and Django's old ones.

use zeroize::Zeroizing;

use super::secret::{Secret, SecretText, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// The hash functions that such schemes use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash of two pieces after each other.
    pub(super) fn of(self, first: &[u8], second: &[u8]) -> Secret {
        fn run<D: sha2::Digest>(first: &[u8], second: &[u8]) -> Secret {
            let mut digest = D::new();
            digest.update(first);
            digest.update(second);
            Zeroizing::new(digest.finalize().to_vec())
        }
        match self {
            Self::Md5 => run::<md5::Md5>(first, second),
            Self::Sha1 => run::<sha1::Sha1>(first, second),
            Self::Sha256 => run::<sha2::Sha256>(first, second),
            Self::Sha384 => run::<sha2::Sha384>(first, second),
            Self::Sha512 => run::<sha2::Sha512>(first, second),
        }
    }
}

/// Where the salt goes.
enum Salt {
    None,
    /// After the password; any bytes.
    Last(Secret),
    /// Before the password; text without `$`.
    First(SecretText),
}

/// A digest of password and perhaps salt.
pub(super) struct SimpleDigest {
    hash: Hash,
    salt: Salt,
    digest: Secret,
}

impl SimpleDigest {
    /// Reads what stands after `{SHA}` and the like: base64 or hexadecimal digits of the digest alone.
    pub(super) fn plain(hash: Hash, payload: &str) -> Result<Self, ParseError> {
        let verifier = |digest| Self { hash, salt: Salt::None, digest };
        let scheme = scheme_of(hash, &Salt::None);
        // Digits of the right number are hexadecimal: as base64 they would be half as long again.
        [encoding::hex(payload), encoding::base64(payload)]
            .into_iter()
            .flatten()
            .find(|bytes| bytes.len() == hash.length())
            .map(verifier)
            .ok_or(ParseError::Malformed { scheme, part: "the digest", expected: "base64 or hex of the hash's length" })
    }

    /// Reads what stands after `{SSHA}` and the like: base64 of digest and salt, or `HEX:salt text`.
    pub(super) fn salted(hash: Hash, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = scheme_of(hash, &Salt::Last(Secret::default()));
        let malformed = ParseError::Malformed {
            scheme,
            part: "the digest",
            expected: "base64 of digest and salt, or hex, `:` and salt",
        };
        let (digest, salt) = if let Some((digits, salt)) = payload.split_once(':') {
            let digest = encoding::hex(digits).filter(|digest| digest.len() == hash.length()).ok_or(malformed)?;
            (digest, Zeroizing::new(salt.as_bytes().to_vec()))
        } else {
            let mut bytes = encoding::base64(payload).filter(|bytes| bytes.len() >= hash.length()).ok_or(malformed)?;
            let salt = Zeroizing::new(bytes.split_off(hash.length()));
            (bytes, salt)
        };
        limits.part(scheme, "the salt's length", &salt)?;
        Ok(Self { hash, salt: Salt::Last(salt), digest })
    }

    /// Reads what stands after Django's `md5$` and `sha1$`: `salt$HEX`, the salt perhaps empty.
    pub(super) fn django(hash: Hash, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = scheme_of(hash, &Salt::First(SecretText::default()));
        let malformed =
            ParseError::Malformed { scheme, part: "the text", expected: "a salt, `$` and hex of the hash's length" };
        let (salt, digits) = payload.split_once('$').ok_or(malformed.clone())?;
        let digest = encoding::hex(digits).filter(|digest| digest.len() == hash.length()).ok_or(malformed)?;
        limits.part(scheme, "the salt's length", salt.as_bytes())?;
        let salt = if salt.is_empty() { Salt::None } else { Salt::First(Zeroizing::new(salt.to_owned())) };
        Ok(Self { hash, salt, digest })
    }
}

const fn scheme_of(hash: Hash, salt: &Salt) -> Scheme {
    match (hash, salt) {
        (Hash::Md5, Salt::None) => Scheme::Md5,
        (Hash::Md5, Salt::Last(_)) => Scheme::SaltedMd5,
        (Hash::Md5, Salt::First(_)) => Scheme::Md5SaltFirst,
        (Hash::Sha1, Salt::None) => Scheme::Sha1,
        (Hash::Sha1, Salt::Last(_)) => Scheme::SaltedSha1,
        (Hash::Sha1, Salt::First(_)) => Scheme::Sha1SaltFirst,
        (Hash::Sha256, Salt::None) => Scheme::Sha256,
        (Hash::Sha256, _) => Scheme::SaltedSha256,
        (Hash::Sha384, Salt::None) => Scheme::Sha384,
        (Hash::Sha384, _) => Scheme::SaltedSha384,
        (Hash::Sha512, Salt::None) => Scheme::Sha512,
        (Hash::Sha512, _) => Scheme::SaltedSha512,
    }
}

impl Algorithm for SimpleDigest {
    fn scheme(&self) -> Scheme {
        scheme_of(self.hash, &self.salt)
    }

    fn cost(&self) -> Cost {
        Cost::FAST
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let digest = match &self.salt {
            Salt::None => self.hash.of(candidate, b""),
            Salt::Last(salt) => self.hash.of(candidate, salt),
            Salt::First(salt) => self.hash.of(salt.as_bytes(), candidate),
        };
        Ok(same(&digest, &self.digest))
    }

    fn unsalted(&self) -> Option<(Scheme, &[u8])> {
        match &self.salt {
            Salt::None => {}
            Salt::Last(salt) if salt.is_empty() => {}
            Salt::Last(_) | Salt::First(_) => return None,
        }
        Some((scheme_of(self.hash, &Salt::None), &self.digest))
    }

    fn canonical(&self) -> SecretText {
        if let Salt::First(salt) = &self.salt {
            let name = if self.hash == Hash::Md5 { "md5" } else { "sha1" };
            return joined(&[name, "$", salt, "$", &encoding::to_hex(&self.digest)]);
        }
        let tag = match self.scheme() {
            Scheme::Sha1 => "SHA".to_owned(),
            scheme => scheme.name().to_ascii_uppercase(),
        };
        let mut bytes = self.digest.clone();
        if let Salt::Last(salt) = &self.salt {
            bytes.extend_from_slice(salt);
        }
        joined(&["{", &tag, "}", &encoding::to_padded_base64(&bytes)])
    }
}
