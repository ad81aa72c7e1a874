//! Accounts of imported directories.

use super::Harness;
use super::people::{account, account_key, begun, credential, entry, noted, put, put_job, raise, remove, sealed, told};
use super::samples::{
    begin, changes, create_event, create_user, delete_user, execute, id, new_event, snapshot, user_key, user_of,
};
use crate::{AccountRow, Accounts, Store, StoreError, VerifierRow, WriteError};
use model::{
    Account, AccountEntry, AccountName, ChangeKind, ChangedSet, FORMER_NAME, JobKind, Note, Refusal, TenantKey,
    VerifierMark, VerifierNote, Written, edm,
};
use odata::encode::{Cell, Row as _};

pub(super) async fn an_account_is_told_and_told_again(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    let first = entry(&job, "1", "Mara@fjord.example");
    let note = told(&*store, tenant, first.clone()).await;
    assert_eq!((note.user.as_str(), note.written, note.verifiers), ("n1", Written::Created, VerifierNote::Untold));
    let kept = account(&*store, tenant, "ad", "1").await.expect("an account");
    let expected = Account {
        key: account_key("ad", "1"),
        user: id("n1"),
        names: first.names.clone(),
        is_administrator: false,
        verifiers: None,
        is_outdated: false,
        version: 2,
    };
    assert_eq!(kept, expected);
    let user = store.load_user(tenant, &user_key("mara@FJORD.example")).await.expect("users can be read").expect("n1");
    assert_eq!((user.id(), user.display_name(), user.version()), (id("n1"), "Mara 1", 2));

    assert_eq!(told(&*store, tenant, first.clone()).await.written, Written::Unchanged);
    assert_eq!(changes(&*store, tenant).await.len(), 2, "nothing has changed");

    let mail = AccountName { attribute: "proxyAddresses".into(), value: "łind \"x\"@fjord.example".into() };
    let more =
        AccountEntry { names: vec![first.names[0].clone(), mail], is_administrator: Some(true), ..first.clone() };
    let note = told(&*store, tenant, more.clone()).await;
    assert_eq!(note.written, Written::Updated);
    let kept = account(&*store, tenant, "ad", "1").await.expect("an account");
    assert_eq!((kept.names, kept.is_administrator, kept.version), (more.names.clone(), true, 3));
    let silent = AccountEntry { is_administrator: None, ..more };
    assert_eq!(told(&*store, tenant, silent).await.written, Written::Unchanged, "what is not said stays");
    let log = changes(&*store, tenant).await;
    let entry_of = |at: usize| (log[at].entry.set, log[at].entry.kind, &*log[at].entry.id);
    assert_eq!(entry_of(1), (ChangedSet::Users, ChangeKind::Created, "n1"));
    assert_eq!(entry_of(2), (ChangedSet::Accounts, ChangeKind::Updated, "n1"));

    // Another directory knows the same user: by name, by id, or by what the names lead to.
    user_of(&*store, tenant, create_user("u2", "tor@fjord.example")).await;
    user_of(&*store, tenant, create_user("u3", "åse@fjord.example")).await;
    let hr = |key: &str, name: &str| AccountEntry { key: account_key("hr", key), ..entry(&job, "x", name) };
    let by_name = hr("1", "MARA@fjord.example");
    let by_id = AccountEntry { new_id: id("u2"), ..hr("2", "tor@fjord.example") };
    let by_match = AccountEntry { matched: Some(id("u3")), ..hr("3", "new.name@fjord.example") };
    for (told_of, user) in [(by_name, "n1"), (by_id, "u2"), (by_match, "u3")] {
        let note = told(&*store, tenant, told_of).await;
        assert_eq!((note.user.as_str(), note.written), (user, Written::Linked));
    }
    let users = snapshot(&*store, tenant).await.users.len();
    assert_eq!(users, 3, "none is new");
}

