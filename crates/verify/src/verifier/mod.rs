//! Stored verifiers of passwords: read one, then ask whether a candidate is the password.
//!
//! ```
//! use verify::verifier::{Limits, Verifier};
//!
//! let verifier = Verifier::parse("{SHA}at+xg6SiyUovktq1redipHiJpaE=", &Limits::default())?;
//! assert_eq!(verifier.scheme().name(), "sha1");
//! assert!(verifier.check(b"helloworld")?);
//! assert!(!verifier.check(b"goodbyeworld")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which bytes of a candidate are hashed
//!
//! | family | what is hashed |
//! | --- | --- |
//! | NTLM | UTF-16LE of the candidate, which must be UTF-8; other bytes never match |
//! | LDAP and Django digests, argon2, scrypt, PBKDF2, phpass | the bytes as they are |
//! | crypt(3) `$1$ $apr1$ $5$ $6$ $y$` | the bytes up to the first NUL: the interface is a C string |
//! | bcrypt | the same, at most 72 bytes with the closing NUL; `$2x$` with the sign error it marks |
//! | Django's `bcrypt_sha256`, WordPress 6.8 | hex SHA-256 or base64 HMAC-SHA384 of the bytes, then bcrypt |
//! | SCRAM | the bytes, and if that fails their SASLprep form |
//!
//! All products above hash the UTF-8 spelling of a password; a candidate in another encoding or Unicode
//! form is a candidate of its own, and making them is the caller's part (leaks.md 3.1, "encoding").

mod argon2;
mod bcrypt;
mod digest;
mod encoding;
mod error;
mod keycloak;
mod ldap;
mod limits;
mod md5_crypt;
mod modular;
mod nt;
mod pbkdf2;
mod phc;
mod phpass;
mod scheme;
mod scram;
mod scrypt;
mod secret;
mod sha_crypt;
mod unsalted;
mod web;
mod yescrypt;

use zeroize::Zeroizing;

pub use error::{CheckError, ParseError, SchemeName};
pub use limits::Limits;
pub use scheme::{Cost, CostClass, Scheme};
pub use unsalted::{DigestSet, DigestSetBuilder};

/// One algorithm with its parameters, salt and digest.
trait Algorithm: Send + Sync {
    fn scheme(&self) -> Scheme;

    fn cost(&self) -> Cost;

    fn check(&self, candidate: &[u8]) -> Result<bool, CheckError>;

    /// The text that is stored: it reads back into the same verifier.
    fn canonical(&self) -> Zeroizing<String>;

    /// The kind of digest and the digest, where it is one hash of the password and nothing else.
    fn unsalted(&self) -> Option<(Scheme, &[u8])> {
        None
    }
}

/// A stored verifier that a candidate password can be checked against.
///
/// It has no `Clone` and no `Display`, its `Debug` shows the scheme only, and what it holds is wiped when
/// it is dropped.
pub struct Verifier {
    algorithm: Box<dyn Algorithm>,
    candidate_bytes: usize,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("scheme", &self.scheme()).finish_non_exhaustive()
    }
}

/// What a text without any scheme is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    /// An error: nothing says what it is.
    Refused,
    /// A password in clear text, as RFC 2307 reads a userPassword without `{SCHEME}`. The caller's explicit choice.
    ClearText,
}

