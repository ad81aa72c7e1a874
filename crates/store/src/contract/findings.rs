//! What becomes of credentials that jobs find.

use super::Harness;
use super::people::{account, begun, credential, entry, noted, raise, raised, remediate, sealed, told};
use super::samples::{
    begin, changes, create_event, create_user, event_key, execute, id, new_event, snapshot, ticks, update_event,
    update_user, user_of,
};
use crate::Store;
use model::{
    AccountEntry, ChangedSet, EventKind, Evidence, Finding, FindingNote, FoundCredential, JobKind, MatchClass,
    NewRiskEvent, Note, RiskDetail, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, RiskState, TenantKey,
};

async fn event(store: &dyn Store, tenant: TenantKey, text: &str) -> RiskEvent {
    store.load_event(tenant, &event_key(text)).await.expect("events can be read").expect(text)
}

async fn evidence(store: &dyn Store, tenant: TenantKey, text: &str) -> Vec<Evidence> {
    store.evidence(tenant, &event_key(text)).await.expect("evidence can be read").expect(text)
}

pub(super) async fn a_finding_becomes_one_event(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let found = FoundCredential { leaked: Some(ticks("2020-05-05T00:00:00Z")), ..credential("u1", "a") };
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", found.clone())).await, FindingNote::Raised);
    let kept = event(&*store, tenant, "f1").await;
    assert_eq!(
        (kept.kind, kept.risk_level, kept.risk_event_status),
        (EventKind::LeakedCredentials, RiskLevel::High, RiskEventStatus::Active)
    );
    assert_eq!((kept.created_date_time, kept.risk_event_date_time), (job.created, ticks("2020-05-05T00:00:00Z")));
    assert_eq!((&*kept.user_principal_name, kept.impacted_user.as_deref()), ("mara@fjord.example", Some("u1")));
    let items = evidence(&*store, tenant, "f1").await;
    assert_eq!((&items[0].finding, items[0].account_enabled), (&found.finding, Some(true)));

    // Told again, by this job and by another one, it changes nothing.
    let before = snapshot(&*store, tenant).await;
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", found.clone())).await, FindingNote::Known);
    let other = begun(&*store, tenant, "j2", JobKind::Scan).await;
    harness.clock().advance_seconds(3600);
    let later = raise(&other, "f1", FoundCredential { as_of: ticks("2025-01-01T00:00:00Z"), ..found.clone() });
    assert_eq!(raised(&*store, tenant, later).await, FindingNote::Known);
    let after = snapshot(&*store, tenant).await;
    assert_eq!(
        (&after.events, &after.evidence, &after.histories),
        (&before.events, &before.evidence, &before.histories)
    );
    assert_eq!(after.changes.len(), before.changes.len() + 1, "the other job's own");

    // A longer time and a larger number are news, but what was counted is not counted again.
    let more = FoundCredential { occurrences: 3, last_seen: ticks("2024-02-03T00:00:00Z"), ..found.clone() };
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", more.clone())).await, FindingNote::Added);
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", more)).await, FindingNote::Known);
    let items = evidence(&*store, tenant, "f1").await;
    assert_eq!((items.len(), items[0].occurrences, items[0].last_seen), (1, 3, ticks("2024-02-03T00:00:00Z")));

    // A second source is a second item of the same event.
    assert_eq!(raised(&*store, tenant, raise(&other, "f1", credential("u1", "b"))).await, FindingNote::Added);
    let items = evidence(&*store, tenant, "f1").await;
    assert_eq!(
        items.iter().map(|item| (item.id(), &*item.finding.source)).collect::<Vec<_>>(),
        [("1", "a"), ("2", "b")]
    );
    assert_eq!(snapshot(&*store, tenant).await.events.len(), 1);
}

