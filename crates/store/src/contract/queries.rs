//! Queries on the store's own tables: whatever way it chooses, the rows are those that the evaluator
//! keeps, in the order that was asked for, each once however they are paged.

use super::Harness;
use super::evidence::found;
use super::rendered::detections;
use super::samples::{
    Dice, MADE, SeenRow, begin, create_event, create_user, delete_event, event_of, execute, id, new_event, tenant,
    ticks, update_event, user_of,
};
use crate::sql::Place;
use crate::{Carried, PageQuery, Projection, Source, Store};
use model::{
    DetectionRow, DetectionView, EventKind, MatchClass, NewId, NewRiskEvent, RiskEventDraft, RiskEventStatus,
    RiskLevel, TenantKey, edm,
};
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::bound::{Expression, OrderKey, PropertyPath};
use odata::expression::evaluate::{Evaluator, Scope};
use odata::query::{Context, QueryOptions, bind};
use std::cmp::Ordering;

/// A row with the user that it leads to, as an expression sees it.
struct Entity {
    row: SeenRow,
    ty: &'static EntityType,
    user: Option<SeenRow>,
    /// The order of creation.
    place: usize,
}

impl Scope for Entity {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        let row = if path.navigation.is_empty() { Some(&self.row) } else { self.user.as_ref() };
        row.map_or(Cell::Null, |row| row.cells[path.position].as_cell())
    }

    fn entity_type(&self) -> &'static EntityType {
        self.ty
    }
}

/// Conditions that a store may have an index for, and some that it has none for.
const EVENT_CONDITIONS: [&str; 30] = [
    "riskLevel eq 'high'",
    "riskLevel ne 'high'",
    "riskLevel in ('low','medium')",
    "riskLevel gt 'low'",
    "not (riskLevel eq 'none')",
    "riskLevel eq null",
    "riskEventStatus eq 'active'",
    "riskEventStatus ne 'active'",
    "riskEventStatus in ('remediated','loginBlocked')",
    "riskEventDateTime ge 2024-01-10T00:00:00Z",
    "riskEventDateTime lt 2024-01-20T00:00:00Z",
    "riskEventDateTime eq 2024-01-15T00:00:00Z",
    "createdDateTime ge 2024-03-03T00:00:00Z",
    "createdDateTime lt 2020-01-01T00:00:00Z",
    "closedDateTime eq null",
    "closedDateTime gt 2024-01-01T00:00:00Z",
    "userId eq 'u1'",
    "userId in ('u0','u2','nobody')",
    "userId ne 'u1'",
    "userPrincipalName eq 'User1@fjord.example'",
    "userPrincipalName eq 'user1@fjord.example'",
    "startswith(userPrincipalName,'User1')",
    "contains(userDisplayName,'ł')",
    "id eq 'e7' or id eq 'e9' or id eq 'nobody'",
    "id eq 'e7'",
    "length(userDisplayName) gt 6",
    "impactedUser/displayName eq 'u1'",
    "impactedUser/displayName ne 'u1'",
    "isof(microsoft.graph.leakedCredentialsRiskEvent)",
    "year(riskEventDateTime) eq 2024 and day(riskEventDateTime) lt 12",
];

const EVENT_ORDERS: [&str; 14] = [
    "",
    "riskEventDateTime desc",
    "riskEventDateTime",
    "createdDateTime desc",
    "createdDateTime",
    "riskLevel,riskEventDateTime desc",
    "riskEventStatus desc",
    "closedDateTime",
    "closedDateTime desc,riskLevel",
    "userPrincipalName,riskEventDateTime",
    "id",
    "impactedUser/displayName desc",
    "tolower(userDisplayName),id desc",
    "riskEventDateTime desc,userId",
];

const USER_CONDITIONS: [&str; 8] = [
    "id eq 'u1'",
    "userPrincipalName eq 'User1@fjord.example'",
    "userPrincipalName eq 'user1@fjord.example'",
    "startswith(displayName,'u')",
    "department eq null",
    "accountEnabled eq true",
    "businessPhones/any(p:startswith(p,'+47'))",
    "not (displayName eq 'u2')",
];

