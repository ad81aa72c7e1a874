//! What the claims of a well-signed token mean.

use crate::assert_matches;
use crate::support::{AUDIENCE, ISSUER, NOW, OTHER_TENANT, TENANT, World, tenant_id};
use auth::AuthError;
use model::{Permission, TenantKey};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use testkit::issuer::TestKey;

#[tokio::test]
async fn roles_let_an_app_act_by_itself() {
    let world = World::new();
    let authenticator = world.usual();
    let roles =
        json!({"roles": ["identityriskevent.READWRITE.all", "Mail.Read", "User.Read.All"], "oid": "o", "sub": "s"});
    let caller = world.check(&authenticator, &world.token_with(&roles)).await.expect("a good token");
    assert_eq!(caller.tenant, TenantKey(1));
    assert_eq!(caller.tenant_id, tenant_id(TENANT));
    assert_eq!(&*caller.actor.app, "tester");
    assert_eq!(caller.actor.user, None);
    let granted: Vec<_> = caller.permissions.iter().collect();
    assert_eq!(granted, [Permission::IdentityRiskEventReadWriteAll, Permission::UserReadAll]);
}

#[tokio::test]
async fn scp_lets_a_user_act_and_hides_roles() {
    let world = World::new();
    let authenticator = world.usual();
    let delegated =
        json!({"scp": "openid User.Read.All", "roles": ["User.ReadWrite.All"], "oid": "alice", "sub": "pairwise"});
    let caller = world.check(&authenticator, &world.token_with(&delegated)).await.expect("a good token");
    assert_eq!(caller.actor.user.as_deref(), Some("alice"));
    assert_eq!(caller.permissions.iter().collect::<Vec<_>>(), [Permission::UserReadAll]);
    for scp in [json!(""), json!([])] {
        let token = world.token_with(&json!({"scp": scp, "roles": ["User.ReadWrite.All"], "sub": "s"}));
        let caller = world.check(&authenticator, &token).await.expect("a good token");
        assert!(caller.permissions.is_empty(), "an empty scp grants nothing");
        assert_eq!(caller.actor.user.as_deref(), Some("s"));
    }
    let nobody = world.token_with(&json!({"scp": "User.Read.All"}));
    assert_matches!(world.refusal(&authenticator, &nobody).await, AuthError::Malformed { .. });
}

