//! `/$entity?$id=...`: an entity by its URL, which a client has as `@odata.id` from elsewhere (OData
//! URL conventions 4.01, section 4.5.3).

use crate::call::{VERSIONS, as_users};
use crate::dispatch::Request;
use crate::error::{ApiError, Area};
use model::edm;
use odata::fault::excerpt;
use odata::path::{Resource, entity_reference, resolve_at};
use odata::query::{QueryError, QueryOptions, SystemOption};

/// The entity that `$id` names, which is taken out of the options then; `None` for every other path.
/// A type's name may follow, as it may follow a key.
pub fn resolve(
    request: &Request<'_>,
    options: &mut Result<QueryOptions, QueryError>,
) -> Option<Result<Resource, ApiError>> {
    let path = request.path.trim_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if !first.eq_ignore_ascii_case("$entity") && !first.eq_ignore_ascii_case("%24entity") {
        return None;
    }
    let refused = |message: String| ApiError::bad_request(Area::Risk, message).with_target("$id");
    let id = match options {
        Ok(options) => options.take(SystemOption::Id),
        Err(error) => return Some(Err(ApiError::from_query(Area::Risk, error))),
    };
    let Some(id) = id else {
        return Some(Err(refused("$id is missing; expected the URL of an entity, such as users/{id}".to_owned())));
    };
    let own = request.origin.split_once("://").map_or("", |(_, authority)| authority);
    let is_own = |authority: &str| authority.eq_ignore_ascii_case(own);
    let Ok((entities, key)) = entity_reference(&edm::MODEL, &VERSIONS, is_own, &as_users(&id)) else {
        return Some(Err(refused(format!("$id is {}; expected the URL of an entity of this service", excerpt(&id)))));
    };
    match resolve_at(&edm::MODEL, entities, key, rest) {
        Ok(found @ Resource::Entity(..)) => Some(Ok(found)),
        Ok(_) => {
            let message = format!("after $entity stands the name of a type or nothing, not {}", excerpt(rest));
            Some(Err(ApiError::bad_request(Area::Risk, message)))
        }
        Err(error) => Some(Err(ApiError::from_path(Area::Risk, &error))),
    }
}
