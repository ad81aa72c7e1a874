//! Several issuers over one storage, as the nodes of one database are: their keys are the same, and sealed.

use crate::assert_matches;
use crate::support::{TENANT, World, tenant_id};
use auth::{
    AuthError, BuiltinError, BuiltinIssuer, KeyStorage, KeyStorageError, KeysBelow, NewToken, OldKeys, OperatorKey,
    OperatorKeys, SealedKeys, SecretBytes, Secrets, TokenApp, shared_secret,
};
use model::{PermissionSet, SystemEntropy};
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What comes between somebody's reading and writing.
type Meanwhile = Box<dyn FnOnce() + Send>;

/// Secrets in memory, with a generation as a database has it.
#[derive(Default)]
struct MemoryKeys {
    secrets: Mutex<Secrets>,
    meanwhile: Mutex<Vec<Meanwhile>>,
}

impl MemoryKeys {
    /// Lets something happen before the next change is made.
    fn before_the_next_change(&self, what: impl FnOnce() + Send + 'static) {
        self.meanwhile.lock().expect("not poisoned").push(Box::new(what));
    }

    fn contents(&self) -> Secrets {
        self.secrets.lock().expect("not poisoned").clone()
    }

    fn names(&self) -> BTreeSet<String> {
        self.contents().by_name.into_keys().collect()
    }
}

impl KeyStorage for MemoryKeys {
    fn read(&self) -> Result<Secrets, KeyStorageError> {
        Ok(self.contents())
    }

    fn replace(&self, seen: u64, put: &[(String, SecretBytes)], remove: &[String]) -> Result<bool, KeyStorageError> {
        let meanwhile = self.meanwhile.lock().expect("not poisoned").pop();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        let mut secrets = self.secrets.lock().expect("not poisoned");
        if secrets.generation != seen {
            return Ok(false);
        }
        secrets.apply(put, remove);
        secrets.generation += 1;
        Ok(true)
    }

    fn place(&self, name: &str) -> String {
        format!("the secret {name}")
    }
}

fn operator_key() -> String {
    OperatorKey::generate(&SystemEntropy).expose_secret().to_owned()
}

fn key(text: &str) -> OperatorKey {
    OperatorKey::from_base64(text).expect("a key")
}

/// The storage as a node sees it that was started with this operator's key.
fn sealed(memory: &Arc<MemoryKeys>, text: &str) -> Arc<SealedKeys> {
    Arc::new(SealedKeys::new(memory.clone(), Arc::new(OperatorKeys::new(key(text), None))))
}

fn open(world: &World, keys: &Arc<SealedKeys>) -> Result<BuiltinIssuer, BuiltinError> {
    let storage = Arc::new(KeysBelow::new(keys.clone(), "issuer/"));
    BuiltinIssuer::open(storage, Arc::new(SystemEntropy), world.clock.clone(), None)
}

fn known(issuer: &BuiltinIssuer) -> (String, String, String) {
    (issuer.signing_kid(), issuer.issuer_for(tenant_id(TENANT)), issuer.jwks_json())
}

fn token(issuer: &BuiltinIssuer) -> String {
    let app = TokenApp::Command("curl");
    let lifetime = Duration::from_hours(1);
    let token = NewToken { tenant: tenant_id(TENANT), app, permissions: PermissionSet::all(), lifetime };
    issuer.issue(&token).expect("it signs").expose_secret().to_owned()
}

#[test]
fn nodes_that_start_at_once_agree() {
    let world = Arc::new(World::new());
    let (memory, text) = (Arc::new(MemoryKeys::default()), operator_key());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (world, keys) = (world.clone(), sealed(&memory, &text));
            std::thread::spawn(move || {
                let secret = shared_secret(&*keys, "page-token.key", &SystemEntropy).expect("a secret");
                (known(&open(&world, &keys).expect("an issuer can be made")), secret)
            })
        })
        .collect();
    let found: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert!(found.iter().all(|node| *node == found[0]), "each has the keys of the others");
    assert_eq!(memory.names().len(), 3, "one issuer, one key, one secret: {:?}", memory.names());
}

/// The same, with the worst moment chosen: between reading that there is nothing and writing.
#[test]
fn who_comes_second_takes_what_the_first_one_made() {
    let world = Arc::new(World::new());
    let (memory, text) = (Arc::new(MemoryKeys::default()), operator_key());
    let first = Arc::new(Mutex::new(None));
    memory.before_the_next_change({
        let (world, keys, first) = (world.clone(), sealed(&memory, &text), first.clone());
        move || {
            let issuer = known(&open(&world, &keys).expect("an issuer can be made"));
            let secret = shared_secret(&*keys, "page-token.key", &SystemEntropy).expect("a secret");
            *first.lock().expect("not poisoned") = Some((issuer, secret));
        }
    });
    let keys = sealed(&memory, &text);
    let second = known(&open(&world, &keys).expect("an issuer can be made"));
    let secret = shared_secret(&*keys, "page-token.key", &SystemEntropy).expect("a secret");
    assert_eq!(first.lock().expect("not poisoned").take(), Some((second, secret)));
}

