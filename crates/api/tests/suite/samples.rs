//! Bodies and addresses that many tests use.

use model::{Actor, Command, EventKind, NewId, NewRiskEvent, RiskEventStatus, RiskLevel};
use serde_json::{Value, json};
use testkit::app::{TestApp, now};

pub(crate) const EVENTS: &str = "/v1.0/leakedCredentialsRiskEvents";
pub(crate) const BASE: &str = "/v1.0/identityRiskEvents";
pub(crate) const USERS: &str = "/v1.0/users";
pub(crate) const TYPE: &str = "#Microsoft.IdentityProtectionServices.leakedCredentialsRiskEvent";

/// The seed document's request, with values.
pub(crate) fn event() -> Value {
    json!({
        "@odata.type": TYPE,
        "userDisplayName": "Mara Lind",
        "userPrincipalName": "mara@fjord.example",
        "riskEventDateTime": "2024-03-02T23:10:04.2255665Z",
        "riskEventType": "leakedCredentials",
        "riskLevel": "high",
        "riskEventStatus": "active",
        "userId": "u1",
    })
}

pub(crate) fn user() -> Value {
    json!({
        "id": "u1",
        "accountEnabled": true,
        "displayName": "Mara Lind",
        "mailNickname": "mara",
        "userPrincipalName": "Mara@fjord.example",
        "passwordProfile": {"forceChangePasswordNextSignIn": true, "password": "not kept"},
    })
}

/// The same object with other members, or more.
pub(crate) fn with(mut body: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

/// The same object without a member.
pub(crate) fn without(mut body: Value, name: &str) -> Value {
    body.as_object_mut().expect("an object").remove(name).expect(name);
    body
}

/// Creates an event with an id.
pub(crate) async fn add_event(app: &TestApp, id: &str) -> Value {
    app.post(EVENTS, &with(event(), &json!({"id": id}))).await.expect(201).json()
}

/// Adds an item of evidence to an event.
pub(crate) async fn add_evidence(app: &TestApp, event: &str) -> Value {
    let body = json!({"source": "a leak", "matchClass": "pair"});
    app.post(&format!("{EVENTS}/{event}/evidence"), &body).await.expect(201).json()
}

/// Creates a user with an id and a name.
pub(crate) async fn add_user(app: &TestApp, id: &str, name: &str) -> Value {
    let body = with(user(), &json!({"id": id, "userPrincipalName": name}));
    app.post(USERS, &body).await.expect(201).json()
}

/// Raises an event of the base type, which only the service itself can.
pub(crate) async fn raise_base_event(app: &TestApp, id: &str) {
    let event = NewRiskEvent {
        id: NewId::Chosen(id.parse().expect("an id")),
        kind: EventKind::IdentityRisk,
        user_display_name: "Mara Lind".into(),
        user_principal_name: "mara@fjord.example".into(),
        risk_event_date_time: now(),
        risk_event_type: "adminConfirmedUserCompromised".into(),
        risk_level: RiskLevel::High,
        risk_event_status: RiskEventStatus::Active,
        closed_date_time: None,
        created_date_time: None,
        user_id: "u1".into(),
        impacted_user: None,
        evidence: Vec::new(),
    };
    let (tenant, actor) = (app.tenants[0].key, Actor::command("test"));
    let raised = app.app.service.store().execute(tenant, actor, Command::CreateEvent(Box::new(event))).await;
    raised.expect("an event");
}

/// The ids on a page.
pub(crate) fn ids(page: &Value) -> Vec<String> {
    let items = page["value"].as_array().expect("a list");
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// A link's path and query, as a request from the same client has them.
pub(crate) fn path_of(link: &str) -> &str {
    link.strip_prefix(testkit::app::ORIGIN).expect("a link to this service")
}
