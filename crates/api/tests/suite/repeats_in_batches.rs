//! Repeatable requests in a batch: one by one, and groups as a whole.

use crate::repeats::{BATCH, ID, NOW, count, once, rejected};
use crate::samples::{EVENTS, USERS, add_event, add_user, event, user, with, without};
use serde_json::{Value, json};
use testkit::app::TestApp;

fn item(number: &str, url: &str, body: &Value, headers: &[(&str, &str)]) -> Value {
    let mut item = json!({"id": number, "method": "POST", "url": url, "body": body, "headers": {"Content-Type": "application/json"}});
    for (name, value) in headers {
        item["headers"][*name] = json!(value);
    }
    item
}

#[tokio::test]
async fn items_of_a_batch_are_repeatable_one_by_one() {
    let app = TestApp::new().await;
    let headers = |id: &'static str| [("Repeatability-Request-ID", id), ("repeatability-first-sent", NOW)];
    let events = "/leakedCredentialsRiskEvents";
    let requests = json!({"requests": [
        item("1", events, &event(), &headers("r1")),
        item("2", "/users", &without(user(), "id"), &headers("r2")),
        item("3", events, &event(), &headers("r1")),
        item("4", events, &event(), &headers("r3")[..1]),
        item("5", events, &with(event(), &json!({"riskLevel": "low"})), &headers("r1")),
        item("6", events, &event(), &[]),
        {"id": "7", "method": "GET", "url": "/users", "headers": {"repeatability-request-id": "r7"}},
    ]});
    let send = async || {
        let answer = app.post(BATCH, &requests).await.expect(200);
        assert_eq!(answer.header("repeatability-result"), "");
        let mut answers = answer.json()["responses"].as_array().expect("a list").clone();
        answers.sort_by_key(|answer| answer["id"].as_str().expect("an id").to_owned());
        answers
    };
    let first = send().await;
    let results = |answers: &[Value]| -> Vec<(u64, String)> {
        let result = |answer: &Value| answer["headers"]["Repeatability-Result"].as_str().unwrap_or("-").to_owned();
        answers.iter().map(|answer| (answer["status"].as_u64().expect("a status"), result(answer))).collect()
    };
    let expected = [
        (201, "accepted"),
        (201, "accepted"),
        (201, "accepted"),
        (400, "rejected"),
        (400, "rejected"),
        (201, "-"),
        (200, "-"),
    ];
    assert_eq!(results(&first), expected.map(|(status, result)| (status, result.to_owned())));
    assert_eq!(first[0]["body"], first[2]["body"], "the same event");
    assert_eq!(count(&app, EVENTS).await, "2");
    let second = send().await;
    assert_eq!(results(&second), results(&first));
    assert_eq!((&second[0], &second[1], &second[2]), (&first[0], &first[1], &first[2]));
    assert_eq!((count(&app, EVENTS).await, count(&app, USERS).await), ("3".into(), "1".into()));
}

/// The answers of a batch that was taken in.
async fn batch(app: &TestApp, requests: &[Value]) -> Vec<Value> {
    let answer = app.post(BATCH, &json!({"requests": requests})).await.expect(200);
    answer.json()["responses"].as_array().expect("a list").clone()
}

/// A group of a batch, each of its requests with the same headers (section 7.4).
fn group(id: &str, requests: &[Value]) -> Vec<Value> {
    let with_headers = |request: &Value| {
        let mut request = request.clone();
        request["atomicityGroup"] = json!("g");
        request["headers"]["Content-Type"] = json!("application/json");
        request["headers"]["Repeatability-Request-ID"] = json!(id);
        request["headers"]["Repeatability-First-Sent"] = json!(NOW);
        request
    };
    requests.iter().map(with_headers).collect()
}

