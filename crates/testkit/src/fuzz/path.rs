//! Resource paths and references to entities.

use super::check_message;
use crate::app::HOST;
use model::edm;
use odata::path::{ContainedPart, Key, PropertyPart, Resource, encode_segment, entity_reference, resolve};

/// Checks a path after the version, percent-encoded, and as the URL of an entity.
pub(super) fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match resolve(&edm::MODEL, text) {
        Ok(resource) => check_resource(&resource, text),
        Err(error) => check_message(&error.to_string()),
    }
    match entity_reference(&edm::MODEL, &["v1.0", "beta"], |authority| authority == HOST, text) {
        Ok((of, key)) => check_resource(&Resource::Entity(of, key), text),
        Err(error) => check_message(&error.to_string()),
    }
}

/// What a path names is named by the path that is written for it too.
fn check_resource(resource: &Resource, text: &str) {
    let path = written(resource);
    match resolve(&edm::MODEL, &path) {
        Ok(again) => assert_eq!(written(&again), path, "{text} came back as {path}"),
        Err(error) => panic!("{text} came back as {path}: {error}"),
    }
    let Resource::Entity(entities, Key::Id(key)) = resource else { return };
    // As a segment of its own, a key may be read as something else, but never as another one.
    let path = format!("/{}/{}", entities.path(), encode_segment(key));
    if let Ok(Resource::Entity(again, found)) = resolve(&edm::MODEL, &path) {
        assert_eq!((found.text(), again.path()), (&**key, entities.path()), "{text} came back as {path}");
    }
}

fn written(resource: &Resource) -> String {
    let entities = resource.entities().map(|entities| entities.path()).unwrap_or_default();
    let key = resource.key().map(|key| {
        let quoted = encode_segment(&key.text().replace('\'', "''"));
        match key {
            Key::Id(_) => format!("('{quoted}')"),
            Key::Alternate(_) => {
                let set = resource.entities().expect("a key is one of some entities").set;
                format!("({}='{quoted}')", set.alternate_key.expect("it was named"))
            }
        }
    });
    let key = key.unwrap_or_default();
    let rest = match resource {
        Resource::Service | Resource::Collection(_) | Resource::Entity(..) => String::new(),
        Resource::Metadata => "$metadata".to_owned(),
        Resource::Batch => "$batch".to_owned(),
        Resource::Count(_) => "/$count".to_owned(),
        Resource::Delta(_) => "/delta".to_owned(),
        Resource::References(_) | Resource::EntityReference(..) => "/$ref".to_owned(),
        Resource::Navigation(_, _, navigation) => format!("/{}", navigation.name),
        Resource::Reference(_, _, navigation) => format!("/{}/$ref", navigation.name),
        Resource::Action(_, action) => format!("/{}", action.name),
        Resource::Contained(_, _, navigation, part) => match part {
            ContainedPart::Collection => format!("/{}", navigation.name),
            ContainedPart::Count => format!("/{}/$count", navigation.name),
            ContainedPart::Entity(id) => format!("/{}('{}')", navigation.name, encode_segment(&id.replace('\'', "''"))),
        },
        Resource::Property(_, _, path, part) => {
            let mut rest: String = path.navigation.iter().flat_map(|navigation| ["/", navigation.name]).collect();
            rest.extend(["/", path.property.name]);
            rest.push_str(match part {
                PropertyPart::Value => "",
                PropertyPart::Text => "/$value",
                PropertyPart::Count => "/$count",
            });
            rest
        }
    };
    format!("/{entities}{key}{rest}")
}
