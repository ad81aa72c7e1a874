//! `identityRiskEvents`: the base set, where every event is visible.

use crate::samples::{BASE, EVENTS, TYPE, add_event, event, ids, raise_base_event, with, without};
use serde_json::json;
use testkit::app::{ORIGIN, TestApp};

#[tokio::test]
async fn every_event_is_there_under_the_same_id_with_its_type() {
    let app = TestApp::new().await;
    let created = add_event(&app, "e1").await;
    let seen = app.get(&format!("{BASE}/e1")).await.expect(200).json();
    let context = json!({"@odata.context": format!("{ORIGIN}/v1.0/$metadata#identityRiskEvents/$entity")});
    assert_eq!(seen, with(created, &context));
    let list = app.get(BASE).await.expect(200).json();
    assert_eq!(list["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#identityRiskEvents"));
    assert_eq!(list["value"], json!([without(seen, "@odata.context")]));
    assert_eq!(app.get(&format!("{BASE}/$count")).await.text(), "1");
    app.patch(&format!("{BASE}/e1"), &json!({"riskLevel": "low"})).await.expect(200);
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["riskLevel"], "low");
    app.delete(&format!("{BASE}/e1")).await.expect(204);
    app.get(&format!("{EVENTS}/e1")).await.expect(404);
}

#[tokio::test]
async fn post_to_the_base_needs_the_type() {
    let app = TestApp::new().await;
    let answer = app.post(BASE, &with(event(), &json!({"id": "e1"}))).await.expect(201);
    assert_eq!(answer.header("location"), format!("{ORIGIN}{BASE}/e1"));
    assert_eq!(answer.json()["@odata.type"], TYPE);
    app.get(&format!("{EVENTS}/e1")).await.expect(200);
    let missing = app.post(BASE, &without(event(), "@odata.type")).await.expect(400);
    assert_eq!(missing.details(), [("MissingProperty".into(), "@odata.type".into())]);
    for wrong in ["#microsoft.graph.identityRiskEvent", "#microsoft.graph.malwareRiskEvent", "#microsoft.graph.user"] {
        let answer = app.post(BASE, &with(event(), &json!({"@odata.type": wrong}))).await.expect(400);
        assert_eq!(answer.details(), [("InvalidType".into(), "@odata.type".into())], "{wrong}");
    }
    let empty = app.post(BASE, &json!({})).await.expect(400);
    assert_eq!(empty.details().len(), 8, "{}", empty.text());
    // One id space for both sets.
    app.post(EVENTS, &with(event(), &json!({"id": "e1"}))).await.expect(409);
}

#[tokio::test]
async fn an_event_of_the_base_type_is_not_among_leaked_credentials() {
    let app = TestApp::new().await;
    raise_base_event(&app, "b1").await;
    add_event(&app, "e1").await;
    let seen = app.get(&format!("{BASE}/b1")).await.expect(200).json();
    assert_eq!(seen["@odata.type"], "#microsoft.graph.identityRiskEvent");
    assert_eq!(ids(&app.get(BASE).await.json()), ["e1", "b1"]);
    assert_eq!(ids(&app.get(EVENTS).await.json()), ["e1"]);
    assert_eq!(app.get(&format!("{BASE}/$count")).await.text(), "2");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "1");
    let hidden = format!("{EVENTS}/b1");
    app.get(&hidden).await.refused(404, "ResourceNotFound");
    app.patch(&hidden, &json!({"riskLevel": "low"})).await.refused(404, "ResourceNotFound");
    app.delete(&hidden).await.refused(404, "ResourceNotFound");
    app.delete(&format!("{hidden}/impactedUser/$ref")).await.refused(404, "ResourceNotFound");
    app.post(EVENTS, &with(event(), &json!({"id": "b1"}))).await.expect(409);
    // A body may say the type that the event has, or leave it out.
    let path = format!("{BASE}/b1");
    app.patch(&path, &json!({"@odata.type": "#microsoft.graph.identityRiskEvent", "riskLevel": "low"}))
        .await
        .expect(200);
    let wrong = app.patch(&path, &json!({"@odata.type": TYPE, "riskLevel": "low"})).await.expect(400);
    assert_eq!(wrong.details(), [("InvalidType".into(), "@odata.type".into())]);
    app.patch(&path, &json!({"riskEventStatus": "remediated"})).await.expect(200);
    app.delete(&path).await.expect(204);
}
