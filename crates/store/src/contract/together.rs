//! Many at once, and the store's life: reopening, closing, checking.

use super::Harness;
use super::samples::{
    Snapshot, begin, create_event, create_user, delete_event, event_key, event_of, execute, id, new_event, snapshot,
    tenant, update_event, user_of,
};
use crate::{AdminCommand, Outcome, Source, Store, StoreError, WriteError};
use model::{
    Actor, Command, EventKind, NewId, NewRiskEvent, Precondition, Refusal, RiskEventDraft, RiskLevel, TenantKey,
};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// As many as a busy server has connections.
const TASKS: usize = 64;

type Answer = (Actor, Command, Result<Outcome, WriteError>);

/// Executes every list in a task of its own, all at once, each command with an actor of its own.
async fn all_at_once(store: &Arc<dyn Store>, lists: Vec<Vec<(TenantKey, Command)>>) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for (task, list) in lists.into_iter().enumerate() {
        let store = store.clone();
        tasks.spawn(async move {
            let mut answers = Vec::new();
            for (number, (tenant, command)) in list.into_iter().enumerate() {
                let actor = Actor { app: format!("task {task}").into(), user: Some(format!("{number}").into()) };
                let outcome = store.execute(tenant, actor.clone(), command.clone()).await;
                answers.push((actor, command, outcome));
            }
            answers
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

pub(super) async fn what_is_acknowledged_together_is_there(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let tenants = [first, tenant(harness, 2).await];
    let lists = (0..TASKS).map(|task| {
        let create = |number| create_event(new_event(&format!("e{task}-{number}")));
        (0..8).map(|number| (tenants[task % 2], create(number))).collect()
    });
    let answers = all_at_once(&store, lists.collect()).await;
    for tenant in tenants {
        assert_eq!(snapshot(&*store, tenant).await.changes.len(), TASKS * 8 / 2);
    }
    for (_, command, outcome) in answers {
        let Ok(Outcome::Event(event)) = outcome else { panic!("{command:?} came to {outcome:?}") };
        let key = event_key(event.id.as_str());
        let mut found = 0;
        for tenant in tenants {
            let loaded = store.load_event(tenant, &key).await.expect("reads go on");
            found += usize::from(loaded.as_ref() == Some(&*event));
        }
        assert_eq!(found, 1, "{} is there as it was answered, in one tenant", event.id);
    }
}

pub(super) async fn a_refusal_leaves_its_neighbours_alone(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("taken"))).await;
    user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
    let unknown = TenantKey(tenant.0 + 1);
    let lists = (0..TASKS).map(|task| {
        let good = |number| (tenant, create_event(new_event(&format!("e{task}-{number}"))));
        let bad = [
            (tenant, create_event(new_event("taken"))),
            (tenant, update_event("nobody", RiskEventDraft::default())),
            (unknown, create_event(new_event("taken"))),
            (tenant, delete_event("nobody")),
            (tenant, create_user(&format!("u{task}"), "MARA@fjord.example")),
        ];
        bad.into_iter().enumerate().flat_map(|(number, bad)| [bad, good(number)]).skip(task % 2).collect()
    });
    let answers = all_at_once(&store, lists.collect()).await;
    let after = snapshot(&*store, tenant).await;
    let mut carried_out = 0;
    for (actor, command, outcome) in answers {
        let expected = matches!(&command, Command::CreateEvent(new)
            if matches!(&new.id, NewId::Chosen(id) if id.as_str().starts_with('e')));
        assert_eq!(outcome.is_ok(), expected, "{command:?} came to {outcome:?}");
        if let Ok(Outcome::Event(event)) = outcome {
            carried_out += 1;
            let change = &after.changes[event.version as usize - 1];
            assert_eq!((&*change.entry.id, &change.actor), (event.id.as_str(), &actor), "each change with who made it");
        }
    }
    assert_eq!(carried_out, TASKS * 5);
    assert_eq!(after.changes.len(), TASKS * 5 + 2);
}

pub(super) async fn one_of_many_gets_a_contested_id(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let contest = |number: usize| {
        vec![
            (tenant, create_event(new_event("prize"))),
            (tenant, create_user(&format!("u{number}"), "Mara@fjord.example")),
        ]
    };
    let answers = all_at_once(&store, (0..TASKS).map(contest).collect()).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(.., outcome)| outcome.is_ok());
    assert_eq!(won.len(), 2, "one event, one user");
    for (_, command, outcome) in lost {
        let expected = match &command {
            Command::CreateEvent(_) => matches!(outcome, Err(WriteError::Refused(Refusal::IdTaken(_)))),
            _ => matches!(outcome, Err(WriteError::Refused(Refusal::NameTaken(_)))),
        };
        assert!(expected, "{command:?} came to {outcome:?}");
    }
    assert_eq!(snapshot(&*store, tenant).await.changes.len(), 2);
}

