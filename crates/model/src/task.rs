//! Tasks: pieces of a job's work that any process may do (docs/adr/0009-tasks.md).

use odata::Ticks;

/// How often a task is begun at most: one at which workers die, or that they give up, is failed then.
pub const MOST_ATTEMPTS: u32 = 5;

/// What a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TaskKind {
    /// To scan a piece of breach material.
    Scan = 1,
    /// To look whether pairs that somebody handed in are current. The pairs are sealed in the payload.
    Check = 2,
}

impl TaskKind {
    /// The kind with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        [Self::Scan, Self::Check].into_iter().find(|kind| *kind as i64 == value)
    }
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum TaskState {
    /// Nobody is at it.
    Waiting = 1,
    /// A worker is at it, or has died while it was: see [`Task::lease`].
    Claimed = 2,
    /// It is done.
    Done = 3,
    /// It was begun [`MOST_ATTEMPTS`] times and not done.
    Failed = 4,
}

impl TaskState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Claimed, Self::Done, Self::Failed];

    /// The state with this value in a store.
    pub fn from_value(value: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == value)
    }

    /// Whether nothing is left to do.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// Which task: of a job, which is named by the number of the change that made it, the one with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    /// The job.
    pub job: u64,
    /// The task's place among those of its job, from 0.
    pub number: u64,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which one.
    pub key: TaskKey,
    /// What it asks for.
    pub kind: TaskKind,
    /// The greater, the earlier it is done.
    pub priority: i32,
    /// How far it is.
    pub state: TaskState,
    /// What is to be done: a JSON object; an empty one once a [check](TaskKind::Check) is done.
    pub payload: Box<str>,
    /// Who is at it, or was last, for people.
    pub holder: Option<Box<str>>,
    /// Until when the worker that is at it is taken to be alive.
    pub lease: Option<Ticks>,
    /// How often it was begun.
    pub attempts: u32,
    /// What came of it: a JSON object.
    pub result: Option<Box<str>>,
    /// Why it was last given up, for people.
    pub message: Option<Box<str>>,
}

/// A worker's claim to a task. Once its lease has lapsed another one may have it, and what the first one does no longer
/// counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What tells it from every other one.
    pub id: Box<str>,
    /// Who has it, for people.
    pub holder: Box<str>,
    /// Now, by the worker's clock.
    pub now: Ticks,
    /// Until when the worker is taken to be alive.
    pub lease: Ticks,
}
