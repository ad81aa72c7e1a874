//! A verified token is remembered exactly as long as everything that its verdict rests on.

use crate::assert_matches;
use crate::support::{AUDIENCE, ISSUER, TENANT, World, tenant_id};
use auth::{AuthError, Authenticator, NewToken, OldKeys, Outgoing, OutgoingRules, TokenApp};
use jsonwebtoken::Algorithm;
use model::{Clock as _, PermissionSet, SystemClock};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use testkit::issuer::TestKey;

#[tokio::test]
async fn the_second_time_is_from_memory() {
    let world = World::new();
    let authenticator = world.usual();
    let token = world.token();
    assert!(authenticator.recall(&token, 1).is_none());
    let first = world.check(&authenticator, &token).await.expect("a good token");
    let second = authenticator.recall(&token, 1).expect("remembered");
    assert!(Arc::ptr_eq(&first, &second));
    assert!(authenticator.recall(&token, 2).is_none(), "another epoch");
    assert!(authenticator.recall(&token[1..], 1).is_none());
    assert_eq!(world.registry.loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_remembered_token_ends_on_time() {
    let world = World::new();
    let authenticator = world.usual();
    let token = world.token();
    assert!(world.check(&authenticator, &token).await.is_ok());
    world.clock.advance_seconds(3600 + 59);
    assert!(world.check(&authenticator, &token).await.is_ok());
    world.clock.advance_seconds(1);
    assert!(authenticator.recall(&token, 1).is_none());
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Expired { .. });
}

#[tokio::test]
async fn removing_the_tenant_beats_the_memory() {
    let world = World::new();
    let authenticator = world.usual();
    let token = world.token();
    assert!(world.check(&authenticator, &token).await.is_ok());
    world.registry.change(|registry| registry.tenants.retain(|tenant| tenant.id != tenant_id(TENANT)));
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownTenant { .. });
}

#[tokio::test]
async fn an_epoch_that_comes_back_with_other_contents_is_not_trusted() {
    let world = World::new();
    let authenticator = world.usual();
    let token = world.token();
    world.registry.change(|_| {}); // 2
    assert!(world.check(&authenticator, &token).await.is_ok());
    let set = |epoch, keep: bool| {
        let mut registry = world.registry.contents.lock().expect("not poisoned");
        registry.epoch = epoch;
        registry.tenants.retain(|tenant| keep || tenant.id != tenant_id(TENANT));
    };
    set(1, true); // a backup is restored
    assert!(world.check(&authenticator, &token).await.is_ok());
    set(2, false); // and a change after it takes the same number
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::UnknownTenant { .. });
}

#[tokio::test]
async fn removing_the_app_or_its_rights_beats_the_memory() {
    let world = World::new();
    let builtin = world.builtin();
    let authenticator = world.authenticator_with(&[], Some(builtin.clone()));
    let app = world.registry.contents.lock().expect("not poisoned").apps[0].clone();
    let token = NewToken {
        tenant: tenant_id(TENANT),
        app: TokenApp::Registered(&app),
        permissions: app.permissions,
        lifetime: Duration::from_hours(1),
    };
    let token = builtin.issue(&token).expect("it signs");
    let token = token.expose_secret();
    let caller = world.check(&authenticator, token).await.expect("a good token");
    assert_eq!(caller.permissions, app.permissions);
    let read = PermissionSet::from_names(["IdentityRiskEvent.Read.All"]);
    world.registry.change(|registry| registry.apps[0].permissions = read);
    assert_eq!(world.check(&authenticator, token).await.expect("still registered").permissions, read);
    world.registry.change(|registry| registry.apps[0].tenant = model::TenantKey(2));
    assert_matches!(world.refusal(&authenticator, token).await, AuthError::AppRevoked { .. });
    world.registry.change(|registry| registry.apps[0].tenant = model::TenantKey(1));
    assert!(world.check(&authenticator, token).await.is_ok());
    world.registry.change(|registry| registry.apps.clear());
    assert_matches!(world.refusal(&authenticator, token).await, AuthError::AppRevoked { .. });
}

#[tokio::test]
async fn rotating_the_built_in_key_beats_the_memory() {
    let world = World::new();
    let builtin = world.builtin();
    let authenticator = world.authenticator_with(&[], Some(builtin.clone()));
    let issue = || {
        let token = NewToken {
            tenant: tenant_id(TENANT),
            app: TokenApp::Command("test"),
            permissions: PermissionSet::all(),
            lifetime: Duration::from_hours(1),
        };
        builtin.issue(&token).expect("it signs").expose_secret().to_owned()
    };
    let first = issue();
    assert!(world.check(&authenticator, &first).await.is_ok());
    // Another process rotates, keeping the old key: both tokens are good after the epoch has moved.
    let other_process = world.builtin();
    other_process.rotate(OldKeys::Keep).expect("it rotates");
    world.registry.change(|_| {});
    assert!(world.check(&authenticator, &first).await.is_ok());
    assert_eq!(builtin.signing_kid(), other_process.signing_kid(), "this process has read the folder again");
    let second = issue();
    assert!(world.check(&authenticator, &second).await.is_ok());
    // And once more, removing the old keys.
    other_process.rotate(OldKeys::Remove).expect("it rotates");
    world.registry.change(|_| {});
    for token in [&first, &second] {
        assert_matches!(world.refusal(&authenticator, token).await, AuthError::UnknownKey { .. });
    }
    assert!(world.check(&authenticator, &issue()).await.is_ok());
    // In this very process even the epoch is not needed.
    let third = issue();
    assert!(world.check(&authenticator, &third).await.is_ok());
    builtin.rotate(OldKeys::Remove).expect("it rotates");
    assert!(authenticator.recall(&third, world.registry.epoch()).is_none());
    assert_matches!(world.refusal(&authenticator, &third).await, AuthError::UnknownKey { .. });
}

