//! Media types, protocol versions, and how much control information an answer carries.

use crate::samples::{BASE, EVENTS, USERS, add_event, event, user};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

#[tokio::test]
async fn what_cannot_be_served_is_not_acceptable() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let e1 = format!("{EVENTS}/e1");
    for accept in [
        "application/json",
        "*/*",
        "application/*",
        "text/html, */*;q=0.1",
        "application/json;IEEE754Compatible=true",
        "",
    ] {
        app.get(&e1).header("accept", accept).await.expect(200);
    }
    for accept in
        ["application/xml", "text/plain", "application/json;q=0", "application/atom+xml, text/html", "nonsense"]
    {
        for path in [e1.as_str(), EVENTS, USERS] {
            let message = app.get(path).header("accept", accept).await.refused(406, "NotAcceptable");
            assert!(message.contains("application/json"), "{message}");
        }
        app.post(EVENTS, &event()).header("accept", accept).await.refused(406, "NotAcceptable");
    }
    let count = format!("{EVENTS}/$count");
    for accept in ["text/plain", "text/plain;q=0.9", "application/json", "*/*", "text/*"] {
        assert_eq!(app.get(&count).header("accept", accept).await.expect(200).text(), "1");
    }
    app.get(&count).header("accept", "application/xml").await.refused(406, "NotAcceptable");
    app.get(&e1).header("accept", "application/xml").also("accept", "application/json").await.expect(200);
}

#[tokio::test]
async fn without_metadata_there_are_only_values_and_links() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_event(&app, "e2").await;
    app.post(USERS, &user()).await.expect(201);
    let none = "application/json;odata.metadata=none";
    let answer = app.get(&format!("{EVENTS}/e1")).header("accept", none).await.expect(200);
    assert!(!answer.text().contains("@odata"), "{}", answer.text());
    assert_eq!(answer.json()["id"], "e1");
    assert!(answer.content_type().starts_with("application/json;odata.metadata=none;"));
    assert_eq!(answer.header("etag"), "W/\"1\"");
    let list = app
        .get(&format!("{BASE}?$top=1"))
        .header("accept", "application/json; metadata=\"NONE\"")
        .await
        .expect(200)
        .json();
    let names: Vec<&String> = list.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["@odata.nextLink", "value"]);
    assert!(list["value"][0].as_object().expect("an event").keys().all(|name| !name.contains('@')));
    let created = app.post(EVENTS, &event()).header("accept", none).await.expect(201);
    assert!(!created.text().contains("@odata") && created.header("location").starts_with(ORIGIN));
    assert!(!app.get(&format!("{USERS}/u1")).header("accept", none).await.text().contains("@odata"));
    let reference = app.get(&format!("{EVENTS}/e1/impactedUser/$ref")).header("accept", none).await.expect(200).json();
    assert_eq!(reference, json!({"@odata.id": format!("{ORIGIN}/v1.0/users/u1")}));
    for more in ["full", "FULL"] {
        let accept = format!("application/json;odata.metadata={more}");
        let full = app.get(&format!("{EVENTS}/e1")).header("accept", &accept).await.expect(200);
        assert!(full.header("content-type").contains("odata.metadata=full"));
        let full = full.json();
        assert_eq!(full["@odata.editLink"], format!("{ORIGIN}/v1.0/leakedCredentialsRiskEvents('e1')"));
        let link = format!("{ORIGIN}/v1.0/leakedCredentialsRiskEvents('e1')/impactedUser");
        assert_eq!(full["impactedUser@odata.navigationLink"], link);
        assert_eq!(full["riskLevel@odata.type"], "#microsoft.graph.riskLevel");
        assert_eq!(full["createdDateTime@odata.type"], "#DateTimeOffset");
        assert_eq!(full["riskLevel"], "high");
    }
    // `$format` stands above Accept, and 64-bit numbers become texts where the client asks for that.
    let format = "%24format=application/json;odata.metadata=none;IEEE754Compatible=true&$count=true";
    let list = app.get(&format!("{EVENTS}?{format}")).header("accept", "text/html").await.expect(200);
    assert!(list.header("content-type").contains("IEEE754Compatible=true"));
    assert_eq!(list.json()["@odata.count"], "3");
    app.get(&format!("{EVENTS}?$format=xml")).await.refused(400, "BadRequest");
    app.get(EVENTS).header("accept", "application/json;odata.metadata=minimal;odata.streaming=true").await.expect(200);
}

