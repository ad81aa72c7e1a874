//! Jobs: work over many users that has a record, can be stopped, resumed and undone (leaks.md, capability 9).

use crate::account::{Account, AccountKey};
use crate::candidate::{Candidate, CandidateKey};
use crate::event::RiskEvent;
use crate::evidence::{Evidence, Finding};
use crate::ids::EntityId;
use crate::place::Place;
use crate::user::User;
use odata::Ticks;
use odata::encode::Row as _;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum JobKind {
    /// Takes over a directory.
    Import = 1,
    /// Looks for credentials in breach material.
    Scan = 2,
    /// Looks whether given pairs are current.
    Check = 3,
    /// Takes back what another job did.
    Undo = 4,
}

impl JobKind {
    const ALL: [Self; 4] = [Self::Import, Self::Scan, Self::Check, Self::Undo];

    /// The kind with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == value)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Scan => "scan",
            Self::Check => "check",
            Self::Undo => "undo",
        }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum JobState {
    /// A process works at it, or has died while it did: see [`Job::lease`].
    Running = 1,
    /// The brake stopped it: what is left to do waits for somebody's consent.
    Held = 2,
    /// It has done everything.
    Completed = 3,
    /// It stopped at an error; it can be resumed.
    Failed = 4,
    /// What it did has been taken back.
    Undone = 5,
    /// What is left of it is done by workers; whoever does the last of it takes the job up and ends it.
    Waiting = 6,
}

impl JobState {
    const ALL: [Self; 6] = [Self::Running, Self::Held, Self::Completed, Self::Failed, Self::Undone, Self::Waiting];

    /// The state with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == value)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Undone => "undone",
            Self::Waiting => "waiting",
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: EntityId,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// When it was started; times of what it raises and closes derive from that.
    pub created: Ticks,
    /// When it came to its end.
    pub ended: Option<Ticks>,
    /// Until when the process that works at it is taken to be alive.
    pub lease: Option<Ticks>,
    /// What it was asked to do: a JSON object.
    pub parameters: Box<str>,
    /// How far it is, in its own words: a JSON object.
    pub progress: Box<str>,
    /// Why it is held or has failed, for people.
    pub message: Option<Box<str>>,
    /// The number of the change that made it; what it did is kept under that.
    pub creation: u64,
    /// The number of its latest change.
    pub version: u64,
}

/// A credential of a user that a job found. It holds no secret: the fingerprint is an HMAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCredential {
    /// Whose it is.
    pub user: EntityId,
    /// What tells the credential from others of the user (leaks.md, section 5).
    pub fingerprint: [u8; 32],
    /// Where and how it was found.
    pub finding: Finding,
    /// The account against whose verifiers it was proved, and the number of those.
    pub proof: Option<(AccountKey, u64)>,
    /// When the directory last told of that account.
    pub as_of: Ticks,
    /// When it leaked, as far as that is known.
    pub leaked: Option<Ticks>,
    /// When it was first seen.
    pub first_seen: Ticks,
    /// When it was last seen.
    pub last_seen: Ticks,
    /// How often it was seen.
    pub occurrences: i32,
    /// Where it stands first, as far as that is known.
    pub place: Option<Place>,
    /// What is to be checked before it counts: until then it is none of what the job has found.
    pub candidate: Option<Candidate>,
}

impl FoundCredential {
    /// Which candidate it waits for, or waited.
    pub fn key(&self) -> CandidateKey {
        CandidateKey { user: self.user.clone(), fingerprint: self.fingerprint }
    }
}

/// What came of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingNote {
    /// There is a new event.
    Raised,
    /// An event that was closed as remediated is open again: the credential is current again.
    Reopened,
    /// Evidence was added to an event, or a higher level.
    Added,
    /// The event tells of it already.
    Known,
    /// The directory does not know the user any more.
    NoUser,
    /// The verifiers that proved it are not the user's any more.
    Outdated,
}

/// What a job has changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An event, by its id.
    Event(EntityId),
    /// An account.
    Account(AccountKey),
    /// A user, by their id.
    User(EntityId),
}

/// How something was before a job changed it; `None` when it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An event, and its evidence where the job changed that.
    Event(Option<(Box<RiskEvent>, Option<Vec<Evidence>>)>),
    /// An account.
    Account(Option<Box<Account>>),
    /// A user.
    User(Option<Box<User>>),
}

/// What a job changed: of each thing one record, of how it was before the job first changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// The job: the number of the change that made it.
    pub job: u64,
    /// What was changed.
    pub subject: Subject,
    /// The number of the job's latest change of it, or of the one that put it back as the job had left it.
    pub sequence: u64,
    /// Whether that change took it away.
    pub is_gone: bool,
    /// How it was before.
    pub image: Image,
}

/// A change of the record of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordChange {
    /// It is kept, or, where the job has one of the same thing already, that one's sequence and whether the thing is gone
    /// become its own.
    Keep(JobRecord),
    /// It is gone: what it tells of has been taken back.
    Forget {
        /// The job.
        job: u64,
        /// What was changed.
        subject: Subject,
    },
    /// Something is again what one change had made of it, so the records whose latest change that was go along: what
    /// their jobs did can be taken back without anybody else's change in between.
    Follow {
        /// What is so again.
        subject: Subject,
        /// The number of the change that had made it so.
        from: u64,
        /// The number of the change that has made it so again.
        to: u64,
    },
    /// Every job's record of something is gone: nothing is to be known of it any more.
    Erase(Subject),
}

impl Image {
    /// The version that the thing had; `None` when it was not there.
    pub fn version(&self) -> Option<u64> {
        match self {
            Self::Event(before) => before.as_ref().map(|(event, _)| event.version),
            Self::Account(before) => before.as_ref().map(|account| account.version),
            Self::User(before) => before.as_ref().map(|user| user.version()),
        }
    }

    /// Whose account it was.
    pub fn account_user(&self) -> Option<&EntityId> {
        match self {
            Self::Account(before) => before.as_ref().map(|account| &account.user),
            Self::Event(_) | Self::User(_) => None,
        }
    }
}

/// What came of taking something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevertNote {
    /// It is as it was before the job.
    Reverted,
    /// Somebody else has changed or removed it since: it is left as it is.
    Changed,
    /// It cannot be: its name or id belongs to something else, or others refer to it.
    Blocked,
}
