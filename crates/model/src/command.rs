//! Commands: every write to a tenant's entities, as data. A store loads what a command touches,
//! asks [`decide`](crate::decide) and writes the effect.

use crate::account::{Account, AccountEntry, AccountKey};
use crate::edm::MOST_EVIDENCE;
use crate::event::{EventKind, NewId, NewRiskEvent, RiskEvent, RiskEventDraft};
use crate::evidence::{Evidence, NewEvidence};
use crate::ids::{EntityId, FoldedName, UserKey};
use crate::job::{FoundCredential, Image, Job, JobRecord, Subject};
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
    /// A directory tells of an account.
    PutAccount(Box<AccountEntry>),
    /// A directory does not know an account any more. A user without any other is gone too.
    RemoveAccount {
        /// The job that found that out.
        job: u64,
        /// Which one.
        account: AccountKey,
    },
    /// The verifiers of a user are others: their open leaked-credentials events are remediated.
    Remediate {
        /// The job that does it.
        job: u64,
        /// Whose events.
        user: EntityId,
        /// When they are closed.
        closed: Ticks,
    },
    /// A job found a credential that is a user's.
    RaiseFinding {
        /// The job.
        job: u64,
        /// The id of the event that stands for the user and the credential.
        id: EntityId,
        /// When that event is created, if it is not there yet.
        created: Ticks,
        /// What was found.
        found: Box<FoundCredential>,
    },
    /// A job is new or further on; what it has found since is kept with it.
    PutJob {
        /// As it is now. The numbers of its changes are set by the store.
        job: Box<Job>,
        /// The version that it had; `None` when it is new.
        expected: Option<u64>,
        /// What it has found since then.
        found: Vec<FoundCredential>,
    },
    /// What a job changed becomes again what it was, unless its record is gone since it was read.
    Revert {
        /// The job that takes it back.
        job: u64,
        /// What was changed, and how it was.
        record: Box<JobRecord>,
        /// Whether also what somebody else has changed since.
        force: bool,
    },
}

