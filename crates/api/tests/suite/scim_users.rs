//! SCIM: users that are made, found, changed and taken away, as clients of companies do it.

use model::{Permission, PermissionSet};
use serde_json::{Value, json};
use testkit::app::{Answer, ORIGIN, Setup, TestApp, tenant_id};

pub const USERS: &str = "/scim/v2/Users";
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The body of a user.
pub fn mara() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "E-1",
        "userName": "Mara@fjord.example",
        "name": {"givenName": "Mara", "familyName": "Lind"},
        "displayName": "Mara Lind",
        "emails": [
            {"value": "mara@fjord.example", "type": "work", "primary": true},
            {"value": "mara@home.example", "type": "home"},
        ],
        "active": true,
        "roles": [{"value": "Administrator"}],
        ENTERPRISE: {"department": "SOC"},
        "title": "Analyst",
    })
}

/// The body of a PATCH.
pub fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// Adds a user, and answers their id.
pub async fn add(app: &TestApp, body: &Value) -> String {
    let made = app.post(USERS, body).await.expect(201).json();
    made["id"].as_str().expect("an id").to_owned()
}

/// Holds an error against status and scimType, and answers what it says.
#[track_caller]
pub fn wrong(answer: Answer, status: u16, scim_type: Option<&str>) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.content_type(), "application/scim+json");
    let body = answer.json();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
    assert_eq!(body["status"], status.to_string(), "{body}");
    assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "{body}");
    body["detail"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_user_is_made_and_shown() {
    let app = TestApp::new().await;
    let answer = app.post(USERS, &mara()).await.expect(201);
    assert_eq!(answer.content_type(), "application/scim+json");
    let made = answer.json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let location = format!("{ORIGIN}{USERS}/{id}");
    assert_eq!((answer.header("location"), answer.header("etag")), (&*location, "W/\"2\""));
    assert_eq!(
        made,
        json!({
            "schemas": [USER, ENTERPRISE],
            "id": id,
            "externalId": "E-1",
            "userName": "Mara@fjord.example",
            "name": {"givenName": "Mara", "familyName": "Lind", "formatted": "Mara Lind"},
            "displayName": "Mara Lind",
            "emails": [
                {"value": "mara@fjord.example", "type": "work", "primary": true},
                {"value": "mara@home.example", "type": "home"},
            ],
            "active": true,
            "roles": [{"value": "administrator"}],
            ENTERPRISE: {"department": "SOC"},
            "meta": {
                "resourceType": "User",
                "created": "2024-03-03T06:00:00.0000001Z",
                "lastModified": "2024-03-03T06:00:00.0000001Z",
                "version": "W/\"2\"",
                "location": location,
            },
        })
    );
    let read = app.get(&format!("{USERS}/{id}")).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (made, "W/\"2\""));
    // The same user over Graph's routes.
    let user = app.get(&format!("/v1.0/users/{id}?$select=mail,department,accountEnabled")).await.expect(200).json();
    assert_eq!((&user["mail"], &user["department"]), (&json!("mara@fjord.example"), &json!("SOC")));
    assert_eq!(user["accountEnabled"], true);
}

