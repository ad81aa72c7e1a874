//! `POST /$batch`: atomicity groups, all of one or nothing.

use crate::batch::{BATCH, answers, create, get, send, statuses};
use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, user, with, without};
use model::Permission;
use serde_json::{Value, json};
use testkit::app::TestApp;

/// The same requests, in a group.
fn grouped(group: &str, requests: &[Value]) -> Vec<Value> {
    requests.iter().map(|request| with(request.clone(), &json!({"atomicityGroup": group}))).collect()
}

fn create_user(id: &str, key: &str) -> Value {
    let name = format!("{key}@fjord.example");
    change(id, "POST", "users", &with(user(), &json!({"id": key, "userPrincipalName": name})))
}

fn change(id: &str, method: &str, url: &str, body: &Value) -> Value {
    json!({"id": id, "method": method, "url": url, "headers": {"Content-Type": "application/json"}, "body": body})
}

fn delete(id: &str, url: &str) -> Value {
    json!({"id": id, "method": "DELETE", "url": url})
}

/// Everything that can be seen.
async fn view(app: &TestApp) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [BASE, USERS] {
        all.push(app.get(path).await.expect(200).json());
        all.push(json!(app.get(&format!("{path}/$count")).await.expect(200).text()));
    }
    all
}

#[tokio::test]
async fn a_group_is_carried_out_whole() {
    let app = TestApp::new().await;
    add_event(&app, "e0").await;
    let group = [
        create("1", &with(event(), &json!({"id": "e1"}))),
        change("2", "PATCH", "identityRiskEvents/e0", &json!({"riskEventStatus": "remediated"})),
        create_user("3", "u1"),
        with(
            create("4", &event()),
            &json!({"headers": {"content-type": "application/json", "prefer": "return=minimal"}}),
        ),
        delete("5", "leakedCredentialsRiskEvents/e0"),
    ];
    let found = answers(&app, &json!(grouped("g", &group))).await;
    assert_eq!(statuses(&found), [201, 200, 201, 204, 204], "{found:?}");
    assert!(found.iter().all(|answer| answer["atomicityGroup"] == "g"), "{found:?}");
    assert_eq!(found[0]["body"], app.get(&format!("{EVENTS}/e1")).await.expect(200).json());
    assert_eq!(found[3]["headers"]["Preference-Applied"], "return=minimal");
    let etags: Vec<&Value> = found.iter().map(|answer| &answer["headers"]["ETag"]).collect();
    assert_eq!(etags[..4], ["W/\"2\"", "W/\"3\"", "W/\"4\"", "W/\"5\""], "versions are those of the commit");
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "2");
}

