//! `POST /leakedCredentialsRiskEvents`: what is created and how it is answered.

use crate::samples::{EVENTS, TYPE, USERS, add_event, event, user, with, without};
use model::edm;
use serde_json::{Value, json};
use testkit::app::{ORIGIN, Setup, TestApp};

#[tokio::test]
async fn the_seed_example_is_created_and_answered_whole() {
    let app = TestApp::new().await;
    let answer = app.post(EVENTS, &event()).header("client-request-id", "c1").await.expect(201);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "a GUID of version 7: {id}");
    assert_eq!(
        answer.text(),
        format!(r#"{{"@odata.context":"{ORIGIN}/v1.0/$metadata#leakedCredentialsRiskEvents/$entity","#)
            + &format!(r#""@odata.type":"{TYPE}","@odata.etag":"W/\"1\"","id":"{id}","userDisplayName":"Mara Lind","#)
            + r#""userPrincipalName":"mara@fjord.example","riskEventDateTime":"2024-03-02T23:10:04.2255665Z","#
            + r#""riskEventType":"leakedCredentials","riskLevel":"high","riskEventStatus":"active","#
            + r#""closedDateTime":null,"createdDateTime":"2024-03-03T06:00:00Z","userId":"u1"}"#
    );
    assert_eq!(answer.header("location"), format!("{ORIGIN}{EVENTS}/{id}"));
    assert_eq!(answer.header("etag"), "W/\"1\"");
    assert_eq!(answer.header("odata-version"), "4.0");
    assert_eq!(
        answer.content_type(),
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    );
    assert_eq!(answer.header("client-request-id"), "c1");
    let read = app.get(&format!("{EVENTS}/{id}")).await.expect(200);
    assert_eq!(read.json(), answer.json());
    assert_eq!(read.header("etag"), "W/\"1\"");
}

#[tokio::test]
async fn the_seed_table_with_all_ten_properties_is_created_as_sent() {
    let app = TestApp::new().await;
    let all = json!({
        "id": "47753428-3428-4775-2834-754728347547",
        "closedDateTime": "2024-03-01T00:00:00Z",
        "createdDateTime": "2020-01-01T00:00:00.5Z",
    });
    let sent = with(event(), &all);
    let answer = app.post("/beta/leakedCredentialsRiskEvents", &sent).await.expect(201);
    let control = json!({
        "@odata.context": format!("{ORIGIN}/beta/$metadata#leakedCredentialsRiskEvents/$entity"),
        "@odata.etag": "W/\"1\"",
    });
    assert_eq!(answer.json(), with(sent, &control));
    assert_eq!(
        answer.header("location"),
        format!("{ORIGIN}/beta/leakedCredentialsRiskEvents/47753428-3428-4775-2834-754728347547")
    );
}

#[tokio::test]
async fn both_type_names_are_taken_in_any_case_with_and_without_hash_or_left_out() {
    let app = TestApp::new().await;
    for name in [
        TYPE,
        "Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent",
        "#microsoft.graph.leakedCredentialsRiskEvent",
        "microsoft.graph.leakedCredentialsRiskEvent",
        "#MICROSOFT.GRAPH.LEAKEDCREDENTIALSRISKEVENT",
    ] {
        for annotation in ["@odata.type", "@type", "@OData.Type"] {
            let mut body = without(event(), "@odata.type");
            body[annotation] = json!(name);
            let created = app.post(EVENTS, &body).await.expect(201).json();
            assert_eq!(created["@odata.type"], TYPE, "{annotation}: {name}");
        }
    }
    app.post(EVENTS, &without(event(), "@odata.type")).await.expect(201);
    for wrong in [json!("#microsoft.graph.user"), json!("leakedCredentialsRiskEvent"), json!(null), json!(7)] {
        let answer = app.post(EVENTS, &with(event(), &json!({"@odata.type": wrong}))).await.expect(400);
        assert_eq!(answer.details(), [("InvalidType".into(), "@odata.type".into())], "{wrong}");
    }
}

#[tokio::test]
async fn the_operator_chooses_which_type_name_is_announced() {
    let app = TestApp::start(Setup { type_names: edm::graph_type_name, ..Setup::default() }).await;
    let created = app.post(EVENTS, &event()).await.expect(201).json();
    assert_eq!(created["@odata.type"], "#microsoft.graph.leakedCredentialsRiskEvent");
}

#[tokio::test]
async fn enums_ignore_case_and_every_member_is_taken() {
    let app = TestApp::new().await;
    for level in ["low", "medium", "high", "hidden", "none", "unknownFutureValue"] {
        for sent in [level.to_owned(), level.to_uppercase()] {
            let created = app.post(EVENTS, &with(event(), &json!({"riskLevel": sent}))).await.expect(201).json();
            assert_eq!(created["riskLevel"], level);
        }
    }
    for status in [
        "active",
        "remediated",
        "dismissedAsFixed",
        "dismissedAsFalsePositive",
        "dismissedAsIgnore",
        "loginBlocked",
        "closedMfaAuto",
        "closedMultipleReasons",
    ] {
        let sent = json!({"riskEventStatus": status.to_lowercase()});
        let created = app.post(EVENTS, &with(event(), &sent)).await.expect(201).json();
        assert_eq!(created["riskEventStatus"], status);
    }
}

#[tokio::test]
async fn property_names_ignore_case_and_the_old_risk_type_is_passed_over() {
    let app = TestApp::new().await;
    let mut body = without(event(), "riskLevel");
    body["RISKLEVEL"] = json!("low");
    body["riskType"] = json!("LeakedCredentialsRiskEvent");
    body["@odata.id"] = json!("elsewhere");
    let created = app.post(EVENTS, &body).await.expect(201).json();
    assert_eq!(created["riskLevel"], "low");
    assert_eq!(created.get("riskType"), None);
}

#[tokio::test]
async fn dates_keep_seven_digits_and_come_back_in_utc() {
    let app = TestApp::new().await;
    for (sent, answered) in [
        ("2024-03-02T23:10:04Z", "2024-03-02T23:10:04Z"),
        ("2024-03-02T23:10:04.1Z", "2024-03-02T23:10:04.1Z"),
        ("2024-03-02T23:10:04.120Z", "2024-03-02T23:10:04.12Z"),
        ("2024-03-02T23:10:04.1234567Z", "2024-03-02T23:10:04.1234567Z"),
        ("2024-03-02T23:10:04.0000000Z", "2024-03-02T23:10:04Z"),
        ("2024-03-02T23:10:04.12345678Z", "2024-03-02T23:10:04.1234567Z"),
        ("2024-03-02T23:10:04.123456789012Z", "2024-03-02T23:10:04.1234567Z"),
        ("2024-03-02T23:10:04.5+03:00", "2024-03-02T20:10:04.5Z"),
        ("2024-03-02T23:10:04-12:45", "2024-03-03T11:55:04Z"),
        ("2024-02-29t00:00:00z", "2024-02-29T00:00:00Z"),
        ("2024-03-02T23:10Z", "2024-03-02T23:10:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
    ] {
        let dates = json!({"riskEventDateTime": sent, "createdDateTime": sent, "closedDateTime": sent});
        let created = app.post(EVENTS, &with(event(), &dates)).await.expect(201).json();
        for name in ["riskEventDateTime", "createdDateTime", "closedDateTime"] {
            assert_eq!(created[name], answered, "{name}: {sent}");
        }
        let id = created["id"].as_str().expect("an id");
        assert_eq!(app.get(&format!("{EVENTS}/{id}")).await.json()["riskEventDateTime"], answered);
    }
}

#[tokio::test]
async fn closed_date_time_follows_the_status_only_where_it_is_left_out() {
    let app = TestApp::new().await;
    let created = async |members: Value| app.post(EVENTS, &with(event(), &members)).await.expect(201).json();
    let closed = created(json!({"riskEventStatus": "remediated", "createdDateTime": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(closed["closedDateTime"], "2020-01-01T00:00:00Z");
    let closed = created(json!({"riskEventStatus": "dismissedAsFixed"})).await;
    assert_eq!(closed["closedDateTime"], closed["createdDateTime"]);
    let explicit = json!({"riskEventStatus": "closedMfaAuto", "closedDateTime": "1999-01-01T00:00:00Z"});
    assert_eq!(created(explicit).await["closedDateTime"], "1999-01-01T00:00:00Z");
    let active = created(json!({"closedDateTime": "2024-03-01T00:00:00Z"})).await;
    assert_eq!(
        (&active["riskEventStatus"], &active["closedDateTime"]),
        (&json!("active"), &json!("2024-03-01T00:00:00Z"))
    );
    let blocked = created(json!({"riskEventStatus": "loginBlocked"})).await;
    assert_eq!(blocked["closedDateTime"], Value::Null);
    assert_eq!(created(json!({"closedDateTime": null})).await["closedDateTime"], Value::Null);
}

#[tokio::test]
async fn server_times_grow_with_each_event_while_the_clock_stands() {
    let app = TestApp::new().await;
    let first = add_event(&app, "a").await;
    let second = add_event(&app, "b").await;
    assert_eq!(first["createdDateTime"], "2024-03-03T06:00:00Z");
    assert_eq!(second["createdDateTime"], "2024-03-03T06:00:00.0000001Z");
    app.clock.advance_seconds(-60);
    assert_eq!(add_event(&app, "c").await["createdDateTime"], "2024-03-03T06:00:00.0000002Z");
}

#[tokio::test]
async fn a_post_is_not_idempotent() {
    let app = TestApp::new().await;
    let one = app.post(EVENTS, &event()).await.expect(201).json();
    let two = app.post(EVENTS, &event()).await.expect(201).json();
    assert_ne!(one["id"], two["id"]);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "2");
}

#[tokio::test]
async fn a_client_may_prefer_no_body() {
    let app = TestApp::new().await;
    let body = with(event(), &json!({"id": "e1"}));
    let answer = app.post(EVENTS, &body).header("prefer", "respond-async, return=minimal").await.expect(204);
    assert!(answer.bytes.is_empty());
    assert_eq!(answer.header("preference-applied"), "return=minimal");
    assert_eq!(answer.header("location"), format!("{ORIGIN}{EVENTS}/e1"));
    assert_eq!(answer.header("odata-entityid"), answer.header("location"));
    assert_eq!((answer.header("etag"), answer.content_type()), ("W/\"1\"", ""));
    let answer = app.post(EVENTS, &event()).header("prefer", "return=representation").await.expect(201);
    assert_eq!(answer.header("preference-applied"), "return=representation");
    for nothing in ["return", "return=", "return=more", "maxpagesize", ""] {
        let answer = app.post(EVENTS, &event()).header("prefer", nothing).await.expect(201);
        assert_eq!(answer.header("preference-applied"), "", "{nothing}");
    }
}

#[tokio::test]
async fn the_directory_fills_in_who_it_is() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let nobody = without(without(without(event(), "userId"), "userPrincipalName"), "userDisplayName");
    for known in [
        json!({"userId": "u1"}),
        json!({"userPrincipalName": "Mara@fjord.example"}),
        json!({"impactedUser@odata.bind": "users/u1"}),
    ] {
        let created = app.post(EVENTS, &with(nobody.clone(), &known)).await.expect(201).json();
        assert_eq!(created["userId"], "u1", "{known}");
        assert_eq!(created["userPrincipalName"], "Mara@fjord.example");
        assert_eq!(created["userDisplayName"], "Mara Lind");
    }
    // What is sent is kept: a snapshot need not be what the directory says today.
    let other = json!({"userPrincipalName": "MARA@FJORD.example", "userDisplayName": "M. Lind"});
    let created = app.post(EVENTS, &with(nobody.clone(), &other)).await.expect(201).json();
    assert_eq!(
        (&created["userPrincipalName"], &created["userDisplayName"]),
        (&json!("MARA@FJORD.example"), &json!("M. Lind"))
    );
    assert_eq!(created["userId"], "u1");
    // An id that the directory does not know decides against the name beside it.
    let stranger = json!({"userId": "u9", "userPrincipalName": "mara@fjord.example"});
    let refused = app.post(EVENTS, &with(nobody, &stranger)).await.expect(400);
    assert_eq!(refused.details(), [("MissingProperty".into(), "userDisplayName".into())]);
}

#[tokio::test]
async fn a_binding_sets_the_reference_and_the_user() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let unbound = without(event(), "userId");
    for url in [
        format!("{ORIGIN}/v1.0/users/u1"),
        format!("{ORIGIN}/beta/users('u1')"),
        "https://RISK.example.test/v1.0/directoryObjects/u1".into(),
        "users/mara@fjord.example".into(),
        "/users/u1".into(),
        "directoryObjects('u1')".into(),
    ] {
        let body = with(unbound.clone(), &json!({"impactedUser@odata.bind": url}));
        let created = app.post(EVENTS, &body).await.expect(201).json();
        assert_eq!(created["userId"], "u1", "{url}");
        let id = created["id"].as_str().expect("an id");
        let user = app.get(&format!("{EVENTS}/{id}/impactedUser")).await.expect(200).json();
        assert_eq!(user["id"], "u1");
    }
    let cleared = with(event(), &json!({"id": "loose", "impactedUser@odata.bind": null}));
    assert_eq!(app.post(EVENTS, &cleared).await.expect(201).json()["userId"], "u1");
    app.get(&format!("{EVENTS}/loose/impactedUser")).await.refused(404, "Request_ResourceNotFound");
    for wrong in
        ["users", "users/nobody", "https://elsewhere.example/v1.0/users/u1", "leakedCredentialsRiskEvents/u1", ""]
    {
        let body = with(unbound.clone(), &json!({"impactedUser@odata.bind": wrong}));
        let answer = app.post(EVENTS, &body).await.expect(400);
        assert!(answer.details().contains(&("InvalidValue".into(), "impactedUser@odata.bind".into())), "{wrong}");
    }
    let two = with(event(), &json!({"userId": "u2", "impactedUser@odata.bind": "users/u1"}));
    let answer = app.post(EVENTS, &two).await.expect(400);
    assert_eq!(answer.details(), [("InvalidValue".into(), "impactedUser@odata.bind".into())]);
}
