//! The whole application in one process: a real store in a folder of its own, a clock that stands
//! still, chance that repeats itself, and requests that go through the router without a socket.

use api::spillwatch::{CheckLimits, PairRate};
use api::{App, ClientCredentials, Limits, Origins, RequestRate, Throttle, router};
use auth::client_credentials::{Rate, TokenGate};
use auth::{
    AuthSettings, Authenticator, BuiltinIssuer, IssuerConfig, NewSecret, NewToken, OperatorKey, OperatorKeys, Outgoing,
    OutgoingRules, RegistryError, RegistryFuture, RegistrySource, TokenApp,
};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use model::{
    AppId, AppSecret, Clock, Entropy, FixedClock, Permission, PermissionSet, SeededEntropy, SystemClock, SystemEntropy,
    Tenant, TenantId, Ticks, edm,
};
use odata::encode::TypeNames;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use service::{NewApp, PageTokens, Service, Settings, Vault};
use std::ffi::OsString;
use std::fs;
use std::future::IntoFuture;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use store::{BoxFuture, Store};
use store_sqlite::SqliteStore;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// The host that requests go to unless they say otherwise.
pub const HOST: &str = "risk.example.test";
/// The scheme and authority that links have: no connection says that there is TLS.
pub const ORIGIN: &str = "http://risk.example.test";
/// The time at which the clock stands.
pub const NOW: &str = "2024-03-03T06:00:00Z";

/// Where an issuer's keys are in the folder of an application.
const ISSUER: &str = "issuer";

/// What a test can choose.
pub struct Setup {
    /// How many tenants there are.
    pub tenants: usize,
    /// Bounds.
    pub limits: Limits,
    /// Where links point.
    pub origins: Origins,
    /// Choices of the operator.
    pub settings: Settings,
    /// By which names types are announced.
    pub type_names: TypeNames,
    /// How often tokens may be asked for.
    pub rate: Rate,
    /// How many requests an app may send.
    pub request_rate: Option<RequestRate>,
    /// How many pairs may be handed in.
    pub pair_rate: PairRate,
    /// What stands between the application and its store.
    pub around: fn(Arc<dyn Store>) -> Arc<dyn Store>,
    /// Whether the built-in issuer is on.
    pub builtin: bool,
    /// Other issuers.
    pub issuers: Vec<IssuerConfig>,
    /// Whether there are keys to seal verifiers with.
    pub vault: bool,
    /// What completes a SCIM userName without a domain.
    pub scim_domain: Option<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            tenants: 1,
            limits: Limits::default(),
            origins: Origins::default(),
            settings: Settings::default(),
            type_names: edm::seed_type_name,
            rate: Rate::default(),
            request_rate: None,
            pair_rate: PairRate::default(),
            around: |store| store,
            builtin: true,
            issuers: Vec::new(),
            vault: true,
            scim_domain: None,
        }
    }
}

/// An application with its surroundings.
pub struct TestApp {
    /// The application.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// The built-in issuer; it works even where [`Setup::builtin`] keeps it from the application.
    pub issuer: Arc<BuiltinIssuer>,
    /// Its tenants.
    pub tenants: Vec<Tenant>,
    /// The folder of its store; dropped last.
    pub folder: TempDir,
    router: Router,
    /// A token of the first tenant with every permission.
    token: String,
}

/// The files of an issuer, made once in a process: a key takes a tenth of a second. In memory, since no folder of a process
/// would be removed at its end.
static KEYS: LazyLock<Vec<(OsString, Vec<u8>)>> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder for keys");
    BuiltinIssuer::open_or_create(folder.path(), Arc::new(SystemEntropy), Arc::new(SystemClock), None)
        .expect("an issuer");
    let files = fs::read_dir(folder.path()).expect("the keys' folder").map(|file| file.expect("an entry"));
    files.map(|file| (file.file_name(), fs::read(file.path()).expect("a file"))).collect()
});

fn copied_keys(to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for (name, bytes) in &*KEYS {
        let mut file = fs::OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(to.join(name));
        file.and_then(|mut file| file.write_all(bytes)).expect("a copy");
    }
}

/// Tenants and apps, for the authenticator.
struct Tenants(Service);

impl RegistrySource for Tenants {
    fn load(&self) -> RegistryFuture<'_> {
        Box::pin(async { self.0.registry().await.map_err(RegistryError::new) })
    }
}

