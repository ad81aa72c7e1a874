//! Repeatable requests (OASIS Repeatable Requests 1.0).

use crate::samples::{BASE, EVENTS, USERS, add_event, add_user, event, user, with, without};
use api::Limits;
use auth::{NewToken, TokenApp};
use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use futures_util::stream;
use model::{Permission, PermissionSet};
use secrecy::ExposeSecret as _;
use serde_json::json;
use service::Settings;
use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;
use testkit::app::{Answer, Call, Setup, TestApp, tenant_id};

pub(crate) const BATCH: &str = "/v1.0/$batch";
pub(crate) const ID: &str = "112a3a3e-f94c-4f56-b49b-5aab3d97e5b7";
/// When the clock of the tests stands.
pub(crate) const NOW: &str = "Sun, 03 Mar 2024 06:00:00 GMT";

/// The same request as one that is sent now for the first time.
pub(crate) fn once<'a>(call: Call<'a>, id: &str) -> Call<'a> {
    call.header("repeatability-request-id", id).header("repeatability-first-sent", NOW)
}

/// What a client sees of an answer, without what every response has of its own.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Bytes) {
    let own = ["request-id", "client-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().expect("a text").to_owned())).collect();
    headers.sort();
    (answer.status, headers, answer.bytes.clone())
}

#[track_caller]
pub(crate) fn accepted(answer: &Answer) {
    assert_eq!(answer.header("repeatability-result"), "accepted", "{}", answer.text());
}

/// Holds an answer against the refusal of its headers; answers the message.
#[track_caller]
pub(crate) fn rejected(answer: Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.header("repeatability-result"), "rejected", "{}", answer.text());
    answer.refused(status, code)
}

pub(crate) async fn count(app: &TestApp, set: &str) -> String {
    app.get(&format!("{set}/$count")).await.expect(200).text()
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_whatever_has_become_of_the_event() {
    let app = TestApp::new().await;
    let send = || once(app.post(EVENTS, &event()), ID);
    let first = send().await.expect(201);
    accepted(&first);
    let location = first.header("location").to_owned();
    let path = location.strip_prefix(testkit::app::ORIGIN).expect("a link to this service").to_owned();
    assert_eq!(seen(&send().await), seen(&first));
    app.patch(&path, &json!({"riskLevel": "low"})).await.expect(200);
    assert_eq!(seen(&send().await), seen(&first));
    app.delete(&path).await.expect(204);
    app.clock.advance_seconds(3500);
    assert_eq!(seen(&send().await), seen(&first));
    assert_eq!(count(&app, EVENTS).await, "0", "it was not made again");

    // Another id is another request, and without the headers nothing changes.
    accepted(&once(app.post(EVENTS, &event()), "another").await.expect(201));
    let plain = app.post(EVENTS, &event()).await.expect(201);
    assert_eq!(plain.header("repeatability-result"), "");
    assert_eq!(count(&app, EVENTS).await, "2");
}

#[tokio::test]
async fn what_a_client_changes_from_one_try_to_the_next_does_not_count() {
    let app = TestApp::new().await;
    let first = once(app.post(EVENTS, &event()), ID).await.expect(201);
    let zipped = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(event().to_string().as_bytes()).expect("a vector takes every write");
        encoder.finish().expect("a vector takes every write")
    };
    let renewed = app.token_with(&[Permission::IdentityRiskEventReadWriteAll]);
    assert_ne!(renewed, app.token());
    let send = || app.post(EVENTS, &event());
    for call in [
        once(send(), &ID.to_uppercase()),
        once(send(), ID).token(&renewed),
        once(send(), ID).header("retry-attempt", "2").header("user-agent", "x").header("sdkversion", "y"),
        once(send(), ID).header("client-request-id", "try-2"),
        once(send(), ID).body(zipped).header("content-encoding", "gzip"),
    ] {
        assert_eq!(seen(&call.await), seen(&first));
    }
    assert_eq!(count(&app, EVENTS).await, "1");
}

#[tokio::test]
async fn users_are_made_once_and_their_password_is_nowhere() {
    let app = TestApp::new().await;
    let new = with(without(user(), "id"), &json!({"passwordProfile": {"password": "Tr0ub4dor&3-unique"}}));
    let send = || once(app.post(USERS, &new), ID);
    let first = send().await.expect(201);
    assert_eq!(seen(&send().await), seen(&first));
    let path = format!("{USERS}/{}", first.json()["id"].as_str().expect("an id"));
    app.patch(&path, &json!({"userPrincipalName": "other@fjord.example"})).await.expect(204);
    assert_eq!(seen(&send().await), seen(&first));
    app.delete(&path).await.expect(204);
    assert_eq!(seen(&send().await), seen(&first));
    assert_eq!(count(&app, USERS).await, "0");

    app.app.service.store().close().await;
    let mut looked = 0;
    for entry in std::fs::read_dir(app.folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        assert!(!holds(b"Tr0ub4dor"), "{}", path.display());
        looked += usize::from(holds(b"Mara@fjord.example"));
    }
    assert!(looked > 0, "the user is in one of the files");
}

