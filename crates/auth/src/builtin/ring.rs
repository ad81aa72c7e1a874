//! The built-in issuer's keys, as secrets of a storage: `issuer.json`, which says whose they are and which one
//! signs, and `{kid}.pkcs8` for each key.

use super::storage::{KEY_CHANGE_ATTEMPTS, KeyStorage, KeyStorageError, SecretBytes, Secrets};
use super::{BuiltinError, OldKeys};
use crate::der;
use crate::key_set::KeySet;
use crate::remote_keys::NumberedKeys;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Entropy, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

const ISSUER_FILE: &str = "issuer.json";
const KEY_EXTENSION: &str = ".pkcs8";
const VERSION: u32 = 1;

/// Whether a ring keeps a secret under this name.
pub(super) fn is_name_of_a_ring(name: &str) -> bool {
    name == ISSUER_FILE || name.strip_suffix(KEY_EXTENSION).is_some_and(|kid| !kid.is_empty())
}

#[derive(Deserialize, Serialize)]
struct IssuerFile {
    version: u32,
    issuer: String,
    signing_key: String,
}

/// The key that signs.
pub(super) struct SigningKey {
    pub kid: String,
    pub key: RsaKeyPair,
}

/// Every key, as the storage has them at one moment.
pub(super) struct Ring {
    /// What every issuer name of ours begins with.
    pub base: String,
    pub signing: SigningKey,
    pub keys: Arc<NumberedKeys>,
    /// The JWK set that is published (RFC 7517).
    pub published: Value,
}

impl Ring {
    /// Reads the keys; `None` when no issuer has been made yet. The key set gets `number`.
    pub(super) fn load(storage: &dyn KeyStorage, number: u64) -> Result<Option<Self>, BuiltinError> {
        let found = storage.read()?;
        let Some(file) = read_issuer(storage, &found)? else { return Ok(None) };
        Self::of(storage, file, &found, number).map(Some)
    }

    /// Makes the first key and the issuer's name, unless another process has just done it.
    pub(super) fn create(
        storage: &dyn KeyStorage,
        entropy: &dyn Entropy,
        now: Ticks,
        public_url: Option<&str>,
    ) -> Result<Self, BuiltinError> {
        let issuer = match public_url {
            Some(url) => issuer_base(url)?,
            None => format!("https://{}.spillwatch.invalid", entropy.uuid_v4()),
        };
        let (signing_key, secret) = make_key(entropy, now)?;
        let file = IssuerFile { version: VERSION, issuer, signing_key };
        let put = [(key_name(&file.signing_key), secret), written(&file)];
        for _ in 0..KEY_CHANGE_ATTEMPTS {
            let mut found = storage.read()?;
            if let Some(file) = read_issuer(storage, &found)? {
                return Self::of(storage, file, &found, 1);
            }
            if storage.replace(found.generation, &put, &[])? {
                found.apply(&put, &[]);
                return Self::of(storage, file, &found, 1);
            }
        }
        Err(KeyStorageError::Contended.into())
    }

    /// Adds a key and lets it sign. A crash in between leaves a key more than needed, never one less.
    pub(super) fn rotate(
        storage: &dyn KeyStorage,
        entropy: &dyn Entropy,
        now: Ticks,
        old: OldKeys,
        number: u64,
    ) -> Result<Self, BuiltinError> {
        let (signing_key, secret) = make_key(entropy, now)?;
        for _ in 0..KEY_CHANGE_ATTEMPTS {
            let mut found = storage.read()?;
            let file = read_issuer(storage, &found)?.ok_or_else(|| gone(storage))?;
            let file = IssuerFile { signing_key: signing_key.clone(), ..file };
            let put = [(key_name(&signing_key), secret.clone()), written(&file)];
            let remove: Vec<_> = match old {
                OldKeys::Keep => Vec::new(),
                OldKeys::Remove => kids(&found).map(key_name).collect(),
            };
            if storage.replace(found.generation, &put, &remove)? {
                found.apply(&put, &remove);
                return Self::of(storage, file, &found, number);
            }
        }
        Err(KeyStorageError::Contended.into())
    }

