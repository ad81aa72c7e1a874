//! Token requests: which are right, what the others are told, and how many there may be.

use crate::support::{APP, OTHER_TENANT, TENANT, World};
use auth::client_credentials::{OAuthCode, OAuthError, Rate, TokenGate, TokenRequest, check};
use auth::{NewSecret, secret_sha256};
use model::{AppSecret, Clock as _, PermissionSet, Registry, SystemEntropy};
use secrecy::ExposeSecret as _;
use std::num::NonZeroU32;

const SCOPE: &str = "https://graph.microsoft.com/.default";

struct Fixture {
    world: World,
    registry: Registry,
    secret: String,
    expired: String,
}

fn fixture() -> Fixture {
    let world = World::new();
    let mut registry = world.registry.contents.lock().expect("not poisoned").clone();
    let (good, old) = (NewSecret::generate(&SystemEntropy), NewSecret::generate(&SystemEntropy));
    let now = world.clock.now();
    let stored =
        |secret: &NewSecret, expires| AppSecret { id: uuid::Uuid::nil(), sha256: secret.sha256, created: now, expires };
    registry.apps[0].secrets = vec![stored(&old, now), stored(&good, now.plus_seconds(60))];
    let (secret, expired) = (good.text.expose_secret().to_owned(), old.text.expose_secret().to_owned());
    Fixture { world, registry, secret, expired }
}

impl Fixture {
    fn request(&self) -> TokenRequest<'_> {
        TokenRequest {
            grant_type: Some("client_credentials"),
            client_id: Some(APP),
            client_secret: Some(&self.secret),
            scope: Some(SCOPE),
        }
    }

    fn refusal(&self, tenant: &str, request: &TokenRequest<'_>) -> OAuthError {
        let audiences = self.world.settings.own_audiences();
        let error = check(&self.registry, tenant, request, &audiences, self.world.clock.now()).expect_err("not right");
        assert!(!error.to_string().contains(&self.secret) && !error.to_string().contains(&self.expired));
        error
    }
}

#[test]
fn a_right_request_is_granted() {
    let fixture = fixture();
    let audiences = fixture.world.settings.own_audiences();
    for scope in [
        SCOPE,
        "https://graph.microsoft.com//.default",
        "https://risk.example/.default",
        "api://spillwatch/.default",
        "00000003-0000-0000-c000-000000000000/.default",
    ] {
        let request = TokenRequest { scope: Some(scope), ..fixture.request() };
        let now = fixture.world.clock.now();
        let grant = check(&fixture.registry, TENANT, &request, &audiences, now).expect(scope);
        assert_eq!(grant.app.id.to_string(), APP);
        assert_eq!(grant.tenant.id.to_string(), TENANT);
    }
}

#[test]
fn a_wrong_request_is_told_what_is_wrong_but_not_whether_the_app_exists() {
    let fixture = fixture();
    let right = fixture.request();
    let code = |tenant, request: &TokenRequest<'_>| fixture.refusal(tenant, request).code;
    let other_grant = TokenRequest { grant_type: Some("password"), ..right };
    assert_eq!(code(TENANT, &other_grant), OAuthCode::UnsupportedGrantType);
    let error = fixture.refusal(TENANT, &TokenRequest::default());
    assert_eq!(error.description, "missing: grant_type, client_id, client_secret, scope");
    assert_eq!(code(TENANT, &TokenRequest { scope: None, ..right }), OAuthCode::InvalidRequest);
    for tenant in ["common", "", "30000000-0000-4000-8000-000000000003"] {
        assert_eq!(code(tenant, &right), OAuthCode::InvalidRequest);
    }
    for scope in [
        "",
        "User.Read.All",
        "https://graph.microsoft.com",
        "https://evil.example/.default",
        "/.default",
        "https://graph.microsoft.com/.default openid",
    ] {
        assert_eq!(code(TENANT, &TokenRequest { scope: Some(scope), ..right }), OAuthCode::InvalidScope, "{scope}");
    }
    let wrong_secret = fixture.refusal(TENANT, &TokenRequest { client_secret: Some("wrong"), ..right });
    assert_eq!(wrong_secret.code, OAuthCode::InvalidClient);
    assert_eq!(wrong_secret.code.status(), 401);
    for unlike in [
        fixture.refusal(TENANT, &TokenRequest { client_id: Some("b0000000-0000-4000-8000-00000000000b"), ..right }),
        fixture.refusal(TENANT, &TokenRequest { client_id: Some("no guid"), ..right }),
        fixture.refusal(TENANT, &TokenRequest { client_secret: Some(""), ..right }),
        fixture.refusal(OTHER_TENANT, &right),
        fixture.refusal(OTHER_TENANT, &TokenRequest { client_secret: Some(&fixture.expired), ..right }),
    ] {
        assert_eq!(unlike, wrong_secret);
    }
    let expired = fixture.refusal(TENANT, &TokenRequest { client_secret: Some(&fixture.expired), ..right });
    assert!(expired.description.contains("expired"));
    fixture.world.clock.advance_seconds(60);
    assert!(fixture.refusal(TENANT, &right).description.contains("expired"));
}