#[tokio::test]
async fn references_are_set_once_also_when_both_ends_are_gone() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_user(&app, "u2", "ole@fjord.example").await;
    add_event(&app, "e1").await;
    let reference = format!("{EVENTS}/e1/impactedUser/$ref");
    let send = || once(app.post(&reference, &json!({"@odata.id": "users/u2"})), ID);
    let bind = with(event(), &json!({"userId": "u2", "impactedUser@odata.bind": "users/u2"}));
    let bound = || once(app.post(EVENTS, &bind), "bound");
    let first = [send().await.expect(204), bound().await.expect(201)];
    assert_eq!(first.each_ref().map(|answer| answer.header("repeatability-result")), ["accepted"; 2]);
    let back = json!({"@odata.id": "users/u1"});
    app.post(&reference, &back).await.expect(204);
    assert_eq!(seen(&send().await), seen(&first[0]));
    let e1 = app.get(&format!("{EVENTS}/e1")).await.json();
    assert_eq!(e1["userId"], "u1", "it was not set again");
    app.delete(&format!("{USERS}/u2")).await.expect(204);
    app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    assert_eq!(seen(&send().await), seen(&first[0]));
    assert_eq!(seen(&bound().await), seen(&first[1]));
    // New ones find neither, and say so.
    let answer = once(app.post(&reference, &back), "new").await;
    accepted(&answer);
    answer.refused(404, "ResourceNotFound");
    assert_eq!(once(app.post(EVENTS, &bind), "new").await.status, 400);
}

#[tokio::test]
async fn another_request_under_the_same_id_is_refused() {
    let app = TestApp::new().await;
    let send = || once(app.post(EVENTS, &event()), ID);
    let first = send().await.expect(201);
    let users = once(app.post(USERS, &user()), ID);
    let beta = EVENTS.replace("v1.0", "beta");
    let other = with(event(), &json!({"riskLevel": "low"}));
    let cases = [
        (users, "Request_BadRequest"),
        (once(app.post(BASE, &event()), ID), "BadRequest"),
        (once(app.post(&beta, &event()), ID), "BadRequest"),
        (once(app.post(&format!("{EVENTS}?x=y"), &event()), ID), "BadRequest"),
        (once(app.post(EVENTS, &other), ID), "BadRequest"),
        (once(app.post(EVENTS, &json!({"riskLevel": "never"})), ID), "BadRequest"),
        (send().header("prefer", "return=minimal"), "BadRequest"),
        (send().header("accept", "application/json;odata.metadata=none"), "BadRequest"),
        (send().header("repeatability-client-id", "another-instance"), "BadRequest"),
        (send().header("repeatability-first-sent", "Sun, 03 Mar 2024 06:00:01 GMT"), "BadRequest"),
    ];
    for (call, code) in cases {
        let answer = call.await;
        assert_eq!(answer.json()["error"]["target"], "Repeatability-Request-ID");
        let message = rejected(answer, 400, code);
        assert!(message.contains(ID) && message.contains("used for another request"), "{message}");
    }
    assert_eq!((count(&app, BASE).await, count(&app, USERS).await), ("1".into(), "0".into()));
    assert_eq!(seen(&send().await), seen(&first));
    let minimal = || once(app.post(EVENTS, &event()), "minimal").header("prefer", "return=minimal");
    let first = minimal().await.expect(204);
    assert!(!first.header("location").is_empty() && !first.header("etag").is_empty());
    assert_eq!(seen(&minimal().await), seen(&first));
}

/// A body that never ends: whoever reads it waits for ever.
fn endless() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

