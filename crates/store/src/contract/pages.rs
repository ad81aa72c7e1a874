//! Pages and their cursors.

use super::Harness;
use super::samples::{
    MADE, SeenRow, begin, condition, create_event, create_user, delete_event, event_of, execute, new_event, page, rows,
    update_event, user_of,
};
use crate::{PageQuery, Source, Store};
use model::{EventKind, NewRiskEvent, RiskEventDraft, RiskLevel, TenantKey, edm};
use odata::encode::Row;
use std::collections::HashSet;

async fn make(store: &dyn Store, tenant: TenantKey, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        let id = format!("e{number}");
        event_of(store, tenant, create_event(new_event(&id))).await;
        ids.push(id);
    }
    ids
}

pub(super) async fn pages_show_the_newest_first(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let mut expected = make(&*store, tenant, 0..25).await;
    expected.reverse();
    // Neither an update nor a createdDateTime that a client sent moves a row.
    let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    event_of(&*store, tenant, update_event("e3", patch)).await;
    let seen = rows(&*store, tenant, Source::Events(None)).await;
    assert_eq!(seen.iter().map(SeenRow::id).collect::<Vec<_>>(), expected);

    for number in 0..3 {
        user_of(&*store, tenant, create_user(&format!("u{number}"), &format!("u{number}@fjord.example"))).await;
    }
    let users = rows(&*store, tenant, Source::Users).await;
    assert_eq!(users.iter().map(SeenRow::id).collect::<Vec<_>>(), ["u2", "u1", "u0"]);
}

pub(super) async fn a_full_last_page_has_no_cursor(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let (none, cursor) = page(&*store, tenant, Source::Events(None), None, 10).await;
    assert_eq!((none.len(), cursor), (0, None), "an empty source is one empty page");
    make(&*store, tenant, 0..20).await;
    let (first, cursor) = page(&*store, tenant, Source::Events(None), None, 10).await;
    assert_eq!(first.len(), 10);
    let (second, end) = page(&*store, tenant, Source::Events(None), Some(cursor.expect("more rows follow")), 10).await;
    assert_eq!((second.len(), end), (10, None));
    let (all, end) = page(&*store, tenant, Source::Events(None), None, u32::MAX).await;
    assert_eq!((all.len(), end), (20, None));
    assert_eq!(all, [first, second].concat());
    let (one, cursor) = page(&*store, tenant, Source::Events(None), None, 1).await;
    assert_eq!(one.len(), 1);
    assert!(cursor.is_some());
}

pub(super) async fn pages_of_a_kind_show_only_that_kind(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    for number in 0..30 {
        let kind = if number % 3 == 0 { EventKind::IdentityRisk } else { EventKind::LeakedCredentials };
        event_of(&*store, tenant, create_event(NewRiskEvent { kind, ..new_event(&format!("e{number}")) })).await;
    }
    for (kind, count) in [(EventKind::IdentityRisk, 10), (EventKind::LeakedCredentials, 20)] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (some, next) = page(&*store, tenant, Source::Events(Some(kind)), after, 3).await;
            assert!(some.iter().all(|row| row.entity_type == kind.entity_type().name));
            seen.extend(some);
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), count, "{kind:?}");
        let whole = rows(&*store, tenant, Source::Events(None)).await;
        let of_kind: Vec<_> = whole.into_iter().filter(|row| row.entity_type == kind.entity_type().name).collect();
        assert_eq!(seen, of_kind);
    }
}

pub(super) async fn many_ids_are_looked_up_at_once(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    make(&*store, tenant, 0..40).await;
    let made = NewRiskEvent { id: MADE, ..new_event("made") };
    let made = event_of(&*store, tenant, create_event(made)).await.id;
    let low = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    event_of(&*store, tenant, update_event("e7", low)).await;
    for number in 0..40 {
        user_of(&*store, tenant, create_user(&format!("u{number}"), &format!("u{number}@fjord.example"))).await;
    }
    let events = |filter: &str| condition(&edm::IDENTITY_RISK_EVENT, filter);
    let users = |filter: &str| condition(&edm::USER, filter);
    let of = Source::Events;
    let ours = Some(EventKind::LeakedCredentials);
    let all = (0..100).map(|number| format!("'u{}'", 2 * number)).collect::<Vec<_>>().join(",");
    for (source, filter, expected) in [
        (of(None), events(&format!("id in ('e3','nobody','e7','{made}','e3')")), vec![made.as_str(), "e7", "e3"]),
        (of(ours), events("id in ('e3','e7') and riskLevel eq 'high'"), vec!["e3"]),
        (of(ours), events("id eq 'e7' or id eq 'e9'"), vec!["e9", "e7"]),
        (of(Some(EventKind::IdentityRisk)), events("id in ('e3','e7')"), vec![]),
        (Source::Users, users("id in ('u3','nobody','u7','u3')"), vec!["u7", "u3"]),
        (Source::Users, users("id in ('u3','u7') and mailNickname ne 'u3'"), vec!["u7"]),
        (Source::Users, users("userPrincipalName in ('u3@fjord.example','U4@fjord.example')"), vec!["u3"]),
        (Source::Users, users("id eq null"), vec![]),
        (Source::Users, users(&format!("id in ({all}) and endswith(id,'8')")), vec!["u38", "u28", "u18", "u8"]),
    ] {
        let shown = format!("{filter:?}");
        let mut seen = Vec::new();
        let mut sink = |row: &dyn Row| {
            seen.push(SeenRow::of(row));
            Ok(())
        };
        let query = PageQuery { filter: Some(filter), ..PageQuery::all(source, 100) };
        let next = store.page(tenant, query, &mut sink).await.expect("a page can be read");
        assert_eq!((seen.iter().map(SeenRow::id).collect::<Vec<_>>(), next), (expected, None), "{shown}");
    }
}

pub(super) async fn cursors_hold_while_rows_come_and_go(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let at_start = make(&*store, tenant, 0..60).await;
    let (mut seen, mut after, mut deleted_unseen) = (Vec::new(), None, HashSet::new());
    for round in 0.. {
        let (some, next) = page(&*store, tenant, Source::Events(None), after, 7).await;
        seen.extend(some.iter().map(|row| row.id().to_owned()));
        // The row that the cursor stands on, and one far ahead, are deleted; others are added and
        // changed meanwhile.
        let last = some.last().map(|row| row.id().to_owned()).expect("no page before the end is empty");
        execute(&*store, tenant, delete_event(&last)).await.expect("an event can be deleted");
        let ahead = format!("e{round}");
        if !seen.contains(&ahead) {
            execute(&*store, tenant, delete_event(&ahead)).await.expect("an event can be deleted");
            deleted_unseen.insert(ahead);
        }
        make(&*store, tenant, 100 + round * 10..105 + round * 10).await;
        let patch = RiskEventDraft { user_id: Some(format!("round {round}").into()), ..RiskEventDraft::default() };
        let changed = format!("e{}", 20 + round);
        if !seen.contains(&changed) {
            event_of(&*store, tenant, update_event(&changed, patch)).await;
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = at_start.into_iter().rev().filter(|id| !deleted_unseen.contains(id)).collect();
    assert_eq!(seen, expected, "every row that was there and stayed, exactly once, in order");
}
