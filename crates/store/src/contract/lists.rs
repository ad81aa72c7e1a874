//! Lists of commands: all of one is carried out, or nothing.

use super::Harness;
use super::samples::{
    Dice, actor, at_version, begin, create_event, create_user, delete_event, delete_user, event_key, event_of, id,
    new_event, snapshot, update_event, update_user, user_of,
};
use crate::{ListError, Outcome, Store, StoreError, WriteError};
use model::{
    Actor, ChangeKind as K, ChangedSet as S, Command, NewRiskEvent, Precondition, Refusal, RiskEventDraft,
    RiskEventStatus, RiskLevel, TenantKey,
};
use odata::encode::Row as _;
use std::sync::Arc;
use tokio::task::JoinSet;

async fn all(store: &dyn Store, tenant: TenantKey, commands: Vec<Command>) -> Result<Vec<Outcome>, ListError> {
    store.execute_all(tenant, actor(), commands, None).await
}

/// Says where a list failed, and why.
fn refused(outcome: Result<Vec<Outcome>, ListError>) -> (usize, Refusal) {
    match outcome {
        Err(ListError { at, error: WriteError::Refused(refusal) }) => (at, refusal),
        other => panic!("came to {other:?} instead of a refusal"),
    }
}

pub(super) async fn each_command_of_a_list_sees_the_ones_before(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    let set =
        Command::SetImpactedUser { event: event_key("e1"), precondition: Precondition::default(), user: id("u1") };
    let patch = RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() };
    let conditional =
        Command::UpdateEvent { event: event_key("e1"), precondition: at_version(2), patch: Box::new(patch) };
    let commands = vec![
        create_user("u1", "mara@fjord.example"),
        create_event(NewRiskEvent { impacted_user: None, ..new_event("e1") }),
        set,
        update_event("e1", RiskEventDraft::default()),
        conditional,
        update_user("u1", r#"{"userPrincipalName":"mara.lind@fjord.example"}"#),
        create_user("u2", "MARA@fjord.example"),
        delete_user("mara.lind@fjord.example"),
    ];
    // The condition names the version of the create, and the reference has moved on since.
    let (at, refusal) = refused(all(&*store, tenant, commands.clone()).await);
    assert_eq!((at, refusal), (4, Refusal::PreconditionFailed { current: 3 }));
    assert_eq!(snapshot(&*store, tenant).await.changes, [], "nothing of it is left");

    let mut commands = commands;
    commands[4] = update_event("e1", RiskEventDraft { risk_level: Some(RiskLevel::Low), ..RiskEventDraft::default() });
    let outcomes = all(&*store, tenant, commands).await.expect("it is carried out");
    let versions: Vec<Option<u64>> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Event(event) | Outcome::EventWithEvidence(event, _) => Some(event.version),
            Outcome::User(user) => Some(user.version()),
            Outcome::Evidence(item) => Some(item.version),
            Outcome::Deleted | Outcome::Done | Outcome::Noted(_) => None,
        })
        .collect();
    assert_eq!(versions, [Some(1), Some(2), Some(3), Some(3), Some(4), Some(5), Some(6), None]);
    let Outcome::Event(last) = &outcomes[4] else { panic!("{:?}", outcomes[4]) };
    assert_eq!(store.load_event(tenant, &event_key("e1")).await.expect("a read").as_ref(), Some(&**last));
    let after = snapshot(&*store, tenant).await;
    let kinds: Vec<(S, K)> = after.changes.iter().map(|c| (c.entry.set, c.entry.kind)).collect();
    let expected: [(S, K); 7] = [
        (S::Users, K::Created),
        (S::RiskEvents, K::Created),
        (S::RiskEvents, K::Updated),
        (S::RiskEvents, K::Updated),
        (S::Users, K::Updated),
        (S::Users, K::Created),
        (S::Users, K::Deleted),
    ];
    assert_eq!(kinds, expected);
}

