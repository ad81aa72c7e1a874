//! Single properties as paths: values, texts, counts; and `$ref` of entities and sets.

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, ids, path_of, user, with};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

/// An event with a user, and a user with everything.
async fn prepared() -> TestApp {
    let app = TestApp::new().await;
    let whole = json!({"id": "u1", "userPrincipalName": "mara@fjord.example", "displayName": "Mara \"é\" Lind",
                       "businessPhones": ["+47 1", "+47 2"], "mail": null});
    app.post(USERS, &with(user(), &whole)).await.expect(201);
    add_event(&app, "e1").await;
    app
}

#[tokio::test]
async fn a_property_is_a_document_and_a_text() {
    let app = prepared().await;
    let e1 = format!("{EVENTS}/e1");
    for (path, context, value, text) in [
        (format!("{e1}/riskLevel"), "leakedCredentialsRiskEvents('e1')/riskLevel", json!("high"), "high"),
        (format!("{EVENTS}('e1')/RISKLEVEL"), "leakedCredentialsRiskEvents('e1')/riskLevel", json!("high"), "high"),
        (format!("{BASE}/e1/userId"), "identityRiskEvents('e1')/userId", json!("u1"), "u1"),
        (
            format!("{e1}/riskEventDateTime"),
            "leakedCredentialsRiskEvents('e1')/riskEventDateTime",
            json!("2024-03-02T23:10:04.2255665Z"),
            "2024-03-02T23:10:04.2255665Z",
        ),
        (format!("{e1}/id"), "leakedCredentialsRiskEvents('e1')/id", json!("e1"), "e1"),
        (format!("{USERS}/u1/accountEnabled"), "users('u1')/accountEnabled", json!(true), "true"),
        (
            format!("{USERS}/MARA@fjord.example/displayName"),
            "users('u1')/displayName",
            json!("Mara \"é\" Lind"),
            "Mara \"é\" Lind",
        ),
        (format!("{USERS}(userPrincipalName='mara@fjord.example')/id"), "users('u1')/id", json!("u1"), "u1"),
        (
            format!("{e1}/impactedUser/displayName"),
            "users('u1')/displayName",
            json!("Mara \"é\" Lind"),
            "Mara \"é\" Lind",
        ),
    ] {
        let answer = app.get(&path).await.expect(200);
        let expected = json!({"@odata.context": format!("{ORIGIN}/v1.0/$metadata#{context}"), "value": value});
        assert_eq!(answer.json(), expected, "{path}");
        assert!(answer.header("etag").starts_with("W/\""), "{path}");
        assert!(answer.content_type().starts_with("application/json;odata.metadata=minimal"));
        assert_eq!(answer.header("odata-version"), "4.0");
        let raw = app.get(&format!("{path}/$value")).await.expect(200);
        assert_eq!((raw.text().as_str(), raw.content_type()), (text, "text/plain;charset=utf-8"), "{path}");
        assert_eq!(raw.header("etag"), answer.header("etag"));
        let head = app.call("HEAD", &path).await.expect(200);
        assert_eq!(head.header("etag"), answer.header("etag"));
    }
}

#[tokio::test]
async fn null_is_no_content() {
    let app = prepared().await;
    let version = app.get(&format!("{EVENTS}/e1")).await.header("etag").to_owned();
    for path in
        [format!("{EVENTS}/e1/closedDateTime"), format!("{USERS}/u1/mail"), format!("{EVENTS}/e1/impactedUser/mail")]
    {
        for path in [path.clone(), format!("{path}/$value")] {
            let answer = app.get(&path).await.expect(204);
            assert!(answer.bytes.is_empty() && answer.header("etag").starts_with("W/\""), "{path}");
        }
    }
    assert_eq!(app.get(&format!("{EVENTS}/e1/closedDateTime")).await.header("etag"), version);
}

#[tokio::test]
async fn collections_have_a_count_and_no_text() {
    let app = prepared().await;
    for phones in [format!("{USERS}/u1/businessPhones"), format!("{EVENTS}/e1/impactedUser/BusinessPhones")] {
        let whole = app.get(&phones).await.expect(200).json();
        assert_eq!(whole["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#users('u1')/businessPhones"));
        assert_eq!(whole["value"], json!(["+47 1", "+47 2"]));
        let count = app.get(&format!("{phones}/$count")).header("accept", "application/json").await.expect(200);
        assert_eq!((count.text().as_str(), count.content_type()), ("2", "text/plain"));
        let message = app.get(&format!("{phones}/$value")).await;
        assert_eq!(message.json()["error"]["message"], "`businessPhones` holds several values, which have no $value");
        message.expect(400);
    }
    add_user(&app, "u2", "ole@fjord.example").await;
    assert_eq!(app.get(&format!("{USERS}/u2/businessPhones/$count")).await.expect(200).text(), "0");
    assert_eq!(app.get(&format!("{USERS}/u2/businessPhones")).await.expect(200).json()["value"], json!([]));
}