#[test]
fn an_app_without_permissions_gets_no_token() {
    let mut fixture = fixture();
    fixture.registry.apps[0].permissions = PermissionSet::default();
    assert_eq!(fixture.refusal(TENANT, &fixture.request()).code, OAuthCode::UnauthorizedClient);
}

#[test]
fn the_gate_slows_down_each_app_and_all_unknown_ones_together() {
    let fixture = fixture();
    let rate = Rate { burst: NonZeroU32::new(3).expect("not zero"), per_minute: NonZeroU32::new(6).expect("not zero") };
    let gate = TokenGate::new(rate, fixture.world.clock.clone());
    let audiences = fixture.world.settings.own_audiences();
    let admit = |request: &TokenRequest<'_>| gate.admit(&fixture.registry, TENANT, request, &audiences).map(|_| ());
    let wrong = TokenRequest { client_secret: Some("wrong"), ..fixture.request() };
    for _ in 0..3 {
        assert_eq!(admit(&wrong).expect_err("wrong").code, OAuthCode::InvalidClient);
    }
    let slow = admit(&wrong).expect_err("too many");
    assert_eq!((slow.code, slow.code.status(), slow.retry_after), (OAuthCode::SlowDown, 429, Some(10)));
    // Whoever knows only the client id has not locked the app out.
    for _ in 0..3 {
        admit(&fixture.request()).expect("right");
    }
    assert_eq!(admit(&fixture.request()).expect_err("too many").code, OAuthCode::SlowDown);
    // Made-up ids share one bucket.
    let ids: Vec<String> = (0..5).map(|number| format!("b0000000-0000-4000-8000-00000000000{number}")).collect();
    let codes: Vec<_> =
        ids.iter().map(|id| admit(&TokenRequest { client_id: Some(id), ..wrong }).expect_err("unknown").code).collect();
    assert_eq!(codes[2..4], [OAuthCode::InvalidClient, OAuthCode::SlowDown]);
    fixture.world.clock.advance_seconds(10);
    assert!(admit(&fixture.request()).is_ok());
    fixture.world.clock.advance_seconds(45);
    gate.tidy();
    assert!(admit(&fixture.request()).is_ok());
}

#[test]
fn secrets_are_long_different_and_never_printed() {
    let (one, two) = (NewSecret::generate(&SystemEntropy), NewSecret::generate(&SystemEntropy));
    assert_eq!(one.text.expose_secret().len(), 43);
    assert_ne!(one.text.expose_secret(), two.text.expose_secret());
    assert_eq!(one.sha256, secret_sha256(one.text.expose_secret()));
    let fixture = fixture();
    let shown = format!("{one:?} {:?} {:?}", fixture.request(), fixture.registry);
    assert!(!shown.contains(one.text.expose_secret()) && !shown.contains(&fixture.secret), "{shown}");
}
