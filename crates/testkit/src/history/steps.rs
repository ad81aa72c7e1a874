//! What clients did to an event, and what it may have become by that.

use std::collections::BTreeSet;

/// The status of an event that is open.
const OPEN: &str = "active";
/// The status that `dismiss` gives to those that are.
const DISMISSED: &str = "dismissedAsIgnore";
/// The statuses that clients set, in turn.
const STATUSES: [&str; 3] = ["remediated", "dismissedAsFalsePositive", OPEN];

/// What of an event changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Which PATCH was the last one; 0 before the first.
    pub version: u32,
    /// `riskEventStatus`.
    pub status: &'static str,
}

/// What a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Its creation, open.
    Create,
    /// A PATCH, with its number.
    Patch(u32),
    /// `dismiss` of its user.
    Dismiss,
}

impl What {
    /// The status that a PATCH sets.
    pub(super) fn status(version: u32) -> &'static str {
        STATUSES[(version as usize + 2) % STATUSES.len()]
    }

    fn done_to(self, state: Option<&State>) -> Option<State> {
        match (self, state) {
            (Self::Create, None) => Some(State { version: 0, status: OPEN }),
            (Self::Patch(version), Some(_)) => Some(State { version, status: Self::status(version) }),
            (Self::Dismiss, Some(state)) if state.status == OPEN => {
                Some(State { version: state.version, status: DISMISSED })
            }
            (_, state) => state.cloned(),
        }
    }
}

/// A request about an event, and what is known of its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What was asked for.
    pub what: What,
    /// Whether it was answered with success.
    pub is_acknowledged: bool,
    /// The number of the change, from the ETag.
    pub change: Option<u64>,
    /// Whether it may have been carried out later than the steps that follow.
    pub may_come_late: bool,
}

/// An event as its client knows it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its sign-in name, by which it is known when its id is not.
    pub name: String,
    /// The id, as the client chose it or was told.
    pub id: Option<String>,
    /// The user's id.
    pub user: String,
    /// What was done to it, in this order.
    pub steps: Vec<Step>,
}

impl Event {
    /// What it may be now, `None` for not there, when changes after `end` were lost.
    pub fn may_be(&self, end: Option<u64>) -> BTreeSet<Option<State>> {
        let mut states = BTreeSet::from([None]);
        let mut late: Vec<What> = Vec::new();
        for step in &self.steps {
            if step.is_lost(end) {
                continue;
            }
            let after: Vec<_> = states.iter().map(|state| step.what.done_to(state.as_ref())).collect();
            if step.is_acknowledged {
                states.clear();
            } else if step.may_come_late {
                late.push(step.what);
            }
            states.extend(after);
            loop {
                let more = states.iter().flat_map(|state| late.iter().map(|what| what.done_to(state.as_ref())));
                let more: Vec<_> = more.filter(|state| !states.contains(state)).collect();
                if more.is_empty() {
                    break;
                }
                states.extend(more);
            }
        }
        states
    }
}

impl Step {
    /// Whether it was acknowledged and lies behind the end of what was left.
    pub fn is_lost(&self, end: Option<u64>) -> bool {
        self.is_acknowledged && end.is_some_and(|end| self.change.is_some_and(|change| change > end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(steps: &[(What, bool, Option<u64>, bool)]) -> Event {
        let step =
            |&(what, is_acknowledged, change, may_come_late)| Step { what, is_acknowledged, change, may_come_late };
        Event { name: "n".into(), id: None, user: "u".into(), steps: steps.iter().map(step).collect() }
    }

    fn versions(event: &Event, end: Option<u64>) -> Vec<Option<u32>> {
        event.may_be(end).into_iter().map(|state| state.map(|state| state.version)).collect()
    }

    #[test]
    fn only_what_nobody_answered_is_open() {
        let mut steps = vec![(What::Create, true, Some(4), false), (What::Patch(1), true, Some(7), false)];
        assert_eq!(versions(&event(&steps), None), [Some(1)]);
        assert_eq!(versions(&event(&steps), Some(6)), [Some(0)], "the change after the end is lost");
        assert_eq!(versions(&event(&steps), Some(3)), [None]);
        steps.push((What::Patch(2), false, None, false));
        assert_eq!(versions(&event(&steps), None), [Some(1), Some(2)]);
        steps.push((What::Patch(3), true, Some(9), false));
        assert_eq!(versions(&event(&steps), None), [Some(3)]);
        steps[2].3 = true;
        assert_eq!(versions(&event(&steps), None), [Some(2), Some(3)], "it may have come after the third");
        assert_eq!(versions(&event(&[(What::Create, false, None, false)]), None), [None, Some(0)]);
    }

    #[test]
    fn dismissing_closes_what_is_open() {
        let steps = [(What::Create, true, Some(1), false), (What::Dismiss, true, None, false)];
        let states: Vec<_> = event(&steps).may_be(None).into_iter().flatten().map(|state| state.status).collect();
        assert_eq!(states, [DISMISSED]);
        let closed = [steps[0], (What::Patch(1), true, Some(2), false), steps[1]];
        let states: Vec<_> = event(&closed).may_be(None).into_iter().flatten().map(|state| state.status).collect();
        assert_eq!(states, [What::status(1)]);
    }
}
