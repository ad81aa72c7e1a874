//! `.../impactedUser/$ref`: the reference itself (graph.md, section 3.6).

use crate::call::Call;
use crate::error::{ApiError, Area};
use crate::negotiate::precondition;
use crate::reply::Reply;
use axum::http::StatusCode;
use model::edm;
use odata::encode::{Metadata, write_string};
use odata::reference::{ReferenceError, read_reference, unfit_reference};
use store::BoxFuture;

/// Answers where the reference leads.
pub fn get(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let id = call.key().text();
        let found = call.app.service.impacted_user_id(call.caller, call.events(), id).await;
        let user = found.map_err(|error| call.failure(error))?;
        let mut body = vec![b'{'];
        if call.media.metadata != Metadata::None {
            body.extend_from_slice(b"\"@odata.context\":");
            write_string(&call.context("$ref"), &mut body);
            body.push(b',');
        }
        body.extend_from_slice(b"\"@odata.id\":");
        write_string(&call.entity_url(&edm::USERS, &user), &mut body);
        body.push(b'}');
        Ok(call.odata_reply(StatusCode::OK, body))
    })
}

/// Sets the reference, and with it userId.
pub fn set(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let id = call.key().text();
        let url = read_reference(&call.body).map_err(|error| match error {
            ReferenceError::Syntax(error) => ApiError::from_syntax(Area::Directory, &error),
            ReferenceError::Fault(fault) => ApiError::from_faults(Area::Directory, &fault.into()),
        })?;
        let key = call.user_reference(&url).ok_or_else(|| {
            let fault = unfit_reference(&url, &format!("the URL of a user, such as {}/users/{{id}}", call.root()));
            ApiError::from_faults(Area::Directory, &fault.into())
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
        let id = call.key().text();
        let precondition = precondition(call.headers);
        let cleared = call.app.service.clear_impacted_user(call.caller, call.events(), id, precondition).await;
        cleared.map_err(|error| call.failure(error))?;
        Ok(Reply::new(StatusCode::NO_CONTENT))
    })
}
