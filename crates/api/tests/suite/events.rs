//! GET, PATCH and DELETE of one event.

use crate::samples::{EVENTS, add_event, event, with};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::future::IntoFuture as _;
use testkit::app::{ORIGIN, TestApp};

const E1: &str = "/v1.0/leakedCredentialsRiskEvents/e1";

#[tokio::test]
async fn get_answers_the_event_or_says_that_it_is_known() {
    let app = TestApp::new().await;
    let created = add_event(&app, "e1").await;
    let answer = app.get(E1).await.expect(200);
    assert_eq!(answer.json(), created);
    assert_eq!((answer.header("etag"), answer.header("odata-version")), ("W/\"1\"", "4.0"));
    for known in ["W/\"1\"", "\"1\"", "*", "\"7\", W/\"1\""] {
        let answer = app.get(E1).header("if-none-match", known).await.expect(304);
        assert_eq!((answer.header("etag"), answer.bytes.len()), ("W/\"1\"", 0), "{known}");
    }
    for other in ["W/\"2\"", "1", "nonsense", "\"\"", ""] {
        app.get(E1).header("if-none-match", other).await.expect(200);
    }
    app.get(E1).header("if-match", "W/\"1\"").await.expect(200);
    app.get(E1).header("if-match", "W/\"2\"").await.refused(412, "resourceModified");
}

#[tokio::test]
async fn head_is_get_to_the_router() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    // The HTTP layer leaves the body out: see the room `wire`.
    let answer = app.call("HEAD", E1).await.expect(200);
    assert_eq!(answer.header("etag"), "W/\"1\"");
    app.call("HEAD", EVENTS).await.expect(200);
    app.call("HEAD", &format!("{EVENTS}/nobody")).await.expect(404);
}

#[tokio::test]
async fn what_is_not_there_is_404_whatever_its_id_looks_like() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let long = "x".repeat(300);
    for id in
        ["e2", "E1", "47753428-3428-4775-2834-754728347547", "a%20b", "%C3%A4", "a@b", "a%2Fb", "%1B[2J", long.as_str()]
    {
        let path = format!("{EVENTS}/{id}");
        let message = app.get(&path).await.refused(404, "ResourceNotFound");
        assert!(message.starts_with("no risk event has the id `") && message.len() < 330, "{message}");
        assert!(!message.contains(char::is_control), "{message:?}");
        app.patch(&path, &json!({"riskLevel": "low"})).await.refused(404, "ResourceNotFound");
        app.delete(&path).await.refused(404, "ResourceNotFound");
        app.get(&format!("{path}/impactedUser")).await.refused(404, "ResourceNotFound");
        app.get(&format!("{path}/impactedUser/$ref")).await.refused(404, "ResourceNotFound");
        app.delete(&format!("{path}/impactedUser/$ref")).await.refused(404, "ResourceNotFound");
    }
}

#[tokio::test]
async fn patch_changes_what_is_sent_and_answers_the_whole_event() {
    let app = TestApp::new().await;
    let created = add_event(&app, "e1").await;
    let change = json!({"riskEventStatus": "DismissedAsFalsePositive", "riskLevel": "low"});
    let answer = app.patch(E1, &change).header("if-match", "W/\"1\"").await.expect(200);
    let expected = json!({
        "@odata.etag": "W/\"2\"",
        "riskEventStatus": "dismissedAsFalsePositive",
        "riskLevel": "low",
        "closedDateTime": "2024-03-03T06:00:00.0000001Z",
    });
    assert_eq!(answer.json(), with(created, &expected));
    assert_eq!(answer.header("etag"), "W/\"2\"");
    assert_eq!((answer.header("location"), answer.header("preference-applied")), ("", ""));
    assert_eq!(app.get(E1).await.json(), answer.json());
}

