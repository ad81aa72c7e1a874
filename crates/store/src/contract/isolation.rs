//! Tenants and each other.

use super::Harness;
use super::people::{
    account_key, credential, entry, new_job, noted, put_job, raise, remediate, remove, sealed, told, written,
};
use super::samples::{
    MADE, Snapshot, begin, create_event, create_user, delete_event, delete_user, event_key, event_of, execute, id,
    new_event, page, rows, seen_event, snapshot, tenant, update_event, update_user, user_key, user_of,
};
use crate::{
    AccountRow, Accounts, AdminCommand, AdminOutcome, LogPlace, Place, Source, Store, StoreError, VerifierRow,
    WriteError,
};
use model::{
    AccountEntry, Command, EventKind, FindingNote, Image, JobKind, JobRecord, NewRiskEvent, Note, Precondition,
    RiskEventDraft, RiskLevel, Subject, TenantKey,
};
use std::sync::Arc;

/// Three tenants; the middle one is empty.
async fn three(harness: &dyn Harness) -> (Arc<dyn Store>, [TenantKey; 3]) {
    let (store, first) = begin(harness).await;
    let tenants = [first, tenant(harness, 2).await, tenant(harness, 3).await];
    for (tenant, prefix) in [(tenants[0], "a"), (tenants[2], "c")] {
        for number in 0..5 {
            let kind = EventKind::ALL[number % 2];
            let new = NewRiskEvent { kind, ..new_event(&format!("{prefix}{number}")) };
            event_of(&*store, tenant, create_event(new)).await;
        }
        let user = format!("{prefix}u");
        user_of(&*store, tenant, create_user(&user, "mara@fjord.example")).await;
        let job = put_job(&new_job(&format!("{prefix}j"), JobKind::Import), None, vec![credential(&user, "a")]);
        let job = written(&*store, tenant, job).await;
        let of = entry(&job, "1", "mara@fjord.example");
        told(&*store, tenant, AccountEntry { verifiers: Some(sealed(1)), ..of }).await;
    }
    (store, tenants)
}

/// What is kept of directories and jobs, in texts.
async fn directory(store: &dyn Store, tenant: TenantKey) -> Vec<String> {
    let mut all = Vec::new();
    for which in [Accounts::All, Accounts::OfSource("ad"), Accounts::Outdated] {
        let accounts = store.accounts(tenant, which, None, 99).await.expect("reads go on");
        all.extend(accounts.into_iter().map(|account| format!("{which:?} {account:?}")));
    }
    let account = store.account(tenant, &account_key("ad", "1")).await.expect("reads go on");
    all.extend(account.map(|account| format!("{account:?}")));
    let verifiers = store.verifiers(tenant, 0, 99).await.expect("reads go on");
    all.extend(verifiers.into_iter().map(|kept| format!("{kept:?}")));
    let mut sink = |row: &AccountRow<'_>| {
        all.push(format!("{} {} ({:?}) {}", row.source, row.key, row.user, row.names));
        Ok(())
    };
    store.look_at_accounts(tenant, None, 99, &mut sink).await.expect("reads go on");
    let mut sink = |row: &VerifierRow<'_>| {
        all.push(format!("{} {} {} {:?}", row.number, row.source, row.key, row.sealed));
        Ok(())
    };
    store.look_at_verifiers(tenant, 0, 99, &mut sink).await.expect("reads go on");
    let jobs = store.jobs(tenant, None, 99).await.expect("reads go on");
    all.extend(jobs.into_iter().map(|job| format!("{job:?}")));
    for text in ["aj", "cj"] {
        all.extend(store.job(tenant, &id(text)).await.expect("reads go on").map(|job| format!("{job:?}")));
    }
    for job in 0..20 {
        let records = store.records(tenant, job, None, 99).await.expect("reads go on");
        all.extend(records.into_iter().map(|record| format!("{record:?}")));
        let found = store.found(tenant, job, None, 99).await.expect("reads go on");
        all.extend(found.into_iter().map(|found| format!("{found:?}")));
    }
    all
}

