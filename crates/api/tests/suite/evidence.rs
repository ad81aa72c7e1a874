//! Evidence of risk events: brought along, added, read, and told of by detections.

use crate::repeats::{accepted, once};
use crate::samples::{BASE, EVENTS, add_event, add_evidence, event, ids, path_of, raise_base_event, with};
use model::{DetectionId, Permission};
use serde_json::{Value, json};
use testkit::app::{ORIGIN, TestApp};

const DETECTIONS: &str = "/v1.0/identityProtection/riskDetections";
const NOW: &str = "2024-03-03T06:00:00";

async fn detection(app: &TestApp, event: &str) -> Value {
    let id = DetectionId::of(event).text();
    app.get(&format!("{DETECTIONS}/{}", id.as_str())).await.expect(200).json()
}

/// What a detection tells, by key.
async fn told(app: &TestApp, event: &str) -> Vec<(String, String)> {
    let detection = detection(app, event).await;
    let info = detection["additionalInfo"].as_str().expect("a text");
    let pairs: Value = serde_json::from_str(info).expect("JSON within JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    pairs.as_array().expect("an array").iter().map(|pair| (text(&pair["Key"]), text(&pair["Value"]))).collect()
}

async fn listed(app: &TestApp, path: &str) -> Vec<String> {
    ids(&app.get(&path.replace(' ', "%20")).await.expect(200).json())
}

#[tokio::test]
async fn a_new_event_brings_its_evidence_along() {
    let app = TestApp::new().await;
    let evidence = json!([
        {"source": "Old leak", "matchClass": "addressOnly", "accountEnabled": false, "firstSeenDateTime": "2019-01-01T00:00:00Z", "lastSeenDateTime": null},
        {"source": "Collection 7", "matchClass": "PAIR", "matchedAttribute": "mail", "matchedRule": "foldCase", "occurrences": 3},
        {"source": "Collection 7", "matchClass": "pair", "matchedAttribute": "mail", "matchedRule": "foldCase"},
    ]);
    let made = app.post(EVENTS, &with(event(), &json!({"id": "e1", "evidence": evidence}))).await.expect(201);
    let page = app.get(&format!("{EVENTS}/e1/evidence")).await.expect(200).json();
    assert_eq!(page["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents('e1')/evidence"));
    let items = page["value"].as_array().expect("a list");
    assert_eq!(items.len(), 2, "the same finding is one item: {page}");
    let answered = made.json();
    assert_eq!(answered["evidence"], page["value"], "the answer shows what was brought along");
    let context = |shown: &str| format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents({shown})/$entity");
    assert_eq!(answered["@odata.context"], context("evidence()"));
    let second = with(items[1].clone(), &json!({"firstSeenDateTime": null, "lastSeenDateTime": null}));
    let expected = json!({
        "@odata.etag": made.header("etag"), "id": "2", "source": "Collection 7", "matchClass": "pair",
        "matchedAttribute": "mail", "matchedRule": "foldCase", "firstSeenDateTime": null, "lastSeenDateTime": null,
        "occurrences": 4, "accountEnabled": null,
    });
    assert_eq!(second, expected);
    assert_eq!(
        (&items[0]["firstSeenDateTime"], &items[0]["matchedRule"]),
        (&json!("2019-01-01T00:00:00Z"), &Value::Null)
    );
    for item in items {
        assert!(item["lastSeenDateTime"].as_str().expect("a time").starts_with(NOW), "{item}");
    }
    let told = told(&app, "e1").await;
    let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
    let expected = [
        "matchClass",
        "matchedAttribute",
        "matchedRule",
        "source",
        "firstSeen",
        "lastSeen",
        "occurrences",
        "accountEnabled",
    ];
    assert_eq!(keys, expected);
    let value = |at: usize| told[at].1.as_str();
    assert_eq!(
        [value(0), value(3), value(4), value(6), value(7)],
        ["pair", "Collection 7, Old leak", "2019-01-01T00:00:00Z", "5", "false"]
    );
    assert_eq!(add_event(&app, "e2").await.get("evidence"), None);
    assert_eq!(detection(&app, "e2").await["additionalInfo"], "[]");
    let body = with(event(), &json!({"evidence": [{"source": "a", "matchClass": "similar"}]}));
    let some = once(app.post(&format!("{EVENTS}?$select=riskLevel"), &body), "r1").await.expect(201);
    assert_eq!(some.json()["@odata.context"], context("riskLevel,evidence()"));
    assert_eq!((some.json().get("id"), &some.json()["evidence"][0]["id"]), (None, &json!("1")));
    let repeated = once(app.post(&format!("{EVENTS}?$select=riskLevel"), &body), "r1").await.expect(201);
    assert_eq!(repeated.bytes, some.bytes);
}

#[tokio::test]
async fn every_fault_of_it_is_named() {
    let app = TestApp::new().await;
    let evidence = json!([
        {"source": "a", "matchClass": "pair"},
        {"source": "", "matchClass": "guess", "occurrences": 0, "password": "hunter2"},
        {"matchClass": "pair", "matchedAttribute": "mail: x"},
        7,
    ]);
    let body = with(event(), &json!({"evidence": evidence, "riskLevel": "huge"}));
    let answer = app.post(EVENTS, &body).await.expect(400);
    let mut targets: Vec<String> = answer.details().into_iter().map(|(_, target)| target).collect();
    targets.sort();
    let expected = [
        "evidence/1/matchClass",
        "evidence/1/occurrences",
        "evidence/1/password",
        "evidence/1/source",
        "evidence/2/matchedAttribute",
        "evidence/2/source",
        "evidence/3",
        "riskLevel",
    ];
    assert_eq!(targets, expected);
    assert!(!answer.text().contains("hunter2"));
    let many: Vec<Value> = (0..101).map(|n| json!({"source": format!("s{n}"), "matchClass": "pair"})).collect();
    let answer = app.post(EVENTS, &with(event(), &json!({"evidence": many}))).await.expect(400);
    assert_eq!(answer.details(), [("InvalidValue".to_owned(), "evidence".to_owned())]);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.expect(200).text(), "0");
    let most = &many[..100];
    app.post(EVENTS, &with(event(), &json!({"id": "e1", "evidence": most}))).await.expect(201);
    assert_eq!(app.get(&format!("{EVENTS}/e1/evidence/$count")).await.expect(200).text(), "100");

    let refused = app.patch(&format!("{EVENTS}/e1"), &json!({"evidence": []})).await.refused(400, "BadRequest");
    assert!(refused.contains("POST to `/evidence` of it adds to it"), "{refused}");
    let refused = app.get(&format!("{EVENTS}/e1?$expand=evidence")).await.expect(501).text();
    assert!(refused.contains("leads to many entities"), "{refused}");
}

