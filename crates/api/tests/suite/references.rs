//! `.../impactedUser` and `.../impactedUser/$ref`.

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, user, with, without};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

const NAV: &str = "/v1.0/leakedCredentialsRiskEvents/e1/impactedUser";
const REF: &str = "/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$ref";

async fn two_users() -> TestApp {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_user(&app, "u2", "ole@fjord.example").await;
    add_event(&app, "e1").await;
    app
}

#[tokio::test]
async fn the_user_is_one_entity_as_the_directory_knows_them() {
    let app = two_users().await;
    let seen = app.get(NAV).await.expect(200);
    let user = app.get(&format!("{USERS}/u1")).await.expect(200);
    assert_eq!(seen.json(), user.json());
    assert_eq!(seen.json()["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#users/$entity"));
    assert_eq!(seen.header("etag"), user.header("etag"));
    app.get(NAV).header("if-none-match", seen.header("etag")).await.expect(304);
    app.patch(&format!("{USERS}/u1"), &json!({"displayName": "Mara Berg"})).await.expect(204);
    assert_eq!(app.get(NAV).await.json()["displayName"], "Mara Berg");
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["userDisplayName"], "Mara Lind", "a snapshot");
    assert_eq!(
        app.get(&NAV.replace("leakedCredentialsRiskEvents", "identityRiskEvents")).await.expect(200).json()["id"],
        "u1"
    );
}

#[tokio::test]
async fn the_reference_is_read_set_and_cleared() {
    let app = two_users().await;
    let answer = app.get(REF).await.expect(200);
    assert_eq!(
        answer.json(),
        json!({"@odata.context": format!("{ORIGIN}/v1.0/$metadata#$ref"), "@odata.id": format!("{ORIGIN}/v1.0/users/u1")})
    );
    for method in ["PUT", "POST"] {
        for (id, url) in [
            ("u2", format!("{ORIGIN}/v1.0/users/u2")),
            ("u1", format!("{ORIGIN}/beta/directoryObjects/u1")),
            ("u2", "users/ole@fjord.example".to_owned()),
            ("u1", "directoryObjects('u1')".to_owned()),
            ("u2", "/v1.0/users('u2')".to_owned()),
            ("u1", "users(userPrincipalName='MARA@fjord.example')".to_owned()),
        ] {
            let answer = app.call(method, REF).json(&json!({"@OData.Id": url})).await.expect(204);
            assert!(answer.bytes.is_empty());
            assert_eq!(app.get(REF).await.json()["@odata.id"], format!("{ORIGIN}/v1.0/users/{id}"), "{url}");
            assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["userId"], id);
        }
    }
    app.delete(REF).await.expect(204);
    app.delete(REF).await.refused(404, "Request_ResourceNotFound");
    app.get(REF).await.refused(404, "Request_ResourceNotFound");
    app.get(NAV).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["userId"], "u1", "only the reference is cleared");
    app.call("PUT", &REF.replace("leakedCredentialsRiskEvents", "identityRiskEvents"))
        .json(&json!({"@odata.id": "users/u2"}))
        .await
        .expect(204);
    assert_eq!(app.get(NAV).await.json()["id"], "u2");
}

#[tokio::test]
async fn references_that_lead_nowhere_are_told_apart() {
    let app = two_users().await;
    for wrong in [
        json!({}),
        json!({"@odata.id": null}),
        json!({"@odata.id": 7}),
        json!({"@odata.id": ""}),
        json!({"@odata.id": "users"}),
        json!({"@odata.id": "https://elsewhere.example/v1.0/users/u1"}),
        json!({"@odata.id": "leakedCredentialsRiskEvents/e1"}),
        json!({"@odata.id": "ftp://risk.example.test/v1.0/users/u1"}),
        json!({"@odata.id": "users/u1/impactedUser"}),
        json!([]),
    ] {
        app.call("PUT", REF).json(&wrong).await.refused(400, "Request_BadRequest");
    }
    app.call("PUT", REF).text("{").await.refused(400, "Request_BadRequest");
    let unknown = json!({"@odata.id": "users/nobody"});
    app.call("PUT", REF).json(&unknown).await.refused(404, "Request_ResourceNotFound");
    app.call("PUT", REF).json(&unknown).header("if-match", "\"9\"").await.refused(404, "Request_ResourceNotFound");
    let elsewhere = REF.replace("e1", "e2");
    app.call("PUT", &elsewhere).json(&json!({"@odata.id": "users/u1"})).await.refused(404, "ResourceNotFound");
    app.call("PUT", REF)
        .json(&json!({"@odata.id": "users/u2"}))
        .header("if-match", "\"9\"")
        .await
        .refused(412, "resourceModified");
    app.delete(REF).header("if-match", "\"9\"").await.refused(412, "resourceModified");
    assert_eq!(app.get(NAV).await.json()["id"], "u1");
}

