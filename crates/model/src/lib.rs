//! Spillwatch's entities, its entity data model, and the pure decisions over them.
//!
//! Nothing here does I/O or waits: a [`Command`] and the [`State`] that it touches go into
//! [`decide`], and an [`Effect`] comes out, which a store writes in one transaction.

mod account;
mod caller;
mod candidate;
mod clock;
mod command;
mod decide;
mod detection;
mod detection_id;
pub mod edm;
mod effect;
mod event;
mod evidence;
mod history;
mod ids;
mod job;
mod permission;
mod place;
mod registry;
mod repeatability;
mod risk;
mod risky_user;
mod task;
mod user;

pub use account::{
    Account, AccountChange, AccountEntry, AccountKey, AccountName, AccountNote, FORMER_NAME, SealedVerifiers,
    VerifierMark, VerifierNote, VerifierTag, Written,
};
pub use caller::{Actor, Caller};
pub use candidate::{Candidate, CandidateKey, Judgement, QueuedCandidate, RetainedCandidate, RetainedMark, Sealed};
pub use clock::{Clock, Entropy, FixedClock, SeededEntropy, SystemClock, SystemEntropy};
pub use command::{Command, EventKey, Precondition, Refusal, State, Touches, Versions};
pub use decide::{Decision, Moment, Note, decide};
pub use detection::{
    DetectionRow, DetectionView, WrittenEvent, detection_bits, detection_members, detection_risk_type,
};
pub use detection_id::{DetectedEvent, DetectionId, DetectionText, detection_type};
pub use effect::{ChangeEntry, ChangeKind, ChangedSet, Effect, Step, Total};
pub use event::{
    EventKind, NewId, NewRiskEvent, Nulls, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, event_members,
};
pub use evidence::{Evidence, EvidenceChange, Finding, MatchClass, NewEvidence, additional_info};
pub use history::HistoryRow;
pub use ids::{CHANGES_END, EntityId, FoldedName, IdError, TenantId, TenantKey, UserKey};
pub use job::{
    FindingNote, FoundCredential, Image, Job, JobKind, JobRecord, JobState, RecordChange, RevertNote, Subject,
};
pub use odata::Ticks;
pub use permission::{Permission, PermissionSet, UnknownPermission};
pub use place::{Place, shortened};
pub use registry::{App, AppId, AppSecret, Registry, Tenant};
pub use repeatability::{Repeatability, RequestId, Tracking};
pub use risk::{RiskDetail, RiskState, Verdict};
pub use risky_user::{Activity, HistoryItem, OpenEvents, Risk, RiskChange, RiskyUser};
pub use task::{Claim, MOST_ATTEMPTS, Task, TaskKey, TaskKind, TaskState};
pub use user::{OwnedCell, User, UserDraft, is_principal_name};
