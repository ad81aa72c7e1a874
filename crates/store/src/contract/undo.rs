//! Taking back what jobs did.

use super::Harness;
use super::people::{
    Image, account, account_key, begun, credential, entry, noted, place, put, put_job, raise, raised, records,
    remediate, remove, sealed, told, undo,
};
use super::samples::{
    Dice, begin, changes, create_event, create_user, delete_event, event_key, execute, id, new_event, snapshot, ticks,
    update_event, update_user, user_of,
};
use crate::{Store, WriteError};
use model::{
    AccountEntry, Command, EventKind, Finding, FindingNote, FoundCredential, Job, JobKind, MatchClass, NewRiskEvent,
    Precondition, RevertNote, RiskEventDraft, RiskLevel, RiskState, Subject, TenantKey, Total,
};

/// Tells of an account with verifiers.
fn with(job: &Job, key: &str, number: u8) -> AccountEntry {
    AccountEntry { verifiers: Some(sealed(number)), ..entry(job, key, &format!("m{key}@fjord.example")) }
}

fn all_reverted(notes: &[(Subject, RevertNote)]) {
    assert!(notes.iter().all(|(_, note)| *note == RevertNote::Reverted), "{notes:?}");
}

pub(super) async fn what_a_job_did_is_taken_back(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["1", "2", "3"] {
        told(&*store, tenant, with(&first, key, 1)).await;
    }
    raised(&*store, tenant, raise(&first, "f1", credential("n1", "a"))).await;
    let risk = async || {
        let user = store.load_risky_user(tenant, "n1").await.expect("users at risk can be read").expect("n1");
        (user.risk, user.open, user.events, user.is_deleted)
    };
    let (before, risk_before) = (Image::take(&*store, tenant).await, risk().await);
    let totals = store.totals(tenant).await.expect("totals can be read");

    // One is changed and made safe, one renamed, one is gone, one new, and one known to another directory too.
    let second = begun(&*store, tenant, "j2", JobKind::Import).await;
    told(&*store, tenant, with(&second, "1", 2)).await;
    noted(&*store, tenant, remediate(&second, "n1", "2024-03-03T00:00:00Z")).await;
    told(&*store, tenant, entry(&second, "2", "other@fjord.example")).await;
    noted(&*store, tenant, remove(&second, "ad", "3")).await;
    told(&*store, tenant, with(&second, "4", 1)).await;
    told(&*store, tenant, AccountEntry { key: account_key("hr", "1"), ..with(&second, "1", 2) }).await;
    let after = Image::take(&*store, tenant).await;
    assert_ne!(after, before);
    let of_records = records(&*store, tenant, &second).await;
    assert_eq!(of_records.len(), 9, "an event, five accounts, three users: {of_records:?}");

    let third = begun(&*store, tenant, "j3", JobKind::Undo).await;
    all_reverted(&undo(&*store, tenant, (&second, &third), false).await);
    assert_eq!(Image::take(&*store, tenant).await, before);
    assert_eq!(risk().await, risk_before);
    assert_eq!(store.totals(tenant).await.expect("totals can be read").len(), totals.len());
    assert_eq!(records(&*store, tenant, &second).await, [], "what is taken back is no longer kept");
    snapshot(&*store, tenant).await;

    // Taking back is a job like any other.
    let fourth = begun(&*store, tenant, "j4", JobKind::Undo).await;
    all_reverted(&undo(&*store, tenant, (&third, &fourth), false).await);
    assert_eq!(Image::take(&*store, tenant).await, after);
    let fifth = begun(&*store, tenant, "j5", JobKind::Undo).await;
    all_reverted(&undo(&*store, tenant, (&fourth, &fifth), false).await);
    assert_eq!(Image::take(&*store, tenant).await, before);
    let findings = store.check().await.expect("the store can be checked");
    let unsound: Vec<_> =
        findings.iter().filter(|finding| !finding.sound && !harness.unsound().contains(&finding.subject)).collect();
    assert!(unsound.is_empty(), "{unsound:?}");
}

