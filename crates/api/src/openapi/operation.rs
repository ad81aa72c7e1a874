//! One operation: what it does, takes, needs and answers.

use super::{Place, SERVICE, bodies, parameters, responses};
use crate::routes::{Access, Route, Shape, Verb};
use odata::json::{Json, Object};
use odata::object;
use odata::path::PropertyPart;
use odata::schema::Schemas;

pub(super) fn describe(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Object {
    let (id, summary) = names(route, place);
    let needed = needed(route.access);
    let remark = remark(route, place);
    let description = [remark, needed.as_str()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let operation = object! {
        "tags": [place.set.map_or(SERVICE, |set| set.name)],
        "operationId": id,
        "summary": summary,
        "description": description.join("\n\n"),
        "security": security(route.access),
    };
    let parameters = parameters::of(route, place);
    let operation = operation.maybe("parameters", (!parameters.is_empty()).then_some(parameters));
    let operation = operation.maybe("requestBody", bodies::request(schemas, route, place));
    operation.with("responses", responses::of(schemas, route, place))
}

/// The permissions, for people.
fn needed(access: Access) -> String {
    match access {
        Access::Public => "Needs no token.".to_owned(),
        Access::Token => "Needs a valid token; each request inside needs its own permissions.".to_owned(),
        Access::Permissions(permissions) => {
            let names: Vec<String> = permissions.iter().map(|permission| format!("`{permission}`")).collect();
            format!("Needs the permission {}.", names.join(" and "))
        }
    }
}

/// The permissions, for tools: the roles that the bearer must have.
fn security(access: Access) -> Json {
    let roles: Vec<&'static str> = match access {
        Access::Public => return Json::Array(Vec::new()),
        Access::Token => Vec::new(),
        Access::Permissions(permissions) => permissions.iter().map(|permission| permission.name()).collect(),
    };
    [object! { "bearer": roles }].into()
}

/// A name that no other operation has, and what it does in a few words.
fn names(route: &Route, place: &Place) -> (String, String) {
    let set = place.set.map_or("", |set| set.name);
    let ty = place.set.map_or("", |set| set.capabilities.creates.unwrap_or(set.entity_type).name);
    let relation = place.navigation.map_or("", |navigation| navigation.name);
    let titled =
        relation.get(..1).map_or(String::new(), |first| format!("{}{}", first.to_ascii_uppercase(), &relation[1..]));
    let of_set = |word: &str| format!("{set}.{word}");
    let of_relation = |verb: &str, ending: &str| format!("{set}.{verb}{titled}{ending}"); // also without a relation
    match (route.shape, route.method) {
        (Shape::Service, _) => ("service.document".into(), "List the entity sets".into()),
        (Shape::Metadata, _) => ("service.metadata".into(), "Get the entity data model".into()),
        (Shape::Batch, _) => ("service.batch".into(), "Run several requests at once".into()),
        (Shape::Collection, Verb::Post) => (of_set("create"), format!("Create a {ty}")),
        (Shape::Collection, _) => (of_set("list"), format!("List {set}")),
        (Shape::Count, _) => (of_set("count"), format!("Count {set}")),
        (Shape::Delta, _) => (of_set("delta"), format!("Follow what changes in {set}")),
        (Shape::Entity, Verb::Patch) => (of_set("update"), format!("Update one of {set}")),
        (Shape::Entity, Verb::Delete) => (of_set("delete"), format!("Delete one of {set}")),
        (Shape::Entity, _) => (of_set("get"), format!("Get one of {set}")),
        (Shape::Navigation, _) => (of_relation("get", ""), format!("Get the {relation}")),
        (Shape::Reference, Verb::Put) => (of_relation("set", "Ref"), format!("Set the reference to the {relation}")),
        (Shape::Reference, Verb::Post) => {
            (of_relation("add", "Ref"), format!("Set the reference to the {relation}, as PUT does"))
        }
        (Shape::Reference, Verb::Delete) => {
            (of_relation("clear", "Ref"), format!("Clear the reference to the {relation}"))
        }
        (Shape::References, _) => (of_set("listRefs"), format!("List references to {set}")),
        (Shape::EntityReference, _) => (of_set("getRef"), format!("Get a reference to one of {set}")),
        (Shape::Property { related, part }, _) => {
            let (ending, what) = match part {
                PropertyPart::Value => ("Property", "Get a property"),
                PropertyPart::Text => ("PropertyText", "Get a property as text"),
                PropertyPart::Count => ("PropertyCount", "Count the values of a property"),
            };
            let of = if related { format!("the {relation}") } else { format!("one of {set}") };
            (of_relation("get", ending), format!("{what} of {of}"))
        }
        (Shape::Reference, _) => (of_relation("get", "Ref"), format!("Get the reference to the {relation}")),
        (Shape::Action, _) => {
            let (name, what) = place.action.map_or(("act", ""), |action| (action.name, action.description));
            (of_set(name), what.trim_end_matches('.').to_owned())
        }
        (Shape::Contained, Verb::Post) => (of_relation("add", ""), format!("Add to the {relation} of one of {set}")),
        (Shape::Contained, _) => (of_relation("list", ""), format!("List the {relation} of one of {set}")),
        (Shape::ContainedCount, _) => (of_relation("count", ""), format!("Count the {relation} of one of {set}")),
        (Shape::ContainedEntity, _) => {
            (of_relation("get", "Item"), format!("Get one of the {relation} of one of {set}"))
        }
    }
}

/// What the summary does not say.
fn remark(route: &Route, place: &Place) -> &'static str {
    let is_user = place.set.is_some_and(|set| set.alternate_key.is_some());
    match (route.shape, route.method) {
        (Shape::Metadata, _) => "As XML, or as JSON for `Accept: application/json` or `$format=json`.",
        (Shape::Batch, _) => {
            "The outer status is 200 however the requests inside end. `$id` in a URL, a reference or a condition stands \
             for what the request with this id made. OData's multipart/mixed form is understood too."
        }
        (Shape::Collection, Verb::Post) if is_user => {
            "`passwordProfile` is checked for its form and dropped: no password is kept."
        }
        (Shape::Collection, Verb::Post) => {
            "The event is on disk before the answer. When the directory knows the user, `userDisplayName`, \
             `userPrincipalName` and `userId` are filled in: one of the last two, or `impactedUser@odata.bind`, is enough."
        }
        (Shape::Collection, _) if is_user => PAGE,
        (Shape::Collection, _) => {
            "A page; `@odata.nextLink` leads to the next one and is there exactly when more follow. What asks for more of \
             the user than the event says, such as `$expand=impactedUser`, needs `User.Read.All` too."
        }
        (Shape::Action, _) => {
            "All of the users or none: one whom neither the directory nor the risk store knows refuses the whole. Given \
             again, a verdict changes nothing."
        }
        (Shape::Delta, _) => {
            "First the whole set, page by page along `@odata.nextLink`; the last page has `@odata.deltaLink`, which leads \
             to what has changed since, as often as it is asked. `@removed` says that an entity was deleted or is not kept \
             by `$filter` any more. `$filter` and `$select` are given once: links keep them. The size of pages is asked for \
             by `Prefer: odata.maxpagesize=N`; with `return=minimal` items hold no more than what has changed."
        }
        (Shape::Entity, Verb::Get) if !is_user => "`$expand=impactedUser` needs `User.Read.All` too.",
        (Shape::Entity, Verb::Patch) => {
            "Changes the properties that are sent. Those that never change may be sent with the value that they have."
        }
        (Shape::Entity, Verb::Delete) => "For good; a second time there is nothing to delete.",
        (Shape::Navigation, _) => "As the directory knows them now.",
        (Shape::Reference, Verb::Put | Verb::Post) => "Sets `userId` too.",
        (Shape::Contained, Verb::Post) => {
            "The same source, class, attribute and rule again add no item: `occurrences` of the one that is there grows by \
             what is sent, and `lastSeenDateTime` moves. Nothing that is sent may hold a secret."
        }
        (Shape::References, _) => PAGE,
        (Shape::Property { part: PropertyPart::Value | PropertyPart::Text, .. }, _) => "204 when it is null.",
        (Shape::Reference, Verb::Delete) => "`userId` stays.",
        _ => "",
    }
}

const PAGE: &str = "A page; `@odata.nextLink` leads to the next one and is there exactly when more follow.";
