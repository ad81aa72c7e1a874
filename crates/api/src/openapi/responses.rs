//! Responses: every status that an operation can answer, with its headers.

use super::{Place, bodies};
use crate::error::Area;
use crate::routes::{Access, BodyKind, Route, Shape, Verb};
use odata::json::Object;
use odata::object;
use odata::path::PropertyPart;
use odata::schema::Schemas;

/// Statuses that refuse or fail, and what they mean.
const REFUSALS: [(u16, &str); 17] = [
    (400, "Something in the request is not understood, or does not fit; `details` names every fault."),
    (401, "There is no token, or one that lets nobody in."),
    (403, "The token lacks a permission; `message` names it."),
    (404, "There is no such entity."),
    (406, "The answer does not come in a form that `Accept` or `$format` names."),
    (408, "The body did not arrive in time."),
    (409, "The id, or a name that must be unique, is taken."),
    (410, "The token is too old, or of another tenant or set; `Location` says where to begin anew."),
    (
        412,
        "The entity has another version than `If-Match` names, or the one that `If-None-Match` names; or a repeated \
           request differs from the first one.",
    ),
    (413, "The body is larger than the limit."),
    (415, "The body is not declared as JSON, or comes in an encoding that is not understood."),
    (429, "Too many requests; `Retry-After` says when to go on."),
    (500, "The server failed; its log says why, under the request-id."),
    (501, "A part of OData that is not served."),
    (503, "Not now; `Retry-After` says when to try again."),
    (504, "The request took too long; whether a write was carried out is not known."),
    (507, "There is no space left to store anything."),
];

/// Response headers, by the names of their components.
const HEADERS: [(&str, &str); 11] = [
    ("request-id", "The server's id of the request; errors and the log name it."),
    ("client-request-id", "The client's id, or else the same as request-id."),
    ("OData-Version", "The version of OData that the answer follows."),
    ("ETag", "The version of the entity or document."),
    ("Location", "The URL of the new entity; with 410, where to begin anew."),
    ("OData-EntityId", "The URL of the new entity, where the answer has no body."),
    ("Preference-Applied", "The preferences that were honoured."),
    ("Repeatability-Result", "Whether a repeatable request was carried out."),
    ("Retry-After", "Whole seconds to wait."),
    ("WWW-Authenticate", "Where tokens are to be had."),
    ("Vary", "What of the request the form of the answer depends on."),
];

/// `components.headers`
pub(super) fn headers() -> Object {
    HEADERS
        .into_iter()
        .map(|(name, description)| {
            let header = object! { "description": description, "schema": header_schema(name) };
            (name, if SOMETIMES.contains(&name) { header } else { header.with("required", true) })
        })
        .collect()
}

/// Headers that are not always there where they are described.
const SOMETIMES: [&str; 2] = ["Preference-Applied", "Repeatability-Result"];

fn header_schema(name: &str) -> Object {
    match name {
        "request-id" => object! { "type": "string", "format": "uuid" },
        "OData-Version" => object! { "type": "string", "enum": ["4.0", "4.01"] },
        "Retry-After" => object! { "type": "integer", "minimum": 1 },
        "Repeatability-Result" => object! { "type": "string", "enum": ["accepted", "rejected"] },
        "Location" | "OData-EntityId" => object! { "type": "string", "format": "uri" },
        _ => object! { "type": "string" },
    }
}

/// References to headers: those that every response has, those that this one always has, and those
/// that it may have.
fn references(always: &[&'static str], sometimes: &[&'static str]) -> Object {
    let reference = |name: &str| object! { "$ref": format!("#/components/headers/{name}") };
    let mut all = Object::new();
    for name in ["request-id", "client-request-id"].iter().chain(always).chain(sometimes) {
        all.add(*name, reference(name));
    }
    all
}

/// `components.responses`
pub(super) fn all() -> Object {
    let refusals = REFUSALS.into_iter().map(|(status, description)| {
        let always: &[&'static str] = match status {
            401 => &["WWW-Authenticate"],
            410 => &["Location"],
            429 | 503 => &["Retry-After"],
            _ => &[],
        };
        let content = object! { "application/json": object! { "schema": bodies::error_reference() } };
        let response = object! { "description": description, "headers": references(always, &[]), "content": content };
        (status.to_string(), response)
    });
    let known = object! {
        "description": "The client has this version already.",
        "headers": references(&["ETag"], &[]),
    };
    std::iter::once(("304".to_owned(), known)).chain(refusals).collect()
}

