//! `/users`.

use crate::samples::{USERS, add_user, user, with, without};
use serde_json::{Value, json};
use service::Settings;
use testkit::app::{ORIGIN, Setup, TestApp};

fn detail(code: &str, target: &str) -> (String, String) {
    (code.into(), target.into())
}

#[tokio::test]
async fn a_user_is_created_and_answered_with_the_usual_properties() {
    let app = TestApp::new().await;
    let more = json!({"businessPhones": ["+47 1", "+47 2"], "jobTitle": "Analyst", "department": "SOC"});
    let answer = app.post(USERS, &with(user(), &more)).await.expect(201);
    assert_eq!(
        answer.json(),
        json!({
            "@odata.context": format!("{ORIGIN}/v1.0/$metadata#users/$entity"),
            "@odata.etag": "W/\"1\"",
            "businessPhones": ["+47 1", "+47 2"],
            "displayName": "Mara Lind",
            "givenName": null,
            "id": "u1",
            "jobTitle": "Analyst",
            "mail": null,
            "mobilePhone": null,
            "officeLocation": null,
            "preferredLanguage": null,
            "surname": null,
            "userPrincipalName": "Mara@fjord.example",
        })
    );
    assert_eq!(answer.header("location"), format!("{ORIGIN}{USERS}/u1"));
    assert_eq!(answer.header("etag"), "W/\"1\"");
    assert!(!answer.text().contains("not kept"));
    let unnamed = with(without(user(), "id"), &json!({"userPrincipalName": "ole@fjord.example"}));
    let made = app.post(USERS, &unnamed).await.expect(201).json();
    assert_eq!(made["id"].as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn a_user_is_found_by_id_and_by_name_in_every_spelling() {
    let app = TestApp::new().await;
    let created = app.post(USERS, &user()).await.expect(201).json();
    for key in [
        "/u1",
        "/Mara@fjord.example",
        "/MARA@FJORD.EXAMPLE",
        "/mara%40fjord.example",
        "('u1')",
        "(u1)",
        "(id='u1')",
        "('mara@fjord.example')",
        "(userPrincipalName='mara@fjord.example')",
        "(USERPRINCIPALNAME='mara@fjord.example')",
        "%28%27u1%27%29",
    ] {
        let answer = app.get(&format!("{USERS}{key}")).await.expect(200);
        assert_eq!(answer.json(), created, "{key}");
    }
    for key in ["/u2", "/U1", "/ole@fjord.example", "('u2')", "(userPrincipalName='u1')", "/a%20b", "/..%2Fu1"] {
        let message = app.get(&format!("{USERS}{key}")).await.refused(404, "Request_ResourceNotFound");
        assert_eq!(message, "no user has the id or userPrincipalName that was given", "{key}");
        app.patch(&format!("{USERS}{key}"), &json!({"jobTitle": "x"})).await.refused(404, "Request_ResourceNotFound");
        app.delete(&format!("{USERS}{key}")).await.refused(404, "Request_ResourceNotFound");
    }
    let quoted = json!({"id": "u2", "userPrincipalName": "o'neil@fjord.example"});
    app.post(USERS, &with(user(), &quoted)).await.expect(201);
    assert_eq!(app.get(&format!("{USERS}('o''neil@fjord.example')")).await.expect(200).json()["id"], "u2");
    assert_eq!(app.get(&format!("{USERS}/o'neil@fjord.example")).await.expect(200).json()["id"], "u2");
    app.get(&format!("{USERS}('o'neil@fjord.example')")).await.refused(400, "Request_BadRequest");
}

#[tokio::test]
async fn what_graph_needs_is_needed() {
    let app = TestApp::new().await;
    for name in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"] {
        for body in [without(user(), name), with(user(), &json!({name: null}))] {
            let answer = app.post(USERS, &body).await.expect(400);
            assert_eq!(answer.details(), [detail("MissingProperty", name)]);
            assert_eq!(answer.json()["error"]["code"], "Request_BadRequest");
        }
    }
    let nothing = app.post(USERS, &json!({})).await.expect(400);
    assert_eq!(nothing.details().len(), 5);
    let body = r#"{"accountEnabled":"yes","displayName":"","mailNickname":7,"userPrincipalName":"no at sign",
        "passwordProfile":{"password":7,"colour":"red"},"businessPhones":"1","nonsense":1,"surname":"x","SURNAME":"y"}"#;
    let answer = app.call("POST", USERS).text(body).await.expect(400);
    let mut details = answer.details();
    details.sort();
    assert_eq!(
        details,
        [
            detail("DuplicateProperty", "SURNAME"),
            detail("InvalidProperty", "nonsense"),
            detail("InvalidProperty", "passwordProfile/colour"),
            detail("InvalidValue", "accountEnabled"),
            detail("InvalidValue", "businessPhones"),
            detail("InvalidValue", "displayName"),
            detail("InvalidValue", "mailNickname"),
            detail("InvalidValue", "passwordProfile/password"),
            detail("InvalidValue", "userPrincipalName"),
        ]
    );
}

