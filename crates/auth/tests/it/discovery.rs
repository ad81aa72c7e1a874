//! Issuers that publish their keys: discovery, rotation, failure, and how often they are asked.

use crate::assert_matches;
use crate::support::{AUDIENCE, TENANT, World};
use auth::{AuthError, Authenticator, IssuerConfig, Outgoing, OutgoingRules};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::issuer::{FakeIssuer, Manner, TestKey};

fn described(issuer: &FakeIssuer) -> String {
    format!("issuer={0},discovery={0},audience={AUDIENCE}", issuer.origin())
}

fn token(world: &World, issuer: &FakeIssuer, key: &TestKey, kid: &str) -> String {
    let claims = world.claims_with(&json!({"iss": issuer.origin()}));
    key.sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": kid}), &claims)
}

#[tokio::test]
async fn keys_are_found_by_discovery_and_fetched_once() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    assert_eq!(issuer.document_requests(), 0, "nobody is called at start");
    for number in 0..5 {
        let claims = world.claims_with(&json!({"iss": issuer.origin(), "uti": number}));
        let token = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": "a"}), &claims);
        assert!(world.check(&authenticator, &token).await.is_ok());
        assert!(authenticator.recall(&token, 1).is_some());
    }
    assert_eq!((issuer.document_requests(), issuer.keys_requests()), (1, 1));
}

#[tokio::test]
async fn a_new_kid_is_fetched_and_an_old_key_ends_with_it() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    let old = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.check(&authenticator, &old).await.is_ok());
    issuer.set_keys(vec![TestKey::other_rsa().jwk("b")]);
    world.clock.advance_seconds(31);
    let new = token(&world, &issuer, TestKey::other_rsa(), "b");
    assert!(world.check(&authenticator, &old).await.is_ok(), "nobody knows yet");
    assert!(world.check(&authenticator, &new).await.is_ok(), "fetched for its sake");
    assert!(authenticator.recall(&old, 1).is_none(), "its key has vanished");
    assert_matches!(world.refusal(&authenticator, &old).await, AuthError::UnknownKey { .. });
    assert_eq!(issuer.keys_requests(), 2);
}

