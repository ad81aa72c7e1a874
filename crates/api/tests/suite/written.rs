//! What a write answers: `$select` and `$format` on POST and PATCH.

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, user, with};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// The properties of an entity, without control information.
fn names(entity: &Value) -> Vec<&str> {
    let names = entity.as_object().expect("an entity").keys().map(String::as_str);
    names.filter(|name| !name.contains('@')).collect()
}

#[tokio::test]
async fn what_is_selected_of_a_new_entity_is_shown() {
    let app = TestApp::new().await;
    let made = app.post(&format!("{EVENTS}?$select=riskLevel,id"), &with(event(), &json!({"id": "e1"})));
    let made = made.await.expect(201);
    assert_eq!(made.header("location"), format!("{ORIGIN}{EVENTS}/e1"));
    assert!(made.header("etag").starts_with("W/\""));
    let shown = made.json();
    assert_eq!(names(&shown), ["id", "riskLevel"]);
    let context = format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents(riskLevel,id)/$entity");
    assert_eq!(shown["@odata.context"], context);
    // What is not shown is kept all the same.
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.expect(200).json()["userId"], "u1");

    // A user's answer has what is asked for, also what is not shown otherwise.
    let made = app.post(&format!("{USERS}?$select=accountEnabled,id"), &user()).await.expect(201).json();
    assert_eq!(names(&made), ["accountEnabled", "id"]);
    let made = app.post(&format!("{BASE}?select=id"), &with(event(), &json!({"id": "e2"}))).await.expect(201).json();
    assert_eq!((names(&made), &made["@odata.type"]), (vec!["id"], &json!(crate::samples::TYPE)));
}

#[tokio::test]
async fn what_is_selected_of_a_changed_entity_is_shown() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let changed = app.patch(&format!("{EVENTS}/e1?$select=riskLevel"), &json!({"riskLevel": "low"})).await.expect(200);
    let context = format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents(riskLevel)/$entity");
    let etag = changed.header("etag").to_owned();
    assert_eq!(
        crate::samples::without(changed.json(), "@odata.type"),
        json!({"@odata.context": context, "@odata.etag": etag, "riskLevel": "low"})
    );
    let rename = json!({"displayName": "Mara"});
    app.patch(&format!("{USERS}/u1?$select=displayName"), &rename).await.expect(204);
    let shown = app.patch(&format!("{USERS}/u1?$select=displayName"), &rename);
    let shown = shown.header("prefer", "return=representation").await.expect(200).json();
    assert_eq!(names(&shown), ["displayName"]);
    let plain = "$format=application/json;odata.metadata=none";
    let bare = app.patch(&format!("{EVENTS}/e1?$select=id&{plain}"), &json!({"riskLevel": "high"})).await.expect(200);
    assert_eq!(bare.text(), r#"{"id":"e1"}"#);
    let full = app.patch(&format!("{EVENTS}/e1"), &json!({"riskLevel": "low"}));
    let full = full.header("accept", "application/json;odata.metadata=full").await.expect(200).json();
    assert_eq!(full["@odata.editLink"], format!("{ORIGIN}{EVENTS}('e1')"));
}

#[tokio::test]
async fn what_cannot_be_shown_is_said_before_anything_is_written() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let body = with(event(), &json!({"id": "e2"}));
    for (query, part) in [("$select=nothing", "nothing"), ("$format=xml", "xml"), ("$select=", "name is missing")] {
        let message = app.post(&format!("{EVENTS}?{query}"), &body).await.refused(400, "BadRequest");
        assert!(message.contains(part), "{message}");
        app.patch(&format!("{EVENTS}/e1?{query}"), &json!({"riskLevel": "low"})).await.refused(400, "BadRequest");
    }
    for option in ["$expand=impactedUser", "$compute=x", "$schemaversion=*"] {
        app.post(&format!("{EVENTS}?{option}"), &body).await.refused(501, "NotImplemented");
        app.patch(&format!("{EVENTS}/e1?{option}"), &json!({"riskLevel": "low"})).await.refused(501, "NotImplemented");
    }
    for option in ["$top=1", "$filter=true"] {
        app.post(&format!("{EVENTS}?{option}"), &body).await.refused(400, "BadRequest");
        app.patch(&format!("{EVENTS}/e1?{option}"), &json!({"riskLevel": "low"})).await.refused(400, "BadRequest");
    }
    app.delete(&format!("{EVENTS}/e1?$select=id")).await.refused(400, "BadRequest");
    app.get(&format!("{EVENTS}/e2")).await.expect(404);
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["riskLevel"], "high");
}

#[tokio::test]
async fn writes_in_a_group_are_shown_likewise() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let headers = json!({"Content-Type": "application/json"});
    let batch = json!({"requests": [
        {"id": "1", "atomicityGroup": "g", "method": "PATCH", "url": "/leakedCredentialsRiskEvents/e1?$select=riskLevel",
         "headers": headers, "body": {"riskLevel": "low"}},
        {"id": "2", "atomicityGroup": "g", "method": "POST", "url": "/leakedCredentialsRiskEvents?$select=id",
         "headers": headers, "body": with(event(), &json!({"id": "e2"}))},
    ]});
    let answers = app.post("/v1.0/$batch", &batch).await.expect(200).json();
    let shown: Vec<_> = answers["responses"].as_array().expect("answers").iter().map(|a| names(&a["body"])).collect();
    assert_eq!(shown, [["riskLevel"], ["id"]]);
}