#[tokio::test]
async fn the_app_is_appid_then_azp_then_client_id_then_sub() {
    let world = World::new();
    let authenticator = world.usual();
    let mut claims = json!({"appid": "1", "azp": "2", "client_id": "3", "sub": "4"});
    for (name, expected) in [("appid", "1"), ("azp", "2"), ("client_id", "3"), ("sub", "4")] {
        let caller = world.check(&authenticator, &world.token_with(&claims)).await.expect("a good token");
        assert_eq!(&*caller.actor.app, expected);
        claims[name] = Value::Null;
    }
    assert_matches!(world.refusal(&authenticator, &world.token_with(&claims)).await, AuthError::Malformed { .. });
    for wrong in [json!(""), json!(7), json!(["x"]), json!("a\nb"), json!("x".repeat(257))] {
        let token = world.token_with(&json!({"appid": wrong}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
}

#[tokio::test]
async fn audiences() {
    let world = World::new();
    let authenticator = world.usual();
    for good in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
        assert!(world.check(&authenticator, &world.token_with(&json!({"aud": good}))).await.is_ok(), "{good}");
    }
    for wrong in [
        json!("SPILLWATCH"),
        json!("spillwatch/"),
        json!(""),
        json!([]),
        json!(["other"]),
        json!("https://graph.microsoft.com"), // from the built-in issuer only
        json!("00000003-0000-0000-c000-000000000000"),
        json!("https://risk.example"),
        json!("api://spillwatch"),
    ] {
        let error = world.refusal(&authenticator, &world.token_with(&json!({"aud": wrong}))).await;
        assert_matches!(&error, AuthError::WrongAudience { .. });
        assert!(error.to_string().contains("accepted here are `spillwatch`"), "{error}");
    }
    for wrong in [json!(null), json!(1), json!([1]), json!([AUDIENCE, 1]), json!({"a": AUDIENCE})] {
        let token = world.token_with(&json!({"aud": wrong}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
}

#[tokio::test]
async fn tenants() {
    let world = World::new();
    let authenticator = world.usual();
    let other = world.token_with(&json!({"tid": OTHER_TENANT}));
    assert_eq!(world.check(&authenticator, &other).await.expect("a good token").tenant, TenantKey(2));
    let upper = world.token_with(&json!({"tid": TENANT.to_uppercase()}));
    assert_eq!(world.check(&authenticator, &upper).await.expect("a good token").tenant, TenantKey(1));
    let unknown = world.token_with(&json!({"tid": "30000000-0000-4000-8000-000000000003"}));
    assert_matches!(world.refusal(&authenticator, &unknown).await, AuthError::UnknownTenant { .. });
    for wrong in [json!(null), json!(""), json!("common"), json!(1), json!([TENANT])] {
        let token = world.token_with(&json!({"tid": wrong}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
    }
}

#[tokio::test]
async fn an_issuer_without_tenants_is_given_one() {
    let world = World::new();
    let described = world.issuer_with(ISSUER, TestKey::rsa().spki());
    let token = world.token_with(&json!({"tid": null}));
    let first = world.authenticator(&[format!("{described},tenant=first")]);
    assert_eq!(world.check(&first, &token).await.expect("a good token").tenant, TenantKey(1));
    let fixed = world.authenticator(&[format!("{described},tenant={OTHER_TENANT}")]);
    assert_eq!(world.check(&fixed, &token).await.expect("a good token").tenant, TenantKey(2));
    world.registry.change(|registry| registry.tenants.clear());
    assert_matches!(world.refusal(&first, &token).await, AuthError::UnknownTenant { .. });
    assert_matches!(world.refusal(&fixed, &token).await, AuthError::UnknownTenant { .. });
}

#[tokio::test]
async fn times_with_a_leeway_of_a_minute() {
    let world = World::new();
    let authenticator = world.usual();
    for good in [
        json!({"exp": NOW - 59}),
        json!({"nbf": NOW + 60, "iat": NOW + 60}),
        json!({"nbf": null, "iat": null}),
        json!({"exp": 1.8e9 + 100.0}),
        json!({"nbf": 0, "iat": -1}),
    ] {
        let caller = world.check(&authenticator, &world.token_with(&good)).await;
        assert!(caller.is_ok(), "{good}: {caller:?}");
    }
    for ended in [json!(NOW - 60), json!(NOW - 3600), json!(0), json!(-5), json!(1.7e9)] {
        let token = world.token_with(&json!({"exp": ended, "iat": null, "nbf": null}));
        assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Expired { .. });
    }
    for early in [json!({"nbf": NOW + 61}), json!({"iat": NOW + 61}), json!({"iat": NOW + 86_400})] {
        assert_matches!(world.refusal(&authenticator, &world.token_with(&early)).await, AuthError::NotYetValid { .. });
    }
    for name in ["exp", "nbf", "iat"] {
        for wrong in [
            json!("1900000000"),
            json!(1.9e9 + 0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MAX),
            json!([NOW]),
            json!(true),
        ] {
            let token = world.token_with(&json!({name: wrong}));
            assert_matches!(world.refusal(&authenticator, &token).await, AuthError::Malformed { .. });
        }
    }
    let endless = world.token_with(&json!({"exp": null}));
    assert_matches!(world.refusal(&authenticator, &endless).await, AuthError::Malformed { .. });
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_is_our_fault() {
    let world = World::new();
    let authenticator = world.usual();
    world.registry.broken.store(true, Ordering::SeqCst);
    let error = world.refusal(&authenticator, &world.token()).await;
    assert!(error.is_unavailable());
    world.registry.broken.store(false, Ordering::SeqCst);
    assert!(world.check(&authenticator, &world.token()).await.is_ok());
}
