//! SCIM: several operations in one request, and what describes the service.

use crate::scim_users::{ENTERPRISE, USER, USERS, add, find, mara, patch, wrong};
use api::scim::PUBLIC;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use testkit::app::{ORIGIN, Setup, TestApp};

const BULK: &str = "/scim/v2/Bulk";

fn bulk(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

fn statuses(answer: &Value) -> Vec<&str> {
    let operations = answer["Operations"].as_array().expect("a list");
    operations.iter().map(|operation| operation["status"].as_str().expect("a status")).collect()
}

#[tokio::test]
async fn operations_are_answered_each_for_itself() {
    let app = TestApp::new().await;
    let id = add(&app, &mara()).await;
    let off = patch(&json!([{"op": "replace", "path": "active", "value": false}]));
    let answer = app
        .post(
            BULK,
            &bulk(&json!([
                {"method": "POST", "path": "/Users", "bulkId": "ole", "data": {"userName": "ole@fjord.example"}},
                {"method": "PATCH", "path": "/Users/bulkId:ole", "data": off},
                // Made by a later operation: that one comes first.
                {"method": "patch", "path": "/Users/bulkId:ida", "bulkId": "x", "data": off},
                {"method": "POST", "path": "/Users", "bulkId": "ida", "data": {"userName": "ida@fjord.example"}},
                {"method": "PUT", "path": format!("/Users/{id}"), "version": "W/\"1\"", "data": mara()},
                {"method": "POST", "path": "/Users", "bulkId": "again", "data": mara()},
                {"method": "DELETE", "path": "/Users/bulkId:again"},
                {"method": "DELETE", "path": "/Users/bulkId:nowhere"},
                {"method": "DELETE", "path": format!("/Users/{id}")},
                {"method": "GET", "path": "/Users/x"},
                {"method": "POST", "path": "/Users", "data": {"userName": "liv@fjord.example"}},
                {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {}},
                {"method": "PATCH", "path": "/Users/x"},
            ])),
        )
        .await
        .expect(200);
    assert_eq!(answer.content_type(), "application/scim+json");
    let answer = answer.json();
    assert_eq!(answer["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    assert_eq!(
        statuses(&answer),
        ["201", "200", "200", "201", "412", "409", "424", "400", "204", "405", "400", "404", "400"]
    );
    let first = &answer["Operations"][0];
    assert_eq!((&first["method"], &first["bulkId"]), (&json!("POST"), &json!("ole")));
    assert!(first["location"].as_str().is_some_and(|url| url.starts_with(&format!("{ORIGIN}{USERS}/"))), "{first}");
    assert!(first["version"].as_str().is_some_and(|version| version.starts_with("W/")), "{first}");
    assert_eq!(answer["Operations"][5]["response"]["scimType"], "uniqueness");
    assert_eq!(find(&app, "active eq false").await["totalResults"], 2);
    assert_eq!(find(&app, "externalId pr").await["totalResults"], 0);
}

#[tokio::test]
async fn a_bulk_stops_at_its_errors_and_has_bounds() {
    let app = TestApp::new().await;
    let wrongly = json!({"method": "DELETE", "path": "/Users/nobody"});
    let mut body = bulk(&json!([wrongly, wrongly, wrongly]));
    body["failOnErrors"] = json!(2);
    assert_eq!(statuses(&app.post(BULK, &body).await.expect(200).json()), ["404", "404"]);
    body["failOnErrors"] = json!(0);
    wrong(app.post(BULK, &body).await, 400, Some("invalidSyntax"));
    wrong(app.post(BULK, &bulk(&json!(vec![wrongly; 1001]))).await, 413, None);
    wrong(app.post(BULK, &bulk(&json!("x"))).await, 400, Some("invalidSyntax"));
    let same = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "a@fjord.example"}});
    wrong(app.post(BULK, &bulk(&json!([same, same]))).await, 400, Some("invalidValue"));
    let large = json!({"Operations": [], "x": "x".repeat(5 << 20)});
    wrong(app.post(BULK, &large).await, 413, None);
}

#[tokio::test]
async fn each_operation_counts_as_a_request() {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    let rate =
        api::RequestRate { burst: number(3), ..api::RequestRate::new(number(6), std::time::Duration::from_mins(1)) };
    let app = TestApp::start(Setup { request_rate: Some(rate), ..Setup::default() }).await;
    let wrongly = json!({"method": "DELETE", "path": "/Users/nobody"});
    let answer = app.post(BULK, &bulk(&json!([wrongly, wrongly, wrongly]))).await.expect(200).json();
    assert_eq!(statuses(&answer), ["404", "404", "429"]);
    let refused = app.get(USERS).await;
    assert_eq!(refused.header("retry-after"), "10");
    wrong(refused, 429, None);
    app.get("/scim/v2/Schemas").await.expect(200);
}

#[tokio::test]
async fn the_service_describes_itself_to_anybody() {
    let app = TestApp::new().await;
    let get = async |path: &str| app.get(&format!("/scim/v2{path}")).anonymous().await;
    let config = get("/ServiceProviderConfig").await.expect(200).json();
    for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        assert_eq!(config[feature]["supported"], true, "{feature}");
    }
    assert_eq!((&config["bulk"]["maxOperations"], &config["bulk"]["maxPayloadSize"]), (&json!(1000), &json!(4 << 20)));
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    let types = get("/ResourceTypes").await.expect(200).json();
    assert_eq!((&types["totalResults"], &types["Resources"][0]["endpoint"]), (&json!(1), &json!("/Users")));
    assert_eq!(get("/ResourceTypes/User").await.expect(200).json(), types["Resources"][0]);
    let schemas = get("/Schemas").await.expect(200).json();
    for (at, id) in [USER, ENTERPRISE].into_iter().enumerate() {
        let schema = get(&format!("/Schemas/{id}")).await.expect(200);
        assert_eq!(schema.content_type(), "application/scim+json");
        assert_eq!((&schema.json(), &schema.json()["id"]), (&schemas["Resources"][at], &json!(id)));
    }
    let user = &schemas["Resources"][0]["attributes"];
    let attribute = |name: &str| user.as_array().expect("a list").iter().find(|one| one["name"] == name).cloned();
    let name = attribute("userName").expect("userName");
    assert_eq!(
        (&name["required"], &name["uniqueness"], &name["caseExact"]),
        (&json!(true), &json!("server"), &json!(false))
    );
    let password = attribute("password").expect("password");
    assert_eq!((&password["mutability"], &password["returned"]), (&json!("writeOnly"), &json!("never")));
    assert_eq!(attribute("title"), None, "what is not kept is not promised");
    wrong(get("/Schemas/nonsense").await, 404, None);
    wrong(get("/ResourceTypes/Group").await, 404, None);
    wrong(get("/Schemas?filter=id%20pr").await, 403, None);
    for path in PUBLIC {
        let path = path.replace("{id}", USER).replace("{name}", "User");
        get(&path).await.expect(200);
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let refused = app.call(method, &format!("/scim/v2{path}")).anonymous().await;
            assert_eq!(refused.header("allow"), "GET", "{method} {path}");
            wrong(refused, 405, None);
        }
    }
}