impl Verifier {
    /// Reads a stored verifier; blanks around it are ignored.
    ///
    /// A password in clear text is refused: [`parse_or_derive`](Self::parse_or_derive) takes it.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, ParseError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        if text.len() > limits.text_bytes {
            return Err(ParseError::TooLong { found: text.len(), limit: limits.text_bytes });
        }
        let algorithm = read(text, limits)?;
        Ok(Self { algorithm, candidate_bytes: limits.candidate_bytes })
    }

    /// Reads a stored verifier, or derives one with argon2id from a password in clear text.
    ///
    /// Clear text is what follows `{CLEAR}`, `{CLEARTEXT}`, `{PLAIN}` or Spring's `{noop}`, and with
    /// [`Bare::ClearText`] a text that names no scheme. Of that nothing but the derived key is kept; the
    /// caller wipes its own copy. `salt` is asked for 16 fresh random bytes when they are needed.
    pub fn parse_or_derive(
        text: &str,
        bare: Bare,
        salt: impl FnOnce() -> [u8; 16],
        limits: &Limits,
    ) -> Result<Self, DeriveError> {
        let password = match Self::parse(text, limits) {
            Ok(verifier) => return Ok(verifier),
            Err(ParseError::ClearText) => {
                text.trim_ascii_start().split_once('}').map_or(text, |(_, password)| password)
            }
            // A text that begins with `!` or `*` marks a locked account only where schemes are named.
            Err(ParseError::NoScheme) if bare == Bare::ClearText => text,
            Err(ParseError::Unusable) if bare == Bare::ClearText && !text.trim_ascii_start().starts_with('{') => text,
            Err(error) => return Err(error.into()),
        };
        if password.is_empty() {
            return Err(ParseError::Empty.into());
        }
        Ok(Self::derive(password.as_bytes(), salt(), limits)?)
    }

    /// Derives an argon2id verifier (19 MiB, two passes, one lane) from a password.
    pub fn derive(password: &[u8], salt: [u8; 16], limits: &Limits) -> Result<Self, CheckError> {
        fits(password, limits.candidate_bytes)?;
        let algorithm = Box::new(argon2::Argon::derive(password, salt)?);
        Ok(Self { algorithm, candidate_bytes: limits.candidate_bytes })
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.algorithm.scheme()
    }

    /// Returns what a check costs.
    pub fn cost(&self) -> Cost {
        self.algorithm.cost()
    }

    /// Tells whether the candidate is the password; the comparison takes the same time for every digest.
    pub fn check(&self, candidate: &[u8]) -> Result<bool, CheckError> {
        fits(candidate, self.candidate_bytes)?;
        self.algorithm.check(candidate)
    }

    /// Returns the text to store, which reads back into the same verifier under the same limits.
    ///
    /// Two texts of one verifier, such as Keycloak's JSON before and after its members were reordered, have
    /// the same one, so that comparing it tells whether a password was changed. It is as secret as what was read.
    pub fn canonical(&self) -> Zeroizing<String> {
        self.algorithm.canonical()
    }
}

/// Why no verifier could be read or derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// The text is neither a verifier nor clear text that may be taken.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The clear text could not be derived.
    #[error(transparent)]
    Derive(#[from] CheckError),
}

fn fits(candidate: &[u8], limit: usize) -> Result<(), CheckError> {
    let found = candidate.len();
    if found > limit { Err(CheckError::CandidateTooLong { found, limit }) } else { Ok(()) }
}

/// Finds the family that a text belongs to by how it begins.
fn read(text: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    if let Some(rest) = text.strip_prefix('{') {
        let json = rest.trim_ascii_start().starts_with(['"', '}']);
        return if json { keycloak::parse(text, limits) } else { ldap::parse(text, limits) };
    }
    if text.starts_with('$') {
        return modular::parse(text, limits);
    }
    if let Some(payload) = text.strip_prefix("SCRAM-SHA-256$") {
        return scram::Scram::parse(payload, limits).map(modular::boxed);
    }
    if let Some(read) = web::werkzeug(text, limits).or_else(|| web::django(text, limits)) {
        return read;
    }
    if let Some(name) = foreign(text) {
        return Err(ParseError::unknown(name));
    }
    if text.starts_with(['!', '*']) {
        return Err(ParseError::Unusable);
    }
    web::aspnet(text, limits).unwrap_or(Err(ParseError::NoScheme))
}

/// The name of a scheme that is known by its shape and not supported.
fn foreign(text: &str) -> Option<&'static str> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.strip_prefix('*').is_some_and(|rest| digits(rest, 40)) {
        return Some("mysql41");
    }
    if text.strip_prefix("md5").is_some_and(|rest| digits(rest, 32)) {
        return Some("postgres-md5");
    }
    if text.strip_prefix("0x0100").is_some_and(|rest| digits(rest, 48) || digits(rest, 88)) {
        return Some("mssql2005");
    }
    if text.strip_prefix("0x0200").is_some_and(|rest| digits(rest, 136)) {
        return Some("mssql2012");
    }
    None
}
