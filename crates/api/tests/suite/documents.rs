//! What describes the service: `$metadata`, the service document, and the page at `/docs`.

use crate::access::public_requests;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::edm;
use serde_json::{Value, json};
use testkit::app::{ORIGIN, Setup, TestApp};

const METADATA: &str = "/v1.0/$metadata";

#[tokio::test]
async fn metadata_is_xml_unless_json_is_preferred() {
    let app = TestApp::new().await;
    let xml = app.get(METADATA).anonymous().await.expect(200);
    assert_eq!((xml.content_type(), xml.header("odata-version")), ("application/xml", "4.0"));
    assert_eq!(xml.header("vary"), "Accept");
    assert!(xml.text().starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>"));
    let json = app.get(METADATA).header("accept", "application/json").anonymous().await.expect(200);
    assert_eq!((json.content_type(), json.header("odata-version")), ("application/json;charset=utf-8", "4.0"));
    assert_eq!(json.json()["$EntityContainer"], "microsoft.graph.GraphService");
    for accept in [
        "*/*",
        "application/xml",
        "text/html, application/xml;q=0.9, */*;q=0.8",
        "application/*",
        "",
        "application/json, text/plain, */*",
    ] {
        assert_eq!(app.get(METADATA).header("accept", accept).await.expect(200).bytes, xml.bytes, "{accept}");
    }
    for accept in ["application/json;odata.metadata=minimal", "application/json, */*;q=0.5", "application/xml;q=0, */*"]
    {
        assert_eq!(app.get(METADATA).header("accept", accept).await.expect(200).bytes, json.bytes, "{accept}");
    }
    for (format, expected) in [
        ("xml", &xml),
        ("XML", &xml),
        ("application/xml", &xml),
        ("json", &json),
        ("application/json", &json),
        ("application/json;odata.metadata=minimal", &json),
    ] {
        for query in [format!("$format={format}"), format!("%24format={}", format.replace('/', "%2F"))] {
            let answer = app.get(&format!("{METADATA}?{query}")).header("accept", "text/html").await.expect(200);
            assert_eq!(answer.bytes, expected.bytes, "{query} goes before Accept");
        }
    }
    for version in ["/beta/$metadata", "/BETA/%24METADATA/"] {
        assert_eq!(app.get(version).await.expect(200).bytes, xml.bytes);
    }
}

#[tokio::test]
async fn forms_that_are_not_served_are_not_acceptable() {
    let app = TestApp::new().await;
    for accept in ["text/html", "text/xml", "application/atom+xml", "application/json;q=0", "nonsense"] {
        let message = app.get(METADATA).header("accept", accept).await.refused(406, "NotAcceptable");
        assert!(message.contains("application/xml and application/json"), "{message}");
    }
    for format in ["atom", "text/xml", "application/", "", "x%0Ay", "json;odata.metadata=all"] {
        let answer = app.get(&format!("{METADATA}?$format={format}")).await.expect(406);
        assert_eq!(answer.json()["error"]["target"], "$format");
    }
    for (path, status) in [("/v1.0/", 406), ("/v1.0", 406)] {
        for format in ["xml", "application/xml"] {
            app.get(&format!("{path}?$format={format}")).await.expect(status);
        }
        app.get(path).header("accept", "application/xml").await.refused(406, "NotAcceptable");
    }
    for path in ["/v1.0", METADATA] {
        app.get(&format!("{path}?$schemaversion=1")).await.refused(501, "NotImplemented");
        app.get(&format!("{path}?$top=1")).await.refused(400, "BadRequest");
        app.get(&format!("{path}?$nonsense")).await.refused(400, "BadRequest");
        app.get(path).header("odata-maxversion", "3.0").await.refused(400, "BadRequest");
        app.get(&format!("{path}?own=1")).await.expect(200);
    }
    app.get("/v1.0/$metadata/users").await.refused(400, "BadRequest");
}

#[tokio::test]
async fn the_service_document_lists_what_can_be_asked_for() {
    let app = TestApp::new().await;
    for (path, version) in [("/v1.0", "v1.0"), ("/v1.0/", "v1.0"), ("/beta", "beta"), ("/Beta//", "beta")] {
        let answer = app.get(path).anonymous().await.expect(200);
        assert_eq!(answer.header("odata-version"), "4.0");
        assert!(answer.content_type().starts_with("application/json;odata.metadata=minimal;"));
        let sets = ["leakedCredentialsRiskEvents", "identityRiskEvents", "users"];
        let mut value = sets.map(|set| json!({"name": set, "kind": "EntitySet", "url": set})).to_vec();
        value.push(json!({"name": "identityProtection", "kind": "Singleton", "url": "identityProtection"}));
        let context = format!("{ORIGIN}/{version}/$metadata");
        assert_eq!(answer.json(), json!({"@odata.context": context, "value": value}));
        for set in sets {
            app.get(&format!("{}/{set}", path.trim_end_matches('/'))).await.expect(200);
        }
    }
    let bare = app.get("/v1.0").header("accept", "application/json;odata.metadata=none").await.expect(200);
    assert!(bare.json().get("@odata.context").is_none());
    let format = "application/json;odata.metadata=none";
    assert_eq!(app.get(&format!("/v1.0?$format={format}")).await.expect(200).bytes, bare.bytes);
    assert_eq!(app.get("/v1.0?$format=json").header("accept", "text/html").await.expect(200).status, 200);
}

#[tokio::test]
async fn documents_are_sent_once() {
    let app = TestApp::new().await;
    let more = [METADATA, "/v1.0/openapi.json", "/beta/openapi.json", "/docs", "/docs/app.js", "/docs/style.css"];
    let paths = public_requests().into_iter().map(|(_, path)| path).chain(more.map(str::to_owned));
    for path in paths {
        let first = app.get(&path).anonymous().await.expect(200);
        let etag = first.header("etag").to_owned();
        assert!(etag.len() == 18 && etag.starts_with('"'), "{path}: {etag}");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let answer = app.get(&path).header("if-none-match", &known).anonymous().await.expect(304);
            assert_eq!((answer.header("etag"), answer.bytes.len()), (etag.as_str(), 0), "{path}");
        }
        for other in ["\"other\"", "", "W/\"1\""] {
            app.get(&path).header("if-none-match", other).anonymous().await.expect(200);
        }
    }
    let xml = app.get(METADATA).await.header("etag").to_owned();
    app.get(METADATA).header("accept", "application/json").header("if-none-match", &xml).await.expect(200);
    let host = app.get("/v1.0").header("host", "other.example").await.header("etag").to_owned();
    assert_ne!(app.get("/v1.0").await.header("etag"), host, "its links are others");
}

