//! The API as an OpenAPI 3.1 document, made of the route table and the entity data model: what is
//! not in them is not served, and what is in them is described.

mod bodies;
mod examples;
mod operation;
mod parameters;
mod responses;

use crate::routes::{ROUTES, Route, Shape, Verb, area_of};
use model::edm;
use odata::edm::{EntitySet, NavigationProperty, Operand, Operation, OperationKind};
use odata::encode::TypeNames;
use odata::json::{Json, Object};
use odata::object;
use odata::path::PropertyPart;
use odata::schema::Schemas;

/// Where the API lies, seen from the document itself.
pub const RELATIVE_SERVERS: [&str; 2] = ["/v1.0", "/beta"];

/// Where schemas stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// Makes the document. `type_names` says how types are announced; `servers` are the addresses of
/// the API with their versions, such as `https://risk.example.test/v1.0`.
pub fn document(type_names: TypeNames, servers: &[String]) -> Json {
    let schemas = Schemas::new(&edm::MODEL, type_names, SCHEMAS);
    let mut paths: Vec<(String, Object)> = Vec::new();
    for route in ROUTES {
        for place in places(route) {
            let described = operation::describe(&schemas, route, &place);
            let item = match paths.iter().position(|(path, _)| *path == place.path) {
                Some(at) => &mut paths[at].1,
                None => {
                    paths.push((place.path, Object::new()));
                    &mut paths.last_mut().expect("it was just added").1
                }
            };
            item.add(method(route.method), described);
        }
    }
    let servers: Vec<Object> = servers.iter().map(|url| object! { "url": url.clone() }).collect();
    let info = object! {
        "title": "Spillwatch",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Leaked-credential risk events through Microsoft Graph's API",
        "description": INTRODUCTION,
        "license": object! { "name": "Apache License 2.0", "identifier": "Apache-2.0" },
    };
    let tags = edm::MODEL.entity_sets.iter().map(|set| {
        object! { "name": set.name, "description": set.entity_type.description }
    });
    let tags: Vec<Object> = tags
        .chain([object! { "name": SERVICE, "description": "The service as a whole: its description, and batches." }])
        .collect();
    let bearer = object! {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of a configured issuer, or of the built-in one: `spillwatch token`. Each operation \
                        names the permissions that it must carry, in `scp` or `roles`; ReadWrite includes Read.",
    };
    let document = object! {
        "openapi": "3.1.0",
        "info": info,
        "servers": servers,
        "tags": tags,
        "paths": paths.into_iter().collect::<Object>(),
        "components": object! {
            "schemas": bodies::schemas(&schemas),
            "parameters": parameters::all(),
            "headers": responses::headers(),
            "responses": responses::all(),
            "securitySchemes": object! { "bearer": bearer },
        },
    };
    document.into()
}

const INTRODUCTION: &str = "\
Risk events say that a user's credentials were leaked. Scripts and feeds create them, tools read, filter, follow and \
close them. Paths, names and bodies are Microsoft Graph's, query options are OData 4.01's.\n\n\
`/v1.0` and `/beta` serve the same; `/beta` has `riskDetections` and `riskyUsers` at its root too, and `riskType` of \
detections. Every path is also served with `('{id}')` in the place of `/{id}`, GET also as \
HEAD. A type's name may follow a set or a key, as in `/identityRiskEvents/microsoft.graph.leakedCredentialsRiskEvent`, \
and leaves what is of that type. Names of paths, options, properties and enumeration members are understood in any case.";

/// The tag of what belongs to no set.
const SERVICE: &str = "service";

/// A path below a version that a route serves.
struct Place {
    path: String,
    set: Option<&'static EntitySet>,
    navigation: Option<&'static NavigationProperty>,
    action: Option<&'static Operation>,
}

/// The paths of a route: one for each set, and each relation, that it serves.
fn places(route: &Route) -> Vec<Place> {
    let alone = |path: &str| vec![Place { path: path.to_owned(), set: None, navigation: None, action: None }];
    let sets = || edm::MODEL.entity_sets.iter().copied().filter(|set| area_of(set) == route.area);
    let of_sets = |ending: &str| {
        let place = |set: &'static EntitySet| Place {
            path: format!("/{}{ending}", set.path()),
            set: Some(set),
            navigation: None,
            action: None,
        };
        sets().map(place).collect()
    };
    let of_relations = |ending: &str| {
        let relations = sets().flat_map(|set| {
            set.entity_type
                .lineage()
                .flat_map(|ty| ty.navigation)
                .filter(|nav| nav.is_settable())
                .map(move |nav| (set, nav))
        });
        let place = |(set, nav): (&'static EntitySet, &'static NavigationProperty)| Place {
            path: format!("/{}/{{id}}/{}{ending}", set.path(), nav.name),
            set: Some(set),
            navigation: Some(nav),
            action: None,
        };
        relations.map(place).collect()
    };
    let of_parts = |ending: &str| {
        let parts = sets().flat_map(|set| {
            set.entity_type
                .lineage()
                .flat_map(|ty| ty.navigation)
                .filter(|nav| nav.contained)
                .map(move |nav| (set, nav))
        });
        let place = |(set, nav): (&'static EntitySet, &'static NavigationProperty)| Place {
            path: format!("/{}/{{id}}/{}{ending}", set.path(), nav.name),
            set: Some(set),
            navigation: Some(nav),
            action: None,
        };
        parts.map(place).collect()
    };
    let of_actions = |set: &'static EntitySet| {
        let is_of_set = move |it: &&Operation| {
            it.kind == OperationKind::Action && matches!(it.binding, Operand::Collection(ty) if set.entity_type.is(ty))
        };
        edm::MODEL.operations.iter().filter(is_of_set).map(move |it| Place {
            path: format!("/{}/{}", set.path(), it.name),
            set: Some(set),
            navigation: None,
            action: Some(it),
        })
    };
    match route.shape {
        Shape::Contained => of_parts(""),
        Shape::ContainedCount => of_parts("/$count"),
        Shape::ContainedEntity => of_parts("/{itemId}"),
        Shape::Action => sets().flat_map(of_actions).collect(),
        Shape::Service => alone("/"),
        Shape::Metadata => alone("/$metadata"),
        Shape::Batch => alone("/$batch"),
        Shape::Collection => of_sets(""),
        Shape::Count => of_sets("/$count"),
        Shape::Delta => of_sets("/delta"),
        Shape::Entity => of_sets("/{id}"),
        Shape::Navigation => of_relations(""),
        Shape::Reference => of_relations("/$ref"),
        Shape::References => of_sets("/$ref"),
        Shape::EntityReference => of_sets("/{id}/$ref"),
        Shape::Property { related, part } => {
            let ending = match part {
                PropertyPart::Value => "/{property}",
                PropertyPart::Text => "/{property}/$value",
                PropertyPart::Count => "/{property}/$count",
            };
            if related { of_relations(ending) } else { of_sets(&format!("/{{id}}{ending}")) }
        }
    }
}

/// The name of a method as path items have it.
const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Post => "post",
        Verb::Patch => "patch",
        Verb::Put => "put",
        Verb::Delete => "delete",
    }
}
