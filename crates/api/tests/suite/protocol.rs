//! Small rules of HTTP and OData: HEAD, OPTIONS, versions, and entities by their URLs.

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, raise_base_event};
use serde_json::json;
use testkit::app::{ORIGIN, TestApp};

async fn prepared() -> TestApp {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "e1").await;
    app
}

#[tokio::test]
async fn head_has_the_status_and_the_headers_of_get() {
    let app = prepared().await;
    for (method, path) in crate::access::requests("e1", "u1") {
        if method != "GET" {
            continue;
        }
        let (head, get) = (app.call("HEAD", &path).await, app.get(&path).await);
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "etag", "odata-version"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    app.call("HEAD", &format!("{EVENTS}/none")).await.expect(404);
    app.call("HEAD", &format!("{EVENTS}/e1")).header("if-none-match", "*").await.expect(304);
}

#[tokio::test]
async fn options_tells_the_methods() {
    let app = prepared().await;
    for (path, allow) in [
        (EVENTS, "GET, HEAD, POST, OPTIONS"),
        ("/v1.0/users/u1", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/v1.0/identityRiskEvents/none/riskLevel", "GET, HEAD, OPTIONS"),
        ("/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$ref", "GET, HEAD, PUT, POST, DELETE, OPTIONS"),
        ("/v1.0/$batch", "POST, OPTIONS"),
    ] {
        let token = app.token_with(&[]);
        let answer = app.call("OPTIONS", path).token(&token).await.expect(204);
        assert_eq!((answer.header("allow"), answer.bytes.is_empty()), (allow, true), "{path}");
        app.call("OPTIONS", path).anonymous().await.expect(401);
    }
    app.call("OPTIONS", "/v1.0/nowhere").await.refused(400, "BadRequest");
}

#[tokio::test]
async fn every_answer_names_the_version_of_odata() {
    let app = prepared().await;
    let e1 = format!("{EVENTS}/e1");
    for (status, call) in [
        (200, app.get(EVENTS)),
        (200, app.get(&format!("{EVENTS}/$count"))),
        (200, app.get("/v1.0/$metadata")),
        (201, app.post(EVENTS, &event())),
        (204, app.post(EVENTS, &event()).header("prefer", "return=minimal")),
        (204, app.get(&format!("{e1}/closedDateTime"))),
        (204, app.delete(&format!("{e1}/impactedUser/$ref"))),
        (204, app.call("OPTIONS", EVENTS)),
        (304, app.get(&e1).header("if-none-match", "*")),
        (400, app.get("/v1.0/nowhere")),
        (401, app.get(EVENTS).anonymous()),
        (404, app.get(&format!("{EVENTS}/none"))),
        (405, app.call("PUT", &e1)),
        (501, app.get(&format!("{EVENTS}?$apply=x"))),
        (204, app.delete(&e1)),
    ] {
        // 4.0 is also what a client of 4.01 gets: it may be answered so (OData protocol 4.01, section 8.2.7).
        let answer = call.header("odata-maxversion", "4.01").await.expect(status);
        assert_eq!(answer.header("odata-version"), "4.0", "{}", answer.text());
    }
    assert_eq!(app.get("/healthz").await.header("odata-version"), "");
}

#[tokio::test]
async fn consistency_levels_change_nothing() {
    let app = prepared().await;
    for path in [format!("{USERS}/$count"), format!("{USERS}?$search=mara&$count=true"), EVENTS.to_owned()] {
        for level in ["eventual", "Session"] {
            let answer = app.get(&path).header("consistencylevel", level).await.expect(200);
            assert_eq!(answer.text(), app.get(&path).await.text(), "{path}");
        }
    }
}

#[tokio::test]
async fn an_entity_is_found_by_its_url() {
    let app = prepared().await;
    let whole = app.get(&format!("{EVENTS}/e1")).await.expect(200);
    for id in [
        format!("{ORIGIN}{EVENTS}/e1"),
        format!("{ORIGIN}/beta/leakedCredentialsRiskEvents('e1')"),
        "leakedCredentialsRiskEvents('e1')".to_owned(),
        "/v1.0/leakedCredentialsRiskEvents/e1".to_owned(),
        "http:%2F%2Frisk.example.test%2Fv1.0%2FleakedCredentialsRiskEvents%2Fe1".to_owned(),
    ] {
        for first in ["$entity", "%24Entity"] {
            let answer = app.get(&format!("/v1.0/{first}?$id={id}")).await.expect(200);
            assert_eq!((answer.text(), answer.header("etag")), (whole.text(), whole.header("etag")), "{id}");
        }
    }
    let user = app.get("/v1.0/$entity?$id=directoryObjects/u1&$select=displayName").await.expect(200).json();
    assert_eq!(user["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#users(displayName)/$entity"));
    let by_name = app.get("/v1.0/$entity?id=users(userPrincipalName='mara@fjord.example')").await.expect(200).json();
    assert_eq!(by_name["id"], "u1");
    app.patch("/v1.0/$entity?$id=users/u1", &json!({"displayName": "Mara"})).await.expect(204);
    let none = app.get("/v1.0/$entity?$id=users/none").await;
    none.refused(404, "Request_ResourceNotFound");

    // With the name of a type, as after a key.
    raise_base_event(&app, "b1").await;
    let cast = "/v1.0/$entity/microsoft.graph.leakedCredentialsRiskEvent";
    let answer = app.get(&format!("{cast}?$id=identityRiskEvents/e1")).await.expect(200).json();
    let context = "$metadata#identityRiskEvents/microsoft.graph.leakedCredentialsRiskEvent/$entity";
    assert_eq!(answer["@odata.context"], format!("{ORIGIN}/v1.0/{context}"));
    app.get(&format!("{cast}?$id=identityRiskEvents/b1")).await.refused(404, "ResourceNotFound");
    app.get(&format!("{cast}?$id=users/u1")).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn an_id_that_leads_to_no_entity_of_ours_is_refused() {
    let app = prepared().await;
    for query in [
        "",
        "?$id=",
        "?$id=leakedCredentialsRiskEvents",
        "?$id=users/u1/displayName",
        "?$id=https://elsewhere.example/v1.0/users/u1",
        "?$id=nonsense/1",
    ] {
        let answer = app.get(&format!("/v1.0/$entity{query}")).await.expect(400);
        assert_eq!(answer.json()["error"]["target"], "$id", "{query}");
    }
    for query in ["?$id=users/u1&$id=users/u1", "?$id=%ff", "?$id=users/u1&$top=1", "?$id=users/u1&$nonsense"] {
        app.get(&format!("/v1.0/$entity{query}")).await.expect(400);
    }
    app.get("/v1.0/$entity/displayName?$id=users/u1").await.refused(400, "BadRequest");
    app.get("/v1.0/$entity?$id=users/u1").anonymous().await.expect(401);
    let events_only = app.token_with(&[model::Permission::IdentityRiskEventReadAll]);
    app.get("/v1.0/$entity?$id=users/u1").token(&events_only).await.refused(403, "Authorization_RequestDenied");
    // Elsewhere the option has no meaning.
    app.get(&format!("{BASE}?$id=users/u1")).await.refused(400, "BadRequest");
}