#[tokio::test]
async fn a_user_is_there_once() {
    let app = TestApp::new().await;
    add(&app, &mara()).await;
    wrong(app.post(USERS, &mara()).await, 409, Some("uniqueness"));
    let other_key = json!({"userName": "MARA@FJORD.EXAMPLE", "externalId": "E-2"});
    wrong(app.post(USERS, &other_key).await, 409, Some("uniqueness"));
    let same_key = json!({"userName": "ole@fjord.example", "externalId": "E-1"});
    wrong(app.post(USERS, &same_key).await, 409, Some("uniqueness"));
    // One whom another directory or the API has made is found and linked, not made.
    app.post(
        "/v1.0/users",
        &crate::samples::with(crate::samples::user(), &json!({"userPrincipalName": "ida@fjord.example"})),
    )
    .await
    .expect(201);
    wrong(app.post(USERS, &json!({"userName": "ida@fjord.example"})).await, 409, Some("uniqueness"));
    let found = app.get(&format!("{USERS}?filter=userName%20eq%20%22ida@fjord.example%22")).await.expect(200).json();
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!("u1")));
    let linked =
        app.patch(&format!("{USERS}/u1"), &patch(&json!([{"op": "add", "value": {"externalId": "E-9"}}]))).await;
    assert_eq!(linked.expect(200).json()["externalId"], "E-9");
    let ole = add(&app, &json!({"userName": "ole@fjord.example"})).await;
    let renamed = patch(&json!([{"op": "replace", "path": "userName", "value": "mara@fjord.example"}]));
    wrong(app.patch(&format!("{USERS}/{ole}"), &renamed).await, 409, Some("uniqueness"));
    let rekeyed = patch(&json!([{"op": "replace", "path": "externalId", "value": "E-1"}]));
    wrong(app.patch(&format!("{USERS}/{ole}"), &rekeyed).await, 409, Some("uniqueness"));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    for (body, scim_type) in [
        (json!({}), "invalidValue"),
        (json!({"userName": ""}), "invalidValue"),
        (json!({"userName": 7}), "invalidValue"),
        (json!({"userName": "no domain, no mail"}), "invalidValue"),
        (json!({"userName": "a b@fjord.example"}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "active": "perhaps"}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "emails": [7]}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "name": "Ole"}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "displayName": "x".repeat(999)}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "externalId": "x".repeat(513)}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "password": ["hunter2-planted"]}), "invalidValue"),
        (json!({"userName": "o@fjord.example", "password": "hunter2-planted".repeat(99)}), "invalidValue"),
    ] {
        let why = wrong(app.post(USERS, &body).await, 400, Some(scim_type));
        assert!(!why.contains("hunter2") && !why.contains("perhaps"), "{why}");
        // A known user keeps the userPrincipalName beside a name without a domain.
        if body.get("userName").is_some_and(|name| name != "no domain, no mail") {
            wrong(app.call("PUT", &at).json(&body).await, 400, Some(scim_type));
        }
    }
    for text in ["", "[]", "7", "{\"password\": \"hunter2-planted", "nonsense"] {
        for (method, path) in [("POST", USERS), ("PUT", &at), ("PATCH", &at), ("POST", "/scim/v2/Bulk")] {
            let why = wrong(app.call(method, path).text(text).await, 400, Some("invalidSyntax"));
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
    let media = app.call("POST", USERS).body("{}").header("content-type", "text/plain").await;
    wrong(media, 415, None);
    let scim = app.call("POST", USERS).body(r#"{"userName": "ole@fjord.example"}"#);
    scim.header("content-type", "application/scim+json; charset=utf-8").await.expect(201);
}

#[tokio::test]
async fn a_put_replaces_and_keeps_what_it_must() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    let off = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    app.patch(&at, &off).await.expect(200);
    let put = json!({
        "schemas": [USER],
        "id": "another",
        "userName": "mara.lind@fjord.example",
        "displayName": "Mara",
        "meta": {"resourceType": "Nonsense"},
        "nonsense": {"a": 1},
    });
    let user = app.call("PUT", &at).json(&put).await.expect(200).json();
    assert_eq!((&user["id"], &user["userName"]), (&json!(id), &json!("mara.lind@fjord.example")));
    assert_eq!(user["active"], false, "it is not said, so it stays");
    for gone in ["name", "emails", "roles", "externalId", ENTERPRISE, "nonsense"] {
        assert_eq!(user.get(gone), None, "{gone}");
    }
    let same = app.call("PUT", &at).json(&put).await.expect(200).json();
    assert_eq!(same["meta"]["version"], user["meta"]["version"], "nothing was changed");
    wrong(app.call("PUT", &format!("{USERS}/nobody")).json(&put).await, 404, None);
}

#[tokio::test]
async fn conditions_are_held_against_the_version() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    let etag = app.get(&at).await.expect(200).header("etag").to_owned();
    app.get(&at).header("if-none-match", &etag).await.expect(304);
    app.get(&at).header("if-none-match", "W/\"1\"").await.expect(200);
    let off = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    wrong(app.patch(&at, &off).header("if-match", "W/\"1\"").await, 412, None);
    let changed = app.patch(&at, &off).header("if-match", &etag).await.expect(200);
    assert_ne!(changed.header("etag"), etag);
    wrong(app.call("PUT", &at).json(&mara()).header("if-match", &etag).await, 412, None);
    wrong(app.delete(&at).header("if-match", &etag).await, 412, None);
    app.delete(&at).header("if-match", changed.header("etag")).await.expect(204);
}

#[tokio::test]
async fn who_is_deleted_is_gone_unless_another_directory_knows_them() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    assert_eq!(app.delete(&at).await.expect(204).text(), "");
    for _ in 0..2 {
        wrong(app.get(&at).await, 404, None);
        wrong(app.delete(&at).await, 404, None);
    }
    app.get(&format!("/v1.0/users/{id}")).await.expect(404);
    // Whoever comes back under the same key is the same user.
    assert_eq!(add(&app, &mara()).await, id);
    let caller = crate::scim_jobs::caller(&app);
    crate::scim_jobs::import(&app, &caller, "ad", &id, "mara@fjord.example").await;
    app.delete(&at).await.expect(204);
    let left = app.get(&at).await.expect(200).json();
    assert_eq!(left.get("externalId"), None, "the account of this source is gone");
    let why = wrong(app.delete(&at).await, 404, None);
    assert!(why.contains("other directories"), "{why}");
}

