//! One tenant never reaches into another, by whatever route.

use crate::access::requests;
use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, ids, path_of, user, with, without};
use model::PermissionSet;
use serde_json::{Value, json};
use testkit::app::{TestApp, tenant_id};

/// Everything of the first tenant that can be seen.
async fn view(app: &TestApp) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [EVENTS, BASE, USERS] {
        all.push(app.get(path).await.expect(200).json());
        all.push(json!(app.get(&format!("{path}/$count")).await.expect(200).text()));
    }
    all.push(app.get(&format!("{EVENTS}/a1/impactedUser/$ref")).await.expect(200).json());
    all
}

#[tokio::test]
async fn no_route_reaches_another_tenants_rows() {
    let app = TestApp::with_two_tenants().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "a1").await;
    let before = view(&app).await;
    let other = app.token_of(1, PermissionSet::all());
    let reference = json!({"@odata.id": "users/u1"});
    for (method, path) in requests("a1", "u1") {
        let call = app.call(method, &path).token(&other);
        let call = match (method, path.as_str()) {
            ("PATCH", path) if path.contains("/users/") => call.json(&json!({"jobTitle": "x"})),
            ("PATCH", _) => call.json(&json!({"riskLevel": "low"})),
            ("PUT" | "POST", path) if path.ends_with("$ref") => call.json(&reference),
            ("POST", path) if path.contains("/riskyUsers/") => call.json(&json!({"userIds": ["u1"]})),
            ("POST", _) => continue, // a create makes a row of its own: see below
            _ => call,
        };
        let answer = call.await;
        let detection = model::DetectionId::of("a1").text();
        let names_one = ["a1", "u1", detection.as_str()].iter().any(|key| path.contains(key));
        if names_one || method == "POST" {
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        } else if path.ends_with("$count") {
            assert_eq!((answer.status, answer.text()), (200, "0".into()), "{path}");
        } else {
            assert_eq!((answer.status, &answer.json()["value"]), (200, &json!([])), "{path}");
        }
        assert!(!answer.text().contains("mara"), "{}", answer.text());
    }
    assert_eq!(view(&app).await, before);
}

#[tokio::test]
async fn the_same_ids_and_names_live_apart() {
    let app = TestApp::with_two_tenants().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "a1").await;
    let before = view(&app).await;
    let other = app.token_of(1, PermissionSet::all());
    let theirs = with(user(), &json!({"displayName": "Someone Else"}));
    app.post(USERS, &theirs).token(&other).await.expect(201);
    app.post(EVENTS, &with(event(), &json!({"id": "a1", "riskLevel": "none"}))).token(&other).await.expect(201);
    assert_eq!(view(&app).await, before);
    let path = format!("{EVENTS}/a1/impactedUser");
    assert_eq!(app.get(&path).token(&other).await.expect(200).json()["displayName"], "Someone Else");
    assert_eq!(app.get(&path).await.expect(200).json()["displayName"], "Mara Lind");
    app.delete(&format!("{USERS}/mara@fjord.example")).token(&other).await.expect(204);
    app.delete(&format!("{BASE}/a1")).token(&other).await.expect(204);
    assert_eq!(view(&app).await, before);
}

#[tokio::test]
async fn another_tenants_users_neither_fill_in_nor_can_be_referred_to() {
    let app = TestApp::with_two_tenants().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let other = app.token_of(1, PermissionSet::all());
    let unnamed = without(without(event(), "userDisplayName"), "userPrincipalName");
    app.post(EVENTS, &unnamed).await.expect(201);
    let refused = app.post(EVENTS, &unnamed).token(&other).await.expect(400);
    assert_eq!(refused.details().len(), 2);
    let bound = with(without(event(), "userId"), &json!({"impactedUser@odata.bind": "users/u1"}));
    app.post(EVENTS, &bound).token(&other).await.expect(400);
    app.post(EVENTS, &with(event(), &json!({"id": "b1"}))).token(&other).await.expect(201);
    let reference = format!("{EVENTS}/b1/impactedUser/$ref");
    let call = app.call("PUT", &reference).json(&json!({"@odata.id": "users/u1"})).token(&other);
    call.await.refused(404, "Request_ResourceNotFound");
    app.get(&format!("{EVENTS}/b1/impactedUser")).token(&other).await.expect(404);
}

#[tokio::test]
async fn page_tokens_do_not_cross() {
    let app = TestApp::with_two_tenants().await;
    let other = app.token_of(1, PermissionSet::all());
    for number in 0..3 {
        add_event(&app, &format!("a{number}")).await;
        add_user(&app, &format!("u{number}"), &format!("u{number}@fjord.example")).await;
        app.post(EVENTS, &with(event(), &json!({"id": format!("b{number}")}))).token(&other).await.expect(201);
    }
    for set in [EVENTS, BASE, USERS] {
        let page = app.get(&format!("{set}?$top=1")).await.expect(200).json();
        let link = path_of(page["@odata.nextLink"].as_str().expect("more follows")).to_owned();
        let answer = app.get(&link).token(&other).await.expect(400);
        assert_eq!(answer.json()["error"]["target"], "$skiptoken");
        app.get(&link).await.expect(200);
    }
    let theirs = app.get(EVENTS).token(&other).await.expect(200).json();
    assert_eq!(ids(&theirs), ["b2", "b1", "b0"]);
}

#[tokio::test]
async fn a_batch_stays_in_the_tenant_of_its_token() {
    let app = TestApp::with_two_tenants().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "a1").await;
    let before = view(&app).await;
    let get =
        |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url, "headers": {"Authorization": "Bearer x"}});
    let batch = json!({"requests": [
        get("1", "leakedCredentialsRiskEvents/a1"),
        get("2", "users/u1"),
        {"id": "3", "method": "DELETE", "url": "identityRiskEvents/a1"},
        get("4", "users"),
    ]});
    let other = app.token_of(1, PermissionSet::all());
    let answer = app.post("/v1.0/$batch", &batch).token(&other).await.expect(200).json();
    let statuses: Vec<&Value> =
        answer["responses"].as_array().expect("answers").iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [404, 404, 404, 200]);
    assert_eq!(answer["responses"][3]["body"]["value"], json!([]));
    assert_eq!(view(&app).await, before);
}

#[tokio::test]
async fn a_token_of_a_tenant_that_is_gone_or_was_never_there_is_refused() {
    let app = TestApp::with_two_tenants().await;
    let stranger = app.token_of(9, PermissionSet::all());
    app.get(EVENTS).token(&stranger).await.refused(401, "InvalidAuthenticationToken");
    let other = app.token_of(1, PermissionSet::all());
    app.get(EVENTS).token(&other).await.expect(200);
    let key = app.tenants[1].key;
    app.app.service.administer(store::AdminCommand::RemoveTenant(key)).await.expect("removed");
    let answer = app.get(EVENTS).token(&other).await.expect(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    app.get(EVENTS).await.expect(200);
    // The same id, added again, is another tenant: its rows are new, and tokens for it hold again.
    app.app.service.add_tenant(Some(tenant_id(1)), "again").await.expect("added").expect("new");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).token(&other).await.expect(200).text(), "0");
}
