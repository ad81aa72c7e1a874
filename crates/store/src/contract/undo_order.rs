//! Taking back what jobs did when others came after them: other jobs, which are taken back first, and people who delete.

use super::Harness;
use super::people::{
    Image, account, account_key, begun, credential, entry, noted, put, raise, raised, records, remediate, remove,
    sealed, told, undo,
};
use super::samples::{
    actor, begin, changes, create_user, delete_event, delete_user, event_key, execute, id, snapshot, user_key, user_of,
};
use crate::{Outcome, Store};
use model::{
    Account, AccountEntry, ChangedSet, Command, FindingNote, Image as Before, Job, JobKind, JobRecord, Note,
    RevertNote, Subject, TenantKey, Written,
};

/// Tells of an account with verifiers.
fn with(job: &Job, key: &str, number: u8) -> AccountEntry {
    AccountEntry { verifiers: Some(sealed(number)), ..entry(job, key, &format!("m{key}@fjord.example")) }
}

fn all_reverted(notes: &[(Subject, RevertNote)]) {
    assert!(!notes.is_empty() && notes.iter().all(|(_, note)| *note == RevertNote::Reverted), "{notes:?}");
}

fn of_account(key: &str) -> Subject {
    Subject::Account(account_key("ad", key))
}

fn of_user(text: &str) -> Subject {
    Subject::User(id(text))
}

async fn is_there(store: &dyn Store, tenant: TenantKey, user: &str) -> bool {
    store.load_user(tenant, &user_key(user)).await.expect("users can be read").is_some()
}

pub(super) async fn what_others_removed_since_is_left(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["1", "2"] {
        told(&*store, tenant, with(&first, key, 1)).await;
    }
    for event in ["f1", "f2"] {
        raised(&*store, tenant, raise(&first, event, credential("n2", "a"))).await;
    }
    let second = begun(&*store, tenant, "j2", JobKind::Import).await;
    for key in ["1", "2"] {
        told(
            &*store,
            tenant,
            AccountEntry { verifiers: Some(sealed(2)), ..entry(&second, key, &format!("x{key}@fjord.example")) },
        )
        .await;
    }
    for event in ["f1", "f2"] {
        assert_eq!(raised(&*store, tenant, raise(&second, event, credential("n2", "b"))).await, FindingNote::Added);
    }
    // Another job removes one user, somebody deletes one of the events, and a user whom a job brought comes and goes.
    let third = begun(&*store, tenant, "j3", JobKind::Import).await;
    noted(&*store, tenant, remove(&third, "ad", "1")).await;
    told(&*store, tenant, with(&second, "3", 1)).await;
    noted(&*store, tenant, remove(&third, "ad", "3")).await;
    execute(&*store, tenant, delete_event("f1")).await.expect("an event can be deleted");
    let by = begun(&*store, tenant, "j4", JobKind::Undo).await;
    let notes = undo(&*store, tenant, (&second, &by), false).await;
    let expected = [
        (Subject::Event(id("f1")), RevertNote::Changed),
        (Subject::Event(id("f2")), RevertNote::Reverted),
        (of_account("1"), RevertNote::Changed),
        (of_account("2"), RevertNote::Reverted),
        (of_account("3"), RevertNote::Reverted),
        (of_user("n1"), RevertNote::Changed),
        (of_user("n2"), RevertNote::Reverted),
        (of_user("n3"), RevertNote::Reverted),
    ];
    assert_eq!(notes, expected, "who came with the job and is gone is as before it");
    assert!(!is_there(&*store, tenant, "n1").await);

    // An event and a user can be forced; of an account, nobody knows whether its verifiers are still there.
    let notes = undo(&*store, tenant, (&second, &by), true).await;
    let expected = [
        (Subject::Event(id("f1")), RevertNote::Reverted),
        (of_account("1"), RevertNote::Changed),
        (of_user("n1"), RevertNote::Reverted),
    ];
    assert_eq!(notes, expected);
    assert!(is_there(&*store, tenant, "m1@fjord.example").await);
    assert_eq!(account(&*store, tenant, "ad", "1").await, None);
    snapshot(&*store, tenant).await;
}

