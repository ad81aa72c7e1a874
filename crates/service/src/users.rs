//! Users of the directory.

use crate::{Plan, Service, ServiceError};
use model::{Caller, Command, FoldedName, Precondition, Refusal, User, UserDraft, UserKey, edm};
use odata::body::{EntityBody, Value};
use odata::fault::Fault;
use odata::path::Key;

impl Service {
    /// Finds a user by id or userPrincipalName.
    pub async fn user(&self, caller: &Caller, key: &Key) -> Result<User, ServiceError> {
        let key = known_key(key)?;
        Ok(self.store.load_user(caller.tenant, &key).await?.ok_or(Refusal::UserNotFound)?)
    }
}

impl Plan<'_> {
    /// Adds a user.
    pub fn create_user(&self, mut body: EntityBody) -> Result<Command, ServiceError> {
        let profile = body.take(edm::user::PASSWORD_PROFILE);
        let draft = UserDraft::from_body(&mut body);
        let mut faults = std::mem::take(&mut body.faults);
        draft.require(&body, &mut faults);
        let sent = profile.is_some_and(|value| value != Value::Null) || body.is_faulty(edm::user::PASSWORD_PROFILE);
        if !sent && !self.service.settings.password_profile_optional {
            faults.push(Fault::missing("passwordProfile"));
        }
        faults.or(()).map_err(ServiceError::Invalid)?;
        let id = draft.id().unwrap_or_else(|| self.service.entropy.uuid_v4().into());
        Ok(Command::CreateUser { id, draft: Box::new(draft) })
    }

    /// Changes a user's properties. Events keep the names that they were raised with.
    pub fn update_user(
        &self,
        key: &Key,
        precondition: Precondition,
        mut body: EntityBody,
    ) -> Result<Command, ServiceError> {
        let patch = UserDraft::from_body(&mut body);
        patch.refuse_nulls(&mut body.faults);
        body.faults.or(()).map_err(ServiceError::Invalid)?; // a faulty body is said before a missing entity
        Ok(Command::UpdateUser { user: known_key(key)?, precondition, patch: Box::new(patch) })
    }

    /// Deletes a user for good. Their events stay, with userId kept.
    pub fn delete_user(&self, key: &Key, precondition: Precondition) -> Result<Command, ServiceError> {
        Ok(Command::DeleteUser { user: known_key(key)?, precondition })
    }
}

/// The user that a key in a URL names; `None` when no user can have it. Where the URL says that it
/// is a userPrincipalName, it is never taken for an id.
pub fn user_key(key: &Key) -> Option<UserKey> {
    match key {
        Key::Id(text) => UserKey::parse(text),
        Key::Alternate(name) => Some(UserKey::PrincipalName(FoldedName::new(name))),
    }
}

fn known_key(key: &Key) -> Result<UserKey, ServiceError> {
    user_key(key).ok_or_else(|| Refusal::UserNotFound.into())
}
