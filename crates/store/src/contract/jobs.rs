//! Jobs: how far they are, and what they have found.

use super::Harness;
use super::people::{
    account, account_key, begun, credential, entry, new_job, noted, place, put_job, records, remove, sealed, told,
    undo, written,
};
use super::samples::{begin, changes, create_user, execute, id, snapshot, ticks, user_of};
use crate::{AdminCommand, AdminOutcome, Store, WriteError};
use model::{
    AccountEntry, ChangeKind, ChangedSet, Finding, FoundCredential, Job, JobKind, JobState, MatchClass, Place, Refusal,
    Subject, TenantKey,
};

pub(super) async fn a_job_goes_from_version_to_version(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let new = new_job("j1", JobKind::Scan);
    let first = written(&*store, tenant, put_job(&new, None, Vec::new())).await;
    assert_eq!(first, Job { creation: 2, version: 2, ..new.clone() });
    assert_eq!(store.job(tenant, &id("j1")).await.expect("jobs can be read"), Some(first.clone()));
    assert_eq!(store.job(tenant, &id("j2")).await.expect("jobs can be read"), None);
    let again = execute(&*store, tenant, put_job(&new, None, Vec::new())).await;
    assert!(matches!(again, Err(WriteError::Refused(Refusal::IdTaken(_)))), "{again:?}");

    let end = Job {
        state: JobState::Held,
        ended: Some(ticks("2024-03-02T13:00:00Z")),
        lease: None,
        progress: r#"{"bytes":17}"#.into(),
        message: Some("5.1 % of the users".into()),
        creation: 77, // the store knows better
        ..first.clone()
    };
    let second = written(&*store, tenant, put_job(&end, Some(2), Vec::new())).await;
    assert_eq!(second, Job { creation: 2, version: 3, ..end.clone() });
    assert_eq!(store.job(tenant, &id("j1")).await.expect("jobs can be read"), Some(second));
    let before = snapshot(&*store, tenant).await;
    for (job, expected) in [(&end, 2), (&end, 4), (&new_job("j2", JobKind::Scan), 3)] {
        let moved = execute(&*store, tenant, put_job(job, Some(expected), vec![credential("u1", "a")])).await;
        assert!(matches!(moved, Err(WriteError::Refused(Refusal::JobMoved(_)))), "{moved:?}");
    }
    assert_eq!(snapshot(&*store, tenant).await, before);
    assert_eq!(store.found(tenant, 2, None, 9).await.expect("findings can be read"), []);
    let kinds: Vec<_> = changes(&*store, tenant).await[1..]
        .iter()
        .map(|change| (change.entry.set, change.entry.kind, change.entry.id.clone()))
        .collect();
    let of = |kind| (ChangedSet::Jobs, kind, "j1".into());
    assert_eq!(kinds, [of(ChangeKind::Created), of(ChangeKind::Updated)]);
}

pub(super) async fn what_a_job_finds_adds_up(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let first = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let proof = |number| Some((account_key("ad", "ł"), number));
    let found = FoundCredential { proof: proof(3), ..credential("u1", "a") };
    let more = FoundCredential {
        proof: None,
        as_of: ticks("2024-03-02T00:00:00Z"),
        leaked: Some(ticks("2023-01-01T00:00:00Z")),
        first_seen: ticks("2024-01-01T00:00:00Z"),
        last_seen: ticks("2024-01-01T00:00:00Z"),
        occurrences: i32::MAX - 1,
        ..found.clone()
    };
    let last = FoundCredential { proof: proof(9), leaked: Some(ticks("2022-01-01T00:00:00Z")), ..found.clone() };
    let without = FoundCredential { leaked: None, ..last.clone() };
    let mut job = first.clone();
    let mut expected = Vec::new();
    for (step, adds) in
        [vec![found.clone()], vec![more.clone()], vec![last.clone(), without.clone()]].into_iter().enumerate()
    {
        job = written(&*store, tenant, put_job(&job, Some(job.version), adds)).await;
        let kept = store.found(tenant, job.creation, None, 9).await.expect("findings can be read");
        expected = vec![match step {
            0 => found.clone(),
            1 => FoundCredential { last_seen: found.last_seen, occurrences: i32::MAX, ..more.clone() },
            _ => FoundCredential { proof: proof(9), leaked: last.leaked, ..expected.remove(0) },
        }];
        assert_eq!(kept, expected, "step {step}");
    }
    // Another job counts for itself.
    let other = begun(&*store, tenant, "j2", JobKind::Scan).await;
    written(&*store, tenant, put_job(&other, Some(other.version), vec![found.clone()])).await;
    assert_eq!(store.found(tenant, other.creation, None, 9).await.expect("findings can be read"), [found]);
    assert_eq!(store.found(tenant, job.creation, None, 9).await.expect("findings can be read"), expected);
    assert_eq!(store.found(tenant, u64::MAX, None, 9).await.expect("findings can be read"), []);
}