/// The responses of an operation.
pub(super) fn of(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Object {
    let mut all = Object::new();
    for (status, response) in successes(schemas, route, place) {
        all.add(status.to_string(), response);
    }
    for status in statuses(route) {
        all.add(status.to_string(), object! { "$ref": format!("#/components/responses/{status}") });
    }
    all
}

fn successes(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Vec<(u16, Object)> {
    let answer = |description: &'static str, headers: Object| {
        let content = bodies::response(schemas, route, place);
        object! { "description": description, "headers": headers }.with("content", content)
    };
    let without_body =
        |description: &'static str, headers: Object| (204, object! { "description": description, "headers": headers });
    let (odata, applied) = ("OData-Version", "Preference-Applied");
    match (route.shape, route.method) {
        (Shape::Service, _) => vec![(200, answer("The sets.", references(&[odata, "ETag"], &[])))],
        (Shape::Metadata, _) => vec![(200, answer("The model.", references(&[odata, "ETag", "Vary"], &[])))],
        (Shape::Collection, Verb::Post) => {
            let made = [odata, "ETag", "Location"];
            let bare = [odata, "ETag", "Location", "OData-EntityId"];
            vec![
                (
                    201,
                    answer("It is created; the whole of it, or what `$select` names.", references(&made, &SOMETIMES)),
                ),
                without_body("It is created, as `Prefer: return=minimal` asks.", references(&bare, &SOMETIMES)),
            ]
        }
        (Shape::Contained, Verb::Post) => {
            let made = [odata, "ETag", "Location"];
            let bare = without_body(
                "It is added, as `Prefer: return=minimal` asks.",
                references(&[odata, "ETag"], &SOMETIMES),
            );
            vec![
                (200, answer("It is added to an item that was there.", references(&[odata, "ETag"], &SOMETIMES))),
                (201, answer("There is a new item.", references(&made, &SOMETIMES))),
                bare,
            ]
        }
        (Shape::Entity, Verb::Patch) => vec![
            (
                200,
                answer(
                    "It is changed; the whole of it, or what `$select` names.",
                    references(&[odata, "ETag"], &SOMETIMES),
                ),
            ),
            without_body("It is changed.", references(&[odata, "ETag"], &SOMETIMES)),
        ],
        (_, Verb::Delete) => vec![without_body("It is gone.", references(&[], &["Repeatability-Result"]))],
        (Shape::Reference, Verb::Put | Verb::Post) => {
            vec![without_body("It is set.", references(&[], &["Repeatability-Result"]))]
        }
        (Shape::Action, _) => vec![without_body("It is done.", references(&[], &["Repeatability-Result"]))],
        (Shape::Entity | Shape::Navigation | Shape::ContainedEntity, _) => {
            vec![(200, answer("The entity.", references(&[odata, "ETag"], &[applied])))]
        }
        (Shape::Collection | Shape::Delta | Shape::Contained, _) => {
            vec![(200, answer("A page.", references(&[odata], &[applied])))]
        }
        (Shape::References, _) => {
            vec![(200, answer("A page of references.", references(&[odata], &[applied])))]
        }
        (Shape::Property { part: PropertyPart::Count, .. }, _) => {
            vec![(200, answer("The number.", references(&[odata, "ETag"], &[applied])))]
        }
        (Shape::Property { .. }, _) => vec![
            (200, answer("The value.", references(&[odata, "ETag"], &[applied]))),
            without_body("The value is null.", references(&[odata, "ETag"], &[applied])),
        ],
        (Shape::Count | Shape::ContainedCount, _) => {
            vec![(200, answer("The number.", references(&[odata], &[applied])))]
        }
        (Shape::Reference | Shape::EntityReference, _) => {
            vec![(200, answer("The reference.", references(&[odata], &[])))]
        }
        (Shape::Batch, _) => vec![(200, answer("The answers.", references(&[odata], &[])))],
    }
}

/// The statuses by which an operation refuses or fails, and 304.
fn statuses(route: &Route) -> Vec<u16> {
    let (shape, method) = (route.shape, route.method);
    let reads = method == Verb::Get;
    let is_document = matches!(shape, Shape::Service | Shape::Metadata);
    let is_read_by_version =
        matches!(shape, Shape::Entity | Shape::Navigation | Shape::Property { .. } | Shape::ContainedEntity);
    let has_version = is_read_by_version || (shape == Shape::Reference && !reads);
    let creates = (shape, method) == (Shape::Collection, Verb::Post);
    let adds = (shape, method) == (Shape::Contained, Verb::Post);
    let one_entity = is_read_by_version
        || matches!(
            shape,
            Shape::Reference | Shape::EntityReference | Shape::Contained | Shape::ContainedCount | Shape::Action
        );
    let renames = (route.area, method) == (Area::Directory, Verb::Patch);
    let has_body = route.body != BodyKind::None;
    let applies = |status: u16| match status {
        304 => reads && (is_document || is_read_by_version),
        401 | 429 | 503 => route.access != Access::Public,
        403 => matches!(route.access, Access::Permissions(_)),
        404 => one_entity,
        408 | 415 => has_body,
        409 => creates || renames,
        410 => shape == Shape::Delta,
        412 => has_version || creates || adds,
        // A batch as a whole is not repeatable; its requests are.
        501 => shape == Shape::Batch || route.applicable.iter().any(|option| !route.served.contains(option)),
        507 => !reads && shape != Shape::Batch,
        _ => true,
    };
    std::iter::once(304).chain(REFUSALS.map(|(status, _)| status)).filter(|status| applies(*status)).collect()
}
