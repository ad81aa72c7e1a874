//! `POST /users`.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use crate::routes::Write;
use model::{Command, edm};
use odata::prefer::Return;
use service::Plan;
use store::{BoxFuture, Outcome};

/// Adds a user. The password in its `passwordProfile` is checked for its form and forgotten.
pub const WRITE: Write = Write { prepare, render };

fn prepare<'c>(call: &'c Call<'c>, plan: &'c Plan<'c>) -> BoxFuture<'c, Result<Command, ApiError>> {
    Box::pin(async move {
        let (body, _) = call.entity_body(&edm::USERS)?;
        plan.create_user(body).map_err(|error| call.failure(error))
    })
}

fn render(call: &Call<'_>, outcome: Outcome) -> Result<Reply, ApiError> {
    let Outcome::User(user) = outcome else { unreachable!("the command was one on a user") };
    call.written(&edm::USERS, &*user, user.id().as_str(), true, Return::Representation)
}
