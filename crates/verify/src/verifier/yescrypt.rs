//! crypt(3) `$y$`, the default of today's Debian, Fedora and Ubuntu.

use yescrypt::Params;

use super::secret::{Secret, SecretText, buffer, joined, same, until_nul};
use super::{Algorithm, CheckError, Cost, Limits, ParseError, Scheme, encoding};

/// A yescrypt hash.
pub(super) struct Yescrypt {
    /// The parameters as the text spells them.
    settings: String,
    params: Params,
    memory_bytes: u64,
    kib: u64,
    salt: Secret,
    digest: Secret,
}

/// What the parameters ask for, read without trust.
struct Settings {
    log_n: u32,
    r: u32,
    p: u32,
    t: u32,
}

impl Settings {
    /// Reads flavour, N, r and the optional p and t, in yescrypt's numbers of variable width.
    fn read(text: &str) -> Option<Self> {
        let mut bytes = text.bytes();
        let _flavour = number(&mut bytes, 0)?;
        let log_n = number(&mut bytes, 1)?;
        let r = number(&mut bytes, 1)?;
        let present = if bytes.len() == 0 { 0 } else { number(&mut bytes, 1)? };
        let p = if present & 1 == 0 { 1 } else { number(&mut bytes, 2)? };
        let t = if present & 2 == 0 { 0 } else { number(&mut bytes, 1)? };
        // A cost upgrade (4) and a ROM (8) are refused by the crate; nothing may follow without them.
        (present & !3 == 0 && bytes.len() == 0).then_some(Self { log_n, r, p, t })
    }
}

/// Reads one number: small ones take one character, larger ones up to six.
fn number(bytes: &mut std::str::Bytes<'_>, least: u32) -> Option<u32> {
    let first = u64::from(encoding::crypt_digit(bytes.next()?)?);
    let (mut start, mut end, mut more, mut bits) = (0u64, 47u64, 0u32, 0u32);
    let mut value = u64::from(least);
    while first > end {
        value += (end + 1 - start) << bits;
        start = end + 1;
        end = start + (62 - end) / 2;
        more += 1;
        bits += 6;
    }
    value += (first - start) << bits;
    for _ in 0..more {
        bits = bits.checked_sub(6)?;
        value += u64::from(encoding::crypt_digit(bytes.next()?)?) << bits;
    }
    u32::try_from(value).ok()
}

impl Yescrypt {
    /// Reads `parameters$salt$hash`, what stands after `$y$`.
    pub(super) fn parse(payload: &str, limits: &Limits) -> Result<Self, ParseError> {
        const SCHEME: Scheme = Scheme::Yescrypt;
        let malformed = |part, expected| ParseError::Malformed { scheme: SCHEME, part, expected };
        let mut fields = payload.split('$');
        let (Some(settings), Some(salt), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed("the text", "parameters, salt and hash with `$` between them"));
        };
        let asked = Settings::read(settings).ok_or(malformed("the parameters", "flavour, N, r and perhaps p and t"))?;
        if asked.log_n > 63 {
            return Err(malformed("N", "at most 2^63"));
        }
        let blocks = (1u128 << asked.log_n) + u128::from(asked.p) + 2;
        let memory = 128 * u128::from(asked.r) * blocks + u128::from(asked.p) * (12 << 10);
        let passes = 2 + u128::from(asked.t);
        limits.memory(SCHEME, memory, passes)?;
        let params: Params =
            settings.parse().map_err(|_| malformed("the parameters", "a flavour and sizes of yescrypt"))?;
        let salt = encoding::crypt_base64(salt).ok_or(malformed("the salt", "crypt's base64"))?;
        limits.part(SCHEME, "the salt's length", &salt)?;
        let digest = encoding::crypt_base64(hash)
            .filter(|digest| digest.len() == 32)
            .ok_or(malformed("the hash", "43 characters of crypt's base64"))?;
        Ok(Self {
            settings: settings.to_owned(),
            params,
            memory_bytes: memory as u64,
            kib: (memory * passes / 1024) as u64,
            salt,
            digest,
        })
    }
}

impl Algorithm for Yescrypt {
    fn scheme(&self) -> Scheme {
        Scheme::Yescrypt
    }

    fn cost(&self) -> Cost {
        Cost::slow(self.kib, self.memory_bytes)
    }

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        let mut digest = buffer(self.digest.len());
        yescrypt::yescrypt(until_nul(candidate), &self.salt, &self.params, &mut digest)
            .map_err(|_| CheckError::Derivation { scheme: Scheme::Yescrypt })?;
        Ok(same(&digest, &self.digest))
    }

    fn canonical(&self) -> SecretText {
        let (salt, hash) = (encoding::to_crypt_base64(&self.salt), encoding::to_crypt_base64(&self.digest));
        joined(&["$y$", &self.settings, "$", &salt, "$", &hash])
    }
}
