//! Today's API on the same events: detections, users at risk, their history, and verdicts over them.

use crate::samples::{EVENTS, USERS, add_event, add_user, event, user, with};
use model::{DetectionId, Permission};
use serde_json::{Value, json};
use testkit::app::{Call, TestApp};

const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";
const RISKY_USERS: &str = "/v1.0/identityProtection/riskyUsers";

/// A GET of a path as people write it, with blanks.
fn get<'a>(app: &'a TestApp, path: &str) -> Call<'a> {
    app.get(&path.replace(' ', "%20"))
}

async fn risky(app: &TestApp, id: &str) -> Value {
    get(app, &format!("{RISKY_USERS}/{id}")).await.expect(200).json()
}

fn standing(user: &Value) -> [&str; 3] {
    ["riskLevel", "riskState", "riskDetail"].map(|name| user[name].as_str().expect(name))
}

async fn history(app: &TestApp, id: &str) -> Vec<Value> {
    let answer = get(app, &format!("{RISKY_USERS}/{id}/history")).await.expect(200).json();
    answer["value"].as_array().expect("a list").clone()
}

async fn raise(app: &TestApp, id: &str, user: &str, level: &str) {
    let body =
        json!({"id": id, "userId": user, "userPrincipalName": format!("{user}@fjord.example"), "riskLevel": level});
    app.post(EVENTS, &with(event(), &body)).await.expect(201);
}

