//! The order of the checks: what fails first is answered, and a stranger's body is never read.

use crate::access::requests;
use crate::samples::{EVENTS, add_event, event};
use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use model::Permission;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use testkit::app::{Answer, Call, Setup, TestApp};

/// A body that notes when somebody begins to read it.
struct Watched(Arc<AtomicBool>);

impl Watched {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    fn body(&self) -> Body {
        let read = self.0.clone();
        Body::from_stream(stream::poll_fn(move |_| {
            read.store(true, Ordering::SeqCst);
            Poll::Ready(None::<Result<Bytes, Infallible>>)
        }))
    }

    fn was_read(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Sends a request and answers it together with whether its body was read.
async fn watch(call: Call<'_>) -> (Answer, bool) {
    let watched = Watched::new();
    let answer = call.body(watched.body()).await;
    (answer, watched.was_read())
}

#[tokio::test]
async fn a_strangers_body_is_never_read() {
    let app = TestApp::new().await;
    let no_permission = app.token_with(&[Permission::IdentityRiskyUserReadWriteAll]);
    let no_risky_users = app.token_with(&[Permission::IdentityRiskEventReadWriteAll, Permission::UserReadWriteAll]);
    for (method, path) in requests("e1", "u1") {
        let call =
            || app.call(method, &path).header("content-type", "application/json").header("content-encoding", "gzip");
        let (answer, read) = watch(call().anonymous()).await;
        assert_eq!((answer.status, read), (401, false), "{method} {path}");
        let (answer, read) = watch(call().token("not.a.token")).await;
        assert_eq!((answer.status, read), (401, false), "{method} {path}");
        if !path.ends_with("$batch") {
            // Each permission is of no use on the other side.
            let none = if path.contains("riskyUsers") { &no_risky_users } else { &no_permission };
            let (answer, read) = watch(call().token(none)).await;
            assert_eq!((answer.status, read), (403, false), "{method} {path}");
        }
    }
    let (answer, read) = watch(app.call("POST", EVENTS).header("content-type", "application/json")).await;
    assert_eq!((answer.status, read), (400, true), "the watch works");
}

#[tokio::test]
async fn each_check_comes_before_the_next_one() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let none = app.token_with(&[Permission::IdentityRiskyUserReadWriteAll]);
    let huge = (4_usize << 20) + 1;
    // Each line mends the first fault of the line before it.
    let worst = |path: &str, method: &str| {
        app.call(method, path)
            .anonymous()
            .header("content-length", &huge.to_string())
            .header("odata-maxversion", "3.0")
            .header("accept", "text/html")
            .header("content-type", "text/plain")
    };
    let step = async |call: Call<'_>, status: u16| {
        let (answer, read) = watch(call).await;
        assert_eq!((answer.status, read), (status, false), "{}", answer.text());
    };
    let nowhere = "/v1.0/nowhere?$nonsense";
    step(worst(nowhere, "PUT").without("host"), 400).await;
    step(worst(nowhere, "PUT"), 413).await;
    step(worst(nowhere, "PUT").without("content-length"), 400).await;
    let sized = |path: &str, method: &str| worst(path, method).without("content-length").without("odata-maxversion");
    step(sized(nowhere, "PUT"), 401).await;
    let known = |path: &str, method: &str| sized(path, method).token(&none);
    step(known(nowhere, "PUT"), 400).await;
    step(known("/v1.0/leakedCredentialsRiskEvents?$nonsense", "PUT"), 405).await;
    let path = "/v1.0/leakedCredentialsRiskEvents?$nonsense";
    step(known(path, "POST"), 403).await;
    let may = |path: &str, method: &str| {
        known(path, method).token(&app.token_with(&[Permission::IdentityRiskEventReadWriteAll]))
    };
    step(may(path, "POST"), 406).await;
    let acceptable = |path: &str| may(path, "POST").without("accept");
    step(acceptable(path), 400).await;
    step(acceptable("/v1.0/leakedCredentialsRiskEvents?$expand=impactedUser"), 501).await;
    step(acceptable(EVENTS).header("content-length", "300000"), 413).await;
    step(acceptable(EVENTS), 415).await;
    let e1 = "/v1.0/leakedCredentialsRiskEvents/e1";
    let missing = "/v1.0/leakedCredentialsRiskEvents/e2";
    let change = |path: &str| app.call("PATCH", path).header("if-match", "\"9\"");
    change(missing).text("{\"riskLevel\":7}").await.refused(400, "BadRequest");
    change(missing).text("{\"riskLevel\":\"low\"}").await.refused(404, "ResourceNotFound");
    change(e1).text("{\"riskLevel\":\"low\",\"id\":\"e2\"}").await.refused(412, "resourceModified");
}

