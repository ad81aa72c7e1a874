//! Bodies of requests and answers: their media types, schemas and examples.

use super::{Place, SCHEMAS, examples};
use crate::routes::{Route, Shape, Verb};
use model::edm;
use odata::edm::EntitySet;
use odata::json::{Json, Object};
use odata::object;
use odata::path::PropertyPart;
use odata::schema::{Form, Schemas};

fn reference(name: &str) -> Object {
    object! { "$ref": format!("{SCHEMAS}{name}") }
}

/// The schema of errors.
pub(super) fn error_reference() -> Object {
    reference("error")
}

fn changes_name(set: &EntitySet) -> String {
    format!("{}-changes", set.name)
}

fn page_name(set: &EntitySet) -> String {
    format!("{}-page", set.name)
}

/// `components.schemas`: those of the model, and those around them.
pub(super) fn schemas(schemas: &Schemas<'_>) -> Object {
    let mut all = schemas.all();
    for set in edm::MODEL.entity_sets {
        all.add(page_name(set), page(schemas, set));
        all.add(changes_name(set), changes(schemas, set));
    }
    all.add("removed", removed());
    all.add("service", service());
    all.add("reference", reference_answer());
    all.add("reference-update", reference_request());
    all.add("references", list(reference("reference")));
    all.add("property", property());
    all.add("batch-request", batch_request());
    all.add("batch-response", batch_response());
    all.add("error", error());
    all
}

