//! From a bearer token (RFC 6750) to a caller.

use crate::builtin::{BuiltinIssuer, TokenApp};
use crate::claims::{Audiences, Claims};
use crate::error::Shown;
use crate::issuer::{self, Issuer, KeyFileError};
use crate::issuer_config::{GRAPH_AUDIENCES, IssuerConfig};
use crate::jws::Jws;
use crate::outgoing::Outgoing;
use crate::registry::{Registries, RegistrySource};
use crate::remembered::{Basis, Remembered, Verdict};
use crate::remote_keys::FetchRules;
use crate::{AuthError, jws};
use model::{App, Caller, Clock, Permission, PermissionSet, Registry, Tenant, Ticks};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The audience that this product's tokens may have everywhere.
const OWN_AUDIENCE: &str = "api://spillwatch";
/// The place of the built-in issuer in a [`Basis`].
const BUILTIN: u32 = u32::MAX;

/// What can be set about token checks.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// The origins under which this server is reached (`https://risk.example`): audiences that are
    /// accepted from the built-in issuer, next to Graph's own and `api://spillwatch`.
    pub origins: Vec<String>,
    /// By how many seconds the clock of another issuer may differ, for `exp`, `nbf` and `iat`. The
    /// built-in issuer's tokens end on the second: the clock is ours.
    pub leeway: i64,
    /// How many verified tokens are remembered.
    pub remembered: usize,
    /// When keys are fetched again.
    pub fetch: FetchRules,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self { origins: Vec::new(), leeway: 60, remembered: 10_000, fetch: FetchRules::default() }
    }
}

impl AuthSettings {
    /// The audiences that the built-in issuer's tokens may have.
    pub fn own_audiences(&self) -> Vec<String> {
        let origins = self.origins.iter().flat_map(|origin| {
            let bare = origin.trim_end_matches('/');
            [bare.to_owned(), format!("{bare}/")]
        });
        GRAPH_AUDIENCES.iter().map(ToString::to_string).chain([OWN_AUDIENCE.to_owned()]).chain(origins).collect()
    }
}

/// Why an authenticator cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An issuer's key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Two issuers have the same name, so it would be chance whose rules hold.
    #[error("the issuer {0} is configured twice: give one of them several audiences instead")]
    Twice(String),
    /// Somebody else is to speak in the name of the built-in issuer.
    #[error("the issuer {0} is this server's own and cannot be configured")]
    Builtin(String),
}

/// Checks bearer tokens and remembers those that passed.
pub struct Authenticator {
    issuers: Vec<Issuer>,
    builtin: Option<Arc<BuiltinIssuer>>,
    builtin_audiences: Audiences,
    registries: Registries,
    remembered: Remembered,
    clock: Arc<dyn Clock>,
    leeway: i64,
}

impl Authenticator {
    /// Makes an authenticator for the given issuers. Key files are read now; keys on the network are
    /// fetched when the first token arrives.
    pub fn new(
        settings: &AuthSettings,
        issuers: Vec<IssuerConfig>,
        builtin: Option<Arc<BuiltinIssuer>>,
        registry: Arc<dyn RegistrySource>,
        clock: Arc<dyn Clock>,
        outgoing: &Arc<Outgoing>,
    ) -> Result<Self, SetupError> {
        for (position, config) in issuers.iter().enumerate() {
            let name = config.issuer.to_string();
            if issuers[..position].iter().any(|other| other.issuer == config.issuer) {
                return Err(SetupError::Twice(name));
            }
            if builtin.as_ref().is_some_and(|builtin| *builtin.pattern() == config.issuer) {
                return Err(SetupError::Builtin(name));
            }
        }
        let issuers = issuers.into_iter().map(|config| Issuer::new(config, outgoing, &clock, settings.fetch));
        Ok(Self {
            issuers: issuers.collect::<Result<_, _>>()?,
            builtin,
            builtin_audiences: Audiences::new(settings.own_audiences()),
            registries: Registries::new(registry),
            remembered: Remembered::new(settings.remembered),
            clock,
            leeway: settings.leeway,
        })
    }

    /// Checks a bearer token and returns its caller. `epoch` is the registry's epoch as the store has
    /// it now: whatever was verified at another epoch is verified again, so that removing an app or a
    /// tenant and rotating a key take effect at the next request.
    pub async fn authenticate(&self, bearer: &str, epoch: u64) -> Result<Arc<Caller>, AuthError> {
        if let Some(caller) = self.recall(bearer, epoch) {
            return Ok(caller);
        }
        // Boxed, so that requests with a remembered token do not carry its size.
        Box::pin(self.verify(bearer, epoch)).await
    }

    /// The caller of a token that was verified before on a basis that still holds. It takes no
    /// memory and one uncontended lock, and never waits.
    pub fn recall(&self, bearer: &str, epoch: u64) -> Option<Arc<Caller>> {
        if bearer.len() > jws::LONGEST {
            return None;
        }
        let registry = self.registries.number_at(epoch)?;
        let now = self.clock.now();
        let mark = self.remembered.mark(bearer);
        self.remembered.recall(mark, now, |basis| self.holds(basis, registry, now))
    }

    /// How many verified tokens are remembered.
    pub fn remembered(&self) -> usize {
        self.remembered.len()
    }

