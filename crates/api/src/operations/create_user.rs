//! `POST /users`.

use crate::call::Call;
use crate::error::ApiError;
use crate::reply::Reply;
use model::edm;
use odata::prefer::Return;
use store::BoxFuture;

/// Adds a user. The password in its `passwordProfile` is checked for its form and forgotten.
pub fn run(call: Call<'_>) -> BoxFuture<'_, Result<Reply, ApiError>> {
    Box::pin(async move {
        let (body, _) = call.entity_body(&edm::USERS)?;
        let created = call.app.service.create_user(call.caller, body).await;
        let user = created.map_err(|error| call.failure(error))?;
        call.written(&edm::USERS, &user, user.id().as_str(), true, Return::Representation)
    })
}
