//! Writes of users: POST, PUT, PATCH and DELETE, each alone or as an operation of a bulk.

use super::Call;
use super::body::{Draft, Wiped};
use super::error::{ScimError, ScimType, answer};
use super::patch;
use super::projection::Projection;
use super::user::{self, draft_of};
use crate::error::ApiError;
use crate::reply::Reply;
use axum::http::{StatusCode, header};
use model::{EntityId, Precondition};
use odata::encode::etag;
use serde_json::Value;
use service::{Known, ProvisionError};

/// How often a change is tried again that somebody on another server was faster than.
const TRIES: usize = 5;

/// A change of a user.
pub enum Change {
    /// PUT
    Replace(Draft),
    /// PATCH
    Patch(Wiped),
}

/// What a write came to.
pub struct Saved {
    /// 201, 200 or 204.
    pub status: StatusCode,
    /// Where the user is.
    pub location: String,
    /// The number of their latest change; none of a user who is gone.
    pub version: Option<u64>,
    /// The user.
    pub resource: Option<Value>,
}

impl Saved {
    /// Answers the user, as far as they are to be shown.
    pub fn into_reply(self, projection: &Projection) -> Reply {
        let mut reply = match self.resource {
            Some(resource) => answer(self.status, &projection.of(resource)),
            None => Reply::new(self.status),
        };
        reply.set(header::LOCATION, &self.location);
        if let Some(version) = self.version {
            reply.set(header::ETAG, etag(version));
        }
        reply
    }
}

/// Makes a user.
pub async fn create(call: &Call<'_>, body: Wiped) -> Result<Saved, ScimError> {
    let mut draft = Draft::read(body)?;
    draft.resource.entry("active").or_insert(Value::Bool(true));
    let told = user::told(&mut draft, call.app.scim.domain.as_deref())?;
    let name = draft.text("userName").unwrap_or_default().to_owned();
    let principal_name = told.user.upn.clone().or_else(|| told.user.mail.clone()).unwrap_or_default();
    let key = told.key.clone().unwrap_or_default();
    let names: Vec<&str> = [name.as_str(), &principal_name, &key].into_iter().filter(|name| !name.is_empty()).collect();
    let _names = call.app.scim.provisioner.names(call.caller.tenant, &names).await;
    let taken = |what| Err(ScimError::of(ScimType::Uniqueness, format!("another user has this {what}")));
    if call.named(&name).await?.is_some() || call.named(&principal_name).await?.is_some() {
        return taken("userName");
    }
    let service = &call.app.service;
    if !key.is_empty() && service.known_by_key(call.caller, &call.app.scim.source, &key).await?.is_some() {
        return taken("externalId");
    }
    let provisioned = service.provision(call.caller, &call.how(), None, told).await?;
    saved(call, StatusCode::CREATED, &provisioned.user).await
}

/// Changes a user.
pub async fn change(call: &Call<'_>, id: &str, conditions: &Precondition, change: Change) -> Result<Saved, ScimError> {
    let id = user_id(id)?;
    let _user = call.app.scim.provisioner.user(call.caller.tenant, id.as_str()).await;
    let mut change = Some(change);
    let mut tries = 0;
    loop {
        tries += 1;
        let known = known(call, &id, conditions).await?;
        // The last try takes the body; those before take a copy, which is wiped as well.
        let wanted = if tries < TRIES { change.as_ref().map(copy) } else { change.take() };
        let mut draft = match wanted {
            Some(Change::Replace(draft)) => kept(draft, &known)?,
            Some(Change::Patch(body)) => {
                let mut draft = draft_of(&known).map_err(|error| ApiError::internal(&error))?;
                patch::apply(&mut draft, body)?;
                draft
            }
            None => return Err(ScimError::moved()),
        };
        let told = user::told(&mut draft, call.app.scim.domain.as_deref())?;
        match call.app.service.provision(call.caller, &call.how(), Some(&known), told).await {
            Ok(_) => return saved(call, StatusCode::OK, &id).await,
            Err(ProvisionError::Moved) if conditions.if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn copy(change: &Change) -> Change {
    match change {
        Change::Replace(draft) => {
            Change::Replace(Draft { resource: draft.resource.clone(), password: draft.password.clone() })
        }
        Change::Patch(body) => Change::Patch(Wiped(body.0.clone())),
    }
}

/// What a PUT leaves as it is: whether the account may sign in, where it does not say so.
fn kept(mut draft: Draft, known: &Known) -> Result<Draft, ScimError> {
    let before = draft_of(known).map_err(|error| ApiError::internal(&error))?;
    if let (None, Some(active)) = (draft.resource.get("active"), before.resource.get("active")) {
        draft.resource.insert("active".to_owned(), active.clone());
    }
    Ok(draft)
}

/// Takes a user's account away.
pub async fn delete(call: &Call<'_>, id: &str, conditions: &Precondition) -> Result<Saved, ScimError> {
    let id = user_id(id)?;
    let _user = call.app.scim.provisioner.user(call.caller.tenant, id.as_str()).await;
    let mut tries = 0;
    loop {
        tries += 1;
        let known = known(call, &id, conditions).await?;
        if known.account.is_none() {
            return Err(ScimError::not_found(
                "the user is known to other directories only, and was not provisioned here",
            ));
        }
        match call.app.service.deprovision(call.caller, &call.how(), &known).await {
            Ok(_) => {
                let location = user::location(&call.root, &id);
                return Ok(Saved { status: StatusCode::NO_CONTENT, location, version: None, resource: None });
            }
            Err(ProvisionError::Moved) if conditions.if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The id in a path; what can be none is nobody's.
pub fn user_id(text: &str) -> Result<EntityId, ScimError> {
    text.parse().map_err(|_| nobody())
}

/// There is no such user.
pub fn nobody() -> ScimError {
    ScimError::not_found("no user has this id")
}

async fn known(call: &Call<'_>, id: &EntityId, conditions: &Precondition) -> Result<Known, ScimError> {
    let known = call.app.service.known(call.caller, &call.app.scim.source, id).await?.ok_or_else(nobody)?;
    if conditions.admits(known.version()) { Ok(known) } else { Err(ScimError::moved()) }
}

async fn saved(call: &Call<'_>, status: StatusCode, id: &EntityId) -> Result<Saved, ScimError> {
    let known = call.app.service.known(call.caller, &call.app.scim.source, id).await?.ok_or_else(nobody)?;
    let resource = Some(call.shown(&known).await?);
    Ok(Saved { status, location: user::location(&call.root, id), version: Some(known.version()), resource })
}