impl TestApp {
    /// Starts an application with one tenant.
    pub async fn new() -> Self {
        Self::start(Setup::default()).await
    }

    /// Starts an application with two tenants.
    pub async fn with_two_tenants() -> Self {
        Self::start(Setup { tenants: 2, ..Setup::default() }).await
    }

    /// Starts an application as a test chooses.
    pub async fn start(setup: Setup) -> Self {
        let folder = TempDir::new().expect("a folder");
        copied_keys(&folder.path().join(ISSUER));
        Self::open(folder, Arc::new(FixedClock::at(NOW.parse().expect("a time"))), setup).await
    }

    /// Ends the application and starts another one on what it has left, as [`TestApp::new`] does.
    #[must_use]
    pub async fn restart(self) -> Self {
        let Self { app, clock, folder, router, .. } = self;
        app.service.store().close().await;
        drop((app, router));
        Self::open(folder, clock, Setup::default()).await
    }

    async fn open(folder: TempDir, clock: Arc<FixedClock>, setup: Setup) -> Self {
        let keys = folder.path().join(ISSUER);
        // Chance of its own, so that the ids of requests do not depend on how many tokens were made.
        let issuer = BuiltinIssuer::open_or_create(&keys, Arc::new(SeededEntropy::new(1)), clock.clone(), None);
        let issuer = Arc::new(issuer.expect("an issuer"));
        let store = SqliteStore::open(folder.path(), clock.clone()).expect("a store");
        let entropy = Arc::new(SeededEntropy::new(2));
        let store = (setup.around)(Arc::new(store));
        let service = Service::new(store, clock.clone(), entropy, PageTokens::new(&[7; 32]), setup.settings);
        for number in 0..setup.tenants {
            service.add_tenant(Some(tenant_id(number)), "tenant").await.expect("a tenant"); // or it is there
        }
        let tenants = service.registry().await.expect("a registry").tenants;

        let settings = AuthSettings { origins: vec![ORIGIN.to_owned()], ..AuthSettings::default() };
        let builtin = setup.builtin.then(|| issuer.clone());
        let foreign_issuer = setup.issuers.first().map(|issuer| issuer.issuer.to_string());
        let authenticator = Authenticator::new(
            &settings,
            setup.issuers,
            builtin.clone(),
            Arc::new(Tenants(service.clone())),
            clock.clone(),
            &Arc::new(Outgoing::new(OutgoingRules::default())),
        );
        let builtin = builtin.map(|issuer| {
            let gate = TokenGate::new(setup.rate, clock.clone());
            (issuer, ClientCredentials { gate, audiences: settings.own_audiences() })
        });
        let mut app = App::new(service, Arc::new(authenticator.expect("an authenticator")), builtin, setup.type_names);
        app.limits = setup.limits;
        app.origins = setup.origins;
        app.throttle = setup.request_rate.map(Throttle::new);
        app.check_limits = CheckLimits::new(setup.pair_rate);
        app.foreign_issuer = foreign_issuer;
        app.vault = setup.vault.then(vault);
        app.scim.domain = setup.scim_domain.map(Into::into);
        let app = Arc::new(app);
        let router = router(app.clone());
        let mut this = Self { app, clock, issuer, tenants, folder, router, token: String::new() };
        if setup.tenants > 0 {
            this.token = this.token_of(0, PermissionSet::all());
        }
        this
    }

    /// Issues a token for a tenant, by its place.
    pub fn token_of(&self, tenant: usize, permissions: PermissionSet) -> String {
        let token = NewToken {
            tenant: tenant_id(tenant),
            app: TokenApp::Command("test"),
            permissions,
            lifetime: Duration::from_hours(1),
        };
        self.issuer.issue(&token).expect("a token").expose_secret().to_owned()
    }

    /// Issues a token for the first tenant with these permissions only.
    pub fn token_with(&self, permissions: &[Permission]) -> String {
        self.token_of(0, permissions.iter().copied().collect())
    }

