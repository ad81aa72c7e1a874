//! What follows from decisions: totals that equal a recount, change entries that say what changed.

use crate::samples::{
    USER_BODY, at, changed, event, id, if_match, key, new_event, patch, update, update_user, user, user_draft,
    with_event, with_user,
};
use model::edm::{event as at_event, user as at_user};
use model::{
    Account, AccountChange, AccountEntry, AccountKey, AccountName, ChangeEntry, ChangeKind, ChangedSet, Command,
    Decision, Effect, EventKey, EventKind, Evidence, Finding, FoundCredential, MatchClass, Moment, NewId, Precondition,
    Refusal, RiskEvent, RiskEventDraft, RiskEventStatus, RiskLevel, RiskyUser, SealedVerifiers, State, Step, Ticks,
    Total, User, UserKey, Verdict, decide,
};
use odata::encode::Row as _;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// A store in a few lines.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) events: BTreeMap<String, RiskEvent>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) risky: BTreeMap<String, RiskyUser>,
    accounts: BTreeMap<AccountKey, Account>,
    evidence: BTreeMap<String, Vec<Evidence>>,
    /// Everything that was written.
    pub(crate) steps: Vec<Step>,
    totals: HashMap<Total, i64>,
    sequence: u64,
}

impl Memory {
    fn user(&self, key: &UserKey) -> Option<User> {
        match key {
            UserKey::Id(id) => self.users.get(id.as_str()).cloned(),
            UserKey::PrincipalName(name) => self.users.values().find(|user| user.folded_name() == *name).cloned(),
        }
    }

    pub(crate) fn load(&self, command: &Command) -> State {
        let touches = command.touches();
        let mut state = State {
            event: touches.event.and_then(|id| self.events.get(id.as_str()).cloned()),
            user: touches.user.and_then(|key| self.user(&key)),
            namesake: touches.name.and_then(|name| self.user(&UserKey::PrincipalName(name))),
            account: touches.account.and_then(|key| self.accounts.get(&key).cloned()),
            ..State::default()
        };
        let user = state.account.as_ref().map(|account| UserKey::Id(account.user.clone()));
        state.account_user = user.and_then(|key| self.user(&key));
        let ids: Vec<String> = command.concerns(&state).into_iter().map(str::to_owned).collect();
        for id in ids {
            match self.risky.get(&id) {
                Some(user) => state.risky_users.push(user.clone()),
                None => state.directory.extend(self.users.get(&id).cloned()),
            }
            if command.needs_open_events() {
                let open = |event: &&RiskEvent| *event.user_id == *id && event.risk_event_status.is_open();
                state.open.extend(self.events.values().filter(open).cloned());
            }
            if command.needs_accounts() {
                state.accounts.extend(self.accounts.values().filter(|account| account.user.as_str() == id).cloned());
            }
        }
        if command.needs_evidence()
            && let Some(event) = &state.event
        {
            state.evidence = self.evidence.get(event.id.as_str()).cloned().unwrap_or_default();
        }
        state
    }

    pub(crate) fn run(&mut self, command: &Command) {
        let moment = Moment { sequence: self.sequence + 1, ..at(self.sequence + 1) };
        let decision = decide(command.clone(), self.load(command), moment);
        let Ok(Decision::Change(steps) | Decision::Noted(steps, _)) = decision else { return };
        for step in steps {
            self.write(&step);
            self.steps.push(step);
        }
    }