#[tokio::test]
async fn a_password_is_never_repeated() {
    let app = TestApp::new().await;
    for profile in [
        json!({"password": ["hunter2"]}),
        json!({"password": "hunter2".repeat(100)}),
        json!({"password": "hunter2\u{0}"}),
        json!({"forceChangePasswordNextSignIn": "hunter2"}),
        json!("hunter2"),
    ] {
        let answer = app.post(USERS, &with(user(), &json!({"passwordProfile": profile}))).await.expect(400);
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_operator_can_do_without_password_profiles() {
    let settings = Settings { password_profile_optional: true, ..Settings::default() };
    let app = TestApp::start(Setup { settings, ..Setup::default() }).await;
    app.post(USERS, &without(user(), "passwordProfile")).await.expect(201);
}

#[tokio::test]
async fn ids_and_names_are_unique() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let same_id = app.post(USERS, &with(user(), &json!({"userPrincipalName": "ole@fjord.example"}))).await.expect(409);
    assert_eq!(same_id.json()["error"]["target"], "id");
    let same_name = json!({"id": "u2", "userPrincipalName": "MARA@Fjord.Example"});
    let same_name = app.post(USERS, &with(user(), &same_name)).await.expect(409);
    assert_eq!(same_name.json()["error"]["code"], "nameAlreadyExists");
    assert_eq!(same_name.json()["error"]["target"], "userPrincipalName");
    add_user(&app, "u2", "ole@fjord.example").await;
    let taken = app.patch(&format!("{USERS}/u2"), &json!({"userPrincipalName": "mara@fjord.example"})).await;
    taken.refused(409, "nameAlreadyExists");
    // A user may change the case of their own name.
    app.patch(&format!("{USERS}/u1"), &json!({"userPrincipalName": "mara@FJORD.example"})).await.expect(204);
    for id in [".", "..", "a@b", "a b", ""] {
        let answer = app.post(USERS, &with(user(), &json!({"id": id, "userPrincipalName": "x@y"}))).await.expect(400);
        assert_eq!(answer.details(), [detail("InvalidValue", "id")], "{id}");
    }
    let delta = app.post(USERS, &with(user(), &json!({"id": "delta", "userPrincipalName": "d@fjord.example"}))).await;
    assert_eq!(delta.expect(201).header("location"), format!("{ORIGIN}{USERS}('delta')"));
}

#[tokio::test]
async fn patch_answers_without_a_body_unless_the_client_prefers_one() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let u1 = format!("{USERS}/u1");
    let answer = app.patch(&u1, &json!({"jobTitle": "Analyst"})).await.expect(204);
    assert_eq!((answer.bytes.len(), answer.header("etag"), answer.content_type()), (0, "W/\"2\"", ""));
    assert_eq!(answer.header("preference-applied"), "");
    let answer = app.patch(&u1, &json!({"jobTitle": null})).header("prefer", "return=representation").await.expect(200);
    assert_eq!(answer.json()["jobTitle"], Value::Null);
    assert_eq!(answer.header("preference-applied"), "return=representation");
    for name in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"] {
        let refused = app.patch(&u1, &json!({name: null})).await.expect(400);
        assert_eq!(refused.details(), [detail("NullValue", name)]);
    }
    let other = app.patch(&u1, &json!({"id": "u2", "createdDateTime": "2000-01-01T00:00:00Z"})).await.expect(400);
    assert_eq!(other.details(), [detail("InvalidValue", "id"), detail("InvalidValue", "createdDateTime")]);
    app.patch(&u1, &json!({"id": "u1", "passwordProfile": {"password": "x"}})).await.expect(204);
    app.patch(&u1, &json!({"jobTitle": "x"})).header("if-match", "W/\"1\"").await.refused(412, "resourceModified");
    app.patch(&u1, &json!({})).await.refused(400, "Request_BadRequest");
    app.patch(&format!("{USERS}/mara@fjord.example"), &json!({"jobTitle": "y"})).await.expect(204);
}

#[tokio::test]
async fn get_and_delete_honour_versions_and_deletes_are_final() {
    let app = TestApp::new().await;
    app.post(USERS, &user()).await.expect(201);
    let u1 = format!("{USERS}/u1");
    let known = app.get(&u1).header("if-none-match", "W/\"1\"").await.expect(304);
    assert_eq!((known.header("etag"), known.bytes.len()), ("W/\"1\"", 0));
    app.get(&u1).header("if-match", "W/\"2\"").await.refused(412, "resourceModified");
    app.delete(&u1).header("if-match", "W/\"2\"").await.refused(412, "resourceModified");
    app.delete(&format!("{USERS}('MARA@fjord.example')")).header("if-match", "W/\"1\"").await.expect(204);
    app.get(&u1).await.refused(404, "Request_ResourceNotFound");
    app.delete(&u1).await.refused(404, "Request_ResourceNotFound");
    app.post(USERS, &user()).await.expect(201);
    assert_eq!(app.get(&format!("{USERS}/$count")).await.text(), "1");
}
