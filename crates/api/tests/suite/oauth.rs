//! The built-in issuer's endpoints: tokens for apps, discovery and keys.

use crate::samples::{EVENTS, event};
use auth::client_credentials::Rate;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Permission, PermissionSet};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use store::AdminCommand;
use testkit::app::{Answer, ORIGIN, Setup, TestApp, tenant_id};

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// The fields of a form.
type Fields<'a> = Vec<(&'a str, &'a str)>;

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn ask(app: &TestApp, tenant: &str, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/{tenant}/oauth2/v2.0/token");
    let call = app.call("POST", &path).anonymous().header("content-type", "application/x-www-form-urlencoded");
    call.body(form(fields)).await
}

fn grant<'a>(id: &'a str, secret: &'a str) -> [(&'a str, &'a str); 4] {
    [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", SCOPE)]
}

/// The code of an OAuth error, whose form is held against RFC 6749.
fn oauth_code(answer: &Answer) -> String {
    let body = answer.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["error", "error_description"]);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("request-id").is_empty());
    body["error"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn an_app_gets_a_token_that_does_what_the_app_may() {
    let app = TestApp::with_two_tenants().await;
    let (id, secret) = app.add_app(0, [Permission::IdentityRiskEventReadAll].into_iter().collect()).await;
    let (id, tenant) = (id.to_string(), tenant_id(0).to_string());
    for tenant in [tenant.as_str(), "common", "organizations", &tenant.to_uppercase()] {
        let answer = ask(&app, tenant, &grant(&id, &secret)).await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let token = body["access_token"].as_str().expect("a token");
        app.get(EVENTS).token(token).await.expect(200);
        app.post(EVENTS, &event()).token(token).await.expect(403);
        app.get("/v1.0/users").token(token).await.expect(403);
    }
    let scope = format!("{ORIGIN}/.default");
    let fields = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let path = format!("/{tenant}/oauth2/v2.0/token");
    let call = app.call("POST", &path).header("authorization", &basic).body(form(&fields));
    call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").await.expect(200);
}

#[tokio::test]
async fn wrong_requests_are_told_in_oauths_words() {
    let app = TestApp::with_two_tenants().await;
    let (id, secret) = app.add_app(0, PermissionSet::all()).await;
    let (idle, idle_secret) = app.add_app(0, PermissionSet::default()).await;
    let (id, idle) = (id.to_string(), idle.to_string());
    let nobody = "11111111-2222-4333-8444-555555555555";
    let (tenant, other) = (tenant_id(0).to_string(), tenant_id(1).to_string());
    let mut wrong_grant = grant(&id, &secret);
    wrong_grant[0].1 = "password";
    let mut wrong_scope = grant(&id, &secret);
    wrong_scope[3].1 = "User.Read";
    let cases: [(&str, Fields<'_>, u16, &str); 11] = [
        (&tenant, grant(&id, "wrong").into(), 401, "invalid_client"),
        (&tenant, grant(nobody, &secret).into(), 401, "invalid_client"),
        (&tenant, grant("not-a-guid", &secret).into(), 401, "invalid_client"),
        (&other, grant(&id, &secret).into(), 401, "invalid_client"),
        (&tenant, wrong_grant.into(), 400, "unsupported_grant_type"),
        (&tenant, wrong_scope.into(), 400, "invalid_scope"),
        (&tenant, grant(&idle, &idle_secret).into(), 400, "unauthorized_client"),
        ("nowhere", grant(&id, &secret).into(), 400, "invalid_request"),
        (&tenant, vec![], 400, "invalid_request"),
        (&tenant, grant(&id, &secret)[..3].into(), 400, "invalid_request"),
        (&tenant, [grant(&id, &secret).as_slice(), &[("client_id", nobody)]].concat(), 400, "invalid_request"),
    ];
    for (tenant, fields, status, code) in cases {
        let answer = ask(&app, tenant, &fields).await.expect(status);
        assert_eq!(oauth_code(&answer), code, "{fields:?}");
        let challenge = if status == 401 { "Basic realm=\"spillwatch\"" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge);
        assert!(!answer.text().contains(&secret));
    }
    // `common` tells no more about which apps there are than a tenant does.
    let known = ask(&app, "common", &grant(&id, "wrong")).await.expect(401);
    let unknown = ask(&app, "common", &grant(nobody, "wrong")).await.expect(401);
    assert_eq!(known.text(), unknown.text());
    let path = format!("/{tenant}/oauth2/v2.0/token");
    app.post(&path, &json!({})).await.refused(415, "UnsupportedMediaType");
    let large =
        app.call("POST", &path).header("content-type", "application/x-www-form-urlencoded").body("x".repeat(9000));
    large.await.refused(413, "RequestEntityTooLarge");
}

#[tokio::test]
async fn a_secret_ends() {
    let app = TestApp::new().await;
    let (id, secret) = app.add_app(0, PermissionSet::all()).await;
    let (id, tenant) = (id.to_string(), tenant_id(0).to_string());
    app.clock.advance_seconds(86_399);
    ask(&app, &tenant, &grant(&id, &secret)).await.expect(200);
    app.clock.advance_seconds(1);
    let answer = ask(&app, &tenant, &grant(&id, &secret)).await.expect(401);
    assert_eq!(oauth_code(&answer), "invalid_client");
    assert!(answer.text().contains("expired"));
}

#[tokio::test]
async fn guessing_is_throttled_and_does_not_lock_the_app_out() {
    let two = NonZeroU32::new(2).expect("two");
    let rate = Rate { burst: two, per_minute: two };
    let app = TestApp::start(Setup { rate, ..Setup::default() }).await;
    let (id, secret) = app.add_app(0, PermissionSet::all()).await;
    let (id, tenant) = (id.to_string(), tenant_id(0).to_string());
    for _ in 0..2 {
        ask(&app, &tenant, &grant(&id, "wrong")).await.expect(401);
    }
    let answer = ask(&app, &tenant, &grant(&id, "wrong")).await.expect(429);
    assert_eq!(oauth_code(&answer), "slow_down");
    let seconds: i64 = answer.header("retry-after").parse().expect("whole seconds");
    assert!((1..=31).contains(&seconds), "{seconds}");
    ask(&app, &tenant, &grant(&id, &secret)).await.expect(200);
    app.clock.advance_seconds(seconds);
    ask(&app, &tenant, &grant(&id, "wrong")).await.expect(401);
}

#[tokio::test]
async fn revoking_an_app_and_rotating_the_key_beat_the_cache_at_once() {
    let app = TestApp::new().await;
    let (id, secret) = app.add_app(0, PermissionSet::all()).await;
    let tenant = tenant_id(0).to_string();
    let body = ask(&app, &tenant, &grant(&id.to_string(), &secret)).await.expect(200).json();
    let token = body["access_token"].as_str().expect("a token").to_owned();
    for _ in 0..3 {
        app.get(EVENTS).token(&token).await.expect(200);
    }
    app.app.service.administer(AdminCommand::RemoveApp(id)).await.expect("removed");
    app.get(EVENTS).token(&token).await.refused(401, "InvalidAuthenticationToken");
    ask(&app, &tenant, &grant(&id.to_string(), &secret)).await.expect(401);

    let kept = app.token_of(0, PermissionSet::all());
    app.get(EVENTS).token(&kept).await.expect(200);
    app.issuer.rotate(auth::OldKeys::Keep).expect("a new key");
    app.app.service.administer(AdminCommand::RaiseEpoch).await.expect("raised");
    app.get(EVENTS).token(&kept).await.expect(200);
    app.issuer.rotate(auth::OldKeys::Remove).expect("a new key");
    app.app.service.administer(AdminCommand::RaiseEpoch).await.expect("raised");
    app.get(EVENTS).token(&kept).await.refused(401, "InvalidAuthenticationToken");
    app.get(EVENTS).token(&app.token_of(0, PermissionSet::all())).await.expect(200);
}

#[tokio::test]
async fn discovery_and_keys_are_public() {
    let app = TestApp::new().await;
    let tenant = tenant_id(0);
    let answer = app.get(&format!("/{tenant}/v2.0/.well-known/openid-configuration")).anonymous().await.expect(200);
    let document = answer.json();
    assert_eq!(document["issuer"], app.issuer.issuer_for(tenant));
    assert_eq!(document["token_endpoint"], format!("{ORIGIN}/{tenant}/oauth2/v2.0/token"));
    assert_eq!(document["jwks_uri"], format!("{ORIGIN}/{tenant}/discovery/v2.0/keys"));
    let keys = app.get(&format!("/{tenant}/discovery/v2.0/keys")).anonymous().await.expect(200);
    assert!(keys.content_type().starts_with("application/json"));
    let keys = keys.json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["kid"]), (&json!("RSA"), &json!(app.issuer.signing_kid())));
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert_eq!(key.get(private), None);
    }
    for nobody in ["common", "nowhere", "7e9a0000-0000-4000-8000-000000000009"] {
        for path in
            [format!("/{nobody}/discovery/v2.0/keys"), format!("/{nobody}/v2.0/.well-known/openid-configuration")]
        {
            let message = app.get(&path).anonymous().await.refused(404, "ResourceNotFound");
            assert_eq!(message, "there is no such tenant");
        }
    }
}

#[tokio::test]
async fn an_issuer_that_is_turned_off_is_not_there() {
    let app = TestApp::start(Setup { builtin: false, ..Setup::default() }).await;
    let tenant = tenant_id(0);
    for path in [format!("/{tenant}/v2.0/.well-known/openid-configuration"), format!("/{tenant}/discovery/v2.0/keys")] {
        let message = app.get(&path).anonymous().await.refused(404, "ResourceNotFound");
        assert_eq!(message, "the built-in issuer is turned off on this server");
    }
    ask(&app, &tenant.to_string(), &grant("x", "y")).await.refused(404, "ResourceNotFound");
    app.get(EVENTS).await.refused(401, "InvalidAuthenticationToken");
    let _: Value = app.get(EVENTS).await.json();
}
