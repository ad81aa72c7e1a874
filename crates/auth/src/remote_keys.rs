//! An issuer's keys fetched over the network (OpenID Connect Discovery 1.0 section 4, RFC 7517).

use crate::issuer_config::IssuerPattern;
use crate::key_set::{KeySet, KeySetError};
use crate::outgoing::{Outgoing, OutgoingError};
use crate::{Shown, strict_json};
use arc_swap::ArcSwapOption;
use model::{Clock, Ticks};
use serde_json::Value;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use url::Url;

/// When keys are fetched again.
#[derive(Clone, Copy, Debug)]
pub struct FetchRules {
    /// The age at which a key set is fetched again, in seconds.
    pub longest_age: i64,
    /// The shortest time between two fetches, in seconds, however many unknown `kid`s arrive.
    pub shortest_interval: i64,
    /// The longest that a request waits for a fetch.
    pub longest_wait: Duration,
}

impl Default for FetchRules {
    fn default() -> Self {
        Self { longest_age: 3600, shortest_interval: 30, longest_wait: Duration::from_secs(10) }
    }
}

/// Why an issuer's keys could not be fetched. It goes to the log: clients learn only that the keys
/// cannot be had.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{url} cannot be fetched")]
    Call { url: Box<str>, source: OutgoingError },
    #[error("{url} is not a discovery document: {problem}")]
    Document { url: Box<str>, problem: String },
    /// The document speaks for somebody else (OpenID Connect Discovery 1.0 section 4.3).
    #[error("the discovery document {url} is for the issuer {found}, not for `{expected}`")]
    OtherIssuer { url: Box<str>, found: Shown, expected: String },
    #[error("{url} {source}")]
    KeySet { url: Box<str>, source: KeySetError },
}

/// A key set with its number: another number, other keys.
pub(crate) struct NumberedKeys {
    pub number: u64,
    pub set: KeySet,
}

/// The keys of an issuer that publishes them.
pub(crate) struct RemoteKeys {
    address: Url,
    issuer: IssuerPattern,
    outgoing: Arc<Outgoing>,
    clock: Arc<dyn Clock>,
    rules: FetchRules,
    current: ArcSwapOption<NumberedKeys>,
    /// Up to when the set counts as fresh, in ticks.
    fresh_until: AtomicI64,
    flight: Mutex<Flight>,
}

/// The fetch that is under way, and when the last one began.
#[derive(Default)]
struct Flight {
    landed: Option<watch::Receiver<()>>,
    task: Option<AbortHandle>,
    begun: Option<Ticks>,
}

impl RemoteKeys {
    pub(crate) fn new(
        address: Url,
        issuer: IssuerPattern,
        outgoing: Arc<Outgoing>,
        clock: Arc<dyn Clock>,
        rules: FetchRules,
    ) -> Self {
        Self {
            address: document_address(address),
            issuer,
            outgoing,
            clock,
            rules,
            current: ArcSwapOption::empty(),
            fresh_until: AtomicI64::new(i64::MIN),
            flight: Mutex::default(),
        }
    }

    /// The keys at hand, old ones included; `None` until the first fetch has succeeded.
    pub(crate) fn current(&self) -> Option<Arc<NumberedKeys>> {
        self.current.load_full()
    }

    /// The number of the set at hand while it is fresh.
    pub(crate) fn fresh_number(&self, now: Ticks) -> Option<u64> {
        let fresh = now.get() < self.fresh_until.load(Ordering::Relaxed);
        if fresh { self.current.load().as_ref().map(|keys| keys.number) } else { None }
    }

    /// Begins a fetch when the set is no longer fresh, without waiting for it.
    pub(crate) fn refresh_if_due(self: &Arc<Self>) {
        let now = self.clock.now();
        if self.fresh_number(now).is_none() {
            self.board(now);
        }
    }

    /// Waits for the fetch that is under way, or begins one if the last is long enough ago. Returns
    /// whether there was one to wait for.
    pub(crate) async fn fetch_again(self: &Arc<Self>) -> bool {
        let Some(mut landed) = self.board(self.clock.now()) else { return false };
        // The sender is only ever dropped, so an error is what a landing looks like.
        let _ = tokio::time::timeout(self.rules.longest_wait, landed.changed()).await;
        true
    }

