//! `POST /leakedCredentialsRiskEvents`: what is refused, and how that reads.

use crate::samples::{EVENTS, TYPE, USERS, add_event, event, user, with, without};
use serde_json::{Value, json};
use testkit::app::{Answer, TestApp};

const REQUIRED: [&str; 7] = [
    "userDisplayName",
    "userPrincipalName",
    "riskEventDateTime",
    "riskEventType",
    "riskLevel",
    "riskEventStatus",
    "userId",
];

fn detail(code: &str, target: &str) -> (String, String) {
    (code.into(), target.into())
}

#[tokio::test]
async fn the_seed_placeholders_sent_literally_are_named_one_by_one() {
    let app = TestApp::new().await;
    let placeholders = json!({
        "@odata.type": TYPE,
        "userDisplayName": "String",
        "userPrincipalName": "String",
        "riskEventDateTime": "String (timestamp)",
        "riskEventType": "String",
        "riskLevel": "String",
        "riskEventStatus": "String",
        "closedDateTime": "String (timestamp)",
        "userId": "String",
    });
    let answer = app.post(EVENTS, &placeholders).header("client-request-id", "mine").await.expect(400);
    let date = "is not a date and time such as 2024-03-02T23:10:04Z or 2024-03-02T23:10:04.5+02:00";
    let level = "`riskLevel` is `String`; expected one of low, medium, high, hidden, none, unknownFutureValue";
    let status = "`riskEventStatus` is `String`; expected one of active, remediated, dismissedAsFixed, \
                  dismissedAsFalsePositive, dismissedAsIgnore, loginBlocked, closedMfaAuto, closedMultipleReasons";
    let detail = |target: &str, message: &str| json!({"code": "InvalidValue", "message": message, "target": target});
    let closed = format!("`closedDateTime`: `String (timestamp)` {date}");
    let mut details = vec![
        detail("closedDateTime", &closed),
        detail("riskEventDateTime", &format!("`riskEventDateTime`: `String (timestamp)` {date}")),
        detail("riskEventStatus", status),
        detail("riskLevel", level),
    ];
    // They come in the order of the body, which serde_json's objects sort by name here.
    details.sort_by_key(|detail| detail["target"].as_str().map(str::to_owned));
    assert_eq!(
        answer.json(),
        json!({"error": {
            "code": "BadRequest",
            "message": format!("4 things are wrong; the first: {closed}"),
            "target": "closedDateTime",
            "details": details,
            "innerError": {
                "date": "2024-03-03T06:00:00",
                "request-id": answer.header("request-id"),
                "client-request-id": "mine",
            },
        }})
    );
    assert_eq!(answer.content_type(), "application/json;charset=utf-8");
}

#[tokio::test]
async fn each_required_property_is_missed_alone_and_all_are_at_once() {
    let app = TestApp::new().await;
    for name in REQUIRED {
        for body in [without(event(), name), with(event(), &json!({name: null}))] {
            let answer = app.post(EVENTS, &body).await.expect(400);
            assert_eq!(answer.details(), [detail("MissingProperty", name)]);
            assert_eq!(answer.json()["error"]["target"], name);
        }
    }
    let all = REQUIRED.map(|name| detail("MissingProperty", name));
    for nothing in [json!({}), json!({"@odata.type": TYPE}), json!({"id": "e1", "closedDateTime": null})] {
        let answer = app.post(EVENTS, &nothing).await.expect(400);
        assert_eq!(answer.details(), all, "{nothing}");
        assert_eq!(answer.json()["error"]["code"], "BadRequest");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
}

#[tokio::test]
async fn faults_of_every_kind_are_told_together() {
    let app = TestApp::new().await;
    let body = r##"{"@odata.type":"#microsoft.graph.user","riskLevell":"high","userId":"a","USERID":"b",
        "riskLevel":3,"userDisplayName":{"x":[1]},"riskEventType":["a"],"id":"no/slash","riskEventStatus":null}"##;
    let answer = app.call("POST", EVENTS).text(body).await.expect(400);
    assert_eq!(
        answer.details(),
        [
            detail("InvalidType", "@odata.type"),
            detail("InvalidProperty", "riskLevell"),
            detail("DuplicateProperty", "USERID"),
            detail("InvalidValue", "riskLevel"),
            detail("InvalidValue", "userDisplayName"),
            detail("InvalidValue", "riskEventType"),
            detail("InvalidValue", "id"),
            detail("MissingProperty", "userPrincipalName"),
            detail("MissingProperty", "riskEventDateTime"),
            detail("MissingProperty", "riskEventStatus"),
        ]
    );
    let message = &answer.json()["error"]["message"];
    assert!(message.as_str().is_some_and(|text| text.starts_with("10 things are wrong; the first: `@odata.type` is")));
}

#[tokio::test]
async fn dates_that_are_none_are_refused() {
    let app = TestApp::new().await;
    for wrong in [
        "2024-03-02T23:10:04.1234567890123Z",
        "2024-03-02T23:10:04",
        "2024-03-02",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-03-02T24:00:00Z",
        "2024-03-02T23:60:00Z",
        "2024-03-02T23:59:60Z",
        "2024-03-02T23:10:04.Z",
        "2024-03-02T23:10:04+25:00",
        "0001-01-01T00:00:00+00:01",
        "10000-01-01T00:00:00Z",
        "2024-03-02 23:10:04Z",
        " 2024-03-02T23:10:04Z",
        "",
    ] {
        let answer = app.post(EVENTS, &with(event(), &json!({"riskEventDateTime": wrong}))).await.expect(400);
        assert_eq!(answer.details(), [detail("InvalidValue", "riskEventDateTime")], "{wrong}");
    }
    for wrong in [json!(1_709_420_000), json!(true), json!([]), json!({})] {
        let answer = app.post(EVENTS, &with(event(), &json!({"createdDateTime": wrong}))).await.expect(400);
        assert_eq!(answer.details(), [detail("InvalidValue", "createdDateTime")], "{wrong}");
    }
}

