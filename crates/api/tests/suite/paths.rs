//! Paths: spellings, what is not there, and methods.

use crate::samples::{EVENTS, USERS, add_event, add_user};
use serde_json::json;
use testkit::app::TestApp;

#[tokio::test]
async fn segments_ignore_case_and_keys_come_in_both_forms() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let created = add_event(&app, "e1").await;
    for path in [
        "/v1.0/leakedCredentialsRiskEvents/e1",
        "/v1.0/LEAKEDCREDENTIALSRISKEVENTS/e1",
        "/V1.0/leakedcredentialsriskevents('e1')",
        "/v1.0/leakedCredentialsRiskEvents(e1)",
        "/v1.0/leakedCredentialsRiskEvents(id='e1')",
        "/v1.0/leakedCredentialsRiskEvents(%27e1%27)",
        "/v1.0/leakedCredentialsRiskEvents/%65%31",
        "/v1.0//leakedCredentialsRiskEvents//e1/",
    ] {
        assert_eq!(app.get(path).await.expect(200).json(), created, "{path}");
    }
    for path in [
        "/v1.0/leakedCredentialsRiskEvents/e1/ImpactedUser",
        "/beta/leakedCredentialsRiskEvents('e1')/impacteduser/",
        "/Beta/IDENTITYRISKEVENTS(e1)/IMPACTEDUSER",
    ] {
        assert_eq!(app.get(path).await.expect(200).json()["id"], "u1", "{path}");
    }
    app.get("/v1.0/leakedCredentialsRiskEvents('e1')/impactedUser/$REF").await.expect(200);
    assert_eq!(app.get("/v1.0/Users/$COUNT").await.expect(200).text(), "1");
    app.call("POST", "/v1.0/$BATCH")
        .text(r#"{"requests":[{"id":"1","method":"get","url":"users"}]}"#)
        .await
        .expect(200);
}

#[tokio::test]
async fn broken_keys_are_told() {
    let app = TestApp::new().await;
    for path in ["(", "('e1", "('e1)", "(e1')", "()", "('e''1'')", "('e1')x", "(colour='e1')", "('a','b')"] {
        let uri = format!("{EVENTS}{path}");
        let answer = app.get(&uri).await.expect(400);
        assert_eq!(answer.json()["error"]["code"], "BadRequest", "{uri}");
    }
    for path in ["/%ff", "/%", "/%zz", "/a%00b"] {
        let message = app.get(&format!("{EVENTS}{path}")).await.refused(400, "BadRequest");
        assert!(message.ends_with("is not percent-encoded UTF-8"), "{message}");
        app.get(&format!("{USERS}{path}")).await.refused(400, "Request_BadRequest");
    }
}

#[tokio::test]
async fn segments_that_name_nothing_are_refused_and_those_to_come_are_501() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    for path in ["/v1.0/riskyThings", "/v1.0/me", "/beta/leakedCredentialsRiskEvent", "/v1.0/users/a/b"] {
        let answer = app.get(path).await.expect(400);
        let error = &answer.json()["error"];
        let message = error["message"].as_str().expect("a text").to_owned();
        assert!(message.starts_with("Resource not found for the segment `"), "{message}");
        let expected = if path.contains("users") { "Request_BadRequest" } else { "BadRequest" };
        assert_eq!(error["code"], expected, "{path}");
    }
    app.get(&format!("{EVENTS}/e1/impactedUser/$ref/x")).await.refused(400, "BadRequest");
    app.get(&format!("{EVENTS}/$count/x")).await.refused(400, "BadRequest");
    app.get("/v1.0/a/b/c/d/e/f/g/h/i/j").await.refused(400, "BadRequest");
    for path in [
        "/v1.0/leakedCredentialsRiskEvents/$value",
        "/v1.0/leakedCredentialsRiskEvents/e1/$value",
        "/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$value",
    ] {
        let message = app.get(path).await.refused(501, "NotImplemented");
        assert!(message.starts_with("the path segment `"), "{message}");
    }
}

