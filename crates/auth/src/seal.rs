//! Secrets sealed with the operator's key, so that they can be kept where their keeper must not know them.
//!
//! ```text
//! version 1 | key id 8 | nonce 12 | ciphertext | tag 16        AES-256-GCM, NIST SP 800-38D
//! ```
//!
//! Version, key id and the secret's name are authenticated with it: a secret cannot be passed off as another one.
//! The key of AES and the key id are both derived (HKDF-SHA256, RFC 5869), so that the operator's key itself
//! touches neither the cipher nor the database.

use crate::builtin::SecretBytes;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::Entropy;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Version and key id.
const HEAD: usize = 1 + 8;

/// The operator's key is not 32 bytes in base64. What was found is not repeated: it may be a key with a slip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not 32 bytes in base64 (44 characters, such as `spillwatch keys new-secret-key` prints)")]
pub struct OperatorKeyError;

/// Why a sealed secret cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with a key that is not at hand.
    #[error(
        "the secret `{name}` is sealed with another key ({found}) than the operator's key that was given ({given})"
    )]
    OtherKey {
        /// The secret's name.
        name: String,
        /// The id of the key that sealed it.
        found: KeyId,
        /// The id of the key at hand.
        given: KeyId,
    },
    /// Another version of the program sealed it.
    #[error("the secret `{name}` is sealed in the form {found}, and {VERSION} is understood")]
    Version {
        /// The secret's name.
        name: String,
        /// The form.
        found: u8,
    },
    /// It was changed, cut off, or put under another secret's name.
    #[error("the secret `{name}` is damaged: it is not what was sealed under this name")]
    Damaged {
        /// The secret's name.
        name: String,
    },
    /// The cryptographic library failed.
    #[error("the secret `{name}` cannot be sealed")]
    Crypto {
        /// The secret's name.
        name: String,
    },
}

/// What tells one operator's key from another, and tells nothing else about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The operator's key, ready to seal and open. A clone is the same key at the same place. It has no `Debug` on purpose.
#[derive(Clone)]
pub struct OperatorKey {
    id: KeyId,
    cipher: Arc<RandomizedNonceKey>,
}

impl OperatorKey {
    /// Reads the key's text: 32 bytes in base64 (RFC 4648 section 4), with or without padding, and blanks around.
    pub fn from_base64(text: &str) -> Result<Self, OperatorKeyError> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &ALPHABET,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let mut key = Zeroizing::new([0; 36]); // decoding writes in portions of three
        match LENIENT.decode_slice(text.trim(), &mut *key) {
            Ok(32) => Self::new(&key[..32]).ok_or(OperatorKeyError),
            _ => Err(OperatorKeyError),
        }
    }

    /// Takes a key of 32 random bytes.
    pub fn from_bytes(key: &[u8; 32]) -> Result<Self, OperatorKeyError> {
        Self::new(key).ok_or(OperatorKeyError)
    }

    /// Makes the text of a new key.
    pub fn generate(entropy: &dyn Entropy) -> SecretString {
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut *key);
        STANDARD.encode(key.as_slice()).into()
    }

    fn new(key: &[u8]) -> Option<Self> {
        let derived = Salt::new(HKDF_SHA256, b"spillwatch operator key").extract(key);
        let derive = |purpose: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            derived.expand(&[purpose], HKDF_SHA256).and_then(|key| key.fill(&mut *out)).ok().map(|()| out)
        };
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*derive(b"sealing, AES-256-GCM")?).ok()?;
        let id = digest::digest(&digest::SHA256, &*derive(b"key id")?);
        Some(Self { id: KeyId(*id.as_ref().first_chunk()?), cipher: Arc::new(cipher) })
    }

    /// What tells this key from others.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Seals a secret under its name. The nonce is random and made by the library, which leaves no way to use one
    /// twice; 2^32 secrets may be sealed with one key.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let crypto = || SealError::Crypto { name: name.to_owned() };
        let mut sealed = Zeroizing::new(secret.to_vec());
        let nonce = self.cipher.seal_in_place_append_tag(self.bound(name), &mut *sealed).map_err(|_| crypto())?;
        Ok([[VERSION].as_slice(), &self.id.0, nonce.as_ref(), &sealed].concat())
    }

    /// Opens what was sealed with this key under this name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let found = key_id(name, sealed)?;
        if found != self.id {
            return Err(SealError::OtherKey { name: name.to_owned(), found, given: self.id });
        }
        let opened = || {
            let (nonce, content) = sealed.get(HEAD..)?.split_first_chunk::<NONCE_LEN>()?;
            let mut content = Zeroizing::new(content.to_vec());
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let length = self.cipher.open_in_place(nonce, self.bound(name), &mut content).ok()?.len();
            content.truncate(length);
            Some(content)
        };
        opened().ok_or_else(|| SealError::Damaged { name: name.to_owned() })
    }

    fn bound(&self, name: &str) -> Aad<Vec<u8>> {
        Aad::from([b"spillwatch secret\0".as_slice(), &[VERSION], &self.id.0, name.as_bytes()].concat())
    }
}

