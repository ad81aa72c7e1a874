//! Parameters: keys in paths, query options, and request headers.

use super::Place;
use crate::routes::{Route, Shape, Verb};
use model::edm;
use odata::edm::{EntitySet, EntityType, Property, Type};
use odata::json::Object;
use odata::object;
use odata::path::PropertyPart;
use odata::query::SystemOption;

/// Every query option that a route can serve.
const OPTIONS: [SystemOption; 11] = [
    SystemOption::Count,
    SystemOption::DeltaToken,
    SystemOption::Expand,
    SystemOption::Filter,
    SystemOption::Format,
    SystemOption::OrderBy,
    SystemOption::Search,
    SystemOption::Select,
    SystemOption::Skip,
    SystemOption::SkipToken,
    SystemOption::Top,
];

/// Request headers, by the names of their components.
const HEADERS: [(&str, &str); 7] = [
    ("client-request-id", "The client's own id of the request; it is echoed, up to 128 characters."),
    ("If-Match", "ETags, or `*`: 412 unless one of them is the entity's."),
    ("If-None-Match", "ETags, or `*`: GET answers 304 when one of them is the entity's, everything else 412."),
    (
        "Prefer",
        "`return=minimal` or `return=representation` for writes and deltas, `odata.maxpagesize=N` for lists and deltas, \
         `include-unknown-enum-members` for members of enumerations that were added later; what was honoured is \
         answered in `Preference-Applied`.",
    ),
    (
        "Repeatability-Request-ID",
        "An id of the client's for this write, such as a GUID: repeated, it is carried out once.",
    ),
    ("Repeatability-First-Sent", "When the write was sent for the first time; needed beside Repeatability-Request-ID."),
    ("Repeatability-Client-ID", "The instance of the client: ids of two instances differ."),
];

/// The component that is `$format` of the metadata document.
const METADATA_FORMAT: &str = "format-of-metadata";

/// `components.parameters`
pub(super) fn all() -> Object {
    let parameter = |name: &'static str, schema: Object, description: &'static str| {
        object! { "name": name, "in": "query", "description": description, "schema": schema }
    };
    let options = OPTIONS.map(|option| {
        let (schema, description) = option_schema(option);
        (option.name()[1..].to_owned(), parameter(option.name(), schema, description))
    });
    let forms = object! { "type": "string", "enum": ["xml", "json", "application/xml", "application/json"] };
    let format = parameter("$format", forms, "The form of the document; it goes before Accept.");
    let headers = HEADERS.map(|(name, description)| {
        let parameter =
            object! { "name": name, "in": "header", "description": description, "schema": header_schema(name) };
        (name.to_owned(), parameter)
    });
    options.into_iter().chain([(METADATA_FORMAT.to_owned(), format)]).chain(headers).collect()
}

/// The parameters of an operation.
pub(super) fn of(route: &Route, place: &Place) -> Vec<Object> {
    let mut all = Vec::new();
    if let Some(set) = place.set.filter(|_| place.path.contains("{id}")) {
        all.push(key(set));
        if route.shape == Shape::ContainedEntity {
            let schema = object! { "type": "string", "minLength": 1 };
            all.push(object! {
                "name": "itemId", "in": "path", "required": true, "description": "The id of the item.", "schema": schema,
            });
        }
        if let Shape::Property { part, .. } = route.shape {
            all.push(property(place.navigation.map_or(set.entity_type, |navigation| navigation.target), part));
        }
    }
    let answered = place.navigation.map(|relation| relation.target).or(place.set.map(|set| set.entity_type));
    let has_relations = answered.is_some_and(|ty| ty.lineage().flat_map(|ty| ty.navigation).any(|nav| !nav.collection));
    for option in route.served.iter().filter(|option| OPTIONS.contains(option)) {
        if *option == SystemOption::Expand && !has_relations {
            continue;
        }
        // The metadata document has more forms than everything else.
        let is_metadata = (*option, route.shape) == (SystemOption::Format, Shape::Metadata);
        all.push(reference(if is_metadata { METADATA_FORMAT } else { &option.name()[1..] }));
    }
    all.extend(headers(route).into_iter().map(reference));
    all
}

fn reference(name: &str) -> Object {
    object! { "$ref": format!("#/components/parameters/{name}") }
}

