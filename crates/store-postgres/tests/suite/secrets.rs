//! Sealed secrets: read as a whole, replaced as a whole, by one node at a time.

use crate::support::{clock, open};
use postgres_cluster::shared;
use store::Store as _;

fn put(name: &str, sealed: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), sealed.to_vec())
}

#[tokio::test]
async fn secrets_are_replaced_as_a_whole_if_nobody_was_faster() {
    let database = shared().database();
    let (one, two) = (open(database.url(), clock()).await, open(database.url(), clock()).await);
    let empty = one.secrets().await.expect("read");
    assert_eq!((empty.generation, empty.sealed.len()), (0, 0));
    let epoch = two.registry_epoch().await.expect("read");

    let first = [put("issuer/issuer.json", b"\0\xff"), put("page-token.key", b"")];
    assert!(one.replace_secrets(0, &first, &[]).await.expect("written"));
    let found = two.secrets().await.expect("read");
    assert_eq!((found.generation, found.sealed.as_slice()), (1, first.as_slice()), "the other node sees them");
    assert!(two.registry_epoch().await.expect("read") > epoch, "and hears that it should look");

    // Whoever has read before that changes nothing.
    let epoch = one.registry_epoch().await.expect("read");
    let late = two.replace_secrets(0, &[put("late", b"x")], &["page-token.key".to_owned()]).await;
    assert!(!late.expect("answered"));
    assert_eq!(two.secrets().await.expect("read").sealed, first);
    assert_eq!(one.registry_epoch().await.expect("read"), epoch);

    let gone = ["issuer/issuer.json".to_owned(), "never there".to_owned()];
    assert!(two.replace_secrets(1, &[put("page-token.key", b"new")], &gone).await.expect("written"));
    let found = one.secrets().await.expect("read");
    assert_eq!((found.generation, found.sealed), (2, vec![put("page-token.key", b"new")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_replace_at_once_one_does() {
    let database = shared().database();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(open(database.url(), clock()).await);
    }
    for generation in 0..4 {
        let tasks: Vec<_> = (0..9)
            .map(|number: usize| {
                let node = nodes[number % nodes.len()].clone();
                let secret = put("secret", number.to_string().as_bytes());
                tokio::spawn(async move {
                    node.replace_secrets(generation, std::slice::from_ref(&secret), &[])
                        .await
                        .map(|done| (done, secret))
                })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            let (is_done, secret) = task.await.expect("no panic").expect("answered");
            done.extend(is_done.then_some(secret));
        }
        assert_eq!(done.len(), 1, "generation {generation}");
        let found = nodes[0].secrets().await.expect("read");
        assert_eq!((found.generation, found.sealed), (generation + 1, done));
    }
}