#[tokio::test]
async fn a_group_that_fails_leaves_nothing_and_says_why() {
    let app = TestApp::new().await;
    add_event(&app, "e0").await;
    add_user(&app, "u0", "nils@fjord.example").await;
    let before = view(&app).await;
    let good = [
        create("1", &with(event(), &json!({"id": "e1"}))),
        create_user("2", "u1"),
        change("3", "PATCH", "identityRiskEvents/e0", &json!({"riskLevel": "low"})),
        delete("4", "users/u0"),
    ];
    let repeatable = json!({"Content-Type": "application/json", "Repeatability-Request-ID": "r1"});
    let stale = json!({"headers": {"Content-Type": "application/json", "If-Match": "W/\"7\""}});
    for (bad, status, code) in [
        (create("bad", &with(event(), &json!({"id": "e0"}))), 409, "nameAlreadyExists"),
        (create("bad", &with(event(), &json!({"riskLevel": "huge"}))), 400, "BadRequest"),
        (
            with(change("bad", "PATCH", "identityRiskEvents/e0", &json!({"riskLevel": "none"})), &stale),
            412,
            "resourceModified",
        ),
        (change("bad", "PATCH", "users/nobody", &json!({"jobTitle": "x"})), 404, "Request_ResourceNotFound"),
        (delete("bad", "identityRiskEvents/nobody"), 404, "ResourceNotFound"),
        (delete("bad", "identityRiskEvents/e0/impactedUser"), 405, "Request_BadRequest"),
        (delete("bad", "nowhere/e0"), 400, "BadRequest"),
        (delete("bad", "http://elsewhere.example/v1.0/users/u0"), 400, "BadRequest"),
        (json!({"id": "bad", "method": "POST", "url": "users"}), 400, "Request_BadRequest"),
        (get("bad", "identityRiskEvents/e0"), 400, "BadRequest"),
        (change("bad", "POST", "$batch", &json!({"requests": []})), 400, "BadRequest"),
        (with(delete("bad", "identityRiskEvents/e0"), &json!({"if": "true"})), 424, "FailedDependency"),
        (with(create("bad", &event()), &json!({"headers": repeatable})), 400, "BadRequest"),
    ] {
        for at in 0..=good.len() {
            let mut group = good.to_vec();
            group.insert(at, bad.clone());
            let mut items = grouped("g", &group);
            items.push(with(get("after", "users"), &json!({"dependsOn": ["G"]})));
            items.push(get("free", "users"));
            let found = answers(&app, &json!(items)).await;
            for (place, answer) in found.iter().enumerate() {
                let expected = match place {
                    _ if place == at => status,
                    6 => 200,
                    _ => 424,
                };
                assert_eq!(answer["status"], expected, "{place} beside {bad}: {answer}");
                assert_eq!(answer["atomicityGroup"], if place < 5 { json!("g") } else { Value::Null });
            }
            assert_eq!(found[at]["body"]["error"]["code"], code, "{bad}");
            let message = |at: usize| found[at]["body"]["error"]["message"].as_str().expect("a message");
            if status != 424 {
                let neighbour = message(usize::from(at == 0));
                assert_eq!(
                    neighbour,
                    "the request `bad` of the same group failed, so nothing of the group was carried out"
                );
                assert_eq!(message(5), "the request `bad` failed, which this one depends on; it was not tried");
            }
            if bad["method"] == "GET" {
                assert!(message(at).starts_with("GET changes nothing"), "{}", message(at));
            }
            assert_eq!(view(&app).await, before, "{bad} at {at}");
        }
    }
    assert_eq!(
        statuses(&answers(&app, &json!(grouped("g", &good))).await),
        [201, 201, 200, 204],
        "without it all goes well"
    );
}

#[tokio::test]
async fn later_members_build_on_earlier_ones() {
    let app = TestApp::new().await;
    let nameless = without(without(without(event(), "userDisplayName"), "userPrincipalName"), "userId");
    let bind = |url: &str| with(nameless.clone(), &json!({"impactedUser@odata.bind": url}));
    let group = [
        create_user("user", "u1"),
        create("by key", &with(bind("users/u1"), &json!({"id": "e1"}))),
        create("by-reference", &bind("$user")),
        change(
            "rename",
            "PATCH",
            "$user",
            &json!({"userPrincipalName": "new@fjord.example", "displayName": "New Name"}),
        ),
        create(
            "by-new-name",
            &with(without(nameless.clone(), "@odata.type"), &json!({"userPrincipalName": "NEW@fjord.example"})),
        ),
        change("low", "PATCH", "$by-reference", &json!({"riskLevel": "low"})),
        delete("unlink", "$by-reference/impactedUser/$ref"),
        create_user("second", "u2"),
        change("link", "PUT", "$by-reference/impactedUser/$ref", &json!({"@odata.id": "$second"})),
        delete("out", "identityRiskEvents/e1"),
        create("again", &with(bind("users('u2')"), &json!({"id": "e1"}))),
        delete("gone", "$second"),
    ];
    let found = answers(&app, &json!(grouped("g", &group))).await;
    assert_eq!(statuses(&found), [201, 201, 201, 204, 201, 200, 204, 201, 204, 204, 201, 204], "{found:#?}");
    assert_eq!(found[1]["body"]["userPrincipalName"], "u1@fjord.example");
    assert_eq!(found[2]["body"]["userId"], "u1");
    let renamed = &found[4]["body"];
    assert_eq!((&renamed["userId"], &renamed["userDisplayName"]), (&json!("u1"), &json!("New Name")));
    assert_eq!(found[5]["body"]["id"], found[2]["body"]["id"]);
    let id = found[2]["body"]["id"].as_str().expect("an id");
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "a GUID like every other: {id}");
    assert_eq!(
        found[2]["headers"]["Location"].as_str(),
        Some(format!("http://risk.example.test{EVENTS}/{id}").as_str())
    );
    let linked = app.get(&format!("{EVENTS}/{id}")).await.expect(200).json();
    assert_eq!((&linked["riskLevel"], &linked["userId"]), (&json!("low"), &json!("u2")));
    assert_eq!(found[10]["body"]["userId"], "u2");
    app.get(&format!("{USERS}/u2")).await.expect(404);
}

