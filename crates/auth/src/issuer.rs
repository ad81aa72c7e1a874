//! A configured issuer at work: whom it speaks for, with which keys, for which audiences.

use crate::claims::Audiences;
use crate::issuer_config::{IssuerConfig, KeySource, TenantChoice};
use crate::key_set::{KeySet, KeySetError, NoKey};
use crate::outgoing::Outgoing;
use crate::remote_keys::{FetchRules, NumberedKeys, RemoteKeys};
use crate::{Algorithm, AuthError};
use arc_swap::ArcSwap;
use model::{Clock, Registry, Tenant, TenantId, Ticks};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("the key file {path} of the issuer {issuer} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// The issuer it belongs to.
        issuer: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file holds nothing that can be used.
    #[error("the key file {path} of the issuer {issuer} {source}")]
    Contents {
        /// The file.
        path: PathBuf,
        /// The issuer it belongs to.
        issuer: String,
        /// What is wrong with it.
        source: KeySetError,
    },
}

pub(crate) struct Issuer {
    config: IssuerConfig,
    pub(crate) audiences: Audiences,
    keys: Keys,
}

enum Keys {
    File { path: PathBuf, current: ArcSwap<NumberedKeys> },
    Remote(Arc<RemoteKeys>),
}

impl Issuer {
    /// Makes an issuer ready; a key file is read now, keys on the network at the first token.
    pub(crate) fn new(
        config: IssuerConfig,
        outgoing: &Arc<Outgoing>,
        clock: &Arc<dyn Clock>,
        rules: FetchRules,
    ) -> Result<Self, KeyFileError> {
        let keys = match &config.keys {
            KeySource::File(path) => {
                let set = read_keys(path, &config)?;
                Keys::File { path: path.clone(), current: ArcSwap::from_pointee(NumberedKeys { number: 1, set }) }
            }
            KeySource::Discovery(url) => {
                let (url, issuer) = (url.clone(), config.issuer.clone());
                Keys::Remote(Arc::new(RemoteKeys::new(url, issuer, outgoing.clone(), clock.clone(), rules)))
            }
        };
        Ok(Self { audiences: Audiences::new(&config.audiences), config, keys })
    }

    /// Tells whether `issuer` of a token is this one, for any tenant.
    pub(crate) fn fits(&self, issuer: &str) -> bool {
        self.config.issuer.fits(issuer)
    }

    /// Tells whether `issuer` of a token is this one for its `tid`.
    pub(crate) fn binds(&self, issuer: &str, tid: Option<TenantId>) -> bool {
        self.config.issuer.binds(issuer, tid)
    }

    /// Finds the tenant of a token.
    pub(crate) fn tenant<'a>(&self, registry: &'a Registry, tid: Option<TenantId>) -> Result<&'a Tenant, AuthError> {
        let id = match self.config.tenant {
            TenantChoice::Fixed(id) => id,
            TenantChoice::FromTid => tid.ok_or_else(|| AuthError::malformed("it has no `tid` (tenant)"))?,
            TenantChoice::First => {
                let first = registry.tenants.iter().min_by_key(|tenant| tenant.key);
                let none = || AuthError::UnknownTenant { tenant: crate::Shown::new("first") };
                return first.ok_or_else(none);
            }
        };
        registry.tenant(id).ok_or_else(|| AuthError::UnknownTenant { tenant: id.into() })
    }

    /// The number of the keys at hand, while verdicts that rest on them may be remembered.
    pub(crate) fn keys_number(&self, now: Ticks) -> Option<u64> {
        match &self.keys {
            Keys::File { current, .. } => Some(current.load().number),
            Keys::Remote(remote) => remote.fresh_number(now),
        }
    }

    /// Checks a signature and returns the number of the key set that proved it. An unknown `kid`
    /// has the keys fetched again, if that has not just been done.
    pub(crate) async fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        signed: &str,
        signature: &[u8],
    ) -> Result<u64, AuthError> {
        let remote = match &self.keys {
            Keys::File { current, .. } => return check(&current.load(), kid, algorithm, signed, signature),
            Keys::Remote(remote) => remote,
        };
        let unavailable = || AuthError::Unavailable { what: "the issuer's keys cannot be fetched", source: None };
        let Some(keys) = remote.current() else {
            remote.fetch_again().await;
            let keys = remote.current().ok_or_else(unavailable)?;
            return check(&keys, kid, algorithm, signed, signature);
        };
        remote.refresh_if_due();
        match check(&keys, kid, algorithm, signed, signature) {
            Err(AuthError::UnknownKey { .. }) if remote.fetch_again().await => {
                let keys = remote.current().ok_or_else(unavailable)?;
                check(&keys, kid, algorithm, signed, signature)
            }
            verdict => verdict,
        }
    }

    /// Reads a key file again. Returns whether its keys have changed.
    pub(crate) fn reload_file(&self) -> Result<bool, KeyFileError> {
        let Keys::File { path, current } = &self.keys else { return Ok(false) };
        let set = read_keys(path, &self.config)?;
        let before = current.load();
        let changed = before.set != set;
        if changed {
            current.store(Arc::new(NumberedKeys { number: before.number + 1, set }));
        }
        Ok(changed)
    }

    /// Begins to fetch keys that have grown old.
    pub(crate) fn refresh_if_due(&self) {
        if let Keys::Remote(remote) = &self.keys {
            remote.refresh_if_due();
        }
    }
}

fn read_keys(path: &Path, config: &IssuerConfig) -> Result<KeySet, KeyFileError> {
    let (path, issuer) = (path.to_owned(), config.issuer.to_string());
    match std::fs::read(&path) {
        Ok(bytes) => {
            KeySet::from_file_contents(&bytes).map_err(|source| KeyFileError::Contents { path, issuer, source })
        }
        Err(source) => Err(KeyFileError::Read { path, issuer, source }),
    }
}

/// Checks a signature with the keys that may have made it.
pub(crate) fn check(
    keys: &NumberedKeys,
    kid: Option<&str>,
    algorithm: Algorithm,
    signed: &str,
    signature: &[u8],
) -> Result<u64, AuthError> {
    let candidates = keys.set.candidates(kid, algorithm).map_err(|why| AuthError::UnknownKey {
        problem: match why {
            NoKey::UnknownKid => "its issuer publishes no key with that `kid`",
            NoKey::KidNeeded => "it has no `kid`, and not exactly one key of its issuer fits its algorithm",
            NoKey::OtherAlgorithm => "its issuer's key is not for its algorithm",
        },
    })?;
    let proved = candidates.iter().any(|key| key.verifies(algorithm, signed.as_bytes(), signature));
    if proved { Ok(keys.number) } else { Err(AuthError::BadSignature) }
}
