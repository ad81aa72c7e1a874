//! The OpenAPI document: it describes every route and nothing else, its references lead somewhere,
//! and its examples work.

use crate::samples::{add_event, add_evidence, add_user};
use api::routes::{Access, BodyKind, ROUTES, Route, find};
use axum::http::Method;
use model::edm;
use odata::path::resolve;
use odata::query::SystemOption;
use serde_json::Value;
use std::collections::HashSet;
use testkit::app::{Setup, TestApp};

async fn document(app: &TestApp) -> Value {
    let answer = app.get("/v1.0/openapi.json").anonymous().await.expect(200);
    assert_eq!(answer.content_type(), "application/json;charset=utf-8");
    assert_eq!(app.get("/beta/openapi.json").await.expect(200).bytes, answer.bytes);
    answer.json()
}

/// Every operation: its path, its method, and what is said of it.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("an item");
            methods.iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// A path with values in the places of its parameters.
fn filled(path: &str, id: &str) -> String {
    let property = if path.ends_with("/$count") { "businessPhones" } else { "displayName" };
    let is_risk =
        ["RiskEvents", "riskDetections", "riskyUsers"].iter().any(|set| path.contains(&format!("{set}/{{id}}/{{")));
    let property = if is_risk { "riskLevel" } else { property };
    path.replace("{id}", id).replace("{property}", property).replace("{itemId}", id)
}

fn route_of(path: &str, method: &str) -> &'static Route {
    let resource = resolve(&edm::MODEL, &filled(path, "x")).unwrap_or_else(|error| panic!("{path}: {error}"));
    let method: Method = method.to_ascii_uppercase().parse().expect("a method");
    find(&resource, &method).unwrap_or_else(|_| panic!("no route for {method} {path}"))
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let document = document(&TestApp::new().await).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = HashSet::new();
    let mut ids = HashSet::new();
    for (path, method, operation) in operations(&document) {
        let route = route_of(path, method);
        described.insert(format!("{:?}", (route.area, route.shape, route.method)));
        assert!(ids.insert(operation["operationId"].clone()), "{path}: the id occurs twice");
        for text in ["summary", "description"] {
            assert!(operation[text].as_str().is_some_and(|text| text.len() > 5), "{method} {path}: {text}");
        }
        let roles = &operation["security"];
        match route.access {
            Access::Public => assert_eq!(roles.as_array().map(Vec::len), Some(0), "{path}"),
            Access::Token => assert_eq!(roles[0]["bearer"].as_array().map(Vec::len), Some(0), "{path}"),
            Access::Permissions(needed) => {
                let named: Vec<_> = needed.iter().map(|permission| permission.name()).collect();
                assert_eq!(roles[0]["bearer"], serde_json::json!(named), "{path}");
                let told = operation["description"].as_str().expect("a text");
                assert!(named.iter().all(|name| told.contains(name)), "{told}");
            }
        }
        assert_eq!(operation.get("requestBody").is_some(), route.body != BodyKind::None, "{method} {path}");
    }
    for route in ROUTES {
        let name = format!("{:?}", (route.area, route.shape, route.method));
        assert!(described.contains(&name), "{name} is not described");
    }
    for set in edm::MODEL.entity_sets {
        assert!(document["paths"].get(format!("/{}", set.path())).is_some(), "{}", set.name);
    }
}

#[tokio::test]
async fn served_options_are_described() {
    let document = document(&TestApp::new().await).await;
    for (path, method, operation) in operations(&document) {
        let route = route_of(path, method);
        // Where nothing can be expanded, `$expand` is read and refused: a test of its own below.
        let named: HashSet<String> = parameters(&document, operation)
            .into_iter()
            .filter(|parameter| parameter["in"] == "query" && parameter["name"] != "$expand")
            .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
            .collect();
        let options = route.served.iter().filter(|option| **option != SystemOption::Expand);
        let served: HashSet<String> = options.map(|option| option.name().to_owned()).collect();
        assert_eq!(named, served, "{method} {path}");
        let keyed = parameters(&document, operation).iter().any(|parameter| parameter["in"] == "path");
        assert_eq!(keyed, path.contains("{id}"), "{path}");
    }
}