#[test]
fn of_two_rotations_at_once_both_keys_are_there() {
    let world = Arc::new(World::new());
    let (memory, text) = (Arc::new(MemoryKeys::default()), operator_key());
    let (one, two) = (sealed(&memory, &text), sealed(&memory, &text));
    let (one, two) = (open(&world, &one).expect("an issuer"), open(&world, &two).expect("the same issuer"));
    let old = one.signing_kid();
    memory.before_the_next_change(move || drop(two.rotate(OldKeys::Keep).expect("it rotates")));
    let kid = one.rotate(OldKeys::Keep).expect("it rotates");
    assert_eq!(one.signing_kid(), kid);
    assert_eq!(memory.names().len(), 4, "{:?}", memory.names());
    assert!(one.jwks_json().contains(&old));
    // With the old ones removed, what the other one made meanwhile goes as well.
    one.rotate(OldKeys::Remove).expect("it rotates");
    assert_eq!(memory.names().len(), 2, "{:?}", memory.names());
}

#[tokio::test]
async fn a_rotation_on_one_node_counts_on_the_other() {
    let world = World::new();
    let (memory, text) = (Arc::new(MemoryKeys::default()), operator_key());
    let one = open(&world, &sealed(&memory, &text)).expect("an issuer can be made");
    let two = Arc::new(open(&world, &sealed(&memory, &text)).expect("it is there"));
    let elsewhere = world.authenticator_with(&[], Some(two.clone()));
    let before = token(&one);
    world.check(&elsewhere, &before).await.expect("a token of one node is good on another");

    one.rotate(OldKeys::Keep).expect("it rotates");
    world.registry.change(|_| {});
    world.check(&elsewhere, &token(&one)).await.expect("the new key is known");
    world.check(&elsewhere, &before).await.expect("the old one still is");
    assert_eq!(known(&two), known(&one));

    one.rotate(OldKeys::Remove).expect("it rotates");
    world.registry.change(|_| {});
    assert_matches!(world.refusal(&elsewhere, &before).await, AuthError::UnknownKey { .. });
    world.check(&elsewhere, &token(&one)).await.expect("the newest key is known");
}

#[test]
fn with_another_operators_key_nothing_opens_and_nothing_is_made() {
    let world = World::new();
    let memory = Arc::new(MemoryKeys::default());
    let keys = sealed(&memory, &operator_key());
    open(&world, &keys).expect("an issuer can be made");
    let before = memory.contents().by_name;
    let error = open(&world, &sealed(&memory, &operator_key())).expect_err("another key").to_string();
    assert!(error.contains("is sealed with another key") && error.contains(&keys.key_id().to_string()), "{error}");
    assert!(memory.contents().by_name == before);
    // A thief of the storage who puts one secret in another one's place is found out.
    let mut names = before.keys();
    let (one, two) = (names.next().expect("a secret"), names.next().expect("another one"));
    let generation = memory.contents().generation;
    assert!(memory.replace(generation, &[(one.clone(), before[two].clone())], &[]).expect("written"));
    let error = open(&world, &keys).expect_err("swapped").to_string();
    assert!(error.contains(&format!("the secret `{one}` is damaged")), "{error}");
}

/// The operator's key changes while nodes run: those that know both read what either sealed.
#[test]
fn the_operators_key_is_replaced() {
    let world = World::new();
    let (memory, old, new) = (Arc::new(MemoryKeys::default()), operator_key(), operator_key());
    let keys = sealed(&memory, &old);
    let issuer = open(&world, &keys).expect("an issuer can be made");
    let both = Arc::new(SealedKeys::new(memory.clone(), Arc::new(OperatorKeys::new(key(&new), Some(key(&old))))));
    let in_between = open(&world, &both).expect("sealed with the old key");
    in_between.rotate(OldKeys::Keep).expect("sealed with the new one");
    assert_eq!(known(&in_between), known(&open(&world, &both).expect("sealed with both")));

    assert_eq!(both.reseal(&key(&new)).expect("resealed"), 3);
    let error = issuer.reload().expect_err("the old key opens nothing any more").to_string();
    assert!(error.contains("is sealed with another key"), "{error}");
    assert_eq!(known(&open(&world, &sealed(&memory, &new)).expect("the new key")), known(&in_between));
    in_between.reload().expect("whoever knows both goes on");
}

#[test]
fn a_shared_secret_of_another_length_is_named() {
    let memory = MemoryKeys::default();
    assert!(memory.replace(0, &[("page-token.key".to_owned(), vec![1; 31].into())], &[]).expect("written"));
    let error = shared_secret(&memory, "page-token.key", &SystemEntropy).expect_err("too short").to_string();
    assert_eq!(error, "the secret page-token.key holds 31 bytes instead of 32");
}

/// Somebody changes the keys faster than we can: an end, not a loop.
#[test]
fn a_change_is_given_up_some_time() {
    struct Restless(MemoryKeys);
    impl KeyStorage for Restless {
        fn read(&self) -> Result<Secrets, KeyStorageError> {
            self.0.read()
        }
        fn replace(&self, _: u64, _: &[(String, SecretBytes)], _: &[String]) -> Result<bool, KeyStorageError> {
            Ok(false)
        }
        fn place(&self, name: &str) -> String {
            self.0.place(name)
        }
    }
    let error = shared_secret(&Restless(MemoryKeys::default()), "a", &SystemEntropy);
    assert_matches!(error, Err(KeyStorageError::Contended));
}