/// The id of the key that a secret was sealed with.
pub(crate) fn key_id(name: &str, sealed: &[u8]) -> Result<KeyId, SealError> {
    let damaged = || SealError::Damaged { name: name.to_owned() };
    let (version, rest) = sealed.split_first().ok_or_else(damaged)?;
    if *version != VERSION {
        return Err(SealError::Version { name: name.to_owned(), found: *version });
    }
    rest.first_chunk().map(|id| KeyId(*id)).ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SystemEntropy;
    use secrecy::ExposeSecret as _;

    fn key(octet: u8) -> OperatorKey {
        OperatorKey::from_base64(&STANDARD.encode([octet; 32])).expect("32 bytes")
    }

    #[test]
    fn what_is_sealed_can_be_opened_and_shows_nothing() {
        let (key, secret) = (key(1), b"a private key of some length".as_slice());
        let sealed = key.seal("issuer/a.pkcs8", secret).expect("it can be sealed");
        assert_eq!(sealed.len(), HEAD + NONCE_LEN + secret.len() + 16);
        assert!(!sealed.windows(7).any(|window| window == b"private"));
        assert_eq!(*key.open("issuer/a.pkcs8", &sealed).expect("it can be opened"), secret);
        assert_ne!(sealed, key.seal("issuer/a.pkcs8", secret).expect("sealed"), "each nonce is used once");
        let empty = key.seal("empty", b"").expect("it can be sealed");
        assert_eq!(*key.open("empty", &empty).expect("it can be opened"), b"");
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let (one, two) = (key(1), key(2));
        let sealed = one.seal("name", b"secret").expect("it can be sealed");
        let refused = two.open("name", &sealed).expect_err("another key");
        assert_eq!(refused, SealError::OtherKey { name: "name".into(), found: one.id(), given: two.id() });
        assert!(refused.to_string().contains("sealed with another key"), "{refused}");
        let damaged = SealError::Damaged { name: "other".into() };
        assert_eq!(one.open("other", &sealed).expect_err("under another name"), damaged);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x40;
            let refused = one.open("name", &changed).expect_err("changed");
            let expected = match at {
                0 => matches!(refused, SealError::Version { found: 0x41, .. }),
                1..HEAD => matches!(refused, SealError::OtherKey { .. }),
                _ => matches!(refused, SealError::Damaged { .. }),
            };
            assert!(expected, "byte {at}: {refused}");
        }
        for length in 0..sealed.len() {
            assert!(matches!(one.open("name", &sealed[..length]), Err(SealError::Damaged { .. })), "{length} bytes");
        }
    }

    #[test]
    fn the_id_and_the_cipher_stay_the_same() {
        // Sealed as the form above says, by other implementations of HKDF and AES-GCM. Whatever changes here makes
        // every stored secret unreadable.
        assert_eq!(key(7).id().to_string(), "b193220ec7569776");
        let sealed = "AbGTIg7HVpd2AAECAwQFBgcICQoLa0AXVFSLPYCENbMoQvnubnGR9JZ1gR3KntXl/+2bLXeBG755";
        let sealed = STANDARD.decode(sealed).expect("base64");
        assert_eq!(*key(7).open("page-token.key", &sealed).expect("it can be opened"), b"of the first version");
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        let text = OperatorKey::generate(&SystemEntropy);
        let text = text.expose_secret();
        let id = OperatorKey::from_base64(text).map(|key| key.id());
        assert!(id.is_ok());
        assert_eq!(OperatorKey::from_base64(&format!(" {}\r\n", text.trim_end_matches('='))).map(|key| key.id()), id);
        for wrong in ["", "=", "secret", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &format!("{text}{text}")]
        {
            assert!(OperatorKey::from_base64(wrong).is_err(), "{wrong}");
        }
    }
}
