//! The texts of web frameworks that carry no bracket and no leading `$`: Django, Werkzeug, ASP.NET Identity.

use argon2::Algorithm as Variant;
use zeroize::Zeroizing;

use super::argon2::Argon;
use super::bcrypt::{Bcrypt, Before};
use super::digest::{Hash, SimpleDigest};
use super::pbkdf2::{Pbkdf2, Prf};
use super::scrypt::Scrypt;
use super::{Algorithm, Limits, ParseError, Scheme, encoding, modular};

/// Reads a text of Django's `algorithm$..`, or says that it is none.
pub(super) fn django(text: &str, limits: &Limits) -> Option<Result<Box<dyn Algorithm>, ParseError>> {
    let (name, rest) = text.split_once('$')?;
    let bcrypt = |before: Before| {
        let missing = ParseError::Malformed {
            scheme: Scheme::Bcrypt,
            part: "the text",
            expected: "a bcrypt hash after the name",
        };
        let payload = rest.strip_prefix("$2").ok_or(missing)?;
        Ok(modular::boxed(Bcrypt::parse(before, payload, limits)?))
    };
    Some(match name {
        "pbkdf2_sha256" => Pbkdf2::django(Prf::Sha256, rest, limits).map(modular::boxed),
        "pbkdf2_sha1" => Pbkdf2::django(Prf::Sha1, rest, limits).map(modular::boxed),
        "argon2" => argon2(rest, limits),
        "bcrypt" => bcrypt(Before::Nothing),
        "bcrypt_sha256" => bcrypt(Before::HexSha256),
        "scrypt" => Scrypt::django(rest, limits).map(modular::boxed),
        "md5" => SimpleDigest::django(Hash::Md5, rest, limits).map(modular::boxed),
        "sha1" => SimpleDigest::django(Hash::Sha1, rest, limits).map(modular::boxed),
        // Django's DES crypt, and Werkzeug's HMAC forms before 2.3: known by name, not supported.
        "crypt" | "sha224" | "sha256" | "sha384" | "sha512" => Err(ParseError::unknown(name)),
        _ => return None,
    })
}

fn argon2(rest: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    let (variant, payload) = rest.split_once('$').unwrap_or((rest, ""));
    let variant = match variant {
        "argon2i" => Variant::Argon2i,
        "argon2d" => Variant::Argon2d,
        "argon2id" => Variant::Argon2id,
        _ => {
            let (part, expected) = ("the variant", "argon2i, argon2d or argon2id");
            return Err(ParseError::Malformed { scheme: Scheme::Argon2id, part, expected });
        }
    };
    Argon::phc(variant, payload, limits).map(modular::boxed)
}

/// Reads Werkzeug's `pbkdf2:..` and `scrypt:..`, or says that it is none.
pub(super) fn werkzeug(text: &str, limits: &Limits) -> Option<Result<Box<dyn Algorithm>, ParseError>> {
    if let Some(payload) = text.strip_prefix("pbkdf2:") {
        return Some(Pbkdf2::werkzeug(payload, limits).map(modular::boxed));
    }
    let payload = text.strip_prefix("scrypt:")?;
    Some(Scrypt::werkzeug(payload, limits).map(modular::boxed))
}

/// Reads ASP.NET Identity's base64, or says that it is none.
///
/// Version 2 is a zero byte, 16 bytes of salt and 32 of PBKDF2-SHA1 with 1000 iterations; version 3 is a
/// one, then function, iterations and length of the salt as 32-bit big-endian numbers, salt and key. A
/// text that only looks like one is left to the caller, who may know better.
pub(super) fn aspnet(text: &str, limits: &Limits) -> Option<Result<Box<dyn Algorithm>, ParseError>> {
    // 13 bytes of header, 16 of salt and 16 of key at least: 60 characters.
    if !(60..=1024).contains(&text.len()) || !text.starts_with('A') {
        return None;
    }
    let bytes = encoding::base64(text)?;
    match bytes.split_first()? {
        (0, rest) if rest.len() == 16 + 32 => {
            let (salt, key) = rest.split_at(16);
            let (salt, key) = (Zeroizing::new(salt.to_vec()), Zeroizing::new(key.to_vec()));
            Some(Pbkdf2::new(Prf::Sha1, 1000, salt, key, limits).map(modular::boxed))
        }
        (1, rest) => {
            let (numbers, rest) = rest.split_first_chunk::<12>()?;
            let [function, iterations, salt_length] = [0, 4, 8]
                .map(|at| u32::from_be_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]]));
            let prf = [Prf::Sha1, Prf::Sha256, Prf::Sha512].into_iter().nth(usize::try_from(function).ok()?)?;
            // Identity itself refuses a salt or key below 128 bits; keys of other lengths were cut.
            let (salt, key) = rest.split_at_checked(usize::try_from(salt_length).ok()?)?;
            if salt.len() < 16 || ![16, 32, 64].contains(&key.len()) {
                return None;
            }
            let (salt, key) = (Zeroizing::new(salt.to_vec()), Zeroizing::new(key.to_vec()));
            Some(Pbkdf2::new(prf, iterations, salt, key, limits).map(modular::boxed))
        }
        _ => None,
    }
}
