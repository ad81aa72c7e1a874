//! `POST /$batch`.

use crate::samples::{EVENTS, add_event, add_user, event, with, without};
use model::Permission;
use serde_json::{Value, json};
use testkit::app::{Answer, HOST, ORIGIN, TestApp};

pub(crate) const BATCH: &str = "/v1.0/$batch";

pub(crate) fn get(id: &str, url: &str) -> Value {
    json!({"id": id, "method": "GET", "url": url})
}

pub(crate) fn create(id: &str, body: &Value) -> Value {
    json!({"id": id, "method": "POST", "url": "/leakedCredentialsRiskEvents", "body": body,
           "headers": {"Content-Type": "application/json"}})
}

pub(crate) async fn send(app: &TestApp, requests: &Value) -> Answer {
    app.post(BATCH, &json!({"requests": requests})).await
}

/// The answers of a batch that was taken in.
pub(crate) async fn answers(app: &TestApp, requests: &Value) -> Vec<Value> {
    let answer = send(app, requests).await.expect(200).json();
    let Value::Array(answers) = answer["responses"].clone() else { panic!("{answer}") };
    answers
}

pub(crate) fn statuses(answers: &[Value]) -> Vec<u64> {
    answers.iter().map(|answer| answer["status"].as_u64().expect("a status")).collect()
}

#[tokio::test]
async fn a_create_is_answered_as_if_it_had_come_alone() {
    let app = TestApp::new().await;
    let answer = send(&app, &json!([create("a", &with(event(), &json!({"id": "e1"})))])).await.expect(200);
    let alone = app.get(&format!("{EVENTS}/e1")).await.expect(200).json();
    let expected = json!({"responses": [{
        "id": "a",
        "status": 201,
        "headers": {
            "Content-Type": "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            "Location": format!("{ORIGIN}{EVENTS}/e1"),
            "ETag": "W/\"1\"",
            "OData-Version": "4.0",
        },
        "body": alone,
    }]});
    assert_eq!(answer.json(), expected);
    assert!(answer.text().contains("\"Content-Type\":\"application/json;"), "this spelling exactly");
    assert!(answer.content_type().starts_with("application/json;odata.metadata=minimal"));
}

#[tokio::test]
async fn twenty_are_taken_and_twenty_one_are_not() {
    let app = TestApp::new().await;
    let creates = |count: usize| json!((0..count).map(|id| create(&id.to_string(), &event())).collect::<Vec<_>>());
    assert_eq!(statuses(&answers(&app, &creates(20)).await), [201; 20]);
    let message = send(&app, &creates(21)).await.refused(400, "BadRequest");
    assert_eq!(message, "the batch holds 21 requests; at most 20 are allowed");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "20");
    let message = send(&app, &json!([])).await.refused(400, "BadRequest");
    assert!(message.contains("1 to 20"), "{message}");
}

#[tokio::test]
async fn a_broken_envelope_refuses_the_whole_batch() {
    let app = TestApp::new().await;
    let good = create("good", &event());
    for (bad, target) in [
        (json!({"method": "GET", "url": "users"}), "requests[1]/id"),
        (json!({"id": "", "method": "GET", "url": "users"}), "requests[1]/id"),
        (json!({"id": "1", "url": "users"}), "requests[1]/method"),
        (json!({"id": "1", "method": "GET"}), "requests[1]/url"),
        (json!({"id": "1", "method": "BREW", "url": "users"}), "requests[1]/method"),
        (json!({"id": "GOOD", "method": "GET", "url": "users"}), "requests[1]/id"),
        (json!({"id": "1", "method": "GET", "url": "users", "headers": {"a b": "x"}}), "requests[1]/headers"),
        (json!({"id": "1", "method": "GET", "url": "users", "headers": {"a": "x\ny"}}), "requests[1]/headers"),
        (without(create("1", &event()), "headers"), "requests[1]/headers"),
    ] {
        let answer = send(&app, &json!([good, bad])).await.expect(400);
        assert_eq!(answer.json()["error"]["target"], target, "{bad}");
        assert_eq!(answer.details().len(), 1);
    }
    let all = json!([{"method": "GET", "url": "users"}, {"id": "1", "url": "users"}, {"id": "2", "method": "GET"}]);
    assert_eq!(send(&app, &all).await.expect(400).details().len(), 3, "every fault at once");
    for broken in [
        json!({}),
        json!([]),
        json!({"requests": {}}),
        json!({"requests": [1]}),
        json!({"requests": [{"id": 1, "method": "GET", "url": "users"}]}),
        json!({"requests": [{"id": "1", "method": "GET", "url": "users", "headers": {"a": 1}}]}),
    ] {
        let message = app.post(BATCH, &broken).await.refused(400, "BadRequest");
        assert!(message.contains("batch"), "{broken}: {message}");
    }
    app.call("POST", BATCH)
        .text(r#"{"requests":[{"id":"1","id":"2","method":"GET","url":"users"}]}"#)
        .await
        .expect(400);
    app.call("POST", BATCH).text("{").await.refused(400, "BadRequest");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0", "nothing was carried out");
}

#[tokio::test]
async fn items_fail_alone() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let xml = json!({"id": "7", "method": "POST", "url": "users", "body": "PGEvPg==", "headers": {"Content-Type": "application/xml"}});
    let items = json!([
        get("1", "/leakedCredentialsRiskEvents/e1"),
        get("2", "/leakedCredentialsRiskEvents/e2"),
        create("3", &json!({"riskLevel": "huge"})),
        create("4", &with(event(), &json!({"id": "e1"}))),
        get("5", "/nowhere"),
        {"id": "6", "method": "PUT", "url": "/users"},
        xml,
        {"id": "8", "method": "POST", "url": "/$batch", "body": {"requests": []}, "headers": {"Content-Type": "application/json"}},
        get("9", "/users?$apply=x"),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [200, 404, 400, 409, 400, 405, 415, 400, 501]);
    for failed in &found[1..] {
        assert!(failed["headers"]["Content-Type"].as_str().is_some_and(|media| media.starts_with("application/json")));
        let inner = &failed["body"]["error"]["innerError"];
        assert_eq!(inner["date"], "2024-03-03T06:00:00", "{failed}");
    }
    assert_eq!(found[5]["headers"]["Allow"], "GET, HEAD, POST");
    assert_eq!(found[7]["body"]["error"]["message"], "a batch cannot hold another batch");
}

#[tokio::test]
async fn answers_without_a_body_have_no_body_member() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let items = json!([
        {"id": "1", "method": "PATCH", "url": "/users/u1", "body": {"jobTitle": "x"}, "headers": {"content-type": "application/json"}},
        {"id": "2", "method": "GET", "url": "/leakedCredentialsRiskEvents/e1", "headers": {"if-none-match": "*"}},
        {"id": "3", "method": "PUT", "url": "/identityRiskEvents/e1/impactedUser/$ref", "body": {"@odata.id": "users/u1"},
         "headers": {"CONTENT-TYPE": "application/json; charset=utf-8"}},
        with(create("4", &event()), &json!({"headers": {"Content-Type": "application/json", "Prefer": "return=minimal"}})),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [204, 304, 204, 204]);
    assert!(found.iter().all(|answer| answer.get("body").is_none() && answer["headers"].is_object()), "{found:?}");
    assert_eq!(found[3]["headers"]["Preference-Applied"], "return=minimal");
    assert_eq!(found[3]["headers"]["Location"], found[3]["headers"]["OData-EntityId"]);
    let deleted =
        answers(&app, &json!([{"id": "1", "method": "delete", "url": "leakedCredentialsRiskEvents/e1"}])).await;
    assert_eq!(deleted, [json!({"id": "1", "status": 204, "headers": {}})]);
}

#[tokio::test]
async fn a_count_is_base64() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let found = answers(&app, &json!([get("1", "/leakedCredentialsRiskEvents/$count")])).await;
    assert_eq!(found[0]["body"], "MQ==");
    assert_eq!(found[0]["headers"]["Content-Type"], "text/plain");
}