pub(super) async fn a_renamed_user_keeps_the_former_name(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    told(&*store, tenant, entry(&job, "1", "mara@fjord.example")).await;
    told(&*store, tenant, entry(&job, "2", "tor@fjord.example")).await;
    let before = snapshot(&*store, tenant).await;
    let refused = execute(&*store, tenant, put(entry(&job, "1", "TOR@fjord.example"))).await;
    assert!(matches!(refused, Err(WriteError::Refused(Refusal::NameTaken(_)))), "{refused:?}");
    assert_eq!(snapshot(&*store, tenant).await, before);

    for name in ["mara.lind@fjord.example", "m.lind@fjord.example", "M.Lind@fjord.example"] {
        assert_eq!(told(&*store, tenant, entry(&job, "1", name)).await.written, Written::Updated);
    }
    let kept = account(&*store, tenant, "ad", "1").await.expect("an account");
    let former: Vec<&str> =
        kept.names.iter().filter(|name| &*name.attribute == FORMER_NAME).map(|name| &*name.value).collect();
    assert_eq!(former, ["mara@fjord.example", "mara.lind@fjord.example"], "case alone is no other name");
    let user = store.load_user(tenant, &user_key("n1")).await.expect("users can be read").expect("n1");
    assert_eq!(user.cell(edm::user::USER_PRINCIPAL_NAME), Cell::Text("M.Lind@fjord.example"));
    // The name is free now.
    assert_eq!(told(&*store, tenant, entry(&job, "3", "mara@fjord.example")).await.written, Written::Created);
}

async fn outdated(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let found = store.accounts(tenant, Accounts::Outdated, None, 9).await.expect("accounts can be read");
    found.into_iter().map(|account| account.key.key.into()).collect()
}

pub(super) async fn verifiers_are_kept_and_told_apart(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    let with = |key: &str, number: u8| AccountEntry {
        verifiers: Some(sealed(number)),
        ..entry(&job, key, &format!("m{key}@fjord.example"))
    };
    for key in ["1", "2"] {
        assert_eq!(told(&*store, tenant, with(key, 1)).await.verifiers, VerifierNote::First);
        let note = told(&*store, tenant, with(key, 1)).await;
        assert_eq!((note.written, note.verifiers), (Written::Unchanged, VerifierNote::Same));
    }
    let silent = entry(&job, "1", "m1@fjord.example");
    assert_eq!(told(&*store, tenant, silent).await.written, Written::Unchanged, "they stay");
    let mark = account(&*store, tenant, "ad", "1").await.and_then(|account| account.verifiers);
    assert_eq!(mark, Some(VerifierMark { number: 2, tag: [1; 16] }));

    // Only the first of the two has something to close.
    execute(&*store, tenant, raise(&job, "e1", credential("n1", "a"))).await.expect("a finding");
    for key in ["1", "2"] {
        assert_eq!(told(&*store, tenant, with(key, 2)).await.verifiers, VerifierNote::Changed);
    }
    assert_eq!(outdated(&*store, tenant).await, ["1"]);
    assert_eq!(told(&*store, tenant, with("1", 2)).await.verifiers, VerifierNote::Same);
    assert_eq!(outdated(&*store, tenant).await, ["1"], "until somebody closes them");

    let kept = store.verifiers(tenant, 0, 9).await.expect("verifiers can be read");
    let seen: Vec<_> =
        kept.iter().map(|kept| (kept.number, &*kept.account.key, kept.user.as_str(), kept.sealed[0])).collect();
    assert_eq!(seen, [(2, "1", "n1", 1), (3, "2", "n2", 1), (5, "1", "n1", 2), (6, "2", "n2", 2)]);
    assert!(kept.iter().all(|kept| kept.sealed.len() == 40 && &*kept.account.source == "ad"));
    let mark = account(&*store, tenant, "ad", "1").await.and_then(|account| account.verifiers);
    assert_eq!(mark, Some(VerifierMark { number: 5, tag: [2; 16] }));
}