/// Of events seen as detections.
const DETECTION_CONDITIONS: [&str; 16] = [
    "riskState eq 'atRisk'",
    "riskState ne 'atRisk'",
    "riskState in ('dismissed','remediated')",
    "riskState gt 'remediated'",
    "riskDetail eq 'userPerformedSecuredPasswordReset'",
    "riskEventType eq 'leakedCredentials'",
    "riskType eq 'leakedCredentials'",
    "lastUpdatedDateTime gt 2024-03-03T06:00:00.000006Z",
    "lastUpdatedDateTime le 2024-03-03T06:00:00.000009Z",
    "lastUpdatedDateTime ge 2024-03-03T06:00:00.000004Z and lastUpdatedDateTime lt 2024-03-03T06:00:00.000008Z",
    "activityDateTime ge 2024-01-10T00:00:00Z",
    "riskLevel eq 'high'",
    "userPrincipalName eq 'User1@fjord.example'",
    "startswith(id,'0')",
    "activity eq 'user' and ipAddress eq null and source eq 'IdentityProtection'",
    "contains(userDisplayName,'ł')",
];

const DETECTION_ORDERS: [&str; 7] = [
    "",
    "lastUpdatedDateTime desc",
    "lastUpdatedDateTime",
    "riskState,lastUpdatedDateTime desc",
    "activityDateTime desc",
    "id",
    "riskDetail desc,riskEventType",
];

const RISKY_USER_CONDITIONS: [&str; 10] = [
    "riskState eq 'atRisk'",
    "riskState ne 'atRisk'",
    "riskLevel eq 'high'",
    "riskLevel in ('none','low') and riskState in ('remediated','dismissed')",
    "id in ('u0','u3','nobody')",
    "userPrincipalName eq 'User1@fjord.example'",
    "riskLastUpdatedDateTime gt 2024-03-03T06:00:00.000014Z",
    "riskLastUpdatedDateTime le 2024-03-03T06:00:00.000015Z",
    "isDeleted eq false and not isProcessing",
    "startswith(userDisplayName,'M') or length(userPrincipalName) gt 3",
];

const RISKY_USER_ORDERS: [&str; 5] =
    ["", "riskLastUpdatedDateTime", "riskLastUpdatedDateTime desc", "riskState desc,id", "userDisplayName,riskLevel"];

const USER_ORDERS: [&str; 4] = ["", "displayName desc", "department,id", "userPrincipalName"];

pub(super) fn bound(ty: &'static EntityType, filter: &str, order: &str) -> (Option<Expression>, Vec<OrderKey>) {
    let mut query = String::new();
    for (name, value) in [("$filter", filter), ("$orderby", order)] {
        if !value.is_empty() {
            let value = value.replace('%', "%25").replace('+', "%2B");
            query.extend([name, "=", &value, "&"]);
        }
    }
    let options = QueryOptions::parse(&query).expect("options");
    let bound = bind(&options, &edm::MODEL, ty, &Context::at(ticks("2024-03-03T06:00:00Z")));
    let bound = bound.unwrap_or_else(|error| panic!("{query}: {error}"));
    (bound.filter, bound.order_by)
}

async fn fill(store: &dyn Store, tenant: TenantKey, dice: &mut Dice) {
    for number in 0..3 {
        let name = format!("User{number}@fjord.example");
        user_of(store, tenant, create_user(&format!("u{number}"), &name)).await;
    }
    for number in 0..120 {
        let user = dice.below(5);
        let new = NewRiskEvent {
            id: if dice.below(3) == 0 { MADE } else { NewId::Chosen(id(&format!("e{number}"))) },
            kind: if dice.below(6) == 0 { EventKind::IdentityRisk } else { EventKind::LeakedCredentials },
            user_display_name: dice.one_of(&["Mara Łind", "mara", "Tor", "åse ł", "", "\"Å\" \\"]).into(),
            risk_event_type: dice
                .one_of(&["leakedCredentials", "Leaked \"Credentials\"", "mal\tware, \"x\":", "generic"])
                .into(),
            user_principal_name: format!("User{user}@fjord.example").into(),
            risk_event_date_time: ticks(&format!("2024-01-{:02}T00:00:00Z", 1 + dice.below(28))),
            risk_level: RiskLevel::from_value(dice.below(6) as i64).expect("six levels"),
            risk_event_status: RiskEventStatus::from_value(dice.below(8) as i64).expect("eight statuses"),
            created_date_time: dice.one_of(&[None, None, Some(ticks("2019-05-05T05:05:05Z"))]),
            user_id: format!("u{user}").into(),
            impacted_user: dice.one_of(&[None, Some(format!("u{user}").into())]),
            evidence: dice.one_of(&[vec![], vec![], vec![found("a \"list\"\\", MatchClass::Pair)]]),
            ..new_event("unused")
        };
        let event = event_of(store, tenant, create_event(new)).await;
        let key = event.id.as_str();
        match dice.below(12) {
            0 => drop(execute(store, tenant, delete_event(key)).await.expect("an event can be deleted")),
            1 => {
                let patch = RiskEventDraft {
                    risk_level: Some(RiskLevel::High),
                    user_id: Some("u1".into()),
                    risk_event_status: Some(RiskEventStatus::Remediated),
                    ..RiskEventDraft::default()
                };
                event_of(store, tenant, update_event(key, patch)).await;
            }
            _ => {}
        }
    }
}

