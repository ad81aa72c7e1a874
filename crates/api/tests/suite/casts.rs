//! Type names as path segments (graph.md, section 3.7).

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, ids, path_of, raise_base_event, with, without};
use serde_json::json;
use testkit::app::{ORIGIN, TestApp};

const LEAKED: &str = "microsoft.graph.leakedCredentialsRiskEvent";
const SEEDS: &str = "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";

/// Three events whose credentials leaked, e1 to e3, and one of the base type, b1.
async fn mixed() -> TestApp {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    for id in ["e1", "e2", "e3"] {
        add_event(&app, id).await;
    }
    raise_base_event(&app, "b1").await;
    app
}

#[tokio::test]
async fn a_cast_leaves_the_entities_of_the_type() {
    let app = mixed().await;
    assert_eq!(ids(&app.get(BASE).await.expect(200).json()), ["b1", "e3", "e2", "e1"]);
    for (spelled, told) in [
        (LEAKED, LEAKED),
        (SEEDS, SEEDS),
        ("MICROSOFT.GRAPH.LEAKEDCREDENTIALSRISKEVENT", LEAKED),
        ("graph.leakedCredentialsRiskEvent", SEEDS),
        ("%23microsoft.graph.leakedCredentialsRiskEvent", SEEDS),
    ] {
        let list = app.get(&format!("{BASE}/{spelled}")).await.expect(200).json();
        assert_eq!(ids(&list), ["e3", "e2", "e1"], "{spelled}");
        let context = format!("{ORIGIN}/v1.0/$metadata#identityRiskEvents/{told}");
        assert_eq!(list["@odata.context"], context.replace("%23", ""), "{spelled}");
        assert_eq!(app.get(&format!("{BASE}/{spelled}/$count")).await.expect(200).text(), "3");
    }
    // To the type that all have, or a base of it, a cast changes nothing.
    for (path, context) in [
        (format!("{BASE}/microsoft.graph.identityRiskEvent"), "identityRiskEvents"),
        (format!("{BASE}/microsoft.graph.entity"), "identityRiskEvents"),
        (format!("{EVENTS}/{SEEDS}"), "leakedCredentialsRiskEvents"),
        (format!("{EVENTS}/microsoft.graph.identityRiskEvent"), "leakedCredentialsRiskEvents"),
    ] {
        let list = app.get(&path).await.expect(200).json();
        assert_eq!(list["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#{context}"), "{path}");
        assert_eq!(ids(&list).len(), if context.starts_with("identity") { 4 } else { 3 }, "{path}");
    }
}

#[tokio::test]
async fn pages_and_options_keep_the_cast() {
    let app = mixed().await;
    let query = "$top=2&$orderby=id&$select=id,riskLevel&$filter=riskLevel%20eq%20'high'&$count=true";
    let page = app.get(&format!("{BASE}/{LEAKED}?{query}")).await.expect(200).json();
    assert_eq!(ids(&page), ["e1", "e2"]);
    assert_eq!(page["@odata.count"], 3);
    let context = format!("{ORIGIN}/v1.0/$metadata#identityRiskEvents/{LEAKED}(id,riskLevel)");
    assert_eq!(page["@odata.context"], context);
    let link = page["@odata.nextLink"].as_str().expect("more follows");
    assert!(link.starts_with(&format!("{ORIGIN}{BASE}/{LEAKED}?$top=2&")), "{link}");
    assert_eq!(ids(&app.get(path_of(link)).await.expect(200).json()), ["e3"]);
    // The page is one of the cast, not of the whole set.
    let token = link.split_once("$skiptoken=").expect("a token").1;
    let other = format!("{BASE}?{query}&$skiptoken={token}");
    app.get(&other).await.refused(400, "BadRequest");
    let references = app.get(&format!("{BASE}/{LEAKED}/$ref?$orderby=id&$top=1")).await.expect(200).json();
    assert_eq!(references["value"], json!([{"@odata.id": format!("{ORIGIN}{BASE}/e1")}]));
    let link = references["@odata.nextLink"].as_str().expect("more follows");
    assert!(link.starts_with(&format!("{ORIGIN}{BASE}/{LEAKED}/$ref?")), "{link}");
    let expanded = app.get(&format!("{BASE}/{LEAKED}?$expand=impactedUser($select=id)")).await.expect(200).json();
    assert_eq!(expanded["value"][0]["impactedUser"]["id"], "u1");
}