#[tokio::test]
async fn protocol_versions_below_four_are_refused() {
    let app = TestApp::new().await;
    for (name, value) in [
        ("odata-version", "4.0"),
        ("odata-version", "4.01"),
        ("odata-maxversion", "4.0"),
        ("odata-maxversion", "4.01"),
        ("odata-maxversion", "5.0"),
    ] {
        assert_eq!(app.get(EVENTS).header(name, value).await.expect(200).header("odata-version"), "4.0");
    }
    for (name, value) in [
        ("odata-version", "3.0"),
        ("odata-version", "5.0"),
        ("odata-version", "x"),
        ("odata-maxversion", "3.0"),
        ("odata-maxversion", ""),
        ("odata-maxversion", "inf"),
    ] {
        let message = app.get(EVENTS).header(name, value).await.refused(400, "BadRequest");
        assert!(message.contains("4.0 and 4.01"), "{message}");
    }
    let inner =
        json!({"requests": [{"id": "1", "method": "GET", "url": "users", "headers": {"OData-MaxVersion": "3.0"}}]});
    let answer = app.post("/v1.0/$batch", &inner).await.expect(200).json();
    assert_eq!(answer["responses"][0]["status"], 400, "{answer}");
}

#[tokio::test]
async fn bodies_must_be_said_to_be_json() {
    let app = TestApp::new().await;
    let body = event().to_string();
    for fits in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json;odata.metadata=minimal;IEEE754Compatible=false",
        "application/json;charset=us-ascii",
    ] {
        app.call("POST", EVENTS).body(body.clone()).header("content-type", fits).await.expect(201);
    }
    for (other, part) in [
        ("text/plain", "`text/plain`"),
        ("application/xml", "`application/xml`"),
        ("application/jsonp", "`application/jsonp`"),
        ("application/json;charset=utf-16", "`utf-16`"),
        ("application/json;charset=iso-8859-1", "`iso-8859-1`"),
        ("", "Content-Type is"),
        ("application/x-www-form-urlencoded", "send application/json"),
    ] {
        let message = app
            .call("POST", EVENTS)
            .body(body.clone())
            .header("content-type", other)
            .await
            .refused(415, "UnsupportedMediaType");
        assert!(message.contains(part), "{message}");
    }
    for (method, path) in [
        ("POST", EVENTS),
        ("PATCH", "/v1.0/leakedCredentialsRiskEvents/e1"),
        ("POST", USERS),
        ("POST", "/v1.0/$batch"),
        ("PUT", "/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$ref"),
    ] {
        let message = app.call(method, path).body(body.clone()).await.refused(415, "UnsupportedMediaType");
        assert_eq!(message, "Content-Type is missing; send application/json");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "6");
}

#[tokio::test]
async fn a_request_without_a_body_is_told_that_it_needs_one() {
    let app = TestApp::new().await;
    for (method, path, code) in [
        ("POST", EVENTS, "BadRequest"),
        ("PATCH", "/v1.0/leakedCredentialsRiskEvents/e1", "BadRequest"),
        ("POST", USERS, "Request_BadRequest"),
        ("POST", "/v1.0/$batch", "BadRequest"),
        ("PUT", "/v1.0/leakedCredentialsRiskEvents/e1/impactedUser/$ref", "Request_BadRequest"),
    ] {
        for call in [app.call(method, path), app.call(method, path).text(""), app.call(method, path).text(" \n")] {
            let message = call.await.refused(400, code);
            assert_eq!(message, "the body is empty; expected a JSON object", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn bodies_of_requests_that_need_none_are_passed_over() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let e1 = format!("{EVENTS}/e1");
    let answer = app.get(&e1).body("{nonsense").await.expect(200);
    assert_ne!(answer.json(), Value::Null);
    app.delete(&e1).text("{}").header("content-encoding", "br").await.expect(204);
}
