//! Texts that begin with `{SCHEME}`: LDAP's userPassword (RFC 2307), Dovecot's and Spring's names for the same.

use super::digest::{Hash, SimpleDigest};
use super::nt::Nt;
use super::pbkdf2::{Pbkdf2, Prf};
use super::{Algorithm, Limits, ParseError, modular};

/// Reads `{SCHEME}payload`; the name of the scheme ignores case.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    let Some((name, payload)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) else {
        return Err(ParseError::NoScheme);
    };
    if payload.is_empty() {
        return Err(ParseError::Empty);
    }
    if let Some(hash) = plain(name) {
        return SimpleDigest::plain(hash, payload).map(modular::boxed);
    }
    if let Some(hash) = salted(name) {
        return SimpleDigest::salted(hash, payload, limits).map(modular::boxed);
    }
    match name.to_ascii_uppercase().as_str() {
        "CLEAR" | "CLEARTEXT" | "PLAIN" | "NOOP" => Err(ParseError::ClearText),
        "NT" | "NTLM" | "NTHASH" | "SMBNT" => Nt::parse(payload).map(modular::boxed),
        "CRYPT"
        | "MD5-CRYPT"
        | "SHA256-CRYPT"
        | "SHA512-CRYPT"
        | "BLF-CRYPT"
        | "BCRYPT"
        | "ARGON2"
        | "ARGON2I"
        | "ARGON2ID"
        | "ARGON2@SPRINGSECURITY_V5_8" => crypt(payload, limits),
        "PBKDF2" if payload.starts_with('$') => modular::parse(payload, limits),
        "PBKDF2" | "PBKDF2-SHA1" => Pbkdf2::modular(Prf::Sha1, payload, limits).map(modular::boxed),
        "PBKDF2-SHA256" => Pbkdf2::modular(Prf::Sha256, payload, limits).map(modular::boxed),
        "PBKDF2-SHA512" => Pbkdf2::modular(Prf::Sha512, payload, limits).map(modular::boxed),
        "PBKDF2_SHA256" => Pbkdf2::directory_server(payload, limits).map(modular::boxed),
        "PKCS5S2" => Pbkdf2::atlassian(payload, limits).map(modular::boxed),
        upper => Err(unknown(name, upper)),
    }
}

/// Schemes that are known and not supported, beside the ones that are written in capitals.
const FOREIGN: &[&str] =
    &["SASL", "KERBEROS", "LDAP", "MD4", "SCRYPT", "SHA-1", "SHA-256", "PBKDF2", "CRAM-MD5", "LANMAN"];

/// Names a scheme that is not supported.
///
/// The name is told if it is known or written in capitals, as LDAP servers write schemes: a password like
/// `{hunter2}x` has braces too, and must not be counted under half of itself.
fn unknown(name: &str, upper: &str) -> ParseError {
    // Spring adds the version of its defaults: `{pbkdf2@SpringSecurity_v5_8}`.
    let base = upper.split('@').next().unwrap_or(upper);
    ParseError::unknown(if FOREIGN.contains(&base) || name == upper { base } else { "" })
}

fn plain(name: &str) -> Option<Hash> {
    Some(match name.to_ascii_uppercase().as_str() {
        "MD5" => Hash::Md5,
        "SHA" | "SHA1" => Hash::Sha1,
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        _ => return None,
    })
}

fn salted(name: &str) -> Option<Hash> {
    Some(match name.to_ascii_uppercase().as_str() {
        "SMD5" => Hash::Md5,
        "SSHA" | "SSHA1" => Hash::Sha1,
        "SSHA256" => Hash::Sha256,
        "SSHA384" => Hash::Sha384,
        "SSHA512" => Hash::Sha512,
        _ => return None,
    })
}

/// Reads what stands after `{CRYPT}`.
fn crypt(payload: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    if payload.starts_with(['!', '*']) || payload == "x" {
        return Err(ParseError::Unusable);
    }
    if payload.starts_with('$') {
        return modular::parse(payload, limits).map_err(|error| match error {
            // Inside `{CRYPT}` there is no clear text to protect: the value has a scheme, without a name.
            ParseError::NoScheme => ParseError::unknown("crypt"),
            other => other,
        });
    }
    match payload.len() {
        13 => Err(ParseError::unknown("des-crypt")),
        20 if payload.starts_with('_') => Err(ParseError::unknown("bsdi-crypt")),
        _ => Err(ParseError::unknown("crypt")),
    }
}
