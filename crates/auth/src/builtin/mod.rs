//! The built-in issuer: tokens without anybody else's identity provider, for client credentials
//! (RFC 6749 section 4.4) and for `spillwatch token`.

mod documents;
mod files;
mod folder;
mod ring;
mod storage;

pub use folder::FolderKeys;
pub use storage::{KEY_CHANGE_ATTEMPTS, KeyStorage, KeyStorageError, KeysBelow, SecretBytes, Secrets, shared_secret};

use crate::claims::{LONGEST_NAME, is_name};
use crate::issuer_config::{GRAPH_AUDIENCES, IssuerPattern};
use crate::remote_keys::NumberedKeys;
use arc_swap::ArcSwap;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{App, Clock, Entropy, Permission, PermissionSet, TenantId};
use ring::Ring;
use secrecy::SecretString;
use serde_json::json;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Why the built-in issuer cannot work.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// The keys cannot be read or written where they are kept.
    #[error(transparent)]
    Storage(#[from] KeyStorageError),
    /// `issuer.json` is broken or of another version.
    #[error("{place} is not an issuer file: {problem}")]
    IssuerFile {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key is broken; where it is.
    #[error("{0} is not an RSA key in PKCS#8 form")]
    KeyFile(String),
    /// The key that signs is gone.
    #[error("the signing key {kid} is missing: there is no {place}")]
    NoSigningKey {
        /// The key's name.
        kid: String,
        /// Where it should be.
        place: String,
    },
    /// The public URL cannot be the beginning of an issuer's name.
    #[error("the public URL `{0}` is not an http or https URL without query and fragment")]
    PublicUrl(String),
    /// A command's name that its own token could not be accepted with.
    #[error("the app name `{}` is empty, longer than {LONGEST_NAME} bytes or has control characters", .0.escape_debug())]
    AppName(String),
    /// The cryptographic library failed.
    #[error("a key cannot be made or used")]
    Crypto,
}

/// What becomes of the keys before a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKeys {
    /// They sign no more, but tokens that they signed are good until they end.
    Keep,
    /// They are deleted: every token that they signed is refused from now on.
    Remove,
}

/// The app that a token is issued to.
#[derive(Clone, Copy, Debug)]
pub enum TokenApp<'a> {
    /// A registered app; its tokens end with its registration.
    Registered(&'a App),
    /// Whoever runs commands on the data folder, by a name of their choice. It is in no registry.
    Command(&'a str),
}

impl TokenApp<'_> {
    /// What stands before a command's name in `appid`: no GUID begins with it, so no registered app
    /// can be meant.
    pub(crate) const COMMAND_PREFIX: &'static str = "cli:";

    fn id(&self) -> String {
        match self {
            Self::Registered(app) => app.id.to_string(),
            Self::Command(name) => format!("{}{name}", Self::COMMAND_PREFIX),
        }
    }
}

/// A token to be issued.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// The tenant it is for.
    pub tenant: TenantId,
    /// The app it is for.
    pub app: TokenApp<'a>,
    /// What it grants, as `roles`.
    pub permissions: PermissionSet,
    /// How long it is good, in whole seconds.
    pub lifetime: Duration,
}

/// An issuer of our own, with its keys in a folder or another storage.
///
/// Its name is stored at the first start and never follows the address, so that tokens survive a
/// move to another port or host name.
pub struct BuiltinIssuer {
    storage: Arc<dyn KeyStorage>,
    pattern: IssuerPattern,
    base: Box<str>,
    ring: ArcSwap<Ring>,
    /// Held while the ring is changed or read again.
    changing: Mutex<()>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
}

impl BuiltinIssuer {
    /// Opens the issuer whose keys are in `folder`, or makes one there: [`BuiltinIssuer::open`] with the files of
    /// a folder.
    pub fn open_or_create(
        folder: &Path,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        public_url: Option<&str>,
    ) -> Result<Self, BuiltinError> {
        Self::open(Arc::new(FolderKeys::new(folder)), entropy, clock, public_url)
    }

