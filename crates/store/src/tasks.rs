//! What becomes of tasks. Unlike commands these changes stand in no log: nobody but workers and the job they work for
//! wants to know of them.

use model::{Claim, FoundCredential, Task, TaskKey, TaskKind, Ticks};

/// A change of tasks.
#[derive(Clone, Debug)]
pub enum TaskCommand {
    /// Adds tasks to a job, the first with the number `first`; what is there already stays as it is.
    Add {
        /// The job.
        job: u64,
        /// What they ask for.
        kind: TaskKind,
        /// How soon they are to be done.
        priority: i32,
        /// The number of the first.
        first: u64,
        /// What is to be done: JSON objects.
        payloads: Vec<Box<str>>,
    },
    /// Takes the next task, if there is one, of a job that is running: one that waits, or whose worker was not heard of
    /// until its lease lapsed. Two workers never take the same one.
    Claim {
        /// Of which kind.
        kind: TaskKind,
        /// Jobs of which none is taken: those that the worker cannot work for.
        except: Vec<u64>,
        /// By whom.
        claim: Claim,
    },
    /// Tells that a worker is alive.
    Renew {
        /// Which task.
        key: TaskKey,
        /// The claim's id.
        claim: Box<str>,
        /// Until when.
        lease: Ticks,
    },
    /// Gives a task back. Without a message it is as if it had not been begun; with one, it has been tried.
    GiveBack {
        /// Which task.
        key: TaskKey,
        /// The claim's id.
        claim: Box<str>,
        /// Why.
        message: Option<Box<str>>,
    },
    /// A task is done: its result and what was found are kept at once, or, where the claim is no longer the worker's, not
    /// at all.
    Finish {
        /// Which task.
        key: TaskKey,
        /// The claim's id.
        claim: Box<str>,
        /// What came of it: a JSON object.
        result: Box<str>,
        /// What the job has found in it.
        found: Vec<FoundCredential>,
    },
    /// Puts payloads that are sealed with another key in the place of what they were; those of tasks that are done, or
    /// gone, are left out. A claim of a task stays what it is: who has it has read its payload.
    Reseal {
        /// Of which job.
        job: u64,
        /// The payloads, by the numbers of their tasks.
        payloads: Vec<(u64, Box<str>)>,
    },
    /// Has tasks that failed done again.
    Retry {
        /// Of which job.
        job: u64,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Done.
    Done,
    /// The task that was claimed.
    Claimed(Box<Task>),
    /// There is no task to claim, or the claim is no longer the worker's.
    None,
}