    fn write(&mut self, step: &Step) {
        self.sequence += 1;
        assert_eq!(step.moment.sequence, self.sequence);
        for (total, by) in step.totals() {
            *self.totals.entry(total).or_default() += by;
        }
        if let Some(risk) = &step.risk {
            let old = self.risky.insert(risk.after.id.to_string(), risk.after.clone());
            assert_eq!((&old, risk.after.version), (&risk.before, self.sequence));
        }
        self.write_beside(step);
        let entry = step.entry();
        let (set, kind) = match &step.effect {
            Effect::InsertEvent(event) => {
                assert!(self.events.insert(event.id.as_str().to_owned(), event.clone()).is_none());
                assert_eq!(event.version, self.sequence);
                (ChangedSet::RiskEvents, ChangeKind::Created)
            }
            Effect::ReplaceEvent { before, after } => {
                let old = self.events.insert(after.id.as_str().to_owned(), after.clone());
                assert_eq!((old.as_ref(), after.version), (Some(before), self.sequence));
                assert_eq!((&before.id, before.created_date_time), (&after.id, after.created_date_time));
                (ChangedSet::RiskEvents, ChangeKind::Updated)
            }
            Effect::RemoveEvent(event) => {
                assert_eq!(self.events.remove(event.id.as_str()).as_ref(), Some(event));
                (ChangedSet::RiskEvents, ChangeKind::Deleted)
            }
            Effect::InsertUser(user) => {
                assert!(self.users.insert(user.id().to_string(), user.clone()).is_none());
                (ChangedSet::Users, ChangeKind::Created)
            }
            Effect::ReplaceUser { before, after } => {
                let old = self.users.insert(after.id().to_string(), after.clone());
                assert_eq!((old.as_ref(), after.version()), (Some(before), self.sequence));
                (ChangedSet::Users, ChangeKind::Updated)
            }
            Effect::RemoveUser(user) => {
                assert_eq!(self.users.remove(user.id().as_str()).as_ref(), Some(user));
                (ChangedSet::Users, ChangeKind::Deleted)
            }
            Effect::PutJob { .. } => unreachable!("no command here is a job's"),
            Effect::None if let Some(account) = &step.account => {
                let kind = match account {
                    AccountChange::Put { before: None, .. } => ChangeKind::Created,
                    AccountChange::Put { .. } => ChangeKind::Updated,
                    AccountChange::Remove(_) | AccountChange::Erase(_) => ChangeKind::Deleted,
                };
                assert_eq!((entry.set, entry.kind), (ChangedSet::Accounts, kind));
                return;
            }
            Effect::None => {
                assert!(step.risk.is_some(), "nothing changes");
                (ChangedSet::RiskyUsers, ChangeKind::Updated)
            }
        };
        assert_eq!((entry.set, entry.kind), (set, kind));
        match entry.kind {
            ChangeKind::Created => assert_eq!(entry.properties, i64::MAX as u64),
            ChangeKind::Updated => assert!(entry.properties != 0 && i64::try_from(entry.properties).is_ok()),
            ChangeKind::Deleted => assert_eq!(entry.properties, 0),
        }
    }

    /// Accounts and evidence.
    fn write_beside(&mut self, step: &Step) {
        match &step.account {
            Some(AccountChange::Put { before, after, verifiers }) => {
                let old = self.accounts.insert(after.key.clone(), (**after).clone());
                assert_eq!((old.as_ref(), after.version), (before.as_deref(), self.sequence));
                if let Some(verifiers) = verifiers {
                    let mark = after.verifiers.expect("verifiers are marked");
                    assert_eq!((mark.number, mark.tag), (self.sequence, verifiers.tag));
                }
            }
            Some(AccountChange::Remove(account)) => {
                assert_eq!(self.accounts.remove(&account.key).as_ref(), Some(&**account));
            }
            Some(AccountChange::Erase(user)) => self.accounts.retain(|_, account| account.user != *user),
            None => {}
        }
        if let (Some(told), Effect::InsertEvent(event) | Effect::ReplaceEvent { after: event, .. }) =
            (&step.evidence, &step.effect)
        {
            let all = self.evidence.entry(event.id.to_string()).or_default();
            all.retain(|item| !told.written.iter().any(|written| written.id() == item.id()));
            all.extend(told.written.iter().cloned());
            all.sort_by_key(|item| item.id().parse::<u32>().expect("ids are places"));
        }
        if let Effect::RemoveEvent(event) = &step.effect {
            self.evidence.remove(event.id.as_str());
        }
    }