#[tokio::test]
async fn patch_sets_and_clears_closed_date_time_only_where_it_is_left_out() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let closed = async |body: Value| app.patch(E1, &body).await.expect(200).json()["closedDateTime"].clone();
    app.clock.advance_seconds(60);
    assert_eq!(closed(json!({"riskEventStatus": "loginBlocked"})).await, Value::Null);
    assert_eq!(closed(json!({"riskEventStatus": "remediated"})).await, "2024-03-03T06:01:00.0000001Z");
    assert_eq!(closed(json!({"riskLevel": "low"})).await, "2024-03-03T06:01:00.0000001Z");
    assert_eq!(closed(json!({"riskEventStatus": "active"})).await, Value::Null);
    let both = json!({"riskEventStatus": "closedMfaAuto", "closedDateTime": "2000-01-01T00:00:00Z"});
    assert_eq!(closed(both).await, "2000-01-01T00:00:00Z");
    assert_eq!(
        closed(json!({"riskEventStatus": "active", "closedDateTime": "2001-01-01T00:00:00Z"})).await,
        "2001-01-01T00:00:00Z"
    );
    assert_eq!(closed(json!({"closedDateTime": null})).await, Value::Null);
}

#[tokio::test]
async fn patch_leaves_identity_and_unknown_future_values_alone() {
    let app = TestApp::new().await;
    let created = add_event(&app, "e1").await;
    let same = json!({"id": "e1", "createdDateTime": "2024-03-03T08:00:00+02:00", "riskLevel": "unknownFutureValue"});
    let answer = app.patch(E1, &same).await.expect(200);
    assert_eq!(answer.json(), created, "nothing changed, so neither did the version");
    let other = json!({"id": "e2", "createdDateTime": "2024-03-03T06:00:01Z", "riskLevel": "low"});
    let answer = app.patch(E1, &other).await.expect(400);
    assert_eq!(
        answer.details(),
        [("InvalidValue".into(), "id".into()), ("InvalidValue".into(), "createdDateTime".into())]
    );
    assert_eq!(app.get(E1).await.json(), created);
}

#[tokio::test]
async fn patch_refuses_what_does_not_fit() {
    let app = TestApp::new().await;
    let created = add_event(&app, "e1").await;
    let nulls = ["userDisplayName", "userPrincipalName", "riskEventDateTime", "riskEventType", "riskLevel", "userId"];
    for name in nulls {
        let answer = app.patch(E1, &json!({name: null})).await.expect(400);
        assert_eq!(answer.details(), [("NullValue".into(), name.into())]);
    }
    for (body, code, target) in [
        (json!({"nonsense": 1}), "InvalidProperty", "nonsense"),
        (json!({"riskLevel": "huge"}), "InvalidValue", "riskLevel"),
        (json!({"riskEventStatus": "unknownFutureValue"}), "InvalidValue", "riskEventStatus"),
        (json!({"@odata.type": "#microsoft.graph.user", "riskLevel": "low"}), "InvalidType", "@odata.type"),
        (json!({"impactedUser@odata.bind": "users/nobody"}), "InvalidValue", "impactedUser@odata.bind"),
    ] {
        let answer = app.patch(E1, &body).await.expect(400);
        assert_eq!(answer.details(), [(code.into(), target.into())], "{body}");
        // A faulty body is said before a missing entity and before a version.
        app.patch(&format!("{EVENTS}/nobody"), &body).await.expect(400);
        app.patch(E1, &body).header("if-match", "W/\"9\"").await.expect(400);
    }
    for empty in
        [json!({}), json!({"@odata.type": "#microsoft.graph.leakedCredentialsRiskEvent"}), json!({"riskType": "x"})]
    {
        let message = app.patch(E1, &empty).await.refused(400, "BadRequest");
        assert!(message.contains("names no property"), "{message}");
    }
    assert_eq!(app.get(E1).await.json(), created);
}