#[tokio::test]
async fn a_group_is_repeatable_as_a_whole() {
    let app = TestApp::new().await;
    add_event(&app, "e0").await;
    let requests = [
        item("1", "/users", &with(user(), &json!({"id": "u1"})), &[]),
        item("2", "/leakedCredentialsRiskEvents", &event(), &[]),
        json!({"id": "3", "method": "POST", "url": "/$2/impactedUser/$ref", "body": {"@odata.id": "$1"}}),
        json!({"id": "4", "method": "PATCH", "url": "/identityRiskEvents/e0", "body": {"riskLevel": "low"}}),
        json!({"id": "5", "method": "DELETE", "url": "/identityRiskEvents/e0"}),
    ];
    let first = batch(&app, &group(ID, &requests)).await;
    let statuses = |answers: &[Value]| -> Vec<u64> {
        answers.iter().map(|answer| answer["status"].as_u64().expect("a status")).collect()
    };
    assert_eq!(statuses(&first), [201, 201, 204, 200, 204], "{first:?}");
    assert!(first.iter().all(|answer| answer["headers"]["Repeatability-Result"] == "accepted"), "{first:?}");
    // Now none of it could be prepared once more: the user is there, and e0 is not.
    assert_eq!(batch(&app, &group(ID, &requests)).await, first);
    let event = first[1]["headers"]["Location"].as_str().expect("a link").strip_prefix(testkit::app::ORIGIN);
    app.delete(event.expect("a link to this service")).await.expect(204);
    app.delete(&format!("{USERS}/u1")).await.expect(204);
    assert_eq!(batch(&app, &group(ID, &requests)).await, first);
    assert_eq!((count(&app, EVENTS).await, count(&app, USERS).await), ("0".into(), "0".into()));

    // Another one under the id, in a group or alone, is refused and does nothing.
    let mut other = requests.clone();
    other[1]["body"]["riskLevel"] = json!("low");
    for requests in [group(ID, &other), group(ID, &requests[..2]), group(ID, &requests[..1])] {
        let answers = batch(&app, &requests).await;
        assert_eq!(answers[0]["status"], 400, "{answers:?}");
        assert_eq!(answers[0]["body"]["error"]["target"], "Repeatability-Request-ID");
        assert!(answers.iter().all(|answer| answer["headers"]["Repeatability-Result"] == "rejected"), "{answers:?}");
    }
    rejected(once(app.post(USERS, &user()), ID).await, 400, "Request_BadRequest");
    assert_eq!(count(&app, USERS).await, "0");
}

#[tokio::test]
async fn a_group_that_failed_is_tried_anew() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let requests = [
        item("1", "/leakedCredentialsRiskEvents", &event(), &[]),
        item("2", "/users", &with(user(), &json!({"id": "u1"})), &[]),
    ];
    let send = async || batch(&app, &group(ID, &requests)).await;
    let failed = send().await;
    assert_eq!((&failed[0]["status"], &failed[1]["status"]), (&json!(424), &json!(409)), "{failed:?}");
    assert!(failed.iter().all(|answer| answer["headers"]["Repeatability-Result"] == "accepted"), "{failed:?}");
    app.delete(&format!("{USERS}/u1")).await.expect(204);
    let first = send().await;
    assert_eq!((&first[0]["status"], &first[1]["status"]), (&json!(201), &json!(201)), "{first:?}");
    assert_eq!(send().await, first);
    assert_eq!(count(&app, EVENTS).await, "1");
}

#[tokio::test]
async fn requests_of_a_group_have_the_same_headers_or_none() {
    let app = TestApp::new().await;
    let requests = [
        item("1", "/leakedCredentialsRiskEvents", &event(), &[]),
        item("2", "/leakedCredentialsRiskEvents", &event(), &[]),
    ];
    let same = group(ID, &requests);
    for (name, value) in [
        ("Repeatability-Request-ID", json!("other")),
        ("Repeatability-First-Sent", json!("Sun, 03 Mar 2024 05:59:59 GMT")),
        ("Repeatability-Client-ID", json!("instance")),
        ("Repeatability-First-Sent", json!("now")),
    ] {
        let mut requests = same.clone();
        requests[1]["headers"][name] = value;
        let answers = batch(&app, &requests).await;
        assert_eq!((&answers[0]["status"], &answers[1]["status"]), (&json!(424), &json!(400)), "{answers:?}");
        assert!(answers.iter().all(|answer| answer["headers"]["Repeatability-Result"] == "rejected"), "{answers:?}");
    }
    let mut half = same.clone();
    half[0]["headers"] = json!({"Content-Type": "application/json"});
    assert_eq!(batch(&app, &half).await[1]["body"]["error"]["code"], "BadRequest");
    let mut old = same.clone();
    for request in &mut old {
        request["headers"]["Repeatability-First-Sent"] = json!("Fri, 01 Mar 2024 06:00:00 GMT");
    }
    assert_eq!(batch(&app, &old).await[0]["status"], 412);
    assert_eq!(count(&app, EVENTS).await, "0");
    let answers = batch(&app, &same).await;
    assert_eq!((&answers[0]["status"], count(&app, EVENTS).await), (&json!(201), "2".into()));
}
