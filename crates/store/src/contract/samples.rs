//! Commands and tenants to begin with, and everything that can be read of a tenant at once.

use super::Harness;
use super::rendered::detections;
use crate::Place;
use crate::{
    AdminCommand, AdminOutcome, Carried, ChangeRecord, HistoryRecord, Outcome, PageQuery, Source, Store, WriteError,
};
use model::{
    Actor, Clock as _, Command, EntityId, Entropy as _, EventKey, EventKind, Evidence, NewId, NewRiskEvent, OwnedCell,
    Precondition, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, RiskyUser, SeededEntropy, TenantId, TenantKey,
    Ticks, Total, User, UserDraft, UserKey, Versions, edm,
};
use odata::body::EntityBody;
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::Scope;
use odata::expression::bound::Expression;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// Adds a tenant with a number of its own.
pub(super) async fn tenant(harness: &dyn Harness, number: u128) -> TenantKey {
    let id = TenantId::new(Uuid::from_u128(number));
    let created = harness.clock().now();
    let command = AdminCommand::AddTenant { id, name: format!("tenant {number}").into(), created };
    match harness.store().administer(command).await.expect("a tenant can be added") {
        AdminOutcome::Tenant(key) => key,
        other => panic!("adding a tenant came to {other:?}"),
    }
}

/// A store with one tenant.
pub(super) async fn begin(harness: &dyn Harness) -> (Arc<dyn Store>, TenantKey) {
    let tenant = tenant(harness, 1).await;
    (harness.store(), tenant)
}

pub(super) fn actor() -> Actor {
    Actor { app: "contract".into(), user: None }
}

pub(super) fn id(text: &str) -> EntityId {
    text.parse().expect(text)
}

pub(super) fn ticks(text: &str) -> Ticks {
    text.parse().expect(text)
}

/// Names an event of any kind.
pub(super) fn event_key(text: &str) -> EventKey {
    EventKey { id: id(text), kind: None }
}

pub(super) fn user_key(text: &str) -> UserKey {
    UserKey::parse(text).expect(text)
}

/// The condition that an entity is at a version.
pub(super) fn at_version(version: u64) -> Precondition {
    Precondition { if_match: Some(Versions::Listed(vec![version])), if_none_match: None }
}

/// An id that is made with the event.
pub(super) const MADE: NewId = NewId::Made { chance: 42 };

/// An event with an id that its client chose.
pub(super) fn new_event(text: &str) -> NewRiskEvent {
    NewRiskEvent {
        id: NewId::Chosen(id(text)),
        kind: EventKind::LeakedCredentials,
        user_display_name: "Mara Łind \u{1f6a2}".into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: ticks("2024-03-02T23:10:04.2255665Z"),
        risk_event_type: "leakedCredentials".into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: None,
        user_id: "u1".into(),
        impacted_user: Some("u1".into()),
        evidence: Vec::new(),
    }
}

pub(super) fn create_event(new: NewRiskEvent) -> Command {
    Command::CreateEvent(Box::new(new))
}

pub(super) fn update_event(text: &str, patch: RiskEventDraft) -> Command {
    Command::UpdateEvent { event: event_key(text), precondition: Precondition::default(), patch: Box::new(patch) }
}

pub(super) fn delete_event(text: &str) -> Command {
    Command::DeleteEvent { event: event_key(text), precondition: Precondition::default() }
}

/// What a body says of a user.
pub(super) fn user_draft(json: &str) -> UserDraft {
    let mut body = EntityBody::read(json.as_bytes(), &edm::MODEL, &edm::USER).expect(json);
    let draft = UserDraft::from_body(&mut body);
    assert!(body.faults.is_empty(), "{json}: {}", body.faults);
    draft
}

pub(super) fn create_user(text: &str, name: &str) -> Command {
    let json = format!(
        r#"{{"accountEnabled":true,"displayName":"{text}","mailNickname":"{text}","userPrincipalName":"{name}"}}"#
    );
    Command::CreateUser { id: id(text), draft: Box::new(user_draft(&json)) }
}

pub(super) fn update_user(key: &str, json: &str) -> Command {
    Command::UpdateUser {
        user: user_key(key),
        precondition: Precondition::default(),
        patch: Box::new(user_draft(json)),
    }
}

pub(super) fn delete_user(key: &str) -> Command {
    Command::DeleteUser { user: user_key(key), precondition: Precondition::default() }
}

pub(super) async fn execute(store: &dyn Store, tenant: TenantKey, command: Command) -> Result<Outcome, WriteError> {
    store.execute(tenant, actor(), command).await
}

/// Carries out a command that must come to an event.
pub(super) async fn event_of(store: &dyn Store, tenant: TenantKey, command: Command) -> RiskEvent {
    match execute(store, tenant, command).await {
        Ok(Outcome::Event(event) | Outcome::EventWithEvidence(event, _)) => *event,
        other => panic!("came to {other:?} instead of an event"),
    }
}

