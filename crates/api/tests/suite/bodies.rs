//! Bodies that are large, compressed, broken or hostile: a clear 4xx, never a 500, never a hang.

use crate::samples::{EVENTS, USERS, event, user, with};
use api::Limits;
use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;
use testkit::app::{Setup, TestApp};

const LIMIT: usize = 256 << 10;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("a vector takes every write");
    encoder.finish().expect("a vector takes every write")
}

/// A body whose length nobody declares.
fn streamed(chunk: &'static [u8], times: usize) -> Body {
    Body::from_stream(stream::iter((0..times).map(move |_| Ok::<_, Infallible>(Bytes::from_static(chunk)))))
}

/// A valid event of exactly so many bytes.
fn event_of(length: usize) -> String {
    let body = with(event(), &json!({"@pad": ""})).to_string();
    let pad = " ".repeat(length - body.len());
    format!("{pad}{body}")
}

#[tokio::test]
async fn the_limit_holds_for_declared_and_for_streamed_bodies() {
    let app = TestApp::new().await;
    app.call("POST", EVENTS).text(&event_of(LIMIT)).await.expect(201);
    let too_large = event_of(LIMIT + 1);
    let message = app.call("POST", EVENTS).text(&too_large).await.refused(413, "RequestEntityTooLarge");
    assert_eq!(message, format!("the body is larger than {LIMIT} bytes"));
    let declared = app.call("POST", EVENTS).text("{}").header("content-length", &(LIMIT + 1).to_string());
    declared.await.refused(413, "RequestEntityTooLarge");
    let endless = streamed(&[b' '; 1024], 100_000);
    app.call("POST", EVENTS).text("").body(endless).await.refused(413, "RequestEntityTooLarge");
    app.call("PATCH", &format!("{EVENTS}/e1")).text(&too_large).await.refused(413, "RequestEntityTooLarge");
    app.call("POST", USERS).text(&too_large).await.refused(413, "RequestEntityTooLarge");
    let batch = " ".repeat((4 << 20) + 1);
    app.call("POST", "/v1.0/$batch").text(&batch).await.refused(413, "RequestEntityTooLarge");
    // Beyond every limit, nobody needs to be known.
    let call = app.call("POST", EVENTS).anonymous().header("content-length", "99999999999999999999999");
    call.await.expect(401);
    let call = app.call("POST", EVENTS).anonymous().header("content-length", "4194305");
    call.await.refused(413, "RequestEntityTooLarge");
}

#[tokio::test]
async fn a_body_inside_a_batch_has_the_limit_of_one() {
    let app = TestApp::new().await;
    let item = |id: &str, name: &str| {
        let body = with(event(), &json!({"userDisplayName": name}));
        json!({"id": id, "method": "POST", "url": "leakedCredentialsRiskEvents", "body": body,
               "headers": {"Content-Type": "application/json"}})
    };
    let batch = json!({"requests": [item("1", "Mara"), item("2", &"x".repeat(LIMIT))]});
    let answer = app.post("/v1.0/$batch", &batch).await.expect(200).json();
    assert_eq!(answer["responses"][0]["status"], 201);
    assert_eq!(answer["responses"][1]["status"], 413);
    assert_eq!(answer["responses"][1]["body"]["error"]["code"], "RequestEntityTooLarge");
}

#[tokio::test]
async fn gzip_is_understood_and_a_bomb_is_stopped() {
    let app = TestApp::new().await;
    let plain = event().to_string();
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        app.call("POST", EVENTS)
            .text("")
            .body(gzip(plain.as_bytes()))
            .header("content-encoding", encoding)
            .await
            .expect(201);
    }
    app.call("POST", EVENTS).text(&plain).header("content-encoding", "identity").await.expect(201);
    let parts = [gzip(&plain.as_bytes()[..20]), gzip(&plain.as_bytes()[20..])].concat();
    app.call("POST", EVENTS).text("").body(parts).header("content-encoding", "gzip").await.expect(201);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < LIMIT, "small as sent: {}", bomb.len());
    let message = app.call("POST", EVENTS).text("").body(bomb).header("content-encoding", "gzip").await;
    assert_eq!(message.refused(413, "RequestEntityTooLarge"), format!("the body is larger than {LIMIT} bytes"));
    let whole = gzip(plain.as_bytes());
    let trailing = [whole.as_slice(), b"trailing"].concat();
    for broken in [whole[..whole.len() - 1].to_vec(), whole[..12].to_vec(), plain.clone().into_bytes(), trailing] {
        let answer = app.call("POST", EVENTS).text("").body(broken.clone()).header("content-encoding", "gzip").await;
        assert!(answer.refused(400, "BadRequest").starts_with("the body is not valid gzip"));
        let answer = app.call("POST", USERS).text("").body(broken).header("content-encoding", "gzip").await;
        answer.refused(400, "Request_BadRequest");
    }
    for other in ["br", "deflate", "zstd", "gzip, gzip"] {
        let call = app.call("POST", EVENTS).text(&plain).header("content-encoding", other);
        call.await.refused(415, "UnsupportedMediaType");
    }
}