#[tokio::test]
async fn unknown_kids_cause_one_fetch_in_thirty_seconds() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = Arc::new(world.authenticator(&[described(&issuer)]));
    assert!(world.check(&authenticator, &token(&world, &issuer, TestKey::rsa(), "a")).await.is_ok());
    for round in 0..3 {
        for number in 0..20 {
            let made_up = token(&world, &issuer, TestKey::rsa(), &format!("kid {round} {number}"));
            assert_matches!(world.refusal(&authenticator, &made_up).await, AuthError::UnknownKey { .. });
        }
        assert_eq!(issuer.keys_requests(), round + 1);
        world.clock.advance_seconds(30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_wait_for_one_fetch() {
    let world = Arc::new(World::new());
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    issuer.set_manner(Manner::Slow(Duration::from_millis(100)));
    let authenticator = Arc::new(world.authenticator(&[described(&issuer)]));
    let good: Arc<str> = token(&world, &issuer, TestKey::rsa(), "a").into();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (authenticator, good) = (authenticator.clone(), good.clone());
            tokio::spawn(async move { authenticator.authenticate(&good, 1).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.expect("no panic").is_ok());
    }
    assert_eq!((issuer.document_requests(), issuer.keys_requests()), (1, 1));
}

#[tokio::test]
async fn a_request_that_gives_up_does_not_stop_the_fetch() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    issuer.set_manner(Manner::Slow(Duration::from_millis(50)));
    let authenticator = world.authenticator(&[described(&issuer)]);
    let good = token(&world, &issuer, TestKey::rsa(), "a");
    let cut = tokio::time::timeout(Duration::from_millis(10), world.check(&authenticator, &good)).await;
    assert!(cut.is_err(), "the request gave up");
    assert!(world.check(&authenticator, &good).await.is_ok());
    assert_eq!((issuer.document_requests(), issuer.keys_requests()), (1, 1));
}

#[tokio::test]
async fn a_slow_issuer_is_waited_for_only_so_long() {
    let mut world = World::new();
    world.settings.fetch.longest_wait = Duration::from_millis(20);
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    issuer.set_manner(Manner::Slow(Duration::from_mins(1)));
    let authenticator = world.authenticator(&[described(&issuer)]);
    let error = world.refusal(&authenticator, &token(&world, &issuer, TestKey::rsa(), "a")).await;
    assert!(error.is_unavailable(), "{error}");
}

/// Waits until the issuer has been asked for its document `times` times.
async fn asked(issuer: &FakeIssuer, times: usize) {
    while issuer.document_requests() < times {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_failed_fetch_keeps_the_old_keys() {
    let world = World::new();
    let elsewhere = FakeIssuer::start(vec![TestKey::rsa().jwk("b")]).await;
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    let old = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.check(&authenticator, &old).await.is_ok());
    for (round, manner) in [
        Manner::Status(500),
        Manner::Status(404),
        Manner::Status(204),
        Manner::Redirect(elsewhere.origin()),
        Manner::Long(2_000_000),
    ]
    .into_iter()
    .enumerate()
    {
        issuer.set_manner(manner.clone());
        world.clock.advance_seconds(31);
        let unknown = token(&world, &issuer, TestKey::rsa(), "b");
        assert_matches!(world.refusal(&authenticator, &unknown).await, AuthError::UnknownKey { .. });
        assert_eq!(issuer.document_requests(), round + 2, "{manner:?}");
        assert!(world.check(&authenticator, &old).await.is_ok(), "{manner:?}");
        assert!(authenticator.recall(&old, 1).is_some(), "{manner:?}");
    }
    assert_eq!(elsewhere.document_requests() + elsewhere.keys_requests(), 0, "no redirect is followed");
}

#[tokio::test]
async fn an_issuer_that_never_answered_is_our_fault_and_asked_again_later() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    issuer.set_manner(Manner::Status(503));
    let authenticator = world.authenticator(&[described(&issuer)]);
    let good = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.refusal(&authenticator, &good).await.is_unavailable());
    issuer.set_manner(Manner::Good);
    assert!(world.refusal(&authenticator, &good).await.is_unavailable(), "too early to ask again");
    assert_eq!(issuer.document_requests(), 1);
    world.clock.advance_seconds(30);
    assert!(world.check(&authenticator, &good).await.is_ok());
}

#[tokio::test]
async fn keys_that_have_grown_old_are_fetched_without_waiting() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    let claims = world.claims_with(&json!({"iss": issuer.origin(), "exp": crate::support::NOW + 90_000}));
    let old = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": "a"}), &claims);
    assert!(world.check(&authenticator, &old).await.is_ok());
    issuer.set_keys(Vec::new()); // the issuer withdraws every key
    world.clock.advance_seconds(3600);
    assert!(authenticator.recall(&old, 1).is_none(), "not trusted beyond the age of its keys");
    assert!(world.check(&authenticator, &old).await.is_ok(), "served with the keys at hand");
    asked(&issuer, 2).await;
    while world.check(&authenticator, &old).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_matches!(world.refusal(&authenticator, &old).await, AuthError::UnknownKey { .. });
}

#[tokio::test]
async fn a_task_can_keep_keys_fresh() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let authenticator = Arc::new(world.authenticator(&[described(&issuer)]));
    let keeper = authenticator.clone();
    let keeper = tokio::spawn(async move { keeper.keep_keys_fresh(Duration::from_millis(1)).await });
    asked(&issuer, 1).await;
    let good = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.check(&authenticator, &good).await.is_ok(), "the same fetch, taken in");
    world.clock.advance_seconds(3600);
    asked(&issuer, 2).await;
    keeper.abort();
}