#[tokio::test]
async fn what_an_earlier_member_takes_away_is_gone_for_later_ones() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "e1").await;
    let before = view(&app).await;
    let bound = |url: &str| with(without(event(), "userId"), &json!({"impactedUser@odata.bind": url}));
    let rename = change("1", "PATCH", "users/u1", &json!({"userPrincipalName": "new@fjord.example"}));
    let reference =
        |url: &str| change("2", "PUT", "identityRiskEvents/e1/impactedUser/$ref", &json!({"@odata.id": url}));
    for (first, second, status) in [
        (delete("1", "users/u1"), create("2", &bound("users/u1")), 400),
        (delete("1", "users/u1"), create("2", &bound("users/mara@fjord.example")), 400),
        (delete("1", "users/u1"), reference("users/u1"), 404),
        (rename.clone(), create("2", &bound("users/mara@fjord.example")), 400),
        (rename, create_user("2", "new"), 409),
        (delete("1", "identityRiskEvents/e1"), reference("users/u1"), 404),
        (delete("1", "identityRiskEvents/e1"), change("2", "PATCH", "$1", &json!({"riskLevel": "low"})), 404),
        (create("1", &with(event(), &json!({"id": "e2"}))), create("2", &with(event(), &json!({"id": "e2"}))), 409),
    ] {
        let found = answers(&app, &json!(grouped("g", &[first.clone(), second.clone()]))).await;
        assert_eq!(statuses(&found), [424, status], "{first} {second}: {found:?}");
        assert_eq!(view(&app).await, before);
    }
}

#[tokio::test]
async fn conditions_hold_inside_of_the_transaction() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let patch = |id: &str, etag: &str| {
        let request = change(id, "PATCH", "identityRiskEvents/e1", &json!({"riskLevel": "low"}));
        with(request, &json!({"headers": {"Content-Type": "application/json", "If-Match": etag}}))
    };
    let status = change("0", "PATCH", "identityRiskEvents/e1", &json!({"riskEventStatus": "remediated"}));
    let found = answers(&app, &json!(grouped("g", &[status.clone(), patch("1", "W/\"1\"")]))).await;
    assert_eq!(statuses(&found), [424, 412], "the member before has moved it on: {found:?}");
    let message = found[1]["body"]["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("the entity's ETag is W/\"2\""), "{message}");
    let found = answers(&app, &json!(grouped("g", &[status.clone(), patch("1", "$0")]))).await;
    assert_eq!(statuses(&found), [424, 400]);
    let message = found[1]["body"]["error"]["message"].as_str().expect("a message");
    assert_eq!(message, "`$0`: `0` has no ETag that is known before this request is carried out");
    assert_eq!(app.get(&format!("{EVENTS}/e1")).await.json()["@odata.etag"], "W/\"1\"");
    // In the middle of a group too it is the store that knows the versions.
    let found = answers(&app, &json!(grouped("g", &[patch("1", "W/\"7\""), status.clone()]))).await;
    assert_eq!(statuses(&found), [412, 424]);
    let message = found[0]["body"]["error"]["message"].as_str().expect("a message");
    assert!(message.ends_with("the entity's ETag is W/\"1\""), "{message}");
    // An ETag from before the group is known.
    let mut items = vec![get("read", "identityRiskEvents/e1")];
    items.extend(grouped("g", &[with(patch("1", "$read"), &json!({"dependsOn": ["read"]})), status]));
    assert_eq!(statuses(&answers(&app, &json!(items)).await), [200, 200, 200]);
    let back = change("2", "PATCH", "identityRiskEvents/e1", &json!({"riskLevel": "high"}));
    let none = with(patch("3", "W/\"4\""), &json!({"body": {"riskLevel": "none"}}));
    let last = change("4", "PATCH", "identityRiskEvents/e1", &json!({"riskEventStatus": "active"}));
    let found = answers(&app, &json!(grouped("g", &[back, none, last]))).await;
    assert_eq!(statuses(&found), [200, 200, 200], "the version that the member before has made: {found:?}");
}

