//! Resource paths and references to entities.

use super::check_message;
use crate::app::HOST;
use model::edm;
use odata::path::{Entities, Key, Resource, encode_segment, entity_reference, resolve};

/// Checks a path after the version, percent-encoded, and as the URL of an entity.
pub(super) fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match resolve(&edm::MODEL, text) {
        Ok(Resource::Entity(of, key)) => check_entity(of, &key, text),
        Ok(_) => {}
        Err(error) => check_message(&error.to_string()),
    }
    match entity_reference(&edm::MODEL, &["v1.0", "beta"], |authority| authority == HOST, text) {
        Ok((of, key)) => check_entity(of, &key, text),
        Err(error) => check_message(&error.to_string()),
    }
}

/// What a path names is named by the path that is written for it too.
fn check_entity(of: Entities, key: &Key, text: &str) {
    let (set, name) = (of.set, of.fragment());
    let quoted = encode_segment(&key.text().replace('\'', "''"));
    let written = match key {
        Key::Id(_) => format!("/{name}('{quoted}')"),
        Key::Alternate(_) => format!("/{name}({}='{quoted}')", set.alternate_key.expect("it found an entity")),
    };
    let check = |written: &str| match resolve(&edm::MODEL, written) {
        Ok(Resource::Entity(again, found)) => {
            let same = std::ptr::eq(again.set, set) && std::ptr::eq(again.ty, of.ty);
            assert!(same, "{text} came back as {written}");
            assert_eq!(found, *key, "{text} came back as {written}");
        }
        other => panic!("{text} came back as {written}, which is {other:?}"),
    };
    check(&written);
    let (reference, found) = entity_reference(&edm::MODEL, &[], |_| false, &written).expect("the same");
    assert!(std::ptr::eq(reference.set, set) && found == *key, "{text} came back as {written}");
    // As a segment of its own, it may be read as something else, but never as another entity.
    let segment = format!("/{name}/{}", encode_segment(key.text()));
    if let (Key::Id(_), Ok(Resource::Entity(..))) = (key, resolve(&edm::MODEL, &segment)) {
        check(&segment);
    }
}