fn parameters<'d>(document: &'d Value, operation: &'d Value) -> Vec<&'d Value> {
    let listed = operation["parameters"].as_array().expect("parameters");
    listed.iter().map(|parameter| followed(document, parameter)).collect()
}

fn followed<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("a place in the document");
            document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => value,
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document(&TestApp::new().await).await;
    let mut used = HashSet::new();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            followed(&document, value);
            used.insert(reference.to_owned());
        }
        waiting.extend(value.as_array().into_iter().flatten());
        waiting.extend(value.as_object().into_iter().flatten().map(|(_, value)| value));
    }
    // Options that are not served yet are described before.
    for kind in ["schemas", "headers", "responses"] {
        for name in document["components"][kind].as_object().expect("an object").keys() {
            let reference = format!("#/components/{kind}/{name}");
            let is_declared_type =
                kind == "schemas" && ["microsoft.graph.", "spillwatch."].iter().any(|schema| name.starts_with(schema));
            assert!(used.contains(&reference) || is_declared_type, "{reference} is not used");
        }
    }
}

/// Sends the examples of every operation that has some, in an order in which each finds what it
/// needs.
#[tokio::test]
async fn every_example_is_accepted() {
    for type_names in [edm::seed_type_name, edm::graph_type_name] {
        let app = TestApp::start(Setup { type_names, ..Setup::default() }).await;
        let document = document(&app).await;
        let mut bodies: Vec<(&str, &str, &Value)> = Vec::new();
        for (path, method, operation) in operations(&document) {
            let media = &operation["requestBody"]["content"]["application/json"];
            let examples = media["examples"].as_object().into_iter().flatten();
            bodies.extend(examples.map(|(_, example)| (path, method, &example["value"])));
        }
        bodies.sort_by_key(|(path, method, _)| (*path != "/users", path.contains('{'), *method != "post", *path));
        assert_eq!(bodies[0].0, "/users", "the others refer to the user");
        add_event(&app, "e1").await;
        add_user(&app, "u2", "other@fjord.example").await;
        for (path, method, body) in &bodies {
            let id = if path.starts_with("/users") { "u2" } else { "e1" };
            let uri = format!("/v1.0{}", filled(path, id));
            let answer = app.call(&method.to_ascii_uppercase(), &uri).json(body).await;
            let created = *method == "post" && !path.contains(['{', '$']) && !path.contains("riskyUsers");
            let expected: &[u16] = match () {
                () if created => &[201],
                () if path.ends_with("/evidence") => &[201, 200], // it is the same event in both sets
                () => &[200, 204],
            };
            assert!(expected.contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        }
        let routes = ROUTES.iter().filter(|route| route.body != BodyKind::None).count();
        assert!(bodies.len() > routes, "every body has an example: {}", bodies.len());
    }
}

/// What an answer holds is what its schema has, name by name.
#[tokio::test]
async fn answers_hold_what_their_schemas_say() {
    let app = TestApp::new().await;
    let document = document(&app).await;
    add_event(&app, "e1").await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_evidence(&app, "e1").await;
    let detection = model::DetectionId::of("e1").text();
    for (path, id) in [
        ("/leakedCredentialsRiskEvents/{id}", "e1"),
        ("/identityRiskEvents/{id}", "e1"),
        ("/users/{id}", "u1"),
        ("/leakedCredentialsRiskEvents/{id}/impactedUser", "e1"),
        ("/leakedCredentialsRiskEvents/{id}/impactedUser/$ref", "e1"),
        ("/leakedCredentialsRiskEvents/{id}/$ref", "e1"),
        ("/leakedCredentialsRiskEvents/$ref", ""),
        ("/leakedCredentialsRiskEvents/{id}/{property}", "e1"),
        ("/identityRiskEvents/{id}/impactedUser/{property}", "e1"),
        ("/leakedCredentialsRiskEvents", ""),
        ("/users", ""),
        ("/identityRiskEvents/delta", ""),
        ("/users/delta", ""),
        ("/identityProtection/riskDetections", ""),
        ("/identityProtection/riskDetections/{id}", detection.as_str()),
        ("/identityProtection/riskDetections/delta", ""),
        ("/identityProtection/riskyUsers", ""),
        ("/identityProtection/riskyUsers/{id}", "u1"),
        ("/identityProtection/riskyUsers/delta", ""),
        ("/identityProtection/riskyUsers/{id}/history", "u1"),
        ("/identityProtection/riskyUsers/{id}/history/{itemId}", "u1"),
        ("/identityRiskEvents/{id}/evidence", "e1"),
        ("/", ""),
    ] {
        let answer = app.get(&format!("/v1.0{}", filled(path, id))).await.expect(200);
        let response = &document["paths"][path]["get"]["responses"]["200"];
        let schema = &response["content"]["application/json"]["schema"];
        let schemas = schema["anyOf"].as_array().map_or_else(|| vec![schema], |several| several.iter().collect());
        let answered = answer.json();
        let fits = |schema: &Value| {
            let schema = followed(&document, schema);
            let properties = schema["properties"].as_object().expect("properties");
            answered.as_object().expect("an object").iter().all(|(name, value)| {
                properties.get(name).is_some_and(|property| property.get("const").is_none_or(|only| only == value))
            })
        };
        assert!(schemas.into_iter().any(fits), "{path}: {answered}");
        for (name, header) in response["headers"].as_object().expect("headers") {
            followed(&document, header);
            let optional = ["request-id", "client-request-id", "Preference-Applied", "Repeatability-Result"];
            assert!(
                !answer.header(&name.to_ascii_lowercase()).is_empty() || optional.contains(&name.as_str()),
                "{path}: {name}"
            );
        }
    }
}

/// Statuses that the router answers are among those that are described.
#[tokio::test]
async fn refusals_are_described() {
    let app = TestApp::new().await;
    let document = document(&app).await;
    add_event(&app, "e1").await;
    for (path, method, operation) in operations(&document) {
        let uri = format!("/v1.0{}", filled(path, "e1"));
        let call = || app.call(&method.to_ascii_uppercase(), &uri);
        let large = ((4_usize << 20) + 1).to_string();
        let calls = [
            call(),
            call().anonymous(),
            call().token(&app.token_with(&[])),
            call().header("accept", "text/html"),
            call().header("accept", "application/json;odata.metadata=none"),
            call().header("if-match", "\"77\""),
            call().header("if-none-match", "*"),
            call().header("content-length", &large),
            call().header("odata-maxversion", "3.0"),
            call().body("{}"),
            call().text("{}"),
            call().text("{\"nonsense\":1}"),
            call().text("{\"@odata.id\":\"users/nobody\"}"),
        ];
        for call in calls {
            let answer = call.await;
            let status = answer.status.to_string();
            let response = operation["responses"].get(&status);
            let response = response.unwrap_or_else(|| panic!("{method} {path} answers {status}: {}", answer.text()));
            let response = followed(&document, response);
            for (name, _) in response["headers"].as_object().expect("headers") {
                let optional = ["Preference-Applied", "Repeatability-Result"];
                let is_there = !answer.header(&name.to_ascii_lowercase()).is_empty();
                assert!(is_there || optional.contains(&name.as_str()), "{method} {path} {status}: {name}");
            }
            let media = answer.content_type().split(';').next().unwrap_or_default().to_owned();
            let described = media.is_empty() || response["content"].get(&media).is_some();
            assert!(described, "{method} {path} {status}: {media}");
        }
    }
}

#[tokio::test]
async fn expand_is_declared_where_there_is_something_to_expand() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "e1").await;
    let document = document(&app).await;
    let mut refusing = Vec::new();
    for (path, method, operation) in operations(&document) {
        let route = route_of(path, method);
        if method != "get" || !route.served.contains(&SystemOption::Expand) {
            continue;
        }
        let parameters = operation["parameters"].as_array().expect("parameters");
        let declared = parameters.iter().any(|parameter| parameter["$ref"] == "#/components/parameters/expand");
        let id = if path.starts_with("/users") { "u1" } else { "e1" };
        let answer = app.get(&format!("/v1.0{}?$expand=impactedUser", path.replace("{id}", id))).await;
        if declared {
            answer.expect(200);
        } else {
            answer.refused(400, "ExpandNotSupported");
            refusing.push(path);
        }
    }
    assert!(refusing.contains(&"/users") && refusing.len() > 2, "{refusing:?}");
}