pub(super) async fn a_user_without_an_account_is_gone(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    let name = "mara@fjord.example";
    told(&*store, tenant, AccountEntry { verifiers: Some(sealed(1)), ..entry(&job, "1", name) }).await;
    told(&*store, tenant, AccountEntry { key: account_key("hr", "1"), ..entry(&job, "1", name) }).await;
    execute(&*store, tenant, create_event(model::NewRiskEvent { user_id: "n1".into(), ..new_event("e1") }))
        .await
        .expect("an event");
    assert_eq!(noted(&*store, tenant, remove(&job, "ad", "2")).await, Note::Nothing);
    let Note::Account(note) = noted(&*store, tenant, remove(&job, "ad", "1")).await else { panic!("no account") };
    assert_eq!((note.user.as_str(), note.written), ("n1", Written::Updated), "another directory knows the user");
    assert_eq!(account(&*store, tenant, "ad", "1").await, None);
    let risky = store.load_risky_user(tenant, "n1").await.expect("users at risk can be read").expect("n1");
    assert!(!risky.is_deleted);

    let Note::Account(note) = noted(&*store, tenant, remove(&job, "hr", "1")).await else { panic!("no account") };
    assert_eq!((note.user.as_str(), note.written), ("n1", Written::Removed));
    assert_eq!(store.load_user(tenant, &user_key("n1")).await.expect("users can be read"), None);
    let risky = store.load_risky_user(tenant, "n1").await.expect("users at risk can be read").expect("n1");
    assert!(risky.is_deleted && risky.open.all() == 1, "{risky:?}");
    let kept = store.verifiers(tenant, 0, 9).await.expect("verifiers can be read");
    assert_eq!(kept.len(), 1, "they stay while the job can be undone");
    snapshot(&*store, tenant).await;
}

pub(super) async fn a_deleted_user_leaves_no_secret(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    for (key, name) in [("1", "mara@fjord.example"), ("2", "tor@fjord.example")] {
        for number in [1, 2] {
            told(&*store, tenant, AccountEntry { verifiers: Some(sealed(number)), ..entry(&job, key, name) }).await;
        }
    }
    let found = vec![credential("n1", "a"), credential("n2", "a")];
    execute(&*store, tenant, put_job(&job, Some(job.version), found)).await.expect("a job");
    execute(&*store, tenant, delete_user("n1")).await.expect("a user can be deleted");
    assert_eq!(account(&*store, tenant, "ad", "1").await, None);
    let kept = store.verifiers(tenant, 0, 9).await.expect("verifiers can be read");
    assert_eq!(kept.iter().map(|kept| kept.user.as_str()).collect::<Vec<_>>(), ["n2", "n2"]);
    let found = store.found(tenant, job.creation, None, 9).await.expect("findings can be read");
    assert_eq!(found.iter().map(|found| found.user.as_str()).collect::<Vec<_>>(), ["n2"]);
    snapshot(&*store, tenant).await;
}

/// Rows that are borrowed tell what those tell that are not, page by page.
async fn they_are_looked_at_as_they_are_read(store: &dyn Store, tenant: TenantKey) {
    let accounts = store.accounts(tenant, Accounts::All, None, 99).await.expect("accounts can be read");
    let verifiers = store.verifiers(tenant, 0, 99).await.expect("verifiers can be read");
    for limit in [1, 7, accounts.len() as u32, 99] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let before = seen.len();
            let mut sink = |row: &AccountRow<'_>| {
                let (key, mut names) = (account_key(row.source, row.key), Vec::new());
                row.each_name(|attribute, value| {
                    names.push(AccountName { attribute: attribute.into(), value: value.into() });
                })?;
                seen.push((key, row.user.to_owned(), names, row.is_administrator, row.verifiers));
                Ok(())
            };
            after = store.look_at_accounts(tenant, after.as_ref(), limit, &mut sink).await.expect("a page");
            assert!(seen.len() <= before + limit as usize);
            let Some(after) = &after else { break };
            assert_eq!(seen.last().map(|(key, ..)| key), Some(after), "by {limit}");
        }
        let expected = accounts.iter().map(|account| {
            let number = account.verifiers.map(|mark| mark.number);
            (account.key.clone(), account.user.to_string(), account.names.clone(), account.is_administrator, number)
        });
        assert_eq!(seen, expected.collect::<Vec<_>>(), "by {limit}");

        let (mut seen, mut after) = (Vec::new(), Some(0));
        while let Some(number) = after {
            let mut sink = |row: &VerifierRow<'_>| {
                seen.push((row.number, account_key(row.source, row.key), row.sealed.to_vec()));
                Ok(())
            };
            after = store.look_at_verifiers(tenant, number, limit, &mut sink).await.expect("a page");
        }
        let expected = verifiers.iter().map(|kept| (kept.number, kept.account.clone(), kept.sealed.to_vec()));
        assert_eq!(seen, expected.collect::<Vec<_>>(), "by {limit}");
    }
    let mut refuse = |_: &AccountRow<'_>| Err(StoreError::Corrupt("enough".to_owned()));
    let ended = store.look_at_accounts(tenant, None, 9, &mut refuse).await;
    assert!(matches!(ended, Err(StoreError::Corrupt(why)) if why == "enough"), "an error of the sink ends the reading");
    let mut refuse = |_: &VerifierRow<'_>| Err(StoreError::Corrupt("enough".to_owned()));
    assert!(store.look_at_verifiers(tenant, 0, 9, &mut refuse).await.is_err());
}