pub(super) async fn a_deleted_user_leaves_no_record(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["1", "2"] {
        told(&*store, tenant, with(&first, key, 1)).await;
        told(&*store, tenant, AccountEntry { key: account_key("hr", key), ..with(&first, key, 1) }).await;
    }
    raised(&*store, tenant, raise(&first, "f1", credential("n1", "a"))).await;
    // What the second job keeps tells of an account that the user has no more, and of names that they had.
    let second = begun(&*store, tenant, "j2", JobKind::Import).await;
    for key in ["1", "2"] {
        told(
            &*store,
            tenant,
            AccountEntry { key: account_key("hr", key), ..entry(&second, key, &format!("x{key}@fjord.example")) },
        )
        .await;
        noted(&*store, tenant, remove(&second, "ad", key)).await;
    }
    noted(&*store, tenant, remediate(&second, "n1", "2024-03-03T00:00:00Z")).await;
    let mut read_before = records(&*store, tenant, &second).await;
    read_before.retain(|record| [of_account("1"), of_user("n1")].contains(&record.subject));
    assert_eq!(read_before.len(), 2);
    execute(&*store, tenant, delete_user("n1")).await.expect("a user can be deleted");
    for record in read_before {
        let revert = Command::Revert { job: second.creation, record: Box::new(record), force: true };
        assert_eq!(noted(&*store, tenant, revert).await, Note::Nothing, "whoever read it before is too late");
    }
    let subjects = async |job: &Job| -> Vec<Subject> {
        records(&*store, tenant, job).await.into_iter().map(|record| record.subject).collect()
    };
    let left = [Subject::Event(id("f1")), of_account("2"), Subject::Account(account_key("hr", "2")), of_user("n2")];
    for job in [&first, &second] {
        assert_eq!(subjects(job).await, left, "what happened stays, and the others");
    }
    let by = begun(&*store, tenant, "j3", JobKind::Undo).await;
    for job in [&second, &first] {
        all_reverted(&undo(&*store, tenant, (job, &by), true).await);
    }
    let image = snapshot(&*store, tenant).await;
    assert_eq!((image.users.len(), image.events.len()), (0, 0), "nobody comes back");
    for (source, key) in [("ad", "1"), ("hr", "1"), ("ad", "2"), ("hr", "2")] {
        assert_eq!(account(&*store, tenant, source, key).await, None);
    }

    // The same in one list, in which the user comes, and comes again.
    let third = begun(&*store, tenant, "j4", JobKind::Import).await;
    let commands = vec![
        put(with(&third, "5", 1)),
        put(AccountEntry { key: account_key("hr", "5"), ..with(&third, "5", 1) }),
        put(AccountEntry { is_administrator: Some(true), ..with(&second, "5", 2) }),
        remove(&second, "ad", "5"),
        delete_user("n5"),
        put(with(&third, "6", 1)),
        delete_user("n6"),
        put(with(&second, "6", 1)),
    ];
    store.execute_all(tenant, actor(), commands, None).await.expect("they are carried out");
    assert_eq!(subjects(&third).await, []);
    assert_eq!(subjects(&second).await, [of_account("6"), of_user("n6")]);
}

pub(super) async fn jobs_are_taken_back_newest_first(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("n4", "m4@fjord.example")).await;
    let mut jobs = Vec::new();
    for (text, kind) in
        [("import1", JobKind::Import), ("scan1", JobKind::Scan), ("import2", JobKind::Import), ("scan2", JobKind::Scan)]
    {
        let before = Image::take(&*store, tenant).await;
        let job = begun(&*store, tenant, text, kind).await;
        match text {
            "import1" => {
                for key in ["1", "2", "3", "4"] {
                    told(&*store, tenant, with(&job, key, 1)).await;
                }
            }
            "import2" => {
                let renamed = AccountEntry { verifiers: Some(sealed(2)), ..entry(&job, "1", "lind@fjord.example") };
                told(&*store, tenant, renamed).await;
                noted(&*store, tenant, remediate(&job, "n1", "2024-03-03T00:00:00Z")).await;
                noted(&*store, tenant, remove(&job, "ad", "2")).await;
                told(&*store, tenant, with(&job, "4", 2)).await;
                told(&*store, tenant, with(&job, "5", 2)).await;
            }
            _ => {
                for (event, user) in [("f1", "n1"), ("f4", "n4")] {
                    raised(&*store, tenant, raise(&job, event, credential(user, text))).await;
                }
            }
        }
        jobs.push((job, before));
    }
    for (number, (job, before)) in jobs.iter().enumerate().rev() {
        let after = Image::take(&*store, tenant).await;
        let begin = async |turn: u32| begun(&*store, tenant, &format!("undo{number}-{turn}"), JobKind::Undo).await;
        let by = begin(0).await;
        all_reverted(&undo(&*store, tenant, (job, &by), false).await);
        assert_eq!(Image::take(&*store, tenant).await, *before, "job {number}");
        // It is done again, and that is taken back too, before the job before that.
        let mut last = by;
        for (turn, expected) in [(1, &after), (2, before)] {
            let by = begin(turn).await;
            all_reverted(&undo(&*store, tenant, (&last, &by), false).await);
            assert_eq!(Image::take(&*store, tenant).await, *expected, "job {number}, turn {turn}");
            last = by;
        }
    }
    let image = snapshot(&*store, tenant).await;
    assert_eq!((image.users.len(), image.events.len()), (1, 0));
}

