//! Examples of request bodies. Each is accepted as it stands; a test sends them all.

use super::Place;
use crate::routes::{Route, Shape, Verb};
use odata::json::Object;
use odata::object;
use odata::schema::{Form, Schemas};

/// The user of the examples.
const USER: &str = "5b0a7c1e-8d53-4f39-a3d4-2f6a3f1f9c01";

/// The examples of an operation's body, by name.
pub(super) fn of(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Object {
    let is_user = place.set.is_some_and(|set| set.alternate_key.is_some());
    let (name, value) = match (route.shape, route.method) {
        (Shape::Collection, Verb::Post) if is_user => ("user", user()),
        (Shape::Collection, Verb::Post) => ("leak", event(schemas, place)),
        (Shape::Entity, Verb::Patch) if is_user => {
            ("move", object! { "department": "Finance", "jobTitle": "Controller" })
        }
        (Shape::Entity, Verb::Patch) => ("close", object! { "riskEventStatus": "dismissedAsFalsePositive" }),
        (Shape::Reference, Verb::Put | Verb::Post) => ("user", object! { "@odata.id": format!("users/{USER}") }),
        (Shape::Batch, _) => ("two", batch()),
        (Shape::Contained, Verb::Post) => ("found", evidence()),
        (Shape::Action, _) => ("one", object! { "userIds": [USER] }),
        _ => return Object::new(),
    };
    object! {}.with(name, object! { "value": value })
}

/// The seed document's request, with values.
fn event(schemas: &Schemas<'_>, place: &Place) -> Object {
    let ty = place.set.and_then(|set| set.capabilities.creates).map(|ty| format!("#{}", schemas.name(ty, Form::Read)));
    Object::new()
        .maybe("@odata.type", ty)
        .with("userDisplayName", "Mara Lind")
        .with("userPrincipalName", "mara@fjord.example")
        .with("riskEventDateTime", "2026-03-02T23:10:04.2255665Z")
        .with("riskEventType", "leakedCredentials")
        .with("riskLevel", "high")
        .with("riskEventStatus", "active")
        .with("userId", USER)
}

/// What a scan found.
fn evidence() -> Object {
    object! {
        "source": "Collection 2026-03, part 7",
        "matchClass": "pair",
        "matchedAttribute": "userPrincipalName",
        "matchedRule": "foldCase",
    }
}

fn user() -> Object {
    object! {
        "id": USER,
        "accountEnabled": true,
        "displayName": "Mara Lind",
        "mailNickname": "mara",
        "userPrincipalName": "mara@fjord.example",
        "passwordProfile": object! { "forceChangePasswordNextSignIn": true, "password": "is not kept" },
    }
}

fn batch() -> Object {
    let close = object! {
        "id": "2",
        "method": "PATCH",
        "url": "/leakedCredentialsRiskEvents/1",
        "headers": object! { "Content-Type": "application/json" },
        "body": object! { "riskEventStatus": "remediated" },
    };
    let read = object! { "id": "1", "method": "GET", "url": "/users?$top=1" };
    object! { "requests": [read, close] }
}
