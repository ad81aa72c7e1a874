//! scrypt in the spellings of PHC and passlib, crypt(3), Django and Werkzeug.

use scrypt::Params;
use zeroize::Zeroizing;

use super::phc::{Parameters, decimal};
use super::secret::{Secret, SecretText, buffer, joined, same};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

const SCHEME: Scheme = Scheme::Scrypt;

/// A scrypt hash.
pub(super) struct Scrypt {
    params: Params,
    salt: Secret,
    digest: Secret,
}

const fn malformed(part: &'static str, expected: &'static str) -> ParseError {
    ParseError::Malformed { scheme: SCHEME, part, expected }
}

impl Scrypt {
    /// Reads `ln=..,r=..,p=..$salt$hash`, what stands after `$scrypt$`.
    pub(super) fn phc(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let mut fields = payload.split('$');
        let (Some(parameters), Some(salt), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "parameters, salt and hash with `$` between them"));
        };
        let parameters = Parameters::new(SCHEME, parameters, &["ln", "r", "p"])?;
        let salt = encoding::base64(salt).ok_or(malformed("the salt", "base64"))?;
        let digest = encoding::base64(hash).ok_or(malformed("the hash", "base64"))?;
        Self::new(parameters.number("ln")?, parameters.number("r")?, parameters.number("p")?, salt, digest, limits)
    }

    /// Reads what stands after crypt(3)'s `$7$`: one character of N, five of r, five of p, `salt$hash`.
    pub(super) fn crypt(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        if !payload.is_ascii() || payload.len() < 11 {
            return Err(malformed("the parameters", "eleven characters of crypt's base64"));
        }
        let (parameters, rest) = payload.split_at(11);
        let number = |text: &str| {
            text.bytes().rev().try_fold(0u32, |value, byte| Some(value << 6 | encoding::crypt_digit(byte)?))
        };
        let (Some(log_n), Some(r), Some(p)) =
            (number(&parameters[..1]), number(&parameters[1..6]), number(&parameters[6..]))
        else {
            return Err(malformed("the parameters", "eleven characters of crypt's base64"));
        };
        let (salt, hash) = rest.split_once('$').ok_or(malformed("the text", "salt, `$` and hash"))?;
        let digest = encoding::crypt_base64(hash)
            .filter(|digest| digest.len() == 32)
            .ok_or(malformed("the hash", "43 characters of crypt's base64"))?;
        Self::new(log_n, r, p, Zeroizing::new(salt.as_bytes().to_vec()), digest, limits)
    }

    /// Reads `N$salt$r$p$base64`, what stands after Django's `scrypt$`.
    pub(super) fn django(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let fields: Vec<&str> = payload.split('$').collect();
        let &[n, salt, r, p, hash] = fields.as_slice() else {
            return Err(malformed("the text", "N, salt, r, p and hash with `$` between them"));
        };
        let digest = encoding::base64(hash)
            .filter(|digest| digest.len() == 64)
            .ok_or(malformed("the hash", "base64 of 64 bytes"))?;
        Self::text_salt([n, r, p], salt, digest, limits)
    }

    /// Reads `N:r:p$salt$hex`, what stands after Werkzeug's `scrypt:`.
    pub(super) fn werkzeug(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        let fields: Vec<&str> = payload.split('$').collect();
        let &[parameters, salt, hash] = fields.as_slice() else {
            return Err(malformed("the text", "parameters, salt and hash with `$` between them"));
        };
        let numbers: Vec<&str> = parameters.split(':').collect();
        let &[n, r, p] = numbers.as_slice() else {
            return Err(malformed("the parameters", "N, r and p with `:` between them"));
        };
        let digest = encoding::hex(hash)
            .filter(|digest| digest.len() == 64)
            .ok_or(malformed("the hash", "128 hexadecimal digits"))?;
        Self::text_salt([n, r, p], salt, digest, limits)
    }

    fn text_salt(numbers: [&str; 3], salt: &str, digest: Secret, limits: &Limits) -> Result<Self, ParseError> {
        let [Some(n), Some(r), Some(p)] = numbers.map(decimal) else {
            return Err(malformed("a parameter", "a decimal number below 2^32"));
        };
        if !n.is_power_of_two() {
            return Err(malformed("N", "a power of two"));
        }
        Self::new(n.ilog2(), r, p, Zeroizing::new(salt.as_bytes().to_vec()), digest, limits)
    }

    fn new(log_n: u32, r: u32, p: u32, salt: Secret, digest: Secret, limits: &Limits) -> Result<Self, ParseError> {
        if log_n > 63 {
            return Err(malformed("N", "at most 2^63"));
        }
        let blocks = (1u128 << log_n) + u128::from(p) + 2;
        limits.memory(SCHEME, 128 * u128::from(r) * blocks, 2 * u128::from(p))?;
        limits.part(SCHEME, "the salt's length", &salt)?;
        limits.part(SCHEME, "the hash's length", &digest)?;
        // The lengths that writers use. Others are a longer output that was cut, which would still match.
        if ![32, 64].contains(&digest.len()) {
            return Err(malformed("the hash", "32 or 64 bytes"));
        }
        let log_n = u8::try_from(log_n).ok().filter(|log_n| *log_n > 0).ok_or(malformed("N", "at least 2"))?;
        if u64::from(r) * u64::from(p) >= 1 << 30 {
            return Err(malformed("r times p", "below 2^30"));
        }
        let params = Params::new(log_n, r, p).map_err(|_| malformed("the parameters", "within scrypt's bounds"))?;
        Ok(Self { params, salt, digest })
    }
}

impl Algorithm for Scrypt {
    fn scheme(&self) -> Scheme {
        SCHEME
    }

    fn cost(&self) -> Cost {
        let memory = 128 * u64::from(self.params.r()) * self.params.n();
        Cost::slow(memory / 1024 * 2 * u64::from(self.params.p()), memory)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let mut digest = buffer(self.digest.len());
        scrypt::scrypt(candidate, &self.salt, &self.params, &mut digest)
            .map_err(|_| CheckError::Derivation { scheme: SCHEME })?;
        Ok(same(&digest, &self.digest))
    }

    fn canonical(&self) -> SecretText {
        let (salt, hash) = (encoding::to_base64(&self.salt), encoding::to_base64(&self.digest));
        let (log_n, r, p) = (self.params.log_n(), self.params.r(), self.params.p());
        joined(&[&format!("$scrypt$ln={log_n},r={r},p={p}$"), &salt, "$", &hash])
    }
}