    /// Joins the fetch under way, or begins one in a task of its own, which a request that gives up
    /// does not cancel. `None` when the last one began too recently.
    fn board(self: &Arc<Self>, now: Ticks) -> Option<watch::Receiver<()>> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landed) = &flight.landed
            && landed.has_changed().is_ok()
        {
            return Some(landed.clone());
        }
        let next = flight.begun.map(|begun| begun.plus_seconds(self.rules.shortest_interval));
        if next.is_some_and(|next| now < next) {
            return None;
        }
        let (landing, landed) = watch::channel(());
        let keys = Arc::downgrade(self);
        let (address, issuer, outgoing) = (self.address.clone(), self.issuer.clone(), self.outgoing.clone());
        let task = tokio::spawn(async move {
            let fetched = fetch(&outgoing, &address, &issuer).await;
            if let Some(keys) = keys.upgrade() {
                keys.take_in(fetched);
            }
            drop(landing);
        });
        *flight = Flight { landed: Some(landed.clone()), task: Some(task.abort_handle()), begun: Some(now) };
        Some(landed)
    }

    /// Takes in what a fetch brought. A failure keeps the old keys and is tried again after the
    /// shortest interval.
    fn take_in(&self, fetched: Result<KeySet, FetchError>) {
        let now = self.clock.now();
        let fresh_for = match fetched {
            Ok(set) => {
                let current = self.current.load_full();
                if current.as_ref().is_none_or(|current| current.set != set) {
                    let number = current.map_or(1, |current| current.number + 1);
                    tracing::info!(issuer = %self.issuer, keys = set.len(), "took in the issuer's keys");
                    self.current.store(Some(Arc::new(NumberedKeys { number, set })));
                }
                self.rules.longest_age
            }
            Err(error) => {
                let cause = innermost(&error);
                tracing::warn!(issuer = %self.issuer, %cause, "the issuer's keys stay as they are: {error}");
                self.rules.shortest_interval
            }
        };
        self.fresh_until.store(now.plus_seconds(fresh_for).get(), Ordering::Relaxed);
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        let flight = self.flight.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = flight.task.take() {
            task.abort();
        }
    }
}

/// The first cause of an error, which is what the operator can do something about.
fn innermost(error: &dyn std::error::Error) -> &dyn std::error::Error {
    std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error)
}

/// The discovery document of an issuer's address (OpenID Connect Discovery 1.0 section 4.1); an
/// address inside `/.well-known/` is taken as it is.
fn document_address(mut address: Url) -> Url {
    if !address.path().contains("/.well-known/") {
        let path = format!("{}/.well-known/openid-configuration", address.path().trim_end_matches('/'));
        address.set_path(&path);
    }
    address
}

async fn fetch(outgoing: &Outgoing, address: &Url, issuer: &IssuerPattern) -> Result<KeySet, FetchError> {
    let call = async |url: &Url| {
        outgoing.fetch(url).await.map_err(|source| FetchError::Call { url: url.as_str().into(), source })
    };
    let url = keys_address(address, &call(address).await?, issuer)?;
    KeySet::from_jwks(&call(&url).await?).map_err(|source| FetchError::KeySet { url: url.as_str().into(), source })
}

/// Checks a discovery document and returns its `jwks_uri`.
fn keys_address(address: &Url, document: &[u8], issuer: &IssuerPattern) -> Result<Url, FetchError> {
    let invalid = |problem: String| FetchError::Document { url: address.as_str().into(), problem };
    let document = strict_json::object(document).map_err(invalid)?;
    let text = |name: &str| {
        document.get(name).and_then(Value::as_str).ok_or_else(|| invalid(format!("the text `{name}` is missing")))
    };
    let found = text("issuer")?;
    if !issuer.is_same(found) {
        let (url, found, expected) = (address.as_str().into(), Shown::new(found), issuer.to_string());
        return Err(FetchError::OtherIssuer { url, found, expected });
    }
    text("jwks_uri")?.parse().map_err(|_| invalid("`jwks_uri` is not a URL".to_owned()))
}