    /// Reads the issuers' key files again, for instance when the process is told to reload. A file
    /// that cannot be used leaves its issuer's keys as they are.
    pub fn reload_key_files(&self) -> Result<(), Vec<KeyFileError>> {
        let faults: Vec<_> = self.issuers.iter().filter_map(|issuer| issuer.reload_file().err()).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Fetches keys that have grown old, until it is dropped. Tokens do the same when they arrive;
    /// with this running, they need not.
    pub async fn keep_keys_fresh(&self, every: Duration) {
        loop {
            self.issuers.iter().for_each(Issuer::refresh_if_due);
            tokio::time::sleep(every).await;
        }
    }

    fn holds(&self, basis: &Basis, registry: u64, now: Ticks) -> bool {
        let keys = match basis.issuer {
            BUILTIN => self.builtin.as_ref().map(|builtin| builtin.keys_number()),
            place => self.issuers.get(place as usize).and_then(|issuer| issuer.keys_number(now)),
        };
        basis.registry == registry && keys == Some(basis.keys)
    }

    async fn verify(&self, bearer: &str, epoch: u64) -> Result<Arc<Caller>, AuthError> {
        let jws = Jws::parse(bearer)?;
        let claims = Claims(&jws.claims);
        let name = claims.issuer()?;
        let tid = claims.tenant()?;
        let snapshot = self.registries.at(epoch, self.builtin.as_ref()).await?;
        let builtin = self.builtin.as_ref().filter(|builtin| builtin.pattern().fits(name));
        let (basis, end, caller) = if let Some(builtin) = builtin {
            let keys = builtin.keys();
            let keys = issuer::check(&keys, jws.kid.as_deref(), jws.algorithm, jws.signed, &jws.signature)?;
            let end = claims.check_times(self.clock.now(), self.leeway, 0)?;
            claims.check_audience(&self.builtin_audiences)?;
            let caller = builtin_caller(builtin, &claims, name, &snapshot.registry)?;
            (Basis { registry: snapshot.number, issuer: BUILTIN, keys }, end, caller)
        } else {
            let (place, issuer) = self.issuer(name)?;
            let keys = issuer.verify(jws.kid.as_deref(), jws.algorithm, jws.signed, &jws.signature).await?;
            let end = claims.check_times(self.clock.now(), self.leeway, self.leeway)?;
            if !issuer.binds(name, tid) {
                return Err(AuthError::malformed("its `tid` is not the tenant in its `iss`"));
            }
            claims.check_audience(&issuer.audiences)?;
            let tenant = issuer.tenant(&snapshot.registry, tid)?;
            let (permissions, actor) = claims.grant()?;
            let caller = Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions };
            (Basis { registry: snapshot.number, issuer: place, keys }, end, caller)
        };
        let caller = Arc::new(caller);
        let verdict = Verdict { basis, end, caller: caller.clone() };
        let now = self.clock.now();
        let mark = self.remembered.mark(bearer);
        self.remembered.keep(mark, verdict, now, |basis| self.holds(basis, snapshot.number, now));
        Ok(caller)
    }

    fn issuer(&self, name: &str) -> Result<(u32, &Issuer), AuthError> {
        let unknown = || AuthError::UnknownIssuer { issuer: Shown::new(name) };
        let place = self.issuers.iter().position(|issuer| issuer.fits(name)).ok_or_else(unknown)?;
        Ok((u32::try_from(place).map_err(|_| unknown())?, &self.issuers[place]))
    }
}

/// The caller of a token of our own: its tenant is the one in `iss`, its app is still registered in
/// that tenant, and it may do at most what the app may do now.
fn builtin_caller(
    builtin: &BuiltinIssuer,
    claims: &Claims<'_>,
    issuer: &str,
    registry: &Registry,
) -> Result<Caller, AuthError> {
    let tid = claims.tenant()?.ok_or_else(|| AuthError::malformed("it has no `tid` (tenant)"))?;
    if !builtin.pattern().binds(issuer, Some(tid)) {
        return Err(AuthError::malformed("its `tid` is not the tenant in its `iss`"));
    }
    let tenant = registry.tenant(tid).ok_or_else(|| AuthError::UnknownTenant { tenant: tid.into() })?;
    let app = claims.app()?.ok_or_else(|| AuthError::malformed("it has no `appid` (app)"))?;
    let (mut permissions, actor) = claims.grant()?;
    if !app.starts_with(TokenApp::COMMAND_PREFIX) {
        let current = registered(registry, tenant, app);
        let current = current.ok_or_else(|| AuthError::AppRevoked { app: Shown::new(app) })?;
        permissions = common(permissions, current.permissions);
    }
    Ok(Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions })
}

fn registered<'a>(registry: &'a Registry, tenant: &Tenant, app: &str) -> Option<&'a App> {
    let id = app.parse().ok()?;
    registry.app(id).filter(|app| app.tenant == tenant.key)
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("issuers", &self.issuers.len())
            .field("builtin", &self.builtin.is_some())
            .field("remembered", &self.remembered())
            .finish_non_exhaustive()
    }
}

/// What both sets allow, by themselves or by a permission that includes it; written without those
/// that another one in it includes, as tokens and apps write it.
fn common(one: PermissionSet, other: PermissionSet) -> PermissionSet {
    let both = || Permission::ALL.into_iter().filter(|p| one.allows(*p) && other.allows(*p));
    both().filter(|p| !both().filter(|q| q != p).collect::<PermissionSet>().allows(*p)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_permissions_honour_inclusion() {
        let set = |names: &[&str]| PermissionSet::from_names(names.iter().copied());
        let (read, write) = (set(&["User.Read.All"]), set(&["User.ReadWrite.All"]));
        assert_eq!(common(write, write), write);
        assert_eq!(common(read, write), read);
        assert_eq!(common(write, read), read);
        assert_eq!(common(set(&["IdentityRiskEvent.Read.All"]), write), PermissionSet::default());
        assert_eq!(common(PermissionSet::all(), write), write);
    }
}