pub(super) async fn what_a_job_found_is_taken_back(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    for (user, name) in [("u1", "mara@fjord.example"), ("u2", "tor@fjord.example")] {
        user_of(&*store, tenant, create_user(user, name)).await;
    }
    let first = begun(&*store, tenant, "j1", JobKind::Scan).await;
    for text in ["more", "closed"] {
        raised(&*store, tenant, raise(&first, text, credential("u1", "a"))).await;
    }
    noted(&*store, tenant, remediate(&first, "u1", "2024-03-05T00:00:00Z")).await;
    let before = Image::take(&*store, tenant).await;
    let second = begun(&*store, tenant, "j2", JobKind::Scan).await;
    let newer = FoundCredential { as_of: ticks("2024-03-06T00:00:00Z"), ..credential("u1", "a") };
    for (event, found, note) in [
        ("more", FoundCredential { occurrences: 5, ..credential("u1", "a") }, FindingNote::Added),
        ("more", credential("u1", "b"), FindingNote::Added),
        ("more", credential("u1", "c"), FindingNote::Added),
        ("closed", newer, FindingNote::Reopened),
        ("new", credential("u1", "a"), FindingNote::Raised),
        ("of-other", credential("u2", "a"), FindingNote::Raised),
    ] {
        assert_eq!(raised(&*store, tenant, raise(&second, event, found)).await, note, "{event}");
    }
    let third = begun(&*store, tenant, "j3", JobKind::Undo).await;
    all_reverted(&undo(&*store, tenant, (&second, &third), false).await);
    assert_eq!(Image::take(&*store, tenant).await, before);
    let user = store.load_risky_user(tenant, "u1").await.expect("users at risk can be read").expect("u1");
    assert_eq!((user.risk.level, user.risk.state, user.events), (RiskLevel::None, RiskState::Remediated, 2));
    let user = store.load_risky_user(tenant, "u2").await.expect("users at risk can be read").expect("u2");
    assert_eq!((user.risk.state, user.events), (RiskState::None, 0));
    // The same found once more is the same event once more.
    assert_eq!(raised(&*store, tenant, raise(&first, "new", credential("u1", "a"))).await, FindingNote::Raised);
    snapshot(&*store, tenant).await;
}