pub(super) async fn the_first_place_of_what_a_job_finds_is_kept(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let mut job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let at = |place: Option<Place>| FoundCredential { place, ..credential("u1", "a") };
    let without_line = Place { line: None, host: None, ..place("b", 9) };
    let whole = Place { shape: "json".into(), ..place("a.zip/ł", 1 << 40) };
    let last = Place { line: Some(u64::from(u32::MAX) + 7), ..place("a.zip/ł", 3) };
    // What is told in one step, and what is kept then: a place is one thing, of which nothing is mixed with another.
    let steps = [
        (vec![None], None),
        (vec![Some(place("b", 10))], Some(place("b", 10))),
        (vec![None], Some(place("b", 10))),
        (vec![Some(without_line.clone())], Some(without_line.clone())),
        (vec![Some(place("c", 0)), Some(place("b", 100))], Some(without_line)),
        (vec![Some(place("c", 0)), Some(whole.clone()), None, Some(place("b", 0))], Some(whole.clone())),
        (vec![Some(last.clone()), Some(whole)], Some(last)),
    ];
    for (number, (told, expected)) in steps.into_iter().enumerate() {
        let found = told.into_iter().map(at).collect();
        job = written(&*store, tenant, put_job(&job, Some(job.version), found)).await;
        let kept = store.found(tenant, job.creation, None, 9).await.expect("findings can be read");
        let places: Vec<_> = kept.iter().map(|found| found.place.clone()).collect();
        assert_eq!(places, [expected], "step {number}");
    }
}

