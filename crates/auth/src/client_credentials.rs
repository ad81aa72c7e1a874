//! The client-credentials grant (RFC 6749 section 4.4): is this request worth a token?
//!
//! [`check`] is pure; [`TokenGate`] adds the throttle. Whoever asks, known or not, costs the same
//! work, and is told the same as long as no right secret was shown.

use crate::secret::secret_sha256;
use governor::clock::{Clock as GovernorClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::state::InMemoryState;
use governor::state::direct::NotKeyed;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use model::{App, AppId, AppSecret, Clock, Registry, Tenant, Ticks};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use subtle::{Choice, ConstantTimeEq as _};

/// A token request as it came: form fields, or client id and secret from the Basic header.
#[derive(Clone, Copy, Default)]
pub struct TokenRequest<'a> {
    /// `grant_type`.
    pub grant_type: Option<&'a str>,
    /// `client_id`.
    pub client_id: Option<&'a str>,
    /// `client_secret`.
    pub client_secret: Option<&'a str>,
    /// `scope`.
    pub scope: Option<&'a str>,
}

impl fmt::Debug for TokenRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("grant_type", &self.grant_type)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A request that was found right: issue a token for this app, with these permissions.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The app; its permissions are what the token grants.
    pub app: &'a App,
    /// Its tenant.
    pub tenant: &'a Tenant,
}

/// Error codes of RFC 6749 section 5.2, and `slow_down` (RFC 8628 section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OAuthCode {
    /// A parameter is missing or the tenant does not exist.
    InvalidRequest,
    /// No such app in the tenant, or not its secret.
    InvalidClient,
    /// The app may not do anything.
    UnauthorizedClient,
    /// The scope is not one that tokens are issued for.
    InvalidScope,
    /// Another grant than client credentials.
    UnsupportedGrantType,
    /// Too many requests.
    SlowDown,
}

impl OAuthCode {
    /// The value of `error` in the answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::SlowDown => "slow_down",
        }
    }

    /// The status of the answer (RFC 6749 section 5.2; 429 of RFC 6585 for the throttle).
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::SlowDown => 429,
            _ => 400,
        }
    }
}

/// A refused token request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", .code.name())]
pub struct OAuthError {
    /// The error code.
    pub code: OAuthCode,
    /// What is wrong and what would be right: `error_description`.
    pub description: String,
    /// After how many seconds to try again, for [`OAuthCode::SlowDown`].
    pub retry_after: Option<u64>,
}

impl OAuthError {
    fn new(code: OAuthCode, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), retry_after: None }
    }
}

/// Checks a token request for the tenant in the path. `audiences` are those of the built-in issuer;
/// a scope is one of them with `/.default` behind it, as Microsoft's clients ask.
pub fn check<'a>(
    registry: &'a Registry,
    tenant: &str,
    request: &TokenRequest<'_>,
    audiences: &[String],
    now: Ticks,
) -> Result<Grant<'a>, OAuthError> {
    match request.grant_type {
        Some("client_credentials") => {}
        Some(_) => {
            let description = "the grant_type is not served: client_credentials is";
            return Err(OAuthError::new(OAuthCode::UnsupportedGrantType, description));
        }
        None => return Err(missing(request)),
    }
    let (Some(client_id), Some(secret), Some(scope)) = (request.client_id, request.client_secret, request.scope) else {
        return Err(missing(request));
    };
    let found = tenant.parse().ok().and_then(|id| registry.tenant(id));
    let Some(tenant) = found else {
        let description = "the tenant in the path is not known here: a tenant's id (a GUID) is expected";
        return Err(OAuthError::new(OAuthCode::InvalidRequest, description));
    };
    let app = client_id.parse().ok().and_then(|id| registry.app(id)).filter(|app| app.tenant == tenant.key);
    let proof = prove(app, secret, now);
    let app = match (app, proof) {
        (Some(app), Proof::Right) => app,
        (_, Proof::Expired) => {
            let description = "the client secret has expired: make a new one with `spillwatch apps`";
            return Err(OAuthError::new(OAuthCode::InvalidClient, description));
        }
        _ => {
            let description = "no app with this client_id and client_secret is registered in this tenant";
            return Err(OAuthError::new(OAuthCode::InvalidClient, description));
        }
    };
    let asked = scope.trim().strip_suffix("/.default");
    if !asked.is_some_and(|asked| {
        audiences.iter().any(|audience| audience.trim_end_matches('/') == asked.trim_end_matches('/'))
    }) {
        let description = "the scope is not served: https://graph.microsoft.com/.default is, and this server's own address with /.default";
        return Err(OAuthError::new(OAuthCode::InvalidScope, description));
    }
    if app.permissions.is_empty() {
        return Err(OAuthError::new(
            OAuthCode::UnauthorizedClient,
            "the app has no permission: `spillwatch apps` grants some",
        ));
    }
    Ok(Grant { app, tenant })
}