/// A row as it is, or the detection that an event's row is.
pub(super) fn seen(row: &dyn Row, as_detection: bool) -> SeenRow {
    if !as_detection {
        return SeenRow::of(row);
    }
    SeenRow::of(&DetectionRow::of(row).expect("an event has an id"))
}

/// Everything there is, the oldest first.
async fn everything(store: &dyn Store, tenant: TenantKey, source: Source, as_detection: bool) -> Vec<Entity> {
    let ty = |row: &dyn Row| row.entity_type();
    let relation = edm::IDENTITY_RISK_EVENT.navigation("impactedUser").expect("a relation");
    let mut all = Vec::new();
    let mut sink = |row: &dyn Row| {
        let ty = if as_detection { &edm::RISK_DETECTION } else { ty(row) };
        all.push((seen(row, as_detection), ty, row.related(relation).map(SeenRow::of)));
        Ok(())
    };
    let projection = if as_detection { Projection::Risk } else { Projection::Properties };
    let carried = Carried { projection, related: matches!(source, Source::Events(_)) };
    let query = PageQuery { carried, ..PageQuery::all(source, u32::MAX) };
    store.page(tenant, query, &mut sink).await.expect("a page can be read");
    if source == Source::RiskyUsers {
        // They come as their risk changed; what is alike is in the order of creation.
        let mut made = Vec::new();
        for (row, ..) in &all {
            let user = store.load_risky_user(tenant, row.id()).await.expect("reads go on").expect("it was listed");
            made.push(user.creation);
        }
        let mut both: Vec<_> = made.into_iter().zip(all).collect();
        both.sort_by_key(|(creation, _)| std::cmp::Reverse(*creation));
        all = both.into_iter().map(|(_, row)| row).collect();
    }
    let rows = all.into_iter().rev().enumerate();
    rows.map(|(place, (row, ty, user))| Entity { row, ty, user, place }).collect()
}

/// The ids that a query must answer, in the order that its keys ask for; `None` where the store is free.
fn expected<'e>(all: &'e [Entity], filter: Option<&Expression>, order_by: &[OrderKey]) -> Vec<&'e Entity> {
    let filter = filter.map(Evaluator::new);
    let mut kept: Vec<&Entity> =
        all.iter().filter(|entity| filter.as_ref().is_none_or(|filter| filter.matches(*entity))).collect();
    let keys: Vec<_> = order_by.iter().map(|key| (Evaluator::new(&key.expression), key.descending)).collect();
    kept.sort_by(|a, b| {
        let by_keys = keys.iter().map(|(key, descending)| {
            let order = key.value(*a).order_with_null(&key.value(*b));
            if *descending { order.reverse() } else { order }
        });
        let last = keys.last().is_none_or(|(_, descending)| *descending);
        let by_place = if last { b.place.cmp(&a.place) } else { a.place.cmp(&b.place) };
        by_keys.fold(Ordering::Equal, Ordering::then).then(by_place)
    });
    kept
}

async fn paged(
    store: &dyn Store,
    tenant: TenantKey,
    mut query: PageQuery,
    as_detection: bool,
    dice: &mut Dice,
) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        query.limit = 1 + dice.below(40) as u32;
        let mut sink = |row: &dyn Row| {
            ids.push(seen(row, as_detection).id().to_owned());
            Ok(())
        };
        let next: Option<Place> = store.page(tenant, query.clone(), &mut sink).await.expect("a page can be read");
        query.skip = 0;
        match next {
            None => return ids,
            place => query.after = place,
        }
    }
}