#[tokio::test]
async fn groups_stand_side_by_side_under_names_of_their_own() {
    let app = TestApp::new().await;
    let member = |id: &str, group: &str| with(create(id, &event()), &json!({"atomicityGroup": group}));
    let depends = |request: Value, on: &[&str]| with(request, &json!({"dependsOn": on}));
    for (items, target, why) in [
        (
            json!([member("1", "g"), get("2", "users"), member("3", "G")]),
            "requests[2]/atomicityGroup",
            "do not stand side by side",
        ),
        (json!([member("1", "2"), get("2", "users")]), "requests[0]/atomicityGroup", "is the id of a request"),
        (json!([get("a", "users"), member("1", "A")]), "requests[1]/atomicityGroup", "is the id of a request"),
        (json!([member("1", "")]), "requests[0]/atomicityGroup", "is empty"),
        (
            json!([depends(get("1", "users"), &["g"]), member("2", "g")]),
            "requests[0]/dependsOn",
            "is no request or group",
        ),
        (
            json!([member("1", "g"), depends(member("2", "g"), &["g"])]),
            "requests[1]/dependsOn",
            "does not stand before",
        ),
        (
            json!([depends(member("1", "g"), &["2"]), member("2", "g")]),
            "requests[0]/dependsOn",
            "does not stand before",
        ),
    ] {
        let answer = send(&app, &items).await.expect(400).json();
        assert_eq!(answer["error"]["target"], target, "{items}");
        assert!(answer["error"]["message"].as_str().is_some_and(|message| message.contains(why)), "{answer}");
    }
    for wrong in [json!(1), json!(["g"])] {
        send(&app, &json!([with(get("1", "users"), &json!({"atomicityGroup": wrong}))]))
            .await
            .refused(400, "BadRequest");
    }
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
    let items = json!([
        get("0", "users"),
        member("1", "g"),
        depends(member("2", "g"), &["1", "0"]),
        depends(member("3", "h"), &["g"]),
        member("4", "h"),
        depends(get("5", "$2"), &["g", "h"]),
        depends(get("6", "$4/impactedUser/$ref"), &["4"]),
    ]);
    let found = answers(&app, &items).await;
    assert_eq!(statuses(&found), [200, 201, 201, 201, 201, 200, 200], "{found:?}");
    assert_eq!(found[5]["body"]["id"], found[2]["body"]["id"]);
    let version = |at: usize| found[at]["body"]["@odata.etag"].as_str().expect("an ETag").to_owned();
    assert!(version(2) < version(3), "the second group comes after the first");
    let failed = with(create("bad", &json!({})), &json!({"atomicityGroup": "g"}));
    let items =
        json!([failed, member("1", "g"), depends(member("2", "h"), &["1"]), member("3", "h"), member("4", "i")]);
    assert_eq!(statuses(&answers(&app, &items).await), [400, 424, 424, 424, 201]);
}

#[tokio::test]
async fn every_member_demands_its_own_permission() {
    let app = TestApp::new().await;
    let token = app.token_with(&[Permission::IdentityRiskEventReadWriteAll]);
    let items = grouped("g", &[create("1", &event()), create_user("2", "u1")]);
    let answer = app.post(BATCH, &json!({"requests": items})).token(&token).await.expect(200).json();
    let found = answer["responses"].as_array().expect("answers");
    assert_eq!(statuses(found), [424, 403]);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "0");
    let other = app.token_with(&[Permission::IdentityRiskEventReadWriteAll, Permission::UserReadWriteAll]);
    app.post(BATCH, &json!({"requests": items})).token(&other).await.expect(200);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.text(), "1");
}
