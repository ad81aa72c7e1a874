//! Throttling: a bucket for each app of each tenant (graph.md, section 8.11).

use crate::samples::{EVENTS, USERS, event, without};
use api::RequestRate;
use auth::{NewToken, TokenApp};
use axum::body::{Body, Bytes};
use futures_util::stream;
use model::PermissionSet;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;
use testkit::app::{Setup, TestApp, tenant_id};

const BATCH: &str = "/v1.0/$batch";

/// An application in which an app may send so many requests a minute, so many of them at once.
async fn limited(a_minute: u32, burst: u32, tenants: usize) -> TestApp {
    let number = |number| NonZeroU32::new(number).expect("not zero");
    let rate = RequestRate { burst: number(burst), ..RequestRate::new(number(a_minute), Duration::from_mins(1)) };
    TestApp::start(Setup { request_rate: Some(rate), tenants, ..Setup::default() }).await
}

#[tokio::test]
async fn past_its_burst_an_app_is_told_when_to_go_on() {
    let app = limited(6, 3, 1).await;
    for _ in 0..3 {
        app.get(EVENTS).await.expect(200);
    }
    let answer = app.get(EVENTS).await.expect(429);
    assert_eq!(answer.header("retry-after"), "10");
    let message = answer.refused(429, "TooManyRequests");
    assert_eq!(message, "this app has sent too many requests; go on after 10 seconds");
    app.clock.advance_seconds(9);
    assert_eq!(app.get(EVENTS).await.expect(429).header("retry-after"), "1");
    app.clock.advance_seconds(1);
    app.get(EVENTS).await.expect(200);
    app.get(EVENTS).await.expect(429);
    app.clock.advance_seconds(600);
    for _ in 0..3 {
        app.get(EVENTS).await.expect(200);
    }
    app.get(EVENTS).await.expect(429);
}

#[tokio::test]
async fn whatever_a_known_app_sends_counts_and_nothing_of_it_is_read() {
    let app = limited(6, 5, 1).await;
    app.get("/v1.0/nowhere").await.expect(400);
    app.call("PUT", EVENTS).await.expect(405);
    app.post(EVENTS, &without(event(), "userId")).await.expect(400);
    app.get(&format!("{EVENTS}/e1")).await.expect(404);
    app.post(EVENTS, &event()).await.expect(201);
    // Whoever is not known is told that, and not counted.
    app.get(EVENTS).anonymous().await.expect(401);
    let endless = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    app.post(EVENTS, &event()).body(endless).await.refused(429, "TooManyRequests");
    app.get("/v1.0/nowhere").await.expect(429);
    for open in ["/healthz", "/readyz"] {
        app.get(open).anonymous().await.expect(200);
    }
    app.clock.advance_seconds(10);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.expect(200).text(), "1");
}

#[tokio::test]
async fn apps_and_tenants_do_not_feel_each_other() {
    let app = limited(6, 1, 2).await;
    let other = NewToken {
        tenant: tenant_id(0),
        app: TokenApp::Command("other"),
        permissions: PermissionSet::all(),
        lifetime: Duration::from_hours(1),
    };
    let other = app.issuer.issue(&other).expect("a token").expose_secret().to_owned();
    let tokens = [app.token().to_owned(), other, app.token_of(1, PermissionSet::all())];
    for token in &tokens {
        app.get(USERS).token(token).await.expect(200);
        app.get(USERS).token(token).await.expect(429);
    }
    // Another token of the same app has the same bucket.
    let renewed = app.token_with(&[model::Permission::UserReadAll]);
    app.get(USERS).token(&renewed).await.expect(429);
}

#[tokio::test]
async fn each_request_in_a_batch_counts_and_the_batch_is_answered_all_the_same() {
    let app = limited(6, 3, 1).await;
    let requests: Vec<Value> =
        (0..5).map(|id| json!({"id": id.to_string(), "method": "GET", "url": "/users"})).collect();
    let send = async || {
        let answer = app.post(BATCH, &json!({"requests": requests})).await.expect(200);
        let answers = answer.json()["responses"].as_array().expect("a list").clone();
        let (good, throttled): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer["status"] == 200);
        for answer in &throttled {
            assert_eq!(answer["status"], 429);
            assert_eq!(answer["headers"]["Retry-After"], "10");
            assert_eq!(answer["body"]["error"]["code"], "TooManyRequests");
        }
        (good.len(), throttled.len())
    };
    assert_eq!(send().await, (3, 2));
    assert_eq!(send().await, (0, 5), "the answer is 200 even when there is no room at all");
    app.clock.advance_seconds(10);
    assert_eq!(send().await, (1, 4));
    app.get(USERS).await.expect(429);
}

#[tokio::test]
async fn a_group_for_which_there_is_no_room_is_not_carried_out() {
    let app = limited(6, 3, 1).await;
    let create = |id: &str| {
        json!({"id": id, "atomicityGroup": "g", "method": "POST", "url": "/leakedCredentialsRiskEvents",
               "headers": {"Content-Type": "application/json"}, "body": event()})
    };
    let requests = ["1", "2", "3", "4"].map(create);
    let answers = app.post(BATCH, &json!({"requests": requests})).await.expect(200).json()["responses"].clone();
    let statuses: Vec<_> = (0..4).map(|at| answers[at]["status"].as_u64()).collect();
    assert_eq!(statuses, [Some(424), Some(424), Some(424), Some(429)], "{answers}");
    assert_eq!(answers[3]["headers"]["Retry-After"], "10");
    app.clock.advance_seconds(10);
    assert_eq!(app.get(&format!("{EVENTS}/$count")).await.expect(200).text(), "0");
}

#[tokio::test]
async fn a_throttled_request_may_be_repeated() {
    let app = limited(60, 1, 1).await;
    app.get(EVENTS).await.expect(200);
    let send = || {
        let call = app.post(EVENTS, &event()).header("repeatability-request-id", "r1");
        call.header("repeatability-first-sent", "Sun, 03 Mar 2024 06:00:00 GMT")
    };
    assert_eq!(send().await.expect(429).header("repeatability-result"), "accepted");
    app.clock.advance_seconds(1);
    let first = send().await.expect(201);
    app.clock.advance_seconds(1);
    assert_eq!(send().await.expect(201).header("location"), first.header("location"));
}

#[tokio::test]
async fn without_a_rate_nobody_is_throttled() {
    let app = TestApp::new().await;
    for _ in 0..200 {
        app.get(&format!("{USERS}/$count")).await.expect(200);
    }
}