#[tokio::test]
async fn a_detection_is_the_event_as_todays_api_shows_it() {
    let app = TestApp::new().await;
    let body = json!({
        "userDisplayName": "Mara Lind", "userPrincipalName": "mara@fjord.example", "userId": "u1",
        "riskEventDateTime": "2024-03-02T23:10:04.2255665Z", "riskEventType": "LeakedCredentials",
        "riskLevel": "high", "riskEventStatus": "active",
    });
    let made = app.post(EVENTS, &body).await.expect(201).json();
    let id = DetectionId::of(made["id"].as_str().expect("an id")).text();
    let uuid = made["id"].as_str().expect("an id").replace('-', "");
    assert!(id.as_str().starts_with(&uuid), "the UUID and half of a digest: {}", id.as_str());
    let answer = get(&app, &format!("{DETECTIONS}/{}", id.as_str())).await.expect(200);
    let mut shown = answer.json();
    let shown = shown.as_object_mut().expect("an object");
    let context = shown.remove("@odata.context").expect("a context");
    assert!(context.as_str().expect("a text").ends_with("/v1.0/$metadata#riskDetections/$entity"), "{context}");
    assert_eq!(shown.remove("@odata.etag"), Some(json!("W/\"1\"")));
    let names: Vec<&str> = shown.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 20, "without riskType, which is beta's: {names:?}");
    assert_eq!(
        answer.json()["lastUpdatedDateTime"],
        made["createdDateTime"],
        "written once, at the time of the commit"
    );
    for (name, value) in [
        ("riskEventType", json!("leakedCredentials")),
        ("riskState", json!("atRisk")),
        ("riskLevel", json!("high")),
        ("riskDetail", json!("none")),
        ("source", json!("IdentityProtection")),
        ("detectionTimingType", json!("offline")),
        ("activity", json!("user")),
        ("tokenIssuerType", json!("AzureAD")),
        ("ipAddress", Value::Null),
        ("location", Value::Null),
        ("requestId", Value::Null),
        ("correlationId", Value::Null),
        ("activityDateTime", json!("2024-03-02T23:10:04.2255665Z")),
        ("detectedDateTime", made["createdDateTime"].clone()),
        ("userId", json!("u1")),
        ("userDisplayName", json!("Mara Lind")),
        ("userPrincipalName", json!("mara@fjord.example")),
        ("additionalInfo", json!("[]")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let beta = get(&app, &format!("/beta/riskDetections/{}", id.as_str())).await.expect(200).json();
    assert_eq!(beta["riskType"], "leakedCredentials");
    let full = format!("/beta/identityProtection/riskDetections/{}", id.as_str());
    assert_eq!(get(&app, &full).await.expect(200).json(), beta);
    get(&app, "/v1.0/riskDetections").await.refused(400, "BadRequest");
    get(&app, &format!("{DETECTIONS}/{}/location", id.as_str())).await.expect(204);
    assert_eq!(get(&app, &format!("{DETECTIONS}/{}/riskState/$value", id.as_str())).await.expect(200).text(), "atRisk");
}

#[tokio::test]
async fn detections_are_asked_for_in_the_words_of_connectors() {
    let app = TestApp::new().await;
    for (number, level) in ["low", "medium", "high"].into_iter().enumerate() {
        raise(&app, &format!("e{number}"), &format!("u{number}"), level).await;
    }
    app.patch(&format!("{EVENTS}/e1"), &json!({"riskEventStatus": "dismissedAsFalsePositive"})).await.expect(200);
    let ids = |found: Value| -> Vec<String> {
        let found = found["value"].as_array().expect("a list").clone();
        found.into_iter().map(|item| item["userId"].as_str().expect("an id").to_owned()).collect()
    };
    let last = get(&app, &format!("{DETECTIONS}?$orderby=lastUpdatedDateTime&$top=2")).await.expect(200).json();
    let since = last["value"][1]["lastUpdatedDateTime"].as_str().expect("a time").to_owned();
    let detection = DetectionId::of("e0").text();
    for (query, expected) in [
        ("$filter=riskEventType eq 'leakedCredentials' and riskLevel eq 'medium'", &["u1"][..]),
        ("$filter=riskLevel eq microsoft.graph.riskLevel'high'", &["u2"]),
        ("$filter=riskState eq 'atRisk'&$orderby=ActivityDateTime asc,userId", &["u0", "u2"]),
        ("$filter=RiskState eq 'confirmedSafe'", &["u1"]),
        ("$filter=riskState ne 'atRisk'", &["u1"]),
        ("$orderby=lastUpdatedDateTime desc", &["u1", "u2", "u0"]),
        (&format!("$filter=lastUpdatedDateTime gt {since}"), &["u1"]),
        (&format!("$filter=lastUpdatedDateTime ge {since}&$orderby=lastUpdatedDateTime asc"), &["u2", "u1"]),
        ("$filter=lastUpdatedDateTime gt 2001-01-01T00:00:00Z and riskLevel ne 'low'", &["u2", "u1"]),
        (&format!("$filter=id eq '{}'", detection.as_str()), &["u0"]),
        (&format!("$filter=id in ('{}','x') and riskLevel eq 'high'", detection.as_str()), &[]),
        ("$filter=id eq 'x'", &[]),
        ("$filter=startswith(id,'x') or userPrincipalName eq 'u2@fjord.example'", &["u2"]),
        (
            "$filter=activity eq 'user' and source eq 'IdentityProtection' and ipAddress eq null&$orderby=userId",
            &["u0", "u1", "u2"],
        ),
        ("$filter=activity eq 'signin'", &[]),
        ("$filter=riskType eq 'leakedCredentials'&$orderby=userId desc&$top=1", &["u2"]),
        ("$filter=isof(microsoft.graph.riskDetection) and userId eq 'u0'", &["u0"]),
        ("$search=u1", &["u1"]),
    ] {
        let found = get(&app, &format!("{DETECTIONS}?{query}")).await.expect(200).json();
        assert_eq!(ids(found), expected, "{query}");
        if !query.contains("$top") && query.contains("$filter") {
            let filter = query.split('&').next().expect("a filter");
            let count = get(&app, &format!("{DETECTIONS}/$count?{filter}")).await.expect(200).text();
            assert_eq!(count, expected.len().to_string(), "{query}");
        }
    }
    let page = get(&app, &format!("{DETECTIONS}?$top=2&$count=true&$select=id,riskDetail")).await.expect(200).json();
    assert_eq!(page["@odata.count"], 3);
    let link = page["@odata.nextLink"].as_str().expect("more follow");
    assert!(link.contains("/v1.0/identityProtection/riskDetections?"), "{link}");
    let rest = get(&app, &link[link.find("/v1.0").expect("a path")..]).await.expect(200).json();
    assert_eq!(rest["value"].as_array().map(Vec::len), Some(1));
    assert!(rest.get("@odata.nextLink").is_none());
    // Past the sentinel, so only those who ask are told.
    let safe = format!("{DETECTIONS}?$filter=riskState eq 'confirmedSafe'");
    assert_eq!(get(&app, &safe).await.expect(200).json()["value"][0]["riskDetail"], "unknownFutureValue");
    let asked = get(&app, &safe).header("prefer", "include-unknown-enum-members").await.expect(200);
    assert_eq!(asked.json()["value"][0]["riskDetail"], "adminConfirmedAccountSafe");
    for (method, path) in
        [("POST", DETECTIONS.to_owned()), ("PATCH", format!("{DETECTIONS}/x")), ("DELETE", format!("{RISKY_USERS}/u1"))]
    {
        app.call(method, &path).json(&json!({})).await.expect(405);
    }
    get(&app, &format!("{DETECTIONS}/{}", "0".repeat(64))).await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn a_user_at_risk_is_the_sum_of_the_events() {
    let app = TestApp::new().await;
    raise(&app, "e1", "u1", "medium").await;
    raise(&app, "e2", "u1", "high").await;
    let shown = risky(&app, "u1").await;
    assert_eq!(standing(&shown), ["high", "atRisk", "none"]);
    assert_eq!(
        (&shown["isDeleted"], &shown["isProcessing"], &shown["id"]),
        (&json!(false), &json!(false), &json!("u1"))
    );
    assert_eq!(shown["userPrincipalName"], "u1@fjord.example");
    app.patch(&format!("{EVENTS}/e2"), &json!({"riskEventStatus": "remediated"})).await.expect(200);
    assert_eq!(standing(&risky(&app, "u1").await), ["medium", "atRisk", "none"]);
    let detection = DetectionId::of("e2").text();
    let closed = get(&app, &format!("{DETECTIONS}/{}", detection.as_str())).await.expect(200).json();
    assert_eq!(standing(&closed), ["high", "remediated", "userPerformedSecuredPasswordReset"]);
    app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    assert_eq!(standing(&risky(&app, "u1").await), ["none", "remediated", "userPerformedSecuredPasswordReset"]);
    app.delete(&format!("{EVENTS}/e2")).await.expect(204);
    assert_eq!(standing(&risky(&app, "u1").await), ["none", "none", "none"]);
    get(&app, &format!("{RISKY_USERS}/nobody")).await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn the_directory_gives_names_and_says_who_is_gone() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    raise(&app, "e1", "u1", "high").await;
    raise(&app, "e2", "stranger", "low").await;
    assert_eq!(risky(&app, "u1").await["userPrincipalName"], "mara@fjord.example", "not the event's");
    assert_eq!(risky(&app, "stranger").await["userPrincipalName"], "stranger@fjord.example");
    let before = risky(&app, "u1").await;
    app.patch(&format!("{USERS}/u1"), &json!({"displayName": "Mara Holm"})).await.expect(204);
    let renamed = risky(&app, "u1").await;
    assert_eq!(renamed["userDisplayName"], "Mara Holm");
    assert_eq!(renamed["riskLastUpdatedDateTime"], before["riskLastUpdatedDateTime"]);
    assert_ne!(renamed["@odata.etag"], before["@odata.etag"]);
    let stored = get(&app, &format!("{EVENTS}/e1")).await.expect(200).json();
    assert_ne!(stored["userDisplayName"], "Mara Holm");
    app.delete(&format!("{USERS}/u1")).await.expect(204);
    assert_eq!(risky(&app, "u1").await["isDeleted"], true);
    let gone = get(&app, &format!("{RISKY_USERS}?$filter=isDeleted eq true&$select=id")).await.expect(200).json();
    assert_eq!(gone["value"], json!([{"@odata.etag": gone["value"][0]["@odata.etag"], "id": "u1"}]));
    app.post(USERS, &user()).await.expect(201);
    assert_eq!(risky(&app, "u1").await["isDeleted"], false);
}

#[tokio::test]
async fn verdicts_are_seen_in_every_view() {
    let app = TestApp::new().await;
    raise(&app, "e1", "u1", "high").await;
    raise(&app, "e2", "u1", "low").await;
    raise(&app, "e3", "u2", "low").await;
    add_user(&app, "u3", "new@fjord.example").await;
    app.post(&format!("{RISKY_USERS}/dismiss"), &json!({"userIds": ["u1", "u1"]})).await.expect(204);
    assert_eq!(standing(&risky(&app, "u1").await), ["none", "dismissed", "adminDismissedAllRiskForUser"]);
    for id in ["e1", "e2"] {
        let event = get(&app, &format!("{EVENTS}/{id}")).await.expect(200).json();
        assert_eq!(event["riskEventStatus"], "dismissedAsIgnore");
        assert!(event["closedDateTime"].is_string());
    }
    // Once given, it changes nothing.
    let before = get(&app, &format!("{RISKY_USERS}/u1")).await.header("etag").to_owned();
    app.post(&format!("{RISKY_USERS}/microsoft.graph.dismiss"), &json!({"userIds": ["u1"]})).await.expect(204);
    assert_eq!(get(&app, &format!("{RISKY_USERS}/u1")).await.header("etag"), before);
    assert_eq!(history(&app, "u1").await.len(), 3);

    let unknown = json!({"userIds": ["u2", "nobody", "no one"]});
    let answer = app.post(&format!("{RISKY_USERS}/confirmCompromised"), &unknown).await.expect(404);
    assert_eq!(answer.details().len(), 2, "{}", answer.text());
    assert_eq!(standing(&risky(&app, "u2").await), ["low", "atRisk", "none"], "all or nothing");

    let both = json!({"USERIDS": ["u2", "u3"]});
    app.post("/beta/riskyUsers/confirmCompromised", &both).await.expect(204);
    for id in ["u2", "u3"] {
        assert_eq!(standing(&risky(&app, id).await), ["high", "confirmedCompromised", "adminConfirmedUserCompromised"]);
    }
    let query = "$filter=riskEventType eq 'adminConfirmedUserCompromised'&$select=userId,riskState";
    let made = get(&app, &format!("{DETECTIONS}?{query}")).await.expect(200).json();
    assert_eq!(made["value"].as_array().map(Vec::len), Some(1), "one of u3, of whom nothing was open: {made}");
    assert_eq!(
        (&made["value"][0]["userId"], &made["value"][0]["riskState"]),
        (&json!("u3"), &json!("confirmedCompromised"))
    );
    assert_eq!(get(&app, &format!("{EVENTS}/$count")).await.text(), "3", "it is no leakedCredentialsRiskEvent");
    assert_eq!(get(&app, "/v1.0/identityRiskEvents/$count").await.text(), "4");
    app.post(&format!("{RISKY_USERS}/confirmSafe()"), &both).await.expect(204);
    let prefer = "include-unknown-enum-members";
    let safe = get(&app, &format!("{RISKY_USERS}/u3")).header("prefer", prefer).await.expect(200).json();
    assert_eq!(standing(&safe), ["none", "confirmedSafe", "adminConfirmedAccountSafe"]);
    assert_eq!(standing(&risky(&app, "u3").await)[2], "unknownFutureValue");

    for (body, target) in [
        (json!({}), "userIds"),
        (json!({"userIds": null}), "userIds"),
        (json!({"userIds": []}), "userIds"),
        (json!({"userIds": [7]}), "userIds"),
        (json!({"userIds": [""]}), "userIds"),
        (json!({"userIds": vec!["u1"; 1001]}), "userIds"),
        (json!({"userIds": ["u1"], "users": []}), "users"),
    ] {
        let answer = app.post(&format!("{RISKY_USERS}/dismiss"), &body).await.expect(400);
        assert!(
            answer.json()["error"]["target"].as_str().is_some_and(|it| it.starts_with(target)),
            "{}",
            answer.text()
        );
    }
    let reader = app.token_with(&[Permission::IdentityRiskyUserReadAll]);
    let call = app.call("POST", &format!("{RISKY_USERS}/dismiss")).token(&reader).json(&both);
    call.await.refused(403, "Forbidden");
}

#[tokio::test]
async fn a_history_tells_everything_that_happened() {
    let app = TestApp::new().await;
    raise(&app, "e1", "u1", "high").await;
    app.patch(&format!("{EVENTS}/e1"), &json!({"userDisplayName": "says nothing of risk"})).await.expect(200);
    app.patch(&format!("{EVENTS}/e1"), &json!({"riskLevel": "low"})).await.expect(200);
    app.post(&format!("{RISKY_USERS}/dismiss"), &json!({"userIds": ["u1"]})).await.expect(204);
    let items = history(&app, "u1").await;
    let told: Vec<_> = items.iter().map(|item| (standing(item), item["activity"].clone())).collect();
    assert_eq!(
        told,
        [
            (
                ["none", "dismissed", "adminDismissedAllRiskForUser"],
                json!({"detail": "adminDismissedAllRiskForUser", "riskEventTypes": []})
            ),
            (["low", "atRisk", "none"], json!({"detail": null, "riskEventTypes": []})),
            (["high", "atRisk", "none"], json!({"detail": null, "riskEventTypes": ["leakedCredentials"]})),
        ]
    );
    assert_eq!(items[0]["id"], "u1", "the current one");
    let older = items[1]["id"].as_str().expect("an id");
    let ticks = older.strip_prefix("u1").expect("the user's id, then ticks");
    assert!(ticks.len() == 18 && ticks.bytes().all(|byte| byte.is_ascii_digit()), "{older}");
    assert!(items.iter().all(|item| item["userId"] == "u1" && item["initiatedBy"].is_string()));
    let one = get(&app, &format!("{RISKY_USERS}/u1/history/{older}")).await.expect(200).json();
    assert_eq!(one["riskLevel"], "low");
    get(&app, &format!("{RISKY_USERS}/u1/history/x")).await.refused(404, "ResourceNotFound");
    get(&app, &format!("{RISKY_USERS}/nobody/history")).await.refused(404, "ResourceNotFound");
    let low = format!("{RISKY_USERS}/u1/history?$filter=riskLevel eq 'low'&$select=riskLevel&$count=true");
    let low = get(&app, &low).await.expect(200).json();
    assert_eq!((&low["@odata.count"], low["value"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    assert!(low["@odata.context"].as_str().expect("a context").ends_with("#riskyUsers('u1')/history(riskLevel)"));
    assert_eq!(get(&app, &format!("{RISKY_USERS}/u1/history/$count")).await.expect(200).text(), "3");
    let (mut link, mut seen) =
        (format!("{RISKY_USERS}/u1/history?$top=1&$orderby=riskLastUpdatedDateTime"), Vec::new());
    loop {
        let page = get(&app, &link).await.expect(200).json();
        seen.extend(page["value"].as_array().expect("a list").iter().map(|item| item["riskLevel"].clone()));
        match page["@odata.nextLink"].as_str() {
            Some(next) => link = next[next.find("/v1.0").expect("a path")..].to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["high", "low", "none"]);
}

#[tokio::test]
async fn users_at_risk_are_asked_for_in_the_words_of_connectors() {
    let app = TestApp::new().await;
    for (number, level) in ["low", "medium", "high"].into_iter().enumerate() {
        raise(&app, &format!("e{number}"), &format!("u{number}"), level).await;
    }
    raise(&app, "again", "u0", "low").await;
    app.post(&format!("{RISKY_USERS}/dismiss"), &json!({"userIds": ["u1"]})).await.expect(204);
    let since = risky(&app, "u2").await["riskLastUpdatedDateTime"].as_str().expect("a time").to_owned();
    for (query, expected) in [
        (String::new(), &["u2", "u1", "u0"][..]),
        ("$orderby=riskLastUpdatedDateTime asc".into(), &["u2", "u0", "u1"]),
        (format!("$filter=riskLastUpdatedDateTime gt {since}"), &["u0", "u1"]),
        (format!("$filter=riskLastUpdatedDateTime ge {since} and riskState eq 'atRisk'&$top=500"), &["u2", "u0"]),
        ("$filter=riskState eq 'atRisk'&$orderby=riskLevel desc".into(), &["u2", "u0"]),
        ("$filter=riskLevel eq 'high' or riskState eq 'dismissed'".into(), &["u2", "u1"]),
        ("$filter=userPrincipalName eq 'u2@fjord.example'".into(), &["u2"]),
        ("$filter=id in ('u0','u2')&$orderby=id".into(), &["u0", "u2"]),
        ("$filter=IsDeleted eq false and contains(UserPrincipalName,'u1@')".into(), &["u1"]),
        ("$search=u2".into(), &["u2"]),
        ("$skip=1&$top=2".into(), &["u1", "u0"]),
    ] {
        let found = get(&app, &format!("{RISKY_USERS}?{query}")).await.expect(200).json();
        let ids: Vec<_> = found["value"].as_array().expect("a list").iter().map(|user| user["id"].clone()).collect();
        assert_eq!(ids, expected, "{query}");
        if query.starts_with("$filter") {
            let filter = query.split('&').next().expect("a filter");
            let count = get(&app, &format!("{RISKY_USERS}/$count?{filter}")).await.expect(200).text();
            assert_eq!(count, expected.len().to_string(), "{query}");
        }
    }
    assert_eq!(get(&app, &format!("{RISKY_USERS}/$count")).await.expect(200).text(), "3");
    let link = get(&app, &format!("{RISKY_USERS}?$top=2")).await.expect(200).json();
    let link = link["@odata.nextLink"].as_str().expect("more follow").to_owned();
    let rest = get(&app, &link[link.find("/v1.0").expect("a path")..]).await.expect(200).json();
    assert_eq!((&rest["value"][0]["id"], rest.get("@odata.nextLink")), (&json!("u0"), None));
}

#[tokio::test]
async fn deltas_tell_what_changed_in_both() {
    let app = TestApp::new().await;
    raise(&app, "e1", "u1", "high").await;
    raise(&app, "e2", "u2", "low").await;
    let round = async |link: &str| -> (Vec<Value>, String) {
        let answer = get(&app, &link[link.find("/v1.0").expect("a path")..]).await.expect(200).json();
        let next = answer["@odata.deltaLink"].as_str().expect("the last page").to_owned();
        (answer["value"].as_array().expect("a list").clone(), next)
    };
    let (all, users) = round(&format!("{RISKY_USERS}/delta")).await;
    assert_eq!(all.len(), 2);
    let (all, detections) = round(&format!("{DETECTIONS}/delta?$filter=riskState eq 'atRisk'&$select=riskState")).await;
    assert_eq!(all.len(), 2);
    let (none, users) = round(&users).await;
    assert_eq!(none, [] as [Value; 0]);
    app.patch(&format!("{EVENTS}/e2"), &json!({"userDisplayName": "x"})).await.expect(200);
    app.post(&format!("{RISKY_USERS}/dismiss"), &json!({"userIds": ["u1"]})).await.expect(204);
    let (changed, _) = round(&users).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!((&changed[0]["id"], &changed[0]["riskState"]), (&json!("u1"), &json!("dismissed")));
    let (changed, detections) = round(&detections).await;
    let id = DetectionId::of("e1").text();
    assert_eq!(changed, [json!({"id": id.as_str(), "@removed": {"reason": "changed"}})]);
    app.delete(&format!("{EVENTS}/e2")).await.expect(204);
    let (changed, _) = round(&detections).await;
    let id = DetectionId::of("e2").text();
    assert_eq!(changed, [json!({"id": id.as_str(), "@removed": {"reason": "deleted"}})]);
}

#[tokio::test]
async fn batches_hold_the_views_too() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let body = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/identityProtection/riskyUsers?$top=1"},
        {"id": "2", "method": "POST", "url": "/identityProtection/riskyUsers/dismiss",
         "headers": {"Content-Type": "application/json"}, "body": {"userIds": ["u1"]}, "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/identityProtection/riskDetections?$filter=riskState eq 'dismissed'",
         "dependsOn": ["2"]},
    ]});
    let answer = app.post("/v1.0/$batch", &body).await.expect(200).json();
    let responses = answer["responses"].as_array().expect("a list");
    let of = |id: &str| responses.iter().find(|response| response["id"] == id).expect(id);
    assert_eq!(
        (&of("1")["status"], &of("2")["status"], &of("3")["status"]),
        (&json!(200), &json!(204), &json!(200)),
        "{answer}"
    );
    assert_eq!(of("3")["body"]["value"].as_array().map(Vec::len), Some(1));
}