#[tokio::test]
async fn strings_have_limits_in_characters() {
    let app = TestApp::new().await;
    for (name, most, empty) in [
        ("userDisplayName", 256, true),
        ("userPrincipalName", 320, false),
        ("riskEventType", 256, false),
        ("userId", 255, false),
    ] {
        let fits = "ä".repeat(most);
        let created = app.post(EVENTS, &with(event(), &json!({name: fits}))).await.expect(201).json();
        assert_eq!(created[name], fits);
        let answer = app.post(EVENTS, &with(event(), &json!({name: "ä".repeat(most + 1)}))).await.expect(400);
        assert_eq!(answer.details(), [detail("InvalidValue", name)]);
        let message = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
        assert!(
            message.contains(&format!("{} characters", most + 1)) && message.contains(&most.to_string()),
            "{message}"
        );
        app.post(EVENTS, &with(event(), &json!({name: ""}))).await.expect(if empty { 201 } else { 400 });
    }
    let nul = app.post(EVENTS, &with(event(), &json!({"userDisplayName": "a\u{0}b"}))).await.expect(400);
    assert_eq!(nul.details(), [detail("InvalidValue", "userDisplayName")]);
    let odd = "\u{1}\t\"\\/😀\u{2028}";
    let created = app.post(EVENTS, &with(event(), &json!({"userDisplayName": odd}))).await.expect(201).json();
    assert_eq!(created["userDisplayName"], odd);
}

#[tokio::test]
async fn an_id_of_the_client_is_kept_once() {
    let app = TestApp::new().await;
    let longest = "x".repeat(255);
    for id in ["a", "A", "47753428-3428-4775-2834-754728347547", "a_b.c-D9", longest.as_str()] {
        assert_eq!(add_event(&app, id).await["id"], id);
        let taken = app.post(EVENTS, &with(event(), &json!({"id": id}))).await.expect(409);
        assert_eq!(taken.json()["error"]["code"], "nameAlreadyExists");
        assert_eq!(taken.json()["error"]["target"], "id");
    }
    let too_long = "x".repeat(256);
    for id in ["", "a b", "a/b", "ä", "a'b", "a@b", ".", "..", too_long.as_str()] {
        let answer = app.post(EVENTS, &with(event(), &json!({"id": id}))).await.expect(400);
        assert_eq!(answer.details(), [detail("InvalidValue", "id")], "{id}");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "5");
}

#[tokio::test]
async fn unknown_and_repeated_names_are_told() {
    let app = TestApp::new().await;
    let message = |answer: Answer| answer.json()["error"]["details"][0]["message"].as_str().expect("one").to_owned();
    let answer = app.post(EVENTS, &with(event(), &json!({"riskLevell": "x"}))).await.expect(400);
    assert_eq!(answer.details(), [detail("InvalidProperty", "riskLevell")]);
    let expected = "Property `riskLevell` is not part of \
                    Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent.";
    assert_eq!(message(answer), expected);
    let answer = app.post(EVENTS, &with(event(), &json!({"impactedUser": {"id": "u1"}}))).await.expect(400);
    assert_eq!(answer.details(), [detail("InvalidProperty", "impactedUser")]);
    assert!(message(answer).contains("impactedUser@odata.bind"));
    let whole = event().to_string();
    for (twice, target) in [
        (r#""riskLevel":"low""#, "riskLevel"),
        (r#""RiskLevel":"low""#, "RiskLevel"),
        (r#""\u0072iskLevel":"low""#, "riskLevel"),
        (r#""@odata.type":"x""#, "@odata.type"),
        (r#""@TYPE":"x""#, "@TYPE"),
    ] {
        let body = format!("{},{twice}}}", whole.trim_end_matches('}'));
        let answer = app.call("POST", EVENTS).text(&body).await.expect(400);
        assert_eq!(answer.details(), [detail("DuplicateProperty", target)], "{body}");
    }
}

#[tokio::test]
async fn many_faults_are_counted_beyond_the_first_ones() {
    let app = TestApp::new().await;
    let mut body = event();
    for number in 0..500 {
        body[format!("x{number}")] = json!(number);
    }
    let answer = app.post(EVENTS, &body).await.expect(400);
    assert_eq!(answer.details().len(), 64);
    let message = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
    assert!(message.starts_with("500 things are wrong") && message.ends_with("(436 more are not listed)"), "{message}");
    assert!(answer.bytes.len() < 20_000);
}

#[tokio::test]
async fn a_type_fault_does_not_hide_the_others_and_a_bad_value_is_not_missing_too() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let body = with(event(), &json!({"@odata.type": "x", "userId": 7, "riskLevel": ""}));
    let answer = app.post(EVENTS, &body).await.expect(400);
    let mut details = answer.details();
    details.sort();
    assert_eq!(
        details,
        [detail("InvalidType", "@odata.type"), detail("InvalidValue", "riskLevel"), detail("InvalidValue", "userId")]
    );
    assert_eq!(app.get(EVENTS).await.json()["value"], Value::Array(vec![]));
}
