//! An application with a few entities in it, which live in the store and in memory alike.

use crate::app::TestApp;
use model::{
    Actor, Caller, Command, EventKind, NewId, NewRiskEvent, PermissionSet, RiskEvent, RiskEventStatus, RiskLevel, User,
    UserDraft, UserKey, edm,
};
use odata::body::EntityBody;
use odata::edm::EntityType;
use odata::encode::{Cell, Row};
use odata::expression::bound::PropertyPath;
use odata::expression::evaluate::Scope;
use std::future::Future;
use tokio::runtime::Runtime;

/// An application, and what is in it at the start.
pub(super) struct World {
    runtime: Runtime,
    pub(super) app: TestApp,
    /// Who may do everything.
    pub(super) caller: Caller,
    /// Events in the order of their creation.
    pub(super) events: Vec<RiskEvent>,
    /// Users likewise.
    pub(super) users: Vec<User>,
}

thread_local! {
    /// The world of checks that only read.
    static STILL: World = World::new();
    /// The world of checks that write too.
    static MOVING: World = World::new();
}

impl World {
    /// Looks at a world in which nothing ever changes.
    pub(super) fn still<T>(look: impl FnOnce(&Self) -> T) -> T {
        STILL.with(look)
    }

    /// Does things in a world that may have changed.
    pub(super) fn moving<T>(act: impl FnOnce(&Self) -> T) -> T {
        MOVING.with(act)
    }

    /// Waits for something.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let app = runtime.block_on(TestApp::new());
        let tenant = app.tenants[0].clone();
        let actor = Actor { app: "fuzz".into(), user: None };
        let caller = Caller { tenant: tenant.key, tenant_id: tenant.id, actor, permissions: PermissionSet::all() };
        let mut world = Self { runtime, app, caller, events: Vec::new(), users: Vec::new() };
        for body in USERS {
            let user = world.run(world.create_user(body));
            world.users.push(user);
        }
        for (at, sample) in EVENTS.iter().enumerate() {
            let event = world.run(world.create_event(at, sample));
            world.events.push(event);
        }
        world
    }

    async fn create_user(&self, json: &str) -> User {
        let mut body = EntityBody::read(json.as_bytes(), &edm::MODEL, &edm::USER).expect(json);
        let draft = UserDraft::from_body(&mut body);
        assert!(body.faults.is_empty(), "{json}: {}", body.faults);
        let id = draft.id().expect("the samples have ids");
        let command = Command::CreateUser { id: id.clone(), draft: Box::new(draft) };
        let store = self.app.app.service.store();
        store.execute(self.caller.tenant, self.caller.actor.clone(), command).await.expect(json);
        store.load_user(self.caller.tenant, &UserKey::Id(id)).await.expect(json).expect(json)
    }

    async fn create_event(&self, at: usize, sample: &Sample) -> RiskEvent {
        let id: model::EntityId = format!("e{at}").parse().expect("an id");
        let new = NewRiskEvent {
            id: NewId::Chosen(id.clone()),
            kind: sample.kind,
            user_display_name: sample.name.into(),
            user_principal_name: format!("{}@fjord.example", sample.user).into(),
            risk_event_date_time: sample.time.parse().expect("a time"),
            risk_event_type: sample.risk.into(),
            risk_level: sample.level,
            risk_event_status: sample.status,
            closed_date_time: Some(sample.closed.map(|time| time.parse().expect("a time"))),
            created_date_time: Some(sample.time.parse().expect("a time")),
            user_id: sample.user.into(),
            impacted_user: sample.impacted.map(Into::into),
            evidence: Vec::new(),
        };
        let store = self.app.app.service.store();
        let command = Command::CreateEvent(Box::new(new));
        store.execute(self.caller.tenant, self.caller.actor.clone(), command).await.expect("an event");
        let key = model::EventKey { id, kind: None };
        store.load_event(self.caller.tenant, &key).await.expect("an event").expect("an event")
    }

    /// An event as expressions see it.
    pub(super) fn seen<'w>(&'w self, event: &'w RiskEvent) -> Seen<'w> {
        let leads_to = |user: &&User| event.impacted_user.as_deref() == Some(user.id().as_str());
        Seen { row: event, user: self.users.iter().find(leads_to) }
    }
}

