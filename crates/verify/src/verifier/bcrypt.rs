//! bcrypt in crypt(3)'s spelling, and what Django and WordPress put in front of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384};
use zeroize::{Zeroize, Zeroizing};

use super::limits::at_most;
use super::secret::{Secret, SecretText, joined, same, until_nul};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// bcrypt reads this many bytes of a password, the closing NUL included.
const LONGEST: usize = 72;

/// What becomes of the password before bcrypt sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: bytes up to the first NUL, at most 72.
    Nothing,
    /// Django `bcrypt_sha256`: the hexadecimal SHA-256.
    HexSha256,
    /// WordPress 6.8: base64 of HMAC-SHA384 with the key `wp-sha384`.
    HmacSha384,
}

impl Before {
    const fn scheme(self) -> Scheme {
        match self {
            Self::Nothing => Scheme::Bcrypt,
            Self::HexSha256 => Scheme::BcryptSha256,
            Self::HmacSha384 => Scheme::BcryptHmacSha384,
        }
    }
}

/// A bcrypt hash.
pub(super) struct Bcrypt {
    before: Before,
    /// `a`, `b`, `x` or `y`.
    minor: char,
    cost: u32,
    salt: [u8; 16],
    digest: Secret,
}

impl Bcrypt {
    /// Reads `a$cost$salt-and-hash`, what stands after `$2`.
    pub(super) fn parse(before: Before, payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let scheme = before.scheme();
        let malformed = |part, expected| ParseError::Malformed { scheme, part, expected };
        let mut fields = payload.split('$');
        let (Some(minor), Some(cost), Some(rest), None) = (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "`$2`, a letter, `$`, cost, `$`, salt and hash"));
        };
        let minor = match minor {
            "a" => 'a',
            "b" => 'b',
            "x" => 'x',
            "y" => 'y',
            _ => return Err(malformed("the version", "2a, 2b, 2x or 2y")),
        };
        let cost = Some(cost).filter(|cost| cost.len() == 2).and_then(|cost| cost.parse::<u32>().ok());
        let cost =
            cost.filter(|cost| (4..=31).contains(cost)).ok_or(malformed("the cost", "two digits from 04 to 31"))?;
        at_most(scheme, "the cost", u64::from(cost), limits.bcrypt_cost)?;
        if rest.len() != 53 || !rest.is_ascii() {
            return Err(malformed("salt and hash", "53 characters of bcrypt's base64"));
        }
        let (salt, hash) = rest.split_at(22);
        let salt = encoding::bcrypt_base64(salt).and_then(|salt| salt.as_slice().try_into().ok());
        let salt = salt.ok_or(malformed("the salt", "22 characters of bcrypt's base64"))?;
        let digest = encoding::bcrypt_base64(hash)
            .filter(|digest| digest.len() == 23)
            .ok_or(malformed("the hash", "31 characters of bcrypt's base64"))?;
        Ok(Self { before, minor, cost, salt, digest })
    }

    fn derive(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new([0; LONGEST]);
        let length = if self.minor == 'x' {
            sign_extended(password, &mut key);
            LONGEST
        } else {
            let read = password.len().min(LONGEST);
            key[..read].copy_from_slice(&password[..read]);
            (read + 1).min(LONGEST)
        };
        let mut digest = bcrypt::bcrypt(self.cost, self.salt, &key[..length]);
        let matches = same(&digest[..23], &self.digest);
        digest.zeroize();
        matches
    }
}

/// Fills the key as `crypt_blowfish` before 1.1 did, which `$2x$` marks: each byte is widened with its sign
/// before it is added to its word, so that a byte from 0x80 on drowns what stands before it (CVE-2011-2483).
fn sign_extended(password: &[u8], key: &mut [u8; LONGEST]) {
    let mut bytes = password.iter().copied().chain(std::iter::once(0)).cycle();
    for word in key.chunks_exact_mut(4) {
        let mut value = 0u32;
        for _ in 0..4 {
            let byte = bytes.next().expect("a cycle of at least one byte has no end");
            value = value << 8 | i32::from(byte.cast_signed()).cast_unsigned();
        }
        word.copy_from_slice(&value.to_be_bytes());
    }
}

impl Algorithm for Bcrypt {
    fn scheme(&self) -> Scheme {
        self.before.scheme()
    }

    fn cost(&self) -> Cost {
        Cost::slow(1 << self.cost, 4 << 10)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        Ok(match self.before {
            Before::Nothing => self.derive(until_nul(candidate)),
            Before::HexSha256 => {
                let digest: Zeroizing<[u8; 32]> = Zeroizing::new(Sha256::digest(candidate).into());
                self.derive(encoding::to_hex(&*digest).as_bytes())
            }
            Before::HmacSha384 => {
                let mut mac = Hmac::<Sha384>::new_from_slice(b"wp-sha384").expect("HMAC takes a key of any length");
                mac.update(candidate);
                let digest: Zeroizing<[u8; 48]> = Zeroizing::new(mac.finalize().into_bytes().into());
                self.derive(encoding::to_base64(&*digest).as_bytes())
            }
        })
    }

    fn canonical(&self) -> SecretText {
        let before = match self.before {
            Before::Nothing => "",
            Before::HexSha256 => "bcrypt_sha256$",
            Before::HmacSha384 => "$wp",
        };
        let (salt, hash) = (encoding::to_bcrypt_base64(&self.salt), encoding::to_bcrypt_base64(&self.digest));
        joined(&[before, &format!("$2{}${:02}$", self.minor, self.cost), &salt, &hash])
    }
}