pub(super) async fn classes_of_findings_say_how_high_a_risk_is(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    let of_class = |source: &str, match_class| {
        let found = credential("u1", source);
        FoundCredential { finding: Finding { match_class, ..found.finding.clone() }, ..found }
    };
    for (number, (class, level)) in [
        (MatchClass::AddressOnly, RiskLevel::Low),
        (MatchClass::PasswordOnly, RiskLevel::Low),
        (MatchClass::Similar, RiskLevel::Medium),
        (MatchClass::PairByHash, RiskLevel::High),
        (MatchClass::Pair, RiskLevel::High),
    ]
    .into_iter()
    .enumerate()
    {
        let own = format!("f{number}");
        assert_eq!(raised(&*store, tenant, raise(&job, &own, of_class("a", class))).await, FindingNote::Raised);
        assert_eq!(event(&*store, tenant, &own).await.risk_level, level, "{class:?}");
        // One event that all of them are found of only ever rises.
        raised(&*store, tenant, raise(&job, "all", of_class("b", class))).await;
        assert_eq!(event(&*store, tenant, "all").await.risk_level, level, "{class:?}");
    }
    assert_eq!(
        raised(&*store, tenant, raise(&job, "all", of_class("c", MatchClass::AddressOnly))).await,
        FindingNote::Added
    );
    assert_eq!(event(&*store, tenant, "all").await.risk_level, RiskLevel::High, "it does not sink");
    snapshot(&*store, tenant).await;
}

pub(super) async fn a_new_password_closes_what_leaked(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    let with = |number| AccountEntry { verifiers: Some(sealed(number)), ..entry(&job, "1", "mara@fjord.example") };
    told(&*store, tenant, with(1)).await;
    for text in ["f1", "f2"] {
        raised(&*store, tenant, raise(&job, text, credential("n1", "a"))).await;
    }
    let of_user = |text: &str| NewRiskEvent { user_id: "n1".into(), ..new_event(text) };
    let other = NewRiskEvent { kind: EventKind::IdentityRisk, risk_level: RiskLevel::Low, ..of_user("other") };
    let closed = NewRiskEvent { risk_event_status: RiskEventStatus::DismissedAsFalsePositive, ..of_user("closed") };
    for new in [other, closed, new_event("stranger")] {
        execute(&*store, tenant, create_event(new)).await.expect("an event");
    }
    told(&*store, tenant, with(2)).await;
    let closed_before = event(&*store, tenant, "closed").await;
    let number = changes(&*store, tenant).await.len();
    let close = || remediate(&job, "n1", "2024-03-02T12:34:56.7Z");
    assert_eq!(noted(&*store, tenant, close()).await, Note::Remediated(2));
    for text in ["f1", "f2"] {
        let event = event(&*store, tenant, text).await;
        assert_eq!(event.risk_event_status, RiskEventStatus::Remediated);
        assert_eq!(event.closed_date_time, Some(ticks("2024-03-02T12:34:56.7Z")), "the job's time");
        assert_eq!(event.risk_detail, RiskDetail::UserPerformedSecuredPasswordChange);
        assert_eq!(evidence(&*store, tenant, text).await.len(), 1, "it is still known why");
    }
    assert_eq!(event(&*store, tenant, "other").await.risk_event_status, RiskEventStatus::Active);
    assert_eq!(event(&*store, tenant, "stranger").await.risk_event_status, RiskEventStatus::Active);
    assert_eq!(event(&*store, tenant, "closed").await, closed_before);
    let risky = store.load_risky_user(tenant, "n1").await.expect("users at risk can be read").expect("n1");
    assert_eq!((risky.risk.level, risky.risk.state, risky.open.all()), (RiskLevel::Low, RiskState::AtRisk, 1));
    assert!(!account(&*store, tenant, "ad", "1").await.expect("an account").is_outdated);
    let log = changes(&*store, tenant).await;
    let sets: Vec<_> = log[number..].iter().map(|change| change.entry.set).collect();
    assert_eq!(sets, [ChangedSet::RiskEvents, ChangedSet::RiskEvents, ChangedSet::Accounts]);
    assert_eq!(noted(&*store, tenant, close()).await, Note::Remediated(0));
    assert_eq!(changes(&*store, tenant).await.len(), log.len(), "once is enough");

    // Never before the event was made.
    raised(&*store, tenant, raise(&job, "f3", credential("n1", "a"))).await;
    noted(&*store, tenant, remediate(&job, "n1", "2001-01-01T00:00:00Z")).await;
    assert_eq!(event(&*store, tenant, "f3").await.closed_date_time, Some(job.created));
    snapshot(&*store, tenant).await;
}