/// A row with the one that it leads to.
#[derive(Clone, Copy)]
pub(super) struct Seen<'w> {
    pub(super) row: &'w dyn Row,
    user: Option<&'w User>,
}

impl<'w> Seen<'w> {
    /// A row that leads nowhere.
    pub(super) fn alone(row: &'w dyn Row) -> Self {
        Self { row, user: None }
    }
}

impl Scope for Seen<'_> {
    fn cell(&self, path: &PropertyPath) -> Cell<'_> {
        if path.navigation.is_empty() {
            return self.row.cell(path.position);
        }
        self.user.map_or(Cell::Null, |user| user.cell(path.position))
    }

    fn entity_type(&self) -> &'static EntityType {
        self.row.entity_type()
    }
}

const USERS: [&str; 5] = [
    r#"{"id":"u1","accountEnabled":true,"displayName":"Mara Łind","mailNickname":"mara","userPrincipalName":
       "mara@fjord.example","businessPhones":["+47 22 00 00 01","mara"],"department":"Sales","mail":"MARA@fjord.example",
       "createdDateTime":"2024-02-29T12:34:56.7890123Z"}"#,
    r#"{"id":"u2","accountEnabled":false,"displayName":"ola","mailNickname":"ola","userPrincipalName":
       "Ola@Fjord.example","businessPhones":["","\"","2024-03-02T23:10:04Z"],"jobTitle":"Åß𐐀"}"#,
    r#"{"id":"u3","accountEnabled":true,"displayName":"Ola","mailNickname":"ola3","userPrincipalName":
       "ola3@fjord.example","mail":"","department":"  sales ","createdDateTime":"0001-01-01T00:00:00Z"}"#,
    r#"{"id":"mara","accountEnabled":true,"displayName":"%_'\"\\","mailNickname":"x","userPrincipalName":
       "x@fjord.example","businessPhones":["mara"],"createdDateTime":"9999-12-31T23:59:59.9999999Z"}"#,
    r#"{"id":"u5","accountEnabled":true,"displayName":"5","mailNickname":"5","userPrincipalName":"5@fjord.example",
       "surname":"true","givenName":"-1.5e3","usageLocation":"P1D"}"#,
];

/// An event, in short.
struct Sample {
    kind: EventKind,
    name: &'static str,
    user: &'static str,
    time: &'static str,
    risk: &'static str,
    level: RiskLevel,
    status: RiskEventStatus,
    closed: Option<&'static str>,
    impacted: Option<&'static str>,
}

/// An open event about u1.
const OPEN: Sample = Sample {
    kind: EventKind::LeakedCredentials,
    name: "Mara Łind",
    user: "u1",
    time: "2024-03-02T23:10:04.2255665Z",
    risk: "leakedCredentials",
    level: RiskLevel::High,
    status: RiskEventStatus::Active,
    closed: None,
    impacted: Some("u1"),
};

const EVENTS: [Sample; 9] = [
    OPEN,
    Sample { kind: EventKind::IdentityRisk, risk: "adminConfirmedUserCompromised", level: RiskLevel::Low, ..OPEN },
    Sample { status: RiskEventStatus::Remediated, closed: Some("2024-03-03T00:00:00Z"), ..OPEN },
    Sample { name: "", user: "u2", time: "2024-03-02T23:10:04.2255664Z", impacted: Some("u2"), ..OPEN },
    Sample { name: "%_'\"\\", user: "gone", impacted: Some("gone"), level: RiskLevel::Medium, ..OPEN },
    Sample { name: "ola", user: "u3", impacted: None, level: RiskLevel::UnknownFutureValue, ..OPEN },
    Sample {
        name: "ß𐐀",
        time: "0001-01-01T00:00:00Z",
        closed: Some("9999-12-31T23:59:59.9999999Z"),
        status: RiskEventStatus::ClosedMultipleReasons,
        level: RiskLevel::None,
        ..OPEN
    },
    Sample {
        name: "Mara Łind\u{3000}",
        user: "u3",
        impacted: Some("u3"),
        time: "9999-12-31T23:59:59.9999999Z",
        closed: Some("0001-01-01T00:00:00Z"),
        status: RiskEventStatus::DismissedAsIgnore,
        ..OPEN
    },
    Sample { user: "mara", impacted: Some("mara"), status: RiskEventStatus::LoginBlocked, risk: "P1D", ..OPEN },
];