    pub(super) fn number(&self) -> u64 {
        self.keys.number
    }

    /// Tells whether `other` has the same keys and signs with the same one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.signing.kid == other.signing.kid && self.published == other.published
    }

    fn of(storage: &dyn KeyStorage, file: IssuerFile, found: &Secrets, number: u64) -> Result<Self, BuiltinError> {
        let mut signing = None;
        let mut members = Vec::new();
        for kid in kids(found) {
            let name = key_name(kid);
            let key = RsaKeyPair::from_pkcs8(&found.by_name[&name])
                .map_err(|_| BuiltinError::KeyFile(storage.place(&name)))?;
            members.push(public_jwk(kid, &key).ok_or(BuiltinError::Crypto)?);
            if kid == file.signing_key {
                signing = Some(SigningKey { kid: kid.to_owned(), key });
            }
        }
        let signing = signing.ok_or_else(|| BuiltinError::NoSigningKey {
            place: storage.place(&key_name(&file.signing_key)),
            kid: file.signing_key,
        })?;
        let published = json!({ "keys": members });
        let set = KeySet::from_jwks(published.to_string().as_bytes()).map_err(|_| BuiltinError::Crypto)?;
        let keys = Arc::new(NumberedKeys { number, set });
        Ok(Self { base: file.issuer, signing, keys, published })
    }
}

/// The issuer was there and is no longer.
pub(super) fn gone(storage: &dyn KeyStorage) -> BuiltinError {
    BuiltinError::IssuerFile { place: storage.place(ISSUER_FILE), problem: "it is gone".to_owned() }
}

/// The issuer's name from the public URL: as given, without the slash at its end.
fn issuer_base(url: &str) -> Result<String, BuiltinError> {
    let wrong = || BuiltinError::PublicUrl(url.to_owned());
    let parsed: url::Url = url.parse().map_err(|_| wrong())?;
    let plain = matches!(parsed.scheme(), "http" | "https")
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none()
        && !url.contains(['{', '}']);
    if plain { Ok(parsed.as_str().trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn read_issuer(storage: &dyn KeyStorage, found: &Secrets) -> Result<Option<IssuerFile>, BuiltinError> {
    let Some(contents) = found.by_name.get(ISSUER_FILE) else { return Ok(None) };
    let wrong = |problem: String| BuiltinError::IssuerFile { place: storage.place(ISSUER_FILE), problem };
    let file: IssuerFile = serde_json::from_slice(contents).map_err(|error| wrong(error.to_string()))?;
    if file.version == VERSION {
        Ok(Some(file))
    } else {
        Err(wrong(format!("its version is {}, and {VERSION} is understood", file.version)))
    }
}

fn written(file: &IssuerFile) -> (String, SecretBytes) {
    let contents = serde_json::to_vec_pretty(file).expect("texts and a number can be written as JSON");
    (ISSUER_FILE.to_owned(), Zeroizing::new(contents))
}

fn key_name(kid: &str) -> String {
    format!("{kid}{KEY_EXTENSION}")
}

/// The names of every key, oldest first (a name begins with its time).
fn kids(found: &Secrets) -> impl Iterator<Item = &str> {
    found.by_name.keys().filter_map(|name| name.strip_suffix(KEY_EXTENSION))
}

/// Makes a key under a new name.
fn make_key(entropy: &dyn Entropy, now: Ticks) -> Result<(String, SecretBytes), BuiltinError> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| BuiltinError::Crypto)?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| BuiltinError::Crypto)?;
    Ok((entropy.uuid_v7(now).to_string(), Zeroizing::new(pkcs8.as_ref().to_vec())))
}

/// The public half as a JWK (RFC 7517, RFC 7518 section 6.3.1).
fn public_jwk(kid: &str, key: &RsaKeyPair) -> Option<Value> {
    let (modulus, exponent) = der::rsa_public_key(key.public_key().as_ref())?;
    let number = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    Some(json!({
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": number(modulus),
        "e": number(exponent),
    }))
}