#[tokio::test]
async fn outside_the_versions_there_is_nothing() {
    let app = TestApp::new().await;
    for path in ["/", "/users", "/v2.0/users", "/v1", "/v1.0x/users", "/%761.0/users", "/favicon.ico", "/healthz/x"] {
        for call in [app.get(path), app.get(path).anonymous(), app.call("PUT", path).anonymous()] {
            let message = call.await.refused(404, "ResourceNotFound");
            assert_eq!(message, "there is nothing here; the API lies below /v1.0 and /beta");
        }
    }
}

#[tokio::test]
async fn methods_that_are_not_allowed_are_told_with_those_that_are() {
    let app = TestApp::new().await;
    for (path, method, allow) in [
        (EVENTS, "PUT", "GET, HEAD, POST"),
        (EVENTS, "DELETE", "GET, HEAD, POST"),
        ("/v1.0/leakedCredentialsRiskEvents/e1", "PUT", "GET, HEAD, PATCH, DELETE"),
        ("/v1.0/identityRiskEvents/e1", "POST", "GET, HEAD, PATCH, DELETE"),
        ("/v1.0/leakedCredentialsRiskEvents/$count", "POST", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/impactedUser", "DELETE", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$ref", "PATCH", "GET, HEAD, PUT, POST, DELETE"),
        ("/v1.0/leakedCredentialsRiskEvents/$ref", "POST", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/$ref", "DELETE", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/riskLevel", "PUT", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/riskLevel", "PATCH", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/closedDateTime", "DELETE", "GET, HEAD"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/riskLevel/$value", "PUT", "GET, HEAD"),
        ("/v1.0/identityRiskEvents/microsoft.graph.leakedCredentialsRiskEvent", "DELETE", "GET, HEAD, POST"),
        ("/v1.0/users/u1/businessPhones/$count", "POST", "GET, HEAD"),
        ("/v1.0/users", "PATCH", "GET, HEAD, POST"),
        ("/v1.0/users/u1", "PUT", "GET, HEAD, PATCH, DELETE"),
        ("/v1.0/$batch", "GET", "POST"),
        (EVENTS, "TRACE", "GET, HEAD, POST"),
        (EVENTS, "BREW", "GET, HEAD, POST"),
    ] {
        let answer = app.call(method, path).json(&json!({})).await.expect(405);
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
        let message = answer.refused(405, "Request_BadRequest");
        assert_eq!(message, format!("{method} is not allowed here; allowed are {allow}"));
    }
}

#[tokio::test]
async fn public_paths_refuse_other_methods_in_the_same_form() {
    let app = TestApp::new().await;
    let tenant = testkit::app::tenant_id(0);
    for (path, method, allow) in [
        ("/healthz".to_owned(), "POST", "GET, HEAD"),
        ("/readyz".to_owned(), "DELETE", "GET, HEAD"),
        (format!("/{tenant}/oauth2/v2.0/token"), "GET", "POST"),
        (format!("/{tenant}/discovery/v2.0/keys"), "PUT", "GET, HEAD"),
    ] {
        let answer = app.call(method, &path).anonymous().await.expect(405);
        let allowed = answer.header("allow").replace(',', ", ").replace("  ", " ");
        assert_eq!(allowed, allow, "{method} {path}");
        assert!(answer.refused(405, "Request_BadRequest").contains(method));
    }
    for path in ["/%ff/oauth2/v2.0/token", "/%ff/discovery/v2.0/keys", "/%ff/v2.0/.well-known/openid-configuration"] {
        for method in ["GET", "POST"] {
            let answer = app.call(method, path).anonymous().await;
            assert!((400..500).contains(&answer.status), "{path}");
            assert!(answer.json()["error"]["innerError"].is_object(), "{}", answer.text());
        }
    }
}