/// The body of a request; `None` where none is read.
pub(super) fn request(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Option<Object> {
    let schema = match (route.shape, route.method, place.set) {
        (Shape::Collection, Verb::Post, Some(set)) => creatable(schemas, set),
        (Shape::Entity, Verb::Patch, Some(set)) => schemas.reference(set.entity_type, Form::Update),
        (Shape::Reference, Verb::Put | Verb::Post, _) => reference("reference-update"),
        (Shape::Batch, ..) => reference("batch-request"),
        (Shape::Contained, Verb::Post, _) => match place.navigation {
            Some(relation) => schemas.reference(relation.target, Form::Create),
            None => return None,
        },
        (Shape::Action, ..) => match place.action {
            Some(action) => schemas.parameters(action),
            None => return None,
        },
        _ => return None,
    };
    let media = object! { "schema": schema, "examples": examples::of(schemas, route, place) };
    Some(object! { "required": true, "content": object! { "application/json": media } })
}

/// What POST to a set takes. Where entities are of several types, the body says which it is.
fn creatable(schemas: &Schemas<'_>, set: &EntitySet) -> Object {
    let created = schemas.reference(set.capabilities.creates.unwrap_or(set.entity_type), Form::Create);
    if set.polymorphic {
        return object! { "allOf": [created, object! { "required": ["@odata.type"] }] };
    }
    created
}

/// The content of an answer.
pub(super) fn response(schemas: &Schemas<'_>, route: &Route, place: &Place) -> Object {
    let of_set = |make: &dyn Fn(&'static EntitySet) -> Object| place.set.map_or_else(Object::new, make);
    let schema = match route.shape {
        Shape::Metadata => {
            let xml = object! { "schema": object! { "type": "string" } };
            let json = object! { "schema": object! { "type": "object", "required": ["$Version", "$EntityContainer"] } };
            return object! { "application/xml": xml, "application/json": json };
        }
        Shape::Property { part: PropertyPart::Text, .. } => {
            return object! { "text/plain": object! { "schema": object! { "type": "string" } } };
        }
        Shape::Count | Shape::ContainedCount | Shape::Property { part: PropertyPart::Count, .. } => {
            let number = object! { "type": "string", "pattern": "^[0-9]+$" };
            return object! { "text/plain": object! { "schema": number } };
        }
        Shape::Action => return Object::new(),
        Shape::Service => reference("service"),
        Shape::Batch => {
            let json = object! { "schema": reference("batch-response") };
            let parts = object! { "schema": object! { "type": "string" } };
            return object! { "application/json": json, "multipart/mixed": parts };
        }
        Shape::Reference | Shape::EntityReference => reference("reference"),
        Shape::References => reference("references"),
        Shape::Property { part: PropertyPart::Value, .. } => reference("property"),
        Shape::Delta => of_set(&|set| reference(&changes_name(set))),
        Shape::Collection if route.method == Verb::Get => of_set(&|set| reference(&page_name(set))),
        Shape::Collection | Shape::Entity => of_set(&|set| entity(schemas, set)),
        Shape::Contained if route.method == Verb::Get => place
            .navigation
            .map_or_else(Object::new, |navigation| list(schemas.reference(navigation.target, Form::Read))),
        Shape::Navigation | Shape::Contained | Shape::ContainedEntity => match place.navigation {
            Some(navigation) => schemas.reference(navigation.target, Form::Read),
            None => Object::new(),
        },
    };
    object! { "application/json": object! { "schema": schema } }
}

/// One entity of a set, of whichever type it is.
fn entity(schemas: &Schemas<'_>, set: &EntitySet) -> Object {
    let types = schemas.concrete(set.entity_type);
    match types.as_slice() {
        [only] => schemas.reference(only, Form::Read),
        several => object! { "anyOf": several.iter().map(|ty| schemas.reference(ty, Form::Read)).collect::<Vec<_>>() },
    }
}

/// Control information that an object may have beside what is named.
fn open(schema: Object) -> Object {
    schema.with("patternProperties", object! { "@": Object::new() }).with("additionalProperties", false)
}

/// The value of a property, of whatever type.
fn property() -> Object {
    open(object! {
        "type": "object",
        "required": ["value"],
        "properties": object! {
            "@odata.context": context(),
            "@odata.type": object! { "type": "string", "description": "With odata.metadata=full: the type." },
            "value": object! { "description": "As it is within the entity; never null." },
        },
    })
}

fn context() -> Object {
    object! { "type": "string", "description": "What the answer holds, as a place in the metadata document." }
}

fn page(schemas: &Schemas<'_>, set: &EntitySet) -> Object {
    list(entity(schemas, set))
}

/// A page of items.
fn list(items: Object) -> Object {
    let link = object! {
        "type": "string",
        "format": "uri",
        "description": "The next page; absent when nothing follows.",
    };
    let count = object! {
        "type": "integer",
        "minimum": 0,
        "description": "How many there are in all; with $count=true, on the first page.",
    };
    open(object! {
        "type": "object",
        "required": ["value"],
        "properties": object! {
            "@odata.context": context(),
            "@odata.count": count,
            "@odata.nextLink": link,
            "value": object! { "type": "array", "items": items },
        },
    })
}

fn changes(schemas: &Schemas<'_>, set: &EntitySet) -> Object {
    let link = |description: &'static str| object! { "type": "string", "format": "uri", "description": description };
    let items = object! { "anyOf": [entity(schemas, set), reference("removed")] };
    let one_of_the_links = [object! { "required": ["@odata.nextLink"] }, object! { "required": ["@odata.deltaLink"] }];
    open(object! {
        "type": "object",
        "required": ["value"],
        "properties": object! {
            "@odata.context": object! {
                "type": "string",
                "description": "What the answer holds, as a place in the metadata document.",
            },
            "@odata.nextLink": link("The next page of this round."),
            "@odata.deltaLink": link("The next round; on the last page of this one."),
            "value": object! { "type": "array", "items": items },
        },
        "oneOf": one_of_the_links,
    })
}

fn removed() -> Object {
    let reason = object! {
        "type": "string",
        "enum": ["deleted", "changed"],
        "description": "Whether it is gone, or is there and not kept by the filter any more.",
    };
    object! {
        "type": "object",
        "required": ["id", "@removed"],
        "properties": object! {
            "id": object! { "type": "string" },
            "@removed": object! {
                "type": "object",
                "required": ["reason"],
                "properties": object! { "reason": reason },
            },
        },
        "additionalProperties": false,
    }
}

fn service() -> Object {
    let item = object! {
        "type": "object",
        "required": ["name", "kind", "url"],
        "properties": object! {
            "name": object! { "type": "string" },
            "kind": object! { "type": "string", "enum": ["EntitySet", "Singleton", "FunctionImport"] },
            "url": object! { "type": "string" },
        },
    };
    open(object! {
        "type": "object",
        "required": ["value"],
        "properties": object! {
            "@odata.context": object! { "type": "string", "format": "uri" },
            "value": object! { "type": "array", "items": item },
        },
    })
}

fn reference_answer() -> Object {
    open(object! {
        "type": "object",
        "required": ["@odata.id"],
        "properties": object! {
            "@odata.context": object! { "type": "string", "format": "uri" },
            "@odata.id": object! { "type": "string", "format": "uri", "description": "The entity's URL." },
        },
    })
}

fn reference_request() -> Object {
    let id = object! {
        "type": "string",
        "minLength": 1,
        "description": "The URL of a user: absolute on this host, or relative, such as `users/{id}`.",
    };
    object! {
        "type": "object",
        "required": ["@odata.id"],
        "properties": object! { "@odata.id": id },
    }
}

fn batch_request() -> Object {
    let item = object! {
        "type": "object",
        "required": ["id", "method", "url"],
        "properties": object! {
            "id": object! { "type": "string", "minLength": 1, "description": "Unique in the batch, ignoring case." },
            "method": object! { "type": "string", "enum": ["GET", "POST", "PATCH", "PUT", "DELETE"] },
            "url": object! { "type": "string", "description": "Relative to the version, or absolute on this host." },
            "headers": object! { "type": "object", "additionalProperties": object! { "type": "string" } },
            "body": object! { "description": "JSON, or another media type as base64url; needs the header Content-Type." },
            "dependsOn": object! {
                "type": "array",
                "items": object! { "type": "string" },
                "description": "Ids of earlier requests that must succeed first.",
            },
            "atomicityGroup": object! {
                "type": "string",
                "description": "Requests of the same group stand side by side; all are carried out, or none.",
            },
        },
    };
    let requests = object! { "type": "array", "minItems": 1, "maxItems": 20, "items": item };
    object! { "type": "object", "required": ["requests"], "properties": object! { "requests": requests } }
}

fn batch_response() -> Object {
    let item = object! {
        "type": "object",
        "required": ["id", "status"],
        "properties": object! {
            "id": object! { "type": "string" },
            "status": object! { "type": "integer", "minimum": 100, "maximum": 599 },
            "headers": object! { "type": "object", "additionalProperties": object! { "type": "string" } },
            "body": object! { "description": "JSON, or another media type as base64; absent where there is none." },
        },
    };
    let responses = object! { "type": "array", "items": item };
    object! { "type": "object", "required": ["responses"], "properties": object! { "responses": responses } }
}

fn error() -> Object {
    let text = |description: &'static str| object! { "type": "string", "description": description };
    let detail = object! {
        "type": "object",
        "required": ["code", "message"],
        "properties": object! {
            "code": text("The kind of fault."),
            "message": text("What was found, and what was expected."),
            "target": text("The property or option."),
        },
    };
    let inner = object! {
        "type": "object",
        "required": ["date", "request-id", "client-request-id"],
        "properties": object! {
            "date": object! {
                "type": "string",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$",
                "description": "UTC.",
            },
            "request-id": object! { "type": "string", "format": "uuid" },
            "client-request-id": object! { "type": "string" },
        },
    };
    let error = object! {
        "type": "object",
        "required": ["code", "message", "innerError"],
        "properties": object! {
            "code": text("What clients test."),
            "message": text("For people."),
            "target": text("The property or option."),
            "details": object! { "type": "array", "items": detail },
            "innerError": inner,
        },
    };
    let members: Json = object! { "error": error }.into();
    object! { "type": "object", "required": ["error"], "properties": members }
}