#[tokio::test]
async fn a_key_file_that_is_read_again_beats_the_memory() {
    let world = World::new();
    let path = world.file("keys.json", json!({"keys": [TestKey::rsa().jwk("a")]}).to_string().as_bytes());
    let authenticator = world.authenticator(&[format!("issuer={ISSUER},keys={},audience={AUDIENCE}", path.display())]);
    let token = TestKey::rsa().sign(Algorithm::RS256, &json!({"alg": "RS256", "kid": "a"}), &world.claims());
    assert!(world.check(&authenticator, &token).await.is_ok());
    authenticator.reload_key_files().expect("the same keys");
    assert!(authenticator.recall(&token, 1).is_some(), "the same keys: still remembered");
    std::fs::write(&path, "nonsense").expect("a file can be written");
    assert_eq!(authenticator.reload_key_files().expect_err("nonsense").len(), 1);
    assert!(world.check(&authenticator, &token).await.is_ok(), "the old keys stay");
    std::fs::write(&path, json!({"keys": [TestKey::other_rsa().jwk("a")]}).to_string()).expect("a file can be written");
    authenticator.reload_key_files().expect("good keys");
    assert_matches!(world.refusal(&authenticator, &token).await, AuthError::BadSignature);
}

#[tokio::test]
async fn memory_is_bounded() {
    let mut world = World::new();
    world.settings.remembered = 32;
    let jwks = json!({"keys": [TestKey::ed25519().jwk("e")]}).to_string();
    let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.as_bytes())]);
    for number in 0..200 {
        let claims = world.claims_with(&json!({ "uti": number }));
        let token = TestKey::ed25519().sign(Algorithm::EdDSA, &json!({"alg": "EdDSA", "kid": "e"}), &claims);
        assert!(world.check(&authenticator, &token).await.is_ok());
        assert!(authenticator.recall(&token, 1).is_some());
    }
    assert!(authenticator.remembered() <= 32);
    world.settings.remembered = 0;
    let none = world.authenticator(&[world.issuer_with(ISSUER, TestKey::rsa().spki())]);
    assert!(world.check(&none, &world.token()).await.is_ok());
    assert_eq!(none.remembered(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_read_the_registry_once() {
    let world = Arc::new(World::new());
    let authenticator = Arc::new(world.usual());
    let token: Arc<str> = world.token().into();
    for epoch in 1..5 {
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (authenticator, token) = (authenticator.clone(), token.clone());
                tokio::spawn(async move { authenticator.authenticate(&token, epoch).await })
            })
            .collect();
        for task in tasks {
            assert!(task.await.expect("no panic").is_ok());
        }
        assert_eq!(world.registry.loads.load(Ordering::SeqCst) as u64, epoch);
        world.registry.change(|_| {});
    }
}

#[tokio::test]
async fn a_request_that_read_the_epoch_too_early_voids_nothing() {
    let world = World::new();
    let authenticator = world.usual();
    let token = world.token();
    world.registry.change(|_| {}); // 2
    assert!(authenticator.authenticate(&token, 2).await.is_ok());
    assert!(authenticator.authenticate(&token, 1).await.is_ok());
    assert!(authenticator.recall(&token, 2).is_some());
}

/// Prints what a remembered token costs:
/// `cargo test --release -p auth --test it -- --ignored --nocapture cost`.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn cost_of_a_remembered_token() {
    const ROUNDS: u32 = 1_000_000;
    let world = World::new();
    let issuers = world.usual_issuers().iter().map(|text| text.parse().expect("a good issuer")).collect();
    let outgoing = Arc::new(Outgoing::new(OutgoingRules::default()));
    let clock = Arc::new(SystemClock);
    let authenticator = Authenticator::new(&world.settings, issuers, None, world.registry.clone(), clock, &outgoing)
        .expect("good issuers");
    let now = SystemClock.now().unix_seconds();
    for padding in [0, 200, 700, 1500] {
        let times = json!({"iat": now, "nbf": now, "exp": now + 3600, "x": "x".repeat(padding)});
        let token = world.token_with(&times);
        let begun = Instant::now();
        authenticator.authenticate(&token, 1).await.expect("a good token");
        let verified = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            black_box(authenticator.authenticate(black_box(&token), 1).await.expect("remembered"));
        }
        println!("{} bytes: {:?} each, verified in {verified:?}", token.len(), begun.elapsed() / ROUNDS);
    }
}