pub(super) async fn a_list_that_fails_leaves_nothing_wherever_it_fails(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("taken"))).await;
    user_of(&*store, tenant, create_user("u0", "nils@fjord.example")).await;
    let before = snapshot(&*store, tenant).await;
    let good = || {
        vec![
            create_event(new_event("e1")),
            update_event(
                "taken",
                RiskEventDraft { risk_event_status: Some(RiskEventStatus::Remediated), ..RiskEventDraft::default() },
            ),
            create_user("u1", "mara@fjord.example"),
            delete_user("u0"),
            delete_event("e1"),
        ]
    };
    let bad = [
        (create_event(new_event("taken")), Refusal::IdTaken(id("taken"))),
        (delete_event("nobody"), Refusal::EventNotFound(id("nobody"))),
    ];
    for (command, expected) in bad {
        for at in 0..=good().len() {
            let mut commands = good();
            commands.insert(at, command.clone());
            assert_eq!(refused(all(&*store, tenant, commands).await), (at, expected.clone()), "{command:?}");
            assert_eq!(snapshot(&*store, tenant).await, before);
        }
    }
    all(&*store, tenant, good()).await.expect("without it, all is carried out");
    let after = snapshot(&*store, tenant).await;
    assert_eq!(after.changes.len(), before.changes.len() + 5, "numbers go on without a gap");
}

pub(super) async fn a_list_of_an_unknown_tenant_and_an_empty_one_do_nothing(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    assert_eq!(all(&*store, tenant, Vec::new()).await.expect("nothing is easily done"), []);
    let unknown = TenantKey(tenant.0 + 1);
    let commands = vec![create_event(new_event("e1")), create_event(new_event("e2"))];
    let error = all(&*store, unknown, commands).await.expect_err("there is no such tenant");
    assert!(matches!(error, ListError { at: 0, error: WriteError::Store(StoreError::UnknownTenant) }), "{error:?}");
    assert_eq!(snapshot(&*store, tenant).await.changes, []);
}

/// Lists and single commands at once: each list is there whole or not at all, with its changes one
/// after another and nobody else's between them.
pub(super) async fn lists_at_once_do_not_mix(harness: &dyn Harness) {
    let (store, tenant) = begin(harness).await;
    event_of(&*store, tenant, create_event(new_event("taken"))).await;
    let mut tasks = JoinSet::new();
    for task in 0..32_u64 {
        let store: Arc<dyn Store> = store.clone();
        tasks.spawn(async move {
            let mut dice = Dice::new(task);
            let mut done = Vec::new();
            for round in 0..8 {
                let length = dice.below(5) as usize + 1;
                let ids: Vec<String> = (0..length).map(|number| format!("e{task}-{round}-{number}")).collect();
                let mut commands: Vec<Command> = ids.iter().map(|id| create_event(new_event(id))).collect();
                let fails = dice.below(2) == 0;
                if fails {
                    commands.insert(dice.below(length as u64 + 1) as usize, create_event(new_event("taken")));
                }
                let actor = Actor { app: format!("task {task}").into(), user: Some(format!("{round}").into()) };
                let outcome = store.execute_all(tenant, actor, commands, None).await;
                assert_eq!(outcome.is_err(), fails, "{outcome:?}");
                if !fails {
                    done.push(ids);
                }
            }
            done
        });
    }
    let mut done = tasks.join_all().await.into_iter().flatten().collect::<Vec<_>>();
    let after = snapshot(&*store, tenant).await;
    let mut changes = after.changes[1..].iter();
    while let Some(first) = changes.next() {
        let at = done.iter().position(|ids| *ids[0] == *first.entry.id).expect("a list begins here");
        for id in &done.swap_remove(at)[1..] {
            let next = changes.next().expect("the list goes on");
            assert_eq!((&*next.entry.id, &next.actor), (id.as_str(), &first.actor));
        }
    }
    assert!(done.is_empty(), "acknowledged and not there: {done:?}");
}
