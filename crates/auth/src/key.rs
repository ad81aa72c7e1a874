//! Public keys, each with the algorithms that it may verify.

use crate::Algorithm;
use crate::der;
use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::fmt;

/// The shortest RSA modulus, in bits (RFC 7518 sections 3.3 and 3.5).
const SHORTEST_RSA: usize = 2048;
/// The longest RSA modulus, in bits: longer ones only cost time.
const LONGEST_RSA: usize = 8192;

/// A key that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Neither of the formats that are understood.
    #[error(
        "is not a public key: a PEM file (PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE), a DER file \
         (SubjectPublicKeyInfo, PKCS#1 RSAPublicKey or certificate) or a JWK set is expected"
    )]
    NotAKey,
    /// A private key, which has no business here.
    #[error("holds a private key: give the public one only")]
    PrivateKey,
    /// A kind of key that no accepted algorithm uses.
    #[error("is of a kind that is not served: RSA, EC P-256, EC P-384 and Ed25519 are")]
    OtherKind,
    /// An RSA key outside the lengths that are accepted.
    #[error("is an RSA key of {0} bits: {SHORTEST_RSA} to {LONGEST_RSA} are accepted")]
    RsaLength(usize),
    /// Numbers that make no key: an even exponent, a point that is not on the curve.
    #[error("has numbers that make no valid key")]
    Invalid,
}

/// A public key and what it may verify. The list of algorithms comes from the key (its type, and
/// in a JWK set its `alg`), never from a token, which is what stops algorithm confusion
/// (RFC 8725 section 3.1).
pub(crate) struct VerificationKey {
    kid: Option<Box<str>>,
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
    /// SHA-256 over name, algorithms and key: two keys with the same one are the same.
    fingerprint: [u8; 32],
}

