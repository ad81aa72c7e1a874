//! `POST /$batch`: requests that depend on others, and refer to them.

use crate::batch::{answers, create, get, send, statuses};
use crate::samples::{EVENTS, USERS, add_event, add_user, event, user, with, without};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// The same request, after others.
fn after(request: Value, others: &[&str]) -> Value {
    with(request, &json!({"dependsOn": others}))
}

fn create_user(id: &str, key: &str) -> Value {
    let name = format!("{key}@fjord.example");
    json!({"id": id, "method": "POST", "url": "users", "headers": {"content-type": "application/json"},
           "body": with(user(), &json!({"id": key, "userPrincipalName": name}))})
}

fn change(id: &str, method: &str, url: &str, body: &Value) -> Value {
    json!({"id": id, "method": method, "url": url, "headers": {"Content-Type": "application/json"}, "body": body})
}

#[tokio::test]
async fn a_request_waits_for_those_it_depends_on() {
    let app = TestApp::new().await;
    let nameless = without(without(event(), "userDisplayName"), "userPrincipalName");
    let items = json!([
        create_user("user", "u1"),
        after(create("event", &with(nameless, &json!({"id": "e1"}))), &["USER"]),
        after(change("low", "PATCH", "identityRiskEvents/e1", &json!({"riskLevel": "low"})), &["event", "event"]),
        after(change("done", "PATCH", "identityRiskEvents/e1", &json!({"riskEventStatus": "remediated"})), &["low"]),
        with(get("read", "identityRiskEvents/e1"), &json!({"depends_on": ["done", "user"]})),
        after(get("gone", "users/u1"), &["delete"]),
    ]);
    // The last one must not run before the user is deleted, which stands behind it.
    let message = send(&app, &items).await.refused(400, "BadRequest");
    assert_eq!(message, "`delete` is no request or group before this one");
    let mut items = items;
    items[5] = after(json!({"id": "delete", "method": "DELETE", "url": "users/u1"}), &["read"]);
    items.as_array_mut().expect("requests").push(after(get("gone", "users/u1"), &["delete"]));
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [201, 201, 200, 200, 200, 204, 404]);
    assert_eq!(found[1]["body"]["userPrincipalName"], "u1@fjord.example", "filled in from the user before");
    let read = &found[4]["body"];
    assert_eq!((&read["riskLevel"], &read["riskEventStatus"]), (&json!("low"), &json!("remediated")));
    assert_eq!(read["@odata.etag"], "W/\"4\"", "one change after another");
}

#[tokio::test]
async fn what_depends_on_a_failure_is_not_tried() {
    let app = TestApp::new().await;
    add_event(&app, "e0").await;
    let id = |id: &str| with(event(), &json!({"id": id}));
    let not_modified = with(get("same", "identityRiskEvents/e0"), &json!({"headers": {"If-None-Match": "*"}}));
    let items = json!([
        create("bad", &with(event(), &json!({"riskLevel": "huge"}))),
        after(create("2", &id("e2")), &["bad"]),
        after(create("3", &id("e3")), &["2"]),
        create("free", &id("e4")),
        after(create("both", &id("e5")), &["free", "bad"]),
        after(create("good", &id("e6")), &["free"]),
        not_modified,
        after(create("304", &id("e7")), &["same"]),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [400, 424, 424, 201, 424, 201, 304, 424]);
    let error = &found[1]["body"]["error"];
    assert_eq!(error["code"], "FailedDependency");
    assert_eq!(error["message"], "the request `bad` failed, which this one depends on; it was not tried");
    assert!(error["innerError"]["request-id"].is_string(), "{error}");
    assert!(found[1]["headers"]["Content-Type"].as_str().is_some_and(|media| media.starts_with("application/json")));
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "3");
}

