//! Users at risk: what they are always equals what a fold over everything that was written gives.

use crate::effects::{Memory, any_command};
use crate::samples::{at, id, new_event};
use model::{
    Activity, Command, Decision, Effect, EventKey, EventKind, NewId, Precondition, Refusal, Risk, RiskDetail,
    RiskEvent, RiskEventDraft, RiskEventStatus as Status, RiskLevel as Level, RiskState, Step, Verdict, decide,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What is known of a user when all is read from the start.
#[derive(Default)]
struct Folded {
    events: BTreeMap<String, RiskEvent>,
    last: (RiskState, RiskDetail),
    items: Vec<u64>,
}

impl Folded {
    fn risk(&self) -> Risk {
        let open: Vec<&RiskEvent> = self.events.values().filter(|event| event.risk_event_status.is_open()).collect();
        let compromised = RiskDetail::AdminConfirmedUserCompromised;
        if open.iter().any(|event| event.risk_detail == compromised) {
            return Risk { level: Level::High, state: RiskState::ConfirmedCompromised, detail: compromised };
        }
        if let Some(level) = open.iter().map(|event| event.risk_level).max_by_key(|level| rank(*level)) {
            return Risk { level, state: RiskState::AtRisk, detail: RiskDetail::None };
        }
        if self.events.is_empty() {
            return Risk::NONE;
        }
        Risk { level: Level::None, state: self.last.0, detail: self.last.1 }
    }

    fn closed_by(&mut self, event: &RiskEvent) {
        if !event.risk_event_status.is_open() {
            self.last = (event.risk_event_status.state(event.risk_detail), event.risk_detail);
        }
    }
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Hidden => 0,
        Level::None => 1,
        Level::UnknownFutureValue => 2,
        Level::Low => 3,
        Level::Medium => 4,
        Level::High => 5,
    }
}

/// Reads everything that was written, from the start.
fn fold(steps: &[Step]) -> BTreeMap<String, Folded> {
    let mut users: BTreeMap<String, Folded> = BTreeMap::new();
    let mut of = |user: &str, with: &mut dyn FnMut(&mut Folded)| with(users.entry(user.to_owned()).or_default());
    for step in steps {
        match &step.effect {
            Effect::InsertEvent(event) => of(&event.user_id, &mut |user| {
                user.closed_by(event);
                user.events.insert(event.id.to_string(), event.clone());
            }),
            Effect::ReplaceEvent { before, after } => {
                let moves = before.user_id != after.user_id;
                of(&before.user_id, &mut |user| drop(user.events.remove(before.id.as_str())));
                of(&after.user_id, &mut |user| {
                    if moves || before.risk_event_status != after.risk_event_status {
                        user.closed_by(after);
                    }
                    user.events.insert(after.id.to_string(), after.clone());
                });
            }
            Effect::RemoveEvent(event) => of(&event.user_id, &mut |user| drop(user.events.remove(event.id.as_str()))),
            Effect::InsertUser(_)
            | Effect::ReplaceUser { .. }
            | Effect::RemoveUser(_)
            | Effect::PutJob { .. }
            | Effect::None => {}
        }
        if let Some(risk) = &step.risk
            && let Some(item) = &risk.item
        {
            of(&risk.after.id, &mut |user| {
                assert_eq!(item.previous, user.items.last().copied(), "the chain is whole");
                user.items.push(step.moment.sequence);
                // A verdict that closes is a transition of its own, also where nothing was open.
                let is_verdict = matches!(step.effect, Effect::None) && item.activity.detail.is_some();
                if is_verdict && item.risk.state != RiskState::ConfirmedCompromised {
                    user.last = (item.risk.state, item.risk.detail);
                }
            });
        }
    }
    users
}

proptest! {
    #[test]
    fn users_at_risk_equal_a_fold_over_everything(commands in prop::collection::vec(any_command(), 0..80)) {
        let mut memory = Memory::default();
        for command in commands {
            memory.run(&command);
        }
        let folded = fold(&memory.steps);
        let at_risk = folded.iter().filter(|(_, user)| !user.items.is_empty()).count();
        prop_assert_eq!(at_risk, memory.risky.len());
        for (id, user) in &memory.risky {
            let folded = &folded[id];
            prop_assert_eq!(user.risk, folded.risk(), "{}", id);
            prop_assert_eq!(user.events as usize, folded.events.len());
            prop_assert_eq!(user.newest, folded.items.last().copied());
            if let Some(directory) = memory.users.get(id) {
                prop_assert_eq!(&*user.user_principal_name, directory.user_principal_name());
                prop_assert_eq!(&*user.user_display_name, directory.display_name());
                prop_assert!(!user.is_deleted);
            } else {
                prop_assert_eq!(user.is_deleted, user.is_known);
            }
        }
    }
}

fn raise(memory: &mut Memory, name: &str, user: &str, level: Level) {
    let mut new = new_event(Status::Active);
    (new.id, new.risk_level, new.user_id) = (NewId::Chosen(id(name)), level, user.into());
    memory.run(&Command::CreateEvent(Box::new(new)));
}