    fn recounted(&self) -> HashMap<Total, i64> {
        let mut totals: HashMap<Total, i64> = HashMap::new();
        for event in self.events.values() {
            let total = Total::Events(event.kind, event.risk_level, event.risk_event_status);
            *totals.entry(total).or_default() += 1;
        }
        totals.insert(Total::Users, self.users.len() as i64);
        for user in self.risky.values() {
            *totals.entry(Total::RiskyUsers(user.risk.level, user.risk.state)).or_default() += 1;
        }
        totals
    }
}

fn any_level() -> impl Strategy<Value = RiskLevel> {
    (0i64..6).prop_map(|value| RiskLevel::from_value(value).unwrap())
}

fn any_status() -> impl Strategy<Value = RiskEventStatus> {
    (0i64..8).prop_map(|value| RiskEventStatus::from_value(value).unwrap())
}

fn any_key() -> impl Strategy<Value = EventKey> {
    let kind = prop_oneof![3 => Just(None), 1 => Just(Some(EventKind::LeakedCredentials))];
    ("[abc]", kind).prop_map(|(text, kind)| EventKey { id: id(&text), kind })
}

fn any_user() -> impl Strategy<Value = UserKey> {
    "[abc]|[aAbB]@x".prop_map(|text| UserKey::parse(&text).unwrap())
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Verdict::Dismiss), Just(Verdict::ConfirmCompromised), Just(Verdict::ConfirmSafe)]
}

fn any_precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![5 => Just(Precondition::default()), 1 => Just(if_match(&[1, 2, 3]))]
}

/// A command of a job, about the same users and events.
fn any_of_a_job() -> impl Strategy<Value = Command> {
    let key = || ("[st]", "[abc]").prop_map(|(source, key)| AccountKey { source: source.into(), key: key.into() });
    let put = (key(), "[abc]", "[aAbBcC]@x", prop::option::of(0u8..3)).prop_map(|(key, new, name, tag)| {
        let draft = user_draft(&USER_BODY.replace("Mara@fjord.example", &name));
        Command::PutAccount(Box::new(AccountEntry {
            job: 1,
            key,
            matched: None,
            new_id: id(&new),
            draft,
            name_if_new: None,
            names: vec![AccountName { attribute: "mail".into(), value: name.into() }],
            is_administrator: None,
            verifiers: tag.map(|tag| SealedVerifiers { tag: [tag; 16], sealed: [tag].into() }),
        }))
    });
    let classes = [MatchClass::Pair, MatchClass::Similar, MatchClass::AddressOnly];
    let finding =
        ("[abc]", "[abc]", "[st]", 0usize..3, any::<bool>()).prop_map(move |(event, user, source, class, is_newer)| {
            let finding = Finding {
                source: source.into(),
                match_class: classes[class],
                matched_attribute: None,
                matched_rule: None,
            };
            let time = at(1).now;
            let found = FoundCredential {
                user: id(&user),
                fingerprint: [1; 32],
                finding,
                proof: None,
                as_of: if is_newer { at(1_000).now } else { Ticks::default() },
                leaked: None,
                first_seen: time,
                last_seen: time,
                occurrences: 1,
                place: None,
                candidate: None,
            };
            Command::RaiseFinding { job: 1, id: id(&event), created: time, found: Box::new(found) }
        });
    prop_oneof![
        3 => put,
        1 => key().prop_map(|account| Command::RemoveAccount { job: 1, account }),
        2 => ("[abc]").prop_map(|user| Command::Remediate { job: 1, user: id(&user), closed: at(1).now }),
        4 => finding,
    ]
}