#[tokio::test]
async fn a_user_whose_id_is_a_word_of_paths_is_referred_to_exactly() {
    let app = two_users().await;
    for id in ["directoryObjects", "users", "delta", "v1.0"] {
        add_user(&app, id, &format!("{id}@fjord.example")).await;
        for url in
            [format!("users('{id}')"), format!("directoryObjects('{id}')"), format!("{ORIGIN}/v1.0/users('{id}')")]
        {
            app.call("PUT", REF).json(&json!({"@odata.id": url})).await.expect(204);
            assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["userId"], id, "{url}");
        }
    }
    app.call("PUT", REF).json(&json!({"@odata.id": "users/directoryObjects"})).await.expect(204);
    assert_eq!(app.get(NAV).await.json()["id"], "directoryObjects");
    app.call("PUT", REF).json(&json!({"@odata.id": "users('delta')"})).await.expect(204);
    let link = app.get(REF).await.json()["@odata.id"].as_str().expect("a link").to_owned();
    assert_eq!(link, format!("{ORIGIN}/v1.0/users('delta')"));
    assert_eq!(app.get(crate::samples::path_of(&link)).await.expect(200).json()["id"], "delta");
}

#[tokio::test]
async fn a_deleted_user_leaves_the_event_and_its_user_id() {
    let app = two_users().await;
    app.delete(&format!("{USERS}/u1")).await.expect(204);
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.expect(200).json()["userId"], "u1");
    app.get(NAV).await.refused(404, "Request_ResourceNotFound");
    assert_eq!(app.get(REF).await.expect(200).json()["@odata.id"], format!("{ORIGIN}/v1.0/users/u1"));
    add_user(&app, "u1", "new@fjord.example").await;
    assert_eq!(app.get(NAV).await.expect(200).json()["userPrincipalName"], "new@fjord.example");
}

#[tokio::test]
async fn user_ids_that_are_no_ids_still_make_links_that_work() {
    let app = TestApp::new().await;
    for id in ["a/b c", "..", ".", "it's", "ä?#", "$count", "users('x')"] {
        let body = with(event(), &json!({"userId": id}));
        let event = app.post(EVENTS, &body).await.expect(201).json();
        let event = event["id"].as_str().expect("an id");
        let link = app.get(&format!("{EVENTS}/{event}/impactedUser/$ref")).await.expect(200).json();
        let link = crate::samples::path_of(link["@odata.id"].as_str().expect("a link")).to_owned();
        assert!(!link.contains("/.") && !link.contains(['#', ' ']), "{link}");
        app.get(&link).await.refused(404, "Request_ResourceNotFound");
        app.get(&format!("{EVENTS}/{event}/impactedUser")).await.refused(404, "Request_ResourceNotFound");
    }
}

#[tokio::test]
async fn a_patch_binds_and_unbinds() {
    let app = two_users().await;
    let path = format!("{BASE}/e1");
    let bound = app.patch(&path, &json!({"impactedUser@odata.bind": "users/u2"})).await.expect(200).json();
    assert_eq!(bound["userId"], "u2");
    assert_eq!(app.get(NAV).await.json()["id"], "u2");
    let cleared = app.patch(&path, &json!({"impactedUser@odata.bind": Value::Null})).await.expect(200).json();
    assert_eq!(cleared["userId"], "u2");
    app.get(NAV).await.expect(404);
    let both = json!({"userId": "u1", "impactedUser@odata.bind": "users/u2"});
    app.patch(&path, &both).await.expect(400);
    app.patch(&path, &json!({"impactedUser@odata.bind": 7})).await.expect(400);
    let nested = app.patch(&path, &json!({"impactedUser": without(user(), "id")})).await.expect(400);
    assert_eq!(nested.details(), [("InvalidProperty".into(), "impactedUser".into())]);
}
