//! How much work and memory a stored text may ask for.

use super::{ParseError, Scheme};

/// Caps on what a verifier may cost, since its parameters come from a file that a stranger may have written.
///
/// A text over a cap is refused with [`ParseError::OverLimit`] before anything is allocated or derived.
/// The defaults let through everything that the known products write by default and what OWASP and
/// RFC 9106 recommend for interactive use, with room upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest text that is read, in bytes. Default 8192: Keycloak's JSON takes about 600.
    pub text_bytes: usize,
    /// Longest candidate that is checked, in bytes. Default 1024 (leaks.md 3.1, "size").
    pub candidate_bytes: usize,
    /// Longest salt or digest inside a text, in bytes. Default 1024: 389 Directory Server stores 256.
    pub part_bytes: usize,
    /// PBKDF2 (also inside SCRAM): iterations times output blocks. Default 20,000,000;
    /// Keycloak's PBKDF2-SHA1 of 1,300,000 iterations and four blocks is 5,200,000.
    pub pbkdf2_iterations: u64,
    /// Rounds of SHA-crypt. Default 5,000,000; the scheme itself allows 999,999,999.
    pub sha_crypt_rounds: u64,
    /// Logarithm of the rounds of phpass. Default 24; the scheme allows 30.
    pub phpass_log2_rounds: u64,
    /// Logarithm of the rounds of bcrypt. Default 18 (about a minute); the scheme allows 31.
    pub bcrypt_cost: u64,
    /// Memory of one derivation of argon2, scrypt or yescrypt, in bytes. Default 1 GiB.
    pub memory_bytes: u64,
    /// Memory times passes of argon2, scrypt or yescrypt, in bytes. Default 16 GiB.
    pub memory_traffic_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: 8 << 10,
            candidate_bytes: 1 << 10,
            part_bytes: 1 << 10,
            pbkdf2_iterations: 20_000_000,
            sha_crypt_rounds: 5_000_000,
            phpass_log2_rounds: 24,
            bcrypt_cost: 18,
            memory_bytes: 1 << 30,
            memory_traffic_bytes: 16 << 30,
        }
    }
}

impl Limits {
    /// Checks the memory and the passes over it that a memory-hard scheme asks for.
    pub(super) fn memory(&self, scheme: Scheme, bytes: u128, passes: u128) -> Result<(), ParseError> {
        at_most(scheme, "memory in bytes", clamp(bytes), self.memory_bytes)?;
        let traffic = clamp(bytes.saturating_mul(passes));
        at_most(scheme, "memory in bytes times passes", traffic, self.memory_traffic_bytes)
    }

    /// Checks the length of a salt or digest.
    pub(super) fn part(&self, scheme: Scheme, part: &'static str, bytes: &[u8]) -> Result<(), ParseError> {
        at_most(scheme, part, bytes.len() as u64, self.part_bytes as u64)
    }
}

/// Refuses a parameter that passes its limit.
pub(super) fn at_most(scheme: Scheme, parameter: &'static str, found: u64, limit: u64) -> Result<(), ParseError> {
    if found > limit { Err(ParseError::OverLimit { scheme, parameter, found, limit }) } else { Ok(()) }
}

fn clamp(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
