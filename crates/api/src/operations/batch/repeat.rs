//! Groups that may be sent again: as a whole, with the same headers on each of their requests
//! (Repeatable Requests 1.0, section 7.4).

use super::item::Item;
use crate::call::Call;
use crate::error::{ApiError, Area};
use crate::repeatability::{RESULT, Wish, is_wished, rejected};
use crate::reply::Reply;
use axum::http::HeaderValue;
use model::Repeatability;

/// Reads the wish that a group be carried out once; else says which request is at fault.
pub fn read(call: &Call<'_>, items: &[Item]) -> Result<Option<Repeatability>, (usize, Box<ApiError>)> {
    let mut common = None;
    // What only reads has no such headers; it is refused in a group for another reason.
    for (at, item) in items.iter().enumerate().filter(|(_, item)| !item.method.is_safe()) {
        let wish = Wish::read(&item.method, &item.headers, Area::Risk).map_err(|error| (at, error.into()))?;
        if *common.get_or_insert_with(|| wish.clone()) != wish {
            let message = "the requests of a group are carried out once together: each has the same \
                           Repeatability-Request-ID, Repeatability-First-Sent and Repeatability-Client-ID, or none has any";
            return Err((at, rejected(ApiError::bad_request(Area::Risk, message)).into()));
        }
    }
    let Some(wish) = common.flatten() else { return Ok(None) };
    let requests = items.iter().map(|item| (&item.method, item.url.as_str(), "", &item.headers, &*item.body));
    Ok(Some(wish.describe(&call.app.service, call.version, requests)))
}

/// Says in every answer of a group whether the group's headers were accepted.
pub fn mark(items: &[Item], replies: &mut [Reply], failed: Option<usize>) {
    if !items.iter().any(|item| is_wished(&item.method, &item.headers)) {
        return;
    }
    let refusal = failed.and_then(|at| replies[at].headers.get(RESULT).cloned());
    let result = refusal.unwrap_or(HeaderValue::from_static("accepted"));
    for reply in replies {
        reply.headers.insert(RESULT, result.clone());
    }
}
