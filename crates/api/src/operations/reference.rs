//! `.../impactedUser/$ref`: the reference itself (graph.md, section 3.6).

use crate::call::Call;
use crate::error::{ApiError, Area};
use crate::negotiate::precondition;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::edm;
use odata::encode::write_string;
use odata::fault::excerpt;
use odata::path::encode_segment;
use store::BoxFuture;

/// Answers where the reference leads.
pub fn get(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (_, id) = call.target();
        let found = call.app.service.impacted_user_id(call.caller, call.events(), id).await;
        let (user, _) = found.map_err(|error| call.failure(error))?;
        let mut body = b"{\"@odata.context\":".to_vec();
        write_string(&call.context("$ref"), &mut body);
        body.extend_from_slice(b",\"@odata.id\":");
        write_string(&format!("{}/{}/{}", call.root(), edm::USERS.name, encode_segment(&user)), &mut body);
        body.push(b'}');
        Ok(call.odata_reply(StatusCode::OK, body))
    })
}

/// Sets the reference, and with it userId.
pub fn set(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (_, id) = call.target();
        let url = reference_of(&call.body)?;
        let key = call.user_reference(&url).ok_or_else(|| {
            let message = format!("`@odata.id` is {}; expected the URL of a user, such as {}/users/{{id}}", excerpt(&url), call.root());
            ApiError::bad_request(Area::Directory, message).with_target("@odata.id")
        })?;
        let precondition = precondition(call.headers);
        let set = call.app.service.set_impacted_user(call.caller, call.events(), id, precondition, (key, url)).await;
        set.map_err(|error| call.failure(error))?;
        Ok(Reply::new(StatusCode::NO_CONTENT))
    })
}

/// Clears the reference; userId stays.
pub fn clear(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (_, id) = call.target();
        let precondition = precondition(call.headers);
        let cleared = call.app.service.clear_impacted_user(call.caller, call.events(), id, precondition).await;
        cleared.map_err(|error| call.failure(error))?;
        Ok(Reply::new(StatusCode::NO_CONTENT))
    })
}

/// The one text in the body: `@odata.id`, in any case (the guideline's own sample writes
/// `@OData.Id`).
fn reference_of(body: &[u8]) -> Result<String, ApiError> {
    let expected = |found: &str| {
        let message = format!("{found}; expected {{\"@odata.id\": \"URL of a user\"}}");
        ApiError::bad_request(Area::Directory, message).with_target("@odata.id")
    };
    let text = odata::body::text(body).map_err(|error| ApiError::from_syntax(Area::Directory, &error))?;
    let names: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
        .map_err(|error| ApiError::from_syntax(Area::Directory, &odata::body::SyntaxError::Json(error)))?;
    let mut found = names
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("@odata.id") || name.eq_ignore_ascii_case("@id"));
    match (found.next(), found.next()) {
        (Some((_, serde_json::Value::String(url))), None) => Ok(url.clone()),
        (Some(_), None) => Err(expected("`@odata.id` is not a string")),
        (Some(_), Some(_)) => Err(expected("`@odata.id` occurs more than once")),
        (None, _) => Err(expected("`@odata.id` is missing")),
    }
}
