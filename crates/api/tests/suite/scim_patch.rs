//! SCIM: PATCH, by the book (RFC 7644, section 3.5.2) and as Entra and Okta send it.

use crate::scim_users::{ENTERPRISE, USER, USERS, add, mara, patch, wrong};
use serde_json::{Value, json};
use testkit::app::TestApp;

/// A user of its own, changed.
async fn changed(app: &TestApp, number: usize, operations: &Value) -> Result<Value, (Option<String>, u16)> {
    let mut body = mara();
    body["userName"] = json!(format!("m{number}@fjord.example"));
    body["externalId"] = json!(format!("E-{number}"));
    let id = add(app, &body).await;
    let answer = app.patch(&format!("{USERS}/{id}"), &patch(operations)).await;
    if answer.status == 200 {
        return Ok(answer.json());
    }
    Err((answer.json()["scimType"].as_str().map(str::to_owned), answer.status))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most of it is a table")]
async fn operations_do_what_they_say() {
    let app = TestApp::new().await;
    let (work, home) = (
        json!({"value": "mara@fjord.example", "type": "work", "primary": true}),
        json!({"value": "mara@home.example", "type": "home"}),
    );
    let new = json!({"value": "m@new.example", "type": "other"});
    let (enterprise, department) = (format!("/{ENTERPRISE}"), format!("/{ENTERPRISE}/department"));
    let extension = |name: &str| format!("{ENTERPRISE}:{name}");
    let cases: Vec<(Value, &str, Value)> = vec![
        (json!([{"op": "replace", "path": "active", "value": false}]), "/active", json!(false)),
        (json!([{"op": "Replace", "path": "active", "value": "False"}]), "/active", json!(false)),
        (json!([{"op": "Replace", "path": "active", "value": [{"value": "false"}]}]), "/active", json!(false)),
        (json!([{"op": "REPLACE", "value": {"active": "False"}}]), "/active", json!(false)),
        (json!([{"op": "replace", "value": {"id": "x", "active": false, "nonsense": 1}}]), "/active", json!(false)),
        (json!([{"op": "remove", "path": "active"}]), "/active", Value::Null),
        (json!([{"op": "add", "path": "displayName", "value": "M"}]), "/displayName", json!("M")),
        (json!([{"op": "add", "path": format!("{USER}:displayName"), "value": "M"}]), "/displayName", json!("M")),
        (json!([{"op": "add", "path": "DISPLAYNAME", "value": "M"}]), "/displayName", json!("M")),
        (json!([{"op": "remove", "path": "displayName"}]), "/displayName", Value::Null),
        (json!([{"op": "replace", "path": "displayName", "value": ""}]), "/displayName", Value::Null),
        (json!([{"op": "replace", "path": "displayName", "value": null}]), "/displayName", Value::Null),
        (
            json!([{"op": "replace", "path": "name.familyName", "value": "Dahl"}]),
            "/name",
            json!({"givenName": "Mara", "familyName": "Dahl", "formatted": "Mara Dahl"}),
        ),
        (
            json!([{"op": "replace", "path": "name", "value": {"familyName": "Dahl"}}]),
            "/name",
            json!({"givenName": "Mara", "familyName": "Dahl", "formatted": "Mara Dahl"}),
        ),
        (
            json!([{"op": "Add", "value": {"name.familyName": "Dahl", "name.givenName": "M"}}]),
            "/name/formatted",
            json!("M Dahl"),
        ),
        (json!([{"op": "remove", "path": "name"}]), "/name", Value::Null),
        (
            json!([{"op": "replace", "path": "name.formatted", "value": "Somebody"}]),
            "/name/formatted",
            json!("Mara Lind"),
        ),
        (json!([{"op": "replace", "path": "title", "value": "Analyst"}]), "/title", Value::Null),
        (
            json!([{"op": "add", "path": "addresses[type eq \"work\"].locality", "value": "Oslo"}]),
            "/addresses",
            Value::Null,
        ),
        (json!([{"op": "add", "path": extension("department"), "value": "IR"}]), &department, json!("IR")),
        (
            json!([{"op": "replace", "value": {ENTERPRISE: {"department": "IR", "costCenter": "7"}}}]),
            &enterprise,
            json!({"department": "IR"}),
        ),
        (json!([{"op": "replace", "value": {extension("department"): "IR"}}]), &department, json!("IR")),
        (json!([{"op": "remove", "path": extension("department")}]), &enterprise, Value::Null),
        (json!([{"op": "remove", "path": ENTERPRISE}]), &enterprise, Value::Null),
        (json!([{"op": "add", "path": extension("manager"), "value": "x"}]), "/active", json!(true)),
        (json!([{"op": "add", "path": "emails", "value": [new]}]), "/emails", json!([work, home, new])),
        (json!([{"op": "add", "path": "emails", "value": new}]), "/emails", json!([work, home, new])),
        (json!([{"op": "add", "path": "emails", "value": [work]}]), "/emails", json!([work, home])),
        (json!([{"op": "replace", "path": "emails", "value": [new]}]), "/emails", json!([new])),
        (json!([{"op": "remove", "path": "emails"}]), "/emails", Value::Null),
        (json!([{"op": "replace", "path": "emails", "value": []}]), "/emails", Value::Null),
        (json!([{"op": "add", "path": "emails", "value": []}]), "/emails", json!([work, home])),
        (json!([{"op": "add", "path": "displayName", "value": null}]), "/displayName", json!("Mara Lind")),
        (
            json!([{"op": "remove", "path": "emails", "value": [{"value": "mara@home.example"}]}]),
            "/emails",
            json!([work]),
        ),
        (json!([{"op": "remove", "path": "emails[type eq \"home\"]"}]), "/emails", json!([work])),
        (json!([{"op": "remove", "path": "emails[type eq \"other\"]"}]), "/emails", json!([work, home])),
        (
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x@fjord.example"}]),
            "/emails",
            json!([home, {"value": "x@fjord.example", "type": "work", "primary": true}]),
        ),
        (
            json!([{"op": "Add", "path": "emails[type eq \"other\"].value", "value": "m@new.example"}]),
            "/emails",
            json!([work, home, new]),
        ),
        (
            json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"type": "other"}}]),
            "/emails/1",
            json!({"value": "mara@home.example", "type": "other"}),
        ),
        (
            json!([{"op": "add", "path": "emails", "value": [{"value": "m@new.example", "primary": true}]}]),
            "/emails/0/primary",
            json!(false),
        ),
        (json!([{"op": "remove", "path": "roles"}]), "/roles", Value::Null),
        (
            json!([{"op": "remove", "path": "roles"}, {"op": "add", "path": "roles", "value": "admin"}]),
            "/roles",
            json!([{"value": "administrator"}]),
        ),
        (
            json!([{"op": "replace", "path": "roles", "value": [{"value": "reader", "display": "Admin"}]}]),
            "/roles",
            json!([{"value": "administrator"}]),
        ),
        (json!([{"op": "replace", "path": "roles", "value": [{"value": "reader"}]}]), "/roles", Value::Null),
        (json!([{"op": "remove", "path": "externalId"}]), "/externalId", Value::Null),
        (json!([{"op": "replace", "path": "externalId", "value": "new"}]), "/externalId", json!("new")),
        (
            json!([{"op": "replace", "path": "userName", "value": "new@fjord.example"}]),
            "/userName",
            json!("new@fjord.example"),
        ),
        (json!([{"op": "remove", "path": "password"}]), "/active", json!(true)),
    ];
    for (number, (operations, pointer, expected)) in cases.iter().enumerate() {
        let user = changed(&app, number, operations).await.unwrap_or_else(|error| panic!("{operations}: {error:?}"));
        // The name of the extension has no slash, but dots and colons, which pointers take as they are.
        assert_eq!(user.pointer(pointer).cloned().unwrap_or_default(), *expected, "{operations}");
        let at = format!("{USERS}/{}", user["id"].as_str().expect("an id"));
        assert_eq!(app.get(&at).await.expect(200).json(), user, "{operations}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_so_and_nothing_is_done() {
    let app = TestApp::new().await;
    let cases: Vec<(Value, &str)> = vec![
        (json!([]), "invalidSyntax"),
        (json!("x"), "invalidSyntax"),
        (json!([7]), "invalidSyntax"),
        (json!([{"path": "active", "value": false}]), "invalidSyntax"),
        (json!([{"op": "move", "path": "active", "value": false}]), "invalidSyntax"),
        (json!([{"op": "replace", "value": false}]), "invalidSyntax"),
        (json!([{"op": "replace", "path": 7, "value": false}]), "invalidSyntax"),
        (json!([{"op": "remove"}]), "noTarget"),
        (json!([{"op": "remove", "path": USER}]), "noTarget"),
        (json!([{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x@y.example"}]), "noTarget"),
        (json!([{"op": "replace", "path": "nonsense", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "name.nonsense", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "emails[nonsense eq 1]", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "emails[type eq \"work\"", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "emails[type eq \"work\"].nonsense", "value": 1}]), "invalidPath"),
        (json!([{"op": "replace", "path": "userName x", "value": "x"}]), "invalidPath"),
        (json!([{"op": "replace", "path": "displayName[type eq \"x\"]", "value": "x"}]), "invalidPath"),
        (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
        (json!([{"op": "replace", "path": "meta.created", "value": "x"}]), "mutability"),
        (json!([{"op": "remove", "path": "userName"}]), "mutability"),
        (json!([{"op": "replace", "path": "active", "value": "perhaps"}]), "invalidValue"),
        (json!([{"op": "replace", "path": "displayName", "value": {"a": 1}}]), "invalidValue"),
        (json!([{"op": "add", "path": "emails", "value": [7]}]), "invalidValue"),
        (
            json!([{"op": "replace", "path": "active", "value": false}, {"op": "replace", "path": "nonsense", "value": 1}]),
            "invalidPath",
        ),
    ];
    for (number, (operations, scim_type)) in cases.iter().enumerate() {
        let error = changed(&app, number, operations).await.expect_err("it is refused");
        assert_eq!(error, (Some((*scim_type).to_owned()), 400), "{operations}");
        let name = format!("userName eq \"m{number}@fjord.example\" and active eq true");
        assert_eq!(crate::scim_users::find(&app, &name).await["totalResults"], 1, "{operations}");
    }
    let nobody = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    wrong(app.patch(&format!("{USERS}/nobody"), &nobody).await, 404, None);
}
