//! Commands: every write to a tenant's entities, as data. A store loads what a command touches,
//! asks [`decide`](crate::decide) and writes the effect.

use crate::edm::MOST_EVIDENCE;
use crate::event::{EventKind, NewId, NewRiskEvent, RiskEvent, RiskEventDraft};
use crate::evidence::{Evidence, NewEvidence};
use crate::ids::{EntityId, FoldedName, UserKey};
use crate::repeatability::RequestId;
use crate::risk::Verdict;
use crate::risky_user::RiskyUser;
use crate::user::{User, UserDraft};
use odata::Ticks;
use odata::fault::Faults;

/// Versions that `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `*`
    Any,
    /// A list of ETags; those that are not ours are left out.
    Listed(Vec<u64>),
}

impl Versions {
    fn include(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(versions) => versions.contains(&version),
        }
    }
}

/// Conditions on the version of an entity (RFC 9110, section 13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// `If-Match`
    pub if_match: Option<Versions>,
    /// `If-None-Match`
    pub if_none_match: Option<Versions>,
}

impl Precondition {
    /// Tells whether an entity at `version` may be written.
    pub fn admits(&self, version: u64) -> bool {
        self.if_match.as_ref().is_none_or(|versions| versions.include(version)) && !self.is_known(version)
    }

    /// Tells whether `If-None-Match` names `version`: the client has it already.
    pub fn is_known(&self, version: u64) -> bool {
        self.if_none_match.as_ref().is_some_and(|versions| versions.include(version))
    }
}

/// Names an event as a set shows it: through `leakedCredentialsRiskEvents` only events of that kind
/// exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventKey {
    /// The event's id.
    pub id: EntityId,
    /// The kind that the set holds; `None` for every kind.
    pub kind: Option<EventKind>,
}

/// A write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `POST` to a set of events.
    CreateEvent(Box<NewRiskEvent>),
    /// `PATCH` of an event.
    UpdateEvent {
        /// Which one.
        event: EventKey,
        /// Conditions on its version.
        precondition: Precondition,
        /// What changes.
        patch: Box<RiskEventDraft>,
    },
    /// `DELETE` of an event.
    DeleteEvent {
        /// Which one.
        event: EventKey,
        /// Conditions on its version.
        precondition: Precondition,
    },
    /// `PUT` or `POST` of `impactedUser/$ref`: sets the reference and userId.
    SetImpactedUser {
        /// Which event.
        event: EventKey,
        /// Conditions on its version.
        precondition: Precondition,
        /// The user's id.
        user: EntityId,
    },
    /// `DELETE` of `impactedUser/$ref`: clears the reference, keeps userId.
    ClearImpactedUser {
        /// Which event.
        event: EventKey,
        /// Conditions on its version.
        precondition: Precondition,
    },
    /// `POST` to `evidence` of an event: adds an item, or adds to the one that tells of the same finding.
    AddEvidence {
        /// Which event.
        event: EventKey,
        /// What was found.
        evidence: Box<NewEvidence>,
    },
    /// `POST` to users.
    CreateUser {
        /// The id, chosen by the client or made by the server.
        id: EntityId,
        /// What the user holds.
        draft: Box<UserDraft>,
    },
    /// `PATCH` of a user.
    UpdateUser {
        /// Which one.
        user: UserKey,
        /// Conditions on its version.
        precondition: Precondition,
        /// What changes.
        patch: Box<UserDraft>,
    },
    /// `DELETE` of a user.
    DeleteUser {
        /// Which one.
        user: UserKey,
        /// Conditions on its version.
        precondition: Precondition,
    },
    /// `dismiss`, `confirmCompromised` or `confirmSafe` over users at risk: all of them or none.
    Judge {
        /// What is said of them.
        verdict: Verdict,
        /// Their ids, each once.
        users: Vec<Box<str>>,
        /// Random bits for the ids of events that it makes.
        chance: u64,
    },
}

/// What a store must load before a command can be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// An event by id.
    pub event: Option<EntityId>,
    /// A user by id or name.
    pub user: Option<UserKey>,
    /// The user who has a name that the command wants to give.
    pub name: Option<FoldedName>,
}

impl Command {
    /// The same without conditions on versions: what it does when they hold.
    #[must_use]
    pub fn unconditional(mut self) -> Self {
        match &mut self {
            Self::UpdateEvent { precondition, .. }
            | Self::DeleteEvent { precondition, .. }
            | Self::SetImpactedUser { precondition, .. }
            | Self::ClearImpactedUser { precondition, .. }
            | Self::UpdateUser { precondition, .. }
            | Self::DeleteUser { precondition, .. } => *precondition = Precondition::default(),
            Self::CreateEvent(_) | Self::AddEvidence { .. } | Self::CreateUser { .. } | Self::Judge { .. } => {}
        }
        self
    }

    /// The id of the entity that it creates, as far as it is known before it is carried out.
    pub fn created(&self) -> Option<&EntityId> {
        match self {
            Self::CreateEvent(event) => match &event.id {
                NewId::Chosen(id) => Some(id),
                NewId::Made { .. } => None,
            },
            Self::CreateUser { id, .. } => Some(id),
            _ => None,
        }
    }

