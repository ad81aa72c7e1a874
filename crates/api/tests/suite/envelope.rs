//! What every response has: ids, leave for browsers, and errors of one form.

use crate::samples::{EVENTS, USERS, add_event, event};
use api::{Connection, Origins};
use serde_json::json;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use testkit::app::{Answer, Call, Setup, TestApp, tenant_id};

fn has_ids(answer: &Answer, client: &str) -> String {
    let id = answer.header("request-id");
    assert!(id.len() == 36 && &id[14..15] == "4", "a random GUID: {id}");
    let expected = if client.is_empty() { id } else { client };
    assert_eq!(answer.header("client-request-id"), expected, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let exposed = answer.header("access-control-expose-headers");
    for name in ["ETag", "Location", "Preference-Applied", "request-id", "client-request-id", "Retry-After"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    id.to_owned()
}

/// Makes the same request again and again.
type Make<'a> = Box<dyn Fn() -> Call<'a> + 'a>;

#[tokio::test]
async fn every_kind_of_response_has_both_ids() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    let e1 = format!("{EVENTS}/e1");
    let tenant = tenant_id(0);
    let preflight = || app.call("OPTIONS", EVENTS).anonymous().header("access-control-request-method", "POST");
    let calls: Vec<(u16, Make<'_>)> = vec![
        (200, Box::new(|| app.get(EVENTS))),
        (201, Box::new(|| app.post(EVENTS, &event()))),
        (204, Box::new(|| app.post(EVENTS, &event()).header("prefer", "return=minimal"))),
        (204, Box::new(preflight)),
        (304, Box::new(|| app.get(&e1).header("if-none-match", "*"))),
        (400, Box::new(|| app.call("POST", EVENTS).text("{"))),
        (400, Box::new(|| app.get(EVENTS).without("host"))),
        (401, Box::new(|| app.get(EVENTS).anonymous())),
        (404, Box::new(|| app.get(&format!("{EVENTS}/e2")))),
        (404, Box::new(|| app.get("/nowhere"))),
        (405, Box::new(|| app.call("PUT", EVENTS))),
        (405, Box::new(|| app.call("PUT", "/healthz"))),
        (406, Box::new(|| app.get(EVENTS).header("accept", "text/html"))),
        (409, Box::new(|| app.post(EVENTS, &crate::samples::with(event(), &json!({"id": "e1"}))))),
        (412, Box::new(|| app.delete(&e1).header("if-match", "\"9\""))),
        (413, Box::new(|| app.call("POST", EVENTS).text("{}").header("content-length", "999999"))),
        (415, Box::new(|| app.call("POST", EVENTS).body("{}"))),
        (501, Box::new(|| app.get(&format!("{EVENTS}?$apply=x")))),
        (200, Box::new(|| app.get("/healthz"))),
        (200, Box::new(|| app.get("/readyz"))),
        (200, Box::new(|| app.get(&format!("/{tenant}/discovery/v2.0/keys")))),
        (404, Box::new(|| app.get("/nobody/discovery/v2.0/keys"))),
    ];
    let mut seen = HashSet::new();
    for (status, call) in &calls {
        let answer = call().await.expect(*status);
        assert!(seen.insert(has_ids(&answer, "")), "each id is new");
        let answer = call().header("client-request-id", "7c1f2a50-mine").await;
        assert!(seen.insert(has_ids(&answer, "7c1f2a50-mine")));
        if *status >= 400 {
            let error = answer.json()["error"].clone();
            let inner = json!({
                "date": "2024-03-03T06:00:00",
                "request-id": answer.header("request-id"),
                "client-request-id": "7c1f2a50-mine",
            });
            assert_eq!(error["innerError"], inner);
            assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{error}");
            assert_eq!(answer.content_type(), "application/json;charset=utf-8");
        }
    }
}

#[tokio::test]
async fn an_error_has_exactly_these_members() {
    let app = TestApp::new().await;
    let answer = app.get(&format!("{EVENTS}/e1")).header("client-request-id", "mine").await.expect(404);
    let id = answer.header("request-id");
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"error":{{"code":"ResourceNotFound","message":"no risk event has the id `e1`","innerError":{{"date":"2024-03-03T06:00:00","request-id":"{id}","client-request-id":"mine"}}}}}}"#
        )
    );
    let answer =
        app.post(EVENTS, &crate::samples::without(event(), "userId")).header("client-request-id", "mine").await;
    let id = answer.header("request-id");
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"error":{{"code":"BadRequest","message":"`userId` is required and was left out","target":"userId","details":[{{"code":"MissingProperty","message":"`userId` is required and was left out","target":"userId"}}],"innerError":{{"date":"2024-03-03T06:00:00","request-id":"{id}","client-request-id":"mine"}}}}}}"#
        )
    );
}

#[tokio::test]
async fn client_ids_that_are_unfit_are_replaced() {
    let app = TestApp::new().await;
    for unfit in ["", &"x".repeat(129)] {
        let answer = app.get(USERS).header("client-request-id", unfit).await;
        assert_eq!(answer.header("client-request-id"), answer.header("request-id"));
    }
    let longest = "x".repeat(128);
    assert_eq!(app.get(USERS).header("client-request-id", &longest).await.header("client-request-id"), longest);
}