pub(super) async fn jobs_and_findings_are_read_in_pages(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let mut jobs = Vec::new();
    for number in 0..7 {
        jobs.push(begun(&*store, tenant, &format!("j{}", 9 - number), JobKind::Check).await);
    }
    jobs.reverse();
    for limit in [1, 3, 300] {
        let (mut all, mut before): (Vec<Job>, _) = (Vec::new(), None);
        loop {
            let some = store.jobs(tenant, before, limit).await.expect("jobs can be read");
            let Some(last) = some.last() else { break };
            before = Some(last.creation);
            all.extend(some);
        }
        assert_eq!(all, jobs, "by {limit}");
    }
    assert_eq!(store.jobs(tenant, Some(u64::MAX), 2).await.expect("jobs can be read"), jobs[..2]);

    let job = &jobs[0];
    let mut all = Vec::new();
    for user in ["A", "a", "b"] {
        for fingerprint in [[0; 32], [0x7f; 32], [0xff; 32]] {
            for source in ["", "B", "a", "ß"] {
                for match_class in [MatchClass::Pair, MatchClass::AddressOnly] {
                    for attribute in [None, Some("mail"), Some("sAMAccountName")] {
                        for rule in [None, Some("fold")] {
                            all.push(FoundCredential {
                                fingerprint,
                                finding: Finding {
                                    source: source.into(),
                                    match_class,
                                    matched_attribute: attribute.map(Into::into),
                                    matched_rule: rule.map(Into::into),
                                },
                                ..credential(user, "")
                            });
                        }
                    }
                }
            }
        }
    }
    let mixed = all.iter().rev().step_by(2).chain(all.iter().rev().skip(1).step_by(2)).cloned().collect();
    written(&*store, tenant, put_job(job, Some(job.version), mixed)).await;
    for limit in [1, 50, 1000] {
        let mut seen: Vec<FoundCredential> = Vec::new();
        loop {
            let some = store.found(tenant, job.creation, seen.last(), limit).await.expect("findings can be read");
            if some.is_empty() {
                break;
            }
            seen.extend(some);
        }
        assert_eq!(seen, all, "by {limit}");
    }

    // Of one user, over several jobs.
    let other = &jobs[3];
    let again = vec![credential("a", "z"), credential("b", "z")];
    written(&*store, tenant, put_job(other, Some(other.version), again)).await;
    let mut of_user = vec![(other.creation, credential("a", "z"))];
    of_user.extend(all.iter().filter(|found| found.user == id("a")).map(|found| (job.creation, found.clone())));
    of_user.sort_by_key(|(job, _)| *job); // stable: within a job the order stays
    for limit in [1, 10, 1000] {
        let mut seen: Vec<(u64, FoundCredential)> = Vec::new();
        loop {
            let some = store.found_of(tenant, &id("a"), seen.last(), limit).await.expect("findings can be read");
            if some.is_empty() {
                break;
            }
            seen.extend(some);
        }
        assert_eq!(seen, of_user, "by {limit}");
    }
    assert_eq!(store.found_of(tenant, &id("nobody"), None, 9).await.expect("findings can be read"), []);
}

pub(super) async fn the_record_of_a_job_is_kept_in_its_order(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["b", "a", "B"] {
        told(&*store, tenant, entry(&job, key, &format!("{key}x@fjord.example").replace("Bx", "c"))).await;
    }
    told(&*store, tenant, AccountEntry { key: account_key("AD", "b"), ..entry(&job, "b", "bx@fjord.example") }).await;
    for text in ["f2", "f1"] {
        let found = super::people::raise(&job, text, credential("na", "a"));
        super::people::raised(&*store, tenant, found).await;
    }
    let subjects: Vec<Subject> =
        records(&*store, tenant, &job).await.into_iter().map(|record| record.subject).collect();
    let (event, user) = (|text| Subject::Event(id(text)), |text| Subject::User(id(text)));
    let of = |source, key| Subject::Account(account_key(source, key));
    let expected = [
        event("f1"),
        event("f2"),
        of("AD", "b"),
        of("ad", "B"),
        of("ad", "a"),
        of("ad", "b"),
        user("nB"),
        user("na"),
        user("nb"),
    ];
    assert_eq!(subjects, expected);
    assert_eq!(store.records(tenant, job.creation + 1, None, 9).await.expect("records can be read"), []);
    assert_eq!(store.records(tenant, u64::MAX, None, 9).await.expect("records can be read"), []);
}

async fn numbers(store: &dyn Store, tenant: TenantKey) -> Vec<u64> {
    let kept = store.verifiers(tenant, 0, 99).await.expect("verifiers can be read");
    kept.into_iter().map(|kept| kept.number).collect()
}