#[tokio::test]
async fn json_that_is_none_is_told_with_its_place() {
    let app = TestApp::new().await;
    for broken in [
        "{",
        "nonsense",
        "[]",
        "7",
        "\"text\"",
        "null",
        "{} {}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "\u{feff}[",
    ] {
        let message = app.call("POST", EVENTS).text(broken).await.refused(400, "BadRequest");
        assert!(message.starts_with("the body is not a JSON object: ") && message.len() < 320, "{message}");
        app.call("POST", USERS).text(broken).await.refused(400, "Request_BadRequest");
    }
    let secret = user().to_string().replace("\"not kept\"", "hunter2");
    assert!(!app.call("POST", USERS).text(&secret).await.expect(400).text().contains("hunter2"));
    let marked = format!("\u{feff}{}", event());
    app.call("POST", EVENTS).text(&marked).await.expect(201);
}

#[tokio::test]
async fn depth_costs_nothing() {
    let app = TestApp::new().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        for place in ["nonsense", "riskLevel", "@odata.type", "@note", "impactedUser@odata.bind", "riskType"] {
            let body = event().to_string().replace("\"@odata.type\":", "\"x@y\":");
            let body =
                format!("{},\"{place}\":{deep}}}", body.trim_end_matches('}').replace("\"riskLevel\":\"high\",", ""));
            let answer = app.call("POST", EVENTS).text(&body).await.expect(400);
            assert!(answer.bytes.len() < 3000, "{place}");
        }
        app.call("POST", EVENTS).text(&deep).await.expect(400);
        app.call("POST", USERS)
            .text(&format!("{{\"businessPhones\":{deep},\"passwordProfile\":{deep}}}"))
            .await
            .expect(400);
        app.call("PUT", &format!("{EVENTS}/e1/impactedUser/$ref"))
            .text(&format!("{{\"@odata.id\":{deep}}}"))
            .await
            .expect(400);
        app.call("POST", "/v1.0/$batch").text(&deep).await.expect(400);
        let batch = format!(
            "{{\"requests\":[{{\"id\":\"1\",\"method\":\"POST\",\"url\":\"users\",\"body\":{deep},\"headers\":{{\"Content-Type\":\"application/json\"}}}}]}}"
        );
        let answer = app.call("POST", "/v1.0/$batch").text(&batch).await.expect(200);
        assert_eq!(answer.json()["responses"][0]["status"], 400);
    }
}

#[tokio::test]
async fn text_that_is_no_text_is_refused() {
    let app = TestApp::new().await;
    let around = |name: &[u8]| {
        let body = event().to_string();
        let (before, after) = body.split_once("Mara Lind").expect("the name");
        [before.as_bytes(), name, after.as_bytes()].concat()
    };
    let send = async |body: Vec<u8>| app.call("POST", EVENTS).text("").body(body).await;
    let message = send(around(b"\xff")).await.refused(400, "BadRequest");
    assert!(message.starts_with("the body is not UTF-8: the byte at offset "), "{message}");
    send(around(b"\xed\xa0\x80")).await.refused(400, "BadRequest");
    send(around(b"\xc0\x80")).await.refused(400, "BadRequest");
    send(vec![0xff, 0xfe, b'{', 0]).await.refused(400, "BadRequest");
    for escape in ["\\ud800", "\\udc00", "\\ud800x", "\\ud800\\ud800"] {
        send(around(escape.as_bytes())).await.refused(400, "BadRequest");
    }
    let nul = send(around(b"a\\u0000b")).await.expect(400);
    assert_eq!(nul.details(), [("InvalidValue".into(), "userDisplayName".into())]);
    send(around(b"a\0b")).await.refused(400, "BadRequest");
    send(around(b"a\nb")).await.refused(400, "BadRequest");
    assert_eq!(send(around("\\ud83d\\ude00".as_bytes())).await.expect(201).json()["userDisplayName"], "😀");
}

#[tokio::test]
async fn bodies_that_come_too_slowly_or_break_off_are_ended() {
    let limits = Limits { body_time: Duration::from_millis(20), ..Limits::default() };
    let app = TestApp::start(Setup { limits, ..Setup::default() }).await;
    let stalled = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    app.call("POST", EVENTS).text("").body(stalled).await.refused(408, "RequestTimeout");
    let broken = Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]));
    let message = app.call("POST", EVENTS).text("").body(broken).await.refused(400, "BadRequest");
    assert_eq!(message, "the body ended before it was complete");

    let limits = Limits { request_time: Duration::from_millis(20), ..Limits::default() };
    let app = TestApp::start(Setup { limits, ..Setup::default() }).await;
    let stalled = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let answer = app.call("POST", EVENTS).text("").body(stalled).header("client-request-id", "c").await.expect(504);
    assert_eq!(answer.header("client-request-id"), "c");
    answer.refused(504, "GatewayTimeout");
}