#[tokio::test]
async fn malformed_headers_are_refused_before_the_body_is_read() {
    let app = TestApp::new().await;
    let post = || app.call("POST", EVENTS).header("content-type", "application/json").body(endless());
    let (id, sent) = ("repeatability-request-id", "repeatability-first-sent");
    for call in [
        post().header(id, ID),
        post().header(sent, NOW),
        once(post(), ""),
        once(post(), "a b"),
        once(post(), &"x".repeat(129)),
        once(post(), ID).also(id, ID),
        once(post(), ID).also(sent, NOW),
        once(post(), ID).header(sent, ""),
        once(post(), ID).header(sent, "2024-03-03T06:00:00Z"),
        once(post(), ID).header(sent, "Mon, 03 Mar 2024 06:00:00 GMT"),
        once(post(), ID).header(sent, "Sunday, 03-Mar-24 06:00:00 GMT"),
        once(post(), ID).header("repeatability-client-id", "a b"),
    ] {
        let message = rejected(call.await, 400, "BadRequest");
        assert!(message.to_ascii_lowercase().contains("repeatability-"), "{message}");
    }
    let message = rejected(app.call("POST", USERS).header(id, ID).await, 400, "Request_BadRequest");
    assert!(message.contains("both headers"), "{message}");
    // Nobody is told anything before the token has passed.
    assert_eq!(post().header(id, ID).anonymous().await.expect(401).header("repeatability-result"), "");
    // Nor about the headers where there is no such operation, or without its permission.
    app.call("PUT", USERS).header(id, ID).await.refused(405, "Request_BadRequest");
    app.call("POST", "/v1.0/nothing").header(id, ID).await.refused(400, "BadRequest");
    let reader = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    post().header(id, ID).token(&reader).await.refused(403, "Forbidden");
    // The longest id, and a client's name without the rest, are no fault.
    once(app.post(EVENTS, &event()), &"x".repeat(128)).await.expect(201);
    let answer = app.post(EVENTS, &event()).header("repeatability-client-id", "a b").await.expect(201);
    assert_eq!(answer.header("repeatability-result"), "");
}

#[tokio::test]
async fn times_outside_of_the_window_are_refused_before_the_body_is_read() {
    let settings = Settings { repeatability_window: Duration::from_hours(1), ..Settings::default() };
    let app = TestApp::start(Setup { settings, ..Setup::default() }).await;
    let post = |time: &str| {
        let call = once(app.call("POST", EVENTS), "r").header("content-type", "application/json");
        call.header("repeatability-first-sent", time)
    };
    for unfit in ["Sun, 03 Mar 2024 05:00:00 GMT", "Sat, 03 Feb 2024 06:00:00 GMT", "Sun, 03 Mar 2024 06:15:01 GMT"] {
        let answer = post(unfit).body(endless()).await;
        assert_eq!(answer.json()["error"]["target"], "Repeatability-First-Sent");
        let message = rejected(answer, 412, "PreconditionFailed");
        assert!(message.contains("2024-03-03T05:00:00Z and up to 2024-03-03T06:15:00Z"), "{message}");
    }
    let first = post("Sun, 03 Mar 2024 05:00:01 GMT").json(&event()).await.expect(201);
    app.clock.advance_seconds(1);
    rejected(post("Sun, 03 Mar 2024 05:00:01 GMT").json(&event()).await, 412, "PreconditionFailed");
    assert_eq!(count(&app, EVENTS).await, "1");
    accepted(&first);
}

/// A repeat of a change or a deletion succeeds as the first did, where it would fail as a new one
/// (section 5).
#[tokio::test]
async fn every_write_may_be_repeatable() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    add_event(&app, "e1").await;
    let (e1, u1) = (format!("{EVENTS}/e1"), format!("{USERS}/u1"));
    let reference = format!("{e1}/impactedUser/$ref");
    let etag = app.get(&e1).await.header("etag").to_owned();
    let (low, boss) = (json!({"riskLevel": "low"}), json!({"jobTitle": "boss"}));
    let to = json!({"@odata.id": "users/u1"});
    let calls = || {
        [
            (once(app.patch(&e1, &low).header("if-match", &etag), "1"), 200),
            (once(app.patch(&u1, &boss), "2"), 204),
            (once(app.call("PUT", &reference).json(&to), "3"), 204),
            (once(app.delete(&reference), "4"), 204),
            (once(app.delete(&u1), "5"), 204),
            (once(app.delete(&e1), "6"), 204),
        ]
    };
    let mut first = Vec::new();
    for (call, status) in calls() {
        let answer = call.await.expect(status);
        accepted(&answer);
        first.push(answer);
    }
    let before = app.app.service.store().changes(app.tenants[0].key, 0, 99).await.expect("a log").len();
    for ((call, _), first) in calls().into_iter().zip(&first) {
        assert_eq!(seen(&call.await), seen(first));
    }
    let after = app.app.service.store().changes(app.tenants[0].key, 0, 99).await.expect("a log").len();
    assert_eq!(after, before, "nothing was done again");
    app.delete(&e1).await.expect(404);
}

