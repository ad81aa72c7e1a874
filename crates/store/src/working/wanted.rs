//! What a group of commands needs, and what a store has found of it.

use model::{Account, AccountKey, EntityId, Evidence, FoldedName, Job, RiskEvent, RiskyUser, Subject, User};
use std::collections::HashSet;

/// What is to be loaded before a command can be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Events with these ids.
    pub events: HashSet<EntityId>,
    /// Users with these ids.
    pub users: HashSet<EntityId>,
    /// Users with these names.
    pub names: HashSet<FoldedName>,
    /// Users at risk with these ids.
    pub risky_users: HashSet<Box<str>>,
    /// The open events of users with these ids.
    pub open_events_of: HashSet<Box<str>>,
    /// The evidence of events that the changes with these numbers made.
    pub evidence_of: HashSet<u64>,
    /// Accounts with these keys.
    pub accounts: HashSet<AccountKey>,
    /// The accounts of users with these ids.
    pub accounts_of: HashSet<Box<str>>,
    /// The records of jobs that say which accounts users with these ids had.
    pub recorded_of: HashSet<Box<str>>,
    /// The records of these jobs of these things.
    pub recorded: HashSet<(u64, Subject)>,
    /// Jobs with these ids.
    pub jobs: HashSet<EntityId>,
}

impl Wanted {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Also what another one names.
    pub fn extend(&mut self, other: Self) {
        self.events.extend(other.events);
        self.users.extend(other.users);
        self.names.extend(other.names);
        self.risky_users.extend(other.risky_users);
        self.open_events_of.extend(other.open_events_of);
        self.evidence_of.extend(other.evidence_of);
        self.accounts.extend(other.accounts);
        self.accounts_of.extend(other.accounts_of);
        self.recorded_of.extend(other.recorded_of);
        self.recorded.extend(other.recorded);
        self.jobs.extend(other.jobs);
    }
}

/// What a store has found of what was wanted; what is not in it does not exist.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Events, those that are open among them, in any order.
    pub events: Vec<RiskEvent>,
    /// Users, each with the number of the change that made it.
    pub users: Vec<(User, u64)>,
    /// Users at risk.
    pub risky_users: Vec<RiskyUser>,
    /// Items of evidence, each with the number of the change that made its event; of an event in their order.
    pub evidence: Vec<(u64, Evidence)>,
    /// Accounts, in any order.
    pub accounts: Vec<Account>,
    /// Records of jobs.
    pub recorded: Vec<Recorded>,
    /// Jobs.
    pub jobs: Vec<Job>,
}

/// That a job has a record of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The number of the job.
    pub job: u64,
    /// What it has a record of.
    pub subject: Subject,
    /// Of an account that was there: whose it was.
    pub user: Option<EntityId>,
}
