//! The compact serialisation of a signed token (RFC 7515 section 7.1), taken apart strictly. What
//! comes out is not trusted: nothing here knows a key.

use crate::{Algorithm, AuthError, strict_json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// The longest token that is looked at.
pub(crate) const LONGEST: usize = 16 * 1024;

/// A token in its parts.
pub(crate) struct Jws<'a> {
    /// What the signature is over: header and payload as they were sent.
    pub signed: &'a str,
    /// `alg` of the header.
    pub algorithm: Algorithm,
    /// `kid` of the header.
    pub kid: Option<Box<str>>,
    /// The claims, unproved.
    pub claims: Map<String, Value>,
    /// The signature's octets.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. Keys and addresses of keys inside the header (`jwk`, `jku`, `x5c`, `x5u`)
    /// are never looked at (RFC 8725 section 3.10).
    pub(crate) fn parse(token: &'a str) -> Result<Self, AuthError> {
        if token.len() > LONGEST {
            return Err(AuthError::TooLong { limit: LONGEST });
        }
        let not_three =
            || AuthError::malformed("a JWT has three parts between two dots (an encrypted one is not accepted)");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(not_three)?;
        let (header, payload) = signed.split_once('.').ok_or_else(not_three)?;
        if payload.contains('.') {
            return Err(not_three());
        }
        let (algorithm, kid) = read_header(header)?;
        let claims = strict_json::object(&octets(payload, "its payload")?)
            .map_err(|problem| AuthError::malformed(format!("its payload is no valid claims set: {problem}")))?;
        let signature = octets(signature, "its signature")?;
        Ok(Self { signed, algorithm, kid, claims, signature })
    }
}

/// Decodes base64url without padding, with no stray bits at the end (RFC 7515 section 2), so that no
/// second text stands for the same token.
fn octets(text: &str, part: &str) -> Result<Vec<u8>, AuthError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| AuthError::malformed(format!("{part} is not base64url without padding")))
}

fn read_header(text: &str) -> Result<(Algorithm, Option<Box<str>>), AuthError> {
    let header = strict_json::object(&octets(text, "its header")?)
        .map_err(|problem| AuthError::malformed(format!("its header is not valid: {problem}")))?;
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => Algorithm::from_name(name).ok_or(AuthError::AlgorithmNotAccepted)?,
        _ => return Err(AuthError::malformed("its header needs the text `alg`")),
    };
    if header.contains_key("crit") {
        return Err(AuthError::malformed("its header has `crit`, and no critical extension is understood here"));
    }
    match header.get("typ") {
        None => {}
        Some(Value::String(name)) if is_access_token(name) => {}
        Some(_) => return Err(AuthError::malformed("its `typ` is neither `JWT` nor `at+jwt`")),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.as_str().into()),
        Some(_) => return Err(AuthError::malformed("its `kid` is not a text")),
    };
    Ok((algorithm, kid))
}

/// Tells whether `typ` is that of an access token, so that a token of another kind from the same
/// issuer (a logout token, a security event) is not taken for one (RFC 8725 section 3.11, RFC 9068
/// section 2.1).
fn is_access_token(typ: &str) -> bool {
    let prefix = "application/";
    let name = match typ.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => &typ[prefix.len()..],
        _ => typ,
    };
    name.eq_ignore_ascii_case("JWT") || name.eq_ignore_ascii_case("at+jwt")
}