#[tokio::test]
async fn a_batch_as_a_whole_is_not_and_reading_passes_the_headers_over() {
    let app = TestApp::new().await;
    add_user(&app, "u1", "mara@fjord.example").await;
    let u1 = format!("{USERS}/u1");
    let batch = json!({"requests": [{"id": "1", "method": "DELETE", "url": "/users/u1"}]});
    let message = rejected(once(app.post(BATCH, &batch), ID).await, 501, "NotImplemented");
    assert!(message.contains("to the requests inside"), "{message}");
    rejected(app.post(BATCH, &batch).header("repeatability-request-id", ID).await, 400, "BadRequest");
    rejected(app.delete(&u1).header("repeatability-request-id", ID).await, 400, "Request_BadRequest");
    for path in [EVENTS, &u1] {
        let answer = once(app.get(path), "a b").await.expect(200);
        assert_eq!(answer.header("repeatability-result"), "");
    }
}

#[tokio::test]
async fn a_refused_request_is_carried_out_when_it_can_be() {
    let app = TestApp::new().await;
    let new = with(event(), &json!({"id": "e1"}));
    let send = || once(app.post(EVENTS, &new), ID);
    let none = app.token_with(&[Permission::IdentityRiskEventReadAll]);
    add_event(&app, "e1").await;
    for (call, status) in [
        (send(), 409),
        (send().token(&none), 403),
        (send().header("content-type", "text/plain"), 415),
        (once(app.post(EVENTS, &json!({})), ID), 400),
        (once(app.post("/v1.0/nowhere", &new), ID), 400),
    ] {
        let answer = call.await.expect(status);
        accepted(&answer);
    }
    app.delete(&format!("{EVENTS}/e1")).await.expect(204);
    let first = send().await.expect(201);
    assert_eq!(seen(&send().await), seen(&first));
    let refused = send().token(&none).await.expect(403);
    assert!(!refused.text().contains("Mara"), "a repeat needs the permission too");
}

#[tokio::test]
async fn an_id_is_its_senders_alone() {
    let app = TestApp::with_two_tenants().await;
    let other = NewToken {
        tenant: tenant_id(0),
        app: TokenApp::Command("other"),
        permissions: PermissionSet::all(),
        lifetime: Duration::from_hours(1),
    };
    let other = app.issuer.issue(&other).expect("a token").expose_secret().to_owned();
    let stranger = app.token_of(1, PermissionSet::all());
    let mut locations = Vec::new();
    for _ in 0..2 {
        for token in [app.token(), &other, &stranger] {
            let answer = once(app.post(EVENTS, &event()), ID).token(token).await.expect(201);
            accepted(&answer);
            locations.push(answer.header("location").to_owned());
        }
    }
    assert_eq!(locations[..3], locations[3..]);
    assert_eq!(count(&app, EVENTS).await, "2");
    let changed = with(event(), &json!({"riskLevel": "low"}));
    let answer = once(app.post(EVENTS, &changed), "mine").token(&other).await.expect(201);
    accepted(&answer);
    accepted(&once(app.post(EVENTS, &event()), "mine").token(&stranger).await.expect(201));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_the_same_moment_one_is_made() {
    let app = TestApp::new().await;
    let answers = join_all((0..32).map(|_| once(app.post(EVENTS, &event()), ID).into_future())).await;
    for answer in &answers {
        assert_eq!(seen(answer), seen(&answers[0]));
    }
    assert_eq!((answers[0].status, count(&app, EVENTS).await), (201, "1".into()));
}

#[tokio::test]
async fn a_request_that_took_too_long_may_be_repeated() {
    let limits = Limits { request_time: Duration::from_millis(20), ..Limits::default() };
    let app = TestApp::start(Setup { limits, ..Setup::default() }).await;
    let post = || app.call("POST", EVENTS).header("content-type", "application/json").body(endless());
    let answer = once(post(), ID).await;
    accepted(&answer);
    answer.refused(504, "GatewayTimeout");
    assert_eq!(post().await.expect(504).header("repeatability-result"), "");
}

#[tokio::test]
async fn browsers_may_send_and_read_the_headers() {
    let app = TestApp::new().await;
    let preflight = app.call("OPTIONS", EVENTS).anonymous().header("access-control-request-method", "POST").await;
    for name in ["Repeatability-Request-ID", "Repeatability-First-Sent", "Repeatability-Client-ID"] {
        assert!(preflight.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert!(preflight.header("access-control-expose-headers").contains("Repeatability-Result"));
}