#[tokio::test]
async fn a_property_has_the_conditions_of_its_entity() {
    let app = prepared().await;
    for (entity, path) in [
        (format!("{EVENTS}/e1"), format!("{EVENTS}/e1/riskLevel")),
        (format!("{EVENTS}/e1"), format!("{EVENTS}/e1/closedDateTime/$value")),
        (format!("{USERS}/u1"), format!("{USERS}/u1/businessPhones/$count")),
        (format!("{USERS}/u1"), format!("{EVENTS}/e1/impactedUser/displayName")),
    ] {
        let etag = app.get(&entity).await.header("etag").to_owned();
        let known = app.get(&path).header("if-none-match", &etag).await.expect(304);
        assert_eq!((known.header("etag"), known.bytes.is_empty()), (etag.as_str(), true));
        app.get(&path).header("if-none-match", "W/\"999\"").await;
        app.get(&path).header("if-match", "W/\"999\"").await.refused(412, "resourceModified");
        assert!(app.get(&path).header("if-match", &etag).await.status < 300, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let app = prepared().await;
    let lone = json!({"id": "e2", "userId": "gone", "userPrincipalName": "gone@fjord.example"});
    app.post(EVENTS, &with(crate::samples::event(), &lone)).await.expect(201);
    app.get(&format!("{EVENTS}/none/riskLevel")).await.refused(404, "ResourceNotFound");
    app.get(&format!("{EVENTS}/none/riskLevel/$value")).await.refused(404, "ResourceNotFound");
    app.get(&format!("{USERS}/none/displayName")).await.refused(404, "Request_ResourceNotFound");
    app.get(&format!("{EVENTS}/e2/impactedUser/displayName")).await.expect(404);
    for path in ["e1/nothing", "e1/passwordProfile", "e1/riskLevel/x", "e1/riskLevel/$count", "e1/impactedUser/nothing"]
    {
        let message = app.get(&format!("{EVENTS}/{path}")).await.refused(400, "BadRequest");
        assert!(message.starts_with("Resource not found for the segment"), "{message}");
    }
    for path in ["passwordProfile", "passwordProfile/password", "password", "riskLevel"] {
        app.get(&format!("{USERS}/u1/{path}")).await.refused(400, "Request_BadRequest");
        app.get(&format!("{EVENTS}/e1/impactedUser/{path}")).await.refused(400, "BadRequest");
    }
}

#[tokio::test]
async fn the_form_of_a_property_can_be_chosen() {
    let app = prepared().await;
    let level = format!("{EVENTS}/e1/riskLevel");
    let none = app.get(&format!("{level}?$format=application/json;odata.metadata=none")).await.expect(200);
    assert_eq!(none.json(), json!({"value": "high"}));
    let full = app.get(&level).header("accept", "application/json;odata.metadata=full").await.expect(200).json();
    assert_eq!(full["@odata.type"], "#microsoft.graph.riskLevel");
    app.get(&level).header("accept", "text/plain").await.refused(406, "NotAcceptable");
    app.get(&format!("{level}/$value")).header("accept", "text/plain").await.expect(200);
    app.get(&format!("{level}/$value")).header("accept", "text/html").await.refused(406, "NotAcceptable");
    for option in ["$select=id", "$filter=true", "$top=1"] {
        app.get(&format!("{level}?{option}")).await.refused(400, "BadRequest");
        app.get(&format!("{level}/$value?{option}")).await.refused(400, "BadRequest");
    }
}

#[tokio::test]
async fn references_are_entities_by_their_urls_alone() {
    let app = prepared().await;
    for number in 2..5 {
        add_event(&app, &format!("e{number}")).await;
    }
    let own = app.get(&format!("{EVENTS}('e1')/$ref")).await.expect(200).json();
    let url = format!("{ORIGIN}{EVENTS}/e1");
    assert_eq!(own, json!({"@odata.context": format!("{ORIGIN}/v1.0/$metadata#$ref"), "@odata.id": url}));
    app.get(&format!("{EVENTS}/none/$ref")).await.refused(404, "ResourceNotFound");
    let user = app.get(&format!("{USERS}/mara@fjord.example/$ref")).await.expect(200).json();
    assert_eq!(user["@odata.id"], format!("{ORIGIN}{USERS}/u1"));

    let query = "$filter=id%20ne%20'e2'&$orderby=id&$top=2&$count=true";
    let page = app.get(&format!("{EVENTS}/$ref?{query}")).await.expect(200).json();
    assert_eq!(page["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#Collection($ref)"));
    assert_eq!(page["@odata.count"], 3);
    let reference = |id: &str| json!({"@odata.id": format!("{ORIGIN}{EVENTS}/{id}")});
    assert_eq!(page["value"], json!([reference("e1"), reference("e3")]));
    let link = page["@odata.nextLink"].as_str().expect("one more");
    assert!(link.starts_with(&format!("{ORIGIN}{EVENTS}/$ref?")), "{link}");
    let rest = app.get(path_of(link)).await.expect(200).json();
    assert_eq!(rest["value"], json!([reference("e4")]));
    assert_eq!(rest.get("@odata.nextLink"), None);
    for option in ["$select=id", "$expand=impactedUser"] {
        app.get(&format!("{EVENTS}/$ref?{option}")).await.refused(400, "BadRequest");
    }
    // A reference is good wherever one is read.
    let users = app.get(&format!("{USERS}/$ref")).await.expect(200).json();
    let user: &Value = &users["value"][0];
    app.call("PUT", &format!("{EVENTS}/e2/impactedUser/$ref")).json(user).await.expect(204);
    let events = app.get(&format!("{EVENTS}?$filter=impactedUser/id%20eq%20'u1'")).await.expect(200).json();
    assert!(ids(&events).contains(&"e2".to_owned()));
}