#[tokio::test]
async fn an_entity_is_of_the_type_or_not_found() {
    let app = mixed().await;
    let created = app.get(&format!("{BASE}/e1")).await.expect(200).json();
    for path in [
        format!("{BASE}/e1/{LEAKED}"),
        format!("{BASE}('e1')/{LEAKED}"),
        format!("{BASE}/{LEAKED}/e1"),
        format!("{BASE}/{LEAKED}('e1')"),
        format!("{BASE}/{LEAKED}(id='e1')"),
        format!("{BASE}/{LEAKED}/e1/{LEAKED}"),
    ] {
        let one = app.get(&path).await.expect(200).json();
        let context = format!("{ORIGIN}/v1.0/$metadata#identityRiskEvents/{LEAKED}/$entity");
        assert_eq!(one, with(created.clone(), &json!({"@odata.context": context})), "{path}");
        assert_eq!(app.get(&format!("{path}/riskLevel/$value")).await.expect(200).text(), "high");
        assert_eq!(app.get(&format!("{path}/impactedUser")).await.expect(200).json()["id"], "u1");
        let reference = app.get(&format!("{path}/impactedUser/$ref")).await.expect(200).json();
        assert_eq!(reference["@odata.id"], format!("{ORIGIN}{USERS}/u1"));
        app.get(&path.replace("e1", "b1")).await.refused(404, "ResourceNotFound");
        app.get(&format!("{}/riskLevel", path.replace("e1", "b1"))).await.refused(404, "ResourceNotFound");
    }
    let one = app.get(&format!("{EVENTS}/e1/{SEEDS}")).await.expect(200).json();
    assert_eq!(one["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents/$entity"));
    let level = app.get(&format!("{EVENTS}/e1/{SEEDS}/riskLevel")).await.expect(200).json();
    let context = format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents('e1')/riskLevel");
    assert_eq!(level["@odata.context"], context);
    app.get(&format!("{BASE}/b1/microsoft.graph.identityRiskEvent")).await.expect(200);
}

#[tokio::test]
async fn types_from_elsewhere_are_refused() {
    let app = mixed().await;
    for path in [
        format!("{BASE}/microsoft.graph.user"),
        format!("{BASE}/e1/microsoft.graph.user"),
        format!("{EVENTS}/e1/impactedUser/{LEAKED}"),
        format!("{BASE}/{LEAKED}/microsoft.graph.user/$count"),
    ] {
        let message = app.get(&path).await.refused(400, "BadRequest");
        assert!(message.contains("nor derived from it"), "{message}");
    }
    app.get(&format!("{USERS}/{LEAKED}")).await.refused(400, "Request_BadRequest");
    app.get(&format!("{BASE}/e1/microsoft.graph.malwareRiskEvent")).await.refused(400, "BadRequest");
    // What is no known type may be an id.
    app.get(&format!("{BASE}/microsoft.graph.malwareRiskEvent")).await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn writes_through_a_cast_reach_what_it_leaves() {
    let app = mixed().await;
    let made = app.post(&format!("{BASE}/{LEAKED}"), &without(with(event(), &json!({"id": "e4"})), "@odata.type"));
    let made = made.await.expect(201);
    assert_eq!(made.header("location"), format!("{ORIGIN}{BASE}/e4"));
    let changed = app.patch(&format!("{BASE}/{LEAKED}/e4"), &json!({"riskLevel": "low"})).await.expect(200);
    assert_eq!(changed.json()["riskLevel"], "low");
    app.patch(&format!("{BASE}/b1/{LEAKED}"), &json!({"riskLevel": "low"})).await.refused(404, "ResourceNotFound");
    app.delete(&format!("{BASE}/b1/{LEAKED}")).await.refused(404, "ResourceNotFound");
    app.delete(&format!("{BASE}/e4/{LEAKED}/impactedUser/$ref")).await.expect(204);
    let to = json!({"@odata.id": format!("{ORIGIN}/v1.0/users('u1')/microsoft.graph.user")});
    app.call("PUT", &format!("{BASE}/e4/{LEAKED}/impactedUser/$ref")).json(&to).await.expect(204);
    let bound = json!({"impactedUser@odata.bind": "users/u1/microsoft.graph.user"});
    app.patch(&format!("{BASE}/e4"), &bound).await.expect(200);
    app.delete(&format!("{BASE}/{LEAKED}/e4")).await.expect(204);
    app.get(&format!("{EVENTS}/e4")).await.expect(404);
}

#[tokio::test]
async fn an_id_that_is_a_types_name_is_found_in_parentheses() {
    let app = mixed().await;
    let made = app.post(EVENTS, &with(event(), &json!({"id": "microsoft.graph.user"}))).await.expect(201);
    let location = made.header("location").to_owned();
    assert_eq!(location, format!("{ORIGIN}{EVENTS}('microsoft.graph.user')"));
    assert_eq!(app.get(path_of(&location)).await.expect(200).json()["id"], "microsoft.graph.user");
}