pub(super) async fn what_others_changed_since_is_left(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["1", "2"] {
        told(&*store, tenant, with(&job, key, 1)).await;
    }
    for text in ["f1", "f2"] {
        raised(&*store, tenant, raise(&job, text, credential("n1", "a"))).await;
    }
    let other = begun(&*store, tenant, "j2", JobKind::Import).await;
    told(&*store, tenant, AccountEntry { is_administrator: Some(true), ..with(&other, "2", 1) }).await;
    execute(&*store, tenant, update_user("n1", r#"{"department":"IT"}"#)).await.expect("a user");
    let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    execute(&*store, tenant, update_event("f1", patch)).await.expect("an event");
    let by = begun(&*store, tenant, "j3", JobKind::Undo).await;
    let before = changes(&*store, tenant).await.len();

    let notes = undo(&*store, tenant, (&job, &by), false).await;
    let expected = [
        (Subject::Event(id("f1")), RevertNote::Changed),
        (Subject::Event(id("f2")), RevertNote::Reverted),
        (Subject::Account(account_key("ad", "1")), RevertNote::Reverted),
        (Subject::Account(account_key("ad", "2")), RevertNote::Changed),
        (Subject::User(id("n1")), RevertNote::Changed),
        (Subject::User(id("n2")), RevertNote::Blocked),
    ];
    assert_eq!(notes, expected, "of the last one another account is left");
    assert_eq!(changes(&*store, tenant).await.len(), before + 2);
    assert_eq!(records(&*store, tenant, &job).await.len(), 4, "what was left can still be taken back");
    assert!(account(&*store, tenant, "ad", "2").await.expect("an account").is_administrator);

    all_reverted(&undo(&*store, tenant, (&job, &by), true).await);
    let image = snapshot(&*store, tenant).await;
    assert_eq!((image.events.len(), image.users.len()), (0, 0));
    assert_eq!(account(&*store, tenant, "ad", "2").await, None);
    assert_eq!(
        store
            .totals(tenant)
            .await
            .expect("totals can be read")
            .iter()
            .filter(|(total, _)| *total == Total::Users)
            .count(),
        0
    );
}

pub(super) async fn what_cannot_be_taken_back_is_told(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Import).await;
    told(&*store, tenant, entry(&first, "1", "mara@fjord.example")).await;
    told(&*store, tenant, entry(&first, "2", "tor@fjord.example")).await;
    raised(&*store, tenant, raise(&first, "f1", credential("n1", "a"))).await;
    let second = begun(&*store, tenant, "j2", JobKind::Import).await;
    told(&*store, tenant, entry(&second, "1", "lind@fjord.example")).await;
    noted(&*store, tenant, remove(&second, "ad", "2")).await;
    noted(&*store, tenant, remediate(&second, "n1", "2024-03-05T00:00:00Z")).await;
    // Both names have others now, and the event is about somebody else.
    for (user, name) in [("u1", "mara@fjord.example"), ("u2", "TOR@fjord.example")] {
        user_of(&*store, tenant, create_user(user, name)).await;
    }
    let set =
        Command::SetImpactedUser { event: event_key("f1"), precondition: Precondition::default(), user: id("u1") };
    execute(&*store, tenant, set).await.expect("an event");
    let by = begun(&*store, tenant, "j3", JobKind::Undo).await;
    let notes = undo(&*store, tenant, (&second, &by), true).await;
    let expected = [
        (Subject::Event(id("f1")), RevertNote::Blocked),
        (Subject::Account(account_key("ad", "1")), RevertNote::Reverted),
        (Subject::Account(account_key("ad", "2")), RevertNote::Reverted),
        (Subject::User(id("n1")), RevertNote::Blocked),
        (Subject::User(id("n2")), RevertNote::Blocked),
    ];
    assert_eq!(notes, expected);
    // Once the names are free, it goes on.
    for user in ["u1", "u2"] {
        execute(&*store, tenant, super::samples::delete_user(user)).await.expect("a user can be deleted");
    }
    let notes = undo(&*store, tenant, (&second, &by), false).await;
    let expected = [
        (Subject::Event(id("f1")), RevertNote::Changed),
        (Subject::User(id("n1")), RevertNote::Reverted),
        (Subject::User(id("n2")), RevertNote::Reverted),
    ];
    assert_eq!(notes, expected);
    // An event that is gone is brought back, with what was found.
    execute(&*store, tenant, delete_event("f1")).await.expect("an event can be deleted");
    all_reverted(&undo(&*store, tenant, (&second, &by), true).await);
    assert!(store.load_event(tenant, &event_key("f1")).await.expect("events can be read").is_some());
    snapshot(&*store, tenant).await;
}

/// A command of a directory's import.
fn import_by_chance(dice: &mut Dice, job: &Job) -> Command {
    let number = dice.below(5);
    let (key, source) = (format!("{number}"), dice.one_of(&["ad", "hr"]));
    match dice.below(10) {
        0..=5 => {
            let name = format!("m{number}{}@fjord.example", dice.one_of(&["", "x", "y"]));
            let verifiers = (dice.below(2) == 0).then(|| sealed(dice.below(3) as u8));
            let is_administrator = dice.one_of(&[None, Some(true), Some(false)]);
            let told = AccountEntry { key: account_key(source, &key), ..entry(job, &key, &name) };
            put(AccountEntry { verifiers, is_administrator, ..told })
        }
        6 | 7 => remove(job, source, &key),
        _ => remediate(job, &format!("n{number}"), dice.one_of(&["2024-03-02T00:00:00Z", "2024-03-04T00:00:00Z"])),
    }
}

/// A finding of a scan.
fn finding_by_chance(dice: &mut Dice, job: &Job) -> Command {
    let user = format!("n{}", dice.below(5));
    let event = format!("{user}-{}", dice.below(3));
    let found = credential(&user, dice.one_of(&["a", "b", "c"]));
    let match_class = dice.one_of(&[MatchClass::Pair, MatchClass::Similar, MatchClass::AddressOnly]);
    let found = FoundCredential {
        finding: Finding { match_class, ..found.finding.clone() },
        proof: (dice.below(4) == 0).then(|| (account_key("ad", &user[1..]), 1 + dice.below(40))),
        as_of: ticks(dice.one_of(&["2024-03-03T00:00:00Z", "2024-03-05T00:00:00Z"])),
        occurrences: 1 + dice.below(3) as i32,
        ..found
    };
    raise(job, &event, found)
}

/// A command of a job, whose version is not looked at.
pub(super) fn job_by_chance(dice: &mut Dice, job: &Job) -> Command {
    match dice.below(12) {
        0..=5 => import_by_chance(dice, job),
        6..=10 => finding_by_chance(dice, job),
        _ => put_job(
            &Job { id: id(&format!("j{}", dice.below(1000))), ..job.clone() },
            None,
            vec![FoundCredential {
                place: (dice.below(4) > 0).then(|| place(dice.one_of(&["a", "b"]), dice.below(9))),
                ..credential(&format!("n{}", dice.below(5)), "a")
            }],
        ),
    }
}

/// Carries out commands of a job; answers how many changed something.
async fn carry_out(store: &dyn Store, tenant: TenantKey, commands: impl Iterator<Item = Command>) -> usize {
    let before = changes(store, tenant).await.len();
    for command in commands {
        match execute(store, tenant, command.clone()).await {
            Ok(_) | Err(WriteError::Refused(_)) => {}
            Err(error) => panic!("{command:?} failed: {error}"),
        }
    }
    changes(store, tenant).await.len() - before
}

/// Takes a job back. One thing can stand in the way of another, so again and again, as long as that helps.
async fn undone(store: &dyn Store, tenant: TenantKey, jobs: (&Job, &Job)) {
    loop {
        let notes = undo(store, tenant, jobs, false).await;
        if notes.is_empty() {
            return;
        }
        assert!(notes.iter().any(|(_, note)| *note == RevertNote::Reverted), "nothing helps: {notes:?}");
    }
}

/// Imports and scans by chance, on few accounts and events, so that they meet each other and what was there before; the
/// latest is taken back first.
pub(super) async fn whatever_jobs_did_is_taken_back(harness: &dyn Harness) {
    let mut changed = 0;
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let tenant = super::samples::tenant(harness, 100 + u128::from(seed)).await;
        let store = harness.store();
        for number in [0, 1] {
            let (user, name) = (format!("n{number}"), format!("m{number}@fjord.example"));
            user_of(&*store, tenant, create_user(&user, &name)).await;
            let new = NewRiskEvent {
                kind: dice.one_of(&EventKind::ALL),
                user_id: user.as_str().into(),
                ..new_event(&format!("{user}-0"))
            };
            execute(&*store, tenant, create_event(new)).await.expect("an event");
        }
        let mut jobs = Vec::new();
        for (number, kind) in [JobKind::Import, JobKind::Scan, JobKind::Import, JobKind::Scan].into_iter().enumerate() {
            let before = Image::take(&*store, tenant).await;
            let job = begun(&*store, tenant, &format!("j{number}"), kind).await;
            let commands: Vec<Command> = (0..25)
                .map(|_| match kind {
                    JobKind::Import => import_by_chance(&mut dice, &job),
                    _ => finding_by_chance(&mut dice, &job),
                })
                .collect();
            changed += carry_out(&*store, tenant, commands.into_iter()).await;
            jobs.push((job, before));
        }
        for (at, (job, before)) in jobs.iter().enumerate().rev() {
            let by = begun(&*store, tenant, &format!("undo{at}"), JobKind::Undo).await;
            undone(&*store, tenant, (job, &by)).await;
            assert_eq!(Image::take(&*store, tenant).await, *before, "seed {seed}, job {at}");
        }
        snapshot(&*store, tenant).await;
    }
    assert!(changed > 600, "{changed} changes: the dice favour doing nothing");
}