pub(super) async fn what_a_job_did_can_be_forgotten(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let with = |job: &Job, key: &str, number: u8| AccountEntry {
        verifiers: Some(sealed(number)),
        ..entry(job, key, &format!("m{key}@fjord.example"))
    };
    let first = begun(&*store, tenant, "j1", JobKind::Import).await; // 1
    for (key, number) in [("1", 1), ("2", 1), ("3", 1), ("4", 1)] {
        told(&*store, tenant, with(&first, key, number)).await; // 2 to 5
    }
    let second = begun(&*store, tenant, "j2", JobKind::Import).await; // 6
    for (key, number) in [("1", 2), ("1", 3), ("2", 2)] {
        told(&*store, tenant, with(&second, key, number)).await; // 7, 8, 9
    }
    noted(&*store, tenant, remove(&second, "ad", "3")).await; // 10
    let third = begun(&*store, tenant, "j3", JobKind::Import).await; // 11
    told(&*store, tenant, with(&third, "2", 3)).await; // 12
    let found = vec![credential("n1", "a"), credential("n1", "b")];
    let second = written(&*store, tenant, put_job(&second, Some(second.version), found)).await;
    assert_eq!(numbers(&*store, tenant).await, [2, 3, 4, 5, 7, 8, 9, 12]);

    let forget = async |job: u64| {
        let forgotten = store.administer(AdminCommand::ForgetRecords { tenant, job }).await;
        forgotten.expect("a record can be forgotten")
    };
    let before = snapshot(&*store, tenant).await;
    assert_eq!(forget(second.creation).await, AdminOutcome::Done);
    assert_eq!(snapshot(&*store, tenant).await, before, "nothing else changes");
    assert_eq!(records(&*store, tenant, &second).await, []);
    assert_eq!(store.found(tenant, second.creation, None, 9).await.expect("findings can be read"), []);
    assert_eq!(store.job(tenant, &second.id).await.expect("jobs can be read"), Some(second.clone()));
    // 2 and 7 were replaced, 3 too, and 4 went with its account; 9 is what the third job would bring back.
    assert_eq!(numbers(&*store, tenant).await, [5, 8, 9, 12]);
    assert_eq!(forget(second.creation).await, AdminOutcome::Done, "there is nothing left to forget");
    assert_eq!(forget(second.version).await, AdminOutcome::NotFound, "no job has this number");
    assert_eq!(forget(u64::MAX).await, AdminOutcome::NotFound);

    let undone = begun(&*store, tenant, "j4", JobKind::Undo).await;
    undo(&*store, tenant, (&third, &undone), false).await;
    let mark = account(&*store, tenant, "ad", "2").await.and_then(|account| account.verifiers);
    assert_eq!(mark.map(|mark| mark.number), Some(9));
    assert_eq!(forget(third.creation).await, AdminOutcome::Done);
    assert_eq!(numbers(&*store, tenant).await, [5, 8, 9, 12], "undoing can be undone");
    assert_eq!(forget(undone.creation).await, AdminOutcome::Done);
    assert_eq!(numbers(&*store, tenant).await, [5, 8, 9]);
    assert_eq!(forget(first.creation).await, AdminOutcome::Done);
    assert_eq!(numbers(&*store, tenant).await, [5, 8, 9], "what accounts have stays");
}

pub(super) async fn verifiers_are_sealed_anew(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    for key in ["1", "2"] {
        let name = format!("m{key}@fjord.example");
        told(&*store, tenant, AccountEntry { verifiers: Some(sealed(1)), ..entry(&job, key, &name) }).await;
    }
    let before = snapshot(&*store, tenant).await;
    let accounts = [account(&*store, tenant, "ad", "1").await, account(&*store, tenant, "ad", "2").await];
    let anew = |number: u64| (number, vec![9; 50].into_boxed_slice());
    let verifiers = vec![anew(3), anew(77), anew(u64::MAX)];
    let outcome = store.administer(AdminCommand::Reseal { tenant, verifiers }).await.expect("they can be sealed anew");
    assert_eq!(outcome, AdminOutcome::Done);
    let kept = store.verifiers(tenant, 0, 9).await.expect("verifiers can be read");
    let seen: Vec<_> = kept.iter().map(|kept| (kept.number, kept.sealed.len())).collect();
    assert_eq!(seen, [(2, 40), (3, 50)], "what is gone is left out");
    assert_eq!(snapshot(&*store, tenant).await, before);
    assert_eq!([account(&*store, tenant, "ad", "1").await, account(&*store, tenant, "ad", "2").await], accounts);
}
