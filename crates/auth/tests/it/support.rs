//! A small world: a clock that stands still, a registry in memory, issuers with keys in files.

use auth::{
    AuthError, AuthSettings, Authenticator, BuiltinIssuer, IssuerConfig, Outgoing, OutgoingRules, RegistryError,
    RegistryFuture, RegistrySource,
};
use jsonwebtoken::Algorithm;
use model::{
    App, Caller, Clock, FixedClock, PermissionSet, Registry, SystemEntropy, Tenant, TenantId, TenantKey, Ticks,
};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use testkit::issuer::TestKey;

pub(crate) const TENANT: &str = "10000000-0000-4000-8000-000000000001";
pub(crate) const OTHER_TENANT: &str = "20000000-0000-4000-8000-000000000002";
pub(crate) const APP: &str = "a0000000-0000-4000-8000-00000000000a";
pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const AUDIENCE: &str = "spillwatch";
pub(crate) const NOW: i64 = 1_800_000_000;

/// A registry in memory, which counts how often it is read.
pub(crate) struct FakeRegistry {
    pub(crate) contents: Mutex<Registry>,
    pub(crate) loads: AtomicUsize,
    pub(crate) broken: AtomicBool,
}

impl RegistrySource for FakeRegistry {
    fn load(&self) -> RegistryFuture<'_> {
        Box::pin(async {
            self.loads.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if self.broken.load(Ordering::SeqCst) {
                return Err(RegistryError::new("the disk is gone"));
            }
            Ok(self.contents.lock().expect("no test panics while it is held").clone())
        })
    }
}

impl FakeRegistry {
    /// Changes the registry and moves its epoch.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Registry)) {
        let mut registry = self.contents.lock().expect("no test panics while it is held");
        change(&mut registry);
        registry.epoch += 1;
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.contents.lock().expect("no test panics while it is held").epoch
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) registry: Arc<FakeRegistry>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) settings: AuthSettings,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Ticks::from_unix_seconds(NOW).expect("in range");
        let tenant = |key, id: &str| Tenant { key: TenantKey(key), id: tenant_id(id), name: id.into(), created: now };
        let app = App {
            id: APP.parse().expect("a GUID"),
            tenant: TenantKey(1),
            name: "feeder".into(),
            permissions: PermissionSet::from_names(["IdentityRiskEvent.ReadWrite.All"]),
            created: now,
            secrets: Vec::new(),
        };
        let registry =
            Registry { epoch: 1, tenants: vec![tenant(2, OTHER_TENANT), tenant(1, TENANT)], apps: vec![app] };
        Self {
            clock: Arc::new(FixedClock::at(now)),
            registry: Arc::new(FakeRegistry {
                contents: Mutex::new(registry),
                loads: AtomicUsize::new(0),
                broken: AtomicBool::new(false),
            }),
            folder: tempfile::tempdir().expect("a folder"),
            settings: AuthSettings { origins: vec!["https://risk.example".to_owned()], ..AuthSettings::default() },
        }
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, contents).expect("a file can be written");
        path
    }

    /// The compact description of an issuer with a key file.
    pub(crate) fn issuer_with(&self, name: &str, keys: &[u8]) -> String {
        let path = self.file(&format!("{}.keys", name.replace(['/', ':'], "_")), keys);
        format!("issuer={name},keys={},audience={AUDIENCE}", path.display())
    }

    /// An issuer with one RSA key in a PEM file, and one JWK set with two named keys.
    pub(crate) fn usual_issuers(&self) -> Vec<String> {
        let jwks = json!({"keys": [TestKey::rsa().jwk("first"), TestKey::p256().jwk("second")]}).to_string();
        vec![
            self.issuer_with(ISSUER, TestKey::rsa().spki_pem().as_bytes()),
            self.issuer_with("https://jwks.example", jwks.as_bytes()),
        ]
    }

    pub(crate) fn authenticator(&self, issuers: &[String]) -> Authenticator {
        self.authenticator_with(issuers, None)
    }

    pub(crate) fn authenticator_with(&self, issuers: &[String], builtin: Option<Arc<BuiltinIssuer>>) -> Authenticator {
        let issuers = issuers.iter().map(|text| text.parse::<IssuerConfig>().expect("a good issuer")).collect();
        let allowed = vec!["127.0.0.1".parse().expect("a host")];
        let outgoing = Arc::new(Outgoing::new(OutgoingRules { allowed, ..OutgoingRules::default() }));
        Authenticator::new(&self.settings, issuers, builtin, self.registry.clone(), self.clock.clone(), &outgoing)
            .expect("good issuers")
    }

    pub(crate) fn usual(&self) -> Authenticator {
        self.authenticator(&self.usual_issuers())
    }

    pub(crate) fn builtin(&self) -> Arc<BuiltinIssuer> {
        let folder = self.folder.path().join("keys");
        let issuer = BuiltinIssuer::open_or_create(&folder, Arc::new(SystemEntropy), self.clock.clone(), None);
        Arc::new(issuer.expect("an issuer can be made"))
    }

    /// Claims that pass, at the clock's time.
    pub(crate) fn claims(&self) -> Value {
        let now = self.clock.now().unix_seconds();
        json!({
            "iss": ISSUER, "aud": AUDIENCE, "tid": TENANT, "appid": "tester",
            "roles": ["IdentityRiskEvent.Read.All"], "iat": now, "nbf": now, "exp": now + 3600,
        })
    }

    /// [`World::claims`] with some replaced; null takes one away.
    pub(crate) fn claims_with(&self, changes: &Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                claims.as_object_mut().expect("an object").remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    /// A token that passes but for the changes.
    pub(crate) fn token_with(&self, changes: &Value) -> String {
        TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "typ": "JWT"}), &self.claims_with(changes))
    }

    /// A token that passes.
    pub(crate) fn token(&self) -> String {
        self.token_with(&json!({}))
    }

    pub(crate) async fn check(&self, authenticator: &Authenticator, token: &str) -> Result<Arc<Caller>, AuthError> {
        authenticator.authenticate(token, self.registry.epoch()).await
    }

    /// The refusal of a token, whose message must not hold any part of the token, and must hold the
    /// second time too.
    pub(crate) async fn refusal(&self, authenticator: &Authenticator, token: &str) -> AuthError {
        let error = match self.check(authenticator, token).await {
            Ok(caller) => panic!("was accepted as {caller:?}: {token}"),
            Err(error) => error,
        };
        let message = format!("{error} {error:?}");
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!message.contains(part), "{message}");
        }
        assert!(self.check(authenticator, token).await.is_err(), "remembered although refused: {token}");
        error
    }
}

pub(crate) fn tenant_id(id: &str) -> TenantId {
    id.parse().expect("a GUID")
}

/// Asserts that an expression matches a pattern, and shows it if not.
#[macro_export]
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        match $value {
            $pattern $(if $guard)? => {}
            other => panic!("{other:?} is not {}", stringify!($pattern)),
        }
    };
}