#[tokio::test]
async fn dependencies_lead_backwards_only() {
    let app = TestApp::new().await;
    for (items, at, why) in [
        (json!([after(get("1", "users"), &["1"])]), 0, "`1` does not stand before this one"),
        (json!([after(get("1", "users"), &["2"]), get("2", "users")]), 0, "`2` does not stand before this one"),
        (json!([get("1", "users"), after(get("2", "users"), &["3"])]), 1, "`3` is no request or group before this one"),
    ] {
        let answer = send(&app, &items).await.expect(400).json();
        assert_eq!(answer["error"]["target"], format!("requests[{at}]/dependsOn"), "{items}");
        assert_eq!(answer["error"]["message"], why);
    }
    let all = json!([after(get("1", "users"), &["x", "y"]), after(get("2", "users"), &["z"])]);
    assert_eq!(send(&app, &all).await.expect(400).details().len(), 3, "every fault at once");
    for wrong in [json!("1"), json!([1]), json!({"1": true})] {
        send(&app, &json!([with(get("1", "users"), &json!({"dependsOn": wrong}))])).await.refused(400, "BadRequest");
    }
    for nothing in [json!([]), Value::Null] {
        let request = with(get("1", "users"), &json!({"dependsOn": nothing, "atomicityGroup": null, "if": null}));
        assert_eq!(statuses(&answers(&app, &json!([request])).await), [200]);
    }
    let twice = r#"{"requests":[{"id":"1","method":"GET","url":"users","dependsOn":[],"depends_on":[]}]}"#;
    app.call("POST", crate::batch::BATCH).text(twice).await.refused(400, "BadRequest");
}

#[tokio::test]
async fn urls_lead_on_from_what_an_earlier_request_made_or_read() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let unlinked = with(event(), &json!({"impactedUser@odata.bind": null}));
    let items = json!([
        create("new", &unlinked),
        get("Mara", "users/mara@fjord.example"),
        after(change("3", "PUT", "$new/impactedUser/$ref", &json!({"@odata.id": "$mara"})), &["new", "Mara"]),
        after(get("4", "/$NEW/impactedUser"), &["3"]),
        after(get("5", "/v1.0/$new?custom=x"), &["3"]),
        after(change("6", "PATCH", "$mara", &json!({"jobTitle": "Analyst"})), &["Mara"]),
        after(json!({"id": "7", "method": "DELETE", "url": "$new"}), &["4", "5"]),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [201, 200, 204, 200, 200, 204, 204], "{found:?}");
    assert_eq!(found[3]["body"]["id"], "u1");
    assert_eq!(found[4]["body"]["id"], found[0]["body"]["id"]);
    for answer in &found {
        assert!(!answer.to_string().contains("$new"), "no answer repeats a reference: {answer}");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
}

#[tokio::test]
async fn bodies_and_etags_lead_on_too() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let bound = with(without(event(), "userId"), &json!({"impactedUser@odata.bind": "$user"}));
    let low = |id: &str, etag: &str| {
        let request = change(id, "PATCH", "identityRiskEvents/e1", &json!({"riskLevel": id}));
        with(request, &json!({"headers": {"Content-Type": "application/json", "if-match": etag}}))
    };
    let items = json!([
        create_user("user", "u9"),
        after(create("event", &bound), &["user"]),
        get("read", "identityRiskEvents/e1"),
        after(low("low", "$read"), &["read"]),
        after(low("medium", "$READ"), &["low"]),
        after(low("none", "$low"), &["low", "medium"]),
    ]);
    let mut found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [201, 201, 200, 200, 412, 424]);
    assert_eq!(found[1]["body"]["userId"], "u9");
    // Without the one that was overtaken, each goes on from the version before.
    let mut items = items;
    items[0] = create_user("user", "u8");
    items.as_array_mut().expect("requests").remove(4);
    items[4]["dependsOn"] = json!(["low"]);
    found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [201, 201, 200, 200, 200], "{found:?}");
    assert_eq!(found[4]["body"]["riskLevel"], "none");
}