/// Carries out a command that must come to a user.
pub(super) async fn user_of(store: &dyn Store, tenant: TenantKey, command: Command) -> User {
    match execute(store, tenant, command).await {
        Ok(Outcome::User(user)) => *user,
        other => panic!("came to {other:?} instead of a user"),
    }
}

/// A row as a sink met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenRow {
    pub(super) entity_type: &'static str,
    pub(super) version: u64,
    pub(super) cells: Vec<OwnedCell>,
}

impl SeenRow {
    pub(super) fn of(row: &dyn Row) -> Self {
        let owned = |position| match row.cell(position) {
            Cell::Null => OwnedCell::Null,
            Cell::Integer(value) => OwnedCell::Integer(value),
            Cell::Double(value) => OwnedCell::Double(value),
            Cell::Text(text) => OwnedCell::Text(text.into()),
            Cell::Complex(_) => panic!("the cell {position} of {} is structured", row.entity_type().name),
            Cell::Damaged => panic!("the cell {position} of {} is damaged", row.entity_type().name),
        };
        Self {
            entity_type: row.entity_type().name,
            version: row.version(),
            cells: (0..row.entity_type().property_count()).map(owned).collect(),
        }
    }

    pub(super) fn id(&self) -> &str {
        self.text(edm::event::ID) // as in every type
    }

    pub(super) fn text(&self, position: usize) -> &str {
        match &self.cells[position] {
            OwnedCell::Text(text) => text,
            other => panic!("the cell {position} is {other:?}"),
        }
    }

    fn integer(&self, position: usize) -> i64 {
        match self.cells[position] {
            OwnedCell::Integer(value) => value,
            ref other => panic!("the cell {position} is {other:?}"),
        }
    }
}

/// A filter.
pub(super) fn condition(ty: &'static EntityType, filter: &str) -> Expression {
    let scope = Scope::new(&edm::MODEL, ty, Ticks::default());
    scope.condition(filter).expect(filter)
}

/// One page.
pub(super) async fn page(
    store: &dyn Store,
    tenant: TenantKey,
    source: Source,
    after: Option<Place>,
    limit: u32,
) -> (Vec<SeenRow>, Option<Place>) {
    let mut rows = Vec::new();
    let mut sink = |row: &dyn Row| {
        rows.push(SeenRow::of(row));
        Ok(())
    };
    let next = store
        .page(tenant, PageQuery { after, ..PageQuery::all(source, limit) }, &mut sink)
        .await
        .expect("a page can be read");
    (rows, next)
}

/// Every row of a source, by pages.
pub(super) async fn rows(store: &dyn Store, tenant: TenantKey, source: Source) -> Vec<SeenRow> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (some, next) = page(store, tenant, source, after, 64).await;
        all.extend(some);
        match next {
            Some(cursor) => after = Some(cursor),
            None => return all,
        }
    }
}

/// Reads an event through a sink.
pub(super) async fn seen_event(store: &dyn Store, tenant: TenantKey, key: &EventKey) -> Option<SeenRow> {
    let (mut seen, mut members) = (None, None);
    let mut sink = |row: &dyn Row| {
        seen = Some(SeenRow::of(row));
        members = Some(model::event_members(row)?);
        Ok(())
    };
    let found = store.event(tenant, key, Carried::PROPERTIES, &mut sink).await.expect("an event can be read");
    assert_eq!(found, seen.is_some(), "the sink is told of an event exactly when there is one");
    let mut rendered = None;
    let mut sink = |row: &dyn Row| {
        rendered = row.members().map(str::to_owned);
        Ok(())
    };
    store.event(tenant, key, Carried::MEMBERS, &mut sink).await.expect("an event can be read");
    assert_eq!(rendered, members, "what is kept rendered is what the values render to");
    seen
}

/// The whole change log; checks that its numbers have no gaps and its times grow.
pub(super) async fn changes(store: &dyn Store, tenant: TenantKey) -> Vec<ChangeRecord> {
    let changes = store.changes(tenant, 0, u32::MAX).await.expect("the change log can be read");
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(change.sequence, index as u64 + 1, "numbers have no gaps");
    }
    for pair in changes.windows(2) {
        assert!(pair[0].time < pair[1].time, "times grow strictly: {pair:?}");
    }
    changes
}

/// Everything that can be read of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(super) events: Vec<SeenRow>,
    /// That of each of them.
    pub(super) evidence: Vec<Vec<Evidence>>,
    pub(super) users: Vec<SeenRow>,
    pub(super) risky_users: Vec<RiskyUser>,
    pub(super) histories: Vec<Vec<HistoryRecord>>,
    pub(super) changes: Vec<ChangeRecord>,
    pub(super) totals: HashMap<Total, u64>,
}