#[tokio::test]
async fn a_post_without_a_body_is_an_item_like_any_other() {
    let app = TestApp::new().await;
    let items = json!([
        {"id": "1", "method": "POST", "url": "/leakedCredentialsRiskEvents"},
        {"id": "2", "method": "POST", "url": "/leakedCredentialsRiskEvents", "body": null},
        {"id": "3", "method": "POST", "url": "/leakedCredentialsRiskEvents", "headers": {"Content-Type": "application/json"}},
        {"id": "4", "method": "GET", "url": "/users", "headers": null, "dependsOn": null},
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [400, 400, 400, 200], "{found:?}");
    assert_eq!(found[0]["body"]["error"]["message"], "the body is empty; expected a JSON object");
}

#[tokio::test]
async fn urls_come_relative_and_absolute() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let set = "leakedCredentialsRiskEvents";
    for url in [
        format!("{set}/e1"),
        format!("/{set}/e1"),
        format!("/v1.0/{set}/e1"),
        format!("v1.0/{set}('e1')"),
        format!("http://{HOST}/v1.0/{set}/e1"),
        format!("HTTPS://{}/V1.0/{set}/e1", HOST.to_uppercase()),
        format!("/{set}(id = 'e1')"),
        format!("{set}/e1?custom=a b'c"),
    ] {
        let found = answers(&app, &json!([get("1", &url)])).await;
        assert_eq!(found[0]["body"]["id"], "e1", "{url}: {found:?}");
    }
    for url in [
        format!("http://elsewhere.example/v1.0/{set}/e1"),
        format!("http://{HOST}/beta/{set}/e1"),
        format!("/beta/{set}/e1"),
        format!("http://{HOST}/{set}/e1"),
        format!("http://{HOST}"),
        format!("ftp://{HOST}/v1.0/{set}/e1"),
        format!("http://{HOST}:8080/v1.0/{set}/e1"),
        format!("http://user@{HOST}/v1.0/{set}/e1"),
        String::new(),
        "/healthz".to_owned(),
    ] {
        let found = answers(&app, &json!([get("1", &url)])).await;
        let status = found[0]["status"].as_u64().expect("a status");
        assert!(status == 400 || (url.is_empty() && status == 200), "{url}: {found:?}");
    }
    let beta =
        app.post("/beta/$batch", &json!({"requests": [get("1", &format!("/beta/{set}/e1"))]})).await.expect(200).json();
    let context = beta["responses"][0]["body"]["@odata.context"].as_str().expect("a context");
    assert!(context.starts_with(&format!("{ORIGIN}/beta/$metadata#")), "{context}");
}

#[tokio::test]
async fn each_item_demands_its_own_permission() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let token = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    let items = json!([get("1", "/leakedCredentialsRiskEvents/e1"), get("2", "/users"), create("3", &event())]);
    let answer = app.post(BATCH, &json!({"requests": items})).token(&token).await.expect(200).json();
    let found = answer["responses"].as_array().expect("answers");
    assert_eq!(statuses(found), [200, 403, 403]);
    assert_eq!(found[1]["body"]["error"]["code"], "Authorization_RequestDenied");
    assert_eq!(found[2]["body"]["error"]["code"], "Forbidden");
}