    /// Registers an app and answers its client id and secret.
    pub async fn add_app(&self, tenant: usize, permissions: PermissionSet) -> (AppId, String) {
        let secret = NewSecret::generate(&SystemEntropy);
        let kept = AppSecret {
            id: SystemEntropy.uuid_v4(),
            sha256: secret.sha256,
            created: self.clock.now(),
            expires: self.clock.now().plus_seconds(86_400),
        };
        let app = NewApp { tenant: self.tenants[tenant].key, name: "app".into(), permissions, secret: kept };
        let id = self.app.service.add_app(app).await.expect("an app");
        (id, secret.text.expose_secret().to_owned())
    }

    /// The router, for tests that put a listener in front of it.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The token that requests have unless they say otherwise.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Begins a request with every permission in the first tenant.
    pub fn call(&self, method: &str, uri: &str) -> Call<'_> {
        let method = method.parse::<Method>().expect("a method");
        let uri = uri.parse::<Uri>().expect("a URI");
        let mut call = Call { router: &self.router, request: Request::new(Body::empty()) };
        *call.request.method_mut() = method;
        *call.request.uri_mut() = uri;
        call.header("host", HOST).token(&self.token)
    }

    /// Begins a GET.
    pub fn get(&self, uri: &str) -> Call<'_> {
        self.call("GET", uri)
    }

    /// Begins a POST.
    pub fn post(&self, uri: &str, body: &Value) -> Call<'_> {
        self.call("POST", uri).json(body)
    }

    /// Begins a PATCH.
    pub fn patch(&self, uri: &str, body: &Value) -> Call<'_> {
        self.call("PATCH", uri).json(body)
    }

    /// Begins a DELETE.
    pub fn delete(&self, uri: &str) -> Call<'_> {
        self.call("DELETE", uri)
    }
}

/// The keys of every application.
pub fn vault() -> Vault {
    let key = OperatorKey::from_bytes(&[3; 32]).expect("a key");
    Vault::new(Arc::new(OperatorKeys::new(key, None)), &[5; 32])
}

/// The id of a test's tenant.
pub fn tenant_id(number: usize) -> TenantId {
    format!("7e9a0000-0000-4000-8000-{number:012}").parse().expect("a GUID")
}

/// The time at which the clock stands.
pub fn now() -> Ticks {
    NOW.parse().expect("a time")
}

/// A request that is being put together; awaiting it sends it.
pub struct Call<'a> {
    router: &'a Router,
    request: Request<Body>,
}

impl Call<'_> {
    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::try_from(value).expect("a header's value");
        self.request.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }

    /// Adds a header beside those that there are.
    #[must_use]
    pub fn also(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::try_from(value).expect("a header's value");
        self.request.headers_mut().append(HeaderName::from_static(name), value);
        self
    }

    /// Takes a header away.
    #[must_use]
    pub fn without(mut self, name: &'static str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// Asks with this token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Asks without a token.
    #[must_use]
    pub fn anonymous(self) -> Self {
        self.without("authorization")
    }

    /// Sends JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// Sends a text as if it were JSON.
    #[must_use]
    pub fn text(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.to_owned())
    }

    /// Sends whatever body, and says nothing about it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// Says by which connection the request comes.
    #[must_use]
    pub fn by(mut self, connection: api::Connection) -> Self {
        self.request.extensions_mut().insert(connection);
        self
    }
}

impl<'a> IntoFuture for Call<'a> {
    type Output = Answer;
    type IntoFuture = BoxFuture<'a, Answer>;

    fn into_future(self) -> BoxFuture<'a, Answer> {
        let Self { router, request } = self;
        Box::pin(async move {
            let Ok(response) = router.clone().oneshot(request).await;
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, 64 << 20).await.expect("a whole body");
            Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
        })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Bytes,
}

impl Answer {
    /// Holds it against a status.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the status is all that a test wants")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} with {:?}", self.text(), self.headers);
        self
    }

    /// Holds it against a status and `error.code`, and answers `error.message`.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> String {
        let this = self.expect(status);
        let error = &this.json()["error"];
        assert_eq!(error["code"], code, "{error}");
        error["message"].as_str().expect("a message").to_owned()
    }

    /// The body as a text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What the body is said to be.
    pub fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE.as_str())
    }

    /// `error.details`, each as its code and target.
    #[track_caller]
    pub fn details(&self) -> Vec<(String, String)> {
        let body = self.json();
        let Some(details) = body["error"]["details"].as_array() else { return Vec::new() };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        details.iter().map(|detail| (text(&detail["code"]), text(&detail["target"]))).collect()
    }
}
