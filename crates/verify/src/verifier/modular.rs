//! Texts that begin with `$name$`: crypt(3), PHC, passlib and phpass.

use argon2::Algorithm as Variant;

use super::argon2::Argon;
use super::bcrypt::{Bcrypt, Before};
use super::md5_crypt::Md5Crypt;
use super::nt::Nt;
use super::pbkdf2::{Pbkdf2, Prf};
use super::phpass::Phpass;
use super::scrypt::Scrypt;
use super::sha_crypt::ShaCrypt;
use super::yescrypt::Yescrypt;
use super::{Algorithm, Limits, ParseError, Scheme};

pub(super) fn boxed<A: Algorithm + 'static>(algorithm: A) -> Box<dyn Algorithm> {
    Box::new(algorithm)
}

/// Reads `$name$payload`.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<Box<dyn Algorithm>, ParseError> {
    let Some((name, payload)) = text.strip_prefix('$').and_then(|text| text.split_once('$')) else {
        return Err(ParseError::NoScheme);
    };
    match name {
        "1" => Md5Crypt::parse(Scheme::Md5Crypt, payload).map(boxed),
        "apr1" => Md5Crypt::parse(Scheme::Apr1, payload).map(boxed),
        "5" => ShaCrypt::parse(Scheme::Sha256Crypt, payload, limits).map(boxed),
        "6" => ShaCrypt::parse(Scheme::Sha512Crypt, payload, limits).map(boxed),
        "y" => Yescrypt::parse(payload, limits).map(boxed),
        "7" => Scrypt::crypt(payload, limits).map(boxed),
        "2a" | "2b" | "2x" | "2y" => Bcrypt::parse(Before::Nothing, &text[2..], limits).map(boxed),
        // The bare `$2$` has another bug than `$2x$` and is not seen any more.
        "2" => Err(ParseError::unknown("bcrypt-2")),
        "wp" => {
            let malformed = ParseError::Malformed {
                scheme: Scheme::BcryptHmacSha384,
                part: "the text",
                expected: "a bcrypt hash after `$wp`",
            };
            let payload = payload.strip_prefix('2').ok_or(malformed)?;
            Bcrypt::parse(Before::HmacSha384, payload, limits).map(boxed)
        }
        "P" | "H" => Phpass::parse(payload, limits).map(boxed),
        "argon2i" => Argon::phc(Variant::Argon2i, payload, limits).map(boxed),
        "argon2d" => Argon::phc(Variant::Argon2d, payload, limits).map(boxed),
        "argon2id" => Argon::phc(Variant::Argon2id, payload, limits).map(boxed),
        "scrypt" => Scrypt::phc(payload, limits).map(boxed),
        "pbkdf2" | "pbkdf2-sha1" => Pbkdf2::modular(Prf::Sha1, payload, limits).map(boxed),
        "pbkdf2-sha256" => Pbkdf2::modular(Prf::Sha256, payload, limits).map(boxed),
        "pbkdf2-sha512" => Pbkdf2::modular(Prf::Sha512, payload, limits).map(boxed),
        // FreeBSD's and passlib's NT hashes.
        "3" => Nt::parse(payload.trim_start_matches('$')).map(boxed),
        "NT" => Nt::parse(payload).map(boxed),
        "gy" => Err(ParseError::unknown("gost-yescrypt")),
        "S" => Err(ParseError::unknown("drupal7")),
        "md5" | "sha1" | "bcrypt-sha256" | "pbkdf2-sha384" | "s1" | "8" | "9" | "14" => Err(ParseError::unknown(name)),
        _ if looks_stored(name, payload) => Err(ParseError::unknown(name)),
        _ => Err(ParseError::NoScheme),
    }
}

/// Whether an unknown `$name$payload` has the shape of a stored hash, so that its name may be told.
///
/// A password like `$ecret$2026` has a `$name$` too, and must not be counted under half of itself.
fn looks_stored(name: &str, payload: &str) -> bool {
    let longest = payload.split('$').map(str::len).max().unwrap_or(0);
    payload.contains('$') && longest >= 20 && !name.is_empty() && payload.bytes().all(|byte| byte.is_ascii_graphic())
}
