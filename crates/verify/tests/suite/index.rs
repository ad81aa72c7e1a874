//! The index finds every user under each of their names, and nobody else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use verify::identity::{
    Attribute, Hit, IdentityIndex, IndexBuilder, IndexError, Normaliser, Rule, RuleSet, directory_keys,
};

fn hits(index: &IdentityIndex, key: &str) -> Vec<(u32, Attribute)> {
    index.lookup(key.as_bytes()).map(|hit| (hit.user, hit.attribute)).collect()
}

#[test]
fn a_user_is_found_by_every_name() {
    let normaliser = Normaliser::default();
    let mut builder = IndexBuilder::new(1);
    let names = [
        (Attribute::UserPrincipalName, "Jane.Doe@Contoso.test"),
        (Attribute::Mail, "jane.doe@contoso.test"),
        (Attribute::ProxyAddress, "SMTP:Jane.Doe@contoso.test"),
        (Attribute::ProxyAddress, "smtp:jd@contoso.test"),
        (Attribute::ProxyAddress, "X500:/o=Contoso/cn=jane@x"),
        (Attribute::ProxyAddress, "sip:jane@contoso.test"),
        (Attribute::TargetAddress, "SMTP:jane@bücher.test"),
        (Attribute::OtherMail, "j.d.1990+work@googlemail.com"),
        (Attribute::FormerUserPrincipalName, "jane.roe@contoso.test"),
        (Attribute::Alias, "jane"),
        (Attribute::SamAccountName, "JDoe"),
        (Attribute::EmployeeId, "E-4711"),
    ];
    for (key, attribute) in directory_keys(&normaliser, names, &["CONTOSO", "contoso.test"]) {
        builder.add(&key, 9, attribute).expect("room");
    }
    let index = builder.finish();
    for (key, attributes) in [
        ("jane.doe@contoso.test", &[Attribute::UserPrincipalName, Attribute::Mail, Attribute::ProxyAddress][..]),
        ("jd@contoso.test", &[Attribute::ProxyAddress]),
        ("jane@xn--bcher-kva.test", &[Attribute::TargetAddress]),
        ("jane@bücher.test", &[Attribute::TargetAddress]),
        ("jd1990@gmail.com", &[Attribute::OtherMail]),
        ("jane.roe@contoso.test", &[Attribute::FormerUserPrincipalName]),
        ("jane", &[Attribute::Alias]),
        ("jdoe", &[Attribute::SamAccountName]),
        ("contoso\\jdoe", &[Attribute::QualifiedSamAccountName]),
        ("contoso.test\\jdoe", &[Attribute::QualifiedSamAccountName]),
        ("jdoe@contoso", &[Attribute::SamAccountNameAtDomain]),
        ("jdoe@contoso.test", &[Attribute::SamAccountNameAtDomain]),
        ("e-4711", &[Attribute::EmployeeId]),
        ("jane@contoso.test", &[]),
        ("", &[]),
    ] {
        let mut found: Vec<_> = hits(&index, key).into_iter().map(|(user, attribute)| (attribute, user)).collect();
        found.sort_unstable();
        let expected: Vec<_> = attributes.iter().map(|attribute| (*attribute, 9)).collect();
        assert_eq!(found, expected, "{key}");
    }
    let hit = index.lookup(b"jd1990@gmail.com").next().expect("found");
    assert_eq!(hit.rules, [Rule::AliasDomain, Rule::PlusTag, Rule::Dots].into_iter().collect());
}

#[test]
fn users_who_share_a_key_are_all_found_and_none_twice() {
    let mut builder = IndexBuilder::new(2);
    for user in [5, 3, 3, 8] {
        builder.add_text(b"admin", user, Attribute::Alias, RuleSet::NONE).expect("room");
    }
    builder.add_text(b"admin", 3, Attribute::Alias, RuleSet::NONE.with(Rule::CaseFold)).expect("room");
    builder.add_text(b"admin2", 4, Attribute::Alias, RuleSet::NONE).expect("room");
    let index = builder.finish();
    assert_eq!(index.len(), 5);
    assert_eq!(hits(&index, "admin").iter().map(|(user, _)| *user).collect::<Vec<_>>(), [3, 3, 5, 8]);
    assert_eq!(hits(&index, "admin2"), [(4, Attribute::Alias)]);
}

#[test]
fn an_empty_index_finds_nobody() {
    let index = IndexBuilder::new(0).finish();
    assert!(index.is_empty());
    assert_eq!(hits(&index, "jane"), []);
}

#[test]
fn a_key_that_is_no_name_is_refused() {
    let mut builder = IndexBuilder::new(0);
    let error = builder.add_text(&[b'a'; 1025], 1, Attribute::Mail, RuleSet::NONE);
    assert_eq!(error, Err(IndexError::KeyTooLong { found: 1025, limit: 1024 }));
    assert!(builder.finish().is_empty());
}

#[test]
fn a_large_index_finds_each_and_takes_little() {
    let count: u32 = 50_000;
    let mut builder = IndexBuilder::new(3);
    let mut bytes = 0;
    for user in 0..count {
        let key = format!("user{user}@contoso.test");
        bytes += key.len();
        builder.add_text(key.as_bytes(), user, Attribute::Mail, RuleSet::NONE).expect("room");
    }
    let index = builder.finish();
    for user in 0..count {
        assert_eq!(hits(&index, &format!("user{user}@contoso.test")), [(user, Attribute::Mail)]);
        assert_eq!(hits(&index, &format!("user{user}@fabrikam.test")), []);
    }
    let overhead = (index.memory_bytes() - bytes) / count as usize;
    assert!(overhead <= 16, "{overhead} bytes a key beside its text");
}

proptest! {
    #[test]
    fn it_answers_as_a_map_does(
        keys in proptest::collection::vec(("[ab@.]{0,4}", 0u32..6, proptest::sample::select(Attribute::ALL)), 0..200),
        seed in any::<u64>(),
        asked in proptest::collection::vec("[ab@.]{0,5}", 0..40),
    ) {
        let mut builder = IndexBuilder::new(seed);
        let mut map: BTreeMap<String, Vec<Hit>> = BTreeMap::new();
        for (key, user, attribute) in &keys {
            builder.add_text(key.as_bytes(), *user, *attribute, RuleSet::NONE).expect("room");
            map.entry(key.clone()).or_default().push(Hit { user: *user, attribute: *attribute, rules: RuleSet::NONE });
        }
        let index = builder.finish();
        for key in keys.iter().map(|(key, ..)| key).chain(&asked) {
            let mut expected = map.get(key).cloned().unwrap_or_default();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(index.lookup(key.as_bytes()).collect::<Vec<_>>(), expected);
        }
    }
}