pub(super) async fn an_event_is_open_again_only_for_what_is_newer(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let job = begun(&*store, tenant, "j1", JobKind::Scan).await;
    for text in ["closed", "dismissed"] {
        raised(&*store, tenant, raise(&job, text, credential("u1", "a"))).await;
    }
    let dismiss = RiskEventDraft {
        risk_event_status: Some(RiskEventStatus::DismissedAsFalsePositive),
        ..RiskEventDraft::default()
    };
    execute(&*store, tenant, update_event("dismissed", dismiss)).await.expect("an event");
    noted(&*store, tenant, remediate(&job, "u1", "2024-03-05T00:00:00Z")).await;
    let dismissed = event(&*store, tenant, "dismissed").await;
    let as_of = |text: &str| FoundCredential { as_of: ticks(text), ..credential("u1", "a") };
    for (text, told) in [
        ("2024-03-01T00:00:00Z", FindingNote::Known),
        ("2024-03-05T00:00:00Z", FindingNote::Known),
        ("2024-03-05T00:00:00.0000001Z", FindingNote::Reopened),
    ] {
        assert_eq!(raised(&*store, tenant, raise(&job, "closed", as_of(text))).await, told, "{text}");
        let note = raised(&*store, tenant, raise(&job, "dismissed", as_of(text))).await;
        assert_eq!(note, FindingNote::Known, "{text}");
    }
    let reopened = event(&*store, tenant, "closed").await;
    assert_eq!(
        (reopened.risk_event_status, reopened.closed_date_time, reopened.risk_detail),
        (RiskEventStatus::Active, None, RiskDetail::None)
    );
    assert_eq!(event(&*store, tenant, "dismissed").await, dismissed);
    // What else is found of it is added, and it stays dismissed.
    assert_eq!(raised(&*store, tenant, raise(&job, "dismissed", credential("u1", "b"))).await, FindingNote::Added);
    let again = event(&*store, tenant, "dismissed").await;
    assert_eq!(again, RiskEvent { version: again.version, ..dismissed });
    let risky = store.load_risky_user(tenant, "u1").await.expect("users at risk can be read").expect("u1");
    assert_eq!((risky.risk.state, risky.open.all()), (RiskState::AtRisk, 1));
    snapshot(&*store, tenant).await;
}

pub(super) async fn what_is_nobodys_raises_nothing(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let job = begun(&*store, tenant, "j1", JobKind::Import).await;
    let with = |number| AccountEntry { verifiers: Some(sealed(number)), ..entry(&job, "1", "mara@fjord.example") };
    told(&*store, tenant, with(1)).await;
    let key = super::people::account_key("ad", "1");
    let proved = |number| FoundCredential { proof: Some((key.clone(), number)), ..credential("n1", "a") };
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", proved(2))).await, FindingNote::Raised);
    told(&*store, tenant, with(2)).await;
    let before = snapshot(&*store, tenant).await;
    for (found, note) in [
        (proved(2), FindingNote::Outdated),
        (proved(77), FindingNote::Outdated),
        (
            FoundCredential { proof: Some((super::people::account_key("ad", "2"), 2)), ..proved(2) },
            FindingNote::Outdated,
        ),
        (credential("nobody", "a"), FindingNote::NoUser),
    ] {
        assert_eq!(raised(&*store, tenant, raise(&job, "f2", found)).await, note);
    }
    assert_eq!(snapshot(&*store, tenant).await, before);
    let mark = account(&*store, tenant, "ad", "1").await.and_then(|account| account.verifiers).expect("verifiers");
    assert_eq!(raised(&*store, tenant, raise(&job, "f2", proved(mark.number))).await, FindingNote::Raised);

    // Who cannot sign in is told of too, and marked.
    execute(&*store, tenant, update_user("n1", r#"{"accountEnabled":false}"#)).await.expect("a user");
    assert_eq!(raised(&*store, tenant, raise(&job, "f3", credential("n1", "a"))).await, FindingNote::Raised);
    assert_eq!(evidence(&*store, tenant, "f3").await[0].account_enabled, Some(false));
    assert_eq!(raised(&*store, tenant, raise(&job, "f1", proved(mark.number))).await, FindingNote::Added);
    assert_eq!(evidence(&*store, tenant, "f1").await[0].account_enabled, Some(false), "as it is now");
    assert_eq!(event(&*store, tenant, "f3").await.id, id("f3"));
    snapshot(&*store, tenant).await;
}