/// Checks that every way of reading finds nothing.
async fn assert_sees_nothing(store: &dyn Store, tenant: TenantKey) {
    for text in ["a0", "a1", "c0", "au", "cu"] {
        assert_eq!(seen_event(store, tenant, &event_key(text)).await, None, "{text}");
        assert_eq!(store.load_event(tenant, &event_key(text)).await.expect("reads go on"), None, "{text}");
        assert_eq!(store.load_user(tenant, &user_key(text)).await.expect("reads go on"), None, "{text}");
    }
    assert_eq!(store.load_user(tenant, &user_key("mara@fjord.example")).await.expect("reads go on"), None);
    let kinds = EventKind::ALL.map(|kind| Source::Events(Some(kind)));
    for source in [Source::Events(None), Source::Users].into_iter().chain(kinds) {
        assert_eq!(rows(store, tenant, source).await, [], "{source:?}");
    }
    assert_eq!(store.totals(tenant).await.expect("reads go on"), []);
    assert_eq!(store.changes(tenant, 0, u32::MAX).await.expect("reads go on"), []);
    assert_eq!(store.log_end(tenant).await.expect("reads go on"), LogPlace::default());
    assert_eq!(directory(store, tenant).await, [""; 0]);
}

pub(super) async fn tenants_never_see_each_other(harness: &dyn Harness) {
    let (store, [first, second, third]) = three(harness).await;
    assert_sees_nothing(&*store, second).await;
    for (tenant, mine, theirs) in [(first, "a", "c"), (third, "c", "a")] {
        let snapshot = snapshot(&*store, tenant).await;
        assert_eq!((snapshot.events.len(), snapshot.users.len(), snapshot.changes.len()), (5, 1, 8));
        let kept = directory(&*store, tenant).await;
        assert!(kept.len() == 11 && !kept.concat().contains(&format!("(\"{theirs}u\")")), "{kept:?}");
        assert!(snapshot.events.iter().chain(&snapshot.users).all(|row| row.id().starts_with(mine)));
        assert!(snapshot.changes.iter().all(|change| change.entry.id.starts_with(mine)));
        let other = event_key(&format!("{theirs}0"));
        assert_eq!(seen_event(&*store, tenant, &other).await, None);
        assert_eq!(store.load_event(tenant, &other).await.expect("reads go on"), None);
        assert_eq!(store.load_user(tenant, &user_key(&format!("{theirs}u"))).await.expect("reads go on"), None);
    }
}

/// Tries what a job could do to what another tenant has. Only the tenant without anything of its own tries by numbers.
async fn jobs_of_others_are_not_there(store: &dyn Store, (tenant, empty): (TenantKey, TenantKey), theirs: &str) {
    let (event, user) = (format!("{theirs}0"), format!("{theirs}u"));
    // Jobs: 7 and 8 are the numbers of what the others did.
    let mut job = new_job(&format!("{theirs}j"), JobKind::Undo);
    let moved = execute(store, tenant, put_job(&job, Some(7), Vec::new())).await;
    assert!(matches!(moved, Err(WriteError::Refused(_))), "{moved:?}");
    if tenant == empty {
        job.creation = 7;
        assert_eq!(noted(store, tenant, remove(&job, "ad", "1")).await, Note::Nothing);
        for subject in [Subject::Event(id(&event)), Subject::Account(account_key("ad", "1")), Subject::User(id(&user))]
        {
            let image = match subject {
                Subject::Event(_) => Image::Event(None),
                Subject::Account(_) => Image::Account(None),
                Subject::User(_) => Image::User(None),
            };
            let record = Box::new(JobRecord { job: 7, subject, sequence: 8, is_gone: false, image });
            noted(store, tenant, Command::Revert { job: 7, record, force: true }).await;
        }
        for (command, number) in [
            (AdminCommand::ForgetRecords { tenant, job: 7 }, 0),
            (AdminCommand::Reseal { tenant, verifiers: vec![(8, [0; 9].into())] }, 1),
        ] {
            let outcome = store.administer(command).await.expect("nothing fails");
            assert_eq!(outcome, [AdminOutcome::NotFound, AdminOutcome::Done][number]);
        }
    }
    let note = noted(store, tenant, remediate(&job, &user, "2024-03-03T00:00:00Z")).await;
    assert_eq!(note, Note::Remediated(0));
    let note = noted(store, tenant, raise(&job, &event, credential(&user, "a"))).await;
    assert_eq!(note, Note::Finding(FindingNote::NoUser));
}