pub(super) async fn updates_at_once_lose_nothing(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("e1"))).await;
    // Each task says what it saw; one that was overtaken looks again.
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            loop {
                let event =
                    store.load_event(tenant, &event_key("e1")).await.expect("reads go on").expect("it is there");
                let patch = RiskEventDraft {
                    user_display_name: Some(format!("{}+{task}", event.user_display_name).into()),
                    ..RiskEventDraft::default()
                };
                let command = Command::UpdateEvent {
                    event: event_key("e1"),
                    precondition: super::samples::at_version(event.version),
                    patch: Box::new(patch),
                };
                match execute(&*store, tenant, command).await {
                    Ok(_) => return,
                    Err(WriteError::Refused(Refusal::PreconditionFailed { current })) => {
                        assert!(current > event.version);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    tasks.join_all().await;
    let event = store.load_event(tenant, &event_key("e1")).await.expect("reads go on").expect("it is there");
    let told: HashSet<&str> = event.user_display_name.split('+').skip(1).collect();
    assert_eq!((told.len(), event.version), (16, 17), "{}", event.user_display_name);
    snapshot(&*store, tenant).await;
}

pub(super) async fn reopening_keeps_everything(harness: &dyn Harness) {
    let (store, first) = begin(harness).await;
    let tenants = [first, tenant(harness, 2).await];
    for (tenant, kind) in tenants.into_iter().zip(EventKind::ALL) {
        for number in 0..20 {
            let new = NewRiskEvent { kind, ..new_event(&format!("e{number}")) };
            event_of(&*store, tenant, create_event(new)).await;
        }
        user_of(&*store, tenant, create_user("u1", "mara@fjord.example")).await;
        let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
        event_of(&*store, tenant, update_event("e3", patch)).await;
        execute(&*store, tenant, delete_event("e4")).await.expect("an event can be deleted");
    }
    let before = [snapshot(&*store, tenants[0]).await, snapshot(&*store, tenants[1]).await];
    let registry = store.registry().await.expect("the registry can be read");
    drop(store);
    for _ in 0..2 {
        harness.reopen().await;
        let store = harness.store();
        assert_eq!([snapshot(&*store, tenants[0]).await, snapshot(&*store, tenants[1]).await], before);
        assert_eq!(store.registry().await.expect("the registry can be read"), registry);
    }
    let store = harness.store();
    let next = event_of(&*store, first, create_event(new_event("next"))).await;
    assert_eq!(next.version, before[0].changes.len() as u64 + 1, "numbers go on where they were");
}

pub(super) async fn a_closed_store_refuses_politely(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("e1"))).await;
    // Those who ask while it closes are carried out or refused, and either way answered.
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut done = 0;
            for number in 0.. {
                match execute(&*store, tenant, create_event(new_event(&format!("e{task}-{number}")))).await {
                    Ok(_) => done += 1,
                    Err(WriteError::Store(StoreError::Stopped(_))) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            done
        });
    }
    while store.totals(tenant).await.expect("reads go on").iter().map(|(_, count)| count).sum::<u64>() < 100 {
        tokio::task::yield_now().await;
    }
    store.close().await;
    let done: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(store.failure(), None, "closing is no failure");
    let refused = execute(&*store, tenant, create_event(new_event("e2"))).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Stopped(_)))), "{refused:?}");
    let refused = store.administer(AdminCommand::RaiseEpoch).await;
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Stopped(_)))), "{refused:?}");
    let refused = store.load_event(tenant, &event_key("e1")).await;
    assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    let refused = store.totals(tenant).await;
    assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    let refused = store.registry_epoch().await;
    assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    store.close().await; // once more is no fault
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    assert_eq!(snapshot(&*store, tenant).await.changes.len(), done + 1, "what was acknowledged, and nothing else");
}

pub(super) async fn a_sound_store_checks_as_sound(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    for number in 0..20 {
        event_of(&*store, tenant, create_event(new_event(&format!("e{number}")))).await;
    }
    execute(&*store, tenant, delete_event("e7")).await.expect("an event can be deleted");
    let set =
        Command::SetImpactedUser { event: event_key("e1"), precondition: Precondition::default(), user: id("u2") };
    event_of(&*store, tenant, set).await;
    let findings = store.check().await.expect("the store can be checked");
    assert!(!findings.is_empty());
    let excused = harness.unsound();
    let unsound: Vec<_> =
        findings.iter().filter(|finding| !finding.sound && !excused.contains(&finding.subject)).collect();
    assert!(unsound.is_empty(), "{unsound:?}");
    assert_eq!(Snapshot::take(&*store, tenant).await.events.len(), 19);
    let (all, _) = super::samples::page(&*store, tenant, Source::Events(None), None, 100).await;
    assert_eq!(all.len(), 19);
}