impl VerificationKey {
    /// The name in a JWK set.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Tells whether the key may be used with `algorithm`.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.verifiers.iter().any(|(own, _)| *own == algorithm)
    }

    /// Tells whether `signature` over `message` was made with `algorithm` by this key's owner.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verifiers.iter().any(|(own, key)| *own == algorithm && key.verify_sig(message, signature).is_ok())
    }

    /// Reads one member of a JWK set (RFC 7517 section 4). `None` is a key for something else: of an
    /// unknown type, for encryption, or symmetric (RFC 7517 section 5 has those passed over).
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Option<Self>, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|usage| usage != "sig") {
            return Ok(None);
        }
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
        {
            return Ok(None);
        }
        let octets =
            |name: &str| text(name).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok()).ok_or(KeyError::Invalid);
        let mut key = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Self::rsa(&octets("n")?, &octets("e")?)?,
            (Some("EC"), Some(curve @ ("P-256" | "P-384"))) => {
                let (algorithm, length) =
                    if curve == "P-256" { (Algorithm::Es256, 32) } else { (Algorithm::Es384, 48) };
                let (x, y) = (octets("x")?, octets("y")?);
                if x.len() != length || y.len() != length {
                    return Err(KeyError::Invalid); // RFC 7518 section 6.2.1.2: full length
                }
                Self::other(algorithm, &[&[4], &x[..], &y[..]].concat())?
            }
            (Some("OKP"), Some("Ed25519")) => Self::other(Algorithm::EdDsa, &octets("x")?)?,
            _ => return Ok(None),
        };
        if let Some(only) = jwk.get("alg") {
            key.verifiers.retain(|(algorithm, _)| only.as_str() == Some(algorithm.name()));
        }
        if key.verifiers.is_empty() {
            return Ok(None);
        }
        key.kid = text("kid").map(Into::into);
        Ok(Some(key.with_fingerprint()))
    }

    /// Reads every key of a PEM text (RFC 7468).
    pub(crate) fn from_pem(text: &str) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((_, block)) = rest.split_once("-----BEGIN ") {
            let (label, block) = block.split_once("-----").ok_or(KeyError::NotAKey)?;
            let (body, after) = block.split_once(&format!("-----END {label}-----")).ok_or(KeyError::NotAKey)?;
            let body: String = body.split_ascii_whitespace().collect();
            if label.ends_with("PRIVATE KEY") {
                return Err(KeyError::PrivateKey);
            }
            let der = STANDARD.decode(body).map_err(|_| KeyError::NotAKey)?;
            keys.push(match label {
                "PUBLIC KEY" => Self::from_public_key_info(&der)?,
                "RSA PUBLIC KEY" => Self::from_rsa_public_key(&der)?,
                "CERTIFICATE" => Self::from_certificate(&der)?,
                _ => return Err(KeyError::NotAKey),
            });
            rest = after;
        }
        if keys.is_empty() { Err(KeyError::NotAKey) } else { Ok(keys) }
    }

    /// Reads a DER file, whichever of the three forms it has.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        if der::public_key_info(der).is_some() {
            Self::from_public_key_info(der)
        } else if der::rsa_public_key(der).is_some() {
            Self::from_rsa_public_key(der)
        } else {
            Self::from_certificate(der)
        }
    }

    fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_public_key_info(der::public_key_of_certificate(der).ok_or(KeyError::NotAKey)?)
    }

    fn from_rsa_public_key(der: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = der::rsa_public_key(der).ok_or(KeyError::NotAKey)?;
        Ok(Self::rsa(modulus, exponent)?.with_fingerprint())
    }

    fn from_public_key_info(der: &[u8]) -> Result<Self, KeyError> {
        let info = der::public_key_info(der).ok_or(KeyError::NotAKey)?;
        let key = match (info.algorithm, info.curve) {
            (der::RSA, _) => return Self::from_rsa_public_key(info.key),
            (der::EC, Some(der::P256)) => Self::other(Algorithm::Es256, info.key)?,
            (der::EC, Some(der::P384)) => Self::other(Algorithm::Es384, info.key)?,
            (der::ED25519, None) => Self::other(Algorithm::EdDsa, info.key)?,
            _ => return Err(KeyError::OtherKind),
        };
        Ok(key.with_fingerprint())
    }

    /// An RSA key from its numbers, for every RSA algorithm.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (n, e) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(SHORTEST_RSA..=LONGEST_RSA).contains(&bits) {
            return Err(KeyError::RsaLength(bits));
        }
        if e == [1] || e.last().is_none_or(|last| last & 1 == 0) {
            return Err(KeyError::Invalid); // with an exponent of one anybody could sign
        }
        let components = RsaPublicKeyComponents { n, e };
        let verifiers = Algorithm::RSA
            .into_iter()
            .map(|algorithm| Ok((algorithm, components.to_parsed_public_key(rsa_parameters(algorithm))?)))
            .collect::<Result<_, aws_lc_rs::error::KeyRejected>>()
            .map_err(|_| KeyError::Invalid)?;
        Ok(Self { kid: None, verifiers, fingerprint: [0; 32] })
    }

    /// An elliptic-curve key from its uncompressed point, or an Edwards-curve key from its octets.
    fn other(algorithm: Algorithm, octets: &[u8]) -> Result<Self, KeyError> {
        let verifier: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDsa if octets.len() == 32 => &signature::ED25519,
            _ => return Err(KeyError::Invalid),
        };
        let key = ParsedPublicKey::new(verifier, octets).map_err(|_| KeyError::Invalid)?;
        Ok(Self { kid: None, verifiers: vec![(algorithm, key)], fingerprint: [0; 32] })
    }

    fn with_fingerprint(mut self) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        let kid = self.kid.as_deref();
        hash.update(&[u8::from(kid.is_some())]);
        hash.update(&(kid.map_or(0, str::len) as u64).to_be_bytes());
        hash.update(kid.unwrap_or_default().as_bytes());
        for (algorithm, key) in &self.verifiers {
            hash.update(&[*algorithm as u8]);
            hash.update(&(key.as_ref().len() as u64).to_be_bytes());
            hash.update(key.as_ref());
        }
        self.fingerprint.copy_from_slice(hash.finish().as_ref());
        self
    }
}

impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.verifiers.iter().map(|(algorithm, _)| algorithm.name()).collect();
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

fn rsa_parameters(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    }
}

/// Some issuers write a leading zero although RFC 7518 section 6.3.1.1 forbids it.
fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