pub(super) async fn tenants_never_change_each_other(harness: &dyn Harness) {
    let (store, [first, second, third]) = three(harness).await;
    let before = [snapshot(&*store, first).await, snapshot(&*store, third).await];
    let kept = [directory(&*store, first).await, directory(&*store, third).await];
    let patch = || RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    let none = Precondition::default;
    for (tenant, theirs) in [(second, "a"), (third, "a"), (first, "c")] {
        let event = format!("{theirs}0");
        let user = format!("{theirs}u");
        let commands = [
            update_event(&event, patch()),
            delete_event(&event),
            Command::SetImpactedUser { event: event_key(&event), precondition: none(), user: id("u9") },
            Command::ClearImpactedUser { event: event_key(&event), precondition: none() },
            update_user(&user, r#"{"department":"IT"}"#),
            delete_user(&user),
        ];
        for command in commands {
            let refused = execute(&*store, tenant, command.clone()).await;
            assert!(matches!(refused, Err(WriteError::Refused(_))), "{command:?} came to {refused:?}");
        }
        jobs_of_others_are_not_there(&*store, (tenant, second), theirs).await;
    }
    assert_eq!([directory(&*store, first).await, directory(&*store, third).await], kept);
    assert_eq!([snapshot(&*store, first).await, snapshot(&*store, third).await], before);

    // The same ids and names are free in each tenant, and lead apart.
    for new in ["a0", "a1", "c0"] {
        event_of(&*store, second, create_event(new_event(new))).await;
    }
    user_of(&*store, second, create_user("au", "MARA@fjord.example")).await;
    execute(&*store, second, delete_event("a0")).await.expect("one's own can be deleted");
    execute(&*store, second, delete_user("mara@fjord.example")).await.expect("one's own can be deleted");
    event_of(&*store, second, update_event("c0", patch())).await;
    assert_eq!([snapshot(&*store, first).await, snapshot(&*store, third).await], before);
    snapshot(&*store, second).await;
}

/// Cursors come back from clients. They are sealed above the store, but none may reach across
/// tenants whatever it holds.
pub(super) async fn no_cursor_leads_to_another_tenant(harness: &dyn Harness) {
    let (store, tenants) = three(harness).await;
    let bits = (0..64).map(|bit| 1_u64 << bit);
    let cursors = bits.flat_map(|bit| [bit, bit | 3, bit - 1, !bit, bit.wrapping_neg()]).chain([0, u64::MAX]);
    for cursor in cursors {
        for (tenant, mine) in tenants.into_iter().zip(["a", "b", "c"]) {
            for source in [Source::Events(None), Source::Events(Some(EventKind::IdentityRisk)), Source::Users] {
                let (seen, _) =
                    page(&*store, tenant, source, Some(Place { values: Vec::new(), row_key: cursor as i64 }), 100)
                        .await;
                assert!(seen.iter().all(|row| row.id().starts_with(mine)), "{tenant:?} {source:?} {cursor:#x}");
            }
            let changes = store.changes(tenant, cursor, 100).await.expect("the change log can be read");
            let own = changes.iter().all(|change| change.entry.id.starts_with(mine));
            assert!(own, "{tenant:?} after {cursor:#x}: {changes:?}");
            assert!(changes.iter().all(|change| change.sequence > cursor), "{tenant:?} after {cursor:#x}");
        }
    }
}

/// No number that is not a tenant's leads to a tenant's rows, for instance by losing its upper bits.
pub(super) async fn no_number_passes_for_a_tenant(harness: &dyn Harness) {
    let (store, tenants) = three(harness).await;
    let before = [snapshot(&*store, tenants[0]).await, snapshot(&*store, tenants[2]).await];
    for bit in 8..32 {
        for tenant in tenants {
            let stranger = TenantKey(tenant.0 | 1 << bit);
            assert_sees_nothing(&*store, stranger).await;
            let outcome = execute(&*store, stranger, create_event(new_event("e1"))).await;
            assert!(matches!(outcome, Err(WriteError::Store(StoreError::UnknownTenant))), "{stranger:?}: {outcome:?}");
        }
    }
    for stranger in [TenantKey(0), TenantKey(u32::MAX), TenantKey(u32::MAX - 1)] {
        assert_sees_nothing(&*store, stranger).await;
    }
    assert_eq!([snapshot(&*store, tenants[0]).await, snapshot(&*store, tenants[2]).await], before);
}

pub(super) async fn an_unknown_tenant_is_named(harness: &dyn Harness) {
    let (store, known) = begin(harness).await;
    let unknown = TenantKey(known.0 + 1);
    let commands = [
        create_event(new_event("e1")),
        create_event(NewRiskEvent { id: MADE, ..new_event("e1") }),
        update_event("e1", RiskEventDraft::default()),
        delete_event("e1"),
        create_user("u1", "mara@fjord.example"),
        delete_user("u1"),
    ];
    for command in commands {
        let outcome = execute(&*store, unknown, command).await;
        assert!(matches!(outcome, Err(WriteError::Store(StoreError::UnknownTenant))), "{outcome:?}");
    }
    assert_sees_nothing(&*store, unknown).await;
    let later = tenant(harness, 2).await;
    assert_eq!(Snapshot::take(&*store, later).await.changes, [], "nothing waited for the tenant to come");
}