/// What one list takes back of what it did itself counts as what others wrote before.
pub(super) async fn a_list_takes_back_what_it_did(harness: &dyn Harness) {
    for splits in 0..1 << 4 {
        let tenant = super::samples::tenant(harness, 100 + splits).await;
        let store = harness.store();
        let jobs =
            [begun(&*store, tenant, "j1", JobKind::Import).await, begun(&*store, tenant, "j2", JobKind::Import).await]; // 1, 2
        let by = begun(&*store, tenant, "j3", JobKind::Undo).await; // 3
        let told_of = |job: &Job, is_administrator| {
            put(AccountEntry { is_administrator: Some(is_administrator), ..entry(job, "1", "mara@fjord.example") })
        };
        let revert = |job: &Job, sequence, before: Option<(bool, u64)>| {
            let before = before.map(|(is_administrator, version)| {
                Box::new(Account {
                    key: account_key("ad", "1"),
                    user: id("n1"),
                    names: entry(job, "1", "mara@fjord.example").names,
                    is_administrator,
                    verifiers: None,
                    is_outdated: false,
                    version,
                })
            });
            let (subject, image) = (of_account("1"), Before::Account(before));
            let record = JobRecord { job: job.creation, subject, sequence, is_gone: false, image };
            Command::Revert { job: by.creation, record: Box::new(record), force: false }
        };
        let commands = [
            told_of(&jobs[0], false),              // 4
            told_of(&jobs[1], true),               // 5
            revert(&jobs[1], 5, Some((false, 4))), // 6
            told_of(&jobs[1], true),               // 7
            revert(&jobs[1], 7, Some((false, 6))), // 8
        ];
        // Every way to cut it into lists comes to the same.
        let mut list = Vec::new();
        for (at, command) in commands.into_iter().enumerate() {
            list.push(command);
            if at == 4 || splits & 1 << at != 0 {
                let outcomes = store.execute_all(tenant, actor(), std::mem::take(&mut list), None).await;
                for outcome in outcomes.expect("they are carried out") {
                    let is_done =
                        matches!(outcome, Outcome::Noted(Note::Account(_) | Note::Reverted(RevertNote::Reverted)));
                    assert!(is_done, "{outcome:?}");
                }
            }
        }
        let kept: Vec<_> =
            records(&*store, tenant, &jobs[0]).await.into_iter().map(|kept| (kept.subject, kept.sequence)).collect();
        assert_eq!(kept, [(of_account("1"), 8), (of_user("n1"), 4)], "cut as {splits:b}");
        assert_eq!(records(&*store, tenant, &jobs[1]).await, []);
        all_reverted(&undo(&*store, tenant, (&jobs[0], &by), false).await);
        snapshot(&*store, tenant).await;
    }
}

pub(super) async fn an_undo_with_nothing_to_do_says_of_what(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Import).await;
    told(&*store, tenant, entry(&first, "1", "mara@fjord.example")).await;
    raised(&*store, tenant, raise(&first, "f1", credential("n1", "a"))).await;
    let second = begun(&*store, tenant, "j2", JobKind::Import).await;
    noted(&*store, tenant, remove(&second, "ad", "1")).await;
    execute(&*store, tenant, delete_event("f1")).await.expect("an event can be deleted");
    let by = begun(&*store, tenant, "j3", JobKind::Undo).await;
    let before = changes(&*store, tenant).await.len();
    all_reverted(&undo(&*store, tenant, (&first, &by), false).await);
    let log = changes(&*store, tenant).await;
    let entries: Vec<_> = log[before..].iter().map(|change| (change.entry.set, &*change.entry.id)).collect();
    let of = |id| (ChangedSet::Accounts, id);
    assert_eq!(entries, [of("f1"), of("1"), of("n1")], "the event, the account, and the user");
    assert!(log.iter().all(|change| !change.entry.id.is_empty()));
    assert_eq!(store.load_event(tenant, &event_key("f1")).await.expect("events can be read"), None);
    assert_eq!(records(&*store, tenant, &first).await, []);
    assert_eq!(records(&*store, tenant, &by).await, [], "there is nothing to put back");
    snapshot(&*store, tenant).await;
}

pub(super) async fn an_entry_means_who_is_there(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    for (user, name) in [("u1", "mara@fjord.example"), ("u2", "tor@fjord.example"), ("u3", "åse@fjord.example")] {
        user_of(&*store, tenant, create_user(user, name)).await;
    }
    execute(&*store, tenant, delete_user("u1")).await.expect("a user can be deleted");
    let hr = |key: &str, matched: &str, new_id: &str, name: &str| AccountEntry {
        key: account_key("hr", key),
        matched: Some(id(matched)),
        new_id: id(new_id),
        ..entry(&job, "x", name)
    };
    // Names led to somebody who is gone since: the id counts then, and when nobody has that either, the user is new.
    for (told_of, user, written) in [
        (hr("1", "u1", "u2", "t.lind@fjord.example"), "u2", Written::Linked),
        (hr("2", "u3", "u2", "a.lind@fjord.example"), "u3", Written::Linked),
        (hr("3", "u1", "u9", "new@fjord.example"), "u9", Written::Created),
    ] {
        let note = told(&*store, tenant, told_of).await;
        assert_eq!((note.user.as_str(), note.written), (user, written));
    }
    // In one list, too, in which the user goes and the other one comes.
    let commands = vec![
        delete_user("u3"),
        create_user("u4", "eli@fjord.example"),
        put(hr("4", "u3", "u4", "e.lind@fjord.example")),
    ];
    store.execute_all(tenant, actor(), commands, None).await.expect("they are carried out");
    assert_eq!(account(&*store, tenant, "hr", "4").await.map(|account| account.user), Some(id("u4")));
    snapshot(&*store, tenant).await;
}
