//! The keys of one issuer, and which of them a token may have been signed with.

use crate::key::{KeyError, VerificationKey};
use crate::{Algorithm, strict_json};
use serde_json::Value;

/// More keys than this in one set are refused: an issuer has two or three.
const MOST_KEYS: usize = 200;

/// A set of keys that cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// Not a JWK set (RFC 7517 section 5).
    #[error("is not a JWK set: {0}")]
    NotASet(String),
    /// More keys than any issuer has.
    #[error("has {0} keys: at most {MOST_KEYS} are accepted")]
    TooMany(usize),
    /// A key file that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key file without a key for any accepted algorithm.
    #[error("has no key for any of the accepted algorithms")]
    Empty,
}

/// Why no key of a set fits a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// No key has the token's `kid`; a newer set may.
    UnknownKid,
    /// The token has no `kid` and not exactly one key fits its algorithm.
    KidNeeded,
    /// The named key exists but is not for the token's algorithm.
    OtherAlgorithm,
}

/// The keys of one issuer.
#[derive(Debug, PartialEq)]
pub(crate) struct KeySet {
    keys: Vec<VerificationKey>,
    /// Keys of a JWK set are chosen by `kid`; those of a PEM or DER file have no names.
    named: bool,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 section 5). Members for other purposes are passed over; broken ones
    /// are passed over with a warning. An empty set is valid: an issuer may withdraw every key.
    pub(crate) fn from_jwks(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = strict_json::object(bytes).map_err(KeySetError::NotASet)?;
        let Some(Value::Array(members)) = document.get("keys") else {
            return Err(KeySetError::NotASet("the array `keys` is missing".to_owned()));
        };
        if members.len() > MOST_KEYS {
            return Err(KeySetError::TooMany(members.len()));
        }
        let mut keys = Vec::new();
        for (position, member) in members.iter().enumerate() {
            match member.as_object().map_or(Err(KeyError::NotAKey), VerificationKey::from_jwk) {
                Ok(key) => keys.extend(key),
                Err(error) => tracing::warn!(position, "a key of a JWK set is passed over: it {error}"),
            }
        }
        Ok(Self { keys, named: true })
    }

    /// Reads a key file: a JWK set, PEM or DER, told apart by what it begins with.
    pub(crate) fn from_file_contents(bytes: &[u8]) -> Result<Self, KeySetError> {
        let set = match std::str::from_utf8(bytes) {
            Ok(text) if text.trim_start().starts_with('{') => Self::from_jwks(text.trim().as_bytes())?,
            Ok(text) if text.contains("-----BEGIN ") => Self { keys: VerificationKey::from_pem(text)?, named: false },
            _ => Self { keys: vec![VerificationKey::from_der(bytes)?], named: false },
        };
        if set.keys.is_empty() { Err(KeySetError::Empty) } else { Ok(set) }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys that may have signed a token with this header. At most [`MOST_KEYS`], and more than
    /// one only when keys share a name or have none.
    pub(crate) fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Vec<&VerificationKey>, NoKey> {
        let asked = |key: &VerificationKey| !self.named || kid.is_none() || key.kid() == kid;
        let fitting: Vec<_> = self.keys.iter().filter(|key| asked(key) && key.fits(algorithm)).collect();
        match (fitting.len(), self.named, kid) {
            (0, true, Some(_)) if !self.keys.iter().any(asked) => Err(NoKey::UnknownKid),
            (0, true, Some(_)) | (0, false, _) => Err(NoKey::OtherAlgorithm),
            (1, true, None) | (_, true, Some(_)) | (_, false, _) => Ok(fitting),
            (_, true, None) => Err(NoKey::KidNeeded),
        }
    }
}
