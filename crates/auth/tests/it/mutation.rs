//! No token but the one that was signed is accepted: whatever is changed about it.

use crate::support::{FakeRegistry, ISSUER, World};
use auth::Authenticator;
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use serde_json::json;
use std::sync::{Arc, LazyLock};
use testkit::issuer::TestKey;

/// Without a folder: nothing would remove it at the end of the process.
struct Ground {
    registry: Arc<FakeRegistry>,
    authenticator: Authenticator,
    tokens: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let world = World::new();
    let jwks = json!({"keys": [
        TestKey::rsa().jwk("rsa"), TestKey::p256().jwk("p256"), TestKey::p384().jwk("p384"), TestKey::ed25519().jwk("ed"),
    ]});
    let authenticator = world.authenticator(&[world.issuer_with(ISSUER, jwks.to_string().as_bytes())]);
    let sign = |key: &TestKey, algorithm, name: &str, kid: &str| {
        key.sign(algorithm, &json!({"alg": name, "kid": kid, "typ": "JWT"}), &world.claims())
    };
    let tokens = vec![
        sign(TestKey::rsa(), Algorithm::RS256, "RS256", "rsa"),
        sign(TestKey::rsa(), Algorithm::PS512, "PS512", "rsa"),
        sign(TestKey::p256(), Algorithm::ES256, "ES256", "p256"),
        sign(TestKey::p384(), Algorithm::ES384, "ES384", "p384"),
        sign(TestKey::ed25519(), Algorithm::EdDSA, "EdDSA", "ed"),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for token in &tokens {
        // Remembered, so that the memory is attacked too.
        runtime.block_on(authenticator.authenticate(token, 1)).expect("a good token");
    }
    Ground { registry: world.registry, authenticator, tokens, runtime }
});

/// Something done to a token's text.
#[derive(Clone, Debug)]
enum Change {
    Replace(prop::sample::Index, char),
    Insert(prop::sample::Index, char),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index),
}

impl Change {
    fn apply(&self, text: &mut Vec<char>) {
        if text.is_empty() {
            return;
        }
        let length = text.len();
        match self {
            Self::Replace(place, with) => text[place.index(length)] = *with,
            Self::Insert(place, what) => text.insert(place.index(length), *what),
            Self::Remove(place) => drop(text.remove(place.index(length))),
            Self::Cut(place) => text.truncate(place.index(length)),
            Self::Swap(one, two) => text.swap(one.index(length), two.index(length)),
            Self::Repeat(place) => text.extend_from_within(place.index(length)..),
        }
    }
}

fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        8 => prop::sample::select("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars().collect::<Vec<_>>()),
        2 => prop::sample::select(vec!['.', '=', '+', '/', ' ', '\0', '\n', 'é']),
        1 => any::<char>(),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        6 => (place(), character()).prop_map(|(place, with)| Change::Replace(place, with)),
        2 => (place(), character()).prop_map(|(place, what)| Change::Insert(place, what)),
        2 => place().prop_map(Change::Remove),
        1 => place().prop_map(Change::Cut),
        2 => (place(), place()).prop_map(|(one, two)| Change::Swap(one, two)),
        1 => place().prop_map(Change::Repeat),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_token_never_verifies(which in 0_usize..5, changes in prop::collection::vec(change(), 1..4)) {
        let ground = &*GROUND;
        let original = &ground.tokens[which];
        let mut text: Vec<char> = original.chars().collect();
        for change in &changes {
            change.apply(&mut text);
        }
        let changed: String = text.into_iter().collect();
        let verdict = ground.runtime.block_on(ground.authenticator.authenticate(&changed, ground.registry.epoch()));
        prop_assert_eq!(verdict.is_ok(), changed == *original, "{}", changed);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}(\\.\\PC{0,200}){0,4}") {
        let ground = &*GROUND;
        prop_assert!(ground.runtime.block_on(ground.authenticator.authenticate(&text, 1)).is_err());
    }
}