#[tokio::test]
async fn evidence_is_added_to_and_told_once() {
    let app = TestApp::new().await;
    let made = app.post(EVENTS, &with(event(), &json!({"id": "e1"}))).await.expect(201);
    let url = format!("{EVENTS}/e1/evidence");
    let body = json!({"source": "a leak", "matchClass": "similar", "matchedAttribute": "sAMAccountName"});
    let first = app.post(&url, &body).await.expect(201);
    assert_eq!(first.header("location"), format!("{ORIGIN}{url}/1"));
    let context = format!("{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents('e1')/evidence/$entity");
    assert_eq!((&first.json()["@odata.context"], &first.json()["id"]), (&json!(context), &json!("1")));
    let read = app.get(path_of(first.header("location"))).await.expect(200);
    assert_eq!(read.json(), first.json());
    assert_eq!(read.header("etag"), first.header("etag"));
    app.get(&format!("{url}/1")).header("if-none-match", first.header("etag")).await.expect(304);

    let event_now = app.get(&format!("{EVENTS}/e1")).await.expect(200);
    assert_ne!(event_now.header("etag"), made.header("etag"), "the event has changed");
    let shown = detection(&app, "e1").await;
    assert_ne!(shown["lastUpdatedDateTime"], shown["detectedDateTime"]);

    let again = with(body.clone(), &json!({"occurrences": 4, "lastSeenDateTime": "2030-01-01T00:00:00Z"}));
    let again = app.post(&url, &again).await.expect(200);
    assert_eq!(again.header("location"), "");
    let item = again.json();
    assert_eq!((&item["id"], &item["occurrences"]), (&json!("1"), &json!(5)));
    assert_eq!(
        (&item["firstSeenDateTime"], &item["lastSeenDateTime"]),
        (&first.json()["firstSeenDateTime"], &json!("2030-01-01T00:00:00Z"))
    );
    let other = app.post(&format!("{url}?$select=id"), &with(body.clone(), &json!({"matchedRule": "dot"}))).await;
    let other = other.expect(201).json();
    assert_eq!((&other["id"], other.get("source")), (&json!("2"), None));
    let bare = app.post(&url, &body).header("prefer", "return=minimal").await.expect(204);
    assert!(bare.bytes.is_empty() && !bare.header("etag").is_empty());
    assert_eq!(told(&app, "e1").await.last(), Some(&("occurrences".to_owned(), "7".to_owned())));

    let history = app.get("/v1.0/identityProtection/riskyUsers/u1/history/$count").await.expect(200);
    assert_eq!(history.text(), "1", "no risk has changed");
    app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    app.get(&url).await.refused(404, "ResourceNotFound");
    add_event(&app, "e1").await;
    assert_eq!(app.get(&format!("{url}/$count")).await.expect(200).text(), "0");
}