pub(crate) fn any_command() -> impl Strategy<Value = Command> {
    let create = ("[abc]", any::<bool>(), any_level(), any_status()).prop_map(|(name, leaked, level, status)| {
        let mut new = new_event(status);
        new.kind = if leaked { EventKind::LeakedCredentials } else { EventKind::IdentityRisk };
        (new.id, new.risk_level, new.user_id) = (NewId::Chosen(id(&name)), level, name.into());
        Command::CreateEvent(Box::new(new))
    });
    let draft = (
        prop::option::of(any_level()),
        prop::option::of(any_status()),
        prop::option::of(prop::option::of("[abc]".prop_map(Box::from))),
        prop::option::of("[abc]".prop_map(|text| id(&text))),
    );
    let draft = draft.prop_map(|(risk_level, risk_event_status, impacted_user, id)| RiskEventDraft {
        id,
        risk_level,
        risk_event_status,
        impacted_user,
        ..RiskEventDraft::default()
    });
    let patch = (any_key(), any_precondition(), draft).prop_map(|(event, precondition, patch)| Command::UpdateEvent {
        event,
        precondition,
        patch: Box::new(patch),
    });
    let user_body = ("[aAbBcC]@x", "[abc]").prop_map(|(name, mail)| {
        user_draft(&USER_BODY.replace("Mara@fjord.example", &name).replacen('{', &format!(r#"{{"mail":"{mail}","#), 1))
    });
    let create_user = ("[abc]", user_body.clone())
        .prop_map(|(name, draft)| Command::CreateUser { id: id(&name), draft: Box::new(draft) });
    let patch_user = (any_user(), any_precondition(), user_body)
        .prop_map(|(user, precondition, patch)| Command::UpdateUser { user, precondition, patch: Box::new(patch) });
    prop_oneof![
        3 => create,
        4 => patch,
        1 => (any_key(), any_precondition())
            .prop_map(|(event, precondition)| Command::DeleteEvent { event, precondition }),
        1 => (any_key(), any_precondition(), "[abc]").prop_map(|(event, precondition, user)| {
            Command::SetImpactedUser { event, precondition, user: id(&user) }
        }),
        1 => (any_key(), any_precondition())
            .prop_map(|(event, precondition)| Command::ClearImpactedUser { event, precondition }),
        6 => any_of_a_job(),
        2 => create_user,
        2 => patch_user,
        1 => (any_user(), any_precondition())
            .prop_map(|(user, precondition)| Command::DeleteUser { user, precondition }),
        2 => (any_verdict(), prop::collection::btree_set("[abc]".prop_map(Box::from), 1..3), any::<u64>()).prop_map(
            |(verdict, users, chance)| Command::Judge { verdict, users: users.into_iter().collect(), chance }
        ),
    ]
}

proptest! {
    #[test]
    fn totals_equal_a_recount_and_names_stay_unique(commands in prop::collection::vec(any_command(), 0..60)) {
        let mut memory = Memory::default();
        for command in commands {
            memory.run(&command);
            let mut names: Vec<_> = memory.users.values().map(|user| user.folded_name().as_str().to_owned()).collect();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), memory.users.len());
            let mut kept = memory.totals.clone();
            let mut counted = memory.recounted();
            kept.retain(|_, count| *count != 0);
            counted.retain(|_, count| *count != 0);
            prop_assert_eq!(kept, counted);
        }
    }

    #[test]
    fn an_open_event_made_or_moved_by_status_alone_is_never_closed_in_the_past(
        statuses in prop::collection::vec(any_status(), 1..10),
    ) {
        let mut event = event(statuses[0], None);
        for (number, status) in statuses[1..].iter().enumerate() {
            let draft = RiskEventDraft { risk_event_status: Some(*status), ..RiskEventDraft::default() };
            let moment = at(number as u64 + 2);
            match decide(update(draft, Precondition::default()), with_event(&event), moment).unwrap() {
                decision @ Decision::Change(_) => match changed(Ok(decision)) {
                    Effect::ReplaceEvent { after, .. } => event = after,
                    other => panic!("{other:?}"),
                },
                Decision::UnchangedEvent(_) => prop_assert_eq!(event.risk_event_status, *status),
                other => unreachable!("an event was asked for: {other:?}"),
            }
            if *status == RiskEventStatus::Active {
                prop_assert_eq!(event.closed_date_time, None);
            }
            prop_assert!(event.closed_date_time.is_none_or(|closed| closed <= moment.now));
        }
    }
}

/// The first entry of what is written.
fn entry(decision: Result<Decision, Refusal>) -> ChangeEntry {
    match decision {
        Ok(Decision::Change(steps)) => steps[0].entry(),
        other => panic!("no change: {other:?}"),
    }
}

#[test]
fn change_entries_name_the_properties_that_differ() {
    let before = event(RiskEventStatus::Active, None);
    let bits = |positions: &[usize]| positions.iter().fold(0u64, |bits, at| bits | 1 << at);
    for (json, positions) in [
        (r#"{"userDisplayName":"x"}"#, &[at_event::USER_DISPLAY_NAME][..]),
        (r#"{"userPrincipalName":"x"}"#, &[at_event::USER_PRINCIPAL_NAME]),
        (r#"{"riskEventDateTime":"2000-01-01T00:00:00Z"}"#, &[at_event::RISK_EVENT_DATE_TIME]),
        (r#"{"riskEventType":"x"}"#, &[at_event::RISK_EVENT_TYPE]),
        (r#"{"riskLevel":"low"}"#, &[at_event::RISK_LEVEL]),
        (r#"{"closedDateTime":"2000-01-01T00:00:00Z"}"#, &[at_event::CLOSED_DATE_TIME]),
        (r#"{"userId":"x"}"#, &[at_event::USER_ID]),
        (r#"{"riskEventStatus":"loginBlocked"}"#, &[at_event::RISK_EVENT_STATUS]),
        (
            r#"{"riskEventStatus":"remediated"}"#,
            &[at_event::RISK_EVENT_STATUS, at_event::CLOSED_DATE_TIME, at_event::RISK_DETAIL],
        ),
        (r#"{"riskLevel":"high","userId":"u1","riskEventType":"x"}"#, &[at_event::RISK_EVENT_TYPE]),
    ] {
        let entry = entry(decide(update(patch(json), Precondition::default()), with_event(&before), at(9)));
        assert_eq!((entry.set, entry.kind, &*entry.id), (ChangedSet::RiskEvents, ChangeKind::Updated, "e1"));
        assert_eq!(entry.properties, bits(positions), "{json}");
    }
    let set = Command::SetImpactedUser { event: key(None), precondition: Precondition::default(), user: id("u2") };
    let of_set = entry(decide(set, with_event(&before), at(9)));
    assert_eq!(of_set.properties, bits(&[at_event::USER_ID, at_event::IMPACTED_USER]));
    let clear = Command::ClearImpactedUser { event: key(None), precondition: Precondition::default() };
    let of_clear = entry(decide(clear, with_event(&before), at(9)));
    assert_eq!(of_clear.properties, bits(&[at_event::IMPACTED_USER]));

    let mara = user();
    let json = r#"{"displayName":"x","userPrincipalName":"x@y"}"#;
    let command = update_user(json, Precondition::default());
    let of_user = entry(decide(command, with_user(&mara, None), at(9)));
    assert_eq!((of_user.set, of_user.kind, &*of_user.id), (ChangedSet::Users, ChangeKind::Updated, "u1"));
    assert_eq!(of_user.properties, bits(&[at_user::DISPLAY_NAME, at_user::USER_PRINCIPAL_NAME]));
}

#[test]
fn sets_and_kinds_are_kept_by_number() {
    for set in
        [ChangedSet::RiskEvents, ChangedSet::Users, ChangedSet::RiskyUsers, ChangedSet::Accounts, ChangedSet::Jobs]
    {
        assert_eq!(ChangedSet::from_value(set as i64), Some(set));
    }
    for kind in [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Deleted] {
        assert_eq!(ChangeKind::from_value(kind as i64), Some(kind));
    }
    assert_eq!((ChangedSet::from_value(0), ChangeKind::from_value(0)), (None, None));
    assert_eq!((ChangedSet::from_value(6), ChangeKind::from_value(4)), (None, None));
}