impl Snapshot {
    pub(super) async fn take(store: &dyn Store, tenant: TenantKey) -> Self {
        let (mut risky_users, mut histories) = (Vec::new(), Vec::new());
        for row in rows(store, tenant, Source::RiskyUsers).await {
            let user = store.load_risky_user(tenant, row.id()).await.expect("a user at risk can be read");
            let user = user.expect("who is listed is there");
            assert_eq!(SeenRow::of(&user), row, "the list shows what is kept");
            risky_users.push(user);
            histories.push(store.history(tenant, row.id(), None, u32::MAX).await.expect("a history can be read"));
        }
        let events = rows(store, tenant, Source::Events(None)).await;
        let mut evidence = Vec::new();
        for row in &events {
            let found = store.evidence(tenant, &event_key(row.id())).await.expect("evidence can be read");
            evidence.push(found.expect("what is listed is there"));
        }
        Self {
            risky_users,
            histories,
            events,
            evidence,
            users: rows(store, tenant, Source::Users).await,
            changes: changes(store, tenant).await,
            totals: store.totals(tenant).await.expect("totals can be read").into_iter().collect(),
        }
    }

    /// The change log.
    pub fn changes(&self) -> &[ChangeRecord] {
        &self.changes
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Checks what must hold at every moment: totals equal a recount, and each row's version is
    /// the number of its latest change.
    pub(super) fn assert_sound(&self) {
        let mut counted: HashMap<Total, u64> = HashMap::new();
        for row in &self.events {
            let kind = EventKind::ALL.into_iter().find(|kind| kind.entity_type().name == row.entity_type);
            let kind = kind.expect("every event has a kind");
            let level = RiskLevel::from_value(row.integer(edm::event::RISK_LEVEL)).expect("a level");
            let status = RiskEventStatus::from_value(row.integer(edm::event::RISK_EVENT_STATUS)).expect("a status");
            *counted.entry(Total::Events(kind, level, status)).or_default() += 1;
        }
        if !self.users.is_empty() {
            counted.insert(Total::Users, self.users.len() as u64);
        }
        for user in &self.risky_users {
            *counted.entry(Total::RiskyUsers(user.risk.level, user.risk.state)).or_default() += 1;
        }
        assert_eq!(self.totals, counted);
        self.assert_sums();
        for (set, rows) in [(model::ChangedSet::RiskEvents, &self.events), (model::ChangedSet::Users, &self.users)] {
            for row in rows {
                let latest =
                    self.changes.iter().rfind(|change| change.entry.set == set && *change.entry.id == *row.id());
                assert_eq!(latest.map(|change| change.sequence), Some(row.version), "{set:?} {}", row.id());
            }
        }
    }
}

impl Snapshot {
    /// Users at risk are what their events add up to, and their histories are whole and end there.
    fn assert_sums(&self) {
        let at_risk: Vec<&str> = self.risky_users.iter().map(|user| &*user.id).collect();
        for row in &self.events {
            assert!(at_risk.contains(&row.text(edm::event::USER_ID)), "nobody is at risk by {}", row.id());
        }
        for (user, history) in self.risky_users.iter().zip(&self.histories) {
            let events: Vec<_> = self.events.iter().filter(|row| row.text(edm::event::USER_ID) == &*user.id).collect();
            assert_eq!(user.events as usize, events.len(), "{user:?}");
            let mut open = [0; 6];
            for row in events {
                let status = RiskEventStatus::from_value(row.integer(edm::event::RISK_EVENT_STATUS)).expect("a status");
                if status.is_open() {
                    open[usize::try_from(row.integer(edm::event::RISK_LEVEL)).expect("a level")] += 1;
                }
            }
            assert_eq!(user.open.by_level, open, "{user:?}");
            let newest = history.first().expect("something happened to everybody who is at risk");
            assert_eq!(user.newest, Some(newest.sequence));
            assert_eq!((user.risk, user.risk_last_updated), (newest.item.risk, newest.time), "{user:?}");
            let numbers: Vec<Option<u64>> = history.iter().skip(1).map(|record| Some(record.sequence)).collect();
            let chain: Vec<Option<u64>> = history.iter().map(|record| record.item.previous).collect();
            assert_eq!([numbers, vec![None]].concat(), chain, "the history is a whole chain");
            for record in history {
                let change = &self.changes[record.sequence as usize - 1];
                assert_eq!((change.risky_user.as_deref(), &change.actor), (Some(&*user.id), &record.actor));
            }
            let latest = self.changes.iter().rfind(|change| change.risky_user.as_deref() == Some(&*user.id));
            assert_eq!(latest.map(|change| change.sequence), Some(user.version), "{user:?}");
        }
    }
}

/// Takes a snapshot of a tenant that holds what must hold at every moment.
pub async fn snapshot(store: &dyn Store, tenant: TenantKey) -> Snapshot {
    let snapshot = Snapshot::take(store, tenant).await;
    snapshot.assert_sound();
    detections(store, tenant, PageQuery::all(Source::Events(None), u32::MAX)).await;
    snapshot
}

/// Numbers by chance that repeat themselves.
pub(super) struct Dice(SeededEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    /// One of several.
    pub(super) fn one_of<T: Clone>(&mut self, several: &[T]) -> T {
        several[self.below(several.len() as u64) as usize].clone()
    }
}