#[tokio::test]
async fn an_item_that_is_sent_again_is_added_once() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let url = format!("{EVENTS}/e1/evidence");
    let body = json!({"source": "a leak", "matchClass": "pair"});
    let first = once(app.post(&url, &body), "r1").await.expect(201);
    accepted(&first);
    app.post(&url, &body).await.expect(200);
    let repeated = once(app.post(&url, &body), "r1").await.expect(201);
    assert_eq!((repeated.bytes, repeated.headers.get("location")), (first.bytes, first.headers.get("location")));
    assert_eq!(app.get(&format!("{url}/1")).await.expect(200).json()["occurrences"], 2);
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_paged() {
    let app = TestApp::new().await;
    let source = |n: u32| ["pair", "similar", "addressOnly"][n as usize % 3];
    let evidence: Vec<Value> =
        (1..=7).map(|n| json!({"source": format!("s{n}"), "matchClass": source(n), "occurrences": n})).collect();
    app.post(EVENTS, &with(event(), &json!({"id": "it's", "evidence": evidence.clone()}))).await.expect(400);
    app.post(EVENTS, &with(event(), &json!({"id": "e1", "evidence": evidence}))).await.expect(201);
    let url = format!("{BASE}('e1')/evidence");
    assert_eq!(listed(&app, &url).await, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(listed(&app, &format!("{url}?$filter=matchClass eq 'pair'")).await, ["3", "6"]);
    assert_eq!(listed(&app, &format!("{url}?$filter=occurrences gt 5&$orderby=source desc")).await, ["7", "6"]);
    assert_eq!(app.get(&format!("{url}/$count?$filter=matchedRule%20eq%20null")).await.expect(200).text(), "7");
    let mut path = format!("{url}?$orderby=occurrences desc&$top=3&$count=true").replace(' ', "%20");
    let mut seen = Vec::new();
    loop {
        let page = app.get(&path).await.expect(200).json();
        assert_eq!(page.get("@odata.count").is_some(), seen.is_empty());
        seen.extend(ids(&page));
        match page["@odata.nextLink"].as_str() {
            Some(link) => path_of(link).clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(seen, ["7", "6", "5", "4", "3", "2", "1"]);
    let full = app.get(&format!("{url}/3")).header("accept", "application/json;odata.metadata=full").await.expect(200);
    assert_eq!(full.json()["@odata.id"], format!("{ORIGIN}{BASE}/e1/evidence('3')"), "{}", full.text());
    app.get(&format!("{url}/8")).await.refused(404, "ResourceNotFound");
    app.get(&format!("{BASE}/nobody/evidence")).await.refused(404, "ResourceNotFound");
    app.post(&format!("{BASE}/nobody/evidence"), &evidence[0]).await.refused(404, "ResourceNotFound");
    for method in ["PATCH", "PUT", "DELETE"] {
        app.call(method, &format!("{url}/3")).await.expect(405);
    }
    // Through the set of one kind, events of another are not there.
    raise_base_event(&app, "base").await;
    app.get(&format!("{EVENTS}/base/evidence")).await.refused(404, "ResourceNotFound");
    app.post(&format!("{EVENTS}/base/evidence"), &evidence[0]).await.refused(404, "ResourceNotFound");
    app.post(&format!("{BASE}/base/evidence"), &evidence[0]).await.expect(201);
}

#[tokio::test]
async fn detections_are_found_by_what_they_tell() {
    let app = TestApp::new().await;
    for id in ["e1", "e2", "e3"] {
        add_event(&app, id).await;
    }
    add_evidence(&app, "e2").await;
    let id = |event: &str| DetectionId::of(event).text().as_str().to_owned();
    let filtered = async |filter: &str| {
        let mut found = listed(&app, &format!("{DETECTIONS}?$filter={filter}")).await;
        found.sort();
        found
    };
    let mut bare = vec![id("e1"), id("e3")];
    bare.sort();
    assert_eq!(filtered("additionalInfo eq '[]'").await, bare);
    assert_eq!(filtered("contains(additionalInfo,'a leak')").await, [id("e2")]);
    let shown = detection(&app, "e2").await["additionalInfo"].as_str().expect("a text").to_owned();
    assert_eq!(shown.matches("{\"Key\":").count(), 5);
    assert_eq!(filtered("length(additionalInfo) gt 2 and additionalInfo ne null").await, [id("e2")]);
    let value = app.get(&format!("{DETECTIONS}/{}/additionalInfo/$value", id("e2"))).await.expect(200);
    assert_eq!(value.text(), shown);
}

#[tokio::test]
async fn deltas_tell_of_evidence() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let latest = async |set: &str, more: &str| {
        let page = app.get(&format!("{set}/delta?$deltatoken=latest{more}")).await.expect(200).json();
        path_of(page["@odata.deltaLink"].as_str().expect("a link")).to_owned()
    };
    let links = [
        (latest(EVENTS, "").await, 1),
        (latest(EVENTS, "&$select=riskLevel").await, 0),
        (latest(DETECTIONS, "").await, 1),
        (latest(DETECTIONS, "&$select=additionalInfo").await, 1),
        (latest(DETECTIONS, "&$select=riskState").await, 0),
        (latest("/v1.0/identityProtection/riskyUsers", "").await, 0),
    ];
    add_evidence(&app, "e1").await;
    for (link, expected) in links {
        let page = app.get(&link).await.expect(200).json();
        assert_eq!(ids(&page).len(), expected, "{link}: {page}");
    }
}

#[tokio::test]
async fn evidence_is_written_in_batches() {
    let app = TestApp::new().await;
    let json = json!({"Content-Type": "application/json"});
    let item = json!({"source": "a", "matchClass": "pair"});
    let requests = json!({"requests": [
        {"id": "1", "atomicityGroup": "g", "method": "POST", "url": "/leakedCredentialsRiskEvents", "headers": json,
            "body": event()},
        {"id": "2", "atomicityGroup": "g", "method": "POST", "url": "$1/evidence", "headers": json, "body": item},
        {"id": "3", "atomicityGroup": "g", "method": "POST", "url": "$1/evidence", "headers": json, "body": item},
    ]});
    let answer = app.post("/v1.0/$batch", &requests).await.expect(200).json();
    let responses = answer["responses"].as_array().expect("a list");
    let statuses: Vec<i64> = responses.iter().filter_map(|response| response["status"].as_i64()).collect();
    assert_eq!(statuses, [201, 201, 200], "{answer}");
    assert_eq!(responses[2]["body"]["occurrences"], 2);
}

#[tokio::test]
async fn there_is_an_end_to_the_evidence_of_an_event() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let url = format!("{EVENTS}/e1/evidence");
    for number in 0..1_000 {
        app.post(&url, &json!({"source": format!("s{number}"), "matchClass": "pair"})).await.expect(201);
    }
    let message = app.post(&url, &json!({"source": "x", "matchClass": "pair"})).await.refused(400, "BadRequest");
    assert_eq!(message, "the event has 1000 items of evidence, which is the most");
    app.post(&url, &json!({"source": "s7", "matchClass": "pair"})).await.expect(200);
}

#[tokio::test]
async fn readers_of_events_read_it_and_writers_write_it() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let url = format!("{EVENTS}/e1/evidence");
    let reader = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    let body = json!({"source": "a", "matchClass": "pair"});
    app.post(&url, &body).token(&reader).await.refused(403, "Forbidden");
    app.post(&url, &body).token(&app.token_with(&[Permission::IdentityRiskEventReadWriteAll])).await.expect(201);
    assert_eq!(ids(&app.get(&url).token(&reader).await.expect(200).json()), ["1"]);
}