pub(super) async fn accounts_are_read_in_pages(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    // By code point, whatever the language: upper case first, what is not ASCII last, and a prefix before the longer.
    let keys = ["B", "a", "a0", "b", "ß", "\u{1f6a2}"];
    for (number, (source, key)) in
        ["ad", "hr", "hr-2"].into_iter().flat_map(|source| keys.map(|key| (source, key))).rev().enumerate()
    {
        let told_of = AccountEntry {
            key: account_key(source, key),
            new_id: id(&format!("u{number}")),
            verifiers: Some(sealed(1)),
            ..entry(&job, "1", &format!("m{number}@fjord.example"))
        };
        told(&*store, tenant, told_of).await;
    }
    let everybody: Vec<_> = (0..18).chain([0, 99]).map(|number| id(&format!("u{number}"))).collect();
    for (which, sources) in [
        (Accounts::All, &["ad", "hr", "hr-2"][..]),
        (Accounts::OfSource("hr"), &["hr"]),
        (Accounts::OfSource("h"), &[]),
        (Accounts::OfUsers(&everybody), &["ad", "hr", "hr-2"]),
        (Accounts::OfUsers(&[]), &[]),
    ] {
        for limit in [1, 4, 300] {
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let some = store.accounts(tenant, which, after.as_ref(), limit).await.expect("accounts can be read");
                assert!(some.len() <= limit as usize);
                let Some(last) = some.last() else { break };
                after = Some(last.key.clone());
                all.extend(some.into_iter().map(|account| account.key));
            }
            let expected: Vec<_> = sources.iter().flat_map(|source| keys.map(|key| account_key(source, key))).collect();
            assert_eq!(all, expected, "{which:?} by {limit}");
        }
    }
    let two = [id("u4"), id("u2")];
    let theirs = store.accounts(tenant, Accounts::OfUsers(&two), None, 9).await.expect("accounts can be read");
    assert!(theirs.is_sorted_by_key(|account| account.key.clone()));
    let users: std::collections::BTreeSet<_> = theirs.into_iter().map(|account| account.user).collect();
    assert_eq!(users, two.into_iter().collect());
    for (after, count) in [(account_key("a", "z"), 6), (account_key("hr", "a0"), 3), (account_key("hr-2", ""), 0)] {
        let some = store.accounts(tenant, Accounts::OfSource("hr"), Some(&after), 9).await;
        assert_eq!(some.expect("accounts can be read").len(), count, "{after:?}");
    }
    let (mut numbers, mut after) = (Vec::new(), 0);
    loop {
        let some = store.verifiers(tenant, after, 5).await.expect("verifiers can be read");
        let Some(last) = some.last() else { break };
        after = last.number;
        numbers.extend(some.iter().map(|kept| kept.number));
    }
    assert_eq!(numbers, (2..20).collect::<Vec<_>>());
    they_are_looked_at_as_they_are_read(&*store, tenant).await;
    assert_eq!(store.verifiers(tenant, u64::MAX, 5).await.expect("verifiers can be read"), []);
}