    /// What it needs to know. A create whose id the server made touches nothing.
    pub fn touches(&self) -> Touches {
        match self {
            Self::CreateEvent(event) => match &event.id {
                NewId::Chosen(id) => Touches { event: Some(id.clone()), ..Touches::default() },
                NewId::Made { .. } => Touches::default(),
            },
            Self::UpdateEvent { event, .. }
            | Self::DeleteEvent { event, .. }
            | Self::SetImpactedUser { event, .. }
            | Self::ClearImpactedUser { event, .. }
            | Self::AddEvidence { event, .. } => Touches { event: Some(event.id.clone()), ..Touches::default() },
            Self::CreateUser { id, draft } => {
                Touches { user: Some(UserKey::Id(id.clone())), name: draft.folded_name(), event: None }
            }
            Self::UpdateUser { user, patch, .. } => {
                Touches { user: Some(user.clone()), name: patch.folded_name(), event: None }
            }
            Self::DeleteUser { user, .. } => Touches { user: Some(user.clone()), ..Touches::default() },
            Self::Judge { .. } => Touches::default(),
        }
    }

    /// The users whose risk it may change, by id, once what it [touches](Self::touches) is in `state`: of
    /// each the user at risk must be loaded, and where there is none, the user of the directory.
    pub fn concerns<'c>(&'c self, state: &'c State) -> Vec<&'c str> {
        let of_event = state.event.as_ref().map(|event| &*event.user_id);
        let moved_to = match self {
            Self::CreateEvent(new) => Some(&*new.user_id),
            Self::UpdateEvent { patch, .. } => {
                patch.user_id.as_deref().or_else(|| patch.impacted_user.as_ref().and_then(Option::as_deref))
            }
            Self::SetImpactedUser { user, .. } => Some(user.as_str()),
            Self::CreateUser { id, .. } => Some(id.as_str()),
            Self::UpdateUser { .. } | Self::DeleteUser { .. } => state.user.as_ref().map(User::id_text),
            Self::Judge { users, .. } => return users.iter().map(|id| &**id).collect(),
            Self::DeleteEvent { .. } | Self::ClearImpactedUser { .. } => None,
            Self::AddEvidence { .. } => return Vec::new(), // it changes no risk
        };
        let mut all: Vec<&str> = of_event.into_iter().chain(moved_to).collect();
        all.dedup();
        all
    }

    /// Whether the open events of the users that it concerns must be loaded too.
    pub fn needs_open_events(&self) -> bool {
        matches!(self, Self::Judge { .. })
    }

    /// Whether the evidence of the event that it touches must be loaded too.
    pub fn needs_evidence(&self) -> bool {
        matches!(self, Self::AddEvidence { .. })
    }
}

/// What a store loaded for a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The event that it touches.
    pub event: Option<RiskEvent>,
    /// The user that it touches.
    pub user: Option<User>,
    /// The user who has the name that it wants to give.
    pub namesake: Option<User>,
    /// Of the users that it concerns, those at risk.
    pub risky_users: Vec<RiskyUser>,
    /// Of the others that it concerns, those whom the directory knows.
    pub directory: Vec<User>,
    /// Open events of the users that it concerns, where it needs them.
    pub open: Vec<RiskEvent>,
    /// The evidence of the event that it touches, in its order, where it needs that.
    pub evidence: Vec<Evidence>,
}

impl State {
    /// The user at risk with this id.
    pub(crate) fn risky_user(&self, id: &str) -> Option<&RiskyUser> {
        self.risky_users.iter().find(|user| &*user.id == id)
    }

    /// The user of the directory with this id, as far as nothing was known of a risk.
    pub(crate) fn directory_user(&self, id: &str) -> Option<&User> {
        self.directory.iter().find(|user| user.id_text() == id)
    }
}

/// Why a command is not carried out. Nothing has changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such event.
    #[error("no risk event has the id `{0}`")]
    EventNotFound(EntityId),
    /// There is no such user.
    #[error("no user has the id or userPrincipalName that was given")]
    UserNotFound,
    /// Neither the directory nor the risk store knows users with these ids.
    #[error("{} of the users are not known, neither as users nor as users at risk", .0.len())]
    UnknownUsers(Vec<Box<str>>),
    /// The event has no `impactedUser`.
    #[error("the event has no impactedUser")]
    NoImpactedUser,
    /// The event has as many items of evidence as an event can have.
    #[error("the event has {MOST_EVIDENCE} items of evidence, which is the most")]
    TooMuchEvidence,
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("the condition in If-Match or If-None-Match does not hold: the entity's ETag is W/\"{current}\"")]
    PreconditionFailed {
        /// The version that it has.
        current: u64,
    },
    /// The id that a client chose exists.
    #[error("an entity with the id `{0}` exists already")]
    IdTaken(EntityId),
    /// Another user has the name.
    #[error("another user has the userPrincipalName `{0}` (names are compared ignoring case)")]
    NameTaken(Box<str>),
    /// A property that never changes was sent with another value.
    #[error("{0}")]
    Invalid(Faults),
    /// The id of a repeatable request was used for another one.
    #[error(
        "the Repeatability-Request-ID `{0}` was used for another request: its method, URL, body or headers differ; give \
         every request an id of its own, and send a repeat as it was sent first"
    )]
    RepeatedDifferently(RequestId),
    /// It is not known whether the repeatable request was carried out before.
    #[error(
        "Repeatability-First-Sent is {first_sent}; what was first sent after {earliest} and up to {latest} is known here, \
         so whether this request was carried out before cannot be told"
    )]
    NotTracked {
        /// When it was first sent.
        first_sent: Ticks,
        /// What was sent up to then is no longer known.
        earliest: Ticks,
        /// What is sent later comes from a clock that is wrong.
        latest: Ticks,
    },
}