fn judge(memory: &mut Memory, verdict: Verdict, user: &str) {
    memory.run(&Command::Judge { verdict, users: vec![user.into()], chance: 7 });
}

fn set(memory: &mut Memory, name: &str, status: Status) {
    let event = EventKey { id: id(name), kind: None };
    let patch = RiskEventDraft { risk_event_status: Some(status), ..RiskEventDraft::default() };
    memory.run(&Command::UpdateEvent { event, precondition: Precondition::default(), patch: Box::new(patch) });
}

fn risk(level: Level, state: RiskState, detail: RiskDetail) -> Risk {
    Risk { level, state, detail }
}

#[test]
fn the_highest_open_level_counts_and_closing_lowers_it() {
    let mut memory = Memory::default();
    raise(&mut memory, "a", "u", Level::Medium);
    raise(&mut memory, "b", "u", Level::High);
    assert_eq!(memory.risky["u"].risk, risk(Level::High, RiskState::AtRisk, RiskDetail::None));
    set(&mut memory, "b", Status::Remediated);
    assert_eq!(memory.risky["u"].risk, risk(Level::Medium, RiskState::AtRisk, RiskDetail::None));
    set(&mut memory, "a", Status::ClosedMfaAuto);
    let passed = RiskDetail::UserPassedMfaDrivenByRiskBasedPolicy;
    assert_eq!(memory.risky["u"].risk, risk(Level::None, RiskState::Remediated, passed));
    let items: Vec<&Activity> =
        memory.steps.iter().map(|step| &step.risk.as_ref().unwrap().item.as_ref().unwrap().activity).collect();
    let reset = Some(RiskDetail::UserPerformedSecuredPasswordReset);
    assert_eq!(items.iter().map(|activity| activity.detail).collect::<Vec<_>>(), [None, None, reset, Some(passed)]);
}

#[test]
fn a_verdict_closes_what_is_open_and_is_given_once() {
    let mut memory = Memory::default();
    raise(&mut memory, "a", "u", Level::High);
    raise(&mut memory, "b", "u", Level::Low);
    judge(&mut memory, Verdict::Dismiss, "u");
    let (state, detail) = Verdict::Dismiss.outcome();
    assert_eq!(memory.risky["u"].risk, risk(Level::None, state, detail));
    for name in ["a", "b"] {
        let event = &memory.events[name];
        assert_eq!(event.risk_event_status, Status::DismissedAsIgnore);
        assert!(event.closed_date_time.is_some());
    }
    let written = memory.steps.len();
    judge(&mut memory, Verdict::Dismiss, "u");
    assert_eq!(memory.steps.len(), written);
    judge(&mut memory, Verdict::ConfirmSafe, "u");
    assert_eq!(memory.risky["u"].risk.state, RiskState::ConfirmedSafe);
    assert_eq!(memory.events["a"].risk_event_status, Status::DismissedAsIgnore, "closed before");
}

#[test]
fn a_confirmed_user_stays_so_until_the_events_are_closed() {
    let mut memory = Memory::default();
    raise(&mut memory, "a", "u", Level::Low);
    judge(&mut memory, Verdict::ConfirmCompromised, "u");
    let confirmed = risk(Level::High, RiskState::ConfirmedCompromised, RiskDetail::AdminConfirmedUserCompromised);
    assert_eq!(memory.risky["u"].risk, confirmed);
    assert_eq!(memory.events["a"].risk_event_status, Status::Active);
    raise(&mut memory, "b", "u", Level::Medium);
    set(&mut memory, "a", Status::LoginBlocked);
    assert_eq!(memory.risky["u"].risk, confirmed);
    set(&mut memory, "a", Status::Remediated);
    assert_eq!(memory.risky["u"].risk, risk(Level::Medium, RiskState::AtRisk, RiskDetail::None));
    set(&mut memory, "b", Status::Remediated);
    judge(&mut memory, Verdict::ConfirmCompromised, "u");
    assert_eq!(memory.risky["u"].risk, confirmed);
    let made: Vec<&RiskEvent> = memory.events.values().filter(|event| event.kind == EventKind::IdentityRisk).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(&*made[0].risk_event_type, "adminConfirmedUserCompromised");
}

#[test]
fn one_unknown_user_refuses_all() {
    let mut memory = Memory::default();
    raise(&mut memory, "a", "u", Level::High);
    let users: Vec<Box<str>> = vec!["u".into(), "x".into(), "y".into()];
    let command = Command::Judge { verdict: Verdict::Dismiss, users, chance: 0 };
    let state = memory.load(&command);
    assert_eq!(decide(command, state, at(9)), Err(Refusal::UnknownUsers(vec!["x".into(), "y".into()])));
    let command = Command::Judge { verdict: Verdict::ConfirmSafe, users: vec!["u".into()], chance: 0 };
    let state = memory.load(&command);
    assert!(matches!(decide(command, state, at(9)), Ok(Decision::Change(steps)) if steps.len() == 2));
}
