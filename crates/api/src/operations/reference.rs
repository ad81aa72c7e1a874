//! `.../impactedUser/$ref`: the reference itself (graph.md, section 3.6); and `/$ref` of an entity.

use crate::call::Call;
use crate::entity::id_of;
use crate::error::{ApiError, Area};
use crate::negotiate::precondition;
use crate::reply::Reply;
use crate::routes::Write;
use axum::http::StatusCode;
use model::{Command, edm};
use odata::edm::EntitySet;
use odata::encode::{Metadata, Row, write_string};
use odata::reference::{ReferenceError, read_reference, unfit_reference};
use service::Plan;
use std::future::ready;
use store::{BoxFuture, Carried};

/// Answers where the reference leads.
pub fn get(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        call.bind(&edm::USERS, call.app.service.clock().now())?; // `$format`
        let id = call.key().text();
        let found = call.app.service.impacted_user_id(call.caller, call.events(), id).await;
        let user = found.map_err(|error| call.failure(error))?;
        Ok(answer(&call, &edm::USERS, &user))
    })
}

/// Answers the URL of an entity: `/set/key/$ref`.
pub fn of_entity(mut call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let set = call.set();
        call.bind(set, call.app.service.clock().now())?; // `$format`
        let reply = |row: &dyn Row| {
            let id = id_of(row).map_err(|error| ApiError::internal(&error))?;
            Ok(answer(&call, set, id))
        };
        call.with_entity(Carried::PROPERTIES, reply).await
    })
}

fn answer(call: &Call<'_>, set: &EntitySet, id: &str) -> Reply {
    let mut body = vec![b'{'];
    if call.media.metadata != Metadata::None {
        body.extend_from_slice(b"\"@odata.context\":");
        write_string(&call.context("$ref"), &mut body);
        body.push(b',');
    }
    body.extend_from_slice(b"\"@odata.id\":");
    write_string(&call.entity_url(set, id), &mut body);
    body.push(b'}');
    call.odata_reply(StatusCode::OK, body)
}

/// Sets the reference, and with it userId.
pub const SET: Write = Write::without_content(set);

/// Clears the reference; userId stays.
pub const CLEAR: Write = Write::without_content(clear);

fn set<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
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
        let command = plan.set_impacted_user(call.events(), id, precondition(call.headers), (key, url)).await;
        command.map_err(|error| call.failure(error))
    })
}

fn clear<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    let command = plan.clear_impacted_user(call.events(), call.key().text(), precondition(call.headers));
    Box::pin(ready(command.map_err(|error| call.failure(error))))
}