#[tokio::test]
async fn a_name_without_a_domain_is_completed_or_stands_beside_the_mail() {
    let setup = Setup { scim_domain: Some("fjord.example"), ..Setup::default() };
    let by_mail = json!({"userName": "ole", "emails": [{"value": "ole.dahl@fjord.example"}]});
    for (app, principal) in
        [(TestApp::start(setup).await, "ole@fjord.example"), (TestApp::new().await, "ole.dahl@fjord.example")]
    {
        let id = add(&app, &by_mail).await;
        let user = app.get(&format!("/v1.0/users/{id}")).await.expect(200).json();
        assert_eq!(user["userPrincipalName"], principal);
        for filter in ["userName eq \"OLE\"", "userName eq \"ole\" and active eq true"] {
            let found = find(&app, filter).await;
            assert_eq!((&found["totalResults"], &found["Resources"][0]["userName"]), (&json!(1), &json!("ole")));
        }
        wrong(app.post(USERS, &by_mail).await, 409, Some("uniqueness"));
        let renamed = patch(&json!([{"op": "replace", "path": "userName", "value": "olaf"}]));
        let answer = app.patch(&format!("{USERS}/{id}"), &renamed).await.expect(200).json();
        assert_eq!(answer["userName"], "olaf");
        assert_eq!(find(&app, "userName eq \"ole\"").await["totalResults"], 0);
    }
}

/// What a filter finds.
pub async fn find(app: &TestApp, filter: &str) -> Value {
    let query: String = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC).collect();
    app.get(&format!("{USERS}?filter={query}")).await.expect(200).json()
}

#[tokio::test]
async fn a_token_and_its_permission_come_before_everything() {
    let app = TestApp::with_two_tenants().await;
    let id = add(&app, &mara()).await;
    let at = format!("{USERS}/{id}");
    let all: PermissionSet =
        Permission::ALL.into_iter().filter(|one| *one != Permission::SpillwatchScimReadWriteAll).collect();
    let others = app.token_of(0, all);
    let endless =
        || axum::body::Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    for (method, path) in [
        ("GET", USERS),
        ("POST", USERS),
        ("POST", "/scim/v2/Users/.search"),
        ("POST", "/scim/v2/Bulk"),
        ("GET", &at),
        ("PUT", &at),
        ("PATCH", &at),
        ("DELETE", &at),
    ] {
        let answer = app.call(method, path).body(endless()).anonymous().await;
        assert!(answer.header("www-authenticate").starts_with("Bearer "), "{method} {path}");
        wrong(answer, 401, None);
        let why = wrong(app.call(method, path).body(endless()).token(&others).await, 403, None);
        assert!(why.contains("Spillwatch.Scim.ReadWrite.All"), "{why}");
    }
    wrong(app.get("/scim/v2/Groups").anonymous().await, 401, None);
    wrong(app.get("/scim/v2/Groups").await, 404, None);
    wrong(app.get("/scim/v2").await, 404, None);
    let refused = app.call("DELETE", USERS).await;
    assert_eq!(refused.header("allow"), "GET, POST");
    wrong(refused, 405, None);
    // Another tenant sees nobody of this one.
    let other = app.token_of(1, PermissionSet::all());
    wrong(app.get(&at).token(&other).await, 404, None);
    assert_eq!(app.get(USERS).token(&other).await.expect(200).json()["totalResults"], 0);
    let only = app.token_with(&[Permission::SpillwatchScimReadWriteAll]);
    app.get(&at).token(&only).await.expect(200);
    app.get("/v1.0/users").token(&only).await.expect(403);
    assert_ne!(tenant_id(0), tenant_id(1));
}

#[tokio::test]
async fn bodies_are_bounded_and_may_be_zipped() {
    use std::io::Write as _;
    let app = TestApp::new().await;
    let large = json!({"userName": "ole@fjord.example", "title": "x".repeat(300 << 10)});
    wrong(app.post(USERS, &large).await, 413, None);
    let zip = |text: &str| {
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        zipped.write_all(text.as_bytes()).expect("it is zipped");
        zipped.finish().expect("it is zipped")
    };
    let send = |bytes| app.call("POST", USERS).text("").body(bytes).header("content-encoding", "gzip");
    wrong(send(zip(&large.to_string())).await, 413, None);
    send(zip(&mara().to_string())).await.expect(201);
    wrong(send(b"no gzip".to_vec()).await, 400, None);
}