/// What a store must load before a command can be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// An event by id.
    pub event: Option<EntityId>,
    /// A user by id or name.
    pub user: Option<UserKey>,
    /// The user who is meant when that one is not there.
    pub else_user: Option<EntityId>,
    /// The user who has a name that the command wants to give.
    pub name: Option<FoldedName>,
    /// An account, with its user.
    pub account: Option<AccountKey>,
    /// A job by id.
    pub job: Option<EntityId>,
    /// Whether a job has a record of something.
    pub record: Option<(u64, Subject)>,
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
            Self::CreateEvent(_)
            | Self::AddEvidence { .. }
            | Self::CreateUser { .. }
            | Self::Judge { .. }
            | Self::PutAccount(_)
            | Self::RemoveAccount { .. }
            | Self::Remediate { .. }
            | Self::RaiseFinding { .. }
            | Self::PutJob { .. }
            | Self::Revert { .. } => {}
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
                Touches { user: Some(UserKey::Id(id.clone())), name: draft.folded_name(), ..Touches::default() }
            }
            Self::UpdateUser { user, patch, .. } => {
                Touches { user: Some(user.clone()), name: patch.folded_name(), ..Touches::default() }
            }
            Self::DeleteUser { user, .. } => Touches { user: Some(user.clone()), ..Touches::default() },
            Self::Judge { .. } | Self::Remediate { .. } => Touches::default(),
            Self::PutAccount(entry) => Touches {
                user: Some(UserKey::Id(entry.matched.as_ref().unwrap_or(&entry.new_id).clone())),
                else_user: entry.matched.as_ref().map(|_| entry.new_id.clone()),
                name: entry.draft.folded_name().or_else(|| entry.name_if_new.as_deref().map(FoldedName::new)),
                account: Some(entry.key.clone()),
                ..Touches::default()
            },
            Self::RemoveAccount { account, .. } => Touches { account: Some(account.clone()), ..Touches::default() },
            Self::RaiseFinding { id, found, .. } => Touches {
                event: Some(id.clone()),
                user: Some(UserKey::Id(found.user.clone())),
                account: found.proof.as_ref().map(|(account, _)| account.clone()),
                ..Touches::default()
            },
            Self::PutJob { job, .. } => Touches { job: Some(job.id.clone()), ..Touches::default() },
            Self::Revert { record, .. } => {
                let known = Touches { record: Some((record.job, record.subject.clone())), ..Touches::default() };
                match &record.subject {
                    Subject::Event(id) => Touches { event: Some(id.clone()), ..known },
                    Subject::Account(key) => Touches { account: Some(key.clone()), ..known },
                    Subject::User(id) => Touches {
                        user: Some(UserKey::Id(id.clone())),
                        name: match &record.image {
                            Image::User(Some(user)) => Some(user.folded_name()),
                            _ => None,
                        },
                        ..known
                    },
                }
            }
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
            Self::SetImpactedUser { user, .. } | Self::Remediate { user, .. } => Some(user.as_str()),
            Self::CreateUser { id, .. } => Some(id.as_str()),
            Self::UpdateUser { .. } | Self::DeleteUser { .. } => state.user.as_ref().map(User::id_text),
            Self::Judge { users, .. } => return users.iter().map(|id| &**id).collect(),
            Self::DeleteEvent { .. } | Self::ClearImpactedUser { .. } => None,
            Self::AddEvidence { .. } | Self::PutJob { .. } => return Vec::new(), // they change no risk
            Self::PutAccount(entry) => Some(state.meant_by(entry).map_or(entry.new_id.as_str(), User::id_text)),
            Self::RemoveAccount { .. } => state.account.as_ref().map(|account| account.user.as_str()),
            Self::RaiseFinding { found, .. } => Some(found.user.as_str()),
            Self::Revert { record, .. } => match (&record.subject, &record.image) {
                (Subject::User(id), _) => Some(id.as_str()),
                (_, Image::Event(Some((before, _)))) => Some(&*before.user_id),
                _ => None,
            },
        };
        let mut all: Vec<&str> = of_event.into_iter().chain(moved_to).collect();
        all.dedup();
        all
    }

    /// Whether the open events of the users that it concerns must be loaded too.
    pub fn needs_open_events(&self) -> bool {
        matches!(self, Self::Judge { .. } | Self::Remediate { .. })
    }

    /// Whether the accounts of the users that it concerns must be loaded too.
    pub fn needs_accounts(&self) -> bool {
        match self {
            Self::RemoveAccount { .. } | Self::Remediate { .. } | Self::DeleteUser { .. } => true,
            Self::Revert { record, .. } => matches!(record.subject, Subject::User(_)),
            _ => false,
        }
    }

    /// Whether the accounts must be found too that records of jobs say the users had that it concerns.
    pub fn needs_recorded(&self) -> bool {
        matches!(self, Self::DeleteUser { .. })
    }

    /// Whether the evidence of the event that it touches must be loaded too.
    pub fn needs_evidence(&self) -> bool {
        match self {
            Self::AddEvidence { .. } | Self::RaiseFinding { .. } => true,
            Self::Revert { record, .. } => matches!(record.subject, Subject::Event(_)),
            _ => false,
        }
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
    /// The account that it touches.
    pub account: Option<Account>,
    /// The user whose account that is, as far as the directory knows them.
    pub account_user: Option<User>,
    /// The accounts of the users that it concerns, where it needs them.
    pub accounts: Vec<Account>,
    /// Accounts that, by records of jobs, were those of the users that it concerns, where it needs them.
    pub recorded: Vec<AccountKey>,
    /// The job that it touches.
    pub job: Option<Job>,
    /// Whether there is the record that it touches.
    pub is_recorded: bool,
}

impl State {
    /// The user that an entry of a directory means: the one whose account it is; else the one with its id, with its
    /// userPrincipalName, or, at last, the one to whom other names of it lead.
    pub(crate) fn meant_by(&self, entry: &AccountEntry) -> Option<&User> {
        let (by_id, by_name) = (self.user.as_ref(), self.namesake.as_ref());
        let is_matched = by_id.zip(entry.matched.as_ref()).is_some_and(|(user, id)| user.id_text() == id.as_str());
        let found = if is_matched { by_name.or(by_id) } else { by_id.or(by_name) };
        self.account_user.as_ref().or(found)
    }

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
    /// The job is not at the version at which it was read: another process works at it.
    #[error("another process works at the job `{0}`")]
    JobMoved(EntityId),
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
