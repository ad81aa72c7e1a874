//! Who an event is about: what the client says, completed from the directory.

use crate::{Plan, ServiceError};
use model::{EntityId, FoldedName, RiskEventDraft, User, UserKey};
use odata::fault::{Fault, FaultKind, Faults};

/// What `impactedUser@odata.bind` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// null: no user.
    Clear,
    /// The user with this key, written as the client wrote it.
    To(UserKey, String),
}

/// The name under which faults of a link are reported.
pub(crate) const BIND: &str = "impactedUser@odata.bind";

impl Plan<'_> {
    /// Resolves a link and puts it into the draft, with the userId that goes with it. Answers the
    /// user it leads to.
    pub(crate) async fn link(
        &self,
        link: Option<Link>,
        draft: &mut RiskEventDraft,
        faults: &mut Faults,
    ) -> Result<Option<User>, ServiceError> {
        let (key, text) = match link {
            None => return Ok(None),
            Some(Link::Clear) => {
                draft.impacted_user = Some(None);
                return Ok(None);
            }
            Some(Link::To(key, text)) => (key, text),
        };
        let Some(user) = self.load_user(&key).await? else {
            let message = format!("the directory has no user {}", odata::fault::excerpt(&text));
            faults.push(Fault::new(FaultKind::InvalidValue, BIND, message));
            return Ok(None);
        };
        let id: Box<str> = user.id().as_str().into();
        if draft.user_id.as_ref().is_some_and(|sent| *sent != id) {
            let message = "`userId` and `impactedUser@odata.bind` name different users; leave one out";
            faults.push(Fault::new(FaultKind::InvalidValue, BIND, message));
        }
        draft.user_id = Some(id.clone());
        draft.impacted_user = Some(Some(id));
        Ok(Some(user))
    }

    /// Fills in what the draft leaves out of userDisplayName, userPrincipalName and userId, when
    /// the directory knows the user (design.md, section 5). `known` is the user of a link.
    pub(crate) async fn fill(&self, known: Option<User>, draft: &mut RiskEventDraft) -> Result<(), ServiceError> {
        if !draft.lacks_identity() {
            return Ok(());
        }
        let by_id = draft.user_id.as_deref().map(|id| id.parse::<EntityId>().ok().map(UserKey::Id));
        let by_name = || draft.user_principal_name.as_deref().map(|name| UserKey::PrincipalName(FoldedName::new(name)));
        // An id that is sent decides: a name beside it must not fill in another user's.
        let key = match by_id {
            Some(key) => key,
            None => by_name(),
        };
        let user = match (known, key) {
            (Some(user), _) => Some(user),
            (None, Some(key)) => self.load_user(&key).await?,
            (None, None) => None,
        };
        let Some(user) = user else { return Ok(()) };
        draft.user_id.get_or_insert_with(|| user.id().as_str().into());
        draft.user_principal_name.get_or_insert_with(|| user.user_principal_name().into());
        draft.user_display_name.get_or_insert_with(|| user.display_name().into());
        Ok(())
    }
}