#[tokio::test]
async fn browsers_of_any_origin_may_ask() {
    let app = TestApp::new().await;
    for path in [EVENTS, USERS, "/v1.0/$batch", "/nowhere", "/healthz", "/x/oauth2/v2.0/token"] {
        let call = app.call("OPTIONS", path).anonymous().header("origin", "https://console.example");
        let call = call.header("access-control-request-method", "PATCH");
        let answer = call.header("access-control-request-headers", "authorization, content-type").await.expect(204);
        assert!(answer.bytes.is_empty());
        let methods = answer.header("access-control-allow-methods");
        for method in ["GET", "POST", "PATCH", "PUT", "DELETE"] {
            assert!(methods.contains(method), "{methods}");
        }
        let headers = answer.header("access-control-allow-headers").to_ascii_lowercase();
        for name in [
            "authorization",
            "content-type",
            "accept",
            "prefer",
            "if-match",
            "if-none-match",
            "consistencylevel",
            "client-request-id",
            "return-client-request-id",
            "sdkversion",
            "featureflag",
            "hostos",
            "runtimeenvironment",
            "retry-attempt",
        ] {
            assert!(headers.split(", ").any(|allowed| allowed == name), "{name}: {headers}");
        }
    }
    // Without a method asked for it is no preflight.
    app.call("OPTIONS", EVENTS).anonymous().await.expect(401);
    assert_eq!(app.call("OPTIONS", EVENTS).await.expect(204).header("allow"), "GET, HEAD, POST, OPTIONS");
    assert_eq!(
        app.get(EVENTS).header("origin", "https://console.example").await.header("access-control-allow-origin"),
        "*"
    );
}

#[tokio::test]
async fn links_point_where_the_client_sees_the_service() {
    let peer = |address: &str, tls| Connection { peer: address.parse().expect("an address"), tls };
    let location = async |app: &TestApp, call: Call<'_>| {
        let answer = call.json(&event()).await.expect(201);
        let location = answer.header("location").to_owned();
        let origin = location.split_once("/v1.0/").expect("a version").0.to_owned();
        assert!(answer.json()["@odata.context"].as_str().is_some_and(|context| context.starts_with(&origin)));
        let _ = app;
        origin
    };
    let app = TestApp::new().await;
    let post = || app.call("POST", EVENTS);
    assert_eq!(location(&app, post().by(peer("10.0.0.1:5", true))).await, "https://risk.example.test");
    assert_eq!(
        location(&app, post().by(peer("10.0.0.1:5", false)).header("host", "[::1]:8080")).await,
        "http://[::1]:8080"
    );
    let forged = post()
        .by(peer("10.0.0.1:5", false))
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https");
    assert_eq!(location(&app, forged).await, "http://risk.example.test", "nobody is trusted");
    for host in ["", "a b", "evil.example/x", "a@b", "a\"b", "ä.example"] {
        let message = app.get(EVENTS).header("host", host).await.refused(400, "BadRequest");
        assert!(message.contains("Host header"), "{message}");
    }

    let origins = Origins { public_url: None, trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")].into() };
    let app = TestApp::start(Setup { origins, ..Setup::default() }).await;
    let forwarded = |address: &str| {
        let call =
            app.call("POST", EVENTS).by(peer(address, false)).header("x-forwarded-host", "public.example, inner");
        call.header("x-forwarded-proto", "https")
    };
    assert_eq!(location(&app, forwarded("10.1.2.3:5")).await, "https://public.example");
    assert_eq!(location(&app, forwarded("[::ffff:10.1.2.3]:5")).await, "https://public.example");
    assert_eq!(location(&app, forwarded("192.0.2.1:5")).await, "http://risk.example.test");
    assert_eq!(
        location(&app, forwarded("10.1.2.3:5").header("x-forwarded-proto", "http")).await,
        "http://public.example"
    );

    let origins = Origins { public_url: Some("https://always.example".into()), ..Origins::default() };
    let app = TestApp::start(Setup { origins, ..Setup::default() }).await;
    assert_eq!(location(&app, app.call("POST", EVENTS).without("host")).await, "https://always.example");
}

#[tokio::test]
async fn a_store_that_is_closed_is_a_503_that_says_when_to_try_again() {
    let app = TestApp::new().await;
    add_event(&app, "e1").await;
    assert_eq!(app.get("/readyz").anonymous().await.expect(200).text(), "ready\n");
    app.app.service.store().close().await;
    for call in [app.post(EVENTS, &event()), app.delete(&format!("{EVENTS}/e1"))] {
        let answer = call.await.expect(503);
        let seconds: u32 = answer.header("retry-after").parse().expect("whole seconds");
        assert!((1..=120).contains(&seconds));
        answer.refused(503, "serviceNotAvailable");
    }
    app.get("/healthz").anonymous().await.expect(200);
}

/// Every code that stands beside a status in the source.
fn codes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source");
        for after in source.split("StatusCode::").skip(1) {
            let rest = after.trim_start_matches(|c: char| c.is_ascii_uppercase() || c == '_');
            let quoted = rest.strip_prefix(',').and_then(|rest| rest.trim_start().strip_prefix('"'));
            let code = quoted.and_then(|text| text.split('"').next());
            found.extend(
                code.filter(|code| code.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')).map(str::to_owned),
            );
        }
    }
}

#[test]
fn every_code_has_its_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::from(
        ["BadRequest", "ResourceNotFound", "Forbidden", "Authorization_RequestDenied"].map(str::to_owned), // by area
    );
    codes(&root.join("src"), &mut found);
    assert!(found.len() > 15, "{found:?}");
    let docs = root.join("../../docs");
    let text = |name: &str| fs::read_to_string(docs.join(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"));
    let (list, summary) = (text("errors.md"), text("SUMMARY.md"));
    for code in found {
        let page = format!("errors/{code}.md");
        assert!(text(&page).starts_with(&format!("# {code}\n\nStatus ")), "{page}");
        for (name, index) in [("errors.md", &list), ("SUMMARY.md", &summary)] {
            assert!(index.contains(&format!("[{code}]({page})")), "{code} is not in docs/{name}");
        }
    }
}
