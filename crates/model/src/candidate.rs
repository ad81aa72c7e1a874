//! Candidates: passwords that may be a user's and are slow to check, while they wait to be (leaks.md, capability 11), and
//! those that are kept for users who come later (capability 4). They come here sealed and leave once they are decided or
//! their time is over; the key is nobody's below the service.

use crate::account::AccountKey;
use crate::ids::EntityId;
use odata::Ticks;
use std::fmt;

/// A secret under a key that is not in the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Box<[u8]>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What is to be checked before a finding counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The password.
    pub sealed: Sealed,
    /// The number of the newest verifiers that the user had: where these have judged it already, it does not wait.
    pub verifiers: u64,
    /// The greater, the earlier it is checked.
    pub priority: i64,
}

/// Which candidate: of a user, the one with this fingerprint. However many sources it is in, it is checked once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CandidateKey {
    /// Whose password it may be.
    pub user: EntityId,
    /// What tells it from others of the user (leaks.md, section 5).
    pub fingerprint: [u8; 32],
}

/// A candidate that a worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedCandidate {
    /// Which one.
    pub key: CandidateKey,
    /// The password.
    pub sealed: Sealed,
    /// What was decided of it before, when the user had other verifiers.
    pub judged: Option<Judgement>,
    /// How often it was begun.
    pub attempts: u32,
}

/// What was decided of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The number of the newest verifiers that the user had then.
    pub verifiers: u64,
    /// The account against whose verifiers it was proved, and the number of those; `None` where it is not current.
    pub proof: Option<(AccountKey, u64)>,
    /// When the directory had last told of that account.
    pub as_of: Ticks,
}

/// What tells a name, or a credential that stands beside it, from others: an HMAC, whose key is not in the store.
pub type RetainedMark = [u8; 16];

/// A credential that stands beside a name in a domain of the organisation, kept for users and verifiers that come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainedCandidate {
    /// The name.
    pub name: RetainedMark,
    /// The credential with its source: the same one is kept once.
    pub credential: RetainedMark,
    /// When it is forgotten.
    pub expires: Ticks,
    /// The credential, and where it was seen.
    pub sealed: Sealed,
}