#[tokio::test]
async fn unknown_paths_below_a_version_tell_a_stranger_nothing() {
    let app = TestApp::new().await;
    for path in [
        "/v1.0/$metadat",
        "/beta/$",
        "/v1.0/nowhere",
        "/v1.0/$metadata/x",
        "/beta/users/x/y",
        "/v1.0/%ff",
        "/v1.0/users?$x",
    ] {
        for method in ["GET", "POST", "OPTIONS", "TRACE"] {
            let answer = app.call(method, path).anonymous().await.expect(401);
            answer.refused(401, "InvalidAuthenticationToken");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_told_why_with_a_challenge() {
    let app = TestApp::new().await;
    let challenge = "Bearer realm=\"\", authorization_uri=\"http://risk.example.test/common/oauth2/v2.0/token\", \
                     client_id=\"00000003-0000-0000-c000-000000000000\"";
    let refused = async |call: Call<'_>, part: &str| {
        let answer = call.await.expect(401);
        assert_eq!(answer.header("www-authenticate"), challenge);
        let message = answer.refused(401, "InvalidAuthenticationToken");
        assert!(message.contains(part), "{message}");
    };
    let get = || app.get(EVENTS);
    let token = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    refused(get().anonymous(), "Access token is missing").await;
    refused(get().header("authorization", ""), "Bearer {token}").await;
    refused(get().header("authorization", "Basic abc"), "Bearer {token}").await;
    refused(get().header("authorization", &token), "Bearer {token}").await;
    refused(get().also("authorization", "Bearer x"), "more than once").await;
    refused(get().header("authorization", "Bearer "), "").await;
    refused(get().token("x.y.z"), "").await;
    refused(get().token(&token[..token.len() - 4]), "").await;
    refused(get().token(&"a".repeat(60_000)), "").await;
    get().header("authorization", &format!("bEaReR  {token} ")).await.expect(200);
    app.clock.advance_seconds(3601);
    refused(get().token(&token), "expired").await;
    assert_eq!(app.post(EVENTS, &event()).await.status, 401);
}

#[tokio::test]
async fn a_missing_permission_is_named_without_a_challenge() {
    let app = TestApp::new().await;
    let token = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    let answer = app.post(EVENTS, &event()).token(&token).await.expect(403);
    assert_eq!(answer.header("www-authenticate"), "");
    let message = answer.refused(403, "Forbidden");
    assert_eq!(message, "IdentityRiskEvent.ReadWrite.All is needed here; required scopes are missing in this token.");
    let message = app.get("/v1.0/users").token(&token).await.refused(403, "Authorization_RequestDenied");
    assert_eq!(message, "User.Read.All is needed here; required scopes are missing in this token.");
}

#[tokio::test]
async fn an_issuer_whose_keys_cannot_be_had_is_a_503_not_a_401() {
    let issuer = "issuer=https://idp.example,discovery=https://127.0.0.1:9/,audience=spillwatch,tenant=first";
    let issuers = vec![issuer.parse().expect("an issuer")];
    let app = TestApp::start(Setup { issuers, builtin: false, ..Setup::default() }).await;
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = r#"{"iss":"https://idp.example","aud":"spillwatch","exp":1999999999}"#;
    let token = format!("{}.{}.{}", part(r#"{"alg":"RS256","kid":"k"}"#), part(claims), part("signature"));
    let (answer, read) = watch(app.call("POST", EVENTS).token(&token)).await;
    assert_eq!((answer.status, read, answer.header("retry-after")), (503, false, "5"), "{}", answer.text());
    answer.refused(503, "serviceNotAvailable");
    // Without an issuer of our own, the challenge names the one that is trusted.
    let challenge = app.get(EVENTS).anonymous().await.expect(401);
    assert!(challenge.header("www-authenticate").contains("authorization_uri=\"https://idp.example\""));
}