#[tokio::test]
async fn a_reference_leads_only_to_what_the_request_depends_on() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let items = json!([
        get("1", "identityRiskEvents/e1"),
        get("2", "$1"),
        after(get("3", "$2"), &["1"]),
        after(get("4", "$nobody/x"), &["1"]),
        after(change("5", "PUT", "identityRiskEvents/e1/impactedUser/$ref", &json!({"@odata.id": "$2"})), &["1"]),
        with(get("6", "identityRiskEvents/e1"), &json!({"headers": {"If-Match": "$2"}})),
        after(get("7", "users/$1"), &["1"]),
        get("8", "$metadata/x"),
        get("9", "identityRiskEvents/$count"),
        after(with(get("10", "users"), &json!({"headers": {"If-None-Match": "$9"}})), &["9"]),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(
        found[1]["body"]["error"]["message"],
        "`$1`: `1` is not the id of a request before this one that it depends on"
    );
    for (at, answer) in found.iter().enumerate() {
        match at {
            0 | 8 => assert_eq!(answer["status"], 200, "{answer}"),
            7 => assert!([400, 501].contains(&answer["status"].as_u64().expect("a status")), "OData's own: {answer}"),
            6 => assert_eq!(answer["status"], 501, "no reference, since it is not the first segment: {answer}"),
            _ => assert_eq!(answer["status"], 400, "{answer}"),
        }
    }
    // Outside of a batch nothing refers to anything.
    app.call("PUT", &format!("{EVENTS}/e1/impactedUser/$ref")).json(&json!({"@odata.id": "$1"})).await.expect(400);
    app.get("/v1.0/$1").await.expect(400);
}

#[tokio::test]
async fn a_condition_that_is_not_served_is_never_passed_over() {
    let app = TestApp::new().await;
    let items = json!([
        with(create("1", &event()), &json!({"if": "$0/$succeeded"})),
        after(get("2", "users"), &["1"]),
        get("3", "users"),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [424, 424, 200]);
    let message = found[0]["body"]["error"]["message"].as_str().expect("a message");
    assert!(message.contains("`if` is not served"), "{message}");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
}

#[tokio::test]
async fn bodies_of_other_media_come_as_base64() {
    let app = TestApp::new().await;
    let request = |media: &str, body: &Value| json!([{"id": "1", "method": "POST", "url": USERS, "headers": {"content-type": media}, "body": body}]);
    for body in ["PGE+Pz8/", "PGE-Pz8_", "PGEvPg", "PGEvPg=="] {
        let found = answers(&app, &request("application/xml", &json!(body))).await;
        assert_eq!(found[0]["body"]["error"]["code"], "UnsupportedMediaType", "{body}");
    }
    for body in [json!("not base64!"), json!({"a": 1}), json!(7)] {
        let answer = send(&app, &request("application/xml", &body)).await.expect(400).json();
        assert_eq!(answer["error"]["target"], "requests[0]/body", "{body}");
    }
    assert_eq!(statuses(&answers(&app, &request("text/plain", &json!("plain text!"))).await), [415]);
    let found = answers(&app, &request("application/json", &json!("a string"))).await;
    assert_eq!(statuses(&found), [400], "JSON stays as it is: {found:?}");
    let headers: serde_json::Map<String, Value> = (0..101).map(|n| (format!("x-{n}"), json!(""))).collect();
    let answer = send(&app, &json!([with(get("1", "users"), &json!({"headers": headers}))])).await.expect(400).json();
    assert_eq!(answer["error"]["message"], "there are 101 headers; at most 100 are allowed");
    let foreign = with(get("1", "/users"), &json!({"headers": {"Host": "elsewhere.example"}}));
    let own = with(get("2", "/users"), &json!({"headers": {"Host": ORIGIN.trim_start_matches("http://")}}));
    assert_eq!(statuses(&answers(&app, &json!([foreign, own])).await), [400, 200]);
}