fn headers(route: &Route) -> Vec<&'static str> {
    let (shape, reads) = (route.shape, route.method == Verb::Get);
    let has_version =
        matches!(shape, Shape::Entity | Shape::Navigation | Shape::Property { .. } | Shape::ContainedEntity)
            || (shape == Shape::Reference && !reads);
    let mut names = vec!["client-request-id"];
    if has_version {
        names.push("If-Match");
    }
    if has_version || matches!(shape, Shape::Service | Shape::Metadata) {
        names.push("If-None-Match");
    }
    let is_of_entities = !matches!(
        shape,
        Shape::Service | Shape::Metadata | Shape::Batch | Shape::Reference | Shape::EntityReference | Shape::Action
    );
    if is_of_entities && route.method != Verb::Delete {
        names.push("Prefer");
    }
    if !reads && shape != Shape::Batch {
        names.extend(["Repeatability-Request-ID", "Repeatability-First-Sent", "Repeatability-Client-ID"]);
    }
    names
}

/// `{id}`
fn key(set: &EntitySet) -> Object {
    // What the service makes of events has ids of other forms too.
    let own = set.entity_type.property("id").filter(|_| set.capabilities.creates.is_some());
    let pattern = own.and_then(|(_, property)| property.pattern);
    let text = object! { "type": "string", "minLength": 1 };
    let (schema, description) = match set.alternate_key {
        Some(key) => (text.with("maxLength", edm::UPN_LENGTH), format!("The id, or the {key}.")),
        None => (text.with("maxLength", edm::ID_LENGTH).maybe("pattern", pattern), "The id.".to_owned()),
    };
    object! { "name": "id", "in": "path", "required": true, "description": description, "schema": schema }
}

/// `{property}`
fn property(ty: &EntityType, part: PropertyPart) -> Object {
    let fits = |property: &&&Property| {
        let holds_several = matches!(property.ty, Type::Collection { .. });
        let is_structured = matches!(property.ty, Type::Complex(_));
        let asked = match part {
            PropertyPart::Value => true,
            PropertyPart::Text => !holds_several && !is_structured,
            PropertyPart::Count => holds_several,
        };
        asked && !property.write_only
    };
    let names: Vec<&'static str> = ty.all_properties().iter().filter(fits).map(|property| property.name).collect();
    let schema = object! { "type": "string", "enum": names };
    object! { "name": "property", "in": "path", "required": true, "description": "The property.", "schema": schema }
}

fn option_schema(option: SystemOption) -> (Object, &'static str) {
    let token = || object! { "type": "string" };
    let text = || object! { "type": "string", "minLength": 1 };
    let number = |least: i32| object! { "type": "integer", "minimum": least };
    match option {
        SystemOption::Top => (number(1), "How many entities a page holds; cut to the largest page."),
        SystemOption::Skip => (number(0), "How many entities are passed over."),
        SystemOption::Count => {
            (object! { "type": "boolean" }, "Whether `@odata.count` says how many there are in all.")
        }
        SystemOption::Filter => (text(), "Which entities: an expression, such as `riskLevel eq 'high'`."),
        SystemOption::OrderBy => (text(), "In which order: properties, each with `asc` or `desc`."),
        SystemOption::Select => (text(), "Which properties, separated by commas."),
        SystemOption::Expand => {
            (text(), "Which related entities come along, such as `impactedUser($select=displayName)`.")
        }
        SystemOption::Search => (text(), "Words and `\"phrases\"` that occur in the texts, with AND, OR and NOT."),
        SystemOption::Format => {
            let schema = text().with("pattern", "^(json|application/json( *;.*)?)$");
            (
                schema,
                "The form of the answer: `json`, or JSON's media type with parameters such as `odata.metadata=full`.",
            )
        }
        SystemOption::SkipToken => (token(), "Where a page begins; only as it came in `@odata.nextLink`."),
        SystemOption::DeltaToken => (token(), "Since when; only as it came in `@odata.deltaLink`, or `latest`."),
        SystemOption::Apply
        | SystemOption::Compute
        | SystemOption::Id
        | SystemOption::Index
        | SystemOption::Levels
        | SystemOption::SchemaVersion => (token(), ""),
    }
}

fn header_schema(name: &str) -> Object {
    match name {
        "Repeatability-Request-ID" | "Repeatability-Client-ID" => {
            object! { "type": "string", "pattern": "^[!-~]{1,128}$" }
        }
        "Repeatability-First-Sent" => object! {
            "type": "string",
            "pattern": "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3][0-9] (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-2][0-9]:[0-5][0-9]:[0-5][0-9] GMT$",
        },
        _ => object! { "type": "string" },
    }
}