/// What is asked of detections, asked of events.
pub(super) fn through(filter: Option<Expression>, order_by: Vec<OrderKey>) -> (Option<Expression>, Vec<OrderKey>) {
    let keys =
        order_by.into_iter().map(|key| OrderKey { expression: key.expression.seen_through(&DetectionView), ..key });
    (filter.map(|filter| filter.seen_through(&DetectionView)), keys.collect())
}

pub(super) async fn queries_answer_what_the_evaluator_keeps(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let mut dice = Dice::new(20_241_124);
    let second = tenant(harness, 2).await;
    for tenant in [first, second] {
        fill(&*store, tenant, &mut dice).await;
        assert!(detections(&*store, tenant, PageQuery::all(Source::Events(None), u32::MAX)).await > 100);
    }
    let sources = [
        (Source::Events(None), &edm::IDENTITY_RISK_EVENT, EVENT_CONDITIONS.as_slice(), EVENT_ORDERS.as_slice()),
        (Source::Events(None), &edm::RISK_DETECTION, &DETECTION_CONDITIONS, &DETECTION_ORDERS),
        (Source::RiskyUsers, &edm::RISKY_USER, &RISKY_USER_CONDITIONS, &RISKY_USER_ORDERS),
        (
            Source::Events(Some(EventKind::LeakedCredentials)),
            &edm::IDENTITY_RISK_EVENT,
            &EVENT_CONDITIONS,
            &EVENT_ORDERS,
        ),
        (Source::Users, &edm::USER, &USER_CONDITIONS, &USER_ORDERS),
    ];
    for (source, ty, conditions, orders) in sources {
        let as_detection = std::ptr::eq(ty, &raw const edm::RISK_DETECTION);
        let all = everything(&*store, second, source, as_detection).await;
        assert!(!all.is_empty(), "there is something to ask for");
        for round in 0..250 {
            let mut filter = conditions[round % conditions.len()].to_owned();
            for _ in 0..dice.below(3) {
                let joint = dice.one_of(&[" and ", " and ", " or "]);
                filter = format!("({filter}){joint}({})", dice.one_of(conditions));
            }
            if round % 40 == 39 {
                filter.clear();
            }
            let order = dice.one_of(orders);
            let (bound_filter, order_by) = bound(ty, &filter, order);
            let kept = expected(&all, bound_filter.as_ref(), &order_by);
            let skip = if dice.below(4) == 0 { dice.below(5) } else { 0 };
            let (bound_filter, order_by) =
                if as_detection { through(bound_filter, order_by) } else { (bound_filter, order_by) };
            let carried = Carried { projection: Projection::Risk, related: false };
            let carried = if as_detection { carried } else { Carried::PROPERTIES };
            let query =
                PageQuery { filter: bound_filter.clone(), order_by, skip, carried, ..PageQuery::all(source, 1) };
            let mut found = paged(&*store, second, query, as_detection, &mut dice).await;
            let mut ids: Vec<_> = kept.iter().map(|entity| entity.row.id().to_owned()).collect();
            let about = format!("{source:?} $filter={filter} $orderby={order} $skip={skip}");
            if order.is_empty() && (!filter.is_empty() || source == Source::RiskyUsers) {
                // The store's own order: the same rows, but for those that were skipped.
                assert_eq!(found.len(), ids.len().saturating_sub(skip as usize), "{about}");
                ids.sort_unstable();
                found.sort_unstable();
                found.dedup();
                assert!(found.iter().all(|id| ids.binary_search(id).is_ok()), "{about}: {found:?} of {ids:?}");
                assert_eq!(found.len(), ids.len().saturating_sub(skip as usize), "{about}: each once");
            } else {
                assert_eq!(found, ids[(skip as usize).min(ids.len())..], "{about}");
            }
            if let Some(filter) = bound_filter {
                let count = store.count(second, source, filter.clone()).await.expect("a count");
                assert_eq!(count, ids.len() as u64, "{about}");
                let kind = match source {
                    Source::Events(kind) => kind,
                    Source::Users | Source::RiskyUsers => continue,
                };
                let totals = store.totals(second).await.expect("totals can be read");
                if let Some(told) = crate::kept::count(Some(&filter), kind, &totals) {
                    assert_eq!(told, count, "totals tell the same: {about}");
                }
            }
        }
    }
}