#[tokio::test]
async fn documents_come_in_batches_too() {
    let app = TestApp::new().await;
    let json = json!({"accept": "application/json"});
    let requests = json!([
        {"id": "1", "method": "GET", "url": "/$metadata"},
        {"id": "2", "method": "GET", "url": "/$metadata", "headers": json},
        {"id": "3", "method": "GET", "url": "/"},
        {"id": "4", "method": "GET", "url": "/$metadata?$format=html"},
        {"id": "5", "method": "POST", "url": "/$metadata"},
    ]);
    let token = app.token_with(&[]);
    let answer = app.post("/v1.0/$batch", &json!({"requests": requests})).token(&token).await.expect(200).json();
    let found = |at: usize| &answer["responses"][at];
    let statuses: Vec<_> = (0..5).map(|at| found(at)["status"].as_u64().expect("a status")).collect();
    assert_eq!(statuses, [200, 200, 200, 406, 405]);
    let xml = STANDARD.decode(found(0)["body"].as_str().expect("base64")).expect("base64");
    assert_eq!(xml, app.get(METADATA).await.bytes);
    assert_eq!(found(0)["headers"]["Content-Type"], "application/xml");
    assert_eq!(found(1)["body"]["$Version"], "4.0");
    assert_eq!(found(2)["body"]["@odata.context"], format!("{ORIGIN}/v1.0/$metadata"));
}

/// The metadata declares the name under which events are announced, and both are the configured one.
#[tokio::test]
async fn metadata_follows_the_configured_type_name() {
    let graph = TestApp::start(Setup { type_names: edm::graph_type_name, ..Setup::default() }).await;
    let read = async |app: &TestApp| -> Value { app.get("/v1.0/$metadata?$format=json").await.expect(200).json() };
    let seed = read(&TestApp::new().await).await;
    let ours = "Microsoft.IdentityProtectionServices";
    assert_eq!(seed[ours]["leakedCredentialsRiskEvent"]["$BaseType"], "microsoft.graph.identityRiskEvent");
    assert!(seed["microsoft.graph"].get("leakedCredentialsRiskEvent").is_none());
    let graph = read(&graph).await;
    assert!(graph.get(ours).is_none() && graph["microsoft.graph"]["leakedCredentialsRiskEvent"].is_object());
}

#[tokio::test]
async fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let app = TestApp::new().await;
    let page = app.get("/docs").anonymous().await.expect(200);
    assert_eq!(page.content_type(), "text/html;charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let text = page.text();
    assert!(!text.contains("style=") && !text.contains(" on") && !text.contains("<style"), "nothing is inline");
    let quoted = |attribute: &str| {
        let parts: Vec<_> = text.split(&format!("{attribute}=\"")).skip(1).collect();
        parts.into_iter().map(|part| part.split('"').next().expect("a value").to_owned()).collect::<Vec<_>>()
    };
    let links: Vec<String> = [quoted("src"), quoted("href")].concat();
    assert!(links.len() >= 4, "{links:?}");
    for link in links.iter().filter(|link| !link.starts_with('#')) {
        let file = app.get(link).anonymous().await.expect(200);
        let media = file.content_type();
        assert!(["text/javascript", "text/css", "image/svg", "application/json"].iter().any(|m| media.starts_with(m)));
    }
    for path in ["/docs/", "/docs/other.js", "/docs/../docs/app.js"] {
        app.get(path).anonymous().await.refused(404, "ResourceNotFound");
    }
    for file in ["/docs/app.js", "/docs/style.css"] {
        let text = app.get(file).await.text();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"), "{file}");
    }
}
