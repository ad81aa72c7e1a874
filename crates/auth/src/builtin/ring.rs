//! The built-in issuer's keys in their folder:
//!
//! ```text
//! issuer.json     {"version":1,"issuer":"https://...","signing_key":"{kid}"}
//! {kid}.pkcs8     one RSA key of 2048 bits each; those that do not sign still verify
//! lock            empty; locked while the others change
//! ```

use super::{BuiltinError, OldKeys, files};
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
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};
use zeroize::Zeroizing;

pub(super) const ISSUER_FILE: &str = "issuer.json";
const KEY_EXTENSION: &str = "pkcs8";
const VERSION: u32 = 1;

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

/// Every key, as the folder has them at one moment.
pub(super) struct Ring {
    /// What every issuer name of ours begins with.
    pub base: String,
    pub signing: SigningKey,
    pub keys: Arc<NumberedKeys>,
    /// The JWK set that is published (RFC 7517).
    pub published: Value,
}

impl Ring {
    /// Reads the folder; `None` when no issuer has been made there yet. The key set gets `number`.
    pub(super) fn load(folder: &Path, number: u64) -> Result<Option<Self>, BuiltinError> {
        let _lock = files::lock_shared(folder)?;
        Self::load_locked(folder, number)
    }

    /// Makes the first key and the issuer's name, unless another process has just done it.
    pub(super) fn create(
        folder: &Path,
        entropy: &dyn Entropy,
        now: Ticks,
        public_url: Option<&str>,
    ) -> Result<Self, BuiltinError> {
        let issuer = match public_url {
            Some(url) => issuer_base(url)?,
            None => format!("https://{}.spillwatch.invalid", entropy.uuid_v4()),
        };
        files::private_folder(folder)?;
        let _lock = files::lock_exclusive(folder)?;
        if let Some(ring) = Self::load_locked(folder, 1)? {
            return Ok(ring);
        }
        let signing_key = make_key(folder, entropy, now)?;
        write_issuer(folder, &IssuerFile { version: VERSION, issuer, signing_key })?;
        Self::loaded(folder, 1)
    }

    /// Adds a key and lets it sign. A crash in between leaves a key more than needed, never one less.
    pub(super) fn rotate(
        folder: &Path,
        entropy: &dyn Entropy,
        now: Ticks,
        old: OldKeys,
        number: u64,
    ) -> Result<Self, BuiltinError> {
        let _lock = files::lock_exclusive(folder)?;
        let mut file = read_issuer(folder)?.ok_or_else(|| gone(folder))?;
        file.signing_key = make_key(folder, entropy, now)?;
        write_issuer(folder, &file)?;
        if old == OldKeys::Remove {
            for kid in kids(folder)?.iter().filter(|kid| **kid != file.signing_key) {
                let path = folder.join(format!("{kid}.{KEY_EXTENSION}"));
                fs::remove_file(&path).map_err(files::failed(&path, "removed"))?;
            }
            files::sync_folder(folder)?;
        }
        Self::loaded(folder, number)
    }

    pub(super) fn number(&self) -> u64 {
        self.keys.number
    }

    /// Tells whether `other` has the same keys and signs with the same one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.signing.kid == other.signing.kid && self.published == other.published
    }

    fn loaded(folder: &Path, number: u64) -> Result<Self, BuiltinError> {
        Self::load_locked(folder, number)?.ok_or_else(|| gone(folder))
    }

    fn load_locked(folder: &Path, number: u64) -> Result<Option<Self>, BuiltinError> {
        let Some(file) = read_issuer(folder)? else { return Ok(None) };
        let mut signing = None;
        let mut members = Vec::new();
        for kid in kids(folder)? {
            let key = read_key(folder, &kid)?;
            members.push(public_jwk(&kid, &key).ok_or(BuiltinError::Crypto)?);
            if kid == file.signing_key {
                signing = Some(SigningKey { kid, key });
            }
        }
        let missing = || BuiltinError::NoSigningKey { kid: file.signing_key.clone(), folder: folder.to_owned() };
        let signing = signing.ok_or_else(missing)?;
        let published = json!({ "keys": members });
        let set = KeySet::from_jwks(published.to_string().as_bytes()).map_err(|_| BuiltinError::Crypto)?;
        let keys = Arc::new(NumberedKeys { number, set });
        Ok(Some(Self { base: file.issuer, signing, keys, published }))
    }
}

fn gone(folder: &Path) -> BuiltinError {
    BuiltinError::IssuerFile { path: folder.join(ISSUER_FILE), problem: "it is gone".to_owned() }
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

fn read_issuer(folder: &Path) -> Result<Option<IssuerFile>, BuiltinError> {
    let path = folder.join(ISSUER_FILE);
    let contents = match fs::read(&path) {
        Ok(contents) => contents,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(files::failed(&path, "read")(error)),
    };
    let wrong = |problem: String| BuiltinError::IssuerFile { path: path.clone(), problem };
    let file: IssuerFile = serde_json::from_slice(&contents).map_err(|error| wrong(error.to_string()))?;
    if file.version == VERSION {
        Ok(Some(file))
    } else {
        Err(wrong(format!("its version is {}, and {VERSION} is understood", file.version)))
    }
}

fn write_issuer(folder: &Path, file: &IssuerFile) -> Result<(), BuiltinError> {
    let path = folder.join(ISSUER_FILE);
    let contents = serde_json::to_vec_pretty(file).map_err(|error| files::failed(&path, "written")(error.into()))?;
    files::write_whole(&path, &contents)
}

/// The names of every key in the folder, oldest first (a name begins with its time).
fn kids(folder: &Path) -> Result<Vec<String>, BuiltinError> {
    let listed = || -> io::Result<Vec<String>> {
        let mut kids = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == KEY_EXTENSION) {
                kids.extend(path.file_stem().and_then(|stem| stem.to_str()).map(ToOwned::to_owned));
            }
        }
        kids.sort_unstable();
        Ok(kids)
    };
    listed().map_err(files::failed(folder, "listed"))
}

/// Makes a key and stores it under a new name.
fn make_key(folder: &Path, entropy: &dyn Entropy, now: Ticks) -> Result<String, BuiltinError> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| BuiltinError::Crypto)?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| BuiltinError::Crypto)?;
    let kid = entropy.uuid_v7(now).to_string();
    files::write_whole(&folder.join(format!("{kid}.{KEY_EXTENSION}")), pkcs8.as_ref())?;
    Ok(kid)
}

fn read_key(folder: &Path, kid: &str) -> Result<RsaKeyPair, BuiltinError> {
    let path = folder.join(format!("{kid}.{KEY_EXTENSION}"));
    let pkcs8 = Zeroizing::new(fs::read(&path).map_err(files::failed(&path, "read"))?);
    RsaKeyPair::from_pkcs8(&pkcs8).map_err(|_| BuiltinError::KeyFile(path))
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