    /// Opens the issuer whose keys are in `storage`, or makes one there: its name is `public_url` if
    /// there is one at that first start, else an address that nobody can own
    /// (`https://{guid}.spillwatch.invalid`, RFC 6761 section 6.4). Makes a key the first time, which
    /// takes a tenth of a second, and waits for the storage: not for an asynchronous thread. Of several
    /// that make one at once, one is the first, and all open that one.
    pub fn open(
        storage: Arc<dyn KeyStorage>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        public_url: Option<&str>,
    ) -> Result<Self, BuiltinError> {
        let ring = match Ring::load(&*storage, 1)? {
            Some(ring) => ring,
            None => Ring::create(&*storage, &*entropy, clock.now(), public_url)?,
        };
        let base: Box<str> = ring.base.as_str().into();
        Ok(Self {
            storage,
            pattern: IssuerPattern::with_tenant(&format!("{base}/"), "/v2.0"),
            base,
            ring: ArcSwap::from_pointee(ring),
            changing: Mutex::new(()),
            entropy,
            clock,
        })
    }

    /// The issuer's name for one tenant, as `iss` has it.
    pub fn issuer_for(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.base)
    }

    /// The name of the key that signs.
    pub fn signing_kid(&self) -> String {
        self.ring.load().signing.kid.clone()
    }

    /// Issues a token, signed with RS256. Takes about half a millisecond of computing.
    pub fn issue(&self, token: &NewToken<'_>) -> Result<SecretString, BuiltinError> {
        let ring = self.ring.load();
        let now = self.clock.now().unix_seconds();
        let lifetime = i64::try_from(token.lifetime.as_secs()).unwrap_or(i64::MAX);
        let app = token.app.id();
        if matches!(token.app, TokenApp::Command("")) || !is_name(&app) {
            return Err(BuiltinError::AppName(app));
        }
        let roles: Vec<_> = token.permissions.iter().map(Permission::name).collect();
        let mut claims = json!({
            "ver": "2.0",
            "iss": self.issuer_for(token.tenant),
            "aud": GRAPH_AUDIENCES[0],
            "tid": token.tenant.to_string(),
            "appid": app,
            "azp": app,
            "oid": app,
            "sub": app,
            "idtyp": "app",
            "roles": roles,
            "iat": now,
            "nbf": now,
            "exp": now.saturating_add(lifetime),
            "uti": self.entropy.uuid_v4().simple().to_string(),
        });
        if let TokenApp::Registered(app) = token.app {
            claims["app_displayname"] = json!(app.name);
        }
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": ring.signing.kid});
        let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut text);
        let key = &ring.signing.key;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| BuiltinError::Crypto)?;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text.into())
    }

    /// Makes a new key and signs with it from now on; returns its name. Move the registry's epoch
    /// *after* this, which makes every server read the keys again before it trusts a token.
    pub fn rotate(&self, old: OldKeys) -> Result<String, BuiltinError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.ring.load();
        let after = Ring::rotate(&*self.storage, &*self.entropy, self.clock.now(), old, before.number() + 1)?;
        let kid = after.signing.kid.clone();
        self.ring.store(Arc::new(after));
        Ok(kid)
    }

    /// Reads the keys again. Returns whether the keys have changed.
    pub fn reload(&self) -> Result<bool, BuiltinError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.ring.load();
        let Some(after) = Ring::load(&*self.storage, before.number() + 1)? else {
            return Err(ring::gone(&*self.storage));
        };
        if after.is_same(&before) {
            return Ok(false);
        }
        self.ring.store(Arc::new(after));
        Ok(true)
    }

    pub(crate) fn pattern(&self) -> &IssuerPattern {
        &self.pattern
    }

    pub(crate) fn keys(&self) -> Arc<NumberedKeys> {
        self.ring.load().keys.clone()
    }

    pub(crate) fn keys_number(&self) -> u64 {
        self.ring.load().number()
    }
}

impl fmt::Debug for BuiltinIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltinIssuer")
            .field("base", &self.base)
            .field("kid", &self.signing_kid())
            .finish_non_exhaustive()
    }
}