fn missing(request: &TokenRequest<'_>) -> OAuthError {
    let fields = [
        ("grant_type", request.grant_type),
        ("client_id", request.client_id),
        ("client_secret", request.client_secret),
        ("scope", request.scope),
    ];
    let names: Vec<_> = fields.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    OAuthError::new(OAuthCode::InvalidRequest, format!("missing: {}", names.join(", ")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Right,
    Expired,
    Wrong,
}

/// Compares a secret with every secret of the app, without stopping at a match. An unknown app is
/// compared with as many secrets as an app may have, so that time does not tell whether it exists.
fn prove(app: Option<&App>, secret: &str, now: Ticks) -> Proof {
    const MOST_SECRETS: usize = 2;
    let shown = secret_sha256(secret);
    let stored: &[AppSecret] = app.map_or(&[], |app| &app.secrets);
    let (mut right, mut expired) = (Choice::from(0), Choice::from(0));
    for secret in stored {
        let same = secret.sha256.ct_eq(&shown);
        let live = Choice::from(u8::from(now < secret.expires));
        right |= same & live;
        expired |= same & !live;
    }
    for _ in stored.len()..MOST_SECRETS {
        std::hint::black_box([0; 32].ct_eq(&shown));
    }
    match (right.into(), expired.into()) {
        (true, _) => Proof::Right,
        (false, true) => Proof::Expired,
        (false, false) => Proof::Wrong,
    }
}

/// How often tokens may be asked for: a burst, and from then on so many a minute.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests at once.
    pub burst: NonZeroU32,
    /// Requests a minute after that.
    pub per_minute: NonZeroU32,
}

impl Rate {
    fn quota(self) -> Quota {
        Quota::per_minute(self.per_minute).allow_burst(self.burst)
    }
}

impl Default for Rate {
    /// Sixty at once, sixty a minute: a token lives an hour.
    fn default() -> Self {
        const SIXTY: NonZeroU32 = NonZeroU32::new(60).expect("sixty is not zero");
        Self { burst: SIXTY, per_minute: SIXTY }
    }
}

type Keyed = RateLimiter<AppId, HashMapStateStore<AppId>, Ticking, NoOpMiddleware<Duration>>;
type Shared = RateLimiter<NotKeyed, InMemoryState, Ticking, NoOpMiddleware<Duration>>;

/// [`check`] behind a throttle.
///
/// Right requests count against their app; wrong ones against the app they name, or together when
/// there is no such app. The two are apart, so that whoever knows a client id but not its secret
/// cannot lock the app out, and ids that somebody makes up take no memory.
pub struct TokenGate {
    granted: Keyed,
    refused: Keyed,
    unknown: Shared,
    clock: Ticking,
}

impl TokenGate {
    /// Makes a gate with the same rate for each app and for all unknown ones together.
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let clock = Ticking(clock);
        let keyed = || RateLimiter::new(rate.quota(), HashMapStateStore::default(), clock.clone());
        let unknown = RateLimiter::new(rate.quota(), InMemoryState::default(), clock.clone());
        Self { granted: keyed(), refused: keyed(), unknown, clock: clock.clone() }
    }

    /// Checks a request and counts it; see [`check`].
    pub fn admit<'a>(
        &self,
        registry: &'a Registry,
        tenant: &str,
        request: &TokenRequest<'_>,
        audiences: &[String],
    ) -> Result<Grant<'a>, OAuthError> {
        let verdict = check(registry, tenant, request, audiences, self.clock.0.now());
        let named = || request.client_id?.parse().ok().filter(|id| registry.app(*id).is_some());
        let until = match &verdict {
            Ok(grant) => self.granted.check_key(&grant.app.id),
            Err(_) => match named() {
                Some(id) => self.refused.check_key(&id),
                None => self.unknown.check(),
            },
        };
        let Err(until) = until else { return verdict };
        let wait = until.earliest_possible().duration_since(self.clock.now());
        let seconds = u64::try_from(Duration::from(wait).as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
        let description =
            format!("too many token requests: try again in {seconds} seconds, and use a token until it expires");
        Err(OAuthError { code: OAuthCode::SlowDown, description, retry_after: Some(seconds) })
    }

    /// Forgets apps that have not asked for so long that it makes no difference.
    pub fn tidy(&self) {
        self.granted.retain_recent();
        self.refused.retain_recent();
    }
}

impl fmt::Debug for TokenGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenGate").finish_non_exhaustive()
    }
}

/// The product's clock, for the throttle.
#[derive(Clone)]
struct Ticking(Arc<dyn Clock>);

impl GovernorClock for Ticking {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let ticks = u64::try_from(self.0.now().get()).unwrap_or(0);
        let per_second = Ticks::PER_SECOND as u64;
        Duration::new(ticks / per_second, (ticks % per_second) as u32 * 100)
    }
}
