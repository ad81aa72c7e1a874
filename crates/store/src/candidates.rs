//! What becomes of candidates: passwords that wait to be checked, and those that are kept for users who come later. As
//! with tasks these changes stand in no log.

use model::{CandidateKey, Claim, Judgement, QueuedCandidate, RetainedCandidate, Sealed, Ticks};

/// How often a candidate is begun together with others.
pub const AGAIN: u32 = 2;

/// A change of the queue of candidates. They come into it with what jobs find ([`model::FoundCredential::candidate`]).
#[derive(Clone, Debug)]
pub enum CandidateCommand {
    /// Takes candidates, the most urgent first, for which a finding of a job waits that is running or waiting: those that
    /// nobody is at, or whose worker was not heard of until its lease lapsed. Two workers never take the same one.
    Claim {
        /// At most so many.
        limit: u32,
        /// Only those of a job.
        job: Option<u64>,
        /// Only those that were begun [`AGAIN`] times or more, which are to be checked with nothing else in hand: what a
        /// worker dies at takes others down with it no more. Without it, only the others.
        is_alone: bool,
        /// By whom.
        claim: Claim,
    },
    /// Tells that a worker is alive; what is no longer its own is left out.
    Renew {
        /// The claim's id.
        claim: Box<str>,
        /// Which candidates.
        keys: Vec<CandidateKey>,
        /// Until when.
        lease: Ticks,
    },
    /// A worker is dead, as another process knows that has taken over what it was at: its leases lapse now.
    Lapse {
        /// Who it was ([`Claim::holder`]). What it has begun for the last time is left to it until its lease lapses: it
        /// may be alive after all, and nobody else is to begin that.
        holder: Box<str>,
        /// Now.
        now: Ticks,
    },
    /// Gives candidates back. Without a message it is as if they had not been begun; with one they have been tried, and
    /// after [`model::MOST_ATTEMPTS`] of these they are given up: the password is gone, and what waits for them stays
    /// undecided ([`Undecided`]).
    GiveBack {
        /// The claim's id.
        claim: Box<str>,
        /// Which candidates.
        keys: Vec<CandidateKey>,
        /// Why.
        message: Option<Box<str>>,
    },
    /// Candidates are decided: what waits for one that is current is from now on what its job has found, what waits for
    /// another one is gone, and so are the passwords. What is no longer the worker's is left as it is.
    Decide {
        /// The claim's id.
        claim: Box<str>,
        /// What was decided.
        judged: Vec<(CandidateKey, Judgement)>,
    },
    /// A job is not to be ended any more: what it waits for is gone, and the candidates that nobody else waits for.
    Drop {
        /// The job.
        job: u64,
    },
    /// Puts passwords that are sealed with another key in the place of what they were. Those that are gone are left out.
    Reseal(Vec<(CandidateKey, Sealed)>),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateOutcome {
    /// The candidates that were claimed, the most urgent first.
    Claimed(Vec<QueuedCandidate>),
    /// So many candidates were changed.
    Changed(u64),
}

/// A change of what is kept for users who come later.
#[derive(Clone, Debug)]
pub enum RetentionCommand {
    /// Keeps candidates; one that is there already is replaced by one that is forgotten later.
    Keep(Vec<RetainedCandidate>),
    /// Forgets those whose time is over.
    Expire {
        /// Now.
        now: Ticks,
    },
    /// Puts others, sealed with another key, in their place; those that are gone are left out.
    Reseal(Vec<RetainedCandidate>),
}

/// Candidates that could not be checked, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Why.
    pub why: Box<str>,
    /// How many.
    pub candidates: u64,
    /// At how many places of the material they stand.
    pub places: u64,
}

impl Undecided {
    /// The first reasons as they are, and all the others as one.
    pub fn most_frequent<E>(reasons: impl IntoIterator<Item = Result<Self, E>>) -> Result<Vec<Self>, E> {
        const MOST: usize = 20;
        let mut first: Vec<Self> = Vec::new();
        for reason in reasons {
            let reason = reason?;
            if let Some(others) = first.get_mut(MOST) {
                others.candidates += reason.candidates;
                others.places += reason.places;
            } else {
                let is_last = first.len() == MOST;
                first.push(if is_last { Self { why: "other reasons".into(), ..reason } } else { reason });
            }
        }
        Ok(first)
    }
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Candidates that wait to be checked, also those that workers are at.
    pub candidates: u64,
    /// Of these, those that workers are at, or were when they died.
    pub claimed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_reasons_the_last_are_one_and_nothing_is_left_out() {
        let reason = |number: u64| Undecided { why: format!("reason {number}").into(), candidates: number, places: 2 };
        for many in [0, 1, 20, 21, 500] {
            let told = Undecided::most_frequent((0..many).map(|number| Ok::<_, ()>(reason(number)))).expect("no error");
            assert_eq!(told.len() as u64, many.min(21));
            assert_eq!(told.iter().map(|told| told.candidates).sum::<u64>(), (0..many).sum::<u64>());
            assert_eq!(told.iter().map(|told| told.places).sum::<u64>(), 2 * many);
            assert_eq!(told.get(20).map(|told| &*told.why), (many > 20).then_some("other reasons"));
        }
    }
}