#[tokio::test]
async fn conditions_on_the_version_hold_for_patch_and_delete() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let change = json!({"riskLevel": "low"});
    for (name, value) in [
        ("if-match", "W/\"2\""),
        ("if-match", "nonsense"),
        ("if-match", ""),
        ("if-none-match", "*"),
        ("if-none-match", "W/\"1\""),
    ] {
        let message = app.patch(E1, &change).header(name, value).await.refused(412, "resourceModified");
        assert!(message.ends_with("does not hold: the entity's ETag is W/\"1\""), "{message}");
        app.delete(E1).header(name, value).await.refused(412, "resourceModified");
    }
    app.patch(&format!("{EVENTS}/nobody"), &change).header("if-match", "*").await.expect(404);
    app.patch(E1, &change).header("if-match", "*").await.expect(200);
    app.patch(E1, &json!({"riskLevel": "none"})).header("if-match", "\"1\", W/\"2\"").await.expect(200);
    app.delete(E1).header("if-match", "W/\"3\"").await.expect(204);
}

#[tokio::test]
async fn patch_answers_as_the_client_prefers() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let answer = app.patch(E1, &json!({"riskLevel": "low"})).header("prefer", "return=minimal").await.expect(204);
    assert!(answer.bytes.is_empty());
    assert_eq!((answer.header("preference-applied"), answer.header("etag")), ("return=minimal", "W/\"2\""));
    assert_eq!((answer.header("location"), answer.header("odata-entityid")), ("", ""));
    let answer =
        app.patch(E1, &json!({"riskLevel": "none"})).header("prefer", "return=representation").await.expect(200);
    assert_eq!(answer.header("preference-applied"), "return=representation");
    // Only writes have this preference.
    let answer = app.get(E1).header("prefer", "return=minimal").await.expect(200);
    assert_eq!(answer.header("preference-applied"), "");
}

#[tokio::test]
async fn delete_is_final() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let answer = app.delete(E1).await.expect(204);
    assert!(answer.bytes.is_empty() && answer.content_type().is_empty());
    app.delete(E1).await.refused(404, "ResourceNotFound");
    app.get(E1).await.refused(404, "ResourceNotFound");
    app.patch(E1, &json!({"riskLevel": "low"})).await.refused(404, "ResourceNotFound");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
    // The id is free again, and versions go on.
    assert_eq!(add_event(&app, "e1").await["@odata.etag"], "W/\"3\"");
}

#[tokio::test]
async fn ids_that_are_also_path_segments_stay_reachable() {
    let app = TestApp::new().await;
    for id in [
        "delta",
        "DELTA",
        "microsoft.graph.delta",
        "microsoft.graph.user",
        "graph.delta",
        "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
        "a.delta",
        "...",
        "users",
    ] {
        let answer = app.post(EVENTS, &with(event(), &json!({"id": id}))).await.expect(201);
        let location = answer.header("location").to_owned();
        let read = app.get(crate::samples::path_of(&location)).await.expect(200);
        assert_eq!(read.json()["id"], id, "{location}");
    }
    let created = app.post(EVENTS, &with(event(), &json!({"id": "Delta"}))).header("prefer", "return=minimal").await;
    assert_eq!(created.header("location"), format!("{ORIGIN}{EVENTS}('Delta')"));
    assert_eq!(created.header("odata-entityid"), created.header("location"));
    assert!(app.get(&format!("{EVENTS}/delta")).await.expect(200).json()["value"].is_array(), "the function");
}

#[tokio::test]
async fn of_changes_at_the_same_version_one_wins() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let change = json!({"riskEventStatus": "remediated"});
    let attempts = (0..16).map(|_| app.patch(E1, &change).header("if-match", "W/\"1\"").into_future());
    let mut statuses: Vec<u16> = join_all(attempts).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, [412; 15].as_slice()));
    let mut statuses: Vec<u16> =
        join_all((0..8).map(|_| app.delete(E1).into_future())).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (204, [404; 7].as_slice()));
}

#[tokio::test]
async fn of_creates_with_the_same_id_one_wins() {
    let app = TestApp::new().await;
    let body = with(event(), &json!({"id": "e1"}));
    let mut statuses: Vec<u16> =
        join_all((0..16).map(|_| app.post(EVENTS, &body).into_future())).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, [409; 15].as_slice()));
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "1");
}