#[tokio::test]
async fn a_document_for_somebody_else_is_refused() {
    for name in ["https://idp.example", "", "http://127.0.0.1"] {
        let world = World::new();
        let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
        issuer.set_name(name);
        let authenticator = world.authenticator(&[described(&issuer)]);
        let error = world.refusal(&authenticator, &token(&world, &issuer, TestKey::rsa(), "a")).await;
        assert!(error.is_unavailable());
        assert_eq!(issuer.keys_requests(), 0);
    }
}

#[tokio::test]
async fn an_issuer_for_every_tenant_names_itself_with_a_placeholder() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let origin = issuer.origin();
    issuer.set_name(&format!("{origin}/{{tenantid}}/v2.0"));
    let described = format!("issuer={origin}/{{tid}}/v2.0,discovery={origin}/common/v2.0,audience={AUDIENCE}");
    let authenticator = world.authenticator(&[described]);
    let claims = world.claims_with(&json!({"iss": format!("{origin}/{TENANT}/v2.0")}));
    let good = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": "a"}), &claims);
    assert!(world.check(&authenticator, &good).await.is_ok());
}

#[tokio::test]
async fn private_addresses_are_not_called() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a")]).await;
    let port = issuer.origin().rsplit_once(':').expect("a port").1.to_owned();
    // Not allowed by name, in one spelling or another, with https or without.
    for address in [
        issuer.origin(),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("http://localhost:{port}"),
        format!("https://[::ffff:127.0.0.1]:{port}"),
        "https://169.254.169.254".to_owned(),
    ] {
        let config = format!("issuer={},discovery={address},audience={AUDIENCE}", issuer.origin());
        let authenticator = strict(&world, &config);
        let error = world.refusal(&authenticator, &token(&world, &issuer, TestKey::rsa(), "a")).await;
        assert!(error.is_unavailable(), "{address}");
    }
    assert_eq!(issuer.document_requests(), 0);
    // A document that may be fetched does not lend its right to the address of the keys.
    for address in [
        format!("http://localhost:{port}/keys"),
        "https://10.0.0.1/keys".into(),
        "file:///etc/passwd".into(),
        "x".into(),
    ] {
        issuer.set_keys_address(&address);
        let authenticator = world.authenticator(&[described(&issuer)]);
        let error = world.refusal(&authenticator, &token(&world, &issuer, TestKey::rsa(), "a")).await;
        assert!(error.is_unavailable(), "{address}");
    }
    assert_eq!(issuer.keys_requests(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_a_connection_is_made() {
    let outgoing = Outgoing::new(OutgoingRules::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it listens").port();
    let url = format!("https://localhost:{port}/").parse().expect("a URL");
    let error = outgoing.fetch(&url).await.expect_err("it is loopback");
    let causes: Vec<_> = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    assert!(causes.iter().any(|cause| cause.contains("resolves to a loopback address")), "{causes:?}");
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

/// An authenticator whose outgoing calls are allowed nothing.
fn strict(world: &World, config: &str) -> Authenticator {
    let config: IssuerConfig = config.parse().expect("a good description");
    let outgoing = Arc::new(Outgoing::new(OutgoingRules::default()));
    Authenticator::new(&world.settings, vec![config], None, world.registry.clone(), world.clock.clone(), &outgoing)
        .expect("a good issuer")
}

#[tokio::test]
async fn broken_documents_are_failures() {
    let world = World::new();
    let issuer = FakeIssuer::start(vec![Value::Null, json!({"kty": "RSA"}), TestKey::rsa().jwk("a")]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    let good = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.check(&authenticator, &good).await.is_ok(), "broken members are passed over");
    let issuer = FakeIssuer::start(vec![TestKey::rsa().jwk("a"); 201]).await;
    let authenticator = world.authenticator(&[described(&issuer)]);
    let good = token(&world, &issuer, TestKey::rsa(), "a");
    assert!(world.refusal(&authenticator, &good).await.is_unavailable(), "too many keys");
}
